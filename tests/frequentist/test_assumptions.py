"""Serial correlation and leads: against R, on planted correlation, and by counting."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sofs_bayes.errors import BadInput
from sofs_bayes.frequentist.assumptions import LeadsTest, breusch_godfrey, leads_test
from sofs_bayes.frequentist.did import fit
from sofs_bayes.spec import ChildrenAnalysis, Regression

# The same two regressions of a thousand rows in double precision.
R = 1e-9

NAMES = ["did", "lags", "leads and lags", "quality", "ofsted", "without Elm", "fixed"]


def named(analysis: ChildrenAnalysis, name: str) -> Regression:
    return next(each for each in analysis.regressions.columns if each.name == name)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_what_lmtest_finds(
    matched: pd.DataFrame, analysis: ChildrenAnalysis, in_r: dict[str, Any], name: str
) -> None:
    found = breusch_godfrey(matched, analysis, named(analysis, name))
    r = in_r[name]["breusch_godfrey"]
    assert found.statistic == pytest.approx(r["statistic"], rel=R)
    assert found.p_value == pytest.approx(r["p_value"], rel=R)


def test_weights_model_and_the_order_of_rows_do_not_matter(
    matched: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    usual = breusch_godfrey(matched, analysis, named(analysis, "did"))
    shuffled = matched.sample(frac=1, random_state=5).assign(weight=1.0)
    for name in ("did", "logistic did", "random"):
        found = breusch_godfrey(shuffled, analysis, named(analysis, name))
        assert found.statistic == pytest.approx(usual.statistic, rel=1e-7)


def test_referrals_in_two_groups_look_like_serial_correlation(
    matched: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    every, once = (
        breusch_godfrey(matched, analysis, named(analysis, "did"), once=once)
        for once in (False, True)
    )
    assert every.p_value < 1e-9
    assert once.p_value > 0.05
    assert (every.rows, once.rows) == (1429, 985)


def test_planted_correlation_within_children_is_found(
    matched: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    rng = np.random.default_rng(8)
    children = matched["child"].unique()
    of_child = matched["child"].map(dict(zip(children, rng.integers(2, size=547), strict=True)))
    planted = np.where(rng.random(len(matched)) < 0.8, of_child, matched["outcome"])
    found = breusch_godfrey(
        matched.assign(outcome=planted), analysis, named(analysis, "did"), once=True
    )
    assert found.p_value < 1e-6


def test_leads_are_counted(matched: pd.DataFrame, analysis: ChildrenAnalysis) -> None:
    fitted = fit(matched, analysis, named(analysis, "leads and lags"))
    found = leads_test(fitted, 0.05)
    assert [name for name, _ in found.leads] == ["lead -4", "lead -3", "lead -2"]
    p_values = dict(zip(fitted.terms, fitted.p_values, strict=True))
    assert all(p == p_values[name] for name, p in found.leads)
    assert found.not_significant == 3
    assert leads_test(fitted, 0.188).not_significant == 2


def test_leads_without_an_error_do_not_count(
    matched: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    """Only Elm is seen five years before, so that no jackknife has an error for that lead."""
    early = matched["group"].eq("Elm") & matched["years_since"].eq(-3)
    alone = matched.assign(years_since=matched["years_since"].mask(early, -5))
    fitted = fit(alone, analysis, named(analysis, "leads and lags"), correction="CR3")
    assert "lead -5" in fitted.terms
    names = [name for name, _ in leads_test(fitted, 0.05).leads]
    assert names == ["lead -4", "lead -3", "lead -2"]


@pytest.mark.parametrize(
    ("p_values", "met"),
    [
        ([0.5, 0.2, 0.06, 0.01], True),
        ([0.5, 0.2, 0.01, 0.01], False),
        ([0.05], True),
        ([0.049], False),
    ],
)
def test_most_must_not_be_significant(p_values: list[float], met: bool) -> None:
    leads = tuple((f"lead {-2 - number}", p) for number, p in enumerate(p_values))
    assert LeadsTest(leads=leads, level=0.05).met is met


def test_a_fit_without_leads_is_refused(matched: pd.DataFrame, analysis: ChildrenAnalysis) -> None:
    with pytest.raises(BadInput, match="found no leads"):
        leads_test(fit(matched, analysis, named(analysis, "lags")), 0.05)


def test_a_failed_fit_is_refused(matched: pd.DataFrame, analysis: ChildrenAnalysis) -> None:
    fitted = fit(matched, analysis, named(analysis, "leads and lags"))
    failed = replace(fitted, failure="no finite maximum")
    with pytest.raises(BadInput, match="found a failed fit"):
        leads_test(failed, 0.05)
