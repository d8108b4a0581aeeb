"""Rates by financial year: what the pilots did, beside what was to be expected of them."""

import math
from collections.abc import Sequence
from typing import Any

from sofs_bayes.errors import BadInput
from sofs_bayes.estimands.rows import YearlyRateRow
from sofs_bayes.frequentist.counterfactual import YearRate
from sofs_bayes.reporting.figures.drawing import Drawing
from sofs_bayes.reporting.figures.numbers import (
    financial_year,
    listed,
    minus,
    not_converged,
    only_value,
    percent,
    refuse_empty,
    refuse_repeats,
)
from sofs_bayes.reporting.figures.page import blank_page, write
from sofs_bayes.reporting.figures.rate_lines import (
    BODY,
    Series,
    draw_rates,
    fewer_pilots,
    rate_range,
    shown_series,
    usual_pilots,
)
from sofs_bayes.reporting.figures.style import STYLE
from sofs_bayes.spec import Evidence

BOUNDS = ("counterfactual", "lower", "upper")
PERIODS = ("pre", "settling-in", "post")

OBSERVED = Series(
    name="pilots, observed",
    column="observed",
    look={"color": STYLE.strong, "linewidth": 2.0, "marker": "o", "markersize": 5},
)
EXPECTED = Series(
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
    bounds=("lower", "upper"),
    band=STYLE.band,
)
COMPARATORS = Series(
    name="comparators, observed",
    column="comparators",
    look={
        "color": STYLE.light,
        "linewidth": 1.4,
        "linestyle": (0, (4, 2)),
        "marker": "s",
        "markersize": 4,
    },
)
SERIES = (OBSERVED, EXPECTED, COMPARATORS)

# Of a posterior: observed rates are points, as the lines are what the model makes of them.
YEARLY_SERIES = (
    Series(
        name="pilots, observed",
        column="observed",
        look={"color": STYLE.ink, "linestyle": "None", "marker": "o", "markersize": 5},
    ),
    Series(
        name="pilots, fitted (median, {level} interval)",
        column="fitted",
        look={"color": STYLE.strong, "linewidth": 1.8, "marker": "None"},
        bounds=("fitted_lower", "fitted_upper"),
        band=STYLE.fill,
    ),
    Series(
        name="pilots, expected without the practice model (median, {level} interval)",
        column="counterfactual",
        look=EXPECTED.look,
        bounds=("counterfactual_lower", "counterfactual_upper"),
        band=STYLE.band,
    ),
    COMPARATORS,
)


