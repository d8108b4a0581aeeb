"""Dataclass rows from the CSV files that they were written to."""

import csv
import math
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from sofs_bayes.errors import BadInput

ALLOWED = {int: "a whole number", float: "a number or nothing", bool: "yes or no"}


def read_rows[Row](path: Path, kind: type[Row]) -> list[Row]:
    """Dataclass rows from a CSV that `rows_to_csv` wrote; empty numbers are NaN.

    Raises
    ------
    BadInput
        Another header, or a cell that is not of its column's type.
    """
    hints = get_type_hints(kind)
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            reader = csv.reader(stream)
            header = next(reader, [])
            if header != names:
                raise BadInput(path, "header", "other columns", ", ".join(names))
            return [
                kind(**_read_line(line, hints, names, path=path, number=number))
                for number, line in enumerate(reader, start=2)
            ]
    except (csv.Error, UnicodeDecodeError) as error:
        raise BadInput(path, "", "a damaged file", "CSV as sofs-bayes wrote it") from error


def _read_line(
    line: list[str], hints: Mapping[str, Any], names: list[str], *, path: Path, number: int
) -> dict[str, Any]:
    if len(line) != len(names):
        found, allowed = f"{len(line)} cells", str(len(names))
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
    if get_origin(hint) is Literal and text not in get_args(hint):
        raise ValueError
    if hint in (int, float) and ("_" in text or not text.isascii()):
        raise ValueError  # numbers to Python, but not as they are written here
    if hint is float:
        return float(text) if text else math.nan
    return int(text) if hint is int else text
