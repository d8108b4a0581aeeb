"""Power scaling: densities as in scipy; a strong prior in conflict is flagged, a weak one not."""

from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from scipy import stats

from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.bayes.reweighting import effect_log_prior, sds_log_prior
from sofs_bayes.checks.power_scaling import (
    ALL,
    CONFLICT,
    FINE,
    STRONG,
    log_priors,
    power_scaling,
)
from sofs_bayes.checks.registry.power_scaling import PowerScalingRow
from sofs_bayes.estimands.effects import Effects
from sofs_bayes.spec import Exponential, HierarchicalAnalysis, Normal
from sofs_bayes.spec.keys import (
    AFTER,
    BETWEEN_PILOTS,
    BETWEEN_YEARS,
    CHILDREN,
    EFFECT_PRIORS,
    LEVELS_AND_YEARS,
    POOLED,
    SDS,
    Estimand,
)

# Sums of the same numbers in another order.
EXACT = 1e-9
WHY = "made up for a test"
CHAINS, DRAWS = 4, 1000


def with_prior(analysis: HierarchicalAnalysis, mean: float, sd: float) -> HierarchicalAnalysis:
    prior = Normal(mean=mean, sd=sd, why=WHY)
    return replace(analysis, effect_priors={"reference": prior})


def one_effect(data: CellData, design: Any, prior: Normal, seen: float, error: float) -> xr.Dataset:
    """The posterior of an effect that the data saw once, with an error, all else fixed."""
    precision = 1 / prior.sd**2 + 1 / error**2
    mean = (prior.mean / prior.sd**2 + seen / error**2) / precision
    rng = np.random.default_rng(1)
    effect = mean + rng.standard_normal((CHAINS, DRAWS)) / np.sqrt(precision)
    coefficient = np.zeros((CHAINS, DRAWS, len(design.terms)))
    coefficient[..., design.terms.index("did")] = effect
    return xr.Dataset(
        {
            "coefficient": (("chain", "draw", "term"), coefficient),
            "log_likelihood": (("chain", "draw"), -0.5 * ((effect - seen) / error) ** 2),
        },
        coords={"term": list(design.terms)},
    )


def sensitivity(
    data: CellData, analysis: HierarchicalAnalysis, design_of: Any, prior: tuple[float, float]
) -> PowerScalingRow:
    changed = with_prior(analysis, *prior)
    design = design_of(data, changed)
    posterior = one_effect(data, design, changed.effect_priors["reference"], 0.06, 0.02)
    effect = posterior["coefficient"].sel(term="did")
    effects = Effects.of({Estimand(role=AFTER, scale="risk"): effect})
    rows = power_scaling(posterior, effects, changed, data, design)
    assert [(row.role, row.priors) for row in rows] == [(AFTER, EFFECT_PRIORS), (AFTER, ALL)]
    assert rows[0].prior == rows[1].prior
    return rows[0]


def test_a_weak_prior_is_not_flagged(
    linear: CellData, linear_analysis: HierarchicalAnalysis, design_of: Any
) -> None:
    row = sensitivity(linear, linear_analysis, design_of, (0.0, 1.0))
    assert row.prior < 0.01
    assert row.likelihood > 0.05
    assert row.diagnosis == FINE


def test_a_strong_prior_in_conflict_is_flagged(
    linear: CellData, linear_analysis: HierarchicalAnalysis, design_of: Any
) -> None:
    row = sensitivity(linear, linear_analysis, design_of, (-0.06, 0.02))
    assert row.prior > 0.2
    assert row.likelihood > 0.2
    assert row.diagnosis == CONFLICT


def test_data_that_say_little_are_flagged(
    linear: CellData, linear_analysis: HierarchicalAnalysis, design_of: Any
) -> None:
    row = sensitivity(linear, linear_analysis, design_of, (0.06, 0.001))
    assert row.likelihood < 0.05 < row.prior
    assert row.diagnosis == STRONG


def test_log_priors_are_those_of_scipy(
    linear: CellData, linear_analysis: HierarchicalAnalysis, design_of: Any, exact_of: Any
) -> None:
    priors = replace(linear_analysis.priors, pilot_effect_sd=Exponential(mean=0.04, why=WHY))
    analysis = replace(linear_analysis, priors=priors)
    design = design_of(linear, analysis, scales={"shock_sd": 2.0})
    rng = np.random.default_rng(2)
    draws = exact_of(linear, design).draws(50, seed=3)
    names = ("authority_sd", "pilot_effect_sd", "shock_sd", "shock_correlation")
    draws = draws.assign(
        {name: (("chain", "draw"), rng.uniform(0.1, 0.9, (4, 50))) for name in names}
    )
    effect = effect_log_prior(draws, design)
    assert effect is not None
    prior = analysis.effect_priors["reference"]
    expected = stats.norm(prior.mean, prior.sd).logpdf(draws["coefficient"].sel(term="did"))
    assert np.ptp(effect.to_numpy() - expected) < EXACT
    found = sds_log_prior(draws, analysis, design)
    assert found is not None
    expected = stats.halfnorm(scale=priors.authority_sd.scale).logpdf(draws["authority_sd"])  # type: ignore[union-attr]
    expected += stats.expon(scale=0.04).logpdf(draws["pilot_effect_sd"])
    expected += stats.halfnorm(scale=2 * priors.shock_sd.scale).logpdf(draws["shock_sd"])  # type: ignore[union-attr]
    beta = priors.shock_correlation
    expected += stats.beta(beta.a, beta.b).logpdf(draws["shock_correlation"])
    assert np.ptp(found.to_numpy() - expected) < 1e-7


