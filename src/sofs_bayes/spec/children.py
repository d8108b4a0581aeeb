"""The file of an analysis of children's records: columns, matching, regressions."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from sofs_bayes.spec.beside import AuthorityColumns, GroupColumns
from sofs_bayes.spec.names import Name
from sofs_bayes.spec.outcomes import OutcomeOfChildren, OwnOutcome
from sofs_bayes.spec.rehearsal import Rehearsal
from sofs_bayes.spec.terms import STRICT, Count, Month, Rate, Text, Why, Year

Names = tuple[Text, ...]
APRIL = 4  # England's financial years, and those of its statistics, begin with it


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Columns:
    """What the columns of a file of referrals are called.

    The outcome is a date (`outcome_date`, empty where it did not happen) or a flag of 0 and 1
    (`outcome_flag`); with a date it counts if it falls within the outcome window. `weight` is a
    column of weights of one's own, above 0: `matching.own_weights` says what they are.
    """

    child: Text = "child"
    authority: Text = "authority"
    referral_date: Text = "referral_date"
    outcome_date: Text | None = None
    outcome_flag: Text | None = None
    weight: Text | None = None

    @model_validator(mode="after")
    def _one_outcome(self) -> Self:
        if (self.outcome_date is None) == (self.outcome_flag is None):
            raise ValueError("exactly one of outcome_date, outcome_flag")
        return self


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class OutcomeWindow:
    """How long after a referral the outcome counts: `days` or `months`."""

    days: Annotated[int, Field(ge=1, le=3660)] | None = None
    months: Annotated[int, Field(ge=1, le=120)] | None = None

    @model_validator(mode="after")
    def _one_unit(self) -> Self:
        if (self.days is None) == (self.months is None):
            raise ValueError("exactly one of days, months")
        return self


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Levels:
    """A categorical covariate: its levels with the codes that stand for them in the file.

    An empty cell is missing; so is every code of `missing_codes`. `missing = "level"` keeps
    missing as a level of its own, `"impute"` leaves it to multiple imputation.
    """

    kind: Literal["levels"]
    name: Text
    column: Text | None = None
    levels: Annotated[dict[Text, Annotated[Names, Field(min_length=1)]], Field(min_length=2)]
    reference: Text
    missing_codes: Names = ()
    missing: Literal["level", "impute"] = "level"

    @model_validator(mode="after")
    def _unambiguous(self) -> Self:
        if self.reference not in self.levels:
            raise ValueError("reference: one of the levels")
        codes = [code for codes in self.levels.values() for code in codes] + [*self.missing_codes]
        if len(set(codes)) < len(codes):
            raise ValueError("levels and missing_codes: each code once")
        if "missing" in self.levels:
            raise ValueError("levels: none called missing (it is added where children have it)")
        return self

    @property
    def in_file(self) -> str:
        """The covariate's column in the file of referrals."""
        return self.column or self.name


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Number:
    """A numeric covariate with its range, in `unit`; a value outside the range is refused.

    `centre` is subtracted where the covariate enters a regression.
    """

    kind: Literal["number"]
    name: Text
    column: Text | None = None
    unit: Text
    lowest: float
    highest: float
    centre: float = 0.0
    missing_codes: tuple[float, ...] = ()
    missing: Literal["refuse", "impute"] = "impute"

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.lowest < self.highest:
            raise ValueError("lowest < highest")
        return self

    @property
    def in_file(self) -> str:
        """The covariate's column in the file of referrals."""
        return self.column or self.name


