"""Effects of a logistic regression on the probability scale: average marginal effects."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from sofs_bayes.errors import BadInput
from sofs_bayes.frequentist.did import DidFit
from sofs_bayes.frequentist.term import effect_terms, find_term
from sofs_bayes.frequentist.terms import design
from sofs_bayes.spec import ChildrenAnalysis, Regression

Floats = npt.NDArray[np.float64]

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
