"""The gate in what effects, figure and report write, and disclose, as typed."""

import csv
import json
from pathlib import Path

import pytest
from tests.results.release.conftest import SMALL, MakeRun

from sofs_bayes.cli import main
from sofs_bayes.folders.manifest import write_manifest
from sofs_bayes.runs.run_folder import Run, write

pytestmark = pytest.mark.usefixtures("empty_pictures")
CSV = ("--scale", "risk", "--format", "csv")


@pytest.fixture(scope="module")
def small_folder(small_pilot: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run with a pilot of seven children, as a folder."""
    folder = tmp_path_factory.mktemp("runs") / "small"
    write(small_pilot, folder)
    return folder


@pytest.fixture
def clean_folder(make_run: MakeRun, tmp_path: Path) -> Path:
    """A run of which everything may leave."""
    write(make_run(), tmp_path / "clean")
    return tmp_path / "clean"


def test_effects_to_the_terminal_say_what_was_done(
    small_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["effects", str(small_folder), "--scale", "risk", "--format", "csv"]) == 0
    said = capsys.readouterr()
    assert "Ashmere" in said.out
    assert SMALL not in said.out
    assert said.err.startswith("disclosure check: ")
    assert said.err.count("\n") == 1
    assert "suppressed" in said.err


def test_a_table_for_reading_names_what_is_missing(
    small_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["effects", str(small_folder), "--scale", "risk"])
    said = capsys.readouterr().out
    notes = [line for line in said.splitlines() if SMALL in line]
    assert notes
    assert all(line.startswith("Suppressed: results of single authorities") for line in notes)


def test_effects_in_a_file_have_their_log_beside_it(small_folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "out" / "tables.csv"
    assert main(["effects", str(small_folder), "--scale", "risk", "-o", str(file)]) == 0
    names = ["tables.csv", *(f"tables.csv.disclosure.{e}" for e in ("csv", "json", "md"))]
    assert sorted(path.name for path in file.parent.iterdir()) == names
    assert SMALL not in file.read_text(encoding="utf-8")
    with (file.parent / "tables.csv.disclosure.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["result"] for row in rows} == {"passed", "suppressed"}
    assert any(SMALL in row["action"] for row in rows)
    ledger = json.loads((file.parent / "tables.csv.disclosure.json").read_text(encoding="utf-8"))
    assert (ledger["threshold"], [*ledger["files"]]) == (10, ["tables.csv"])
    assert "hidden" not in json.dumps(ledger["releases"])


def test_figures_lose_the_pilot_and_keep_their_log(small_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "figures"
    assert main(["figure", str(small_folder), "--format", "png", "-o", str(out)]) == 0
    data = [path for path in out.glob("*.csv") if path.name != "disclosure.csv"]
    assert data
    for path in data:
        text = path.read_text(encoding="utf-8")
        assert SMALL not in text, path.name
    assert any("Ashmere" in path.read_text(encoding="utf-8") for path in data)
    assert SMALL in (out / "disclosure.md").read_text(encoding="utf-8")


def test_tables_of_a_report_lose_the_pilot(small_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    assert main(["report", str(small_folder), "--format", "html", "-o", str(out)]) == 0
    tables = list((out / "tables").glob("*.csv"))
    assert tables
    for path in tables:
        assert SMALL not in path.read_text(encoding="utf-8"), path.name
    for path in (out / "figures").glob("*.csv"):
        assert SMALL not in path.read_text(encoding="utf-8"), path.name
    page = (out / "index.html").read_text(encoding="utf-8")
    before = [text[-80:] for text in page.split(SMALL)[:-1]]
    assert all("Suppressed: results of single authorities" in text for text in before)
    assert SMALL in (out / "disclosure.md").read_text(encoding="utf-8")


def test_disclose_prints_the_log_and_says_by_its_code(
    small_folder: Path, clean_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["disclose", str(clean_folder)]) == 0
    assert "Cleared for release as it is" in capsys.readouterr().out
    assert main(["disclose", str(small_folder)]) == 1
    assert f"{SMALL} (fewer than 10 referrals after settling-in)" in capsys.readouterr().out


@pytest.mark.parametrize(("verb", "how"), [("figure", ()), ("report", ()), ("effects", CSV)])
def test_what_is_checked_as_it_is_written_is_no_input_of_disclose(
    verb: str,
    how: tuple[str, ...],
    small_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out, copy = tmp_path / verb, tmp_path / "copy"
    assert main([verb, str(small_folder), *how, "-o", str(out)]) == 0
    for words in (["disclose", str(out)], ["disclose", str(out), "-o", str(copy)]):
        capsys.readouterr()
        assert main(words) == 2
        (said,) = capsys.readouterr().err.splitlines()
        assert f"a result of {verb}, which is checked as it is written and not again" in said
    assert not copy.exists()


def test_a_release_of_nothing_says_so_by_its_code(tmp_path: Path) -> None:
    bare, copy = tmp_path / "bare", tmp_path / "copy"
    bare.mkdir()
    (bare / "picture.png").write_bytes(b"none")
    write_manifest(bare, {}, written_by="fit")
    assert main(["disclose", str(bare), "-o", str(copy)]) == 1
    assert {path.suffix for path in copy.iterdir()} == {".md", ".csv", ".json"}


def test_disclose_writes_a_copy(small_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert main(["disclose", str(small_folder), "-o", str(out)]) == 0
    assert main(["disclose", str(out)]) == 0
    assert main(["disclose", str(small_folder), "-o", str(out)]) == 2
    assert main(["disclose", str(small_folder), "-o", str(out), "--replace"]) == 0
    again = tmp_path / "again"
    assert main(["disclose", str(out), "-o", str(again)]) == 0
    kept = {path.name for path in again.iterdir()}
    assert kept == {path.name for path in out.iterdir()}
    assert main(["disclose", str(again)]) == 0


@pytest.mark.parametrize("verb", ["effects", "figure", "disclose"])
def test_a_lower_threshold_needs_the_word(
    verb: str, small_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [verb, str(small_folder), "-o", str(tmp_path / "out"), "--threshold", "5"]
    assert main(words) == 2
    assert "--lower-threshold-agreed" in capsys.readouterr().err


def test_a_lower_threshold_is_in_the_log(small_folder: Path, tmp_path: Path) -> None:
    words = ["disclose", str(small_folder), "-o", str(tmp_path / "out"), "--threshold", "5"]
    assert main([*words, "--lower-threshold-agreed"]) == 0
    log = (tmp_path / "out" / "disclosure.md").read_text(encoding="utf-8")
    assert "threshold 5, lowered as agreed with the custodian" in log


def test_runs_that_tell_of_a_few_children_are_not_exported(
    make_run: MakeRun, clean_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(make_run({("pilot", "2012"): (1995, 199)}), tmp_path / "less")
    alone = ["effects", str(tmp_path / "less"), "-o", str(tmp_path / "less.md")]
    assert main(["effects", str(clean_folder), str(tmp_path / "less")]) == 2
    assert "differs from another export" in capsys.readouterr().err
    assert main(["effects", str(clean_folder), "-o", str(tmp_path / "first" / "a.md")]) == 0
    assert main([*alone, "--no-ledger", "--earlier", str(tmp_path / "first")]) == 2
    assert main(alone) == 2  # by default: the ledger has the first
    assert main([*alone, "--ledger", str(tmp_path / "other.jsonl")]) == 0
    assert main(["effects", str(clean_folder), "-o", str(tmp_path / "b.md"), "--no-ledger"]) == 0
    log = (tmp_path / "b.md.disclosure.md").read_text(encoding="utf-8")
    assert "LEFT OUT" in log
