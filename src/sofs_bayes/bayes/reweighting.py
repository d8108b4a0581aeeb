"""Draws of one posterior → draws of one near it, by Pareto-smoothed importance sampling."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

from sofs_bayes.bayes.blocks import Blocks
from sofs_bayes.bayes.limits import MAX_K, MIN_ESS
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


Floats = npt.NDArray[np.float64]

EQUAL = 1e-9  # log ratios that differ by less are the same


def reweighted(posterior: xr.Dataset, ratio: xr.DataArray) -> tuple[xr.Dataset, float] | None:
    """The posterior that is wanted, and Pareto's k of the weights.

    Draws are taken as often as their weights say, evenly (systematic resampling); those taken
    twice stand side by side, so that Monte Carlo errors know most of what they cost.

    Parameters
    ----------
    posterior
        Named draws of another one.
    ratio
        The logarithm of the density wanted over that of the draws, (chain, draw).

    Returns
    -------
    Draws of the same shape; None where k is above `MAX_K`, or the weighted draws are worth fewer
    than `MIN_ESS` independent ones.
    """
    efficiency = independent(ratio)
    flat = ratio.transpose("chain", "draw").to_numpy().ravel()
    weights, k = smoothed_weights(flat, efficiency)
    worth = 1.0 / float(weights @ weights)  # Kish's effective size
    if not k <= MAX_K or worth * efficiency < MIN_ESS:
        return None
    return resampled(posterior, weights), k


def smoothed_weights(log_ratio: Floats, efficiency: float) -> tuple[Floats, float]:
    """Pareto-smoothed weights, summing to 1, and Pareto's k of log ratios (samples,).

    k is 0 where all weights are equal, and infinite where their tail cannot be fitted.

    Parameters
    ----------
    efficiency
        How many independent draws each is worth.
    """
    from arviz_stats.base import array_stats

    if np.ptp(log_ratio) < EQUAL:
        return np.full(log_ratio.size, 1.0 / log_ratio.size), 0.0
    # The function expects log likelihoods to be left out, whose negatives are log ratios.
    with np.errstate(all="ignore"):  # where a few ratios are all, no tail can be fitted to them
        log_weights, k = array_stats.psislw(-log_ratio, r_eff=efficiency)
        return np.exp(log_weights), float(k) if np.isfinite(k) else np.inf


def independent(draws: xr.DataArray) -> float:
    """How many independent draws each of the draws (chain, draw) is worth, at most 1."""
    import arviz_stats as azs

    return min(1.0, float(azs.ess(draws)) / draws.size) if float(draws.std()) > 0 else 1.0


def log_prior_ratio(
    posterior: xr.Dataset, analysis: DidAnalysis, drawn: Blocks, wanted: Blocks
) -> xr.DataArray | None:
    """The log ratio of two priors, (chain, draw); None where designs or terms in use differ."""
    names = ("design", "centres", "authorities", "pilots", "years_since", "shocks")
    same = all(np.array_equal(getattr(drawn, each), getattr(wanted, each)) for each in names)
    used = drawn.prior_sd > 0
    alike = same and drawn.terms == wanted.terms and drawn.child_prior == wanted.child_prior
    residual = "residual_sd"
    if (
        not alike
        or not np.array_equal(used, wanted.prior_sd > 0)
        or drawn.sd_priors.get(residual) != wanted.sd_priors.get(residual)
    ):
        return None
    terms = [name for name, yes in zip(drawn.terms, used, strict=True) if yes]
    ratio = terms_log_prior(posterior, wanted, terms) - terms_log_prior(posterior, drawn, terms)
    after, before = (sds_log_prior(posterior, analysis, each) for each in (wanted, drawn))
    if after is not None and before is not None:
        ratio = ratio + after - before
    return ratio.reset_coords(drop=True)


def resampled(posterior: xr.Dataset, weights: Floats) -> xr.Dataset:
    """Draws as often as their weights say, evenly; chains stand one after the other in these."""
    size = weights.size
    found = np.searchsorted(np.cumsum(weights), (np.arange(size) + 0.5) / size)
    places = found.clip(max=size - 1)
    chains, draws = posterior.sizes["chain"], posterior.sizes["draw"]
    chain, draw = (
        xr.DataArray(each.reshape(chains, draws), dims=("chain", "draw"))
        for each in np.divmod(places, draws)
    )
    taken = posterior.drop_vars(["chain", "draw"], errors="ignore").isel(chain=chain, draw=draw)
    return taken.assign_coords(chain=posterior["chain"], draw=posterior["draw"])
