"""`calibrate`, whole: any analysis, a folder that goes on, a page over several."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from sofs_bayes import spec
from sofs_bayes.bayes import open_counts
from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.checks import did_calibration
from sofs_bayes.checks.labels import LOG_LIKELIHOOD
from sofs_bayes.errors import BadInput
from sofs_bayes.folders.manifest import read_manifest
from sofs_bayes.pipeline import asked, sbc
from sofs_bayes.pipeline.calibrate import LEAST, calibrate, calibrate_all
from sofs_bayes.pipeline.jobs import Job

pytestmark = pytest.mark.usefixtures("empty_pictures")

DFE = Path(__file__).parents[1] / "data" / "dfe"
FILES = sorted(DFE.glob("*.csv"))
FEW = 60


def files_of(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


# ---------------------------------------------------------------------------------- from print


def test_a_folder_goes_on_and_grows(tmp_path: Path) -> None:
    analysis, folder = spec.load("cla-printed"), tmp_path / "cla"
    found, passed = calibrate(analysis, (), folder, replicates=FEW)
    assert (len(found.verdict.replicates), found.verdict.uniform) == (FEW, True)
    written = {"index.html", "calibration.md", "sbc.csv", "coverage.csv", "ranks.csv"}
    assert written | {"manifest.json", "analysis.toml", "replicates"} <= files_of(folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["status"] == ("in" if passed else "out")
    assert manifest["options"] == {"replicates": FEW, "around": "prior", "prior": "reference"}
    before = {path.name: path.stat().st_mtime_ns for path in (folder / "replicates").iterdir()}
    more, _ = calibrate(analysis, (), folder, replicates=FEW + 20, workers=2)
    after = {path.name: path.stat().st_mtime_ns for path in (folder / "replicates").iterdir()}
    made_before = [name for name in before if name != "job.json"]
    assert all(after[name] == before[name] for name in made_before)
    assert len(after) == len(before) + 20
    old = [(each.number, each.ranks) for each in found.verdict.replicates]
    assert [(each.number, each.ranks) for each in more.verdict.replicates][:FEW] == old


def test_another_prior_is_another_folder(tmp_path: Path) -> None:
    analysis, folder = spec.load("cla-printed"), tmp_path / "cla"
    calibrate(analysis, (), folder, replicates=FEW, around="data")
    kept = (folder / "index.html").read_bytes()
    with pytest.raises(BadInput, match="results of other data, settings or versions"):
        calibrate(analysis, (), folder, replicates=FEW, around="data", prior="sceptical")
    assert (folder / "index.html").read_bytes() == kept
    found, _ = calibrate(
        analysis, (), folder, replicates=FEW, around="data", prior="sceptical", replace=True
    )
    assert found.prior == "sceptical"


@pytest.mark.filterwarnings("default")  # of sockets
def test_without_its_scheduler_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed", reason="the extra [cluster]")
    monkeypatch.setattr("sofs_bayes.pipeline.cluster.SECONDS", 1)
    with pytest.raises(BadInput, match="no scheduler that answers"):
        calibrate(spec.load("cla-printed"), (), tmp_path / "cla", scheduler="tcp://127.0.0.1:9")
    assert not (tmp_path / "cla").exists()


def test_several_make_a_page_over_all(tmp_path: Path) -> None:
    names = ["cla-printed", "icpc-printed"]
    calibrate_all(tmp_path / "all", names=names, around="data", replicates=FEW)
    assert {*names, "index.html", "tables", "figures", "manifest.json"} == files_of(
        tmp_path / "all"
    )
    page = (tmp_path / "all" / "index.html").read_text(encoding="utf-8")
    assert all(f'href="{name}/index.html"' in page for name in names)


def test_a_longer_calibration_is_kept_by_one_of_all(tmp_path: Path) -> None:
    folder = tmp_path / "all"
    options: dict[str, Any] = {"around": "data"}
    calibrate(spec.load("cla-printed"), (), folder / "cla-printed", replicates=FEW + 7, **options)
    calibrate_all(folder, names=["cla-printed", "icpc-printed"], replicates=FEW, **options)
    calibrate_all(folder, names=["icpc-printed"], replicates=FEW, **options)
    assert (folder / "cla-printed" / "replicates").is_dir()
    asked = {
        name: json.loads((folder / name / "manifest.json").read_text("utf-8"))["options"]
        for name in ("cla-printed", "icpc-printed")
    }
    assert asked["cla-printed"]["replicates"] == FEW + 7
    assert asked["icpc-printed"]["replicates"] == FEW


@pytest.mark.parametrize("here", ["relative", "default", "absolute"])
def test_results_are_written_and_written_again_however_the_folder_is_named(
    tmp_path: Path, here: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = {"relative": Path("T"), "default": None, "absolute": tmp_path / "T"}[here]
    there = tmp_path / ("calibration/icpc-printed" if here == "default" else "T")
    for count in (FEW, FEW + 1):
        calibrate(spec.load("icpc-printed"), (), folder, replicates=count)
        manifest = read_manifest(there)
        manifest.check()
        assert manifest.document["options"]["replicates"] == count
        assert len(list((there / "replicates").iterdir())) == count
    (there / "notes.txt").touch()
    with pytest.raises(BadInput, match=r"notes\.txt: found a file that is not part of the result"):
        calibrate(spec.load("icpc-printed"), (), folder, replicates=FEW)


def test_a_folder_with_other_things_is_no_place_for_calibrations(tmp_path: Path) -> None:
    """Their names do not make it one: many things have a folder called coverage."""
    for name in ("coverage", "src"):
        (tmp_path / name).mkdir()
    (tmp_path / "paper.tex").touch()
    before = files_of(tmp_path)
    for start, said in (
        (
            lambda: calibrate(spec.load("icpc-printed"), (), tmp_path, replicates=FEW),
            "no such file",
        ),
        (
            lambda: calibrate_all(tmp_path, names=["icpc-printed"], replicates=FEW),
            "the folder of one calibration",
        ),
    ):
        with pytest.raises(BadInput, match=said):
            start()
    assert files_of(tmp_path) == before


def test_truths_from_elsewhere_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="around: found 'posterior'; allowed: prior, data"):
        calibrate(spec.load("icpc-printed"), (), tmp_path / "c", around="posterior")  # type: ignore[arg-type]


def test_one_calibration_and_a_page_over_many_do_not_share_a_folder(tmp_path: Path) -> None:
    for store in ("one/replicates", "many/icpc-printed/replicates"):
        (tmp_path / store).mkdir(parents=True)
    with pytest.raises(BadInput, match="the folder of one calibration"):
        calibrate_all(tmp_path / "one", names=["icpc-printed"], replicates=FEW)
    with pytest.raises(BadInput, match=r"manifest\.json: found no such file"):
        calibrate(spec.load("icpc-printed"), (), tmp_path / "many", replicates=FEW)


# ---------------------------------------------------------------------------- from open counts


@pytest.mark.long
@pytest.mark.parametrize("around", ["prior", "data"])
def test_open_counts_are_calibrated_on_their_own_design(
    tmp_path: Path,
    around: str,
    made_up_counts: CellData,
) -> None:
    analysis = spec.load(DFE / "made-up.toml")
    assert isinstance(analysis, spec.OpenAnalysis)
    # Truths are taken from draws that pass alone.
    longer = replace(analysis.sampler, tune=1000, draws=2000, target_accept=0.95)
    found, _ = calibrate(
        replace(analysis, sampler=longer),
        FILES,
        tmp_path / "open",
        replicates=LEAST,
        around=around,  # type: ignore[arg-type]
    )
    assert found.evidence == "open-data"
    assert found.verdict.unranked == ()
    assert [test.quantity for test in found.verdict.tests if test.verdict == "out"] == []
    names = {test.quantity for test in found.verdict.tests}
    pilots = {
        f"effect after settling-in, {name} (risk)"
        for name in ("pooled", "new authority", *made_up_counts.pilots)
        if name != "Dunmarsh"  # its recording broke
    }
    assert (
        pilots | {LOG_LIKELIHOOD, "shock_sd", "pilot_effect_sd", "coefficient[intercept]"} <= names
    )


@pytest.mark.long
def test_a_fault_in_open_counts_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts drawn with twice the effect that is ranked."""
    right = did_calibration.drawn

    def wrong(data: CellData, truth: xr.Dataset, rng: np.random.Generator) -> CellData:
        effect = float(truth["coefficient"].sel(term="did")[0, 0])
        treated = xr.DataArray(data.treated.sum(axis=1), dims="cell")
        moved = truth["cell_predictor"] + effect * treated
        return right(data, truth.assign(cell_predictor=moved), rng)

    monkeypatch.setattr(did_calibration, "drawn", wrong)
    found, passed = calibrate(
        spec.load(DFE / "made-up.toml"), FILES, tmp_path / "open", replicates=LEAST
    )
    assert not passed
    out = {test.quantity for test in found.verdict.tests if test.verdict == "out"}
    assert "coefficient[did]" in out


# --------------------------------------------------------------------------------------- keys


def test_the_key_hangs_on_what_decides_ranks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    analysis = spec.load(DFE / "made-up.toml")
    assert isinstance(analysis, spec.OpenAnalysis)
    sceptical = spec.Normal(mean=0.0, sd=0.1, why="made up for a test")
    priors = {**analysis.effect_priors, "sceptical": sceptical}
    analysis = replace(analysis, effect_priors=priors)

    def job(**changes: object) -> Job[Any]:
        asked = {"prior": "reference", "around": "prior", "folder": tmp_path} | changes
        return sbc.prepared(analysis, FILES, progress=lambda _: None, **asked).job  # type: ignore[arg-type]

    assert job().key == job(folder=tmp_path / "other").key
    assert job().key != job(prior="sceptical").key
    before = job().key
    design = open_counts.open_cell_data

    def nudged(*given: Any, **named: Any) -> CellData:
        found = design(*given, **named)
        return replace(found, curvature=np.nextafter(found.curvature, np.inf))

    monkeypatch.setattr(open_counts, "open_cell_data", nudged)
    assert job().key == before  # last digits of a design are not part of it
    monkeypatch.setattr(asked, "versions", lambda: {"numpy": "0"})
    assert job().key != before
