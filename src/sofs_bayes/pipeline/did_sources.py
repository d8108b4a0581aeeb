"""Children's cells, or counts of authorities, from files or a frame → what a DiD is fitted to."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from sofs_bayes.errors import BadInput, BadParameter, BadSpec, counted
from sofs_bayes.estimands.rows import AuthoritySizeRow
from sofs_bayes.folders.manifest import check_kind, check_listed, read_manifest, sha256
from sofs_bayes.folders.places import Paths, paths
from sofs_bayes.folders.temporary import temporary_folder
from sofs_bayes.pipeline.children import matched_file
from sofs_bayes.records.column_values import literal
from sofs_bayes.records.connections import connected
from sofs_bayes.spec import (
    Analysis,
    DidAnalysis,
    Evidence,
    HierarchicalAnalysis,
    OpenAnalysis,
    OpenCounts,
)
from sofs_bayes.spec.keys import Variant

if TYPE_CHECKING:
    from typing import TypeGuard

    import pandas as pd

    from sofs_bayes.bayes.cell_data import CellData
    from sofs_bayes.cells.dataset import Cells
    from sofs_bayes.matching.choice import Choice
    from sofs_bayes.records.panel import Panel

FILES = ("cells.nc", "cells.csv", "matched.parquet")
Rows = dict[type, tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a hierarchical DiD is fitted to, and what else is known of it.

    Attributes
    ----------
    evidence, inputs
        What all results rest on, and SHA-256 of the files by name.
    data
        What the headline rests on.
    regressed
        The same, weighted as in the regressions.
    departure
        Prior sd of a departure from parallel trends, on the model's scale; None without leads.
    leads
        Pilots' differences in the years before, on the model's scale, as the regression with leads
        and lags has them.
    by_year
        The data with effects by year in place of one effect; None where that is an analysis of
        its own.
    changed
        Other data that the headline is compared with.
    serving_only
        By authority, those that are compared with it alone, and go where it goes.
    settling_in
        By year in which no pilot is counted: how many pilots there were, and their rate.
    sizes
        How many referrals of each authority the fit rests on.
    beside
        Further rows of a run, by their type.
    """

    evidence: Evidence
    inputs: Mapping[str, str]
    data: "CellData"
    regressed: "CellData"
    departure: float | None
    leads: tuple[float, ...] = ()
    by_year: "CellData | None" = None
    changed: "Mapping[Variant, CellData]" = field(default_factory=dict)
    serving_only: Mapping[str, Sequence[str]] = field(default_factory=dict)
    settling_in: Mapping[int, tuple[int, float]] = field(default_factory=dict)
    sizes: tuple[AuthoritySizeRow, ...]
    beside: Rows = field(default_factory=dict)


def source_of(
    analysis: DidAnalysis, data: "Paths | pd.DataFrame", evidence: Evidence = "records"
) -> Source:
    """The data of an analysis, read and checked.

    Parameters
    ----------
    data
        Of children: cells or matched children, one file, or the folder that `collapse` or
        `match` wrote. Of open counts: the Department's files, or one panel; without any, the
        counts that are part of the package. Of both: a frame (see `frame_source`).
    evidence
        What a frame of children is.

    Raises
    ------
    BadInput
        Data missing, superfluous or unusable.
    """
    if is_frame(data):
        return frame_source(analysis, data, evidence)
    given = files_of(data)
    if isinstance(analysis, OpenAnalysis):
        from sofs_bayes.records.open_data import read_panel

        return counts_source(analysis, read_panel(given, analysis.data))
    if len(given) != 1:
        found = counted(len(given), "file or folder", "files or folders") if given else "no data"
        raise BadInput(analysis.name, "", found, "one: cells, or matched children")
    file = children_file(given[0])
    cells = children_cells(given[0], analysis)
    return children_source(analysis, cells, {file.name: sha256(file)})


def files_for(analyses: Sequence[Analysis], files: Paths) -> dict[str, tuple[Path, ...]]:
    """Of each analysis of open counts the files that are to be read for it, by its name.

    An analysis of which neither column is in the files rests on the counts that are part of the
    package, as if none had been given; unless that is so of all of them.
    """
    from sofs_bayes.records.open_data import counted_columns

    given = tuple(paths(files))
    opened = [each for each in analyses if isinstance(each, OpenAnalysis)]
    there = counted_columns(given)
    able = {a.name for a in opened if there & {a.data.events, a.data.denominator}}
    return {each.name: given if each.name in able or not able else () for each in opened}


