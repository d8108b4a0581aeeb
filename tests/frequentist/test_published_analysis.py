"""The published analysis as a whole, on the small table that R has fitted."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from scipy.stats import norm

from sofs_bayes.errors import BadInput
from sofs_bayes.frequentist.counterfactual import counterfactual_rates
from sofs_bayes.frequentist.did import fit
from sofs_bayes.frequentist.published_analysis import (
    PublishedAnalysis,
    published_analysis,
    term_rows,
)
from sofs_bayes.frequentist.terms import design, kept_rows
from sofs_bayes.spec import ChildrenAnalysis

# Sums of some thousand products in double precision.
EXACT = 1e-9

FEW = ("did", "leads and lags", "logistic did")


def with_columns(analysis: ChildrenAnalysis, names: tuple[str, ...]) -> ChildrenAnalysis:
    columns = {each.name: each for each in analysis.regressions.columns}
    chosen = tuple(columns[name] for name in names)
    return replace(analysis, regressions=replace(analysis.regressions, columns=chosen))


@pytest.fixture(scope="module")
def found(matched: pd.DataFrame, analysis: ChildrenAnalysis) -> PublishedAnalysis:
    told: list[str] = []
    result = published_analysis(
        matched, with_columns(analysis, FEW), bootstrap=99, imputed=False, progress=told.append
    )
    assert told == [*FEW, "within authorities", "tests", "bootstrap"]
    return result


def test_every_regression_is_fitted_in_order(found: PublishedAnalysis) -> None:
    assert tuple(regression.name for regression, _ in found.fits) == FEW
    assert found.failed == ()


def test_the_three_rules_take_a_branch(found: PublishedAnalysis) -> None:
    assert [each.rule for each in found.decisions] == ["model", "errors", "parallel trends"]
    assert all(each.branch and each.why.endswith(".") for each in found.decisions)


def test_marginal_and_bootstrapped_effects_are_told_apart(found: PublishedAnalysis) -> None:
    kinds = {(each.regression, each.what.split(",")[0]) for each in found.further}
    assert kinds == {
        ("logistic did", "average marginal effect (probability)"),
        ("did", "wild cluster bootstrap"),
    }
    for each in found.further:
        assert each.lower < each.estimate < each.upper and 0 <= each.p_value <= 1


def test_terms_come_with_what_they_rest_on(found: PublishedAnalysis) -> None:
    rows = [row for row in term_rows(found) if row.regression == "did"]
    assert [row.term for row in rows] == list(found.fits[0][1].terms)
    assert all(row.lower < row.coefficient < row.upper for row in rows)
    assert {row.rows for row in rows} == {1429}


def test_a_regression_that_fails_is_named(
    matched: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    none = matched.assign(outcome=matched["outcome"] * (1 - matched["pilot"]))
    found = published_analysis(none, with_columns(analysis, ("did", "logistic did")), imputed=False)
    assert found.failed == ("logistic did",)
    [lost] = [row for row in term_rows(found) if row.regression == "logistic did"]
    assert (lost.term, lost.rows) == ("", 1429) and math.isnan(lost.coefficient)
    assert lost.note.startswith("no finite maximum")
    assert found.notes == (f"logistic did: {lost.note}.",)
    assert found.leads is None and len(found.decisions) == 2


def test_a_bootstrap_needs_a_regression_that_can_have_one(
    matched: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    with pytest.raises(BadInput, match="no linear regression with a DiD"):
        published_analysis(
            matched, with_columns(analysis, ("logistic did",)), bootstrap=99, imputed=False
        )


def test_without_the_effect_treated_children_have_their_rate_less_the_effect(
    matched: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    regression = analysis.regressions.columns[0]
    fitted = fit(matched, analysis, regression)
    rates = counterfactual_rates(fitted, matched, analysis, regression)
    kept = kept_rows(matched, regression)
    treated = kept[(kept["pilot"] == 1) & (kept["post"] == 1)]
    weight = {rate.year: 0.0 for rate in rates}
    for year, rows in treated.groupby("year"):
        weight[int(str(year))] = float(rows["weight"].sum())
    post = [rate for rate in rates if rate.period == "post"]
    total = sum(weight[rate.year] for rate in post)
    change = sum(weight[r.year] * (r.observed - r.counterfactual) for r in post) / total
    assert treated["year"].isin([rate.year for rate in post]).all()
    # The residuals of treated rows sum to 0.
    assert change == pytest.approx(fitted.coefficient("did"), abs=EXACT)
    for rate in rates:
        assert math.isnan(rate.counterfactual) == (rate.period == "pre")
        assert 0 <= rate.observed <= 1 and 0 <= rate.comparators <= 1
    assert all(rate.lower < rate.counterfactual < rate.upper for rate in post)
    others = kept[kept["pilot"] == 0].groupby("year")[["outcome", "weight"]]
    for rate in rates:
        own = others.get_group(rate.year)
        expected = np.average(own["outcome"], weights=own["weight"])
        assert rate.comparators == pytest.approx(expected, abs=EXACT)


def test_the_counterfactual_of_a_linear_model_is_the_mean_prediction(
    matched: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    regression = analysis.regressions.columns[0]
    fitted = fit(matched, analysis, regression)
    rate = counterfactual_rates(fitted, matched, analysis, regression)[-1]
    shifted = replace(fitted, coefficients=fitted.coefficients + np.eye(len(fitted.terms))[0])
    other = counterfactual_rates(shifted, matched, analysis, regression)[-1]
    assert fitted.terms[0] == "intercept" and rate.period == "post"
    assert other.counterfactual - rate.counterfactual == pytest.approx(1.0, abs=EXACT)
    assert other.upper - other.lower == pytest.approx(rate.upper - rate.lower, abs=EXACT)


@pytest.mark.parametrize("column", ["did", "logistic did"])
def test_the_interval_of_a_counterfactual_is_by_the_delta_method(
    matched: pd.DataFrame, analysis: ChildrenAnalysis, column: str
) -> None:
    """The gradient taken as differences, of the mean written out."""
    (regression,) = (each for each in analysis.regressions.columns if each.name == column)
    fitted = fit(matched, analysis, regression)
    rate = counterfactual_rates(fitted, matched, analysis, regression, level=0.8)[-1]
    numbers, kept = design(matched, analysis, regression), kept_rows(matched, regression)
    here = (kept[["pilot", "post"]] == 1).all(axis="columns") & (kept["year"] == rate.year)
    terms = numbers.terms[here.to_numpy()].assign(did=0.0).to_numpy()
    weights = numbers.weights[here]

    def mean(coefficients: np.ndarray) -> float:
        linear = terms @ coefficients
        return float(np.average(linear if column == "did" else expit(linear), weights=weights))

    steps = 1e-5 * np.eye(len(fitted.terms))
    found = fitted.coefficients
    gradient = np.array([(mean(found + step) - mean(found - step)) / 2e-5 for step in steps])
    reach = norm.ppf(0.9) * np.sqrt(gradient @ fitted.covariance @ gradient)
    expected = (mean(found), mean(found) - reach, mean(found) + reach)
    assert (rate.counterfactual, rate.lower, rate.upper) == pytest.approx(expected, rel=1e-6)
