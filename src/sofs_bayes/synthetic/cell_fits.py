"""Weighted least squares on cells, with derivatives by what is constant in a cell."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sofs_bayes.spec import Regression
from sofs_bayes.synthetic.cell_design import CellColumn, CellOutcome, Cells

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class CellFit:
    """Chosen coefficients of a weighted least squares on cells, with their derivatives.

    Parameters
    ----------
    coefficients
        Shape (chosen,).
    by_outcome
        Derivatives by the outcome of each cell, shape (chosen, cells).
    by_term
        Derivatives by each term of each cell, shape (chosen, cells, terms).
    """

    coefficients: Floats
    by_outcome: Floats
    by_term: Floats


def fit_cells(
    cells: Cells, column: CellColumn, terms: Floats, outcome: CellOutcome, chosen: Sequence[str]
) -> CellFit:
    """Weighted least squares on cells.

    Child terms are in the regression too; their coefficients are not wanted. With g the row of
    the inverse Gram matrix, r the cells' residual sums and h = Σ w x'g: the derivative by a
    cell's outcome is h, that by its term j is g_j r − h b_j. A penalty enters the Gram matrix
    alone.
    """
    weight = cells.weight * column.included
    child = cells.child_sums * column.included[:, None]
    gram = np.block(
        [
            [terms.T @ (weight[:, None] * terms), terms.T @ child],
            [child.T @ terms, _child_gram(cells, column.regression)],
        ]
    )
    if column.penalty is not None:
        gram[: len(column.penalty), : len(column.penalty)] += column.penalty
    right = np.concatenate(
        [terms.T @ (outcome.sums * column.included), outcome.child_sums.T @ column.included]
    )
    wanted = [column.names.index(name) for name in chosen]
    units = np.eye(len(gram))[:, wanted]
    scale = np.sqrt(np.diag(gram))
    solved = np.linalg.solve(
        gram / np.outer(scale, scale), np.column_stack([right, units]) / scale[:, None]
    )
    beta, rows = solved[:, 0] / scale, solved[:, 1:] / scale[:, None]
    count = terms.shape[1]
    residual = (
        outcome.sums * column.included - weight * (terms @ beta[:count]) - child @ beta[count:]
    )
    reach = weight[:, None] * (terms @ rows[:count]) + child @ rows[count:]
    by_term = np.einsum("jk,c->kcj", rows[:count], residual) - np.einsum(
        "ck,j->kcj", reach, beta[:count]
    )
    return CellFit(coefficients=beta[wanted], by_outcome=reach.T, by_term=by_term)


def _child_gram(cells: Cells, regression: Regression) -> Floats:
    kept = [
        gram for (group, _), gram in cells.child_grams.items() if group not in regression.without
    ]
    return np.asarray(np.sum(kept, axis=0), dtype=np.float64)
