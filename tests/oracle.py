"""The posterior from print by simulation alone: no likelihood, no formula for any variance.

Errors of least squares do not depend on the coefficients. So panels without any difference or
effect are simulated with s and c from their priors; those whose stars come out as printed are
kept, once the printed coefficient is divided by their standard error; the truth behind the
print is then the printed coefficient minus the panel's error, weighted by its prior.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sofs_bayes.bayes.distributions import Array
from sofs_bayes.bayes.from_published import choose_prior, choose_reading
from sofs_bayes.bayes.printed_model import PrintedModel, printed_model
from sofs_bayes.bayes.printed_rows import (
    PrintedRows,
    Row,
    printed_rows,
    se_range,
    value_and_half_unit,
)
from sofs_bayes.checks.panels import (
    INDEPENDENT_YEARS,
    Estimates,
    Shocks,
    estimate,
    reported,
    simulate_panels,
)
from sofs_bayes.checks.printed_calibration import prior_draws
from sofs_bayes.errors import BadInput
from sofs_bayes.published.facts import Printed
from sofs_bayes.spec import Normal, PrintedAnalysis, PrintedDesign, Reading

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
        found = f"no match of {rows.text} in {panels} panels"
        raise BadInput(analysis.name, "stars", found, "more panels or another reading")
    log_weights = _log_normal(delta, effect)
    if model.pilot_difference is not None:
        log_weights = log_weights + _log_normal(beta, model.pilot_difference)
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
    hats = {row: _unrounded(cell, n, rng) for row, cell, _ in rows.each()}
    same = _as_printed(rows, hats, errors, analysis.design, model)
    beta = hats["pilot"] - errors.beta if "pilot" in hats else np.full(n, np.nan)
    return np.array([s, c, beta, hats["did"] - errors.delta])[:, same]


def _unrounded(cell: Printed, n: int, rng: np.random.Generator) -> Array:
    value, half_unit = value_and_half_unit(cell)
    return value + half_unit * rng.uniform(-1.0, 1.0, n)


def _as_printed(
    rows: PrintedRows,
    hats: Mapping[Row, Array],
    errors: Estimates,
    design: PrintedDesign,
    model: PrintedModel,
) -> npt.NDArray[np.bool_]:
    """Which panels' standard errors are among those that the print allows."""
    same = np.ones(errors.delta.size, dtype=np.bool_)
    if not model.uses_stars:
        return same
    found = reported(errors, design, model)
    for row, cell, error in rows.each():
        low, high = se_range(hats[row], cell, model.tests[row], error)
        se = found[row][1]
        same &= (low <= se) & (se < high)
    return same


def _log_normal(x: Array, prior: Normal) -> Array:
    return np.asarray(-0.5 * ((x - prior.mean) / prior.sd) ** 2)
