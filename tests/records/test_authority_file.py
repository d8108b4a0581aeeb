"""Covariates of authorities by year."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from sofs_bayes.errors import BadInput, BadSpec
from sofs_bayes.records.authority_file import read_authorities
from sofs_bayes.spec import ChildrenAnalysis, load


@pytest.fixture(scope="module")
def analysis() -> ChildrenAnalysis:
    loaded = load("icpc-children")
    assert isinstance(loaded, ChildrenAnalysis)
    return loaded


@pytest.fixture
def frame(analysis: ChildrenAnalysis) -> pd.DataFrame:
    """Two authorities in three years; the later authority and years first."""
    rows = [(name, year) for name in ("Dell", "Aldmoor") for year in (2014, 2013, 2012)]
    made = pd.DataFrame(rows, columns=["authority", "year"])
    for i, each in enumerate(analysis.records.authority_covariates):
        step = 0 if each.same_every_year else 0.125
        made[each.name] = [1 + step * j if i < 8 else 0.5 for j in range(len(made))]
    return made


def written(frame: pd.DataFrame, folder: Path) -> Path:
    frame.to_csv(folder / "authorities.csv", index=False)
    return folder / "authorities.csv"


def refused(frame: pd.DataFrame, analysis: ChildrenAnalysis, folder: Path) -> list[str]:
    path = written(frame, folder)
    with pytest.raises((BadInput, BadSpec)) as error:
        read_authorities(path, analysis)
    return [line.removeprefix(f"{path}: ") for line in str(error.value).splitlines()]


def test_authorities_are_read_in_order(
    frame: pd.DataFrame, analysis: ChildrenAnalysis, tmp_path: Path
) -> None:
    path = written(frame.assign(note="of no interest"), tmp_path)
    found = read_authorities(path, analysis)
    pd.testing.assert_frame_equal(found, read_authorities(tmp_path, analysis))
    wanted = frame.sort_values(["authority", "year"], ignore_index=True)
    pd.testing.assert_frame_equal(found, wanted, check_dtype=False)
    assert list(found.columns[2:]) == [e.name for e in analysis.records.authority_covariates]
    assert found["year"].dtype == "int64"
    assert (found.dtypes.iloc[2:] == "float64").all()


def put(frame: pd.DataFrame, column: str, *values: Any) -> pd.DataFrame:
    changed = frame[column].astype(object)
    changed.iloc[: len(values)] = list(values)
    return frame.assign(**{column: changed})


ONCE = "; allowed: each authority and year once"
OFSTED = "; allowed: a number from 1 to 4"


@pytest.mark.parametrize(
    ("column", "values", "line"),
    [
        ("authority", [" "], "column authority: found no name on line 2; allowed: the name of an"),
        ("year", ["2014/15", ""], "column year: found no year on line 2, and 1 more; allowed: a"),
        ("year", [2013], f"column authority and year: found the same once more on line 3{ONCE}"),
        ("ofsted", ["good"], f"column ofsted: found no number on line 2{OFSTED}"),
        ("ofsted", [1, None, ""], f"column ofsted: found no number on line 3, and 1 more{OFSTED}"),
        ("ofsted", ["inf"], f"column ofsted: found no number on line 2{OFSTED}"),
        ("ofsted", [4, 4.01, 0.9], "column ofsted: found a number out of range on line 3, and 1"),
        ("assessments", [-1], "column assessments: found a number out of range on line 2; allowed"),
        (
            "quality",
            [0.5, 0.75],
            "column quality: found a number that changes on line 3; allowed: one number of an"
            " authority in every year",
        ),
    ],
)
def test_faults_are_named(
    *,
    column: str,
    values: list[Any],
    line: str,
    frame: pd.DataFrame,
    analysis: ChildrenAnalysis,
    tmp_path: Path,
) -> None:
    (found,) = refused(put(frame, column, *values), analysis, tmp_path)
    assert found.startswith(line)


def test_all_faults_are_named_at_once(
    frame: pd.DataFrame, analysis: ChildrenAnalysis, tmp_path: Path
) -> None:
    spoiled = put(put(put(frame, "year", "x"), "ofsted", 7), "quality", "y")
    assert len(refused(spoiled, analysis, tmp_path)) == 3


def test_missing_columns_are_named(
    frame: pd.DataFrame, analysis: ChildrenAnalysis, tmp_path: Path
) -> None:
    renamed = frame.rename(columns={"year": "Year", "ofsted": "ofsted_rating"})
    first, second = refused(renamed, analysis, tmp_path)
    assert first.startswith("line 1: found no column year (did you mean Year?); allowed: the col")
    assert second.startswith("line 1: found no column ofsted (did you mean ofsted_rating?); ")


def test_a_number_declared_to_change_may(
    frame: pd.DataFrame, analysis: ChildrenAnalysis, tmp_path: Path
) -> None:
    path = written(put(frame, "ofsted", 1, 2, 3, 4), tmp_path)
    assert read_authorities(path, analysis)["ofsted"].max() == 4
