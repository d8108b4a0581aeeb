"""The hierarchical difference-in-differences of children, in PyMC, from sufficient statistics.

Two graphs of one model: the linear probability model, with everything but the standard
deviations integrated out, and the logistic one. Neither grows with the number of children
beyond the number of their distinct patterns.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sofs_bayes.bayes.blocks import Blocks
from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.spec import Exponential, HierarchicalAnalysis

if TYPE_CHECKING:
    import pymc as pm

Arrays = Mapping[str, npt.NDArray[Any]]

# A cell of which nothing is known has this precision relative to one child.
NOTHING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What a compiled graph is bound to beside the shapes of its data."""

    likelihood: str
    shocks: str
    tails: str
    degrees_of_freedom: float
    pooled_years: bool
    years: tuple[int, ...]
    exponential: frozenset[str]
    shapes: tuple[tuple[int, ...], ...]


def form_of(data: CellData, blocks: Blocks, analysis: HierarchicalAnalysis) -> Form:
    """The form of graph that an analysis of these cells needs."""
    priors, model = analysis.priors, analysis.model
    sds = ("authority_sd", "pilot_effect_sd", "shock_sd", "year_effect_sd", "residual_sd")
    arrays = model_data(data, blocks, analysis)
    return Form(
        likelihood=model.likelihood,
        shocks=model.shocks,
        tails=model.tails,
        degrees_of_freedom=model.degrees_of_freedom,
        pooled_years=bool(blocks.steps),
        years=data.years,
        exponential=frozenset(s for s in sds if isinstance(getattr(priors, s), Exponential)),
        shapes=tuple(array.shape for array in arrays.values()),
    )


def model_data(data: CellData, blocks: Blocks, analysis: HierarchicalAnalysis) -> Arrays:
    """All arrays of a graph, each of which can be exchanged once it is compiled."""
    correlation = analysis.priors.shock_correlation
    shared = {
        "authorities": blocks.authorities,
        "pilots": blocks.pilots,
        "sd_scales": np.array([blocks.sd_priors[name] for name in SDS]),
    }
    if blocks.steps:
        shared |= {
            "years_since": blocks.years_since,
            "year_scale": np.array(blocks.sd_priors["year_effect_sd"]),
        }
    if analysis.model.shocks == "persistent":
        shared["correlation_prior"] = np.array([correlation.a, correlation.b])
    if data.patterns is None:
        return shared | _linear_data(data, blocks, analysis.model.shocks)
    return shared | _logistic_data(data, blocks, analysis)


SDS = ("authority_sd", "pilot_effect_sd", "shock_sd")


def residual_start(data: CellData) -> tuple[float, float]:
    """The children's residual sd within cells, and the sum of weights it rests on."""
    gamma = np.linalg.solve(data.within_xx.sum(0), data.within_xy.sum(0))
    squares = float(data.within_yy.sum() - gamma @ data.within_xy.sum(0))
    size = float(data.curvature.sum())
    return float(np.sqrt(squares / size)), size


