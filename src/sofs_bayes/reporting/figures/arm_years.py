"""Rates by arm and year beside what a model of children predicts for them."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from sofs_bayes.checks.predictive import ArmYearCheck
from sofs_bayes.errors import BadInput
from sofs_bayes.reporting.figures.drawing import Drawing
from sofs_bayes.reporting.figures.numbers import (
    counted,
    financial_year,
    listed,
    not_converged,
    only_value,
    padded,
    percent,
    refuse_empty,
    refuse_gaps,
    refuse_repeats,
    tick_labels,
    ticks,
)
from sofs_bayes.reporting.figures.page import KeyEntry, add_axes, blank_page, set_ticks, write
from sofs_bayes.reporting.figures.placing import roomy_years
from sofs_bayes.reporting.figures.predictions import INSIDE, OUTSIDE
from sofs_bayes.reporting.figures.style import GUIDE, STYLE, Look, width_of
from sofs_bayes.spec import Evidence

BAND: Look = {"color": STYLE.fill, "linewidth": 9.0, "linestyle": "solid", "marker": "None"}
MIDDLE: Look = {
    "color": STYLE.soft,
    "linestyle": "None",
    "marker": "_",
    "markersize": 9.0,
    "markeredgewidth": 0.9,
}
ARMS = {"pilot": "Pilots", "comparator": "Comparators"}
PERIODS = ("before", "after")
HEAD, TITLE, PANEL, AXIS, LEFT = 0.26, 0.26, 1.55, 0.36, 0.38


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where years and periods stand on the axis, and what is written below them."""

    x: dict[str, float]
    labels: dict[float, str]
    limits: tuple[float, float]


def arm_years(
    rows: Sequence[ArmYearCheck],
    *,
    events: str,
    denominator: str,
    title: str,
    evidence: Evidence,
    status: str,
    per: int = 100,
    name: str = "arm-years",
) -> Drawing:
    """Observed rates of pilots and comparators in each year, with predictive intervals.

    A panel per arm, on the same vertical axis. All years before and after settling-in stand at
    the right.

    Parameters
    ----------
    rows
        Of one kind (posterior or prior).
    events, denominator, per
        What is counted per how many of what, for the axis: `events` per `per` `denominator`.
    title, evidence, status, name
        Title, evidence line, `converged` or not, and stem of the files.

    Raises
    ------
    BadInput
        No rows, a rate or bound that is no finite number, an unknown arm or period, an arm's
        year twice, or more than one kind or level.
    """
    _refuse(name, rows)
    level = percent(only_value(name, rows, "level"))
    arms = [arm for arm in ARMS if any(row.arm == arm for row in rows)]
    each = TITLE + PANEL + AXIS
    page = blank_page(
        HEAD + len(arms) * each,
        title=title,
        evidence=(evidence,),
        status=status,
        notes=_notes(rows),
        key=[
            KeyEntry(
                name=f"{level} predictive interval, with its median", line={}, fill=STYLE.fill
            ),
            KeyEntry(name="observed, inside", line=INSIDE),
            KeyEntry(name="observed, outside", line=OUTSIDE),
        ],
    )
    write(page, 0.0, 0.1, f"{events} per {per:,} {denominator}")
    width = page.inner - LEFT
    places = _places(rows, width)
    values = [per * v for row in rows for v in (row.observed, row.lower, row.upper)]
    for i, arm in enumerate(arms):
        own = [row for row in rows if row.arm == arm]
        top = HEAD + i * each
        heading = f"{ARMS[arm]}: {_inside_text(own)}"
        write(page, LEFT, top + TITLE / 2, heading, size=STYLE.small)
        axes = add_axes(page, left=LEFT, top=top + TITLE, width=width, height=PANEL)
        axes.set_ylim(*padded(values, 0.1))
        _draw(axes, own, places, per)
    alt = _alt(rows, arms, f"{events} per {per:,} {denominator}", per, status)
    return Drawing(name=name, figure=page.figure, alt=alt, data=(ArmYearCheck, tuple(rows)))


