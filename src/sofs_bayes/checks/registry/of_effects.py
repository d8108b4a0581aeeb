"""What is told of effects and rates beside effects.csv: not checks, but kept and judged alike."""

from typing import TYPE_CHECKING

from sofs_bayes.checks.registry.check import Check, Fits, Kept, Rows
from sofs_bayes.estimands.rows import (
    AuthoritySizeRow,
    DensityRow,
    Label,
    MonteCarloRow,
    ShrinkageRow,
    ThresholdRow,
    YearlyRateRow,
)
from sofs_bayes.spec.keys import HEADLINE, HEADLINES, POOLED, UNPOOLED, Estimand

if TYPE_CHECKING:
    from sofs_bayes.checks.registry.check import PosteriorFit

DENSITY_DRAWS = 2000  # a smoothed density needs more than the ends of an interval do


def _labelled(fits: Fits) -> "dict[Label, PosteriorFit]":
    return {
        Label(prior=prior, variant=HEADLINE, evidence=fits.evidence, status=fit.gate.status): fit
        for prior, fit in fits.mains.items()
    }


def _thresholds(fits: Fits) -> Rows:
    from sofs_bayes.estimands.thresholds import drawn_threshold_rows

    scale = "risk" if fits.analysis.model.likelihood == "gaussian" else "log-odds"
    drawn = [(label, fit.effects) for label, fit in _labelled(fits).items()]
    return {ThresholdRow: list(drawn_threshold_rows(drawn, fits.analysis, model_scale=scale))}


def _rates(fits: Fits) -> Rows:
    from sofs_bayes.estimands.yearly_rates import yearly_rate_rows

    main = fits.main
    rows = yearly_rate_rows(
        main.posterior,
        main.data,
        main.blocks,
        fits.analysis.estimands,
        prior=next(iter(fits.mains)),
        settling_in=fits.settling_in,
    )
    return {YearlyRateRow: list(rows), AuthoritySizeRow: fits.sizes}


def _densities(fits: Fits) -> Rows:
    """The pooled effect's density on the risk scale before and after the data, by prior."""
    from sofs_bayes.checks.thinned_draws import prior_draws
    from sofs_bayes.estimands.densities import drawn_density_rows
    from sofs_bayes.estimands.did_effects import did_effects
    from sofs_bayes.spec.seeds import stage_seed

    analysis, rows = fits.analysis, list[DensityRow]()
    for label, fit in _labelled(fits).items():
        seed = stage_seed(analysis.sampler.seed, f"prior density / {label.prior}")
        drawn = prior_draws(analysis, fit.data, fit.blocks, draws=DENSITY_DRAWS, seed=seed)
        before = did_effects(drawn, fit.data, fit.blocks, seed=seed, per=analysis.estimands.per)
        for question, draws in fit.effects.choose(_is_headline).items():
            rows += drawn_density_rows(before[question], draws, question, label)
    return {DensityRow: rows}


def _is_headline(each: Estimand) -> bool:
    return each.role in HEADLINES and each.target == POOLED and each.is_of_risk


def _shrinkage(fits: Fits) -> Rows:
    from sofs_bayes.estimands.effects import shrinkage_rows

    alone = fits.others[UNPOOLED].effects
    return {ShrinkageRow: list(shrinkage_rows(fits.main.effects, alone, fits.analysis.estimands))}


def _monte_carlo(fits: Fits) -> Rows:
    from sofs_bayes.estimands.effects import monte_carlo_rows

    return {MonteCarloRow: list(monte_carlo_rows(fits.main.effects, fits.analysis.estimands))}


THRESHOLDS = Check(
    files=(Kept(ThresholdRow, "thresholds", "probabilities of effects, by threshold"),),
    made=_thresholds,
)
RATES = Check(
    files=(
        Kept(
            YearlyRateRow,
            "yearly_rates",
            "pilots' rates by year, and without the effect",
            of="authorities",
        ),
        Kept(
            AuthoritySizeRow,
            "authority_sizes",
            "referrals and events by authority and period",
            of="authorities",
        ),
    ),
    made=_rates,
)
DENSITIES = Check(
    files=(Kept(DensityRow, "densities", "densities of effects"),),
    made=_densities,
)
SHRINKAGE = Check(
    files=(Kept(ShrinkageRow, "shrinkage", "pilots' effects by themselves and pooled"),),
    made=_shrinkage,
    applies=lambda fits: UNPOOLED in fits.others,
)
MONTE_CARLO = Check(
    files=(Kept(MonteCarloRow, "monte_carlo", "Monte Carlo errors"),),
    made=_monte_carlo,
)
