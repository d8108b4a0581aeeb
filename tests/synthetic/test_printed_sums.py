"""Coefficients, means, R² and errors of linear columns as functions of referrals' outcomes."""

import numpy as np
import pytest

from sofs_bayes.frequentist.did import fit
from sofs_bayes.synthetic.printed_errors import printed_errors
from sofs_bayes.synthetic.printed_sums import (
    coefficient_sums,
    explained_by,
    joined,
    mean_sums,
    referrals_of,
)

# Two solvers of the same normal equations.
SAME = 1e-7


@pytest.fixture(scope="module")
def outcome(linear_toy) -> np.ndarray:  # type: ignore[no-untyped-def]
    return np.random.default_rng(1).integers(0, 2, linear_toy.ground.referrals.count)


@pytest.mark.parametrize("name", ["Lagged treatment", "Excluding pilot 4"])
def test_coefficients_are_sums_over_referrals(name: str, linear_toy, outcome) -> None:  # type: ignore[no-untyped-def]
    toy = linear_toy
    own = [each for each in toy.problem.targets if each.column == name]
    sums = coefficient_sums(toy.frame, toy.analysis, own)
    regression = toy.problem.columns[name].regression
    place = referrals_of(toy.frame).place
    found = fit(toy.frame.assign(outcome=outcome[place]), toy.analysis, regression)
    expected = [found.coefficients[found.terms.index(each.term)] for each in own]
    np.testing.assert_allclose(outcome @ sums.rows, expected, atol=SAME)
    misses = (np.array(expected) - [each.value for each in own]) / sums.tolerance
    np.testing.assert_allclose(sums.misses(outcome.astype(np.int8)), misses, atol=1e-2)


def test_r_squared_and_its_derivatives(linear_toy, outcome) -> None:  # type: ignore[no-untyped-def]
    toy = linear_toy
    explained = explained_by(toy.frame, toy.analysis, "Linear model")
    place = referrals_of(toy.frame).place
    regression = toy.problem.columns["Linear model"].regression
    found = fit(toy.frame.assign(outcome=outcome[place]), toy.analysis, regression)
    assert explained.at(outcome.astype(np.int8))[0] == pytest.approx(found.r_squared, abs=SAME)
    p = np.random.default_rng(2).uniform(0.05, 0.3, len(outcome))
    way = np.random.default_rng(3).normal(size=len(p))
    difference = (explained.at(p + 1e-5 * way)[0] - explained.at(p - 1e-5 * way)[0]) / 2e-5
    assert explained.at(p)[1] @ way == pytest.approx(difference, rel=1e-5)
    sums = explained.sum_at(p, value=explained.at(p)[0], tolerance=1e-4)
    assert abs(sums.misses(p)[0]) < 1e-6


def test_stars_are_those_of_the_fits(linear_toy, outcome) -> None:  # type: ignore[no-untyped-def]
    toy = linear_toy
    errors = printed_errors(toy.frame, toy.analysis, toy.problem.targets)
    column = next(each for each in errors.columns if each.targets[0].column == "Excluding pilot 4")
    place = errors.referrals.place
    values = outcome[place].astype(np.float64)
    regression = toy.problem.columns["Excluding pilot 4"].regression
    found = fit(toy.frame.assign(outcome=outcome[place]), toy.analysis, regression)
    at = [found.terms.index(each.term) for each in column.targets]
    expected = np.abs([each.value for each in column.targets]) / np.sqrt(
        np.diag(found.covariance)[at]
    )
    log_t, slopes = column.at(values[column.rows])
    np.testing.assert_allclose(np.exp(log_t), expected, rtol=1e-3)
    assert column.clusters == found.clusters
    way = np.random.default_rng(5).normal(size=len(slopes))
    here = values[column.rows]
    difference = (column.at(here + 1e-3 * way)[0] - column.at(here - 1e-3 * way)[0]) / 2e-3
    np.testing.assert_allclose(way @ slopes, difference, rtol=2e-3, atol=1e-3)


def test_sums_that_mend_stars_are_those_of_the_wrong_ones(linear_toy, outcome) -> None:  # type: ignore[no-untyped-def]
    toy = linear_toy
    errors = printed_errors(toy.frame, toy.analysis, toy.problem.targets)
    zeros_and_ones = outcome.astype(np.int8)
    sums = errors.sums_at(zeros_and_ones)
    assert sums.rows.shape[1] == errors.missed(zeros_and_ones) > 0
    assert np.abs(sums.misses(zeros_and_ones)).min() > 1


def test_means_and_joined_sums() -> None:
    weights = np.array([[1.0, 0.0], [3.0, 1.0]])
    means = mean_sums(weights, np.array([0.5, 1.0]), np.array([0.25, 0.1]))
    np.testing.assert_allclose(means.misses(np.array([0.0, 1.0])), [1.0, 0.0])
    both = joined(means, means)
    assert both.rows.shape == (2, 4) and len(both.target) == 4
