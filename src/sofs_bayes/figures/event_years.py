"""An event study: the effect in each year before and after settling-in."""

from collections.abc import Sequence
from functools import partial

from sofs_bayes.estimands import EffectRow
from sofs_bayes.figures.canvas import CONVERGED, Canvas
from sofs_bayes.figures.curves import Panel, curves
from sofs_bayes.figures.drawing import Drawing, drawn
from sofs_bayes.figures.intervals import (
    checked_scale,
    dot_of,
    drawn_name,
    effect_axis,
    evidence_of,
    finding,
    interval_name,
    numbers_text,
    shown,
    shown_decimals,
    status_of,
)
from sofs_bayes.figures.marks import Axis, Dot, Mark, Rule, Span, Words
from sofs_bayes.figures.numbers import ShownScale, minus
from sofs_bayes.figures.refusals import check_rows, refuse
from sofs_bayes.figures.style import NO_EFFECT, SOLID, STYLE, marker
from sofs_bayes.spec.outcomes import capital
from sofs_bayes.spec.terms import CHILDREN

REFERENCE = -1
GAP = 1.0  # the place settling-in takes on the axis, in years
MOST = 16  # years that are labelled
ROOMY = 10.5  # years on the axis, beyond which the reference is not named beside its cross
HEIGHT = 2.9
NOTES = (
    "Cross: the reference, the last year before settling-in, without effect by definition."
    " Hollow squares, dashed: years before it. Filled circles: years after settling-in.",
)


def event_study(
    rows: Sequence[EffectRow],
    *,
    title: str,
    name: str = "event-study",
    whom: str = CHILDREN,
) -> Drawing:
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
    whom
        Those of changes told per 1,000 or 10,000.

    Raises
    ------
    BadInput
        No rows, another estimand, a year twice, the reference year, a bound that is no finite
        number, or rows that differ in fit, scale, target, kind or level of interval.
    """
    scale = checked_scale(name, rows, whom)
    check_rows(name, rows, same=("target", "prior", "variant", "status"))
    interval = interval_name(name, rows)
    since = [_year_since(name, row) for row in rows]
    check_rows(name, rows, once=("year", [f"{year:+d}" for year in since]))
    by_year = dict(sorted(zip(since, rows, strict=True)))
    years = sorted({*since, REFERENCE})
    ends = _place(years[0]) - 0.6, _place(max(years[-1], REFERENCE + 1)) + 0.6
    below = "years before (−) and after settling-in; 0 is the first year after it"
    found = [shown(row, scale) for row in by_year.values()]
    up = effect_axis(found, scale, "", guides=True)
    marks: list[Mark] = [
        Span(ends=(_place(REFERENCE) + 0.5, _place(0) - 0.5), name="settling-in"),
        Rule(at=scale.null, look=NO_EFFECT, which="y"),
        *(_effect(year, row, scale) for year, row in by_year.items()),
        Dot(at=_place(REFERENCE), value=scale.null, look=marker("X", 8.0, "white", STYLE.ink, 0.6)),
    ]
    if ends[1] - ends[0] < ROOMY:
        marks.append(_reference(scale, up.ends))
    canvas = Canvas(
        name=name,
        title=finding(rows, scale),
        evidence=evidence_of(rows),
        status=status_of(rows),
        subtitle=f"{title}. {capital(scale.axis)}: {drawn_name(rows)}",
        notes=NOTES,
    )
    panel = Panel(x=Axis(ends=ends, name=below, ticks=_labels(years)), y=up, marks=marks)
    chart = partial(curves, panels=[panel], height=HEIGHT)
    decimals = shown_decimals(found, scale)
    texts = [
        f"year {minus(f'{year:+d}')} {numbers_text(each, scale, decimals)}"
        for year, each in zip(by_year, found, strict=True)
    ]
    alt = (
        f"Effect by year since settling-in ({scale.axis}), median"
        f" and {interval}, against the year before settling-in: {'; '.join(texts)}."
    )
    return drawn(canvas, chart, alt, EffectRow, rows)


def _year_since(figure: str, row: EffectRow) -> int:
    if row.year is None or row.year == REFERENCE:
        allowed = "effect in year -2, effect in year +0, … (year -1 is the reference)"
        raise refuse(figure, "estimand", repr(str(row.estimand)), allowed)
    return row.year


def _place(year: int) -> float:
    """Where a year stands on the axis: those after settling-in behind a gap."""
    return year + (GAP if year >= 0 else 0.0)


def _labels(years: Sequence[int]) -> dict[float, str]:
    every = -(-len(years) // MOST)
    shown = [year for year in years if year % every == REFERENCE % every or every == 1]
    return {_place(year): minus(f"{year:+d}" if year else "0") for year in shown}


def _effect(year: int, row: EffectRow, scale: ShownScale) -> Dot:
    before = year < 0
    colour = STYLE.second if before else STYLE.strong
    face = "white" if before or row.status != CONVERGED else colour
    line = {"color": colour, "linewidth": 1.4, "linestyle": (0, (3, 1.2)) if before else SOLID}
    look = marker("s" if before else "o", 6.0, colour, face, 1.3)
    return dot_of(row, scale, look=look, bar=line, at=_place(year))


def _reference(scale: ShownScale, ends: tuple[float, float]) -> Words:
    """What the cross is, below it or, where there is no room, above."""
    roomy = (scale.null - ends[0]) / (ends[1] - ends[0]) * HEIGHT > 0.6
    return Words(
        text=f"reference:\n{scale.null:g} by\ndefinition",
        x=_place(REFERENCE),
        y=scale.null,
        shift=(0.0, -6.0 if roomy else 6.0),
        va="top" if roomy else "bottom",
        colour=STYLE.ink,
    )
