"""Numbers as readers see them: scales, signs, years, lists."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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
    coarse: bool = False  # larger numbers need one decimal only


SCALES: Mapping[str, ShownScale] = {
    "risk": ShownScale(
        axis="change in risk, percentage points",
        unit="percentage points",
        factor=100.0,
        coarse=True,
    ),
    "log-odds": ShownScale(axis="change in log-odds", unit="log-odds"),
    "odds ratio": ShownScale(
        axis="odds ratio, logarithmic axis", unit="odds ratio", null=1.0, logarithmic=True
    ),
    "units": ShownScale(axis="change in the outcome, its units", unit="units of the outcome"),
}


def minus(text: str) -> str:
    """The text with its hyphens as minus signs; for numbers."""
    return text.replace("-", MINUS)


def amount(value: float, scale: ShownScale, decimals: int) -> str:
    """A number already times the scale's factor: signed differences, unsigned ratios."""
    text = f"{value:.{decimals}f}" if scale.logarithmic else f"{value:+.{decimals}f}"
    return minus(text.replace("-", "").replace("+", "") if float(text) == 0 else text)


def decimals_for(values: Sequence[float], scale: ShownScale) -> int:
    """Two decimals for log-odds, ratios and small numbers of points, otherwise one."""
    return 1 if scale.coarse and max(map(abs, values)) >= 2 else 2


def percent(share: float) -> str:
    """A share or level as a percentage."""
    return f"{100 * share:.3g}%"


def listed(parts: Sequence[str]) -> str:
    """a, b and c."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def named(names: Sequence[str], most: int = 4) -> str:
    """The first of some names, and how many more there are."""
    more = len(names) - most
    return listed([*names[:most], f"{more} more"] if more > 0 else list(names))


def padded(values: Sequence[float], share: float = 0.06) -> tuple[float, float]:
    """The values' range and a little more on either side."""
    lower, upper = min(values), max(values)
    extra = share * (upper - lower) or 0.1 * abs(upper) or 1.0
    return lower - extra, upper + extra
