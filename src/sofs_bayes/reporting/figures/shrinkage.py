"""What partial pooling does: each pilot by itself, and pulled in by the others."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Unpack

from sofs_bayes.estimands.rows import ShrinkageRow
from sofs_bayes.reporting.figures.canvas import Canvas, KeyEntry, Said
from sofs_bayes.reporting.figures.dots import Beside, Row, dots
from sofs_bayes.reporting.figures.drawing import Drawing, drawn
from sofs_bayes.reporting.figures.intervals import (
    effect_axis,
    interval_name,
    numbers_text,
    shown_decimals,
    shown_values,
)
from sofs_bayes.reporting.figures.marks import Dot, Rule
from sofs_bayes.reporting.figures.numbers import ShownScale, amount, counted, minus, percent
from sofs_bayes.reporting.figures.refusals import check_rows, only_value, shown_scale
from sofs_bayes.reporting.figures.style import DOTTED, NO_EFFECT, SOLID, STYLE, Look, marker

ALONE: Look = {
    **marker("o", 5.5, STYLE.second, "white"),
    "linewidth": 1.2,
    "linestyle": (0, (3, 1.2)),
}
POOLED_IN: Look = {**marker("o", 5.5, STYLE.strong), "linewidth": 1.8, "linestyle": SOLID}
TOGETHER: Look = {"color": STYLE.soft, "linewidth": 1.1, "linestyle": DOTTED}
KEY = (
    KeyEntry(name="the pilot by itself", line=ALONE),
    KeyEntry(name="partially pooled", line=POOLED_IN),
    KeyEntry(name="pooled effect", line=TOGETHER),
)
LANE = 0.17  # inches from one interval of a pilot to the other
MANY = 4  # pilots, beyond which the alt text gives the outermost and not each


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A median with its interval."""

    median: float
    lower: float
    upper: float


def shrinkage(rows: Sequence[ShrinkageRow], **said: Unpack[Said]) -> Drawing:
    """Each pilot's effect by itself (hollow) above its partially pooled one (filled).

    Parameters
    ----------
    rows
        One per pilot, on one scale. They are shown by the median of the pilot by itself.
    said
        As `Said` has it.

    Raises
    ------
    BadInput
        No rows, a bound that is no finite number, a pilot twice, or rows that differ in scale,
        pooled effect, kind or level of interval.
    """
    name = said.get("name", "shrinkage")
    columns = ("unpooled_median", "unpooled_lower", "unpooled_upper", "pooled_median")
    once = ("pilot", [row.target for row in rows])
    check_rows(name, rows, finite=(*columns, "median", "lower", "upper"), once=once)
    scale, interval = shown_scale(name, rows), interval_name(name, rows)
    pooled = scale.factor * only_value(name, rows, "pooled_median")
    ranked = sorted(rows, key=lambda row: row.unpooled_median)
    pairs = [_pair(row) for row in ranked]
    every = [each for pair in pairs for each in pair]
    decimals = shown_decimals(every, scale)
    numbers = [[numbers_text(each, scale, decimals) for each in pair] for pair in pairs]
    canvas = Canvas.of(said, name, key=KEY)
    figure = dots(
        canvas,
        [_line(*each, scale) for each in zip(ranked, pairs, numbers, strict=True)],
        effect_axis(every, scale, f"{scale.axis}:\nmedian and {interval}"),
        rules=[Rule(at=scale.null, look=NO_EFFECT), Rule(at=pooled, look=TOGETHER)],
        columns=[f"median [{percent(rows[0].level)}]", "pulled in"],
        longest=0.27,
    )
    texts = [
        f"{row.target} {alone}, partially pooled {together}"
        for row, (alone, together) in zip(ranked, numbers, strict=True)
    ]
    shown = texts if len(texts) <= MANY else [texts[0], texts[-1]]
    among = "" if len(shown) == len(texts) else " The outermost:"
    pooled_text = amount(pooled, scale, shown_decimals([pair[1] for pair in pairs], scale))
    alt = (
        f"Effects of {counted(len(rows), 'pilot')} ({scale.axis}), by themselves and partially"
        f" pooled, median and {interval}; pooled effect {pooled_text}.{among} {'; '.join(shown)}."
    )
    return drawn(canvas, figure, alt, ShrinkageRow, rows)


def _pair(row: ShrinkageRow) -> tuple[Interval, Interval]:
    """A pilot's effect by itself, and partially pooled."""
    alone = Interval(median=row.unpooled_median, lower=row.unpooled_lower, upper=row.unpooled_upper)
    return alone, Interval(median=row.median, lower=row.lower, upper=row.upper)


def _line(
    row: ShrinkageRow, pair: Sequence[Interval], numbers: Sequence[str], scale: ShownScale
) -> Row:
    shown, beside = [], []
    both = zip(pair, (ALONE, POOLED_IN), numbers, (-LANE / 2, LANE / 2), strict=True)
    for found, look, text, lane in both:
        median, lower, upper = shown_values(found, scale)
        bar = {**look, "marker": "None"}
        shown.append(Dot(at=lane, value=median, lower=lower, upper=upper, look=look, bar=bar))
        beside.append(Beside(text=text, lane=lane, colour=look["color"]))
    pulled = "–" if math.isnan(row.shrinkage) else minus(f"{100 * row.shrinkage:.0f}%")
    beside.append(Beside(text=pulled, column=1, lane=LANE / 2))
    return Row(label=row.target, dots=shown, beside=beside, lanes=2 * LANE + 0.04)
