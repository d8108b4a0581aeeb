"""How a conclusion would change, had trends not stayed parallel."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from matplotlib.axes import Axes

from sofs_bayes.bayes.limits import MAX_K
from sofs_bayes.checks.tipping import TippingPoint, TippingRow
from sofs_bayes.reporting.figures.drawing import Drawing
from sofs_bayes.reporting.figures.numbers import (
    ShownScale,
    amount,
    decimals_for,
    minus,
    not_converged,
    only_value,
    percent,
    refuse_empty,
    refuse_gaps,
    refuse_repeats,
    shown_scale,
    tick_labels,
)
from sofs_bayes.reporting.figures.page import KeyEntry, Page, add_axes, blank_page, set_ticks, write
from sofs_bayes.reporting.figures.placing import roomy_ticks
from sofs_bayes.reporting.figures.style import GUIDE, NO_EFFECT, STYLE, Look
from sofs_bayes.spec import Evidence

CURVE: Look = {
    "color": STYLE.strong,
    "linewidth": 2.0,
    "linestyle": "solid",
    "marker": "None",
}
DOUBTFUL: Look = {**CURVE, "linewidth": 1.4, "linestyle": (0, (1, 1.6)), "color": STYLE.light}
POINT: Look = {
    "linestyle": "None",
    "marker": "D",
    "markersize": 6.0,
    "markeredgewidth": 1.4,
    "markeredgecolor": STYLE.second,
    "markerfacecolor": "white",
}
LEVEL: Look = {
    "color": STYLE.second,
    "linewidth": 0.8,
    "linestyle": (0, (5, 3)),
    "marker": "None",
}
HEAD, HEIGHT, AXIS, LEFT = 0.46, 2.9, 0.42, 0.5


def tipping_curve(
    rows: Sequence[TippingRow],
    points: Sequence[TippingPoint],
    *,
    title: str,
    evidence: Evidence,
    status: str,
    name: str = "tipping",
) -> Drawing:
    """The probability that an effect is above zero, by departure from parallel trends.

    The curve is faint and dotted where the draws' weights cannot be trusted.

    Parameters
    ----------
    rows
        Of one target, in any order.
    points
        Where the curve reaches a level; those of the rows' target that are found are marked,
        the others named below the picture.
    title, evidence, status, name
        Title, evidence line, `converged` or not, and stem of the files.

    Raises
    ------
    BadInput
        No rows, a number that is not finite, a departure twice, or more than one target or
        scale.
    """
    refuse_empty(name, rows)
    refuse_gaps(name, rows, ("departure", "probability_above_zero"))
    refuse_repeats(name, [f"{row.departure:.12g}" for row in rows], "departure")
    scale, target = shown_scale(name, rows), only_value(name, rows, "target")
    rows = sorted(rows, key=lambda row: row.departure)
    points = [point for point in points if (point.target, point.scale) == (target, rows[0].scale)]
    points = [point for point in points if not _outside(point, rows)]
    body = HEAD + HEIGHT + AXIS
    page = blank_page(
        body,
        title=title,
        evidence=(evidence,),
        status=status,
        notes=_notes(points),
        key=_key(rows, points),
    )
    width = page.inner - LEFT
    write(page, 0.0, 0.1, "probability that the effect is above 0, %")
    axes = add_axes(page, left=LEFT, top=HEAD, width=width, height=HEIGHT)
    _limit(axes, rows, scale, width)
    _draw_curve(axes, rows, scale)
    _draw_points(page, axes, points, scale, width)
    _name_zero(page, axes, rows, width)
    axis_label = f"departure of the pilots' trend after settling-in, {scale.unit}"
    write(page, LEFT + width / 2, body, axis_label, ha="center", va="bottom")
    alt = _alt(rows, points, scale, target, status)
    return Drawing(name=name, figure=page.figure, alt=alt, data=(TippingRow, tuple(rows)))


def _outside(point: TippingPoint, rows: Sequence[TippingRow]) -> bool:
    """Whether a departure that was found is none of those drawn."""
    found = not math.isnan(point.departure)
    return found and not rows[0].departure <= point.departure <= rows[-1].departure


def trusted(row: TippingRow) -> bool:
    """Whether the weights behind a probability can be trusted; all are where they are equal."""
    return math.isnan(row.pareto_k) or row.pareto_k <= MAX_K


def _limit(axes: Axes, rows: Sequence[TippingRow], scale: ShownScale, width: float) -> None:
    lower, upper = (scale.factor * row.departure for row in (rows[0], rows[-1]))
    extra = 0.02 * (upper - lower) or 1.0
    axes.set_xlim(lower - extra, upper + extra)
    values = roomy_ticks(lower, upper, width, signed=True) if upper > lower else [lower]
    set_ticks(axes, "x", values, tick_labels(values, signed=True))
    axes.set_ylim(0, 100)
    marks = [0, 25, 50, 75, 100]
    set_ticks(axes, "y", marks, [str(mark) for mark in marks])
    for mark in marks[1:]:
        axes.axhline(mark, **GUIDE)
    axes.axvline(0.0, **{**NO_EFFECT, "linewidth": 0.8})


def _draw_curve(axes: Axes, rows: Sequence[TippingRow], scale: ShownScale) -> None:
    """Piece by piece, as each joins two departures of which either may be doubtful."""
    for one, other in pairwise(rows):
        look = CURVE if trusted(one) and trusted(other) else DOUBTFUL
        axes.plot(
            [scale.factor * row.departure for row in (one, other)],
            [100 * row.probability_above_zero for row in (one, other)],
            zorder=3,
            **look,
        )


def _draw_points(
    page: Page, axes: Axes, points: Sequence[TippingPoint], scale: ShownScale, width: float
) -> None:
    """Each level's mark, with a line to its name at the right, where the curve is lower."""
    last = axes.get_xlim()[1]
    for point, text in zip(points, _texts(points, scale), strict=True):
        if not text:
            continue
        x, y = scale.factor * point.departure, 100 * point.level
        axes.plot([x, last], [y, y], zorder=2, **LEVEL)
        axes.plot([x], [y], zorder=4, clip_on=False, **POINT)
        high = point.level > 0.5  # then its name would run into the line of 100% above it
        at = HEAD + HEIGHT * (1 - point.level) + (0.02 if high else -0.02)
        write(
            page, LEFT + width, at, text, size=STYLE.small, ha="right",
            va="top" if high else "bottom", colour=STYLE.second,
        )  # fmt: skip


