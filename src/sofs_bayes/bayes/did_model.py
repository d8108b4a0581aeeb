"""The hierarchical difference-in-differences of children, in PyMC, from sufficient statistics.

Two graphs of one model: the linear probability model, with everything but the standard
deviations integrated out, and the logistic one. Neither grows with the number of children
beyond the number of their distinct patterns.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sofs_bayes.bayes.blocks import Blocks
from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.bayes.censored import censored_terms
from sofs_bayes.bayes.model_arrays import SDS, Arrays, child_precision, model_data
from sofs_bayes.spec import DidAnalysis, Exponential

if TYPE_CHECKING:
    import pymc as pm


def folded_sd(name: str, scale: Any) -> Any:
    """A half-normal standard deviation with a sign; the positive one is in the draws by its name.

    It is sampled as a normal, folded: its logarithm would have a long tail wherever the data do
    not rule out that there is no spread at all. Whatever is multiplied by it is as probable with
    the other sign, so that nothing changes abruptly at 0.
    """
    import pymc as pm
    import pytensor.tensor as pt

    signed = scale * pm.Normal(f"{name}_moved", 0.0, 1.0)
    pm.Deterministic(name, pt.abs(signed))
    return signed


def shocks_by_year(
    years: tuple[int, ...], sd: Any, correlation: Any, moved: Any, expected: tuple[Any, Any]
) -> tuple[Any, Any]:
    """Authority-by-year shocks (authority, year), and their log prior with the log Jacobian.

    A year's shock is normal given the one before and the expansion of its cells, whose
    curvature and pull, (authority, year), are what is `expected` of it. All is smooth in the
    sd, through 0 to negative values, at which shocks have the other sign.
    """
    import pytensor.tensor as pt

    from sofs_bayes.bayes.recursion_op import Recursion, before

    curvature, pull = expected
    kept = pt.zeros(len(years))
    if correlation is not None:
        gaps = np.diff(years).astype(np.float64)
        kept = pt.concatenate([kept[:1], correlation**gaps])
    spread = sd * pt.sqrt(1.0 - kept**2)
    known = 1.0 + curvature * spread**2
    shifted = spread * pull / known + moved / pt.sqrt(known)
    shocks = Recursion()(kept / known, spread * shifted)
    own = shifted - spread * curvature * kept * before(shocks) / known
    return shocks, -0.5 * (own**2 + pt.log(known)).sum()


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


def form_of(data: CellData, blocks: Blocks, analysis: DidAnalysis) -> Form:
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
    `did_draws.named` gives draws of all of them.
    """
    return _linear(form, arrays) if form.likelihood == "gaussian" else _logistic(form, arrays)


def _sd(form: Form, name: str, scale: Any) -> Any:
    """A standard deviation, exponential or (folded, with a sign) half-normal."""
    import pymc as pm

    if name in form.exponential:
        return pm.Exponential(name, scale=scale)
    return folded_sd(name, scale)


