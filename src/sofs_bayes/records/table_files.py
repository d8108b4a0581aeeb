"""A file with a table → its header and records as text: CSV, Stata, Parquet, Excel.

Every format is read as if its table had been written as CSV: days as 2014-04-30, whole numbers
without decimals, missing values (Stata's `.` and `.a` to `.z` too) as empty fields, and the
header as line 1, so that a Stata file's observation 4 is line 5.
"""

import glob
import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from sofs_bayes.errors import BadInput, counted, unreadable
from sofs_bayes.folders.manifest import check_kind
from sofs_bayes.records.column_values import is_zoned, london_time, quoted
from sofs_bayes.records.connections import connected
from sofs_bayes.records.csv_text import CsvText, Record, check_header, read_csv_text
from sofs_bayes.records.referral_files import parquet_header
from sofs_bayes.records.stata_files import stata_columns, stata_portions

FORMATS = (".csv", ".dta", ".parquet", ".xlsx")
ALLOWED = "a table as .csv, .dta, .parquet or .xlsx"

# Formats that people have and that are not read; any other ending is taken for CSV.
NOT_READ = {
    ".xls": "an Excel workbook of before 2007",
    ".xlsm": "an Excel workbook with macros",
    ".xlsb": "a binary Excel workbook",
    ".ods": "an OpenDocument workbook",
    ".rds": "an R file",
    ".rda": "an R file",
    ".rdata": "an R file",
    ".sav": "an SPSS file",
    ".sas7bdat": "a SAS file",
    ".gz": "a compressed file",
    ".zip": "a compressed file",
}

PORTION = 100_000  # rows of a Stata file that are taken at a time


type Lines = Iterable[Sequence[Any]]
type Sheets = Mapping[str, Sequence[Sequence[Any]]]


def read_table(path: Path | str, *, numbers: Collection[str] = ()) -> CsvText:
    """The table in a file, as text.

    Parameters
    ----------
    path
        What its name ends in says what it is; an unknown ending is taken for CSV. A workbook
        has one sheet with content.
    numbers
        Columns whose numbers are wanted though they may have value labels; of all others the
        label stands in place of its number.

    Raises
    ------
    BadInput
        It is missing, damaged, of a format that is not read, or a table without rows.
    """
    path = check_kind(path, ALLOWED, "simulate", "match")
    suffix = path.suffix.casefold()
    if suffix in NOT_READ:
        raise BadInput(path, "", NOT_READ[suffix], ALLOWED)
    readers: Mapping[str, Callable[[], tuple[Sequence[str], Lines]]] = {
        ".dta": lambda: _stata(path, numbers),
        ".parquet": lambda: _parquet(path),
        ".xlsx": lambda: _workbook(path),
    }
    if suffix not in readers:
        return read_csv_text(path)
    try:
        content = path.read_bytes()
        if not content:
            raise BadInput(path, "", "an empty file", ALLOWED)
        header, lines = readers[suffix]()
    except OSError as error:
        raise unreadable(path, error, ALLOWED) from None
    check_header(path, tuple(header))
    records = tuple(
        Record(line=number, fields=tuple(map(_text, line)))
        for number, line in enumerate(lines, start=2)
    )
    if not records:
        raise BadInput(path, "line 1", "a header and no rows", "a header and rows")
    return CsvText(
        path=path,
        sha256=hashlib.sha256(content).hexdigest(),
        header=tuple(header),
        records=records,
        complete=True,
    )


def table_in(folder: Path, name: str, *, option: str = "") -> Path:
    """The only table of this name, or of a name that ends so, in a folder.

    Raises
    ------
    BadInput
        There is none, or several.
    """
    names = [f"{name}{suffix}" for suffix in FORMATS]
    exact = [path for each in names if (path := folder / each).is_file()]
    found = exact or [path for each in names for path in sorted(folder.glob(f"*-{each}"))]
    if len(found) != 1:
        said = ", ".join(path.name for path in found) or "none"
        allowed = f"one of {', '.join(names)}{option}"
        raise BadInput(folder, f"files of {name}", said, allowed)
    return found[0]


