"""The rows in which effects, probabilities, densities and rates are written and read."""

from dataclasses import dataclass, fields
from functools import cache
from typing import Any

from sofs_bayes.spec import Evidence, Scale, Statement
from sofs_bayes.spec.keys import Estimand, Kind, Role, Variant
from sofs_bayes.spec.terms import PER_10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What a row of results rests on: prior, variant of the fit, evidence, convergence."""

    prior: str
    variant: Variant
    evidence: Evidence
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OfEstimand:
    """A row about one estimand, whose fields are its first columns."""

    role: Role
    target: str
    scale: str
    year: int | None = None
    rating: float | None = None

    @property
    def estimand(self) -> Estimand:
        """What the row is about."""
        return Estimand(**_named(self, Estimand))

    @property
    def is_effect(self) -> bool:
        """Whether it is about an effect."""
        return self.estimand.is_effect

    @property
    def effect(self) -> Estimand:
        """The same on no scale in particular: that by which rows on several scales are joined."""
        return Estimand(**_named(self, Estimand) | {"scale": ""})


@dataclass(frozen=True, slots=True, kw_only=True)
class OfFit(OfEstimand):
    """A row about one estimand of one fit, with what the fit rests on."""

    prior: str
    kind: Kind
    subject: str = ""
    factor: float | None = None
    reading: str = ""
    evidence: Evidence
    status: str

    @property
    def variant(self) -> Variant:
        """What the fit changes about the headline."""
        return Variant(**_named(self, Variant))


def columns_of(estimand: Estimand, label: Label) -> dict[str, Any]:
    """The fields of `OfFit` for an estimand of a labelled fit."""
    rests = {"evidence": label.evidence, "status": label.status}
    return _named(estimand, Estimand) | fit_of(label) | rests


def fit_of(label: Label) -> dict[str, Any]:
    """The prior and the variant of a labelled fit, by the names of the fields of `OfFit`."""
    return {"prior": label.prior, **_named(label.variant, Variant)}


def _named(item: Any, kind: type) -> dict[str, Any]:
    """The fields of a dataclass, from an item that has them."""
    return {name: getattr(item, name) for name in _names(kind)}


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(each.name for each in fields(kind))


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectRow(OfFit):
    """One line of effects.csv, with the interval of `level` and that of 50%.

    The latter is None in rows of files that were written before there was one.
    """

    mean: float
    median: float
    sd: float
    lower: float
    upper: float
    level: float
    interval: str
    lower_50: float | None = None
    upper_50: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbabilityRow(OfFit):
    """One line of probabilities.csv; `mcse` is NaN where every draw agrees."""

    statement: str
    probability: float
    mcse: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdRow(OfFit):
    """The probability that an effect exceeds a threshold, one line of thresholds.csv.

    `threshold` is on `scale`; those of one effect and variant are the same under every prior.
    `mcse` is 0 where the posterior has no Monte Carlo error, NaN where every draw agrees.
    """

    threshold: float
    above: float
    mcse: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DensityRow(OfFit):
    """Prior and posterior density of one effect at one value, per unit of its scale."""

    value: float
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
    role
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
    role: Role
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
    median; NaN where these two are no further apart than their Monte Carlo error. Ends of 50%
    intervals are None in rows of files that were written before there were any.
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
    unpooled_lower_50: float | None = None
    unpooled_upper_50: float | None = None
    lower_50: float | None = None
    upper_50: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MonteCarloRow(OfEstimand):
    """Monte Carlo standard errors of an effect's mean, median and interval, on its scale.

    Those of the interval are NaN for a highest-density interval, whose ends are no quantiles.
    """

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
    if scale == PER_10_000:
        return f"{value:g} per 10,000"
    return f"{value:g} ({scale})"
