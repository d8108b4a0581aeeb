"""make.py, the set-up: what it refuses, that it does what the Makefile does, what it packs."""

import ast
import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
MAKE = shutil.which("make")
needs_make = pytest.mark.skipif(MAKE is None, reason="make is not installed")

spec = importlib.util.spec_from_file_location("make", ROOT / "make.py")
assert spec is not None and spec.loader is not None
make_py: Any = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make_py)

Called = list[list[str]]


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Called:
    """What make.py would run, in a project of its own, where uv is not."""
    words: Called = []

    def noted(*asked: object) -> None:
        words.append([Path(str(asked[0])).stem, *map(str, asked[1:])])
        if "venv" in words[-1]:
            (tmp_path / ".venv" / "bin").mkdir(parents=True)

    def run(asked: list[object], **_: object) -> int:
        noted(*asked)
        return 0

    for name in ("requirements.lock", "requirements-test.lock", "pyproject.toml"):
        (tmp_path / name).touch()
    for name, value in {"ROOT": tmp_path, "VENV": tmp_path / ".venv", "call": noted}.items():
        monkeypatch.setattr(make_py, name, value)
    monkeypatch.setattr(make_py, "BIN", tmp_path / ".venv" / "bin")
    monkeypatch.setattr(make_py.subprocess, "call", run)
    monkeypatch.setattr(make_py.shutil, "which", lambda _: None)
    return words


# ----------------------------------------------------------------------------- other Pythons


def test_every_python_that_is_refused_can_read_it() -> None:
    source = (ROOT / "make.py").read_text("utf-8")
    assert ast.parse(source, feature_version=(3, 7))
    with pytest.raises(SyntaxError):
        ast.parse(source + "\ntype A = int\n", feature_version=(3, 7))
    imported = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import)]
    assert {each.names[0].name for each in imported} <= sys.stdlib_module_names


@pytest.mark.parametrize(
    ("version", "refused"), [((3, 11, 9), True), ((3, 12, 0), False), ((3, 15, 0), True)]
)
def test_another_python_is_refused_by_name_before_anything_is_made(
    version: tuple[int, ...],
    refused: bool,
    called: Called,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "version_info", version)
    monkeypatch.setattr(sys, "version", "x.y.z (then)")
    assert make_py.main(["environment"]) == (2 if refused else 0)
    assert bool(called) != refused
    said = capsys.readouterr().err
    assert ("needs Python 3.12 to 3.14" in said and "is Python x.y.z." in said) == refused


# --------------------------------------------------------------------------- as the Makefile


