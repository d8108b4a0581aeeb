"""The nouns of a choice of comparators, and a pilot's years before and after."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sofs_bayes.spec import Pilot

if TYPE_CHECKING:
    from sofs_bayes.records.panel import Panel


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """An authority that is no comparator, or a pilot that was not matched, and why."""

    authority: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A comparator of one pilot: its distance (log-odds, root mean square) and its rank."""

    pilot: str
    comparator: str
    rank: int
    distance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PreTrendRow:
    """One year of a `PreTrendFit` as a line of a table; a trend gap that does not exist is NaN."""

    target: str
    year: int
    pilots: float
    comparators: float
    gap: float
    trend_gap: float
    trend_gap_all: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The comparators of an analysis.

    Attributes
    ----------
    comparators
        All that serve at least one pilot, in alphabetical order.
    eligible
        All that could have served, in alphabetical order.
    matches
        Per pilot, nearest first; empty with the rule `all`, where everyone serves every pilot.
    unmatched
        Pilots without comparators of their own; they are compared with those of the others.
    left_out
        The authorities that could not serve.
    set_aside
        With the rule `all`, those that could but for a declared break, in alphabetical order.
    """

    pilots: tuple[str, ...]
    comparators: tuple[str, ...]
    eligible: tuple[str, ...]
    matches: tuple[Match, ...] = ()
    unmatched: tuple[LeftOut, ...] = ()
    left_out: tuple[LeftOut, ...]
    set_aside: tuple[str, ...] = ()

    def comparators_of(self, pilots: Iterable[str]) -> tuple[str, ...]:
        """The comparators that serve at least one of these pilots, in alphabetical order.

        All of them, if none of these pilots has comparators of its own.
        """
        wanted = set(pilots)
        serving = {match.comparator for match in self.matches if match.pilot in wanted}
        return tuple(sorted(serving)) or self.comparators


def years_before(panel: "Panel", pilot: Pilot) -> tuple[int, ...]:
    """The years before a pilot's settling-in in which it is observed."""
    return _observed_years(panel, pilot, panel.years[0], pilot.settling_in[0] - 1)


def years_after(panel: "Panel", pilot: Pilot) -> tuple[int, ...]:
    """The years after a pilot's settling-in in which it is observed."""
    return _observed_years(panel, pilot, pilot.settling_in[1] + 1, panel.years[-1])


def _observed_years(panel: "Panel", pilot: Pilot, first: int, last: int) -> tuple[int, ...]:
    observed = panel.observed.sel(authority=pilot.authority).values
    years = zip(panel.years, observed, strict=True)
    return tuple(year for year, there in years if there and first <= year <= last)
