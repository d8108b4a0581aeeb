"""From a synthetic population to the replicated tables, by the commands a user gives."""

import csv
import json
import shutil
from pathlib import Path

import duckdb
import numpy as np
import openpyxl
import pandas as pd
import pytest

import sofs_bayes as sb
from sofs_bayes.bayes.cell_data import cell_data
from sofs_bayes.cells.files import read_cells
from sofs_bayes.cli import main
from sofs_bayes.frequentist.gram import gram
from sofs_bayes.frequentist.terms import design
from sofs_bayes.matching.strata import read_matched
from sofs_bayes.pipeline.children import load_children
from sofs_bayes.spec import HierarchicalAnalysis
from sofs_bayes.synthetic.scenario import load_scenario

pytestmark = pytest.mark.usefixtures("empty_pictures")

ANALYSIS = "icpc-children"
# Cells are to be as good as children.
EXACT = 1e-10


@pytest.fixture(scope="module")
def population(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some ten thousand referrals with a known effect."""
    folder = tmp_path_factory.mktemp("drawn") / "population"
    words = ["simulate", "icpc", "--drawn", "--effect", "0.3", "--times", "0.05"]
    assert main([*words, "-o", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def matched(population: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("matched") / "matched"
    assert main(["match", ANALYSIS, str(population), "-o", str(folder)]) == 0
    return folder


def test_a_population_says_that_it_is_made_up_and_what_is_true_of_it(population: Path) -> None:
    names = sorted(path.name for path in population.iterdir())
    assert names == [
        "manifest.json",
        "scenario.toml",
        "synthetic-authorities.csv",
        "synthetic-children.parquet",
        "synthetic-groups.csv",
    ]
    manifest = json.loads((population / "manifest.json").read_text("utf-8"))
    assert manifest["evidence"] == "synthetic"
    assert manifest["truth"]["log_odds"] == pytest.approx(0.3)
    assert 0 < manifest["truth"]["risk"] < 0.3


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(
    population: Path, tmp_path: Path
) -> None:
    words = ["simulate", "icpc", "--drawn", "--effect", "0.3", "--times", "0.05"]
    again, other = tmp_path / "again", tmp_path / "other"
    assert main([*words, "-o", str(again)]) == 0
    assert main([*words, "--seed", "5", "-o", str(other)]) == 0
    for name in ("synthetic-children.parquet", "synthetic-authorities.csv", "manifest.json"):
        assert (again / name).read_bytes() == (population / name).read_bytes()
    name = "synthetic-children.parquet"
    assert (other / name).read_bytes() != (population / name).read_bytes()


def test_drawn_authorities_differ_and_move_as_real_ones_do(tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ["simulate", "cla", "--drawn", "--times", "0.01", "--shock-sd", "0.1", "-o", str(out)]
    assert main(words) == 0
    drawn = load_scenario(out / "scenario.toml").drawn
    assert drawn is not None
    # What the bundled counts of children who start to be looked after show.
    assert (drawn.authority_sd, drawn.persistence) == pytest.approx((0.27, 0.76), abs=0.005)
    assert drawn.shock_sd == 0.1


def test_a_drawn_population_is_made_again_from_its_own_scenario(tmp_path: Path) -> None:
    words = ["simulate", "icpc", "--drawn", "--times", "0.02", "--effect", "0.3", "--seed", "7"]
    words += ["--shock-sd", "0.2", "--pilot-4-window", "2016-04-04", "2016-10-02"]
    assert main([*words, "-o", str(tmp_path / "one")]) == 0
    scenario = str(tmp_path / "one" / "scenario.toml")
    assert main(["simulate", "icpc", "--scenario", scenario, "-o", str(tmp_path / "two")]) == 0
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name
    again = ["simulate", "icpc", "--scenario", scenario, "--solve", "-o", str(tmp_path / "three")]
    assert main(again) == 2


def test_matching_leaves_labelled_rows_and_their_balance(matched: Path) -> None:
    assert {path.name for path in matched.iterdir()} == {
        "analysis.toml",
        "balance.csv",
        "groups.csv",
        "manifest.json",
        "matching.md",
        "summary.csv",
        "synthetic-matched.parquet",
        "tables.xlsx",
    }
    manifest = json.loads((matched / "manifest.json").read_text("utf-8"))
    assert (manifest["evidence"], manifest["status"]) == ("synthetic", "matched")
    text = (matched / "matching.md").read_text("utf-8")
    assert "It says nothing about real people" in text


@pytest.mark.parametrize("kind", ["csv", "stata"])
def test_other_kinds_of_file_give_the_same_matched_rows(
    matched: Path, tmp_path: Path, kind: str
) -> None:
    words = ["simulate", "icpc", "--drawn", "--effect", "0.3", "--times", "0.05"]
    folder, other = tmp_path / "population", tmp_path / "matched"
    assert main([*words, "--format", kind, "-o", str(folder)]) == 0
    assert main(["match", ANALYSIS, str(folder), "-o", str(other)]) == 0
    name = "synthetic-matched.parquet"
    differing = f"SELECT count(*) FROM (FROM '{matched / name}' EXCEPT FROM '{other / name}')"
    with duckdb.connect() as connection:
        assert connection.execute(differing).fetchall() == [(0,)]


def test_matched_children_and_tables_go_on_in_stata_and_excel(
    population: Path, matched: Path, tmp_path: Path
) -> None:
    analysis = load_children(ANALYSIS)
    records = tmp_path / "records"
    shutil.copytree(population, records)
    for name, days in (("authorities", ()), ("groups", ("settling_in_start", "settling_in_end"))):
        path = records / f"synthetic-{name}.csv"
        frame = pd.read_csv(path, parse_dates=list(days))
        frame = frame.astype(dict.fromkeys(frame.select_dtypes("str"), object))
        frame.to_stata(
            path.with_suffix(".dta"), write_index=False, convert_dates=dict.fromkeys(days, "td")
        )
        path.unlink()
    folder = tmp_path / "matched"
    assert main(["match", ANALYSIS, str(records), "--stata", "-o", str(folder)]) == 0
    rows = read_matched(matched / "synthetic-matched.parquet", analysis)
    found = pd.read_stata(folder / "synthetic-matched.dta")
    assert list(found) == list(rows)
    pd.testing.assert_frame_equal(found, rows, check_dtype=False)
    with pd.read_stata(folder / "synthetic-matched.dta", iterator=True) as reader:
        assert reader.data_label == "evidence: synthetic; matched for icpc-children"
    assert (folder / "tables.xlsx").read_bytes() == (matched / "tables.xlsx").read_bytes()
    book = openpyxl.load_workbook(folder / "tables.xlsx")
    assert len(book.worksheets) > 3
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert {"tables.xlsx", "synthetic-matched.dta"} <= manifest["files_sha256"].keys()


def test_comparators_left_open_are_chosen_and_shown(population: Path, tmp_path: Path) -> None:
    records = tmp_path / "records"
    shutil.copytree(population, records)
    groups = records / "synthetic-groups.csv"
    lines = list(csv.reader(groups.read_text("utf-8").splitlines()))
    kept = {line[0]: [line[0], "", *line[2:]] for line in lines[1:]}
    open_ = "\n".join(",".join(line) for line in [lines[0], *kept.values()])
    groups.write_text(open_ + "\n", encoding="utf-8")
    # Candidates beyond the scenario's groups need rows of their own covariates too.
    folder = tmp_path / "matched"
    assert main(["match", ANALYSIS, str(records), "-o", str(folder)]) == 0
    text = (folder / "matching.md").read_text("utf-8")
    assert "comparators nearest before settling-in" in text and "next best" in text
    chosen = list(csv.DictReader((folder / "groups.csv").read_text("utf-8").splitlines()))
    assert len(chosen) == 12 and all(line["comparator"] for line in chosen)
    assert (folder / "pre_trend.csv").is_file()


def test_replication_writes_tables_numbers_and_the_figure(matched: Path, tmp_path: Path) -> None:
    folder = tmp_path / "replicated"
    words = ["replicate", ANALYSIS, str(matched), "-o", str(folder), "--missing", "level"]
    assert main([*words, "--correction", "CR1"]) == 0
    names = {path.name for path in (folder / "tables").glob("*.csv")}
    assert {"table-2.csv", "table-3.csv", "table-4.csv", "table-5.csv", "table-6.csv"} <= names
    numbers = list(csv.DictReader((folder / "numbers.csv").read_text("utf-8").splitlines()))
    coefficients = [n for n in numbers if int(n["table"]) >= 5 and n["row"] != "R²"]
    assert len(coefficients) == 68
    assert all(n["met"] in {"yes", "no"} for n in coefficients)
    assert (folder / "figures" / "figure-1.png").is_file()
    assert "These children are simulated" in (folder / "index.html").read_text("utf-8")
    fits = list(csv.DictReader((folder / "fits.csv").read_text("utf-8").splitlines()))
    assert {"Linear model", "Random effects", "Leads and lags"} <= {f["regression"] for f in fits}


def copied(folder: Path, target: Path) -> Path:
    return Path(shutil.copytree(folder, target))


@pytest.mark.parametrize("verb", ["replicate", "collapse", "fit"])
@pytest.mark.parametrize("damage", ["flip", "manifest", "analysis.toml", "groups.csv", "alone"])
def test_matched_children_are_read_only_as_match_wrote_them(
    matched: Path, tmp_path: Path, verb: str, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = copied(matched, tmp_path / "copy")
    file = parquet_of(folder)
    given, said = folder, "found no such file"
    if damage == "flip":
        whole, middle = file.read_bytes(), file.stat().st_size // 2
        file.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
        said = "found a changed file"
    elif damage == "manifest":
        (folder / "manifest.json").unlink()
    elif damage == "alone":
        given, said = tmp_path / "alone" / file.name, "found a file without the manifest.json"
        given.parent.mkdir()
        file.rename(given)
    else:
        (folder / damage).unlink()
    analysis = "icpc-linear" if verb == "fit" else ANALYSIS
    assert main([verb, analysis, str(given), "-o", str(tmp_path / "out")]) == 2
    message = capsys.readouterr().err
    assert said in message
    assert message.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_cells_that_may_leave_are_checked_and_those_that_may_not_say_so(
    matched: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    released, exact, csv_files = tmp_path / "released", tmp_path / "exact", tmp_path / "csv"
    assert main(["collapse", ANALYSIS, str(matched), "-o", str(released)]) == 0
    assert "Checked for disclosure" in capsys.readouterr().out
    assert main(["collapse", ANALYSIS, str(matched), "-o", str(exact), "--no-check"]) == 0
    assert "NOT CHECKED for disclosure" in capsys.readouterr().out
    words = ["collapse", ANALYSIS, str(matched), "-o", str(csv_files), "--format", "csv"]
    assert main(words) == 0
    analysis = load_children(ANALYSIS)
    cells = read_cells(released / "synthetic-cells.nc", analysis).patterns
    children = int(read_cells(exact / "synthetic-cells.nc", analysis).patterns["n"].sum())
    shown = cells["n_state_label"].values[cells["n_state"].values] == "exact"
    assert shown.any() and float(cells["n"].values[shown].min()) >= 10
    with duckdb.connect() as connection:
        counted = connection.execute(f"SELECT count(*) FROM '{parquet_of(matched)}'").fetchall()
    assert counted == [(children,)]
    assert (released / "disclosure-log.csv").is_file()
    assert not (exact / "disclosure-log.csv").exists()
    assert {path.suffix for path in csv_files.iterdir()} == {".csv", ".md", ".toml", ".json"}


def test_cross_products_leave_whole_so_that_a_linear_model_takes_them(tmp_path: Path) -> None:
    analysis = sb.load("icpc-linear")
    assert isinstance(analysis, HierarchicalAnalysis)
    children = sb.simulate(ANALYSIS, tmp_path / "children")
    matched = sb.match(ANALYSIS, children, tmp_path / "matched")
    folder = sb.collapse(ANALYSIS, matched, tmp_path / "cells", what="products")
    cells = read_cells(folder / "synthetic-cells.nc", analysis.children)
    assert cells.products is not None and cells.products.attrs["suppressed"] == 0
    known = cell_data(cells, analysis)
    rows = read_matched(parquet_of(matched), analysis.children)
    assert known.cells["children"].sum() == len(rows)


def test_too_few_children_for_cross_products_are_told_of_counts(
    matched: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ["collapse", ANALYSIS, str(matched), "--what", "products", "-o", str(tmp_path / "out")]
    assert "or counts, for logistic models" in refused(words, capsys)
    assert list(tmp_path.iterdir()) == []


def test_cells_say_of_every_regression_what_the_children_say(matched: Path, tmp_path: Path) -> None:
    folder = tmp_path / "exact"
    assert main(["collapse", ANALYSIS, str(matched), "-o", str(folder), "--no-check"]) == 0
    analysis = load_children(ANALYSIS)
    cells = read_cells(folder / "synthetic-cells.nc", analysis)
    children = read_matched(parquet_of(matched), analysis)
    for regression in analysis.regressions.columns:
        if regression.authorities != "none":
            continue
        found, numbers = gram(cells, analysis, regression), design(children, analysis, regression)
        terms = numbers.terms.to_numpy()
        whole = terms.T @ (numbers.weights[:, None] * terms)
        assert (found.terms, found.dropped) == (tuple(numbers.terms.columns), numbers.dropped)
        assert np.abs(found.xx.sum(axis=0) - whole).max() <= EXACT * np.abs(whole).max()


def test_the_steps_in_python_take_names_as_the_readme_gives_them(tmp_path: Path) -> None:
    at = str(tmp_path)
    children = sb.simulate(ANALYSIS, f"{at}/children", drawn=True, times=0.05, effect=0.3)
    matched = sb.match(ANALYSIS, str(children), f"{at}/matched")
    folder, trusted = sb.replicate(ANALYSIS, str(matched), f"{at}/replicated", missing="level")
    cells = sb.collapse(ANALYSIS, str(matched), f"{at}/cells")
    assert trusted
    assert all((each / "manifest.json").is_file() for each in (children, matched, folder, cells))


def test_a_threshold_that_protects_nothing_is_refused(
    matched: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["collapse", ANALYSIS, str(matched), "-o", str(tmp_path / "out"), "--threshold", "1"]
    assert "--lower-threshold-agreed" in refused(words, capsys)
    assert "2 or more" in refused([*words, "--lower-threshold-agreed"], capsys)
    assert list(tmp_path.iterdir()) == []


def parquet_of(matched: Path) -> Path:
    return matched / "synthetic-matched.parquet"


# ------------------------------------------------------------------------------- wrong input


def refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert main(words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    return said.err


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["simulate", "icpc", "--effect", "0.3"], "--effect"),
        (["simulate", "icpc", "--times", "2"], "--times"),
        (["simulate", "icpc", "--drawn", "--solve"], "--solve"),
        (["simulate", "icpc-printed"], "'children'"),
        (["simulate", "icpc", "--scenario", "cla"], "outcome"),
        (["simulate", "icpc", "--scenario", "none.toml"], "none.toml"),
        (["simulate", "icpc", "--scenario", "icpc", "--stress"], "--stress: found --scenario"),
        (["match", "icpc-open-data", "."], "'children', as icpc-children is"),
        (["match", "cla-linear", "."], "'children', as cla-children is"),
        (
            ["simulate", "icpc", "--pilot-4-window", "2016-10-02", "2016-04-04"],
            "--pilot-4-window: found 2016-10-02 to 2016-04-04",
        ),
        (["collapse", ANALYSIS, ".", "--no-check", "--round", "5"], "--no-check: found --round"),
        (["collapse", ANALYSIS, ".", "--no-check", "--threshold", "20"], "found --threshold"),
        (["match", ANALYSIS, "no-such-folder"], "no-such-folder"),
        (["replicate", ANALYSIS, "no-such-folder"], "no such file or folder"),
        (["collapse", ANALYSIS, "no-such-folder"], "no such file or folder"),
        (["fit", ANALYSIS], "match, replicate"),
    ],
)
def test_wrong_words_are_one_line_and_leave_nothing(
    words: list[str],
    part: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    said = refused(words, capsys)
    assert part in said and said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_another_window_of_pilot_4_needs_other_outcomes(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    late = ["--pilot-4-window", "2016-04-04", "2016-10-02"]
    said = refused(["simulate", "icpc", *late, "-o", str(tmp_path / "out")], capsys)
    assert "rows" in said and list(tmp_path.iterdir()) == []
    drawn = ["simulate", "icpc", *late, "--drawn", "--times", "0.02", "-o", str(tmp_path / "out")]
    assert main(drawn) == 0
    groups = (tmp_path / "out" / "synthetic-groups.csv").read_text("utf-8")
    assert "2016-04-04,2016-10-02" in groups


def test_rows_matched_for_another_analysis_are_refused(
    matched: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ["replicate", "cla-children", str(matched), "-o", str(tmp_path / "out")]
    assert "rows matched for icpc-children" in refused(words, capsys)
    assert list(tmp_path.iterdir()) == []


def test_a_faulty_file_is_named_without_any_of_its_values(
    population: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    records = tmp_path / "records"
    records.mkdir()
    for name in ("synthetic-authorities.csv", "synthetic-groups.csv"):
        shutil.copy(population / name, records)
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT * REPLACE ('turnip' AS gender) FROM"
            f" '{population / 'synthetic-children.parquet'}')"
            f" TO '{records / 'synthetic-children.csv'}'"
        )
    said = refused(["match", ANALYSIS, str(records), "-o", str(tmp_path / "out")], capsys)
    assert "column gender" in said and "turnip" not in said
    assert not (tmp_path / "out").exists()


def test_a_missing_companion_is_asked_for(
    population: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shutil.copy(population / "synthetic-children.parquet", tmp_path)
    said = refused(["match", ANALYSIS, str(tmp_path), "-o", str(tmp_path / "out")], capsys)
    assert "authorities.csv" in said and "--authorities" in said
