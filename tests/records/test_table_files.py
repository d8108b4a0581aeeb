"""Tables in Stata, Parquet and Excel files are those of a CSV file; what cannot be read is said."""

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from openpyxl import Workbook

from sofs_bayes.errors import BadInput
from sofs_bayes.records.authority_file import read_authorities
from sofs_bayes.records.groups import read_groups
from sofs_bayes.records.open_data import read_panel
from sofs_bayes.records.table_files import read_table
from sofs_bayes.spec import ChildrenAnalysis, OpenCounts, load

COUNTS = OpenCounts(
    events="ICPC_child", denominator="Started_child", first_year=2012, last_year=2013
)
Write = Callable[[pd.DataFrame, Path], Path]


def as_csv(frame: pd.DataFrame, path: Path) -> Path:
    whole = frame.convert_dtypes()  # counts with gaps are floats in a frame, not in a file
    whole.to_csv(path.with_suffix(".csv"), index=False, date_format="%Y-%m-%d")
    return path.with_suffix(".csv")


def as_stata(frame: pd.DataFrame, path: Path) -> Path:
    days = dict.fromkeys(frame.select_dtypes("datetime"), "td")
    texts = dict.fromkeys(frame.select_dtypes("str"), object)
    frame.astype(texts).to_stata(path.with_suffix(".dta"), write_index=False, convert_dates=days)
    return path.with_suffix(".dta")


def as_parquet(frame: pd.DataFrame, path: Path) -> Path:
    frame.to_parquet(path.with_suffix(".parquet"), index=False)
    return path.with_suffix(".parquet")


def as_workbook(frame: pd.DataFrame, path: Path) -> Path:
    frame.to_excel(path.with_suffix(".xlsx"), index=False)
    return path.with_suffix(".xlsx")


FORMATS = (as_stata, as_parquet, as_workbook)


def groups_frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "pilot": ["Aldmoor", "Aldmoor", "Birchway"],
            "comparator": ["Dell", "Esk", ""],
            "settling_in_start": pd.to_datetime(["2014-10-01", "2014-10-01", "2015-01-01"]),
            "settling_in_end": pd.to_datetime(["2015-03-31", "2015-03-31", "2015-01-01"]),
        }
    )


def panel_frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "authority": ["Aldmoor", "Aldmoor", "Dell", "Dell"],
            "code": ["301", "301", "302", "302"],
            "year": [2012, 2013, 2012, 2013],
            "ICPC_child": [120.0, 130.0, np.nan, 88.0],
            "Started_child": [400.0, 410.0, 300.0, 310.0],
        }
    )


def refusal(path: Path, read: Callable[[Path], Any] = read_table) -> str:
    with pytest.raises(BadInput) as error:
        read(path)
    assert "\n" not in str(error.value)
    return str(error.value).removeprefix(f"{path}: ")


@pytest.mark.parametrize("write", FORMATS)
def test_groups_are_those_of_the_csv(write: Write, tmp_path: Path) -> None:
    expected = read_groups(as_csv(groups_frame(), tmp_path / "groups"))
    assert read_groups(write(groups_frame(), tmp_path / "groups")) == expected
    moved = groups_frame().assign(settling_in_end=pd.Timestamp("2016-03-31"))
    assert read_groups(write(moved, tmp_path / "moved")) != expected  # days are looked at


@pytest.mark.parametrize("write", FORMATS)
def test_authorities_are_those_of_the_csv(write: Write, tmp_path: Path) -> None:
    analysis = load("icpc-children")
    assert isinstance(analysis, ChildrenAnalysis)
    frame = pd.DataFrame({"authority": ["Dell", "Dell", "Esk"], "year": [2012, 2013, 2012]})
    for each in analysis.records.authority_covariates:
        frame[each.name] = 1.0 if each.same_every_year else [0.5, 0.25, 1.0]
    frame["ofsted"] = [2.0, 3.0, 4.0]
    expected = read_authorities(as_csv(frame, tmp_path / "authorities"), analysis)
    found = read_authorities(write(frame, tmp_path / "authorities"), analysis)
    pd.testing.assert_frame_equal(found, expected)


