"""Fits of the regressions: against R, by hand where the model is saturated, and refused."""

import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sofs_bayes.errors import BadInput
from sofs_bayes.frequentist.did import DidFit, fit
from sofs_bayes.spec import ChildrenAnalysis, Regression

# Both sides solve the same equations in double precision.
COEFFICIENTS = 1e-8
ERRORS = 1e-7
# R's numbers are stored with 15 digits.
LIKELIHOOD = 1e-9
# Sums of the same numbers in another order.
ROUNDING = 1e-9

LINEAR = [
    "did",
    "lags",
    "leads and lags",
    "quality",
    "practice model",
    "ofsted",
    "without Elm",
    "fixed",
]
LOGISTIC = ["logistic did", "logistic lags"]


def named(analysis: ChildrenAnalysis, name: str, **changes: Any) -> Regression:
    found = next(each for each in analysis.regressions.columns if each.name == name)
    return replace(found, **changes)


def in_order(found: DidFit, by_term: dict[str, float]) -> npt.NDArray[np.float64]:
    assert set(by_term) == set(found.terms)
    return np.array([by_term[term] for term in found.terms])


@pytest.mark.parametrize("name", LINEAR + LOGISTIC)
def test_it_is_what_r_finds(
    matched: pd.DataFrame, analysis: ChildrenAnalysis, in_r: dict[str, Any], name: str
) -> None:
    found = fit(matched, analysis, named(analysis, name, cluster="none"))
    r = in_r[name]
    assert found.coefficients == pytest.approx(in_order(found, r["coefficients"]), rel=COEFFICIENTS)
    own = in_order(found, r["errors"]["own"])
    assert found.standard_errors == pytest.approx(own, rel=ERRORS)
    assert found.r_squared == pytest.approx(r["r_squared"], rel=LIKELIHOOD)
    assert found.log_likelihood == pytest.approx(r["log_likelihood"], rel=LIKELIHOOD)
    assert found.dispersion == pytest.approx(r["dispersion"], rel=LIKELIHOOD)
    aliased = [r["dropped"]] if isinstance(r["dropped"], str) else r["dropped"]
    assert set(found.dropped) == {*aliased, "gender: missing"}


def test_counts_and_words(matched: pd.DataFrame, analysis: ChildrenAnalysis) -> None:
    found = fit(matched, analysis, named(analysis, "did"))
    counts = (found.rows, found.referrals, found.children, found.clusters)
    assert counts == (1429, 985, 547, 11)
    assert found.errors == "CR1, clustered on authority"
    assert found.r_squared_kind == "weighted R²"
    assert found.converged
    assert set(found.degrees_of_freedom) == {10.0}
    by_child = fit(matched, analysis, named(analysis, "logistic did", cluster="child"))
    assert (by_child.clusters, by_child.errors) == (547, "CR1, clustered on child")
    assert by_child.r_squared_kind == "McFadden's pseudo-R²"
    fewer = fit(matched, analysis, named(analysis, "without Elm"))
    assert (fewer.rows, fewer.clusters) == (1155, 10)


def test_what_statistics_are_read_from(matched: pd.DataFrame, analysis: ChildrenAnalysis) -> None:
    from scipy import stats

    did = named(analysis, "did")
    found = fit(matched, analysis, did)
    row = found.table(0.9).loc["did"]
    error, t = found.standard_error("did"), found.coefficient("did") / found.standard_error("did")
    assert row["p_value"] == pytest.approx(2 * stats.t.sf(abs(t), 10))
    assert row["upper"] - row["coefficient"] == pytest.approx(stats.t.ppf(0.95, 10) * error)
    normal = fit(matched, analysis, did, reference="normal")
    p_value = normal.table().loc["did", "p_value"]
    assert p_value == pytest.approx(2 * stats.norm.sf(abs(t)))
    plain = fit(matched, analysis, replace(did, cluster="none"))
    assert set(plain.degrees_of_freedom) == {1429.0 - len(plain.terms)}
    logistic = fit(matched, analysis, named(analysis, "logistic did, not clustered"))
    assert set(logistic.degrees_of_freedom) == {np.inf}


