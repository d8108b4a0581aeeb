"""What a custodian asks of released cells, what the check did about it, and what is too small."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from sofs_bayes.errors import BadInput

PLACE = "disclosure check"

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a custodian asks of released cells.

    Attributes
    ----------
    threshold
        Fewest different children in a released count, and fewest whole numbers by which a
        suppressed one stays uncertain.
    zeros
        Whether no events at all (or nothing but events) may be shown where there are enough
        children.
    totals
        Keys and covariates by which totals (counts and events) may be known elsewhere; those
        the cells do not have are ignored. Default: `outsider.known_totals`.
    round_to
        Base to which released counts are rounded, None for exact ones.
    small_products
        What to do with a cell's cross-products that hold counts under the threshold, as those
        of rare levels: suppress them, or only log them.
    """

    threshold: int = 10
    zeros: bool = False
    totals: tuple[tuple[str, ...], ...] | None = None
    round_to: int | None = None
    small_products: Literal["suppress", "log"] = "suppress"

    def __post_init__(self) -> None:
        if self.threshold < 2:
            raise BadInput(PLACE, "threshold", str(self.threshold), "2 or more")
        if self.round_to is not None and not 2 <= self.round_to <= self.threshold:
            raise BadInput(PLACE, "round_to", str(self.round_to), "2 to the threshold, or none")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRow:
    """A rule, how many cells (or patterns, or totals) it affected, and what was done."""

    rule: str
    cells: int
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Small:
    """Patterns with too few children, with too few who have an event, or who have none."""

    n: Flags
    events: Flags
    others: Flags


def small_counts(counts: Mapping[str, npt.NDArray[Any]], rule: Rule) -> Small:
    """Which patterns have too few children, given the numbers of different children."""
    return Small(
        n=counts["children"] < rule.threshold,
        events=few(counts["children_with_event"], rule),
        others=few(counts["children_without_event"], rule),
    )


def few(count: npt.NDArray[Any], rule: Rule) -> Flags:
    """Which numbers of events, or of non-events, are too small to be shown."""
    small: Flags = count < rule.threshold
    return small & (count > 0) if rule.zeros else small