Covariate = Annotated[Levels | Number, Field(discriminator="kind")]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class AuthorityCovariate:
    """A number known for an authority in a year, a column of the file of authorities."""

    name: Text
    lowest: float | None = None
    highest: float | None = None
    same_every_year: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Records:
    """The column contract of the referrals and of the authorities' own covariates.

    A year begins with the month `year_begins` (1 to 12; April where nothing is said) and is named
    by the calendar year it begins in.
    """

    columns: Columns
    window: OutcomeWindow
    years: Annotated[tuple[Year, ...], Field(min_length=2)]
    year_begins: Month | None = None
    covariates: Annotated[tuple[Covariate, ...], Field(min_length=1)]
    authority_covariates: tuple[AuthorityCovariate, ...] = ()
    authority_columns: AuthorityColumns | None = None
    group_columns: GroupColumns | None = None

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if list(self.years) != sorted(set(self.years)):
            raise ValueError("years: in order, each once")
        names = [each.name for each in self.covariates]
        names += [each.name for each in self.authority_covariates]
        if len(set(names)) < len(names):
            raise ValueError("covariates and authority_covariates: each name once")
        return self

    @property
    def first_month(self) -> int:
        """The month with which a year begins, 1 to 12."""
        return APRIL if self.year_begins is None else self.year_begins

    def covariate(self, name: str) -> Levels | Number:
        """The child covariate of this name."""
        return next(each for each in self.covariates if each.name == name)


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class AuthorityMatching:
    """How comparators are chosen where the groups name none: nearest on the pre-trend."""

    per_pilot: Count = 2
    reuse: bool = True
    match_on: Literal["trend", "level and trend"] = "trend"


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Matching:
    """Coarsened exact matching within matched group and period.

    `exact` are matched level by level (missing is a level); `cuts` coarsen numbers at the cut
    points given. `ratio` is what comparators' weights are scaled by: the ratio of comparators
    to pilots `overall`, or `within group and period`. `balance` are the covariates whose
    uncoarsened imbalance is measured. `own_weights` says what the column of own weights does:
    `count` (each referral counts so much, as in a sample: matching balances their sums in the
    place of numbers of referrals), or `replace` the weights of matching, as of a score
    estimated elsewhere.
    """

    exact: Names
    cuts: dict[Text, Annotated[tuple[float, ...], Field(min_length=1)]] = Field(
        default_factory=dict
    )
    ratio: Literal["overall", "within group and period"] = "overall"
    balance: Names
    summary: Names = ()
    authorities: AuthorityMatching = AuthorityMatching()
    own_weights: Literal["count", "replace"] | None = None

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        for name, cuts in self.cuts.items():
            if list(cuts) != sorted(set(cuts)):
                raise ValueError(f"cuts.{name}: ascending, each once")
        return self


NamedTreatment = Literal[
    "did", "lags", "leads and lags", "quality", "embeddedness", "practice model", "ofsted"
]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class OwnTreatment:
    """A treatment that rests on a covariate of authorities, with words of its own.

    `score`: how much of the intervention each pilot had; comparators count 0. `comparators`:
    those with 1 in `column` are told apart from those with 0, and pilots compared with each.
    `modifier`: the effect may change with the number. `label` is what tables call it; `others`
    the comparators with 0.
    """

    kind: Literal["score", "comparators", "modifier"]
    column: Text
    label: Text
    others: Text | None = None

    @model_validator(mode="after")
    def _named(self) -> Self:
        if (self.kind == "comparators") != (self.others is not None):
            raise ValueError('others: what other comparators are called, with kind = "comparators"')
        return self


