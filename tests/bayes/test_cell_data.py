"""What a model sees of cells is what it would see of the matched rows, one by one."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from tests.likelihood import bernoulli_logit

from sofs_bayes.bayes.cell_data import CellData, cell_data, regression_data, without
from sofs_bayes.cells.collapse import collapse
from sofs_bayes.cells.dataset import Cells
from sofs_bayes.errors import BadInput
from sofs_bayes.frequentist.did import fit
from sofs_bayes.frequentist.terms import Design, design
from sofs_bayes.spec import HierarchicalAnalysis

# Sums of some hundreds of terms in another order.
EQUAL = 1e-9
# Two ways to solve the same normal equations, whose condition number is about 1e4.
SOLVED = 1e-8

Floats = npt.NDArray[np.float64]
Make = Callable[..., HierarchicalAnalysis]
COLUMNS = (
    *("did", "lags", "leads and lags", "quality", "embeddedness", "practice model", "ofsted"),
    "without Esk",
)
BINOMIAL = "binomial logit"


def rows_of(rows: pd.DataFrame, analysis: HierarchicalAnalysis) -> Design:
    return design(rows, analysis.children, analysis.regression)


def scaled_weights(rows: Design, analysis: HierarchicalAnalysis) -> Floats:
    """How often each row counts, by the words of the analysis file."""
    w = rows.weights
    if analysis.model.weights == "likelihood":
        total = len(w) if analysis.model.weights_sum_to == "rows" else w.sum() ** 2 / (w**2).sum()
        scaled: Floats = w * total / w.sum()
    else:
        pilot = rows.terms["pilot"].to_numpy() == 1
        scaled = np.where(pilot, w[pilot].mean(), w[~pilot].mean())
    return scaled


def random_coefficients(data: CellData, seed: int = 5) -> tuple[Floats, Floats]:
    random = np.random.default_rng(seed)
    return 0.3 * random.standard_normal(len(data.terms)), random.standard_normal(
        len(data.child_terms)
    ) * 0.2


def squares(data: CellData, b: Floats, gamma: Floats) -> float:
    left = data.centre - data.design @ b - data.child_means @ gamma
    within = data.within_yy.sum() - 2 * gamma @ data.within_xy.sum(0)
    within += gamma @ data.within_xx.sum(0) @ gamma
    return float((data.curvature * left**2).sum() + within)


def predictor(rows: Design, data: CellData, b: Floats, gamma: Floats) -> Floats:
    of_cells, of_children = rows.terms[[*data.terms]], rows.terms[[*data.child_terms]]
    found: Floats = of_cells.to_numpy() @ b + of_children.to_numpy() @ gamma
    return found


VARIANTS = [
    *((column, {}) for column in COLUMNS),
    ("did", {"authorities": "fixed"}),
    ("did", {"weights_sum_to": "rows"}),
    ("did", {"weights": "covariates"}),
]


@pytest.mark.parametrize(("column", "model"), VARIANTS)
def test_the_squares_of_cells_are_those_of_rows(
    children_rows: pd.DataFrame,
    children_cells: Cells,
    hierarchical: Make,
    column: str,
    model: dict[str, str],
) -> None:
    analysis = hierarchical(column, **model)
    data, rows = cell_data(children_cells, analysis), rows_of(children_rows, analysis)
    assert {*data.terms, *data.child_terms} == {*rows.terms}
    assert data.dropped == rows.dropped
    weights = scaled_weights(rows, analysis)
    b, gamma = random_coefficients(data)
    expected = (weights * (rows.outcome - predictor(rows, data, b, gamma)) ** 2).sum()
    assert squares(data, b, gamma) == pytest.approx(expected, rel=EQUAL)
    assert data.cells["children"].sum() == len(rows.outcome)
    assert data.cells["weight"].sum() == pytest.approx(weights.sum(), rel=EQUAL)
    np.testing.assert_array_equal(data.cells["weight"], data.curvature)
    assert data.cells["events"].sum() == pytest.approx(weights @ rows.outcome, rel=EQUAL)


def test_the_squares_tell_a_wrong_outcome(
    children_rows: pd.DataFrame, children_cells: Cells, hierarchical: Make
) -> None:
    """The comparison above is not one of anything with itself."""
    analysis = hierarchical()
    data, rows = cell_data(children_cells, analysis), rows_of(children_rows, analysis)
    b, gamma = random_coefficients(data)
    outcome = rows.outcome.copy()
    outcome[0] = 1 - outcome[0]
    weights = scaled_weights(rows, analysis)
    other = (weights * (outcome - predictor(rows, data, b, gamma)) ** 2).sum()
    assert squares(data, b, gamma) != pytest.approx(other, rel=1e3 * EQUAL)


@pytest.mark.parametrize(("column", "model"), VARIANTS)
def test_the_counts_have_the_likelihood_of_rows(
    children_rows: pd.DataFrame,
    children_cells: Cells,
    hierarchical: Make,
    column: str,
    model: dict[str, str],
) -> None:
    analysis = hierarchical(column, likelihood=BINOMIAL, **model)
    data, rows = cell_data(children_cells, analysis), rows_of(children_rows, analysis)
    counts = data.patterns
    assert counts is not None
    assert {*data.terms, *data.child_terms} == {*rows.terms}
    weights = scaled_weights(rows, analysis)
    b, gamma = random_coefficients(data)
    eta = predictor(rows, data, b, gamma)
    expected = bernoulli_logit(eta, n=weights, events=weights * rows.outcome)
    of_counts = (data.design @ b)[counts.cell] + (counts.child_design @ gamma)[counts.pattern]
    found = bernoulli_logit(of_counts, n=counts.n, events=counts.events)
    assert found == pytest.approx(expected, rel=EQUAL)
    assert counts.children.sum() == data.cells["children"].sum() == len(rows.outcome)
    pairs = pd.DataFrame({"cell": counts.cell, "pattern": counts.pattern})
    assert not pairs.duplicated().any()
    assert len(np.unique(counts.child_design, axis=0)) == len(counts.child_design)


@pytest.mark.parametrize("likelihood", ["gaussian", BINOMIAL])
def test_cells_are_authorities_in_years(
    children_rows: pd.DataFrame, children_cells: Cells, hierarchical: Make, likelihood: str
) -> None:
    """Groups that share a comparator's year share its cell, if both are before or both after."""
    data = cell_data(children_cells, hierarchical(likelihood=likelihood))
    expected = children_rows.groupby(["authority", "year", "post"]).agg(
        children=("outcome", "size"), pilot=("pilot", "first")
    )
    expected = expected.reset_index()
    keys = ["authority", "year", "pilot", "children"]
    found = data.cells[keys].sort_values(keys, ignore_index=True)
    expected = expected[keys].sort_values(keys, ignore_index=True)
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)
    by_group = children_rows.groupby(["group", "authority", "year", "post"]).ngroups
    assert len(data.cells) < by_group
    assert (data.cells["authority"] == "Fern").sum() == len({2013, 2014, 2015, 2016, 2017}) + 1


