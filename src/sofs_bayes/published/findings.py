"""What the audit reports: a question to the printed numbers, and the computed answer."""

from dataclasses import dataclass
from typing import Literal

from sofs_bayes.published.printed_report import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Computed:
    """One computed number with its unit.

    `lower` and `upper` bound it over the rounding of the printed numbers it comes from; both
    are None where rounding plays no part or was not carried through.
    """

    label: str
    value: float
    unit: str
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One question put to the printed report and what its numbers answer.

    Parameters
    ----------
    key
        Short name, unique within an audit.
    question
        What was asked, so that "agrees" has a meaning.
    place
        Tables, rows and notes compared.
    evidence
        `published` where printed entries are compared as they stand, `published-inferred`
        where the answer is computed from them.
    agrees
        True where the printed numbers fit together, False where they do not, None where a
        number is derived that nothing printed could confirm or deny.
    computed
        The numbers behind the answer.
    sentence
        The answer in words, made from the computed numbers.
    """

    key: str
    question: str
    place: str
    evidence: Literal["published", "published-inferred"]
    agrees: bool | None
    computed: tuple[Computed, ...]
    sentence: str


def rounded(label: str, value: float, unit: str, bounds: Interval) -> Computed:
    """A computed number with the values that rounding allows it."""
    return Computed(label=label, value=value, unit=unit, lower=bounds.lower, upper=bounds.upper)


def counted(number: int, noun: str) -> str:
    """A number with its noun: "no star", "1 star", "2 stars"."""
    return f"{number or 'no'} {noun}{'' if number < 2 else 's'}"