def children_source(
    analysis: HierarchicalAnalysis, cells: "Cells", inputs: Mapping[str, str]
) -> Source:
    """Cells of children as a source."""
    from dataclasses import replace

    from sofs_bayes.bayes.cell_data import cell_data
    from sofs_bayes.bayes.pre_trends import departure_sd, leads_of_children
    from sofs_bayes.estimands.authority_sizes import authority_size_rows

    # A linear regression's residual variance counts rows; a logistic one's weights are counts.
    linear = analysis.model.likelihood == "gaussian"
    model = replace(analysis.model, weights_sum_to="rows" if linear else "weights")
    leads = leads_of_children(cells, analysis)
    return Source(
        evidence=cells.patterns.attrs["evidence"],
        inputs=inputs,
        data=cell_data(cells, analysis),
        regressed=cell_data(cells, replace(analysis, model=model)),
        departure=departure_sd(leads, analysis.priors.departure),
        leads=tuple(leads.values),
        serving_only=_serving_only(cells),
        sizes=tuple(authority_size_rows(cells, analysis.regression)),
    )


def children_file(path: Path | str) -> Path:
    """The file of cells or matched children at a path, or in a folder.

    Raises
    ------
    BadInput
        There is none, or more than one; it is not as it was written.
    """
    allowed = "what collapse or match wrote"
    path = check_kind(path, allowed, "collapse", "match", "disclose")
    if path.is_dir():
        allowed = "a folder that collapse or match wrote"
        manifest = read_manifest(path, allowed=allowed)
        names = [f"{s}{n}" for s in ("", "synthetic-") for n in FILES]
        found = [name for name in names if name in manifest.files]
        if len(found) != 1:
            raise BadInput(
                path, "", f"{counted(len(found), 'file')} of cells or matched children", allowed
            )
        manifest.check()
        return path / found[0]
    if path.suffix == ".parquet":
        return matched_file(path)
    check_listed(path)  # cells may be carried elsewhere without their manifest
    return path


def children_cells(path: Path | str, analysis: HierarchicalAnalysis) -> "Cells":
    """The cells at a path; matched children are collapsed in memory.

    Parameters
    ----------
    path
        As `children_file` takes it.

    Raises
    ------
    BadInput
        There are none, or they are of another analysis.
    """
    from sofs_bayes.cells.collapse import collapse
    from sofs_bayes.cells.files import read_cells

    file = children_file(path)
    if file.suffix == ".parquet":
        products = analysis.model.likelihood == "gaussian"
        return collapse(file, analysis.children, products=products)
    return read_cells(file, analysis.children)


def _serving_only(cells: "Cells") -> dict[str, tuple[str, ...]]:
    """The comparators that stand in one pilot's matched group and in no other, by pilot."""
    from sofs_bayes.cells.dataset import frame_of

    frame = frame_of(cells.patterns, "pattern")[["group", "authority", "pilot"]].drop_duplicates()
    comparators = frame[frame["pilot"] == 0].astype(str)
    groups = comparators.groupby("authority")["group"].agg(["size", "first"])
    alone = groups[groups["size"] == 1]["first"]
    return {pilot: tuple(alone.index[alone == pilot]) for pilot in sorted(set(alone))}


# ----------------------------------------------------------------- counts of whole authorities


def counts_source(analysis: OpenAnalysis, panel: "Panel") -> Source:
    """Counts of whole authorities as a source: comparators by the design's rule.

    The headline is with or without the authorities whose recording broke, as declared: pilots,
    and comparators that nothing else keeps out.

    Raises
    ------
    BadInput
        The design cannot be had of these counts.
    """
    from sofs_bayes.bayes.cell_data import without
    from sofs_bayes.bayes.open_counts import open_cell_data
    from sofs_bayes.bayes.pre_trends import departure_sd, leads_of
    from sofs_bayes.estimands.authority_sizes import counted_size_rows
    from sofs_bayes.matching.authorities import choose_comparators, did_cells

    design = analysis.design
    choice = choose_comparators(panel, design, file=analysis.name)
    counts = did_cells(panel, choice, design, include_breaks=True)
    everybody = open_cell_data(counts)
    declared = dict.fromkeys(entry.authority for entry in design.recording_breaks)
    broken = [name for name in declared if name in everybody.authorities]
    gone = () if design.breaks_in_headline else broken
    data = without(everybody, gone)
    by_year = without(open_cell_data(counts, effect="by year"), gone)
    kind: Literal["without", "with"] = "without" if design.breaks_in_headline else "with"
    changed = {
        name: [name] if kind == "without" else [other for other in broken if other != name]
        for name in broken
    }
    leads = leads_of(by_year)
    return Source(
        evidence=panel.evidence,
        inputs=panel.inputs,
        data=data,
        regressed=data,
        departure=departure_sd(leads, analysis.priors.departure),
        leads=tuple(leads.values),
        by_year=by_year,
        changed={
            Variant(kind=kind, subject=name): without(everybody, others)
            for name, others in changed.items()
        },
        serving_only={name: _chosen_for(name, choice) for name in choice.pilots},
        settling_in=_settling_in(panel, data),
        sizes=tuple(counted_size_rows(data)),
        beside=_of_panel(analysis, panel, choice),
    )


