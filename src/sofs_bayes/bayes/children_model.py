"""The hierarchical difference-in-differences of children, in PyMC, from sufficient statistics.

Two graphs of one model: the linear probability model, with everything but the standard
deviations integrated out, and the logistic one. Neither grows with the number of children
beyond the number of their distinct patterns.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sofs_bayes.bayes.blocks import Blocks
from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.bayes.censored import censored_terms
from sofs_bayes.bayes.model_arrays import Arrays, child_precision, model_data
from sofs_bayes.bayes.shocks import folded_sd, shocks_by_year
from sofs_bayes.spec import Exponential, HierarchicalAnalysis

if TYPE_CHECKING:
    import pymc as pm

__all__ = ["Arrays", "Form", "build_model", "child_precision", "form_of", "model_data"]


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


def build_model(form: Form, arrays: Arrays) -> "pm.Model":
    """The graph of a form: η = X b + u_j + d_j post + w_s + v_jt + x'γ.

    b are the fixed terms, u_j authorities' intercepts, d_j pilots' deviations, w_s steps of
    pooled years since settling-in, v_jt authority-by-year shocks, γ the children's terms.
    `children_draws.named` gives draws of all of them.
    """
    return _linear(form, arrays) if form.likelihood == "gaussian" else _logistic(form, arrays)


def _sd(form: Form, name: str, scale: Any) -> Any:
    """A standard deviation, exponential or (folded, with a sign) half-normal."""
    import pymc as pm

    if name in form.exponential:
        return pm.Exponential(name, scale=scale)
    return folded_sd(name, scale)


def _random_effects(form: Form, given: Mapping[str, Any]) -> tuple[list[Any], list[Any]]:
    """The designs of authorities, pilots and pooled years, times their sds, and the sds."""
    import pymc as pm
    import pytensor.tensor as pt

    sds = [
        _sd(form, name, given["sd_scales"][i])
        for i, name in enumerate(("authority_sd", "pilot_effect_sd"))
    ]
    designs = [given["authorities"] * sds[0], given["pilots"] * sds[1]]
    if form.tails == "student t":  # a normal whose variance is itself drawn
        half = form.degrees_of_freedom / 2
        for i, name in enumerate(("authority_precision", "pilot_precision")):
            designs[i] /= pt.sqrt(pm.Gamma(name, half, half, shape=designs[i].shape[1]))
    if form.pooled_years:
        sds.append(_sd(form, "year_effect_sd", given["year_scale"]))
        designs.append(given["years_since"] * sds[-1])
    return designs, sds


def _linear(form: Form, arrays: Arrays) -> "pm.Model":
    """Cells' means are jointly normal given the standard deviations alone."""
    import pymc as pm
    import pytensor.tensor as pt

    with pm.Model(check_bounds=False) as graph:
        given = {name: pm.Data(name, array) for name, array in arrays.items()}
        residual_sd = sampled_residual_sd(form, given)
        covariance = given["fixed"] + covariance_of_cells(form, given, residual_sd)
        mean = given["cell_mean"]
        pm.MvNormal("cells", pt.zeros_like(mean), covariance, observed=mean)
    return graph


def sampled_residual_sd(form: Form, given: Mapping[str, Any]) -> Any:
    """The children's residual sd, with its prior and what is known of it within cells.

    The children fix it so well that it is sampled in units of its error.
    """
    import pymc as pm
    import pytensor.tensor as pt

    start, size, squares, between = (given["within"][i] for i in range(4))
    moved = pm.Flat("residual_moved")
    residual_sd = pm.Deterministic("residual_sd", start * pt.exp(moved / pt.sqrt(2.0 * size)))
    within = -(size - between) * pt.log(residual_sd) - 0.5 * squares / residual_sd**2
    pm.Potential("within_cells", within)
    prior_of_sd = _log_prior_of_sd(form, "residual_sd", residual_sd, given["residual_scale"])
    pm.Potential("residual_sd_prior", prior_of_sd + pt.log(residual_sd))
    return residual_sd