def test_the_analysis_says_which_correction_unless_another_is_given(
    matched: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    did = named(analysis, "did")
    other = replace(analysis, regressions=replace(analysis.regressions, correction="CR2"))
    asked, given_ = fit(matched, other, did), fit(matched, analysis, did, correction="CR2")
    assert asked.errors == given_.errors == "CR2, clustered on authority"
    assert np.array_equal(asked.covariance, given_.covariance)


# ----------------------------------------------------------------------------------- by hand


def four_cells(
    analysis: ChildrenAnalysis, events: list[int], weights: list[float]
) -> tuple[pd.DataFrame, ChildrenAnalysis]:
    """Ten referrals in each of pilot/comparator by a year before/after: a saturated model."""
    cells = pd.DataFrame(
        {"pilot": [0, 0, 1, 1], "post": [0, 1, 0, 1], "year": [2013, 2018, 2013, 2018]}
    ).loc[np.repeat(np.arange(4), 10)]
    number = np.arange(40)
    frame = cells.assign(
        outcome=(number % 10 < np.repeat(events, 10)).astype(int),
        weight=np.array(weights)[number % len(weights)],
        referral=number,
        child=[f"child {each % 30}" for each in number],
        authority=np.where(cells["pilot"] == 1, "Ash", "Lime"),
        group="Ash",
        years_since=np.where(cells["post"] == 1, 0, -1),
    ).reset_index(drop=True)
    records = replace(analysis.records, years=(2013, 2018))
    bare = replace(analysis.regressions, covariates=(), authority_covariates=())
    return frame, replace(analysis, records=records, regressions=bare)


counts = st.lists(st.integers(1, 9), min_size=4, max_size=4)
some_weights = st.lists(st.floats(0.2, 5.0), min_size=3, max_size=7)


@settings(max_examples=25, deadline=None)
@given(events=counts, weights=some_weights)
def test_a_saturated_did_is_a_difference_of_four_weighted_means(
    analysis: ChildrenAnalysis, events: list[int], weights: list[float]
) -> None:
    frame, bare = four_cells(analysis, events, weights)
    means = {
        key: float(np.average(cell["outcome"], weights=cell["weight"]))
        for key, cell in frame.groupby(["pilot", "post"])
    }
    linear = fit(frame, bare, named(analysis, "did, not clustered"))
    by_hand = (means[1, 1] - means[1, 0]) - (means[0, 1] - means[0, 0])
    assert linear.coefficient("did") == pytest.approx(by_hand, abs=ROUNDING)
    assert linear.coefficient("pilot") == pytest.approx(means[1, 0] - means[0, 0], abs=ROUNDING)
    logit = {key: np.log(mean / (1 - mean)) for key, mean in means.items()}
    logistic = fit(frame, bare, named(analysis, "logistic did, not clustered"))
    by_hand = (logit[1, 1] - logit[1, 0]) - (logit[0, 1] - logit[0, 0])
    assert logistic.coefficient("did") == pytest.approx(by_hand, abs=ROUNDING)
    assert linear.dropped == logistic.dropped == ("post",)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
@pytest.mark.parametrize("name", ["did", "random", "logistic did"])
def test_the_order_of_rows_and_labels_do_not_matter(
    matched: pd.DataFrame, analysis: ChildrenAnalysis, name: str, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    shuffled = matched.sample(frac=1, random_state=rng)
    for column in ("child", "authority"):
        old = shuffled[column].unique()
        new = [f"{column} {number}" for number in rng.permutation(len(old))]
        shuffled = shuffled.assign(
            **{column: shuffled[column].map(dict(zip(old, new, strict=True)))}
        )
    usual, found = (fit(rows, analysis, named(analysis, name)) for rows in (matched, shuffled))
    assert found.terms == usual.terms
    # Random effects are found by a search over their variance.
    tolerance = 1e-6 if name == "random" else ROUNDING
    assert found.coefficients == pytest.approx(usual.coefficients, rel=tolerance, abs=ROUNDING)
    assert found.standard_errors == pytest.approx(usual.standard_errors, rel=tolerance)


def test_weights_count_as_repeated_rows(matched: pd.DataFrame, analysis: ChildrenAnalysis) -> None:
    twice = matched["referral"] % 3 == 0
    weighted = matched.assign(weight=np.where(twice, 2.0, 1.0))
    repeated = pd.concat([matched, matched[twice]]).assign(weight=1.0)
    plain = replace(analysis, regressions=replace(analysis.regressions, standardise=False))
    for name in ("did", "logistic did"):
        one, other = (fit(rows, plain, named(analysis, name)) for rows in (weighted, repeated))
        assert one.coefficients == pytest.approx(other.coefficients, rel=1e-6)


# ---------------------------------------------------------------------------------- refused


def test_a_level_without_events_is_a_failure_that_says_so(
    matched: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    rare = matched.assign(outcome=matched["outcome"].where(matched["disabled"] != "yes", 0))
    found = fit(rare, analysis, named(analysis, "logistic did"))
    assert not found.converged
    assert found.failure is not None
    assert "never varies where 'disabled: yes' is not 0" in found.failure
    assert np.isnan(found.coefficients).all()
    assert np.isnan(found.table().drop(columns="degrees_of_freedom")).all(axis=None)
    assert found.r_squared is None
    assert found.rows == len(matched)
    assert fit(rare, analysis, named(analysis, "did")).converged


def test_terms_that_separate_together_are_a_failure(
    matched: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    known = matched[matched["age"].notna()]
    apart = known.assign(outcome=(known["age"] + 3 * known["pilot"] > 9).astype(int))
    found = fit(apart, analysis, named(analysis, "logistic did"))
    assert found.failure is not None
    assert "no maximum in 20 steps of Newton's method" in found.failure
    assert np.isnan(found.coefficients).all()


def test_logistic_random_effects_are_refused(
    matched: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    regression = named(analysis, "logistic did", authorities="random")
    with pytest.raises(BadInput, match="found random with a logistic model"):
        fit(matched, analysis, regression)


def test_importing_loads_no_statistics() -> None:
    modules = ["did", "wild_bootstrap", "imputation", "counterfactual", "assumptions", "decisions"]
    program = "import sys\n" + "".join(
        f"import sofs_bayes.frequentist.{module}\n" for module in modules
    )
    ended = subprocess.run(
        [sys.executable, "-c", program + "print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    heavy = {"statsmodels", "pyfixest", "wildboottest", "numba", "scipy.stats", "scipy.optimize"}
    assert not heavy & set(ended.stdout.split())
