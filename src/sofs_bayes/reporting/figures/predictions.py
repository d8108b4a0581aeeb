"""Observed rates beside what the fitted model predicts: pilots one by one, comparators together."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes

from sofs_bayes.checks.diagnostics import PredictiveCell
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
from sofs_bayes.reporting.figures.page import KeyEntry, Page, add_axes, blank_page, set_ticks, write
from sofs_bayes.reporting.figures.placing import label_years
from sofs_bayes.reporting.figures.style import NO_EFFECT, STYLE, Look, line_height, width_of, wrap
from sofs_bayes.spec import Evidence

INTERVAL: Look = {"color": STYLE.light, "linewidth": 4.5, "linestyle": "solid"}
INSIDE: Look = {
    "linestyle": "None",
    "marker": "o",
    "markersize": 4.5,
    "markeredgewidth": 1.0,
    "markeredgecolor": STYLE.strong,
    "markerfacecolor": STYLE.strong,
}
OUTSIDE: Look = {
    **INSIDE,
    "marker": "D",
    "markersize": 6.0,
    "markeredgewidth": 1.7,
    "markeredgecolor": STYLE.second,
    "markerfacecolor": "white",
}
SHARE: Look = {**INSIDE, "linestyle": "solid", "linewidth": 1.2, "color": STYLE.strong}
COLUMNS, GAP, LEFT = 3, 0.2, 0.38
PANEL, AXIS, TITLE = 1.15, 0.34, 0.32
SHARES = TITLE + PANEL + AXIS - 0.06
MANY = 6  # authority-years, beyond which the alt text only counts them


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A pilot's authority-years, with the panel's heading in lines."""

    heading: tuple[str, ...]
    cells: tuple[PredictiveCell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The pilots' panels, `across` beside each other; inches of a panel and of its heading."""

    panels: tuple[Panel, ...]
    across: int
    width: float
    head: float

    @property
    def row(self) -> float:
        """Inches from one row of panels to the next."""
        return self.head + PANEL + AXIS

    @property
    def height(self) -> float:
        """Inches all panels take with their title; 0 without panels."""
        return TITLE + -(-len(self.panels) // self.across) * self.row if self.panels else 0.0


def predictive(
    cells: Sequence[PredictiveCell],
    *,
    events: str,
    denominator: str,
    title: str,
    evidence: Evidence,
    status: str,
    per: int = 100,
    name: str = "predictive",
) -> Drawing:
    """Posterior predictive intervals with the observed rates, by authority and year.

    A panel per pilot, each with its own vertical axis; below them the share of the
    comparators' authority-years inside their intervals, by year, beside the nominal level.

    Parameters
    ----------
    cells
        Authority-years of one fit, arm `pilot` or `comparator`.
    events, denominator, per
        What is counted per how many of what, for the axis: `events` per `per` `denominator`.
    title, evidence, status, name
        Title, evidence line, `converged` or not, and stem of the files.

    Raises
    ------
    BadInput
        No cells, a rate or bound that is no finite number, an authority-year twice, or more
        than one level.
    """
    refuse_empty(name, cells)
    refuse_gaps(name, cells, ("observed", "lower", "upper"))
    refuse_repeats(
        name, [f"{c.authority}, {financial_year(c.year)}" for c in cells], "authority-year"
    )
    level = only_value(name, cells, "level")
    pilots = [cell for cell in cells if cell.arm == "pilot"]
    others = [cell for cell in cells if cell.arm != "pilot"]
    grid = _grid(pilots)
    page = blank_page(
        grid.height + (SHARES if others else 0.0),
        title=title,
        evidence=(evidence,),
        status=status,
        notes=["Each pilot's panel has its own vertical axis."] if len(grid.panels) > 1 else [],
        key=_key(pilots, percent(level)),
    )
    years = range(min(cell.year for cell in cells), max(cell.year for cell in cells) + 1)
    if pilots:
        write(page, 0.0, 0.1, f"Pilots: {events} per {per:,} {denominator}")
        _draw_pilots(page, grid, years, per)
    if others:
        _draw_comparators(page, others, years, level, top=grid.height)
    alt = _alt(pilots, others, level, status)
    return Drawing(name=name, figure=page.figure, alt=alt, data=(PredictiveCell, tuple(cells)))


def inside(cell: PredictiveCell) -> bool:
    """Whether the observed rate lies in the predictive interval, ends included."""
    return cell.lower <= cell.observed <= cell.upper


def _grid(pilots: Sequence[PredictiveCell]) -> Grid:
    names = list(dict.fromkeys(cell.authority for cell in pilots))
    across = min(COLUMNS, max(1, len(names)))
    width = (STYLE.width - 2 * STYLE.margin - GAP * (across - 1)) / across - LEFT
    panels = []
    for name in names:
        own = tuple(cell for cell in pilots if cell.authority == name)
        heading = tuple(wrap(name, STYLE.small, width, bold=True))
        panels.append(Panel(heading=heading, cells=own))
    most = max((len(panel.heading) for panel in panels), default=0)
    head = (most + 1) * line_height(STYLE.small) + 0.08
    return Grid(panels=tuple(panels), across=across, width=width, head=head)


def _draw_pilots(page: Page, grid: Grid, years: Sequence[int], per: int) -> None:
    for i, panel in enumerate(grid.panels):
        left = i % grid.across * (grid.width + LEFT + GAP) + LEFT
        top = TITLE + i // grid.across * grid.row + grid.head
        heading = "\n".join(panel.heading)
        count = f"{sum(map(inside, panel.cells))} of {len(panel.cells)} inside"
        above = top - 0.05 - line_height(STYLE.small)
        write(page, left, above, heading, size=STYLE.small, va="bottom", bold=True)
        write(page, left, top - 0.05, count, size=STYLE.small, va="bottom", colour=STYLE.soft)
        axes = add_axes(page, left=left, top=top, width=grid.width, height=PANEL)
        _draw_cells(axes, panel.cells, per)
        axes.set_xlim(years[0] - 0.6, years[-1] + 0.6)
        label_years(axes, years, grid.width)


def _draw_cells(axes: Axes, cells: Sequence[PredictiveCell], per: int) -> None:
    values = [per * v for cell in cells for v in (cell.observed, cell.lower, cell.upper)]
    axes.set_ylim(*padded(values, 0.1))
    marks = ticks(*axes.get_ylim(), 4)
    set_ticks(axes, "y", marks, tick_labels(marks))
    for cell in cells:
        bounds = [per * cell.lower, per * cell.upper]
        axes.plot(
            [cell.year] * 2, bounds, marker="None", solid_capstyle="butt", zorder=2, **INTERVAL
        )
        look = INSIDE if inside(cell) else OUTSIDE
        axes.plot([cell.year], [per * cell.observed], zorder=3, **look)


def _draw_comparators(
    page: Page, cells: Sequence[PredictiveCell], years: Sequence[int], level: float, *, top: float
) -> None:
    number = len({cell.authority for cell in cells})
    heading = (
        f"{counted(number, 'comparator')}: authority-years inside their interval, % by year"
        f" ({sum(map(inside, cells))} of {len(cells)} in all)"
    )
    write(page, 0.0, top + 0.1, heading)
    right = width_of(f"nominal {percent(level)}", STYLE.small) + 0.12
    width = page.inner - LEFT - right
    axes = add_axes(page, left=LEFT, top=top + TITLE, width=width, height=PANEL)
    shares = shares_inside(cells)
    lowest = min([level, *shares.values()])
    axes.set_ylim(100 * max(0.0, lowest - 0.15), 104)
    marks = ticks(axes.get_ylim()[0], 100, 4)
    set_ticks(axes, "y", marks, tick_labels(marks))
    axes.set_xlim(years[0] - 0.6, years[-1] + 0.6)
    label_years(axes, years, width)
    axes.axhline(100 * level, **{**NO_EFFECT, "linestyle": (0, (4, 2))})
    height = PANEL * (104 - 100 * level) / (104 - axes.get_ylim()[0])
    name = f"nominal {percent(level)}"
    write(page, page.inner, top + TITLE + height, name, size=STYLE.small, ha="right")
    found = [100 * shares.get(year, math.nan) for year in years]
    axes.plot(years, found, zorder=3, **SHARE)


def shares_inside(cells: Sequence[PredictiveCell]) -> dict[int, float]:
    """The share of a year's authorities whose rate lies in its interval, by year."""
    by_year: dict[int, list[bool]] = {}
    for cell in sorted(cells, key=lambda cell: cell.year):
        by_year.setdefault(cell.year, []).append(inside(cell))
    return {year: sum(found) / len(found) for year, found in by_year.items()}


def _key(pilots: Sequence[PredictiveCell], level: str) -> list[KeyEntry]:
    if not pilots:
        return []
    return [
        KeyEntry(name=f"{level} predictive interval", line=INTERVAL),
        KeyEntry(name="observed, inside", line=INSIDE),
        KeyEntry(name="observed, outside", line=OUTSIDE),
    ]


def _alt(
    pilots: Sequence[PredictiveCell],
    others: Sequence[PredictiveCell],
    level: float,
    status: str,
) -> str:
    parts = [
        f"{sum(map(inside, cells))} of {counted(len(cells), f'{who} authority-year')}"
        for who, cells in (("pilot", pilots), ("comparator", others))
        if cells
    ]
    text = (
        f"{not_converged(status)}Observed rates inside their {percent(level)} posterior predictive"
        f" interval: {listed(parts)}."
    )
    outside = [f"{c.authority} {financial_year(c.year)}" for c in pilots if not inside(c)]
    if 0 < len(outside) <= MANY:
        text += f" Pilots outside: {listed(outside)}."
    if others:
        low = min(shares_inside(others).items(), key=lambda item: item[1])
        text += f" Comparators' lowest share is {low[1]:.0%}, in {financial_year(low[0])}."
    return text
