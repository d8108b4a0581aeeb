"""The columns of a regression: what each treatment makes of a row, and what is refused."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pydantic import ValidationError

from sofs_bayes.errors import BadInput
from sofs_bayes.frequentist.term import find_term, term_label
from sofs_bayes.frequentist.terms import (
    child_terms,
    design,
    independent_columns,
    independent_products,
    treatment_terms,
)
from sofs_bayes.spec import ChildrenAnalysis, OwnTreatment, Regression
from sofs_bayes.spec.children import Treatment

YEARS = [f"year {year}" for year in range(2013, 2019)]
CHILD = ["gender: female", "gender: other or unborn", "age", "age: missing"]
DISABLED = ["disabled: yes", "disabled: missing"]


def regression(treatment: Treatment = "did", **changes: object) -> Regression:
    return replace(Regression(name="any", model="linear", treatment=treatment), **changes)


@pytest.fixture
def rows() -> pd.DataFrame:
    """A pilot before, in the last year before and twice after, and two comparators."""
    return pd.DataFrame(
        {
            "pilot": [1, 1, 1, 1, 0, 0],
            "post": [0, 0, 1, 1, 0, 1],
            "years_since": [-3, -1, 0, 2, -2, 1],
            "quality": [0.8, 0.8, 0.8, 0.8, 0.3, 0.3],
            "embeddedness": [0.5, 0.5, 0.5, 0.5, 0.2, 0.2],
            "similar_practice_model": [0.0, 0.0, 0.0, 0.0, 1.0, 0.0],
            "ofsted": [1.0, 2.0, 3.0, 4.0, 2.0, 3.0],
        }
    )


@pytest.mark.parametrize(
    ("treatment", "wanted"),
    [
        ("did", {"pilot": [1, 1, 1, 1, 0, 0], "did": [0, 0, 1, 1, 0, 0]}),
        (
            "lags",
            {"pilot": [1, 1, 1, 1, 0, 0], "lag 0": [0, 0, 1, 0, 0, 0], "lag 2": [0, 0, 0, 1, 0, 0]},
        ),
        (
            "leads and lags",
            {
                "pilot": [1, 1, 1, 1, 0, 0],
                "lead -3": [1, 0, 0, 0, 0, 0],
                "lag 0": [0, 0, 1, 0, 0, 0],
                "lag 2": [0, 0, 0, 1, 0, 0],
            },
        ),
        (
            "quality",
            {"quality": [0.8, 0.8, 0.8, 0.8, 0, 0], "quality × post": [0, 0, 0.8, 0.8, 0, 0]},
        ),
        (
            "embeddedness",
            {
                "embeddedness": [0.5, 0.5, 0.5, 0.5, 0, 0],
                "embeddedness × post": [0, 0, 0.5, 0.5, 0, 0],
            },
        ),
        (
            "practice model",
            {
                "similar practice model": [0, 0, 0, 0, 1, 0],
                "other practice model": [0, 0, 0, 0, 0, 1],
                "similar practice model × post": [0, 0, 0, 0, 0, 0],
                "other practice model × post": [0, 0, 0, 0, 0, 1],
            },
        ),
        (
            "ofsted",
            {
                "pilot": [1, 1, 1, 1, 0, 0],
                "did": [0, 0, 1, 1, 0, 0],
                "ofsted": [1, 2, 3, 4, 2, 3],
                "pilot × post × ofsted": [0, 0, 3, 4, 0, 0],
            },
        ),
    ],
)
def test_a_treatment_by_hand(
    rows: pd.DataFrame, treatment: Treatment, wanted: dict[str, list[float]]
) -> None:
    found = treatment_terms(rows, regression(treatment))
    assert {name: list(found[name]) for name in found} == wanted


OWN = [
    ("quality", OwnTreatment(kind="score", column="quality", label="Fidelity")),
    (
        "practice model",
        OwnTreatment(
            kind="comparators", column="similar_practice_model", label="Alike", others="Others"
        ),
    ),
    ("ofsted", OwnTreatment(kind="modifier", column="ofsted", label="Rating")),
]


@pytest.mark.parametrize(("named", "own"), OWN)
def test_a_treatment_of_ones_own_is_that_of_the_report_in_other_words(
    *,
    rows: pd.DataFrame,
    matched: pd.DataFrame,
    analysis: ChildrenAnalysis,
    named: Treatment,
    own: OwnTreatment,
) -> None:
    ours, theirs = (treatment_terms(rows, regression(each)) for each in (own, named))
    np.testing.assert_array_equal(ours.to_numpy(), theirs.to_numpy())
    roles = [[replace(find_term(name), name="") for name in each] for each in (ours, theirs)]
    assert roles[0] == roles[1]
    labels = [term_label(name, own) for name in ours if name not in ("pilot", "did")]
    assert all(own.label in each or (own.others or "?") in each for each in labels)
    whole = [design(matched, analysis, regression(each)).terms.to_numpy() for each in (own, named)]
    np.testing.assert_array_equal(*whole)


def test_a_treatment_rests_on_a_covariate_of_authorities(analysis: ChildrenAnalysis) -> None:
    unknown = OwnTreatment(kind="score", column="fidelity", label="Fidelity")
    column = replace(analysis.regressions.columns[0], treatment=unknown)
    with pytest.raises(ValidationError, match=r"authority_covariates of the records \(fidelity\)"):
        replace(analysis, regressions=replace(analysis.regressions, columns=(column,)))
    with pytest.raises(ValidationError, match="others: what other comparators are called"):
        OwnTreatment(kind="comparators", column="quality", label="Alike")


def test_terms_stand_in_their_order(matched: pd.DataFrame, analysis: ChildrenAnalysis) -> None:
    found = design(matched, analysis, regression())
    wanted = ["intercept", *YEARS, "pilot", "did", *CHILD, *DISABLED, "assessments", "post"]
    assert list(found.terms) == wanted
    assert found.dropped == ("gender: missing",)
    assert found.terms.dtypes.unique().tolist() == [np.float64]
    assert found.authority.max() + 1 == matched["authority"].nunique()
    assert found.child.max() + 1 == matched["child"].nunique()
    assert np.array_equal(found.weights, matched["weight"])
    assert np.array_equal(found.outcome, matched["outcome"])


def test_authorities_have_dummies_where_they_are_fixed_effects(
    matched: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    found = design(matched, analysis, regression(authorities="fixed"))
    dummies = [name for name in found.terms if name.startswith("authority: ")]
    assert dummies == [f"authority: {name}" for name in sorted(matched["authority"].unique())[1:]]
    assert found.dropped == ("pilot", "gender: missing")  # a pilot is its authorities' sum


def test_covariates_of_authorities_are_standardised_or_not(
    matched: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    column = design(matched, analysis, regression()).terms["assessments"]
    assert column.mean() == pytest.approx(0.0, abs=1e-12)
    assert column.std(ddof=0) == pytest.approx(1.0)
    plain = replace(analysis, regressions=replace(analysis.regressions, standardise=False))
    assert design(matched, plain, regression()).terms["assessments"].equals(matched["assessments"])


def test_going_without_a_pilot_is_deleting_its_rows(
    matched: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    without = design(matched, analysis, regression(without=("Elm",)))
    deleted = design(matched[matched["group"] != "Elm"], analysis, regression())
    pd.testing.assert_frame_equal(without.terms, deleted.terms)
    assert without.dropped == deleted.dropped == ("gender: missing", "post")
    assert np.array_equal(without.authority, deleted.authority)


def test_going_without_nobody_known_is_refused(
    matched: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    with pytest.raises(BadInput, match="'any', without: found 'Yew'; allowed: one of Ash, Birch"):
        design(matched, analysis, regression(without=("Yew",)))


def test_a_missing_number_stands_at_the_centre_with_a_dummy(
    matched: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    found = child_terms(matched, analysis)
    absent = matched["age"].isna()
    assert absent.any()
    assert (found.loc[absent, "age"] == 0).all()
    assert np.array_equal(found["age: missing"] == 1, absent)
    assert np.allclose(found.loc[~absent, "age"], matched.loc[~absent, "age"] - 8)
    assert "age: missing" not in child_terms(matched[~absent], analysis)


def test_a_level_nobody_named_is_refused_and_not_quoted(
    matched: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    gender = matched["gender"].where(matched.index > 2, "something else")
    with pytest.raises(BadInput) as refused:
        design(matched.assign(gender=gender), analysis, regression())
    assert "gender: found 3 rows with another level" in str(refused.value)
    assert "something else" not in str(refused.value)


def test_a_gap_in_a_covariate_of_authorities_is_refused(
    matched: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    gap = matched["assessments"].where(matched["year"] != 2014)
    with pytest.raises(BadInput, match="assessments: found values that are no numbers"):
        design(matched.assign(assessments=gap), analysis, regression())


def test_neither_the_frame_nor_its_index_matters(
    matched: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    before = matched.copy()
    usual = design(matched, analysis, regression(authorities="fixed"))
    repeated = matched.set_index(matched.index % 7)
    found = design(repeated, analysis, regression(authorities="fixed"))
    assert np.array_equal(found.terms.to_numpy(), usual.terms.to_numpy())
    pd.testing.assert_frame_equal(matched, before)


@given(
    arrays(np.int64, st.tuples(st.integers(8, 20), st.integers(1, 7)), elements=st.integers(-2, 2))
)
def test_what_is_kept_is_independent_and_spans_the_rest(columns: np.ndarray) -> None:
    columns = columns.astype(np.float64)
    kept = independent_columns(columns, np.ones(len(columns)))
    rank = np.linalg.matrix_rank
    assert kept.sum() == rank(columns)
    assert kept.sum() == 0 or rank(columns[:, kept]) == kept.sum()
    for column in np.flatnonzero(~kept):  # each is a combination of those before it
        assert rank(columns[:, : column + 1]) == rank(columns[:, :column])


def test_a_column_of_zeros_and_a_sum_are_dropped_from_cross_products() -> None:
    rng = np.random.default_rng(1)
    one, two = rng.normal(size=(2, 50))
    columns = np.column_stack([one, np.zeros(50), two, one + two, rng.normal(size=50)])
    kept = independent_products(columns.T @ columns)
    assert kept.tolist() == [True, False, True, False, True]
