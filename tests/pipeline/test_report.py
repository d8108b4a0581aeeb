"""The report as a folder: what lies in it, and what is refused in one line."""

import json
import re
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import pytest

from sofs_bayes.cli import main
from sofs_bayes.disclosure.rules import OutputRule
from sofs_bayes.errors import BadInput
from sofs_bayes.folders.manifest import sha256
from sofs_bayes.frequentist.replication import Replicated
from sofs_bayes.pages.page import Page, Part, page_tables
from sofs_bayes.pipeline.fits import fit, save
from sofs_bayes.pipeline.report import _cleared_page, report
from sofs_bayes.runs.result_manifest import describe
from sofs_bayes.runs.run_folder import read
from sofs_bayes.spec import PrintedAnalysis, load
from sofs_bayes.tables.formats import Column, Table, rows_to_csv

pytestmark = pytest.mark.usefixtures("empty_pictures")


@pytest.fixture(scope="module")
def run_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run from print, whose posterior takes no sampling."""
    analysis = load("icpc-printed")
    assert isinstance(analysis, PrintedAnalysis)
    few = {name: analysis.effect_priors[name] for name in ("reference", "sceptical")}
    path = tmp_path_factory.mktemp("runs") / "icpc-printed"
    save(fit(replace(analysis, effect_priors=few)), path)
    return path


@pytest.fixture(scope="module")
def replicated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As much of a folder of `replicate` as a report reads."""
    folder = tmp_path_factory.mktemp("replicated")
    number = Replicated(
        table=5,
        row="DiD",
        column="Linear model",
        unit="probability",
        printed="0.0407",
        published=0.0407,
        replicated=0.04069,
        difference=-0.00001,
        half_unit=0.00005,
        met="yes",
    )
    rows = [number, replace(number, row="Pilot LA", met="no")]
    (folder / "numbers.csv").write_text(rows_to_csv(Replicated, rows), encoding="utf-8")
    for name in ("fits.csv", "further.csv"):
        (folder / name).write_text("", encoding="utf-8")
    describe(
        folder,
        load("icpc-children"),
        written_by="replicate",
        evidence="synthetic",
        status="converged",
        inputs={},
        options={},
        seconds={"fit": 1.0},
    )
    return folder


