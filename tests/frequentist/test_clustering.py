"""Clustered covariances: against R, pyfixest and statsmodels, and by deleting clusters."""

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sofs_bayes.frequentist.clustering import Correction, clustered
from sofs_bayes.frequentist.did import DidFit, fit
from sofs_bayes.frequentist.estimation import least_squares
from sofs_bayes.frequentist.terms import Design, design
from sofs_bayes.spec import ChildrenAnalysis, Regression

# Both sides are sums of a thousand rows in double precision, of which R's logistic fits stop a
# little short of the maximum.
R = 1e-6
ROUNDING = 1e-8

REGRESSIONS = ["did", "lags", "leads and lags", "quality", "practice model", "ofsted", "fixed"]
REGRESSIONS += ["without Elm", "logistic did", "logistic lags"]
CORRECTIONS: dict[str, Correction] = {"CR1": "CR1", "CR2": "CR2", "CR3": "CR3"}


def named(analysis: ChildrenAnalysis, name: str, **changes: Any) -> Regression:
    found = next(each for each in analysis.regressions.columns if each.name == name)
    return replace(found, **changes)


def against(found: DidFit, by_term: dict[str, float]) -> None:
    wanted = np.array([by_term[term] for term in found.terms])
    assert found.standard_errors == pytest.approx(wanted, rel=R)


@pytest.mark.parametrize("name", REGRESSIONS)
def test_it_is_what_r_finds(
    matched: pd.DataFrame, analysis: ChildrenAnalysis, in_r: dict[str, Any], name: str
) -> None:
    errors = in_r[name]["errors"]
    kinds = [kind for kind in errors if kind.endswith(("_authority", "_child"))]
    assert {"CR1_authority", "CR1_child", "CR2_authority"} <= set(kinds)
    for kind in kinds:
        correction, cluster = kind.split("_")
        regression = named(analysis, name, cluster=cluster)
        found = fit(matched, analysis, regression, correction=CORRECTIONS[correction])
        against(found, errors[kind])
        if f"{kind}_df" in errors:
            degrees = [errors[f"{kind}_df"][term] for term in found.terms]
            assert found.degrees_of_freedom == pytest.approx(degrees, rel=R)


@pytest.mark.parametrize("name", ["did", "logistic did"])
def test_covariances_too_are_what_r_finds(
    matched: pd.DataFrame, analysis: ChildrenAnalysis, in_r: dict[str, Any], name: str
) -> None:
    found = fit(matched, analysis, named(analysis, name))
    block = in_r[name]["errors"]["CR1_authority_block"]
    assert block["terms"] == ["intercept", "pilot", "did"]
    chosen = [found.terms.index(term) for term in block["terms"]]
    wanted = np.array(block["values"])
    assert found.covariance[np.ix_(chosen, chosen)] == pytest.approx(wanted, rel=R)


@pytest.mark.parametrize(("correction", "in_sandwich"), [("CR2", "HC2"), ("CR3", "HC3")])
def test_with_equal_weights_sandwich_agrees(
    matched: pd.DataFrame,
    analysis: ChildrenAnalysis,
    in_r: dict[str, Any],
    correction: Correction,
    in_sandwich: str,
) -> None:
    found = fit(matched.assign(weight=1.0), analysis, named(analysis, "did"), correction=correction)
    errors = in_r["unweighted"]["errors"][f"{in_sandwich}_authority"]
    factor = np.sqrt(11 / 10) if correction == "CR2" else 1.0  # sandwich's HC2 is shrunk too
    against(found, {term: factor * error for term, error in errors.items()})


def test_the_clusters_matter(matched: pd.DataFrame, analysis: ChildrenAnalysis) -> None:
    by_authority, by_child, none = (
        fit(matched, analysis, named(analysis, "did", cluster=cluster)).standard_error("pilot")
        for cluster in ("authority", "child", "none")
    )
    assert abs(by_authority / by_child - 1) > 0.05
    assert abs(by_child / none - 1) > 0.05


