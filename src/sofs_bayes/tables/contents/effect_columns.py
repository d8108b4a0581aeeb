"""The columns that every table of effects has: median, interval, probabilities; their decimals."""

from collections.abc import Sequence
from typing import Any

from sofs_bayes.estimands import EffectRow, statement_text
from sofs_bayes.spec import Statement
from sofs_bayes.tables.digits import Format
from sofs_bayes.tables.model import Column

NARROW = 0.02  # risk differences known this closely are shown with two decimals
FIXED: dict[str, Format] = {"log-odds": "signed2", "odds ratio": "ratio", "units": "change"}
PROBABILITY = "Probability that the effect is"
ABOVE_0 = Column(key="P(above 0)", heading="above 0", format="probability", group=PROBABILITY)
LARGER = Column(
    key="p",
    heading="larger",
    format="probability",
    group="Probability that the prediction is",
)


def number_format(scale: str, rows: Sequence[EffectRow]) -> Format:
    """How effects on a scale are shown: percentage points for risks, finer if all are narrow."""
    if scale == "risk":
        return "pp2" if all(row.upper - row.lower < NARROW for row in rows) else "pp"
    return FIXED.get(scale, "signed")


def interval_columns(
    level: float, number: Format, *, middle: str = "Median", prefix: str = "", of: str = "credible"
) -> tuple[Column, Column, Column]:
    """A median, and the ends of its interval under a heading of their own.

    `prefix` is that of the columns' keys.
    """
    middle_one = Column(key=f"{prefix}median", heading=middle, format=number)
    return (middle_one, *ends(f"{100 * level:g}% {of} interval", number, prefix=prefix))


def ends(
    group: str, number: Format, *, prefix: str = "", keys: tuple[str, str] = ("lower", "upper")
) -> tuple[Column, Column]:
    """The two ends of an interval or of what is allowed, under a heading of their own."""
    lower, upper = (f"{prefix}{key}" for key in keys)
    return (
        Column(key=lower, heading="lower", format=number, group=group),
        Column(key=upper, heading="upper", format=number, group=group),
    )


def predicted_ends(rows: Sequence[Any], number: Format) -> tuple[Column, Column]:
    """The ends of predictive intervals, all of the level of the first row."""
    level = f"{100 * rows[0].level:g}% " if rows else ""
    return ends(f"{level}predictive interval", number)


def coverage_columns(
    of: str, inside: str, *more: Column, keys: tuple[str, str] = ("lower", "upper")
) -> list[Column]:
    """How often intervals of a level held what they should, beside what is allowed.

    Parameters
    ----------
    of
        What is counted: the key of its column, which its heading is, too.
    inside
        The heading of the share.
    more
        Further columns, before the verdict.
    keys
        Of the ends of what is allowed.
    """
    return [
        Column(key="level", heading="Level", format="percent"),
        Column(key=of, heading=of.capitalize(), format="integer"),
        Column(key="coverage", heading=inside, format="percent"),
        *ends("Allowed", "percent", keys=keys),
        *more,
        Column(key="verdict", heading="Verdict"),
    ]


def chance_columns(statements: Sequence[Statement]) -> list[Column]:
    """A column for the probability of each statement, under one heading."""
    return [
        Column(key=chance_key(s), heading=_short(s), format="probability", group=PROBABILITY)
        for s in statements
    ]


def chance_key(statement: Statement) -> str:
    """The key of a statement's column."""
    return f"P({statement_text(statement)})"


def in_order(statements: Sequence[Statement]) -> list[Statement]:
    """Statements in the order of every table: above no effect and more, below it, within."""
    return sorted(statements, key=_place)


def _place(statement: Statement) -> tuple[int, float]:
    null = 1.0 if statement.scale == "odds ratio" else 0.0
    if statement.above is not None:
        return 0, abs(statement.above - null)
    if statement.below is not None:
        return 1, abs(statement.below - null)
    assert statement.within is not None
    return 2, statement.within[1]


def _short(statement: Statement) -> str:
    """What the effect is, in the words of a column's heading."""
    if statement.within is not None:
        lower, upper = statement.within
        if lower == -upper:
            return f"within ±{_bound(statement.scale, upper)}"
        return f"between {_bound(statement.scale, lower)} and {_bound(statement.scale, upper)}"
    if statement.above is not None:
        return f"above {_bound(statement.scale, statement.above)}"
    assert statement.below is not None
    return f"below {_bound(statement.scale, statement.below)}"


def _bound(scale: str, value: float) -> str:
    text = f"{100 * value:g} pp" if scale == "risk" and value else f"{value:g}"
    return text.replace("-", "\N{MINUS SIGN}")
