"""An event study: the effect in each year before and after settling-in."""

from collections.abc import Mapping, Sequence
from typing import Literal

from matplotlib.axes import Axes

from sofs_bayes.errors import BadInput
from sofs_bayes.estimands import EffectRow
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
    minus,
    not_converged,
    only_value,
    refuse_repeats,
)
from sofs_bayes.reporting.figures.page import (
    CONVERGED,
    Page,
    add_axes,
    blank_page,
    set_ticks,
    write,
)
from sofs_bayes.reporting.figures.style import GUIDE, STYLE, line_height, widest

REFERENCE = -1
GAP = 1.0  # the place settling-in takes on the axis, in years
NOTES = (
    "Cross: the reference, the last year before settling-in, without effect by definition."
    " Hollow squares, dashed: years before it. Filled circles: years after settling-in.",
)
HEAD, HEIGHT, AXIS, LEFT = 0.42, 2.9, 0.42, 0.5


def event_study(rows: Sequence[EffectRow], *, title: str, name: str = "event-study") -> Drawing:
    """The pooled effect in each year before and after settling-in, with its interval.

    Years before settling-in (hollow squares) lie around no effect if pilots and comparators
    moved alike; the last of them is the reference and has no effect by definition. The
    settling-in years, which are left out of the fit, are a shaded gap.

    Parameters
    ----------
    rows
        Of one fit, scale and target, with the estimands `effect in year -2`, … `+0`, ….
        Evidence and convergence are those of the rows.
    title, name
        Title, and stem of the files.

    Raises
    ------
    BadInput
        No rows, another estimand, a year twice, the reference year, a bound that is no finite
        number, or rows that differ in fit, scale, target, kind or level of interval.
    """
    scale = checked_scale(name, rows)
    for column in ("target", "prior", "variant", "status"):
        only_value(name, rows, column)
    interval = interval_name(name, rows)
    since = [_year_since(name, row) for row in rows]
    refuse_repeats(name, [f"{year:+d}" for year in since], "year")
    by_year = dict(sorted(zip(since, rows, strict=True)))
    body = HEAD + HEIGHT + AXIS
    page = blank_page(
        body, title=title, evidence=evidence_of(rows), status=status_of(rows), notes=NOTES
    )
    width = page.inner - LEFT
    write(page, 0.0, 0.1, f"{scale.axis}: median and {interval}")
    axes = add_axes(page, left=LEFT, top=HEAD, width=width, height=HEIGHT)
    effect_axis(axes, "y", rows, scale, HEIGHT)
    for value in axes.get_yticks():
        axes.axhline(value, **GUIDE)
    years = sorted({*since, REFERENCE})
    first, last = _place(years[0]) - 0.6, _place(max(years[-1], REFERENCE + 1)) + 0.6
    axes.set_xlim(first, last)
    _label_years(axes, years)
    axes.axvspan(
        _place(REFERENCE) + 0.5, _place(0) - 0.5, facecolor=STYLE.shade, linewidth=0, zorder=0
    )
    gap = LEFT + width * (_place(REFERENCE) + GAP - first) / (last - first)
    write(page, gap, HEAD - 0.09, "settling-in", size=STYLE.small, ha="center", colour=STYLE.soft)
    for year, row in by_year.items():
        _draw_effect(axes, _place(year), row, scale, before=year < 0)
    _draw_reference(page, axes, scale, width)
    axis_label = "years before (−) and after settling-in; 0 is the first year after it"
    write(page, LEFT + width / 2, body, axis_label, ha="center", va="bottom")
    alt = _alt(by_year, scale, interval)
    return Drawing(name=name, figure=page.figure, alt=alt, data=(EffectRow, tuple(rows)))


def _year_since(figure: str, row: EffectRow) -> int:
    if row.year is None or row.year == REFERENCE:
        allowed = "effect in year -2, effect in year +0, … (year -1 is the reference)"
        raise BadInput(f"figure {figure}", "estimand", repr(str(row.estimand)), allowed)
    return row.year


def _place(year: int) -> float:
    """Where a year stands on the axis: those after settling-in behind a gap."""
    return year + (GAP if year >= 0 else 0.0)


def _label_years(axes: Axes, years: Sequence[int]) -> None:
    every = -(-len(years) // 16)
    shown = [year for year in years if year % every == REFERENCE % every or every == 1]
    labels = [minus(f"{year:+d}" if year else "0") for year in shown]
    set_ticks(axes, "x", [_place(year) for year in shown], labels)


def _draw_effect(axes: Axes, x: float, row: EffectRow, scale: ShownScale, *, before: bool) -> None:
    median, lower, upper = shown_values(row, scale)
    colour = STYLE.second if before else STYLE.strong
    axes.plot(
        [x, x],
        [lower, upper],
        color=colour,
        linewidth=1.4,
        linestyle=(0, (3, 1.2)) if before else "solid",
        marker="None",
        zorder=3,
    )
    axes.plot(
        [x],
        [median],
        color=colour,
        linestyle="None",
        marker="s" if before else "o",
        markersize=6.0,
        markeredgecolor=colour,
        markeredgewidth=1.3,
        markerfacecolor="white" if before or row.status != CONVERGED else colour,
        zorder=4,
    )


def _draw_reference(page: Page, axes: Axes, scale: ShownScale, width: float) -> None:
    """A cross at no effect and, where a year's place is wide enough, what it is."""
    axes.plot(
        [_place(REFERENCE)],
        [scale.null],
        linestyle="None",
        marker="X",
        markersize=8.0,
        markeredgecolor="white",
        markeredgewidth=0.6,
        markerfacecolor=STYLE.ink,
        zorder=5,
    )
    lines = ["reference:", f"{scale.null:g} by", "definition"]
    first, last = axes.get_xlim()
    if widest(lines, STYLE.small) < 0.95 * width / (last - first):
        x, y = axes.transAxes.inverted().transform(
            axes.transData.transform((_place(REFERENCE), scale.null))
        )
        high = len(lines) * line_height(STYLE.small) + 0.08
        below = HEIGHT * y > high
        at = HEAD + HEIGHT * (1 - y) + (0.08 if below else -0.08)
        text = "\n".join(lines)
        va: Literal["top", "bottom"] = "top" if below else "bottom"
        write(page, LEFT + width * x, at, text, size=STYLE.small, ha="center", va=va)


def _alt(by_year: Mapping[int, EffectRow], scale: ShownScale, interval: str) -> str:
    rows = list(by_year.values())
    decimals = shown_decimals(rows, scale)
    texts = [
        f"year {minus(f'{year:+d}')} {numbers_text(row, scale, decimals)}"
        for year, row in by_year.items()
    ]
    return (
        f"{not_converged(status_of(rows))}Effect by year since settling-in ({scale.axis}), median"
        f" and {interval}, against the year before settling-in: {'; '.join(texts)}."
    )
