"""The posterior from print by simulation alone: no likelihood, no formula for any variance.

Errors of least squares do not depend on the coefficients. So panels without any difference or
effect are simulated with s and c from their priors; those whose stars come out as printed are
kept, once the printed coefficient is divided by their standard error; the truth behind the
print is then the printed coefficient minus the panel's error, weighted by its prior.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sofs_bayes.bayes.distributions import Array
from sofs_bayes.bayes.from_published import choose_prior, choose_reading
from sofs_bayes.bayes.printed_model import (
    PrintedModel,
    PrintedRows,
    printed_model,
    printed_rows,
    value_and_half_unit,
)
from sofs_bayes.checks.panels import (
    INDEPENDENT_YEARS,
    Estimates,
    Shocks,
    estimate,
    simulate_panels,
    stars,
)
from sofs_bayes.errors import BadInput
from sofs_bayes.published.facts import Printed
from sofs_bayes.spec import Normal, PrintedAnalysis, Reading

CHUNK = 20_000  # panels simulated at once; bounds the memory


@dataclass(frozen=True, slots=True, kw_only=True)
class OraclePosterior:
    """Weighted draws of (s, c, β, δ); `weights` sum to 1.

    Parameters
    ----------
    panels
        Number simulated.
    """

    s: Array
    c: Array
    beta: Array
    delta: Array
    weights: Array
    panels: int

    @property
    def effective_size(self) -> float:
        """Kish's effective number of draws."""
        return float(1 / np.sum(self.weights**2))

    def probability(self, claim: npt.NDArray[np.bool_]) -> float:
        """The weight of the draws for which a claim holds."""
        return float(self.weights[claim].sum())


def oracle(
    analysis: PrintedAnalysis,
    *,
    prior: str,
    panels: int,
    rng: np.random.Generator,
    reading: Reading | str | None = None,
    shocks: Shocks = INDEPENDENT_YEARS,
) -> OraclePosterior:
    """The posterior by simulation, under any process of the authorities' yearly shocks.

    Raises
    ------
    BadInput
        As for the grid, or no simulated panel has the printed stars.
    """
    chosen = choose_reading(analysis, reading)
    effect = choose_prior(analysis, prior)
    model, rows = printed_model(analysis, chosen), printed_rows(analysis, chosen)
    sizes = [min(CHUNK, panels - start) for start in range(0, panels, CHUNK)]
    kept = [_matching(analysis, chosen, rows, n=n, shocks=shocks, rng=rng) for n in sizes]
    s, c, beta, delta = np.concatenate(kept, axis=1)
    if s.size == 0:
        found = f"no match of {rows.pilot.text}, {rows.did.text} in {panels} panels"
        raise BadInput(analysis.name, "stars", found, "more panels or another reading")
    log_weights = _log_normal(beta, model.pilot_difference) + _log_normal(delta, effect)
    weights = np.exp(log_weights - log_weights.max())
    return OraclePosterior(
        s=s, c=c, beta=beta, delta=delta, weights=weights / weights.sum(), panels=panels
    )


def _matching(
    analysis: PrintedAnalysis,
    reading: Reading,
    rows: PrintedRows,
    *,
    n: int,
    shocks: Shocks,
    rng: np.random.Generator,
) -> Array:
    """(s, c, β, δ) behind those of n panels that have the printed stars."""
    model = printed_model(analysis, reading)
    s, c = prior_draws(model, n, rng)
    zero = np.zeros(n)
    panels = simulate_panels(
        analysis.design,
        s=s,
        c=c,
        beta=zero,
        delta=zero,
        rng=rng,
        shocks=shocks,
        child_variance_factor=reading.child_variance_factor,
    )
    errors = estimate(panels)
    beta_hat, delta_hat = _unrounded(rows.pilot, n, rng), _unrounded(rows.did, n, rng)
    same = _same_stars(rows, beta_hat, delta_hat, errors, model)
    return np.array([s, c, beta_hat - errors.beta, delta_hat - errors.delta])[:, same]


def prior_draws(model: PrintedModel, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Independent draws of s and c from their priors."""
    s = model.authority_sd * np.abs(rng.standard_normal(n))
    return s, rng.beta(*model.correlation, n)


def _unrounded(cell: Printed, n: int, rng: np.random.Generator) -> Array:
    value, half_unit = value_and_half_unit(cell)
    return value + half_unit * rng.uniform(-1.0, 1.0, n)


def _same_stars(
    rows: PrintedRows, beta_hat: Array, delta_hat: Array, errors: Estimates, model: PrintedModel
) -> npt.NDArray[np.bool_]:
    if not model.uses_stars:
        return np.ones(beta_hat.size, dtype=np.bool_)
    same_beta = stars(beta_hat, errors.se_beta, model.critical) == rows.pilot.stars
    same_delta = stars(delta_hat, errors.se_delta, model.critical) == rows.did.stars
    return np.asarray(same_beta & same_delta)


def _log_normal(x: Array, prior: Normal) -> Array:
    return np.asarray(-0.5 * ((x - prior.mean) / prior.sd) ** 2)
