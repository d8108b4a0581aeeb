"""The file of a posterior from printed coefficients and stars."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic.dataclasses import dataclass

from sofs_bayes.spec.names import Name
from sofs_bayes.spec.terms import (
    STRICT,
    Beta,
    Count,
    Estimands,
    Fixed,
    HalfNormal,
    Normal,
    Positive,
    Rate,
    Shape,
    Text,
    Why,
    WithPriors,
)

Pilots = Annotated[int, Field(ge=1, le=1000)]
Authorities = Annotated[int, Field(ge=2, le=1000)]
Alternative = Literal["two-sided", "greater", "less"]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class FromTable:
    """The two rows used, by their place in the report's own tables."""

    table: Annotated[int, Field(ge=5, le=7)]
    column: Text
    pilot_row: Text
    did_row: Text


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class AsPrinted:
    """The rows of another study, written as printed: sign, decimals, stars ("-0.0635*").

    `pilot` is left out where the table has no such row (unit fixed effects). What is printed of
    a row's error (its standard error, p-value or interval; one of them) takes the place of its
    stars. `interval_level` is 0.95 if not given.
    """

    source: Text
    pilot: Text | None = None
    did: Text
    pilot_se: Text | None = None
    pilot_p: Text | None = None
    pilot_interval: tuple[Text, Text] | None = None
    did_se: Text | None = None
    did_p: Text | None = None
    did_interval: tuple[Text, Text] | None = None
    interval_level: Rate | None = None

    @field_validator("pilot_interval", "did_interval", mode="before")
    @classmethod
    def _two_texts(cls, given: Any) -> Any:
        if isinstance(given, list | tuple) and len(given) == 2:
            return tuple(given)
        raise ValueError('its two ends as texts, as ["-0.031", "0.004"]')

    @model_validator(mode="after")
    def _one_error(self) -> Self:
        pilot, did = self.errors("pilot"), self.errors("did")
        for name, given in (("pilot", pilot), ("did", did)):
            if len(given) > 1:
                raise ValueError(f"one of {name}_se, {name}_p and {name}_interval")
        if pilot and self.pilot is None:
            raise ValueError("pilot_se, pilot_p and pilot_interval only with pilot")
        if self.interval_level is not None and not {"interval"} & {*pilot, *did}:
            raise ValueError("interval_level only with pilot_interval or did_interval")
        return self

    def errors(self, row: Literal["pilot", "did"]) -> dict[str, Any]:
        """What is printed of a row's error: `se`, `p` or `interval` with its text."""
        each = {kind: getattr(self, f"{row}_{kind}") for kind in ("se", "p", "interval")}
        return {kind: text for kind, text in each.items() if text is not None}


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class PrintedDesign:
    """The printed study's design: authorities, years, children and the base rate.

    Without `pilot_shares` and `comparator_shares` (each summing to 1) authorities count
    equally. `children` is over all authorities and years; without it authorities' means count
    as free of the chance of children. An outcome that is no risk is on the scale `units`: then
    `unit` names them, there is no base rate, and `child_sd` goes with `children`.
    """

    scale: Literal["risk", "log-odds", "units"]
    unit: Text | None = None
    pilots: Pilots
    comparators: Authorities
    children: Count | None = None
    base_rate: Rate | None = None
    child_sd: Positive | None = None
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

    @model_validator(mode="after")
    def _scale_fits(self) -> Self:
        units = self.scale == "units"
        if units != (self.unit is not None):
            raise ValueError('unit with scale = "units", and only with it')
        if units and self.base_rate is not None:
            raise ValueError('base_rate: none with scale = "units"')
        if not units and self.base_rate is None:
            raise ValueError(f'base_rate, between 0 and 1, with scale = "{self.scale}"')
        if (units and self.children is not None) != (self.child_sd is not None):
            raise ValueError('child_sd with children on scale = "units", and only with them')
        return self

    @model_validator(mode="after")
    def _children_are_children(self) -> Self:
        cells = (self.pilots + self.comparators) * (self.years_pre + self.years_post)
        if self.children is not None and self.children < 2 * cells:
            raise ValueError(
                f"children: at least {2 * cells}, two for each authority and year; an N that counts"
                " authority-years, or the same persons each year, is no number of children: leave"
                " it out"
            )
        return self


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Reading:
    """What the analyst takes the printed stars to rest on; it is never assumed in silence.

    `authority`: standard errors clustered on the authority, so the stars inform the
    between-authority variance. `none`: the stars say nothing. `child`: the child-level error
    is all there is (naive; kept to show what it does). `comparators`: one pilot, and errors
    from the spread of the comparators alone. `child_variance_factor` multiplies the child-level
    variance. `stars_from` takes the stars from another column of the table.
    """

    name: Text
    se_reading: Literal["authority", "comparators", "none", "child"]
    child_variance_factor: Positive = 1.0
    stars_from: Text | None = None
    why: Why


