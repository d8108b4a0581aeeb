"""Random intercepts of authorities in the weighted linear model, by REML.

As lme4's `lmer(outcome ~ terms + (1 | authority), weights = w)`: outcome_i = x_i'β + u_j + e_i,
u_j ~ N(0, σ_u²), e_i ~ N(0, σ²/w_i). statsmodels' MixedLM has no weights, needs a minute and
more at the size of the children's records, and where σ_u² is small beside 1, as it is for shares,
warns of the boundary or ends on it (L-BFGS, with σ_u a seventh of σ). With one random intercept
the likelihood depends on each authority's sums alone, so that it is exact, and immediate, from
them.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sofs_bayes.frequentist.terms import Design

Floats = npt.NDArray[np.float64]

# The ratio σ_u / σ is looked for between these; the lower one is next to none.
LEAST_RATIO, GREATEST_RATIO = 1e-6, 1e2
# A share of the outcome's variation that sums of squares leave over by rounding.
NOTHING = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Multilevel:
    """A linear model with random intercepts.

    Parameters
    ----------
    coefficients, covariance
        Of the fixed effects, at the REML estimate of the variances.
    authority_sd, residual_sd
        σ_u and σ, in outcome units.
    log_likelihood
        The restricted log-likelihood, with lme4's constants.
    """

    coefficients: Floats
    covariance: Floats
    authority_sd: float
    residual_sd: float
    log_likelihood: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Weighted sums of terms (x), outcome (y) and 1, by authority j.

    `xx` (j, k, k), `xy` (j, k), `x` (j, k), `yy`, `y` and `one` (j,); `rows` and
    `log_weights` are totals.
    """

    xx: Floats
    xy: Floats
    x: Floats
    yy: Floats
    y: Floats
    one: Floats
    rows: int
    log_weights: float


def random_intercepts(numbers: Design) -> Multilevel | str:
    """The REML fit of a design with random intercepts of its authorities.

    A sentence where terms and authorities leave nothing over.
    """
    from scipy.optimize import minimize_scalar

    sums = authority_sums(numbers)
    found = minimize_scalar(
        lambda log_ratio: -_solved(sums, float(np.exp(log_ratio))).log_likelihood,
        bounds=(np.log(LEAST_RATIO), np.log(GREATEST_RATIO)),
        method="bounded",
        options={"xatol": 1e-10},
    )
    inside, none = _solved(sums, float(np.exp(found.x))), _solved(sums, 0.0)
    best = inside if inside.log_likelihood > none.log_likelihood else none
    if not best.residual_sd**2 > NOTHING * sums.yy.sum() / sums.rows:
        return f"terms and authorities make up the outcome of its {sums.rows} rows exactly"
    return best


def authority_sums(numbers: Design) -> Sums:
    """The sums of a design, by authority."""
    terms, y, w = numbers.terms.to_numpy(), numbers.outcome, numbers.weights
    rows = [np.flatnonzero(numbers.authority == j) for j in np.unique(numbers.authority)]
    return Sums(
        xx=np.stack([terms[i].T @ (w[i, None] * terms[i]) for i in rows]),
        xy=np.stack([terms[i].T @ (w[i] * y[i]) for i in rows]),
        x=np.stack([w[i] @ terms[i] for i in rows]),
        yy=np.array([w[i] @ y[i] ** 2 for i in rows]),
        y=np.array([w[i] @ y[i] for i in rows]),
        one=np.array([w[i].sum() for i in rows]),
        rows=len(y),
        log_weights=float(np.log(w).sum()),
    )


def _solved(sums: Sums, ratio: float) -> Multilevel:
    """Generalised least squares at σ_u / σ = ratio, σ at its REML estimate.

    An authority's V is diag(1/w) + ratio² 11'; its inverse takes ratio² / (1 + ratio² Σw) of
    the outer product of the weighted sums off the weighted cross-products.
    """
    shrunk = ratio**2 / (1 + ratio**2 * sums.one)
    xvx = sums.xx.sum(axis=0) - np.einsum("j,jk,jl->kl", shrunk, sums.x, sums.x)
    xvy = sums.xy.sum(axis=0) - np.einsum("j,jk,j->k", shrunk, sums.x, sums.y)
    yvy = sums.yy.sum() - shrunk @ sums.y**2
    coefficients = np.linalg.solve(xvx, xvy)
    left = sums.rows - len(coefficients)
    variance = max(float(yvy - coefficients @ xvy) / left, np.finfo(np.float64).tiny)
    log_likelihood = -0.5 * (
        left * (1 + np.log(2 * np.pi * variance))
        + np.log1p(ratio**2 * sums.one).sum()
        - sums.log_weights
        + np.linalg.slogdet(xvx)[1]
    )
    return Multilevel(
        coefficients=coefficients,
        covariance=variance * np.linalg.inv(xvx),
        authority_sd=ratio * float(np.sqrt(variance)),
        residual_sd=float(np.sqrt(variance)),
        log_likelihood=float(log_likelihood),
    )
