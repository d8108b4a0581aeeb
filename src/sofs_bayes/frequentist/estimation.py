"""Weighted least squares and weighted logistic regression of a design.

statsmodels does the numbers. Weights are R's prior weights: `lm(..., weights = w)` and
`glm(..., family = binomial, weights = w)` have the same coefficients.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sofs_bayes.frequentist.term import effect_terms
from sofs_bayes.frequentist.terms import Design

Floats = npt.NDArray[np.float64]

# Newton's method needs under ten steps where a maximum exists. Where outcomes are separated each
# step moves a coefficient on by about one, for ever.
MOST_STEPS = 20
# A share of the outcome's variation that is nothing but rounding.
NOTHING = 1e-20


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The coefficients of a regression and what standard errors are made from.

    Parameters
    ----------
    coefficients
        Shape (terms,).
    covariance
        Model-based, shape (terms, terms); for a logistic model at dispersion 1.
    working
        statsmodels' least squares of the working model: terms and residuals in units in which
        its errors have equal variance, and the weights. For a linear model that is the model
        itself, for a logistic one the last step of iteratively reweighted least squares. Its
        sandwiches are those of the model.
    dispersion
        Residual variance (linear), Pearson's dispersion (logistic).
    r_squared
        Weighted R² (linear), McFadden's (logistic).
    log_likelihood
        As R's `logLik` for a linear model; the weighted sum of the rows' Bernoulli
        log-likelihoods for a logistic one.
    """

    coefficients: Floats
    covariance: Floats
    working: Any
    dispersion: float
    r_squared: float
    log_likelihood: float


def unfit(numbers: Design) -> str | None:
    """A sentence that says why no model can be had of a design; None if one can."""
    rows, terms = numbers.terms.shape
    if rows <= terms:
        return f"{rows} rows, {terms} terms; more rows than terms are needed"
    if not effect_terms(map(str, numbers.terms)):
        return "no effect can be told from the other terms on these rows"
    if np.ptp(numbers.outcome) == 0:
        which = "every" if numbers.outcome[0] else "no"
        return f"{which} referral in its {rows} rows has the outcome"
    return None


def least_squares(numbers: Design) -> Estimate | str:
    """The weighted linear model, or a sentence that says why it has no errors."""
    from statsmodels.regression.linear_model import WLS

    terms = numbers.terms.to_numpy()
    solved = WLS(numbers.outcome, terms, weights=numbers.weights, hasconst=True).fit()
    if solved.ssr <= NOTHING * solved.centered_tss:
        return f"its {terms.shape[1]} terms make up the outcome of its {len(terms)} rows exactly"
    return Estimate(
        coefficients=np.asarray(solved.params),
        covariance=np.asarray(solved.cov_params()),
        working=solved,
        dispersion=float(solved.scale),
        r_squared=float(solved.rsquared),
        log_likelihood=float(solved.llf),
    )


def logistic(numbers: Design) -> Estimate | str:
    """The weighted logistic model, or a sentence that says why it has no maximum."""
    if apart := separated(numbers):
        return (
            f"no finite maximum: the outcome never varies where {apart[0]!r} is not 0"
            f"{f' (and {len(apart) - 1} more terms)' if apart[1:] else ''}; "
            "join the level to another or leave the covariate out"
        )
    terms = numbers.terms.to_numpy()
    solved = logistic_maximum(terms, numbers.outcome, numbers.weights)
    if solved is None:
        return (
            f"no maximum in {MOST_STEPS} steps of Newton's method: terms together separate "
            "the outcomes; leave out a covariate or join its levels"
        )
    coefficients, log_likelihood = np.asarray(solved.params), float(solved.llf)
    working = _last_step(numbers, terms, coefficients)
    return Estimate(
        coefficients=coefficients,
        covariance=np.asarray(working.normalized_cov_params),
        working=working,
        dispersion=float(working.scale),
        r_squared=1 - log_likelihood / _null_log_likelihood(numbers),
        log_likelihood=log_likelihood,
    )


def separated(numbers: Design) -> tuple[str, ...]:
    """Terms of one sign (dummies) whose rows other than 0 all have the same outcome."""
    return tuple(
        str(name)
        for name, column in numbers.terms.items()
        if is_separated(column.to_numpy(), numbers.outcome)
    )


def is_separated(values: Floats, outcome: Floats) -> bool:
    """Whether a term has one sign and its rows other than 0 all have the same outcome."""
    if values.min() < 0 < values.max():
        return False
    events = outcome[values != 0]
    return bool((events == events[:1]).all())


def logistic_maximum(terms: Floats, outcome: Floats, weights: Floats) -> Any | None:
    """statsmodels' results by Newton's method, or None if it does not come to an end.

    The first term is the intercept. Iteratively reweighted least squares, statsmodels' default,
    takes the same steps ten times as slowly.
    """
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.generalized_linear_model import GLM

    share = float(np.average(outcome, weights=weights))
    start = np.zeros(terms.shape[1])
    start[0] = np.log(share / (1 - share))
    model = GLM(outcome, terms, family=Binomial(), var_weights=weights)
    # Where outcomes are separated fitted probabilities become 0 and 1, and the Hessian singular.
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        try:
            solved = model.fit(
                method="newton",
                start_params=start,
                maxiter=MOST_STEPS,
                disp=False,
                warn_convergence=False,
            )
        except np.linalg.LinAlgError:
            return None
    ended = solved.mle_retvals["converged"] and np.isfinite(solved.params).all()
    return solved if ended else None


def _last_step(numbers: Design, terms: Floats, coefficients: Floats) -> Any:
    """Least squares of the scaled residuals on the scaled terms: all its coefficients are 0."""
    from scipy.special import expit
    from statsmodels.regression.linear_model import WLS

    chance = expit(terms @ coefficients)
    sd = np.sqrt(chance * (1 - chance))
    residual = (numbers.outcome - chance) / sd
    return WLS(residual, terms * sd[:, None], weights=numbers.weights, hasconst=False).fit()


def _null_log_likelihood(numbers: Design) -> float:
    share = float(np.average(numbers.outcome, weights=numbers.weights))
    row = share * np.log(share) + (1 - share) * np.log(1 - share)
    return float(numbers.weights.sum() * row)
