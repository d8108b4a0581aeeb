"""Which single authorities, and which of their years, results may be shown for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sofs_bayes.disclosure.rules import OutputRule

PERIODS = ("before", "after")


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How many referrals an authority has in a period or year, and how many with the event."""

    authority: str
    period: str
    referrals: int
    events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorities:
    """Who may be shown by name.

    Attributes
    ----------
    may_leave
        Authorities that are large enough in every period.
    reasons
        Why each other one that has sizes may not.
    years
        Authority-years that are large enough, of authorities that are.
    all_large
        Whether every period and year of every authority is: only then may sizes be shown.
    """

    may_leave: frozenset[str]
    reasons: Mapping[str, str]
    years: frozenset[tuple[str, str]]
    all_large: bool


def authorities(sizes: Iterable[Any], rule: OutputRule) -> Authorities:
    """Who may be shown, by referrals, events and non-events before and after settling-in.

    An authority, or a year of it, without sizes may not: nobody knows how small it is.

    Parameters
    ----------
    sizes
        Rows of referrals and events by authority and period (`before`, `after`, or a year).
    """
    found: dict[str, dict[str, Any]] = {}
    for row in sizes:
        found.setdefault(row.authority, {})[row.period] = row
    reasons = {name: reason for name, own in found.items() if (reason := _reason(own, rule))}
    may_leave = frozenset(found.keys() - reasons.keys())
    large = [not _few(row, rule) for own in found.values() for row in own.values()]
    return Authorities(
        may_leave=may_leave,
        reasons=reasons,
        years=frozenset(
            (name, period)
            for name in may_leave
            for period, row in found[name].items()
            if period not in PERIODS and not _few(row, rule)
        ),
        all_large=not reasons
        and all(large)
        and not any(_parted(own, rule) for own in found.values()),
    )


def _reason(own: Mapping[str, Any], rule: OutputRule) -> str:
    if not own.keys() >= {*PERIODS}:
        return "no number of referrals in a period"
    for period in PERIODS:
        if what := _few(own[period], rule):
            return f"fewer than {rule.threshold} {what} {period} settling-in"
    return ""


def _parted(own: Mapping[str, Any], rule: OutputRule) -> bool:
    """Whether years and totals tell few of a year on one side of settling-in."""
    left = own["before"]
    n, events = left.referrals, left.events
    for year in sorted(own.keys() - {*PERIODS}):
        if n < own[year].referrals:
            break
        n, events = n - own[year].referrals, events - own[year].events
    else:
        return False
    after = own[year].referrals - n, own[year].events - events
    return n > 0 and any(
        rule.small(count) for part in ((n, events), after) for count in (part[1], part[0] - part[1])
    )


def _few(row: Any, rule: OutputRule) -> str:
    """What an authority has too few of; empty if it has enough of everything."""
    for what, count in (
        ("referrals", row.referrals),
        ("events", row.events),
        ("referrals without an event", row.referrals - row.events),
    ):
        if not count >= rule.threshold and not (rule.zeros and count == 0):
            return what
    return ""
