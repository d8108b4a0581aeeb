"""Which single authorities results may be shown for, and the rows that are of one of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sofs_bayes.estimands import NEW, POOLED
from sofs_bayes.reporting.disclosure.rules import OutputRule

WITHOUT = ("without ", "leaving out ")
PERIODS = ("before", "after")
NOT_ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorities:
    """Who may be shown by name.

    Attributes
    ----------
    may_leave
        Authorities that are large enough in every period.
    reasons
        Why each other one that has sizes may not.
    """

    may_leave: frozenset[str]
    reasons: Mapping[str, str]


def authorities(sizes: Iterable[Any], rule: OutputRule) -> Authorities:
    """Who may be shown, by referrals, events and non-events before and after settling-in.

    An authority without sizes may not: nobody knows how small it is.

    Parameters
    ----------
    sizes
        `AuthoritySizeRow`s.
    """
    found: dict[str, dict[str, Any]] = {}
    for row in sizes:
        found.setdefault(row.authority, {})[row.period] = row
    reasons = {name: reason for name, own in found.items() if (reason := _reason(own, rule))}
    return Authorities(may_leave=frozenset(found.keys() - reasons.keys()), reasons=reasons)


def _reason(own: Mapping[str, Any], rule: OutputRule) -> str:
    if not own.keys() >= {*PERIODS}:
        return "no number of referrals in a period"
    for period in PERIODS:
        row = own[period]
        for what, count in (
            ("referrals", row.referrals),
            ("events", row.events),
            ("referrals without an event", row.referrals - row.events),
        ):
            if not count >= rule.threshold and not (rule.zeros and count == 0):
                return f"fewer than {rule.threshold} {what} {period} settling-in"
    return ""


def authority_of(row: Any) -> str | None:
    """The single authority a row of results is of, or of the fit without it; None if of none.

    Whatever is not the pooled effect, nor a new authority's, counts as a single authority's.
    """
    if (named := getattr(row, "authority", None)) is not None:
        return str(named)
    if (target := getattr(row, "target", POOLED)) not in (POOLED, NEW):
        return str(target)
    if (left_out := left_out_of(getattr(row, "variant", ""))) is not None:
        return left_out
    _, slash, last = getattr(row, "quantity", "").rpartition(" / ")
    return last if slash and last not in (POOLED, NEW) else None


def left_out_of(variant: str) -> str | None:
    """The authority that a variant of the fit goes without; None if it is another change."""
    for start in WITHOUT:
        if variant.startswith(start):
            return variant.removeprefix(start)
    return None
