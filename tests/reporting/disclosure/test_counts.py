"""Complementary suppression of tables with margins: by hand, and against an attack."""

import numpy as np
import pytest
from tests.benchmarks.disclosure import Tally, attack, attack_table, attacked, random_counts

from sofs_bayes.reporting.disclosure.counts import (
    entries,
    frequency_table,
    margin_places,
    margins,
    protected,
)
from sofs_bayes.reporting.disclosure.rules import OutputRule

RULE = OutputRule()


def hidden_places(counts: list[list[int]]) -> set[tuple[int | None, ...]]:
    table = np.array(counts)
    flags = protected(frequency_table(table), RULE).hidden
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
    found = protected(frequency_table([[0, 60], [40, 50]]), OutputRule(zeros=True))
    assert not found.hidden.any()


def test_a_table_of_few_children_goes_as_a_whole() -> None:
    found = protected(frequency_table([[1, 2], [2, 1]]), RULE)
    assert found.hidden.all()


def test_a_small_margin_is_hidden() -> None:
    assert (0, None) in hidden_places([[3, 4], [400, 500], [300, 200]])


def test_a_group_between_two_totals_is_protected() -> None:
    """503 and 500 children: the three of the difference are never shown, and must not follow."""
    table = entries([[1, 1], [1, 0], [0, 1]], [500, 3], never_published=[2])
    found = protected(table, RULE)
    assert found.hidden[:2].any()
    apart = entries([[1, 1], [1, 0], [0, 1]], [500, 30], never_published=[2])
    assert not protected(apart, RULE).hidden[:2].any()


def test_what_is_out_already_cannot_be_hidden() -> None:
    table = entries([[1, 1], [1, 0], [0, 1]], [500, 3], published_before=[0], never_published=[2])
    found = protected(table, RULE)
    assert list(found.hidden) == [False, True, True]


def test_hidden_cells_have_as_many_values_as_the_threshold() -> None:
    counts = np.array([[3, 30, 12], [40, 50, 11], [15, 2, 60]])
    table = frequency_table(counts)
    found = protected(table, RULE)
    known = attacked(table.sums.toarray(), table.cells, ~found.hidden)
    assert min(known) >= RULE.threshold


def test_no_small_cell_of_random_tables_can_be_worked_out() -> None:
    alone, apart = attack(120, seed=7, bare=False)
    assert (alone.tables, apart.tables) == (90, 30)
    for tally in (alone, apart):
        assert tally.small > 100
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
        found = protected(entry, RULE)
        known = list(attacked(entry.sums.toarray(), entry.cells, ~found.hidden))
        assert all(each >= RULE.threshold for each in known)
