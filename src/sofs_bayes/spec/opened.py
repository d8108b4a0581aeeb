"""The file of a hierarchical difference-in-differences on open counts."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from sofs_bayes.spec.names import Name
from sofs_bayes.spec.outcomes import OutcomeOfCounts
from sofs_bayes.spec.terms import (
    STRICT,
    Beta,
    Count,
    Departure,
    Estimands,
    Month,
    Normal,
    Pooling,
    PriorOfSd,
    Sampler,
    Shocks,
    Tails,
    Text,
    Why,
    WithPriors,
    Year,
)


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class OpenCounts:
    """Which columns of the DfE files are counted, and over which financial years.

    A year is named by its first calendar year (2012 = April 2012 to March 2013; in counts of your
    own whatever year they are by). In `years_without_counts` every pilot is settling in: the data
    need no rows there, and rows that are there are not used. `where` gives, for a file that is
    split by further columns, the value of each whose rows are taken.
    `published` says where counts of your own are published ("title, year, where"): every table
    repeats it. `year_begins` is the month that years begin with, April where nothing is said: it
    names them, and nothing else.
    """

    events: Text
    denominator: Text
    first_year: Year
    last_year: Year
    years_without_counts: tuple[Year, ...] | None = None
    where: Annotated[dict[Text, Text], Field(min_length=1)] | None = None
    above_denominator: Literal["refuse", "drop"] = "refuse"
    jump_factor: Annotated[float, Field(gt=1)] = 2.0
    published: Why | None = None
    year_begins: Month | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.first_year >= self.last_year:
            raise ValueError("first_year before last_year")
        return self

    @property
    def years(self) -> tuple[int, ...]:
        """The years with counts, in order."""
        gone = self.years_without_counts or ()
        return tuple(y for y in range(self.first_year, self.last_year + 1) if y not in gone)


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Pilot:
    """One pilot authority and its settling-in years (first and last, both left out)."""

    authority: Text
    wave: Count
    settling_in: tuple[Year, Year]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.settling_in[0] > self.settling_in[1]:
            raise ValueError("settling_in = [first, last] with first <= last")
        return self


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class AuthorityNote:
    """An authority that the design treats specially, and why."""

    authority: Text
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class RecordingBreak:
    """An authority whose recording changed in `year`; `pre` and `post` are not comparable."""

    authority: Text
    year: Year
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Comparators:
    """How comparators are chosen: `all` others, or the nearest on the `pre-trend`."""

    rule: Literal["all", "pre-trend"]
    per_pilot: Count = 2
    reuse: bool = True
    match_on: Literal["trend", "level and trend"] = "trend"
    exclude: tuple[AuthorityNote, ...] = ()
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class OpenDesign:
    """Pilots with their windows, comparator rule, and breaks in recording."""

    pilots: Annotated[tuple[Pilot, ...], Field(min_length=2)]
    comparators: Comparators
    recording_breaks: tuple[RecordingBreak, ...] = ()
    breaks_in_headline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class OpenModel:
    """The variable parts of the hierarchical binomial DiD.

    `pilot_effects`: `partial` pooling, `none` (each pilot by itself), or `full` (one for all).
    `shocks`: authority-by-year shocks, which child-level standard errors ignore: `persistent`
    (correlated from one year to the next), `independent`, or `none`.
    `tails`: of authorities' intercepts and pilots' deviations, `normal` or `student t` with
    `degrees_of_freedom`.
    The rest is that of `HierarchicalModel`, and the same for all counts.
    """

    pilot_effects: Pooling = "partial"
    shocks: Shocks = "persistent"
    tails: Tails = "normal"
    degrees_of_freedom: Annotated[float, Field(gt=2)] = 4.0
    likelihood: ClassVar[Literal["binomial logit"]] = "binomial logit"
    authorities: ClassVar[Literal["random"]] = "random"
    years_since: ClassVar[Literal["separate"]] = "separate"
    departures: ClassVar[Literal["none"]] = "none"


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class OpenPriors:
    """Priors on the log-odds scale, symbols in models/README.md.

    Without a prior of the `departure` from parallel trends no fit allows for one.
    """

    intercept: Normal
    year: Normal
    pilot_difference: Normal
    authority_sd: PriorOfSd
    pilot_effect_sd: PriorOfSd
    shock_sd: PriorOfSd
    shock_correlation: Beta
    departure: Departure | None = None
    child_covariate: ClassVar[None] = None
    residual_sd: ClassVar[None] = None
    year_effect_sd: ClassVar[None] = None


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class OpenAnalysis(WithPriors):
    """A hierarchical binomial DiD on whole authorities' open counts (`kind = "open data"`)."""

    kind: Literal["open data"]
    name: Name
    title: Text
    short: Text | None = None
    outcome: OutcomeOfCounts
    why: Why
    intervention: Text | None = None
    data: OpenCounts
    design: OpenDesign
    model: OpenModel
    priors: OpenPriors
    effect_priors: Annotated[dict[Text, Normal], Field(min_length=1)]
    sampler: Sampler
    estimands: Estimands
    treatment: ClassVar[Literal["did"]] = "did"

    @model_validator(mode="after")
    def _possible(self) -> Self:
        self.estimands.check_no_units()
        names = [pilot.authority for pilot in self.design.pilots]
        if len(set(names)) != len(names):
            raise ValueError("design.pilots: each authority once")
        first, last = self.data.first_year, self.data.last_year
        for pilot in self.design.pilots:
            if not first < pilot.settling_in[0]:
                raise ValueError(
                    f"design.pilots: {pilot.authority} with settling-in after {first}"
                    " (a year before it is needed)"
                )
            if not pilot.settling_in[1] < last:
                raise ValueError(
                    f"design.pilots: {pilot.authority} with settling-in ending before {last}"
                    " (a year after it is needed)"
                )
        for year in self.data.years_without_counts or ():
            windows = [pilot.settling_in for pilot in self.design.pilots]
            if not all(start <= year <= end for start, end in windows):
                wanted = "years in which every pilot is settling in"
                raise ValueError(f"data.years_without_counts: {wanted} ({year} is none)")
        for note in self.design.comparators.exclude:
            if note.authority in names:
                raise ValueError(f"design.comparators.exclude: no pilot ({note.authority} is one)")
        return self
