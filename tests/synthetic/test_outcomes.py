"""Probabilities and outcomes whose sums are wanted: tilting, rounding, flips, swaps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sofs_bayes.synthetic.solver.outcomes import (
    Floats,
    Integers,
    Sums,
    moved_nearby,
    rounded_outcomes,
    swapped_outcomes,
    tilted_probabilities,
)

SIZE, BLOCKS = 20_000, 20
# Newton stops at a millionth of a tolerance.
TILTED = 1e-5


def made_up(seed: int, tolerance: float = 0.3) -> tuple[Floats, Integers, Sums]:
    """Prior probabilities, blocks, and sums that nearby probabilities meet exactly."""
    rng = np.random.default_rng(seed)
    block = np.sort(rng.integers(0, BLOCKS, SIZE))
    prior = np.clip(rng.beta(2, 14, SIZE), 0.01, 0.6)
    rows = rng.normal(size=(SIZE, 6))  # no counts: they could not meet a sum that is not whole
    logit = np.log(prior / (1 - prior)) + rows @ rng.normal(scale=0.1, size=6)
    target = (1 / (1 + np.exp(-logit))) @ rows
    return prior, block, Sums(rows=rows, target=target, tolerance=np.full(6, tolerance))


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000))
def test_tilted_probabilities_meet_the_sums(seed: int) -> None:
    prior, _, sums = made_up(seed)
    tilted = tilted_probabilities(prior, sums)
    assert np.abs(sums.misses(tilted)).max() < TILTED
    assert tilted.min() > 0 and tilted.max() < 1


def test_sums_that_are_met_already_tilt_nothing() -> None:
    prior, _, sums = made_up(1)
    met = Sums(rows=sums.rows, target=prior @ sums.rows, tolerance=sums.tolerance)
    np.testing.assert_allclose(tilted_probabilities(prior, met), prior, rtol=1e-9)


def test_a_sum_given_twice_changes_nothing() -> None:
    prior, _, sums = made_up(2)
    twice = Sums(
        rows=np.column_stack([sums.rows, sums.rows[:, 0]]),
        target=np.append(sums.target, sums.target[0]),
        tolerance=np.append(sums.tolerance, sums.tolerance[0]),
    )
    once = tilted_probabilities(prior, sums)
    np.testing.assert_allclose(tilted_probabilities(prior, twice), once, rtol=1e-6)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000))
def test_rounding_keeps_the_number_of_ones_in_every_block(seed: int) -> None:
    prior, block, _ = made_up(seed)
    outcome = rounded_outcomes(prior, block, rng=np.random.default_rng(seed))
    assert set(np.unique(outcome)) <= {0, 1}
    gaps = np.bincount(block, outcome - prior, minlength=BLOCKS)
    assert np.abs(gaps).max() <= 1 and abs(gaps.sum()) <= 1


@pytest.mark.parametrize("search", [swapped_outcomes, moved_nearby])
def test_swaps_reach_what_rounding_misses(search) -> None:  # type: ignore[no-untyped-def]
    prior, block, sums = made_up(3)
    rng = np.random.default_rng(3)
    rounded = rounded_outcomes(tilted_probabilities(prior, sums), block, rng=rng)
    assert np.abs(sums.misses(rounded)).max() > 1
    swapped = search(rounded, block, sums, rng=rng)
    assert np.abs(sums.misses(swapped)).max() <= 1
    ones = [np.bincount(block, each, minlength=BLOCKS) for each in (rounded, swapped)]
    assert np.abs(ones[0] - ones[1]).max() <= (0 if search is swapped_outcomes else SIZE / 500)
    again = search(rounded, block, sums, rng=np.random.default_rng(7))
    other = search(rounded, block, sums, rng=np.random.default_rng(7))
    np.testing.assert_array_equal(again, other)


def test_sums_out_of_reach_are_said_to_be_missed() -> None:
    prior, block, sums = made_up(4)
    far = Sums(rows=sums.rows, target=sums.target + 1e6, tolerance=sums.tolerance)
    rng = np.random.default_rng(4)
    outcome = swapped_outcomes(rounded_outcomes(prior, block, rng=rng), block, far, rng=rng)
    assert np.abs(far.misses(outcome)).max() > 1