@pytest.mark.parametrize("write", FORMATS)
def test_a_panel_is_that_of_the_csv(write: Write, tmp_path: Path) -> None:
    expected = read_panel([as_csv(panel_frame(), tmp_path / "counts")], COUNTS)
    found = read_panel([write(panel_frame(), tmp_path / "counts")], COUNTS)
    assert found.counts.identical(expected.counts)
    assert np.isnan(found.counts["events"].sel(authority="Dell", year=2012))


@pytest.mark.parametrize("code", ["total", "E92000001", "E12000007"])
def test_a_total_is_no_authority(code: str, tmp_path: Path) -> None:
    columns = ["authority", "code", "year", "ICPC_child", "Started_child"]
    rows = [
        [name, name, year, 10 + place + year % 7, 100 + place]
        for year in (2012, 2013)
        for place, name in enumerate("abc")
    ]
    path = tmp_path / "counts.csv"
    pd.DataFrame(rows, columns=columns).to_csv(path, index=False)
    read_panel([path], COUNTS)
    sums = pd.DataFrame(rows, columns=columns).groupby("year")[columns[3:]].sum().reset_index()
    more = [["all", code, *map(int, line)] for line in sums.to_numpy()]
    pd.DataFrame([*rows, *more], columns=columns).to_csv(path, index=False)
    said = refusal(path, lambda each: read_panel([each], COUNTS))
    assert "allowed: authorities alone" in said
    assert ("'all', in every year the sum of all others" in said) is (code == "total")


def test_a_rounded_total_beside_a_suppressed_count_is_no_authority(tmp_path: Path) -> None:
    columns = ["authority", "code", "year", "ICPC_child", "Started_child"]
    rows = [
        [name, name, year, "c" if (name, year) == ("a", 2012) else 40 + place, 4000 + 7 * place]
        for year in (2012, 2013)
        for place, name in enumerate("abcd")
    ]
    rows += [["all", "total", year, 170, 16040] for year in (2012, 2013)]  # 16,042 is the sum
    path = tmp_path / "counts.csv"
    pd.DataFrame(rows, columns=columns).to_csv(path, index=False)
    said = refusal(path, lambda each: read_panel([each], COUNTS))
    assert "'all', in every year the sum of all others" in said


def test_a_further_column_of_many_values_is_counted_not_listed(tmp_path: Path) -> None:
    path = tmp_path / "counts.csv"
    many = pd.concat([panel_frame()] * 3, ignore_index=True).assign(rate=range(12))
    many.to_csv(path, index=False)
    said = refusal(path, lambda each: read_panel([each], COUNTS))
    assert "column rate: found counts of 12 different values; allowed: no such column" in said


def test_labels_of_a_stata_file_stand_for_their_numbers_but_not_for_years(tmp_path: Path) -> None:
    frame = panel_frame().assign(authority=[1, 1, 2, 3])
    path = tmp_path / "counts.dta"
    labels = {"authority": {1: "Aldmoor", 2: "Dell"}, "year": {2012: "2012/13", 2013: "2013/14"}}
    frame.astype({"code": object}).to_stata(path, write_index=False, value_labels=labels)
    found = read_table(path, numbers=("year",))
    assert [record.fields[0] for record in found.records] == ["Aldmoor", "Aldmoor", "Dell", "3"]
    assert [record.fields[2] for record in found.records] == ["2012", "2013", "2012", "2013"]
    assert read_table(path).records[0].fields[2] == "2012/13"


