"""A folder of records → what is in it, and drafts of analyses; an analysis → all its faults."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sofs_bayes import spec
from sofs_bayes.errors import BadInput, BadParameter, BadSpec, counted
from sofs_bayes.folders.given import check_there
from sofs_bayes.folders.manifest import check_kind
from sofs_bayes.folders.places import paths
from sofs_bayes.folders.whole import claim
from sofs_bayes.pipeline.draft import Roles, children_text, columns_lines, model_text, roles_of
from sofs_bayes.pipeline.watching import Progress, in_notebooks, silent
from sofs_bayes.records.panel_csv import PLACES
from sofs_bayes.records.profile import ColumnProfile, Profile, YearCount, profile, year_counts
from sofs_bayes.spec import ChildrenAnalysis, HierarchicalAnalysis, OpenAnalysis, PrintedAnalysis
from sofs_bayes.spec.children import APRIL
from sofs_bayes.spec.names import file_stem

if TYPE_CHECKING:
    from sofs_bayes.pipeline.did_sources import Source
    from sofs_bayes.records.csv_text import CsvText
    from sofs_bayes.tables.formats import Table

SEEN = "seen.md"
# Columns of the files beside the referrals, as readers know them.
OF_AUTHORITIES = ("authority", "year")
DIGITS, YEAR = re.compile("[0-9]+"), re.compile("(19|20)[0-9]{2}([-/ ]+[0-9]{2,4})?")
OF_GROUPS = ("pilot", "comparator", "settling_in_start", "settling_in_end")


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """What `init` saw and wrote.

    Attributes
    ----------
    folder
        Where the drafts are: an analysis of children, a linear and a logistic model.
    tables
        Columns, their levels, and outcomes by authority and year.
    """

    folder: Path
    tables: "tuple[Table, ...]"


def init(
    data: Path | str,
    output: Path | str | None = None,
    *,
    name: str | None = None,
    year_begins: int = APRIL,
    replace: bool = False,
    progress: Progress = in_notebooks,
) -> Begun:
    """Look at a folder of referrals, authorities and groups, or a panel, and draft analyses.

    Parameters
    ----------
    data
        The folder, or the file of referrals; authorities and groups beside it are looked at
        where they are. Or a panel of counts (`authority,code,year`, then events and children).
        Or a printed table that was typed in: labels in the first column, coefficients with stars
        in the others, as CSV, TSV or Markdown.
    output
        The new folder; `analysis/` and the name by default.
    name
        How the analyses are called; after the folder by default.
    year_begins
        The month, 1 to 12, with which a year of the analysis begins; April by default.
    replace
        Whether an earlier draft there may be replaced.
    progress
        Told how far the work is, a line each; by default shown below a notebook's cell.

    Returns
    -------
    Begun
        The folder has `NAME-children.toml`, `NAME-linear.toml`, `NAME-logistic.toml` (of a
        panel `NAME-counts.toml`, of a printed table one of each column) and `seen.md`. What the
        analyst has to decide is marked DECIDE, which every verb refuses. The drafts list codes as
        the records have them, and stay where the records are.

    Raises
    ------
    BadInput
        A file that cannot be read; a month that is none.

    Examples
    --------
    >>> begun = sb.init("children", "analysis", name="own")
    >>> begun.folder.name
    'analysis'
    """
    stem = file_stem(name or Path(data).resolve().name.partition(".")[0])
    target = Path(output or Path("analysis") / stem)
    if year_begins not in range(1, 13):
        raise BadParameter("year_begins", str(year_begins), "a month, 1 to 12")
    with claim(target, written_by="init", inputs=[Path(data)], replace=replace) as place:
        progress("looking")
        given = check_kind(data, "records, counts or a typed table", "simulate")
        texts, tables = _drafts(given, stem, year_begins)
        with place.folder() as folder:
            from sofs_bayes.folders.manifest import write_manifest
            from sofs_bayes.tables.formats import to_markdown

            texts |= {SEEN: "\n".join(map(to_markdown, tables))}
            for each, text in texts.items():
                (folder / each).write_text(text, encoding="utf-8", newline="")
            write_manifest(folder, {}, written_by="init")
    return Begun(folder=target, tables=tables)


def _drafts(data: Path, stem: str, year_begins: int) -> "tuple[dict[str, str], tuple[Table, ...]]":
    """Drafts by file, and what was seen: of a printed table, a panel of counts, or records."""
    from sofs_bayes.published.as_written import typed_table

    if cells := typed_table(data):
        from sofs_bayes.pipeline.draft import print_texts, typed_cells_table

        return print_texts(data.name, cells, stem), (typed_cells_table(data.name, cells),)
    panel = _panel(data)
    return (
        _of_records(data, stem, year_begins)
        if panel is None
        else _of_panel(panel, stem, year_begins)
    )


def _of_records(
    data: Path | str, stem: str, year_begins: int
) -> "tuple[dict[str, str], tuple[Table, ...]]":
    """Drafts of analyses of children's records by file, and what was seen."""
    found = profile(data)
    _check_no_counts(found)
    groups, authorities = _beside(found.file, "groups"), _beside(found.file, "authorities")
    named = _names_in(groups)
    roles = roles_of(found, sorted(named))
    counts = _counts(found, roles, year_begins)
    own, years = f"{stem}-children.toml", _whole_years(counts)
    text = children_text(
        found,
        roles,
        years,
        _covariates(authorities, named),
        name=f"{stem}-children",
        year_begins=year_begins,
    )
    columns = [
        *columns_lines("authority_columns", authorities, OF_AUTHORITIES),
        *columns_lines("group_columns", groups, OF_GROUPS),
    ]
    texts = {own: text.replace("[records.window]", "\n".join([*columns, "[records.window]"]))}
    share = _share(found, roles)
    for model in ("linear", "logistic") if share is not None else ():
        name, linear = f"{stem}-{model}", model == "linear"
        texts[f"{name}.toml"] = model_text(share or 0.0, name=name, children=own, linear=linear)
    return texts, _tables(found, counts, roles, year_begins)


