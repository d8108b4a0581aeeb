"""Cells, and the columns of regressions on them, against the same regressions on rows."""

import numpy as np
import pandas as pd
import pytest

from sofs_bayes.frequentist.terms import design
from sofs_bayes.synthetic.cell_design import constant_outcome, quarter_of
from sofs_bayes.synthetic.cell_fits import fit_cells

COLUMNS = ["Linear model", "Lagged treatment", "Excluding pilot 4", "Quality of delivery"]
COLUMNS += ["Embeddedness of SofS", "Alternative practice models", "Ofsted"]
# The file of authorities has six decimals, and the normal equations some fifty terms.
SAME = 2e-6


@pytest.mark.parametrize("name", COLUMNS)
def test_cells_carry_a_regression(name: str, linear_toy) -> None:  # type: ignore[no-untyped-def]
    toy = linear_toy
    outcome = np.random.default_rng(1).random(len(toy.frame))
    column = toy.problem.columns[name]
    point = toy.problem.unknowns.point(toy.vector)
    terms = column.terms(toy.ground.cells, point.covariates, point.scores)
    chosen = column.names[: len(column.names) - len(column.covariates)]
    of_cells = toy.ground.rows.outcome(outcome)
    found = fit_cells(toy.ground.cells, column, terms, of_cells, chosen).coefficients
    numbers = design(toy.frame.assign(outcome=outcome), toy.analysis, column.regression)
    root = np.sqrt(numbers.weights)
    x = numbers.terms.to_numpy() * root[:, None]
    by_name = dict(
        zip(numbers.terms.columns, np.linalg.lstsq(x, numbers.outcome * root)[0], strict=True)
    )
    np.testing.assert_allclose(found, [by_name[each] for each in chosen], atol=SAME)
    assert set(numbers.dropped) <= {"post", "disabled: missing", "year 2015"}


def test_a_constant_outcome_is_an_outcome_of_rows(linear_toy) -> None:  # type: ignore[no-untyped-def]
    ground = linear_toy.ground
    values = np.random.default_rng(2).random(len(ground.cells.frame))
    ours = constant_outcome(ground.cells, values)
    theirs = ground.rows.outcome(values[ground.rows.cell])
    np.testing.assert_allclose(ours.sums, theirs.sums)
    np.testing.assert_allclose(ours.child_sums, theirs.child_sums, atol=1e-9)
    np.testing.assert_allclose(ours.plus(theirs).sums, 2 * ours.sums)


def test_rows_without_a_group_are_left_out(linear_toy) -> None:  # type: ignore[no-untyped-def]
    column = linear_toy.problem.columns["Excluding pilot 4"]
    outside = linear_toy.ground.cells.frame["group"] == "Pilot 4"
    np.testing.assert_array_equal(column.included, np.where(outside, 0.0, 1.0))
    assert "year 2015" not in column.names


def test_quarters_count_on_from_year_to_year() -> None:
    dates = pd.Series(pd.to_datetime(["2014-12-31", "2015-01-01", "2015-03-31", "2015-04-01"]))
    assert np.diff(quarter_of(dates)).tolist() == [1, 0, 1]
