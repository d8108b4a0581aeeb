"""Numbers as they stand on another study's page, in the signs of print; tables typed in from it.

A number that could mean two things (a decimal comma or a thousands comma, a percentage or a
share) is never guessed at.
"""

import csv
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path

from sofs_bayes.errors import BadInput, counted, unreadable
from sofs_bayes.published.facts import Printed, read_printed

# How print writes a minus and a star; a long dash is a gap and stays one.
MINUS = re.compile("[\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d]")
STAR = re.compile("[\u204e\u2217\uff0a\u22c6\u2605]")
# The point of some journals' decimals, between digits.
POINT = re.compile("(?<=[0-9])[\u00b7\u2219](?=[0-9])")
BLANK = "[ \t\u00a0\u2002-\u200b\u202f\u2060]*"
_COEFFICIENT = re.compile(
    rf"{BLANK}(?P<sign>[-+]?){BLANK}(?P<number>[0-9]+(?:\.[0-9]+)?|\.[0-9]+){BLANK}"
    rf"(?P<stars>(?:\*{BLANK})*)"
)
A_NUMBER = "a number with stars, as in -0.0635*"
_P_VALUE = re.compile(rf"(?:[pP]{BLANK}=?{BLANK})?(?P<less>[<\u2264]?){BLANK}(?P<number>[^<]*)")


def read_coefficient(text: str) -> Printed:
    """A coefficient with its stars; `text` stays as it was written.

    Read are a typographic minus or dash for a minus, a plus in front, typographic stars, a raised
    point, and gaps around sign and stars.
    """
    plain = _plain(text)
    match = _COEFFICIENT.fullmatch(plain)
    if match is None:
        raise ValueError(_mended(plain) or A_NUMBER)
    sign = match["sign"].replace("+", "")
    stars = "*" * match["stars"].count("*")
    return replace(read_printed(f"{sign}{match['number']}{stars}"), text=text)


def _plain(text: str) -> str:
    """The text with the signs of a keyboard."""
    return POINT.sub(".", STAR.sub("*", MINUS.sub("-", text)))


def read_positive(text: str) -> Printed:
    """A standard error, in parentheses or not."""
    inner = text.strip()
    if inner[:1] + inner[-1:] in ("()", "[]"):
        inner = inner[1:-1]
    return _within(inner, text, lambda value: value >= 0, "a positive number")


def read_p_value(text: str) -> tuple[Printed, bool]:
    """A p-value, and whether only that it is below the number: 0.034, <0.001, p < .001.

    Raises
    ------
    ValueError
        It is no number between 0 and 1.
    """
    match = _P_VALUE.fullmatch(text.strip())
    if match is None:
        raise ValueError("a p-value, as in 0.034 or <0.001")
    allowed = "a p-value, 0 to 1, as in 0.034 or <0.001"
    cell = _within(match["number"], text, lambda value: 0 <= value <= 1, allowed)
    if match["less"] and not cell.value:
        raise ValueError("a p-value below a number above 0")
    return cell, bool(match["less"])


def _within(inner: str, text: str, holds: Callable[[float], bool], allowed: str) -> Printed:
    """The number in a text, where it has no stars and is one that can be."""
    try:
        cell = read_coefficient(inner)
    except ValueError:
        raise ValueError(_mended(_plain(inner)) or allowed) from None
    if cell.stars or cell.value is None or not holds(cell.value):
        raise ValueError(allowed)
    return replace(cell, text=text)


def _mended(plain: str) -> str:
    """How a number with a percent sign or a comma has to be written; empty for other text."""
    if "%" in plain:
        return "a number without percent sign (-0.018 for -1.8 percentage points)"
    if re.search("[0-9],[0-9]", plain):
        return "a decimal point and no comma (-0.018, 1234.5)"
    return ""


