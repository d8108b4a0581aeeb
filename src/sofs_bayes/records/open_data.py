"""Files of the Department for Education → counts per authority and year.

Counts are those of whole authorities, as published; they say nothing about single children.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from sofs_bayes.errors import BadInput
from sofs_bayes.folders.places import Paths, paths
from sofs_bayes.records.csv_text import did_you_mean
from sofs_bayes.records.dfe_files import (
    LOCAL_AUTHORITY,
    NATIONAL,
    NOT_A_PLACE,
    DfeFile,
    DfeRow,
    dfe_file,
)
from sofs_bayes.records.dfe_splits import rows_where, splits
from sofs_bayes.records.identity import (
    KnownCodes,
    PlacedRow,
    code_of,
    known_codes,
    notices_of_identity,
)
from sofs_bayes.records.notices import Notice
from sofs_bayes.records.panel import Cell, Entry, Panel, Role, Source, make_panel
from sofs_bayes.records.panel_csv import cut_off, is_panel, panel_from_csv
from sofs_bayes.records.symbols import SYMBOLS, count, read_count
from sofs_bayes.records.table_files import read_table
from sofs_bayes.spec import OpenCounts

# National rows are rounded to the nearest 10.
NATIONAL_ROUNDING = 5

# A year with a smaller share of another year's rows has lost some to more than reorganisation,
# which moved one or two authorities in a hundred and fifty at a time.
SMALLEST_YEAR = 0.9


def read_panel(files: Paths, counts: OpenCounts) -> Panel:
    """The counts in DfE files, or in one panel file that `panel_text` made.

    Parameters
    ----------
    files
        CSV files of 'Explore education statistics' as downloaded, in any order; or one file
        with the columns `authority`, `code`, `year` and the two that are counted. Stata,
        Parquet and Excel files with the same columns do as well.
    counts
        Which columns are counted over which financial years. A column is taken from whichever
        file has it.

    Raises
    ------
    BadInput
        A file that cannot be used, with the place in it; a column that no file has, or two
        files differently; a value of `counts.where` that no row has; an authority-year twice; a
        year without rows, or with so few that the file must be cut off; more events than the
        denominator (see `OpenCounts`).
    """
    given = paths(files)
    if not given:
        raise BadInput("FILES", "", "no file", "CSV files of the Department for Education")
    read = (read_table(file, numbers=("year", "time_period")) for file in given)
    tables = sorted(read, key=lambda table: table.path)
    for table in tables:
        if is_panel(table) and len(tables) > 1:
            raise BadInput(table.path, "", "a panel beside other files", "one panel alone")
        if is_panel(table):
            return panel_from_csv(table, counts)
    whole = [dfe_file(table) for table in tables]
    return _join(rows_where(whole, counts.where or {}), counts)


def _join(files: Sequence[DfeFile], counts: OpenCounts) -> Panel:
    columns: dict[Role, str] = {"events": counts.events, "denominator": counts.denominator}
    holders = {column: _holders(files, column) for column in columns.values()}
    used = {file.path: file for found in holders.values() for file in found}
    known = known_codes(files)
    placed = {path: _placed(file, known, counts) for path, file in used.items()}
    entries: dict[Cell, Entry] = {}
    for role, column in columns.items():
        per_file = [_entries(placed[file.path], role, column) for file in holders[column]]
        _refuse_differences(per_file, holders[column], column)
        entries |= per_file[0]
    main = holders[counts.events][0]
    every_row = [row for path in used for row in placed[path]]
    names, shared = _names(every_row, main)
    return make_panel(
        names,
        entries,
        counts=counts,
        sources=[_source(file, holders) for file in files],
        notices=[
            *shared,
            *notices_of_identity(every_row, names),
            *_about_files(files, holders, counts),
            *(n for c, found in holders.items() for n in _national_totals(found[0], c, counts)),
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


def _placed(file: DfeFile, known: KnownCodes, counts: OpenCounts) -> list[PlacedRow]:
    """The file's local-authority rows of the years analysed, each authority-year once."""
    years = range(counts.first_year, counts.last_year + 1)
    rows = [
        PlacedRow(file=file, row=row, code=code_of(row, file, known))
        for row in file.rows
        if row.is_authority and row.year in years
    ]
    _refuse_doubles(file, rows)
    _refuse_short_years(file, rows, years)
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