def _refuse(name: str, rows: Sequence[ArmYearCheck]) -> None:
    refuse_empty(name, rows)
    refuse_gaps(name, rows, ("observed", "lower", "median", "upper"))
    refuse_repeats(name, [f"{row.arm}, {row.year}" for row in rows], "arm and year")
    only_value(name, rows, "kind")
    for row in rows:
        if row.arm not in ARMS:
            raise BadInput(f"figure {name}", "arm", repr(row.arm), ", ".join(ARMS))
        if not (row.year.isdigit() or row.year in PERIODS):
            raise BadInput(
                f"figure {name}", "year", repr(row.year), f"2012, …, {', '.join(PERIODS)}"
            )


def _inside(row: ArmYearCheck) -> bool:
    return row.lower <= row.observed <= row.upper


def _inside_text(rows: Sequence[ArmYearCheck]) -> str:
    years = [row for row in rows if row.year not in PERIODS]
    return f"{sum(map(_inside, years))} of {counted(len(years), 'year')} inside"


def _places(rows: Sequence[ArmYearCheck], width: float) -> Places:
    """Years at their number; the periods behind them, as far apart as their names need."""
    years = sorted({int(row.year) for row in rows if row.year not in PERIODS})
    periods = [period for period in PERIODS if any(row.year == period for row in rows)]
    first, last = (years[0], years[-1]) if years else (0, -1)
    names = {period: f"all {period}" for period in periods}
    inches = max([width_of(text, STYLE.small) for text in names.values()], default=0.0) + 0.12
    left_over = width - inches * (len(periods) + 0.6)
    step = max(1.0, inches * (last - first + 1.2) / left_over)
    x = {str(year): float(year) for year in years}
    labels: dict[float, str] = {}
    if years:
        shown = roomy_years(range(first, last + 1), left_over)
        labels |= {float(year): financial_year(year) for year in shown}
    for i, period in enumerate(periods):
        x[period] = last + 0.5 + step * (i + 0.7)
        labels[x[period]] = names[period]
    edge = 0.5 * step if periods else 0.6
    return Places(x=x, labels=labels, limits=(first - 0.6, max(x.values()) + edge))


def _draw(axes: Axes, rows: Sequence[ArmYearCheck], places: Places, per: int) -> None:
    marks = ticks(*axes.get_ylim(), 5)
    set_ticks(axes, "y", marks, tick_labels(marks))
    for mark in marks:
        axes.axhline(mark, **GUIDE)
    axes.set_xlim(*places.limits)
    set_ticks(axes, "x", list(places.labels), list(places.labels.values()))
    for row in rows:
        x = places.x[row.year]
        bounds = [per * row.lower, per * row.upper]
        axes.plot([x, x], bounds, zorder=2, solid_capstyle="butt", **BAND)
        axes.plot([x], [per * row.median], zorder=2.5, **MIDDLE)
        axes.plot([x], [per * row.observed], zorder=3, **(INSIDE if _inside(row) else OUTSIDE))


def _notes(rows: Sequence[ArmYearCheck]) -> list[str]:
    notes = ["Both panels have one vertical axis, which need not begin at 0."]
    if any(row.year in PERIODS for row in rows):
        notes.append("All before, all after: all years before and after settling-in.")
    return notes


def _alt(
    rows: Sequence[ArmYearCheck], arms: Sequence[str], unit: str, per: int, status: str
) -> str:
    level = percent(rows[0].level)
    parts = [
        f"{ARMS[arm].lower()} {_inside_text([row for row in rows if row.arm == arm])}"
        for arm in arms
    ]
    text = (
        f"{not_converged(status)}{unit} by year beside their {level} predictive intervals:"
        f" {listed(parts)}."
    )
    outside = [
        f"{ARMS[row.arm].lower()} {row.year}: {per * row.observed:.1f} against"
        f" {per * row.lower:.1f} to {per * row.upper:.1f}"
        for row in rows
        if not _inside(row)
    ]
    return f"{text} Outside: {'; '.join(outside)}." if outside else text
