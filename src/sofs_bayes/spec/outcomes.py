"""What analyses count, in words: one table for every page, figure and table."""

from collections.abc import Mapping
from dataclasses import dataclass


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
    """

    name: str
    rate: str
    events: str
    children: str
    figure: str = ""
    printed_rates: str = ""


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


def outcome(name: str) -> Outcome:
    """The words of an outcome; its own name where none are known."""
    return OUTCOMES.get(name) or Outcome(name=name, rate=name, events=name, children=name)


def column_in_words(column: str) -> str:
    """What a column counts; the column's own name where no words are known."""
    return COUNTED.get(column, column)


def capital(text: str) -> str:
    """The text with a capital in front."""
    return text[:1].upper() + text[1:]
