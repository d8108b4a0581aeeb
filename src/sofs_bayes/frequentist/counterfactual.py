"""A fit → probabilities with and without its effect: yearly rates, average marginal effects."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from sofs_bayes.errors import BadInput
from sofs_bayes.frequentist.did import DidFit
from sofs_bayes.frequentist.term import effect_terms, find_term
from sofs_bayes.frequentist.terms import design, kept_rows
from sofs_bayes.spec import ChildrenAnalysis, Regression

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class YearRate:
    """Weighted rates of a financial year.

    Parameters
    ----------
    period
        `post` if most of the pilots' rows are after settling-in, else `pre`.
    observed, comparators
        Weighted share with the outcome; NaN without rows.
    counterfactual, lower, upper
        The mean prediction for the pilots' rows with the effect at 0, and its interval; NaN
        before settling-in, where there is no effect to be left out, and of a fit without errors.
    """

    year: int
    period: str
    pilots: int
    observed: float
    comparators: float
    counterfactual: float
    lower: float
    upper: float
    level: float


def counterfactual_rates(
    fitted: DidFit,
    matched: pd.DataFrame,
    analysis: ChildrenAnalysis,
    regression: Regression,
    *,
    level: float = 0.95,
) -> tuple[YearRate, ...]:
    """By year: the pilots' rate, the comparators', and the pilots' without the effect.

    The counterfactual rate is the weighted mean over the pilots' rows after settling-in of the
    prediction with the effect's terms at 0; its interval is by the delta method from the
    fit's covariance, on the probability scale.

    Parameters
    ----------
    fitted
        Of this regression to these rows. Where values were imputed, `matched` is one of the
        completed tables.
    """
    kept = kept_rows(matched, regression)
    numbers = design(matched, analysis, regression)
    terms = numbers.terms.to_numpy(copy=True)
    terms[:, [fitted.terms.index(name) for name in effect_terms(fitted.terms)]] = 0.0
    pilot, post = (kept[name].to_numpy() == 1 for name in ("pilot", "post"))
    year, group = kept["year"].to_numpy(), kept["group"].to_numpy()
    rows = []
    for each in analysis.records.years:
        here = year == each
        if not here.any():
            continue
        is_post = 2 * int((here & pilot & post).sum()) > int((here & pilot).sum())
        treated = here & pilot & (post == is_post)
        without = (math.nan,) * 3
        if is_post and np.isfinite(fitted.covariance).all():
            without = _prediction(fitted, terms[treated], numbers.weights[treated], level)
        rows.append(
            YearRate(
                year=each,
                period="post" if is_post else "pre",
                pilots=len(set(group[treated])),
                observed=_rate(numbers.outcome, numbers.weights, treated),
                comparators=_rate(numbers.outcome, numbers.weights, here & ~pilot),
                counterfactual=without[0],
                lower=without[1],
                upper=without[2],
                level=level,
            )
        )
    return tuple(rows)


def _prediction(
    fitted: DidFit, terms: Floats, weights: Floats, level: float
) -> tuple[float, float, float]:
    from scipy.special import expit, ndtri

    shares = weights / weights.sum()
    linear = terms @ fitted.coefficients
    if fitted.model == "linear":
        mean, gradient = float(shares @ linear), shares @ terms
    else:
        risk = expit(linear)
        mean, gradient = float(shares @ risk), (shares * risk * (1 - risk)) @ terms
    reach = float(ndtri((1 + level) / 2) * np.sqrt(gradient @ fitted.covariance @ gradient))
    return mean, mean - reach, mean + reach


def _rate(outcome: Floats, weights: Floats, chosen: npt.NDArray[np.bool_]) -> float:
    total = float(weights[chosen].sum())
    return float((weights * outcome)[chosen].sum()) / total if total else math.nan


ALL_AFTER = "after settling-in"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginalEffect:
    """The average change of probability that a term makes, where it is not 0.

    Parameters
    ----------
    term
        Of the regression, or `ALL_AFTER`: all its effect terms at once.
    effect, standard_error
        On the probability scale; the latter by the delta method from the fit's covariance.
    degrees_of_freedom
        As the fit's; for `ALL_AFTER` the fewest of its terms.
    rows
        Rows averaged over.
    """

    term: str
    effect: float
    standard_error: float
    degrees_of_freedom: float
    rows: int


def average_marginal_effects(
    fitted: DidFit, matched: pd.DataFrame, analysis: ChildrenAnalysis, regression: Regression
) -> tuple[MarginalEffect, ...]:
    """The discrete change of probability of each effect term, averaged over the treated.

    For the DiD these are the pilots' referrals after settling-in, for a lag those of its year
    (for a lead those of its year before): the probability as fitted less that with the term at
    0, other terms as they are, averaged with the matching weights. Last comes the joint change
    of all terms but leads, over all referrals after settling-in.

    Parameters
    ----------
    fitted
        The fit of this regression to these referrals.

    Raises
    ------
    BadInput
        The fit is linear, where coefficients are these effects already, or has failed.
    """
    if fitted.model != "logistic" or fitted.failure is not None:
        found = "a linear model" if fitted.model == "linear" else "a failed fit"
        raise BadInput("the regression", fitted.name, found, "a logistic model that was fitted")
    numbers = design(matched, analysis, regression)
    terms = numbers.terms.to_numpy()
    effects = effect_terms(fitted.terms)
    after = tuple(name for name in effects if not find_term(name).is_lead)
    asked = [(term, (term,)) for term in effects] + ([(ALL_AFTER, after)] if after else [])
    return tuple(
        _change(fitted, terms, numbers.weights, name=name, chosen=chosen) for name, chosen in asked
    )


def _change(
    fitted: DidFit, terms: Floats, weights: Floats, *, name: str, chosen: tuple[str, ...]
) -> MarginalEffect:
    from scipy.special import expit

    columns = [fitted.terms.index(term) for term in chosen]
    treated = (terms[:, columns] != 0).any(axis=1)
    with_terms = terms[treated]
    without = with_terms.copy()
    without[:, columns] = 0.0
    shares = weights[treated] / weights[treated].sum()
    p = expit(with_terms @ fitted.coefficients)
    q = expit(without @ fitted.coefficients)
    gradient = (shares * p * (1 - p)) @ with_terms - (shares * q * (1 - q)) @ without
    met = gradient != 0  # a term that a jackknife gives no error for may have no part in this
    covariance = fitted.covariance[np.ix_(met, met)]
    return MarginalEffect(
        term=name,
        effect=float(shares @ (p - q)),
        standard_error=float(np.sqrt(np.maximum(gradient[met] @ covariance @ gradient[met], 0.0))),
        degrees_of_freedom=float(fitted.degrees_of_freedom[columns].min()),
        rows=int(treated.sum()),
    )