def test_log_priors_of_levels_years_and_childrens_terms_are_those_of_scipy(
    logistic: CellData, logistic_analysis: HierarchicalAnalysis, design_of: Any
) -> None:
    given = logistic_analysis.priors
    off_zero = {
        name: replace(getattr(given, name), mean=mean)
        for name, mean in (("pilot_difference", 0.3), ("year", -0.2), ("child_covariate", 0.4))
    }
    analysis = replace(logistic_analysis, priors=replace(given, **off_zero))
    design = design_of(logistic, analysis)
    rng = np.random.default_rng(8)
    labels = {"term": list(design.terms), "child_term": list(logistic.child_terms)}
    draws = xr.Dataset(
        {
            name: (("chain", "draw", dim), rng.normal(0.0, 0.5, (2, 30, len(labels[dim]))))
            for name, dim in (("coefficient", "term"), ("child_effect", "child_term"))
        },
        coords=labels,
    )
    found = log_priors(draws, analysis, logistic, design)
    expected = {CHILDREN: 0.0, LEVELS_AND_YEARS: 0.0}
    for name in logistic.child_terms:
        prior = analysis.priors.child_covariate
        assert prior is not None
        of = stats.norm(prior.mean, prior.sd)
        expected[CHILDREN] += of.logpdf(draws["child_effect"].sel(child_term=name))
    of_term = {"intercept": "intercept", "pilot": "pilot_difference"}
    for name in (each for each in logistic.terms if each != "did"):
        prior = getattr(analysis.priors, of_term.get(name, "year"))
        of = stats.norm(prior.mean, prior.sd)
        expected[LEVELS_AND_YEARS] += of.logpdf(draws["coefficient"].sel(term=name))
    for group, density in expected.items():
        assert np.ptp(found[group].to_numpy() - density) < EXACT


def test_each_pilots_own_prior_counts_where_they_are_not_pooled(
    linear: CellData, linear_analysis: HierarchicalAnalysis, design_of: Any, exact_of: Any
) -> None:
    design = design_of(linear, linear_analysis, pilot_effects="none")
    draws = exact_of(linear, design).draws(20, seed=4)
    effect = effect_log_prior(draws, design)
    assert effect is not None
    prior = linear_analysis.effect_priors["reference"]
    own = draws["coefficient"].sel(term=[f"did: {name}" for name in linear.pilots])
    expected = stats.norm(prior.mean, prior.sd).logpdf(own).sum(axis=-1)
    assert np.ptp(effect.to_numpy() - expected) < EXACT


def test_sds_are_quantities_where_they_are_in_use(
    linear: CellData, linear_analysis: HierarchicalAnalysis, design_of: Any, exact_of: Any
) -> None:
    rng = np.random.default_rng(5)
    draws = exact_of(linear, design_of(linear, linear_analysis)).draws(250, seed=6)
    drawn = {
        name: (("chain", "draw"), abs(rng.normal(0, 0.03, (4, 250))))
        for name in ("authority_sd", "pilot_effect_sd", "shock_sd")
    }
    drawn["log_likelihood"] = (("chain", "draw"), rng.normal(0, 1, (4, 250)))
    draws = draws.assign(drawn)
    effect = draws["coefficient"].sel(term="did")
    answers = {
        Estimand(role=AFTER, scale="risk"): effect,
        Estimand(role=AFTER, scale="risk", target="always the same"): xr.zeros_like(effect),
        Estimand(role=AFTER, scale="log-odds"): 2 * effect,
        Estimand(role=BETWEEN_YEARS, scale="risk"): draws["shock_sd"],
        Estimand(role=BETWEEN_PILOTS, scale="risk"): draws["pilot_effect_sd"],
        Estimand(role="spread between authorities", scale="risk"): draws["authority_sd"],
    }
    found = {}
    for pooling in ("partial", "full"):
        design = design_of(linear, linear_analysis, pilot_effects=pooling)
        effects = Effects.of(answers)
        if pooling == "full":
            effects = effects.choose(lambda each: each.role != BETWEEN_PILOTS)
        rows = power_scaling(draws, effects, linear_analysis, linear, design)
        found[pooling] = {(row.role, row.target, row.scale, row.priors) for row in rows}
    roles = {AFTER, BETWEEN_PILOTS, BETWEEN_YEARS}
    scaled = (EFFECT_PRIORS, SDS, LEVELS_AND_YEARS, ALL)
    assert found["partial"] == {(r, POOLED, "risk", of) for r in roles for of in scaled}
    assert found["full"] == {each for each in found["partial"] if each[0] != BETWEEN_PILOTS}


def test_a_replication_has_no_sds_to_scale(
    linear: CellData, linear_analysis: HierarchicalAnalysis, design_of: Any, exact_of: Any
) -> None:
    design = design_of(linear, linear_analysis, replicating=True)
    draws = exact_of(linear, design_of(linear, linear_analysis)).draws(20, seed=7)
    assert sds_log_prior(draws, linear_analysis, design) is None