def rate_and_counterfactual(
    rows: Sequence[YearRate],
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
    _refuse(name, rows, [BOUNDS])
    level = percent(only_value(name, rows, "level"))
    series = shown_series(rows, SERIES, level=level, summary=summary)
    notes = _notes(rows, series, per)
    page = blank_page(BODY, title=title, evidence=(evidence,), status=status, notes=notes)
    unit = f"{events} per {per:,} {denominator}"
    write(page, 0.0, 0.1, unit)
    draw_rates(page, rows, series, per)
    alt = _alt(rows, unit, per, f"{summary} and {level}", status, ends=("lower", "upper"))
    return Drawing(name=name, figure=page.figure, alt=alt, data=(YearRate, tuple(rows)))


def yearly_rates(
    rows: Sequence[YearlyRateRow],
    *,
    events: str,
    denominator: str,
    title: str,
    evidence: Evidence,
    status: str,
    per: int = 100,
    name: str = "yearly-rates",
) -> Drawing:
    """The pilots' rate by year as fitted, and without the effect, with posterior bands.

    Observed rates are points; comparators' are joined by a line.

    Parameters
    ----------
    rows
        Of one estimand and prior, one per year, in any order.
    events, denominator, per
        As `rate_and_counterfactual` takes them.
    title, evidence, status, name
        Title, evidence line, `converged` or not, and stem of the files.

    Raises
    ------
    BadInput
        As `rate_and_counterfactual`; more than one estimand or prior.
    """
    rows = sorted(rows, key=lambda row: row.year)
    middle = ("fitted", "counterfactual", "effect")
    _refuse(name, rows, [(each, f"{each}_lower", f"{each}_upper") for each in middle])
    for column in ("role", "interval"):
        only_value(name, rows, column)
    level, prior = percent(only_value(name, rows, "level")), only_value(name, rows, "prior")
    series = shown_series(rows, YEARLY_SERIES, level=level)
    notes = [f"Effect prior: {prior}.", *_notes(rows, series, per)]
    if rate_range(rows, series, per)[0] < 0.0:
        notes.append("Rates below 0 are possible in a linear model, which does not bound them.")
    page = blank_page(BODY, title=title, evidence=(evidence,), status=status, notes=notes)
    unit = f"{events} per {per:,} {denominator}"
    write(page, 0.0, 0.1, unit)
    draw_rates(page, rows, series, per)
    ends = ("counterfactual_lower", "counterfactual_upper")
    alt = _alt(rows, unit, per, f"median and {level}", status, ends=ends)
    alt += _effect_alt(rows, per)
    return Drawing(name=name, figure=page.figure, alt=alt, data=(YearlyRateRow, tuple(rows)))


def _refuse(figure: str, rows: Sequence[Any], together: Sequence[tuple[str, str, str]]) -> None:
    """Refuse rows that cannot be drawn; each of the columns `together` is a number or all NaN."""
    refuse_empty(figure, rows)
    refuse_repeats(figure, [financial_year(row.year) for row in rows], "year")
    place = f"figure {figure}"
    for row in rows:
        year = financial_year(row.year)
        if row.period not in PERIODS:
            raise BadInput(place, f"{year}, period", repr(row.period), ", ".join(PERIODS))
        for column in ("observed", "comparators", *(c for names in together for c in names)):
            if math.isinf(getattr(row, column)):
                raise BadInput(place, f"{year}, {column}", "an infinity", "a rate, or NaN")
        for names in together:
            if len({math.isnan(getattr(row, column)) for column in names}) > 1:
                raise BadInput(
                    place, f"{year}, {', '.join(names)}", "NaN in part", "all or none NaN"
                )
    if all(math.isnan(row.observed) for row in rows):
        raise BadInput(place, "observed", "only NaN", "a rate in one year or more")


def _notes(rows: Sequence[Any], series: Sequence[Series], per: int) -> list[str]:
    lowest = rate_range(rows, series, per)[0]
    notes = ["The vertical axis does not begin at 0."] if lowest > 0 else []
    if fewer := fewer_pilots(rows):
        notes.append(f"Pilots with counts: {usual_pilots(rows)}; {listed(fewer)}.")
    gaps = [financial_year(r.year) for r in rows if math.isnan(r.observed + r.comparators)]
    if gaps:
        notes.append(f"No rate, and a gap in the line, in {listed(gaps)}.")
    return notes


def _alt(
    rows: Sequence[Any], unit: str, per: int, summary: str, status: str, *, ends: tuple[str, str]
) -> str:
    parts = []
    for column, who in (("observed", "pilots"), ("comparators", "comparators")):
        seen = [row for row in rows if not math.isnan(getattr(row, column))]
        if seen:
            course = " to ".join(
                f"{per * getattr(row, column):.1f} in {financial_year(row.year)}"
                for row in (seen[0], seen[-1])
            )
            parts.append(f"{who} from {course}")
    expected = []
    for row in rows:
        if not math.isnan(row.counterfactual):
            low, high = (minus(f"{per * getattr(row, end):.1f}") for end in ends)
            expected.append(
                f"{per * row.counterfactual:.1f} [{low}, {high}] in"
                f" {financial_year(row.year)}, observed {per * row.observed:.1f}"
            )
    text = f"{not_converged(status)}{unit}, observed: {'; '.join(parts)}."
    if not expected:
        return text
    return (
        f"{text} Pilots expected without the practice model, {summary} interval:"
        f" {'; '.join(expected)}."
    )


def _effect_alt(rows: Sequence[YearlyRateRow], per: int) -> str:
    """What the difference of the two lines comes to in the last year that has one."""
    last = next((row for row in reversed(rows) if not math.isnan(row.effect)), None)
    if last is None:
        return ""
    middle, low, high = (
        minus(f"{per * value:+.1f}")
        for value in (last.effect, last.effect_lower, last.effect_upper)
    )
    return f" The difference in {financial_year(last.year)} is {middle} [{low}, {high}]."
