"""One column over all files that have it → its counts: one edition a year, gaps filled where said.

Most columns stand in one file. Where a series is published year by year, each year is taken from
the latest release that has it.
"""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sofs_bayes.errors import BadInput
from sofs_bayes.records.dfe_files import LOCAL_AUTHORITY, DfeFile, DfeRow
from sofs_bayes.records.identity import PlacedRow
from sofs_bayes.records.looked_after import POPULATION
from sofs_bayes.records.notices import Notice
from sofs_bayes.records.panel import Entry
from sofs_bayes.records.text_values import SYMBOLS, read_count

# A year with a smaller share of another year's rows has lost some to more than reorganisation,
# which moved one or two authorities in a hundred and fifty at a time.
SMALLEST_YEAR = 0.9

# Stocks that are known for some years and move slowly: what lies between two of them is filled.
INTERPOLATED = (POPULATION,)

type Key = tuple[str, int]
"""An authority's code, and a year."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The counts of one column.

    Attributes
    ----------
    taken
        The file that each year was taken from; not of years that were interpolated.
    """

    entries: Mapping[Key, Entry]
    taken: Mapping[int, DfeFile]
    notices: tuple[Notice, ...]


def series_of(
    column: str,
    holders: Sequence[DfeFile],
    placed: Mapping[Path, Sequence[PlacedRow]],
    years: Collection[int],
    *,
    whole: bool = True,
) -> Series:
    """The counts of a column in the years given.

    Parameters
    ----------
    holders
        The files that have it.
    placed
        By path the rows of each file that are about an authority in one of the years.
    whole
        Whether a year without rows is refused; else it is left out.

    Raises
    ------
    BadInput
        A year without rows, or with so few that the file must be cut off; two files of one
        edition that differ; a field that is neither a count nor a symbol.
    """
    entries: dict[Key, Entry] = {}
    taken: dict[int, DfeFile] = {}
    notices: list[Notice] = []
    found = {file.path: _entries(placed[file.path], column) for file in holders}
    for year in sorted(years):
        of_year = {
            path: {key: entry for key, entry in each.items() if key[1] == year}
            for path, each in found.items()
        }
        able = [file for file in holders if of_year[file.path]]
        if not able:
            continue
        latest = max(file.edition for file in able)
        newest = [file for file in able if file.edition == latest]
        _refuse_differences(newest, of_year, column)
        taken[year] = newest[0]
        entries |= of_year[newest[0].path]
        notices += _vintage(column, year, newest[0], [f for f in able if f.edition < latest])
    if column in INTERPOLATED:
        filled = _between(entries, years)
        entries |= filled
        notices += _interpolated(column, filled)
    _refuse_short_years(column, holders, entries, years if whole else taken)
    return Series(entries=entries, taken=taken, notices=tuple(notices))


def _entries(rows: Iterable[PlacedRow], column: str) -> dict[Key, Entry]:
    entries: dict[Key, Entry] = {}
    for placed in rows:
        file, row = placed.file, placed.row
        text = row.fields[file.header.index(column)]
        if file.gaps and not text:
            continue
        value, symbol = read_count(
            text, symbols=SYMBOLS, file=file.path, line=row.line, column=column
        )
        entries[placed.code, row.year] = Entry(
            value=value, symbol=symbol, file=file.path, line=row.line
        )
    return entries


def _refuse_differences(
    files: Sequence[DfeFile], of_year: Mapping[Path, Mapping[Key, Entry]], column: str
) -> None:
    """Refuse a column that two files of one edition have differently."""
    first = of_year[files[0].path]
    for file in files[1:]:
        entries = of_year[file.path]
        for key in sorted(entries.keys() | first.keys()):
            mine, theirs = _content(entries.get(key)), _content(first.get(key))
            if mine != theirs:
                raise BadInput(
                    file.path,
                    f"column {column}, authority {key[0]} in {key[1]}",
                    f"{mine}, where {files[0].name} has {theirs}",
                    "a column in one file, or the same in both",
                )


def _content(entry: Entry | None) -> str:
    if entry is None:
        return "no row"
    return entry.symbol if math.isnan(entry.value) else f"{entry.value:.0f}"


def _vintage(column: str, year: int, taken: DfeFile, earlier: Sequence[DfeFile]) -> list[Notice]:
    if not taken.edition:
        return []
    before = f", not from the earlier {', '.join(f.name for f in earlier)}" if earlier else ""
    detail = f"{column} of this year is taken from this file{before}"
    return [Notice(kind="vintage", year=year, file=taken.name, detail=detail)]


def _between(entries: Mapping[Key, Entry], years: Collection[int]) -> dict[Key, Entry]:
    """Counts of years in which nobody has any, on the line between those before and after."""
    known = sorted({year for _, year in entries})
    found: dict[Key, Entry] = {}
    for year in sorted(set(years) - set(known)):
        before = max((each for each in known if each < year), default=None)
        after = min((each for each in known if each > year), default=None)
        if before is None or after is None:
            continue
        share = (year - before) / (after - before)
        for code in sorted(code for code, each in entries if each == before):
            first, last = entries[code, before], entries.get((code, after))
            if last is None or math.isnan(first.value + last.value):
                continue
            value = float(round(first.value + share * (last.value - first.value)))
            found[code, year] = Entry(value=value, symbol="", file=first.file, line=first.line)
    return found


def _interpolated(column: str, filled: Mapping[Key, Entry]) -> list[Notice]:
    counted = Counter(year for _, year in filled)
    detail = "{} of {} authorities lies on the line between the years before and after"
    return [
        Notice(kind="interpolated", year=year, detail=detail.format(column, number))
        for year, number in sorted(counted.items())
    ]


def _refuse_short_years(
    column: str,
    holders: Sequence[DfeFile],
    entries: Mapping[Key, Entry],
    years: Collection[int],
) -> None:
    found = Counter(year for _, year in entries)
    names = ", ".join(str(file.path) for file in holders)
    for year in sorted(years):
        if not found[year]:
            there = sorted({row.year for file in holders for row in _local(file, column)})
            raise BadInput(
                names,
                "column time_period" if not any(file.edition for file in holders) else column,
                f"no local authority in the financial year {year}",
                f"years from {there[0]} to {there[-1]}, as in the file"
                if len(holders) == 1
                else f"years among {', '.join(map(str, there))}, as in the files",
            )
        joint = sum(
            len(row.joint_codes) for file in holders for row in file.rows if row.year == year
        )
        if found[year] + joint < SMALLEST_YEAR * max(found.values()):
            raise BadInput(
                names,
                f"rows of the financial year {year}",
                f"{found[year]} local authorities (is the file cut off?)",
                f"about {max(found.values())}, as in another year",
            )


def _local(file: DfeFile, column: str) -> list[DfeRow]:
    at = file.header.index(column)
    return [
        row
        for row in file.rows
        if row.level == LOCAL_AUTHORITY and not (file.gaps and not row.fields[at])
    ]