def covariance_of_cells(form: Form, given: Mapping[str, Any], residual_sd: Any) -> Any:
    """The covariance of cells' means but for the fixed terms: chance, authorities, shocks."""
    import pytensor.tensor as pt

    covariance = residual_sd**2 * given["noise"]
    for design in _random_effects(form, given)[0]:
        covariance += design @ design.T
    if form.shocks == "none":
        return covariance
    shock_sd = _sd(form, "shock_sd", given["sd_scales"][2])
    alike = pt.eq(given["gap"], 0)
    correlation = _correlation(form, given)
    if correlation is not None:
        # One power for each gap there is: powers by pairs of cells would cost the most.
        alike = (correlation ** given["gaps"])[given["gap"]]
    return covariance + shock_sd**2 * given["same"] * alike


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
        gamma, log_prior = _child_effect(given, arrays)
        # effects: standard normal a priori, whitened by the expansion
        random, sds = _random_effects(form, given)
        design = pt.concatenate([given["fixed"], *random], axis=1)
        left = given["centre"] - given["mean"]
        if gamma is not None:
            left -= given["child_means"] @ gamma
        shock_sd = None
        known = curvature
        if form.shocks != "none":
            shock_sd = _sd(form, "shock_sd", given["sd_scales"][2])
            known = curvature / (1.0 + shock_sd**2 * curvature * given["shocks"].sum(axis=1))
        weighted = known[:, None] * design
        root = cholesky(pt.eye(design.shape[1]) + design.T @ weighted)
        towards = solve_triangular(root, weighted.T @ left, lower=True)
        columns = sum(arrays[name].shape[1] for name in EFFECTS if name in arrays)
        fixed = arrays["fixed"].shape[1]
        moved = pm.Flat("effects_moved", shape=columns)
        effects = solve_triangular(root.T, towards + moved, lower=False)
        signs = [pt.sign(sd) * pt.ones_like(part[0]) for sd, part in zip(sds, random, strict=True)]
        pm.Deterministic("effects", effects * pt.concatenate([pt.ones(fixed), *signs]))
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
            shocks, of_shocks = shocks_by_year(
                form.years, shock_sd, correlation, moved_shocks, expected
            )
            pm.Deterministic("shocks_by_year", shocks)
            log_prior += of_shocks
            logit += given["shocks"] @ shocks.reshape((-1,))
        log_likelihood = _log_likelihood(given, logit, gamma)
        pm.Deterministic("cell_logit", logit)
        pm.Deterministic("log_likelihood", log_likelihood)
        pm.Potential("posterior", log_likelihood + log_prior + log_jacobian)
    return graph


def _log_likelihood(given: Mapping[str, Any], logit: Any, gamma: Any) -> Any:
    """The exact likelihood, with exponentials by cell and by pattern only."""
    import pytensor.tensor as pt

    from sofs_bayes.bayes.counts_op import SumOfLogs

    log_likelihood, of_pattern = given["events_of_cell"] @ logit, None
    if gamma is None:
        log_likelihood -= (given["n"] * pt.log1p(pt.exp(logit)[given["cell"]])).sum()
    else:
        of_pattern = given["child_design"] @ gamma
        counts = (given[name] for name in ("start_of_cell", "pattern", "n"))
        log_likelihood += given["events_of_pattern"] @ of_pattern
        log_likelihood -= SumOfLogs()(logit, of_pattern, *counts)[0]
    return log_likelihood + censored_terms(given, logit, of_pattern)


def _child_effect(given: Mapping[str, Any], arrays: Arrays) -> tuple[Any, Any]:
    """The children's coefficients, None if there are no terms, and their log prior."""
    import pymc as pm

    if "child_root" not in arrays:
        return None, 0.0
    moved = pm.Flat("child_moved", shape=arrays["child_centre"].shape)
    gamma = given["child_centre"] + given["child_root"] @ moved
    pm.Deterministic("child_effect", gamma)
    mean, sd = given["child_prior"][0], given["child_prior"][1]
    return gamma, -0.5 * (((gamma - mean) / sd) ** 2).sum()


EFFECTS = ("fixed", "authorities", "pilots", "years_since")


def _correlation(form: Form, given: Mapping[str, Any]) -> Any:
    import pymc as pm

    if form.shocks == "independent":
        return None
    prior = given["correlation_prior"]
    return pm.Beta("shock_correlation", prior[0], prior[1])
