"""Children's records, step by step: referrals → matched children → cells."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from dataclasses import replace as replace_in
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sofs_bayes import spec
from sofs_bayes.errors import BadInput, counted
from sofs_bayes.folders.given import check_there
from sofs_bayes.folders.manifest import NAME, by_name, check_kind, read_manifest, sha256
from sofs_bayes.folders.whole import Claim, claim
from sofs_bayes.pipeline.jobs import Execution
from sofs_bayes.pipeline.watching import Progress, in_notebooks, timed
from sofs_bayes.runs.result_manifest import describe
from sofs_bayes.spec import Analysis, ChildrenAnalysis, HierarchicalAnalysis, OwnOutcome
from sofs_bayes.tables.formats import rows_to_csv, to_markdown

if TYPE_CHECKING:
    import pandas as pd

    from sofs_bayes.disclosure.cells import Release
    from sofs_bayes.disclosure.ledger import Ledger
    from sofs_bayes.disclosure.release import Merged
    from sofs_bayes.disclosure.rules import OutputRule
    from sofs_bayes.matching.strata import MatchedSample
    from sofs_bayes.records.groups import Groups
    from sofs_bayes.records.referrals import Referrals
    from sofs_bayes.tables.formats import Table

MATCHED = "matched.parquet"
SYNTHETIC = "synthetic-"


def load_children(source: Analysis | Path | str) -> ChildrenAnalysis:
    """An analysis of children's records, or the one in a TOML file or of a bundled name."""
    analysis = spec.analysis_of(source)
    if not isinstance(analysis, ChildrenAnalysis):
        own = analysis.children.name if isinstance(analysis, HierarchicalAnalysis) else ""
        allowed = f"'children', as {own or 'icpc-children'} is"
        raise BadInput(str(source), "kind", repr(analysis.kind), allowed)
    return analysis


def match(
    analysis: ChildrenAnalysis | Path | str,
    children: Path | str,
    output: Path | str | None = None,
    *,
    authorities: Path | str | None = None,
    groups: Path | str | None = None,
    stata: bool = False,
    memory: str = "1GB",
    replace: bool = False,
    progress: Progress = in_notebooks,
) -> Path:
    """Match referrals and write a folder: matched children, balance, summary, report.

    Parameters
    ----------
    analysis
        The analysis, its file or its bundled name.
    children
        The file of referrals (CSV, Parquet, Stata), or the folder it lies in.
    output
        The new folder; `matched/` and the analysis's name by default.
    authorities, groups
        Their files (CSV, Stata, Parquet, Excel); by default beside the referrals. An analysis
        without covariates of authorities needs no file of them.
    stata
        Whether the matched children are written as a Stata file, too; they are held in memory.
    memory
        What DuckDB may hold in memory; the rest goes to temporary files.
    replace
        Whether an earlier result there may be replaced.
    progress
        Told how far the work is, a line each; by default shown below a notebook's cell.

    Returns
    -------
    Path
        The folder: `matched.parquet` (`synthetic-matched.parquet` if the records are), the
        tables as CSV, all of them as `matching.md` and `tables.xlsx`, `groups.csv`,
        `analysis.toml`, `manifest.json`. It holds records and stays where the records are.

    Raises
    ------
    BadInput, BadSpec
        Anything that cannot be used; nothing is written then.

    Examples
    --------
    >>> sb.match("icpc-children", "children", "newly-matched").name
    'newly-matched'
    """
    source, analysis = analysis, load_children(analysis)
    output = Path(output or Path("matched") / analysis.name)
    from sofs_bayes.matching.matched_file import check_matched_stata
    from sofs_bayes.records.referral_files import referrals_file
    from sofs_bayes.records.table_files import ALLOWED

    if stata:
        check_matched_stata(output, analysis)
    file = referrals_file(children)
    inputs = [file]
    if authorities or analysis.records.authority_covariates:
        inputs.append(check_there(authorities or _beside(file, "authorities"), ALLOWED))
    inputs.append(check_there(groups or _beside(file, "groups"), ALLOWED))
    read = [*inputs, Path(children), *files_of(source)]
    with claim(output, written_by="match", inputs=read, replace=replace) as place:
        how = Execution(memory=memory, progress=progress)
        _match(place, inputs, analysis, how, stata=stata)
    return output


