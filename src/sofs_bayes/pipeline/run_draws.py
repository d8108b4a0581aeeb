"""The draws of a fitted analysis as one DataTree, for ArviZ and for intervals of other levels."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sofs_bayes.spec import DidAnalysis
from sofs_bayes.spec.keys import BY_YEAR, HEADLINE, POOLED, UNPOOLED, Variant

if TYPE_CHECKING:
    import xarray as xr

    from sofs_bayes.checks.registry import PosteriorFit, Refit

# Shocks by authority and year are many, and derived; nothing is made from them later.
NOT_STORED = ("shock", "year")
FURTHER = "further_fits"


def run_draws(
    analysis: DidAnalysis,
    mains: "Mapping[str, PosteriorFit]",
    others: "Mapping[Variant, Refit]",
    prior: "xr.Dataset",
    log_density: "xr.DataArray | None",
) -> "xr.DataTree":
    """The groups of a run's `posterior.nc`.

    Group `posterior` has the headline's parameters in use and its named effects, `estimands` the
    effects with the fields of `Estimand` as coordinates, `further_fits` those of every other fit
    that effects.csv or sensitivity.csv has rows of, `prior` the parameters and effects before
    the data; `sample_stats`, `log_prior` (by group of parameters), and by authority and year
    `log_likelihood`, `posterior_predictive` and `observed_data`.

    Parameters
    ----------
    mains
        The main fit under each effect prior, the headline's first.
    others
        The refits, under the headline's prior.
    prior
        Named draws from the priors of the headline (`thinned_draws.prior_draws`).
    log_density
        Of each authority's year given all others (`checks.loo.loo_cells`).
    """
    import xarray as xr

    from sofs_bayes.bayes.did_draws import in_use
    from sofs_bayes.checks.draw_groups import observation_groups
    from sofs_bayes.checks.power_scaling import log_priors
    from sofs_bayes.estimands.did_effects import did_effects
    from sofs_bayes.spec.seeds import stage_seed

    first, main = next(iter(mains.items()))
    design, seed = (main.data, main.blocks), analysis.sampler.seed
    before = did_effects(
        prior, *design, seed=stage_seed(seed, "prior draws"), per=analysis.estimands.per
    )
    groups = {
        name: in_use(draws, main.blocks)
        .drop_vars(NOT_STORED, errors="ignore")
        .drop_attrs()
        .assign(effects=effects.labelled.reset_coords(drop=True))
        for name, draws, effects in (
            ("posterior", main.posterior, main.effects),
            ("prior", prior, before),
        )
    }
    further: dict[tuple[str, Variant], Refit] = {
        (prior, HEADLINE): fit for prior, fit in mains.items() if prior != first
    }
    further |= {(first, variant): fit for variant, fit in others.items()}
    groups |= {"estimands": _of_fit(main, first, HEADLINE)}
    groups |= {
        f"{FURTHER}/{i}": _of_fit(fit, *label) for i, (label, fit) in enumerate(further.items())
    }
    if main.statistics is not None:
        groups["sample_stats"] = main.statistics.drop_attrs()
    groups["log_prior"] = xr.Dataset(log_priors(main.posterior, analysis, *design))
    predictive = stage_seed(seed, "posterior predictive")
    observed = observation_groups(main.posterior, *design, log_density=log_density, seed=predictive)
    return xr.DataTree.from_dict(groups | observed)


def _of_fit(fit: "Refit", prior: str, variant: Variant) -> "xr.Dataset":
    """The effects of a fit that rows are made of, and which fit it is."""
    effects = fit.effects
    if variant not in (HEADLINE, BY_YEAR, UNPOOLED):
        effects = effects.choose(lambda each: each.target == POOLED)
    said: dict[str, object] = {"prior": prior, "kind": variant.kind, "subject": variant.subject}
    said |= {} if variant.factor is None else {"factor": variant.factor}
    return effects.labelled.to_dataset().assign_attrs(said | {"status": fit.gate.status})
