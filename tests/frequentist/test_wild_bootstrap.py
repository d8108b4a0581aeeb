"""The wild cluster bootstrap: against the same thing written out, and what is refused."""

from dataclasses import replace
from itertools import product

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from sofs_bayes.errors import BadInput
from sofs_bayes.frequentist.did import fit
from sofs_bayes.frequentist.estimation import least_squares
from sofs_bayes.frequentist.terms import design
from sofs_bayes.frequentist.wild_bootstrap import wild_bootstrap
from sofs_bayes.spec import ChildrenAnalysis, Regression

Floats = npt.NDArray[np.float64]


@pytest.fixture
def bare(analysis: ChildrenAnalysis) -> ChildrenAnalysis:
    few = replace(analysis.regressions, covariates=("age",), authority_covariates=())
    return replace(analysis, regressions=few)


@pytest.fixture
def did() -> Regression:
    return Regression(name="did", model="linear")


def written_out(
    matched: pd.DataFrame, analysis: ChildrenAnalysis, regression: Regression, value: float
) -> float:
    """All sign patterns of authorities' residuals under DiD = value, each fitted by itself."""
    numbers = design(matched, analysis, regression)
    column = list(numbers.terms).index("did")
    x, w = numbers.terms.to_numpy(), numbers.weights
    members = (numbers.authority[:, None] == np.arange(numbers.authority.max() + 1)).astype(float)
    bread = np.linalg.inv(x.T @ (w[:, None] * x))

    def t(outcome: Floats) -> Floats:
        """t of every column of outcomes, by CR1 but for its factor."""
        coefficients = bread @ (x.T @ (w[:, None] * outcome))
        residuals = outcome - x @ coefficients
        of_term = (w * (x @ bread[:, column]))[:, None] * residuals
        return (coefficients[column] - value) / np.sqrt(((members.T @ of_term) ** 2).sum(axis=0))

    shifted = replace(
        numbers,
        outcome=numbers.outcome - value * x[:, column],
        terms=numbers.terms.drop(columns="did"),
    )
    null = least_squares(shifted).working
    signs = np.array(list(product([-1.0, 1.0], repeat=members.shape[1]))).T
    fitted = null.fittedvalues + value * x[:, column]
    drawn = np.abs(t(fitted[:, None] + (members @ signs) * np.asarray(null.resid)[:, None]))
    observed = np.abs(t(numbers.outcome[:, None]))[0]
    return float(np.mean(drawn >= observed * (1 - 1e-9)))


def test_it_is_all_sign_patterns_written_out(
    matched: pd.DataFrame, bare: ChildrenAnalysis, did: Regression
) -> None:
    matched = matched[matched["group"].isin(["Ash", "Birch", "Elm", "Hazel"])]
    found = wild_bootstrap(matched, bare, did, "did")
    assert (found.clusters, found.draws, found.enumerated) == (9, 512, True)
    assert found.p_value == written_out(matched, bare, did, 0.0)
    assert found.lower < found.estimate < found.upper
    error = fit(matched, bare, did).standard_error("did")
    for limit, outwards in ((found.lower, -error), (found.upper, error)):
        inside = written_out(matched, bare, did, limit - 0.02 * outwards)
        beyond = written_out(matched, bare, did, limit + 0.02 * outwards)
        assert beyond <= 0.05 < inside
    narrow = wild_bootstrap(matched, bare, did, "did", level=0.8)
    ends = [written_out(matched, bare, did, narrow.upper + x * error) for x in (-0.02, 0.02)]
    assert ends[1] <= 0.2 < ends[0]


@pytest.mark.parametrize("groups", [["Ash", "Birch"], ["Ash", "Birch", "Elm", "Hazel"]])
def test_wildboottest_agrees(
    matched: pd.DataFrame, bare: ChildrenAnalysis, did: Regression, groups: list[str]
) -> None:
    """Which leaves it to rounding whether statistics that equal the observed one count."""
    from wildboottest.wildboottest import WildboottestCL

    matched = matched[matched["group"].isin(groups)]
    numbers = design(matched, bare, did)
    root = np.sqrt(numbers.weights)
    other = WildboottestCL(
        X=numbers.terms.to_numpy() * root[:, None],
        Y=numbers.outcome * root,
        cluster=numbers.authority,
        R=np.array(numbers.terms.columns == "did", dtype=float),
        B=9999,
        parallel=False,
    )
    other.get_scores(bootstrap_type="11", impose_null=True)
    other.get_weights(weights_type="rademacher")
    for step in ("numer", "denom", "tboot", "vcov", "tstat"):
        getattr(other, f"get_{step}")()
    share = np.mean(np.abs(other.t_boot) >= abs(float(other.t_stat)) * (1 - 1e-9))
    assert wild_bootstrap(matched, bare, did, "did").p_value == pytest.approx(share)


def test_no_p_value_is_0_where_signs_are_drawn(
    matched: pd.DataFrame, bare: ChildrenAnalysis, did: Regression
) -> None:
    strong = matched.assign(outcome=matched["pilot"] * matched["post"])
    strong.iloc[::40, strong.columns.get_loc("outcome")] ^= 1
    found = wild_bootstrap(strong, bare, did, "did", draws=100)
    assert not found.enumerated and found.p_value >= 0.01


def test_with_three_clusters_nothing_can_be_rejected(
    matched: pd.DataFrame, bare: ChildrenAnalysis, did: Regression
) -> None:
    """Eight sign patterns: the least p-value there can be is a quarter."""
    found = wild_bootstrap(matched[matched["group"] == "Ash"], bare, did, "did")
    assert (found.clusters, found.draws) == (3, 8)
    assert (found.lower, found.upper) == (-np.inf, np.inf)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "logistic"}, "found logistic, cluster authority, none effects"),
        ({"cluster": "child"}, "found linear, cluster child, none effects"),
        ({"authorities": "random"}, "found linear, cluster authority, random effects"),
        ({}, "found no term 'lag 0'"),
    ],
)
def test_what_it_is_not_for_is_refused(
    matched: pd.DataFrame,
    bare: ChildrenAnalysis,
    did: Regression,
    changes: dict[str, str],
    message: str,
) -> None:
    with pytest.raises(BadInput, match=message):
        wild_bootstrap(matched, bare, replace(did, **changes), "lag 0")


def test_many_clusters_are_refused(
    matched: pd.DataFrame, bare: ChildrenAnalysis, did: Regression
) -> None:
    with pytest.raises(BadInput, match="found 547 clusters; allowed: at most 200"):
        wild_bootstrap(matched.assign(authority=matched["child"]), bare, did, "did")
