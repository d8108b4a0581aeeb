"""Named draws → their log density under the priors of a fit, up to a constant."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from sofs_bayes.bayes.blocks import Blocks
from sofs_bayes.spec import DidAnalysis, Exponential


def effect_log_prior(posterior: xr.Dataset, blocks: Blocks) -> xr.DataArray | None:
    """The log prior density of the effect's terms in use, (chain, draw), up to a constant."""
    used = dict(zip(blocks.terms, blocks.prior_sd > 0, strict=True))
    terms = [name for name in blocks.effect_terms if used[name]]
    return terms_log_prior(posterior, blocks, terms) if terms else None


def terms_log_prior(posterior: xr.Dataset, blocks: Blocks, terms: Sequence[str]) -> xr.DataArray:
    """That of some fixed terms."""
    at = [blocks.terms.index(name) for name in terms]
    mean, sd = (
        xr.DataArray(values[at], dims="term") for values in (blocks.prior_mean, blocks.prior_sd)
    )
    moved = (posterior["coefficient"].sel(term=list(terms)).drop_vars("term") - mean) / sd
    return -0.5 * (moved**2).sum("term")


def sds_log_prior(
    posterior: xr.Dataset, analysis: DidAnalysis, blocks: Blocks
) -> xr.DataArray | None:
    """That of the random effects' sds in use and of the shocks' correlation."""
    priors = analysis.priors
    used = {
        "authority_sd": blocks.authorities.any(),
        "pilot_effect_sd": blocks.pilots.any(),
        "shock_sd": blocks.shocks.any(),
        "year_effect_sd": blocks.years_since.any(),
    }
    parts = []
    for name, there in used.items():
        if there and name in posterior:
            scaled = posterior[name] / blocks.sd_priors[name]
            exponential = isinstance(getattr(priors, name), Exponential)
            parts.append(-scaled if exponential else -0.5 * scaled**2)
    if blocks.shocks.any() and "shock_correlation" in posterior:
        rho, prior = posterior["shock_correlation"], priors.shock_correlation
        kept = (prior.a - 1.0) * xr.apply_ufunc(np.log, rho)
        parts.append(kept + (prior.b - 1.0) * xr.apply_ufunc(np.log1p, -rho))
    return sum(parts[1:], parts[0]) if parts else None