def _linear_data(data: CellData, blocks: Blocks, shocks: str) -> dict[str, npt.NDArray[Any]]:
    """Cell means less the children's terms, whose coefficients are flat and integrated out."""
    xx, xy = data.within_xx.sum(0), data.within_xy.sum(0)
    gamma = np.linalg.solve(xx, xy)
    sd, size = residual_start(data)
    noise = np.diag(1.0 / data.curvature.clip(min=NOTHING))
    scaled = blocks.design * blocks.prior_sd
    found = {
        "cell_mean": data.centre - data.child_means @ gamma - blocks.design @ blocks.prior_mean,
        "noise": noise + data.child_means @ np.linalg.solve(xx, data.child_means.T),
        "fixed": scaled @ scaled.T,
        "within": np.array([sd, size, size * sd**2]),
        "residual_scale": np.array(blocks.sd_priors["residual_sd"]),
    }
    if shocks != "none":
        column = blocks.shocks.argmax(axis=1)
        years = np.array(data.years, dtype=np.float64)[column % len(data.years)]
        found["gap"] = np.abs(years[:, None] - years[None, :])
        same = np.equal.outer(column // len(data.years), column // len(data.years))
        found["same"] = same * float(blocks.shocks.any())
    return found


def _logistic_data(
    data: CellData, blocks: Blocks, analysis: HierarchicalAnalysis
) -> dict[str, npt.NDArray[Any]]:
    """The counts, and the quadratic expansion that guides the sampler."""
    counts, (mean, sd) = data.patterns, blocks.child_prior
    assert counts is not None  # as the analysis's likelihood has it
    cells, patterns = len(data.curvature), len(counts.child_design)
    every = (counts.cell, counts.pattern, counts.n, counts.events)
    cell, pattern, n, events = (values[counts.exact] for values in every)
    # The child prior is added to the expansion, so that a term of few children is kept in.
    xx = data.within_xx.sum(0) + np.eye(len(data.child_terms)) / sd**2
    xy = data.within_xy.sum(0) + mean / sd**2
    found = {
        "fixed": blocks.design * blocks.prior_sd,
        "mean": blocks.design @ blocks.prior_mean,
        "curvature": data.curvature,
        "centre": data.centre,
        "child_means": data.child_means,
        "child_centre": np.linalg.solve(xx, xy),
        "child_root": np.linalg.inv(np.linalg.cholesky(xx)).T.copy(),
        "child_prior": np.array([mean, sd]),
        "child_design": counts.child_design,
        "cell": cell,
        "pattern": pattern,
        "n": n,
        "events_of_cell": np.bincount(cell, events, cells),
        "events_of_pattern": np.bincount(pattern, events, patterns),
    }
    for i, block in enumerate(counts.censored):
        found |= {f"censored_{name}_{i}": getattr(block, name) for name in CENSORED}
    if analysis.model.shocks != "none":
        found["shocks"] = blocks.shocks
    return found


CENSORED = ("cell", "pattern", "weight", "n", "events", "log_prior")


def build_model(form: Form, arrays: Arrays) -> "pm.Model":
    """The graph of a form: η = X b + u_j + d_j post + w_s + v_jt + x'γ.

    b are the fixed terms, u_j authorities' intercepts, d_j pilots' deviations, w_s steps of
    pooled years since settling-in, v_jt authority-by-year shocks, γ the children's terms.
    `children_draws.named` gives draws of all of them.
    """
    return _linear(form, arrays) if form.likelihood == "gaussian" else _logistic(form, arrays)


def _sd(form: Form, name: str, scale: Any) -> Any:
    import pymc as pm

    if name in form.exponential:
        return pm.Exponential(name, scale=scale)
    return pm.HalfNormal(name, scale)


def _random_effects(form: Form, given: Mapping[str, Any]) -> list[Any]:
    """The designs of authorities, pilots and pooled years, times their sds."""
    import pymc as pm
    import pytensor.tensor as pt

    authority_sd = _sd(form, "authority_sd", given["sd_scales"][0])
    pilot_effect_sd = _sd(form, "pilot_effect_sd", given["sd_scales"][1])
    authorities, pilots = given["authorities"] * authority_sd, given["pilots"] * pilot_effect_sd
    if form.tails == "student t":  # a normal whose variance is itself drawn
        half = form.degrees_of_freedom / 2
        of_authority = pm.Gamma("authority_precision", half, half, shape=authorities.shape[1])
        of_pilot = pm.Gamma("pilot_precision", half, half, shape=pilots.shape[1])
        authorities, pilots = authorities / pt.sqrt(of_authority), pilots / pt.sqrt(of_pilot)
    designs = [authorities, pilots]
    if form.pooled_years:
        year_sd = _sd(form, "year_effect_sd", given["year_scale"])
        designs.append(given["years_since"] * year_sd)
    return designs


def _linear(form: Form, arrays: Arrays) -> "pm.Model":
    """Cells' means are jointly normal given the standard deviations alone."""
    import pymc as pm
    import pytensor.tensor as pt

    with pm.Model(check_bounds=False) as graph:
        given = {name: pm.Data(name, array) for name, array in arrays.items()}
        start, size, squares = (given["within"][i] for i in range(3))
        # The children fix the residual sd so well that it is sampled in units of its error.
        moved = pm.Flat("residual_moved")
        residual_sd = pm.Deterministic("residual_sd", start * pt.exp(moved / pt.sqrt(2.0 * size)))
        covariance = given["fixed"] + residual_sd**2 * given["noise"]
        for design in _random_effects(form, given):
            covariance += design @ design.T
        if form.shocks != "none":
            shock_sd = _sd(form, "shock_sd", given["sd_scales"][2])
            alike = pt.eq(given["gap"], 0.0)
            correlation = _correlation(form, given)
            if correlation is not None:
                alike = correlation ** given["gap"]
            covariance += shock_sd**2 * given["same"] * alike
        mean = given["cell_mean"]
        pm.MvNormal("cells", pt.zeros_like(mean), covariance, observed=mean)
        within = -(size - mean.shape[0]) * pt.log(residual_sd) - 0.5 * squares / residual_sd**2
        pm.Potential("within_cells", within)
        prior_of_sd = _log_prior_of_sd(form, "residual_sd", residual_sd, given["residual_scale"])
        pm.Potential("residual_sd_prior", prior_of_sd + pt.log(residual_sd))
    return graph


def _log_prior_of_sd(form: Form, name: str, value: Any, scale: Any) -> Any:
    return -value / scale if name in form.exponential else -0.5 * (value / scale) ** 2


def _logistic(form: Form, arrays: Arrays) -> "pm.Model":
    """The exact likelihood of counts, sampled on axes along which it is nearly normal.

    Given the sds, the quadratic expansion of the likelihood makes the posterior of all effects
    normal. The sampler moves in that normal's own units: first the children's terms, then the
    effects with shocks integrated out, then each authority's shocks, year by year. The change
    of units is exact (its Jacobian is in the density), so the expansion changes no result.
    """
    import pymc as pm
    import pytensor.tensor as pt
    from pytensor.tensor.linalg import cholesky, solve_triangular

    with pm.Model(check_bounds=False) as graph:
        given = {name: pm.Data(name, array) for name, array in arrays.items()}
        curvature = given["curvature"]
        # the children's terms
        gamma = given["child_centre"]
        if len(arrays["child_centre"]):
            child_moved = pm.Flat("child_moved", shape=arrays["child_centre"].shape)
            gamma = gamma + given["child_root"] @ child_moved
        pm.Deterministic("child_effect", gamma)
        child_mean, child_sd = given["child_prior"][0], given["child_prior"][1]
        log_prior = -0.5 * (((gamma - child_mean) / child_sd) ** 2).sum()
        # effects: standard normal a priori, whitened by the expansion
        design = pt.concatenate([given["fixed"], *_random_effects(form, given)], axis=1)
        left = given["centre"] - given["child_means"] @ gamma - given["mean"]
        shock_sd = None
        known = curvature
        if form.shocks != "none":
            shock_sd = _sd(form, "shock_sd", given["sd_scales"][2])
            known = curvature / (1.0 + shock_sd**2 * curvature * given["shocks"].sum(axis=1))
        weighted = known[:, None] * design
        root = cholesky(pt.eye(design.shape[1]) + design.T @ weighted)
        towards = solve_triangular(root, weighted.T @ left, lower=True)
        columns = sum(arrays[name].shape[1] for name in EFFECTS if name in arrays)
        moved = pm.Flat("effects_moved", shape=columns)
        effects = solve_triangular(root.T, towards + moved, lower=False)
        pm.Deterministic("effects", effects)
        log_prior -= 0.5 * (effects**2).sum()
        log_jacobian = -pt.log(pt.diagonal(root)).sum()
        logit = given["mean"] + design @ effects
        # shocks
        if shock_sd is not None:
            shape = (arrays["authorities"].shape[1], len(form.years))
            moved_shocks = pm.Flat("shocks_moved", shape=shape)
            known_of = given["shocks"].T @ curvature
            pull = given["shocks"].T @ (curvature * (left - design @ effects))
            correlation = _correlation(form, given)
            expected = (known_of.reshape(shape), pull.reshape(shape))
            shocks, of_prior, of_jacobian = _shocks(
                form.years, shock_sd, correlation, moved_shocks, expected
            )
            pm.Deterministic("shocks_by_year", shocks)
            log_prior, log_jacobian = log_prior + of_prior, log_jacobian + of_jacobian
            logit += given["shocks"] @ shocks.reshape((-1,))
        # the exact likelihood, with exponentials by cell and by pattern only
        of_pattern = given["child_design"] @ gamma
        odds = pt.exp(logit)[given["cell"]] * pt.exp(of_pattern)[given["pattern"]]
        log_likelihood = (
            given["events_of_cell"] @ logit
            + given["events_of_pattern"] @ of_pattern
            - (given["n"] * pt.log1p(odds)).sum()
        )
        log_likelihood += _of_censored(given, logit, of_pattern)
        pm.Deterministic("cell_logit", logit)
        pm.Deterministic("log_likelihood", log_likelihood)
        pm.Potential("posterior", log_likelihood + log_prior + log_jacobian)
    return graph


def _of_censored(given: Mapping[str, Any], logit: Any, of_pattern: Any) -> Any:
    """The log likelihood of `Patterns.censored`: sums over all that a count may be."""
    import pytensor.tensor as pt

    total: Any = 0.0
    blocks = sum(name.startswith("censored_weight_") for name in given)
    for i in range(blocks):
        of = {name: given[f"censored_{name}_{i}"] for name in CENSORED}
        at = (logit[of["cell"]] + of_pattern[of["pattern"]])[:, None]
        each = of["log_prior"] + of["events"] * at - of["n"] * pt.softplus(at)
        most = each.max(axis=1, keepdims=True)
        summed = pt.log(pt.exp(each - most).sum(axis=1)) + most[:, 0]
        total += (of["weight"] * summed).sum()
    return total


EFFECTS = ("fixed", "authorities", "pilots", "years_since")


def _correlation(form: Form, given: Mapping[str, Any]) -> Any:
    import pymc as pm

    if form.shocks == "independent":
        return None
    prior = given["correlation_prior"]
    return pm.Beta("shock_correlation", prior[0], prior[1])


def _shocks(
    years: tuple[int, ...], sd: Any, correlation: Any, moved: Any, expected: tuple[Any, Any]
) -> tuple[Any, Any, Any]:
    """Authority-by-year shocks (authority, year), their log prior and the log Jacobian.

    A year's shock is normal given the one before and the expansion of its cells, whose
    curvature and pull, (authority, year), are what is `expected` of it.
    """
    import pytensor.tensor as pt

    curvature, pull = expected
    columns: list[Any] = []
    log_prior: Any = 0.0
    log_jacobian: Any = 0.0
    for t in range(len(years)):
        mean, variance = pt.zeros_like(moved[:, 0]), sd**2
        if t and correlation is not None:
            kept = correlation ** float(years[t] - years[t - 1])
            mean, variance = kept * columns[-1], sd**2 * (1.0 - kept**2)
        precision = curvature[:, t] + 1.0 / variance
        shock = (pull[:, t] + mean / variance) / precision + moved[:, t] / pt.sqrt(precision)
        log_prior -= 0.5 * ((shock - mean) ** 2 / variance + pt.log(variance)).sum()
        log_jacobian -= 0.5 * pt.log(precision).sum()
        columns.append(shock)
    return pt.stack(columns, axis=1), log_prior, log_jacobian
