"""The Department's files as downloaded → one table of all counts, and what was left out of it."""

import csv
import io
import math
from collections.abc import Mapping, Sequence, Set

from sofs_bayes.errors import BadInput
from sofs_bayes.folders.places import Paths, paths
from sofs_bayes.records.counts_table import COLUMNS, PLACES, is_counts_table
from sofs_bayes.records.dfe_files import DfeFile
from sofs_bayes.records.identity import PlacedRow, known_codes
from sofs_bayes.records.notices import Notice
from sofs_bayes.records.open_data import file_of, placed_rows
from sofs_bayes.records.panel_csv import cut_off, is_panel
from sofs_bayes.records.series import Key, Series, series_of
from sofs_bayes.records.table_files import read_table
from sofs_bayes.records.text_values import SYMBOLS


def counts_table(files: Paths) -> tuple[str, tuple[Notice, ...]]:
    """A table of all counts by authority and year as CSV text, and all that was noticed.

    A row per authority and financial year that any file has, by code and year; each column over
    all years in which it is published, or lies between such. A symbol stands as published; a
    field is empty where no file has a row. An authority is called what it was called in the year.

    Raises
    ------
    BadInput
        A file that cannot be used, a column that none has, or two files that contradict another.
    """
    tables = [read_table(file, numbers=("time_period",)) for file in paths(files)]
    for table in tables:
        if is_counts_table(table) or is_panel(table):
            found = "a table that was made of such files"
            raise BadInput(table.path, "", found, "the Department's files as downloaded")
    read = sorted((file_of(table) for table in tables), key=lambda file: file.path)
    lacking = [c for c in COLUMNS if not any(c in file.indicators for file in read)]
    if lacking:
        given = ", ".join(file.name for file in read) or "FILES"
        allowed = f"files with {', '.join(COLUMNS)}"
        raise BadInput(given, "line 1", f"no column {' and '.join(lacking)}", allowed)
    known = known_codes(read)
    there = {row.year for file in read for row in file.rows}
    years = range(min(there), max(there) + 1)
    placed = {file.path: placed_rows(file, known, years) for file in read}
    series = {
        column: series_of(
            column,
            [file for file in read if column in file.indicators],
            placed,
            years,
            whole=False,
        )
        for column in COLUMNS
    }
    keys = {key for each in series.values() for key in each.entries}
    names = _names([row for rows in placed.values() for row in rows], keys)
    return _text(names, series), tuple(sorted({*_notices(read, series, names)}))


def _names(rows: Sequence[PlacedRow], keys: Set[Key]) -> dict[Key, str]:
    """Each authority's name in each year, a release on children looked after asked last.

    In a year without rows, as where a count was interpolated, that of the year before.
    """
    found: dict[Key, str] = {}
    for placed in sorted(rows, key=lambda each: (each.file.edition, each.file.path)):
        found.setdefault((placed.code, placed.row.year), placed.row.name)
    for code, year in sorted(keys - found.keys()):
        found[code, year] = found[code, year - 1]
    return found


def _text(names: Mapping[Key, str], series: Mapping[str, Series]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((*PLACES, *COLUMNS))
    for code, year in sorted({key for each in series.values() for key in each.entries}):
        shown = [_shown(series[column], (code, year)) for column in COLUMNS]
        writer.writerow((names[code, year], code, year, *shown))
    return text.getvalue()


def _shown(series: Series, key: Key) -> str:
    entry = series.entries.get(key)
    if entry is None:
        return ""
    return entry.symbol if math.isnan(entry.value) else f"{entry.value:.0f}"


def _notices(
    files: Sequence[DfeFile], series: Mapping[str, Series], names: Mapping[Key, str]
) -> list[Notice]:
    found = [notice for file in files for notice in file.notices]
    found += [cut_off(file.name) for file in files if not file.complete]
    for column, each in series.items():
        found += each.notices
        for (code, year), entry in each.entries.items():
            if entry.symbol:
                detail = f"{column} {entry.symbol}: {SYMBOLS[entry.symbol]}"
                found.append(
                    Notice(
                        kind="symbol",
                        authority=names[code, year],
                        year=year,
                        file=entry.file.name,
                        detail=detail,
                    )
                )
    unused = {file.path for file in files}
    unused -= {file.path for each in series.values() for file in each.taken.values()}
    detail = "nothing of it is in the table"
    found += [
        Notice(kind="file not used", file=file.name, detail=detail)
        for file in files
        if file.path in unused
    ]
    return found
