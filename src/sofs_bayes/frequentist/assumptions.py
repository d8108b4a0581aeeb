"""Tests of what the published regressions assume: serial independence, parallel trends."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from sofs_bayes.errors import BadInput
from sofs_bayes.frequentist.did import DidFit
from sofs_bayes.frequentist.estimation import NOTHING, unfit
from sofs_bayes.frequentist.term import find_term
from sofs_bayes.frequentist.terms import design
from sofs_bayes.spec import ChildrenAnalysis, Regression

# Children in the order of their dates; what follows only makes the order of ties definite.
IN_TIME = ["child", "referral_date", "referral", "group"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BreuschGodfrey:
    """The Breusch–Godfrey test of order 1.

    Parameters
    ----------
    statistic
        Lagrange multiplier, chi-squared with one degree of freedom.
    rows
        Rows tested. `once`: each referral once, not in each of its matched groups.
    """

    statistic: float
    p_value: float
    rows: int
    once: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadsTest:
    """How many leads are significant.

    Parameters
    ----------
    leads
        Name and p-value of each, earliest first; without those that have no p-value, as a
        jackknife leaves them that one authority alone identifies.
    level
        p-values from it on are not significant.
    """

    leads: tuple[tuple[str, float], ...]
    level: float

    @property
    def not_significant(self) -> int:
        """How many leads are not significant."""
        return sum(p >= self.level for _, p in self.leads)

    @property
    def met(self) -> bool:
        """Whether that is most of them."""
        return 2 * self.not_significant > len(self.leads)


def breusch_godfrey(
    matched: pd.DataFrame,
    analysis: ChildrenAnalysis,
    regression: Regression,
    *,
    once: bool = False,
) -> BreuschGodfrey | str:
    """Order 1, on the pooled model's rows ordered by child and date of referral.

    As R's `lmtest::bgtest` of the fitted model: it takes only terms and outcomes from the model,
    fits them again by unweighted least squares (also where the model was weighted, or
    logistic), and regresses the residuals on the terms and the residual of the row before, which
    is 0 for the first and may be another child's. Residuals are independent of the terms, so
    that R² is what they share with the part of the earlier residual that the terms leave.

    Parameters
    ----------
    once
        A referral that stands in several matched groups has rows that follow one another and
        have nearly the same residual, which the test takes for serial correlation. If true,
        only its row in the first group by name is used.

    Returns
    -------
    BreuschGodfrey or str
        The test, or a sentence that says why there is none.
    """
    from scipy.special import chdtrc

    ordered = matched.sort_values(IN_TIME)
    if once:
        ordered = ordered.drop_duplicates("referral")
    pooled = (
        replace(regression, authorities="none")
        if regression.authorities == "random"
        else regression
    )
    numbers = design(ordered, analysis, pooled)
    if why := unfit(numbers):
        return why
    basis = np.linalg.qr(numbers.terms.to_numpy()).Q
    residual = numbers.outcome - basis @ (basis.T @ numbers.outcome)
    before = np.r_[0.0, residual[:-1]]
    before -= basis @ (basis.T @ before)
    rows, left = len(residual), residual @ residual
    if before @ before <= NOTHING * rows or left <= NOTHING * rows:
        return f"the terms leave nothing of the outcome of {rows} rows"
    statistic = float(rows * (residual @ before) ** 2 / (before @ before) / left)
    return BreuschGodfrey(
        statistic=statistic, p_value=float(chdtrc(1, statistic)), rows=rows, once=once
    )


def leads_test(fitted: DidFit, level: float) -> LeadsTest:
    """The leads of a leads-and-lags fit, against a level of significance.

    Raises
    ------
    BadInput
        The fit has no leads, or has failed.
    """
    p_values = dict(zip(fitted.terms, fitted.p_values.tolist(), strict=True))
    leads = tuple(
        (name, p) for name, p in p_values.items() if find_term(name).is_lead and not math.isnan(p)
    )
    if not leads or fitted.failure is not None:
        found = "no leads" if not leads else "a failed fit"
        raise BadInput("the regression", fitted.name, found, "a fit of leads and lags")
    return LeadsTest(leads=leads, level=level)
