"""Tables as an Excel workbook: a sheet of contents, then a sheet for each table."""

import math
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sofs_bayes.folders.whole import write_new
from sofs_bayes.tables.excel_cells import FONT, THICK_RULE, THIN_RULE, cell_at, put, put_text
from sofs_bayes.tables.model import Table, last_digits, lines_of, notes_of, spans_of, unfolded
from sofs_bayes.tables.office_files import legal_text, settled
from sofs_bayes.tables.widths import BOLD, letters_of, width_of

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

CONTENTS = "Contents"
LONGEST_NAME = 31
FORBIDDEN = re.compile(r"[\[\]:*?/\\\x00-\x1f]")
MOST_WIDE = 60.0
CONTENTS_WIDTHS = (70.0, 32.0, 44.0, 16.0)
# Notes run over so many figures' widths at least, however narrow the table is.
NOTE_WIDTH = 80.0
# What a page that stands upright has room for.
UPRIGHT = 110.0
LINE_HEIGHT = 13.0
HIGHEST = 409.0  # points; Excel's own limit
READING = (
    "Cells hold numbers at full precision; what is shown of them is what Monte Carlo error allows,"
    " but never less than whole numbers. Percentage points are stored as such (1.2 is 1.2"
    " percentage points), percentages as shares. Empty cells are gaps."
)


def write_workbook(path: Path, tables: Sequence[Table]) -> None:
    """Write a workbook with a sheet for each table, as `workbook`, whole or not at all.

    Raises
    ------
    BadInput
        The file exists, or cannot be written.
    """
    write_new(path, workbook(tables))


def workbook(tables: Sequence[Table]) -> bytes:
    """A workbook with a sheet for each table.

    Numbers are numbers; text is text, also where it begins like a formula. The same tables give
    the same bytes.
    """
    from openpyxl import Workbook

    book = Workbook()
    book.properties.creator = "sofs_bayes"
    book.properties.title = "; ".join(legal_text(table.caption) for table in tables)[:255]
    book.properties.language = "en-GB"
    names = sheet_names(tables)
    first = book.worksheets[0]
    first.title = CONTENTS
    _fill_contents(first, tables, names)
    for table, name in zip(tables, names, strict=True):
        _fill_sheet(book.create_sheet(name), table)
    return settled(book.save)


def sheet_names(tables: Sequence[Table], *, longest: int = LONGEST_NAME) -> tuple[str, ...]:
    """Names that Excel takes: from the tables' own, short enough, and no two alike."""
    taken = {CONTENTS.lower(), "history"}  # Excel keeps the second for itself
    found = []
    for table in tables:
        plain = FORBIDDEN.sub(" ", legal_text(table.name)).strip("' ") or "table"
        name = plain[:longest].strip("' ")
        number = 1
        while name.lower() in taken:
            number += 1
            end = f" ({number})"
            name = plain[: longest - len(end)].rstrip("' ") + end
        taken.add(name.lower())
        found.append(name)
    return tuple(found)


# ------------------------------------------------------------------------ the contents


def _fill_contents(sheet: "Worksheet", tables: Sequence[Table], names: Sequence[str]) -> None:
    put_text(cell_at(sheet, 1, 1), "Tables", bold=True, size=14.0)
    for i, heading in enumerate(("Table", "Sheet", "Source", "Draws"), start=1):
        put_text(cell_at(sheet, 3, i), heading, bold=True, border=THIN_RULE)
    for row, (table, name) in enumerate(zip(tables, names, strict=True), start=4):
        put_text(cell_at(sheet, row, 1), table.caption, wrap=True, refused=_refused(table))
        put_text(cell_at(sheet, row, 2), name, wrap=True)
        _link(sheet, row, 2, name)
        rests_on = table.evidence_line.removeprefix("Evidence: ")
        put_text(cell_at(sheet, row, 3), rests_on, wrap=True)
        put_text(cell_at(sheet, row, 4), table.status, refused=_refused(table))
        wrapped = zip((table.caption, name, rests_on), CONTENTS_WIDTHS, strict=False)
        sheet.row_dimensions[row].height = _height(wrapped)
    end = len(tables) + 5
    put_text(cell_at(sheet, end, 1), READING, wrap=True)
    sheet.merge_cells(start_row=end, end_row=end, start_column=1, end_column=4)
    sheet.row_dimensions[end].height = _height([(READING, sum(CONTENTS_WIDTHS))])
    for letter, width in zip("ABCD", CONTENTS_WIDTHS, strict=True):
        sheet.column_dimensions[letter].width = width
    sheet.freeze_panes = "A4"
    _set_printing(sheet, landscape=True, header=(3, 3))


def _refused(table: Table) -> bool:
    return table.status != "converged"


def _link(sheet: "Worksheet", row: int, column: int, name: str) -> None:
    """Make a cell lead to a sheet of this workbook."""
    from openpyxl.styles import Font
    from openpyxl.worksheet.hyperlink import Hyperlink

    cell = cell_at(sheet, row, column)
    place = "'" + name.replace("'", "''") + "'!A1"
    cell.hyperlink = Hyperlink(ref=cell.coordinate, location=place, display=str(cell.value))
    cell.font = Font(name=FONT, size=10.0, color="0563C1", underline="single")


