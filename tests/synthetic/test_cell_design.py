"""Cells and regressions on them, against the same regressions on rows."""

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from sofs_bayes.frequentist.terms import design
from sofs_bayes.spec import ChildrenAnalysis
from sofs_bayes.synthetic.cell_design import (
    SCORES,
    CellColumn,
    Cells,
    cell_column,
    constant_outcome,
    quarter_of,
)
from sofs_bayes.synthetic.cell_fits import fit_cells

# Normal equations of some fifty terms, one of them a covariate in the thousands.
SAME = 1e-8


def on_cells(
    frame: pd.DataFrame, cells: Cells, analysis: ChildrenAnalysis, name: str
) -> tuple[CellColumn, npt.NDArray[np.float64]]:
    """A column and its terms, with the values that a frame of rows has."""
    first = frame.drop_duplicates(["authority", "year"]).set_index(["authority", "year"])
    keys = pd.MultiIndex.from_frame(cells.frame[["authority", "year"]])
    of_cells = first.reindex(keys).reset_index()
    regression = next(each for each in analysis.regressions.columns if each.name == name)
    column = cell_column(
        cells, analysis, regression, of_cells[["ofsted", "similar_practice_model"]]
    )
    names = list(analysis.regressions.authority_covariates)
    scores = {score: of_cells[score].to_numpy() for score in SCORES}
    return column, column.terms(cells, of_cells[names].to_numpy(), scores)


COLUMNS = ["Linear model", "Lagged treatment", "Excluding pilot 4", "Quality of delivery"]
COLUMNS += ["Embeddedness of SofS", "Alternative practice models", "Ofsted"]


@pytest.mark.parametrize("name", COLUMNS)
def test_cells_carry_a_regression_exactly(name: str, few_icpc) -> None:  # type: ignore[no-untyped-def]
    analysis, cells, rows, frame = few_icpc
    outcome = np.random.default_rng(1).random(len(frame))
    column, terms = on_cells(frame, cells, analysis, name)
    chosen = column.names[: len(column.names) - len(column.covariates)]
    found = fit_cells(cells, column, terms, rows.outcome(outcome), chosen).coefficients
    numbers = design(frame.assign(outcome=outcome), analysis, column.regression)
    x, w = numbers.terms.to_numpy(), numbers.weights
    solved = np.linalg.lstsq(x * np.sqrt(w)[:, None], numbers.outcome * np.sqrt(w))[0]
    by_name = dict(zip(numbers.terms.columns, solved, strict=True))
    np.testing.assert_allclose(found, [by_name[each] for each in chosen], atol=SAME)


def test_a_constant_outcome_is_an_outcome_of_rows(few_icpc) -> None:  # type: ignore[no-untyped-def]
    _, cells, rows, _ = few_icpc
    values = np.random.default_rng(2).random(len(cells.frame))
    ours, theirs = constant_outcome(cells, values), rows.outcome(values[rows.cell])
    np.testing.assert_allclose(ours.sums, theirs.sums)
    np.testing.assert_allclose(ours.child_sums, theirs.child_sums)
    twice = ours.plus(theirs)
    np.testing.assert_allclose(twice.sums, 2 * ours.sums)


def test_derivatives_are_those_of_finite_differences(few_icpc) -> None:  # type: ignore[no-untyped-def]
    analysis, cells, _, frame = few_icpc
    rng = np.random.default_rng(3)
    column, terms = on_cells(frame, cells, analysis, "Lagged treatment")
    terms = terms / np.abs(terms).max(axis=0)
    values = rng.random(len(cells.frame))
    chosen = ["intercept", "pilot", "lag 1"]
    fit = fit_cells(cells, column, terms, constant_outcome(cells, values), chosen)
    by_term, by_value = rng.normal(size=terms.shape), rng.normal(size=len(values))

    def at(step: float) -> npt.NDArray[np.float64]:
        moved = constant_outcome(cells, values + step * by_value)
        return fit_cells(cells, column, terms + step * by_term, moved, chosen).coefficients

    slopes = np.einsum("kcj,cj->k", fit.by_term, by_term) + fit.by_outcome @ by_value
    differences = (at(1e-5) - at(-1e-5)) / 2e-5
    np.testing.assert_allclose(slopes, differences, rtol=1e-5, atol=1e-6)


def test_quarters_count_on_from_year_to_year() -> None:
    dates = pd.Series(pd.to_datetime(["2014-12-31", "2015-01-01", "2015-03-31", "2015-04-01"]))
    assert np.diff(quarter_of(dates)).tolist() == [1, 0, 1]
