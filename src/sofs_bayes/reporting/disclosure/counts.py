"""Counts and their totals → which of them must be hidden so that no small one can be worked out.

Cells are whole numbers that nobody may publish otherwise; entries are sums of cells: the cells
themselves, margins, and whatever else is published or could be worked out. Small entries are
hidden, and then as many others as it takes: someone who knows every published entry, and that
counts are whole and not negative, must be left with at least the threshold's number of values
for every hidden one (complementary suppression, after Kelly, Golden and Assad 1992). What they
are left with is worked out exactly, in whole numbers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from sofs_bayes.cells.bounds import SLACK, Flags, Floats, Sparse, solve
from sofs_bayes.reporting.disclosure.rules import OutputRule

# Whole numbers in place of the programs' fractions.
WHOLE = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """Sums of cells, and what may be done with each.

    Attributes
    ----------
    sums
        Which cells an entry is the sum of, 0 or 1 (or a difference's -1), shape (entries, cells).
    cells
        The cells' counts, shape (cells,).
    published_before
        Entries that are out already and cannot be hidden; default: none.
    never_published
        Entries that are not shown but must not be worked out if they are small; default: none.
    """

    sums: Sparse
    cells: Floats
    published_before: Flags
    never_published: Flags

    @property
    def values(self) -> Floats:
        """The count of each entry."""
        return np.asarray(self.sums @ self.cells)


def entries(
    sums: Sparse,
    cells: npt.ArrayLike,
    *,
    published_before: Sequence[int] = (),
    never_published: Sequence[int] = (),
) -> Entries:
    """Entries with the places of those that are out already, and of those never shown."""
    sums = sp.csr_array(sums)
    flags = np.zeros((2, sums.shape[0]), dtype=bool)
    flags[0, list(published_before)] = True
    flags[1, list(never_published)] = True
    return Entries(
        sums=sums,
        cells=np.asarray(cells, dtype=float).ravel(),
        published_before=flags[0],
        never_published=flags[1],
    )


def frequency_table(counts: npt.ArrayLike) -> Entries:
    """A table of any number of dimensions with all its margins, as `margin_places` has them."""
    counts = np.asarray(counts)
    return entries(margins(counts.shape), counts)


def margin_places(shape: Sequence[int]) -> Iterator[tuple[int | None, ...]]:
    """The place of each cell and margin: a position per dimension, None for its total."""
    return product(*[(*range(size), None) for size in shape])


def margins(shape: Sequence[int]) -> Sparse:
    """Which cells make up each cell and margin, in the order of `margin_places`."""
    of_dimension = [sp.csr_array(np.vstack([np.eye(size), np.ones(size)])) for size in shape]
    joined: Any = sp.csr_array(np.ones((1, 1)))
    for each in of_dimension:
        joined = sp.kron(joined, each, format="csr")
    return joined


@dataclass(frozen=True, slots=True, kw_only=True)
class Protected:
    """Which entries must not be shown.

    Attributes
    ----------
    hidden
        Shape (entries,); entries that are never published are among them.
    small
        Those that are hidden as they are small themselves.
    whole_table
        Whether everything had to be hidden, as nothing less protects the small ones.
    """

    hidden: Flags
    small: Flags
    whole_table: bool


def protected(table: Entries, rule: OutputRule, *, also: Sequence[int] = ()) -> Protected:
    """What has to be hidden of a table, so that nothing hidden can be worked out.

    Parameters
    ----------
    also
        Entries to be hidden for another reason than their size; they are protected alike.
    """
    small = np.array([rule.small(value) for value in table.values])
    small[list(also)] = True
    targets = small & ~table.published_before
    hidden = targets | table.never_published
    searched = _Search.of(table, rule.threshold)
    while (place := searched.known(hidden, targets)) is not None:
        more = searched.companions(hidden, place)
        if more is None:
            return Protected(hidden=~table.published_before, small=small, whole_table=True)
        hidden = hidden | more
        targets = targets | more
    return Protected(hidden=hidden, small=small, whole_table=False)


@dataclass(slots=True, kw_only=True)
class _Search:
    """Tables that agree with all that is published, as they are found, and what they leave open.

    What agrees once agrees for ever, as hiding more only allows more.
    """

    table: Entries
    sums: Floats
    width: int
    found: Floats
    done: set[int]

    @classmethod
    def of(cls, table: Entries, width: int) -> "_Search":
        nothing = np.zeros((1, len(table.cells)))
        sums = table.sums.toarray()  # small, and sparse arrays would cost more than programs
        return cls(table=table, sums=sums, width=width, found=nothing, done=set())

    def known(self, hidden: Flags, targets: Flags) -> int | None:
        """The first hidden target that published entries tell too closely."""
        for place in np.flatnonzero(targets):
            if int(place) not in self.done and not self._open(hidden, int(place)):
                return int(place)
            self.done.add(int(place))
        return None

    def _open(self, hidden: Flags, place: int) -> bool:
        row = self.sums[place]
        if self._spread(row) >= self.width:
            return True
        for sign in (1.0, -1.0):
            end = furthest(self.sums[~hidden], self.table.cells, sign * row, within=self.width)
            if end is not None:
                self.found = np.vstack([self.found, end])
        return self._spread(row) >= self.width

    def _spread(self, row: Floats) -> float:
        values = self.found @ row
        return float(values.max() - values.min())

    def companions(self, hidden: Flags, place: int) -> Flags | None:
        """Entries to hide besides, so that the target stays open; None if nothing helps."""
        known = self.found
        for spare in (0, 1, 3):  # the program's tables need not be of whole numbers
            pair = _apart(self.table, self.sums, hidden, self.sums[place], self.width + spare)
            if pair is None:
                continue
            may_move = ~hidden & ~self.table.published_before
            moved = may_move & (np.abs(self.sums @ pair.T) > WHOLE).any(axis=1)
            if np.abs(pair - np.round(pair)).max() < SLACK:
                self.found = np.vstack([known, np.round(pair)])
            if moved.any() and self._open(hidden | moved, place):
                return moved
            self.found = known  # what was found agrees only if these were hidden
        return None


def furthest(shown: Floats, cells: Floats, row: Floats, *, within: int) -> Floats | None:
    """The table of whole numbers, as a departure, where a sum is as large as shown ones let.

    Parameters
    ----------
    shown
        Which cells each published sum is over, shape (sums, cells).
    cells
        The true table.
    row
        The sum's coefficients, shape (cells,).
    within
        How far it is worth looking: cells rise by at most twice as much.
    """
    from scipy import optimize

    solved = optimize.milp(
        -row,
        constraints=[optimize.LinearConstraint(shown, 0.0, 0.0)] if len(shown) else [],
        integrality=np.ones(len(row), dtype=int),
        # Cells that rise by twice the width show enough, and keep every program bounded.
        bounds=optimize.Bounds(-cells, np.full(len(row), 2.0 * within)),
        options={"time_limit": 20.0},
    )
    return None if solved.x is None else np.round(solved.x)


def _apart(table: Entries, sums: Floats, hidden: Flags, row: Floats, width: float) -> Floats | None:
    """Two tables that leave a target its width, as departures from the truth, shape (2, cells).

    They depart in as few and small published entries as a linear program finds. None if there
    are none, as where an entry published before tells the target.
    """
    may_move = ~hidden & ~table.published_before
    fixed, free = sums[table.published_before & ~hidden], sums[may_move]
    values = table.values[may_move]
    cost = 1.0 + values / max(values.mean(), 1.0) if len(values) else values
    count, moves = len(row), len(free)
    up, left = np.eye(moves), np.zeros((len(fixed), 4 * moves))
    nothing, none = np.zeros((moves, count)), np.zeros((moves, 2 * moves))
    stay = np.zeros((len(fixed), count))
    equal = np.vstack(
        [
            np.hstack([free, nothing, -up, up, none]),
            np.hstack([nothing, free, none, -up, up]),
            np.hstack([fixed, stay, left]),
            np.hstack([stay, fixed, left]),
        ]
    )
    found = solve(
        np.concatenate([np.zeros(2 * count), *[cost] * 4]),
        equal=equal,
        above=np.concatenate([row, -row, np.zeros(4 * moves)])[None, :],
        least=np.array([width]),
        lowest=np.concatenate([-table.cells, -table.cells, np.zeros(4 * moves)]),
    )
    return None if found is None else found[: 2 * count].reshape(2, count)
