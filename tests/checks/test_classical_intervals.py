"""Classical intervals from cells are those of statsmodels and the bootstrap on children's rows."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from statsmodels.regression.linear_model import WLS

from sofs_bayes import spec
from sofs_bayes.bayes.cell_data import CellData, cell_data
from sofs_bayes.cells.collapse import collapse
from sofs_bayes.checks.classical_intervals import (
    CHILD,
    CR1,
    CR3,
    LEVELS,
    WILD,
    Interval,
    classical_intervals,
    regressors,
)
from sofs_bayes.errors import BadInput
from sofs_bayes.frequentist import wild_bootstrap as wild
from sofs_bayes.frequentist.did import fit
from sofs_bayes.frequentist.term import DID
from sofs_bayes.frequentist.terms import design
from sofs_bayes.frequentist.wild_bootstrap import cluster_weights, wild_bootstrap, wild_tests
from sofs_bayes.spec import ChildrenAnalysis, HierarchicalAnalysis

FOLDER = Path(__file__).parents[1] / "reference" / "regressions"
# The same least squares from sums in another order, and through square roots of cross-products.
ROUNDING = 1e-6


@pytest.fixture(scope="module")
def children() -> ChildrenAnalysis:
    found = spec.load(FOLDER / "analysis.toml")
    assert isinstance(found, ChildrenAnalysis)
    return found


@pytest.fixture(scope="module")
def matched() -> pd.DataFrame:
    return pd.read_csv(FOLDER / "matched.csv", parse_dates=["referral_date"])


Seen = Callable[[HierarchicalAnalysis, pd.DataFrame], CellData]


@pytest.fixture(scope="module")
def seen(children: ChildrenAnalysis) -> Seen:
    """What a hierarchical analysis sees of the rows, weights scaled to their number."""

    def make(analysis: HierarchicalAnalysis, rows: pd.DataFrame) -> CellData:
        model = replace(analysis.model, weights_sum_to="rows")
        own = replace(analysis, children=children, column="did", model=model)
        return cell_data(collapse(rows, children, evidence="synthetic"), own)

    return make


def intervals(data: CellData) -> dict[str, Interval]:
    return classical_intervals(regressors(data), data, np.random.default_rng(1))


@pytest.mark.parametrize(
    "case",
    [(CHILD, "none", None), (CR1, "authority", "CR1"), (CR3, "authority", "CR3")],
)
def test_linear_ones_are_those_of_the_rows(
    seen: Seen,
    matched: pd.DataFrame,
    children: ChildrenAnalysis,
    linear_analysis: HierarchicalAnalysis,
    case: tuple[str, Any, Any],
) -> None:
    name, cluster, correction = case
    found = intervals(seen(linear_analysis, matched))[name]
    column = next(each for each in children.regressions.columns if each.name == "did")
    rows = fit(matched, children, replace(column, cluster=cluster), correction=correction)
    assert found.estimate == pytest.approx(rows.coefficient(DID), rel=ROUNDING)
    assert found.standard_error == pytest.approx(rows.standard_error(DID), rel=ROUNDING)
    at = rows.terms.index(DID)
    assert found.p_value == pytest.approx(rows.p_values[at], rel=ROUNDING)
    for level, limits in zip(LEVELS, found.limits, strict=True):
        table = rows.table(level)
        assert limits == pytest.approx(
            [table.loc[DID, "lower"], table.loc[DID, "upper"]], rel=ROUNDING
        )


def test_counts_have_the_linear_probability_model_of_the_rows(
    seen: Seen,
    matched: pd.DataFrame,
    children: ChildrenAnalysis,
    logistic_analysis: HierarchicalAnalysis,
) -> None:
    rows = matched.assign(weight=1.0)
    found = intervals(seen(logistic_analysis, rows))
    column = next(each for each in children.regressions.columns if each.name == "did")
    numbers = design(rows, children, column)
    plain = WLS(numbers.outcome, numbers.terms.to_numpy()).fit()
    at = list(numbers.terms).index(DID)
    assert found[CHILD].estimate == pytest.approx(plain.params[at], rel=ROUNDING)
    robust = plain.get_robustcov_results("HC1").bse[at]
    assert found[CHILD].standard_error == pytest.approx(robust, rel=ROUNDING)
    by = plain.get_robustcov_results("cluster", groups=numbers.authority).bse[at]
    assert found[CR1].standard_error == pytest.approx(by, rel=ROUNDING)


def test_the_bootstrap_is_that_of_the_rows(
    seen: Seen,
    matched: pd.DataFrame,
    children: ChildrenAnalysis,
    linear_analysis: HierarchicalAnalysis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wild, "FEWEST_SIGNS", 1)  # all sign patterns, as the other has
    found = intervals(seen(linear_analysis, matched))[WILD]
    column = next(each for each in children.regressions.columns if each.name == "did")
    rows = wild_bootstrap(matched, children, replace(column, cluster="authority"), DID)
    assert rows.enumerated
    assert found.p_value == pytest.approx(rows.p_value)
    assert found.limits[-1] == pytest.approx([rows.lower, rows.upper], rel=ROUNDING)


def test_no_more_children_than_terms_are_refused(
    seen: Seen, matched: pd.DataFrame, linear_analysis: HierarchicalAnalysis
) -> None:
    data = seen(linear_analysis, matched)
    with pytest.raises(BadInput, match=r"children: found \d+ children, \d+ terms"):
        regressors(replace(data, curvature=data.curvature * 1e-3))


def test_an_interval_holds_the_values_that_are_not_rejected() -> None:
    rng = np.random.default_rng(4)
    rows = rng.normal(size=(12, 20, 3))
    outcome = rows @ [0.3, 0.0, -0.2] + rng.normal(size=(12, 20)) + rng.normal(size=(12, 1))
    xx = np.einsum("gnk,gnl->gkl", rows, rows)
    xy = np.einsum("gnk,gn->gk", rows, outcome)
    tests = wild_tests(xx, xy, 0, cluster_weights(12, 999, rng))
    for level in LEVELS:
        lower, upper = tests.interval(level)
        inner = np.linspace(lower, upper, 30)[1:-1]
        assert min(map(tests.p_value, inner)) > 1 - level
        assert max(map(tests.p_value, (lower, upper))) <= 1 - level
    assert tests.p_value(tests.estimate) == 1.0


def test_few_clusters_have_webbs_weights_and_others_signs() -> None:
    rng = np.random.default_rng(1)
    assert len(np.unique(cluster_weights(6, 500, rng))) == 6
    every = cluster_weights(10, 2000, rng)
    assert every.shape == (1024, 10)
    assert len(np.unique(every, axis=0)) == 1024
    some = cluster_weights(20, 300, rng)
    assert some.shape == (300, 20)
    assert set(np.unique(some)) == {-1.0, 1.0}
    assert np.mean(np.square(cluster_weights(6, 20000, rng))) == pytest.approx(1.0, abs=0.02)
