"""The file of a posterior from printed coefficients and stars."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from sofs_bayes.spec.names import Name
from sofs_bayes.spec.terms import (
    STRICT,
    Beta,
    Count,
    Estimands,
    HalfNormal,
    Normal,
    Positive,
    Rate,
    Shape,
    Text,
    Why,
    WithPriors,
)

Authorities = Annotated[int, Field(ge=2, le=1000)]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class FromTable:
    """The two rows used, by their place in the report's own tables."""

    table: Annotated[int, Field(ge=5, le=7)]
    column: Text
    pilot_row: Text
    did_row: Text


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class AsPrinted:
    """The two rows of another study, written as printed: sign, decimals, stars ("-0.0635*")."""

    source: Text
    pilot: Text
    did: Text


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class PrintedDesign:
    """The printed study's design: authorities, years, children and the base rate.

    Without `pilot_shares` and `comparator_shares` (each summing to 1) authorities count
    equally. `children` is over all authorities and years.
    """

    scale: Literal["risk", "log-odds"]
    pilots: Authorities
    comparators: Authorities
    children: Count
    base_rate: Rate
    years_pre: Count
    years_post: Count
    pilot_shares: tuple[Positive, ...] | None = None
    comparator_shares: tuple[Positive, ...] | None = None

    @model_validator(mode="after")
    def _shares_fit(self) -> Self:
        for name, shares, size in (
            ("pilot_shares", self.pilot_shares, self.pilots),
            ("comparator_shares", self.comparator_shares, self.comparators),
        ):
            if shares is not None and (len(shares) != size or abs(sum(shares) - 1) > 1e-6):
                raise ValueError(f"{name}: {size} shares that sum to 1")
        return self


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Reading:
    """What the analyst takes the printed stars to rest on; it is never assumed in silence.

    `authority`: standard errors clustered on the authority, so the stars inform the
    between-authority variance. `none`: the stars say nothing. `child`: the child-level error
    is all there is (naive; kept to show what it does). `child_variance_factor` multiplies
    the child-level variance. `stars_from` takes the stars from another column of the table.
    """

    name: Text
    se_reading: Literal["authority", "none", "child"]
    child_variance_factor: Positive = 1.0
    stars_from: Text | None = None
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class CriticalValues:
    """The distribution the printed p-values were taken from, and each star's p-value."""

    distribution: Literal["normal", "t"]
    df: Positive | None = None
    star_levels: Annotated[tuple[Rate, ...], Field(min_length=1)] = (0.1, 0.05, 0.01)
    why: Why

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.distribution == "t") != (self.df is not None):
            raise ValueError('df with distribution = "t", and only with it')
        if list(self.star_levels) != sorted(set(self.star_levels), reverse=True):
            raise ValueError("star_levels from one star (largest p) to most stars (smallest p)")
        return self


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class PrintedPriors:
    """Priors of the nuisance parameters of the model in design order: s, c, β."""

    authority_sd: HalfNormal
    correlation: Beta
    pilot_difference: Normal


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class PrintedSensitivity:
    """The values each assumption takes in turn in the sensitivity table."""

    authority_sd: tuple[Positive, ...] = ()
    correlation: tuple[tuple[Shape, Shape], ...] = ()
    pilot_difference: tuple[Positive, ...] = ()
    t_critical_df: tuple[Positive, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class PrintedAnalysis(WithPriors):
    """A posterior from printed coefficients and stars (`kind = "printed"`)."""

    kind: Literal["printed"]
    name: Name
    title: Text
    outcome: Text
    why: Why
    from_table: FromTable | None = None
    as_printed: AsPrinted | None = None
    design: PrintedDesign
    readings: Annotated[tuple[Reading, ...], Field(min_length=1)]
    critical_values: CriticalValues
    priors: PrintedPriors
    effect_priors: Annotated[dict[Text, Normal], Field(min_length=1)]
    estimands: Estimands
    sensitivity: PrintedSensitivity = Field(default_factory=PrintedSensitivity)
    draws: Annotated[int, Field(ge=1000, le=1_000_000)] = 4000
    seed: Annotated[int, Field(ge=0)] = 20220701

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if (self.from_table is None) == (self.as_printed is None):
            raise ValueError("exactly one of [from_table] and [as_printed]")
        if self.as_printed is not None and any(r.stars_from for r in self.readings):
            raise ValueError("stars_from only with [from_table]")
        if len({reading.name for reading in self.readings}) != len(self.readings):
            raise ValueError("readings with different names")
        if self.estimands.per:
            raise ValueError("no estimands.per: print tells risks in percentages")
        if self.design.scale == "risk" and any(
            statement.scale != "risk" for statement in self.estimands.statements
        ):
            raise ValueError('statements on the scale "risk" where design.scale = "risk"')
        region = self.estimands.equivalence
        if self.design.scale == "risk" and region is not None and region.scale != "risk":
            raise ValueError('estimands.equivalence.scale: "risk" where design.scale = "risk"')
        return self
