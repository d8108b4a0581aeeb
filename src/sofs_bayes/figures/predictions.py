"""Observed rates beside what the fitted model predicts: by authority, and by arm."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Unpack

from matplotlib.figure import Figure

from sofs_bayes.checks.registry.predictions import ArmYearCheck, PredictiveCell
from sofs_bayes.errors import counted
from sofs_bayes.figures.canvas import Canvas, KeyEntry, SaidOfRates, name_of, named_years, unit_of
from sofs_bayes.figures.curves import Panel, curves
from sofs_bayes.figures.drawing import Drawing, drawn
from sofs_bayes.figures.intervals import bars_name, drawn_name, half
from sofs_bayes.figures.marks import Axis, Dot, Rule, Series
from sofs_bayes.figures.numbers import listed, padded, percent
from sofs_bayes.figures.refusals import check_rows, only_value, refuse
from sofs_bayes.figures.style import DASHED, NO_EFFECT, STYLE, Look, marker, widest
from sofs_bayes.figures.ticks import roomy_years
from sofs_bayes.spec.years import Years

INTERVAL: Look = {"color": STYLE.light, "linewidth": 2.6}
INSIDE: Look = marker("o", 4.5, STYLE.strong, width=1.0)
OUTSIDE: Look = marker("D", 6.0, STYLE.second, "white", 1.7)
OBSERVED = (
    KeyEntry(name="observed, inside", line=INSIDE),
    KeyEntry(name="observed, outside", line=OUTSIDE),
)
COLUMNS, HEIGHT = 3, 1.15
MIDDLE: Look = marker("_", 9.0, STYLE.soft, width=0.9)
ARMS = {"pilot": "Pilots", "comparator": "Comparators"}
PERIODS = ("before", "after")
TALLER = 1.55
MANY = 6  # authority-years, beyond which the alt text only counts them


def predictive(cells: Sequence[PredictiveCell], **said: Unpack[SaidOfRates]) -> Drawing:
    """Posterior predictive intervals with the observed rates, by authority and year.

    A panel per pilot, each with its own vertical axis; below them the share of the
    comparators' authority-years inside their intervals, by year, beside the nominal level.

    Parameters
    ----------
    cells
        Authority-years of one fit, arm `pilot` or `comparator`.
    said
        `title`, `evidence`, `status`, `events`, `denominator`, `per`, `years` and `name`; as
        `SaidOfRates` has them.

    Raises
    ------
    BadInput
        No cells, a rate or bound that is no finite number, an authority-year twice, or more
        than one level.
    """
    name, per = name_of(said, SaidOfRates, "predictive"), said.get("per", 100)
    named = named_years(said)
    once = ("authority-year", [f"{c.authority}, {named.name(c.year)}" for c in cells])
    check_rows(name, cells, finite=("observed", "lower", "upper"), once=once)
    level = only_value(name, cells, "level")
    pilots = [cell for cell in cells if cell.arm == "pilot"]
    others = [cell for cell in cells if cell.arm != "pilot"]
    by_name: dict[str, list[PredictiveCell]] = {}
    for cell in pilots:
        by_name.setdefault(cell.authority, []).append(cell)
    years = range(min(cell.year for cell in cells), max(cell.year for cell in cells) + 1)
    x = Axis(ends=(years[0] - 0.6, years[-1] + 0.6), kind="year", years=named)
    panels = [_pilot(each, own, x, per) for each, own in by_name.items()]
    interval = KeyEntry(name=bars_name(cells, "predictive"), line=INTERVAL)
    canvas = Canvas.of(
        said,
        name,
        finding=f"{sum(map(inside, cells))} of {len(cells)} authority-years are inside their"
        " predictive intervals",
        subtitle=f"Pilots: {unit_of(said)}" if pilots else "",
        notes=["Each pilot's panel has its own vertical axis."] if len(by_name) > 1 else [],
        key=[interval, *OBSERVED] if pilots else [],
    )
    if others:
        panels.append(_comparators(others, x, years, level))
    columns = min(COLUMNS, max(1, len(by_name)))
    chart = partial(curves, panels=panels, height=HEIGHT, columns=columns)
    return drawn(canvas, chart, _alt(pilots, others, level, named), PredictiveCell, cells)


def inside(cell: PredictiveCell | ArmYearCheck) -> bool:
    """Whether the observed rate lies in the predictive interval, ends included."""
    return cell.lower <= cell.observed <= cell.upper


def _pilot(name: str, cells: Sequence[PredictiveCell], x: Axis, per: int) -> Panel:
    values = [per * v for cell in cells for v in (cell.observed, cell.lower, cell.upper)]
    return Panel(
        x=x,
        y=Axis(ends=padded(values, 0.1)),
        marks=[
            Dot(
                at=cell.year,
                value=per * cell.observed,
                lower=per * cell.lower,
                upper=per * cell.upper,
                look=INSIDE if inside(cell) else OUTSIDE,
                bar=INTERVAL,
                inner=half(cell, factor=per),
            )
            for cell in cells
        ],
        heading=name,
        note=f"{sum(map(inside, cells))} of {len(cells)} inside",
    )


def _comparators(
    cells: Sequence[PredictiveCell], x: Axis, years: Sequence[int], level: float
) -> Panel:
    shares = shares_inside(cells)
    bottom = 100 * max(0.0, min([level, *shares.values()]) - 0.15)
    look = {**INSIDE, "linestyle": "solid", "linewidth": 1.2}
    nominal = {**NO_EFFECT, "linestyle": DASHED}
    found = [100 * shares.get(year, math.nan) for year in years]
    number = len({cell.authority for cell in cells})
    return Panel(
        x=x,
        y=Axis(ends=(bottom, 104.0)),
        marks=[
            Rule(at=100 * level, look=nominal, which="y", name=f"nominal {percent(level)}"),
            Series(x=years, y=found, look=look),
        ],
        heading=f"{counted(number, 'comparator')}: authority-years inside their interval, % by year"
        f" ({sum(map(inside, cells))} of {len(cells)} in all)",
        bold=False,
        wide=True,
    )


def shares_inside(cells: Sequence[PredictiveCell]) -> dict[int, float]:
    """The share of a year's authorities whose rate lies in its interval, by year."""
    by_year: dict[int, list[bool]] = {}
    for cell in sorted(cells, key=lambda cell: cell.year):
        by_year.setdefault(cell.year, []).append(inside(cell))
    return {year: sum(found) / len(found) for year, found in by_year.items()}


