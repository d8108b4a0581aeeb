"""What a custodian asks of all that leaves, and the numbers by themselves that break it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from sofs_bayes.errors import BadInput

PLACE = "disclosure rules"
USUAL_THRESHOLD = 10

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputRule:
    """The usual output rules of secure settings, for cells and results alike.

    Attributes
    ----------
    threshold
        Fewest children (or events, or children without an event) behind a number, and fewest
        whole numbers by which a suppressed count stays uncertain.
    zeros
        Whether a count of none, or of all, may be shown: it says something of everybody in it.
    contributors, share
        A total is dominated if so many of its largest authorities hold more than the share.
    remainder
        It is dominated too if what is left without the two largest is less than this share of
        the largest: the second largest could then tell the largest too closely.
    degrees_of_freedom
        Fewest residual degrees of freedom of a model.
    agreed
        Whether the custodian agreed to a threshold below 10; without it there is none.
    totals
        Cells: keys and covariates by which totals (counts and events) may be known elsewhere;
        those the cells do not have are ignored. Default: `outsider.known_totals`.
    round_to
        Cells: base to which released counts are rounded, None for exact ones.
    small_products
        What to do with a cell's cross-products that hold counts under the threshold, as those
        of rare levels: suppress them, or only log them.
    """

    threshold: int = USUAL_THRESHOLD
    zeros: bool = False
    contributors: int = 2
    share: float = 0.9
    remainder: float = 0.1
    degrees_of_freedom: int = 10
    agreed: bool = False
    totals: tuple[tuple[str, ...], ...] | None = None
    round_to: int | None = None
    small_products: Literal["suppress", "log"] = "suppress"

    def __post_init__(self) -> None:
        if self.threshold < 2:
            raise BadInput(PLACE, "threshold", str(self.threshold), "2 or more")
        if self.threshold < USUAL_THRESHOLD and not self.agreed:
            allowed = f"{USUAL_THRESHOLD} or more, or a lower one that the custodian agreed to"
            raise BadInput(PLACE, "threshold", str(self.threshold), allowed)
        if not 0 < self.share < 1 or not 0 < self.remainder < 1:
            raise BadInput(PLACE, "share", "a share outside 0 to 1", "between 0 and 1")
        if self.round_to is not None and not 2 <= self.round_to <= self.threshold:
            raise BadInput(PLACE, "round_to", str(self.round_to), "2 to the threshold, or none")

    def small(self, count: float) -> bool:
        """Whether a count is too small to be shown."""
        return bool(self.few(np.asarray(count)))

    def few(self, counts: npt.NDArray[Any]) -> Flags:
        """Which counts are too small to be shown."""
        flags: Flags = counts < self.threshold
        return flags & (counts != 0) if self.zeros else flags

    def dominated(self, contributions: Sequence[float]) -> bool:
        """Whether one or two of the authorities make up nearly all of a total."""
        ordered = sorted(contributions, reverse=True)
        total = sum(ordered)
        if total <= 0:
            return False
        largest = sum(ordered[: self.contributors])
        rest = total - sum(ordered[:2])
        return largest > self.share * total or rest < self.remainder * ordered[0]

    def __str__(self) -> str:
        lowered = ", lowered as agreed with the custodian" if self.agreed else ""
        below = lowered if self.threshold < USUAL_THRESHOLD else ""
        zeros = "may be shown" if self.zeros else "count as small"
        return (
            f"threshold {self.threshold}{below}; zeros {zeros}; dominance: largest"
            f" {self.contributors} above {100 * self.share:g}%, or the rest below"
            f" {100 * self.remainder:g}% of the largest; at least {self.degrees_of_freedom}"
            " residual degrees of freedom"
        )
