"""Average marginal effects: against R's numbers and by hand."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from sofs_bayes.errors import BadInput
from sofs_bayes.frequentist.counterfactual import ALL_AFTER, average_marginal_effects, effect_terms
from sofs_bayes.frequentist.did import fit
from sofs_bayes.frequentist.terms import design
from sofs_bayes.spec import ChildrenAnalysis, Regression

EFFECT = 1e-9
# R's derivatives are numerical.
ERROR = 1e-6


def named(analysis: ChildrenAnalysis, name: str) -> Regression:
    return next(each for each in analysis.regressions.columns if each.name == name)


@pytest.mark.parametrize("name", ["logistic did", "logistic lags"])
def test_they_are_what_r_finds(
    matched: pd.DataFrame, analysis: ChildrenAnalysis, in_r: dict[str, Any], name: str
) -> None:
    regression = named(analysis, name)
    fitted = fit(matched, analysis, regression)
    found = average_marginal_effects(fitted, matched, analysis, regression)
    in_r_by_term = in_r[name]["marginal"]
    assert [each.term for each in found] == list(in_r_by_term)
    for each in found:
        r = in_r_by_term[each.term]
        assert each.effect == pytest.approx(r["effect"], rel=EFFECT)
        assert each.standard_error == pytest.approx(r["standard_error"], rel=ERROR)
        assert (each.rows, each.degrees_of_freedom) == (r["rows"], 10.0)


def test_a_saturated_logistic_model_gives_the_treated_less_their_counterfactual(
    matched: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    two_years = matched[matched["year"].isin([2013, 2018])]
    bare = replace(analysis.regressions, covariates=(), authority_covariates=())
    short = replace(analysis, records=replace(analysis.records, years=(2013, 2018)))
    short = replace(short, regressions=bare)
    regression = named(analysis, "logistic did")
    fitted = fit(two_years, short, regression)
    found = average_marginal_effects(fitted, two_years, short, regression)[0]
    mean = {
        key: np.average(cell["outcome"], weights=cell["weight"])
        for key, cell in two_years.groupby(["pilot", "post"])
    }
    odds = {key: p / (1 - p) for key, p in mean.items()}
    counterfactual = odds[1, 0] * odds[0, 1] / odds[0, 0]
    by_hand = mean[1, 1] - counterfactual / (1 + counterfactual)
    assert found.effect == pytest.approx(by_hand, rel=1e-7)


def test_treated_rows_count_by_their_own_weights(
    matched: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    weight = np.random.default_rng(3).uniform(0.2, 3.0, len(matched))
    uneven, regression = matched.assign(weight=weight), named(analysis, "logistic did")
    fitted = fit(uneven, analysis, regression)
    numbers = design(uneven, analysis, regression)
    own, weights = numbers.terms[numbers.treated], numbers.weights[numbers.treated]
    risks = [expit(each @ fitted.coefficients) for each in (own, own.assign(did=0.0))]
    found = average_marginal_effects(fitted, uneven, analysis, regression)[0]
    assert found.effect == pytest.approx(np.average(risks[0] - risks[1], weights=weights))


def test_a_jackknife_without_an_error_for_one_lag_has_those_of_the_others(
    matched: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    regression = named(analysis, "logistic lags")
    fitted = fit(matched, analysis, regression, correction="CR3")
    errors = {
        each.term: each.standard_error
        for each in average_marginal_effects(fitted, matched, analysis, regression)
    }
    assert np.isnan(errors["lag 3"])
    assert np.isnan(errors[ALL_AFTER])
    assert errors["lag 0"] > 0


def test_which_terms_are_effects() -> None:
    terms = ("intercept", "pilot", "did", "lag 0", "lead -2", "quality", "quality × post", "post")
    assert effect_terms(terms) == ("did", "lag 0", "lead -2", "quality × post")


def test_a_linear_model_has_none(matched: pd.DataFrame, analysis: ChildrenAnalysis) -> None:
    regression = named(analysis, "did")
    fitted = fit(matched, analysis, regression)
    with pytest.raises(BadInput, match="found a linear model"):
        average_marginal_effects(fitted, matched, analysis, regression)


def test_a_failed_fit_has_none(matched: pd.DataFrame, analysis: ChildrenAnalysis) -> None:
    regression = named(analysis, "logistic did")
    failed = replace(fit(matched, analysis, regression), failure="no finite maximum")
    with pytest.raises(BadInput, match="found a failed fit"):
        average_marginal_effects(failed, matched, analysis, regression)
