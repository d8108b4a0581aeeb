"""What a regression needs, from cells and from the referrals: the same."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from sofs_bayes import spec
from sofs_bayes.cells.collapse import collapse
from sofs_bayes.cells.dataset import ALWAYS, KEYS, Cells
from sofs_bayes.errors import BadInput
from sofs_bayes.frequentist.gram import count_design, gram
from sofs_bayes.frequentist.terms import Design, design
from sofs_bayes.spec import ChildrenAnalysis, Levels, Regression

# The sums have the same terms in another order; lengths of columns make them comparable.
EQUAL = 1e-10

REFERRALS = 4000


def bundled(name: str) -> ChildrenAnalysis:
    analysis = spec.load(name)
    assert isinstance(analysis, ChildrenAnalysis)
    return analysis


def matched_rows(analysis: ChildrenAnalysis) -> pd.DataFrame:
    """Random rows: five pilots with staggered windows, comparators of which two are shared."""
    random = np.random.default_rng(7)
    years = np.array(analysis.records.years)
    rows = pd.DataFrame(
        {
            "referral": np.arange(REFERRALS),
            "child": random.integers(0, REFERRALS // 2, REFERRALS).astype(str),
            "group": random.choice([f"Pilot {k}" for k in range(1, 6)], REFERRALS),
            "pilot": random.integers(0, 2, REFERRALS),
            "year": random.choice(years, REFERRALS),
            "outcome": (random.random(REFERRALS) < 0.15).astype(int),
            "multiplicity": 1,
            "weight": random.uniform(0.2, 3.0, REFERRALS),
        }
    )
    start = rows["group"].map({f"Pilot {k}": years[2 + k % 3] for k in range(1, 6)})
    rows["years_since"] = rows["year"] - start
    rows["post"] = (rows["years_since"] >= 0).astype(int)
    number = rows["group"].str[-1].astype(int)
    shared = random.choice(["Shared 1", "Shared 2"], REFERRALS)
    own = np.where(random.random(REFERRALS) < 0.5, "Comparator " + number.astype(str), shared)
    rows["authority"] = np.where(rows["pilot"] == 1, rows["group"], own)
    for covariate in analysis.records.covariates:
        rows[covariate.name] = (
            random.choice([*covariate.levels, "missing"], REFERRALS)
            if isinstance(covariate, Levels)
            else random.uniform(0, 17, REFERRALS)
        )
    place = pd.factorize(rows["authority"] + rows["year"].astype(str))[0]
    for each in analysis.records.authority_covariates:
        rows[each.name] = random.uniform(0.0, 1.0, place.max() + 1)[place]
    rows["ofsted"] = np.ceil(4 * rows["ofsted"])
    return rows


@pytest.fixture(scope="module", params=[False, True], ids=["all ages", "ages missing"])
def matched(request: pytest.FixtureRequest) -> pd.DataFrame:
    rows = matched_rows(bundled("icpc-children"))
    return rows.assign(age=rows["age"].where(rows.index % 9 > 0)) if request.param else rows


@pytest.fixture(scope="module")
def cells(matched: pd.DataFrame) -> Cells:
    return collapse(matched, bundled("icpc-children"), evidence="synthetic", covariates=["gender"])


def scaled_difference(found: np.ndarray, expected: np.ndarray, lengths: np.ndarray) -> float:
    return float(np.abs((found - expected) / lengths).max())


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize(
    "regression", bundled("icpc-children").regressions.columns, ids=lambda column: column.name
)
def test_cross_products_of_cells_are_those_of_referrals(
    matched: pd.DataFrame, cells: Cells, regression: Regression, weighted: bool
) -> None:
    analysis = bundled("icpc-children")
    expected = design(matched, analysis, regression)
    found = gram(cells, analysis, regression, weighted=weighted)
    x, y = expected.terms.to_numpy(), expected.outcome
    w = expected.weights if weighted else np.ones(len(y))
    assert list(found.terms) == list(expected.terms)
    assert found.dropped == expected.dropped
    length = np.sqrt(np.diag(x.T @ (w[:, None] * x)))
    outcome = np.sqrt((w * y**2).sum())
    for k in range(len(found.authorities)):
        own = expected.authority == k
        xk, yk, wk = x[own], y[own], w[own]
        xx = xk.T @ (wk[:, None] * xk)
        assert scaled_difference(found.xx[k], xx, np.outer(length, length)) < EQUAL
        assert scaled_difference(found.xy[k], xk.T @ (wk * yk), length * outcome) < EQUAL
        assert found.yy[k] == pytest.approx((wk * yk**2).sum(), rel=EQUAL)
        assert found.n[k] == own.sum()
        assert found.weight[k] == pytest.approx(expected.weights[own].sum(), rel=EQUAL)


@pytest.mark.parametrize("column", [0, 3, 4, 5])
def test_counts_of_patterns_have_the_terms_of_referrals(column: int) -> None:
    analysis = bundled("cla-children")
    matched = matched_rows(analysis).assign(
        age=lambda rows: rows["age"].round().where(rows.index % 9 > 0)
    )
    cells = collapse(matched, analysis, evidence="synthetic", products=False)
    regression = analysis.regressions.columns[column]
    expected = design(matched, analysis, regression)
    found = count_design(cells, analysis, regression)
    assert list(found.terms) == list(expected.terms)
    assert found.dropped == expected.dropped
    for factor, counts in (
        (np.ones(len(expected.outcome)), found.n),
        (expected.outcome, found.events),
        (expected.weights, found.weight),
        (expected.weights * expected.outcome, found.weighted_events),
    ):
        by_authority = score(expected, factor, expected.terms.to_numpy())
        of_cells = score(found, counts, found.terms.to_numpy())
        np.testing.assert_allclose(of_cells, by_authority, rtol=EQUAL, atol=EQUAL * REFERRALS)


def score(rows: "Design | object", factor: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Σ factor · x · sin(x'b) by authority, which a wrong pattern would not leave as it is."""
    index = np.sin(x @ np.linspace(-1, 1, x.shape[1]))
    authority = rows.authority  # type: ignore[attr-defined]
    return np.array(
        [
            (factor * index)[authority == k] @ x[authority == k]
            for k in range(int(authority.max()) + 1)
        ]
    )