StarLevels = Annotated[tuple[Rate, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class RowKey:
    """What of the key to the stars is another for one row."""

    star_levels: StarLevels | None = None
    alternative: Alternative | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        _check_levels(self.star_levels or ())
        return self


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class CriticalValues:
    """The distribution the printed p-values were taken from, and each star's p-value.

    `alternative` is that of the tests, two-sided if not given; `pilot` and `did` say what is
    another for one row.
    """

    distribution: Literal["normal", "t"]
    df: Positive | None = None
    star_levels: StarLevels = (0.1, 0.05, 0.01)
    alternative: Alternative | None = None
    pilot: RowKey | None = None
    did: RowKey | None = None
    why: Why

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.distribution == "t") != (self.df is not None):
            raise ValueError('df with distribution = "t", and only with it')
        _check_levels(self.star_levels)
        return self


def _check_levels(levels: tuple[float, ...]) -> None:
    if list(levels) != sorted(set(levels), reverse=True):
        raise ValueError("star_levels from one star (largest p) to most stars (smallest p)")


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class PrintedPriors:
    """Priors of the nuisance parameters of the model in design order: s, c, β (with its row).

    `correlation` is a beta, or one value that is taken as known (`fixed`).
    """

    authority_sd: HalfNormal
    correlation: Beta | Fixed
    pilot_difference: Normal | None = None


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
    short: Text | None = None
    outcome: Text
    why: Why
    intervention: Text | None = None
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
        if self.from_table is not None and self.intervention is not None:
            raise ValueError("intervention only with [as_printed]")
        if self.as_printed is not None and any(r.stars_from for r in self.readings):
            raise ValueError("stars_from only with [from_table]")
        if self.has_pilot_row != (self.priors.pilot_difference is not None):
            raise ValueError("priors.pilot_difference with a pilot row, and only with one")
        if len({reading.name for reading in self.readings}) != len(self.readings):
            raise ValueError("readings with different names")
        self._check_readings()
        if self.estimands.per:
            raise ValueError("no estimands.per: print tells risks in percentages")
        self._check_scales()
        return self

    def _check_readings(self) -> None:
        read = {reading.se_reading for reading in self.readings}
        if "child" in read and self.design.children is None:
            raise ValueError('se_reading = "child" only with design.children')
        if "comparators" in read and self.design.pilots > 1:
            raise ValueError('se_reading = "comparators" only with design.pilots = 1')

    def _check_scales(self) -> None:
        own = self.design.scale
        given = [statement.scale for statement in self.estimands.statements]
        if own != "log-odds" and set(given) != {own}:
            raise ValueError(f'statements on the scale "{own}" where design.scale = "{own}"')
        region = self.estimands.equivalence
        if own != "log-odds" and region is not None and region.scale != own:
            raise ValueError(f'estimands.equivalence.scale: "{own}" where design.scale = "{own}"')
        if own == "log-odds":
            self.estimands.check_no_units()

    @property
    def has_pilot_row(self) -> bool:
        """Whether the pilot difference is printed beside the effect."""
        return self.as_printed is None or self.as_printed.pilot is not None