def _match(
    place: Claim,
    inputs: Sequence[Path],
    analysis: ChildrenAnalysis,
    how: Execution,
    *,
    stata: bool,
) -> None:
    """Match referrals, groups and (if there are any) authorities into the place claimed."""
    from sofs_bayes.matching.matched_file import matched_stata
    from sofs_bayes.matching.strata import write_matched
    from sofs_bayes.records.authority_file import no_authorities, read_authorities
    from sofs_bayes.records.groups import read_groups
    from sofs_bayes.records.referrals import open_referrals
    from sofs_bayes.tables.excel import write_workbook

    seconds: dict[str, float] = {}
    file = inputs[0]
    known = read_authorities(inputs[1], analysis) if len(inputs) > 2 else no_authorities()
    given = read_groups(inputs[-1], analysis.records.group_columns)
    how.progress(f"{analysis.name}: reading and checking {file.name}")
    with timed(seconds, "read"):
        referrals = open_referrals(file, analysis, memory=how.memory)
    with referrals:
        sample, texts, shown = _matched(
            referrals, given, known, analysis, inputs[1], progress=how.progress, seconds=seconds
        )
        how.progress(f"{analysis.name}: writing {counted(sample.after.rows, 'row')}")
        evidence = referrals.evidence
        with place.folder() as folder:
            made = folder / (MATCHED if evidence == "records" else SYNTHETIC + MATCHED)
            with timed(seconds, "write"):
                write_matched(sample, made, evidence=evidence, analysis=analysis)
                if stata:
                    made.with_suffix(".dta").write_bytes(matched_stata(made, analysis))
                write_workbook(folder / "tables.xlsx", shown)
            for name, text in texts.items():
                _write(folder / name, text)
            describe(
                folder,
                analysis,
                written_by="match",
                evidence=evidence,
                status="matched",
                inputs=hashes(inputs),
                options={},
                seconds=seconds,
            )


def _matched(
    referrals: "Referrals",
    given: "Groups",
    known: "pd.DataFrame",
    analysis: ChildrenAnalysis,
    authorities: Path,
    *,
    progress: Progress,
    seconds: dict[str, float],
) -> "tuple[MatchedSample, dict[str, str], list[Table]]":
    """The matched sample, and what matching did: texts of files, and the tables among them."""
    from sofs_bayes.matching.balance import BalanceRow, balance
    from sofs_bayes.matching.choice import PreTrendRow
    from sofs_bayes.matching.from_records import choose_from_records, compare_with_print
    from sofs_bayes.matching.stacking import stack
    from sofs_bayes.matching.strata import match as match_stacked
    from sofs_bayes.matching.summary import SummaryRow, summary
    from sofs_bayes.records.groups import groups_text
    from sofs_bayes.tables.contents import matching as tables

    texts, evidence = {}, referrals.evidence
    chosen = given
    shown: list[Table] = []
    if given.unmatched:
        progress(f"{analysis.name}: choosing comparators")
        choice = choose_from_records(referrals, given, analysis)
        chosen = choice.groups
        texts["pre_trend.csv"] = rows_to_csv(PreTrendRow, choice.pre_trend, evidence=evidence)
        shown.append(tables.comparators_table(choice.matches, choice.next_best, analysis, evidence))
    progress(f"{analysis.name}: matching {counted(referrals.rows, 'referral')}")
    with timed(seconds, "match"):
        stack(referrals, chosen, known, analysis, file=authorities)
        sample = match_stacked(referrals, analysis)
    progress(f"{analysis.name}: balance")
    with timed(seconds, "balance"):
        balanced, summarised = balance(sample, analysis), summary(sample, analysis)
    if not isinstance(analysis.outcome, OwnOutcome):
        counts = compare_with_print(chosen, analysis.outcome)
        shown.append(tables.printed_counts_table(counts, analysis, evidence))
    shown += [
        tables.matched_rows_table(sample, analysis, evidence),
        tables.balance_table(balanced, analysis, evidence),
    ]
    texts |= {
        "balance.csv": rows_to_csv(BalanceRow, balanced, evidence=evidence),
        "summary.csv": rows_to_csv(SummaryRow, summarised, evidence=evidence),
        "groups.csv": groups_text(chosen),
        "matching.md": "\n".join(map(to_markdown, shown)),
    }
    return sample, texts, shown


