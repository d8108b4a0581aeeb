"""The hierarchical difference-in-differences model of authority-by-year counts, in PyMC."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sofs_bayes.bayes.did_arrays import DidArrays, Floats
from sofs_bayes.bayes.did_draws import PERSISTENT
from sofs_bayes.bayes.shocks import folded_sd, shocks_by_year
from sofs_bayes.spec import Normal, OpenModel, OpenPriors

if TYPE_CHECKING:
    import pymc as pm


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """What a compiled graph is bound to: sizes, years, and which parameters there are."""

    authorities: int
    pilots: int
    years: tuple[int, ...]
    terms: int
    pilot_effects: str
    shocks: str


def structure_of(arrays: DidArrays, model: OpenModel) -> Structure:
    """The structure that counts and a model ask for."""
    return Structure(
        authorities=len(arrays.authorities),
        pilots=len(arrays.pilots),
        years=arrays.years,
        terms=len(arrays.terms),
        pilot_effects=model.pilot_effects,
        shocks=model.shocks,
    )


def model_data(
    arrays: DidArrays, *, model: OpenModel, priors: OpenPriors, effect_prior: Normal
) -> dict[str, Floats]:
    """All that may change between two fits of one compiled graph: counts, design and priors.

    Only what the model makes use of: a compiled graph refuses data it has no place for.
    Leads (terms before settling-in) have the effect prior's sd around zero.
    """
    is_lead = np.array([term.startswith("-") for term in arrays.terms])
    curvature, centre = _expansion(arrays)
    data = {
        "events": arrays.events,
        "denominators": arrays.denominators,
        "curvature": curvature,
        "centre": centre,
        "term_design": arrays.term_design,
        "effect_mean": np.where(is_lead, 0.0, effect_prior.mean),
        "effect_scale": np.full(len(arrays.terms), effect_prior.sd),
        "intercept_prior": np.array([priors.intercept.mean, priors.intercept.sd]),
        "year_prior": np.array([priors.year.mean, priors.year.sd]),
        "difference_prior": np.array([priors.pilot_difference.mean, priors.pilot_difference.sd]),
        "sd_scales": np.array(
            [priors.authority_sd.scale, priors.pilot_effect_sd.scale, priors.shock_sd.scale]
        ),
    }
    if model.pilot_effects == "partial":
        data["treated"] = arrays.treated
    if model.shocks == "persistent":
        beta = priors.shock_correlation
        data["correlation_prior"] = np.array([beta.a, beta.b])
    return data


DATA_DIMS = {
    "events": ("authority", "year"),
    "denominators": ("authority", "year"),
    "curvature": ("authority", "year"),
    "centre": ("authority", "year"),
    "treated": ("pilot", "year"),
    "term_design": ("pilot", "year", "term"),
    "effect_mean": ("term",),
    "effect_scale": ("term",),
}


def build_model(structure: Structure, data: Mapping[str, Floats]) -> "pm.Model":
    """The graph: η_jt = α + λ_t + β P_j + u_j + Σ_k δ_k D_jtk + d_j P_j post_jt + v_jt.

    Dims: authority, pilot, year, term (positions; `labelled` gives draws their names). All
    parameters are on the log-odds scale. Shocks v_j have sd `shock_sd` and, if persistent,
    correlation ρ^|t - t'| between two years.

    Intercepts u_j and then shocks v_jt, year by year, are sampled in the units of the quadratic
    expansion of the likelihood given what stands before them: far from their prior where
    thousands of children fix them, near it where shocks are small. Either alone breaks down in
    the other case. The change of units is exact (its Jacobian is in the density). Standard
    deviations are sampled folded, so that 0 is no edge.

    Parameters
    ----------
    structure
        Sizes and options.
    data
        As `model_data` gives them; all of it can be exchanged after compilation.
    """
    import pymc as pm
    import pytensor.tensor as pt

    comparators = structure.authorities - structure.pilots
    years = len(structure.years)
    sizes = {"authority": structure.authorities, "pilot": structure.pilots, "year": years}
    coords = {name: range(size) for name, size in sizes.items()} | {
        "later_year": range(years - 1),
        "term": range(structure.terms),
    }
    cells = ("authority", "year")
    with pm.Model(coords=coords) as graph:
        # data
        given = {k: pm.Data(k, array, dims=DATA_DIMS.get(k)) for k, array in data.items()}
        curvature, sd_scale = given["curvature"], given["sd_scales"]
        # parameters
        intercept = pm.Normal("intercept", *_pair(given["intercept_prior"]))
        later = pm.Normal("year_effect", *_pair(given["year_prior"]), dims="later_year")
        difference = pm.Normal("pilot_difference", *_pair(given["difference_prior"]))
        authority_sd = folded_sd("authority_sd", sd_scale[0])
        effect = pm.Normal("effect", given["effect_mean"], given["effect_scale"], dims="term")
        change = (given["term_design"] * effect).sum(axis=-1)
        if structure.pilot_effects == "partial":
            pilot_effect_sd = folded_sd("pilot_effect_sd", sd_scale[1])
            own = pm.Normal("pilot_deviation_moved", 0.0, 1.0, dims="pilot")
            pm.Deterministic("pilot_deviation", pt.sign(pilot_effect_sd) * own, dims="pilot")
            change = change + (pilot_effect_sd * own)[:, None] * given["treated"]
        # linear predictor
        is_pilot = np.r_[np.ones(structure.pilots), np.zeros(comparators)]
        by_year = pt.concatenate([pt.zeros(1), later])
        mean = (intercept + difference * is_pilot)[:, None] + by_year[None, :]
        mean = mean + pt.concatenate([change, pt.zeros((comparators, years))])
        shock_sd, correlation, known = None, None, curvature
        if structure.shocks != "none":
            shock_sd = folded_sd("shock_sd", sd_scale[2])
            known = curvature / (1.0 + shock_sd**2 * curvature)
        if structure.shocks == "persistent":
            correlation = pm.Beta(PERSISTENT, *_pair(given["correlation_prior"]))
        moved = pm.Flat("intercept_moved", dims="authority")
        left = given["centre"] - mean
        intercepts, log_density = _intercepts(authority_sd, known, left, moved)
        pm.Deterministic("authority_intercept", intercepts, dims="authority")
        logit = mean + intercepts[:, None]
        if shock_sd is not None:
            moved_shocks = pm.Flat("shocks_moved", dims=cells)
            expected = (curvature, curvature * (left - intercepts[:, None]))
            shocks, of_shocks = shocks_by_year(
                structure.years, shock_sd, correlation, moved_shocks, expected
            )
            logit, log_density = logit + shocks, log_density + of_shocks
        logit = pm.Deterministic("cell_logit", logit, dims=cells)
        pm.Potential("departures", log_density)
        # likelihood, without the binomial coefficients, which no parameter touches
        likelihood = given["events"] * logit - given["denominators"] * pt.softplus(logit)
        pm.Potential("log_likelihood", likelihood.sum())
    return graph


def _intercepts(sd: Any, known: Any, left: Any, moved: Any) -> tuple[Any, Any]:
    """Authorities' intercepts in the units of their expansion, their log prior with Jacobian.

    `known` is each cell's precision with its shock left open, `left` what its log-odds are
    beside the mean. Smooth in the sd, through 0 to negative values.
    """
    import pytensor.tensor as pt

    precision = 1.0 + sd**2 * known.sum(axis=1)
    own = sd * (known * left).sum(axis=1) / precision + moved / pt.sqrt(precision)
    return sd * own, -0.5 * (own**2 + pt.log(precision)).sum()


def _pair(prior: Any) -> tuple[Any, Any]:
    return prior[0], prior[1]


def _expansion(arrays: DidArrays) -> tuple[Floats, Floats]:
    """Curvature and centre of each cell's log likelihood about its rate, drawn towards all's.

    A cell without counts has no curvature. The expansion guides the sampler, and changes no
    result.
    """
    overall = (arrays.events.sum() + 0.5) / (arrays.denominators.sum() + 1.0)
    rate = (arrays.events + overall) / (arrays.denominators + 1.0)
    curvature: Floats = arrays.denominators * rate * (1.0 - rate)
    pull = arrays.events - arrays.denominators * rate
    step = np.divide(pull, curvature, out=np.zeros_like(pull), where=curvature > 0)
    centre: Floats = np.log(rate / (1.0 - rate)) + step
    return curvature, centre
