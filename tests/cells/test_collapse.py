"""Cells against counts made with pandas, and what may not be collapsed."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from sofs_bayes.cells.collapse import collapse
from sofs_bayes.cells.dataset import ALWAYS, KEYS, Cells, frame_of, with_authority_covariates
from sofs_bayes.errors import BadInput
from sofs_bayes.matching.matched_file import write_matched
from sofs_bayes.spec import ChildrenAnalysis

# Sums of some thousand weights in another order.
SUM = 1e-12

COVARIATES = ["gender", "age", "need"]


@pytest.fixture(scope="module")
def cells(matched: pd.DataFrame, analysis: ChildrenAnalysis) -> Cells:
    return collapse(matched, analysis, for_release=True, evidence="synthetic")


def counted(matched: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """The same counts and sums by pandas, in the order of the texts' values."""
    rows = matched.assign(
        wy=matched["weight"] * matched["outcome"],
        ww=matched["weight"] ** 2,
        with_event=matched["child"].where(matched["outcome"] == 1),
        without_event=matched["child"].where(matched["outcome"] == 0),
    )
    return (
        rows.groupby(names)
        .agg(
            n=("outcome", "size"),
            events=("outcome", "sum"),
            weight=("weight", "sum"),
            weighted_events=("wy", "sum"),
            weight_squared=("ww", "sum"),
            children=("child", "nunique"),
            children_with_event=("with_event", "nunique"),
            children_without_event=("without_event", "nunique"),
        )
        .reset_index()
    )


