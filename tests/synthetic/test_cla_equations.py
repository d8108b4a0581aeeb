"""Derivatives of coefficients, means and R² against finite differences."""

import numpy as np
import pytest

from sofs_bayes.synthetic.cla_equations import Problem, stand, wanted

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
    first = len(unknowns.solved) * len(unknowns.authority_years)
    last = first + len(unknowns.logit_start)
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


def test_what_is_wanted_stands_in_the_order_of_what_is_found(toy_problem: Problem) -> None:
    at = stand(toy_problem, np.zeros(toy_problem.unknowns.size), {})
    values, tolerances = wanted(toy_problem)
    assert len(values) == len(tolerances) == len(at.found) == 35 + 2
    columns = [each.column for each in toy_problem.targets]
    assert columns == sorted(columns, key=[c.name for c in toy_problem.profiles.columns].index)
    intercepts = [i for i, each in enumerate(toy_problem.targets) if each.term == "intercept"]
    expected = [at.coefficients[toy_problem.targets[i].column][0] for i in intercepts]
    assert at.found[intercepts] == pytest.approx(expected)
