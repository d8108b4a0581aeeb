"""The file of a hierarchical difference-in-differences on matched children or their cells."""

from dataclasses import replace
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from sofs_bayes.spec.children import ChildrenAnalysis, Regression, Treatment
from sofs_bayes.spec.names import Name
from sofs_bayes.spec.outcomes import OwnOutcome
from sofs_bayes.spec.terms import (
    STRICT,
    Beta,
    Departure,
    Estimands,
    Normal,
    Pooling,
    PriorOfSd,
    Sampler,
    Shocks,
    Tails,
    Text,
    Why,
    WithPriors,
)

Likelihood = Literal["gaussian", "binomial logit"]
Weights = Literal["likelihood", "covariates"]
YearsSince = Literal["separate", "exchangeable", "random walk"]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class HierarchicalModel:
    """The variable parts of the hierarchical DiD of children.

    `likelihood`: `gaussian` (the linear probability model) or `binomial logit`.
    `weights`: matching weights in the `likelihood`, or none, and the children's `covariates`, of
    which the matching's strata are made, adjust instead. `weights_sum_to`: what weights are
    scaled to sum to, the `effective size` of the sample, (Σw)² / Σw², its number of `rows`, or
    (`weights`) what they sum to as matched.
    `authorities`: `random` or `fixed` intercepts of authorities beside the pilot term, or none.
    `shocks`: authority-by-year shocks, `persistent`, `independent`, or `none`.
    `pilot_effects`: `partial` pooling, `none` (each pilot by itself), or `full`.
    `years_since`: whether effects by year since settling-in are `separate`, or partially pooled
    (`exchangeable`, or as a `random walk`).
    `tails`: of authorities' intercepts and pilots' deviations, `normal` or `student t` with
    `degrees_of_freedom`.
    `departures`: none, or a departure from parallel trends on the scale of the `pre-trend`.
    """

    likelihood: Likelihood
    weights: Weights = "likelihood"
    weights_sum_to: Literal["effective size", "rows", "weights"] = "effective size"
    authorities: Literal["random", "fixed", "none"] = "random"
    shocks: Shocks = "persistent"
    pilot_effects: Pooling = "partial"
    years_since: YearsSince = "separate"
    tails: Tails = "normal"
    degrees_of_freedom: Annotated[float, Field(gt=2)] = 4.0
    departures: Literal["none", "pre-trend"] = "none"


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class HierarchicalPriors:
    """Priors on the model's scale (probability, or log-odds); symbols in models/README.md.

    `child_covariate` is needed by the logistic model only (in the linear one it is flat), and
    `residual_sd` by the linear one only. `effect_modifier` is the prior of an interaction with
    the effect, `year_effect_sd` that of the sd of effects by year since settling-in, where they
    are pooled.
    """

    intercept: Normal
    year: Normal
    pilot_difference: Normal
    authority_covariate: Normal
    child_covariate: Normal | None = None
    residual_sd: PriorOfSd | None = None
    effect_modifier: Normal | None = None
    authority_sd: PriorOfSd
    pilot_effect_sd: PriorOfSd
    shock_sd: PriorOfSd
    shock_correlation: Beta
    year_effect_sd: PriorOfSd | None = None
    departure: Departure


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class HierarchicalAnalysis(WithPriors):
    """A hierarchical DiD of one column of the regression tables (`kind = "hierarchical"`).

    `children` is the analysis whose records, matching and terms it uses: in a file the name of
    a bundled one or a path beside the file, or the whole of it as a table. `column` is the
    regression whose terms enter.
    """

    kind: Literal["hierarchical"]
    name: Name
    title: Text
    short: Text | None = None
    why: Why
    children: ChildrenAnalysis
    column: Text
    model: HierarchicalModel
    priors: HierarchicalPriors
    effect_priors: Annotated[dict[Text, Normal], Field(min_length=1)]
    sampler: Sampler
    estimands: Estimands

    @property
    def outcome(self) -> str | OwnOutcome:
        """The outcome of the children's analysis."""
        return self.children.outcome

    @property
    def treatment(self) -> Treatment:
        """How the regression has the effect: one term, by year, by a score, by kind."""
        return self.regression.treatment

    @property
    def regression(self) -> Regression:
        """The regression whose terms enter, with this model's likelihood and authorities."""
        found = next(each for each in self.children.regressions.columns if each.name == self.column)
        fixed = self.model.authorities == "fixed"
        return replace(
            found,
            model="linear" if self.model.likelihood == "gaussian" else "logistic",
            authorities="fixed" if fixed else "none",
        )

    @model_validator(mode="after")
    def _possible(self) -> Self:
        self.estimands.check_no_units()
        columns = [each.name for each in self.children.regressions.columns]
        if self.column not in columns:
            raise ValueError(f"column: one of {', '.join(columns)}")
        needed, not_used = ("residual_sd", "child_covariate")
        if self.model.likelihood == "binomial logit":
            needed, not_used = not_used, needed
        if getattr(self.priors, needed) is None or getattr(self.priors, not_used) is not None:
            raise ValueError(
                f"priors.{needed}, and no priors.{not_used}, with a {self.model.likelihood} model"
            )
        region = self.estimands.equivalence
        linear = self.model.likelihood == "gaussian"
        if linear and region is not None and region.scale != "risk":
            raise ValueError('estimands.equivalence.scale: "risk" with a gaussian model')
        treatment = self.regression.treatment
        pooled = self.model.years_since != "separate"
        if pooled and treatment != "leads and lags":
            raise ValueError("model.years_since: separate, unless column has leads and lags")
        if pooled and self.priors.year_effect_sd is None:
            raise ValueError("priors.year_effect_sd: a prior, where years since are pooled")
        rests_on = self.regression.rests_on
        modified = rests_on is not None and rests_on.kind == "modifier"
        if modified and self.priors.effect_modifier is None:
            raise ValueError("priors.effect_modifier: a prior, for the interaction")
        if self.model.pilot_effects == "none" and treatment != "did":
            raise ValueError("model.pilot_effects: partial or full, unless column has one effect")
        return self
