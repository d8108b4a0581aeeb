"""Data frames are fitted as files are: the same source, and refused in one line."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import sofs_bayes as sb
from sofs_bayes import spec
from sofs_bayes.cells.collapse import collapse
from sofs_bayes.errors import BadInput, SofsBayesError
from sofs_bayes.pipeline.did_sources import FRAME, children_source, frame_panel, source_of
from sofs_bayes.records.open_data import read_panel

REGRESSIONS = Path(__file__).parents[1] / "reference" / "regressions"


@pytest.fixture(scope="module")
def opened() -> spec.OpenAnalysis:
    found = spec.load("icpc-open-data")
    assert isinstance(found, spec.OpenAnalysis)
    return found


@pytest.fixture(scope="module")
def panel(opened: spec.OpenAnalysis) -> pd.DataFrame:
    """A small panel of the analysis's columns, whose counts are numbers."""
    rng = np.random.default_rng(1)
    years = range(opened.data.first_year, opened.data.last_year + 1)
    names = [f"Authority {i}" for i in range(4)]
    codes = [f"E060000{i:02d}" for i in range(1, 5)]
    rows = [
        (name, code, year, int(rng.integers(5, 30)), int(rng.integers(100, 200)))
        for name, code in zip(names, codes, strict=True)
        for year in years
    ]
    columns = ("authority", "code", "year", opened.data.events, opened.data.denominator)
    return pd.DataFrame(rows, columns=columns)


def test_a_frame_of_counts_is_the_panel_of_its_file(
    opened: spec.OpenAnalysis, panel: pd.DataFrame, tmp_path: Path
) -> None:
    file = tmp_path / "panel.csv"
    panel.to_csv(file, index=False)
    of_file, of_frame = read_panel(file, opened.data), frame_panel(panel, opened.data)
    assert of_frame.counts.identical(of_file.counts)
    assert of_frame.evidence == "unknown-origin"
    mixed = panel.astype({opened.data.events: object})
    mixed.loc[3, opened.data.events] = ":"
    mixed.to_csv(file, index=False)
    assert frame_panel(mixed, opened.data).counts.identical(read_panel(file, opened.data).counts)


def test_a_frame_of_children_is_the_source_of_its_cells() -> None:
    children = spec.load(REGRESSIONS / "analysis.toml")
    assert isinstance(children, spec.ChildrenAnalysis)
    base = spec.load("icpc-linear")
    analysis = spec.analysis_of(base, seed=5)
    analysis = type(base)(**{**_fields(analysis), "children": children, "column": "did"})
    frame = pd.read_csv(REGRESSIONS / "matched.csv", parse_dates=["referral_date"])
    found = source_of(analysis, frame, "synthetic")
    assert found.evidence == "synthetic"
    same = children_source(analysis, collapse(frame, children, evidence="synthetic"), {})
    np.testing.assert_array_equal(found.data.centre, same.data.centre)
    assert set(found.inputs) == {FRAME}
    again = source_of(analysis, frame.assign(age=frame["age"] + 1))
    assert again.evidence == "records"  # what is not said to be made up
    assert again.inputs != found.inputs


def _fields(item: Any) -> dict[str, Any]:
    from dataclasses import fields

    return {each.name: getattr(item, each.name) for each in fields(item)}


@pytest.mark.parametrize("column", ["authority", "events"])
def test_a_frame_without_a_column_is_refused_by_name(
    opened: spec.OpenAnalysis, panel: pd.DataFrame, column: str
) -> None:
    name = getattr(opened.data, column, column)
    with pytest.raises(SofsBayesError) as caught:
        sb.fit(opened, panel.drop(columns=name))
    assert str(caught.value).startswith(FRAME)
    assert "parquet" not in str(caught.value)


def test_frames_are_refused_where_they_cannot_be_used(panel: pd.DataFrame) -> None:
    with pytest.raises(BadInput, match="a printed analysis has its own"):
        sb.fit("icpc-printed", panel)
    with pytest.raises(BadInput, match="data: found a data frame; allowed: files"):
        sb.calibrate("icpc-linear", panel)
    with pytest.raises(BadInput, match="evidence: found 'published'"):
        sb.fit("icpc-linear", panel, evidence="published")
    with pytest.raises(BadInput, match="again: found 'x'; allowed: none"):
        sb.fit("icpc-printed", again=["x"])


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        (
            lambda frame: pd.concat([frame, frame[["year"]]], axis=1),
            "found two columns of one name",
        ),
        (lambda frame: pd.DataFrame(index=frame.index), "found no columns"),
        (lambda frame: frame.assign(year=frame["year"] + 0j), "year: found values of type complex"),
        (
            lambda frame: frame.assign(year=pd.PeriodIndex(frame["year"].astype(str), freq="Y")),
            "year: found values of type period",
        ),
        (
            lambda frame: frame.assign(year=pd.arrays.SparseArray(frame["year"])),
            "year: found values of type Sparse",
        ),
    ],
)
def test_a_frame_that_is_no_table_is_refused(
    spoilt: Any, said: str, opened: spec.OpenAnalysis, panel: pd.DataFrame
) -> None:
    with pytest.raises(BadInput, match=said):
        source_of(opened, spoilt(panel))