def _alt(
    pilots: Sequence[PredictiveCell], others: Sequence[PredictiveCell], level: float, years: Years
) -> str:
    parts = [
        f"{sum(map(inside, cells))} of {counted(len(cells), f'{who} authority-year')}"
        for who, cells in (("pilot", pilots), ("comparator", others))
        if cells
    ]
    text = (
        f"Observed rates inside their {percent(level)} posterior predictive interval:"
        f" {listed(parts)}."
    )
    outside = [f"{c.authority} {years.name(c.year)}" for c in pilots if not inside(c)]
    if 0 < len(outside) <= MANY:
        text += f" Pilots outside: {listed(outside)}."
    if others:
        low = min(shares_inside(others).items(), key=lambda item: item[1])
        text += f" Comparators' lowest share is {low[1]:.0%}, in {years.name(low[0])}."
    return text


def arm_years(rows: Sequence[ArmYearCheck], **said: Unpack[SaidOfRates]) -> Drawing:
    """Observed rates of pilots and comparators in each year, with predictive intervals.

    A panel per arm, on the same vertical axis. All years before and after settling-in stand at
    the right.

    Parameters
    ----------
    rows
        Of one kind (posterior or prior).
    said
        `title`, `evidence`, `status`, `events`, `denominator`, `per`, `years` and `name`; as
        `SaidOfRates` has them.

    Raises
    ------
    BadInput
        No rows, a rate or bound that is no finite number, an unknown arm or period, an arm's
        year twice, or more than one kind or level.
    """
    name, per = name_of(said, SaidOfRates, "arm-years"), said.get("per", 100)
    _refuse_arms(name, rows)
    level, unit = percent(only_value(name, rows, "level")), unit_of(said)
    band = KeyEntry(name=drawn_name(rows, "predictive"), line=INTERVAL)
    canvas = Canvas.of(
        said,
        name,
        finding=f"{_inside_text(rows)} their predictive intervals",
        subtitle=unit,
        notes=_arms_notes(rows),
        key=[band, *OBSERVED],
    )
    of_arm = {arm: [row for row in rows if row.arm == arm] for arm in ARMS}
    shown = {ARMS[arm]: own for arm, own in of_arm.items() if own}
    counts = [f"{arm.lower()} {_inside_text(own)}" for arm, own in shown.items()]
    outside = [
        f"{ARMS[row.arm].lower()} {row.year}: {per * row.observed:.1f} against"
        f" {per * row.lower:.1f} to {per * row.upper:.1f}"
        for row in rows
        if not inside(row)
    ]
    alt = f"{unit} by year beside their {level} predictive intervals: {listed(counts)}."
    alt += f" Outside: {'; '.join(outside)}." if outside else ""
    chart = partial(_arm_chart, shown=shown, years=named_years(said), per=per)
    return drawn(canvas, chart, alt, ArmYearCheck, rows)


