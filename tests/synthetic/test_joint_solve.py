"""What ties printed columns together, with and without outcomes."""

from dataclasses import replace

import numpy as np
import pytest

from sofs_bayes.spec import ChildrenAnalysis
from sofs_bayes.synthetic.cell_fits import fit_cells
from sofs_bayes.synthetic.joint_solve import (
    Equations,
    Problem,
    coefficient_equations,
    covariate_equations,
    explained_equation,
    mean_equations,
    outcome_free_equations,
    printed_targets,
    together,
    within_equations,
)
from sofs_bayes.synthetic.least_departure import Stage, least_departure
from sofs_bayes.synthetic.printed_stars import missed_stars, star_equations, star_range

# Normal equations of some fifty terms.
ZERO = 1e-9
STEP, NEAR = 1e-6, 1e-4


def as_if_printed(problem: Problem, vector: np.ndarray) -> Problem:
    """The problem with the coefficients of a vector in place of the printed ones."""
    point = problem.unknowns.point(vector)
    targets = []
    for name, column in problem.columns.items():
        own = [each for each in problem.targets if each.column == name]
        terms = column.terms(problem.cells, point.covariates, point.scores)
        fit = fit_cells(
            problem.cells, column, terms, problem.outcome(point), [each.term for each in own]
        )
        targets += [
            replace(each, value=float(value))
            for each, value in zip(own, fit.coefficients, strict=True)
        ]
    return replace(problem, targets=tuple(targets))


def with_unprinted(problem: Problem, vector: np.ndarray) -> np.ndarray:
    """The vector with the coefficient of the last lag that its outcomes have."""
    point, column = problem.unknowns.point(vector), problem.columns["Lagged treatment"]
    terms = column.terms(problem.cells, point.covariates, point.scores)
    fit = fit_cells(problem.cells, column, terms, problem.outcome(point), ["lag 3"])
    moved = vector.copy()
    moved[problem.unknowns.outcome_from - 1] = fit.coefficients[0]
    return moved


def test_the_printed_targets_are_the_68_of_tables_5_and_6(
    icpc_analysis: ChildrenAnalysis,
) -> None:
    targets = printed_targets(icpc_analysis)
    assert len(targets) == 68
    did = next(each for each in targets if (each.column, each.term) == ("Linear model", "did"))
    assert (did.value, did.half_unit, did.stars) == (0.0407, 5e-5, 0)


def test_whatever_the_outcome_its_coefficients_meet_the_outcome_free_equations(linear_toy) -> None:  # type: ignore[no-untyped-def]
    vector = linear_toy.vector.copy()
    for seed in range(3):
        begin = linear_toy.problem.unknowns.outcome_from
        vector[begin:] = np.random.default_rng(seed).random(len(vector) - begin)
        problem = as_if_printed(linear_toy.problem, vector)
        there = with_unprinted(problem, vector)
        misses, _ = outcome_free_equations(problem)(there)
        assert len(misses) == 41  # 40 restrict the design, one finds the last lag
        assert np.abs(misses).max() < ZERO
        assert np.abs(coefficient_equations(problem)(there)[0]).max() < ZERO


def test_a_coefficient_moved_by_a_thousandth_breaks_them(linear_toy) -> None:  # type: ignore[no-untyped-def]
    problem = as_if_printed(linear_toy.problem, linear_toy.vector)
    there = with_unprinted(problem, linear_toy.vector)
    first, *rest = problem.targets
    moved = replace(problem, targets=(replace(first, value=first.value + 1e-3), *rest))
    assert np.abs(outcome_free_equations(moved)(there)[0]).max() > 5e-4


@pytest.mark.parametrize(
    "equations",
    [
        coefficient_equations,
        outcome_free_equations,
        within_equations,
        covariate_equations,
        mean_equations,
        explained_equation,
        star_equations,
        lambda problem: together((mean_equations(problem), 0.1), (star_equations(problem), 2.0)),
    ],
    ids=[
        "coefficients",
        "outcome-free",
        "within",
        "covariates",
        "means",
        "R²",
        "stars",
        "together",
    ],
)
def test_derivatives_are_those_of_finite_differences(equations, linear_toy) -> None:  # type: ignore[no-untyped-def]
    found: Equations = equations(linear_toy.problem)
    vector = linear_toy.vector
    way = np.random.default_rng(7).normal(size=len(vector))
    way[linear_toy.problem.unknowns.outcome_from :] *= 0.01
    slopes = found(vector)[1] @ way
    differences = (found(vector + STEP * way)[0] - found(vector - STEP * way)[0]) / (2 * STEP)
    np.testing.assert_allclose(slopes, differences, rtol=NEAR, atol=NEAR)


def test_the_search_finds_the_way_to_columns_that_a_near_vector_has(linear_toy) -> None:  # type: ignore[no-untyped-def]
    problem, unknowns = linear_toy.problem, linear_toy.problem.unknowns
    rng = np.random.default_rng(8)
    near = unknowns.start + 0.05 * np.linalg.cholesky(unknowns.covariance) @ rng.normal(
        size=unknowns.size
    )
    wanted = as_if_printed(problem, near)
    equations = together(
        (coefficient_equations(wanted), 1e-4), (outcome_free_equations(wanted), 1e-4)
    )
    stage, bounds = Stage(pull=1e-4, steps=25, enough=1e-4), (0.02, 0.3)
    vector, left = least_departure(equations, unknowns.start, unknowns, stage, bounds)
    again, same = least_departure(equations, unknowns.start, unknowns, stage, bounds)
    assert np.abs(coefficient_equations(wanted)(vector)[0]).max() < 5e-5
    assert left == same and np.array_equal(vector, again)


def test_bounds_hold_probabilities_back(linear_toy) -> None:  # type: ignore[no-untyped-def]
    problem, unknowns = linear_toy.problem, linear_toy.problem.unknowns
    stage = Stage(pull=0.1, steps=30, enough=0.0, damping=1e-6)
    equations = mean_equations(problem)
    vector, _ = least_departure(equations, unknowns.start, unknowns, stage, (0.09, 0.1))
    probability = vector[unknowns.outcome_from :]
    assert probability.min() > 0.089 and probability.max() < 0.101


def test_ranges_of_stars_hold_for_both_distributions() -> None:
    one = star_range(1, clusters=11)
    assert one.lowest == pytest.approx(1.812, abs=1e-3)  # t with 10 degrees of freedom
    assert one.highest == pytest.approx(1.960, abs=1e-3)  # normal
    assert star_range(0, clusters=11).lowest == 0.0
    assert star_range(3, clusters=9).highest == np.inf


def test_a_start_has_other_stars_than_printed(linear_toy) -> None:  # type: ignore[no-untyped-def]
    assert missed_stars(linear_toy.problem, linear_toy.vector) > 10
