"""Labels that find their own room: years below an axis, names beside lines."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from sofs_bayes.reporting.figures.numbers import financial_year, tick_labels, ticks
from sofs_bayes.reporting.figures.page import set_ticks
from sofs_bayes.reporting.figures.style import STYLE, widest, width_of


def roomy_ticks(lower: float, upper: float, width: float, *, signed: bool) -> list[float]:
    """As many round numbers, up to twelve, as an axis of so many inches has room to label."""
    for count in range(12, 0, -1):
        values = ticks(lower, upper, count)
        room = width / (upper - lower) * (values[1] - values[0]) if len(values) > 1 else width
        if widest(tick_labels(values, signed=signed), STYLE.small) + 0.05 <= room:
            return values
    return [values[len(values) // 2]]


def label_years(axes: Axes, years: Sequence[int], width: float) -> None:
    """Financial years below the axis, as many as its width in inches has room for."""
    shown = roomy_years(years, width)
    set_ticks(axes, "x", shown, [financial_year(year) for year in shown])


def roomy_years(years: Sequence[int], width: float) -> list[int]:
    """Every year, every second, …, the last among them, as an axis that long can label."""
    room = max(1, int(width / (width_of("2000/01", STYLE.small) + 0.08)))
    every = -(-len(years) // room)
    return list(years)[::-1][::every][::-1]


def moved_apart(
    wanted: Sequence[float], heights: Sequence[float], top: float, bottom: float
) -> list[float]:
    """Middles as near as may be to those wanted, without overlap, between top and bottom.

    In order of the places wanted: pushed down by the one before, then up by the one after.
    """
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    placed, edge = list(wanted), top
    for i in order:
        placed[i] = max(placed[i], edge + heights[i] / 2)
        edge = placed[i] + heights[i] / 2
    edge = bottom
    for i in reversed(order):
        placed[i] = min(placed[i], edge - heights[i] / 2)
        edge = placed[i] - heights[i] / 2
    return placed
