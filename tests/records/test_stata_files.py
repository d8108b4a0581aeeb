"""Stata files that are written: names, days, texts, and panels that come back as they were."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from sofs_bayes.cli import main
from sofs_bayes.errors import BadInput
from sofs_bayes.records.open_data import read_panel
from sofs_bayes.records.panel_csv import check_panel_stata, panel_stata
from sofs_bayes.records.stata_files import check_stata_names, stata_bytes
from sofs_bayes.spec import OpenCounts

DFE = sorted((Path(__file__).parents[1] / "data" / "dfe").glob("*.csv"))
COUNTS = OpenCounts(
    events="ICPC_child", denominator="Started_child", first_year=2012, last_year=2018
)


def test_days_texts_and_numbers_are_stata_s_own(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "name": ["Åby", None],
            "day": pd.to_datetime(["2014-04-30", None]),
            "count": [3, 2**40],
            "rate": [0.25, None],
        }
    )
    written = stata_bytes(frame, label="evidence: synthetic")
    assert written == stata_bytes(frame, label="evidence: synthetic")
    path = tmp_path / "made.dta"
    path.write_bytes(written)
    with pd.read_stata(path, iterator=True) as reader:
        assert reader.data_label == "evidence: synthetic"
    back = pd.read_stata(path)
    assert back["name"].tolist() == ["Åby", ""]
    assert back["day"].iloc[0] == pd.Timestamp("2014-04-30")
    assert back["day"].isna().tolist() == [False, True]
    assert back["count"].tolist() == [3, 2**40]
    assert back["rate"].iloc[0] == 0.25


@pytest.mark.parametrize("name", ["a" * 33, "2012", "white british", "Größe"])
def test_names_that_stata_does_not_take_are_refused(name: str) -> None:
    with pytest.raises(BadInput, match="a name that Stata does not take"):
        check_stata_names(Path("x.dta"), ["fine", name])
    check_stata_names(Path("x.dta"), ["fine", "_too", "a" * 32])


def test_a_panel_comes_back_from_stata_as_it_was(tmp_path: Path) -> None:
    panel = read_panel(DFE, COUNTS)
    (tmp_path / "counts.dta").write_bytes(panel_stata(panel))
    back = read_panel([tmp_path / "counts.dta"], COUNTS)
    assert back.counts.identical(panel.counts)
    symbols = set(panel.counts["events_symbol"].values.ravel()) - {""}
    assert symbols, "the files have symbols, or this would test nothing"
    frame = pd.read_stata(tmp_path / "counts.dta")
    assert frame["ICPC_child"].dtype == "float64"
    assert set(frame["ICPC_child_symbol"]) - {""} == symbols
    assert (frame["ICPC_child"].isna() == (frame["ICPC_child_symbol"] != "")).all()


def test_columns_too_long_for_stata_are_refused_before_any_work(tmp_path: Path) -> None:
    long = replace(COUNTS, denominator="children_starting_to_be_in_need")
    with pytest.raises(BadInput, match="children_starting_to_be_in_need_symbol"):
        check_panel_stata(tmp_path / "counts.dta", long)


def test_open_data_writes_what_the_ending_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["open-data", *map(str, DFE), "-o"]
    assert main([*words, str(tmp_path / "counts.dta")]) == 0
    assert main([*words, str(tmp_path / "counts.csv")]) == 0
    from_stata, from_csv = (
        read_panel([tmp_path / f"counts{suffix}"], COUNTS) for suffix in (".dta", ".csv")
    )
    assert from_stata.counts.identical(from_csv.counts)
    capsys.readouterr()
    assert main([*words, str(tmp_path / "counts.sav")]) == 2
    assert "a name with another ending; allowed: .csv, .dta, .xlsx" in capsys.readouterr().err
    assert not (tmp_path / "counts.sav").exists()
