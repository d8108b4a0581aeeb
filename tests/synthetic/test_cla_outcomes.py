"""Outcomes of 0 and 1 that meet logistic and linear columns at once, on a few thousand rows."""

from dataclasses import replace

import numpy as np
import pytest

from sofs_bayes.synthetic.cla_equations import Aim, Problem
from sofs_bayes.synthetic.cla_fits import expit
from sofs_bayes.synthetic.cla_outcomes import fit_outcomes, printed_outcomes
from sofs_bayes.synthetic.cla_profiles import Profiles

# Far below standard errors (about .1), far above what a single outcome moves.
TOLERANCE = 0.02


@pytest.fixture(scope="module")
def problem(toy_problem: Problem, toy_single: Profiles) -> Problem:
    """The equations on single referrals."""
    everyone = replace(toy_problem.means[0], weight=np.ones(len(toy_single.frame)))
    return replace(
        toy_problem,
        profiles=toy_single,
        means=(everyone,),
        targets=toy_problem.targets[:-1],
        stars=(),
    )


def aimed(problem: Problem, values: np.ndarray) -> Problem:
    """The problem with these values wanted."""
    tolerance = {"linear": TOLERANCE / 5, "logistic": TOLERANCE}
    logistic = {each.name: each.logistic for each in problem.profiles.columns}
    targets = tuple(
        replace(
            each,
            value=float(value),
            half_unit=tolerance["logistic" if logistic[each.column] else "linear"],
        )
        for each, value in zip(problem.targets, values, strict=False)
    )
    mean = replace(problem.means[0], aim=Aim(value=float(values[-2]), tolerance=0.002))
    r_squared = Aim(value=float(values[-1]), tolerance=0.001)
    return replace(problem, targets=targets, means=(mean,), r_squared=r_squared)


def test_outcomes_meet_what_probabilities_have(problem: Problem) -> None:
    unknowns, profiles = problem.unknowns, problem.profiles
    covariates = unknowns.entering(unknowns.covariates_start)
    probability = unknowns.probability(np.zeros(unknowns.size), profiles)
    found = fit_outcomes(problem, covariates, probability, {})
    aim = aimed(problem, found.values)
    said: list[str] = []
    outcome, misses = printed_outcomes(
        aim,
        covariates,
        probability,
        profiles.segment,
        rng=np.random.default_rng(8),
        say=said.append,
    )
    assert set(np.unique(outcome)) == {0, 1}
    assert np.abs(misses).max() <= 1
    assert said
    again = fit_outcomes(aim, covariates, outcome.astype(float), {})
    assert np.abs(again.values[:-2] - found.values[:-2]).max() <= TOLERANCE


def test_rows_are_derivatives_by_outcomes(problem: Problem) -> None:
    unknowns, profiles = problem.unknowns, problem.profiles
    rng = np.random.default_rng(9)
    covariates = unknowns.entering(unknowns.covariates_start)
    probability = expit(rng.normal(-1.4, 0.5, len(profiles.frame)))
    direction = 1e-5 * rng.standard_normal(len(profiles.frame))
    found = fit_outcomes(problem, covariates, probability, {})
    above, below = (
        fit_outcomes(problem, covariates, probability + sign * direction, found.coefficients)
        for sign in (1, -1)
    )
    change = (above.values - below.values) / 2
    assert direction @ found.rows == pytest.approx(change, rel=1e-5, abs=1e-9)
