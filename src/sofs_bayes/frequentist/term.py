"""What the terms of a regression are, found by the names that are made here."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from sofs_bayes.spec import OwnTreatment

Role = Literal[
    "intercept",
    "year",
    "pilot_difference",
    "effect",
    "effect_modifier",
    "authority_covariate",
    "authority",
]

INTERCEPT = "intercept"
PILOT = "pilot"
DID = "did"
POST = "post"
OFSTED = "pilot × post × ofsted"
SCORES = ("quality", "embeddedness")
OTHERS = ("similar practice model", "other practice model")
# The same of treatments that an analysis declares with words of its own.
OWN_SCORE = "score of the treatment"
OWN_OTHERS = ("comparators told apart", "other comparators")
MODIFIER = "modifier of the effect"
MAX_YEARS = 60  # since settling-in, in either direction
FIXED = "authority: "
# What follows a column's name where each authority is compared with itself alone.
WITHIN = ", within authorities"


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A term of a regression.

    Attributes
    ----------
    role
        What it is in the model; `year` is whatever moves comparators, too.
    years_since
        Of a lag (0 is the first year after settling-in) or a lead (below 0).
    sign
        -1 where it is about comparators with pilots as the reference, and so turned about.
    scored
        Whether it is an effect for each unit of a score.
    """

    name: str
    role: Role
    years_since: int | None = None
    sign: int = 1
    scored: bool = False

    @property
    def is_lead(self) -> bool:
        """Whether it is of a year before settling-in."""
        return self.years_since is not None and self.years_since < 0


def since_name(years: int) -> str:
    """The name of a pilots' dummy of a year since settling-in."""
    return f"lag {years}" if years >= 0 else f"lead {years}"


def post_name(name: str) -> str:
    """The name of a term's product with the time after settling-in."""
    return f"{name} × post"


def modified_name(name: str) -> str:
    """The name of the product of the effect with what may change it."""
    return f"pilot × post × {name}"


def term_label(name: str, own: OwnTreatment | None) -> str:
    """What tables call a term, in the words of the treatment that an analysis declares."""
    if own is None:
        return name
    others = own.others or ""
    words = dict(zip((OWN_SCORE, MODIFIER, *OWN_OTHERS), (*[own.label] * 3, others), strict=True))
    words |= {post_name(term): post_name(label) for term, label in words.items()}
    return (words | {modified_name(MODIFIER): modified_name(own.label)}).get(name, name)


def _known() -> Iterable[Term]:
    yield Term(name=INTERCEPT, role="intercept")
    yield Term(name=POST, role="year")
    yield Term(name=PILOT, role="pilot_difference")
    yield Term(name=DID, role="effect")
    for name in (OFSTED, modified_name(MODIFIER)):
        yield Term(name=name, role="effect_modifier")
    for name in (*SCORES, OWN_SCORE):
        yield Term(name=name, role="pilot_difference")
        yield Term(name=post_name(name), role="effect", scored=True)
    for name in (*OTHERS, *OWN_OTHERS):
        yield Term(name=name, role="pilot_difference", sign=-1)
        yield Term(name=post_name(name), role="effect", sign=-1)
    for years in range(-MAX_YEARS, MAX_YEARS):
        yield Term(name=since_name(years), role="effect", years_since=years)


_TERMS = {each.name: each for each in _known()}


def find_term(name: str) -> Term:
    """What the term of this name is: years and authorities apart, others are covariates."""
    if name in _TERMS:
        return _TERMS[name]
    if name.startswith(FIXED):
        return Term(name=name, role="authority")
    year = name.removeprefix("year ")
    return Term(name=name, role="year" if year.isdecimal() else "authority_covariate")


def years_since(names: Iterable[str]) -> dict[str, int]:
    """The lags and leads among some terms, by name, from the earliest on."""
    found = {name: find_term(name).years_since for name in names}
    known = {name: years for name, years in found.items() if years is not None}
    return dict(sorted(known.items(), key=lambda each: each[1]))


def effect_terms(names: Iterable[str]) -> tuple[str, ...]:
    """Those that are effects of treatment: DiD, leads, lags, × post."""
    return tuple(name for name in names if find_term(name).role in ("effect", "effect_modifier"))
