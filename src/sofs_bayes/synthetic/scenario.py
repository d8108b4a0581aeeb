"""A TOML file → a frozen Scenario: the assumptions that turn printed facts into children.

What the report prints is not repeated in it. It holds what the report leaves open: windows,
sizes after settling-in, how covariates go together, who recurs, around which values the
solvers look. Every assumption carries a `why`.
"""

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, TypeAdapter, model_validator
from pydantic.dataclasses import dataclass

from sofs_bayes.errors import BadInput
from sofs_bayes.spec import changed, read_toml
from sofs_bayes.spec.files import checked
from sofs_bayes.spec.terms import STRICT, Count, Positive, Text, Why, Year

Share = Annotated[float, Field(ge=0, le=1)]
Deviation = Annotated[float, Field(ge=0)]
Percent = Annotated[float, Field(ge=0, le=100)]
Shares = dict[Text, Share]

SCENARIOS = Path(__file__).parent / "scenarios"


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Group:
    """A matched group: a pilot, its comparators, its settling-in window (both days inside)."""

    pilot: Text
    comparators: Annotated[tuple[Text, ...], Field(min_length=1)]
    settling_in_start: date
    settling_in_end: date
    why: Why

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.settling_in_start < self.settling_in_end:
            raise ValueError("settling_in_start before settling_in_end")
        return self


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Sizes:
    """Referrals matched after settling-in, and how they divide among authorities and time.

    `authorities` are relative numbers of referrals in a year; `growth` is their yearly change
    and `noise` the standard deviation of the log of a quarter's number.
    """

    post_pilots: Count
    post_comparators: Count
    authorities: dict[Text, Positive]
    growth: Annotated[float, Field(gt=-1, lt=1)]
    noise: Annotated[float, Field(ge=0, lt=1)]
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class FurtherAuthority:
    """An authority in no group, among which comparators may be looked for.

    `size` counts as in `Sizes.authorities`, `rate` is the outcome's share in the first year
    and `trend` its yearly change.
    """

    name: Text
    size: Positive
    rate: Share
    trend: Annotated[float, Field(gt=-0.1, lt=0.1)]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class FurtherAuthorities:
    """The authorities in no group."""

    authorities: tuple[FurtherAuthority, ...]
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Unprinted:
    """Percentages of levels that Table 3 prints as "-", by covariate and level, e.g. "gender"."""

    percent: dict[Text, dict[Text, Percent]]
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class ByAge:
    """Shares of a covariate's levels among children of some ages (completed years)."""

    covariate: Literal["gender", "disabled", "school_phase", "low_income"]
    ages: tuple[int, int]
    shares: Shares

    @model_validator(mode="after")
    def _sum_to_one(self) -> Self:
        if abs(sum(self.shares.values()) - 1) > 1e-9:
            raise ValueError(f"shares: sum 1 (it is {sum(self.shares.values()):.6g})")
        return self


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Children:
    """How the children's covariates go together before Table 3's margins are put on them.

    `ages` are relative numbers by completed years from `youngest` on. Authorities differ:
    `mix_sd` is, by covariate, the standard deviation of a level's log relative frequency. Arms
    differ within the intervals of the coarsened age: among children of the levels
    `lean_among`, relative frequencies are 1 + `age_lean` in the half of an interval that the
    arm leans to and 1 - `age_lean` in the other; pilots lean to the older half of the first
    and third interval and the younger of the second, comparators the other way.
    """

    youngest: int
    ages: Annotated[tuple[Positive, ...], Field(min_length=10)]
    by_age: tuple[ByAge, ...]
    mix_sd: dict[
        Literal["ethnic_group", "low_income", "disabled"], Annotated[float, Field(ge=0, lt=3)]
    ]
    age_lean: Annotated[float, Field(ge=0, lt=1)]
    lean_among: dict[Literal["ethnic_group", "disabled"], Text]
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Recurrence:
    """How children recur: `share` of referrals that are a later one of a known child."""

    share: Share
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class FixedModel:
    """A hierarchical model of risks whose standard deviations are given, in probability."""

    authority_sd: Positive
    shock_sd: Positive
    persistence: Annotated[float, Field(gt=0, lt=1)]
    pilot_effect_sd: Positive
    coefficient_sd: Positive
    residual_sd: Positive
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class OutcomePrior:
    """Around which outcome probabilities the solvers look.

    Standard deviations are shares of the mean: of authorities' levels, of their years' shocks
    (correlated by `persistence` from one year to the next), of all authorities' years, of single
    quarters. Solvers hold levels `levels_held` times as tightly. `within_near` is how near the
    DiD with authorities' fixed effects is wanted to the printed one (1: anywhere), as is that of
    `model`; `bare_near` that of columns without the authorities' covariates. `effects` are log
    odds per term of the children's covariates (age: per year over 8).
    """

    pilots: Share
    comparators: Share
    authority_sd: Positive
    levels_held: Positive = 1.0
    authority_year_sd: Positive
    persistence: Annotated[float, Field(ge=0, lt=1)] = 0.0
    year_sd: Positive
    quarter_sd: Positive
    lowest: Share
    highest: Share
    within_near: Positive = 1.0
    bare_near: Positive = 1.0
    effects: dict[Text, float]
    why: Why
    model: FixedModel | None = None


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class AuthorityPrior:
    """An authority covariate that a solver moves: a random walk over years by authority."""

    name: Text
    mean: float
    between_sd: Positive
    walk_sd: Positive
    lowest: float
    highest: float
    decimals: Annotated[int, Field(ge=0, le=8)] = 6


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class ScoreRange:
    """The range a solver keeps the pilots' scores in."""

    lowest: Share
    highest: Share


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Authorities:
    """The authorities' own covariates: those solved for and those set.

    `ofsted` and `innovation_projects` have a value for each year of the analysis;
    `similar_practice_model` names comparators. `common_sd` is the standard deviation of what all
    authorities' solved covariates share in a year, in units of their spread between authorities;
    `coefficient_sd` that of their coefficients in the linear column, around 0 (1: as good as
    free).
    """

    solved: tuple[AuthorityPrior, ...]
    common_sd: Deviation = 0.0
    coefficient_sd: Positive = 1.0
    quality: ScoreRange
    embeddedness: ScoreRange
    similar_practice_model: tuple[Text, ...]
    ofsted: dict[Text, tuple[Annotated[int, Field(ge=1, le=4)], ...]]
    innovation_projects: dict[Text, tuple[Annotated[int, Field(ge=0)], ...]]
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class DrawnModel:
    """The parameters that outcomes are drawn with, by their letters in `drawn`.

    On `log-odds` or `risk` (0.01 = one percentage point): `intercept` α, of a comparator's child at
    all reference levels, age 8, in the first year; `pilot` β, `effect` δ; the standard deviations
    σ_d, σ_u, σ_v; `persistence` ρ; λ by year, 0 where none is given; γ by term, such as
    `disabled: yes`, `age` per year.
    """

    scale: Literal["log-odds", "risk"]
    intercept: float
    pilot: float
    effect: float
    effect_sd: Deviation
    authority_sd: Deviation
    shock_sd: Deviation
    persistence: Annotated[float, Field(ge=0, lt=1)] = 0.0
    years: dict[Year, float] = Field(default_factory=dict)
    covariates: dict[Text, float] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Drawn(DrawnModel):
    """The model of a drawn population, and how many times the report's children it has."""

    times: Positive


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Scenario:
    """The assumptions behind a population that reproduces one outcome's printed tables.

    With `drawn`, as a drawn population has it in its own file, outcomes are drawn instead.
    """

    name: Text
    title: Text
    outcome: Literal["ICPC", "CLA"]
    seed: Annotated[int, Field(ge=0)]
    why: Why
    groups: Annotated[tuple[Group, ...], Field(min_length=1)]
    sizes: Sizes
    further: FurtherAuthorities
    unprinted: Unprinted
    children: Children
    recurrence: Recurrence
    outcomes: OutcomePrior
    authorities: Authorities
    drawn: Drawn | None = None

    @property
    def pilots(self) -> tuple[str, ...]:
        """The pilots, in the order of the groups."""
        return tuple(group.pilot for group in self.groups)

    @property
    def comparators(self) -> tuple[str, ...]:
        """The comparators, each once, by name."""
        return tuple(sorted({name for group in self.groups for name in group.comparators}))

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        pilots, comparators = self.pilots, self.comparators
        if len(set(pilots)) < len(pilots):
            raise ValueError("groups: each pilot once")
        if set(pilots) & set(comparators):
            raise ValueError("groups: no pilot among the comparators")
        members = {*pilots, *comparators}
        for place, names in (
            ("sizes.authorities", set(self.sizes.authorities)),
            ("authorities.ofsted", set(self.authorities.ofsted)),
            ("authorities.innovation_projects", set(self.authorities.innovation_projects)),
        ):
            if names != members:
                raise ValueError(f"{place}: every pilot and comparator, and no other")
        if not set(self.authorities.similar_practice_model) <= set(comparators):
            raise ValueError("authorities.similar_practice_model: comparators")
        if members & {each.name for each in self.further.authorities}:
            raise ValueError("further.authorities: none of a group")
        return self


