"""What a refit changes about the headline."""

from dataclasses import dataclass
from typing import Literal

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
]

WORDS: dict[Kind, str] = {
    "main": "main",
    "by year": "by year",
    "regression": "the regression itself",
    "not pooled": "pilots not pooled",
    "fully pooled": "pilots fully pooled",
    "no shocks": "no shocks",
    "departure": "trends may depart",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """The one thing in which a fit differs from the headline.

    Attributes
    ----------
    kind
        What is changed; `main` for the headline itself.
    subject
        The authority that is left out or put back, or the parameter whose prior is scaled.
    factor
        What the scale of that prior is multiplied by.
    """

    kind: Kind
    subject: str = ""
    factor: float | None = None

    def __str__(self) -> str:
        """As tables name it."""
        if self.factor is not None:
            return f"{self.subject} × {self.factor:g}"
        return f"{WORDS.get(self.kind, self.kind)} {self.subject}".strip()


HEADLINE = Variant(kind="main")
MAIN = str(HEADLINE)
