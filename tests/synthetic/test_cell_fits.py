"""Derivatives of coefficients, errors and R² on cells, against finite differences and rows."""

from collections.abc import Callable

import numpy as np
import pytest

from sofs_bayes.frequentist.did import fit
from sofs_bayes.synthetic.cell_design import constant_outcome
from sofs_bayes.synthetic.cell_errors import fit_errors, fit_explained
from sofs_bayes.synthetic.cell_fits import CellFit, fit_cells

CHOSEN = ["intercept", "pilot", "lag 1"]
# Of central differences with this step.
STEP, NEAR = 1e-5, 1e-5
# The file of authorities has six decimals.
SAME = 1e-5


@pytest.mark.parametrize("what", ["coefficients", "errors", "explained"])
def test_derivatives_are_those_of_finite_differences(what: str, linear_toy) -> None:  # type: ignore[no-untyped-def]
    cells, column = linear_toy.ground.cells, linear_toy.problem.columns["Lagged treatment"]
    point = linear_toy.problem.unknowns.point(linear_toy.vector)
    terms = column.terms(cells, point.covariates, point.scores)
    rng = np.random.default_rng(3)
    values = rng.random(len(cells.frame))
    by_term, by_value = rng.normal(size=terms.shape), rng.normal(size=len(values))

    def at(step: float) -> CellFit:
        moved = constant_outcome(cells, values + step * by_value)
        there = terms + step * by_term
        functions: dict[str, Callable[[], CellFit]] = {
            "coefficients": lambda: fit_cells(cells, column, there, moved, CHOSEN),
            "errors": lambda: fit_errors(cells, column, there, moved, CHOSEN),
            "explained": lambda: fit_explained(cells, column, there, moved),
        }
        return functions[what]()

    here = at(0.0)
    slopes = np.einsum("kcj,cj->k", here.by_term, by_term) + here.by_outcome @ by_value
    differences = (at(STEP).coefficients - at(-STEP).coefficients) / (2 * STEP)
    np.testing.assert_allclose(slopes, differences, rtol=NEAR, atol=NEAR)


@pytest.mark.parametrize("name", ["Linear model", "Excluding pilot 4"])
def test_errors_and_r_squared_are_those_of_the_rows(name: str, linear_toy) -> None:  # type: ignore[no-untyped-def]
    toy = linear_toy
    column = toy.problem.columns[name]
    point = toy.problem.unknowns.point(toy.vector)
    terms = column.terms(toy.ground.cells, point.covariates, point.scores)
    outcome = np.random.default_rng(4).integers(0, 2, len(toy.frame))
    of_cells = toy.ground.rows.outcome(outcome.astype(np.float64))
    chosen = ["intercept", "pilot", "did", "year 2017"]
    errors = fit_errors(toy.ground.cells, column, terms, of_cells, chosen).coefficients
    rows = fit(toy.frame.assign(outcome=outcome), toy.analysis, column.regression)
    at = [rows.terms.index(each) for each in chosen]
    expected = np.sqrt(np.diag(rows.covariance)[at])
    # The toy's R² of zeros and ones: rows of one cell differ, which the cells' sums know of.
    explained = fit_explained(toy.ground.cells, column, terms, of_cells).coefficients[0]
    np.testing.assert_allclose(np.exp(errors), expected, rtol=1e-4)
    assert explained == pytest.approx(rows.r_squared, abs=SAME)
