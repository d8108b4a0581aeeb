"""Complementary suppression on two-way tables, where the answer is known."""

import numpy as np
import pytest
import scipy.sparse as sp

from sofs_bayes.cells.bounds import EVENTS, Hidden, Table, direction, interval, outside, whole
from sofs_bayes.cells.suppression import complementary


def two_way(n: np.ndarray, events: np.ndarray) -> Table:
    """Patterns by row and column, with both totals known."""
    rows, columns = n.shape
    by_row = np.kron(np.eye(rows), np.ones(columns))
    by_column = np.kron(np.ones(rows), np.eye(columns))
    return Table(
        parts=sp.csr_array(np.eye(n.size)),
        events=events.ravel().astype(float),
        others=(n - events).ravel().astype(float),
        totals=sp.csr_array(np.vstack([by_row, by_column])),
        n_known=np.ones(rows + columns, dtype=bool),
        events_known=np.ones(rows + columns, dtype=bool),
    )


def only(shape: tuple[int, int], *places: tuple[int, int], n: bool = False) -> Hidden:
    events = np.zeros(shape, dtype=bool)
    for place in places:
        events[place] = True
    return Hidden(n=events.ravel() & n, events=events.ravel())


def nothing_sensitive(table: Table) -> np.ndarray:
    return np.zeros((3, table.parts.shape[1]), dtype=bool)


def test_one_hidden_cell_of_a_table_needs_a_rectangle() -> None:
    table = two_way(np.full((4, 4), 100), np.full((4, 4), 30))
    primary = only((4, 4), (1, 2))
    done = complementary(table, primary, width=10, sensitive=nothing_sensitive(table))
    found = done.hidden.events.reshape(4, 4)
    assert not done.hidden.n.any()
    assert found.sum() == 4
    assert found.any(axis=0).sum() == found.any(axis=1).sum() == 2
    assert done.unprotected == ()


def test_small_companions_are_preferred() -> None:
    n, events = np.full((3, 3), 500), np.full((3, 3), 100)
    n[0, 1] = n[1, 0] = n[1, 1] = 40
    events[:2, :2] = 15
    table = two_way(n, events)
    done = complementary(table, only((3, 3), (0, 0)), width=10, sensitive=nothing_sensitive(table))
    assert done.hidden.events.reshape(3, 3)[:2, :2].all()
    assert done.hidden.events.sum() == 4


def test_companions_too_small_to_help_call_for_more() -> None:
    """Events of 2 beside the hidden 3 leave it within 5: others must go as well."""
    events = np.array([[3, 2, 50], [2, 50, 50], [50, 50, 50]])
    table = two_way(np.full((3, 3), 200), events)
    primary = only((3, 3), (0, 0), (0, 1), (1, 0))
    done = complementary(table, primary, width=10, sensitive=nothing_sensitive(table))
    known = outside(table, done.hidden)
    for i in np.flatnonzero(done.hidden.events):
        low, high = whole(*interval(known, direction(np.eye(9)[i], EVENTS)))
        assert high - low >= 10
    assert done.unprotected == ()


def test_nothing_hidden_stays_so() -> None:
    table = two_way(np.full((3, 3), 100), np.full((3, 3), 30))
    done = complementary(table, only((3, 3)), width=10, sensitive=nothing_sensitive(table))
    assert not done.hidden.events.any()


def test_what_is_protected_already_is_left_alone() -> None:
    table = two_way(np.full((2, 3), 100), np.full((2, 3), 30))
    primary = only((2, 3), (0, 0), (0, 1), (1, 0), (1, 1))
    done = complementary(table, primary, width=10, sensitive=nothing_sensitive(table))
    assert (done.hidden.events == primary.events).all()


def test_what_cannot_be_protected_is_said() -> None:
    """A single column: each row's total is the cell."""
    table = two_way(np.full((3, 1), 100), np.full((3, 1), 30))
    done = complementary(table, only((3, 1), (0, 0)), width=10, sensitive=nothing_sensitive(table))
    assert done.unprotected == (0,)
    assert done.hidden.events.sum() == 1


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_patterns_does_not_matter_to_what_is_protected(seed: int) -> None:
    random = np.random.default_rng(seed)
    n = random.integers(50, 300, (3, 3))
    events = random.binomial(n, 0.1)
    table = two_way(n, events)
    primary = Hidden(n=np.zeros(9, dtype=bool), events=(events < 10).ravel())
    done = complementary(table, primary, width=10, sensitive=nothing_sensitive(table))
    swapped = two_way(n[::-1], events[::-1])
    flags = primary.events.reshape(3, 3)[::-1].ravel()
    again = complementary(
        swapped,
        Hidden(n=np.zeros(9, dtype=bool), events=flags),
        width=10,
        sensitive=nothing_sensitive(swapped),
    )
    assert bool(done.unprotected) == bool(again.unprotected)
