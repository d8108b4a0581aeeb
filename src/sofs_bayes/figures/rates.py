"""Rates by year: what the pilots did, beside what was to be expected of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Unpack

from sofs_bayes.errors import counted
from sofs_bayes.estimands.rows import YearlyRateRow
from sofs_bayes.figures.canvas import Canvas, SaidOfRates, name_of, named_years, unit_of
from sofs_bayes.figures.curves import Panel, curves
from sofs_bayes.figures.drawing import Drawing, drawn
from sofs_bayes.figures.marks import Axis, Dot, Mark, Series, Span
from sofs_bayes.figures.numbers import listed, minus, padded, percent
from sofs_bayes.figures.refusals import check_rows, only_value, refuse
from sofs_bayes.figures.style import DASHED, STYLE, Look, marker
from sofs_bayes.frequentist.counterfactual import YearRate
from sofs_bayes.spec.years import Years

PERIODS = ("pre", "settling-in", "post")
HEIGHT = 3.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line: its name at the right end, the column of its values and its look.

    `bounds` are the columns of an interval about it, `band` its fill.
    """

    name: str
    column: str
    look: Look
    bounds: tuple[str, ...] = ()
    band: str = STYLE.band


OBSERVED = Line(
    name="pilots, observed",
    column="observed",
    look={**marker("o", 5.0, STYLE.strong), "linewidth": 2.0, "linestyle": "solid"},
)
EXPECTED = Line(
    name="pilots, expected without the programme ({summary}, {level} interval)",
    column="counterfactual",
    look={
        **marker("D", 4.5, STYLE.second, "white"),
        "linewidth": 1.5,
        "linestyle": (0, (4, 1.5, 1, 1.5)),
    },
    bounds=("lower", "upper"),
)
COMPARATORS = Line(
    name="comparators, observed",
    column="comparators",
    look={**marker("s", 4.0, STYLE.light), "linewidth": 1.4, "linestyle": DASHED},
)
# Of a posterior: observed rates are points, as the lines are what the model makes of them.
YEARLY = (
    replace(OBSERVED, look=marker("o", 5.0, STYLE.ink)),
    Line(
        name="pilots, fitted (median, {level} interval)",
        column="fitted",
        look={"color": STYLE.strong, "linewidth": 1.8},
        bounds=("fitted_lower", "fitted_upper"),
        band=STYLE.fill,
    ),
    replace(EXPECTED, bounds=("counterfactual_lower", "counterfactual_upper")),
    COMPARATORS,
)


def rate_and_counterfactual(
    rows: Sequence[YearRate], *, summary: str = "median", **said: Unpack[SaidOfRates]
) -> Drawing:
    """Pilots' and comparators' rates by year, with the pilots' counterfactual rate.

    Years without counts are gaps in the lines and named below the picture.

    Parameters
    ----------
    rows
        One per year, in any order.
    summary
        What the counterfactual rate is: a posterior `median`, or an `estimate`.
    said
        `title`, `evidence`, `status`, `events`, `denominator`, `per`, `years` and `name`; as
        `SaidOfRates` has them.

    Raises
    ------
    BadInput
        No rows, a year twice, an unknown period, an infinite number, no observed rate at all,
        a counterfactual in part, or more than one level.
    """
    name = name_of(said, SaidOfRates, "rate-and-counterfactual")
    rows = sorted(rows, key=lambda row: row.year)
    ends = ("lower", "upper")
    _refuse(name, rows, [("counterfactual", *ends)], named_years(said))
    level = percent(only_value(name, rows, "level"))
    lines = _shown(rows, (OBSERVED, EXPECTED, COMPARATORS), summary=summary, level=level)
    found, notes = _outside(rows), _notes(rows, lines, said)
    canvas = Canvas.of(said, name, finding=found, subtitle=unit_of(said), notes=notes)
    chart = partial(curves, panels=[_panel(rows, lines, said)], height=HEIGHT)
    alt = _alt(rows, said, f"{summary} and {level}", ends)
    return drawn(canvas, chart, alt, YearRate, rows)


