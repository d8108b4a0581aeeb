"""Frames with too little in them: a sentence for each, and nothing but BadInput from any."""

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.frequentist.studies import study

from sofs_bayes.errors import BadInput
from sofs_bayes.frequentist.assumptions import breusch_godfrey
from sofs_bayes.frequentist.did import fit
from sofs_bayes.frequentist.published_analysis import published_analysis, term_rows
from sofs_bayes.spec import ChildrenAnalysis, Regression

DID = Regression(name="did", model="linear")
LOGISTIC = Regression(name="logistic", model="logistic")
RANDOM = Regression(name="random", model="linear", authorities="random")
LAGS = Regression(name="lags", model="linear", treatment="lags")


@pytest.fixture(scope="module")
def bare(analysis: ChildrenAnalysis) -> ChildrenAnalysis:
    few = replace(analysis.regressions, covariates=(), authority_covariates=())
    return replace(analysis, regressions=few)


def with_columns(analysis: ChildrenAnalysis, *columns: Regression) -> ChildrenAnalysis:
    return replace(analysis, regressions=replace(analysis.regressions, columns=columns))


def four() -> pd.DataFrame:
    """One child before and one after, in a pilot and its comparator."""
    whole = study(1, 1, per_year=1)
    return whole[whole["year"].isin([2013, 2017])].assign(outcome=[1, 0, 0, 1])


def by_cell() -> pd.DataFrame:
    """An outcome that years and the effect make up."""
    whole = study(3, 3)
    return whole.assign(outcome=(whole["year"] == 2014) | (whole["pilot"] * whole["post"] == 1))


WITHOUT_ESTIMATE = [
    (DID, four(), "4 rows, 4 terms; more rows than terms are needed"),
    (LOGISTIC, four(), "4 rows, 4 terms"),
    (RANDOM, four(), "4 rows, 4 terms"),
    (DID, study(3, 3).query("post == 0"), "no effect can be told from the other terms"),
    (LAGS, study(3, 3).query("post == 0"), "no effect can be told from the other terms"),
    (DID, study(0, 3), "no effect can be told from the other terms"),
    (DID, study(3, 0), "no effect can be told from the other terms"),
    (DID, study(3, 3, share=0.0), "no referral in its 504 rows has the outcome"),
    (LOGISTIC, study(3, 3, share=0.0), "no referral in its 504 rows has the outcome"),
    (RANDOM, study(3, 3, share=1.0), "every referral in its 504 rows has the outcome"),
    (DID, by_cell(), "its 9 terms make up the outcome of its 504 rows exactly"),
    (RANDOM, by_cell(), "terms and authorities make up the outcome of its 504 rows exactly"),
    (LOGISTIC, by_cell(), "no finite maximum"),
    (replace(DID, without=("P0",)), study(1, 2), "0 rows, 0 terms"),
]


@pytest.mark.parametrize(("regression", "matched", "says"), WITHOUT_ESTIMATE)
def test_a_regression_without_an_estimate_says_why(
    bare: ChildrenAnalysis, regression: Regression, matched: pd.DataFrame, says: str
) -> None:
    found = fit(matched, bare, regression)
    assert found.failure is not None and says in found.failure
    assert np.isnan(found.coefficients).all()
    with pytest.raises(BadInput, match="matched referrals: "):
        published_analysis(matched, with_columns(bare, regression))


@pytest.mark.parametrize(
    ("share", "says"),
    [(0.0, "found no referral with the outcome"), (1.0, "found every referral with the outcome")],
)
def test_an_outcome_that_does_not_vary_is_refused(
    bare: ChildrenAnalysis, share: float, says: str
) -> None:
    with pytest.raises(BadInput, match=says):
        published_analysis(study(3, 3, share=share), bare)
    with pytest.raises(BadInput, match="found no referral with the outcome"):
        published_analysis(study(0, 0), bare)


def test_one_that_has_an_estimate_is_kept_with_the_reason_of_the_other(
    bare: ChildrenAnalysis,
) -> None:
    matched = study(6, 5)
    matched.loc[matched["group"] != "P0", "outcome"] = 0
    lost = replace(DID, name="without", without=("P0",))
    found = published_analysis(matched, with_columns(bare, DID, lost))
    assert found.failed == ("without",)
    notes = {row.regression: row.note for row in term_rows(found)}
    assert notes["did"] == ""
    assert notes["without"].startswith("no referral in its ")


def test_serial_correlation_of_residuals_that_are_nothing_cannot_be_tested(
    bare: ChildrenAnalysis,
) -> None:
    assert (
        breusch_godfrey(by_cell(), bare, DID)
        == "the terms leave nothing of the outcome of 504 rows"
    )
    assert breusch_godfrey(four(), bare, DID) == WITHOUT_ESTIMATE[0][2]


# ------------------------------------------------------------------------------- at random

OUTCOMES = {
    "at random": lambda frame: frame["outcome"],
    "of pilots": lambda frame: frame["pilot"],
    "of the treated": lambda frame: frame["pilot"] * frame["post"],
    "of a year": lambda frame: (frame["year"] == 2014).astype(int),
    "of an authority": lambda frame: (frame["authority"] == "C0").astype(int),
}


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    """Some rows, now and then twice, of a few authorities."""
    whole = study(
        draw(st.integers(0, 4)),
        draw(st.integers(0, 4)),
        per_year=draw(st.integers(1, 6)),
        seed=draw(st.integers(0, 1000)),
        share=draw(st.sampled_from([0.02, 0.3, 0.9])),
        missing=draw(st.sampled_from([0.0, 0.05, 0.25, 0.9])),
    )
    if not len(whole):
        return whole
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    count = draw(st.integers(1, len(whole)))
    chosen = np.sort(rng.choice(len(whole), count, replace=draw(st.booleans())))
    some = whole.iloc[chosen]
    outcome = OUTCOMES[draw(st.sampled_from(list(OUTCOMES)))]
    return some.assign(outcome=outcome(some))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    matched=frames(),
    names=st.sets(st.integers(0, 14), min_size=1, max_size=3),
    options=st.fixed_dictionaries(
        {
            "correction": st.sampled_from([None, "CR1", "CR2", "CR3"]),
            "bootstrap": st.sampled_from([None, 99]),
            "imputed": st.booleans(),
        }
    ),
)
def test_whatever_the_frame_there_is_a_result_or_a_line(
    analysis: ChildrenAnalysis,
    matched: pd.DataFrame,
    names: set[int],
    options: dict[str, Any],
) -> None:
    every = analysis.regressions.columns
    columns = [replace(every[i], without=("P0",) if every[i].without else ()) for i in names]
    few = replace(analysis.regressions, columns=tuple(columns), imputations=2, iterations=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            found = published_analysis(matched, replace(analysis, regressions=few), **options)
        except BadInput:
            return
        rows = list(term_rows(found))
    for regression, fitted in found.fits:
        own = [row for row in rows if row.regression == regression.name]
        assert all((row.note == "") == (fitted.note == "") for row in own)
        if fitted.failure is None:
            assert fitted.rows > len(fitted.terms) == len(own)
