"""Derivatives of coefficients, means and R² against finite differences."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from sofs_bayes.synthetic.cla_equations import Problem, stand, wanted
from sofs_bayes.synthetic.cla_fits import Fit, fit_column
from sofs_bayes.synthetic.cla_problem import LAGGED, LINEAR, UNCLUSTERED
from sofs_bayes.synthetic.cla_stars import log_errors

# Central differences of this step have errors of its square, times curvature.
STEP, NEAR = 1e-5, 1e-6


def test_derivatives(toy_problem: Problem) -> None:
    rng = np.random.default_rng(6)
    at = stand(toy_problem, 0.3 * rng.standard_normal(toy_problem.unknowns.size), {})
    for _ in range(3):
        direction = rng.standard_normal(toy_problem.unknowns.size)
        above, below = (
            stand(toy_problem, at.vector + sign * STEP * direction, at.coefficients).found
            for sign in (1, -1)
        )
        numeric = (above - below) / (2 * STEP)
        assert at.by_vector @ direction == pytest.approx(numeric, rel=NEAR, abs=NEAR)


@pytest.mark.parametrize("block", ["covariates", "log odds", "effects"])
def test_derivatives_of_each_block(toy_problem: Problem, block: str) -> None:
    unknowns = toy_problem.unknowns
    first, last = unknowns.logits_from, unknowns.size - len(unknowns.effect_start)
    places = {
        "covariates": slice(0, first),
        "log odds": slice(first, last),
        "effects": slice(last, unknowns.size),
    }[block]
    at = stand(toy_problem, np.zeros(unknowns.size), {})
    direction = np.zeros(unknowns.size)
    direction[places] = np.random.default_rng(7).standard_normal(direction[places].shape)
    above, below = (
        stand(toy_problem, sign * STEP * direction, at.coefficients).found for sign in (1, -1)
    )
    numeric = (above - below) / (2 * STEP)
    assert np.abs(numeric).max() > NEAR
    assert at.by_vector @ direction == pytest.approx(numeric, rel=NEAR, abs=NEAR)


def test_derivatives_of_wishes(toy_problem: Problem) -> None:
    rng = np.random.default_rng(8)
    at = stand(toy_problem, np.zeros(toy_problem.unknowns.size), {})
    assert len(at.wished) == len(toy_problem.wishes)
    direction = rng.standard_normal(toy_problem.unknowns.size)
    above, below = (
        stand(toy_problem, sign * STEP * direction, at.coefficients).wished for sign in (1, -1)
    )
    numeric = (above - below) / (2 * STEP)
    assert at.wished_by_vector @ direction == pytest.approx(numeric, rel=NEAR, abs=NEAR)


@pytest.mark.parametrize("name", [LINEAR, UNCLUSTERED, LAGGED])
def test_errors_are_those_of_statsmodels_and_derivatives_lead_there(
    toy_problem: Problem, name: str
) -> None:
    """A linear column's derivatives are exact; a logistic one's leave out its curvature."""
    stars = next(each for each in toy_problem.stars if each.fitted == name)
    profiles, unknowns = toy_problem.profiles, toy_problem.unknowns
    column = next(each for each in profiles.columns if each.name == name)

    def errors(vector: np.ndarray) -> tuple[Fit, np.ndarray, np.ndarray]:
        covariates = unknowns.entering(unknowns.values(vector))
        outcome = unknowns.probability(vector, profiles)
        fit = fit_column(column, profiles, covariates, outcome, None)
        logs, slopes = log_errors(stars, column, fit, profiles, outcome)
        return fit, logs, unknowns.by_vector(slopes)

    start = np.zeros(unknowns.size)
    fit, logs, slopes = errors(start)
    outcome, weights = unknowns.probability(start, profiles), profiles.weight * fit.slope
    working = fit.terms @ fit.coefficients + (outcome - fit.fitted) / fit.slope
    model = sm.WLS(working, fit.terms, weights=weights).fit()
    covariance = model.normalized_cov_params
    if stars.clusters is not None:
        groups = pd.factorize(profiles.frame["authority"])[0]
        covariance = model.get_robustcov_results(
            "cluster", groups=groups, use_correction=False
        ).cov_params()
    reference = np.sqrt(np.diag(covariance))[[column.names.index(x) for x in stars.terms]]
    ratio = np.exp(logs) / reference
    assert ratio == pytest.approx(np.full(len(ratio), ratio[0]), rel=1e-6)
    assert ratio[0] == pytest.approx(1.0, abs=0.05)
    direction = np.random.default_rng(9).standard_normal(unknowns.size)
    above, below = (errors(sign * STEP * direction)[1] for sign in (1, -1))
    numeric = (above - below) / (2 * STEP)
    if column.logistic:
        assert np.corrcoef(slopes @ direction, numeric)[0, 1] > 0.99
    else:
        assert slopes @ direction == pytest.approx(numeric, rel=NEAR, abs=NEAR)


def test_what_is_wanted_stands_in_the_order_of_what_is_found(toy_problem: Problem) -> None:
    at = stand(toy_problem, np.zeros(toy_problem.unknowns.size), {})
    values, tolerances = wanted(toy_problem)
    assert len(values) == len(tolerances) == len(at.found) == 36 + 2
    columns = [each.column for each in toy_problem.targets]
    assert columns == sorted(columns, key=[c.name for c in toy_problem.profiles.columns].index)
    intercepts = [i for i, each in enumerate(toy_problem.targets) if each.term == "intercept"]
    expected = [at.coefficients[toy_problem.targets[i].column][0] for i in intercepts]
    assert at.found[intercepts] == pytest.approx(expected)
