"""DfE files that are split by further columns: which ones, and one value of each chosen."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sofs_bayes.errors import BadInput
from sofs_bayes.records.csv_text import did_you_mean
from sofs_bayes.records.dfe_files import KEYS, DfeFile, DfeRow
from sofs_bayes.records.symbols import SYMBOLS, count
from sofs_bayes.records.text_values import trimmed

MOST = 12  # values of a column that a message lists


def rows_where(files: Sequence[DfeFile], where: Mapping[str, str]) -> list[DfeFile]:
    """The files with their rows of one value of each column that `where` names.

    Files that do not have a column keep their rows.

    Raises
    ------
    BadInput
        A column that no file has, or a value that no row has.
    """
    kept = list(files)
    for column, value in where.items():
        holders = [file for file in files if column in file.header]
        if not holders:
            names = ", ".join(file.name for file in files)
            there = list(dict.fromkeys(c for file in files for c in file.header if c not in KEYS))
            found = f"no column {column}{did_you_mean(column, there)}"
            raise BadInput(names, "where", found, ", ".join(there))
        values = list(dict.fromkeys(each for file in holders for each in _values(file, column)))
        if trimmed(value) not in values:
            names = ", ".join(file.name for file in holders)
            found = f"no row with {value!r}{did_you_mean(value, values)}"
            raise BadInput(names, f"where, column {column}", found, _listed(values))
        kept = [_rows_of(file, column, trimmed(value)) for file in kept]
    return kept


def splits(file: DfeFile, first: DfeRow, second: DfeRow) -> tuple[str, str]:
    """What splits a file that has two rows for an authority-year, and how to choose, in words.

    Both are empty if the rows differ in nothing but their counts.
    """
    columns = [
        column
        for at, column in enumerate(file.header)
        if column not in KEYS
        and first.fields[at] != second.fields[at]
        and not all(_is_count(row.fields[at]) for row in file.rows)
    ]
    if not columns:
        return "", ""
    by = "; ".join(f"{column} ({_listed(_values(file, column))})" for column in columns)
    chosen = " ".join(f"--where '{column}={_values(file, column)[0]}'" for column in columns)
    return f": the file is split by {by}", f": {chosen}, or where under [data] of the analysis"


def _rows_of(file: DfeFile, column: str, value: str) -> DfeFile:
    if column not in file.header:
        return file
    at = file.header.index(column)
    return replace(file, rows=tuple(row for row in file.rows if trimmed(row.fields[at]) == value))


def _values(file: DfeFile, column: str) -> list[str]:
    """The values of a column, totals first, else in the order of the file."""
    at = file.header.index(column)
    values = dict.fromkeys(trimmed(row.fields[at]) for row in file.rows)
    return sorted(filter(None, values), key=lambda value: value.casefold() not in ("total", "all"))


def _is_count(text: str) -> bool:
    return count(text) is not None or trimmed(text) in SYMBOLS


def _listed(values: Sequence[str]) -> str:
    more = f" and {len(values) - MOST} more" if len(values) > MOST else ""
    return ", ".join(map(repr, values[:MOST])) + more
