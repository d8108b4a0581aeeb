"""Imbalance and common support before and after matching."""

import math
from collections import Counter
from collections.abc import Callable, Hashable
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sofs_bayes.matching.balance import ALL, BalanceRow, balance, imbalance
from sofs_bayes.matching.strata import match, match_frame
from sofs_bayes.spec import ChildrenAnalysis

# Sums of some hundred shares below 1, in another order.
ROUNDING = 1e-12

MakeFrame = Callable[..., pd.DataFrame]


def balance_of(stacked: pd.DataFrame, analysis: ChildrenAnalysis) -> tuple[BalanceRow, ...]:
    with duckdb.connect() as connection:
        connection.register("given", stacked)
        connection.execute("CREATE TABLE stacked AS SELECT * FROM given")
        return balance(match(connection, analysis), analysis)


def cell(row: Any) -> Hashable:
    age = None if math.isnan(row.age) else math.floor(row.age)
    return (row.group, row.post, row.gender, row.need, age)


def by_hand(frame: pd.DataFrame, weights: pd.Series) -> tuple[float, float, float, int]:
    """L1, local common support, pilots supported and cells, by a dictionary."""
    sums: dict[int, Counter[Hashable]] = {0: Counter(), 1: Counter()}
    for row, weight in zip(frame.itertuples(), weights, strict=True):
        sums[row.pilot][cell(row)] += weight
    totals = {pilot: math.fsum(counts.values()) for pilot, counts in sums.items()}
    cells = {*sums[0], *sums[1]}
    shared = {*sums[0]} & {*sums[1]}
    l1 = sum(abs(sums[1][c] / totals[1] - sums[0][c] / totals[0]) for c in cells) / 2
    supported = sum(sums[1][c] for c in shared) / totals[1]
    return l1, 100 * len(shared) / len(cells), 100 * supported, len(cells)


# ------------------------------------------------------------------------- properties


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_it_is_what_loops_find(
    tiny: ChildrenAnalysis, random_stacked: MakeFrame, seed: int
) -> None:
    stacked = random_stacked(seed)
    matched = match_frame(stacked, tiny)
    ones = (pd.Series(1, index=stacked.index), pd.Series(1, index=matched.index))
    stages = {
        "before": (stacked, ones[0]),
        "matched": (matched, ones[1]),
        "weighted": (matched, matched["weight"]),
    }
    found = balance_of(stacked, tiny)
    assert len({(row.stage, row.period, row.group) for row in found}) == len(found) == 3 * 3 * 3
    for row in found:
        frame, weights = stages[row.stage]
        within = pd.Series(True, index=frame.index)
        if row.group != ALL:
            within &= frame["group"] == row.group
        if row.period != ALL:
            within &= frame["post"] == ("pre", "post").index(row.period)
        part = frame[within]
        wanted = by_hand(part, weights[within])
        np.testing.assert_allclose(
            (row.l1, row.local_common_support, row.pilots_supported), wanted[:3], rtol=ROUNDING
        )
        assert row.cells == wanted[3]
        assert (row.pilots, row.comparators) == (part["pilot"].sum(), (1 - part["pilot"]).sum())


def test_the_order_of_rows_changes_no_bit(
    tiny: ChildrenAnalysis, random_stacked: MakeFrame
) -> None:
    stacked = random_stacked(3)
    assert balance_of(stacked.sample(frac=1, random_state=4), tiny) == balance_of(stacked, tiny)


# ---------------------------------------------------------------------------- by hand


def overall(rows: tuple[BalanceRow, ...], stage: str, period: str) -> BalanceRow:
    (found,) = (row for row in rows if (row.stage, row.period, row.group) == (stage, period, ALL))
    return found


def test_a_case_worked_out_on_paper(tiny: ChildrenAnalysis, stacked_of: MakeFrame) -> None:
    """North, pre. Pilots: two of 3.0 (one in the base) and one of 4.0; comparators: one of 3.9
    (in the completed year 3), the base's 3.0 and one of 17.0, which is not kept."""
    stacked = stacked_of(
        [
            ("North", 0, 1, "male", "abuse", 3.0),
            ("North", 0, 1, "male", "abuse", 4.0),
            ("North", 0, 0, "male", "abuse", 3.9),
            ("North", 0, 0, "male", "abuse", 17.0),
        ]
    )
    found = {
        row.stage: row
        for row in balance_of(stacked, tiny)
        if (row.period, row.group) == ("pre", "North")
    }
    # Shares of the years 3, 4 and 17: pilots 2/3, 1/3, 0; comparators 2/3, 0, 1/3.
    before, matched, weighted = (found[stage] for stage in ("before", "matched", "weighted"))
    assert before.l1 == pytest.approx(1 / 3, abs=ROUNDING)
    assert before.local_common_support == pytest.approx(100 / 3)
    assert before.pilots_supported == pytest.approx(200 / 3)
    # Kept are the years 3 and 4, in one stratum: comparators 1 and 0.
    for after in (matched, weighted):
        assert after.l1 == pytest.approx(1 / 3, abs=ROUNDING)
        assert after.local_common_support == pytest.approx(50)
        assert (after.cells, after.pilots, after.comparators) == (2, 3, 2)


def test_arms_alike_are_balanced_and_arms_apart_are_not() -> None:
    counts = np.array([3.0, 1.0, 4.0])
    assert imbalance(counts, 7 * counts) == pytest.approx(0, abs=ROUNDING)
    assert imbalance(np.array([2.0, 0.0]), np.array([0.0, 5.0])) == 1


def test_weights_balance_what_was_coarsened_alone(
    tiny: ChildrenAnalysis, random_stacked: MakeFrame
) -> None:
    """On the coarsened variables L1 after weighting is 0; on the others it need not be."""
    stacked = random_stacked(5)
    coarse = stacked.assign(
        need="abuse",
        age=stacked["age"].map(
            lambda age: age if math.isnan(age) else 6.0 * (age > 4.5) + 9.0 * (age > 12.5)
        ),
    )
    row = overall(balance_of(coarse, tiny), "weighted", ALL)
    assert row.l1 == pytest.approx(0, abs=ROUNDING)
    assert row.local_common_support == row.pilots_supported == 100
    assert overall(balance_of(coarse, tiny), "matched", ALL).l1 > 0.01
    assert overall(balance_of(stacked, tiny), "weighted", ALL).l1 > 0.1