def _stata(path: Path, numbers: Collection[str]) -> tuple[Sequence[str], Lines]:
    columns = stata_columns(path, ALLOWED)
    portions = stata_portions(path, columns, ALLOWED, rows=PORTION)
    texts: dict[str, list[str]] = {name: [] for name in columns}
    for portion in portions:
        for name, column in columns.items():
            stand_for = {} if name in numbers else column.labels
            unit = f" {column.no_days}" if column.no_days and name not in numbers else ""
            values = map(_text, portion[name])
            texts[name] += [text and stand_for.get(text, text) + unit for text in values]
    return list(columns), zip(*texts.values(), strict=True)


def _parquet(path: Path) -> tuple[Sequence[str], Lines]:
    import duckdb

    try:
        with connected() as connection:
            found = connection.read_parquet(glob.escape(str(path)))
            # Instants are read as times in London, whatever the zone of the machine.
            values = ", ".join(
                london_time(quoted(name)) if is_zoned(str(kind)) else quoted(name)
                for name, kind in zip(found.columns, found.types, strict=True)
            )
            return parquet_header(connection, path), found.project(values).fetchall()
    except duckdb.Error:
        raise BadInput(path, "", "no Parquet file, or one that is cut off", ALLOWED) from None


def _workbook(path: Path) -> tuple[Sequence[str], Lines]:
    from zipfile import BadZipFile

    from openpyxl.utils.exceptions import InvalidFileException

    try:
        sheets = _sheets(path, formulas=False)
        _check_calculated(path, sheets, _sheets(path, formulas=True))
    except (BadZipFile, InvalidFileException, KeyError, ValueError, EOFError):
        raise BadInput(path, "", "no workbook, or one that is damaged", ALLOWED) from None
    filled = {name: rows for name, rows in sheets.items() if any(map(any, map(_given, rows)))}
    if len(filled) != 1:
        found = f"{counted(len(filled), 'sheet')} with content"
        raise BadInput(path, "", found, "one sheet, with the header in its first row")
    rows: list[Sequence[Any]] = list(*filled.values())
    width = max(index for row in rows for index, cell in enumerate(_given(row), 1) if cell)
    while not any(_given(rows[-1])):
        rows.pop()
    header, *lines = [(*row[:width], *[None] * (width - len(row))) for row in rows]
    return [_text(name) for name in header], lines


def _sheets(path: Path, *, formulas: bool) -> Sheets:
    """The rows of each sheet, with formulas as they are written, or with their values."""
    from openpyxl import load_workbook

    book = load_workbook(path, read_only=True, data_only=not formulas)
    found: Sheets = {sheet.title: list(sheet.values) for sheet in book.worksheets}
    book.close()
    return found


def _check_calculated(path: Path, values: Sheets, written: Sheets) -> None:
    """Raise BadInput for a formula that has no value: no spreadsheet has calculated it."""
    from openpyxl.utils import get_column_letter

    for name, rows in written.items():
        for number, (row, known) in enumerate(zip(rows, values[name], strict=True), 1):
            for index, (cell, value) in enumerate(zip(row, known, strict=True), 1):
                if value is None and isinstance(cell, str) and cell.startswith("="):
                    place = f"{name}, cell {get_column_letter(index)}{number}"
                    allowed = "values: open the workbook in a spreadsheet and save it"
                    raise BadInput(path, place, "a formula without a value", allowed)


def _given(row: Sequence[Any]) -> list[bool]:
    """Whether each cell of a sheet's row has something."""
    return [cell is not None and cell != "" for cell in row]


def _text(value: Any) -> str:
    """A value as CSV has it."""
    import pandas as pd

    if isinstance(value, str | bool):  # true is no number: as a spreadsheet's CSV has it
        return value if isinstance(value, str) else str(value).upper()
    if value is None or pd.isna(value):
        return ""
    if isinstance(value, date):  # so are times; a day at midnight is a day
        return str(value).removesuffix(" 00:00:00")
    if isinstance(value, Integral):
        return str(int(value))
    if isinstance(value, Real | Decimal):
        return f"{value:.0f}" if float(value).is_integer() else str(float(value))
    return str(value)