def collapse(
    analysis: ChildrenAnalysis | Path | str,
    matched: Path | str,
    output: Path | str | None = None,
    *,
    format: Literal["netcdf", "csv"] = "netcdf",
    what: Literal["counts", "products"] = "counts",
    threshold: int | None = 10,
    rounding: int | None = None,
    agreed: bool = False,
    merge: Sequence["Merged"] | None = None,
    most_suppressed: float | None = None,
    ledger: Path | str | bool | None = None,
    earlier: Sequence[Path | str] = (),
    memory: str = "1GB",
    replace: bool = False,
    progress: Progress = in_notebooks,
) -> Path:
    """Collapse matched children to cells that may leave, or to exact ones that may not.

    Parameters
    ----------
    analysis
        As `load` gives it, or a bundled name or TOML file. One of children's records.
    matched
        The folder that `match` wrote, or its Parquet file there.
    output
        The new folder; `cells/` and the analysis's name by default.
    format
        `netcdf`, or `csv`, which needs no Python to be read.
    what
        Counts by covariates, or cross-products with the counts of whole cells.
    threshold
        Smallest count that may leave; None for exact cells without a check, which stay.
    rounding
        Base to which released counts are rounded; exact by default.
    agreed
        Whether the custodian agreed to a threshold below 10.
    merge
        What may be merged until enough can be released, in this order (`covariates`,
        `years-since`, `years`): what is not named is kept.
    most_suppressed
        Largest share of cells of which something may be suppressed; a fifth by default (of
        cross-products none).
    ledger, earlier
        What was released before, as `disclose` takes it: cells that leave are noted there.
    memory
        What DuckDB may hold in memory.
    replace
        Whether an earlier result there may be replaced.
    progress
        Told how far the work is, a line each; by default shown below a notebook's cell.

    Returns
    -------
    Path
        The folder: `cells.nc` or `cells.csv` (`synthetic-` before it if the records are),
        `disclosure.md` and, where cells were checked, `disclosure-log.csv`, which stays with
        the custodian; `manifest.json`.

    Raises
    ------
    BadInput, BadSpec
        Anything that cannot be used, or cells of which none may leave; nothing is written then.

    Examples
    --------
    >>> sb.collapse("icpc-children", "matched", "new-cells", ledger=False).name
    'new-cells'
    """
    from sofs_bayes.disclosure.ledger import open_ledger
    from sofs_bayes.disclosure.rules import OutputRule

    source, analysis = analysis, load_children(analysis)
    output = Path(output or Path("cells") / analysis.name)
    read = [Path(matched), *files_of(source)]
    with claim(output, written_by="collapse", inputs=read, replace=replace) as place:
        file = matched_file(matched)
        progress(f"{analysis.name}: collapsing {file.name}")
        rule = None
        if threshold is not None:
            rule = OutputRule(threshold=threshold, round_to=rounding, agreed=agreed)
        with open_ledger(False if rule is None else ledger, earlier=earlier) as book:
            wanted = _Cells(
                format=format, what=what, rule=rule, merge=merge, most_suppressed=most_suppressed
            )
            _collapse(place, file, analysis, wanted, book, memory=memory)
    return output


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cells:
    """What cells are asked for, as `collapse` takes it; without a rule they are not checked."""

    format: Literal["netcdf", "csv"]
    what: Literal["counts", "products"]
    rule: "OutputRule | None"
    merge: Sequence["Merged"] | None
    most_suppressed: float | None

    @property
    def options(self) -> dict[str, Any]:
        """As the manifest tells them."""
        rule, most = self.rule, self.most_suppressed
        return {
            "what": self.what,
            "threshold": None if rule is None else rule.threshold,
            "round_to": None if rule is None else rule.round_to,
            **({} if self.merge is None else {"merge": ", ".join(self.merge)}),
            **({} if most is None else {"most_suppressed": most}),
        }


