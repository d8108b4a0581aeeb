"""What the effect would be if the pilots' data, or the comparators', counted for half as much."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from sofs_bayes.checks.registry.check import Check, Fits, Kept, Layout, Rows
from sofs_bayes.estimands.rows import OfEstimand
from sofs_bayes.spec.keys import HEADLINE, NEW, POOLED, Estimand

if TYPE_CHECKING:
    import xarray as xr

    from sofs_bayes.estimands.effects import Effects

BOTH = "both"
FACTOR = 0.5  # the power of the likelihood of one arm


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmWeightRow(OfEstimand):
    """An effect with the likelihood of one arm raised to a power.

    The likelihood is that of each authority's outcomes given all but its shocks. `arm` is that
    whose power is `factor`, or `both` in the fit as it is. Draws are weighted: `pareto_k` tells
    how far that can be trusted, and above 0.7 the effect is NaN.
    """

    arm: str
    factor: float
    median: float
    lower: float
    upper: float
    level: float
    interval: str
    pareto_k: float


def arm_log_likelihoods(fits: Fits, *, most: int = 1000) -> "dict[str, xr.DataArray]":
    """The log likelihood of each arm's authorities given all but their shocks, (chain, draw).

    Of at most so many draws, evenly spaced.
    """
    import numpy as np

    from sofs_bayes.checks.authority_density import cells_of, own_log_density
    from sofs_bayes.checks.thinned_draws import thinned_draws

    main, data = fits.main, fits.main.data
    draws = thinned_draws(main.posterior, data, main.blocks, most=most)
    found = {}
    for arm, is_pilot in (("pilot", True), ("comparator", False)):
        own = [
            own_log_density(draws, data, j)
            for j, name in enumerate(data.authorities)
            if (name in data.pilots) == is_pilot and cells_of(data, j).size
        ]
        found[arm] = draws.by_chain(np.sum(own, axis=0)[:, None], "point").isel(point=0)
    return found


def weighted(
    effects: "Effects", log_likelihood: "xr.DataArray", factor: float
) -> "tuple[Effects | None, float]":
    """Effects with a part of the likelihood raised to a power, and Pareto's k of the weights.

    Of the draws whose likelihood is given; None where the weights cannot be trusted.
    """
    from sofs_bayes.bayes.limits import MAX_K
    from sofs_bayes.bayes.reweighting import independent, resampled, smoothed_weights
    from sofs_bayes.estimands.effects import Effects

    ratio = (factor - 1.0) * log_likelihood.transpose("chain", "draw")
    weights, k = smoothed_weights(ratio.to_numpy().ravel(), independent(ratio))
    if not k <= MAX_K:
        return None, k
    every = -(-effects.array.sizes["draw"] // ratio.sizes["draw"])
    thinned = effects.array.isel(draw=slice(None, None, every)).to_dataset(name="effects")
    return Effects(resampled(thinned, weights)["effects"]), k


def _is_asked(each: Estimand) -> bool:
    return each.target in (POOLED, NEW) and each.is_effect and each.is_of_risk


def _of_arm(
    fits: Fits, arm: str, factor: float, effects: "Effects | None", k: float
) -> Iterator[ArmWeightRow]:
    from sofs_bayes.estimands.effects import effect_rows
    from sofs_bayes.estimands.rows import Label

    asked = fits.main.effects.choose(_is_asked)
    label = Label(
        prior=next(iter(fits.mains)),
        variant=HEADLINE,
        evidence=fits.evidence,
        status=fits.main.gate.status,
    )
    for row in effect_rows(asked if effects is None else effects, fits.analysis.estimands, label):
        known = effects is not None
        yield ArmWeightRow(
            **asdict(row.estimand),
            arm=arm,
            factor=factor,
            median=row.median if known else float("nan"),
            lower=row.lower if known else float("nan"),
            upper=row.upper if known else float("nan"),
            level=row.level,
            interval=row.interval,
            pareto_k=k,
        )


def _rows(fits: Fits) -> Rows:
    asked = fits.main.effects.choose(_is_asked)
    rows = list(_of_arm(fits, BOTH, 1.0, asked, 0.0))
    for arm, log_likelihood in arm_log_likelihoods(fits).items():
        rows += _of_arm(fits, arm, FACTOR, *weighted(asked, log_likelihood, FACTOR))
    return {ArmWeightRow: rows}


ARM_WEIGHTS = Check(
    files=(
        Kept(
            ArmWeightRow,
            "arm_weights",
            "effects with the data of one arm counted for less",
            layout=Layout(
                effects=4,
                title="if the data of one arm counted for half as much",
                columns=(
                    ("estimand", "Effect", "text"),
                    ("target", "In", "text"),
                    ("arm", "Authorities", "text"),
                    ("factor", "Count for", "ratio"),
                    ("pareto_k", "Pareto k", "number"),
                ),
                notes=(
                    "The likelihood of an arm's authorities is raised to the power given, by"
                    " weights of the draws. Above a Pareto k of 0.7 these cannot be trusted, and"
                    " no effect is given.",
                ),
            ),
        ),
    ),
    made=_rows,
)
