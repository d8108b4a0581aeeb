"""Errors and explained variance of weighted least squares on cells, with derivatives.

Standard errors are clustered on authorities. What single children's chance adds to them is left
out: systematic rounding by quarter takes most of it away.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sofs_bayes.synthetic.cell_design import CellColumn, CellOutcome, Cells
from sofs_bayes.synthetic.cell_fits import CellFit

Floats = npt.NDArray[np.float64]


def fit_errors(
    cells: Cells, column: CellColumn, terms: Floats, outcome: CellOutcome, chosen: Sequence[str]
) -> CellFit:
    """Logarithms of CR1 standard errors of chosen coefficients, in place of coefficients.

    With G the Gram matrix, s_a the score of authority a and g the row of G⁻¹ of a coefficient,
    SE² is a constant times Σ_a (g's_a)². With ω_a = g's_a / Σ (g's_a)², M = Σ ω_a G⁻¹s_a and
    N = Σ ω_a G⁻¹G_a g, and with h_c(q) = Σ w x'q and r_c = Σ w e in a cell: the derivative by
    its outcome is ω_a h(g) − h(N), that by its term j is
    ω_a (g_j r − b_j h(g)) − g_j h(M) − M_j h(g) − N_j r + b_j h(N).
    """
    count, weight = terms.shape[1], cells.weight * column.included
    child = cells.child_sums * column.included[:, None]
    grams, right = _by_authority(cells, column, terms, outcome)
    inverse = np.linalg.inv(grams.sum(axis=0))
    beta = inverse @ right.sum(axis=0)
    wanted = [column.names.index(name) for name in chosen]
    rows = inverse[:, wanted]
    scores = right - grams @ beta
    shares = scores @ rows
    squares = (shares**2).sum(axis=0)
    omega = shares / squares
    ahead = inverse @ (scores.T @ omega)
    behind = inverse @ np.einsum("aij,jk,ak->ik", grams, rows, omega)

    def reach(directions: Floats) -> Floats:
        return weight[:, None] * (terms @ directions[:count]) + child @ directions[count:]

    residual = (
        outcome.sums * column.included - weight * (terms @ beta[:count]) - child @ beta[count:]
    )
    own = omega[_authority_of(cells)]
    of_rows, of_ahead, of_behind = reach(rows), reach(ahead), reach(behind)
    by_term = (
        np.einsum("jk,ck->kcj", rows[:count], own * residual[:, None] - of_ahead)
        - np.einsum("jk,ck->kcj", ahead[:count], of_rows)
        - np.einsum("jk,c->kcj", behind[:count], residual)
        + np.einsum("j,ck->kcj", beta[:count], of_behind - own * of_rows)
    )
    clusters = int(np.count_nonzero(np.abs(grams).sum(axis=(1, 2))))
    number = float(cells.rows @ column.included)
    factor = clusters / (clusters - 1) * (number - 1) / (number - len(beta))
    return CellFit(
        coefficients=0.5 * np.log(factor * squares),
        by_outcome=(own * of_rows - of_behind).T,
        by_term=by_term,
    )


def fit_explained(cells: Cells, column: CellColumn, terms: Floats, outcome: CellOutcome) -> CellFit:
    """R² of outcomes of 0 and 1 with these probabilities: one number, in place of coefficients.

    With f the fit, r residual sums and ȳ the mean: the explained sum of squares has derivatives
    2 Σ w f − 2 ȳ W by a cell's outcome and 2 r b_j by its term j; the total is W ȳ (1 − ȳ).
    """
    count, weight = terms.shape[1], cells.weight * column.included
    child = cells.child_sums * column.included[:, None]
    grams, right = _by_authority(cells, column, terms, outcome)
    gram, whole = grams.sum(axis=0), weight.sum()
    beta = np.linalg.solve(gram, right.sum(axis=0))
    fitted = weight * (terms @ beta[:count]) + child @ beta[count:]
    mean = float(outcome.sums @ column.included) / whole
    explained = beta @ gram @ beta - whole * mean**2
    total = whole * mean * (1 - mean)
    by_outcome = (2 * fitted - 2 * mean * weight) / total - explained / total**2 * (
        (1 - 2 * mean) * weight
    )
    residual = outcome.sums * column.included - fitted
    return CellFit(
        coefficients=np.array([explained / total]),
        by_outcome=by_outcome[None],
        by_term=(2 / total * np.outer(residual, beta[:count]))[None],
    )


def _authority_of(cells: Cells) -> npt.NDArray[np.int64]:
    names = sorted(set(cells.frame["authority"]))
    return np.searchsorted(names, cells.frame["authority"].to_numpy(str)).astype(np.int64)


def _by_authority(
    cells: Cells, column: CellColumn, terms: Floats, outcome: CellOutcome
) -> tuple[Floats, Floats]:
    """Each authority's Gram matrix and right-hand side of all terms, the children's last."""
    names = sorted(set(cells.frame["authority"]))
    weight = cells.weight * column.included
    child = cells.child_sums * column.included[:, None]
    number, count = _authority_of(cells), terms.shape[1]
    size = count + child.shape[1]
    grams, right = np.zeros((len(names), size, size)), np.zeros((len(names), size))
    for a in range(len(names)):
        of = number == a
        own = terms[of]
        cross = own.T @ child[of]
        grams[a, :count, :count] = own.T @ (weight[of, None] * own)
        grams[a, :count, count:], grams[a, count:, :count] = cross, cross.T
        kept = column.included[of]
        right[a] = np.concatenate(
            [own.T @ (outcome.sums[of] * kept), outcome.child_sums[of].T @ kept]
        )
    for (group, authority), gram in cells.child_grams.items():
        if group not in column.regression.without:
            grams[names.index(authority), count:, count:] += gram
    return grams, right
