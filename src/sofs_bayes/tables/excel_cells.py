"""One cell of a table → one cell of a sheet: a number with its format, or text that stays text."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from sofs_bayes.tables.digits import (
    LOOKS,
    MOST_PLACES,
    Cell,
    Estimate,
    Format,
    Look,
    last_digit,
    last_shown,
    shown,
)
from sofs_bayes.tables.office_files import legal_text

if TYPE_CHECKING:
    from openpyxl.cell import Cell as ExcelCell
    from openpyxl.worksheet.worksheet import Worksheet

Border = Literal["thin", "medium"]
THIN_RULE: Border = "thin"
THICK_RULE: Border = "medium"
LONGEST_TEXT, THOUSAND = 32_767, 1000
REFUSED = "A00000"
FONT = "Arial"
# What Excel would take for more than text if a user went into the cell and out again.
STARTS = ("=", "+", "-", "@", "'", "\t", "＝", "＋", "－", "＠")
# Formats whose numbers are stored as they are shown.
AS_SHOWN = ("pp", "pp2", "per10000")
WHOLE: Mapping[Format, str] = {"text": "General", "year": "0", "integer": "#,##0"}


def cell_at(sheet: "Worksheet", row: int, column: int) -> "ExcelCell":
    """The cell in a row and column, counted from 1; not one that is merged into another."""
    from openpyxl.cell import Cell as ExcelCell

    found = sheet.cell(row, column)
    assert isinstance(found, ExcelCell)
    return found


def put(
    to: "ExcelCell",
    cell: Cell,
    how: Format,
    last: int | None,
    *,
    pad: str = "",
    bold: bool,
    border: Border | None,
    indent: int,
) -> None:
    """Write a table's cell: numbers as numbers, gaps empty, what Excel has no number for as text.

    Parameters
    ----------
    last
        The last digit to show, as `digits.last_digit` has it.
    pad
        What the number lacks at its right, as `digits.pads_of` has it.
    """
    number = _number(cell, how)
    if number is None:
        gap = cell is None or (isinstance(cell, float) and math.isnan(cell))
        text = "" if gap or (how == "year" and not cell) else shown(cell, how)
        right = how != "text"
        put_text(to, text, bold=bold, wrap=True, right=right, border=border, indent=indent)
        return
    put_text(to, "", bold=bold, right=how != "text", border=border)
    to.value = number
    shape = _shape(cell, how, last) if isinstance(cell, Estimate) else None
    shape = shape or number_format(float(cell), how, last)  # type: ignore[arg-type]
    room = "".join(f"_{each}" for each in pad)
    to.number_format = ";".join(f"{part}{room}" for part in shape.split(";"))


def _number(cell: Cell, how: Format) -> float | int | None:
    """The number to store; None if there is none."""
    if isinstance(cell, Estimate):
        look = cell.look
        if not isinstance(look, Look):
            return _number(cell.median, look or how)
        # A share is stored as one: Excel's sign for per cent multiplies it.
        return cell.median if look.end == "%" else look.factor * cell.median
    if isinstance(cell, bool) or not isinstance(cell, int | float) or not math.isfinite(cell):
        return None
    if how == "year" and not cell:
        return None
    if how in AS_SHOWN:
        return LOOKS[how].factor * float(cell)
    return cell if isinstance(cell, int) else float(cell)


def _shape(cell: Estimate, how: Format, last: int | None) -> str:
    if isinstance(cell.look, Look):
        return _of_look(cell.median, cell.look, cell.look.decimals or 0, rounded=True)
    if cell.look:
        last = last_digit([cell.error], cell.look)
    return number_format(cell.median, cell.look or how, last)


def number_format(value: float, how: Format, last: int | None) -> str:
    """Excel's number format that shows the number as other formats of tables do."""
    if how in WHOLE:
        return WHOLE[how]
    if how == "probability":
        text = shown(value, how, last)
        if text[0] in "<>":
            return f'"{text}"'
    decimals = max(-last_shown(value, how, last), 0)
    if decimals > MOST_PLACES:
        return "0.00E+00"
    return _of_look(value, LOOKS[how], decimals, rounded=last is not None)


def _of_look(value: float, look: Look, decimals: int, *, rounded: bool) -> str:
    whole = "#,##0" if look.decimals is None or abs(look.factor * value) >= THOUSAND else "0"
    places = whole + ("." + "0" * decimals if decimals else "")
    places += "%" if look.end == "%" else f'"{look.end}"' * bool(look.end)
    if look.signed:
        # Nought has no sign. Excel shows whole numbers where others show tens: -4 is no nought.
        if rounded and not round(look.factor * value, decimals):
            return f"{places};{places}"
        return f"+{places};-{places};{places}"
    return places


def put_text(
    to: "ExcelCell",
    text: str,
    *,
    bold: bool = False,
    size: float = 10.0,
    wrap: bool = False,
    right: bool = False,
    centre: bool = False,
    refused: bool = False,
    indent: int = 0,
    border: Border | None = None,
) -> None:
    """Write text that no program takes for a formula, a number or an error."""
    from openpyxl.styles import Alignment, Font, Side
    from openpyxl.styles import Border as CellBorder

    text = legal_text(text)
    if len(text) > LONGEST_TEXT:
        text = text[: LONGEST_TEXT - 1] + "…"
    if text:
        to.value = text
        to.data_type = "s"
    to.font = Font(name=FONT, bold=bold or refused, size=size, color=REFUSED if refused else None)
    to.alignment = Alignment(
        horizontal="center" if centre else "right" if right else "left",
        vertical="top",
        wrap_text=wrap,
        indent=indent,
    )
    if border:
        to.border = CellBorder(bottom=Side(style=border))
    if text.startswith(STARTS):
        to.quotePrefix = True
