"""Counts and their totals → which of them must be hidden so that no small one can be worked out.

Unknowns are whole numbers that nobody may publish otherwise; entries are sums of unknowns: cells,
margins, and whatever else is published or could be worked out. Small entries are hidden, and then
as many others as it takes: someone who knows every published entry, and that counts are whole and
not negative, must be left with at least so many values for every hidden one (complementary
suppression, after Kelly, Golden and Assad 1992). Tables are written as departures from the truth.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from sofs_bayes.disclosure.rules import OutputRule

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Sparse = Any  # scipy's sparse arrays have no usable types

# Linear programs are solved to about 1e-7; counts are whole numbers.
SLACK = 1e-6
WHOLE = 1e-3
# A search for whole numbers that takes longer than so many seconds has found none.
PATIENCE = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """Sums of unknowns, and what may be done with each.

    Attributes
    ----------
    sums
        Which unknowns an entry is the sum of, 0 or 1 (or a difference's -1), shape (entries,
        unknowns).
    cells
        The true unknowns, shape (unknowns,).
    known
        Entries that are out already, or known to everybody, and cannot be hidden.
    unseen
        Entries that are not shown but must not be worked out if they are targets.
    price
        What hiding an entry costs.
    drags
        Which entries are hidden with an entry, shape (entries, entries); itself among them.
    least
        Entries known to be at least 1, as those of patterns that are listed.
    """

    sums: Sparse
    cells: Floats
    known: Flags
    unseen: Flags
    price: Floats
    drags: Sparse
    least: Flags

    @property
    def values(self) -> Floats:
        """The count of each entry."""
        return np.asarray(self.sums @ self.cells)

    def with_dragged(self, hidden: Flags) -> Flags:
        """The hidden entries with those that are hidden with them."""
        return np.asarray(self.drags.T @ hidden > 0) & ~self.known

    def published(self, hidden: Flags) -> Flags:
        """What an outsider knows exactly."""
        return self.known | ~(hidden | self.unseen)


def entries(
    sums: Sparse,
    cells: npt.ArrayLike,
    *,
    known: Sequence[int] = (),
    unseen: Sequence[int] = (),
    together: Sequence[Any] | None = None,
) -> Entries:
    """Entries with the places of those that are known, and of those never shown.

    Parameters
    ----------
    together
        A label of each entry; those of one label are hidden together. Default: each by itself.
    """
    sums, cells = sp.csr_array(sums), np.asarray(cells, dtype=float).ravel()
    count = sums.shape[0]
    flags = np.zeros((3, count), dtype=bool)
    flags[0, list(known)] = True
    flags[1, list(unseen)] = True
    labels = {each: i for i, each in enumerate(dict.fromkeys(together or range(count)))}
    of = [labels[each] for each in together or range(count)]
    in_group = sp.csr_array((np.ones(count), (range(count), of)), shape=(count, len(labels)))
    values = np.abs(sums @ cells)
    return Entries(
        sums=sums,
        cells=cells,
        known=flags[0],
        unseen=flags[1],
        price=1.0 + values / max(values.mean(), 1.0) if count else values,
        drags=(in_group @ in_group.T).tocsr(),
        least=flags[2],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Protected:
    """Which entries must not be shown.

    Attributes
    ----------
    hidden
        Shape (entries,); entries that are never shown are among them.
    open
        Places of targets that nothing protects: what cannot be hidden tells them.
    """

    hidden: Flags
    open: tuple[int, ...]


def protected(table: Entries, targets: Flags, width: int, *, whole: bool = True) -> Protected:
    """What has to be hidden of a table, so that no target can be worked out.

    Every target, and whatever is hidden for their sake, must be uncertain to an outsider by at
    least `width`: so many whole numbers lie between the lowest and the highest it could be.

    Parameters
    ----------
    targets
        Entries that must not be known, shape (entries,).
    whole
        Whether to go on after a target that nothing protects.
    """
    targets = table.with_dragged(targets) | (targets & ~table.known)
    hidden = targets.copy()
    search = _Search(table=table, width=width, found=np.zeros((1, len(table.cells))))
    left: list[int] = []
    while (waiting := np.flatnonzero(targets & ~search.done)).size:
        for place in map(int, waiting):
            search.done[place] = True
            if search.is_open(hidden, place):
                continue
            if (more := search.companions(hidden, place)) is None:
                left.append(place)
                if not whole:
                    return Protected(hidden=hidden | table.unseen, open=(place,))
            else:
                hidden, targets = hidden | more, targets | more
    return Protected(hidden=hidden | table.unseen, open=tuple(left))


def suppressed(table: Entries, rule: OutputRule, *, also: Flags | None = None) -> Flags:
    """What of a table that is published as far as may be has to be hidden.

    Small entries, and as many more as it takes; all of it where nothing less protects them.

    Parameters
    ----------
    also
        Entries to be hidden for another reason than their size; they are protected alike.
    """
    small = rule.few(table.values)
    found = protected(table, small if also is None else small | also, rule.threshold)
    return ~table.known if found.open else found.hidden


@dataclass(slots=True, kw_only=True)
class _Search:
    """Tables that agree with all that is published, as they are found, and what is settled.

    What agrees once agrees for ever, as hiding more only allows more.
    """

    table: Entries
    width: int
    found: Floats
    done: Flags = field(init=False)
    _blocks: "tuple[bytes, tuple[Block, ...]] | None" = None

    def __post_init__(self) -> None:
        self.done = np.zeros(self.table.sums.shape[0], dtype=bool)

    def is_open(self, hidden: Flags, place: int) -> bool:
        """Whether published entries leave a target its width."""
        row = self.table.sums[[place]].toarray().ravel()
        if self._spread(row) >= self.width:
            return True
        known = self._known(hidden)
        ends = [relaxed(known, sign * row, within=self.width) for sign in (1.0, -1.0)]
        # No whole number lies further out than the furthest of all.
        if sum(np.floor(abs(end @ row) + SLACK) for end in ends) < self.width:
            return False
        self._keep(*(end for end in ends if np.abs(end - np.round(end)).max() <= SLACK))
        for sign, end in zip((1.0, -1.0), ends, strict=True):
            if self._spread(row) >= self.width:
                break
            reach = min(self.width, np.floor(abs(end @ row) + SLACK))
            self._keep(reaching(known, sign * row, reach, within=self.width))
        for sign in (1.0, -1.0):
            if self._spread(row) >= self.width:
                break
            self._keep(furthest(known, sign * row, within=self.width))
        return self._spread(row) >= self.width

    def _keep(self, *tables: Floats) -> None:
        """Note tables of whole numbers."""
        self.found = np.vstack([self.found, *map(np.round, tables)])

    def _known(self, hidden: Flags) -> "tuple[Block, ...]":
        key = hidden.tobytes()
        if self._blocks is None or self._blocks[0] != key:
            self._blocks = key, blocks(self.table, hidden)
        return self._blocks[1]

    def _spread(self, row: Floats) -> float:
        values = self.found @ row
        return float(np.floor(values.max() + SLACK) - np.ceil(values.min() - SLACK))

    def companions(self, hidden: Flags, place: int) -> Flags | None:
        """Entries to hide besides, so that the target stays open; None if nothing helps."""
        known, table = self.found, self.table
        for spare in (0, 1, 3):  # the program's tables need not be of whole numbers
            pair = _apart(table, hidden, place, self.width + spare)
            if pair is None:  # nor are there any that lie further apart
                return None
            may_move = table.published(hidden) & ~table.known
            moved = may_move & (np.abs(table.sums @ pair.T) > WHOLE).any(axis=1)
            more = table.with_dragged(moved) & ~hidden
            if np.abs(pair - np.round(pair)).max() < SLACK:
                self.found = np.vstack([known, np.round(pair)])
            if more.any() and self.is_open(hidden | more, place):
                return more
            self.found = known  # what was found agrees only if these were hidden
        return None


# ------------------------------------------------------------------- what an outsider knows


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


def blocks(table: Entries, hidden: Flags) -> tuple[Block, ...]:
    """All that an outsider knows where some entries are hidden.

    What follows from published entries one by one is in no block.
    """
    equal = table.sums[table.published(hidden)].tocsc()
    free = np.ones(len(table.cells), dtype=bool)
    while (alone := np.asarray((equal != 0) @ free.astype(float)) == 1).any():
        told = np.asarray((equal[alone] != 0).T @ np.ones(int(alone.sum()))) > 0
        free &= ~told
    unknown = np.flatnonzero(free)
    listed = table.least & ~table.published(hidden)
    equal, above = equal[:, unknown], table.sums[listed].tocsc()[:, unknown]
    least = 1.0 - table.values[listed]
    found = []
    for inside in _together(sp.vstack([equal, above])):
        some, more = equal[:, inside].tocsr(), above[:, inside].tocsr()
        rows, bounds = np.diff(some.indptr) > 0, np.diff(more.indptr) > 0
        found.append(
            Block(
                unknowns=unknown[inside],
                equal=some[rows],
                above=more[bounds],
                least=least[bounds],
                lowest=-table.cells[unknown[inside]],
            )
        )
    return tuple(found)


def _together(system: Sparse) -> list[npt.NDArray[np.intp]]:
    """The unknowns (columns) in groups that no condition (row) joins."""
    from scipy.sparse.csgraph import connected_components

    if not system.shape[0]:
        return [np.array([i]) for i in range(system.shape[1])]
    pattern = abs(system)
    joined = sp.block_array([[None, pattern], [pattern.T, None]])
    _, labels = connected_components(joined, directed=False)
    of_columns = labels[system.shape[0] :]
    order = np.argsort(of_columns, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(of_columns[order])) + 1) if len(order) else []


def furthest(known: tuple[Block, ...], row: Floats, *, within: int) -> Floats:
    """A table of whole numbers that agrees with all that is known, where a sum is large.

    As large as can be where unknowns rise by at most twice `within`, which shows enough; the
    truth itself where none is found.
    """
    table = np.zeros_like(row)
    for block in known:
        if (wanted := row[block.unknowns]).any():
            solved = solve(-wanted, block, highest=2.0 * within)
            if solved is None or np.abs(solved - np.round(solved)).max() > SLACK:
                solved = _in_whole_numbers(-wanted, block, highest=2.0 * within)
            table[block.unknowns] = np.round(solved)
    return table


def relaxed(known: tuple[Block, ...], row: Floats, *, within: int) -> Floats:
    """The same where unknowns need not be whole numbers: nothing whole reaches further."""
    table = np.zeros_like(row)
    for block in known:
        if (wanted := row[block.unknowns]).any():
            solved = solve(-wanted, block, highest=2.0 * within)
            table[block.unknowns] = 0.0 if solved is None else solved
    return table


def reaching(known: tuple[Block, ...], row: Floats, reach: float, *, within: int) -> Floats:
    """Some table of whole numbers that agrees with all that is known, where a sum is `reach`.

    Far cheaper than the furthest, as the first that is found will do; the truth itself where
    there is none, or where unknowns of several blocks would have to reach it together.
    """
    table, highest = np.zeros_like(row), 2.0 * within
    touched = [block for block in known if row[block.unknowns].any()]
    if len(touched) == 1:
        [block] = touched
        wanted = sp.csr_array(row[block.unknowns][None, :])
        asked = replace(
            block,
            above=sp.vstack([block.above, wanted]).tocsr(),
            least=np.append(block.least, reach),
        )
        nothing = np.zeros(len(block.unknowns))
        table[block.unknowns] = np.round(_in_whole_numbers(nothing, asked, highest=highest))
    return table


def interval(known: tuple[Block, ...], row: Floats) -> tuple[float, float]:
    """How far a sum of unknowns may lie below and above its true value, given what is known.

    At most and at least 0; infinite where nothing bounds it.
    """
    ends = []
    for sign in (1.0, -1.0):
        least = 0.0
        for block in known:
            if (wanted := sign * row[block.unknowns]).any():
                solved = solve(wanted, block)
                least += -np.inf if solved is None else min(float(wanted @ solved), 0.0)
        ends.append(sign * least)
    return ends[0], ends[1]


def whole(low: float, high: float) -> tuple[float, float]:
    """The whole numbers between two departures from a whole number, as the outermost two."""
    return float(np.ceil(low - SLACK)), float(np.floor(high + SLACK))


def solve(wanted: Floats, block: Block, *, highest: float = np.inf) -> Floats | None:
    """The x with the least wanted · x that agrees with a block; None if there is no least one.

    Raises
    ------
    ArithmeticError
        The solver gave up.
    """
    from scipy import optimize

    equal, above = block.equal, block.above
    linprog: Any = optimize.linprog  # its types know nothing of sparse arrays
    found = linprog(
        wanted,
        A_eq=equal if equal.shape[0] else None,
        b_eq=np.zeros(equal.shape[0]) if equal.shape[0] else None,
        A_ub=-above if above.shape[0] else None,
        b_ub=-block.least if above.shape[0] else None,
        bounds=np.column_stack([block.lowest, np.full(len(block.lowest), highest)]),
        method="highs",
    )
    if found.status == 0:
        return np.asarray(found.x)
    if found.status in (2, 3):
        return None
    raise ArithmeticError(f"linear program of the disclosure check: {found.message}")


def _in_whole_numbers(wanted: Floats, block: Block, *, highest: float) -> Floats:
    """The same in whole numbers, by branch and bound; no departure where it finds none."""
    from scipy import optimize

    conditions = []
    if block.equal.shape[0]:
        conditions.append(optimize.LinearConstraint(block.equal, 0.0, 0.0))
    if block.above.shape[0]:
        conditions.append(optimize.LinearConstraint(block.above, block.least, np.inf))
    with _silent():
        solved = optimize.milp(
            wanted,
            constraints=conditions,
            integrality=np.ones(len(wanted), dtype=int),
            bounds=optimize.Bounds(block.lowest, np.full(len(wanted), highest)),
            options={"time_limit": PATIENCE},
        )
    return np.zeros_like(wanted) if solved.x is None else np.asarray(solved.x)


@contextmanager
def _silent() -> Iterator[None]:
    """Nothing of what the solver itself writes reaches standard output, which others read."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def _apart(table: Entries, hidden: Flags, place: int, width: float) -> Floats | None:
    """Two tables that leave a target its width, as departures from the truth, shape (2, cells).

    They depart in as few and small published entries as a linear program finds. None if there
    are none, as where an entry that is known tells the target.
    """
    may_move = table.published(hidden) & ~table.known
    free, fixed = table.sums[may_move], table.sums[table.known]
    row, listed = table.sums[[place]], table.sums[table.least]
    count, moves = len(table.cells), free.shape[0]
    cost = table.price[may_move]
    one = sp.eye_array(moves)
    still = [sp.csr_array((part.shape[0], 2 * moves)) for part in (fixed, listed)]
    span = sp.hstack([row, -row, sp.csr_array((1, 4 * moves))])
    least = 1.0 - table.values[table.least]
    pair = Block(
        unknowns=np.arange(2 * count + 4 * moves),
        equal=sp.vstack([_twice(free, sp.hstack([-one, one])), _twice(fixed, still[0])]).tocsr(),
        above=sp.vstack([_twice(listed, still[1]), span]).tocsr(),
        least=np.concatenate([least, least, [width]]),
        lowest=np.concatenate([-table.cells, -table.cells, np.zeros(4 * moves)]),
    )
    found = solve(np.concatenate([np.zeros(2 * count), *[cost] * 4]), pair)
    return None if found is None else found[: 2 * count].reshape(2, count)


def _twice(of_unknowns: Sparse, of_moves: Sparse) -> Sparse:
    """The same conditions for both tables: unknowns of both first, then the moves of both."""
    return sp.hstack(
        [sp.block_diag([of_unknowns, of_unknowns]), sp.block_diag([of_moves, of_moves])]
    ).tocsr()
