"""A run folder comes back as it was written, appears whole or not at all, and shows tampering."""

import json
import math
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sofs_bayes.errors import BadInput
from sofs_bayes.estimands import EffectRow, ProbabilityRow, RateRow
from sofs_bayes.published.facts import facts_sha256
from sofs_bayes.reporting.run_folder import Run, extra_types, open_posterior, read, read_rows, write
from sofs_bayes.reporting.tables import rows_to_csv
from sofs_bayes.reporting.whole_files import check_target, sha256, whole_folder, write_new
from sofs_bayes.spec import OpenAnalysis, fingerprint

VERSIONS = {"python": "3.12", "sofs-bayes": "0.1.0"}
EFFECT = EffectRow(
    estimand="effect after settling-in",
    target='Brackwater, City of "B"',
    scale="risk",
    prior="reference",
    variant="main",
    evidence="open-data",
    mean=0.1 + 0.2,
    median=-1e-17,
    sd=1 / 3,
    lower=-math.inf,
    upper=math.pi,
    level=0.9,
    interval="eti",
    status="converged",
)
PROBABILITY = ProbabilityRow(
    estimand="effect after settling-in",
    target="pooled",
    scale="risk",
    prior="reference",
    variant="main",
    evidence="open-data",
    statement="below 0 pp",
    probability=1.0,
    mcse=math.nan,
    status="converged",
)
RATE = RateRow(
    year=2012,
    period="pre",
    pilots=3,
    observed=0.2,
    comparators=0.25,
    counterfactual=math.nan,
    lower=math.nan,
    upper=math.nan,
    level=0.9,
)


@pytest.fixture
def run(made_up_analysis: OpenAnalysis) -> Run:
    draws = xr.Dataset(
        {"effect": (("chain", "draw"), np.arange(6.0).reshape(2, 3))},
        coords={"chain": [0, 1], "draw": [0, 1, 2]},
    )
    return Run(
        analysis=made_up_analysis,
        evidence="open-data",
        status="converged",
        effects=(EFFECT, replace(EFFECT, target="pooled", sd=math.nan)),
        probabilities=(PROBABILITY,),
        extra={"sensitivity": (EffectRow, ()), "rates": (RateRow, (RATE,))},
        diagnostics={"method": "nutpie", "fits": {"main / reference": {"max_rhat": math.nan}}},
        posterior=xr.DataTree.from_dict({"posterior": draws}),
        inputs={"children.csv": "0" * 64},
        seconds={"sample": 1.23456},
        options={"leave_out": "pilots"},
    )


def same(one: object, other: object) -> bool:
    """Equality under which a NaN is itself."""
    return repr(one) == repr(other)


def folder_content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# --------------------------------------------------------------------------- round trip


def test_a_run_comes_back_as_it_was_written(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "new" / "run"
    write(run, target, versions=VERSIONS)
    found = read(target)
    assert found.analysis == run.analysis
    for name in ("evidence", "status", "effects", "probabilities", "extra", "inputs", "options"):
        assert same(getattr(found, name), getattr(run, name)), name
    assert found.seconds == {"sample": 1.235}
    assert found.diagnostics["fits"] == {"main / reference": {"max_rhat": None}}
    assert found.posterior is None
    assert run.posterior is not None
    stored = open_posterior(target)
    xr.testing.assert_identical(
        stored["posterior"].to_dataset(), run.posterior["posterior"].to_dataset()
    )


def test_the_manifest_says_what_and_from_what(run: Run, tmp_path: Path) -> None:
    write(run, tmp_path / "run", versions=VERSIONS)
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text("utf-8"))
    assert manifest["analysis"] == "made-up"
    assert manifest["analysis_sha256"] == fingerprint(run.analysis)
    assert manifest["facts_sha256"] == facts_sha256()
    assert isinstance(manifest["seed"], int)
    assert manifest["inputs_sha256"] == run.inputs
    assert manifest["versions"] == VERSIONS
    files = {path.name for path in (tmp_path / "run").iterdir()} - {"manifest.json"}
    assert set(manifest["files_sha256"]) == files
    assert files == {
        "analysis.toml",
        "effects.csv",
        "probabilities.csv",
        "diagnostics.json",
        "posterior.nc",
        "rates.csv",
        "sensitivity.csv",
    }


