"""Searches on equations that can be checked by hand, and on a column that a near vector has."""

from dataclasses import replace

import numpy as np
import pytest

from sofs_bayes.synthetic.solver.equations import equations, stand
from sofs_bayes.synthetic.solver.search import Misses, NotReached, Stage, follow, least_departure

NEAR = 0.01


def curved(vector: np.ndarray) -> Misses:
    """x² + y = 3 and sin x + z = 1, in units of a hundredth."""
    x, y, z = vector
    missed = np.array([x**2 + y - 3, np.sin(x) + z - 1])
    slopes = np.array([[2 * x, 1.0, 0.0], [np.cos(x), 0.0, 1.0]])
    return missed / NEAR, slopes / NEAR


def quiet(said: str) -> None:
    assert said


def test_the_path_ends_where_it_should() -> None:
    vector = follow(curved, np.array([0.1, 0.0, 0.0]), quiet)
    assert np.abs(curved(vector)[0]).max() < 2


def test_what_cannot_be_reached_is_said() -> None:
    def bounded(vector: np.ndarray) -> Misses:
        missed = np.tanh(vector) - np.array([2.0, 0.5])
        return missed / NEAR, np.diag(1 - np.tanh(vector) ** 2) / NEAR

    with pytest.raises(NotReached, match="before the printed coefficients"):
        follow(bounded, np.zeros(2), quiet)


def test_a_step_without_a_fit_is_shortened() -> None:
    last = [np.array([0.1, 0.0, 0.0])]

    def fitted_near(vector: np.ndarray) -> Misses:
        if np.abs(vector - last[0]).max() > 0.05:
            return np.full(1, np.inf), np.zeros((1, 3))
        last[0] = vector
        return curved(vector)

    vector = follow(fitted_near, last[0], quiet)
    assert np.abs(curved(vector)[0]).max() < 2


def test_the_least_departure_is_that_of_the_closed_form() -> None:
    rng = np.random.default_rng(2)
    slopes, wanted = rng.normal(size=(3, 8)), rng.normal(size=3)
    stage = Stage(pull=0.5, steps=60, near=1.0, enough=0.0)
    vector, left = least_departure(lambda v: (slopes @ v - wanted, slopes), np.zeros(8), stage)
    exact = np.linalg.solve(slopes.T @ slopes + 0.5 * np.eye(8), slopes.T @ wanted)
    np.testing.assert_allclose(vector, exact, atol=1e-6)
    missed = slopes @ exact - wanted
    assert left == pytest.approx((missed @ missed + 0.5 * exact @ exact) / 2)


def test_the_search_finds_the_way_to_columns_that_a_near_vector_has(linear_toy) -> None:  # type: ignore[no-untyped-def]
    problem = linear_toy.asked.problem
    near = 0.05 * np.random.default_rng(8).standard_normal(problem.unknowns.size)
    there = stand(problem, near, {})
    targets = []
    for each in problem.targets:
        at = problem.column(each.column).names.index(each.term)
        targets.append(replace(each, value=float(there.coefficients[each.column][at])))
    wanted = replace(problem, targets=tuple(targets), wishes=(), stars=(), ties=None)
    zero = np.zeros(problem.unknowns.size)
    stage = Stage(pull=1e-4, steps=25, near=1e-4, explained=False, enough=1e-4)
    vector, _ = least_departure(equations(wanted, stage, there), zero, stage)
    assert np.abs(stand(wanted, zero, {}).targets[0]).max() > 5e-4
    assert np.abs(stand(wanted, vector, {}).targets[0]).max() < 5e-5


def test_bounds_hold_probabilities_back(linear_toy) -> None:  # type: ignore[no-untyped-def]
    problem = replace(
        linear_toy.asked.problem, targets=(), wishes=(), stars=(), ties=None, bounds=(0.075, 0.115)
    )
    stage = Stage(pull=0.1, steps=30, near=1.0, explained=False, enough=0.0, damping=1e-6)
    zero = np.zeros(problem.unknowns.size)
    vector, _ = least_departure(equations(problem, stage, stand(problem, zero, {})), zero, stage)
    p = problem.unknowns.point(vector).probability
    assert p.min() > 0.074 and p.max() < 0.116
    start = problem.unknowns.point(zero).probability
    assert start.min() < 0.07 and start.max() > 0.12