@pytest.fixture(scope="module")
def written(run_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("reports") / "report"
    assert main(["report", str(run_path), "-o", str(target), "--title", "Ours"]) == 0
    return target


def test_the_folder_holds_page_word_tables_figures_and_manifest(written: Path) -> None:
    names = {path.name for path in written.iterdir()}
    assert names >= {"index.html", "report.docx", "tables", "figures", "manifest.json"}
    assert names >= {"disclosure.md", "disclosure.csv", "disclosure.json"}
    endings = {path.suffix for path in (written / "tables").iterdir()}
    assert endings == {".csv", ".md", ".xlsx", ".docx"}
    assert {path.suffix for path in (written / "figures").iterdir()} == {".png", ".pdf", ".csv"}
    assert "<h1>Ours</h1>" in (written / "index.html").read_text(encoding="utf-8")


def test_the_manifest_says_what_went_in_and_came_out(written: Path, run_path: Path) -> None:
    manifest = json.loads((written / "manifest.json").read_text(encoding="utf-8"))
    run = json.loads((run_path / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["analyses_sha256"] == {"icpc-printed": run["analysis_sha256"]}
    assert manifest["evidence"] == {"icpc-printed": "published-inferred"}
    assert manifest["seeds"] == {"icpc-printed": run["seed"]}
    assert manifest["files_sha256"]["index.html"] == sha256(written / "index.html")
    assert "figures/icpc-printed-prior-posterior.png" in manifest["files_sha256"]


def test_a_replication_stands_beside(run_path: Path, replicated: Path, tmp_path: Path) -> None:
    folder, trusted = report([run_path], tmp_path / "report", beside=[replicated], formats=["docx"])
    assert trusted
    assert not (folder / "index.html").exists()
    with ZipFile(folder / "report.docx") as word:
        text = re.sub(r"<[^>]+>", "", word.read("word/document.xml").decode("utf-8"))
    assert "Of 2 printed numbers, 1 come out again" in text


# ------------------------------------------------------------------------ disclosure check


def test_a_run_that_may_not_leave_is_refused(
    run_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sofs_bayes.pipeline.disclosure.refused", lambda _: "too few")
    with pytest.raises(BadInput, match="a run that is not cleared; allowed: too few"):
        report([run_path], tmp_path / "report")
    assert list(tmp_path.iterdir()) == []


def test_small_counts_on_the_page_are_suppressed() -> None:
    counts = Table(
        name="counts",
        title="Counts",
        columns=(
            Column(key="arm", heading="Arm"),
            Column(key="children", heading="Children", format="integer", holds="children"),
        ),
        rows=(("pilot", 3), ("comparator", 300)),
        evidence="records",
    )
    printed = replace(counts, name="printed", evidence="published")
    part = Part(heading="Counts", anchor="counts", tables=(counts,), folded=(counts, printed))
    page = Page(
        title="T", heading="T", lead="", parts=(part,), files="", provenance=(), status="converged"
    )
    found, log = _cleared_page(page, OutputRule(), [])
    shown = [[row[1] for row in table.rows] for table in page_tables(found)]
    assert 3 not in shown[0]
    assert 3 not in shown[1]
    assert shown[2] == [3, 300]
    assert {line.result for line in log} >= {"suppressed", "passed"}


# -------------------------------------------------------------------------------- refused


def test_a_folder_that_is_no_run_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "no run"
    folder.mkdir()
    assert main(["report", str(folder), "-o", str(tmp_path / "report")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{folder}: manifest.json: found no such file; allowed: a run folder")
    assert not (tmp_path / "report").exists()


def test_two_runs_of_one_analysis_are_refused_in_one_line(
    run_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "report"
    assert main(["report", str(run_path), str(run_path), "-o", str(target)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "found two runs of 'icpc-printed'; allowed: runs of different analyses" in line
    assert not target.exists()


@pytest.mark.parametrize("verb", ["report", "figure"])
def test_capitals_alone_tell_no_runs_apart(
    verb: str, run_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Their figures are files, which would be one and the same on some systems."""
    run, target = read(run_path), tmp_path / "out"
    save(replace(run, analysis=replace(run.analysis, name="Icpc-Printed")), tmp_path / "other")
    words = [verb, str(run_path), str(tmp_path / "other"), "-o", str(target)]
    assert main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "'Icpc-Printed'" in line
    assert not target.exists()


@pytest.mark.parametrize("name", ["empty", "nowhere"])
def test_a_folder_beside_of_another_kind_is_refused_in_one_line(
    run_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    target, beside = tmp_path / "report", tmp_path / name
    (tmp_path / "empty").mkdir()
    assert main(["report", str(run_path), "--beside", str(beside), "-o", str(target)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{beside}: ") and "found no such file" in line
    assert line.endswith("allowed: a folder that replicate, calibrate or placebo wrote")
    assert not target.exists()


def test_a_target_that_exists_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(BadInput, match="a folder that exists"):
        report([tmp_path / "no run"], tmp_path / "there")


def test_no_runs_and_no_format_are_refused(run_path: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="found none; allowed: at least one run folder"):
        report([], tmp_path / "report")
    with pytest.raises(BadInput, match="found 'pdf'; allowed: html, docx"):
        report([run_path], tmp_path / "report", formats=["pdf"])  # type: ignore[list-item]
    with pytest.raises(BadInput, match="found none; allowed: html, docx"):
        report([run_path], tmp_path / "report", formats=[])
    assert list(tmp_path.iterdir()) == []
