"""Merging until enough may be released."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from sofs_bayes.cells.dataset import ALWAYS, KEYS
from sofs_bayes.cells.files import write_cells
from sofs_bayes.disclosure.cells import protect
from sofs_bayes.disclosure.release import Step, merging_route, release
from sofs_bayes.disclosure.rules import OutputRule
from sofs_bayes.errors import BadInput
from sofs_bayes.spec import ChildrenAnalysis


def test_the_route_goes_from_all_covariates_to_the_coarsest_cells(
    analysis: ChildrenAnalysis,
) -> None:
    route = merging_route(analysis)
    assert [step.covariates for step in route] == [
        ("gender", "age", "need"),
        ("gender", "age"),
        ("gender",),
        (),
        (),
        (),
    ]
    assert route[3].by == KEYS
    assert route[-1].by == ALWAYS


def test_the_finest_cells_that_may_leave_are_released(
    matched: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    found = release(matched, analysis, OutputRule(), evidence="synthetic")
    assert found.cells.by == KEYS
    assert found.cells.covariates == ()
    assert found.unprotected == 0
    assert [row.action for row in found.log[:3]] == ["not released: merged further"] * 3
    assert "covariates: gender, age, need" in found.log[0].rule
    assert int(found.cells.patterns["n"].sum()) == len(matched)


def test_covariates_stay_where_their_levels_are_common(
    analysis: ChildrenAnalysis, make_matched: Callable[..., pd.DataFrame]
) -> None:
    rows = make_matched(analysis, referrals=9000)
    rows = rows[rows["gender"] != "missing"]
    found = release(rows, analysis, OutputRule(), evidence="synthetic", most_suppressed=0.3)
    assert found.cells.covariates == ("gender",)
    wide = release(
        rows,
        analysis,
        OutputRule(),
        evidence="synthetic",
        route=[Step(by=ALWAYS, covariates=("gender", "age"))],
    )
    assert wide.cells.covariates == ("gender", "age band")


def test_years_go_where_events_are_rare(
    analysis: ChildrenAnalysis, make_matched: Callable[..., pd.DataFrame]
) -> None:
    rows = make_matched(analysis, referrals=6000)
    rare = rows.assign(outcome=rows["outcome"] * (rows["referral"] % 6 == 0))
    found = release(rare, analysis, OutputRule(), evidence="synthetic")
    assert found.cells.by == ALWAYS


def test_products_are_released_with_whole_cells(
    matched: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    strict = release(matched, analysis, OutputRule(), what="products", evidence="synthetic")
    assert strict.cells.products is not None
    assert list(strict.cells.products["regressor"].values) == ["intercept", "outcome"]
    logged = release(
        matched, analysis, OutputRule(small_products="log"), what="products", evidence="synthetic"
    )
    assert logged.cells.products is not None
    assert logged.cells.products.sizes["regressor"] == 9
    assert logged.cells.covariates == ()


def test_products_are_released_of_all_cells_or_none(
    analysis: ChildrenAnalysis, make_matched: Callable[..., pd.DataFrame]
) -> None:
    rows = make_matched(analysis, referrals=3000)
    some = release(
        rows, analysis, OutputRule(), what="products", evidence="synthetic", most_suppressed=0.99
    )
    assert some.cells.products is not None and some.cells.products.attrs["suppressed"] > 0
    with pytest.raises(BadInput, match="or counts, for logistic models"):
        release(rows, analysis, OutputRule(), what="products", evidence="synthetic")


def test_nothing_is_released_where_nothing_may_be(
    tmp_path: Path, matched: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    few = matched.sample(60, random_state=1)
    for what in ("counts", "products"):
        with pytest.raises(BadInput, match="however merged"):
            release(few, analysis, OutputRule(), what=what, evidence="synthetic")
    assert list(tmp_path.iterdir()) == []


def test_what_others_give_away_is_not_written(
    tmp_path: Path, by_hand: Callable[..., object]
) -> None:
    found = protect(by_hand([[(200, 40), (200, 40)], [(200, 9), (200, 40)]]), OutputRule())
    assert found.unprotected
    with pytest.raises(BadInput, match="that others give away"):
        write_cells(found.cells, tmp_path / "synthetic.nc")
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_named_is_kept(analysis: ChildrenAnalysis) -> None:
    steps = merging_route(analysis, order=("years-since", "covariates"))
    assert all("year" in step.by for step in steps)
    assert "years_since" in steps[0].by
    assert "years_since" not in steps[1].by
    assert steps[1].covariates == analysis.regressions.covariates
    assert steps[-1].covariates == ()
    usual = merging_route(analysis)
    assert "year" not in usual[-1].by
    assert [step.covariates for step in usual[-2:]] == [(), ()]
    assert all("year" in step.by for step in merging_route(analysis, "products"))


def test_what_would_keep_years_is_said(
    analysis: ChildrenAnalysis, make_matched: Callable[..., pd.DataFrame]
) -> None:
    rows = make_matched(analysis, referrals=400)
    with pytest.raises(BadInput, match=r"of cells by year nearly all|--most-suppressed 0\.\d+"):
        release(rows, analysis, OutputRule(), evidence="synthetic", most_suppressed=0.0)


def test_a_limit_is_promised_to_keep_years_only_where_it_does(
    analysis: ChildrenAnalysis, make_matched: Callable[..., pd.DataFrame]
) -> None:
    rows = make_matched(analysis, referrals=3000)

    def released(most: float) -> tuple[str, bool]:
        found = release(rows, analysis, OutputRule(), evidence="synthetic", most_suppressed=most)
        said = [each.rule for each in found.log if "--most-suppressed" in each.rule]
        return "".join(said), "year" in found.cells.patterns

    assert released(0.0) == ("years need more than --most-suppressed 0.04", False)
    assert released(0.1) == ("years are kept with --most-suppressed 0.14", False)
    assert released(0.14) == ("", True)
