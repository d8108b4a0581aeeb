"""How a conclusion would change, had trends not stayed parallel."""

import math
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Unpack

from sofs_bayes.bayes.limits import MAX_K
from sofs_bayes.checks.registry.tipping import TippingPoint, TippingRow
from sofs_bayes.figures.canvas import Canvas, KeyEntry, Said, name_of
from sofs_bayes.figures.curves import Panel, curves
from sofs_bayes.figures.drawing import Drawing, drawn
from sofs_bayes.figures.marks import Axis, Dot, Mark, Rule, Series, Words
from sofs_bayes.figures.numbers import ShownScale, amount, decimals_for, minus, percent
from sofs_bayes.figures.refusals import check_rows, only_value, shown_scale
from sofs_bayes.figures.style import DOTTED, STYLE, THIN, Look, marker
from sofs_bayes.spec.terms import CHILDREN

CURVE: Look = {"color": STYLE.strong, "linewidth": 2.0}
DOUBTFUL: Look = {"color": STYLE.light, "linewidth": 1.4, "linestyle": DOTTED}
POINT: Look = marker("D", 6.0, STYLE.second, "white", 1.4)
LEVEL: Look = {"color": STYLE.second, "linewidth": 0.8, "linestyle": (0, (5, 3))}
SHARES = {float(share): str(share) for share in (0, 25, 50, 75, 100)}
HEIGHT = 2.9
DEPARTURE = (
    "Departure: how much more the pilots' outcome would have risen than the comparators'"
    " after settling-in without the programme."
)


def tipping_curve(
    rows: Sequence[TippingRow], points: Sequence[TippingPoint], **said: Unpack[Said]
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
    said
        `title`, `evidence`, `status` and, if not the usual one, `name`; as `Said` has them.

    Raises
    ------
    BadInput
        No rows, a number that is not finite, a departure twice, or more than one target or
        scale.
    """
    name = name_of(said, Said, "tipping")
    once = ("departure", [f"{row.departure:.12g}" for row in rows])
    check_rows(name, rows, finite=("departure", "probability_above_zero"), once=once)
    scale, target = (
        shown_scale(name, rows, said.get("whom", CHILDREN)),
        only_value(name, rows, "target"),
    )
    rows = sorted(rows, key=lambda row: row.departure)
    points = [
        point
        for point in points
        if (point.target, point.scale) == (target, rows[0].scale)
        and not rows[-1].departure < point.departure
        and not point.departure < rows[0].departure
    ]
    texts = _texts(points, scale)
    marked = {text: point for text, point in zip(texts, points, strict=True) if text}
    nearest = {text: abs(point.level - 0.5) for text, point in marked.items()}.__getitem__
    told = [f"The probability of an increase is {text}" for text in sorted(marked, key=nearest)]
    canvas = Canvas.of(
        said,
        name,
        finding=next(iter(told), ""),
        subtitle="Probability that the effect is above 0, %",
        notes=[DEPARTURE, *_missing(points)],
        key=_key(rows, texts),
    )
    chart = partial(curves, panels=[_panel(rows, marked, scale)], height=HEIGHT)
    ends = [
        f"{100 * row.probability_above_zero:.0f}% at"
        f" {minus(f'{scale.factor * row.departure:+.3g}')}"
        for row in (rows[0], rows[-1])
    ]
    alt = (
        f"Probability that the {target} effect is above 0 by the departure of trends after"
        f" settling-in ({scale.unit}): from {ends[0]} to {ends[1]}."
        + (f" It is {', '.join(marked)}." if marked else "")
    )
    return drawn(canvas, chart, alt, TippingRow, rows)


def trusted(row: TippingRow) -> bool:
    """Whether the weights behind a probability can be trusted; all are where they are equal."""
    return math.isnan(row.pareto_k) or row.pareto_k <= MAX_K


def _panel(rows: Sequence[TippingRow], points: dict[str, TippingPoint], scale: ShownScale) -> Panel:
    lower, upper = (scale.factor * row.departure for row in (rows[0], rows[-1]))
    extra = 0.02 * (upper - lower) or 1.0
    ends = lower - extra, upper + extra
    marks: list[Mark] = [*_pieces(rows, scale)]
    for text, point in points.items():
        x, y = scale.factor * point.departure, 100 * point.level
        high = point.level > 0.5  # then its name would run into the line of 100% above it
        marks += [
            Dot(at=x, value=y, look=POINT),
            Series(x=[x, ends[1]], y=[y, y], look=LEVEL, zorder=2.0),
            Words(
                text=text,
                x=1.0,
                shares=(True, False),
                y=y,
                shift=(0.0, -2.0 if high else 2.0),
                ha="right",
                va="top" if high else "bottom",
                colour=STYLE.second,
            ),
        ]
    at_zero = [row for row in rows if abs(row.departure) < 1e-12]
    shown = [f"parallel trends: {100 * row.probability_above_zero:.0f}%" for row in at_zero]
    marks.append(Rule(at=0.0, look=THIN, name=shown[0] if shown else ""))
    below = f"departure of the pilots' trend after settling-in, {scale.unit}"
    return Panel(
        x=Axis(ends=ends, name=below, kind="signed"),
        y=Axis(ends=(0.0, 100.0), ticks=SHARES, guides=True),
        marks=marks,
    )


def _pieces(rows: Sequence[TippingRow], scale: ShownScale) -> list[Series]:
    """The curve piece by piece, as each joins two departures of which either may be doubtful."""
    return [
        Series(
            x=[scale.factor * row.departure for row in pair],
            y=[100 * row.probability_above_zero for row in pair],
            look=CURVE if all(map(trusted, pair)) else DOUBTFUL,
        )
        for pair in pairwise(rows)
    ]


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


def _key(rows: Sequence[TippingRow], found: Sequence[str]) -> list[KeyEntry]:
    entries = [KeyEntry(name="probability", line=CURVE)]
    if not all(map(trusted, rows)):
        name = f"weights not to be trusted (Pareto k above {MAX_K:g})"
        entries.append(KeyEntry(name=name, line=DOUBTFUL))
    return [*entries, KeyEntry(name="tipping point", line=POINT)] if any(found) else entries


def _missing(points: Sequence[TippingPoint]) -> list[str]:
    missing = [percent(point.level) for point in points if math.isnan(point.departure)]
    if not missing:
        return []
    return [f"No departure is found at which the probability is {' or '.join(missing)}."]
