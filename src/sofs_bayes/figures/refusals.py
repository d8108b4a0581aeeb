"""Rows that cannot be drawn are refused here, in one way for all pictures."""

import math
from collections.abc import Sequence
from typing import Any

from sofs_bayes.errors import BadInput
from sofs_bayes.figures.numbers import SCALES, ShownScale
from sofs_bayes.spec.terms import CHILDREN, PER, told_in


def refuse(figure: str, place: str, found: object, allowed: str) -> BadInput:
    """The refusal of what a picture was asked to show."""
    return BadInput(f"figure {figure}", place, str(found), allowed)


def check_rows(
    figure: str,
    rows: Sequence[Any],
    *,
    finite: Sequence[str] = (),
    once: tuple[str, Sequence[str]] | None = None,
    same: Sequence[str] = (),
) -> None:
    """Refuse rows of which a picture would leave something out, or say something wrong.

    Parameters
    ----------
    figure
        Name of the picture, for the refusal.
    finite
        Columns without NaN and infinities.
    once
        What the rows are told apart by, and that of each of them.
    same
        Columns with one value in all rows.

    Raises
    ------
    BadInput
        No rows, or rows other than these.
    """
    if not rows:
        raise refuse(figure, "rows", "no rows", "one row or more")
    for number, row in enumerate(rows, start=1):
        for column in finite:
            if not math.isfinite(value := getattr(row, column)):
                raise refuse(figure, f"row {number}, {column}", value, "a finite number")
    what, labels = once or ("", ())
    seen = set()
    for label in labels:
        if label in seen:
            raise refuse(figure, what, f"{label!r} twice", "each only once")
        seen.add(label)
    for column in same:
        only_value(figure, rows, column)


def only_value(figure: str, rows: Sequence[Any], column: str) -> Any:
    """The one value a column has in all rows: an axis has one scale, a label one level."""
    values = list(dict.fromkeys(getattr(row, column) for row in rows))
    if len(values) != 1:
        raise refuse(figure, column, ", ".join(map(str, values)), "the same in all rows")
    return values[0]


def shown_scale(figure: str, rows: Sequence[Any], whom: str = CHILDREN) -> ShownScale:
    """The scale that all rows are on, with whom it counts."""
    name = only_value(figure, rows, "scale")
    if name in PER:
        unit = told_in(name, whom)
        return ShownScale(axis=f"change, {unit}", unit=unit, coarse=True)
    if name not in SCALES:
        raise refuse(figure, "scale", repr(name), ", ".join((*SCALES, *PER)))
    return SCALES[name]