def test_a_run_written_twice_is_the_same_bytes(run: Run, tmp_path: Path) -> None:
    for name in ("one", "other"):
        write(run, tmp_path / name, versions=VERSIONS)
    one, other = (folder_content(tmp_path / name) for name in ("one", "other"))
    for content in (one, other):
        del content["posterior.nc"], content["manifest.json"]  # HDF5 has times of its own
    assert one == other


def test_a_run_read_back_can_be_written_again(run: Run, tmp_path: Path) -> None:
    write(run, tmp_path / "one", versions=VERSIONS)
    write(read(tmp_path / "one"), tmp_path / "other", versions=VERSIONS)
    one, other = (folder_content(tmp_path / name) for name in ("one", "other"))
    assert "posterior.nc" not in other
    assert all(one[name] == other[name] for name in other if name != "manifest.json")
    with pytest.raises(BadInput, match=r"posterior\.nc: found no such file"):
        open_posterior(tmp_path / "other")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    text: str
    number: float
    count: int
    truth: bool


ROWS = st.builds(Row, text=st.text(), number=st.floats(), count=st.integers(), truth=st.booleans())


@example(rows=[Row(text="\r", number=0.0, count=0, truth=False)])
@given(rows=st.lists(ROWS, max_size=4))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_of_any_content_come_back(rows: list[Row], tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(rows_to_csv(Row, rows), encoding="utf-8")
    found = read_rows(file, Row)
    assert same([asdict(row) for row in found], [asdict(row) for row in rows])


def test_rows_of_another_kind_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text(rows_to_csv(RateRow, [RATE]), encoding="utf-8")
    with pytest.raises(BadInput, match=r"header: found year, period.*allowed: estimand, target"):
        read_rows(file, EffectRow)
    file.write_text("", encoding="utf-8")
    with pytest.raises(BadInput, match="header: found nothing"):
        read_rows(file, EffectRow)


def test_every_further_csv_has_a_row_type(run: Run) -> None:
    assert set(run.extra) <= set(extra_types())


# ------------------------------------------------------------------------ whole or not


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, OSError])
def test_an_error_half_way_leaves_nothing(error: type[BaseException], tmp_path: Path) -> None:
    def half_way() -> None:
        with whole_folder(tmp_path / "run") as folder:
            (folder / "effects.csv").write_text("half", encoding="utf-8")
            raise error("in the middle")

    with pytest.raises(error, match="in the middle"):
        half_way()
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_stored_leaves_nothing(run: Run, tmp_path: Path) -> None:
    bad: Mapping[str, Any] = {"fits": object()}
    with pytest.raises(TypeError, match="not JSON serializable"):
        write(replace(run, diagnostics=bad), tmp_path / "run", versions=VERSIONS)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_replacement_leaves_the_earlier_run(run: Run, tmp_path: Path) -> None:
    write(run, tmp_path / "run", versions=VERSIONS)
    before = folder_content(tmp_path / "run")
    bad: Mapping[str, Any] = {"fits": object()}
    with pytest.raises(TypeError):
        write(replace(run, diagnostics=bad), tmp_path / "run", versions=VERSIONS, replace=True)
    assert folder_content(tmp_path / "run") == before
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_an_earlier_run_is_replaced_if_asked_and_whole(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "run"
    write(run, target, versions=VERSIONS)
    (target / "left-over.txt").write_text("of the earlier run", encoding="utf-8")
    with pytest.raises(BadInput, match="found a folder or file that exists"):
        write(run, target, versions=VERSIONS)
    write(replace(run, status="not converged"), target, versions=VERSIONS, replace=True)
    assert read(target).status == "not converged"
    assert not (target / "left-over.txt").exists()


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.write_text("x", "utf-8")])
@pytest.mark.parametrize("replace_it", [False, True])
def test_what_is_not_ours_is_never_replaced(
    make: Callable[[Path], object], replace_it: bool, run: Run, tmp_path: Path
) -> None:
    target = tmp_path / "thesis"
    make(target)
    with pytest.raises(BadInput, match="found a folder or file that exists"):
        write(run, target, versions=VERSIONS, replace=replace_it)
    assert target.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["thesis"]


