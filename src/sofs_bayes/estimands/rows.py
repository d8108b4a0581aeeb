"""The rows in which effects, probabilities, densities and rates are written and read."""

from dataclasses import dataclass

from sofs_bayes.spec import Evidence, Scale, Statement

POOLED = "pooled"
NEW = "new authority"
AFTER = "after settling-in"


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
class ThresholdRow:
    """The probability that an effect exceeds a threshold, one line of thresholds.csv.

    `threshold` is on `scale`; those of one effect and variant are the same under every prior.
    `mcse` is 0 where the posterior has no Monte Carlo error, NaN where every draw agrees.
    """

    estimand: str
    target: str
    scale: str
    prior: str
    variant: str
    evidence: Evidence
    threshold: float
    above: float
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
class YearlyRateRow:
    """The pilots' rate in a financial year, beside what it would have been without the effect.

    Rates are weighted as in the likelihood. Where windows are staggered a year shows the pilots
    of its `period` (`pre` or `post`, that of most of their children) alone, so that all of its
    rates are of the same children.

    Parameters
    ----------
    estimand
        The effect that the counterfactual goes without.
    pilots
        How many have children in that period of that year.
    observed, comparators
        Observed rates; NaN where nobody is counted.
    fitted, fitted_lower, fitted_upper
        Posterior median and interval of the pilots' mean risk.
    counterfactual, counterfactual_lower, counterfactual_upper
        The same with the effect at 0; NaN in `pre` years, which are without it.
    effect, effect_lower, effect_upper
        The same of their difference, draw by draw.
    """

    year: int
    period: str
    estimand: str
    prior: str
    pilots: int
    observed: float
    comparators: float
    fitted: float
    fitted_lower: float
    fitted_upper: float
    counterfactual: float
    counterfactual_lower: float
    counterfactual_upper: float
    effect: float
    effect_lower: float
    effect_upper: float
    level: float
    interval: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthoritySizeRow:
    """How many referrals of an authority, at least, a fit rests on in a period.

    `arm` is `pilot` or `comparator`, `period` is `before` or `after` settling-in, or a year.
    `referrals` are unweighted; `events` are those with the outcome. Of a comparator that stands
    in several matched groups, the group with most counts, as all may hold the same children.
    Where released cells suppress counts these are lower bounds.
    """

    authority: str
    arm: str
    period: str
    referrals: int
    events: int


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
