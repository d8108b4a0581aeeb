"""The posterior from print as a PyMC graph, β and δ integrated out: the grid's second opinion.

NUTS samples s and c only. Sampling β and δ as well gives a funnel (V shrinks with s and with
1 - c) and divergences; given (s, c) they are normal and drawn exactly afterwards.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sofs_bayes.bayes.distributions import Array
from sofs_bayes.bayes.from_published import PrintedPosterior, choose_prior, posterior
from sofs_bayes.bayes.printed_model import se_bounds
from sofs_bayes.bayes.printed_rows import value_and_half_unit
from sofs_bayes.bayes.printed_summaries import coefficient_draws
from sofs_bayes.bayes.sampling import Compiled, compile_graph, sample
from sofs_bayes.errors import BadInput
from sofs_bayes.spec import PrintedAnalysis, Reading, Sampler
from sofs_bayes.spec.seeds import stage_seed

if TYPE_CHECKING:
    import pymc as pm
    import xarray as xr

# The gradient of an incomplete gamma function at infinity is not a number; no standard error
# of a risk or of log-odds comes near this one.
LARGEST_SE = 1e6
NO_PRIOR = 1e9
TINY = float(np.finfo(np.float64).tiny)


def graph_data(post: PrintedPosterior) -> dict[str, Array]:
    """Hyperparameters and printed values as the graph's data, by name; fixed shapes.

    `se_bounds`: (coefficient, rounding node, lower and upper) of the printed stars.
    """
    model, effect = post.model, choose_prior(post.analysis, post.prior)
    rows, beta = post.rows, model.pilot_difference
    found = {row: (cell, error) for row, cell, error in rows.each()}
    bounds = {
        row: np.transpose(se_bounds(cell, model.tests[row], error))
        for row, (cell, error) in found.items()
    }
    # A pilot row that is not printed is one that says nothing: any error, no prior.
    bounds.setdefault("pilot", np.tile([0.0, LARGEST_SE], (len(bounds["did"]), 1)))
    printed = {row: value_and_half_unit(cell)[0] for row, (cell, _) in found.items()}
    mean, sd = (0.0, NO_PRIOR) if beta is None else (beta.mean, beta.sd)
    return {
        "printed": np.array([printed.get("pilot", 0.0), printed["did"]]),
        "se_bounds": np.minimum([bounds["pilot"], bounds["did"]], LARGEST_SE),
        "uses_stars": np.array(float(model.uses_stars)),
        "spread": np.array(model.spread),
        "child_pre": np.array(model.child_variance / model.years_pre),
        "child_post": np.array(model.child_variance / model.years_post),
        "kappa": np.array(model.kappa),
        "nu": np.array(model.nu),
        "prior_s": np.array(model.authority_sd),
        "prior_c": np.array(model.correlation),
        "prior_mean": np.array([mean, effect.mean]),
        "prior_sd": np.array([sd, effect.sd]),
    }


def graph(data: Mapping[str, Array]) -> "pm.Model":
    """The marginalised graph; `data` as from `graph_data`, exchangeable after compilation."""
    import pymc as pm
    import pytensor.tensor as pt
    from scipy.special import roots_legendre

    rounding = roots_legendre(data["se_bounds"].shape[1])[1] / 2
    with pm.Model() as model:
        # data
        d = {name: pm.Data(name, np.asarray(value)) for name, value in data.items()}
        # parameters
        s = pm.HalfNormal("s", sigma=d["prior_s"])
        c = pm.Beta("c", alpha=d["prior_c"][0], beta=d["prior_c"][1])
        # sampling covariance of the two coefficients
        change = d["spread"] * s**2 * (1 - c)
        v_beta = d["spread"] * s**2 + d["child_pre"]
        v_delta = 2 * change + d["child_pre"] + d["child_post"]
        v_both = -(change + d["child_pre"])
        # likelihood of the coefficients, β and δ integrated out: β̂, then δ̂ given β̂
        mean, printed = d["prior_mean"], d["printed"]
        total_beta, total_delta = v_beta + d["prior_sd"][0] ** 2, v_delta + d["prior_sd"][1] ** 2
        slope = v_both / total_beta
        pm.Normal("pilot", mean[0], pt.sqrt(total_beta), observed=printed[0])
        given_pilot = mean[1] + slope * (printed[0] - mean[0])
        left = pt.sqrt(total_delta - slope * v_both)
        pm.Normal("did", given_pilot, left, observed=printed[1])
        # likelihood of their stars
        v = pt.stack([v_beta, v_delta])[:, None, None]
        bounds = d["nu"] * d["se_bounds"] ** 2 / (2 * d["kappa"] * v)
        stars = pt.dot(_between(d["nu"] / 2, bounds), rounding)
        # Far below its range a sum of squares is improbable beyond what a number can hold: its
        # tail then still says which way to go.
        nearest = bounds[:, :, 0].max(axis=1)
        tail = (d["nu"] / 2 - 1.0) * pt.log(pt.maximum(nearest, TINY)) - nearest
        log_stars = pt.switch(stars > TINY, pt.log(pt.maximum(stars, TINY)), tail)
        pm.Potential("stars", d["uses_stars"] * log_stars.sum())
    return model


def _between(shape: Any, bounds: Any) -> Any:
    """The probability of a gamma variable between two bounds, the last axis.

    From whichever tail is the smaller: the difference of two numbers near 1 would be 0, and a
    chain that begins there would stay.
    """
    import pytensor.tensor as pt

    low, high = bounds[..., 0], bounds[..., 1]
    from_below = pt.gammainc(shape, high) - pt.gammainc(shape, low)
    from_above = pt.gammaincc(shape, low) - pt.gammaincc(shape, high)
    return pt.switch(low < shape, from_below, from_above)


def sample_posterior(
    analysis: PrintedAnalysis,
    sampler: Sampler,
    *,
    prior: str,
    reading: Reading | str | None = None,
    compiled: Compiled | None = None,
) -> "xr.DataTree":
    """Draws of s, c, beta and delta by NUTS.

    Parameters
    ----------
    analysis, prior, reading
        As for `from_published.posterior`.
    sampler
        Chains, draws and seed.
    compiled
        `compile_graph(graph(...))` of any analysis; compiled here if not given.

    Returns
    -------
    xarray.DataTree
        Groups `posterior` (s, c, beta where its row is printed, delta; on the design's scale) and
        `sample_stats`, dims (chain, draw).

    Raises
    ------
    BadInput
        As for the grid; a reading without an authority variance, or a known correlation.
    """
    post = posterior(analysis, prior=prior, reading=reading)
    if not post.model.authority_sd:
        found = f"reading {post.reading.name!r} without an authority variance"
        raise BadInput(analysis.name, "reading", found, "a reading with one, or the grid")
    if post.model.known_correlation is not None:
        found = "a correlation taken as known"
        raise BadInput(analysis.name, "priors.correlation", found, "a beta, or the grid")
    data = graph_data(post)
    program = compile_graph(graph(data)) if compiled is None else compiled
    tree = sample(program, sampler, data=data, stage="from print")
    return _with_coefficients(tree, post, stage_seed(sampler.seed, "from print, coefficients"))


def _with_coefficients(tree: "xr.DataTree", post: PrintedPosterior, seed: int) -> "xr.DataTree":
    """The same draws with β and δ drawn given s and c."""
    import xarray as xr

    sampled = tree["posterior"].to_dataset()
    effect = choose_prior(post.analysis, post.prior)
    s, c = (np.asarray(sampled[name].values, dtype=np.float64) for name in ("s", "c"))
    beta, delta = coefficient_draws(post, effect, s, c, np.random.default_rng(seed))
    dims = sampled["s"].dims
    parameters = sampled[["s", "c"]].assign(beta=(dims, beta), delta=(dims, delta))
    if post.model.pilot_difference is None:
        parameters = parameters.drop_vars("beta")  # its row is not printed
    return xr.DataTree.from_dict(
        {"posterior": parameters, "sample_stats": tree["sample_stats"].to_dataset()}
    )