Treatment = NamedTreatment | OwnTreatment
# The four of the published report, as what they are.
OF_REPORT: Mapping[str, OwnTreatment] = {
    "quality": OwnTreatment(kind="score", column="quality", label="quality"),
    "embeddedness": OwnTreatment(kind="score", column="embeddedness", label="embeddedness"),
    "practice model": OwnTreatment(
        kind="comparators",
        column="similar_practice_model",
        label="similar practice model",
        others="other practice model",
    ),
    "ofsted": OwnTreatment(kind="modifier", column="ofsted", label="ofsted"),
}


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Regression:
    """One regression, a column of a printed table if `table` is given (`name` is its heading).

    `authorities` are none, `fixed` or `random` effects of authorities beside the pilot term;
    `without` names pilots whose matched group is left out.
    """

    name: Text
    table: Annotated[int, Field(ge=5, le=7)] | None = None
    model: Literal["linear", "logistic"]
    treatment: Treatment = "did"
    cluster: Literal["authority", "child", "none"] = "authority"
    authorities: Literal["none", "fixed", "random"] = "none"
    without: Names = ()

    @property
    def rests_on(self) -> OwnTreatment | None:
        """The covariate of authorities that the treatment rests on; None where on none."""
        if isinstance(self.treatment, OwnTreatment):
            return self.treatment
        return OF_REPORT.get(self.treatment)


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Regressions:
    """What the regressions share, and the regressions.

    `standardise` takes the authorities' covariates to mean 0 and sd 1 over the matched rows,
    but for those in `unscaled`, which enter as they are.
    `incidence_cutoff` and `level` are those of the protocol's decision rules.
    """

    covariates: Names
    authority_covariates: Names = ()
    standardise: bool = True
    unscaled: Names = ()
    correction: Literal["CR1", "CR2", "CR3"] = "CR1"
    incidence_cutoff: Rate = 0.1
    level: Rate = 0.05
    imputations: Annotated[int, Field(ge=2, le=1000)] = 5
    iterations: Annotated[int, Field(ge=1, le=1000)] = 5
    seed: Annotated[int, Field(ge=0)] = 20220701
    highest_missing_share: Rate = 0.3
    columns: Annotated[tuple[Regression, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class ChildrenAnalysis:
    """An analysis of children's records, from referrals to regressions (`kind = "children"`).

    `outcome` is the name of one of the published report's outcomes, whose printed numbers then
    stand beside, or a table with words of one's own; `intervention` is what is evaluated.
    `rehearsal` is the design that children are simulated in where there are no records yet.
    """

    kind: Literal["children"]
    name: Name
    title: Text
    outcome: OutcomeOfChildren
    why: Why
    intervention: Text | None = None
    rehearsal: Rehearsal | None = None
    records: Records
    matching: Matching
    regressions: Regressions

    @model_validator(mode="after")
    def _known_names(self) -> Self:
        covariates = {each.name: each for each in self.records.covariates}
        used = {
            "matching.exact": self.matching.exact,
            "matching.cuts": tuple(self.matching.cuts),
            "matching.balance": self.matching.balance,
            "matching.summary": self.matching.summary,
            "regressions.covariates": self.regressions.covariates,
        }
        for place, names in used.items():
            if unknown := sorted(set(names) - set(covariates)):
                raise ValueError(f"{place}: covariates of the records ({unknown[0]} is none)")
        for name in self.matching.exact:
            if covariates[name].kind == "number":
                raise ValueError(f"matching.exact: levels ({name} is a number, to be cut)")
        for name in self.matching.cuts:
            if covariates[name].kind == "levels":
                raise ValueError(f"matching.cuts: numbers ({name} has levels)")
        if isinstance(self.outcome, OwnOutcome) and any(
            each.table is not None for each in self.regressions.columns
        ):
            raise ValueError("regressions.columns: no table, with an outcome of one's own")
        columns = [each.name for each in self.regressions.columns]
        if len(set(columns)) < len(columns):
            raise ValueError("regressions.columns: each name once")
        if (self.records.columns.weight is None) != (self.matching.own_weights is None):
            raise ValueError("records.columns.weight and matching.own_weights: both, or neither")
        return self

    @model_validator(mode="after")
    def _known_authority_covariates(self) -> Self:
        of_authorities = {each.name for each in self.records.authority_covariates}
        if unknown := sorted(set(self.regressions.authority_covariates) - of_authorities):
            raise ValueError(
                "regressions.authority_covariates: authority_covariates of the records"
                f" ({unknown[0]} is none)"
            )
        if unknown := sorted(set(self.regressions.unscaled) - of_authorities):
            raise ValueError(
                f"regressions.unscaled: authority_covariates of the records ({unknown[0]} is none)"
            )
        for each in self.regressions.columns:
            own = each.rests_on
            if own is not None and own.column not in of_authorities:
                place = f"regressions.columns, {each.name!r}: a treatment on"
                raise ValueError(f"{place} authority_covariates of the records ({own.column})")
        return self
