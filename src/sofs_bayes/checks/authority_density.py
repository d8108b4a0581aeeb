"""The density of all that is seen of an authority, or of cells, given what they have in common.

In a cell's predictor the log likelihood is a parabola: exactly so in the linear model, and
near any point in the logistic one. Integrals of it over normal effects have a closed form.
"""

from collections.abc import Collection
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.special import expit, logsumexp, roots_genlaguerre

from sofs_bayes.bayes.blocks import Blocks
from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.bayes.censored import Censored
from sofs_bayes.checks.thinned_draws import ThinnedDraws, own_shocks, thinned_draws
from sofs_bayes.spec import DidAnalysis

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

# Newton's steps to the mode of a logistic integrand, on log-odds: no longer than this, until
# they are this short. The error of the integral goes with the cube of what is left.
LONGEST_STEP = 2.0
CLOSE = 0.01
MOST_STEPS = 20

# Numbers held at once for censored counts: draws times counts times what each may be.
TOGETHER = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Parabola:
    """log L(a) = value + score (a - at) - ½ curvature (a - at)²; shapes (draws, cells)."""

    at: Floats
    value: Floats
    score: Floats
    curvature: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalPredictor:
    """A normal distribution of cells' predictors: shapes (draws, cells), (draws, cells, cells)."""

    mean: Floats
    covariance: Floats


def gaussian_parabola(data: CellData, draws: ThinnedDraws, cells: Integers) -> Parabola:
    """The linear model's, of the cells' mean outcomes.

    What children differ by within a cell is left out: it depends on no cell's predictor.
    """
    curvature = data.curvature[cells] / (draws.residual_sd**2)[:, None]
    return Parabola(
        at=data.centre[cells] - draws.child_effect @ data.child_means[cells].T,
        value=0.5 * np.log(curvature / (2 * np.pi)),
        score=np.zeros_like(curvature),
        curvature=curvature,
    )


