"""The printed report as the audit reads it: cells and statements by place, with rounding.

Any set of facts can stand in for the bundled ones, so a doctored table can be audited too.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Literal

from sofs_bayes.errors import BadInput
from sofs_bayes.published.facts import (
    Fact,
    Printed,
    StatedFact,
    load_facts,
    read_printed,
    statements,
)

INTERCEPT = "(Intercept)"
PILOT = "Pilot LA"
DID = "DiD (pilot LA * post settling-in period)"
LAGS = ("DiD in year t", "DiD in year t+1", "DiD in year t+2")
LINEAR = "Linear model"
LAGGED = "Lagged treatment"
WITHOUT_PILOT_4 = "Excluding pilot 4"
PRACTICE = "Alternative practice models"
LOGIT_CLUSTERED = "Logistic regression - clustered"
LOGIT_UNCLUSTERED = "Logistic regression - not clustered"
LINEAR_CLUSTERED = "Linear regression - clustered"
LOGIT_LAGGED = "Lagged treatment - logistic regression"
PRE_COUNT = "Number of observations in this pre-treatment group"
TOTAL_COUNT = "Number of observations of treatment and comparator LAs over all periods"
YEAR_ROW = re.compile(r"Year dummy ([0-9]{4})")

OUTCOMES = ("ICPC", "CLA")

_WORDS = (
    *("one", "two", "three", "four", "five", "six"),
    *("seven", "eight", "nine", "ten", "eleven", "twelve"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """The values a rounded number, or a number computed from rounded ones, may have."""

    lower: float
    upper: float

    def __post_init__(self) -> None:
        if not self.lower <= self.upper:
            raise ValueError(f"lower {self.lower} above upper {self.upper}")

    def meets(self, other: "Interval") -> bool:
        """Whether the two share a value."""
        return self.lower <= other.upper and other.lower <= self.upper

    def holds(self, value: float) -> bool:
        """Whether the value lies inside, ends included."""
        return self.lower <= value <= self.upper


def apart(first: Interval, second: Interval, place: str) -> None:
    """Refuse two rounded numbers that may be equal, where their difference is divided by."""
    if first.meets(second):
        raise BadInput("facts", place, "two numbers equal by rounding", "different numbers")


def image(function: Callable[..., float], *intervals: Interval) -> Interval:
    """The values of a function over intervals, from their corners.

    Exact for a function that is monotone in each argument while the others are held.
    """
    ends = [(interval.lower, interval.upper) for interval in intervals]
    values = [function(*corner) for corner in product(*ends)]
    return Interval(lower=min(values), upper=max(values))


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedReport:
    """All printed cells by (table, row, column), and all statements by key."""

    cells: Mapping[tuple[int, str, str], Fact]
    stated: Mapping[str, StatedFact]

    def cell(self, table: int, row: str, column: str) -> Printed:
        """The printed cell; BadInput where these facts hold none at this place."""
        found = self.cells.get((table, row, column))
        if found is None:
            raise BadInput("facts", f"Table {table}, {row!r}, {column!r}", "no cell", "a cell")
        return found.printed

    def value(self, table: int, row: str, column: str) -> float:
        """The number in a cell, in its printed unit; BadInput where the cell is a gap."""
        printed = self.cell(table, row, column)
        if printed.value is None:
            place = f"Table {table}, {row!r}, {column!r}"
            raise BadInput("facts", place, repr(printed.text), "a number")
        return printed.value

    def interval(self, table: int, row: str, column: str) -> Interval:
        """The values that print as this cell does, in its printed unit."""
        value = self.value(table, row, column)
        half = self.cell(table, row, column).half_unit
        return Interval(lower=value - half, upper=value + half)

    def years(self, table: int, column: str) -> tuple[int, ...]:
        """The years with a printed coefficient in a column; BadInput where there is none."""
        years = tuple(
            int(match[1])
            for (t, row, c), fact in self.cells.items()
            if (t, c) == (table, column)
            and (match := YEAR_ROW.fullmatch(row))
            and fact.printed.value is not None
        )
        if not years:
            raise BadInput("facts", f"Table {table}, {column!r}", "no year row", "year rows")
        return years

    def text(self, key: str) -> str:
        """A statement's wording; BadInput where these statements lack the key."""
        if key not in self.stated:
            raise BadInput("statements", "key", repr(key), ", ".join(self.stated))
        return self.stated[key].printed

    def number(self, key: str) -> float:
        """A statement's number, printed in figures or (to twelve) in words; 11% is 11."""
        return self._read(key)[0]

    def number_interval(self, key: str) -> Interval:
        """The values that print as this statement's number does."""
        value, half = self._read(key)
        return Interval(lower=value - half, upper=value + half)

    def _read(self, key: str) -> tuple[float, float]:
        text = self.text(key)
        first = text.split(" ")[0]
        if first in _WORDS:
            return float(_WORDS.index(first) + 1), 0.5
        try:
            printed = read_printed(text)
        except ValueError as error:
            raise BadInput("statements", key, repr(text), "a number") from error
        if printed.value is None:
            raise BadInput("statements", key, repr(text), "a number")
        return printed.value, printed.half_unit


