"""Which cells' cross-products may be released, against crosstabs of the referrals."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest

from sofs_bayes.cells.collapse import collapse
from sofs_bayes.cells.dataset import KEYS, Cells, frame_of
from sofs_bayes.disclosure.cells import Release, protect
from sofs_bayes.disclosure.products import narrowed, protect_products
from sofs_bayes.disclosure.rules import OutputRule
from sofs_bayes.errors import BadInput
from sofs_bayes.spec import ChildrenAnalysis

THRESHOLD = 10


@pytest.fixture(scope="module")
def plain(analysis: ChildrenAnalysis) -> ChildrenAnalysis:
    """With gender and age alone."""
    return replace(
        analysis, regressions=replace(analysis.regressions, covariates=("gender", "age"))
    )


@pytest.fixture(scope="module")
def common(analysis: ChildrenAnalysis, make_matched: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    """Referrals without rare levels: some 230 a cell, half of them girls, a fifth with an event."""
    rows = make_matched(analysis, referrals=6000)
    return rows[rows["gender"] != "missing"].reset_index(drop=True)


def released(
    rows: pd.DataFrame, analysis: ChildrenAnalysis, rule: OutputRule
) -> tuple[Cells, Release]:
    cells = collapse(rows, analysis, covariates=(), for_release=True, evidence="synthetic")
    counts = protect(cells, rule)
    assert counts.unprotected == 0
    return cells, protect_products(cells, counts, analysis, rule)


def kept_keys(release: Release) -> set[tuple[object, ...]]:
    assert release.cells.products is not None
    frame = frame_of(release.cells.products, "cell")
    return set(frame[list(KEYS)].astype(str).itertuples(index=False, name=None))


def crosstabs(rows: pd.DataFrame) -> list[int]:
    """Counts of children by gender, and by gender and outcome."""
    kinds = [rows["gender"] == "male", rows["gender"] == "female", rows["gender"] == "missing"]
    counts = [int(kind.sum()) for kind in kinds]
    return counts + [
        int((kind & (rows["outcome"] == y)).sum())
        for kind, y in product(kinds, (0, 1))
        if kind.any()
    ]


def in_cell(rows: pd.DataFrame, key: tuple[object, ...]) -> "pd.Series[bool]":
    return pd.Series(
        np.all([rows[name].astype(str) == value for name, value in zip(KEYS, key, strict=True)], 0),
        index=rows.index,
    )


def logged(release: Release, start: str) -> int:
    return next(row.affected for row in release.log if row.rule.startswith(start))


def test_products_of_large_counts_are_released_as_they_are(
    common: pd.DataFrame, plain: ChildrenAnalysis
) -> None:
    cells, release = released(common, plain, OutputRule())
    assert cells.products is not None
    assert release.cells.products is not None
    for name in ("unweighted", "weighted"):
        np.testing.assert_array_equal(
            release.cells.products[name].values, cells.products[name].values
        )
    assert release.cells.products.attrs["suppressed"] == 0
    assert release.suppressed == 0


@pytest.mark.parametrize("change", ["three girls", "no event among girls", "all events"])
def test_a_cell_with_a_small_count_of_a_level_is_suppressed(
    common: pd.DataFrame, plain: ChildrenAnalysis, change: str
) -> None:
    rows = common.copy()
    key = ("North", "Alder", "0", "2013", "0", "-2")
    here = in_cell(rows, key)
    girls = here & (rows["gender"] == "female")
    match change:
        case "three girls":
            rows.loc[rows.index[girls][3:], "gender"] = "male"
        case "no event among girls":
            rows.loc[girls, "outcome"] = 0
        case "all events":
            rows.loc[girls, "outcome"] = 1
    _, release = released(rows, plain, OutputRule())
    assert key not in kept_keys(release)
    assert logged(release, "products with counts under") == 1
    assert logged(release, "products that would follow from totals") >= 3
    by_log = OutputRule(small_products="log")
    assert key in kept_keys(released(rows, plain, by_log)[1])
    shown = released(rows, plain, OutputRule(zeros=True))[1]
    assert (key in kept_keys(shown)) == (change != "three girls")


@pytest.mark.parametrize("seed", range(4))
def test_no_released_cell_holds_a_small_count(
    plain: ChildrenAnalysis,
    analysis: ChildrenAnalysis,
    make_matched: Callable[..., pd.DataFrame],
    seed: int,
) -> None:
    rows = make_matched(analysis, referrals=5000, seed=seed)
    rows = rows[(rows["gender"] != "missing") | (rows.index % 3 == 0)]
    some = rows["authority"].isin(["North", "Cedar"]) & (rows["gender"] == "missing")
    rows = rows[~some].reset_index(drop=True)
    _, release = released(rows, plain, OutputRule())
    kept = kept_keys(release)
    assert release.cells.products is not None
    assert len(kept) + release.cells.products.attrs["suppressed"] == 30
    for key in kept:
        assert all(
            count == 0 or count >= THRESHOLD for count in crosstabs(rows[in_cell(rows, key)])
        )


@pytest.mark.parametrize(("children", "hidden"), [(4, True), (5, False)])
def test_few_degrees_of_freedom_are_too_few(
    common: pd.DataFrame, plain: ChildrenAnalysis, children: int, hidden: bool
) -> None:
    """An intercept, a dummy, a number and a threshold of two take five children."""
    key = ("North", "Alder", "0", "2013", "0", "-2")
    here = in_cell(common, key)
    few = common[here].drop_duplicates("child").iloc[:children]
    few = few.assign(
        gender=["male", "female", "male", "female", "male"][:children],
        outcome=[0, 0, 1, 1, 0][:children],
    )
    rows = pd.concat([common[~here], few], ignore_index=True)
    _, release = released(rows, plain, OutputRule(agreed=True, threshold=2, small_products="log"))
    assert logged(release, "fewer people than regressors") == int(hidden)
    assert (key in kept_keys(release)) != hidden


def test_products_nested_in_another_groups_are_suppressed(
    common: pd.DataFrame, plain: ChildrenAnalysis
) -> None:
    """The second group's cell is the first's, and twelve boys with twelve girls."""
    shared = common["authority"].eq("Cedar") & (common["year"] == 2013)
    first = common[shared & (common["group"] == "North")]
    others = common[shared & (common["group"] == "South")]
    more = others[~others["referral"].isin(first["referral"])]
    twice = first.assign(group="South", years_since=-3)
    extra = (
        pd.concat([more] * 40)
        .iloc[:24]
        .assign(
            referral=lambda rows: 10**6 + np.arange(len(rows)),
            child=lambda rows: [f"more {k}" for k in range(len(rows))],
            outcome=lambda rows: np.arange(len(rows)) % 2,
            gender=["male", "male", "female", "female"] * 6,
        )
    )
    rows = pd.concat([common[~shared], first, twice, extra], ignore_index=True)
    _, release = released(rows, plain, OutputRule())
    assert logged(release, "products nested in another group's") == 1


def test_fewer_covariates_have_fewer_regressors(
    common: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    cells = collapse(common, analysis, covariates=(), evidence="synthetic")
    assert cells.products is not None
    fewer = narrowed(cells.products, ("age",))
    assert list(fewer["regressor"].values) == ["intercept", "age", "age: missing", "outcome"]
    np.testing.assert_array_equal(
        fewer["weighted"].sel(regressor="age", co_regressor="outcome"),
        cells.products["weighted"].sel(regressor="age", co_regressor="outcome"),
    )


def test_other_cells_and_rounding_are_refused(
    common: pd.DataFrame, plain: ChildrenAnalysis
) -> None:
    cells = collapse(common, plain, covariates=(), for_release=True, evidence="synthetic")
    counts = protect(cells, OutputRule())
    with pytest.raises(BadInput, match="round_to"):
        protect_products(cells, counts, plain, OutputRule(round_to=5))
    with pytest.raises(BadInput, match="products"):
        protect_products(replace(cells, products=None), counts, plain, OutputRule())


def test_weighted_products_do_not_tell_the_pilots_few(
    common: pd.DataFrame, plain: ChildrenAnalysis
) -> None:
    """All comparators' weights of a level tell how many of it the pilots' hidden cells hold."""
    pilots, girls = common["pilot"] == 1, common["gender"] == "female"
    here = pilots & (common["group"] == "North") & (common["post"] == 0)
    rows = common.copy()
    rows.loc[rows.index[here & girls][3:], "gender"] = "male"
    _, release = released(rows, plain, OutputRule(totals=()))
    assert logged(release, "weights would tell a pilot's suppressed products") > 0
    assert not [
        key for key in kept_keys(release) if (key[0], key[2], key[4]) == ("North", "0", "0")
    ]
    assert [key for key in kept_keys(release) if (key[0], key[2], key[4]) == ("North", "0", "1")]
    assert round(30 * release.suppressed) == 30 - len(kept_keys(release))
