"""What a number is: which effect, in whom, on which scale, and from which fit of an analysis.

These are the keys of every result. Tables put them into words by `str`; nothing reads the words.
"""

from dataclasses import dataclass
from typing import Literal, get_args

from sofs_bayes.spec.terms import RISKS

Role = Literal[
    "effect after settling-in",
    "effect against comparators with a similar practice model",
    "effect against other comparators",
    "effect against comparators of the first kind",
    "effect against comparators of the second kind",
    "effect (DiD)",
    "effect in year",
    "effect at an Ofsted rating of",
    "effect where the modifier is",
    "effect per unit of the score",
    "mean of pilots' effects (fixef in R)",
    "spread between pilots",
    "spread between years of one authority",
    "spread between authorities",
    "pilot difference",
    "authority sd",
    "correlation",
    "standard error of the DiD",
]
AFTER: Role = "effect after settling-in"
SIMILAR: Role = "effect against comparators with a similar practice model"
OTHER: Role = "effect against other comparators"
TOLD_APART: Role = "effect against comparators of the first kind"
NOT_TOLD_APART: Role = "effect against comparators of the second kind"
APART: tuple[Role, ...] = (SIMILAR, OTHER, TOLD_APART, NOT_TOLD_APART)
PRINTED: Role = "effect (DiD)"
IN_YEAR: Role = "effect in year"
AT_RATING: Role = "effect at an Ofsted rating of"
AT_VALUE: Role = "effect where the modifier is"
PER_UNIT: Role = "effect per unit of the score"
# The mean that pilots' effects are drawn around, on the model's scale: no average over children.
MEAN_OF_PILOTS: Role = "mean of pilots' effects (fixef in R)"
BETWEEN_PILOTS: Role = "spread between pilots"
BETWEEN_YEARS: Role = "spread between years of one authority"
BETWEEN_AUTHORITIES: Role = "spread between authorities"
EFFECTS: tuple[Role, ...] = get_args(Role)[:10]
# Effects of the practice model itself, on all treated children of a target.
HEADLINES: tuple[Role, ...] = (AFTER, *APART, PRINTED)

POOLED = "pooled"
NEW = "new authority"


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimand:
    """A question: which effect, in whom, measured how.

    Attributes
    ----------
    role
        What is asked.
    target
        The authority it is asked of, `POOLED` or `NEW`.
    scale
        `risk` and `children per 1,000`, or `children per 10,000`; `log-odds`, `odds ratio`,
        `correlation`.
    year
        Years since settling-in of an effect in a year; 0 is the first year after it.
    rating
        Of Ofsted, or of another modifier, of an effect at one.
    """

    role: Role
    scale: str
    target: str = POOLED
    year: int | None = None
    rating: float | None = None

    @property
    def is_effect(self) -> bool:
        """Whether it is an effect, and no spread or other parameter."""
        return self.role in EFFECTS

    @property
    def is_of_risk(self) -> bool:
        """Whether it is a change in risk, on the one scale that its analysis tells risks on."""
        return self.scale in RISKS.values()

    def __str__(self) -> str:
        """As tables name it, without target and scale."""
        if self.year is not None:
            return f"{self.role} {self.year:+d}"
        return self.role if self.rating is None else f"{self.role} {self.rating:g}"


LeaveOut = Literal["none", "pilots", "all"]
Kind = Literal[
    "main",
    "by year",
    "regression",
    "not pooled",
    "fully pooled",
    "no shocks",
    "departure",
    "scaled",
    "without",
    "with",
    "leaving out",
    "prior scale of the authority sd",
    "prior of the correlation",
    "prior sd of the pilot difference",
    "critical values",
]
# What is changed is one authority: whether it is there.
OF_AUTHORITY: tuple[Kind, ...] = ("without", "with", "leaving out")
WORDS: dict[Kind, str] = {
    "regression": "the regression itself",
    "not pooled": "pilots not pooled",
    "fully pooled": "pilots fully pooled",
    "departure": "trends may depart",
}


# The groups of priors that power-scaling and the stored log priors tell apart.
EFFECT_PRIORS = "effect"
SDS = "standard deviations"
COVARIATES = "authorities' covariates"
LEVELS_AND_YEARS = "levels and years"
CHILDREN = "children's covariates"
PRIOR_GROUPS = (EFFECT_PRIORS, SDS, COVARIATES, LEVELS_AND_YEARS, CHILDREN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """The one thing in which a fit differs from the headline.

    Attributes
    ----------
    kind
        What is changed; `main` for the headline itself.
    subject
        The authority that is left out or put back, the parameter whose prior is scaled, or what
        an assumption of print is exchanged for.
    factor
        What the scale of that prior is multiplied by.
    reading
        How the stars of a printed table are read; empty where nothing is read from print.
    """

    kind: Kind = "main"
    subject: str = ""
    factor: float | None = None
    reading: str = ""

    def __str__(self) -> str:
        """As tables name it."""
        if self.factor == 0.0:
            return f"no {self.subject.replace('_', ' ')}"
        if self.factor is not None:
            return f"{self.subject.replace('_', ' ')} × {self.factor:g}"
        if self.reading and self.kind == "main":
            return self.reading
        change = f"{WORDS.get(self.kind, self.kind)} {self.subject}".strip()
        return f"{self.reading}; {change}" if self.reading else change


HEADLINE = Variant()
BY_YEAR = Variant(kind="by year")
UNPOOLED = Variant(kind="not pooled")
