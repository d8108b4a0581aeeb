"""Rates by financial year: what the pilots did, beside what was to be expected of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from matplotlib.axes import Axes

from sofs_bayes.errors import BadInput
from sofs_bayes.estimands import RateRow
from sofs_bayes.reporting.figures.drawing import Drawing
from sofs_bayes.reporting.figures.numbers import (
    financial_year,
    listed,
    not_converged,
    only_value,
    padded,
    percent,
    refuse_empty,
    refuse_repeats,
    tick_labels,
    ticks,
)
from sofs_bayes.reporting.figures.page import (
    Page,
    add_axes,
    add_sample,
    blank_page,
    set_ticks,
    write,
)
from sofs_bayes.reporting.figures.placing import label_years, moved_apart
from sofs_bayes.reporting.figures.style import GUIDE, STYLE, Look, line_height, widest, wrap
from sofs_bayes.spec import Evidence

HEAD, HEIGHT, AXIS, LEFT = 0.44, 3.1, 0.42, 0.42
LABELS = 1.5  # inches for the names at the right
SAMPLE = 0.36  # inches for the sample of the line before each name
BOUNDS = ("counterfactual", "lower", "upper")
PERIODS = ("pre", "settling-in", "post")


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One line of the picture: its name at the right end, its values and its look."""

    name: str
    column: str
    look: Look


SERIES = (
    Series(
        name="pilots, observed",
        column="observed",
        look={"color": STYLE.strong, "linewidth": 2.0, "marker": "o", "markersize": 5},
    ),
    Series(
        name="pilots, expected without the practice model ({summary}, {level} interval)",
        column="counterfactual",
        look={
            "color": STYLE.second,
            "linewidth": 1.5,
            "linestyle": (0, (4, 1.5, 1, 1.5)),
            "marker": "D",
            "markersize": 4.5,
            "markerfacecolor": "white",
        },
    ),
    Series(
        name="comparators, observed",
        column="comparators",
        look={
            "color": STYLE.light,
            "linewidth": 1.4,
            "linestyle": (0, (4, 2)),
            "marker": "s",
            "markersize": 4,
        },
    ),
)


def rate_and_counterfactual(
    rows: Sequence[RateRow],
    *,
    events: str,
    denominator: str,
    title: str,
    evidence: Evidence,
    status: str,
    per: int = 100,
    summary: str = "median",
    name: str = "rate-and-counterfactual",
) -> Drawing:
    """Pilots' and comparators' rates by year, with the pilots' counterfactual rate.

    Years without counts are gaps in the lines and named below the picture.

    Parameters
    ----------
    rows
        One per year, in any order.
    events, denominator, per
        What is counted per how many of what, for the axis: `events` per `per` `denominator`.
    summary
        What the counterfactual rate is: a posterior `median`, or an `estimate`.
    title, evidence, status, name
        Title, evidence line, `converged` or not, and stem of the files.

    Raises
    ------
    BadInput
        No rows, a year twice, an unknown period, an infinite number, no observed rate at all,
        a counterfactual in part, or more than one level.
    """
    rows = sorted(rows, key=lambda row: row.year)
    _refuse(name, rows)
    level = percent(only_value(name, rows, "level"))
    series = _series(rows, level, summary)
    names = [wrap(each.name, STYLE.small, LABELS) for each in series]
    body = HEAD + HEIGHT + AXIS
    page = blank_page(
        body, title=title, evidence=(evidence,), status=status, notes=_notes(rows, per)
    )
    right = widest([line for lines in names for line in lines], STYLE.small) + SAMPLE + 0.1
    width = page.inner - LEFT - right
    write(page, 0.0, 0.1, f"{events} per {per:,} {denominator}")
    axes = add_axes(page, left=LEFT, top=HEAD, width=width, height=HEIGHT)
    _limit(axes, rows, per, width)
    _shade(page, axes, rows, width)
    _draw(axes, rows, series, per)
    _name_series(page, axes, rows, series, names, per=per, x=LEFT + width)
    write(page, LEFT + width / 2, body, "financial year", ha="center", va="bottom")
    alt = _alt(rows, f"{events} per {per:,} {denominator}", per, f"{summary} and {level}", status)
    return Drawing(name=name, figure=page.figure, alt=alt, data=(RateRow, tuple(rows)))


def _refuse(figure: str, rows: Sequence[RateRow]) -> None:
    refuse_empty(figure, rows)
    refuse_repeats(figure, [financial_year(row.year) for row in rows], "year")
    place = f"figure {figure}"
    for row in rows:
        year = financial_year(row.year)
        if row.period not in PERIODS:
            raise BadInput(place, f"{year}, period", repr(row.period), ", ".join(PERIODS))
        for column in ("observed", "comparators", *BOUNDS):
            if math.isinf(getattr(row, column)):
                raise BadInput(place, f"{year}, {column}", "an infinity", "a rate, or NaN")
        if len({math.isnan(getattr(row, column)) for column in BOUNDS}) > 1:
            raise BadInput(place, f"{year}, {', '.join(BOUNDS)}", "NaN in part", "all or none NaN")
    if all(math.isnan(row.observed) for row in rows):
        raise BadInput(place, "observed", "only NaN", "a rate in one year or more")