def yearly_rates(rows: Sequence[YearlyRateRow], **said: Unpack[SaidOfRates]) -> Drawing:
    """The pilots' rate by year as fitted, and without the effect, with posterior bands.

    Observed rates are points; comparators' are joined by a line.

    Parameters
    ----------
    rows
        Of one estimand and prior, one per year, in any order.
    said
        `title`, `evidence`, `status`, `events`, `denominator`, `per`, `years` and `name`; as
        `SaidOfRates` has them.

    Raises
    ------
    BadInput
        As `rate_and_counterfactual`; more than one estimand or prior.
    """
    name = name_of(said, SaidOfRates, "yearly-rates")
    rows = sorted(rows, key=lambda row: row.year)
    middle = ("fitted", "counterfactual", "effect")
    together = [(each, f"{each}_lower", f"{each}_upper") for each in middle]
    _refuse(name, rows, together, named_years(said))
    check_rows(name, rows, same=("role", "interval"))
    level, prior = percent(only_value(name, rows, "level")), only_value(name, rows, "prior")
    lines = _shown(rows, YEARLY, summary="median", level=level)
    notes = [f"Effect prior: {prior}.", *_notes(rows, lines, said)]
    if _range(rows, lines)[0] < 0.0:
        notes.append("Rates below 0 are possible in a linear model, which does not bound them.")
    differs = _effect_text(rows, said)
    canvas = Canvas.of(said, name, finding=differs, subtitle=unit_of(said), notes=notes)
    chart = partial(curves, panels=[_panel(rows, lines, said)], height=HEIGHT)
    ends = ("counterfactual_lower", "counterfactual_upper")
    alt = _alt(rows, said, f"median and {level}", ends) + (f" {differs}." if differs else "")
    return drawn(canvas, chart, alt, YearlyRateRow, rows)


def _refuse(
    figure: str, rows: Sequence[Any], together: Sequence[tuple[str, str, str]], years: Years
) -> None:
    """Refuse rows that cannot be drawn; each of the columns `together` is a number or all NaN."""
    check_rows(figure, rows, once=("year", [years.name(row.year) for row in rows]))
    for row in rows:
        year = years.name(row.year)
        if row.period not in PERIODS:
            raise refuse(figure, f"{year}, period", repr(row.period), ", ".join(PERIODS))
        for column in ("observed", "comparators", *(c for names in together for c in names)):
            if math.isinf(getattr(row, column)):
                raise refuse(figure, f"{year}, {column}", "an infinity", "a rate, or NaN")
        for names in together:
            if len({math.isnan(getattr(row, column)) for column in names}) > 1:
                place = f"{year}, {', '.join(names)}"
                raise refuse(figure, place, "NaN in part", "all or none NaN")
    if all(math.isnan(row.observed) for row in rows):
        raise refuse(figure, "observed", "only NaN", "a rate in one year or more")


def _shown(rows: Sequence[Any], lines: Sequence[Line], **words: str) -> list[Line]:
    """The lines for which there is any value, `words` put into their names."""
    return [
        replace(each, name=each.name.format(**words))
        for each in lines
        if any(not math.isnan(getattr(row, each.column)) for row in rows)
    ]


def _range(rows: Sequence[Any], lines: Sequence[Line], per: int = 1) -> tuple[float, float]:
    """The vertical axis: from 0, unless that would press all lines into its upper part."""
    columns = [column for each in lines for column in (each.column, *each.bounds)]
    values = [per * getattr(row, column) for row in rows for column in columns]
    shown = [value for value in values if not math.isnan(value)]
    lower, upper = padded(shown, 0.08)
    return (0.0 if min(shown) >= 0.0 and lower <= 0.3 * upper else lower), upper