def test_labels_and_places(children_cells: Cells, hierarchical: Make) -> None:
    data = cell_data(children_cells, hierarchical())
    assert data.pilots == ("Aldmoor", "Birchway", "Cranleigh", "Esk")
    assert data.years == (2013, 2014, 2015, 2016, 2017)
    assert np.array(data.authorities)[data.authority].tolist() == data.cells["authority"].tolist()
    assert np.array(data.years)[data.year].tolist() == data.cells["year"].tolist()
    did = data.design[:, data.terms.index("did")]
    np.testing.assert_array_equal(data.treated.sum(axis=1), did)
    for j, name in enumerate(data.pilots):
        assert set(data.cells.loc[data.treated[:, j] == 1, "authority"]) == {name}


@pytest.mark.parametrize(
    ("column", "authorities"), [*((column, "none") for column in COLUMNS), ("did", "fixed")]
)
def test_least_squares_from_the_sums_is_the_regression(
    children_rows: pd.DataFrame,
    children_cells: Cells,
    hierarchical: Make,
    column: str,
    authorities: str,
) -> None:
    analysis = hierarchical(column, authorities=authorities)
    data = cell_data(children_cells, analysis)
    x = np.column_stack([data.design, data.child_means])
    xx, xy = x.T @ (data.curvature[:, None] * x), x.T @ (data.curvature * data.centre)
    k = len(data.terms)
    xx[k:, k:] += data.within_xx.sum(0)
    xy[k:] += data.within_xy.sum(0)
    found = dict(zip((*data.terms, *data.child_terms), np.linalg.solve(xx, xy), strict=True))
    expected = fit(children_rows, analysis.children, analysis.regression)
    for term in expected.terms:
        assert found[term] == pytest.approx(expected.coefficient(term), rel=SOLVED, abs=SOLVED)