def _arm_chart(
    canvas: Canvas, *, shown: Mapping[str, Sequence[ArmYearCheck]], years: Years, per: int
) -> Figure:
    """A panel per arm, as wide as the canvas is."""
    rows = [row for own in shown.values() for row in own]
    values = [per * v for row in rows for v in (row.observed, row.lower, row.upper)]
    places, x = _year_places(rows, canvas, years)
    panels = [
        Panel(
            x=x,
            y=Axis(ends=padded(values, 0.1), guides=True),
            marks=[mark for row in own for mark in _arm_marks(row, places[row.year], per)],
            heading=f"{arm}: {_inside_text(own)}",
            bold=False,
        )
        for arm, own in shown.items()
    ]
    return curves(canvas, panels, height=TALLER)


def _refuse_arms(name: str, rows: Sequence[ArmYearCheck]) -> None:
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


def _year_places(
    rows: Sequence[ArmYearCheck], canvas: Canvas, named: Years
) -> tuple[dict[str, float], Axis]:
    """Years at their number; the periods behind them, as far apart as their names need."""
    years = sorted({int(row.year) for row in rows if row.year not in PERIODS})
    between, width = "\n" if canvas.is_narrow else " ", canvas.inner - 0.5
    there = [each for each in PERIODS if any(row.year == each for row in rows)]
    names = {each: f"all{between}{each}" for each in there}
    first, last = (years[0], years[-1]) if years else (0, -1)
    inches = widest(list(names.values()), STYLE.small) + 0.12
    left_over = width - inches * (len(names) + 0.6)
    step = max(1.0, inches * (last - first + 1.2) / left_over)
    places = {str(year): float(year) for year in years}
    shown = roomy_years(range(first, last + 1), left_over, named) if years else []
    labels = {float(year): named.name(year) for year in shown}
    for i, (period, text) in enumerate(names.items()):
        places[period] = last + 0.5 + step * (i + 0.7)
        labels[places[period]] = text
    edge = 0.5 * step if names else 0.6
    return places, Axis(ends=(first - 0.6, max(places.values()) + edge), ticks=labels)


def _arm_marks(row: ArmYearCheck, at: float, per: int) -> list[Dot]:
    """The interval with its median, and the observed rate on it."""
    lower, median, upper = per * row.lower, per * row.median, per * row.upper
    look = INSIDE if inside(row) else OUTSIDE
    return [
        Dot(
            at=at,
            value=median,
            lower=lower,
            upper=upper,
            inner=half(row, factor=per),
            look=MIDDLE,
            bar=INTERVAL,
            zorder=1.5,
        ),
        Dot(at=at, value=per * row.observed, look=look),
    ]


def _arms_notes(rows: Sequence[ArmYearCheck]) -> list[str]:
    notes = ["Both panels have one vertical axis, which need not begin at 0."]
    if any(row.year in PERIODS for row in rows):
        notes.append("All before, all after: all years before and after settling-in.")
    return notes
