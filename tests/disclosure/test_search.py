"""Complementary suppression of tables with margins: by hand, and against an attack."""

import os
from dataclasses import replace

import numpy as np
import pytest
from tests.benchmarks.disclosure import Tally, attack, attack_table, attacked, random_counts
from tests.frequency import frequency_table, margin_places, margins

from sofs_bayes.disclosure import search
from sofs_bayes.disclosure.rules import OutputRule
from sofs_bayes.disclosure.search import (
    Entries,
    blocks,
    entries,
    interval,
    protected,
    suppressed,
    whole,
)

RULE = OutputRule()


def hidden_places(counts: list[list[int]]) -> set[tuple[int | None, ...]]:
    table = np.array(counts)
    flags = suppressed(frequency_table(table), RULE)
    return {place for place, flag in zip(margin_places(table.shape), flags, strict=True) if flag}


def test_margins_are_sums_over_dimensions() -> None:
    counts = np.arange(24).reshape(2, 3, 4)
    found = margins(counts.shape) @ counts.ravel()
    for place, value in zip(margin_places(counts.shape), found, strict=True):
        index = tuple(slice(None) if at is None else at for at in place)
        assert value == counts[index].sum()


def test_nothing_small_hides_nothing() -> None:
    assert hidden_places([[20, 30], [40, 50]]) == set()


def test_one_small_cell_takes_a_rectangle() -> None:
    assert hidden_places([[3, 30], [40, 50]]) == {(0, 0), (0, 1), (1, 0), (1, 1)}


def test_a_zero_is_hidden_and_the_full_cell_beside_it() -> None:
    """Of 60 children all had the event: that says something about each of them."""
    found = hidden_places([[0, 60], [40, 50], [70, 80]])
    assert {(0, 0), (0, 1)} <= found


def test_zeros_may_stay_where_they_are_allowed() -> None:
    found = suppressed(frequency_table([[0, 60], [40, 50]]), OutputRule(zeros=True))
    assert not found.any()


def test_a_table_of_few_children_goes_as_a_whole() -> None:
    found = suppressed(frequency_table([[1, 2], [2, 1]]), RULE)
    assert found.all()


def test_a_small_margin_is_hidden() -> None:
    assert (0, None) in hidden_places([[3, 4], [400, 500], [300, 200]])


def test_a_group_between_two_totals_is_protected() -> None:
    """503 and 500 children: the three of the difference are never shown, and must not follow."""
    table = entries([[1, 1], [1, 0], [0, 1]], [500, 3], unseen=[2])
    found = suppressed(table, RULE)
    assert found[:2].any()
    apart = entries([[1, 1], [1, 0], [0, 1]], [500, 30], unseen=[2])
    assert not suppressed(apart, RULE)[:2].any()


def test_what_is_out_already_cannot_be_hidden() -> None:
    table = entries([[1, 1], [1, 0], [0, 1]], [500, 3], known=[0], unseen=[2])
    found = suppressed(table, RULE)
    assert list(found) == [False, True, True]


def test_hidden_cells_have_as_many_values_as_the_threshold() -> None:
    counts = np.array([[3, 30, 12], [40, 50, 11], [15, 2, 60]])
    table = frequency_table(counts)
    found = suppressed(table, RULE)
    known = attacked(table.sums.toarray(), table.cells, ~found)
    assert min(known) >= RULE.threshold


