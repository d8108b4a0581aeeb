"""Children that recur, and the order of their ids."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from sofs_bayes.errors import BadInput
from sofs_bayes.frequentist.assumptions import breusch_godfrey
from sofs_bayes.frequentist.terms import design
from sofs_bayes.spec import ChildrenAnalysis
from sofs_bayes.synthetic import recurrence
from sofs_bayes.synthetic.authority_frame import drawn_authorities
from sofs_bayes.synthetic.recurrence import (
    child_ids,
    order_for_print,
    recurring_children,
    serial_correlation,
)
from sofs_bayes.synthetic.rows import Rows
from sofs_bayes.synthetic.scenario import Scenario

SHARE = 0.01  # of referrals: a share drawn from 200,000, less the pairs that ages forbid
P_VALUES = 1e-6  # two routes to one least-squares problem of 20,000 rows
DAYS_IN_YEAR = 365.25


@pytest.fixture(scope="module")
def child(icpc_rows: Rows) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    return recurring_children(icpc_rows.scenario, icpc_rows.referrals)


@pytest.fixture(scope="module")
def some(icpc_rows: Rows, icpc_analysis: ChildrenAnalysis) -> pd.DataFrame:
    """Matched rows of two groups with made-up outcomes and authorities' covariates."""
    matched = icpc_rows.matched
    matched = matched[matched["group"].isin(["Pilot 1", "Pilot 5"])]
    outcome = np.random.default_rng(3).random(len(icpc_rows.referrals)) < 0.1
    members = sorted(matched["authority"].unique())
    authorities = drawn_authorities(icpc_rows.scenario, icpc_analysis, members)
    return matched.assign(outcome=outcome[matched["referral"]].astype(int)).merge(
        authorities, on=["authority", "year"]
    )


def test_a_childs_referrals_agree(icpc_rows: Rows, child: "np.ndarray") -> None:
    rows = icpc_rows.referrals.assign(child=child)
    days = (rows["referral_date"] - pd.Timestamp("2000-01-01")).dt.days
    rows["latest"] = days / DAYS_IN_YEAR - rows["age"]
    kinds = rows[["child", "authority", "gender", "ethnic_group"]].drop_duplicates()
    assert not kinds["child"].duplicated().any()
    assert not rows.duplicated(["child", "referral_date"]).any()
    of_child = rows.groupby("child")
    # One date of birth lies within a year before each of `latest`.
    assert (of_child["latest"].max() - of_child["latest"].min() < 1).all()


def test_ages_do_not_fall(icpc_rows: Rows, child: "np.ndarray") -> None:
    rows = icpc_rows.referrals.assign(child=child).sort_values(["child", "referral_date"])
    step = rows.groupby("child")["age"].diff().dropna()
    assert (step >= 0).all()


def test_as_many_recur_as_the_scenario_says(icpc_rows: Rows, child: "np.ndarray") -> None:
    again = 1 - (child.max() + 1) / len(child)
    assert again == pytest.approx(icpc_rows.scenario.recurrence.share, abs=SHARE)
    none = replace(icpc_rows.scenario.recurrence, share=0.0)
    alone = recurring_children(replace(icpc_rows.scenario, recurrence=none), icpc_rows.referrals)
    assert len(np.unique(alone)) == len(alone)


def test_an_order_renames_children_and_parts_none(icpc: Scenario, child: "np.ndarray") -> None:
    first, second = child_ids(icpc, child, 0), child_ids(icpc, child, 1)
    assert (first != second).any()
    for ids in (first, second):
        assert len(pd.unique(ids)) == child.max() + 1
        assert pd.Series(ids).groupby(child).nunique().max() == 1


@pytest.mark.parametrize("order", [0, 7])
def test_the_statistic_is_that_of_the_test(
    order: int,
    some: pd.DataFrame,
    child: "np.ndarray",
    icpc: Scenario,
    icpc_analysis: ChildrenAnalysis,
) -> None:
    regression = icpc_analysis.regressions.columns[0]
    once = some.sort_values(["referral", "group"]).drop_duplicates("referral")
    ids = child_ids(icpc, child, order)
    days, referral = once["referral_date"].to_numpy(), once["referral"].to_numpy()
    found = serial_correlation(once, icpc_analysis, regression).p_value(
        np.lexsort((days, ids[referral].astype(str)))
    )
    tested = breusch_godfrey(
        some.assign(child=ids[some["referral"]]), icpc_analysis, regression, once=True
    )
    assert found == pytest.approx(tested.p_value, abs=P_VALUES)


def test_correlated_neighbours_are_seen(
    some: pd.DataFrame, icpc_analysis: ChildrenAnalysis
) -> None:
    regression = icpc_analysis.regressions.columns[0]
    once = some.drop_duplicates("referral")
    statistic = serial_correlation(once, icpc_analysis, regression)
    assert statistic.p_value(np.argsort(statistic.residuals)) < 1e-10


def test_the_order_found_has_the_printed_p_value(
    some: pd.DataFrame,
    child: "np.ndarray",
    icpc: Scenario,
    icpc_analysis: ChildrenAnalysis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    regression = icpc_analysis.regressions.columns[0]
    number, p_value = order_for_print(icpc, child, some, icpc_analysis, regression)
    assert f"{p_value:.2f}" == "0.77"
    ids = child_ids(icpc, child, number)
    tested = breusch_godfrey(
        some.assign(child=ids[some["referral"]]), icpc_analysis, regression, once=True
    )
    assert tested.p_value == pytest.approx(p_value, abs=P_VALUES)
    monkeypatch.setattr(recurrence, "MOST_ORDERS", min(number, 1))
    with pytest.raises(BadInput, match="serial correlation"):
        order_for_print(icpc, child, some, icpc_analysis, regression)


def test_the_pooled_model_is_the_one_tested(
    some: pd.DataFrame, icpc_analysis: ChildrenAnalysis
) -> None:
    regression = icpc_analysis.regressions.columns[0]
    once = some.drop_duplicates("referral")
    statistic = serial_correlation(once, icpc_analysis, regression)
    terms = design(once, icpc_analysis, regression).terms.to_numpy()
    assert np.abs(terms.T @ statistic.residuals).max() < 1e-6