def load_scenario(
    source: Path | str,
    *,
    windows: dict[str, tuple[str, str]] | None = None,
    **changes: Any,
) -> Scenario:
    """The Scenario in a TOML file, given by its path or by the name of a bundled one.

    `source`: a path, or `icpc`, `cla`, `icpc-stress` or `cla-stress`. `windows`: other settling-in
    windows by pilot: first and last day, ISO dates. `changes`: other values of top-level keys, such
    as `seed`.

    Raises
    ------
    BadInput
        The file is missing or is not TOML, or `windows` names no pilot of the scenario.
    BadSpec
        Keys or values cannot be used.
    """
    path = _path_of(source)
    scenario = checked(Scenario, _document(path), file=path)
    if unknown := sorted(set(windows or ()) - set(scenario.pilots)):
        raise BadInput(path, "windows", repr(unknown[0]), " or ".join(scenario.pilots))
    if windows:
        ends = ("settling_in_start", "settling_in_end")
        changes["groups"] = [
            group | dict(zip(ends, windows.get(group["pilot"], ()), strict=False))
            for group in scenario_document(scenario)["groups"]
        ]
    return changed(scenario, changes, file=str(path)) if changes else scenario


def _bundled() -> dict[str, Path]:
    return {each.stem: each for each in sorted(SCENARIOS.glob("*.toml"))}


def _path_of(source: Path | str) -> Path:
    path, bundled = Path(source), _bundled()
    if str(source) in bundled and not path.is_file():
        return bundled[str(source)]
    if path.exists() or path.suffix:
        return path
    raise BadInput(str(source), "", "no such scenario", "a .toml file or " + ", ".join(bundled))


def _document(path: Path) -> dict[str, Any]:
    """A scenario's file; one that is `like` a bundled scenario says only what differs."""
    document: dict[str, Any] = read_toml(path)
    if (name := document.pop("like", None)) is None:
        return document
    if name not in (bundled := _bundled()):
        raise BadInput(path, "like", repr(name), " or ".join(bundled))
    base = _document(bundled[name])
    for key, value in document.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        base[key] = base[key] | value if both else value
    return base


def scenario_document(scenario: Scenario) -> dict[str, Any]:
    """The scenario as plain dicts, lists and scalars, as a TOML file would hold it."""
    document: dict[str, Any] = TypeAdapter(Scenario).dump_python(
        scenario, mode="json", exclude_none=True
    )
    return document
