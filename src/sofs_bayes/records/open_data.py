"""Files of the Department for Education → counts per authority and year.

Counts are those of whole authorities, as published; they say nothing about single children.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from sofs_bayes.errors import BadInput
from sofs_bayes.folders.places import Paths, paths
from sofs_bayes.records.counts_table import BUNDLED, bundled_notices, counts_file, is_counts_table
from sofs_bayes.records.csv_text import CsvText, did_you_mean
from sofs_bayes.records.dfe_files import (
    LOCAL_AUTHORITY,
    NATIONAL,
    NOT_A_PLACE,
    DfeFile,
    DfeRow,
    dfe_file,
    rows_where,
    splits,
)
from sofs_bayes.records.identity import (
    KnownCodes,
    PlacedRow,
    code_of,
    known_codes,
    notices_of_identity,
)
from sofs_bayes.records.looked_after import extract_file, is_extract, is_release, release_file
from sofs_bayes.records.notices import Notice
from sofs_bayes.records.panel import Cell, Entry, Panel, Role, Source, make_panel
from sofs_bayes.records.panel_csv import cut_off, is_panel, panel_from_csv
from sofs_bayes.records.series import Series, series_of
from sofs_bayes.records.table_files import read_table
from sofs_bayes.records.text_values import count
from sofs_bayes.spec import OpenCounts

# National rows are rounded to the nearest 10.
NATIONAL_ROUNDING = 5


def read_panel(files: Paths, counts: OpenCounts) -> Panel:
    """The counts in DfE files, in one panel file that `panel_text` made, or in what is bundled.

    Parameters
    ----------
    files
        CSV files of 'Explore education statistics' and of the releases on children looked after
        as downloaded, in any order; or a table that `counts_table` made; or one file with the
        columns `authority`, `code`, `year` and the two that are counted. Stata, Parquet and
        Excel files with the same columns do as well. Without files, the bundled table.
    counts
        Which columns are counted over which financial years. A column is taken from whichever
        file has it.

    Returns
    -------
    Panel
        Counts by authority and financial year (named by its first calendar year), what was
        read, and `notices`.

    Raises
    ------
    BadInput
        A file that cannot be used, with the place in it; a column that no file has, or two
        files differently; a value of `counts.where` that no row has; an authority-year twice; a
        year without rows, or with so few that the file must be cut off; more events than the
        denominator (see `OpenCounts`).

    Examples
    --------
    >>> panel = sb.read_panel([], sb.load("icpc-open-data").data)
    >>> panel.years[0]
    2012
    """
    given = paths(files) or [BUNDLED]
    read = (read_table(file, numbers=("year", "time_period")) for file in given)
    tables = sorted(read, key=lambda table: table.path)
    for table in tables:
        alone = is_panel(table) or is_counts_table(table)
        if alone and len(tables) > 1:
            raise BadInput(table.path, "", "a panel beside other files", "one panel alone")
        if is_panel(table) and not is_counts_table(table):
            return panel_from_csv(table, counts)
    whole = [file_of(table) for table in tables]
    return _join(rows_where(whole, counts.where or {}), counts)


def counted_columns(files: Paths) -> frozenset[str]:
    """All columns that files count something in, of whatever kinds the files are."""
    tables = [read_table(file, numbers=("year", "time_period")) for file in paths(files)]
    panels = [table.header for table in tables if is_panel(table)]
    read = [file_of(table).indicators for table in tables if not is_panel(table)]
    return frozenset(column for found in (*panels, *read) for column in found)


def file_of(table: CsvText) -> DfeFile:
    """The rows of a file, of whichever kind its header says it is."""
    if is_counts_table(table):
        return counts_file(table)
    if is_release(table):
        return release_file(table)
    if is_extract(table):
        return extract_file(table)
    if not {"time_period", "geographic_level"} & set(table.header):
        found = f"no column time_period{did_you_mean('time_period', table.header)}"
        allowed = "a header with time_period, or of a panel: authority, code, year, counts"
        raise BadInput(table.path, "line 1", found, allowed)
    return dfe_file(table)


def _join(files: Sequence[DfeFile], counts: OpenCounts) -> Panel:
    columns: dict[Role, str] = {"events": counts.events, "denominator": counts.denominator}
    holders = {column: _holders(files, column) for column in columns.values()}
    used = {file.path: file for found in holders.values() for file in found}
    known = known_codes(files)
    years = counts.years
    placed = {path: placed_rows(file, known, years) for path, file in used.items()}
    series = {column: series_of(column, found, placed, years) for column, found in holders.items()}
    entries: dict[Cell, Entry] = {
        (code, year, role): entry
        for role, column in columns.items()
        for (code, year), entry in series[column].entries.items()
    }
    main = series[counts.events].taken[counts.last_year]
    there = {code for code, _, _ in entries}
    every_row = [row for path in used for row in placed[path] if row.code in there]
    names, shared = _names(every_row, main)
    return make_panel(
        names,
        entries,
        counts=counts,
        sources=[_source(file, series) for file in files],
        notices=[
            *shared,
            *notices_of_identity(every_row, names),
            *_about_files(files, series, holders, counts),
            *(notice for each in series.values() for notice in each.notices),
            *(bundled_notices(columns.values(), years) if files[0].path == BUNDLED else ()),
            *(n for c, each in series.items() for n in _national_totals(c, each)),
        ],
    )


def _holders(files: Sequence[DfeFile], column: str) -> list[DfeFile]:
    """The files that have a column."""
    found = [file for file in files if column in file.indicators]
    if not found:
        there = list(dict.fromkeys(name for file in files for name in file.indicators))
        raise BadInput(
            ", ".join(file.name for file in files),
            "line 1",
            f"no column {column}{did_you_mean(column, there)}",
            ", ".join(there),
        )
    return found


def placed_rows(file: DfeFile, known: KnownCodes, years: Collection[int]) -> list[PlacedRow]:
    """The file's local-authority rows of the years wanted, each authority-year once.

    Raises
    ------
    BadInput
        An authority-year twice, or a row that could be about two authorities.
    """
    rows = [
        PlacedRow(file=file, row=row, code=code_of(row, file, known))
        for row in file.rows
        if row.is_authority and row.year in years
    ]
    _refuse_doubles(file, rows)
    return rows


def _refuse_doubles(file: DfeFile, rows: Iterable[PlacedRow]) -> None:
    seen: dict[tuple[str, int], DfeRow] = {}
    for placed in rows:
        row = placed.row
        first = seen.setdefault((placed.code, row.year), row)
        if first is not row:
            found = f"{row.name} ({placed.code}) in {row.year} again (first on line {first.line})"
            split, choice = splits(file, first, row)
            allowed = f"an authority-year once{choice}"
            raise BadInput(file.path, f"line {row.line}", f"{found}{split}", allowed)


def _names(rows: Iterable[PlacedRow], main: DfeFile) -> tuple[dict[str, str], list[Notice]]:
    """Each code's name: that of its last year, of the events' file where files differ.

    Releases on children looked after abbreviate some names, and are asked last.

    Two authorities of one name (an abolished one and its successor) get their codes beside it.
    """
    latest: dict[str, tuple[int, bool, bool, str]] = {}
    for placed in rows:
        file, row = placed.file, placed.row
        mine = (row.year, not file.edition, file.path == main.path, row.name)
        latest[placed.code] = max(mine, latest.get(placed.code, mine))
    codes: dict[str, list[str]] = defaultdict(list)
    for code, (*_, name) in sorted(latest.items()):
        codes[name].append(code)
    names, notices = {}, []
    for name, sharing in codes.items():
        for code in sharing:
            names[code] = name if len(sharing) == 1 else f"{name} ({code})"
        if len(sharing) > 1:
            detail = f"the name of {' and '.join(sharing)}, which are different authorities"
            notices.append(Notice(kind="name shared", authority=name, detail=detail))
    return names, notices


def _source(file: DfeFile, series: Mapping[str, Series]) -> Source:
    taken = tuple(
        c for c, each in series.items() if file.path in {one.path for one in each.taken.values()}
    )
    return Source(file=file.name, sha256=file.sha256, indicators=taken)


def _about_files(
    files: Sequence[DfeFile],
    series: Mapping[str, Series],
    holders: Mapping[str, Sequence[DfeFile]],
    counts: OpenCounts,
) -> Iterator[Notice]:
    used = {file.path for found in holders.values() for file in found}
    for column, found in holders.items():
        first = series[column].taken[counts.last_year]
        same = [file.name for file in found if file.edition == first.edition and file is not first]
        if same and not first.edition:
            detail = f"{column} is the same in {', '.join(same)}"
            yield Notice(kind="indicator in two files", file=first.name, detail=detail)
    for file in files:
        yield from file.notices
        if not file.complete:
            yield cut_off(file.name)
        if file.path not in used:
            detail = "none of its columns is counted"
            yield Notice(kind="file not used", file=file.name, detail=detail)
            continue
        yield from _joint_rows(file, counts)
        for row in file.rows:
            inside = counts.first_year <= row.year <= counts.last_year
            if inside and row.level == LOCAL_AUTHORITY and row.old_code in NOT_A_PLACE:
                detail = f"{row.name or 'nameless'}, code {row.old_code}"
                yield Notice(kind="not an authority", year=row.year, file=file.name, detail=detail)


def _joint_rows(file: DfeFile, counts: OpenCounts) -> Iterator[Notice]:
    """Authorities that report together: there is no telling whose children are counted."""
    years: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row in file.rows:
        if row.joint_codes and counts.first_year <= row.year <= counts.last_year:
            years[row.old_code, row.name].append(row.year)
    for (code, name), found in years.items():
        span = ", ".join(map(str, sorted(found)))
        detail = f"{code} report together in {span}; left out"
        yield Notice(kind="joint row", authority=name, file=file.name, detail=detail)


def _national_totals(column: str, series: Series) -> Iterator[Notice]:
    """Where the local authorities' rows do not add up to the national one."""
    for year, file in sorted(series.taken.items()):
        if file.gaps:  # a table of counts has no national rows
            continue
        at = file.header.index(column)
        rows = [row for row in file.rows if row.year == year]
        national = [row.fields[at] for row in rows if row.level == NATIONAL]
        parts = [count(row.fields[at]) for row in rows if row.level == LOCAL_AUTHORITY]
        total, gaps = sum(part or 0 for part in parts), parts.count(None)
        whole = count(national[0]) if len(national) == 1 else None
        if whole is None:
            detail = f"{column}: {len(national)} national rows with {', '.join(national) or '-'}"
        elif abs(total - whole) > NATIONAL_ROUNDING:
            detail = (
                f"{column}: authorities add up to {total}, the national row has {whole};"
                f" authorities without a number: {gaps}"
            )
        else:
            continue
        yield Notice(kind="national total", year=year, file=file.name, detail=detail)