def _random_effects(form: Form, given: Mapping[str, Any]) -> "dict[str, Effect]":
    """Authorities', pilots' and pooled years' effects, by the names of their designs."""
    names = (("authorities", "authority"), ("pilots", "pilot_effect"))
    found = {design: _effect(form, given, name, design) for design, name in names}
    if form.pooled_years:
        sd = _sd(form, "year_effect_sd", given["year_scale"])
        found["years_since"] = Effect(sd=sd, scale=sd)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What standard normal effects are multiplied by: their sd, if need be over √precision."""

    sd: Any
    scale: Any


def _effect(form: Form, given: Mapping[str, Any], name: str, design: str) -> Effect:
    import pymc as pm
    import pytensor.tensor as pt

    sd = _sd(form, f"{name}_sd", given["sd_scales"][SDS.index(f"{name}_sd")])
    if form.tails == "normal":
        return Effect(sd=sd, scale=sd)
    half = form.degrees_of_freedom / 2  # a normal whose variance is itself drawn
    precision = f"{name.removesuffix('_effect')}_precision"
    drawn = pm.Gamma(precision, half, half, shape=given[design].shape[-1])
    return Effect(sd=sd, scale=sd / pt.sqrt(drawn))


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
    for name, effect in _random_effects(form, given).items():
        design = given[name] * effect.scale
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

    with pm.Model(check_bounds=False) as graph:
        given = {name: pm.Data(name, array) for name, array in arrays.items()}
        curvature = given["curvature"]
        # the children's terms
        gamma, log_prior = _child_effect(given, arrays)
        left = given["centre"] - given["mean"]
        if gamma is not None:
            left -= given["child_means"] @ gamma
        # effects, with shocks integrated out of what is known of each cell
        random = _random_effects(form, given)
        known, shock_sd = curvature, None
        if form.shocks != "none":
            shock_sd = _sd(form, "shock_sd", given["sd_scales"][2])
            known = curvature / (1.0 + shock_sd**2 * curvature * given["shocked"])
        of_effects, log_density = _of_effects(given, arrays, random=random, known=known, left=left)
        logit = given["mean"] + of_effects
        # shocks
        if shock_sd is not None:
            shape = (len(arrays["authorities"]), len(form.years))
            moved = pm.Flat("shocks_moved", shape=shape)
            seen = given["shocked"] * curvature
            expected = tuple(
                _summed(each, given["slot"], shape[0] * shape[1]).reshape(shape)
                for each in (seen, seen * (left - of_effects))
            )
            correlation = _correlation(form, given)
            shocks, of_shocks = shocks_by_year(form.years, shock_sd, correlation, moved, expected)
            pm.Deterministic("shocks_by_year", shocks)
            log_density += of_shocks
            logit += given["shocked"] * shocks.reshape((-1,))[given["slot"]]
        log_likelihood = _log_likelihood(given, logit, gamma)
        pm.Deterministic("cell_logit", logit)
        pm.Deterministic("log_likelihood", log_likelihood)
        pm.Potential("posterior", log_likelihood + log_prior + log_density)
    return graph


def _of_effects(
    given: Mapping[str, Any],
    arrays: Arrays,
    *,
    random: "Mapping[str, Effect]",
    known: Any,
    left: Any,
) -> tuple[Any, Any]:
    """The part of the predictor that effects make up, and their log prior with the log Jacobian.

    An authority's intercept is in the units of the normal that the expansion makes of it given
    all other effects. Fixed terms are in such units, too, found once for all (`_fixed_units`);
    where years are pooled, all other effects are, with authorities integrated out. An
    authority's cells know of no other's intercept, so that no matrix is as large as there are
    authorities; cells with the same terms share a row of the design.

    Parameters
    ----------
    known
        The precision of each cell's log-odds, shape (cells,).
    left
        What they are expected to be beside the prior means.
    """
    import pymc as pm
    import pytensor.tensor as pt

    fixed, authorities = arrays["fixed"].shape[1], len(arrays["authorities"])
    others = {name: each for name, each in random.items() if name != "authorities"}
    ones = {name: pt.ones(arrays[name].shape[1]) for name in ("fixed", *others)}
    scale = pt.concatenate([ones["fixed"], *(ones[n] * each.scale for n, each in others.items())])
    design = pt.concatenate([given[name] for name in ones], axis=1) * scale
    sd = given["authorities"] * random["authorities"].scale
    precision = 1.0 + sd**2 * _summed(known, given["authority"], authorities)
    terms = sum(arrays[name].shape[1] for name in ones)
    moved = pm.Flat("effects_moved", shape=terms + authorities)
    # effects, standard normal a priori
    if "root" in arrays:
        shared = given["towards"] + given["root"] @ moved[:fixed]
        effects, log_density = pt.concatenate([shared, moved[fixed:terms]]), 0.0
    else:
        effects, log_density = _whitened(
            given, design, sd=sd, known=known, left=left, moved=moved[:terms]
        )
    of_others = (design @ effects)[given["row"]]
    pull = _summed(known * (left - of_others), given["authority"], authorities)
    own = sd * pull / precision + moved[terms:] / pt.sqrt(precision)
    log_density -= 0.5 * ((effects**2).sum() + (own**2).sum() + pt.log(precision).sum())
    signs = [ones["fixed"], *(ones[name] * pt.sign(each.sd) for name, each in others.items())]
    signed, own_signed = effects * pt.concatenate(signs), own * pt.sign(random["authorities"].sd)
    pm.Deterministic("effects", pt.concatenate([signed[:fixed], own_signed, signed[fixed:]]))
    return of_others + (sd * own)[given["authority"]], log_density


def _whitened(
    given: Mapping[str, Any], design: Any, *, sd: Any, known: Any, left: Any, moved: Any
) -> tuple[Any, Any]:
    """Effects in the units of their normal with authorities integrated out, and log Jacobian.

    `design` is that of all but authorities, shape (rows, effects); `sd` is authorities'.
    """
    import pytensor.tensor as pt
    from pytensor.tensor.linalg import cholesky, solve_triangular

    row, authority, pull = given["row"], given["authority"], known * left
    rows, authorities = design.shape[0], sd.shape[0]
    by_both = _summed(known, authority * rows + row, authorities * rows)
    by_both = by_both.reshape((authorities, rows))
    cross, precision = sd[:, None] * (by_both @ design), 1.0 + sd**2 * by_both.sum(axis=1)
    total = design.T @ (_summed(known, row, rows)[:, None] * design)
    total += pt.eye(design.shape[1]) - cross.T @ (cross / precision[:, None])
    own_pull = sd * _summed(pull, authority, authorities)
    towards = design.T @ _summed(pull, row, rows) - cross.T @ (own_pull / precision)
    root = cholesky(total)
    whitened = solve_triangular(root, towards, lower=True) + moved
    effects = solve_triangular(root.T, whitened, lower=False)
    return effects, -pt.log(pt.diagonal(root)).sum()


def _summed(values: Any, group: Any, groups: int) -> Any:
    """Sums of values (cells,) by group (cells,), shape (groups,)."""
    import pytensor.tensor as pt

    return pt.zeros(groups)[group].inc(values)


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


def _correlation(form: Form, given: Mapping[str, Any]) -> Any:
    import pymc as pm

    if form.shocks == "independent":
        return None
    prior = given["correlation_prior"]
    return pm.Beta("shock_correlation", prior[0], prior[1])