def test_pyfixest_agrees(matched: pd.DataFrame, analysis: ChildrenAnalysis) -> None:
    import pyfixest

    regression = named(analysis, "did")
    numbers = design(matched, analysis, regression)
    columns = [f"x{number}" for number in range(numbers.terms.shape[1])]
    frame = numbers.terms.set_axis(columns, axis="columns").assign(
        y=numbers.outcome, w=numbers.weights, g=numbers.authority
    )
    formula = "y ~ 0 + " + " + ".join(columns)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pyfixest uses what pandas is about to drop
        theirs = pyfixest.feols(formula, frame, weights="w", vcov={"CRV1": "g"})
        by_correction = {"CR1": theirs.se().to_numpy()}
        bare = pyfixest.ssc(k_adj=False, G_adj=False)
        jackknifed = pyfixest.feols(formula, frame, weights="w", vcov={"CRV3": "g"}, ssc=bare)
        by_correction["CR3"] = np.sqrt(10 / 11) * jackknifed.se().to_numpy()
    assert fit(matched, analysis, regression).coefficients == pytest.approx(
        theirs.coef().to_numpy(), rel=ROUNDING
    )
    for correction, errors in by_correction.items():
        found = fit(matched, analysis, regression, correction=CORRECTIONS[correction])
        assert found.standard_errors == pytest.approx(errors, rel=ROUNDING)


def test_the_jackknife_is_the_fits_without_each_authority(
    matched: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    """With dummies of authorities too, which no fit without the authority has."""
    plain = replace(analysis, regressions=replace(analysis.regressions, standardise=False))
    regression = named(analysis, "fixed", cluster="none")
    whole = fit(matched, plain, regression)
    shifts = []
    for authority in matched["authority"].unique():
        less = fit(matched[matched["authority"] != authority], plain, regression)
        shifts.append(less.coefficient("did") - whole.coefficient("did"))
    by_hand = np.sqrt(10 / 11 * np.sum(np.square(shifts)))
    found = fit(matched, plain, replace(regression, cluster="authority"), correction="CR3")
    assert found.standard_error("did") == pytest.approx(by_hand, rel=ROUNDING)
    unknown = [
        term
        for term, error in zip(found.terms, found.standard_errors, strict=True)
        if np.isnan(error)
    ]
    # Ash is the reference: without it the intercept and the other dummies are not identified.
    assert set(unknown) == {"intercept", *(t for t in found.terms if t.startswith("authority: "))}


def one_row_each(matched: pd.DataFrame, analysis: ChildrenAnalysis) -> Design:
    numbers = design(matched.iloc[::7], analysis, named(analysis, "did", treatment="quality"))
    ones = np.ones(len(numbers.outcome))
    return replace(numbers, weights=ones)


def test_single_rows_are_the_usual_robust_errors(
    matched: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    """Clusters of one row: CR1, CR2 and CR3 are White's HC1, HC2 and HC3, but for factors."""
    numbers = one_row_each(matched, analysis)
    solved = least_squares(numbers).working
    rows, terms = numbers.terms.shape
    groups = np.arange(rows)
    kinds: list[tuple[Correction, str, float]] = [
        ("CR1", "HC1", (rows - 1) / (rows - terms) * (rows - terms) / (rows - 1)),
        ("CR2", "HC2", 1.0),
        ("CR3", "HC3", (rows - 1) / rows),
    ]
    for correction, white, factor in kinds:
        robust = solved.get_robustcov_results(white).cov_params()
        found = clustered(solved, groups, correction).covariance
        assert found == pytest.approx(factor * robust, rel=ROUNDING, abs=1e-12)


@pytest.mark.long
def test_bias_reduced_errors_are_unbiased_under_the_working_model(
    matched: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    """Averaged over errors of equal variance CR2 is the true variance; CR1 is not."""
    numbers = design(matched.iloc[::2], analysis, named(analysis, "did"))
    rng, draws = np.random.default_rng(1), 250
    x, w = numbers.terms.to_numpy(), numbers.weights[:, None]
    bread = np.linalg.inv(x.T @ (w * x))
    truth = np.diag(bread @ (x.T @ (w**2 * x)) @ bread)
    sums = {"CR1": np.zeros(len(truth)), "CR2": np.zeros(len(truth))}
    for _ in range(draws):
        noise = replace(numbers, outcome=rng.standard_normal(len(x)))
        solved = least_squares(noise).working
        for correction in sums:
            kind = CORRECTIONS[correction]
            covariance = clustered(solved, numbers.authority, kind).covariance
            sums[correction] += np.diag(covariance) / truth / draws
    chosen = [list(numbers.terms).index(term) for term in ("pilot", "did", "age")]
    # A variance from ten degrees of freedom scatters by .45; over 250 draws by .03.
    assert sums["CR2"][chosen] == pytest.approx(1.0, abs=0.09)
    assert (sums["CR1"][chosen] < 0.93).any()
