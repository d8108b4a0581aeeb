"""How far an answer moves if a prior, or the data, counted for a little more or less."""

from dataclasses import asdict, dataclass

import xarray as xr

from sofs_bayes.bayes.blocks import Blocks
from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.bayes.log_priors import effect_log_prior, sds_log_prior
from sofs_bayes.estimands.effects import Effects
from sofs_bayes.estimands.rows import OfEstimand
from sofs_bayes.spec import DidAnalysis
from sofs_bayes.spec.keys import BETWEEN_PILOTS, BETWEEN_YEARS, Estimand

# Change of the answer's distribution per doubling of the power, above which it is said to
# depend on what is scaled (Kallioinen et al. 2024).
THRESHOLD = 0.05

EFFECT = "effect"
SDS = "standard deviations"
ALL = "all"

FINE = "no sign of a prior that matters"
CONFLICT = "prior and data may conflict"
STRONG = "strong prior or weak data"


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerScalingRow(OfEstimand):
    """Sensitivity of an estimand to the power of some priors, and to that of the likelihood.

    `priors` are those scaled: of the `effect`, of `standard deviations` (and the shocks'
    correlation), or `all` of these.
    """

    priors: str
    prior: float
    likelihood: float
    diagnosis: str

    @property
    def matters(self) -> bool:
        """Whether the estimand depends on what is scaled."""
        return self.diagnosis != FINE


def power_scaling(
    posterior: xr.Dataset,
    effects: Effects,
    analysis: DidAnalysis,
    data: CellData,
    blocks: Blocks,
) -> tuple[PowerScalingRow, ...]:
    """Sensitivities of answers, and of pilots' and shocks' sds, by power scaling.

    Only priors of top-level parameters are scaled, those of the effect and of the standard
    deviations: the distribution of intercepts, deviations and shocks given their sds is part of
    the model. Sensitivities are the cumulative Jensen-Shannon distance between answers
    reweighted by importance sampling, per doubling of the power.

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
    priors = {
        EFFECT: effect_log_prior(posterior, blocks),
        SDS: sds_log_prior(posterior, analysis, blocks),
    }
    priors = {name: density for name, density in priors.items() if density is not None}
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
