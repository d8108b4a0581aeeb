"""Recovery from the command line: a planted fault is seen, work goes on, bad input is refused."""

import csv
import importlib.util
import json
from dataclasses import asdict, replace
from html import unescape
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import tomli_w

from sofs_bayes import spec
from sofs_bayes.bayes import sampling
from sofs_bayes.cells.collapse import collapse
from sofs_bayes.cells.files import write_cells
from sofs_bayes.checks import recovery_fits
from sofs_bayes.checks.recovery_truths import Scenario
from sofs_bayes.cli import main
from sofs_bayes.errors import BadInput
from sofs_bayes.pipeline import recovery
from sofs_bayes.pipeline.recovery import Trials, grid_of, origin_of, prepared, recover
from sofs_bayes.spec import ChildrenAnalysis, HierarchicalAnalysis

pytestmark = pytest.mark.usefixtures("empty_pictures")

CONFTEST = Path(__file__).parents[1] / "bayes" / "conftest.py"
REPLICATES = 25
# Shocks that the fitted model does not have, far larger than chance in a cell.
WORDS = ["--replicates", str(REPLICATES), "--prior-replicates", str(REPLICATES), "--effect", "0.1"]
WORDS += ["--heterogeneity", "0", "--authorities", "1", "--process", "heavy", "--shock-sd", "0.3"]


