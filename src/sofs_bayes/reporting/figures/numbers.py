"""Numbers as readers see them: scales, signs, ticks, years; and rows that cannot be drawn."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.ticker import MaxNLocator

from sofs_bayes.errors import BadInput

MINUS = "\N{MINUS SIGN}"
INTERVALS: Mapping[str, str] = {"eti": "equal-tailed", "hdi": "highest-density"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownScale:
    """A scale of effects as an axis shows it: times `factor`, no effect at `null`."""

    axis: str
    unit: str
    factor: float = 1.0
    null: float = 0.0
    logarithmic: bool = False


SCALES: Mapping[str, ShownScale] = {
    "risk": ShownScale(
        axis="change in risk, percentage points", unit="percentage points", factor=100.0
    ),
    "log-odds": ShownScale(axis="change in log-odds", unit="log-odds"),
    "odds ratio": ShownScale(
        axis="odds ratio, logarithmic axis", unit="odds ratio", null=1.0, logarithmic=True
    ),
    "children per 1,000": ShownScale(axis="change, children per 1,000", unit="children per 1,000"),
}

# Units whose larger numbers need one decimal only.
COARSE = ("percentage points", "children per 1,000")


def minus(text: str) -> str:
    """The text with its hyphens as minus signs; for numbers."""
    return text.replace("-", MINUS)


def amount(value: float, scale: ShownScale, decimals: int) -> str:
    """A number already times the scale's factor: signed differences, unsigned ratios."""
    text = f"{value:.{decimals}f}" if scale.logarithmic else f"{value:+.{decimals}f}"
    return minus(text.replace("-", "").replace("+", "") if float(text) == 0 else text)


def decimals_for(values: Sequence[float], scale: ShownScale) -> int:
    """Two decimals for log-odds, ratios and small numbers of points, otherwise one."""
    return 1 if scale.unit in COARSE and max(map(abs, values)) >= 2 else 2


def percent(share: float) -> str:
    """A share or level as a percentage."""
    return f"{100 * share:.3g}%"


def financial_year(first: int) -> str:
    """The financial year named by its first calendar year: 2012 → 2012/13."""
    return f"{first}/{(first + 1) % 100:02d}"


def counted(number: int, noun: str) -> str:
    """A number of things, with an s where there is not just one."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listed(parts: Sequence[str]) -> str:
    """a, b and c."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def padded(values: Sequence[float], share: float = 0.06) -> tuple[float, float]:
    """The values' range and a little more on either side."""
    lower, upper = min(values), max(values)
    extra = share * (upper - lower) or 0.1 * abs(upper) or 1.0
    return lower - extra, upper + extra


def ticks(lower: float, upper: float, count: int) -> list[float]:
    """At most about `count` round numbers within a range."""
    found = MaxNLocator(nbins=max(1, count), steps=[1, 2, 5, 10]).tick_values(lower, upper)
    slack = 1e-9 * (upper - lower)
    return [float(x) for x in found if lower - slack <= x <= upper + slack]


def ratio_ticks(lower: float, upper: float, count: int) -> list[float]:
    """Round numbers within a range of ratios, for a logarithmic axis."""
    if upper / lower < 4:
        return ticks(lower, upper, count)
    powers = range(math.floor(math.log10(lower)), math.ceil(math.log10(upper)) + 1)
    for steps in ((1, 2, 5), (1, 3), (1,)):
        found = [s * 10.0**p for p in powers for s in steps if lower <= s * 10.0**p <= upper]
        if len(found) <= count:
            break
    return found


def tick_labels(values: Sequence[float], *, signed: bool = False) -> list[str]:
    """The same number of decimals for all, as few as tell them apart; 0 is plain."""
    decimals = next(
        (d for d in range(7) if all(abs(round(x, d) - x) <= 1e-9 * max(1, abs(x)) for x in values)),
        7,
    )
    sign = "+" if signed else ""
    return [minus(f"{x:{sign}.{decimals}f}") if round(x, 9) else "0" for x in values]


def refuse_empty(figure: str, rows: Sequence[Any]) -> None:
    """Refuse to draw a picture of nothing."""
    if not rows:
        raise BadInput(f"figure {figure}", "rows", "no rows", "one row or more")


def refuse_gaps(figure: str, rows: Sequence[Any], columns: Sequence[str]) -> None:
    """Refuse rows with a NaN or an infinity, which a picture would leave out in silence."""
    for number, row in enumerate(rows, start=1):
        for column in columns:
            value = getattr(row, column)
            if not math.isfinite(value):
                place = f"row {number}, {column}"
                raise BadInput(f"figure {figure}", place, str(value), "a finite number")


def refuse_repeats(figure: str, labels: Sequence[str], what: str) -> None:
    """Refuse two rows that a reader could not tell apart."""
    for label in labels:
        if labels.count(label) > 1:
            raise BadInput(f"figure {figure}", what, f"{label!r} twice", "each only once")


def only_value(figure: str, rows: Sequence[Any], column: str) -> Any:
    """The one value a column has in all rows: an axis has one scale, a label one level."""
    values = list(dict.fromkeys(getattr(row, column) for row in rows))
    if len(values) != 1:
        found = ", ".join(map(str, values))
        raise BadInput(f"figure {figure}", column, found, "the same in all rows")
    return values[0]


def shown_scale(figure: str, rows: Sequence[Any]) -> ShownScale:
    """The scale that all rows are on."""
    name = only_value(figure, rows, "scale")
    if name not in SCALES:
        raise BadInput(f"figure {figure}", "scale", repr(name), ", ".join(SCALES))
    return SCALES[name]


def not_converged(status: str) -> str:
    """What an alt text opens with where a check refused the result."""
    return "" if status == "converged" else "Not converged, so not a result. "
