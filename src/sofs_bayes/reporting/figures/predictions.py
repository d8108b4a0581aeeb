"""Observed rates beside what the fitted model predicts: pilots one by one, comparators together."""

import math
from collections.abc import Sequence
from typing import Protocol, Unpack

from sofs_bayes.checks.diagnostics import PredictiveCell
from sofs_bayes.reporting.figures.canvas import Canvas, KeyEntry, SaidOfRates, unit_of
from sofs_bayes.reporting.figures.curves import Panel, curves
from sofs_bayes.reporting.figures.drawing import Drawing, drawn
from sofs_bayes.reporting.figures.marks import Axis, Dot, Rule, Series
from sofs_bayes.reporting.figures.numbers import counted, financial_year, listed, padded, percent
from sofs_bayes.reporting.figures.refusals import check_rows, only_value
from sofs_bayes.reporting.figures.style import DASHED, NO_EFFECT, STYLE, Look, marker

INTERVAL: Look = {"color": STYLE.light, "linewidth": 4.5}
INSIDE: Look = marker("o", 4.5, STYLE.strong, width=1.0)
OUTSIDE: Look = marker("D", 6.0, STYLE.second, "white", 1.7)
OBSERVED = (
    KeyEntry(name="observed, inside", line=INSIDE),
    KeyEntry(name="observed, outside", line=OUTSIDE),
)
COLUMNS, HEIGHT = 3, 1.15
MANY = 6  # authority-years, beyond which the alt text only counts them


class Predicted(Protocol):
    """A rate beside the interval predicted for it."""

    @property
    def observed(self) -> float:
        """The rate as it was."""

    @property
    def lower(self) -> float:
        """Where the interval begins."""

    @property
    def upper(self) -> float:
        """Where it ends."""


def predictive(cells: Sequence[PredictiveCell], **said: Unpack[SaidOfRates]) -> Drawing:
    """Posterior predictive intervals with the observed rates, by authority and year.

    A panel per pilot, each with its own vertical axis; below them the share of the
    comparators' authority-years inside their intervals, by year, beside the nominal level.

    Parameters
    ----------
    cells
        Authority-years of one fit, arm `pilot` or `comparator`.
    said
        As `SaidOfRates` has it.

    Raises
    ------
    BadInput
        No cells, a rate or bound that is no finite number, an authority-year twice, or more
        than one level.
    """
    name, per = said.get("name", "predictive"), said.get("per", 100)
    once = ("authority-year", [f"{c.authority}, {financial_year(c.year)}" for c in cells])
    check_rows(name, cells, finite=("observed", "lower", "upper"), once=once)
    level = only_value(name, cells, "level")
    pilots = [cell for cell in cells if cell.arm == "pilot"]
    others = [cell for cell in cells if cell.arm != "pilot"]
    by_name: dict[str, list[PredictiveCell]] = {}
    for cell in pilots:
        by_name.setdefault(cell.authority, []).append(cell)
    years = range(min(cell.year for cell in cells), max(cell.year for cell in cells) + 1)
    x = Axis(ends=(years[0] - 0.6, years[-1] + 0.6), kind="year")
    panels = [_pilot(each, own, x, per) for each, own in by_name.items()]
    interval = KeyEntry(name=f"{percent(level)} predictive interval", line=INTERVAL)
    canvas = Canvas.of(
        said,
        name,
        subtitle=f"Pilots: {unit_of(said)}" if pilots else "",
        notes=["Each pilot's panel has its own vertical axis."] if len(by_name) > 1 else [],
        key=[interval, *OBSERVED] if pilots else [],
    )
    if others:
        panels.append(_comparators(others, x, years, level))
    columns = min(COLUMNS, max(1, len(by_name)))
    figure = curves(canvas, panels, height=HEIGHT, columns=columns)
    return drawn(canvas, figure, _alt(pilots, others, level), PredictiveCell, cells)


def inside(cell: Predicted) -> bool:
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


def _alt(pilots: Sequence[PredictiveCell], others: Sequence[PredictiveCell], level: float) -> str:
    parts = [
        f"{sum(map(inside, cells))} of {counted(len(cells), f'{who} authority-year')}"
        for who, cells in (("pilot", pilots), ("comparator", others))
        if cells
    ]
    text = (
        f"Observed rates inside their {percent(level)} posterior predictive interval:"
        f" {listed(parts)}."
    )
    outside = [f"{c.authority} {financial_year(c.year)}" for c in pilots if not inside(c)]
    if 0 < len(outside) <= MANY:
        text += f" Pilots outside: {listed(outside)}."
    if others:
        low = min(shares_inside(others).items(), key=lambda item: item[1])
        text += f" Comparators' lowest share is {low[1]:.0%}, in {financial_year(low[0])}."
    return text
