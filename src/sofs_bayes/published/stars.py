"""The standard error that each printed star, or its absence, allows.

A coefficient b with k stars has a test statistic between the critical values of k and k + 1
stars, so its standard error lies between |b| / z(k+1) and |b| / z(k), with b anywhere
inside its rounding. Beside that bracket stands, where the printed counts allow one, the
error that children counted as independent would give.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import inf, sqrt
from statistics import NormalDist
from typing import Literal

from sofs_bayes.errors import BadInput
from sofs_bayes.published.facts import Fact, Printed
from sofs_bayes.published.printed_report import (
    DID,
    LAGGED,
    LAGS,
    LINEAR,
    LOGIT_LAGGED,
    OUTCOMES,
    PILOT,
    PRE_COUNT,
    TOTAL_COUNT,
    WITHOUT_PILOT_4,
    YEAR_ROW,
    Interval,
    PrintedReport,
    StudyYears,
    arms,
    star_levels,
    study_years,
)

REGRESSION_TABLES = (5, 6, 7)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildLevel:
    """The standard error of a coefficient if children were independent.

    `assumed` is True where the number of children behind it is not printed; `basis` then
    says what was assumed.
    """

    se: float
    basis: str
    assumed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StarBracket:
    """The standard errors that a printed coefficient's stars allow.

    `se_lower` is 0 where the coefficient carries all stars of the key, `se_upper` infinite
    where it carries none. The ratios are the bracket's ends over the child-level error and
    are None where no child-level error can be worked out. Unit of coefficient and errors:
    probability (0.01 = one percentage point) or log-odds.
    """

    table: int
    row: str
    column: str
    unit: str
    printed: str
    coefficient: float
    stars: int
    se_lower: float
    se_upper: float
    child_level: ChildLevel | None
    evidence: Literal["published-inferred"] = "published-inferred"

    @property
    def child_level_se(self) -> float | None:
        """The child-level standard error, in the coefficient's unit."""
        return None if self.child_level is None else self.child_level.se

    @property
    def ratio_lower(self) -> float | None:
        """How many times the child-level error the true one is, at the least."""
        return None if self.child_level is None else self.se_lower / self.child_level.se

    @property
    def ratio_upper(self) -> float | None:
        """How many times the child-level error the true one is, at the most."""
        return None if self.child_level is None else self.se_upper / self.child_level.se


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmSizes:
    """Children of pilots and comparators, before and after settling-in.

    The numbers before are printed in Table 3. Those after are not: the remainder of the
    printed total is divided between the arms as the children before are.
    """

    pilots_pre: float
    comparators_pre: float
    pilots_post: float
    comparators_post: float

    @property
    def pre(self) -> float:
        """Children of both arms before settling-in."""
        return self.pilots_pre + self.comparators_pre

    @property
    def post(self) -> float:
        """Children of both arms after settling-in."""
        return self.pilots_post + self.comparators_post


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedSample:
    """The sample of an outcome ("ICPC" or "CLA"): numbers of children, and years."""

    outcome: str
    size: ArmSizes
    years: StudyYears


def arm_sizes(report: PrintedReport, outcome: str) -> ArmSizes:
    """Numbers of children by arm and period for "ICPC" or "CLA" (Table 3)."""
    pilots, comparators = (report.value(3, PRE_COUNT, arm) for arm in arms(outcome))
    left = report.value(3, TOTAL_COUNT, arms(outcome)[0]) - pilots - comparators
    share = pilots / (pilots + comparators)
    return ArmSizes(
        pilots_pre=pilots,
        comparators_pre=comparators,
        pilots_post=share * left,
        comparators_post=(1 - share) * left,
    )


def critical_values(levels: Iterable[float], df: float | None = None) -> tuple[float, ...]:
    """Two-sided critical values of the normal, or of a t with `df` degrees of freedom."""
    if df is None:
        return tuple(NormalDist().inv_cdf(1 - level / 2) for level in levels)
    from scipy.special import stdtrit  # only where a t is asked for: SciPy is slow to import

    return tuple(float(stdtrit(df, 1 - level / 2)) for level in levels)


def se_bracket(
    coefficient: float,
    half_unit: float,
    stars: int,
    critical: tuple[float, ...],
    *,
    place: str = "",
) -> Interval:
    """The standard errors that fit a rounded coefficient with this number of stars.

    `critical` holds the critical values of one star, two and so on; `place` is only named in
    messages.
    """
    if stars > len(critical):
        raise BadInput("stars", place, f"{stars} asterisks", f"at most {len(critical)} by the key")
    smallest, largest = max(0.0, abs(coefficient) - half_unit), abs(coefficient) + half_unit
    return Interval(
        lower=smallest / critical[stars] if stars < len(critical) else 0.0,
        upper=largest / critical[stars - 1] if stars else inf,
    )


def star_brackets(report: PrintedReport, df: float | None = None) -> tuple[StarBracket, ...]:
    """A bracket for every coefficient of Tables 5 to 7, in reading order.

    `df` takes the critical values from a t distribution instead of the normal.
    """
    critical = {
        table: critical_values(star_levels(report, table), df) for table in REGRESSION_TABLES
    }
    samples = {
        outcome: PrintedSample(
            outcome=outcome, size=arm_sizes(report, outcome), years=study_years(report, outcome)
        )
        for outcome in OUTCOMES
    }
    return tuple(
        _bracket(report, fact, critical[fact.table], samples["CLA" if fact.table == 7 else "ICPC"])
        for fact in report.cells.values()
        if fact.table in critical
        and fact.unit in ("probability", "log-odds")
        and fact.printed.value is not None
    )


