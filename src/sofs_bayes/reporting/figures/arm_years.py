"""Rates by arm and year beside what a model of children predicts for them."""

from collections.abc import Sequence
from typing import Unpack

from sofs_bayes.checks.predictive import ArmYearCheck
from sofs_bayes.reporting.figures.canvas import Canvas, KeyEntry, SaidOfRates, unit_of
from sofs_bayes.reporting.figures.curves import Panel, curves
from sofs_bayes.reporting.figures.drawing import Drawing, drawn
from sofs_bayes.reporting.figures.marks import Axis, Dot
from sofs_bayes.reporting.figures.numbers import counted, financial_year, listed, padded, percent
from sofs_bayes.reporting.figures.predictions import INSIDE, OBSERVED, OUTSIDE, inside
from sofs_bayes.reporting.figures.refusals import check_rows, only_value, refuse
from sofs_bayes.reporting.figures.style import STYLE, Look, marker, width_of
from sofs_bayes.reporting.figures.ticks import roomy_years

BAND: Look = {"color": STYLE.fill, "linewidth": 9.0}
MIDDLE: Look = marker("_", 9.0, STYLE.soft, width=0.9)
ARMS = {"pilot": "Pilots", "comparator": "Comparators"}
PERIODS = ("before", "after")
HEIGHT = 1.55


def arm_years(rows: Sequence[ArmYearCheck], **said: Unpack[SaidOfRates]) -> Drawing:
    """Observed rates of pilots and comparators in each year, with predictive intervals.

    A panel per arm, on the same vertical axis. All years before and after settling-in stand at
    the right.

    Parameters
    ----------
    rows
        Of one kind (posterior or prior).
    said
        As `SaidOfRates` has it.

    Raises
    ------
    BadInput
        No rows, a rate or bound that is no finite number, an unknown arm or period, an arm's
        year twice, or more than one kind or level.
    """
    name, per = said.get("name", "arm-years"), said.get("per", 100)
    _refuse(name, rows)
    level, unit = percent(only_value(name, rows, "level")), unit_of(said)
    band = KeyEntry(name=f"{level} predictive interval, with its median", fill=STYLE.fill)
    canvas = Canvas.of(said, name, subtitle=unit, notes=_notes(rows), key=[band, *OBSERVED])
    of_arm = {arm: [row for row in rows if row.arm == arm] for arm in ARMS}
    shown = {ARMS[arm]: own for arm, own in of_arm.items() if own}
    values = [per * v for row in rows for v in (row.observed, row.lower, row.upper)]
    places, x = _places(rows, canvas.inner - 0.5)
    panels = [
        Panel(
            x=x,
            y=Axis(ends=padded(values, 0.1), guides=True),
            marks=[mark for row in own for mark in _marks(row, places[row.year], per)],
            heading=f"{arm}: {_inside_text(own)}",
            bold=False,
        )
        for arm, own in shown.items()
    ]
    figure = curves(canvas, panels, height=HEIGHT)
    counts = [f"{arm.lower()} {_inside_text(own)}" for arm, own in shown.items()]
    outside = [
        f"{ARMS[row.arm].lower()} {row.year}: {per * row.observed:.1f} against"
        f" {per * row.lower:.1f} to {per * row.upper:.1f}"
        for row in rows
        if not inside(row)
    ]
    alt = f"{unit} by year beside their {level} predictive intervals: {listed(counts)}."
    alt += f" Outside: {'; '.join(outside)}." if outside else ""
    return drawn(canvas, figure, alt, ArmYearCheck, rows)


def _refuse(name: str, rows: Sequence[ArmYearCheck]) -> None:
    once = ("arm and year", [f"{row.arm}, {row.year}" for row in rows])
    finite = ("observed", "lower", "median", "upper")
    check_rows(name, rows, finite=finite, once=once, same=("kind",))
    for row in rows:
        if row.arm not in ARMS:
            raise refuse(name, "arm", repr(row.arm), ", ".join(ARMS))
        if not (row.year.isdigit() or row.year in PERIODS):
            raise refuse(name, "year", repr(row.year), f"2012, …, {', '.join(PERIODS)}")


def _inside_text(rows: Sequence[ArmYearCheck]) -> str:
    years = [row for row in rows if row.year not in PERIODS]
    return f"{sum(map(inside, years))} of {counted(len(years), 'year')} inside"


def _places(rows: Sequence[ArmYearCheck], width: float) -> tuple[dict[str, float], Axis]:
    """Years at their number; the periods behind them, as far apart as their names need."""
    years = sorted({int(row.year) for row in rows if row.year not in PERIODS})
    names = {each: f"all {each}" for each in PERIODS if any(row.year == each for row in rows)}
    first, last = (years[0], years[-1]) if years else (0, -1)
    inches = max([width_of(text, STYLE.small) for text in names.values()], default=0.0) + 0.12
    left_over = width - inches * (len(names) + 0.6)
    step = max(1.0, inches * (last - first + 1.2) / left_over)
    places = {str(year): float(year) for year in years}
    shown = roomy_years(range(first, last + 1), left_over) if years else []
    labels = {float(year): financial_year(year) for year in shown}
    for i, (period, text) in enumerate(names.items()):
        places[period] = last + 0.5 + step * (i + 0.7)
        labels[places[period]] = text
    edge = 0.5 * step if names else 0.6
    return places, Axis(ends=(first - 0.6, max(places.values()) + edge), ticks=labels)


def _marks(row: ArmYearCheck, at: float, per: int) -> list[Dot]:
    """The interval with its median, and the observed rate on it."""
    lower, median, upper = per * row.lower, per * row.median, per * row.upper
    look = INSIDE if inside(row) else OUTSIDE
    return [
        Dot(at=at, value=median, lower=lower, upper=upper, look=MIDDLE, bar=BAND, zorder=1.5),
        Dot(at=at, value=per * row.observed, look=look),
    ]


def _notes(rows: Sequence[ArmYearCheck]) -> list[str]:
    notes = ["Both panels have one vertical axis, which need not begin at 0."]
    if any(row.year in PERIODS for row in rows):
        notes.append("All before, all after: all years before and after settling-in.")
    return notes
