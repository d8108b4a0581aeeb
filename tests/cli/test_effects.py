"""`effects`: runs become tables in the format asked for."""

import json
from dataclasses import replace
from pathlib import Path

import docx
import openpyxl
import pytest

import sofs_bayes as sb
from sofs_bayes.cli import effects, main
from sofs_bayes.runs import run_folder
from sofs_bayes.tables import files as table_files
from sofs_bayes.tables.contents.publication import KINDS

Say = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A run folder of posteriors from print, and the same as another analysis."""
    folder = tmp_path_factory.mktemp("runs")
    first, second = folder / "icpc-printed", folder / "another"
    assert main(["fit", "icpc-printed", "--quick", "-o", str(first)]) == 0
    run = sb.read_run(first)
    analysis = replace(run.analysis, name="another", title="Another")
    run_folder.write(replace(run, analysis=analysis), second)
    return str(first), str(second)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def titles(tables: list[dict[str, str]]) -> list[str]:
    return [table["title"] for table in tables]


def as_json(capsys: Say, *words: str) -> list[dict[str, str]]:
    capsys.readouterr()
    assert main(["effects", *words, "--format", "json"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    found: list[dict[str, str]] = json.loads(said.out)
    return found


def test_help_names_what_there_is() -> None:
    assert effects.KINDS == KINDS
    assert effects.FORMATS == table_files.FORMATS


def test_several_runs_become_one_word_file(runs: tuple[str, str], capsys: Say) -> None:
    wanted = titles(as_json(capsys, *runs))
    assert len(wanted) > 1
    assert main(["effects", *runs, "-o", "tables.docx"]) == 0
    document = docx.Document("tables.docx")
    captions = [p.text for p in document.paragraphs if p.style and p.style.name == "Caption"]
    assert captions == [f"Table {i}. {title}" for i, title in enumerate(wanted, start=1)]
    assert len(document.tables) == len(wanted)
    assert [path.name for path in Path().iterdir()] == ["tables.docx"]


def test_several_runs_become_one_workbook(runs: tuple[str, str], capsys: Say) -> None:
    wanted = titles(as_json(capsys, *runs))
    assert main(["effects", *runs, "--format", "xlsx", "-o", "tables"]) == 0
    with Path("tables").open("rb") as stream:
        book = openpyxl.load_workbook(stream)
    assert [sheet["A1"].value for sheet in book.worksheets[1:]] == wanted


def test_a_run_becomes_a_folder_of_csv(runs: tuple[str, str]) -> None:
    assert main(["effects", *runs, "--format", "csv", "-o", "tables"]) == 0
    names = sorted(path.name for path in Path("tables").iterdir())
    assert "effects-icpc-printed-risk.csv" in names
    assert len(names) >= 2
    run = sb.read_run(Path(runs[0]))
    table = sb.effects_table(run, scale="risk", name="effects-icpc-printed-risk")
    text = Path("tables", f"{table.name}.csv").read_text("utf-8")
    assert text == sb.to_csv(table)


def test_kinds_come_in_the_order_asked_for(runs: tuple[str, str], capsys: Say) -> None:
    found = as_json(capsys, runs[0], "--table", "priors", "effects", "priors")
    names = [table["name"] for table in found]
    assert names[0].startswith("priors")
    assert names[-1].startswith("effects")
    assert len(set(names)) == len(names)


def test_a_kind_that_does_not_apply_stops_no_other(runs: tuple[str, str], capsys: Say) -> None:
    capsys.readouterr()
    assert main(["effects", runs[0], "--table", "pilots", "priors", "--format", "json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)[0]["name"].startswith("priors")
    assert said.err.startswith("left out: tables of kind pilots") and said.err.count("\n") == 1
    assert main(["effects", runs[0], "--table", "pilots"]) == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("how", ["md", "tex", "html", "csv"])
def test_a_file_has_what_the_screen_has(how: str, runs: tuple[str, str], capsys: Say) -> None:
    capsys.readouterr()
    assert main(["effects", runs[0], "--format", how]) == 0
    shown = capsys.readouterr().out
    assert main(["effects", runs[0], "-o", f"t.{how}"]) == 0
    assert Path(f"t.{how}").read_text("utf-8") == shown
    assert capsys.readouterr().out == ""


def test_a_format_is_also_known_by_its_program(runs: tuple[str, str], capsys: Say) -> None:
    assert main(["effects", runs[0], "--format", "latex", "-o", "t.tex"]) == 0
    assert "tabular" in Path("t.tex").read_text("utf-8")
    assert main(["effects", runs[0], "--format", "Excel", "-o", "t.xlsx"]) == 0
    assert main(["effects", runs[0], "--format", "word"]) == 2
    assert "allowed: -o FILE.docx" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["effects", runs[0], "--format", "rtf"])
    assert "invalid choice: 'rtf'" in capsys.readouterr().err
    assert main(["report", runs[0], "--format", "word", "-o", "report"]) == 0
    assert [path.name for path in Path("report").glob("report.*")] == ["report.docx"]
    assert not Path("report/index.html").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--format", "docx"], "--format: found 'docx' without a file; allowed: -o FILE.docx"),
        (["-o", "t.doc"], "t.doc: ending: found '.doc'; allowed: .md, .csv"),
        (["-o", "t.csv", "--format", "xlsx"], "found '.csv' with --format xlsx; allowed: '.xlsx'"),
        (["--table", "pilots", "-o", "t.docx"], "tables of kind pilots: found icpc-printed"),
        (
            ["--table", "calibration", "-o", "t.md"],
            "allowed: what calibrate wrote, with --beside FOLDER",
        ),
        (
            ["--table", "priors", "--prior", "x"],
            "--prior: found tables of priors; allowed",
        ),
        (["--prior", "flat", "-o", "t.xlsx"], "--prior: found 'flat'; allowed: reference"),
        (["-o", "there.docx"], "there.docx: found a file that exists"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line_and_nothing_written(
    words: list[str], says: str, runs: tuple[str, str], capsys: Say
) -> None:
    Path("there.docx").write_text("mine")
    capsys.readouterr()
    assert main(["effects", runs[0], *words]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert says in said.err
    assert len(said.err.splitlines()) == 1
    assert [path.name for path in Path().iterdir()] == ["there.docx"]
    assert Path("there.docx").read_text() == "mine"


def test_tables_from_python(runs: tuple[str, str], tmp_path: Path) -> None:
    run = sb.read_run(Path(runs[0]))
    tables = [sb.effects_table(run, scale="risk")]
    sb.to_word(tables, tmp_path / "t.docx", title="Mine")
    sb.to_excel(tables, str(tmp_path / "t.xlsx"))
    assert docx.Document(str(tmp_path / "t.docx")).paragraphs[0].text == "Mine"
    assert openpyxl.load_workbook(tmp_path / "t.xlsx").sheetnames == ["Contents", "effects"]
    assert "\\toprule" in sb.to_latex(tables[0])
    assert json.loads(sb.to_json(tables[0]))["evidence"] == "published-inferred"


def test_runs_may_stand_behind_the_kinds(runs: tuple[str, str], capsys: Say) -> None:
    before = as_json(capsys, *runs, "--table", "priors")
    behind = as_json(capsys, "--table", "priors", *runs)
    assert titles(before) == titles(behind)
    with pytest.raises(SystemExit, match="2"):
        main(["effects", "--table", "priors", "nowhere"])
    assert "'nowhere'" in capsys.readouterr().err
    assert main(["effects", "--table", "priors"]) == 2
    assert "RUN" in capsys.readouterr().err
