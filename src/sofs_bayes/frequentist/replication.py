"""Printed numbers beside what the same analysis gives on matched children."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from sofs_bayes.errors import counted
from sofs_bayes.frequentist.printed_rows import LEVELS, printed_column, printed_r_squared, term_of
from sofs_bayes.matching.balance import BalanceRow
from sofs_bayes.matching.summary import SummaryRow
from sofs_bayes.published.facts import Fact, fact, load_facts
from sofs_bayes.spec import ChildrenAnalysis, Regression
from sofs_bayes.spec.outcomes import outcome

if TYPE_CHECKING:
    from sofs_bayes.frequentist.assumptions import BreuschGodfrey, LeadsTest
    from sofs_bayes.frequentist.did import DidFit

# p-values of one, two and three asterisks (keys of Tables 5 to 7).
STAR_LEVELS = (0.1, 0.05, 0.01)

# A replicated number that rounds to the printed one may be half a unit off, and by a rounding
# error of the last binary digits.
ROUNDING = 1e-9

_STAGES: Mapping[str, str] = MappingProxyType({"Prior to CEM": "before", "Post CEM": "matched"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Replicated:
    """One printed number beside the replicated one, in the printed unit.

    Attributes
    ----------
    table, row, column, unit, printed
        The place, unit and text of the printed number.
    published, replicated, difference
        The numbers; NaN where there is none. `difference` is replicated minus published.
    half_unit
        Half a unit of the last printed decimal.
    met
        `yes` if the replicated number rounds to the printed one, `no`, or empty where no
        number is printed.
    standard_error, p_value
        Of a coefficient; else NaN.
    stars_printed, stars
        Numbers of asterisks, of coefficients; -1 where there are none to compare.
    reason
        Why a number is not met, where it is known.
    note
        Why a coefficient has no p-value, or no standard error either.
    """

    table: int
    row: str
    column: str
    unit: str
    printed: str
    published: float
    replicated: float
    difference: float
    half_unit: float
    met: str
    standard_error: float = math.nan
    p_value: float = math.nan
    stars_printed: int = -1
    stars: int = -1
    reason: str = ""
    note: str = ""


def stars_of(p_value: float) -> int:
    """The asterisks of a p-value by the key of Tables 5 to 7; -1 if it is NaN."""
    if math.isnan(p_value):
        return -1
    return sum(p_value < level for level in STAR_LEVELS)


def coefficients(
    fits: Iterable[tuple[Regression, "DidFit"]],
) -> tuple[Replicated, ...]:
    """Every printed coefficient of the regressions' columns, beside the fitted one.

    A term that the fit dropped, or a column whose fit failed, is not met and has no number.
    """
    return tuple(
        _coefficient(each, fit) for regression, fit in fits for each in printed_column(regression)
    )


def _coefficient(printed: Fact, fit: "DidFit") -> Replicated:
    term = term_of(printed.row)
    if fit.failure is not None:
        return _beside(printed, math.nan, reason=fit.failure)
    if term is None or term not in fit.terms:
        return _beside(printed, math.nan, reason="the term is not identified on these rows")
    at = fit.terms.index(term)
    found = _beside(
        printed,
        float(fit.coefficients[at]),
        standard_error=float(fit.standard_errors[at]),
        p_value=float(fit.p_values[at]),
    )
    return replace(found, note=fit.caution or "")


def r_squared(fits: Iterable[tuple[Regression, "DidFit"]]) -> tuple[Replicated, ...]:
    """The R² printed above a table, beside that of the first fitted column of it."""
    rows, done = [], set()
    for regression, fit in fits:
        table = regression.table
        if table is None or table in done:
            continue
        done.add(table)
        printed = printed_r_squared(table)
        if printed is not None:
            found = math.nan if fit.r_squared is None else fit.r_squared
            rows.append(_beside(printed, found, reason=fit.failure or ""))
    return tuple(rows)


def balance_numbers(rows: Sequence[BalanceRow], analysis: ChildrenAnalysis) -> Iterator[Replicated]:
    """Table 2: imbalance and common support before and after matching, over all groups."""
    label = outcome(analysis.outcome).printed_rates
    for printed in load_facts():
        if printed.table != 2 or printed.row != label:
            continue
        what, stage = printed.column.split(": ")
        row = next(
            each
            for each in rows
            if (each.stage, each.period, each.group) == (_STAGES[stage], "all", "all")
        )
        value = row.l1 if what.startswith("L1") else row.local_common_support
        yield _beside(printed, value)


def summary_numbers(rows: Sequence[SummaryRow], analysis: ChildrenAnalysis) -> Iterator[Replicated]:
    """Table 3: weighted summary statistics before settling-in, and the counts."""
    found: dict[tuple[str, str, str], float] = {
        (each.variable, each.level, each.arm): each.value
        for each in rows
        if each.stage == "weighted"
    }
    start = outcome(analysis.outcome).printed_rates
    for printed in load_facts():
        if printed.table != 3 or not printed.column.startswith(start):
            continue
        arm = "pilots" if printed.column.endswith("Pilot sites") else "comparators"
        value = _summarised(found, printed.row, arm)
        if value is not None:
            yield _beside(printed, value)


def _summarised(found: Mapping[tuple[str, str, str], float], row: str, arm: str) -> float | None:
    if row in LEVELS:
        covariate, level = LEVELS[row]
        return found.get((covariate, level or "", arm))
    if row == "Outcome":
        return found["outcome", "", arm]
    if row.startswith("Number of observations in this pre-treatment"):
        return found["rows", "pre", arm]
    if row.startswith("Number of observations of treatment"):
        return sum(found["rows", "all periods", each] for each in ("pilots", "comparators"))
    return None


def assumption_numbers(
    analysis: ChildrenAnalysis, *, serial: "BreuschGodfrey | str", leads: "LeadsTest | str | None"
) -> Iterator[Replicated]:
    """Table 4: the Breusch-Godfrey p-value, and how many leads are not significant.

    Parameters
    ----------
    serial, leads
        The tests, or why there are none; None if none is asked for.

    Raises
    ------
    BadInput
        The report prints no such cell.
    """
    column = f"Result for outcome: {analysis.outcome} rate"
    printed = fact(4, "Breusch-Godfrey test", column)
    if isinstance(serial, str):
        yield _beside(printed, math.nan, reason=serial)
    else:
        yield _beside(printed, serial.p_value)
    printed = fact(4, "Number of insignificant leads", column)
    if leads is None or isinstance(leads, str):
        yield _beside(printed, math.nan, reason=leads or "no regression of leads and lags")
        return
    wanted = int(printed.printed.text.split(" out of ")[1].split(" ")[0])
    count = len(leads.leads)
    other = f"{counted(count, 'lead')} can be estimated on these rows, {wanted} are printed"
    yield _beside(printed, leads.not_significant, reason=other if count != wanted else "")


def with_reasons(
    numbers: Iterable[Replicated], reasons: Mapping[tuple[int, str, str], str]
) -> tuple[Replicated, ...]:
    """The numbers, those not met with their reason by table, row and column, where one is given."""
    return tuple(
        replace(each, reason=reasons.get((each.table, each.row, each.column), each.reason))
        if each.met == "no"
        else each
        for each in numbers
    )


def _beside(
    printed: Fact,
    replicated: float,
    *,
    standard_error: float = math.nan,
    p_value: float = math.nan,
    reason: str = "",
) -> Replicated:
    cell = printed.printed
    published = math.nan if cell.value is None else cell.value
    half_unit = cell.half_unit if cell.decimals is not None else math.nan
    difference = replicated - published
    met = ""
    if cell.value is not None:
        near = math.isfinite(difference) and abs(difference) <= half_unit * (1 + ROUNDING)
        met = "yes" if near and not reason else "no"
    is_coefficient = printed.table >= 5 and not math.isnan(p_value)
    return Replicated(
        table=printed.table,
        row=printed.row,
        column=printed.column,
        unit=printed.unit,
        printed=cell.text,
        published=published,
        replicated=replicated,
        difference=difference,
        half_unit=half_unit,
        met=met,
        standard_error=standard_error,
        p_value=p_value,
        stars_printed=cell.stars if is_coefficient else -1,
        stars=stars_of(p_value) if is_coefficient else -1,
        reason=reason,
    )
