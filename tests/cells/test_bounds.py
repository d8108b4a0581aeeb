"""Bounds of hidden counts, on tables small enough to be worked out by hand."""

import numpy as np
import pytest
import scipy.sparse as sp

from sofs_bayes.cells.bounds import (
    COUNT,
    EVENTS,
    OTHERS,
    Hidden,
    Table,
    direction,
    interval,
    outside,
    whole,
)


def square(*, n_known: bool = True, events_known: bool = True) -> Table:
    """Two by two patterns with totals by row and column: n is 10 20 / 30 40, events a tenth."""
    n = np.array([10.0, 20.0, 30.0, 40.0])
    totals = np.array([[1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0], [0, 1, 0, 1]])
    return Table(
        parts=sp.csr_array(np.eye(4)),
        events=n / 10,
        others=n * 9 / 10,
        totals=sp.csr_array(totals),
        n_known=np.full(4, n_known),
        events_known=np.full(4, events_known),
    )


def hidden(n: list[int], events: list[int]) -> Hidden:
    flags = np.zeros((2, 4), dtype=bool)
    flags[0, n] = flags[1, [*n, *events]] = True
    return Hidden(n=flags[0], events=flags[1])


def bounds(table: Table, what: Hidden, kind: int, pattern: int = 0) -> tuple[float, float]:
    row = table.parts[[pattern]].toarray().ravel()
    return whole(*interval(outside(table, what), direction(row, kind)))


def test_nothing_hidden_is_known() -> None:
    assert outside(square(), hidden([], [])) == ()
    assert bounds(square(), hidden([], []), COUNT) == (0, 0)


def test_one_hidden_count_follows_from_totals() -> None:
    assert bounds(square(), hidden([0], []), COUNT) == (0, 0)
    assert bounds(square(), hidden([], [0]), EVENTS) == (0, 0)


def test_a_hidden_square_leaves_what_its_smallest_counts_leave() -> None:
    """n may fall from 10 to 1, or rise until 20 is down to 1 (a listed pattern has someone)."""
    everything = hidden([0, 1, 2, 3], [])
    assert bounds(square(), everything, COUNT) == (-9, 19)
    assert bounds(square(), hidden([], [0, 1, 2, 3]), EVENTS) == (-1, 2)
    assert bounds(square(), everything, EVENTS) == (-1, 2)


def test_non_events_move_with_the_events_of_a_known_count() -> None:
    assert bounds(square(), hidden([], [0, 1, 2, 3]), OTHERS) == (-2, 1)


def test_without_totals_events_are_bounded_by_their_count_and_counts_by_nothing() -> None:
    unknown = square(n_known=False, events_known=False)
    assert bounds(unknown, hidden([], [0]), EVENTS) == (-1, 9)
    assert interval(outside(unknown, hidden([0], [])), np.ones(8))[1] == np.inf


def test_overlaps_are_known_up_to_what_is_left_of_each() -> None:
    """Patterns of 12 and 15 that share 10: at most 12 do, and 2 and 5 are left, give or take."""
    table = Table(
        parts=sp.csr_array(np.array([[1, 1, 0], [1, 0, 1]])),
        events=np.array([4.0, 1.0, 2.0]),
        others=np.array([6.0, 1.0, 3.0]),
        totals=sp.csr_array(np.zeros((0, 2))),
        n_known=np.zeros(0, dtype=bool),
        events_known=np.zeros(0, dtype=bool),
    )
    nothing = Hidden(n=np.zeros(2, dtype=bool), events=np.zeros(2, dtype=bool))
    known = outside(table, nothing)
    left = [whole(*interval(known, direction(np.eye(3)[k], COUNT))) for k in range(3)]
    assert left == [(-10, 2), (-2, 10), (-2, 10)]
    nested = Table(
        parts=table.parts[:, :2],
        events=table.events[:2],
        others=table.others[:2],
        totals=table.totals,
        n_known=table.n_known,
        events_known=table.events_known,
    )
    known = outside(nested, nothing)
    assert whole(*interval(known, direction(np.array([0.0, 1.0]), COUNT))) == (0, 0)


@pytest.mark.parametrize(
    ("ends", "expected"), [((-1.5, 2.5), (-1, 2)), ((-1.0000001, 1.9999999), (-1, 2))]
)
def test_departures_are_whole(ends: tuple[float, float], expected: tuple[int, int]) -> None:
    assert whole(*ends) == expected
