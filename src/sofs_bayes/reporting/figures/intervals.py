"""What all pictures of effects share: their axis, their interval's name, what they rest on."""

from collections.abc import Sequence
from typing import Literal, Protocol

from matplotlib.axes import Axes

from sofs_bayes.errors import BadInput
from sofs_bayes.estimands import EffectRow
from sofs_bayes.estimands.rows import ShrinkageRow
from sofs_bayes.reporting.figures.numbers import (
    INTERVALS,
    ShownScale,
    amount,
    decimals_for,
    only_value,
    padded,
    percent,
    ratio_ticks,
    refuse_empty,
    refuse_gaps,
    shown_scale,
    tick_labels,
)
from sofs_bayes.reporting.figures.page import CONVERGED, set_ticks
from sofs_bayes.reporting.figures.placing import roomy_ticks
from sofs_bayes.reporting.figures.style import NO_EFFECT
from sofs_bayes.spec import Evidence

COLUMNS = ("median", "lower", "upper")


class Ranged(Protocol):
    """A row with a median and an interval."""

    @property
    def median(self) -> float:
        """Posterior median."""

    @property
    def lower(self) -> float:
        """Where the interval begins."""

    @property
    def upper(self) -> float:
        """Where it ends."""


def checked_scale(figure: str, rows: Sequence[EffectRow]) -> ShownScale:
    """The one scale of effects that can be drawn; anything else is refused."""
    refuse_empty(figure, rows)
    refuse_gaps(figure, rows, COLUMNS)
    scale = shown_scale(figure, rows)
    if scale.logarithmic and min(row.lower for row in rows) <= 0:
        lowest = min(row.lower for row in rows)
        raise BadInput(f"figure {figure}", "lower", f"{lowest:g}", f"an {scale.unit} above 0")
    return scale


def interval_name(figure: str, rows: Sequence[EffectRow | ShrinkageRow]) -> str:
    """Level and kind of the rows' intervals, as in "90% equal-tailed interval"."""
    kind, level = only_value(figure, rows, "interval"), only_value(figure, rows, "level")
    return f"{percent(level)} {INTERVALS.get(kind, kind)} interval"


def evidence_of(rows: Sequence[EffectRow]) -> tuple[Evidence, ...]:
    """What the rows rest on, each kind once."""
    return tuple(dict.fromkeys(row.evidence for row in rows))


def status_of(rows: Sequence[EffectRow]) -> str:
    """The picture's status: refused as a whole where no row converged."""
    return CONVERGED if any(row.status == CONVERGED for row in rows) else rows[0].status


def shown_values(row: Ranged, scale: ShownScale) -> tuple[float, float, float]:
    """Median, lower and upper as the axis has them."""
    return scale.factor * row.median, scale.factor * row.lower, scale.factor * row.upper


def shown_decimals(rows: Sequence[Ranged], scale: ShownScale) -> int:
    """Decimals that suit all rows."""
    return decimals_for([value for row in rows for value in shown_values(row, scale)], scale)


def numbers_text(row: Ranged, scale: ShownScale, decimals: int) -> str:
    """median [lower, upper]."""
    median, lower, upper = (amount(v, scale, decimals) for v in shown_values(row, scale))
    return f"{median} [{lower}, {upper}]"


def effect_axis(
    axes: Axes,
    which: Literal["x", "y"],
    rows: Sequence[Ranged],
    scale: ShownScale,
    inches: float,
) -> None:
    """An axis of effects, `inches` long, with all intervals and a line where no effect is."""
    ends = [value for row in rows for value in shown_values(row, scale)] + [scale.null]
    if scale.logarithmic:
        spread = max(1.05, (max(ends) / min(ends)) ** 0.06)
        lower, upper = min(ends) / spread, max(ends) * spread
        (axes.set_xscale if which == "x" else axes.set_yscale)("log")
        values = ratio_ticks(lower, upper, max(2, min(9, int(inches / 0.5))))
    else:
        lower, upper = padded(ends)
        values = roomy_ticks(lower, upper, inches, signed=True)
    (axes.set_xlim if which == "x" else axes.set_ylim)(lower, upper)
    set_ticks(axes, which, values, tick_labels(values, signed=not scale.logarithmic))
    line = axes.axvline if which == "x" else axes.axhline
    line(scale.null, **NO_EFFECT)
