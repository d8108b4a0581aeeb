"""The rows in which effects, probabilities, densities and rates are written and read."""

from dataclasses import dataclass

from sofs_bayes.spec import Evidence, Scale, Statement

POOLED = "pooled"
NEW = "new authority"


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What a row of results rests on: prior, variant of the fit, evidence, convergence.

    `variant` names the reading of the stars, or the change to the data or the design.
    """

    prior: str
    variant: str
    evidence: Evidence
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectRow:
    """One line of effects.csv."""

    estimand: str
    target: str
    scale: str
    prior: str
    variant: str
    evidence: Evidence
    mean: float
    median: float
    sd: float
    lower: float
    upper: float
    level: float
    interval: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbabilityRow:
    """One line of probabilities.csv; `mcse` is NaN where every draw agrees."""

    estimand: str
    target: str
    scale: str
    prior: str
    variant: str
    evidence: Evidence
    statement: str
    probability: float
    mcse: float
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DensityRow:
    """Prior and posterior density of one effect at one value, per unit of its scale."""

    variant: str
    prior: str
    scale: str
    effect: float
    prior_density: float
    posterior_density: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RateRow:
    """The pilots' rate in a year, beside what it would have been without the practice model.

    `period` is `pre`, `settling-in` or `post`; the counterfactual and its interval are NaN
    outside `post`. Rates are events over denominators, summed over the pilots.
    """

    year: int
    period: str
    pilots: int
    observed: float
    comparators: float
    counterfactual: float
    lower: float
    upper: float
    level: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ShrinkageRow:
    """A pilot's effect by itself, and drawn towards the pooled effect by what pilots share.

    `shrinkage` is the share of the way from the median without pooling to the pooled effect's
    median; NaN where these two are no further apart than their Monte Carlo error.
    """

    target: str
    scale: str
    unpooled_median: float
    unpooled_lower: float
    unpooled_upper: float
    median: float
    lower: float
    upper: float
    pooled_median: float
    shrinkage: float
    level: float
    interval: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MonteCarloRow:
    """Monte Carlo standard errors of an effect's mean, median and interval, on its scale.

    Those of the interval are NaN for a highest-density interval, whose ends are no quantiles.
    """

    estimand: str
    target: str
    scale: str
    mcse_mean: float
    mcse_median: float
    mcse_lower: float
    mcse_upper: float


def statement_text(statement: Statement) -> str:
    """The statement as a table's cell shows it, with its unit."""
    if statement.above is not None:
        return f"above {_amount(statement.above, statement.scale)}"
    if statement.below is not None:
        return f"below {_amount(statement.below, statement.scale)}"
    assert statement.within is not None
    lower, upper = (_amount(bound, statement.scale) for bound in statement.within)
    return f"within {lower} to {upper}"


def _amount(value: float, scale: Scale) -> str:
    if scale == "risk":
        return f"{100 * value:g} pp"
    return f"{value:g} ({scale})"