@pytest.fixture(scope="module")
def made_up() -> ModuleType:
    """The small made population of tests/bayes."""
    found = importlib.util.spec_from_file_location("made_children", CONFTEST)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def files(made_up: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Its cells, and an analysis without shocks: data with shocks are a fault planted in it."""
    folder = tmp_path_factory.mktemp("recovery")
    document: dict[str, Any] = made_up.hierarchical_document()
    document["model"] |= {"shocks": "none"}
    analysis = folder / "analysis.toml"
    analysis.write_text(tomli_w.dumps(document), encoding="utf-8")
    children = document["children"]
    own = spec.files.parse(children, file="made up")
    assert isinstance(own, ChildrenAnalysis)
    rows = made_up.made_children(made_up.REFERRALS, seed=made_up.SEED)
    cells = folder / "synthetic-cells.nc"
    write_cells(collapse(rows, own, evidence="synthetic"), cells, inside=True)
    return analysis, cells


@pytest.fixture(scope="module")
def finished(
    files: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, int]:
    """A whole run: its folder and exit code."""
    folder = tmp_path_factory.mktemp("finished") / "out"
    analysis, cells = files
    code = main(["recover", str(analysis), str(cells), "-o", str(folder), *WORDS])
    return folder, code


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def coverage(folder: Path, process: str) -> float:
    (row,) = [
        row
        for row in rows_of(folder / "recovery.csv")
        if (row["process"], row["method"], row["target"]) == (process, "posterior", "pooled")
    ]
    assert int(row["replicates"]) == REPLICATES
    return float(row["coverage_95"])


def test_truths_from_the_priors_are_held(finished: tuple[Path, int]) -> None:
    folder, code = finished
    assert code == 0
    assert coverage(folder, "prior") > 0.8


def test_a_likelihood_without_shocks_is_seen(finished: tuple[Path, int]) -> None:
    assert coverage(finished[0], "heavy") < 0.7


def test_the_folder_has_what_is_promised(finished: tuple[Path, int]) -> None:
    folder = finished[0]
    names = {path.name for path in folder.iterdir()}
    assert names == {
        *("recovery.csv", "reliability.csv", "assurance.csv", "manifest.json", "index.html"),
        *("analysis.toml", "figures", "tables", "replicates"),
    }
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert (manifest["evidence"], manifest["status"]) == ("synthetic", "in")
    assert manifest["design_evidence"] == "synthetic"
    assert manifest["options"]["shock_sd"] == 0.3
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert "nothing about real people" in page
    assert "in every scenario their truths are the design's own estimates" in unescape(page)
    assert "changes no rank" not in page  # which is what calibration says
    assert {path.name for path in (folder / "figures").glob("*.png")} >= {"coverage.png"}


def test_what_is_there_is_not_made_again(
    finished: tuple[Path, int], files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("sampled")

    folder = finished[0]
    before = (folder / "recovery.csv").read_bytes()
    monkeypatch.setattr(sampling, "sample", never)
    monkeypatch.setattr(recovery_fits, "sampled", never)
    monkeypatch.setattr(recovery_fits, "compile_model", never)
    assert main(["recover", *map(str, files), "-o", str(folder), *WORDS]) == 0
    assert (folder / "recovery.csv").read_bytes() == before


def test_other_settings_need_another_folder(
    finished: tuple[Path, int],
    files: tuple[Path, Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["recover", *map(str, files), "-o", str(finished[0]), *WORDS, "--drift", "0.5"]
    assert main(words) == 0  # nothing here drifts
    words[words.index("--shock-sd") + 1] = "0.2"
    assert main(words) == 2
    assert "--replace" in capsys.readouterr().err


@pytest.mark.parametrize(("tails", "kept"), [("normal", True), ("student t", False)])
def test_replicates_whose_truths_had_other_tails_are_not_mixed_in(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, tails: str, kept: bool
) -> None:
    def before(scenario: Scenario) -> dict[str, Any]:
        said = asdict(scenario)
        del said["degrees_of_freedom"]  # what was hashed when all truths were normal
        return said

    analysis = spec.load(files[0])
    assert isinstance(analysis, HierarchicalAnalysis)
    own = replace(analysis, model=replace(analysis.model, tails=tails))
    now = prepared(own, files[1], grid_of(own, {}), prior="reference")[0].key
    monkeypatch.setattr(recovery, "_decisive", before)
    assert (prepared(own, files[1], grid_of(own, {}), prior="reference")[0].key == now) is kept


@pytest.fixture(scope="module")
def analysis() -> HierarchicalAnalysis:
    found = spec.load("icpc-linear")
    assert isinstance(found, HierarchicalAnalysis)
    return found


def test_only_a_bundled_analysis_without_data_has_the_published_design(
    analysis: HierarchicalAnalysis, tmp_path: Path
) -> None:
    own = tmp_path / "my-own.toml"
    own.write_text(tomli_w.dumps(spec.to_document(analysis)), encoding="utf-8")
    copied = spec.load(own)  # the same in another file
    assert isinstance(copied, HierarchicalAnalysis)
    changed = replace(analysis, why="Authorities of the same names with other priors.")
    found = [origin_of(each, None) for each in (analysis, copied, changed)]
    assert found == ["published", "published", "made up"]
    assert [origin_of(each, own) for each in (analysis, changed)] == ["given", "given"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"effect": [float("nan")]}, "effect: found nan; allowed: a finite number"),
        ({"effect": [0.1, 0.1]}, "effect: found a value twice"),
        ({"heterogeneity": [-1.0]}, "heterogeneity: found -1.0; allowed: a standard deviation"),
        ({"authorities": [0]}, "authorities: found 0; allowed: a whole number, 1 or more"),
        ({"process": ["wild"]}, "process: found 'wild'; allowed: model, strong"),
        ({"process": []}, "process: found nothing"),
        ({"shock_sd": -0.1}, "shock_sd: found -0.1"),
        ({"drift": float("inf")}, "drift: found inf"),
    ],
)
def test_values_that_cannot_be_are_refused(
    analysis: HierarchicalAnalysis, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadInput) as caught:
        grid_of(analysis, given)
    assert str(caught.value).startswith(said)


def test_authorities_with_terms_of_their_own_have_no_copies() -> None:
    found = spec.load("icpc-linear")
    assert isinstance(found, HierarchicalAnalysis)
    fixed = replace(found, model=replace(found.model, authorities="fixed"))
    assert grid_of(fixed, {}).authorities == (1,)
    with pytest.raises(BadInput, match="terms of their own"):
        grid_of(fixed, {"authorities": [1, 2]})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"replicates": 1}, "replicates: found 1; allowed: at least 2"),
        ({"prior": "none"}, "prior: found 'none'; allowed: reference"),
        ({"effect": [float("inf")]}, "effect"),
        ({"output": "a file"}, "found a file or link that exists; allowed: a folder"),
    ],
)
def test_nothing_is_done_with_bad_input(
    analysis: HierarchicalAnalysis,
    tmp_path: Path,
    changes: dict[str, Any],
    said: str,
) -> None:
    output = tmp_path / "out"
    if changes.pop("output", None):
        output.write_text("there")
    with pytest.raises(BadInput, match=said.split(":", maxsplit=1)[0]) as caught:
        recover(analysis, tmp_path / "no such data", output, **changes)
    assert said in str(caught.value)


@pytest.mark.parametrize("name", ["icpc-children", "icpc-printed", "icpc-lagged"])
def test_other_analyses_are_refused(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["recover", name, "-o", str(tmp_path / "out")]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_a_number_belongs_to_its_scenario_whatever_is_asked_for_later() -> None:
    job = Trials(design=None, scenarios=(None,) * 3, inputs={})  # type: ignore[arg-type]
    few, many = job.numbers(2, 3), job.numbers(4, 6)
    assert few == [0, 1, 2, 3, 4, 5, 6]
    assert {*few} <= {*many}
    assert sum(number % 3 == 0 for number in many) == 6