MARKDOWN, TABS = (".md", ".markdown"), (".tsv", ".tab")
ENDINGS = (*MARKDOWN, *TABS, ".csv")
LARGEST = 100_000  # bytes: what is typed in is small
RULE = re.compile(r":?-+:?")
MOST_ROWS = 60  # of a table without any star
DATE = re.compile(r"[0-9]+([-/.])[0-9]+\1[0-9]+.*")
NUMBERS = re.compile(r"[(\[]?\s*[-+<]?\s*[.0-9].*")
DECIMALS = re.compile("[0-9][.,][0-9]")


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedCell:
    """A cell as it was typed; `value` where it can be read in one way only, else `fault`.

    `error` is what stands below it, in lines without a label.
    """

    row: str
    column: str
    text: str
    error: str
    value: float | None
    stars: int
    fault: str


def typed_table(path: Path) -> tuple[TypedCell, ...] | None:
    """The cells with text of a typed table, column by column; None where a file is none.

    A CSV file is one if some cell has a star and more (alone it may hide a count), or if it is
    short, all its cells are numbers, some have decimals and none is a date; files of other
    endings must be.

    Raises
    ------
    BadInput
        A file of tabs or Markdown without a table, lines of different lengths, or no row.
    """
    ending = path.suffix.casefold()
    if ending not in ENDINGS or not path.is_file():
        return None
    surely = ending != ".csv"
    if path.stat().st_size > LARGEST:
        if not surely:
            return None
        raise BadInput(path, "", "a file of more than 100 kB", "a table that was typed in")
    lines = _lines(path, ending)
    if not surely and not _is_typed(lines):
        return None
    _check(path, lines)
    return tuple(_cells(lines))


def _is_typed(lines: Sequence[Sequence[str]]) -> bool:
    cells = [_plain(cell) for line in lines[1:] for cell in line[1:] if cell]
    if any(cell.strip("*") not in ("", cell) for cell in cells):
        return True
    numbers = all(NUMBERS.fullmatch(cell) and not DATE.fullmatch(cell) for cell in cells)
    return numbers and len(lines) <= MOST_ROWS and any(map(DECIMALS.search, cells))


def _lines(path: Path, ending: str) -> list[list[str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error if isinstance(error, OSError) else OSError(0, "not UTF-8")
        raise unreadable(path, reason, "a table in UTF-8") from error
    if ending in MARKDOWN:
        rows = [line.strip() for line in text.splitlines() if line.strip().startswith("|")]
        split = [row.strip("|").split("|") for row in rows]
    else:
        rows = [line for line in text.splitlines() if line.strip()]
        semicolons = bool(rows) and all(";" in row for row in rows)
        delimiter = "\t" if ending in TABS else ";" if semicolons else ","
        split = list(csv.reader(rows, delimiter=delimiter))
    lines = [[cell.replace("\\*", "*").strip() for cell in line] for line in split]
    return [line for line in lines if any(line) and not all(map(RULE.fullmatch, line))]


def _check(path: Path, lines: Sequence[Sequence[str]]) -> None:
    if len(lines) < 2 or len(lines[0]) < 2:
        raise BadInput(path, "", "no table", "a line of headings, and a line for each row")
    for number, line in enumerate(lines[1:], 2):
        if len(line) != len(lines[0]):
            found = counted(len(line), "cell")
            raise BadInput(path, f"row {number} of the table", found, f"{len(lines[0])}, as above")


def _cells(lines: Sequence[Sequence[str]]) -> list[TypedCell]:
    found = []
    for place, column in enumerate(lines[0][1:], 1):
        for number, line in enumerate(lines[1:], 1):
            if not line[0] or not line[place]:
                continue
            below = takewhile(lambda each: not each[0], lines[number + 1 :])
            error = " ".join(each[place] for each in below if each[place])
            found.append(_cell(line[0], column or f"column {place}", line[place], error))
    return found


def _cell(row: str, column: str, text: str, error: str) -> TypedCell:
    try:
        cell = read_coefficient(text)
    except ValueError as reason:
        return TypedCell(
            row=row, column=column, text=text, error=error, value=None, stars=0, fault=str(reason)
        )
    return TypedCell(
        row=row,
        column=column,
        text=text,
        error=error,
        value=cell.value,
        stars=cell.stars,
        fault="",
    )
