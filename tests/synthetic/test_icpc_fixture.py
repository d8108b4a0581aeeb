"""The shipped ICPC outcomes: Tables 5 and 6 recomputed by least squares on the regressions."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from sofs_bayes.frequentist.assumptions import breusch_godfrey
from sofs_bayes.frequentist.printed_rows import printed_column, term_of
from sofs_bayes.frequentist.terms import design
from sofs_bayes.matching.stacking import stack
from sofs_bayes.matching.strata import match
from sofs_bayes.records.referrals import register_referrals
from sofs_bayes.spec import ChildrenAnalysis, load
from sofs_bayes.synthetic.fixture import load_fixture
from sofs_bayes.synthetic.population import build
from sofs_bayes.synthetic.scenario import Scenario

LOADED = load("icpc-children")
assert isinstance(LOADED, ChildrenAnalysis)
PRINTED = [each for each in LOADED.regressions.columns if each.table]
# Two solvers of the same least squares differ by this much at most.
BEYOND = 1e-8


@pytest.fixture(scope="module")
def matched(icpc: Scenario, icpc_analysis: ChildrenAnalysis) -> pd.DataFrame:
    """The population as a user gets it, by the way a user's records go."""
    population = build(icpc, icpc_analysis, load_fixture("icpc"))
    records = register_referrals(population.referrals, icpc_analysis, evidence="synthetic")
    with records:
        stack(records, population.groups, population.authorities, icpc_analysis)
        sample = match(records, icpc_analysis)
        return sample.connection.execute('FROM matched ORDER BY referral, "group"').df()


def coefficients(
    matched: pd.DataFrame, name: str, analysis: ChildrenAnalysis = LOADED
) -> dict[str, float]:
    regression = next(each for each in analysis.regressions.columns if each.name == name)
    numbers = design(matched, analysis, regression)
    root = np.sqrt(numbers.weights)
    terms = numbers.terms.to_numpy() * root[:, None]
    solved = np.linalg.lstsq(terms, numbers.outcome * root)[0]
    return dict(zip(numbers.terms.columns, solved.tolist(), strict=True))


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(each.name, marks=pytest.mark.long if each is not PRINTED[0] else ())
        for each in PRINTED
    ],
)
def test_every_printed_coefficient_comes_out(matched: pd.DataFrame, name: str) -> None:
    found = coefficients(matched, name)
    regression = next(each for each in PRINTED if each.name == name)
    missed = {
        each.row: (each.printed.text, found[str(term_of(each.row))])
        for each in printed_column(regression)
        if abs(found[str(term_of(each.row))] - (each.printed.value or 0.0))
        > each.printed.half_unit + BEYOND
    }
    assert missed == {}


@pytest.mark.parametrize("covariates", [True, False])
def test_the_printed_effect_is_there_within_authorities_too(
    matched: pd.DataFrame, icpc_analysis: ChildrenAnalysis, covariates: bool
) -> None:
    bare = replace(icpc_analysis.regressions, authority_covariates=(), unscaled=())
    analysis = icpc_analysis if covariates else replace(icpc_analysis, regressions=bare)
    found = coefficients(matched, "Authority fixed effects", analysis)
    assert found["did"] == pytest.approx(0.0407, abs=0.005)


def test_other_outcomes_print_other_numbers(matched: pd.DataFrame) -> None:
    rng = np.random.default_rng(1)
    other = matched.assign(outcome=rng.permutation(matched["outcome"].to_numpy()))
    assert abs(coefficients(other, "Linear model")["did"] - 0.0407) > 0.001


def test_sizes_incidence_and_serial_correlation_are_the_printed_ones(
    matched: pd.DataFrame,
) -> None:
    assert len(matched) == 152_231
    before = matched[matched["post"] == 0].groupby("pilot").size()
    assert before.to_dict() == {1: 24_764, 0: 59_774}
    assert round(100 * matched.drop_duplicates("referral")["outcome"].mean()) == 11
    tested = breusch_godfrey(matched, LOADED, PRINTED[0], once=True)  # type: ignore[arg-type]
    assert round(tested.p_value, 2) == 0.77
