"""Counts and rates by arm and year, with their totals before and after: what may be shown.

A rate times its children is a count of events, so children, events and children without an event
are judged together. Years and totals are one table (`search.Entries`): what is hidden in a year
must not follow from a total. The difference between two runs is a group of children, too.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sofs_bayes.disclosure.rules import OutputRule
from sofs_bayes.disclosure.search import Entries, Floats, entries, suppressed

TOTALS = ("before", "after")
# Unweighted rates times children are whole numbers but for rounding.
ROUNDING = 1e-6

Key = tuple[str, str]  # arm, and year or total


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmCount:
    """Children of an arm in a year (or before or after), and how many had the event.

    `exact` says whether the events follow from the rate: not where rates are weighted.
    """

    arm: str
    year: str
    children: int
    events: int
    exact: bool

    @property
    def key(self) -> Key:
        """Arm and year."""
        return self.arm, self.year


def arm_counts(rows: Iterable[Any]) -> tuple[ArmCount, ...]:
    """The counts that `ArmYearCheck`s show, each once."""
    found: dict[Key, ArmCount] = {}
    for row in rows:
        events = row.children * row.observed
        if row.children < 0 or not np.isfinite(events):
            events = 0.0
        exact = abs(events - round(events)) <= ROUNDING * max(row.children, 1)
        found[row.arm, row.year] = ArmCount(
            arm=row.arm, year=row.year, children=row.children, events=round(events), exact=exact
        )
    return tuple(found.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class HiddenCounts:
    """Which years and totals of each arm must not be shown, by the rule that hides them."""

    small: frozenset[Key]
    dominated: frozenset[Key]
    differences: frozenset[Key]
    complementary: frozenset[Key]

    @property
    def keys(self) -> frozenset[Key]:
        """All of them."""
        return self.small | self.dominated | self.differences | self.complementary


def hidden_counts(
    counts: Sequence[ArmCount],
    rule: OutputRule,
    *,
    contributions: Mapping[Key, Sequence[float]],
    earlier: Sequence[Sequence[ArmCount]] = (),
    few_authorities: Container[Key] = (),
) -> HiddenCounts:
    """What must not be shown of a run's counts.

    Parameters
    ----------
    contributions
        Referrals of each authority by arm and `before` or `after`, where they are known.
    earlier
        Counts of each other run that are out already, or leave together with this one.
    few_authorities
        Years of so few authorities that each could work out the others' counts.
    """
    small: set[Key] = set()
    dominated: set[Key] = set()
    differences: set[Key] = set()
    more: set[Key] = set()
    for arm in dict.fromkeys(count.arm for count in counts):
        own = [count for count in counts if count.arm == arm]
        if any(rule.dominated(contributions.get((arm, total), ())) for total in TOTALS):
            dominated |= {count.key for count in own}
            continue
        small |= {each.key for each in own if _small(each.children, each.events, rule)}
        others = [[each for each in other if each.arm == arm] for other in earlier]
        same = [other for other in others if _same_children(own, other)]
        out = {count.key for other in same for count in other}
        apart = {key for other in others for key in small_differences(own, other, rule)}
        apart |= {each.key for other in same for each in own if each.key not in _keys(other)}
        differences |= apart - small
        few = {count.key for count in own if count.key in few_authorities}
        dominated |= few
        hidden = _protected_years(own, rule, apart | few, out)
        for other in others:
            if _still_known(own, other, hidden, rule):
                hidden = {count.key for count in own}
                break
        more |= hidden - small - differences - few
    return HiddenCounts(
        small=frozenset(small),
        dominated=frozenset(dominated),
        differences=frozenset(differences),
        complementary=frozenset(more),
    )


def _keys(counts: Sequence[ArmCount]) -> set[Key]:
    return {count.key for count in counts}


def _same_children(own: Sequence[ArmCount], other: Sequence[ArmCount]) -> bool:
    """Whether another run counts the same children: all years and totals that both show agree.

    What it does not show was suppressed there, and stays so: two exports that hide different
    companions of a small count would tell it together.
    """
    there = {count.key: count for count in other}
    both = [(count, there[count.key]) for count in own if count.key in there]
    agree = all(
        a.children == b.children and (a.events == b.events or not (a.exact and b.exact))
        for a, b in both
    )
    return agree and bool(both) and _keys(other) <= _keys(own)


def _small(children: int, events: int, rule: OutputRule) -> bool:
    return any(rule.small(count) for count in (children, events, children - events))


def small_differences(
    own: Sequence[ArmCount], other: Sequence[ArmCount], rule: OutputRule
) -> Iterator[Key]:
    """Years whose counts in two runs differ by a group too small to be shown.

    Years that only one run has are of no group in common; the totals tell them.
    """
    there = {count.key: count for count in other}
    for count in own:
        if (same := there.get(count.key)) is None:
            continue
        children = abs(count.children - same.children)
        events = abs(count.events - same.events)
        both = count.exact and same.exact
        if children and (
            rule.small(children) or (both and _small(children, min(events, children), rule))
        ):
            yield count.key


def small_in_all(own: Sequence[ArmCount], other: Sequence[ArmCount], rule: OutputRule) -> bool:
    """Whether two runs' children differ, before and after together, by a group that is too small.

    Their effects then tell that group's as much as their counts do.
    """
    there = {count.key: count for count in other}
    apart = [
        abs(count.children - there[count.key].children)
        for count in own
        if count.year in TOTALS and count.key in there
    ]
    return 0 < sum(apart) < rule.threshold


def _years_and_periods(own: Sequence[ArmCount]) -> list[tuple[str, str, int, int]]:
    """Year, period, children and events of what the years and totals are sums of.

    A year may stand on both sides of settling-in: years fill the total before in their order,
    and the one it ends in is parted.
    """
    years = sorted((each for each in own if each.year not in TOTALS), key=lambda each: each.year)
    if not years:
        return [("", each.year, each.children, each.events) for each in own]
    before = [each for each in own if each.year == "before"]
    n_left, events_left = (before[0].children, before[0].events) if before else (0, 0)
    cells = []
    for year in years:
        n = min(max(n_left, 0), year.children)
        events = year.events if n == year.children else min(max(events_left, 0), n, year.events)
        parts = (("before", n, events), ("after", year.children - n, year.events - events))
        cells += [(year.year, period, a, min(b, a)) for period, a, b in parts if a > 0]
        n_left, events_left = n_left - n, events_left - events
    return cells


def _table_of(own: Sequence[ArmCount], out: set[Key]) -> tuple[Entries, list[Key]]:
    """Years, and totals over them, as children, events and non-events (which nobody shows)."""
    cells = _years_and_periods(own)
    rows: list[Floats] = []
    for each in own:
        here = np.array([each.year in (year, period) for year, period, _, _ in cells], dtype=float)
        for of_events, of_others in ((1.0, 1.0), (1.0, 0.0), (0.0, 1.0)):
            rows.append(np.concatenate([of_events * here, of_others * here]))
    names = [each.key for each in own for _ in range(3)]
    # What is left of a total tells a year's part on one side of settling-in.
    parted = [
        i for i, c in enumerate(cells) if c[0] and sum(c[0] == other[0] for other in cells) > 1
    ]
    for i in parted:
        here = np.arange(len(cells)) == i
        rows += [
            np.concatenate(part) for part in ((here, 0 * here), (0 * here, here), (here, here))
        ]
        names += [("", f"{cells[i][0]} {cells[i][1]}, {kind}") for kind in range(3)]
    values = [c[3] for c in cells] + [c[2] - c[3] for c in cells]
    # An event rate that is out with its children tells the others, too.
    known = [place for place, key in enumerate(names) if key in out]
    unseen = [place for place in range(2, 3 * len(own), 3) if names[place] not in out]
    unseen += range(3 * len(own), len(names))
    sums = np.array(rows).reshape(-1, 2 * len(cells))
    return entries(sums, values, known=known, unseen=unseen, together=names), names


def _protected_years(
    own: Sequence[ArmCount], rule: OutputRule, apart: set[Key], out: set[Key]
) -> set[Key]:
    """Years and totals to hide so that small counts do not follow from the others.

    Parameters
    ----------
    apart
        Years to hide for another reason than their size.
    out
        Years that an export of the same children has shown already.
    """
    if not own:
        return set()
    table, names = _table_of(own, out)
    hidden = suppressed(table, rule, also=np.array([key in apart for key in names]))
    return {names[place] for place in np.flatnonzero(hidden & ~table.unseen)} - out


def _still_known(
    own: Sequence[ArmCount], other: Sequence[ArmCount], hidden: set[Key], rule: OutputRule
) -> bool:
    """Whether totals, less the years that are shown, tell a group of few by two runs' difference.

    What is left of a total is the sum of its hidden years, in both runs.
    """
    there = {count.key: count for count in other}
    mine = {count.key: count for count in own if count.key not in hidden and count.key in there}
    places = [(year, period) for year, period, _, _ in _years_and_periods(own)]
    for wanted in (("before",), ("after",), TOTALS):
        totals = [key for key in mine if key[1] in wanted]
        if len(totals) < len(wanted):
            continue
        inside = [
            key
            for key in mine
            if key[1] not in TOTALS and {p for year, p in places if year == key[1]} <= {*wanted}
        ]
        signed = [*((key, 1) for key in totals), *((key, -1) for key in inside)]
        children = sum(s * (mine[k].children - there[k].children) for k, s in signed)
        events = sum(s * (mine[k].events - there[k].events) for k, s in signed)
        exact = all(mine[k].exact and there[k].exact for k, _ in signed)
        if children and rule.small(abs(children)):
            return True
        if children and exact and _small(abs(children), min(abs(events), abs(children)), rule):
            return True
    return False
