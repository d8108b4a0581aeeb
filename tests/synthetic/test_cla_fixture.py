"""The shipped outcomes: Table 7 recomputed by statsmodels on the terms of the regressions."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from sofs_bayes.frequentist.did import fit
from sofs_bayes.frequentist.printed_rows import printed_column, printed_r_squared, term_of
from sofs_bayes.frequentist.replication import coefficients
from sofs_bayes.frequentist.term import DID
from sofs_bayes.frequentist.terms import design
from sofs_bayes.published.facts import fact, read_printed, stated
from sofs_bayes.spec import ChildrenAnalysis, Regression, load
from sofs_bayes.synthetic.fixture import Fixture, load_fixture, rows_sha256
from sofs_bayes.synthetic.rows import Rows
from sofs_bayes.synthetic.scenario import Scenario
from sofs_bayes.synthetic.solver.cla import CLUSTERED, COLUMNS, FIXED, UNCLUSTERED, targets_of
from sofs_bayes.synthetic.solver.rounding import with_outcomes
from sofs_bayes.synthetic.solver.solve import leads_as_printed

LOADED = load("cla-children")
assert isinstance(LOADED, ChildrenAnalysis)
ANALYSIS = LOADED
PRINTED = (CLUSTERED, *COLUMNS)
ARMS = ("CLA rates - Pilot sites", "CLA rates - Comparator sites")
# Coefficients beyond the rounding: what the maxima of two programs may differ by.
BEYOND = 1e-6


STRESS = "cla-stress"


@pytest.fixture(scope="module", params=["cla", pytest.param(STRESS, marks=pytest.mark.long)])
def fixture(request: pytest.FixtureRequest) -> Fixture:
    """The shipped outcomes, and those of the stress case."""
    return load_fixture(request.param)


@pytest.fixture(scope="module")
def matched(cla_rows: Rows, fixture: Fixture) -> pd.DataFrame:
    return with_outcomes(cla_rows.matched, fixture.authorities, fixture.outcome)


def regression(name: str) -> Regression:
    return next(each for each in ANALYSIS.regressions.columns if each.name == name)


def refitted(matched: pd.DataFrame, name: str) -> "tuple[pd.Series[float], float]":
    """Coefficients by term, and R² (McFadden's of a logistic column)."""
    column = regression(name)
    numbers = design(matched, ANALYSIS, column)
    outcome, weights = numbers.outcome, numbers.weights
    if column.model == "linear":
        solved = sm.WLS(outcome, numbers.terms, weights=weights).fit()
        return solved.params, solved.rsquared
    family = sm.families.Binomial()
    solved = sm.GLM(outcome, numbers.terms, family=family, freq_weights=weights).fit()
    mean = np.average(outcome, weights=weights)
    null = weights @ np.where(outcome == 1, np.log(mean), np.log(1 - mean))
    return solved.params, 1 - solved.llf / null


@pytest.fixture(scope="module")
def fit_of(matched: pd.DataFrame) -> "Callable[[str], tuple[pd.Series[float], float]]":
    """What `refitted` gives, by column; each is fitted once."""
    return cache(partial(refitted, matched))


def missed(coefficients: "pd.Series[float]", name: str) -> list[str]:
    """Printed rows whose coefficient rounds to something else."""
    return [
        each.row
        for each in printed_column(regression(name))
        if (term := term_of(each.row)) is not None
        and abs(coefficients[term] - (each.printed.value or 0.0)) > each.printed.half_unit + BEYOND
    ]


def test_the_outcomes_belong_to_these_rows(cla_rows: Rows, fixture: Fixture) -> None:
    assert fixture.rows_sha256 == rows_sha256(cla_rows, ANALYSIS)
    assert len(fixture.outcome) == cla_rows.matched["referral"].nunique()


def test_thirty_five_coefficients_are_aimed_at(cla: Scenario) -> None:
    *targets, within = targets_of(cla, ANALYSIS)
    assert len(targets) == 35
    # The linear column's bare "0" stands among thousandths.
    assert max(each.half_unit for each in targets) == 0.005
    assert {each.column for each in targets} == set(COLUMNS)
    assert (within.column, within.value) == (FIXED, 0.08)


@pytest.mark.parametrize(
    "name",
    [pytest.param(each, marks=pytest.mark.long if each != COLUMNS[0] else ()) for each in COLUMNS],
)
def test_every_printed_coefficient_comes_out(
    fit_of: "Callable[[str], tuple[pd.Series[float], float]]", name: str
) -> None:
    assert missed(fit_of(name)[0], name) == []


@pytest.mark.long
def test_the_clustered_column_cannot_hold_and_r_squared_does(
    fit_of: "Callable[[str], tuple[pd.Series[float], float]]",
) -> None:
    coefficients, r_squared = fit_of(UNCLUSTERED)
    assert missed(coefficients, CLUSTERED) == [f"Year dummy {year}" for year in range(2009, 2013)]
    printed = printed_r_squared(7)
    assert printed is not None
    assert abs(r_squared - (printed.printed.value or 0.0)) <= printed.printed.half_unit


@pytest.mark.long
def test_as_many_leads_are_insignificant_as_printed(matched: pd.DataFrame) -> None:
    assert leads_as_printed(matched, ANALYSIS)


def test_rates_are_those_printed(matched: pd.DataFrame) -> None:
    incidence = read_printed(stated("cla.incidence").printed)
    once = matched.drop_duplicates("referral")["outcome"].mean()
    assert abs(100 * once - (incidence.value or 0.0)) <= incidence.half_unit
    before = matched[matched["post"] == 0]
    for pilot, arm in zip((1, 0), ARMS, strict=True):
        of_arm = before[before["pilot"] == pilot]
        rate = np.average(of_arm["outcome"], weights=of_arm["weight"])
        printed = fact(3, "Outcome", arm).printed
        assert abs(100 * rate - (printed.value or 0.0)) <= printed.half_unit


@pytest.mark.long
def test_the_effect_is_there_within_authorities_and_in_the_stress_case_not(
    matched: pd.DataFrame, fixture: Fixture
) -> None:
    bare = replace(ANALYSIS.regressions, authority_covariates=(), unscaled=())
    without = replace(ANALYSIS, regressions=bare)
    fixed, pooled = regression(FIXED), regression(UNCLUSTERED)
    found = [
        fit(matched, analysis, column).coefficient(DID)
        for analysis, column in ((ANALYSIS, fixed), (without, fixed), (without, pooled))
    ]
    if fixture.scenario == STRESS:
        assert max(found) < 0.01
    else:
        assert found == pytest.approx([0.08, 0.08, 0.08], abs=0.025)
        assert found[0] == pytest.approx(0.08, abs=0.01)


@pytest.mark.long
def test_stars_are_printed_but_for_the_intercept_of_the_unclustered_column(
    matched: pd.DataFrame, fixture: Fixture
) -> None:
    fits = [(regression(name), fit(matched, ANALYSIS, regression(name))) for name in PRINTED]
    found = [row for row in coefficients(fits) if row.stars_printed >= 0]
    other = [(row.column, row.row) for row in found if row.stars != row.stars_printed]
    if fixture.scenario == STRESS:
        assert len(other) == 22
    else:
        assert (len(found), other) == (46, [(UNCLUSTERED, "(Intercept)")])


def test_other_outcomes_would_not_do(matched: pd.DataFrame) -> None:
    shuffled = np.random.default_rng(1).permutation(matched["outcome"].to_numpy())
    coefficients, _ = refitted(matched.assign(outcome=shuffled), COLUMNS[0])
    assert missed(coefficients, COLUMNS[0])


def test_authorities_stay_in_their_ranges(fixture: Fixture, cla: Scenario) -> None:
    authorities = fixture.authorities
    for prior in cla.authorities.solved:
        assert authorities[prior.name].between(prior.lowest, prior.highest).all()
        assert authorities[prior.name].std() > 0
    assert set(authorities["ofsted"]) <= {1, 2, 3, 4}
    early = authorities["year"] < 2014
    assert (authorities.loc[early, "innovation_projects"] == 0).all()