# ---------------------------------------------------------------------------- a table


def _fill_sheet(sheet: "Worksheet", table: Table) -> None:
    table = unfolded(table)
    put_text(cell_at(sheet, 1, 1), table.caption, bold=True, size=12.0, refused=_refused(table))
    put_text(cell_at(sheet, 2, 1), CONTENTS)
    _link(sheet, 2, 1, CONTENTS)
    head = 4
    if spans_of(table):
        _fill_groups(sheet, table, head)
        head += 1
    _fill_headings(sheet, table, head)
    end = _fill_rows(sheet, table, head + 1)
    _set_sizes(sheet, table, head)
    _fill_notes(sheet, table, end + 1)
    sheet.freeze_panes = cell_at(sheet, head + 1, 2).coordinate
    _set_printing(sheet, landscape=sum(_widths(table)) > UPRIGHT, header=(4, head))


def _fill_groups(sheet: "Worksheet", table: Table, row: int) -> None:
    start, widths, above = 1, _widths(table), []
    for group, width in spans_of(table):
        if group:
            above.append((group, sum(widths[start - 1 : start - 1 + width])))
            for column in range(start, start + width):
                put_text(cell_at(sheet, row, column), "", border=THIN_RULE)
            put_text(
                cell_at(sheet, row, start),
                group,
                bold=True,
                centre=True,
                wrap=True,
                border=THIN_RULE,
            )
            sheet.merge_cells(
                start_row=row, end_row=row, start_column=start, end_column=start + width - 1
            )
        start += width
    sheet.row_dimensions[row].height = _height(above, weight=BOLD)


def _fill_headings(sheet: "Worksheet", table: Table, row: int) -> None:
    for i, column in enumerate(table.columns, start=1):
        text = column.format == "text"
        put_text(
            cell_at(sheet, row, i),
            column.heading,
            bold=True,
            wrap=True,
            right=not text,
            indent=int(text and i > 1),
            border=THIN_RULE,
        )


def _fill_rows(sheet: "Worksheet", table: Table, first: int) -> int:
    """Write the rows from a row on; the number of the row behind them."""
    digits = last_digits(table)
    for i, (row, line) in enumerate(zip(table.rows, lines_of(table), strict=True)):
        for j, (cell, column) in enumerate(zip(row, table.columns, strict=True)):
            border = THICK_RULE if i == len(table.rows) - 1 else None
            to = cell_at(sheet, first + i, j + 1)
            if line.heading:
                put_text(to, line.cells[0] if j == 0 else "", bold=True, border=border)
                continue
            indent = int(column.format == "text" and j > 0)
            how, last, (pad, *_) = column.format, digits[j], line.pads[j]
            put(to, cell, how, last, pad=pad, bold=line.bold, border=border, indent=indent)
    return first + len(table.rows)


def _widths(table: Table) -> list[float]:
    return [min(letters.wanted, MOST_WIDE) + 2.5 for letters in letters_of(table)]


def _set_sizes(sheet: "Worksheet", table: Table, head: int) -> None:
    """Widths of columns, and heights of rows, which not every program works out for itself."""
    from openpyxl.utils import get_column_letter

    widths = _widths(table)
    for i, width in enumerate(widths, start=1):
        sheet.column_dimensions[get_column_letter(i)].width = round(width, 1)
    headings = [column.heading for column in table.columns]
    texts = [headings, *(() if line.heading else line.cells for line in lines_of(table))]
    for row, cells in enumerate(texts, start=head):
        weight = BOLD if row == head else 1.0
        height = _height(zip(cells, widths, strict=False), weight=weight)
        sheet.row_dimensions[row].height = height


def _height(texts: Iterable[tuple[str, float]], *, weight: float = 1.0) -> float:
    """Of a row with these texts, each wrapped to its width."""
    lines = [
        sum(max(1, math.ceil(width_of(part, weight) / (width - 1.0))) for part in text.split("\n"))
        for text, width in texts
    ]
    return min(LINE_HEIGHT * max(lines, default=1) + 2.0, HIGHEST)


def _fill_notes(sheet: "Worksheet", table: Table, first: int) -> None:
    """Write the notes below, merged over as many columns as a line of text needs."""
    widths = _widths(table)
    usual = 8.4
    while sum(widths) < NOTE_WIDTH:
        widths.append(usual)
    for row, note in enumerate(notes_of(table), start=first):
        put_text(cell_at(sheet, row, 1), note, wrap=True)
        sheet.merge_cells(start_row=row, end_row=row, start_column=1, end_column=len(widths))
        sheet.row_dimensions[row].height = _height([(note, sum(widths))])


def _set_printing(sheet: "Worksheet", *, landscape: bool, header: tuple[int, int]) -> None:
    """A4, one page wide, with the header on each."""
    from openpyxl.worksheet.properties import PageSetupProperties

    sheet.page_setup.orientation = "landscape" if landscape else "portrait"
    sheet.page_setup.paperSize = 9
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.print_title_rows = f"{header[0]}:{header[1]}"
