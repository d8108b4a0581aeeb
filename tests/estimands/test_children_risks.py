"""The mean risk of a cell's children, from counts by pattern: what a loop over children says."""

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from sofs_bayes.bayes.cell_data import Patterns
from sofs_bayes.estimands.did_effects import TOGETHER, mean_risks

# Sums over some hundred children in another order.
EXACT = 1e-12

Floats = npt.NDArray[np.float64]
CELLS, PATTERNS, TERMS = 4, 6, 3


def made_up(seed: int, samples: int) -> tuple[Patterns, Floats, Floats, Floats]:
    """Counts of which some are 0, coefficients, and predictors with and without an effect."""
    rng = np.random.default_rng(seed)
    cell, pattern = (a.ravel() for a in np.indices((CELLS, PATTERNS)))
    children = rng.integers(0, 5, CELLS * PATTERNS).astype(float)
    children[::PATTERNS] += 1.0  # in no cell nobody
    counts = Patterns(
        cell=cell,
        pattern=pattern,
        n=rng.uniform(1.0, 5.0, len(cell)),
        events=rng.uniform(0.0, 1.0, len(cell)),
        children=children,
        child_design=rng.standard_normal((PATTERNS, TERMS)),
    )
    without = rng.normal(-2.0, 1.0, (samples, CELLS))
    return (
        counts,
        rng.standard_normal((samples, TERMS)),
        without,
        without + rng.standard_normal((samples, 1)),
    )


def one_by_one(counts: Patterns, child_effect: Floats, predictor: Floats) -> Floats:
    found = np.zeros_like(predictor)
    for s, gamma in enumerate(child_effect):
        for c in range(CELLS):
            risks = []
            for k in np.flatnonzero(counts.cell == c):
                logit = predictor[s, c] + counts.child_design[counts.pattern[k]] @ gamma
                risks += [1.0 / (1.0 + np.exp(-logit))] * int(counts.children[k])
            found[s, c] = np.mean(risks)
    return found


@given(seed=st.integers(0, 2**32 - 1), samples=st.integers(1, 4))
def test_mean_risks_are_means_over_children(seed: int, samples: int) -> None:
    counts, child_effect, *predictors = made_up(seed, samples)
    found = mean_risks(counts, child_effect, predictors, np.ones(CELLS, dtype=bool))
    for predictor, risk in zip(predictors, found, strict=True):
        np.testing.assert_allclose(risk, one_by_one(counts, child_effect, predictor), atol=EXACT)


def test_samples_are_the_same_in_any_part() -> None:
    samples = 2 * TOGETHER + 7
    counts, child_effect, without, _ = made_up(5, samples)
    cells = np.ones(CELLS, dtype=bool)
    (together,) = mean_risks(counts, child_effect, [without], cells)
    for at in (0, TOGETHER - 1, TOGETHER, samples - 1):
        one = slice(at, at + 1)
        (alone,) = mean_risks(counts, child_effect[one], [without[one]], cells)
        np.testing.assert_allclose(together[one], alone, atol=EXACT)


def test_cells_that_are_not_wanted_are_not_told() -> None:
    counts, child_effect, without, _ = made_up(5, 3)
    (found,) = mean_risks(counts, child_effect, [without], np.array([True, False, True, False]))
    np.testing.assert_array_equal(np.isnan(found), [[False, True, False, True]] * 3)