def _check_no_counts(found: Profile) -> None:
    """Raise BadInput for a table of years and numbers without a date: counts, otherwise headed."""
    digits = [each for each in found.of_kind("levels") if _all(DIGITS, each)]
    years = [each for each in found.of_kind("levels") if _all(YEAR, each)]
    numbers = [each for each in (*found.of_kind("number"), *digits) if each not in years]
    if years and len(numbers) > 1 and not found.of_kind("date"):
        columns = f"`{','.join(PLACES)}`, then events and what they are among"
        allowed = f"counts with columns {columns}; or children's records with a column of dates"
        raise BadInput(found.file, "line 1", "years and numbers without a date", allowed)


def _all(pattern: re.Pattern[str], column: ColumnProfile) -> bool:
    return all(pattern.fullmatch(level) for level, _ in column.levels)


def _panel(path: Path) -> "CsvText | None":
    """The panel of counts in a file; None where it is none."""
    from sofs_bayes.records.panel_csv import is_panel
    from sofs_bayes.records.table_files import FORMATS, read_table

    if not path.is_file() or path.suffix.casefold() not in FORMATS:
        return None
    table = read_table(path)
    return table if is_panel(table) else None


def _of_panel(
    table: "CsvText", stem: str, year_begins: int
) -> "tuple[dict[str, str], tuple[Table, ...]]":
    """The draft of an analysis of counts by file, and what was seen."""
    from sofs_bayes.pipeline.draft import counts_text, panel_counts
    from sofs_bayes.tables.contents.seen import counts_table

    counts = panel_counts(table)
    seen = counts_table(
        table.path.name,
        counts,
        evidence="unknown-origin",
        first_month=year_begins,
        what=" among ".join(table.header[3:5]),
    )
    name = f"{stem}-counts"
    text = counts_text(table, counts, name=name, year_begins=year_begins)
    return {f"{name}.toml": text}, (seen,)


def _beside(file: Path, name: str) -> "CsvText | None":
    """A table beside the referrals, if there is one."""
    from sofs_bayes.records.table_files import read_table, table_in

    try:
        path = table_in(file.parent, name)
    except BadInput:
        return None
    return read_table(path)


def _names_in(groups: "CsvText | None") -> set[str]:
    """The authorities that the groups name, whatever their columns are called."""
    if groups is None:
        return set()
    columns = zip(*(record.fields for record in groups.records), strict=True)
    texts = [column for column in columns if not all(each[:1].isdigit() for each in column)]
    return {each.strip() for column in texts for each in column} - {""}


def _covariates(authorities: "CsvText | None", named: set[str]) -> list[str]:
    """The columns of the authorities' file that hold neither names nor years."""
    if authorities is None:
        return []
    columns = zip(*(record.fields for record in authorities.records), strict=True)
    found = []
    for name, column in zip(authorities.header, columns, strict=True):
        is_year = all(each.isdecimal() and len(each) == 4 for each in column)
        if name not in OF_AUTHORITIES and not is_year and not named & {*column}:
            found.append(name)
    return found


def _counts(found: Profile, roles: Roles, first_month: int) -> tuple[YearCount, ...]:
    known = {role: roles.one(role) for role in ("authority", "referral_date", "outcome")}
    if not all(known.values()):
        return ()
    return year_counts(found.file, **known, first_month=first_month)


def _share(found: Profile, roles: Roles) -> float | None:
    """The share of referrals with the outcome, whenever it came; None where it is not known."""
    column = next((each for each in found.columns if each.name == roles.one("outcome")), None)
    if column is None:
        return None
    share = 1 - column.share_missing
    if column.kind == "flag":
        share = dict(column.levels).get("1", 0) / column.rows
    return share if 0 < share < 1 else None


def _whole_years(counts: Sequence[YearCount]) -> list[int]:
    """The years in which every authority has referrals."""
    authorities = {each.authority for each in counts}
    years = sorted({each.year for each in counts})
    return [y for y in years if sum(each.year == y for each in counts) == len(authorities)]


