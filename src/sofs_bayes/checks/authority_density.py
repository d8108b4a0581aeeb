"""The density of all that is seen of an authority, given what it has in common with others."""

from collections.abc import Collection
from itertools import product

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.special import logsumexp, roots_genlaguerre

from sofs_bayes.bayes.blocks import Blocks
from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.checks.cell_likelihood import NormalPredictor, integrated, parabola_at_mode
from sofs_bayes.checks.thinned_draws import ThinnedDraws, own_shocks, thinned_draws
from sofs_bayes.spec import DidAnalysis

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

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