@pytest.mark.parametrize("likelihood", ["gaussian", BINOMIAL])
def test_without_authorities_only_the_others_count(
    children_rows: pd.DataFrame, children_cells: Cells, hierarchical: Make, likelihood: str
) -> None:
    analysis = hierarchical(likelihood=likelihood)
    whole, left_out = cell_data(children_cells, analysis), ("Birchway", "Fern")
    data, rows = without(whole, left_out), rows_of(children_rows, analysis)
    weights = scaled_weights(rows, analysis) * ~children_rows["authority"].isin(left_out)
    b, gamma = random_coefficients(data)
    eta = predictor(rows, data, b, gamma)
    if data.patterns is None:
        expected = float((weights * (rows.outcome - eta) ** 2).sum())
        found = squares(data, b, gamma)
    else:
        expected = bernoulli_logit(eta, n=weights, events=weights * rows.outcome)
        counts = data.patterns
        of_counts = (data.design @ b)[counts.cell] + (counts.child_design @ gamma)[counts.pattern]
        found = bernoulli_logit(of_counts, n=counts.n, events=counts.events)
    assert found == pytest.approx(expected, rel=EQUAL)
    gone = data.cells["authority"].isin(left_out)
    assert not data.cells.loc[gone, ["children", "weight", "events"]].to_numpy().any()
    assert not data.curvature[gone].any()
    shapes = [getattr(each, name).shape for each in (whole, data) for name in ("design", "centre")]
    assert shapes[:2] == shapes[2:]
    with pytest.raises(ValueError, match="not among the authorities: Nowhere"):
        without(data, ["Nowhere"])


@pytest.mark.parametrize("likelihood", ["gaussian", BINOMIAL])
def test_without_authorities_is_as_if_they_had_never_been(
    children_rows: pd.DataFrame, hierarchical: Make, likelihood: str
) -> None:
    """Covariates as they are: standardised, they would be over fewer rows."""
    analysis = hierarchical(likelihood=likelihood, standardise=False)
    children = analysis.children
    fewer = children_rows[~children_rows["authority"].isin(["Dell", "Glen"])]
    there = cell_data(collapse(children_rows, children, evidence="synthetic"), analysis)
    there = without(there, ["Dell", "Glen"])
    never = cell_data(collapse(fewer, children, evidence="synthetic"), analysis)
    assert there.terms == never.terms
    kept = ~there.cells["authority"].isin(["Dell", "Glen"]).to_numpy()
    np.testing.assert_allclose(there.design[kept], never.design, rtol=EQUAL)
    # Weights are scaled by one number, which depends on who is there.
    ratio = there.cells.loc[kept, "weight"].to_numpy() / never.cells["weight"].to_numpy()
    np.testing.assert_allclose(ratio, ratio[0], rtol=EQUAL)
    if likelihood == "gaussian":
        np.testing.assert_allclose(there.centre[kept], never.centre, rtol=EQUAL)
        np.testing.assert_allclose(
            there.within_xx.sum(0), ratio[0] * never.within_xx.sum(0), rtol=EQUAL, atol=EQUAL
        )
        np.testing.assert_allclose(
            there.within_xy.sum(0), ratio[0] * never.within_xy.sum(0), rtol=EQUAL, atol=EQUAL
        )


def test_another_regression_of_the_same_children(children_cells: Cells, hierarchical: Make) -> None:
    analysis = hierarchical()
    other = hierarchical("lags")
    found = regression_data(children_cells, analysis, other.regression)
    assert found.terms == cell_data(children_cells, other).terms