def _refuse_short_years(file: DfeFile, rows: Iterable[PlacedRow], years: range) -> None:
    found = Counter(placed.row.year for placed in rows)
    joint = Counter(row.year for row in file.rows for _ in row.joint_codes)
    for year in years:
        if not found[year]:
            there = sorted({row.year for row in file.rows if row.level == LOCAL_AUTHORITY})
            raise BadInput(
                file.path,
                "column time_period",
                f"no local authority in the financial year {year}",
                f"years from {there[0]} to {there[-1]}, as in the file",
            )
        if found[year] + joint[year] < SMALLEST_YEAR * max(found.values()):
            raise BadInput(
                file.path,
                f"rows of the financial year {year}",
                f"{found[year]} local authorities (is the file cut off?)",
                f"about {max(found.values())}, as in another year",
            )


def _entries(rows: Iterable[PlacedRow], role: Role, column: str) -> dict[Cell, Entry]:
    entries: dict[Cell, Entry] = {}
    for placed in rows:
        file, row = placed.file, placed.row
        value, symbol = read_count(
            row.fields[file.header.index(column)],
            symbols=SYMBOLS,
            file=file.path,
            line=row.line,
            column=column,
        )
        entries[placed.code, row.year, role] = Entry(
            value=value, symbol=symbol, file=file.path, line=row.line
        )
    return entries


def _refuse_differences(
    per_file: Sequence[dict[Cell, Entry]], files: Sequence[DfeFile], column: str
) -> None:
    """Refuse a column that two files have differently."""
    for entries, file in zip(per_file[1:], files[1:], strict=True):
        for cell in sorted(entries.keys() | per_file[0].keys()):
            mine, first = entries.get(cell), per_file[0].get(cell)
            if _content(mine) != _content(first):
                raise BadInput(
                    file.path,
                    f"column {column}, authority {cell[0]} in {cell[1]}",
                    f"{_content(mine)}, where {files[0].name} has {_content(first)}",
                    "a column in one file, or the same in both",
                )


def _content(entry: Entry | None) -> str:
    if entry is None:
        return "no row"
    return entry.symbol if math.isnan(entry.value) else f"{entry.value:.0f}"


def _names(rows: Iterable[PlacedRow], main: DfeFile) -> tuple[dict[str, str], list[Notice]]:
    """Each code's name: that of its last year, of the events' file where files differ.

    Two authorities of one name (an abolished one and its successor) get their codes beside it.
    """
    latest: dict[str, tuple[int, bool, str]] = {}
    for placed in rows:
        mine = (placed.row.year, placed.file.path == main.path, placed.row.name)
        latest[placed.code] = max(mine, latest.get(placed.code, mine))
    codes: dict[str, list[str]] = defaultdict(list)
    for code, (_, _, name) in sorted(latest.items()):
        codes[name].append(code)
    names, notices = {}, []
    for name, sharing in codes.items():
        for code in sharing:
            names[code] = name if len(sharing) == 1 else f"{name} ({code})"
        if len(sharing) > 1:
            detail = f"the name of {' and '.join(sharing)}, which are different authorities"
            notices.append(Notice(kind="name shared", authority=name, detail=detail))
    return names, notices


def _source(file: DfeFile, holders: dict[str, list[DfeFile]]) -> Source:
    taken = tuple(column for column, found in holders.items() if found[0].path == file.path)
    return Source(file=file.name, sha256=file.sha256, indicators=taken)


def _about_files(
    files: Sequence[DfeFile], holders: dict[str, list[DfeFile]], counts: OpenCounts
) -> Iterator[Notice]:
    used = {file.path for found in holders.values() for file in found}
    for column, found in holders.items():
        if len(found) > 1:
            others = ", ".join(file.name for file in found[1:])
            detail = f"{column} is the same in {others}"
            yield Notice(kind="indicator in two files", file=found[0].name, detail=detail)
    for file in files:
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


def _national_totals(file: DfeFile, column: str, counts: OpenCounts) -> Iterator[Notice]:
    """Where the local authorities' rows do not add up to the national one."""
    at = file.header.index(column)
    for year in range(counts.first_year, counts.last_year + 1):
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