def _bracket(
    report: PrintedReport, fact: Fact, critical: tuple[float, ...], sample: PrintedSample
) -> StarBracket:
    coefficient = report.value(fact.table, fact.row, fact.column)
    place = f"Table {fact.table}, {fact.row!r}, {fact.column!r}"
    half, stars = fact.printed.half_unit, fact.printed.stars
    se = se_bracket(coefficient, half, stars, critical, place=place)
    return StarBracket(
        table=fact.table,
        row=fact.row,
        column=fact.column,
        unit=fact.unit,
        printed=fact.printed.text,
        coefficient=coefficient,
        stars=stars,
        se_lower=se.lower,
        se_upper=se.upper,
        child_level=child_level(report, fact, sample),
    )


def restarred(bracket: StarBracket, printed: Printed, critical: tuple[float, ...]) -> StarBracket:
    """The bracket that the same stars give beside another printed coefficient."""
    if printed.value is None:
        raise BadInput("stars", bracket.row, repr(printed.text), "a number")
    se = se_bracket(printed.value, printed.half_unit, bracket.stars, critical)
    text = printed.text.rstrip("*") + "*" * bracket.stars
    return replace(
        bracket, printed=text, coefficient=printed.value, se_lower=se.lower, se_upper=se.upper
    )


def child_level(report: PrintedReport, fact: Fact, sample: PrintedSample) -> ChildLevel | None:
    """The error of a coefficient if children were independent; None where sizes are unknown.

    A contrast of group means has variance v times the sum of 1/n over its groups, where v is
    p(1 − p)(1 − R²) on the risk scale and 1/(p(1 − p)) on log-odds, p the sample's stated
    incidence. Matching weights are left out: they make the true child-level error a little
    larger.
    """
    groups = _inverse_sizes(fact, sample)
    if groups is None:
        return None
    inverse, basis, assumed = groups
    rate = report.number(f"{sample.outcome.lower()}.incidence") / 100
    if fact.unit == "log-odds":
        variance = 1 / (rate * (1 - rate))
    else:
        unexplained = 1 - report.value(7 if fact.table == 7 else 5, "R²", "")
        variance = rate * (1 - rate) * unexplained
    return ChildLevel(se=sqrt(variance * inverse), basis=basis, assumed=assumed)


def _inverse_sizes(fact: Fact, sample: PrintedSample) -> tuple[float, str, bool] | None:
    """Sum of 1/n over the groups a coefficient contrasts, in words, and whether assumed.

    None for rows whose groups or coding are not printed: intercepts, scores, Ofsted ratings,
    kinds of comparator, all columns with one of these beside the pilot row, and the fit
    without pilot 4.
    """
    size = sample.size
    before = 1 / size.pilots_pre + 1 / size.comparators_pre
    after = 1 / size.pilots_post + 1 / size.comparators_post
    whole_sample = fact.table == 7 or fact.column in (LINEAR, LAGGED)
    if fact.row == PILOT and whole_sample:
        return before, "printed children before settling-in", False
    if fact.row == DID and whole_sample:
        return before + after, "children after settling-in divided between arms as before", True
    if fact.row in LAGS and fact.column in (LAGGED, LOGIT_LAGGED):
        basis = "children after settling-in divided between arms as before, and equally by year"
        return before + len(LAGS) * after, basis, True
    year = YEAR_ROW.fullmatch(fact.row)
    if year is not None and fact.column != WITHOUT_PILOT_4:
        return _inverse_year_sizes(int(year[1]), sample)
    return None


def _inverse_year_sizes(year: int, sample: PrintedSample) -> tuple[float, str, bool] | None:
    """Sum of 1/n over a year and the reference year, years of a period taken as equal."""
    size, years = sample.size, sample.years
    reference = size.pre / len(years.pre) if years.pre else 0.0
    if year in years.pre:
        own = reference
    elif year in years.post:
        own = size.post / len(years.post)
    else:
        return None
    return 1 / own + 1 / reference, "years of a period taken as equally large", True


def bracket_at(brackets: Iterable[StarBracket], table: int, row: str, column: str) -> StarBracket:
    """The bracket of the coefficient at a place; BadInput where there is none."""
    for each in brackets:
        if (each.table, each.row, each.column) == (table, row, column):
            return each
    place = f"Table {table}, {row!r}, {column!r}"
    raise BadInput("audit", place, "no coefficient", "a coefficient of Tables 5 to 7")


def common_multiple(brackets: Iterable[StarBracket]) -> Interval | None:
    """The multiples of the child-level errors that all brackets allow; None if there is none.

    Brackets without a child-level error are passed over.
    """
    lower, upper = 0.0, inf
    for bracket in brackets:
        if bracket.ratio_lower is not None and bracket.ratio_upper is not None:
            lower, upper = max(lower, bracket.ratio_lower), min(upper, bracket.ratio_upper)
    return Interval(lower=lower, upper=upper) if lower <= upper else None
