"""What partial pooling does: each pilot by itself, and pulled in by the others."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matplotlib.axes import Axes

from sofs_bayes.estimands.rows import ShrinkageRow
from sofs_bayes.reporting.figures.drawing import Drawing
from sofs_bayes.reporting.figures.intervals import (
    effect_axis,
    interval_name,
    numbers_text,
    shown_decimals,
    shown_values,
)
from sofs_bayes.reporting.figures.numbers import (
    ShownScale,
    amount,
    counted,
    minus,
    not_converged,
    only_value,
    percent,
    refuse_empty,
    refuse_gaps,
    refuse_repeats,
    shown_scale,
)
from sofs_bayes.reporting.figures.page import (
    KeyEntry,
    Page,
    add_axes,
    blank_page,
    set_ticks,
    write,
)
from sofs_bayes.reporting.figures.style import GUIDE, STYLE, Look, line_height, widest, wrap
from sofs_bayes.spec import Evidence

if TYPE_CHECKING:
    from sofs_bayes.reporting.figures.intervals import Ranged

UNPOOLED: Look = {
    "color": STYLE.second,
    "linewidth": 1.2,
    "linestyle": (0, (3, 1.2)),
    "marker": "o",
    "markersize": 5.5,
    "markeredgecolor": STYLE.second,
    "markeredgewidth": 1.2,
    "markerfacecolor": "white",
}
POOLED_IN: Look = {
    "color": STYLE.strong,
    "linewidth": 1.8,
    "linestyle": "solid",
    "marker": "o",
    "markersize": 5.5,
    "markeredgecolor": STYLE.strong,
    "markeredgewidth": 1.2,
    "markerfacecolor": STYLE.strong,
}
TOGETHER: Look = {
    "color": STYLE.soft,
    "linewidth": 1.1,
    "linestyle": (0, (1, 1.6)),
    "marker": "None",
}
KEY = (
    KeyEntry(name="the pilot by itself", line=UNPOOLED),
    KeyEntry(name="partially pooled", line=POOLED_IN),
    KeyEntry(name="pooled effect", line=TOGETHER),
)
LONGEST_LABEL = 1.9  # inches, then it is wrapped
HEAD, AXIS, EACH = 0.24, 0.62, 0.17
MANY = 4  # pilots, beyond which the alt text gives the outermost and not each


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A median with its interval."""

    median: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A pilot: its label in lines, its two intervals with their numbers, inches it takes."""

    label: tuple[str, ...]
    unpooled: Interval
    pooled: Interval
    numbers: tuple[str, str]
    pulled: str
    height: float


def shrinkage(
    rows: Sequence[ShrinkageRow],
    *,
    title: str,
    evidence: Evidence,
    status: str,
    name: str = "shrinkage",
) -> Drawing:
    """Each pilot's effect by itself (hollow) above its partially pooled one (filled).

    Parameters
    ----------
    rows
        One per pilot, on one scale. They are shown by the median of the pilot by itself.
    title, evidence, status, name
        Title, evidence line, `converged` or not, and stem of the files.

    Raises
    ------
    BadInput
        No rows, a bound that is no finite number, a pilot twice, or rows that differ in scale,
        pooled effect, kind or level of interval.
    """
    refuse_empty(name, rows)
    columns = ("unpooled_median", "unpooled_lower", "unpooled_upper")
    refuse_gaps(name, rows, (*columns, "median", "lower", "upper", "pooled_median"))
    refuse_repeats(name, [row.target for row in rows], "pilot")
    scale, interval = shown_scale(name, rows), interval_name(name, rows)
    pooled = scale.factor * only_value(name, rows, "pooled_median")
    lines = _lines(rows, scale)
    heading, pulled_in = f"median [{percent(rows[0].level)}]", "pulled in"
    left = 0.15 + widest([text for line in lines for text in line.label], STYLE.text)
    last = widest([pulled_in, *(line.pulled for line in lines)], STYLE.small)
    right = 0.3 + last + widest([heading, *(t for ln in lines for t in ln.numbers)], STYLE.small)
    height = sum(line.height for line in lines) + 0.06
    body = HEAD + height + AXIS
    page = blank_page(body, title=title, evidence=(evidence,), status=status, key=KEY)
    width = page.inner - left - right
    for text, x in ((heading, page.inner - last - 0.15), (pulled_in, page.inner)):
        write(page, x, HEAD - 0.1, text, size=STYLE.small, ha="right", colour=STYLE.soft)
    axes = add_axes(page, left=left, top=HEAD, width=width, height=height)
    axes.set_ylim(height, 0)  # inches from the top, as the labels' places
    drawn: list[Ranged] = [each for line in lines for each in (line.unpooled, line.pooled)]
    effect_axis(axes, "x", drawn, scale, width)
    set_ticks(axes, "y", [], [])
    axes.axvline(pooled, **TOGETHER)
    top = 0.06
    for line in lines:
        _draw_line(page, axes, line, scale, left=left, top=top, numbers_end=last + 0.15)
        top += line.height
    axis_label = f"{scale.axis}:\nmedian and {interval}"
    write(page, left + width / 2, body, axis_label, ha="center", va="bottom")
    alt = _alt(lines, scale, interval, pooled, status)
    return Drawing(name=name, figure=page.figure, alt=alt, data=(ShrinkageRow, tuple(rows)))


def _lines(rows: Sequence[ShrinkageRow], scale: ShownScale) -> list[Line]:
    """The pilots from top to bottom."""
    lines = []
    ranked = sorted(rows, key=lambda row: row.unpooled_median)
    pairs = [(_unpooled(row), _pooled(row)) for row in ranked]
    decimals = shown_decimals([each for pair in pairs for each in pair], scale)
    for row, (unpooled, pooled) in zip(ranked, pairs, strict=True):
        label = tuple(wrap(row.target, STYLE.text, LONGEST_LABEL))
        lines.append(
            Line(
                label=label,
                unpooled=unpooled,
                pooled=pooled,
                numbers=(
                    numbers_text(unpooled, scale, decimals),
                    numbers_text(pooled, scale, decimals),
                ),
                pulled="–" if math.isnan(row.shrinkage) else minus(f"{100 * row.shrinkage:.0f}%"),
                height=max(len(label) * line_height(STYLE.text), 2 * EACH) + 0.12,
            )
        )
    return lines


def _unpooled(row: ShrinkageRow) -> Interval:
    return Interval(median=row.unpooled_median, lower=row.unpooled_lower, upper=row.unpooled_upper)


def _pooled(row: ShrinkageRow) -> Interval:
    return Interval(median=row.median, lower=row.lower, upper=row.upper)


def _draw_line(
    page: Page,
    axes: Axes,
    line: Line,
    scale: ShownScale,
    *,
    left: float,
    top: float,
    numbers_end: float,
) -> None:
    middle = top + line.height / 2
    write(page, left - 0.15, HEAD + middle, "\n".join(line.label), ha="right")
    write(page, page.inner, HEAD + middle + EACH / 2, line.pulled, size=STYLE.small, ha="right")
    both = zip((line.unpooled, line.pooled), (UNPOOLED, POOLED_IN), line.numbers, strict=True)
    for i, (found, look, numbers) in enumerate(both):
        y = middle + (i - 0.5) * EACH
        median, lower, upper = shown_values(found, scale)
        line_only = {**look, "marker": "None", "solid_capstyle": "butt"}
        axes.plot([lower, upper], [y, y], zorder=3, **line_only)
        axes.plot([median], [y], zorder=4, **{**look, "linestyle": "None"})
        write(
            page, page.inner - numbers_end, HEAD + y, numbers, size=STYLE.small, ha="right",
            colour=look["color"],
        )  # fmt: skip
    axes.axhline(top + line.height, **GUIDE)


def _alt(
    lines: Sequence[Line], scale: ShownScale, interval: str, pooled: float, status: str
) -> str:
    shown = lines if len(lines) <= MANY else (lines[0], lines[-1])
    parts = [
        f"{' '.join(line.label)} {line.numbers[0]}, partially pooled {line.numbers[1]}"
        for line in shown
    ]
    among = "" if len(shown) == len(lines) else " The outermost:"
    decimals = shown_decimals([line.pooled for line in lines], scale)
    return (
        f"{not_converged(status)}Effects of {counted(len(lines), 'pilot')} ({scale.axis}), by"
        f" themselves and partially pooled, median and {interval}; pooled effect"
        f" {amount(pooled, scale, decimals)}.{among} {'; '.join(parts)}."
    )