def printed_report(
    facts: Iterable[Fact] | None = None, stated: Mapping[str, StatedFact] | None = None
) -> PrintedReport:
    """Facts and statements indexed by place; by default the bundled ones."""
    cells = load_facts() if facts is None else facts
    return PrintedReport(
        cells={(f.table, f.row, f.column): f for f in cells},
        stated=statements() if stated is None else stated,
    )


def year_rows(report: PrintedReport, table: int, column: str) -> list[str]:
    """The labels of the year rows with a coefficient in a column."""
    return [f"Year dummy {year}" for year in report.years(table, column)]


def arms(outcome: str) -> tuple[str, str]:
    """The columns of Table 3 of an outcome: pilots, comparators."""
    return f"{outcome} rates - Pilot sites", f"{outcome} rates - Comparator sites"


def read_star_key(text: str) -> Mapping[str, float]:
    """The p-value below which each mark is printed, from a key such as "*p<0.1, **p<0.05"."""
    pairs = re.findall(r"(\*+|\++)\s*p\s*<\s*([0-9.]+)", text.replace("$", ""))
    levels = {mark: float(level) for mark, level in pairs}
    if not levels or list(levels.values()) != sorted(set(levels.values()), reverse=True):
        raise BadInput("statements", "star key", repr(text), "*p<0.1, **p<0.05, ***p<0.01")
    return levels


def star_levels(report: PrintedReport, table: int) -> tuple[float, ...]:
    """A table's p-values for one asterisk, two and so on."""
    levels = read_star_key(report.text(f"table_{table}.star_key"))
    return tuple(level for mark, level in levels.items() if mark.startswith("*"))


def stars_at(report: PrintedReport, table: int, level: float) -> int:
    """How many asterisks a coefficient needs to be significant at a level by a table's key."""
    return 1 + sum(each > level for each in star_levels(report, table))


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyYears:
    """Financial years of an outcome's analysis: before, without full data, and after.

    The first year before is the reference year, which has no coefficient. All three are
    empty where the tables do not show which years lie before and after.
    """

    pre: tuple[int, ...] = ()
    gap: tuple[int, ...] = ()
    post: tuple[int, ...] = ()


def study_years(report: PrintedReport, outcome: str) -> StudyYears:
    """The years of the ICPC or CLA analysis, as the year rows of Tables 5 and 7 show them.

    ICPC: the gap is the year whose row is empty without pilot 4. CLA: the gap is the years
    without a row.
    """
    if outcome == "ICPC":
        years = report.years(5, LINEAR)
        gap = tuple(year for year in years if year not in report.years(5, WITHOUT_PILOT_4))
    else:
        years = report.years(7, LOGIT_UNCLUSTERED)
        gap = tuple(year for year in range(min(years), max(years)) if year not in years)
    if not gap:
        return StudyYears()
    return StudyYears(
        pre=(min(years) - 1, *(year for year in years if year < min(gap))),
        gap=gap,
        post=tuple(year for year in years if year > max(gap)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Computed:
    """One computed number with its unit.

    `lower` and `upper` bound it over the rounding of the printed numbers it comes from; both
    are None where rounding plays no part or was not carried through.
    """

    label: str
    value: float
    unit: str
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One question put to the printed report and what its numbers answer.

    Parameters
    ----------
    key
        Short name, unique within an audit.
    question
        What was asked, so that "agrees" has a meaning.
    place
        Tables, rows and notes compared.
    evidence
        `published` where printed entries are compared as they stand, `published-inferred`
        where the answer is computed from them.
    agrees
        True where the printed numbers fit together, False where they do not, None where a
        number is derived that nothing printed could confirm or deny.
    computed
        The numbers behind the answer.
    sentence
        The answer in words, made from the computed numbers.
    """

    key: str
    question: str
    place: str
    evidence: Literal["published", "published-inferred"]
    agrees: bool | None
    computed: tuple[Computed, ...]
    sentence: str


def rounded(label: str, value: float, unit: str, bounds: Interval) -> Computed:
    """A computed number with the values that rounding allows it."""
    return Computed(label=label, value=value, unit=unit, lower=bounds.lower, upper=bounds.upper)
