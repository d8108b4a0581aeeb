"""Matched rows by cell and by profile, and regressions on them against those on the rows."""

import numpy as np
import pandas as pd
import pytest

from sofs_bayes.frequentist.terms import design
from sofs_bayes.spec import ChildrenAnalysis
from sofs_bayes.synthetic.scenario import Scenario
from sofs_bayes.synthetic.solver import cla as asking
from sofs_bayes.synthetic.solver import icpc as asking_icpc
from sofs_bayes.synthetic.solver.equations import constant_outcome
from sofs_bayes.synthetic.solver.fits import fit
from sofs_bayes.synthetic.solver.ground import (
    Ground,
    Rows,
    column_of,
    gather,
    quarter_of,
    referral_places,
    summed,
)

COLUMNS = ["Linear model", "Lagged treatment", "Excluding pilot 4", "Quality of delivery"]
COLUMNS += ["Embeddedness of SofS", "Alternative practice models", "Ofsted"]
# The file of authorities has six decimals, and the normal equations some fifty terms.
SAME = 2e-6


@pytest.fixture(scope="module")
def cells(linear_toy) -> tuple[Ground, Rows]:  # type: ignore[no-untyped-def]
    toy, by = linear_toy, {"by": asking_icpc.CELLS, "blocks": asking_icpc.BLOCKS}
    return gather(toy.frame, toy.analysis, toy.scenario, **by)


@pytest.fixture(scope="module")
def profiles(
    toy_matched: pd.DataFrame, cla: Scenario, cla_analysis: ChildrenAnalysis
) -> tuple[Ground, Rows]:
    by = (*asking.BLOCKS, "pilot", "post", *cla_analysis.regressions.covariates)
    return gather(toy_matched, cla_analysis, cla, by=by, blocks=asking.BLOCKS)


@pytest.mark.parametrize("name", COLUMNS)
def test_cells_carry_a_regression(name: str, linear_toy, cells: tuple[Ground, Rows]) -> None:  # type: ignore[no-untyped-def]
    toy, (ground, rows) = linear_toy, cells
    problem, outcome = toy.asked.problem, np.random.default_rng(1).random(len(toy.frame))
    column = problem.column(name)
    terms = problem.unknowns.terms(column, problem.unknowns.point(toy.vector))
    found = fit(column.regressors(ground, terms), rows.outcome(outcome)).coefficients
    numbers = design(toy.frame.assign(outcome=outcome), toy.analysis, column.regression)
    root = np.sqrt(numbers.weights)
    x = numbers.terms.to_numpy() * root[:, None]
    by_name = dict(
        zip(numbers.terms.columns, np.linalg.lstsq(x, numbers.outcome * root)[0], strict=True)
    )
    chosen = column.names[: column.fixed.shape[1]]
    expected = [by_name[each] for each in chosen]
    np.testing.assert_allclose(found[: len(chosen)], expected, atol=SAME)
    assert set(numbers.dropped) <= {"post", "disabled: missing", "year 2015"}


def test_a_constant_outcome_is_an_outcome_of_rows(cells: tuple[Ground, Rows]) -> None:
    ground, rows = cells
    values = np.random.default_rng(2).random(len(ground.frame))
    ours, theirs = constant_outcome(ground, values), rows.outcome(values[rows.cell])
    np.testing.assert_allclose(ours.sums, theirs.sums)
    np.testing.assert_allclose(ours.child, theirs.child, atol=1e-9)


def test_rows_without_a_group_are_left_out(linear_toy) -> None:  # type: ignore[no-untyped-def]
    column = linear_toy.asked.problem.column("Excluding pilot 4")
    outside = linear_toy.asked.problem.ground.frame["group"] == "Pilot 4"
    np.testing.assert_array_equal(column.included, np.where(outside, 0.0, 1.0))
    assert "year 2015" not in column.names


def test_profiles_hold_everybody_and_a_referral_counts_once(
    toy_matched: pd.DataFrame, profiles: tuple[Ground, Rows]
) -> None:
    ground, _ = profiles
    assert ground.weight.sum() == pytest.approx(toy_matched["weight"].sum())
    assert ground.rows.sum() == len(toy_matched)
    assert ground.once.sum() == pytest.approx(toy_matched["referral"].nunique())
    assert len(ground.frame) < ground.once.sum()
    shared = (ground.frame["authority"] == "Comparator A").to_numpy()
    np.testing.assert_allclose(ground.once[shared], ground.rows[shared] / 2)


@pytest.mark.parametrize("name", [*asking.COLUMNS, asking.FIXED])
def test_terms_of_profiles_are_those_of_the_regressions(
    name: str,
    toy_matched: pd.DataFrame,
    profiles: tuple[Ground, Rows],
    cla_analysis: ChildrenAnalysis,
) -> None:
    rng, shared = np.random.default_rng(1), cla_analysis.regressions
    covariates = {each: rng.normal(size=len(toy_matched)) for each in shared.authority_covariates}
    matched = toy_matched.assign(child="C", outcome=0, **covariates)
    regression = next(each for each in shared.columns if each.name == name)
    terms = design(matched, cla_analysis, regression).terms
    ground, rows = profiles
    column = column_of(ground, cla_analysis, regression)
    assert set(column.names) == set(terms.columns)
    own = terms[list(column.names[: column.fixed.shape[1]])].to_numpy()
    np.testing.assert_array_equal(own, column.fixed[rows.cell])
    bare = column_of(ground, cla_analysis, regression, adjusted=False)
    assert bare.names == column.names[: column.fixed.shape[1]]


def test_quarters_count_on_from_year_to_year() -> None:
    dates = pd.Series(pd.to_datetime(["2014-12-31", "2015-01-01", "2015-03-31", "2015-04-01"]))
    assert np.diff(quarter_of(dates)).tolist() == [1, 0, 1]


def test_referrals_have_their_places() -> None:
    place, first = referral_places(pd.DataFrame({"referral": [7, 3, 7, 5]}))
    assert (place.tolist(), first.tolist()) == ([2, 0, 2, 1], [1, 3, 0])
    np.testing.assert_array_equal(summed(place, 3, np.array([1.0, 2.0, 3.0, 4.0])), [2.0, 4.0, 4.0])