def sorted_by(frame: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    texts = frame.astype({name: str for name in names if frame[name].dtype.name == "category"})
    return texts.sort_values(names).reset_index(drop=True)


# ------------------------------------------------------------------------------- equality


@pytest.mark.parametrize(
    ("by", "covariates"),
    [(KEYS, COVARIATES), (KEYS, []), (ALWAYS, ["gender"]), ((*ALWAYS, "year"), ["need", "age"])],
)
def test_counts_are_those_of_pandas(
    matched: pd.DataFrame, analysis: ChildrenAnalysis, by: tuple[str, ...], covariates: list[str]
) -> None:
    found = collapse(
        matched,
        analysis,
        by=by,
        covariates=covariates,
        products=False,
        for_release=True,
        evidence="synthetic",
    )
    names = [name for name in KEYS if name in by] + covariates
    ours = sorted_by(frame_of(found.patterns, "pattern"), names)
    theirs = sorted_by(counted(matched, names), names)
    assert found.products is None
    pd.testing.assert_frame_equal(
        ours, theirs, check_dtype=False, check_exact=False, rtol=SUM, atol=0
    )


def test_cells_do_not_depend_on_the_order_of_rows_or_on_threads(
    matched: pd.DataFrame, analysis: ChildrenAnalysis, cells: Cells
) -> None:
    shuffled = matched.sample(frac=1, random_state=3)
    again = collapse(shuffled, analysis, for_release=True, evidence="synthetic", threads=1)
    assert cells.products is not None
    assert cells.overlaps is not None
    assert cells.weights is not None
    for ours, theirs in (
        (again.patterns, cells.patterns),
        (again.products, cells.products),
        (again.authorities, cells.authorities),
        (again.overlaps, cells.overlaps),
        (again.weights, cells.weights),
    ):
        xr.testing.assert_identical(ours, theirs)


def test_numbers_are_cut_as_in_the_matching(
    matched: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    with_missing = matched.assign(age=matched["age"].where(matched.index % 50 > 0))
    found = collapse(
        with_missing,
        analysis,
        by=ALWAYS,
        covariates=["age"],
        bands=True,
        products=False,
        evidence="synthetic",
    )
    assert found.covariates == ("age band",)
    ours = frame_of(found.patterns, "pattern").groupby("age band", observed=True)["n"].sum()
    bands = pd.cut(with_missing["age"], [-np.inf, 4.5, 12.5, np.inf]).cat.codes.value_counts()
    assert ours.to_dict() == {
        "up to 4.5": bands[0],
        "above 4.5 to 12.5": bands[1],
        "above 12.5": bands[2],
        "missing": bands[-1],
    }


def test_authorities_covariates_stand_beside_their_cells(
    matched: pd.DataFrame, analysis: ChildrenAnalysis, cells: Cells
) -> None:
    frame = with_authority_covariates(frame_of(cells.patterns, "pattern"), cells.authorities)
    names = [each.name for each in analysis.records.authority_covariates]
    expected = matched.drop_duplicates(["authority", "year"]).set_index(["authority", "year"])[
        names
    ]
    found = frame.drop_duplicates(["authority", "year"])
    keyed = found.astype({"authority": str}).set_index(["authority", "year"])[names]
    pd.testing.assert_frame_equal(keyed.sort_index(), expected.sort_index(), check_index_type=False)


def test_rows_by_weight_add_up_to_their_patterns(
    matched: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    cells = collapse(
        matched, analysis, covariates=[], products=False, for_release=True, evidence="synthetic"
    )
    assert cells.weights is not None
    of, weight, n, events = (
        cells.weights[name].values for name in ("of_pattern", "weight", "n", "events")
    )
    assert len(of) > cells.patterns.sizes["pattern"]
    for name, values in (
        ("n", n),
        ("events", events),
        ("weight", n * weight),
        ("weighted_events", events * weight),
        ("weight_squared", n * weight**2),
    ):
        np.testing.assert_allclose(np.bincount(of, values), cells.patterns[name], rtol=SUM)


def test_overlaps_are_the_referrals_in_several_patterns(
    matched: pd.DataFrame, cells: Cells
) -> None:
    assert cells.overlaps is not None
    names = [*KEYS, *COVARIATES]
    frame = frame_of(cells.patterns, "pattern").astype(dict.fromkeys(["gender", "need"], str))
    patterns = frame.astype({"group": str, "authority": str})[names]
    place = matched.merge(patterns.reset_index(names="pattern"), on=names)
    assert len(place) == len(matched)
    several = place.groupby("referral").agg(
        patterns=("pattern", lambda of: tuple(sorted(of))), outcome=("outcome", "first")
    )
    several = several[several["patterns"].map(len) > 1]
    expected = several.groupby("patterns")["outcome"].agg(["size", "sum"])
    of_set = cells.overlaps["of_set"].values
    found = {
        tuple(sorted(cells.overlaps["of_pattern"].values[of_set == k].tolist())): (
            int(cells.overlaps["n"].values[k]),
            int(cells.overlaps["events"].values[k]),
        )
        for k in range(cells.overlaps.sizes["set"])
    }
    assert found == {key: (row["size"], row["sum"]) for key, row in expected.iterrows()}


def test_a_file_says_what_it_is(
    tmp_path: Path, matched: pd.DataFrame, analysis: ChildrenAnalysis, cells: Cells
) -> None:
    path = tmp_path / "synthetic.parquet"
    with duckdb.connect() as connection:
        connection.register("matched", matched)
        write_matched(connection, path, evidence="synthetic", analysis=analysis)
    found = collapse(path, analysis, for_release=True)
    xr.testing.assert_identical(found.patterns, cells.patterns)
    with pytest.raises(BadInput, match="evidence"):
        collapse(path, analysis, evidence="records")
    with pytest.raises(BadInput, match="analysis_sha256"):
        collapse(path, of_other_name(analysis))


def of_other_name(analysis: ChildrenAnalysis) -> ChildrenAnalysis:
    return replace(analysis, name="other")


def test_a_missing_number_is_a_value_of_its_own(
    matched: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    lacking = matched.assign(age=matched["age"].where(matched.index % 3 > 0))
    found = collapse(lacking, analysis, by=ALWAYS, evidence="synthetic", for_release=True)
    names = [*ALWAYS, *COVARIATES]
    ours = sorted_by(frame_of(found.patterns, "pattern").fillna({"age": -9.0}), names)
    theirs = sorted_by(counted(lacking.fillna({"age": -9.0}), names), names)
    pd.testing.assert_frame_equal(
        ours, theirs, check_dtype=False, check_exact=False, rtol=SUM, atol=0
    )
    assert found.overlaps is not None
    cedar = lacking[lacking["authority"] == "Cedar"].groupby("referral").size()
    assert int(found.overlaps["n"].sum()) == (cedar > 1).sum()


# ------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda rows: rows.drop(columns="need"), "column need"),
        (lambda rows: rows.assign(weight=0.0), "column weight"),
        (lambda rows: rows.assign(weight=np.inf), "column weight"),
        (lambda rows: rows.assign(outcome=2), "column outcome"),
        (lambda rows: rows.assign(gender="Zaphod"), "column gender"),
        (lambda rows: rows.assign(child=None), "column child"),
        (lambda rows: rows.assign(ofsted=rows["referral"] * 1.0), "column ofsted"),
        (lambda rows: rows.iloc[:0], "no rows"),
    ],
)
def test_rows_that_break_the_contract_are_refused(
    matched: pd.DataFrame,
    analysis: ChildrenAnalysis,
    change: Callable[[pd.DataFrame], pd.DataFrame],
    place: str,
) -> None:
    with pytest.raises(BadInput, match=place) as caught:
        collapse(change(matched), analysis, evidence="synthetic")
    assert "Zaphod" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({"evidence": None}, "evidence"),
        ({"by": ("group", "authority", "pilot")}, "cells without post"),
        ({"by": (*ALWAYS, "month")}, "'month'"),
        ({"covariates": ["height"]}, "'height'"),
        ({"covariates": ["need", "need"]}, "a name twice"),
        ({"most_patterns": 10}, "at most 10"),
    ],
)
def test_requests_that_cannot_be_met_are_refused(
    matched: pd.DataFrame, analysis: ChildrenAnalysis, options: dict[str, object], place: str
) -> None:
    with pytest.raises(BadInput, match=place):
        collapse(matched, analysis, **({"evidence": "synthetic"} | options))
