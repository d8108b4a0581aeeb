"""Records with too little in them, by the commands a user gives: what is said, and where."""

import csv
import json
import re
import warnings
from pathlib import Path

import numpy as np
import openpyxl
import pytest
import tomli_w
from tests.graphs import USERS

import sofs_bayes as sb
from sofs_bayes import spec
from sofs_bayes.cli import main

YEARS = range(2012, 2019)
WINDOW = "2014-10-01,2015-09-30"
FEW = "no standard errors, p-values or stars"
ONE_LINE = re.compile(r"[^\n]+: found [^\n]+; allowed: [^\n]+\n")

Child = tuple[str, int, int]  # authority, year, outcome


def children(names: str, *, per_year: int, share: float = 0.2) -> list[Child]:
    """So many children of each authority in each year, whose outcomes nothing explains."""
    rng = np.random.default_rng(3)
    places = [(name, year) for name in names.split() for year in YEARS for _ in range(per_year)]
    return [(name, year, int(rng.random() < share)) for name, year in places]


FOUR: list[Child] = [("P1", 2013, 1), ("P1", 2017, 0), ("C1", 2013, 0), ("C1", 2017, 1)]


def analysis() -> spec.ChildrenAnalysis:
    """Three columns, one of them in a printed table."""
    column = {"model": "linear", "treatment": "did"}
    document = {
        "kind": "children",
        "name": "small",
        "title": "Small",
        "outcome": "ICPC",
        "why": "made up for a test",
        "records": {
            "years": list(YEARS),
            "columns": {"outcome_date": "icpc_date"},
            "window": {"days": 90},
            "covariates": [
                {"kind": "levels", "name": "gender", "reference": "male"}
                | {"levels": {"male": ["1"], "female": ["2"]}}
            ],
        },
        "matching": {"exact": ["gender"], "balance": ["gender"]},
        "regressions": {
            "covariates": [],
            "columns": [
                column | {"name": "Linear model", "table": 5},
                column | {"name": "Logistic", "model": "logistic"},
                column | {"name": "Early", "treatment": "leads and lags"},
            ],
        },
    }
    found = spec.files.parse(document, file="made up")
    assert isinstance(found, spec.ChildrenAnalysis)
    return found


def matched(folder: Path, rows: list[Child], groups: str) -> tuple[str, str]:
    """The words for the analysis and the matched children, from CSV files."""
    (folder / "children").mkdir()
    lines = [
        f"{i},{name},{year}-06-01,{f'{year}-06-20' if outcome else ''},1"
        for i, (name, year, outcome) in enumerate(rows)
    ]
    head = "child,authority,referral_date,icpc_date,gender"
    (folder / "children" / "children.csv").write_text("\n".join([head, *lines, ""]))
    pairs = [pair.split("-") for pair in groups.split()]
    text = "pilot,comparator,settling_in_start,settling_in_end\n"
    text += "".join(f"{pilot},{comparator},{WINDOW}\n" for pilot, comparator in pairs)
    (folder / "children" / "groups.csv").write_text(text)
    names = sorted({name for pair in pairs for name in pair})
    years = [f"{name},{year}" for name in names for year in YEARS]
    (folder / "children" / "authorities.csv").write_text("\n".join(["authority,year", *years, ""]))
    file = folder / "small.toml"
    file.write_text(tomli_w.dumps(spec.to_document(analysis())))
    words = ["match", str(file), str(folder / "children"), "-o", str(folder / "m")]
    assert main(words) == 0
    return str(file), str(folder / "m")


DESIGNS = [
    ("P1 C1 C2", "P1-C1 P1-C2", "1 treated and 2 other authorities"),
    ("P1 P2 C1 C2 C3 C4", "P1-C1 P1-C2 P2-C3 P2-C4", "2 treated and 4 other authorities"),
]


