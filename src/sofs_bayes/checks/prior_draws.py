"""Draws from the prior of a model of children, before any outcome is seen."""

import numpy as np
import numpy.typing as npt
import xarray as xr

from sofs_bayes.bayes.blocks import Blocks
from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.bayes.did_draws import DIMS
from sofs_bayes.checks.thinned_draws import new_shocks, thinned_draws
from sofs_bayes.spec import DidAnalysis, Exponential

Floats = npt.NDArray[np.float64]


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
