"""Printed coefficients and their stars → the posterior of the effect behind them.

    s ~ HalfNormal(S0)      SD of an authority's period mean
    c ~ Beta(a, b)          correlation of its means before and after
    β, δ ~ Normal           pilot difference and effect: both integrate out

The posterior of (s, c) is a two-dimensional grid, weighted by the likelihood of the
coefficients and of their stars (`printed_model`). Given (s, c) the effect is normal, so
its posterior is a mixture of normals over the grid: no sampling, some milliseconds.
"""

from dataclasses import dataclass, replace

import numpy as np

from sofs_bayes.bayes.distributions import Array, NormalMixture
from sofs_bayes.bayes.printed_grid import weighed
from sofs_bayes.bayes.printed_model import PrintedModel, Studies, printed_model, se_distribution
from sofs_bayes.bayes.printed_rows import PrintedRows, printed_rows
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

NEGLIGIBLE = 1e-10  # weight of a grid point that is left out of the mixtures


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedPosterior:
    """The posterior of one analysis under one effect prior and one reading.

    Parameters
    ----------
    analysis, prior, reading, model, rows
        What it was made from; `prior` names one of the analysis's effect priors.
    effect, pilot_difference
        Posterior of δ and of β on the design's scale; no β where its row is not printed.
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
    pilot_difference: NormalMixture | None
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
    found = weighed(model, studies, effect)
    given, kept = found.given, found.weights > NEGLIGIBLE
    mixture = found.weights[kept] / found.weights[kept].sum()
    return PrintedPosterior(
        analysis=analysis,
        prior=prior,
        reading=chosen,
        model=model,
        rows=printed,
        effect=_mixture(mixture, given.delta_mean[kept], given.delta_variance[kept]),
        pilot_difference=None
        if model.pilot_difference is None
        else _mixture(mixture, given.beta_mean[kept], given.beta_variance[kept]),
        s=found.s,
        angle=found.angle,
        weights=found.weights,
        log_evidence=found.log_evidence,
        edge_mass=found.edge_mass,
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
    informed = reading.se_reading in ("authority", "comparators")
    return replace(reading, se_reading="none") if informed else reading


def _mixture(weights: Array, means: Array, variance: Array) -> NormalMixture:
    return NormalMixture(weights=weights, means=means, sds=np.sqrt(variance))
