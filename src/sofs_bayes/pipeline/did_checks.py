"""A hierarchical fit → what is shown beside its effects, as rows of files."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from sofs_bayes.spec.keys import HEADLINE, HEADLINES, POOLED, UNPOOLED, Estimand, Variant

if TYPE_CHECKING:
    import xarray as xr

    from sofs_bayes.bayes.cell_data import CellData
    from sofs_bayes.checks.loo import LooResult
    from sofs_bayes.estimands.rows import DensityRow, Label
    from sofs_bayes.pipeline.did_fits import PosteriorFit, Refit
    from sofs_bayes.pipeline.did_sources import Rows, Source
    from sofs_bayes.spec import DidAnalysis

DENSITY_DRAWS = 2000  # a smoothed density needs more than the ends of an interval do


def shown_beside(
    analysis: "DidAnalysis",
    main: "PosteriorFit",
    refits: "Mapping[Variant, Refit]",
    *,
    refit: "Callable[[CellData, Variant], xr.Dataset] | None",
    prior: "xr.Dataset",
    left_out: "LooResult",
    leads: "Sequence[float]",
) -> "Rows":
    """Everything of a run but its effects: file name → (row type, rows).

    Parameters
    ----------
    main
        The headline fit.
    refits
        The fits it is compared with, by variant.
    refit
        Named draws of the headline's model on other data, under the name given; None where no
        authority's leaving out is worth a refit.
    prior
        Named draws of the headline's priors.
    left_out
        The headline's leave-one-out by authority and year.
    leads
        Pilots' differences in the years before, on the model's scale.
    """
    return (
        _of_effects(analysis, main, refits, leads)
        | _of_predictions(analysis, main, prior)
        | _of_leaving_out(analysis, main, refit, left_out)
    )


def shown_of_all(
    analysis: "DidAnalysis",
    source: "Source",
    mains: "Mapping[str, PosteriorFit]",
) -> "Rows":
    """What rests on the fits under all effect priors, or on the cells: thresholds, sizes, rates.

    Parameters
    ----------
    mains
        The main fit under each effect prior, the headline's first.
    """
    from sofs_bayes.estimands.rows import (
        AuthoritySizeRow,
        DensityRow,
        Label,
        ThresholdRow,
        YearlyRateRow,
    )
    from sofs_bayes.estimands.thresholds import drawn_threshold_rows
    from sofs_bayes.estimands.yearly_rates import yearly_rate_rows

    evidence = source.evidence
    labelled = {
        Label(prior=prior, variant=HEADLINE, evidence=evidence, status=fit.gate.status): fit
        for prior, fit in mains.items()
    }
    drawn = [(label, fit.effects) for label, fit in labelled.items()]
    scale = "risk" if analysis.model.likelihood == "gaussian" else "log-odds"
    first, main = next(iter(mains.items()))
    rates = yearly_rate_rows(
        main.posterior,
        main.data,
        main.blocks,
        analysis.estimands,
        prior=first,
        settling_in=source.settling_in,
    )
    return {
        "thresholds": (
            ThresholdRow,
            tuple(drawn_threshold_rows(drawn, analysis, model_scale=scale)),
        ),
        "yearly_rates": (YearlyRateRow, tuple(rates)),
        "densities": (DensityRow, tuple(_densities(analysis, labelled))),
        "authority_sizes": (AuthoritySizeRow, source.sizes),
    }


def _densities(
    analysis: "DidAnalysis", mains: "Mapping[Label, PosteriorFit]"
) -> "list[DensityRow]":
    """The pooled effect's density on the risk scale before and after the data, by prior."""
    from sofs_bayes.checks.prior_draws import prior_draws
    from sofs_bayes.estimands.densities import drawn_density_rows
    from sofs_bayes.estimands.did_effects import did_effects
    from sofs_bayes.spec.seeds import stage_seed

    rows = []
    for label, fit in mains.items():
        seed = stage_seed(analysis.sampler.seed, f"prior density / {label.prior}")
        drawn = prior_draws(analysis, fit.data, fit.blocks, draws=DENSITY_DRAWS, seed=seed)
        before = did_effects(drawn, fit.data, fit.blocks, seed=seed, per=analysis.estimands.per)
        for question, draws in fit.effects.choose(_is_headline).items():
            rows += drawn_density_rows(before[question], draws, question, label)
    return rows


