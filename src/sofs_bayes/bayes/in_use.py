"""Named draws → those of the parameters that a fit makes use of, and as a regression has them."""

import xarray as xr

from sofs_bayes.bayes.blocks import Blocks
from sofs_bayes.frequentist.term import INTERCEPT


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
