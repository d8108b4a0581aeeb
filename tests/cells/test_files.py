"""Cells written and read again; what no file of cells can say."""

import os
import random
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from sofs_bayes.cells import files
from sofs_bayes.cells.collapse import collapse
from sofs_bayes.cells.dataset import Cells
from sofs_bayes.cells.files import content_sha256, read_cells, write_cells
from sofs_bayes.disclosure.release import release
from sofs_bayes.disclosure.rules import OutputRule
from sofs_bayes.errors import BadInput
from sofs_bayes.spec import ChildrenAnalysis

ENDINGS = [".nc", ".csv"]
FLIPS = 60
WHICH = ["raw", "released", "without"]


@pytest.fixture(scope="module")
def raw(matched: pd.DataFrame, analysis: ChildrenAnalysis) -> Cells:
    lacking = matched.assign(age=matched["age"].where(matched["referral"] % 5 > 0))
    return collapse(lacking, analysis, evidence="synthetic")


@pytest.fixture(scope="module")
def released(analysis: ChildrenAnalysis, make_matched: Callable[..., pd.DataFrame]) -> Cells:
    rows = make_matched(analysis, referrals=3000)
    totals = ((), ("authority",), ("year",), ("pilot", "post"))
    rule = OutputRule(small_products="log", totals=totals)
    found = release(
        *(rows, analysis, rule), what="products", evidence="synthetic", most_suppressed=0.2
    ).cells
    assert np.isnan(found.patterns["events"].values).any()
    return found


# ------------------------------------------------------------------------- there and back


@pytest.mark.parametrize("name", [f"{which}{ending}" for which in WHICH for ending in ENDINGS])
def test_cells_come_back_as_they_were(
    tmp_path: Path, raw: Cells, released: Cells, analysis: ChildrenAnalysis, name: str
) -> None:
    without = replace(released, products=None)
    path = tmp_path / f"synthetic-{name}"
    cells = {"raw": raw, "released": released, "without": without}[Path(name).stem]
    written = write_cells(cells, path, inside=True)
    assert written[-1] == path
    assert sorted(tmp_path.iterdir()) == sorted(written)
    again = read_cells(path, analysis)
    xr.testing.assert_identical(again.patterns, cells.patterns)
    xr.testing.assert_identical(again.authorities, cells.authorities)
    assert (again.products is None) == (cells.products is None)
    if cells.products is not None and again.products is not None:
        xr.testing.assert_identical(again.products, cells.products)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_is_replaced_whole(
    tmp_path: Path, raw: Cells, released: Cells, analysis: ChildrenAnalysis, ending: str
) -> None:
    path = tmp_path / f"synthetic{ending}"
    write_cells(raw, path, inside=True)
    write_cells(released, path)
    assert read_cells(path, analysis).threshold == 10