def _is_headline(each: Estimand) -> bool:
    return each.role in HEADLINES and each.target == POOLED and each.is_of_risk


def _of_effects(
    analysis: "DidAnalysis",
    main: "PosteriorFit",
    refits: "Mapping[Variant, Refit]",
    leads: "Sequence[float]",
) -> "Rows":
    from sofs_bayes.checks.power_scaling import PowerScalingRow, power_scaling
    from sofs_bayes.checks.tipping import TippingPoint, TippingRow, tipping
    from sofs_bayes.estimands.effects import monte_carlo_rows
    from sofs_bayes.estimands.rows import MonteCarloRow, ShrinkageRow
    from sofs_bayes.estimands.shrinkage import shrinkage_rows

    found: Rows = {
        "monte_carlo": (MonteCarloRow, tuple(monte_carlo_rows(main.effects, analysis.estimands)))
    }
    if UNPOOLED in refits:
        rows = shrinkage_rows(main.effects, refits[UNPOOLED].effects, analysis.estimands)
        found["shrinkage"] = (ShrinkageRow, tuple(rows))
    model = analysis.model
    one_effect = analysis.treatment == "did" and model.pilot_effects != "none"
    if one_effect and model.departures == "none":
        prior, level = main.setting.effect_prior, analysis.estimands.level
        tipped = tipping(main.posterior, main.data, main.blocks, prior, level=level, leads=leads)
        found["tipping"] = (TippingRow, tipped.rows)
        found["tipping_points"] = (TippingPoint, tipped.points)
    scaled = power_scaling(main.posterior, main.effects, analysis, main.data, main.blocks)
    return found | {"power_scaling": (PowerScalingRow, scaled)}


def _of_predictions(analysis: "DidAnalysis", main: "PosteriorFit", prior: "xr.Dataset") -> "Rows":
    from sofs_bayes.checks.diagnostics import PredictiveCell, PredictiveStatistic
    from sofs_bayes.checks.predictive import ArmYearCheck, predictive_check
    from sofs_bayes.spec.seeds import stage_seed

    level, seed = analysis.estimands.level, analysis.sampler.seed
    after = predictive_check(
        main.posterior,
        main.data,
        main.blocks,
        kind="posterior",
        level=level,
        seed=stage_seed(seed, "posterior predictive"),
        by_cell=analysis.kind == "open data",
    )
    expected = predictive_check(
        prior,
        main.data,
        main.blocks,
        kind="prior",
        level=level,
        seed=stage_seed(seed, "prior predictive"),
    )
    of_cells: Rows = {"predictive": (PredictiveCell, after.cells)} if after.cells else {}
    return of_cells | {
        "arm_years": (ArmYearCheck, (*after.years, *expected.years)),
        "predictive_statistics": (
            PredictiveStatistic,
            (*after.statistics, *expected.statistics),
        ),
    }


def _of_leaving_out(
    analysis: "DidAnalysis",
    main: "PosteriorFit",
    refit: "Callable[[CellData, Variant], xr.Dataset] | None",
    left_out: "LooResult",
) -> "Rows":
    from sofs_bayes.bayes.cell_data import without
    from sofs_bayes.checks.loo import (
        AuthorityLooRow,
        LooRow,
        LooSummary,
        loo_authorities,
    )

    def fitted_without(name: str) -> "xr.Dataset":
        assert refit is not None
        return refit(without(main.data, [name]), Variant(kind="leaving out", subject=name))

    authorities = loo_authorities(
        main.posterior,
        main.data,
        main.blocks,
        analysis,
        refit=None if refit is None else fitted_without,
    )
    return {
        "loo": (LooRow, left_out.rows),
        "loo_summary": (LooSummary, (left_out.summary,)),
        "authority_loo": (AuthorityLooRow, authorities),
    }