@pytest.mark.parametrize(
    ("target", "newer"), [("reanalyse", None), ("reanalyse", "folder"), ("test", None)]
)
@needs_make
def test_without_make_the_same_is_run(
    target: str,
    newer: str | None,
    called: Called,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SOFS_BAYES_OPEN_DATA", raising=False)
    if newer is not None:
        monkeypatch.setenv("SOFS_BAYES_OPEN_DATA", newer)
    assert make_py.main([target]) == 0
    made = tmp_path / "with-make"
    made.mkdir()
    for name in ("Makefile", "requirements.lock", "requirements-test.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, made)
    words = [MAKE, "-C", str(made), "-n", "--no-print-directory", target, "PYTHON=python"]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    lines = [" ".join(line.split()) for line in said.replace("\\\n", " ").splitlines() if line]
    first, *others = lines
    assert first == "python make.py environment" + (" --tests" if target == "test" else "")
    set_up = {"venv", "pip", "compileall"}
    ours = [words for words in called if not set_up & set(words)]
    assert [newer in words for words in ours] == [newer is not None] * len(ours)
    assert len(ours) == {"reanalyse": 1, "test": 5}[target]
    theirs = [line.removeprefix("OPENBLAS_NUM_THREADS=1 ").split("/", 2)[-1] for line in others]
    assert [" ".join(words) for words in ours] == [
        line.replace('"', "") if target == "reanalyse" else line.replace('"not long"', "not long")
        for line in theirs
    ]


def test_what_is_made_is_not_made_again_until_a_lock_changes(
    called: Called, tmp_path: Path
) -> None:
    assert make_py.main(["environment", "--tests"]) == 0
    steps = [words[-1] for words in called]
    packages = str(make_py.VENV / ("Lib" if os.name == "nt" else "lib"))
    assert steps == [
        str(tmp_path / ".venv"),
        *("requirements.lock", packages),
        ".",
        *("requirements-test.lock", packages),
    ]
    assert all("--require-hashes" in words for words in called if words[-1].endswith(".lock"))
    called.clear()
    assert make_py.main(["environment", "--tests"]) == 0
    assert called == []
    later = (tmp_path / ".venv" / ".test").stat().st_mtime + 5
    os.utime(tmp_path / "requirements-test.lock", (later, later))
    assert make_py.main(["environment"]) == 0
    assert called == []
    assert make_py.main(["environment", "--tests"]) == 0
    assert [words[-1] for words in called] == ["requirements-test.lock", packages]


def test_uv_installs_where_it_is_and_pip_where_uv_fails(
    called: Called, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(make_py.shutil, "which", lambda name: f"/somewhere/{name}")
    make_py.install("-r", "a.lock")
    assert [words[0] for words in called] == ["uv"]
    monkeypatch.setattr(make_py.subprocess, "call", lambda *_, **__: 1)
    make_py.install("-r", "a.lock")
    assert [words[0] for words in called] == ["uv", "python"]


def test_a_wheelhouse_keeps_installers_off_the_network(
    called: Called, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert make_py.main(["environment", "--wheelhouse", str(tmp_path / "none")]) == 2
    assert "found no such folder" in capsys.readouterr().err
    assert called == []
    assert make_py.main(["--wheelhouse", str(tmp_path), "environment", "--tests"]) == 0
    installed = [words for words in called if "install" in words]
    assert len(installed) == 3 and all("--no-index" in words for words in installed)
    assert sum(str(tmp_path) in words for words in installed) == 2


def test_unknown_words_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["bundle", "--all"], ["nothing"]):
        with pytest.raises(SystemExit) as ended:
            make_py.main(words)
        assert ended.value.code == 2
    assert "unrecognized arguments: --all" in capsys.readouterr().err


# ---------------------------------------------------------------------------------- bundles

ABOUT = "Metadata-Version: 2.4\nName: some\nVersion: 1.2\n{}\n\nText.\n"
LICENCES = {
    "License-Expression: MIT": "MIT",
    "License: long text\nClassifier: License :: OSI Approved :: BSD License": "BSD License",
    "License: Apache-2.0": "Apache-2.0",
    "Summary: nothing is said": "not said",
}


def a_wheel(folder: Path, said: str = "License-Expression: MIT") -> Path:
    path = folder / "some-1.2-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("some-1.2.dist-info/METADATA", ABOUT.format(said))
        archive.writestr("some/vendored/other-3.dist-info/METADATA", "Name: other\n")
    return path


@pytest.mark.parametrize(("said", "licence"), LICENCES.items())
def test_the_list_of_packages_says_licences(said: str, licence: str, tmp_path: Path) -> None:
    path = a_wheel(tmp_path, said)
    header, row = make_py.packages(tmp_path).splitlines()
    assert header == "package,version,licence,file,sha256"
    assert row == f"some,1.2,{licence},{path.name},{make_py.digest(path)}"


@pytest.fixture
def unpacked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A bundle of this project with one wheel, unpacked."""
    dist = tmp_path / "project"
    dist.mkdir()
    real, build = make_py.call, [sys.executable, "-m", "hatchling", "build"]

    def builds_here(_: object, *words: object) -> None:
        assert words[:3] == ("-m", "hatchling", "build")
        subprocess.run([*build, *map(str, words[3:])], cwd=ROOT, capture_output=True, check=True)

    assert callable(real)
    monkeypatch.setattr(make_py, "call", builds_here)
    monkeypatch.setattr(make_py, "ROOT", dist)
    monkeypatch.setattr(make_py, "environment", lambda _: 0)
    monkeypatch.setattr(make_py, "download", lambda _, folder, __: a_wheel(folder))
    assert make_py.main(["bundle"]) == 0
    (packed,) = (dist / "dist").glob("sofs_bayes-*-bundle-*.zip")
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(tmp_path)
    return tmp_path / "bundle"


def test_a_bundle_has_project_packages_checksums_and_a_page_for_the_custodian(
    unpacked: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project,) = unpacked.glob("sofs_bayes-*")
    for name in ("make.py", "requirements.lock", "pyproject.toml", "src/sofs_bayes/__init__.py"):
        assert (project / name).is_file(), name
    assert "SHA256SUMS" in (unpacked / "FOR-THE-CUSTODIAN.md").read_text("utf-8")
    assert (unpacked / "packages.csv").read_text("utf-8").count("\n") == 2
    capsys.readouterr()
    assert make_py.main(["verify", str(unpacked)]) == 0
    assert "files, each as listed" in capsys.readouterr().out


def edited(folder: Path) -> None:
    (folder / "packages.csv").write_text("nothing\n", encoding="utf-8")


def removed(folder: Path) -> None:
    (folder / "packages.csv").unlink()


def added(folder: Path) -> None:
    (folder / "wheelhouse" / "other.whl").touch()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (edited, "packages.csv: differs"),
        (removed, "packages.csv: is listed, and not there"),
        (added, "wheelhouse/other.whl: is there, and not listed"),
    ],
)
def test_a_bundle_that_was_changed_is_noticed(
    change: Callable[[Path], None],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "wheelhouse").mkdir()
    (tmp_path / "packages.csv").touch()
    (tmp_path / "SHA256SUMS").write_text(make_py.sums(tmp_path), encoding="utf-8")
    assert make_py.main(["verify", str(tmp_path)]) == 0
    change(tmp_path)
    assert make_py.main(["verify", str(tmp_path)]) == 1
    assert capsys.readouterr().out.splitlines()[1:] == [said]
    assert make_py.main(["verify", str(tmp_path / "wheelhouse")]) == 2


@needs_make
@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="sha256sum is not installed")
def test_the_list_is_one_that_sha256sum_reads(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a", encoding="utf-8")
    (tmp_path / "SHA256SUMS").write_text(make_py.sums(tmp_path), encoding="utf-8")
    words = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    assert subprocess.run(words, cwd=tmp_path, capture_output=True, check=False).returncode == 0
    edited_text = (tmp_path / "a.txt").write_text("b", encoding="utf-8")
    assert edited_text
    assert subprocess.run(words, cwd=tmp_path, capture_output=True, check=False).returncode == 1
