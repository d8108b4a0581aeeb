"""What published counts and totals tell of a suppressed one: its interval, by linear programs.

Referrals are sorted into parts: all that stand in the same patterns (one, or several of
different groups). A pattern's count is the sum of its parts, so that differences between
overlapping groups are covered as well as those between a total and its patterns. Unknowns are
the events and the non-events of each part; all are written as departures from the truth.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Sparse = Any  # scipy's sparse arrays have no usable types

# What is asked about a pattern or a part.
COUNT, EVENTS, OTHERS = range(3)

# Linear programs are solved to about 1e-7; counts are whole numbers.
SLACK = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Counts as they are, and the totals that count as known.

    Attributes
    ----------
    parts
        Which parts make up a pattern, 0 or 1, shape (patterns, parts).
    events, others
        Events and non-events of each part, shape (parts,).
    totals
        Which patterns a total is over, 0 or 1, shape (totals, patterns).
    n_known, events_known
        Whether a total's count, and its events, are known to an outsider, shape (totals,).
    """

    parts: Sparse
    events: Floats
    others: Floats
    totals: Sparse
    n_known: Flags
    events_known: Flags

    @property
    def n(self) -> Floats:
        """Count of each pattern."""
        return np.asarray(self.parts @ (self.events + self.others))


@dataclass(frozen=True, slots=True, kw_only=True)
class Hidden:
    """Which patterns' counts, and events, are not published. Hidden counts hide the events."""

    n: Flags
    events: Flags


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """What is known of unknowns that hang together.

    `equal` · x = 0; `above` · x >= `least`; x >= `lowest`. `unknowns` are their indices.
    """

    unknowns: npt.NDArray[np.intp]
    equal: Sparse
    above: Sparse
    least: Floats
    lowest: Floats


def outside(table: Table, hidden: Hidden) -> tuple[Block, ...]:
    """All that an outsider knows where some counts are hidden.

    The unknowns are the events, then the non-events, of the parts. What follows from published
    counts at once is in no block.
    """
    parts = table.parts
    of_events, of_n = sums_of(table)
    several = np.asarray(parts.sum(axis=1)).ravel() > 1
    loose = np.asarray(parts.T @ (hidden.events | several).astype(float)) > 0
    unknown = np.flatnonzero(np.concatenate([loose, loose]))
    equal = sp.vstack(
        [
            of_events[~hidden.events],
            of_n[~hidden.n],
            table.totals[table.events_known] @ of_events,
            table.totals[table.n_known] @ of_n,
        ]
    )
    equal, above = equal.tocsc()[:, unknown], of_n[hidden.n].tocsc()[:, unknown]
    least = 1.0 - table.n[hidden.n]  # a pattern that is listed has at least one referral
    lowest = -np.concatenate([table.events, table.others])[unknown]
    blocks = []
    for inside in _together(sp.vstack([equal, above])):
        some, more = equal[:, inside].tocsr(), above[:, inside].tocsr()
        rows, bounds = np.diff(some.indptr) > 0, np.diff(more.indptr) > 0
        blocks.append(
            Block(
                unknowns=unknown[inside],
                equal=some[rows],
                above=more[bounds],
                least=least[bounds],
                lowest=lowest[inside],
            )
        )
    return tuple(blocks)


def sums_of(table: Table) -> tuple[Sparse, Sparse]:
    """Events, and counts, of patterns as sums of the unknowns."""
    nothing = sp.csr_array(table.parts.shape)
    return (
        sp.hstack([table.parts, nothing]).tocsr(),
        sp.hstack([table.parts, table.parts]).tocsr(),
    )


def _together(system: Sparse) -> list[npt.NDArray[np.intp]]:
    """The unknowns (columns) in groups that no condition (row) joins."""
    from scipy.sparse.csgraph import connected_components

    pattern = abs(system)
    joined = sp.block_array([[None, pattern], [pattern.T, None]]) if system.shape[0] else None
    if joined is None:
        return [np.array([i]) for i in range(system.shape[1])]
    _, labels = connected_components(joined, directed=False)
    of_columns = labels[system.shape[0] :]
    order = np.argsort(of_columns, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(of_columns[order])) + 1) if len(order) else []


def direction(row: Floats, kind: int) -> Floats:
    """The coefficients of a pattern's, or a part's, count, events or non-events.

    Parameters
    ----------
    row
        Which parts it consists of, shape (parts,).
    kind
        COUNT, EVENTS or OTHERS.
    """
    zeros = np.zeros_like(row)
    return np.concatenate([zeros if kind == OTHERS else row, zeros if kind == EVENTS else row])


def interval(known: tuple[Block, ...], way: Floats) -> tuple[float, float]:
    """How far a sum of unknowns may lie below and above its true value, given what is known.

    At most and at least 0; infinite where nothing bounds it. For `way` see `extremes`.
    """
    low, high = extremes(known, way)
    return (
        -np.inf if low is None else min(float(way @ low), 0.0),
        np.inf if high is None else max(float(way @ high), 0.0),
    )


def extremes(known: tuple[Block, ...], way: Floats) -> tuple[Floats | None, Floats | None]:
    """Tables that agree with all that is known, where a sum is least and where it is greatest.

    Parameters
    ----------
    way
        The sum's coefficients, shape (2 · parts,), as `direction` gives them.

    Returns
    -------
    tuple
        Departures of all unknowns from the truth, shape (2 · parts,); None if unbounded.
    """
    low: Floats | None = np.zeros_like(way)
    high: Floats | None = np.zeros_like(way)
    for block in known:
        if (wanted := way[block.unknowns]).any():
            low = _with_block(low, block, wanted)
            high = _with_block(high, block, -wanted)
    return low, high


def _with_block(table: Floats | None, block: Block, wanted: Floats) -> Floats | None:
    if table is None:
        return None
    solved = solve(
        wanted, equal=block.equal, above=block.above, least=block.least, lowest=block.lowest
    )
    if solved is None:
        return None
    filled = table.copy()
    filled[block.unknowns] = solved
    return filled


def solve(
    wanted: Floats, *, equal: Sparse, above: Sparse, least: Floats, lowest: Floats
) -> Floats | None:
    """The x with the least wanted · x where equal · x = 0, above · x >= least, x >= lowest.

    None if there is no least one.

    Raises
    ------
    ArithmeticError
        The solver gave up.
    """
    from scipy import optimize

    linprog: Any = optimize.linprog  # its types know nothing of sparse arrays
    found = linprog(
        wanted,
        A_eq=equal if equal.shape[0] else None,
        b_eq=np.zeros(equal.shape[0]) if equal.shape[0] else None,
        A_ub=-above if above.shape[0] else None,
        b_ub=-least if above.shape[0] else None,
        bounds=np.column_stack([lowest, np.full(len(lowest), np.inf)]),
        method="highs",
    )
    if found.status == 0:
        return np.asarray(found.x)
    if found.status in (2, 3):
        return None
    raise ArithmeticError(f"linear program of the disclosure check: {found.message}")


def whole(low: float, high: float) -> tuple[float, float]:
    """The whole numbers between two departures from a whole number, as the outermost two."""
    return float(np.ceil(low - SLACK)), float(np.floor(high + SLACK))
