"""A release beside earlier ones of the same children: what both together would tell."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from sofs_bayes.disclosure.arm_counts import ArmCount, small_differences, small_in_all
from sofs_bayes.disclosure.ledger import Count, CountTable, Released
from sofs_bayes.disclosure.rules import OutputRule

ARMS = ("pilot", "comparator")
CELLS, PRODUCTS = "cells", "cross-products"
Place = tuple[str, ...]


def differs_by_few(
    counts: Sequence[ArmCount], earlier: Sequence[Released], rule: OutputRule
) -> bool:
    """Whether arms differ, before and after together, by so few that both would show them."""
    return any(
        small_in_all(
            [count for count in counts if count.arm == arm],
            [count for count in other.totals if count.arm == arm],
            rule,
        )
        for other in earlier
        for arm in ARMS
    )


def differs_anywhere(
    counts: Sequence[ArmCount], earlier: Sequence[Released], rule: OutputRule
) -> bool:
    """Whether arms differ anywhere, in a year too, by a group that is too small."""
    return differs_by_few(counts, earlier, rule) or any(
        any(small_differences(counts, other.totals, rule)) for other in earlier
    )


def clash(table: CountTable, earlier: Sequence[Released], rule: OutputRule) -> str:
    """Why a table may not leave beside earlier ones of its name; empty if it may.

    Two tables must not differ anywhere by a group that is too small. Cells that may be of the
    same children must besides be by the same dimensions and hide the same places: what one
    shows would tell what the other hides.
    """
    for other in _same_name(table, earlier):
        if any(_few_apart(mine, its, rule) for mine, its in _beside(table, other)):
            return (
                f"no group of fewer than {rule.threshold} by the difference from an earlier release"
            )
        if table.name not in (CELLS, PRODUCTS):
            continue
        if table.dims != other.dims:
            return f"the same people's cells are out already, by {', '.join(other.dims)}"
        if any(mine.hidden != its.hidden for mine, its in _beside(table, other)):
            return "the same people's cells are out already, with others suppressed"
    return ""


def hidden_before(table: CountTable, earlier: Sequence[Released]) -> frozenset[Place]:
    """Places of a table that an earlier one of its name does not show: they stay hidden."""
    found: set[Place] = set()
    for other in _same_name(table, earlier):
        shown = {count.place for count in other.counts if not count.hidden}
        found |= {count.place for count in table.counts} - shown
    return frozenset(found)


def _same_name(table: CountTable, earlier: Sequence[Released]) -> Iterator[CountTable]:
    return (other for each in earlier for other in each.tables if other.name == table.name)


def _few_apart(mine: Count, its: Count, rule: OutputRule) -> bool:
    """Whether two counts differ by a group with too few children, or too few with an event."""
    children = abs(mine.children - its.children)
    if not children:
        return False
    if children < rule.threshold:
        return True
    if mine.events is None or its.events is None:
        return False
    events = abs(mine.events - its.events)
    return rule.small(events) or rule.small(children - min(events, children))


def _beside(table: CountTable, other: CountTable) -> Iterator[tuple[Count, Count]]:
    """Counts of the same places in both, summed over the dimensions that only one has.

    A place that only one has is nobody in the other, where both have all places.
    """
    common = tuple(dim for dim in table.dims if dim in other.dims)
    mine, its = (_over(each, common) for each in (table, other))
    for place in mine.keys() & its.keys():
        yield mine[place], its[place]
    if table.name == CELLS and not table.partial and not other.partial:
        for place in mine.keys() ^ its.keys():
            nobody = Count(place=place, children=0, events=0)
            yield mine.get(place, nobody), its.get(place, nobody)


def _over(table: CountTable, dims: tuple[str, ...]) -> dict[Place, Count]:
    if dims == table.dims:
        return {count.place: count for count in table.counts}
    at = [table.dims.index(dim) for dim in dims]
    sums: dict[Place, list[int]] = defaultdict(lambda: [0, 0])
    for count in table.counts:
        own = sums[tuple(count.place[i] for i in at)]
        own[0], own[1] = own[0] + count.children, own[1] + (count.events or 0)
    return {
        place: Count(place=place, children=n, events=events) for place, (n, events) in sums.items()
    }
