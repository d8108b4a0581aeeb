"""The hierarchical difference-in-differences model of authority-by-year counts, in PyMC."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sofs_bayes.bayes.departures import departures_from
from sofs_bayes.bayes.did_arrays import DidArrays, Floats
from sofs_bayes.bayes.did_draws import PERSISTENT
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
    data = {
        "events": arrays.events,
        "denominators": arrays.denominators,
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
    if model.shocks != "none":
        data["start"] = _start(arrays)
    if model.shocks == "persistent":
        beta = priors.shock_correlation
        data["correlation_prior"] = np.array([beta.a, beta.b])
    return data


DATA_DIMS = {
    "events": ("authority", "year"),
    "denominators": ("authority", "year"),
    "start": ("authority", "year"),
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

    The cells' log-odds η are sampled centred: thousands of children fix them, and u_j and v_jt
    are what is left over. Given η the authority intercepts u_j are normal and are integrated
    out; sampled beside persistent shocks, which look much like them, they mixed badly. The
    pilots' deviations d_j, about which the data say little, are sampled non-centred.

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
        sd_scale = given["sd_scales"]
        # parameters
        intercept = pm.Normal("intercept", *_pair(given["intercept_prior"]))
        later = pm.Normal("year_effect", *_pair(given["year_prior"]), dims="later_year")
        difference = pm.Normal("pilot_difference", *_pair(given["difference_prior"]))
        authority_sd = pm.HalfNormal("authority_sd", sd_scale[0])
        effect = pm.Normal("effect", given["effect_mean"], given["effect_scale"], dims="term")
        change = (given["term_design"] * effect).sum(axis=-1)
        if structure.pilot_effects == "partial":
            pilot_effect_sd = pm.HalfNormal("pilot_effect_sd", sd_scale[1])
            deviation = pm.Normal("pilot_deviation", 0.0, 1.0, dims="pilot")
            change = change + (pilot_effect_sd * deviation)[:, None] * given["treated"]
        # linear predictor
        is_pilot = np.r_[np.ones(structure.pilots), np.zeros(comparators)]
        by_year = pt.concatenate([pt.zeros(1), later])
        mean = (intercept + difference * is_pilot)[:, None] + by_year[None, :]
        mean = mean + pt.concatenate([change, pt.zeros((comparators, years))])
        if structure.shocks == "none":
            own = pm.Normal("authority_intercept", 0.0, authority_sd, dims="authority")
            logit = pm.Deterministic("cell_logit", mean + own[:, None], dims=cells)
        else:
            shock_sd = pm.HalfNormal("shock_sd", sd_scale[2])
            rho: Any = np.zeros((1, 1))
            if structure.shocks == "persistent":
                beta = pm.Beta(PERSISTENT, *_pair(given["correlation_prior"]))
                rho = beta[None, None]
            moved = pm.Flat("cell_logit_from_start", dims=cells)
            logit = pm.Deterministic("cell_logit", given["start"] + moved, dims=cells)
            left = departures_from(logit - mean, shock_sd[None, None], rho, structure.years)
            pm.Potential("departures", left.log_density(authority_sd).sum())
        # likelihood, without the binomial coefficients, which no parameter touches
        likelihood = given["events"] * logit - given["denominators"] * pt.softplus(logit)
        pm.Potential("log_likelihood", likelihood.sum())
    return graph


def _pair(prior: Any) -> tuple[Any, Any]:
    return prior[0], prior[1]


def _start(arrays: DidArrays) -> Floats:
    """Where the sampler starts: each cell's own log-odds, or the overall ones without counts."""
    overall = (arrays.events.sum() + 0.5) / (arrays.denominators.sum() + 1.0)
    rate = (arrays.events + overall) / (arrays.denominators + 1.0)
    start: Floats = np.log(rate / (1.0 - rate))
    return start
