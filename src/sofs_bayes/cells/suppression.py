"""Complementary suppression: what else must be hidden so that hidden counts stay hidden."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from sofs_bayes.cells.bounds import (
    COUNT,
    EVENTS,
    OTHERS,
    SLACK,
    Block,
    Flags,
    Floats,
    Hidden,
    Sparse,
    Table,
    direction,
    extremes,
    outside,
    solve,
    sums_of,
    whole,
)

# Hiding a whole count costs so many times what hiding the events alone does.
COUNT_COST = 4.0

Name = tuple[str, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """What has to be hidden, and the counts that nothing could protect.

    Attributes
    ----------
    hidden
        Primary and complementary suppressions.
    unprotected
        Patterns (by index) with a hidden count that an outsider knows to less than the width.
    open_parts
        Number of parts of overlapping groups of which that holds.
    """

    hidden: Hidden
    unprotected: tuple[int, ...]
    open_parts: int


def complementary(table: Table, primary: Hidden, *, width: int, sensitive: Flags) -> Suppression:
    """The primary suppressions, with as many others as it takes to protect them.

    Every hidden count must be uncertain, to someone who knows all that is published and the
    known totals, by at least `width`: so many whole numbers lie between the lowest and the
    highest it could be. Where it is not, a linear program looks for two tables that agree with
    all totals, differ by the width in the target, and differ from the truth in as few and small
    published counts as it finds; those are hidden too (after Kelly, Golden and Assad 1992).
    They become targets themselves.

    Parameters
    ----------
    sensitive
        Small counts of parts that overlapping groups could give away by their difference, shape
        (3, parts): of the count, the events and the non-events.
    """
    hidden = primary
    tables = np.zeros((1, 2 * table.parts.shape[1]))  # the truth; all others depart from it
    left: set[Name] = set()
    done: set[Name] = set()
    while waiting := [each for each in _targets(table, hidden, sensitive) if each[0] not in done]:
        known = outside(table, hidden)
        for name, way in waiting:
            done.add(name)
            wide, tables = _is_wide(known, tables, way, width)
            for spare in (0, 1):  # the ends of an interval need not be whole
                if wide:
                    break
                hidden, tables = _repaired(table, hidden, tables, way, width + spare)
                known = outside(table, hidden)
                wide, tables = _is_wide(known, tables, way, width)
            if not wide:
                left.add(name)
    return Suppression(
        hidden=hidden,
        unprotected=tuple(sorted({index for kind, index, _ in left if kind == "pattern"})),
        open_parts=len({index for kind, index, _ in left if kind == "part"}),
    )


def _targets(table: Table, hidden: Hidden, sensitive: Flags) -> Iterator[tuple[Name, Floats]]:
    """Hidden counts, events and non-events of patterns, and sensitive ones of parts.

    The name has `pattern` or `part`, its index, and COUNT, EVENTS or OTHERS.
    """
    for i in np.flatnonzero(hidden.events):
        row = table.parts[[i]].toarray().ravel()
        for kind in (COUNT, EVENTS, OTHERS) if hidden.n[i] else (EVENTS,):
            yield ("pattern", int(i), kind), direction(row, kind)
    for kind, part in np.argwhere(sensitive):
        row = np.zeros(table.parts.shape[1])
        row[part] = 1.0
        yield ("part", int(part), int(kind)), direction(row, int(kind))


def _is_wide(
    known: tuple[Block, ...], tables: Floats, way: Floats, width: int
) -> tuple[bool, Floats]:
    """Whether a target is uncertain enough, and the tables found so far that agree with all.

    What agreed once agrees for ever, as hiding more only allows more: two tables that differ
    by the width spare a linear program.
    """
    if _apart(tables, way, width):
        return True, tables
    ends = extremes(known, way)
    found = [end for end in ends if end is not None]
    tables = np.vstack([tables, *found])
    return len(found) < len(ends) or _apart(tables, way, width), tables


def _apart(tables: Floats, way: Floats, width: int) -> bool:
    values = tables @ way
    low, high = whole(values.min(), values.max())
    return high - low >= width


def _repaired(
    table: Table, hidden: Hidden, tables: Floats, way: Floats, width: float
) -> tuple[Hidden, Floats]:
    """The same with more hidden, so that the target gets its width; unchanged if none does."""
    system = _repair_of(table, hidden)
    span = np.concatenate([way, -way, np.zeros(system.cost.size - 2 * way.size)])
    found = solve(
        system.cost,
        equal=system.equal,
        above=sp.vstack([system.above, sp.csr_array(span[None, :])]).tocsr(),
        least=np.append(system.least, width),
        lowest=system.lowest,
    )
    if found is None:
        return hidden, tables
    pair = found[: 2 * way.size].reshape(2, -1)
    of_events, of_n = sums_of(table)
    n = (np.abs(of_n @ pair.T) > SLACK).any(axis=1)
    events = (np.abs(of_events @ pair.T) > SLACK).any(axis=1)
    more = Hidden(n=hidden.n | n, events=hidden.events | events | n)
    return more, np.vstack([tables, pair])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Repair:
    """Two tables beside the truth, and what each published count moves up or down, at a cost."""

    cost: Floats
    equal: Sparse
    above: Sparse
    least: Floats
    lowest: Floats


def _repair_of(table: Table, hidden: Hidden) -> _Repair:
    of_events, of_n = sums_of(table)
    n = table.n
    price = 1.0 + n / n.mean()
    published = sp.vstack([of_events[~hidden.events], of_n[~hidden.n]])
    each = np.concatenate([price[~hidden.events], COUNT_COST * price[~hidden.n]])
    totals = sp.vstack(
        [table.totals[table.events_known] @ of_events, table.totals[table.n_known] @ of_n]
    )
    one = sp.eye_array(len(each))
    unmoved = [sp.csr_array((rows, 2 * len(each))) for rows in (totals.shape[0], len(n))]
    return _Repair(
        cost=np.concatenate([np.zeros(2 * of_n.shape[1]), each, each, each, each]),
        equal=sp.vstack([_twice(published, sp.hstack([-one, one])), _twice(totals, unmoved[0])]),
        above=_twice(of_n, unmoved[1]),
        least=np.concatenate([1.0 - n, 1.0 - n]),
        lowest=np.concatenate(
            [*[-np.concatenate([table.events, table.others])] * 2, np.zeros(4 * len(each))]
        ),
    )


def _twice(of_unknowns: Sparse, of_moves: Sparse) -> Sparse:
    """The same conditions for both tables: unknowns of both first, then the moves of both."""
    return sp.hstack(
        [sp.block_diag([of_unknowns, of_unknowns]), sp.block_diag([of_moves, of_moves])]
    ).tocsr()
