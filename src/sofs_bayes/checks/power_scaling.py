"""How far an answer moves if a prior, or the data, counted for a little more or less."""

from collections.abc import Collection
from dataclasses import asdict

import xarray as xr

from sofs_bayes.bayes.blocks import FLAT, Blocks
from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.bayes.reweighting import effect_log_prior, sds_log_prior, terms_log_prior
from sofs_bayes.checks.registry.power_scaling import FINE, PowerScalingRow
from sofs_bayes.estimands.effects import Effects
from sofs_bayes.frequentist.term import find_term
from sofs_bayes.spec import DidAnalysis
from sofs_bayes.spec.keys import (
    BETWEEN_PILOTS,
    BETWEEN_YEARS,
    CHILDREN,
    COVARIATES,
    EFFECT_PRIORS,
    LEVELS_AND_YEARS,
    SDS,
    Estimand,
)

# Change of the answer's distribution per doubling of the power, above which it is said to
# depend on what is scaled (Kallioinen et al. 2024).
THRESHOLD = 0.05

ALL = "all"
# The roles of the fixed terms whose priors are scaled together.
GROUPS = {
    COVARIATES: ("authority_covariate",),
    LEVELS_AND_YEARS: ("intercept", "year", "pilot_difference"),
}

CONFLICT = "prior and data may conflict"
STRONG = "strong prior or weak data"


def power_scaling(
    posterior: xr.Dataset,
    effects: Effects,
    analysis: DidAnalysis,
    data: CellData,
    blocks: Blocks,
) -> tuple[PowerScalingRow, ...]:
    """Sensitivities of answers, and of pilots' and shocks' sds, by power scaling.

    Only priors of top-level parameters are scaled: the distribution of intercepts, deviations
    and shocks given their sds is part of the model. Sensitivities are the cumulative
    Jensen-Shannon distance between answers reweighted by importance sampling, per doubling of the
    power.

    Parameters
    ----------
    posterior
        Named draws.
    effects
        Those on the risk scale, and spreads of pilots and years, are looked at; one that never
        varies is left out.
    """
    asked = effects.choose(_is_asked)
    named = {each: draws for each, draws in asked.items() if draws.max() > draws.min()}
    priors = log_priors(posterior, analysis, data, blocks)
    keys = {f"quantity {i}": each for i, each in enumerate(named)}
    tree = xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset(
                {key: named[each].reset_coords(drop=True) for key, each in keys.items()}
            ),
            "log_prior": xr.Dataset(priors),
            "log_likelihood": xr.Dataset({"children": posterior["log_likelihood"]}),
        }
    )
    likelihood = _sensitivity(tree, "likelihood", None)
    rows = []
    for scaled, names in {**{name: [name] for name in priors}, ALL: list(priors)}.items():
        prior = _sensitivity(tree, "prior", names)
        rows += [
            PowerScalingRow(
                **asdict(each),
                priors=scaled,
                prior=prior[key],
                likelihood=likelihood[key],
                diagnosis=_diagnosis(prior[key], likelihood[key]),
            )
            for key, each in keys.items()
        ]
    return tuple(rows)


def log_priors(
    posterior: xr.Dataset, analysis: DidAnalysis, data: CellData, blocks: Blocks
) -> dict[str, xr.DataArray]:
    """The log prior density (chain, draw) of each group of parameters that has a proper one.

    Up to a constant, by the names that `PowerScalingRow.priors` knows them by.
    """
    priors = {
        EFFECT_PRIORS: effect_log_prior(posterior, blocks),
        SDS: sds_log_prior(posterior, analysis, blocks),
        **{name: _of_terms(posterior, data, blocks, roles) for name, roles in GROUPS.items()},
        CHILDREN: _of_children(posterior, data, blocks),
    }
    return {
        name: density
        for name, density in priors.items()
        if density is not None and density.max() > density.min()
    }


def _of_terms(
    posterior: xr.Dataset, data: CellData, blocks: Blocks, roles: Collection[str]
) -> xr.DataArray | None:
    """The log prior of the data's terms of some roles that have a proper prior, (chain, draw)."""
    sds = dict(zip(blocks.terms, blocks.prior_sd, strict=True))
    own = [name for name in data.terms if find_term(name).role in roles and 0.0 < sds[name] < FLAT]
    return terms_log_prior(posterior, blocks, own) if own else None


def _of_children(posterior: xr.Dataset, data: CellData, blocks: Blocks) -> xr.DataArray | None:
    """That of the children's terms of a logistic model; a linear one's priors are flat."""
    mean, sd = blocks.child_prior
    if data.patterns is None or not data.child_terms or sd >= FLAT:
        return None
    return -0.5 * (((posterior["child_effect"] - mean) / sd) ** 2).sum("child_term")


def _is_asked(each: Estimand) -> bool:
    return each.role in (BETWEEN_PILOTS, BETWEEN_YEARS) or (each.is_effect and each.is_of_risk)


def _sensitivity(tree: xr.DataTree, group: str, names: list[str] | None) -> dict[str, float]:
    import arviz_stats as azs

    found = azs.psense(tree, group=group, group_var_names=names)
    return {str(key): float(value) for key, value in found.data_vars.items()}


def _diagnosis(prior: float, likelihood: float) -> str:
    if prior >= THRESHOLD and likelihood >= THRESHOLD:
        return CONFLICT
    return STRONG if prior >= THRESHOLD else FINE
