"""Counts of children and draws of a logistic model → the mean risk of each cell's children."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sofs_bayes.bayes.cell_data import Patterns

Floats = npt.NDArray[np.float64]

# Samples at once: the odds of all patterns should stay in the processor's cache.
TOGETHER = 200


def mean_risks(
    counts: Patterns,
    child_effect: Floats,
    predictors: Sequence[Floats],
    cells: npt.NDArray[np.bool_],
) -> tuple[Floats, ...]:
    """The mean risk of each cell's children, unweighted, under each of some predictors.

    The odds of a child are those of its cell times those of its pattern, so that exponentials
    are taken by cell and by pattern, not by child.

    Parameters
    ----------
    counts
        The children, by cell and pattern.
    child_effect
        Coefficients of the children's terms, shape (samples, child terms).
    predictors
        Log-odds of cells but for the children's terms, each of shape (samples, cells).
    cells
        Those wanted, shape (cells,); others have NaN.

    Returns
    -------
    An array (samples, cells) for each predictor.
    """
    of_cell = {
        int(cell): np.flatnonzero((counts.cell == cell) & (counts.children > 0))
        for cell in np.flatnonzero(cells)
    }
    found = tuple(np.full(predictor.shape, np.nan) for predictor in predictors)
    for start in range(0, len(child_effect), TOGETHER):
        part = slice(start, start + TOGETHER)
        of_pattern = np.exp(counts.child_design @ child_effect[part].T)
        for cell, here in of_cell.items():
            odds = of_pattern[counts.pattern[here]]
            share = counts.children[here] / counts.children[here].sum()
            for predictor, risk in zip(predictors, found, strict=True):
                spared = share @ (1.0 / (1.0 + odds * np.exp(predictor[part, cell])))
                risk[part, cell] = 1.0 - spared
    return found
