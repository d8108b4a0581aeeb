"""Referrals → children: who recurs, and in which order the children's ids stand.

Which referrals are one child's follows from what they have in common. Ids enter no coefficient.
They decide the clusters of children and, as rows are put in order by child and date, what the
Breusch–Godfrey test finds: that order is free, and is looked for until the printed p-value
comes out.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from sofs_bayes.errors import BadInput
from sofs_bayes.frequentist.terms import design
from sofs_bayes.published.facts import fact
from sofs_bayes.spec import ChildrenAnalysis, Regression
from sofs_bayes.spec.seeds import stream
from sofs_bayes.synthetic.covariates import Floats, Integers
from sofs_bayes.synthetic.scenario import Scenario

ALIKE = ["authority", "gender", "ethnic_group"]
DAYS_IN_YEAR = 365.25
# Orders tried; one in a hundred gives a p-value to two decimals.
MOST_ORDERS = 2000


def recurring_children(scenario: Scenario, referrals: pd.DataFrame) -> Integers:
    """Which child a referral is of, as whole numbers from 0, shape (referrals,).

    A child's referrals are in one authority, on different days, with one gender and ethnic
    group, and with ages that one date of birth explains. The scenario says how many referrals
    are a later one of a child.
    """
    rng = stream(scenario.seed, "recurrence")
    days = (referrals["referral_date"] - pd.Timestamp("2000-01-01")).dt.days.to_numpy()
    # Born at most this late; at most a year earlier, as ages are completed years.
    latest = days / DAYS_IN_YEAR - referrals["age"].to_numpy()
    born = latest - rng.random(len(latest))
    alike = referrals.groupby(ALIKE, sort=True).ngroup().to_numpy()
    order = np.lexsort((days, born, alike))
    linked = np.diff(alike[order], prepend=-1) == 0
    linked &= rng.random(len(order)) < scenario.recurrence.share
    run = np.cumsum(~linked)
    rows = pd.DataFrame({"run": run, "latest": latest[order], "day": days[order]})
    of_run = rows.groupby("run")
    possible = of_run["latest"].transform("max") - of_run["latest"].transform("min") < 1
    possible &= of_run["day"].transform("nunique") == of_run["day"].transform("size")
    child = np.empty(len(order), dtype=np.int64)
    child[order] = np.cumsum(~(linked & possible.to_numpy())) - 1
    return child


def child_ids(scenario: Scenario, child: Integers, order: int) -> npt.NDArray[np.object_]:
    """Ids of the children, in the order with this number, shape (referrals,)."""
    names = np.array([f"C{number:07d}" for number in range(int(child.max()) + 1)], dtype=object)
    return names[_numbered(scenario, child, order)]


def _numbered(scenario: Scenario, child: Integers, order: int) -> Integers:
    """The children's places in the order with this number, shape (referrals,)."""
    places = stream(scenario.seed, "child ids", str(order)).permutation(int(child.max()) + 1)
    return places[child].astype(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialCorrelation:
    """The Breusch–Godfrey statistic of order 1 as a function of the order of the rows."""

    residuals: Floats  # of unweighted least squares, shape (rows,)
    basis: Floats  # orthonormal columns that span the terms, shape (rows, terms)

    def p_value(self, order: Integers) -> float:
        """The p-value when the rows stand in this order, shape (rows,).

        The residuals are orthogonal to the terms, so that n R² of their regression on the
        terms and the residual before (0 for the first row) needs one projection.
        """
        from scipy.stats import chi2

        before = np.zeros_like(self.residuals)
        before[order[1:]] = self.residuals[order[:-1]]
        explained = self.basis.T @ before
        free = before @ before - explained @ explained
        squares = self.residuals @ self.residuals
        share = (self.residuals @ before) ** 2 / (free * squares)
        return float(chi2.sf(len(before) * share, df=1))


def serial_correlation(
    matched: pd.DataFrame, analysis: ChildrenAnalysis, regression: Regression
) -> SerialCorrelation:
    """The statistic for matched rows, each referral once, of the pooled linear model."""
    numbers = design(matched, analysis, regression)
    basis, _ = np.linalg.qr(numbers.terms.to_numpy(np.float64))
    residuals = numbers.outcome - basis @ (basis.T @ numbers.outcome)
    return SerialCorrelation(residuals=residuals, basis=basis)


def order_for_print(
    scenario: Scenario,
    child: Integers,
    matched: pd.DataFrame,
    analysis: ChildrenAnalysis,
    regression: Regression,
) -> tuple[int, float]:
    """The first order of ids with which the printed p-value of Table 4 comes out.

    `child`: as `recurring_children` gives it. `matched`: matched rows with outcome and authorities'
    covariates. `regression`: the main one.

    Returns
    -------
    The order's number, and the p-value that the test has with it.

    Raises
    ------
    BadInput
        None of the orders tried gives it.
    """
    printed = fact(
        4, "Breusch-Godfrey test", f"Result for outcome: {scenario.outcome} rate"
    ).printed
    once = matched.sort_values(["referral", "group"]).drop_duplicates("referral")
    statistic = serial_correlation(once, analysis, regression)
    days = once["referral_date"].to_numpy()
    referral = once["referral"].to_numpy()
    for number in range(MOST_ORDERS):
        ids = _numbered(scenario, child, number)[referral]
        p_value = statistic.p_value(np.lexsort((days, ids)).astype(np.int64))
        if abs(p_value - (printed.value or 0.0)) < printed.half_unit:
            return number, p_value
    raise BadInput(
        scenario.name,
        "order of children's ids",
        f"no p of {printed.text} in {MOST_ORDERS} orders",
        "outcomes without serial correlation within children",
    )
