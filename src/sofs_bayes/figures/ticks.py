"""Ticks that find their own room: as many round numbers or years as an axis can label."""

import math
from collections.abc import Sequence
from typing import Any, Literal

from matplotlib.ticker import Formatter, Locator, MaxNLocator

from sofs_bayes.figures.numbers import minus
from sofs_bayes.figures.style import STYLE, widest, width_of
from sofs_bayes.spec.years import Years

Kind = Literal["number", "signed", "ratio", "year"]


class RoomyLocator(Locator):
    """Round numbers or years, as many as the axis has room for at the size it is drawn."""

    def __init__(self, kind: Kind, years: Years) -> None:
        self.kind, self.years = kind, years

    def __call__(self) -> Sequence[float]:
        """The places of the ticks on the axis as it is now."""
        axis: Any = self.axis
        lower, upper = sorted(axis.get_view_interval())
        return self.tick_values(lower, upper)

    def tick_values(self, vmin: float, vmax: float) -> Sequence[float]:
        """The places of the ticks between two ends of the axis."""
        axis: Any = self.axis
        box, dpi = axis.axes.bbox, axis.axes.figure.dpi
        across = axis.axis_name == "x"
        inches = max(0.1, (box.width if across else box.height) / dpi)
        if self.kind == "ratio":
            return ratio_ticks(vmin, vmax, max(2, min(9, int(inches / 0.5))))
        if self.kind == "year":
            within = range(math.ceil(vmin), math.floor(vmax) + 1)
            return roomy_years(within, inches, self.years)
        if across:
            return roomy_ticks(vmin, vmax, inches, signed=self.kind == "signed")
        return ticks(vmin, vmax, max(3, min(7, round(inches / 0.42))))


class RowFormatter(Formatter):
    """Labels that suit all ticks of an axis together."""

    def __init__(self, kind: Kind, years: Years) -> None:
        self.kind, self.years = kind, years

    def __call__(self, x: float, pos: int | None = None) -> str:
        """The label of one number by itself."""
        return self.format_ticks([x])[0]

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        """The labels of all ticks."""
        if self.kind == "ratio":
            return [f"{value:g}" for value in values]
        if self.kind == "year":
            return [self.years.name(round(value)) for value in values]
        return tick_labels(values, signed=self.kind == "signed")


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


def roomy_ticks(lower: float, upper: float, width: float, *, signed: bool) -> list[float]:
    """As many round numbers, up to twelve, as an axis of so many inches has room to label."""
    for count in range(12, 0, -1):
        values = ticks(lower, upper, count)
        room = width / (upper - lower) * (values[1] - values[0]) if len(values) > 1 else width
        if widest(tick_labels(values, signed=signed), STYLE.small) + 0.05 <= room:
            return values
    return [values[len(values) // 2]]


def roomy_years(within: Sequence[int], width: float, years: Years) -> list[int]:
    """Every year, every second, …, the last among them, as an axis that long can label."""
    room = max(1, int(width / (width_of(years.name(2000), STYLE.small) + 0.08)))
    every = -(-len(within) // room)
    return list(within)[::-1][::every][::-1]
