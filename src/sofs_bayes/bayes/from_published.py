"""Printed coefficients and their stars → the posterior of the effect behind them.

    s ~ HalfNormal(S0)      SD of an authority's period mean
    c ~ Beta(a, b)          correlation of its means before and after
    β, δ ~ Normal           pilot difference and effect: both integrate out

The posterior of (s, c) is a two-dimensional grid, weighted by the likelihood of the
coefficients and of their stars (`printed_model`). Given (s, c) the effect is normal, so
its posterior is a mixture of normals over the grid: no sampling, some milliseconds.
"""

from dataclasses import dataclass, replace
from math import isfinite

import numpy as np
from scipy import special

from sofs_bayes.bayes.distributions import Array, NormalMixture
from sofs_bayes.bayes.printed_model import (
    PrintedModel,
    PrintedRows,
    printed_model,
    printed_rows,
    se_distribution,
    variances,
)
from sofs_bayes.bayes.printed_studies import Conditional, Studies, conditional, log_star_probability
from sofs_bayes.errors import BadInput
from sofs_bayes.spec import Normal, PrintedAnalysis, Reading

__all__ = [
    "PrintedPosterior",
    "PrintedRows",
    "choose_prior",
    "choose_reading",
    "posterior",
    "printed_rows",
    "se_distribution",
    "without_stars",
]

# Midpoint rules: the integrand is even in s and smooth in the angle of c, and it vanishes
# where the grid ends elsewhere, so that they converge as fast as Gauss rules do.
GRID_S, GRID_C = 96, 48
SCAN_S, SCAN_C = 128, 8
SCAN_FROM, SCAN_TO = 1e-3, 6.5  # in units of S0
SCAN_DEPTH = 20.0  # log density below its peak that counts as nothing (2e-9)
NEGLIGIBLE = 1e-10  # weight of a grid point that is left out of the mixtures


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedPosterior:
    """The posterior of one analysis under one effect prior and one reading.

    Parameters
    ----------
    analysis, prior, reading, model, rows
        What it was made from; `prior` names one of the analysis's effect priors.
    effect, pilot_difference
        Posterior of δ and of β on the design's scale.
    s, angle
        Edges of the grid's cells; c = sin²(angle).
    weights
        Posterior mass of each cell, (s, angle).
    log_evidence
        Log marginal likelihood of the two coefficients (a density) and their stars.
    edge_mass
        Posterior mass in the outermost cells of s, where the grid was cut; must be negligible.
    further
        Rows of other studies of the same parameters that it was made from as well.
    """

    analysis: PrintedAnalysis
    prior: str
    reading: Reading
    model: PrintedModel
    rows: PrintedRows
    effect: NormalMixture
    pilot_difference: NormalMixture
    s: Array
    angle: Array
    weights: Array
    log_evidence: float
    edge_mass: float
    further: tuple[PrintedRows, ...] = ()

    @property
    def studies(self) -> Studies:
        """The rows of all studies."""
        return (self.rows, *self.further)


def posterior(
    analysis: PrintedAnalysis,
    *,
    prior: str,
    reading: Reading | str | None = None,
    rows: PrintedRows | None = None,
    further: Studies = (),
) -> PrintedPosterior:
    """The posterior of the effect behind two printed coefficients and their stars.

    Parameters
    ----------
    analysis
        Design, priors and readings.
    prior
        The name of one of its effect priors.
    reading
        One of its readings or its name; the first one if not given.
    rows
        Other printed rows than the analysis's own (for simulated studies).
    further
        Rows of independent studies of the same design and the same s, c, β and δ.

    Returns
    -------
    PrintedPosterior
        Its `effect` is a mixture of normals on the analysis's scale (risk: shares, not
        points), with `quantile`, `cdf` and `mean`.

    Raises
    ------
    BadInput
        Unknown prior or reading, a gap in a row, or stars that the reading cannot give.

    Examples
    --------
    >>> post = sb.posterior(sb.load("icpc-printed"), prior="sceptical")
    >>> round(float(post.effect.quantile(0.5)), 3)
    0.008
    """
    chosen = choose_reading(analysis, reading)
    effect = choose_prior(analysis, prior)
    model = printed_model(analysis, chosen)
    printed = printed_rows(analysis, chosen) if rows is None else rows
    studies = (printed, *further)
    grid = _grid(model, studies, effect)
    log_joint, given = _log_joint(model, studies, effect, _middle(grid[0]), _middle(grid[1]))
    joint = np.exp(log_joint - log_joint.max())
    weights = joint / joint.sum()
    kept = weights > NEGLIGIBLE
    mixture = weights[kept] / weights[kept].sum()
    cell_area = (grid[0][1] - grid[0][0] or 1.0) * (grid[1][1] - grid[1][0])
    edges = weights[-1].sum() + (weights[0].sum() if grid[0][0] > 0 else 0.0)
    return PrintedPosterior(
        analysis=analysis,
        prior=prior,
        reading=chosen,
        model=model,
        rows=printed,
        effect=_mixture(mixture, given.delta_mean[kept], given.delta_variance[kept]),
        pilot_difference=_mixture(mixture, given.beta_mean[kept], given.beta_variance[kept]),
        s=grid[0],
        angle=grid[1],
        weights=weights,
        log_evidence=float(log_joint.max() + np.log(joint.sum() * cell_area)),
        edge_mass=float(edges) if model.authority_sd else 0.0,
        further=tuple(further),
    )