def test_statas_missing_codes_are_missing(tmp_path: Path) -> None:
    path = tmp_path / "counts.dta"
    frame = pd.DataFrame({"x": np.array([1.0, 2.0, 3.0])})
    frame.to_stata(path, write_index=False, version=117)
    content = path.read_bytes()
    # `.a` and `.z` as Stata writes them in doubles
    first, last = (bytes.fromhex(code)[::-1] for code in ("7fe0010000000000", "7fe01a0000000000"))
    for number, code in ((2.0, first), (3.0, last)):
        assert content.count(np.float64(number).tobytes()) == 1
        content = content.replace(np.float64(number).tobytes(), code)
    path.write_bytes(content)
    assert [record.fields for record in read_table(path).records] == [("1",), ("",), ("",)]


def test_a_sheets_days_numbers_and_gaps_are_those_of_csv(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (
        ("a", "b", "c"),
        (date(2014, 4, 30), 3.0, "x"),
        (datetime(2014, 4, 30, 12, 30), 0.25, None),
        (True, 10**12, " y "),
        (None, None, None),
    ):
        sheet.append(row)
    book.create_sheet("notes")  # empty
    book.save(tmp_path / "sheet.xlsx")
    found = read_table(tmp_path / "sheet.xlsx")
    assert found.header == ("a", "b", "c")
    assert [record.line for record in found.records] == [2, 3, 4]
    assert [record.fields for record in found.records] == [
        ("2014-04-30", "3", "x"),
        ("2014-04-30 12:30:00", "0.25", ""),
        ("TRUE", "1000000000000", " y "),
    ]
    sheet = book["notes"]
    sheet.append(("something",))
    book.save(tmp_path / "two.xlsx")
    assert refusal(tmp_path / "two.xlsx").startswith("found 2 sheets with content; allowed: one")


def test_a_formula_that_nobody_calculated_is_no_gap(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (("a", "b"), (1, None), (2, "=A2+1")):
        sheet.append(row)
    book.save(tmp_path / "sheet.xlsx")
    said = refusal(tmp_path / "sheet.xlsx")
    assert said.startswith("Sheet, cell B3: found a formula without a value; allowed: values")


@pytest.mark.parametrize("suffix", [".dta", ".parquet", ".xlsx"])
def test_damaged_files_are_refused_in_a_line(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"table{suffix}"
    assert refusal(path).startswith("found no such file")
    path.write_bytes(b"")
    assert refusal(path).startswith("found an empty file; allowed: a table as .csv, .dta")
    noise = np.random.default_rng(1).bytes(3000)
    write = {".dta": as_stata, ".parquet": as_parquet, ".xlsx": as_workbook}[suffix]
    whole = write(panel_frame(), tmp_path / "whole").read_bytes()
    for content in (noise, b"PK\x03\x04" + noise, whole[: len(whole) // 2], whole[:-20]):
        path.write_bytes(content)
        assert "; allowed: a table as .csv" in refusal(path)


@pytest.mark.parametrize("write", [as_csv, *FORMATS])
def test_a_table_without_rows_and_one_column_twice_are_refused(
    write: Write, tmp_path: Path
) -> None:
    empty = write(panel_frame().iloc[:0], tmp_path / "empty")
    assert refusal(empty).startswith("line 1: found a header and no rows")


def test_a_missing_column_and_a_wrong_value_are_named(tmp_path: Path) -> None:
    path = as_stata(groups_frame().rename(columns={"comparator": "comparators"}), tmp_path / "g")
    with pytest.raises(Exception, match=r"no column comparator \(did you mean comparators"):
        read_groups(path)
    path = as_stata(panel_frame().assign(ICPC_child=1.5), tmp_path / "p")
    said = refusal(path, lambda file: read_panel([file], COUNTS))
    assert said.startswith("line 2, column ICPC_child: found '1.5'")


@pytest.mark.parametrize("name", ["g.xls", "g.ods", "g.sav", "g.rds", "g.csv.gz", "g.XLSM"])
def test_formats_that_are_not_read_are_named(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"anything")
    assert "; allowed: a table as .csv, .dta, .parquet or .xlsx" in refusal(tmp_path / name)
