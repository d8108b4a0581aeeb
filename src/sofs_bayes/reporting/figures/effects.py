"""A forest: effects with their intervals, a line each, by pilot, fit or prior."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from matplotlib.axes import Axes

from sofs_bayes.estimands import NEW, POOLED, EffectRow
from sofs_bayes.reporting.figures.drawing import Drawing
from sofs_bayes.reporting.figures.intervals import (
    checked_scale,
    effect_axis,
    evidence_of,
    interval_name,
    numbers_text,
    shown_decimals,
    shown_values,
    status_of,
)
from sofs_bayes.reporting.figures.numbers import (
    ShownScale,
    counted,
    not_converged,
    percent,
    refuse_repeats,
)
from sofs_bayes.reporting.figures.page import CONVERGED, add_axes, blank_page, set_ticks, write
from sofs_bayes.reporting.figures.style import GUIDE, STYLE, line_height, widest, wrap

LONGEST_LABEL = 2.4  # inches, then it is wrapped
HEAD, AXIS, GAP = 0.2, 0.62, 0.16
MANY = 4  # rows, beyond which the alt text gives the outermost and not each


def by_target(row: EffectRow) -> str:
    """A row's label where rows differ in whom the effect is in."""
    return row.target


def is_summary(row: EffectRow) -> bool:
    """Whether a row is about no single pilot."""
    return row.target in (POOLED, NEW)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A row of a forest: its label in lines, its numbers, and its height in inches."""

    row: EffectRow
    label: tuple[str, ...]
    numbers: str
    apart: bool
    height: float


def pilot_forest(
    rows: Sequence[EffectRow],
    *,
    title: str,
    label: Callable[[EffectRow], str] = by_target,
    apart: Callable[[EffectRow], bool] = is_summary,
    order: Literal["median", "given"] = "median",
    name: str = "pilot-forest",
) -> Drawing:
    """Medians and intervals, a line each; some set apart at the bottom.

    By default one fit's pilots by median, then pooled effect and new authority. The same
    picture compares fits: `label=lambda row: str(row.variant)` with
    `apart=lambda row: row.kind == "main"` for one left out at a time, and
    `order="given"` for priors. Evidence and convergence are those of the rows; where only
    some rows did not converge, these are hollow and say so.

    Raises
    ------
    BadInput
        No rows, a bound that is no finite number, two rows with one label, or rows that
        differ in scale, kind or level of interval.
    """
    scale = checked_scale(name, rows)
    refuse_repeats(name, [label(row) for row in rows], "label")
    interval = interval_name(name, rows)
    lines = _lines(rows, scale, label, apart, order)
    tops = _tops(lines)
    height = tops[-1] + lines[-1].height + 0.06
    left = 0.15 + max(widest(line.label, STYLE.text, bold=line.apart) for line in lines)
    heading = f"median [{percent(rows[0].level)}]"
    right = 0.15 + widest([heading, *(line.numbers for line in lines)], STYLE.small)
    width, body = STYLE.width - 2 * STYLE.margin - left - right, HEAD + height + AXIS
    page = blank_page(
        body,
        title=title,
        evidence=evidence_of(rows),
        status=status_of(rows),
        notes=_refused(rows),
    )
    write(page, page.inner, HEAD / 2, heading, size=STYLE.small, ha="right", colour=STYLE.soft)
    axes = add_axes(page, left=left, top=HEAD, width=width, height=height)
    axes.set_ylim(height, 0)  # inches from the top, as the labels' places
    effect_axis(axes, "x", rows, scale, width)
    set_ticks(axes, "y", [], [])
    for line, top in zip(lines, tops, strict=True):
        y = top + line.height / 2
        text = "\n".join(line.label)
        colour = STYLE.ink if line.row.status == CONVERGED else STYLE.mark
        write(page, left - 0.15, HEAD + y, text, ha="right", colour=colour, bold=line.apart)
        write(page, page.inner, HEAD + y, line.numbers, size=STYLE.small, ha="right")
        _draw_line(axes, line, y, scale)
    axis_label = f"{scale.axis}:\nmedian and {interval}"
    write(page, left + width / 2, body, axis_label, ha="center", va="bottom")
    alt = _alt(lines, scale, interval)
    return Drawing(name=name, figure=page.figure, alt=alt, data=(EffectRow, tuple(rows)))


def _lines(
    rows: Sequence[EffectRow],
    scale: ShownScale,
    label: Callable[[EffectRow], str],
    apart: Callable[[EffectRow], bool],
    order: Literal["median", "given"],
) -> list[Line]:
    """The lines from top to bottom."""
    ranked = sorted(rows, key=lambda row: row.median) if order == "median" else list(rows)
    first = [row for row in ranked if not apart(row)]
    last = [row for row in (rows if first else ranked) if apart(row)]
    decimals, mixed = shown_decimals(rows, scale), len(evidence_of(rows)) > 1
    partly = status_of(rows) == CONVERGED
    lines = []
    for row in (*first, *last):
        text = label(row) + (f" ({row.evidence})" if mixed else "")
        if row.status != CONVERGED and partly:
            text += ": NOT CONVERGED"
        bold = apart(row) and bool(first)
        wrapped = tuple(wrap(text, STYLE.text, LONGEST_LABEL, bold=bold))
        lines.append(
            Line(
                row=row,
                label=wrapped,
                numbers=numbers_text(row, scale, decimals),
                apart=bold,
                height=len(wrapped) * line_height(STYLE.text) + 0.08,
            )
        )
    return lines


def _tops(lines: Sequence[Line]) -> list[float]:
    """Inches from the top at which each line begins, with a gap before those set apart."""
    tops, y, before = [], 0.06, lines[0].apart
    for line in lines:
        y += GAP if line.apart and not before else 0.0
        tops.append(y)
        y, before = y + line.height, line.apart
    return tops


def _colour(line: Line) -> str:
    if line.row.status != CONVERGED:
        return STYLE.mark
    return STYLE.ink if line.apart else STYLE.strong


def _draw_line(axes: Axes, line: Line, y: float, scale: ShownScale) -> None:
    median, lower, upper = shown_values(line.row, scale)
    converged = line.row.status == CONVERGED
    colour = _colour(line)
    axes.plot(
        [lower, upper],
        [y, y],
        color=colour,
        linewidth=2.2 if line.apart else 1.3,
        linestyle="solid" if converged else (0, (2, 1)),
        marker="None",
        solid_capstyle="butt",
        zorder=3,
    )
    axes.plot(
        [median],
        [y],
        color=colour,
        linestyle="None",
        marker="D" if line.apart else "o",
        markersize=6.5 if line.apart else 5.5,
        markeredgecolor=colour,
        markeredgewidth=1.2,
        markerfacecolor=colour if converged else "white",
        zorder=4,
    )
    axes.axhline(y, **GUIDE)


def _refused(rows: Sequence[EffectRow]) -> list[str]:
    refused = sum(row.status != CONVERGED for row in rows)
    if 0 < refused < len(rows):
        return [f"NOT CONVERGED, so no result: {counted(refused, 'row')} hollow and dashed."]
    return []


def _alt(lines: Sequence[Line], scale: ShownScale, interval: str) -> str:
    each = [line for line in lines if not line.apart]
    named = [line for line in lines if line.apart]
    if len(each) <= MANY:
        named, each = [*each, *named], []
    texts = [f"{' '.join(line.label)} {line.numbers}" for line in named]
    if each:
        ranked = sorted(each, key=lambda line: line.row.median)
        low, high = (f"{' '.join(line.label)} {line.numbers}" for line in (ranked[0], ranked[-1]))
        texts.append(f"the other {len(each)} from {low} to {high}")
    rows = [line.row for line in lines]
    without = [row for row in rows if not row.lower <= scale.null <= row.upper]
    sentences = (
        f"{counted(len(lines), 'effect')} ({scale.axis}), median and {interval}:"
        f" {'; '.join(texts)}.",
        f"{len(without)} of {len(lines)} intervals leave out {scale.null:g}.",
        *_refused(rows),
    )
    return not_converged(status_of(rows)) + " ".join(sentences)
