"""Coefficients, errors and R² of fits against other programs, and where there is no fit."""

import numpy as np
import pytest
import statsmodels.api as sm

from sofs_bayes.frequentist.did import fit as published
from sofs_bayes.synthetic.solver.fits import (
    NoFit,
    Outcome,
    Regressors,
    error_values,
    explained_values,
    fit,
)
from sofs_bayes.synthetic.solver.ground import gather
from sofs_bayes.synthetic.solver.icpc import BLOCKS, CELLS

ROWS = 800
# Two ways to the same maximum; the file of authorities has six decimals.
SAME, FILE = 1e-7, 1e-5


def regressors(*, logistic: bool) -> Regressors:
    rng = np.random.default_rng(1)
    return Regressors(
        terms=np.column_stack([np.ones(ROWS), rng.normal(size=(ROWS, 2))]),
        weight=rng.uniform(0.5, 2.0, ROWS),
        rows=float(ROWS),
        included=np.ones(ROWS),
        authority=rng.integers(0, 9, ROWS),
        logistic=logistic,
        child=np.zeros((ROWS, 0)),
    )


def outcome_of(of: Regressors, values: np.ndarray) -> Outcome:
    return Outcome(sums=of.weight * values, child=np.zeros((ROWS, 0)))


@pytest.mark.parametrize("logistic", [True, False])
def test_fits_are_those_of_statsmodels(logistic: bool) -> None:
    of = regressors(logistic=logistic)
    values = (np.random.default_rng(4).random(ROWS) < 0.2).astype(float)
    found = fit(of, outcome_of(of, values))
    family = sm.families.Binomial() if logistic else sm.families.Gaussian()
    model = sm.GLM(values, of.terms, family=family, freq_weights=of.weight).fit(tol=1e-12)
    assert found.coefficients == pytest.approx(model.params, abs=SAME)
    fitted = values - found.residual / of.weight
    assert fitted == pytest.approx(model.fittedvalues, abs=SAME)
    null = sm.GLM(values, of.terms[:, :1], family=family, freq_weights=of.weight).fit()
    share = 1 - (model.llf / null.llf if logistic else model.deviance / null.deviance)
    assert explained_values(found).found[0] == pytest.approx(share, abs=SAME)
    if logistic:
        own = error_values(found, [0, 2], clustered=False).found
        assert np.exp(own) == pytest.approx(model.bse[[0, 2]], rel=1e-4)
    working = of.terms @ found.coefficients + (values - fitted) / found.slope
    weighted = sm.WLS(working, of.terms, weights=of.weight * found.slope).fit()
    robust = weighted.get_robustcov_results("cluster", groups=of.authority, use_correction=False)
    ratio = np.exp(error_values(found, [0, 1, 2]).found) / robust.bse
    assert ratio == pytest.approx(np.full(3, ratio[0]), rel=1e-6)
    assert ratio[0] == pytest.approx(np.sqrt(9 / 8), abs=0.01)


@pytest.mark.parametrize("name", ["Linear model", "Excluding pilot 4"])
def test_errors_and_r_squared_on_cells_are_those_of_the_rows(name: str, linear_toy) -> None:  # type: ignore[no-untyped-def]
    toy = linear_toy
    problem, column = toy.asked.problem, toy.asked.problem.column(name)
    rows = gather(toy.frame, toy.analysis, toy.scenario, by=CELLS, blocks=BLOCKS)[1]
    terms = problem.unknowns.terms(column, problem.unknowns.point(toy.vector))
    outcome = np.random.default_rng(4).integers(0, 2, len(toy.frame))
    found = fit(column.regressors(problem.ground, terms), rows.outcome(outcome.astype(np.float64)))
    chosen = ["intercept", "pilot", "did", "year 2017"]
    other = published(toy.frame.assign(outcome=outcome), toy.analysis, column.regression)
    errors = np.exp(error_values(found, column.at(chosen)).found)
    expected = np.sqrt(np.diag(other.covariance))[[other.terms.index(each) for each in chosen]]
    np.testing.assert_allclose(errors, expected, rtol=1e-4)
    assert explained_values(found).found[0] == pytest.approx(other.r_squared, abs=FILE)


def test_separated_outcomes_have_no_fit() -> None:
    of = regressors(logistic=True)
    with pytest.raises(NoFit):
        fit(of, outcome_of(of, (of.terms[:, 1] > 0).astype(float)))


def test_terms_that_are_combinations_have_no_fit() -> None:
    of = regressors(logistic=False)
    of.terms[:, 2] = 1.0
    with pytest.raises(NoFit, match="combinations"):
        fit(of, outcome_of(of, np.zeros(ROWS)))
