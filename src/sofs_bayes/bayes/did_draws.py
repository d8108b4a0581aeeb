"""Draws of the hierarchical difference-in-differences → its linear predictor and its parts."""

import numpy as np
import xarray as xr

from sofs_bayes.bayes.did_arrays import DidArrays, used_terms
from sofs_bayes.spec import OpenAnalysis

PERSISTENT = "shock_correlation"  # the parameter a model with persistent shocks has


def labelled(posterior: xr.Dataset, arrays: DidArrays) -> xr.Dataset:
    """Draws with the names of authorities, pilots and years, and only the terms in use."""
    names: dict[str, tuple[object, ...]] = {
        "authority": arrays.authorities,
        "pilot": arrays.pilots,
        "year": arrays.years,
        "later_year": arrays.years[1:],
        "term": arrays.terms,
    }
    named = posterior.assign_coords(
        {dim: list(labels) for dim, labels in names.items() if dim in posterior.dims}
    )
    return named.sel(term=list(used_terms(arrays)))


def draw_shocks(posterior: xr.Dataset, arrays: DidArrays, rng: np.random.Generator) -> xr.DataArray:
    """New authority-by-year shocks, one set per draw, dims (chain, draw, authority, year).

    Zero where the model has no shocks.
    """
    template = posterior["cell_logit"].transpose("chain", "draw", "authority", "year")
    if "shock_sd" not in posterior:
        return xr.zeros_like(template)
    noise = rng.standard_normal(template.shape)
    if PERSISTENT in posterior:
        rho = posterior[PERSISTENT].to_numpy()[..., None]
        for t, gap in enumerate(np.diff(arrays.years), start=1):
            kept = rho**gap
            noise[..., t] = kept * noise[..., t - 1] + np.sqrt(1 - kept**2) * noise[..., t]
    return posterior["shock_sd"] * template.copy(data=noise)


def cell_mean(posterior: xr.Dataset, arrays: DidArrays) -> xr.DataArray:
    """The log-odds of every cell before its shock, dims (chain, draw, authority, year)."""
    return _mean_without_intercept(posterior, arrays) + posterior["authority_intercept"]


def _mean_without_intercept(posterior: xr.Dataset, arrays: DidArrays) -> xr.DataArray:
    later = posterior["year_effect"].rename(later_year="year")
    first = xr.zeros_like(later.isel(year=[0])).assign_coords(year=[arrays.years[0]])
    years = xr.concat([first, later], dim="year")
    change = pilot_change(posterior, arrays).rename(pilot="authority")
    change = change.reindex(authority=list(arrays.authorities), fill_value=0.0)
    is_pilot = xr.DataArray(
        [float(name in arrays.pilots) for name in arrays.authorities],
        dims="authority",
        coords={"authority": list(arrays.authorities)},
    )
    return posterior["intercept"] + posterior["pilot_difference"] * is_pilot + years + change


def pilot_change(posterior: xr.Dataset, arrays: DidArrays) -> xr.DataArray:
    """What the practice model changes in each pilot and year, in log-odds.

    Dims (chain, draw, pilot, year); 0 in years before settling-in under `constant`.
    """
    coords = {"pilot": list(arrays.pilots), "year": list(arrays.years), "term": list(arrays.terms)}
    design = xr.DataArray(arrays.term_design, dims=("pilot", "year", "term"), coords=coords)
    design = design.sel(term=list(used_terms(arrays)))
    change = (posterior["effect"] * design).sum("term")
    if "pilot_deviation" in posterior:
        treated = xr.DataArray(
            arrays.treated,
            dims=("pilot", "year"),
            coords={"pilot": coords["pilot"], "year": coords["year"]},
        )
        change = change + posterior["pilot_effect_sd"] * posterior["pilot_deviation"] * treated
    return change.transpose("chain", "draw", "pilot", "year")


def prior_of_pooled(
    analysis: OpenAnalysis, arrays: DidArrays, prior: str, *, draws: int, seed: int
) -> xr.DataArray:
    """Prior draws of the pooled effect in log-odds, averaged over treated children.

    One chain, dims (chain, draw).

    Parameters
    ----------
    arrays
        Counts with one effect after settling-in; children are the treated cells' denominators.
    prior
        The name of the effect prior.
    """
    rng = np.random.default_rng(seed)
    normal = analysis.effect_priors[prior]
    effect = normal.mean + normal.sd * rng.standard_normal(draws)
    if analysis.model.pilot_effects == "partial":
        children = (arrays.treated * arrays.denominators[: len(arrays.pilots)]).sum(axis=1)
        sd = analysis.priors.pilot_effect_sd.scale * np.abs(rng.standard_normal(draws))
        deviation = rng.standard_normal((draws, len(children)))
        effect = effect + sd * (deviation @ children) / children.sum()
    return xr.DataArray(effect[None], dims=("chain", "draw"))
