"""Draws of a graph of `did_model` → draws of all effects, by their names."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from sofs_bayes.bayes.blocks import Blocks
from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.bayes.did_model import Arrays, child_precision
from sofs_bayes.frequentist.term import INTERCEPT

Floats = npt.NDArray[np.float64]

# Draws whose effects are simulated at once: their covariances take memory.
TOGETHER = 250

SCALARS = (
    "authority_sd",
    "pilot_effect_sd",
    "year_effect_sd",
    "shock_sd",
    "shock_correlation",
    "residual_sd",
)


def named(
    posterior: xr.Dataset, data: CellData, blocks: Blocks, arrays: Arrays, *, seed: int
) -> xr.Dataset:
    """Draws of every parameter and effect, on the model's scale.

    Variables, dims (chain, draw, …): `coefficient` (term), `child_effect` (child_term),
    `authority_intercept` (authority), `pilot_deviation` (pilot), `year_step` (step), `shock`
    (authority, year), `cell_predictor` (cell: everything but the children's terms), the sds and
    the correlation the model has, `log_likelihood` up to a constant.

    Parameters
    ----------
    posterior
        Draws of the graph built from `arrays`.
    seed
        Of the effects of a linear model, which are drawn here given its standard deviations.
    """
    build = _linear if data.patterns is None else _logistic
    found = build(posterior, data, blocks, arrays, seed)
    coords = {
        "term": list(blocks.terms),
        "child_term": list(data.child_terms),
        "authority": list(data.authorities),
        "pilot": list(data.pilots),
        "step": list(blocks.steps),
        "year": list(data.years),
    }
    scalars = {name: posterior[name] for name in SCALARS if name in posterior}
    variables = {name: (("chain", "draw", *DIMS[name]), values) for name, values in found.items()}
    used = {dim for name in found for dim in DIMS[name]}
    labels = {name: values for name, values in coords.items() if name in used}
    return xr.Dataset(variables, coords=labels | dict(posterior[["chain", "draw"]].coords)).assign(
        scalars
    )


DIMS: Mapping[str, tuple[str, ...]] = {
    "coefficient": ("term",),
    "child_effect": ("child_term",),
    "authority_intercept": ("authority",),
    "pilot_deviation": ("pilot",),
    "year_step": ("step",),
    "shock": ("authority", "year"),
    "cell_predictor": ("cell",),
    "log_likelihood": (),
}


def _logistic(
    posterior: xr.Dataset, data: CellData, blocks: Blocks, arrays: Arrays, seed: int
) -> dict[str, Floats]:
    effects = posterior["effects"].to_numpy()
    sizes = [len(blocks.terms), len(data.authorities), len(data.pilots), len(blocks.steps)]
    fixed, authority, pilot, step = np.split(effects, np.cumsum(sizes)[:-1], axis=-1)
    sds = _RandomSds.of(posterior)
    shape = (*effects.shape[:2], len(data.authorities), len(data.years))
    found = {
        "coefficient": blocks.prior_mean + blocks.prior_sd * fixed,
        "child_effect": posterior["child_effect"].to_numpy()
        if "child_effect" in posterior
        else np.zeros((*effects.shape[:2], 0)),
        "authority_intercept": authority * sds.authority * blocks.authorities.any(axis=0),
        "pilot_deviation": pilot * sds.pilot * blocks.pilots.any(axis=0),
        "shock": posterior["shocks_by_year"].to_numpy() * blocks.shocks.any()
        if "shocks_by_year" in posterior
        else np.zeros(shape),
        "cell_predictor": posterior["cell_logit"].to_numpy(),
        "log_likelihood": posterior["log_likelihood"].to_numpy(),
    }
    return found | ({"year_step": step * sds.year} if blocks.steps else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class _RandomSds:
    """Standard deviations of the random effects, shapes that broadcast to (chain, draw, …)."""

    authority: Floats
    pilot: Floats
    year: Floats

    @classmethod
    def of(cls, posterior: xr.Dataset) -> "_RandomSds":
        def sd(name: str, precision: str) -> Floats:
            if name not in posterior:
                return np.zeros((1, 1))
            values = posterior[name].to_numpy()[..., None]
            if precision in posterior:
                values = values / np.sqrt(posterior[precision].to_numpy())
            return np.asarray(values, dtype=np.float64)

        return cls(
            authority=sd("authority_sd", "authority_precision"),
            pilot=sd("pilot_effect_sd", "pilot_precision"),
            year=sd("year_effect_sd", ""),
        )


def _linear(
    posterior: xr.Dataset, data: CellData, blocks: Blocks, arrays: Arrays, seed: int
) -> dict[str, Floats]:
    """Effects given the standard deviations, simulated: a draw of everything, corrected.

    A draw from the prior of the effects and cells, plus what the observed cells differ from the
    drawn ones, times the regression of the effects on them.
    """
    chains, draws = posterior.sizes["chain"], posterior.sizes["draw"]
    rng = np.random.default_rng(seed)
    flat = posterior.stack(sample=("chain", "draw"), create_index=False).transpose("sample", ...)
    parts = [
        _simulated(flat.isel(sample=slice(i, i + TOGETHER)), data, blocks, arrays, rng)
        for i in range(0, chains * draws, TOGETHER)
    ]
    return {
        name: np.concatenate([part[name] for part in parts]).reshape(
            chains, draws, *parts[0][name].shape[1:]
        )
        for name in parts[0]
    }


def _simulated(
    draws: xr.Dataset, data: CellData, blocks: Blocks, arrays: Arrays, rng: np.random.Generator
) -> dict[str, Floats]:
    size = draws.sizes["sample"]
    sds = _RandomSds.of(draws)
    residual = draws["residual_sd"].to_numpy()
    fixed = blocks.design * blocks.prior_sd
    designs = {"coefficient": (fixed, np.ones((size, fixed.shape[1])))}
    effects = {
        "authority_intercept": (blocks.authorities, sds.authority),
        "pilot_deviation": (blocks.pilots, sds.pilot),
    } | ({"year_step": (blocks.years_since, sds.year)} if blocks.steps else {})
    for name, (design, sd) in effects.items():  # 0 in columns that are out of use
        designs[name] = (design, np.broadcast_to(sd, (size, design.shape[1])) * design.any(axis=0))
    noise = arrays["noise"] * residual[:, None, None] ** 2
    covariance = noise.copy()
    chance, root = rng.standard_normal((size, len(fixed))), np.linalg.cholesky(arrays["noise"])
    cells = np.einsum("cd,sd->sc", root, chance) * residual[:, None]
    drawn: dict[str, Floats] = {}
    for name, (design, sd) in designs.items():
        drawn[name] = sd * rng.standard_normal(sd.shape)
        cells += drawn[name] @ design.T
        covariance += np.einsum("ck,sk,dk->scd", design, sd**2, design, optimize=True)
    shocks, alike = _prior_shocks(draws, data, rng)
    cells += shocks.reshape(size, -1) @ blocks.shocks.T
    full = _by_cells(blocks, alike)
    covariance += full
    gap = np.linalg.solve(covariance, (arrays["cell_mean"] - cells)[..., None])[..., 0]
    for name, (design, sd) in designs.items():
        drawn[name] = drawn[name] + sd**2 * (gap @ design)
    pulled = (gap @ blocks.shocks).reshape(size, len(data.authorities), len(data.years))
    shocks = (shocks + np.einsum("stu,sju->sjt", alike, pulled)) * blocks.shocks.any()
    predictor = shocks.reshape(size, -1) @ blocks.shocks.T + blocks.design @ blocks.prior_mean
    for name, (design, _) in designs.items():
        predictor += drawn[name] @ design.T
    drawn["coefficient"] = blocks.prior_mean + blocks.prior_sd * drawn["coefficient"]
    child = _children(data, predictor, residual, rng)
    drawn |= {"shock": shocks, "cell_predictor": predictor, "child_effect": child}
    drawn["log_likelihood"] = gaussian_log_likelihood(data, predictor, child, residual)
    return drawn


def _prior_shocks(
    draws: xr.Dataset, data: CellData, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Shocks (sample, authority, year) and their covariance (sample, year, year)."""
    size, years = draws.sizes["sample"], np.array(data.years, dtype=np.float64)
    shape = (size, len(data.authorities), len(years))
    if "shock_sd" not in draws:
        return np.zeros(shape), np.zeros((size, len(years), len(years)))
    gap = np.abs(years[:, None] - years[None, :])
    kept = (
        draws["shock_correlation"].to_numpy()[:, None, None] ** gap
        if "shock_correlation" in draws
        else np.broadcast_to(gap == 0, (size, *gap.shape)).astype(np.float64)
    )
    alike = draws["shock_sd"].to_numpy()[:, None, None] ** 2 * kept
    root = np.linalg.cholesky(alike)
    return np.einsum("stu,sju->sjt", root, rng.standard_normal(shape)), alike


def _by_cells(blocks: Blocks, alike: Floats) -> Floats:
    """The shocks' covariance (sample, cell, cell)."""
    years = alike.shape[1]
    column = blocks.shocks.argmax(axis=1)
    same = np.equal.outer(column // years, column // years) * float(blocks.shocks.any())
    full: Floats = alike[:, (column % years)[:, None], (column % years)[None, :]] * same
    return full


def _children(
    data: CellData, predictor: Floats, residual: Floats, rng: np.random.Generator
) -> Floats:
    """The children's coefficients given the cells' predictors, shape (sample, child terms)."""
    means, weight = data.child_means, data.curvature
    precision = child_precision(data) + means.T @ (weight[:, None] * means)
    pull = data.within_xy.sum(0) + ((data.centre - predictor) * weight) @ means
    centre = np.linalg.solve(precision, pull.T).T
    root = np.linalg.inv(np.linalg.cholesky(precision))
    moved = rng.standard_normal(centre.shape) @ root
    drawn: Floats = centre + residual[:, None] * moved
    return drawn


def gaussian_log_likelihood(
    data: CellData, predictor: Floats, child: Floats, residual: Floats
) -> Floats:
    """The linear model's log likelihood, up to a constant.

    Shapes (…, cells), (…, child terms), (…); gives (…).
    """
    left = data.centre - predictor - child @ data.child_means.T
    squares = (data.curvature * left**2).sum(-1)
    within = data.within_yy.sum() - 2 * child @ data.within_xy.sum(0)
    within = within + np.einsum("...i,ij,...j->...", child, data.within_xx.sum(0), child)
    found: Floats = (
        -data.curvature.sum() * np.log(residual) - 0.5 * (squares + within) / residual**2
    )
    return found


def regression_coefficients(posterior: xr.Dataset, blocks: Blocks) -> xr.DataArray:
    """Draws of `coefficient` (chain, draw, term), the intercept where all covariates are 0.

    In the model authorities' covariates are centred, in the regressions they are not.
    """
    found = posterior["coefficient"]
    taken = xr.DataArray(blocks.centres, dims="term", coords={"term": list(blocks.terms)})
    moved = (found * taken).sum("term")
    return found.where(found["term"] != INTERCEPT, found - moved)


def in_use(posterior: xr.Dataset, blocks: Blocks) -> xr.Dataset:
    """The parameters that the data or a prior move, without derived quantities.

    A term whose prior has an sd of 0, a random effect without a design and its sd are out of
    use: constants, or draws from a prior.
    """
    terms = [
        name
        for name, sd, column in zip(blocks.terms, blocks.prior_sd, blocks.design.T, strict=True)
        if sd > 0 and column.any()
    ]
    kept: dict[str, xr.DataArray] = {"coefficient": posterior["coefficient"].sel(term=terms)}
    groups = {
        ("authority_intercept", "authority_sd"): blocks.authorities,
        ("pilot_deviation", "pilot_effect_sd"): blocks.pilots,
        ("year_step", "year_effect_sd"): blocks.years_since,
    }
    for (effect, sd), design in groups.items():
        used = design.any(axis=0)
        if used.any():
            kept[effect] = posterior[effect].isel({posterior[effect].dims[-1]: used})
            kept[sd] = posterior[sd]
    if blocks.shocks.any():
        names = ("shock", "shock_sd", "shock_correlation")
        kept |= {name: posterior[name] for name in names if name in posterior}
    others = [
        name
        for name in ("child_effect", "residual_sd")
        if name in posterior and posterior[name].size
    ]
    return xr.Dataset(kept | {name: posterior[name] for name in others})