@pytest.mark.parametrize("tables", [32, pytest.param(120, marks=pytest.mark.long)])
def test_no_small_cell_of_random_tables_can_be_worked_out(tables: int) -> None:
    alone, apart = attack(tables, seed=7, bare=False)
    assert (alone.tables, apart.tables) == (3 * tables // 4, tables // 4)
    for tally in (alone, apart):
        assert tally.small > 5 * tables // 6
        assert (tally.exact, tally.close, tally.broken) == (0, 0, 0)
        assert tally.hidden < tally.entries  # not by hiding everything


def test_the_attack_works_where_small_counts_are_hidden_alone() -> None:
    rng, alone = np.random.default_rng(8), Tally()
    for _ in range(8):
        attack_table(random_counts(rng), alone, bare=True)
    assert alone.bare_tables >= 5
    assert alone.bare_broken > 0.5 * alone.bare_tables
    assert alone.bare_exact > 0


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_categories_does_not_matter_to_safety(seed: int) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.poisson(15, (3, 4))
    for table in (counts, counts[::-1, ::-1]):
        entry = frequency_table(table)
        found = suppressed(entry, RULE)
        known = list(attacked(entry.sums.toarray(), entry.cells, ~found))
        assert all(each >= RULE.threshold for each in known)


# ------------------------------------------------------------- what an outsider is left with


def listed_square(*, known: bool = True) -> Entries:
    """Two by two listed counts of 10 20 / 30 40, with totals by row and column."""
    totals = [[1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0], [0, 1, 0, 1]]
    sums = np.vstack([np.eye(4), *([totals] if known else [])])
    table = entries(sums, [10, 20, 30, 40], known=range(4, len(sums)))
    return replace(table, least=np.arange(len(sums)) < 4)


def bounds(table: Entries, hidden: list[int], row: list[float]) -> tuple[float, float]:
    flags = np.zeros(table.sums.shape[0], dtype=bool)
    flags[hidden] = True
    return interval(blocks(table, flags), np.array(row))


def test_what_follows_from_published_entries_one_by_one_is_no_unknown() -> None:
    table = listed_square()
    assert blocks(table, np.zeros(8, dtype=bool)) == ()
    assert bounds(table, [0], [1, 0, 0, 0]) == (0, 0)


def test_a_hidden_square_leaves_what_its_smallest_counts_leave() -> None:
    """10 may fall to 1, or rise until 20 is down to 1 (what is listed has someone in it)."""
    everything = [0, 1, 2, 3]
    assert bounds(listed_square(), everything, [1, 0, 0, 0]) == (-9, 19)
    unlisted = replace(listed_square(), least=np.zeros(8, dtype=bool))
    assert bounds(unlisted, everything, [1, 0, 0, 0]) == (-10, 20)


def test_without_totals_a_hidden_count_is_bounded_by_nothing() -> None:
    assert bounds(listed_square(known=False), [0], [1, 0, 0, 0]) == (-9, np.inf)


@pytest.mark.parametrize(
    ("ends", "expected"), [((-1.5, 2.5), (-1, 2)), ((-1.0000001, 1.9999999), (-1, 2))]
)
def test_departures_are_whole(ends: tuple[float, float], expected: tuple[int, int]) -> None:
    assert whole(*ends) == expected


def two_way(counts: list[list[int]]) -> Entries:
    """Counts whose totals by row and column are known to everybody."""
    rows, columns = np.array(counts).shape
    cells = np.eye(rows * columns)
    totals = [np.kron(np.eye(rows), np.ones(columns)), np.kron(np.ones(rows), np.eye(columns))]
    sums = np.vstack([cells, *totals])
    return entries(sums, counts, known=range(rows * columns, len(sums)))


def targets(table: Entries, *places: int) -> np.ndarray:
    flags = np.zeros(table.sums.shape[0], dtype=bool)
    flags[list(places)] = True
    return flags


def test_small_companions_are_preferred() -> None:
    table = two_way([[15, 15, 100], [15, 15, 100], [100, 100, 100]])
    found = protected(table, targets(table, 0), 10)
    assert list(np.flatnonzero(found.hidden)) == [0, 1, 3, 4]
    assert found.open == ()


def test_what_is_protected_already_is_left_alone() -> None:
    table = two_way([[30, 30, 30], [30, 30, 30]])
    square = targets(table, 0, 1, 3, 4)
    assert (protected(table, square, 10).hidden == square).all()


def test_what_cannot_be_protected_is_said() -> None:
    """A single column: each row's total is the cell."""
    table = two_way([[30], [30], [30]])
    assert protected(table, targets(table, 0), 10).open == (0,)
    assert suppressed(table, RULE, also=targets(table, 0))[:3].all()


def test_entries_of_one_label_are_hidden_together() -> None:
    table = entries(np.eye(4), [3, 40, 50, 60], together=["a", "a", "b", "b"])
    assert list(suppressed(table, RULE)) == [True, True, False, False]


def test_what_the_solver_writes_reaches_no_one(capfd: pytest.CaptureFixture[str]) -> None:
    os.write(1, b"before")
    with search._silent():
        os.write(1, b"HiGHS says something")
    os.write(1, b" and after")
    assert capfd.readouterr().out == "before and after"


def test_a_search_that_need_not_be_whole_ends_at_what_nothing_protects() -> None:
    """Two cells of which one is 3 and the total is known: nothing can hide either."""
    table = entries(np.array([[1, 0], [0, 1], [1, 1]]), [3, 4], known=[2])
    targets = np.array([True, True, False])
    whole, first = (protected(table, targets, 10, whole=each) for each in (True, False))
    assert whole.open == (0, 1)
    assert first.open == (0,)
    free = entries(np.array([[1, 0], [0, 1], [1, 1]]), [3, 40])
    both = [protected(free, np.array([True, False, False]), 10, whole=w) for w in (True, False)]
    assert not both[0].open and not both[1].open
    np.testing.assert_array_equal(both[0].hidden, both[1].hidden)