def test_a_folder_inside_a_file_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(BadInput, match="allowed: a folder that can be written"):
        write(run, tmp_path / "file" / "run", versions=VERSIONS)


def test_a_parent_without_the_right_to_write_is_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def access(path: Path, mode: int) -> bool:
        assert (path, mode) == (tmp_path, os.W_OK)
        return False

    monkeypatch.setattr(os, "access", access)
    with pytest.raises(BadInput, match="found no right to write there"):
        check_target(tmp_path / "deep" / "run")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_locked_parent_is_refused(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(BadInput, match="found no right to write there"):
        check_target(tmp_path / "locked" / "run")


def test_a_full_disk_is_a_line_not_a_traceback(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_: object) -> NoReturn:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "mkdtemp", full)
    with pytest.raises(BadInput, match="found No space left on device"):
        write(run, tmp_path / "run", versions=VERSIONS)


def test_a_file_is_new_and_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "deep" / "table.csv"
    write_new(target, "a\r\nb\n")
    assert target.read_bytes() == b"a\r\nb\n"
    with pytest.raises(BadInput, match="found a file that exists"):
        write_new(target, "other")
    with pytest.raises(BadInput, match="allowed: a file to write"):
        write_new(target / "inside.csv", "a")
    assert [path.name for path in target.parent.iterdir()] == ["table.csv"]


# ---------------------------------------------------------------------------- tampering


@pytest.fixture
def written(run: Run, tmp_path: Path) -> Path:
    write(run, tmp_path / "run", versions=VERSIONS)
    return tmp_path / "run"


FILES = (
    "analysis.toml",
    "effects.csv",
    "probabilities.csv",
    "diagnostics.json",
    "posterior.nc",
    "rates.csv",
)


@pytest.mark.parametrize("name", FILES)
def test_a_changed_file_is_noticed(written: Path, name: str) -> None:
    content = (written / name).read_bytes()
    (written / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(BadInput, match=rf"{name}: found a changed file"):
        read(written)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_noticed(written: Path, name: str) -> None:
    (written / name).unlink()
    with pytest.raises(BadInput, match=rf"{name}: found no such file"):
        read(written)


def test_figures_may_be_added_later(written: Path) -> None:
    (written / "figures").mkdir()
    (written / "figures" / "effects.png").write_bytes(b"")
    assert read(written).status == "converged"


def test_a_folder_of_another_kind_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(BadInput, match=r"manifest\.json: found no such file"):
            read(folder)


KEYS = ("files_sha256", "evidence", "status", "inputs_sha256", "seconds", "options")


def without_key(key: str) -> Callable[[dict[str, Any]], object]:
    return lambda manifest: {k: v for k, v in manifest.items() if k != key}


@pytest.mark.parametrize(
    "damage",
    [lambda _: [], lambda _: 3, lambda m: m | {"files_sha256": None}, *map(without_key, KEYS)],
)
def test_a_damaged_manifest_is_refused(
    written: Path, damage: Callable[[dict[str, Any]], object]
) -> None:
    file = written / "manifest.json"
    file.write_text(json.dumps(damage(json.loads(file.read_text("utf-8")))), encoding="utf-8")
    with pytest.raises(BadInput, match=r"manifest\.json: found a damaged manifest"):
        read(written)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe"])
def test_a_manifest_that_is_no_json_is_refused(written: Path, content: bytes) -> None:
    (written / "manifest.json").write_bytes(content)
    with pytest.raises(BadInput, match=r"manifest\.json: found a damaged manifest"):
        read(written)


def test_a_file_the_manifest_does_not_list_is_not_trusted(written: Path) -> None:
    file = written / "manifest.json"
    manifest = json.loads(file.read_text("utf-8"))
    del manifest["files_sha256"]["effects.csv"]
    file.write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(BadInput, match=r"effects\.csv: found a changed file"):
        read(written)


def test_a_hash_is_that_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256(tmp_path / "abc") == known