def _panel(rows: Sequence[Any], lines: Sequence[Line], said: SaidOfRates) -> Panel:
    """The lines from the first year to the last; years without a row are gaps in them."""
    per, named = said.get("per", 100), named_years(said)
    years = range(rows[0].year, rows[-1].year + 1)
    marks: list[Mark] = [*_settling_in(rows)]
    for i, line in enumerate(lines):
        found = {
            column: {row.year: per * getattr(row, column) for row in rows}
            for column in (line.column, *line.bounds)
        }
        y, *band = ([own.get(year, math.nan) for year in years] for own in found.values())
        edge = {"linewidth": 0.6, "linestyle": line.look.get("linestyle", "solid")}
        colour = line.look["color"]
        if band:  # a lone year has no band
            ends = {**edge, "color": colour, "marker": "_", "markersize": 7.0}
            marks += [
                Dot(at=year, lower=low, upper=high, bar=ends, zorder=2.0)
                for year, low, high in zip(years, *band, strict=True)
            ]
        marks.append(
            Series(
                x=years,
                y=y,
                look=line.look,
                lower=band[0] if band else (),
                upper=band[1] if band else (),
                fill=line.band,
                edge={**edge, "edgecolor": colour},
                name=line.name,
                at=next(value for value in reversed(y) if not math.isnan(value)),
                zorder=5.0 - 0.1 * i,
            )
        )
    x = Axis(ends=(years[0] - 0.5, years[-1] + 0.5), name=named.kind, kind="year", years=named)
    return Panel(x=x, y=Axis(ends=_range(rows, lines, per), guides=True), marks=marks)


def _settling_in(rows: Sequence[Any]) -> list[Span]:
    """Runs of settling-in years."""
    years = [row.year for row in rows if row.period == "settling-in"]
    starts = [year for year in years if year - 1 not in years]
    ends = [year for year in years if year + 1 not in years]
    runs = zip(starts, ends, strict=True)
    return [Span(ends=(one - 0.5, other + 0.5), name="settling-in") for one, other in runs]


def _notes(rows: Sequence[Any], lines: Sequence[Line], said: SaidOfRates) -> list[str]:
    lowest, year = _range(rows, lines)[0], named_years(said).name
    notes = ["The vertical axis does not begin at 0."] if lowest > 0 else []
    counts = [row.pilots for row in rows]
    usual = max(counts, key=counts.count)
    fewer = [f"{r.pilots} in {year(r.year)}" for r in rows if r.pilots != usual]
    if fewer:
        notes.append(f"Pilots with counts: {usual}; {listed(fewer)}.")
    gaps = [year(r.year) for r in rows if math.isnan(r.observed + r.comparators)]
    if gaps:
        notes.append(f"No rate, and a gap in the line, in {listed(gaps)}.")
    return notes


def _alt(rows: Sequence[Any], said: SaidOfRates, summary: str, ends: tuple[str, str]) -> str:
    per, year = said.get("per", 100), named_years(said).name
    parts = []
    for column, who in (("observed", "pilots"), ("comparators", "comparators")):
        seen = [row for row in rows if not math.isnan(getattr(row, column))]
        if seen:
            course = " to ".join(
                f"{per * getattr(row, column):.1f} in {year(row.year)}"
                for row in (seen[0], seen[-1])
            )
            parts.append(f"{who} from {course}")
    expected = []
    for row in rows:
        if not math.isnan(row.counterfactual):
            low, high = (minus(f"{per * getattr(row, end):.1f}") for end in ends)
            expected.append(
                f"{per * row.counterfactual:.1f} [{low}, {high}] in"
                f" {year(row.year)}, observed {per * row.observed:.1f}"
            )
    text = f"{unit_of(said)}, observed: {'; '.join(parts)}."
    if not expected:
        return text
    return (
        f"{text} Pilots expected without the programme, {summary} interval: {'; '.join(expected)}."
    )


def _outside(rows: Sequence[YearRate]) -> str:
    """In how many years the observed rate is outside the interval of the counterfactual."""
    both = [r for r in rows if not math.isnan(r.observed + r.counterfactual)]
    outside = sum(not row.lower <= row.observed <= row.upper for row in both)
    if not both:
        return ""
    years = counted(len(both), "year")
    return f"The rate leaves the interval of the counterfactual in {outside or 'none'} of {years}"


def _effect_text(rows: Sequence[YearlyRateRow], said: SaidOfRates) -> str:
    """What the difference of the two lines comes to in the last year that has one."""
    last = next((row for row in reversed(rows) if not math.isnan(row.effect)), None)
    if last is None:
        return ""
    middle, low, high = (
        minus(f"{said.get('per', 100) * value:+.1f}")
        for value in (last.effect, last.effect_lower, last.effect_upper)
    )
    return f"The difference in {named_years(said).name(last.year)} is {middle} [{low}, {high}]"
