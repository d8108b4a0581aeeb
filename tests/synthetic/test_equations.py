"""What is missed at a vector, its derivatives, and what ties printed columns together."""

from dataclasses import replace

import numpy as np
import pytest

from sofs_bayes.spec import ChildrenAnalysis
from sofs_bayes.synthetic.scenario import FixedModel
from sofs_bayes.synthetic.solver import icpc as asking
from sofs_bayes.synthetic.solver.equations import Problem, equations, stand
from sofs_bayes.synthetic.solver.fits import fit
from sofs_bayes.synthetic.solver.ground import BARE, Column
from sofs_bayes.synthetic.solver.printed import log_ranges, printed_targets
from sofs_bayes.synthetic.solver.search import Stage

# Normal equations of some fifty terms.
ZERO = 1e-9
# Of central differences with this step; what is missed is in units of how near it is wanted.
STEP, NEAR = 1e-5, 1e-4
EXACT = ("targets", "ties", "wishes", "means", "explained", "bounds")
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


def as_if_printed(problem: Problem, vector: np.ndarray) -> tuple[Problem, np.ndarray]:
    """The problem with the coefficients of a vector in place of the printed ones.

    And the vector with the coefficient of the last lag, which is not printed, that it has.
    """
    place, targets = stand(problem, vector, {}), []
    for each in problem.targets:
        column = problem.column(each.column)
        value = place.coefficients[each.column][column.names.index(each.term)]
        targets.append(replace(each, value=float(value)))
    lagged, unknowns = problem.column("Lagged treatment"), problem.unknowns
    last = place.coefficients[lagged.name][lagged.names.index("lag 3")]
    start = unknowns.start.copy()
    start[unknowns.places["unprinted"]] += last - unknowns.part(vector, "unprinted")
    moved = replace(unknowns, start=start)
    return replace(problem, targets=tuple(targets), unknowns=moved), vector


def did(problem: Problem, column: Column, vector: np.ndarray) -> float:
    point = problem.unknowns.point(vector)
    terms = problem.unknowns.terms(column, point)
    found = fit(column.regressors(problem.ground, terms), problem.outcome(point))
    return float(found.coefficients[column.names.index("did")])


def test_the_printed_targets_are_the_68_of_tables_5_and_6(icpc_analysis: ChildrenAnalysis) -> None:
    targets = printed_targets(icpc_analysis)
    assert len(targets) == 68
    first = next(each for each in targets if (each.column, each.term) == ("Linear model", "did"))
    assert (first.value, first.half_unit, first.stars) == (0.0407, 5e-5, 0)


def test_derivatives_are_those_of_finite_differences(toy) -> None:  # type: ignore[no-untyped-def]
    """Those of a logistic fit's errors leave out its curvature, and lead there all the same."""
    problem, vector = replace(toy.asked.problem, bounds=(0.1, 0.12)), toy.vector
    here = stand(problem, vector, {})
    way = 0.3 * np.random.default_rng(7).standard_normal(len(vector))
    above, below = (
        stand(problem, vector + sign * STEP * way, here.coefficients) for sign in (1, -1)
    )
    for part in EXACT:
        numeric = (getattr(above, part)[0] - getattr(below, part)[0]) / (2 * STEP)
        slopes = getattr(here, part)[1] @ way
        np.testing.assert_allclose(slopes, numeric, rtol=NEAR, atol=NEAR, err_msg=part)
    numeric = (above.stars[0] - below.stars[0]) / (2 * STEP)
    slopes = here.stars[1] @ way
    inside = (here.stars[0] != 0) & (above.stars[0] != 0) & (below.stars[0] != 0)
    assert inside.sum() > 5
    if toy.scenario.outcome == "ICPC":
        np.testing.assert_allclose(slopes[inside], numeric[inside], rtol=NEAR, atol=NEAR)
    else:
        assert np.corrcoef(slopes[inside], numeric[inside])[0, 1] > 0.99


def test_what_is_asked_for_is_all_there(toy) -> None:  # type: ignore[no-untyped-def]
    place = stand(toy.asked.problem, toy.vector, {})
    sizes = [len(getattr(place, part)[0]) for part in ("targets", "ties", "means", "stars")]
    # Of the 41 ties 40 restrict the design, one finds the last lag.
    assert sizes == {"ICPC": [68, 41, 5, 68], "CLA": [36, 0, 3, 46]}[toy.scenario.outcome]
    assert len(place.stars_missed) > 10


def test_a_stage_asks_for_its_share(toy) -> None:  # type: ignore[no-untyped-def]
    problem, place = toy.asked.problem, stand(toy.asked.problem, toy.vector, {})
    few = equations(problem, Stage(pull=1.0, steps=1, near=0.5, explained=False), place)
    all_of_it = equations(problem, Stage(pull=1.0, steps=1, near=0.5, stars_near=0.1), place)
    fewer, more = few(toy.vector)[0], all_of_it(toy.vector)[0]
    assert len(more) == len(fewer) + 1 + len(place.stars[0])
    np.testing.assert_allclose(fewer[: len(place.targets[0])], place.targets[0] / 0.5)


def test_whatever_the_outcome_its_coefficients_meet_the_ties(linear_toy) -> None:  # type: ignore[no-untyped-def]
    for seed in range(3):
        rng = np.random.default_rng(seed)
        vector = 0.3 * rng.standard_normal(linear_toy.asked.problem.unknowns.size)
        place = stand(*as_if_printed(linear_toy.asked.problem, vector), {})
        assert np.abs(place.ties[0]).max() < ZERO
        assert np.abs(place.targets[0]).max() < ZERO


def test_a_coefficient_moved_by_a_thousandth_breaks_them(linear_toy) -> None:  # type: ignore[no-untyped-def]
    problem, vector = as_if_printed(linear_toy.asked.problem, linear_toy.vector)
    first, *rest = problem.targets
    moved = replace(problem, targets=(replace(first, value=first.value + 1e-3), *rest))
    assert np.abs(stand(moved, vector, {}).ties[0]).max() > 5e-4


def test_a_posterior_mean_without_differences_is_the_regression(linear_toy) -> None:  # type: ignore[no-untyped-def]
    toy, problem = linear_toy, linear_toy.asked.problem
    rows = asking.gather(
        toy.frame, toy.analysis, toy.scenario, by=asking.CELLS, blocks=asking.BLOCKS
    )[1]
    linear = problem.columns[0]

    def mean(model: FixedModel) -> float:
        return did(
            problem, asking.posterior_column(rows, linear, problem.unknowns, model), toy.vector
        )

    within = asking.fixed_effects(toy.analysis).name
    fixed, bare = (
        did(problem, problem.column(name), toy.vector) for name in (within, within + BARE)
    )
    pooled = did(problem, linear, toy.vector)
    assert mean(NONE) == pytest.approx(pooled, abs=1e-6)
    free = replace(NONE, authority_sd=LARGE)
    assert mean(free) == pytest.approx(fixed, abs=1e-6)
    assert abs(fixed - pooled) > 1e-4
    # Coefficients held at 0 count as no covariates.
    assert mean(replace(free, coefficient_sd=SMALL)) == pytest.approx(bare, abs=1e-6)


def test_ranges_of_stars_hold_for_both_distributions() -> None:
    lowest, highest = (np.exp(each) for each in log_ranges([1, 0, 3], 11, 0.0))
    assert lowest[0] == pytest.approx(1.812, abs=1e-3)  # t with 10 degrees of freedom
    assert highest[0] == pytest.approx(1.960, abs=1e-3)  # normal
    assert (lowest[1], highest[2]) == (0.0, np.inf)
