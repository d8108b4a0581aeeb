"""The pass over counts against sums over them one by one, compiled and not."""

from collections.abc import Callable
from math import exp, log1p
from typing import Any

import numpy as np
import numpy.typing as npt
import pytensor
import pytensor.tensor as pt
import pytest

from sofs_bayes.bayes.counts_op import SumOfLogs
from sofs_bayes.bayes.model_arrays import starts

MODES = ("NUMBA", "FAST_COMPILE")
CELLS, PATTERNS = 7, 11
# Sums of some tens of terms, each right to the last digits.
EQUAL = 1e-14

Floats = npt.NDArray[np.float64]
Inputs = tuple[Any, ...]


def made(seed: int, log_odds: float) -> Inputs:
    """Counts of some pairs of cells and patterns, none of cell 2 and the last cell."""
    random = np.random.default_rng(seed)
    pairs = [(c, p) for c in range(CELLS) for p in range(PATTERNS) if random.random() < 0.6]
    cell, pattern = np.array([pair for pair in pairs if pair[0] not in (2, CELLS - 1)]).T
    of_cell = random.normal(log_odds, 1.0, CELLS)
    of_pattern = random.normal(0.0, 1.0, PATTERNS)
    return of_cell, of_pattern, cell, pattern, random.gamma(1.0, 3.0, len(cell))


def one_by_one(inputs: Inputs) -> tuple[float, Floats, Floats]:
    """The sum and its derivatives by hand."""
    of_cell, of_pattern, *counts = inputs
    total, by_cell, by_pattern = 0.0, np.zeros(CELLS), np.zeros(PATTERNS)
    for cell, pattern, n in zip(*counts, strict=True):
        at = of_cell[cell] + of_pattern[pattern]
        total += n * (max(at, 0.0) + log1p(exp(-abs(at))))
        expected = n / (1.0 + exp(-at))
        by_cell[cell] += expected
        by_pattern[pattern] += expected
    return total, by_cell, by_pattern


def graph(mode: str) -> Callable[..., list[Floats]]:
    """Twice the sum, and its gradient, as functions of log-odds and counts."""
    inputs = [pt.dvector(), pt.dvector(), pt.lvector(), pt.lvector(), pt.dvector()]
    total = 2.0 * SumOfLogs()(*inputs)[0]
    compiled = pytensor.function(inputs, [total, *pytensor.grad(total, inputs[:2])], mode=mode)

    def evaluate(*given: Any) -> list[Floats]:
        of_cell, of_pattern, cell, *rest = given
        found: list[Floats] = compiled(of_cell, of_pattern, starts(cell, CELLS), *rest)
        return found

    return evaluate


@pytest.fixture(scope="module", params=MODES)
def evaluate(request: pytest.FixtureRequest) -> Callable[..., list[Floats]]:
    return graph(request.param)


@pytest.mark.parametrize("log_odds", [-30.0, -3.0, 0.0, 4.0, 40.0, 600.0])
def test_the_pass_is_the_sum_and_its_gradient(
    evaluate: Callable[..., list[Floats]], log_odds: float
) -> None:
    for seed in range(5):
        inputs = made(seed, log_odds)
        for found, expected in zip(evaluate(*inputs), one_by_one(inputs), strict=True):
            assert np.abs(found - 2.0 * np.asarray(expected)).max() <= EQUAL * (
                np.abs(expected).max() + inputs[-1].sum()
            )


def test_single_logarithms_have_an_error_of_a_last_digit(
    evaluate: Callable[..., list[Floats]],
) -> None:
    for at in np.linspace(-40.0, 300.0, 341):
        of_cell, counts = np.full(CELLS, at), (np.array([3]), np.array([5]), np.ones(1))
        found = float(evaluate(of_cell, np.zeros(PATTERNS), *counts)[0])
        assert found == pytest.approx(2.0 * np.logaddexp(0.0, at), rel=4e-16, abs=4e-16)


def test_odds_beyond_all_numbers_are_not_taken_for_numbers(
    evaluate: Callable[..., list[Floats]],
) -> None:
    inputs = made(1, 0.0)
    for at in (1000.0, np.nan):
        inputs[0][1] = at
        with np.errstate(over="ignore", invalid="ignore"):
            found = evaluate(*inputs)
        assert not np.isfinite(found[0])
        assert not np.isfinite(found[1][1])


def test_there_may_be_no_counts(evaluate: Callable[..., list[Floats]]) -> None:
    none = (np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros(0))
    for found in evaluate(np.zeros(CELLS), np.zeros(PATTERNS), *none):
        assert (found == 0.0).all()


def test_second_derivatives_are_refused() -> None:
    inputs = [pt.dvector(), pt.dvector(), pt.lvector(), pt.lvector(), pt.dvector()]
    gradient = pytensor.grad(SumOfLogs()(*inputs)[0], inputs[0])
    with pytest.raises(NotImplementedError, match="second derivatives"):
        pytensor.grad(gradient.sum(), inputs[1])


def test_counts_out_of_order_are_refused() -> None:
    assert starts(np.array([0, 0, 3]), 4).tolist() == [0, 2, 2, 2, 3]
    with pytest.raises(ValueError, match="not ordered by cell"):
        starts(np.array([0, 2, 1]), 3)