def _chosen_for(pilot: str, choice: "Choice") -> list[str]:
    """The comparators that serve this pilot and no other; none where all serve every pilot."""
    kept = choice.comparators_of(other for other in choice.pilots if other != pilot)
    return [name for name in choice.comparators if name not in kept]


def _settling_in(panel: "Panel", data: "CellData") -> dict[int, tuple[int, float]]:
    """The pilots' rate in years in which none of them is compared."""
    known = data.cells[(data.cells["pilot"] == 1) & (data.cells["weight"] > 0)]
    pilots = sorted(known["authority"].unique())
    found = {}
    for year in sorted(set(panel.years) - set(known["year"])):
        seen = panel.counts.sel(year=year, authority=pilots).dropna("authority")
        children = float(seen["denominator"].sum())
        rate = float(seen["events"].sum()) / children if children else float("nan")
        found[int(year)] = (seen.sizes["authority"], rate)
    return found


def _of_panel(analysis: OpenAnalysis, panel: "Panel", choice: "Choice") -> Rows:
    """Rows on how comparators were chosen, and what was noticed while reading."""
    from sofs_bayes.matching.choice import LeftOut, Match, PreTrendRow
    from sofs_bayes.matching.pre_trend import pre_trend_fit, pre_trend_rows
    from sofs_bayes.records.notices import Notice

    trend = pre_trend_rows(pre_trend_fit(panel, choice, analysis.design))
    return {
        PreTrendRow: tuple(trend),
        Match: choice.matches,
        LeftOut: (*choice.left_out, *choice.unmatched),
        Notice: panel.notices,
    }


FRAME = "data frame"  # what messages and manifests call it


def is_frame(data: Any) -> "TypeGuard[pd.DataFrame]":
    """Whether data are a frame; anything else loads no pandas."""
    kind = type(data)
    return kind.__name__ == "DataFrame" and kind.__module__.startswith("pandas")


def files_of(data: "Paths | pd.DataFrame") -> list[Path]:
    """The files of data that are no frame."""
    return paths(cast("Paths", data))


def frame_source(
    analysis: DidAnalysis, frame: "pd.DataFrame", evidence: Evidence = "records"
) -> "Source":
    """Matched children, or counts by authority and year, as a source.

    Parameters
    ----------
    evidence
        What children are: `records`, or `synthetic` where they are made up. Counts are of
        unknown origin.

    Raises
    ------
    BadInput, BadSpec
        A column that is missing, a value that is not allowed.
    """
    from sofs_bayes.cells.collapse import collapse

    _check_frame(frame)
    if isinstance(analysis, OpenAnalysis):
        return counts_source(analysis, frame_panel(frame, analysis.data))
    if evidence not in ("records", "synthetic"):
        raise BadParameter("evidence", repr(evidence), "records, synthetic")
    products = analysis.model.likelihood == "gaussian"
    cells = collapse(frame, analysis.children, products=products, evidence=evidence)
    return children_source(analysis, cells, {FRAME: _sha256(frame)})


def _check_frame(frame: "pd.DataFrame") -> None:
    """Refuse a frame that no table could be: DuckDB would refuse it less kindly.

    Raises
    ------
    BadInput
        No columns, two of one name, or values of a kind that no file holds.
    """
    from pandas import IntervalDtype, PeriodDtype, SparseDtype

    if not len(frame.columns) or not frame.columns.is_unique:
        found = "two columns of one name" if len(frame.columns) else "no columns"
        raise BadInput(FRAME, "", found, "columns with a name each")
    for name, kind in frame.dtypes.items():
        if kind.kind in "cm" or isinstance(kind, IntervalDtype | PeriodDtype | SparseDtype):
            allowed = "numbers, texts, dates, categories, or true and false"
            raise BadInput(FRAME, str(name), f"values of type {kind}", allowed)


def frame_panel(frame: "pd.DataFrame", counts: OpenCounts) -> "Panel":
    """Counts by authority and year in a frame, with the columns of a panel file.

    Raises
    ------
    BadInput, BadSpec
        As `read_panel` of a file; rows are counted as its lines, the header as line 1.
    """
    from sofs_bayes.records.open_data import read_panel

    texts = {n: frame[n].astype("string") for n in frame.columns if frame[n].dtype == object}
    with temporary_folder() as home:
        file = home / "panel.parquet"
        with connected() as connection:
            connection.register("given", frame.assign(**texts))
            connection.execute(f"COPY given TO {literal(str(file))} (FORMAT parquet)")
        try:
            return read_panel(file, counts)
        except BadSpec as error:
            raise BadSpec([_of_frame(fault) for fault in error.faults]) from None
        except BadInput as error:
            raise _of_frame(error) from None


def _of_frame(error: BadInput) -> BadInput:
    return BadInput(FRAME, error.place, error.found, error.allowed)


def _sha256(frame: "pd.DataFrame") -> str:
    import pandas as pd

    rows = pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes()
    return hashlib.sha256(repr([*frame.columns]).encode() + rows).hexdigest()
