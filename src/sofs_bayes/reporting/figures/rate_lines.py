"""Lines of rates by financial year, named at their right ends, with the bands about them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from matplotlib.axes import Axes

from sofs_bayes.reporting.figures.numbers import financial_year, padded, tick_labels, ticks
from sofs_bayes.reporting.figures.page import Page, add_axes, add_sample, set_ticks, write
from sofs_bayes.reporting.figures.placing import label_years, moved_apart
from sofs_bayes.reporting.figures.style import GUIDE, STYLE, Look, line_height, widest, wrap

HEAD, HEIGHT, AXIS, LEFT = 0.44, 3.1, 0.42, 0.42
BODY = HEAD + HEIGHT + AXIS
LABELS = 1.5  # inches for the names at the right
SAMPLE = 0.36  # inches for the sample of the line before each name


class RateOfYear(Protocol):
    """What a row of rates says beside its rates."""

    @property
    def year(self) -> int:
        """The financial year."""

    @property
    def period(self) -> str:
        """Before, in or after settling-in."""

    @property
    def pilots(self) -> int:
        """How many pilots its rate is of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One line: its name at the right end, the column of its values and its look.

    `bounds` are the columns of an interval about it, `band` its fill.
    """

    name: str
    column: str
    look: Look
    bounds: tuple[str, ...] = ()
    band: str = "none"


def shown_series(
    rows: Sequence[RateOfYear], series: Sequence[Series], **words: str
) -> list[Series]:
    """The lines for which there is any value, `words` put into their names."""
    return [
        replace(each, name=each.name.format(**words))
        for each in series
        if any(not math.isnan(getattr(row, each.column)) for row in rows)
    ]


def draw_rates(page: Page, rows: Sequence[RateOfYear], series: Sequence[Series], per: int) -> None:
    """Axes with all lines, filling the body of the page but for its head.

    Parameters
    ----------
    rows
        In order of years; years without a row are gaps in the lines.
    """
    names = [wrap(each.name, STYLE.small, LABELS) for each in series]
    right = widest([line for lines in names for line in lines], STYLE.small) + SAMPLE + 0.1
    width = page.inner - LEFT - right
    axes = add_axes(page, left=LEFT, top=HEAD, width=width, height=HEIGHT)
    _limit(axes, rows, series, per, width)
    _shade(page, axes, rows, width)
    years = range(rows[0].year, rows[-1].year + 1)
    for i, each in enumerate(series):
        if each.bounds:
            _draw_band(axes, rows, each, years, per, zorder=1.5 - 0.1 * i)
        axes.plot(years, _by_year(rows, years, each.column, per), zorder=5 - 0.1 * i, **_look(each))
    _name_series(page, axes, rows, series, names, per=per, x=LEFT + width)
    write(page, LEFT + width / 2, BODY, "financial year", ha="center", va="bottom")


def rate_range(
    rows: Sequence[RateOfYear], series: Sequence[Series], per: int
) -> tuple[float, float]:
    """The vertical axis: from 0, unless that would press all lines into its upper part."""
    columns = [column for each in series for column in (each.column, *each.bounds)]
    shown = [per * getattr(row, column) for row in rows for column in columns]
    shown = [value for value in shown if not math.isnan(value)]
    lower, upper = padded(shown, 0.08)
    if min(shown) >= 0.0 and lower <= 0.3 * upper:
        lower = 0.0
    return lower, upper


def _limit(
    axes: Axes, rows: Sequence[RateOfYear], series: Sequence[Series], per: int, width: float
) -> None:
    axes.set_ylim(*rate_range(rows, series, per))
    values = ticks(*axes.get_ylim(), 7)
    set_ticks(axes, "y", values, tick_labels(values))
    for value in values:
        axes.axhline(value, **GUIDE)
    first, last = rows[0].year, rows[-1].year
    axes.set_xlim(first - 0.5, last + 0.5)
    label_years(axes, range(first, last + 1), width)


def _shade(page: Page, axes: Axes, rows: Sequence[RateOfYear], width: float) -> None:
    """Runs of settling-in years, shaded and named above."""
    years = [row.year for row in rows if row.period == "settling-in"]
    first, last = axes.get_xlim()
    for start in (year for year in years if year - 1 not in years):
        end = start
        while end + 1 in years:
            end += 1
        axes.axvspan(start - 0.5, end + 0.5, facecolor=STYLE.shade, linewidth=0, zorder=0)
        middle = LEFT + width * ((start + end) / 2 - first) / (last - first)
        write(
            page, middle, HEAD - 0.09, "settling-in", size=STYLE.small, ha="center",
            colour=STYLE.soft,
        )  # fmt: skip


def _draw_band(
    axes: Axes,
    rows: Sequence[RateOfYear],
    series: Series,
    years: Sequence[int],
    per: int,
    *,
    zorder: float,
) -> None:
    """The interval as a band with an edge like its line, and its ends in every year."""
    lower, upper = (_by_year(rows, years, bound, per) for bound in series.bounds)
    edge: Look = {"linewidth": 0.6, "linestyle": series.look.get("linestyle", "solid")}
    colour = series.look["color"]
    axes.fill_between(
        years, lower, upper, facecolor=series.band, edgecolor=colour, zorder=zorder, **edge
    )
    for year, low, high in zip(years, lower, upper, strict=True):  # a lone year has no band
        axes.plot(
            [year, year], [low, high], marker="_", markersize=7, zorder=2.0, color=colour, **edge
        )


def _look(series: Series) -> Look:
    colour = series.look["color"]
    common = {"linestyle": "solid", "markeredgewidth": 1.2, "markeredgecolor": colour}
    return {**common, "markerfacecolor": colour, **series.look}


def _by_year(
    rows: Sequence[RateOfYear], years: Sequence[int], column: str, per: int
) -> list[float]:
    """A column's values year by year, NaN where there is no row, so that lines break there."""
    found = {row.year: per * getattr(row, column) for row in rows}
    return [found.get(year, math.nan) for year in years]


def _name_series(
    page: Page,
    axes: Axes,
    rows: Sequence[RateOfYear],
    series: Sequence[Series],
    names: Sequence[Sequence[str]],
    *,
    per: int,
    x: float,
) -> None:
    """Each line's name beside its last value, moved apart where they would overlap."""
    lower, upper = axes.get_ylim()
    last = [
        next(v for row in reversed(rows) if not math.isnan(v := getattr(row, each.column)))
        for each in series
    ]
    wanted = [HEIGHT * (upper - per * value) / (upper - lower) for value in last]
    heights = [len(lines) * line_height(STYLE.small) + 0.05 for lines in names]
    for each, lines, y in zip(
        series, names, moved_apart(wanted, heights, 0.0, HEIGHT), strict=True
    ):
        colour = STYLE.soft if each.look["color"] == STYLE.light else each.look["color"]
        text = "\n".join(lines)
        fill = each.band if each.bounds else None
        add_sample(page, x + 0.06, HEAD + y, 0.3, _look(each), fill=fill)
        write(page, x + 0.06 + SAMPLE, HEAD + y, text, size=STYLE.small, colour=colour)


def fewer_pilots(rows: Sequence[RateOfYear]) -> list[str]:
    """The years in which another number of pilots is counted than usually, in words."""
    counts = [row.pilots for row in rows]
    usual = max(counts, key=counts.count)
    return [f"{row.pilots} in {financial_year(row.year)}" for row in rows if row.pilots != usual]


def usual_pilots(rows: Sequence[RateOfYear]) -> int:
    """The number of pilots in most years."""
    counts = [row.pilots for row in rows]
    return max(counts, key=counts.count)