def test_the_order_of_rows_says_nothing(children_rows: pd.DataFrame, hierarchical: Make) -> None:
    analysis = hierarchical("lags", likelihood=BINOMIAL)
    shuffled = children_rows.sample(frac=1.0, random_state=2)
    one, other = (
        cell_data(collapse(rows, analysis.children, evidence="synthetic"), analysis)
        for rows in (children_rows, shuffled)
    )
    np.testing.assert_allclose(one.design, other.design, atol=EQUAL)
    assert one.patterns is not None
    assert other.patterns is not None
    np.testing.assert_allclose(one.patterns.events, other.patterns.events, rtol=EQUAL)


def changed_rows(rows: pd.DataFrame, case: str) -> pd.DataFrame:
    pilot, post = rows["pilot"] == 1, rows["post"] == 1
    match case:
        case "no children after":
            return rows[~((rows["authority"] == "Esk") & post)]
        case "no events":
            return rows.assign(outcome=rows["outcome"].where(pilot, 0))
        case "nothing but events":
            return rows.assign(outcome=rows["outcome"].where(~pilot, 1))
        case _:
            return rows[pilot]


@pytest.mark.parametrize("likelihood", ["gaussian", BINOMIAL])
@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("no children after", "Esk: no children after settling-in"),
        ("no events", "comparators: no events"),
        ("nothing but events", "pilots: nothing but events"),
        ("one arm", "one arm"),
    ],
)
def test_cells_that_tell_no_difference_are_refused(
    children_rows: pd.DataFrame, hierarchical: Make, likelihood: str, case: str, message: str
) -> None:
    analysis = hierarchical(likelihood=likelihood)
    cells = collapse(changed_rows(children_rows, case), analysis.children, evidence="synthetic")
    with pytest.raises(BadInput, match=message):
        cell_data(cells, analysis)


@pytest.mark.parametrize("likelihood", ["gaussian", BINOMIAL])
def test_a_sparse_year_is_judged_by_children(
    children_rows: pd.DataFrame, hierarchical: Make, likelihood: str
) -> None:
    """One child in the year before settling-in: no reference, though one cell of a dozen."""
    before = (children_rows["pilot"] == 1) & (children_rows["years_since"] == -1)
    rows = children_rows[~before | (before & (before.cumsum() == 1))]
    analysis = hierarchical("leads and lags", likelihood=likelihood)
    expected = rows_of(rows, analysis)
    assert {"lead -3", "lead -2"} & {*expected.terms} == {"lead -3"}
    data = cell_data(collapse(rows, analysis.children, evidence="synthetic"), analysis)
    assert {*data.terms, *data.child_terms} == {*expected.terms}


@pytest.mark.parametrize("likelihood", ["gaussian", BINOMIAL])
def test_weights_that_are_not_positive_are_refused(
    children_cells: Cells, hierarchical: Make, likelihood: str
) -> None:
    assert children_cells.products is not None
    weighted = children_cells.products["weighted"].copy()
    weighted[0] = 0.0
    weight = children_cells.patterns["weight"].copy()
    weight[0] = 0.0
    none = replace(
        children_cells,
        products=children_cells.products.assign(weighted=weighted),
        patterns=children_cells.patterns.assign(weight=weight),
    )
    with pytest.raises(BadInput, match="1 cell whose weights sum to no positive number"):
        cell_data(none, hierarchical(likelihood=likelihood))


def test_terms_that_others_make_up_are_dropped(
    children_rows: pd.DataFrame, hierarchical: Make
) -> None:
    same = children_rows.assign(ofsted=children_rows["pilot"].astype(float))
    analysis = hierarchical()
    data = cell_data(collapse(same, analysis.children, evidence="synthetic"), analysis)
    assert data.dropped == ("ofsted",)
    assert "ofsted" not in data.terms
    fixed = cell_data(
        collapse(children_rows, analysis.children, evidence="synthetic"),
        hierarchical(authorities="fixed"),
    )
    assert "pilot" in fixed.dropped
