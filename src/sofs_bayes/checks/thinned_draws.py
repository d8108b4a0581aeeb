"""Draws of a model of children as arrays, what the fit does not use at 0; draws of its priors."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from math import ceil

import numpy as np
import numpy.typing as npt
import xarray as xr

from sofs_bayes.bayes.blocks import Blocks
from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.bayes.did_draws import DIMS
from sofs_bayes.spec import DidAnalysis, Exponential
from sofs_bayes.synthetic.persistence import persistent

Floats = npt.NDArray[np.float64]

# Draws that checks of counts use: their cost is draws times counts, and the Monte Carlo error of
# a check need not be that of a result.
MOST = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ThinnedDraws:
    """Draws of every parameter, flattened over chains.

    Attributes
    ----------
    chains
        How many chains the draws are of, one after the other.
    predictor
        Shape (draws, cells): everything but the children's terms.
    coefficient, child_effect, year_step
        Shapes (draws, terms), (draws, child terms), (draws, steps).
    shock
        Shape (draws, authorities, years).
    authority_sd, pilot_effect_sd, shock_sd, correlation, residual_sd
        Shape (draws,); 0 where the fit has none, also a `correlation` of independent shocks.
    """

    chains: int
    predictor: Floats
    coefficient: Floats
    child_effect: Floats
    year_step: Floats
    shock: Floats
    authority_sd: Floats
    pilot_effect_sd: Floats
    shock_sd: Floats
    correlation: Floats
    residual_sd: Floats

    def parts(self, size: int) -> "Iterator[ThinnedDraws]":
        """The same draws, so many at once (of which chain is no longer said)."""
        named = {each.name: getattr(self, each.name) for each in fields(self)}
        del named["chains"]
        for start in range(0, len(self.predictor), size):
            part = {name: values[start : start + size] for name, values in named.items()}
            yield ThinnedDraws(chains=1, **part)

    def by_chain(self, values: Floats, dim: str) -> xr.DataArray:
        """Values (draws, …) as (chain, draw, dim)."""
        shaped = values.reshape(self.chains, -1, *values.shape[1:])
        return xr.DataArray(shaped, dims=("chain", "draw", dim))


def thinned_draws(
    posterior: xr.Dataset, data: CellData, blocks: Blocks, *, most: int = MOST
) -> ThinnedDraws:
    """At most so many of the named draws, evenly spaced in every chain."""
    step = ceil(posterior.sizes["chain"] * posterior.sizes["draw"] / most)
    kept = posterior.isel(draw=slice(None, None, step)).transpose("chain", "draw", ...)
    draws = kept.sizes["chain"] * kept.sizes["draw"]

    def flat(name: str, *, used: bool = True, shape: tuple[int, ...] = ()) -> Floats:
        if name not in kept or not used:
            return np.zeros((draws, *shape))
        values = kept[name].to_numpy().astype(np.float64)
        return values.reshape(draws, *values.shape[2:])

    shocked = bool(blocks.shocks.any())
    return ThinnedDraws(
        chains=kept.sizes["chain"],
        predictor=flat("cell_predictor"),
        coefficient=flat("coefficient"),
        child_effect=flat("child_effect"),
        year_step=flat("year_step", shape=(len(blocks.steps),)),
        shock=flat("shock", used=shocked, shape=(len(data.authorities), len(data.years))),
        authority_sd=flat("authority_sd", used=bool(blocks.authorities.any())),
        pilot_effect_sd=flat("pilot_effect_sd", used=bool(blocks.pilots.any())),
        shock_sd=flat("shock_sd", used=shocked),
        correlation=flat("shock_correlation", used=shocked),
        residual_sd=flat("residual_sd"),
    )


def own_shocks(draws: ThinnedDraws, data: CellData) -> Floats:
    """Each cell's own shock, shape (draws, cells)."""
    own: Floats = draws.shock[:, data.authority, data.year]
    return own


def new_shocks(draws: ThinnedDraws, data: CellData, rng: np.random.Generator) -> Floats:
    """A new path of shocks for every authority, shape (draws, authorities, years)."""
    noise = rng.standard_normal(draws.shock.shape)
    return draws.shock_sd[:, None, None] * persistent(noise, draws.correlation[:, None], data.years)