def test_what_cells_lack_is_named(matched: pd.DataFrame, cells: Cells) -> None:
    analysis = bundled("icpc-children")
    linear, lags = analysis.regressions.columns[:2]
    with pytest.raises(BadInput, match="products"):
        gram(replace(cells, products=None), analysis, linear)
    without = collapse(
        matched,
        analysis,
        by=[key for key in KEYS if key != "years_since"],
        covariates=[],
        evidence="synthetic",
    )
    assert gram(without, analysis, linear).terms == gram(cells, analysis, linear).terms
    with pytest.raises(BadInput, match="cells without years_since"):
        gram(without, analysis, lags)
    coarse = collapse(matched, analysis, by=ALWAYS, covariates=[], evidence="synthetic")
    with pytest.raises(BadInput, match="cells without year"):
        gram(coarse, analysis, linear)
    with pytest.raises(BadInput, match="no age"):
        count_design(cells, analysis, linear)


def test_suppressed_cells_are_refused_or_left_out(cells: Cells) -> None:
    analysis = bundled("icpc-children")
    linear = analysis.regressions.columns[0]
    assert cells.products is not None
    fewer = cells.products.isel(cell=slice(1, None)).assign_attrs(suppressed=1)
    with pytest.raises(BadInput, match="1 suppressed cells"):
        gram(replace(cells, products=fewer), analysis, linear)
    kept = gram(replace(cells, products=fewer), analysis, linear, suppressed="leave out")
    assert (
        kept.n.sum()
        == gram(cells, analysis, linear).n.sum() - cells.products["unweighted"][0, 0, 0]
    )


def test_an_authority_without_a_covariate_is_refused(matched: pd.DataFrame) -> None:
    analysis = bundled("icpc-children")
    unknown = matched.assign(
        assessments=matched["assessments"].where(matched["authority"] != "Shared 1")
    )
    found = collapse(unknown, analysis, covariates=[], evidence="synthetic")
    with pytest.raises(BadInput, match="authorities, assessments"):
        gram(found, analysis, analysis.regressions.columns[0])


def test_products_of_other_covariates_are_refused(cells: Cells) -> None:
    analysis = bundled("icpc-children")
    regressions = replace(analysis.regressions, covariates=("main_need",))
    with pytest.raises(BadInput, match="no main_need"):
        gram(cells, replace(analysis, regressions=regressions), analysis.regressions.columns[0])
