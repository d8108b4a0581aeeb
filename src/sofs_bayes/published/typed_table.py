"""A printed table that someone typed in: CSV, TSV or Markdown → its cells, read or not.

The first column has the rows' labels, the first line the columns'. A line without a label whose
cells are in parentheses has the standard errors of the line above.
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sofs_bayes.errors import BadInput, unreadable
from sofs_bayes.published.as_written import read_coefficient

MARKDOWN, TABS = (".md", ".markdown"), (".tsv", ".tab")
ENDINGS = (*MARKDOWN, *TABS, ".csv")
LARGEST = 100_000  # bytes: what is typed in is small
RULE = re.compile(r":?-+:?")


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedCell:
    """A cell as it was typed; `value` where it can be read in one way only, else `fault`."""

    row: str
    column: str
    text: str
    error: str
    value: float | None
    stars: int
    fault: str


def typed_table(path: Path) -> tuple[TypedCell, ...] | None:
    """The cells with text of a typed table, column by column; None where a file is none.

    A CSV file is one if some cell has a star; files of other endings must be.

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
    if not surely and not any(cell.endswith("*") for line in lines for cell in line[1:]):
        return None
    _check(path, lines)
    return tuple(_cells(lines))


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
        split = list(csv.reader(text.splitlines(), delimiter="\t" if ending in TABS else ","))
    lines = [[cell.replace("\\*", "*").strip() for cell in line] for line in split]
    return [line for line in lines if any(line) and not all(map(RULE.fullmatch, line))]


def _check(path: Path, lines: Sequence[Sequence[str]]) -> None:
    if len(lines) < 2 or len(lines[0]) < 2:
        raise BadInput(path, "", "no table", "a line of headings, and a line for each row")
    for number, line in enumerate(lines[1:], 2):
        if len(line) != len(lines[0]):
            found = f"{len(line)} cells"
            raise BadInput(path, f"row {number} of the table", found, f"{len(lines[0])}, as above")


def _cells(lines: Sequence[Sequence[str]]) -> list[TypedCell]:
    found = []
    for place, column in enumerate(lines[0][1:], 1):
        for number, line in enumerate(lines[1:], 1):
            if not line[0] or not line[place]:
                continue
            below = lines[number + 1] if number + 1 < len(lines) else [""] * len(line)
            error = below[place] if not below[0] and below[place][:1] in ("(", "[") else ""
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