def _collapse(
    place: Claim,
    file: Path,
    analysis: ChildrenAnalysis,
    wanted: _Cells,
    ledger: "Ledger",
    *,
    memory: str,
) -> None:
    """Collapse a file of matched children into the place claimed."""
    from sofs_bayes.cells.collapse import collapse as collapse_rows
    from sofs_bayes.cells.files import write_cells
    from sofs_bayes.disclosure.log import log_csv
    from sofs_bayes.matching.strata import read_label
    from sofs_bayes.tables.contents import cells as tables

    seconds: dict[str, float] = {}
    evidence = read_label(file).evidence
    with timed(seconds, "collapse"):
        released = _released(file, analysis, wanted, ledger, memory=memory)
        made = released.cells if released else collapse_rows(file, analysis, memory=memory)
    shown = tables.cells_table(made, released, analysis, evidence)
    name = "cells" + {"netcdf": ".nc", "csv": ".csv"}[wanted.format]
    with place.folder() as folder:
        target = folder / (name if evidence == "records" else SYNTHETIC + name)
        with timed(seconds, "write"):
            write_cells(made, target, inside=released is None)
        if released is not None:
            _write(folder / "disclosure-log.csv", log_csv(released.log))
            ledger.add([released.told])
        _write(folder / "disclosure.md", to_markdown(shown))
        describe(
            folder,
            analysis,
            written_by="collapse",
            evidence=evidence,
            status="not checked for disclosure" if released is None else "checked for disclosure",
            inputs=hashes([file]),
            options=wanted.options,
            seconds=seconds,
        )


def _released(
    file: Path, analysis: ChildrenAnalysis, wanted: _Cells, ledger: "Ledger", *, memory: str
) -> "Release | None":
    """The cells that may leave; None where nobody asked for a check."""
    from sofs_bayes.disclosure.exported import ledger_line
    from sofs_bayes.disclosure.release import USUAL_ORDER, merging_route, release

    if wanted.rule is None:
        return None
    order = USUAL_ORDER if wanted.merge is None else wanted.merge
    made_from = read_manifest(file.parent).document["inputs_sha256"]
    released = release(
        file,
        analysis,
        wanted.rule,
        what=wanted.what,
        route=merging_route(analysis, wanted.what, order),
        most_suppressed=wanted.most_suppressed,
        earlier=ledger.before,
        inputs=(sha256(file), *map(str, made_from.values())),
        memory=memory,
    )
    return replace_in(released, log=(ledger_line(ledger), *released.log))


def matched_file(path: Path | str) -> Path:
    """The file of matched children at a path, or in the folder that `match` wrote there.

    Parameters
    ----------
    path
        A folder or file.

    Returns
    -------
    Path
        The Parquet file.

    Raises
    ------
    BadInput
        There is none, or anything in its folder is not as `match` wrote it.

    Examples
    --------
    >>> sb.matched_file("matched").suffix
    '.parquet'
    """
    path = check_kind(path, "what match wrote", "match")
    if path.is_dir():
        folder, names = path, [MATCHED, SYNTHETIC + MATCHED]
    else:
        folder, names = path.parent, [path.name]
        if not (folder / NAME).is_file():
            alone = f"a file without the {NAME} of its folder"
            raise BadInput(path, "", alone, "what match wrote, in its folder")
    manifest = read_manifest(folder, allowed="a folder that match wrote")
    found = [name for name in names if name in manifest.files]
    if len(found) != 1:
        raise BadInput(path, "", f"no {MATCHED}", "a folder that match wrote")
    manifest.check()
    return folder / found[0]


def hashes(files: Iterable[Path]) -> dict[str, str]:
    """SHA-256 by name of files."""
    return by_name((path.name, sha256(path)) for path in files)


def files_of(analysis: spec.Analysis | Path | str) -> list[Path]:
    """The file an analysis was given as, if it was one."""
    if isinstance(analysis, Path | str) and Path(analysis).is_file():
        return [Path(analysis)]
    return []


def _beside(file: Path, name: str) -> Path:
    """The only table of this name in the folder of a file."""
    from sofs_bayes.records.table_files import table_in

    return table_in(file.parent, name, option=f" beside the referrals, or --{name} FILE")


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="")
