"""Dataclass rows ⇄ CSV that a spreadsheet may open: labels never begin like a formula."""

import csv
import io
import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from sofs_bayes.errors import BadInput, counted
from sofs_bayes.spec import Evidence

# The wide ones are what Excel takes for their narrow twins where text is written in wide letters.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# With the report's stars behind it, or a dash for a gap: what is printed stays as it is printed.
PLAIN_NUMBER = re.compile(
    r"[+-]|[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?%?(?:\*{1,3}|\+{1,2})?", re.ASCII
)
# What may be said of all rows of a file, at the end of each.
SAID: dict[str, Any] = {"evidence": Evidence, "status": str}
ALLOWED = {int: "a whole number", float: "a number or nothing", bool: "yes or no"}


def harmless(text: str) -> str:
    """The text, with an apostrophe in front where a spreadsheet would calculate it.

    Signs before a plain number (+1.2), or alone, do no harm, and stay. A text that has such an
    apostrophe already gets another one, so that `as_given` finds every text again.
    """
    bare = text.lstrip("'")
    if bare.lstrip(" ").startswith(FORMULA_STARTS) and not PLAIN_NUMBER.fullmatch(bare):
        return f"'{text}"
    return text


def as_given(text: str) -> str:
    """The text that `harmless` was given."""
    return text[1:] if text.startswith("'") and harmless(text[1:]) == text else text


def rows_to_csv(kind: type, items: Iterable[Any], **said: str) -> str:
    """Dataclass rows as CSV, a column per field of `kind`; `read_rows` gives them back.

    What is `said` of all rows, of `SAID`, has columns at the end where rows do not say it.
    """
    names = [each.name for each in fields(kind)]
    more = {name: said[name] for name in SAID if name in said and name not in names}
    rows = [(*(getattr(item, name) for name in names), *more.values()) for item in items]
    return csv_text([*names, *more], rows)


def own_header(header: Sequence[str], names: Collection[str]) -> list[str]:
    """The columns of rows alone, without what is said of all of them, as `rows_to_csv` puts it."""
    own = list(header)
    for name in reversed(SAID):
        if own[-1:] == [name] and name not in names:
            own.pop()
    return own


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Lines of cells as CSV: numbers at full precision, gaps empty, labels harmless."""
    return "".join(_line([_exact(cell) for cell in row]) for row in (header, *rows))


def _line(cells: Sequence[str]) -> str:
    """A line that ends in a line feed alone; with it as its own, csv leaves "\\r" unquoted."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue().removesuffix("\r\n") + "\n"


def _exact(cell: Any) -> str:
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, str):
        return harmless(cell)
    return repr(float(cell)) if isinstance(cell, float) else str(cell)


def read_rows[Row](path: Path, kind: type[Row]) -> list[Row]:
    """Dataclass rows from a CSV that `rows_to_csv` wrote; empty numbers are NaN.

    Columns at its end that have a default may lack: earlier versions did not write them.

    Raises
    ------
    BadInput
        Another header, or a cell that is not of its column's type.
    """
    hints = {**SAID, **get_type_hints(kind)}
    columns = fields(kind)  # type: ignore[arg-type]
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            reader = csv.reader(stream)
            header = next(reader, [])
            names = [each.name for each in columns]
            own = own_header(header, names)
            needed = [each.name for each in columns[len(own) :] if each.default is MISSING]
            if needed or own != names[: len(own)]:
                raise BadInput(path, "header", "other columns", ", ".join(names))
            rows = []
            for number, line in enumerate(reader, start=2):
                read = _read_line(line, hints, header, path=path, number=number)
                rows.append(kind(**{name: read[name] for name in own}))
            return rows
    except (csv.Error, UnicodeDecodeError) as error:
        raise BadInput(path, "", "a damaged file", "CSV as sofs-bayes wrote it") from error


def _read_line(
    line: list[str], hints: Mapping[str, Any], names: list[str], *, path: Path, number: int
) -> dict[str, Any]:
    if len(line) != len(names):
        found, allowed = counted(len(line), "cell"), str(len(names))
        raise BadInput(path, f"row {number}", found, allowed)
    read = {}
    for name, text in zip(names, line, strict=True):
        try:
            read[name] = _read_cell(text, hints[name])
        except ValueError:
            allowed = ALLOWED.get(hints[name], "what sofs-bayes writes there")
            raise BadInput(path, f"row {number}, {name}", "something else", allowed) from None
    return read


def _read_cell(text: str, hint: Any) -> Any:
    if hint is bool:
        return ("no", "yes").index(text) == 1
    if get_origin(hint) is UnionType:  # a number, or nothing
        return _read_cell(text, get_args(hint)[0]) if text else None
    if get_origin(hint) is Literal and text not in get_args(hint):
        raise ValueError
    if hint in (int, float) and ("_" in text or not text.isascii()):
        raise ValueError  # numbers to Python, but not as they are written here
    if hint is float:
        return float(text) if text else math.nan
    return int(text) if hint is int else as_given(text)