@pytest.mark.parametrize(("names", "groups", "says"), DESIGNS)
def test_few_authorities_have_no_stars_and_every_output_says_so(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    names: str,
    groups: str,
    says: str,
) -> None:
    words = matched(tmp_path, children(names, per_year=30), groups)
    capsys.readouterr()
    folder = tmp_path / "r"
    assert main(["replicate", *words, "-o", str(folder)]) == 0
    told = capsys.readouterr()
    errors = told.err.splitlines()
    about = [line.split(": ")[1] for line in errors]
    assert about == ["Linear model, Early", "Logistic", "Leads"]
    assert all(FEW in line and says in line for line in errors[:2])
    for name in ("replication.md", "index.html", "manifest.json", "fits.csv", "numbers.csv"):
        text = (folder / name).read_text("utf-8")
        assert FEW in text and says in text, name
    assert len(json.loads((folder / "manifest.json").read_text())["notes"]) == 3
    sheet = openpyxl.load_workbook(folder / "tables.xlsx")["table-5"]
    assert any(FEW in str(cell.value) for row in sheet.iter_rows() for cell in row)
    fits = list(csv.DictReader((folder / "fits.csv").read_text("utf-8").splitlines()))
    assert all(row["p_value"] == row["standard_error"] == row["upper"] == "" for row in fits)
    assert all(row["coefficient"] and FEW in row["note"] for row in fits)
    numbers = list(csv.DictReader((folder / "numbers.csv").read_text("utf-8").splitlines()))
    assert {row["stars"] for row in numbers} == {"-1"}
    further = list(csv.DictReader((folder / "further.csv").read_text("utf-8").splitlines()))
    bootstrapped = [row for row in further if "bootstrap" in row["what"]]
    assert bool(bootstrapped) is says.startswith("2")
    assert all(row["p_value"] == "" for row in further if row not in bootstrapped)
    tables = [line for line in told.out.splitlines() if line.startswith("| ")]
    replicated = [line.split(" | ")[2] for line in tables if line.count("|") == 5]
    assert replicated and not any("*" in cell for cell in replicated)


def test_a_regression_without_an_estimate_says_why_in_every_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        (name, year, outcome * (name != "P1"))
        for name, year, outcome in children("P1 C1 C2", per_year=9)
    ]
    words = matched(tmp_path, rows, "P1-C1 P1-C2")
    capsys.readouterr()
    folder = tmp_path / "r"
    assert main(["replicate", *words, "-o", str(folder)]) == 1
    why = "no finite maximum: the outcome never varies where 'pilot' is not 0"
    [line] = [each for each in capsys.readouterr().err.splitlines() if "Logistic" in each]
    assert line.startswith(f"small: Logistic: {why}")
    for name in ("replication.md", "manifest.json", "fits.csv"):
        assert why in (folder / name).read_text("utf-8"), name
    fits = csv.DictReader((folder / "fits.csv").read_text("utf-8").splitlines())
    [lost] = [row for row in fits if row["regression"] == "Logistic"]
    assert lost["term"] == lost["coefficient"] == "" and lost["note"].startswith(why)


NOTHING_TO_REPLICATE = [
    (FOUR, "matched referrals: Linear model: found 4 rows, 4 terms; more rows than terms"),
    (children("P1 C1", per_year=9, share=0.0), "found no referral with the outcome"),
    (children("P1 C1", per_year=9, share=1.0), "found every referral with the outcome"),
]


@pytest.mark.parametrize(("rows", "says"), NOTHING_TO_REPLICATE)
def test_nothing_to_replicate_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rows: list[Child], says: str
) -> None:
    words = matched(tmp_path, rows, "P1-C1")
    capsys.readouterr()
    assert main(["replicate", *words, "-o", str(tmp_path / "r")]) == 2
    told = capsys.readouterr()
    assert ONE_LINE.fullmatch(told.err) and says in told.err
    assert told.out == "" and not (tmp_path / "r").exists()


# --------------------------------------------------------------------------------- models

ALL = children("P1 C1", per_year=9)


def of(name: str, outcome: int) -> list[Child]:
    return [(who, year, outcome if who == name else y) for who, year, y in ALL]


def by_year() -> list[Child]:
    return [(who, year, year % 2) for who, year, _ in ALL]


LINEAR = "icpc-linear", "Linear model"
TOO_LITTLE = [
    (LINEAR, FOUR, "found 4 children in 4 cells with 0 children's terms"),
    (LINEAR, by_year(), "found 108 children in 12 cells"),
    *(
        (model, rows, says)
        for model in (LINEAR, ("cla-logistic", "Logistic"))
        for rows, says in (
            (of("P1", 0), "events: found pilots: no events"),
            (of("C1", 1), "events: found comparators: nothing but events"),
        )
    ),
]


@pytest.fixture
def nothing_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    def compiled(*_: object) -> None:
        raise AssertionError("a graph was compiled")

    for module in USERS:
        monkeypatch.setattr(module, "compile_model", compiled)


@pytest.mark.usefixtures("nothing_compiled")
@pytest.mark.parametrize(("model", "rows", "says"), TOO_LITTLE)
def test_too_little_for_a_model_is_one_line_before_anything_is_sampled(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    model: tuple[str, str],
    rows: list[Child],
    says: str,
) -> None:
    file, folder = matched(tmp_path, rows, "P1-C1")
    capsys.readouterr()
    name, column = model
    document = spec.to_document(sb.load(name)) | {"children": file, "column": column}
    toml = tmp_path / "model.toml"
    toml.write_text(tomli_w.dumps(document))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert main(["fit", str(toml), folder, "-o", str(tmp_path / "run")]) == 2
    told = capsys.readouterr()
    assert ONE_LINE.fullmatch(told.err) and says in told.err
    assert [each.name for each in tmp_path.glob("*run*")] == []