def _series(rows: Sequence[RateRow], level: str, summary: str) -> list[Series]:
    """The lines for which there is any value."""
    named = [replace(each, name=each.name.format(level=level, summary=summary)) for each in SERIES]
    return [s for s in named if any(not math.isnan(getattr(row, s.column)) for row in rows)]


def _range(rows: Sequence[RateRow], per: int) -> tuple[float, float]:
    """The vertical axis: from 0, unless that would press all lines into its upper part."""
    shown = [per * getattr(row, c) for row in rows for c in ("observed", "comparators", *BOUNDS)]
    lower, upper = padded([value for value in shown if not math.isnan(value)], 0.08)
    return (lower, upper) if lower > 0.3 * upper else (0.0, upper)


def _limit(axes: Axes, rows: Sequence[RateRow], per: int, width: float) -> None:
    axes.set_ylim(*_range(rows, per))
    values = ticks(*axes.get_ylim(), 7)
    set_ticks(axes, "y", values, tick_labels(values))
    for value in values:
        axes.axhline(value, **GUIDE)
    first, last = rows[0].year, rows[-1].year
    axes.set_xlim(first - 0.5, last + 0.5)
    label_years(axes, range(first, last + 1), width)


def _shade(page: Page, axes: Axes, rows: Sequence[RateRow], width: float) -> None:
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


def _draw(axes: Axes, rows: Sequence[RateRow], series: Sequence[Series], per: int) -> None:
    years = range(rows[0].year, rows[-1].year + 1)
    lower, upper = (_by_year(rows, years, bound, per) for bound in ("lower", "upper"))
    axes.fill_between(years, lower, upper, color=STYLE.band, linewidth=0, zorder=1)
    for year, low, high in zip(years, lower, upper, strict=True):  # a lone year has no band
        bounds: Look = {"color": STYLE.second, "linewidth": 0.6, "linestyle": "solid"}
        axes.plot([year, year], [low, high], marker="_", markersize=7, zorder=2, **bounds)
    for i, each in enumerate(series):
        axes.plot(years, _by_year(rows, years, each.column, per), zorder=5 - i, **_look(each))


def _look(series: Series) -> Look:
    colour = series.look["color"]
    common = {"linestyle": "solid", "markeredgewidth": 1.2, "markeredgecolor": colour}
    return {**common, "markerfacecolor": colour, **series.look}


def _by_year(rows: Sequence[RateRow], years: Sequence[int], column: str, per: int) -> list[float]:
    """A column's values year by year, NaN where there is no row, so that lines break there."""
    found = {row.year: per * getattr(row, column) for row in rows}
    return [found.get(year, math.nan) for year in years]


def _name_series(
    page: Page,
    axes: Axes,
    rows: Sequence[RateRow],
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
        add_sample(page, x + 0.06, HEAD + y, 0.3, _look(each))
        write(page, x + 0.06 + SAMPLE, HEAD + y, text, size=STYLE.small, colour=colour)


def _notes(rows: Sequence[RateRow], per: int) -> list[str]:
    notes = ["The vertical axis does not begin at 0."] if _range(rows, per)[0] > 0 else []
    counts = [row.pilots for row in rows]
    usual = max(counts, key=counts.count)
    fewer = [f"{row.pilots} in {financial_year(row.year)}" for row in rows if row.pilots != usual]
    if fewer:
        notes.append(f"Pilots with counts: {usual}; {listed(fewer)}.")
    gaps = [financial_year(r.year) for r in rows if math.isnan(r.observed + r.comparators)]
    if gaps:
        notes.append(f"No rate, and a gap in the line, in {listed(gaps)}.")
    return notes


def _alt(rows: Sequence[RateRow], unit: str, per: int, summary: str, status: str) -> str:
    parts = []
    for column, who in (("observed", "pilots"), ("comparators", "comparators")):
        seen = [row for row in rows if not math.isnan(getattr(row, column))]
        if seen:
            ends = " to ".join(
                f"{per * getattr(row, column):.1f} in {financial_year(row.year)}"
                for row in (seen[0], seen[-1])
            )
            parts.append(f"{who} from {ends}")
    expected = [
        f"{per * r.counterfactual:.1f} [{per * r.lower:.1f}, {per * r.upper:.1f}] in"
        f" {financial_year(r.year)}, observed {per * r.observed:.1f}"
        for r in rows
        if not math.isnan(r.counterfactual)
    ]
    text = f"{not_converged(status)}{unit}, observed: {'; '.join(parts)}."
    if not expected:
        return text
    return (
        f"{text} Pilots expected without the practice model, {summary} interval:"
        f" {'; '.join(expected)}."
    )