def _texts(points: Sequence[TippingPoint], scale: ShownScale) -> list[str]:
    found = [scale.factor * p.departure for p in points if not math.isnan(p.departure)]
    decimals = decimals_for(found, scale) if found else 1
    unit = " pp" if scale.unit == "percentage points" else ""
    return [
        f"{percent(point.level)} at {amount(scale.factor * point.departure, scale, decimals)}{unit}"
        if not math.isnan(point.departure)
        else ""
        for point in points
    ]


def _name_zero(page: Page, axes: Axes, rows: Sequence[TippingRow], width: float) -> None:
    at_zero = [row for row in rows if abs(row.departure) < 1e-12]
    first, last = axes.get_xlim()
    if not at_zero or not first <= 0 <= last:
        return
    text = f"parallel trends: {100 * at_zero[0].probability_above_zero:.0f}%"
    across = -first / (last - first)
    ha: Literal["left", "center", "right"] = "center"
    if not 0.2 < across < 0.8:
        ha = "left" if across < 0.5 else "right"
    x = LEFT + width * across
    write(page, x, HEAD - 0.09, text, size=STYLE.small, ha=ha, colour=STYLE.soft)


def _key(rows: Sequence[TippingRow], points: Sequence[TippingPoint]) -> list[KeyEntry]:
    entries = [KeyEntry(name="probability", line=CURVE)]
    if not all(map(trusted, rows)):
        name = f"weights not to be trusted (Pareto k above {MAX_K:g})"
        entries.append(KeyEntry(name=name, line=DOUBTFUL))
    if any(not math.isnan(point.departure) for point in points):
        entries.append(KeyEntry(name="tipping point", line=POINT))
    return entries


def _notes(points: Sequence[TippingPoint]) -> list[str]:
    notes = [
        "Departure: how much more the pilots' outcome would have risen than the comparators'"
        " after settling-in without the practice model."
    ]
    missing = [percent(point.level) for point in points if math.isnan(point.departure)]
    if missing:
        notes.append(f"No departure is found at which the probability is {' or '.join(missing)}.")
    return notes


def _alt(
    rows: Sequence[TippingRow],
    points: Sequence[TippingPoint],
    scale: ShownScale,
    target: str,
    status: str,
) -> str:
    found = [text for text in _texts(points, scale) if text]
    ends = [
        f"{100 * row.probability_above_zero:.0f}% at"
        f" {minus(f'{scale.factor * row.departure:+.3g}')}"
        for row in (rows[0], rows[-1])
    ]
    tipping = f" It is {', '.join(found)}." if found else ""
    return (
        f"{not_converged(status)}Probability that the {target} effect is above 0 by the departure"
        f" of trends after settling-in ({scale.unit}): from {ends[0]} to {ends[1]}.{tipping}"
    )
