"""Weighted logistic and linear fits of outcome probabilities, with their derivatives.

Scores: Σ w z (p − F(z'b)) = 0, with F the logistic function or the identity. With H the
information Σ w F' z z' and h a row of its inverse, the derivative of a coefficient is
w h'z by the outcome of a profile, and h_k r − b_k h'g by the value of authority covariate k in
an authority and year, where r = Σ w (p − F) and g = Σ w F' z are sums over its profiles.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sofs_bayes.synthetic.cla_profiles import Column, Profiles

Floats = npt.NDArray[np.float64]

NEWTON_STEPS = 50
CONVERGED = 1e-9
LONGEST_STEP = 3.0


class NoFit(ArithmeticError):
    """Newton's method found no maximum: the outcomes are separated, or nearly so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A fitted column.

    Parameters
    ----------
    coefficients
        Shape (terms,).
    terms
        Shape (profiles, terms).
    fitted, slope
        F(z'b) and F'(z'b), shape (profiles,).
    inverse
        The inverse information, shape (terms, terms).
    """

    coefficients: Floats
    terms: Floats
    fitted: Floats
    slope: Floats
    inverse: Floats


def expit(logit: Floats) -> Floats:
    """The logistic function."""
    return np.asarray(np.exp(-np.logaddexp(0, -logit)), dtype=np.float64)


def fit_column(
    column: Column, profiles: Profiles, covariates: Floats, outcome: Floats, start: Floats | None
) -> Fit:
    """A column fitted to outcomes or their probabilities.

    Parameters
    ----------
    covariates
        The authorities' covariates as they enter, shape (authority-years, covariates).
    outcome
        Shape (profiles,).
    start
        Coefficients that Newton's method starts from; None: 0 but the intercept.

    Raises
    ------
    NoFit
        A logistic column has no maximum.
    """
    terms = column.own
    if column.adjusted:
        terms = np.hstack([terms, covariates[profiles.authority_year]])
    weight = profiles.weight
    if not column.logistic:
        inverse = _inverse(_gram(terms, weight))
        coefficients = inverse @ (terms.T @ (weight * outcome))
        fitted = terms @ coefficients
        return Fit(
            coefficients=coefficients,
            terms=terms,
            fitted=fitted,
            slope=np.ones(len(fitted)),
            inverse=inverse,
        )
    coefficients = np.zeros(terms.shape[1]) if start is None else start
    if start is None:
        mean = np.average(outcome, weights=weight)
        coefficients[0] = np.log(mean / (1 - mean))
    for _ in range(NEWTON_STEPS):
        fitted = expit(terms @ coefficients)
        slope = fitted * (1 - fitted)
        inverse = _inverse(_gram(terms, weight * slope))
        step = inverse @ (terms.T @ (weight * (outcome - fitted)))
        longest = np.abs(step).max()
        if not np.isfinite(longest):
            break
        if longest < CONVERGED:
            return Fit(
                coefficients=coefficients, terms=terms, fitted=fitted, slope=slope, inverse=inverse
            )
        coefficients = coefficients + step * min(1.0, LONGEST_STEP / longest)
    raise NoFit(f"{column.name}: no maximum in {NEWTON_STEPS} steps")


def _gram(terms: Floats, weight: Floats) -> Floats:
    return np.asarray((terms * weight[:, None]).T @ terms, dtype=np.float64)


def _inverse(information: Floats) -> Floats:
    scale = np.sqrt(np.diag(information))
    if not scale.min() > 0:
        raise NoFit("fitted values are 0 and 1, or a term is 0 everywhere")
    try:
        inverse = np.linalg.inv(information / np.outer(scale, scale))
    except np.linalg.LinAlgError as error:
        raise NoFit("terms are combinations of each other") from error
    return np.asarray(inverse / np.outer(scale, scale), dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slopes:
    """Derivatives of sums and coefficients by what may be moved.

    Parameters
    ----------
    by_logit
        By the log odds of each segment, shape (values, segments).
    by_effect
        By the effect of each child term on the log odds, shape (values, child terms).
    by_covariate
        By each authority covariate as it enters, shape (values, covariates, authority-years).
    """

    by_logit: Floats
    by_effect: Floats
    by_covariate: Floats


def slopes_of_coefficients(
    fit: Fit, chosen: list[int], profiles: Profiles, outcome: Floats, covariates: int
) -> Slopes:
    """Derivatives of chosen coefficients; the last `covariates` terms are the authorities'."""
    weight, last = profiles.weight, fit.terms.shape[1] - covariates
    pull = fit.inverse[chosen]
    moved = fit.terms * (weight * outcome * (1 - outcome))[:, None]
    residual, reach = by_authority_year(fit, profiles, outcome)
    by_covariate = np.einsum("ck,a->cka", pull[:, last:], residual) - np.einsum(
        "k,ca->cka", fit.coefficients[last:], pull @ reach.T
    )
    return Slopes(
        by_logit=np.asarray(pull @ (profiles.to_segment @ moved).T, dtype=np.float64),
        by_effect=pull @ (moved.T @ profiles.child),
        by_covariate=by_covariate,
    )


def by_authority_year(fit: Fit, profiles: Profiles, outcome: Floats) -> tuple[Floats, Floats]:
    """Sums of weighted residuals, and of the terms times w F', over authorities' years."""
    residual = profiles.to_authority_year @ (profiles.weight * (outcome - fit.fitted))
    reach = profiles.to_authority_year @ (fit.terms * (profiles.weight * fit.slope)[:, None])
    return residual, reach


def slopes_of_share(
    by_outcome: Floats, profiles: Profiles, outcome: Floats, shape: tuple[int, int]
) -> Slopes:
    """Derivatives of a function of outcomes alone, given those by outcomes, (profiles,).

    `shape` is (covariates, authority-years), where all of them are 0.
    """
    moved = by_outcome * outcome * (1 - outcome)
    return Slopes(
        by_logit=(profiles.to_segment @ moved)[None],
        by_effect=(moved @ profiles.child)[None],
        by_covariate=np.zeros((1, *shape)),
    )


def mcfadden(fit: Fit, weight: Floats, outcome: Floats) -> tuple[float, Floats, float]:
    """McFadden's R² of a logistic fit to probabilities, as their outcomes would have it.

    Returns
    -------
    R², its derivative by outcomes (the fit following them), shape (profiles,), and that by the
    log-likelihood of the fit.
    """
    logit = fit.terms @ fit.coefficients
    reached = float(weight @ (outcome * logit - np.logaddexp(0, logit)))
    mean = float(np.average(outcome, weights=weight))
    odds = np.log(mean / (1 - mean))
    least = float(weight.sum() * (mean * np.log(mean) + (1 - mean) * np.log(1 - mean)))
    by_outcome = weight * (-logit / least + reached * odds / least**2)
    return 1 - reached / least, by_outcome, -1 / least