def _tables(
    found: Profile, counts: Sequence[YearCount], roles: Roles, first_month: int
) -> "tuple[Table, ...]":
    from sofs_bayes.tables.contents import seen

    tables = [seen.columns_table(found, roles.authority), seen.levels_table(found)]
    if counts:
        name, evidence = found.file.name, found.evidence
        tables.append(seen.counts_table(name, counts, evidence=evidence, first_month=first_month))
    return tuple(table for table in tables if table.rows)


# --------------------------------------------------------------------------------- check


def check(
    data: Path | str | Sequence[Path | str],
    analysis: spec.Analysis | Path | str,
    *,
    memory: str = "1GB",
    noticed: Progress = silent,
    progress: Progress = in_notebooks,
) -> tuple[BadInput, ...]:
    """All that is wrong with an analysis and its data, before any work; nothing is written.

    Parameters
    ----------
    data
        Of children's records: the folder of referrals, authorities and groups. Of others: as
        `fit` takes it.
    analysis
        As `fit` takes it, or one of children's records.
    memory
        What DuckDB may hold in memory; the rest goes to temporary files.
    noticed
        Told, a line each, which authorities and years of counts cannot be compared; `print`
        shows them.
    progress
        Told how far the work is, a line each; by default shown below a notebook's cell.

    Returns
    -------
    tuple
        Every fault of the analysis; if it has none, those of all its files together.

    Examples
    --------
    >>> sb.check("children", "icpc-children")
    ()
    """
    faults: list[BadInput] = []
    found = _tried(faults, lambda: spec.analysis_of(analysis))
    if found is None:
        return tuple(faults)
    given = paths(data)
    if len(given) != 1 and isinstance(found, ChildrenAnalysis | HierarchicalAnalysis):
        there = counted(len(given), "path") if given else "nothing"
        faults.append(BadInput("data", "", there, "one: the data of the analysis"))
    for each in given:
        _tried(faults, partial(check_there, each, "the data of the analysis"))
    if faults:
        return tuple(faults)
    if isinstance(found, ChildrenAnalysis):
        faults += _records_faults(Path(given[0]), found, memory=memory, progress=progress)
    elif isinstance(found, HierarchicalAnalysis) and _is_raw(Path(given[0])):
        faults += _records_faults(Path(given[0]), found.children, memory=memory, progress=progress)
    elif isinstance(found, HierarchicalAnalysis | OpenAnalysis):
        from sofs_bayes.pipeline.did_sources import source_of

        source = _tried(faults, lambda: source_of(found, given))
        for line in () if source is None else _not_compared(source):
            noticed(line)
    elif isinstance(found, PrintedAnalysis) and given:
        faults.append(BadInput(given[0], "", "data", "none: a printed analysis has its own"))
    return tuple(faults)


def _not_compared(source: "Source") -> Iterator[str]:
    """The authorities of counts that are no comparators, and those without some years."""
    from sofs_bayes.matching.choice import LeftOut
    from sofs_bayes.records.notices import UNOBSERVED, Notice

    out = source.beside.get(LeftOut, ())
    for each in out:
        yield f"{each.authority}: not compared: {each.reason}"
    others = {each.authority for each in source.sizes} - {each.authority for each in out}
    for each in source.beside.get(Notice, ()):
        if each.kind == UNOBSERVED and each.authority in others:
            yield f"{each.authority}: compared {each.detail}"


def _is_raw(path: Path) -> bool:
    """Whether a folder holds records as they come: no verb wrote it, or simulate."""
    try:
        return path.is_dir() and check_kind(path, "", "simulate") == path
    except BadInput:
        return False


def _records_faults(
    data: Path, analysis: ChildrenAnalysis, *, memory: str, progress: Progress
) -> Iterator[BadInput]:
    """The faults of referrals, authorities and groups; if there are none, of them together."""
    from sofs_bayes.matching.from_records import choose_from_records
    from sofs_bayes.matching.stacking import stack
    from sofs_bayes.records.authority_file import no_authorities, read_authorities
    from sofs_bayes.records.groups import read_groups
    from sofs_bayes.records.referral_files import referrals_file
    from sofs_bayes.records.referrals import open_referrals

    faults: list[BadInput] = []
    folder = data if data.is_dir() else data.parent
    own = analysis.records
    read = read_authorities if own.authority_covariates else lambda *_: no_authorities()
    known = _tried(faults, lambda: read(folder, analysis))
    groups = _tried(faults, lambda: read_groups(folder, own.group_columns))
    progress(f"{analysis.name}: reading and checking the referrals")
    opened = _tried(faults, lambda: open_referrals(referrals_file(data), analysis, memory=memory))
    if opened is not None:
        with opened as referrals:
            if known is not None and groups is not None:

                def together() -> None:
                    whole = groups
                    if groups.unmatched:
                        whole = choose_from_records(referrals, groups, analysis).groups
                    stack(referrals, whole, known, analysis, file=folder)

                _tried(faults, together)
    yield from faults


def _tried[Found](faults: list[BadInput], step: Callable[[], Found]) -> Found | None:
    """What a step gives; None, with its faults noted, if it refuses."""
    try:
        return step()
    except BadSpec as error:
        faults += error.faults
    except BadInput as error:
        faults.append(error)
    return None
