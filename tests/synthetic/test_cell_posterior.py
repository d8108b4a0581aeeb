"""The posterior mean at given standard deviations, where it must be another column's estimate."""

from dataclasses import replace

import pytest

from sofs_bayes.synthetic.cell_fits import fit_cells
from sofs_bayes.synthetic.cell_posterior import posterior_column
from sofs_bayes.synthetic.scenario import FixedModel

LARGE, SMALL = 1e3, 1e-6
NONE = FixedModel(
    authority_sd=SMALL,
    shock_sd=SMALL,
    persistence=0.5,
    pilot_effect_sd=SMALL,
    coefficient_sd=LARGE,
    residual_sd=0.3,
    why="No authority differs.",
)


def mean(toy, model: FixedModel | None) -> float:  # type: ignore[no-untyped-def]
    """The mean effect, or the linear column's DiD."""
    problem, unknowns = toy.problem, toy.problem.unknowns
    column = problem.columns["Linear model"]
    if model is not None:
        column = posterior_column(problem.cells, toy.ground.rows, column, unknowns, model)
    return did(toy, column)


def did(toy, column) -> float:  # type: ignore[no-untyped-def]
    problem = toy.problem
    point = problem.unknowns.point(toy.vector)
    terms = column.terms(problem.cells, point.covariates, point.scores)
    fit = fit_cells(problem.cells, column, terms, problem.outcome(point), ["did"])
    return float(fit.coefficients[0])


def test_without_differences_it_is_the_regression(linear_toy) -> None:  # type: ignore[no-untyped-def]
    assert mean(linear_toy, NONE) == pytest.approx(mean(linear_toy, None), abs=1e-6)


def test_with_levels_of_any_size_it_is_that_with_fixed_effects(linear_toy) -> None:  # type: ignore[no-untyped-def]
    fixed = linear_toy.problem.within[0]
    free = mean(linear_toy, replace(NONE, authority_sd=LARGE))
    assert free == pytest.approx(did(linear_toy, fixed), abs=1e-6)
    assert abs(free - mean(linear_toy, None)) > 1e-4


def test_coefficients_held_at_0_count_as_no_covariates(linear_toy) -> None:  # type: ignore[no-untyped-def]
    bare = linear_toy.problem.within[1]
    held = mean(linear_toy, replace(NONE, authority_sd=LARGE, coefficient_sd=SMALL))
    assert held == pytest.approx(did(linear_toy, bare), abs=1e-6)
