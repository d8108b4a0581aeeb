"""Cells that no model can be had from are refused in one clear line."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sofs_bayes.bayes.blocks import Setting, blocks
from sofs_bayes.bayes.cell_data import CellData, cell_data
from sofs_bayes.bayes.did_model import model_data
from sofs_bayes.cells.collapse import collapse
from sofs_bayes.cells.dataset import KEYS, Cells
from sofs_bayes.cells.files import read_cells, write_cells
from sofs_bayes.errors import BadInput
from sofs_bayes.spec import HierarchicalAnalysis, Normal, fingerprint, load

Make = Callable[..., HierarchicalAnalysis]
EFFECT = Normal(mean=0.05, sd=0.2, why="made up for a test")
LIKELIHOODS = ["gaussian", "binomial logit"]


def collapsed(rows: pd.DataFrame, analysis: HierarchicalAnalysis, **options: object) -> Cells:
    return collapse(rows, analysis.children, evidence="synthetic", **options)  # type: ignore[arg-type]


def refused(cells: Cells, analysis: HierarchicalAnalysis) -> str:
    """The line that cells are refused with; it says file, place, found and allowed."""
    with pytest.raises(BadInput) as caught:
        cell_data(cells, analysis)
    line = str(caught.value)
    assert "\n" not in line
    assert "found" in line
    assert "allowed" in line
    return line


def test_cells_are_read_for_the_children_of_a_hierarchical_analysis(
    tmp_path: Path, children_cells: Cells, hierarchical: Make
) -> None:
    analysis = hierarchical()
    path = tmp_path / "synthetic-cells.nc"
    write_cells(children_cells, path, inside=True)
    read = cell_data(read_cells(path, analysis.children), analysis)
    np.testing.assert_array_equal(read.centre, cell_data(children_cells, analysis).centre)
    other = hierarchical(standardise=False)
    with pytest.raises(BadInput, match="analysis_sha256: found cells of made-up") as caught:
        read_cells(path, other.children)
    assert fingerprint(other.children)[:12] in str(caught.value)


@pytest.mark.parametrize(
    ("name", "children"), [("icpc-linear", "icpc-children"), ("cla-logistic", "cla-children")]
)
def test_bundled_models_take_the_cells_of_bundled_analyses(name: str, children: str) -> None:
    analysis = load(name)
    assert isinstance(analysis, HierarchicalAnalysis)
    assert fingerprint(analysis.children) == fingerprint(load(children))


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize(("post", "period"), [(0, "before"), (1, "after")])
def test_a_pilot_needs_children_before_and_after(
    children_rows: pd.DataFrame, hierarchical: Make, likelihood: str, post: int, period: str
) -> None:
    analysis = hierarchical(likelihood=likelihood)
    gone = (children_rows["authority"] == "Birchway") & (children_rows["post"] == post)
    line = refused(collapsed(children_rows[~gone], analysis), analysis)
    assert f"Birchway: no children {period} settling-in" in line


def test_a_level_that_the_analysis_does_not_name(
    children_rows: pd.DataFrame, children_cells: Cells, hierarchical: Make
) -> None:
    analysis = hierarchical(likelihood="binomial logit")
    wrong = children_rows.assign(gender=children_rows["gender"].replace("male", "boy"))
    with pytest.raises(BadInput, match="gender"):
        collapsed(wrong, analysis)
    labels = children_cells.patterns["gender_label"].values.copy()
    labels[labels == "male"] = "boy"
    patterns = children_cells.patterns.assign_coords(gender_label=labels)
    line = refused(replace(children_cells, patterns=patterns), analysis)
    assert "gender" in line
    assert "with another level" in line
    assert "boy" not in line


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
@pytest.mark.parametrize("name", ["weight", "weight_squared"])
def test_sums_of_weights_are_positive_numbers(
    children_cells: Cells, hierarchical: Make, likelihood: str, value: float, name: str
) -> None:
    values = children_cells.patterns[name].values.copy()
    values[:3] = value
    patterns = children_cells.patterns.assign({name: ("pattern", values)})
    line = refused(replace(children_cells, patterns=patterns), hierarchical(likelihood=likelihood))
    assert f"{name}: found 3 cells whose weights sum to no positive number" in line


@pytest.mark.parametrize("value", [-0.5, np.nan, 1e6])
def test_weights_of_events_are_part_of_all(
    children_cells: Cells, hierarchical: Make, value: float
) -> None:
    values = children_cells.patterns["weighted_events"].values.copy()
    values[0] = value
    patterns = children_cells.patterns.assign(weighted_events=("pattern", values))
    line = refused(
        replace(children_cells, patterns=patterns), hierarchical(likelihood="binomial logit")
    )
    assert "weighted_events: found 1 cell" in line


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan])
def test_matched_rows_with_such_weights_become_no_cells(
    children_rows: pd.DataFrame, hierarchical: Make, value: float
) -> None:
    weight = children_rows["weight"].copy()
    weight.iloc[0] = value
    with pytest.raises(BadInput, match="weight"):
        collapsed(children_rows.assign(weight=weight), hierarchical())


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize(("pilot", "name"), [(0, "comparators"), (1, "pilots")])
def test_an_arm_needs_events(
    children_rows: pd.DataFrame, hierarchical: Make, likelihood: str, pilot: int, name: str
) -> None:
    analysis = hierarchical(likelihood=likelihood)
    none = children_rows.assign(
        outcome=children_rows["outcome"].where(children_rows["pilot"] != pilot, 0)
    )
    assert f"events: found {name}: no events" in refused(collapsed(none, analysis), analysis)


def test_a_linear_model_needs_children_that_differ_within_cells(
    children_rows: pd.DataFrame, hierarchical: Make
) -> None:
    analysis = hierarchical()
    alike = children_rows.assign(outcome=(children_rows["year"] == 2014).astype(int))
    data = cell_data(collapsed(alike, analysis), analysis)
    design = blocks(data, analysis, Setting(effect_prior=EFFECT))
    with pytest.raises(BadInput, match=r"outcome: found 869 children in .* differ by nothing else"):
        model_data(data, design, analysis)


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
@pytest.mark.parametrize(
    ("column", "key"),
    [("lags", "years_since"), ("leads and lags", "years_since"), ("did", "year")],
)
def test_cells_have_the_keys_that_terms_need(
    children_rows: pd.DataFrame, hierarchical: Make, likelihood: str, column: str, key: str
) -> None:
    analysis = hierarchical(column, likelihood=likelihood)
    by = [name for name in KEYS if name != key]
    line = refused(collapsed(children_rows, analysis, by=by), analysis)
    assert f"by: found cells without {key}; allowed: cells collapsed by it" in line


def with_regression(analysis: HierarchicalAnalysis, **changes: object) -> HierarchicalAnalysis:
    regressions = analysis.children.regressions
    columns = tuple(
        replace(each, **changes) if each.name == analysis.column else each
        for each in regressions.columns
    )
    changed = replace(regressions, columns=columns)
    return replace(analysis, children=replace(analysis.children, regressions=changed))


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_a_column_leaves_some_matched_groups(
    children_rows: pd.DataFrame, hierarchical: Make, likelihood: str
) -> None:
    everyone = ("Aldmoor", "Birchway", "Cranleigh", "Esk")
    none = with_regression(hierarchical(likelihood=likelihood), without=everyone)
    line = refused(collapsed(children_rows, none), none)
    assert "no children left by its `without`" in line
    unknown = with_regression(hierarchical(likelihood=likelihood), without=("Nowhere",))
    assert "one of Aldmoor, Birchway" in refused(collapsed(children_rows, unknown), unknown)


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_a_term_without_children_is_dropped_and_named(
    children_rows: pd.DataFrame, hierarchical: Make, likelihood: str
) -> None:
    """Without two groups no comparator is left that has a similar practice model."""
    analysis = with_regression(
        hierarchical("practice model", likelihood=likelihood),
        without=("Birchway", "Cranleigh", "Esk"),
    )
    data = cell_data(collapsed(children_rows, analysis), analysis)
    assert {"similar practice model", "similar practice model × post"} <= {*data.dropped}
    assert "other practice model × post" in data.terms


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_an_effect_that_is_not_there_is_refused(
    children_rows: pd.DataFrame, hierarchical: Make, likelihood: str
) -> None:
    analysis = hierarchical("quality", likelihood=likelihood)
    line = refused(collapsed(children_rows.assign(quality=0.0), analysis), analysis)
    assert "the effect's terms: found none that other terms do not make up" in line


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_one_authority_in_an_arm_is_enough(
    children_rows: pd.DataFrame, hierarchical: Make, likelihood: str
) -> None:
    """One pilot: its deviation has the column of the effect, and priors share it out."""
    analysis = hierarchical(likelihood=likelihood)
    rows = children_rows[children_rows["group"] == "Aldmoor"]
    data = cell_data(collapsed(rows, analysis), analysis)
    assert data.pilots == ("Aldmoor",)
    assert data.authorities == ("Aldmoor", "Dell")
    found = blocks(data, analysis, Setting(effect_prior=EFFECT))
    effect = found.design[:, found.terms.index("did")]
    np.testing.assert_array_equal(found.pilots[:, 0], effect)
    assert found.prior_sd[found.terms.index("did")] > 0
    arrays = model_data(data, found, analysis)
    assert all(np.isfinite(array).all() for array in arrays.values())


def test_covariates_that_cells_do_not_tell_apart_are_named(
    children_rows: pd.DataFrame, hierarchical: Make
) -> None:
    analysis = hierarchical(likelihood="binomial logit")
    data: CellData = cell_data(
        collapsed(children_rows, analysis, covariates=["gender"], products=False), analysis
    )
    assert data.dropped == ("age",)
    assert data.child_terms == ("gender: female", "gender: missing")