def logistic_parabola(data: CellData, draws: ThinnedDraws, cells: Integers, at: Floats) -> Parabola:
    """The logistic model's, by the derivatives of the exact log likelihood at one point.

    `at` are the cells' predictors, shape (draws, cells).
    """
    counts = data.patterns
    assert counts is not None  # as the analysis's likelihood has it
    found = np.zeros((3, *at.shape))
    for place, cell in enumerate(cells):  # by cell, so that arrays stay small
        here = np.flatnonzero(counts.cell[counts.exact] == cell)
        design = counts.child_design[counts.pattern[here]]
        log_odds = at[:, place, None] + draws.child_effect @ design.T
        found[:, :, place] = _of_exact(counts.n[here], counts.events[here], log_odds)
        for block in counts.censored:
            here = np.flatnonzero(block.cell == cell)
            size = max(1, TOGETHER // (len(at) * block.n.shape[1]))
            for rows in (here[i : i + size] for i in range(0, len(here), size)):
                design = counts.child_design[block.pattern[rows]]
                log_odds = at[:, place, None] + draws.child_effect @ design.T
                found[:, :, place] += _of_censored(block, rows, log_odds)
    return Parabola(at=at, value=found[0], score=found[1], curvature=found[2])


def _of_exact(n: Floats, events: Floats, log_odds: Floats) -> Floats:
    """Log likelihood of counts, and its first and minus its second derivative: (3, draws)."""
    away = np.exp(-np.abs(log_odds))  # one exponential for all three
    value = log_odds @ events - (np.maximum(log_odds, 0.0) + np.log1p(away)) @ n
    risk = np.where(log_odds < 0.0, away, 1.0) / (1.0 + away)
    return np.array([value, events.sum() - risk @ n, (risk * (1.0 - risk)) @ n])


def _of_censored(block: Censored, rows: Integers, log_odds: Floats) -> Floats:
    """The same of counts that may be one of several; `log_odds` has shape (draws, rows)."""
    n, events, weight = block.n[rows], block.events[rows], block.weight[rows]
    risk = expit(log_odds)[..., None]
    each = block.log_prior[rows] + events * log_odds[..., None]
    each -= n * np.logaddexp(0.0, log_odds)[..., None]
    value = logsumexp(each, axis=-1)
    share = np.exp(each - value[..., None])
    score = events - n * risk
    mean = (share * score).sum(-1)
    curvature = (share * (n * risk * (1.0 - risk) - score**2)).sum(-1) + mean**2
    return np.array([value @ weight, mean @ weight, curvature @ weight])


def integrated(parabola: Parabola, prior: NormalPredictor) -> tuple[Floats, Floats]:
    """The log of ∫ L(a) p(a) da, shape (draws,), and the integrand's mode (draws, cells)."""
    away = prior.mean - parabola.at
    score = parabola.score - parabola.curvature * away
    at_mean = parabola.value + parabola.score * away - 0.5 * parabola.curvature * away**2
    inner = prior.covariance * parabola.curvature[:, None, :] + np.eye(away.shape[1])
    towards = np.einsum("scd,sd->sc", prior.covariance, score)
    moved = np.linalg.solve(inner, towards[..., None])[..., 0]
    log_size = np.linalg.slogdet(inner)[1]
    return at_mean.sum(-1) + 0.5 * (score * moved).sum(-1) - 0.5 * log_size, prior.mean + moved


def parabola_at_mode(
    data: CellData, draws: ThinnedDraws, cells: Integers, prior: NormalPredictor
) -> Parabola:
    """The log likelihood of some cells about the mode of its product with a normal prior.

    Linear: exact. Logistic: integrals of it are Laplace's approximation.
    """
    if data.patterns is None:
        return gaussian_parabola(data, draws, cells)
    at = draws.predictor[:, cells]
    for _ in range(MOST_STEPS):
        found = logistic_parabola(data, draws, cells, at)
        step = (integrated(found, prior)[1] - at).clip(-LONGEST_STEP, LONGEST_STEP)
        if np.abs(step).max(initial=0.0) < CLOSE:
            break
        at = at + step
    return found


# Quadrature nodes of each Student t effect's precision.
NODES = 9


def authority_log_density(
    draws: ThinnedDraws,
    data: CellData,
    blocks: Blocks,
    analysis: DidAnalysis,
    authority: int,
) -> Floats:
    """The log density of an authority's outcomes given the common parameters, (draws,)."""
    cells = cells_of(data, authority)
    known = _common(draws, data, blocks, cells)
    of_authority, of_pilot = (
        np.einsum("cj,dj->cd", design[cells], design[cells])
        for design in (blocks.authorities, blocks.pilots)
    )
    squares = (
        (draws.authority_sd**2)[:, None, None] * of_authority,
        (draws.pilot_effect_sd**2)[:, None, None] * of_pilot,
    )
    at = NormalPredictor(mean=known.mean, covariance=known.covariance + squares[0] + squares[1])
    parabola = parabola_at_mode(data, draws, cells, at)
    precisions, weights = _precisions(analysis)
    spread = [np.any(each) for each in (of_authority, of_pilot)]
    parts = []
    for i, j in product(*(range(len(precisions)) if each else [0] for each in spread)):
        covariance = known.covariance + squares[0] / precisions[i] + squares[1] / precisions[j]
        prior = NormalPredictor(mean=known.mean, covariance=covariance)
        share = (weights[i] if spread[0] else 1.0) * (weights[j] if spread[1] else 1.0)
        parts.append(np.log(share) + integrated(parabola, prior)[0])
    return np.asarray(logsumexp(parts, axis=0))


def own_log_density(draws: ThinnedDraws, data: CellData, authority: int) -> Floats:
    """The log density of an authority's outcomes given all but its shocks, (draws,)."""
    cells = cells_of(data, authority)
    mean = draws.predictor[:, cells] - own_shocks(draws, data)[:, cells]
    prior = NormalPredictor(mean=mean, covariance=shock_covariance(draws, data, cells))
    return integrated(parabola_at_mode(data, draws, cells, prior), prior)[0]


def log_ratio_without(
    posterior: xr.Dataset,
    data: CellData,
    blocks: Blocks,
    analysis: DidAnalysis,
    authorities: Collection[str],
) -> xr.DataArray:
    """The posterior density without some authorities over that with them, in logs, (chain, draw).

    Their own intercepts, deviations and shocks are integrated out: it holds for all else.

    Parameters
    ----------
    posterior
        Named draws of the fit to all of `data`.
    """
    size = posterior.sizes["chain"] * posterior.sizes["draw"]
    draws = thinned_draws(posterior, data, blocks, most=size)
    places = [data.authorities.index(name) for name in authorities]
    density = sum(authority_log_density(draws, data, blocks, analysis, j) for j in places)
    return draws.by_chain(-np.reshape(density, (-1, 1)), "point").isel(point=0)


def cells_of(data: CellData, authority: int) -> Integers:
    """The cells of an authority of which anything is known."""
    here = (data.authority == authority) & (data.cells["weight"].to_numpy() > 0)
    return np.flatnonzero(here)


def _common(
    draws: ThinnedDraws, data: CellData, blocks: Blocks, cells: Integers
) -> NormalPredictor:
    """Predictors of an authority's cells given the common parameters alone.

    Its shocks and its own terms are in the covariance; its intercept and deviation are not.
    """
    others = np.setdiff1d(np.arange(len(blocks.design)), cells)
    own = ~blocks.design[others].any(axis=0)
    design = blocks.design[cells]
    mean = draws.coefficient[:, ~own] @ design[:, ~own].T
    mean = mean + design[:, own] @ blocks.prior_mean[own]
    mean = mean + draws.year_step @ blocks.years_since[cells].T
    scaled = design[:, own] * blocks.prior_sd[own]
    covariance = shock_covariance(draws, data, cells) + scaled @ scaled.T
    return NormalPredictor(mean=mean, covariance=covariance)


def shock_covariance(draws: ThinnedDraws, data: CellData, cells: Integers) -> Floats:
    """That of the shocks of an authority's cells, (draws, cells, cells)."""
    years = np.array(data.years, dtype=np.float64)[data.year[cells]]
    gap = np.abs(years[:, None] - years[None, :])
    alike = draws.correlation[:, None, None] ** gap  # 0 to the power of 0 is 1
    return np.asarray((draws.shock_sd**2)[:, None, None] * alike)


def _precisions(analysis: DidAnalysis) -> tuple[Floats, Floats]:
    """Nodes and weights of the gamma precision that makes a normal effect a Student t one."""
    if analysis.model.tails == "normal":
        return np.ones(1), np.ones(1)
    half = analysis.model.degrees_of_freedom / 2
    nodes, weights = roots_genlaguerre(NODES, half - 1.0)
    return nodes / half, weights / weights.sum()