def test_csv_is_for_people_too(tmp_path: Path, released: Cells) -> None:
    path = tmp_path / "synthetic.csv"
    write_cells(released, path)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0] == '# evidence: "synthetic"'
    header = next(line for line in lines if not line.startswith("#"))
    assert header.startswith("group,authority,pilot,year,post,years_since,n,events,")
    suppressed = next(line for line in lines if ",suppressed," in line)
    assert suppressed.startswith(("North,", "South,"))


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Call it, and nothing can be written any more."""

    def fails(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    def fill() -> None:
        monkeypatch.setattr(os, "fsync", fails)

    return fill


def test_labels_in_csv_open_as_no_formula(
    tmp_path: Path, released: Cells, analysis: ChildrenAnalysis
) -> None:
    bad = "=1+1"
    label = released.patterns["authority_label"].values.copy()
    old, label[0] = label[0], bad
    patterns = released.patterns.assign_coords(authority_label=label)
    names = [bad if name == old else name for name in released.authorities["authority"].values]
    authorities = released.authorities.assign_coords(authority=np.array(names, dtype=object))
    changed = replace(released, patterns=patterns, authorities=authorities, products=None)
    written = write_cells(changed, tmp_path / "synthetic.csv")
    for path in written:
        lines = [x for x in path.read_text(encoding="utf-8").splitlines() if x[:2] != "# "]
        assert not any(cell.startswith("=") for line in lines for cell in line.split(","))
        assert any(f"'{bad}" in line for line in lines)
    again = read_cells(tmp_path / "synthetic.csv", analysis)
    assert bad in again.patterns["authority_label"].values
    assert bad in again.authorities["authority"].values


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_interrupted_writing_leaves_what_was_there(
    tmp_path: Path,
    released: Cells,
    analysis: ChildrenAnalysis,
    ending: str,
    full_disk: Callable[[], None],
) -> None:
    path = tmp_path / f"synthetic{ending}"
    write_cells(released, path)
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    full_disk()
    with pytest.raises(BadInput, match="No space left"):
        write_cells(replace(released, products=None), path)
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before
    assert read_cells(path, analysis).threshold == 10


# ------------------------------------------------------------------------------- refusals


def test_what_may_not_be_written(tmp_path: Path, raw: Cells, released: Cells) -> None:
    with pytest.raises(BadInput, match="without a disclosure check"):
        write_cells(raw, tmp_path / "synthetic.nc")
    with pytest.raises(BadInput, match='"synthetic" in it'):
        write_cells(released, tmp_path / "cells.nc")
    with pytest.raises(BadInput, match=re.escape(".nc or .csv")):
        write_cells(released, tmp_path / "synthetic.txt")
    for ending in ENDINGS:
        with pytest.raises(BadInput, match="No such file"):
            write_cells(released, tmp_path / "nowhere" / f"synthetic{ending}")
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_file_of_cells(
    tmp_path: Path, released: Cells, analysis: ChildrenAnalysis
) -> None:
    for name in ("synthetic.nc", "synthetic.csv", "synthetic.txt"):
        with pytest.raises(BadInput):
            read_cells(tmp_path / name, analysis)
        (tmp_path / name).write_bytes(b"\xff\xfe nothing of the kind")
        with pytest.raises(BadInput):
            read_cells(tmp_path / name, analysis)
    other = tmp_path / "synthetic-other.nc"
    xr.Dataset({"x": ("y", [1.0])}).to_netcdf(other, engine="h5netcdf")
    with pytest.raises(BadInput, match="group patterns"):
        read_cells(other, analysis)
    (tmp_path / "synthetic-2.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(BadInput, match="found no cells"):
        read_cells(tmp_path / "synthetic-2.csv", analysis)


def test_a_changed_or_missing_companion_is_noticed(
    tmp_path: Path, released: Cells, analysis: ChildrenAnalysis
) -> None:
    path = tmp_path / "synthetic.csv"
    write_cells(released, path)
    products = tmp_path / "synthetic-products.csv"
    text = products.read_text(encoding="utf-8")
    products.write_text(text.replace("North", "Nord", 1), encoding="utf-8")
    with pytest.raises(BadInput, match="a changed file"):
        read_cells(path, analysis)
    products.unlink()
    with pytest.raises(BadInput, match="no such file"):
        read_cells(path, analysis)


def hash_again(path: Path, lines: list[str]) -> None:
    """Write lines that were edited, with their own hash, as somebody might by hand."""
    text = "".join(f"{line}\n" for line in (lines[0], *lines[2:]))
    path.write_text(files._signed(text), encoding="utf-8")


def test_a_file_in_csv_that_was_cut_or_edited_is_noticed(
    tmp_path: Path, released: Cells, analysis: ChildrenAnalysis
) -> None:
    path = tmp_path / "synthetic.csv"
    write_cells(released, path)
    whole = path.read_text(encoding="utf-8")
    lines = whole.splitlines(keepends=True)
    cuts = ["".join(lines[:count]) for count in range(2, len(lines), 3)]
    for changed in (*cuts, whole[:-1], whole + lines[-1], whole.replace("North", "South", 1)):
        path.write_text(changed, encoding="utf-8")
        with pytest.raises(BadInput):
            read_cells(path, analysis)
    path.write_text(whole, encoding="utf-8")
    assert read_cells(path, analysis).threshold == 10


def test_a_flipped_bit_of_netcdf_is_noticed_or_changes_nothing(
    tmp_path: Path, released: Cells, analysis: ChildrenAnalysis
) -> None:
    path = tmp_path / "synthetic.nc"
    write_cells(released, path)
    whole = path.read_bytes()
    assert released.products is not None
    content = content_sha256(
        {
            "patterns": released.patterns,
            "authorities": released.authorities,
            "products": released.products,
        }
    )
    rng = random.Random(1)
    noticed = 0
    for _ in range(FLIPS):
        place = rng.randrange(len(whole))
        path.write_bytes(
            whole[:place] + bytes([whole[place] ^ (1 << rng.randrange(8))]) + whole[place + 1 :]
        )
        try:
            again = read_cells(path, analysis)
        except BadInput:
            noticed += 1
            continue
        found = {"patterns": again.patterns, "authorities": again.authorities}
        found |= {"products": again.products} if again.products is not None else {}
        assert content_sha256(found) == content
    assert noticed > 0


@pytest.mark.parametrize(
    "written", ["1_0", "٣", "５", "²", "1e3", "0x1F", "1.5", "+5", "inf", "", "-"]
)
def test_what_is_no_whole_number_is_refused_with_its_line(
    tmp_path: Path, raw: Cells, analysis: ChildrenAnalysis, written: str
) -> None:
    path = tmp_path / "synthetic.csv"
    write_cells(raw, path, inside=True)
    lines = path.read_text(encoding="utf-8").splitlines()
    header = next(i for i, line in enumerate(lines) if not line.startswith("# "))
    at = lines[header].split(",").index("n")
    fields = lines[header + 3].split(",")
    fields[at] = written
    lines[header + 3] = ",".join(fields)
    hash_again(path, lines)
    found = f"line {header + 4}, column n: found no number; allowed: numbers as they were written"
    with pytest.raises(BadInput, match=re.escape(found)):
        read_cells(path, analysis)


@pytest.mark.parametrize("written", ["1_0.5", "٣", "1,5", "inf", "nan", "1e400"])
def test_what_is_no_number_is_refused(
    tmp_path: Path, raw: Cells, analysis: ChildrenAnalysis, written: str
) -> None:
    path = tmp_path / "synthetic.csv"
    write_cells(raw, path, inside=True)
    text = path.read_text(encoding="utf-8")
    assert "weight" in text
    lines = text.splitlines()
    header = next(i for i, line in enumerate(lines) if not line.startswith("# "))
    fields = lines[header + 1].split(",")
    fields[lines[header].split(",").index("weight")] = f'"{written}"'
    lines[header + 1] = ",".join(fields)
    hash_again(path, lines)
    with pytest.raises(BadInput, match="column weight: found no number"):
        read_cells(path, analysis)


@pytest.mark.parametrize("ending", ENDINGS)
def test_cells_of_another_analysis_are_refused(
    tmp_path: Path, released: Cells, analysis: ChildrenAnalysis, ending: str
) -> None:
    path = tmp_path / f"synthetic{ending}"
    write_cells(released, path)
    other = replace(analysis, title="Another")
    with pytest.raises(BadInput, match="analysis_sha256"):
        read_cells(path, other)
    assert read_cells(path, other, other_analysis=True).threshold == 10
    moved = tmp_path / f"records{ending}"
    path.rename(moved)
    for companion in tmp_path.glob("synthetic-*"):
        companion.rename(tmp_path / companion.name.replace("synthetic", "records"))
    with pytest.raises(BadInput, match='"synthetic" in it'):
        read_cells(moved, analysis)


def put(name: str, value: float) -> Callable[[Cells], Cells]:
    """The same cells with another value in the first pattern that has one."""

    def change(cells: Cells) -> Cells:
        values = cells.patterns[name].values.copy()
        values[np.flatnonzero(~np.isnan(values))[0]] = value
        return replace(cells, patterns=cells.patterns.assign({name: ("pattern", values)}))

    return change


def stated(name: str, value: object) -> Callable[[Cells], Cells]:
    return lambda cells: replace(cells, patterns=cells.patterns.assign_attrs({name: value}))


def products_put(value: float, place: int) -> Callable[[Cells], Cells]:
    def change(cells: Cells) -> Cells:
        assert cells.products is not None
        sums = cells.products["weighted"].values.copy()
        sums[0, place, place] = value
        return replace(
            cells,
            products=cells.products.assign(weighted=cells.products["weighted"].copy(data=sums)),
        )

    return change


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (put("n", -1), "negative n"),
        (put("events", -1), "negative events"),
        (put("events", 1e6), "more events than referrals"),
        (put("weighted_events", 1e6), "more weight on events"),
        (put("weight", np.inf), "infinite weight"),
        (put("n_low", 10**6), "outside its bounds"),
        (put("n_state", 9), "no label"),
        (put("n_state", 1), "suppressed but there"),
        (put("authority", 77), "no label"),
        (put("events_low", -3), "negative lower bound"),
        (stated("evidence", "hearsay"), "evidence"),
        (stated("by", "North"), "no list of names"),
        (stated("by", '["weather"]'), "column weather"),
        (
            lambda cells: replace(cells, patterns=cells.patterns.drop_vars("events_low")),
            "events_low",
        ),
        (lambda cells: replace(cells, patterns=cells.patterns.isel(pattern=[])), "no rows"),
        (products_put(-1.0, 0), "no sums of squares"),
        (products_put(1e9, -1), "more events than referrals"),
        (products_put(np.nan, 0), "no sums of squares"),
    ],
)
def test_counts_that_cannot_be_are_refused(
    tmp_path: Path,
    released: Cells,
    analysis: ChildrenAnalysis,
    change: Callable[[Cells], Cells],
    found: str,
) -> None:
    path = tmp_path / "synthetic.nc"
    path.write_bytes(files._netcdf(change(released)))
    with pytest.raises(BadInput, match=found):
        read_cells(path, analysis)


def test_unchecked_cells_need_every_number(
    tmp_path: Path, raw: Cells, analysis: ChildrenAnalysis
) -> None:
    values = raw.patterns["events"].values.astype(float)
    values[0] = np.nan
    path = tmp_path / "synthetic.nc"
    lacking = raw.patterns.assign(events=("pattern", values))
    write_cells(replace(raw, patterns=lacking), path, inside=True)
    with pytest.raises(BadInput, match="no number"):
        read_cells(path, analysis)