def prior_draws(
    analysis: DidAnalysis, data: CellData, blocks: Blocks, *, draws: int, seed: int
) -> xr.Dataset:
    """Draws of every parameter and effect from the prior, as `did_draws.named` has them.

    One chain, and no log likelihood. The children's coefficients of a linear model are flat;
    they are at their estimates within cells.
    """
    rng = np.random.default_rng(seed)
    scalars = _scalars(analysis, blocks, draws, rng)
    coefficient = blocks.prior_mean + blocks.prior_sd * rng.standard_normal(
        (draws, len(blocks.terms))
    )
    found = {
        "coefficient": coefficient,
        "child_effect": _child_effects(analysis, data, draws, rng),
        "shock": np.zeros((draws, len(data.authorities), len(data.years))),
    }
    predictor = coefficient @ blocks.design.T
    for name, (sd, design) in {
        "authority_intercept": ("authority_sd", blocks.authorities),
        "pilot_deviation": ("pilot_effect_sd", blocks.pilots),
        "year_step": ("year_effect_sd", blocks.years_since),
    }.items():
        if name == "year_step" and not blocks.steps:
            continue
        effect = rng.standard_normal((draws, design.shape[1])) * design.any(axis=0)
        if analysis.model.tails == "student t" and name != "year_step":
            half = analysis.model.degrees_of_freedom / 2
            effect = effect / np.sqrt(rng.gamma(half, 1.0 / half, effect.shape))
        found[name] = scalars[sd][:, None] * effect
        predictor = predictor + found[name] @ design.T
    found["cell_predictor"] = predictor
    without_shocks = _dataset(found, scalars, data, blocks)
    thinned = thinned_draws(without_shocks, data, blocks, most=draws)
    shock = new_shocks(thinned, data, rng)
    found |= {"shock": shock, "cell_predictor": predictor + shock[:, data.authority, data.year]}
    return _dataset(found, scalars, data, blocks)


def _scalars(
    analysis: DidAnalysis, blocks: Blocks, draws: int, rng: np.random.Generator
) -> dict[str, Floats]:
    """The standard deviations the model has, and the shocks' correlation, each (draws,)."""
    priors, shocks = analysis.priors, analysis.model.shocks
    names = ["authority_sd", "pilot_effect_sd"]
    names += ["shock_sd"] if shocks != "none" else []
    names += ["year_effect_sd"] if blocks.steps else []
    names += ["residual_sd"] if analysis.model.likelihood == "gaussian" else []
    found: dict[str, Floats] = {}
    for name in names:
        exponential = isinstance(getattr(priors, name), Exponential)
        unit = rng.exponential(size=draws) if exponential else rng.standard_normal(draws)
        found[name] = blocks.sd_priors[name] * np.abs(unit)
    if shocks == "persistent":
        prior = priors.shock_correlation
        found["shock_correlation"] = rng.beta(prior.a, prior.b, draws)
    return found


def _child_effects(
    analysis: DidAnalysis, data: CellData, draws: int, rng: np.random.Generator
) -> Floats:
    prior = analysis.priors.child_covariate
    if prior is not None:
        return prior.mean + prior.sd * rng.standard_normal((draws, len(data.child_terms)))
    estimate = np.linalg.solve(data.within_xx.sum(0), data.within_xy.sum(0))
    return np.tile(estimate, (draws, 1))


def _dataset(
    found: dict[str, Floats], scalars: dict[str, Floats], data: CellData, blocks: Blocks
) -> xr.Dataset:
    labels = {
        "term": list(blocks.terms),
        "child_term": list(data.child_terms),
        "authority": list(data.authorities),
        "pilot": list(data.pilots),
        "step": list(blocks.steps),
        "year": list(data.years),
    }
    dims: dict[str, tuple[str, ...]] = {**DIMS, **dict.fromkeys(scalars, ())}
    variables = {
        name: (("chain", "draw", *dims[name]), values[None])
        for name, values in (found | scalars).items()
    }
    used = {dim for name in variables for dim in dims[name]}
    return xr.Dataset(variables, coords={name: labels[name] for name in labels if name in used})
