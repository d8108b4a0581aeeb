"""Solved outcomes in a small file."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sofs_bayes.errors import BadInput
from sofs_bayes.spec import ChildrenAnalysis
from sofs_bayes.synthetic.fixture import (
    Fixture,
    load_fixture,
    read_fixture,
    rows_sha256,
    write_fixture,
)
from sofs_bayes.synthetic.rows import Rows


def fixture_of(bits: list[int]) -> Fixture:
    table = pd.DataFrame({"authority": ["A, B", "C"], "year": [2012, 2013], "share": [1 / 3, 0.1]})
    return Fixture(
        scenario="icpc",
        rows_sha256="ab" * 32,
        authorities=table,
        outcome=np.array(bits, dtype=np.uint8),
        child_order=12,
    )


@given(bits=st.lists(st.integers(0, 1), min_size=1, max_size=100))
def test_what_is_written_is_read(bits: list[int], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("fixture") / "made.json"
    given_, again = fixture_of(bits), None
    write_fixture(given_, path)
    again = read_fixture(path)
    assert (again.outcome == given_.outcome).all()
    assert (again.scenario, again.rows_sha256, again.child_order) == ("icpc", "ab" * 32, 12)
    pd.testing.assert_frame_equal(again.authorities, given_.authorities, check_exact=True)


def test_the_file_says_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "made.json"
    write_fixture(fixture_of([0, 1, 1]), path)
    document = json.loads(path.read_text("utf-8"))
    assert document["evidence"] == "synthetic"
    assert "no evidence" in document["label"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"authorities": [], "outcomes": "!"}'])
def test_a_damaged_file_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "damaged.json"
    path.write_text(text, "utf-8")
    with pytest.raises(BadInput, match="damaged"):
        read_fixture(path)


def test_an_unknown_fixture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no solved outcomes"):
        load_fixture("unknown")
    with pytest.raises(BadInput, match="no such file"):
        read_fixture(tmp_path / "none.json")


def test_the_hash_sees_rows_and_not_ids(icpc_rows: Rows, icpc_analysis: ChildrenAnalysis) -> None:
    before = rows_sha256(icpc_rows, icpc_analysis)
    renamed = icpc_rows.matched.assign(child="C1")
    assert rows_sha256(replace(icpc_rows, matched=renamed), icpc_analysis) == before
    older = icpc_rows.matched.assign(age=icpc_rows.matched["age"].where(lambda age: age < 17, 16))
    assert rows_sha256(replace(icpc_rows, matched=older), icpc_analysis) != before
    fewer = icpc_rows.matched.iloc[1:]
    assert rows_sha256(replace(icpc_rows, matched=fewer), icpc_analysis) != before