def choose_reading(analysis: PrintedAnalysis, reading: Reading | str | None) -> Reading:
    """A reading itself, the analysis's reading of that name, or its first one."""
    if isinstance(reading, Reading):
        return reading
    known = {each.name: each for each in analysis.readings}
    if reading is None:
        return analysis.readings[0]
    if reading not in known:
        raise BadInput(analysis.name, "reading", repr(reading), " or ".join(map(repr, known)))
    return known[reading]


def choose_prior(analysis: PrintedAnalysis, prior: str) -> Normal:
    """The effect prior of that name."""
    if prior not in analysis.effect_priors:
        allowed = " or ".join(map(repr, analysis.effect_priors))
        raise BadInput(analysis.name, "prior", repr(prior), allowed)
    return analysis.effect_priors[prior]


def without_stars(reading: Reading) -> Reading:
    """The same reading with nothing learned from the stars."""
    return replace(reading, se_reading="none") if reading.se_reading == "authority" else reading


def _mixture(weights: Array, means: Array, variance: Array) -> NormalMixture:
    return NormalMixture(weights=weights, means=means, sds=np.sqrt(variance))


def _middle(edges: Array) -> Array:
    return (edges[1:] + edges[:-1]) / 2


def _log_joint(
    model: PrintedModel, studies: Studies, effect: Normal, s: Array, angle: Array
) -> tuple[Array, Conditional]:
    """Log density of (s, angle, rows of all studies) at every pair of an s and an angle."""
    a, b = model.correlation
    sine, cosine = np.sin(angle), np.cos(angle)
    log_prior = (
        np.log(2) + (2 * a - 1) * np.log(sine) + (2 * b - 1) * np.log(cosine) - special.betaln(a, b)
    ) + np.zeros((s.size, 1))
    if model.authority_sd:
        scaled = (s / model.authority_sd)[:, None]
        log_prior = log_prior - 0.5 * scaled**2 - np.log(model.authority_sd * np.sqrt(np.pi / 2))
    pairs = np.broadcast_arrays(s[:, None], sine**2)
    given = conditional(model, studies, effect, pairs[0], pairs[1])
    log_joint = log_prior + given.log_likelihood
    if model.uses_stars:
        v_beta, v_delta, _ = variances(model, pairs[0], pairs[1])
        log_joint = log_joint + log_star_probability(model, studies, v_beta[:, :1], v_delta)
    return log_joint, given


def _grid(model: PrintedModel, studies: Studies, effect: Normal) -> tuple[Array, Array]:
    """Cell edges of s where its posterior has mass, and of the angle between 0 and 90 degrees."""
    angles = np.linspace(0.0, np.pi / 2, GRID_C + 1)
    if not model.authority_sd:
        return np.zeros(2), angles
    scan = np.geomspace(SCAN_FROM, SCAN_TO, SCAN_S) * model.authority_sd
    coarse = _middle(np.linspace(0.0, np.pi / 2, SCAN_C + 1))
    height = _log_joint(model, studies, effect, scan, coarse)[0].max(axis=1)
    if not isfinite(float(height.max())):
        stars = "; ".join(f"{rows.pilot.text}, {rows.did.text}" for rows in studies)
        raise BadInput(stars, "stars", "no standard error this reading allows", "another reading")
    high = np.flatnonzero(height >= height.max() - SCAN_DEPTH)
    first = scan[high[0] - 1] if high[0] > 0 else 0.0
    last = scan[min(high[-1] + 1, SCAN_S - 1)]
    return np.linspace(first, last, GRID_S + 1), angles
