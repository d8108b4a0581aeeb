"""What analyses count and evaluate, in words: one table for every page, figure and table."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Discriminator, Tag
from pydantic.dataclasses import dataclass as checked

from sofs_bayes.spec.terms import CHILDREN, STRICT, Text

Direction = Literal["higher is better", "lower is better", "neither"]


@checked(frozen=True, slots=True, kw_only=True, config=STRICT)
class OwnOutcome:
    """The words of an outcome that is not one of the published report's.

    `name` and `plural` are what happens ("protection plan", "protection plans"), `unit` is whom it
    happens to, in the plural ("children with a protection plan"). `direction` says which change
    the analyst takes for the better, if any, and `counted` what rows are, in the plural, where
    they are not to be called children: both are repeated, and change no number.
    """

    name: Text
    plural: Text
    unit: Text
    direction: Direction = "neither"
    counted: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """An outcome of children.

    Attributes
    ----------
    name
        As analyses call it.
    rate
        What the rate is of.
    events, children
        Those counted, in the plural.
    figure
        The report's figure of the pilots' rate and the counterfactual one; empty without one.
    printed_rates
        With what the report's names of its rates begin.
    direction
        Which change is taken for the better.
    counted
        What rows are, in the plural; empty if not said.
    """

    name: str
    rate: str
    events: str
    children: str
    figure: str = ""
    printed_rates: str = ""
    direction: Direction = "neither"
    counted: str = ""

    @property
    def whom(self) -> str:
        """Those whose outcome is told: "so many … per 1,000", "all treated …"."""
        return self.counted or CHILDREN


OUTCOMES: Mapping[str, Outcome] = {
    each.name: each
    for each in (
        Outcome(
            name="ICPC",
            rate="initial child protection conferences",
            events="initial child protection conferences",
            children="children with a conference",
            figure="Figure 1",
            printed_rates="ICPC rates",
        ),
        Outcome(
            name="CLA",
            rate="entry to care",
            events="entries to care",
            children="children entering care",
            figure="Figure 2",
            printed_rates="CLA rates",
        ),
    )
}
# What columns of the Department's files count.
COUNTED: Mapping[str, str] = {
    "ICPC": "initial child protection conferences",
    "ICPC_child": "children with an initial conference",
    "Started_child": "children starting to be in need",
    "Started_episodes": "episodes of need started",
    "referral_count": "referrals",
    "referral_child_count": "children referred",
    "CLA_started": "children starting to be looked after",
    "population_estimate": "children living in the authority",
}


def _form(given: object) -> str:
    return "OwnOutcome" if isinstance(given, dict | OwnOutcome) else "ReportOutcome"


ReportOutcome = Literal["ICPC", "CLA"]
# In a file: the name of one of the published report's outcomes, or a table of one's own words.
OutcomeOfChildren = Annotated[
    Annotated[ReportOutcome, Tag("ReportOutcome")] | Annotated[OwnOutcome, Tag("OwnOutcome")],
    Discriminator(_form),
]
OutcomeOfCounts = Annotated[
    Annotated[Text, Tag("ReportOutcome")] | Annotated[OwnOutcome, Tag("OwnOutcome")],
    Discriminator(_form),
]


def outcome(given: str | OwnOutcome) -> Outcome:
    """The words of an outcome; its own name where none are known."""
    if isinstance(given, OwnOutcome):
        return Outcome(
            name=given.name,
            rate=given.plural,
            events=given.plural,
            children=given.unit,
            direction=given.direction,
            counted=given.counted or "",
        )
    return OUTCOMES.get(given) or Outcome(name=given, rate=given, events=given, children=given)


def column_in_words(column: str) -> str:
    """What a column counts; the column's own name where no words are known."""
    return COUNTED.get(column, column)


def capital(text: str) -> str:
    """The text with a capital in front."""
    return text[:1].upper() + text[1:]
