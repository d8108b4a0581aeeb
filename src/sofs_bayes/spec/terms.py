"""What every kind of analysis file is made of: priors, statements, estimands, the sampler."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

from sofs_bayes.spec.looks import letters

Evidence = Literal[
    "published", "published-inferred", "synthetic", "open-data", "unknown-origin", "records"
]
Scale = Literal["risk", "children per 10,000", "log-odds", "odds ratio", "units"]
# The scale of a change in risk, by the number of children it is told in.
CHILDREN = "children"  # whom changes in risk count, unless an outcome says otherwise
PER_10_000: Scale = "children per 10,000"
PER_1000 = "children per 1,000"
PER: Mapping[str, str] = {PER_1000: "1,000", PER_10_000: "10,000"}
RISKS: Mapping[int | None, Scale] = {None: "risk", 10_000: PER_10_000}
Pooling = Literal["partial", "none", "full"]
Shocks = Literal["persistent", "independent", "none"]
Tails = Literal["normal", "student t"]

STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

LETTERS = 5  # fewer are no reason, in any language


def _reason(text: str) -> str:
    if letters(text) < LETTERS:
        raise ValueError("a reason in words")
    return text


Text = Annotated[str, Field(min_length=1)]
Why = Annotated[str, Field(min_length=10), AfterValidator(_reason)]
Positive = Annotated[float, Field(gt=0)]
Shape = Annotated[float, Field(gt=0, le=200)]  # narrower betas fall between a grid's points
Count = Annotated[int, Field(ge=1)]
Year = Annotated[int, Field(ge=1990, le=2100)]
Month = Annotated[int, Field(ge=1, le=12)]
Rate = Annotated[float, Field(gt=0, lt=1)]

NO_EFFECT: Mapping[Scale, float] = {
    "risk": 0.0,
    "children per 10,000": 0.0,
    "log-odds": 0.0,
    "odds ratio": 1.0,
    "units": 0.0,
}


def told_in(scale: str, whom: str) -> str:
    """A scale in words: changes in risk, where they are told per so many, with whom they count."""
    return f"{whom} per {PER[scale]}" if scale in PER else scale


class WithPriors:
    """An analysis with effect priors, of which the first is the headline's."""

    __slots__ = ()
    title: str
    short: str | None
    effect_priors: Mapping[str, "Normal"]

    @property
    def called(self) -> str:
        """What tables and folds call it: its short name, else its title."""
        return self.short or self.title

    @property
    def headline_prior(self) -> str:
        """The prior of the headline, of all refits and of all checks."""
        return next(iter(self.effect_priors))


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Normal:
    """A normal prior, on the scale its key names."""

    mean: Annotated[float, Field(ge=-100, le=100)]
    sd: Positive
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class HalfNormal:
    """A half-normal prior of a standard deviation; `scale` is the sd of the unfolded normal."""

    scale: Positive
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Beta:
    """A beta prior of a correlation between 0 and 1."""

    a: Shape
    b: Shape
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Fixed:
    """A correlation that is taken as known: 0 where other persons are seen before and after."""

    fixed: Annotated[float, Field(ge=0, lt=1)]
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Exponential:
    """An exponential prior of a standard deviation, by its mean."""

    mean: Positive
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Departure:
    """How far parallel trends may fail after settling-in: a multiple of what was seen before.

    The prior of the departure is normal around 0 with this multiple of the root mean square of
    the leads as its sd, their own noise taken out of it.
    """

    multiple: Positive
    why: Why


PriorOfSd = HalfNormal | Exponential


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Statement:
    """A claim about an effect whose probability is wanted: above, below or within.

    `scale` is `risk` (0.01 = one percentage point), `children per 10,000` where changes in risk are
    told so, `log-odds`, `odds ratio`, or `units` of a printed outcome that is no risk.
    """

    scale: Scale
    above: float | None = None
    below: float | None = None
    within: tuple[float, float] | None = None

    @model_validator(mode="after")
    def _one_claim(self) -> Self:
        if sum(claim is not None for claim in (self.above, self.below, self.within)) != 1:
            raise ValueError("exactly one of above, below, within")
        if self.within is not None and not self.within[0] < self.within[1]:
            raise ValueError("within = [lower, upper] with lower < upper")
        return self


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Equivalence:
    """A region of effects too small to matter, and how probable it must be for that to be said.

    `within` holds no effect (0, or an odds ratio of 1) between its bounds. Declared before the
    result is seen, it lets a report say "practically none"; without one there is no verdict.
    """

    scale: Scale
    within: tuple[float, float]
    probability: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    why: Why

    @model_validator(mode="after")
    def _around_no_effect(self) -> Self:
        none = NO_EFFECT[self.scale]
        if not self.within[0] < none < self.within[1]:
            raise ValueError(f"within = [lower, upper] with lower < {none:g} < upper")
        if self.scale == "odds ratio" and not self.within[0] > 0:
            raise ValueError("within = [lower, upper] with lower > 0 for an odds ratio")
        return self

    @property
    def statement(self) -> Statement:
        """The claim that the effect is in the region."""
        return Statement(scale=self.scale, within=self.within)


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Estimands:
    """What is reported of every effect: interval kind and level, and the statements.

    `equivalence` is the region of practical equivalence, None where none was declared. `per` is
    the number of children that rates and changes in risk are told in, where events are so rare
    that percentage points would begin with zeros; None for percentages.
    """

    interval: Literal["eti", "hdi"] = "eti"
    level: Rate = 0.9
    per: Literal[10_000] | None = None
    statements: Annotated[tuple[Statement, ...], Field(min_length=1)]
    equivalence: Equivalence | None = None

    @model_validator(mode="after")
    def _one_unit(self) -> Self:
        other = "risk" if self.per else PER_10_000
        if any(claim.scale == other for claim in self.claims):
            how = "with" if self.per else "without"
            raise ValueError(f'no statement on the scale "{other}" {how} per = 10000')
        return self

    def check_no_units(self) -> None:
        """Refuse statements in the units of a printed outcome; ValueError."""
        if any(claim.scale == "units" for claim in self.claims):
            raise ValueError('no statement on the scale "units" but in a printed analysis')

    @property
    def risk_scale(self) -> Scale:
        """The scale that changes in risk are on."""
        return RISKS[self.per]

    @property
    def claims(self) -> tuple[Statement, ...]:
        """All whose probability is computed: the statements, and the region of equivalence."""
        if self.equivalence is None or self.equivalence.statement in self.statements:
            return self.statements
        return (*self.statements, self.equivalence.statement)


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Sampler:
    """The sampler by its name, and its settings."""

    name: Literal["nutpie"]
    chains: Annotated[int, Field(ge=2, le=16)] = 4
    tune: Annotated[int, Field(ge=100, le=100_000)] = 1000
    draws: Annotated[int, Field(ge=100, le=100_000)] = 1000
    target_accept: Rate = 0.9
    seed: Annotated[int, Field(ge=0)] = 20220701
