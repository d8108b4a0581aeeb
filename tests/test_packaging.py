"""What is declared is what is imported; what is built is whole and runs away from its tree."""

import ast
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
# Declared, and imported by no statement: an engine that xarray is asked for by name.
BY_NAME = {"h5netcdf"}
# In an environment of their own (peers), or in every environment (pip), or of this tree.
APART = {"bambi", "causalpy", "diff_diff", "simuk", "pip", "tests", "sofs_bayes"}


# ------------------------------------------------------------------------- declared, imported


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).casefold()


def requirements(entries: Iterable[Any]) -> Iterator[str]:
    """The names of packages; those of groups that are included, too."""
    for entry in entries:
        if isinstance(entry, dict):
            yield from requirements(PROJECT["dependency-groups"][entry["include-group"]])
        else:
            yield normal(re.split(r"[\[><=~! ]", entry, maxsplit=1)[0])


def imported(folder: Path) -> set[str]:
    """The top names of what the modules of a folder import, but for Python's own."""
    found = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {each.name.split(".")[0] for each in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.split(".")[0])
    return found - set(sys.stdlib_module_names)


def packages(names: Iterable[str]) -> set[str]:
    """The packages that modules come from."""
    known = importlib.metadata.packages_distributions()
    return {normal(package) for name in names for package in known.get(name, [name])[:1]}


RUNTIME = set(requirements(PROJECT["project"]["dependencies"]))
EXTRAS = set(requirements(chain(*PROJECT["project"]["optional-dependencies"].values())))
TESTING = set(requirements(PROJECT["dependency-groups"]["test"]))


def test_what_the_package_imports_is_declared_and_nothing_else() -> None:
    used = packages(imported(ROOT / "src") - APART)
    assert used - EXTRAS == RUNTIME - BY_NAME
    assert used >= EXTRAS
    pymc_less = imported(ROOT / "src") - {"pymc"}
    assert packages(pymc_less - APART) - EXTRAS != RUNTIME - BY_NAME


@pytest.mark.parametrize("folder", ["tests", "notebooks", "docs"])
def test_what_tests_chapters_and_documents_import_is_declared(folder: str) -> None:
    assert packages(imported(ROOT / folder) - APART) <= RUNTIME | EXTRAS | TESTING


def test_every_requirement_has_a_lower_bound_and_no_upper_one() -> None:
    groups = PROJECT["dependency-groups"].values()
    entries = [*PROJECT["project"]["dependencies"], *chain(*groups)]
    named = [each for each in entries if isinstance(each, str)]
    assert len(named) > 30
    assert [each for each in named if not re.fullmatch(r"[\w.-]+(\[\w+\])?>=[\d.]+", each)] == []


def test_pythons_are_said_alike_everywhere() -> None:
    about = PROJECT["project"]
    named = re.findall(r"Python :: (3\.\d+)", "\n".join(about["classifiers"]))
    assert named == ["3.12", "3.13", "3.14"]
    assert about["requires-python"] == ">=3.12,<3.15"
    assert PROJECT["tool"]["mypy"]["python_version"] == named[0]
    assert PROJECT["tool"]["ruff"]["target-version"] == "py312"
    assert (ROOT / ".python-version").read_text("utf-8").strip() == named[0]


def test_the_version_is_said_alike_everywhere() -> None:
    version = PROJECT["project"]["version"]
    assert f"version: {version}\n" in (ROOT / "CITATION.cff").read_text("utf-8")
    assert f"## {version} " in (ROOT / "CHANGELOG.md").read_text("utf-8")


# ------------------------------------------------------------------------------- wheel, sdist


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The source archive, and the wheel that is built from its content, by suffix."""
    folder = tmp_path_factory.mktemp("built")
    sdist = _build(ROOT, "sdist", folder)
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "source", filter="data")
    (source,) = (folder / "source").iterdir()
    return {"sdist": sdist, "wheel": _build(source, "wheel", folder)}


def _build(source: Path, kind: str, folder: Path) -> Path:
    words = [sys.executable, "-m", "hatchling", "build", "--target", kind, "--directory", folder]
    subprocess.run(words, cwd=source, capture_output=True, check=True)
    (made,) = folder.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return made


def kept_by_git() -> set[str]:
    words = ["git", "-C", str(ROOT), "-c", "safe.directory=*", "ls-files", "-z"]
    listed = subprocess.run(words, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    names = {name for name in listed.stdout.split("\0") if name}
    return {name for name in names if (ROOT / name).is_file()}


def test_the_source_archive_has_every_file_of_the_project(built: dict[str, Path]) -> None:
    with tarfile.open(built["sdist"]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert kept_by_git() - names == set()
    assert not [name for name in names if name.startswith((".venv", "results", "dist"))]


def test_the_wheel_has_types_licence_models_and_all_that_is_read(built: dict[str, Path]) -> None:
    with zipfile.ZipFile(built["wheel"]) as archive:
        names = set(archive.namelist())
    assert "sofs_bayes/py.typed" in names
    assert {name.split("/")[-1] for name in names} >= {"LICENSE", "NOTICE"}
    ours = {path for path in kept_by_git() if path.startswith("src/")}
    assert {path.removeprefix("src/") for path in ours} - names == set()
    models = {path for path in kept_by_git() if path.startswith("models/")}
    assert {f"sofs_bayes/{path}" for path in models} - names == set()


@pytest.fixture(scope="module")
def elsewhere(built: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment away from the tree, with the wheel in it, and this one's packages."""
    folder = tmp_path_factory.mktemp("elsewhere")
    venv.create(folder / "env", with_pip=False, symlinks=os.name != "nt")
    program = next((folder / "env").glob("[bS][ic]*/python*"))
    asked = "import sysconfig; print(sysconfig.get_path('purelib'))"
    place = Path(_run(program, folder, "-c", asked).strip())
    words = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    words += ["--disable-pip-version-check", "--target", str(place), str(built["wheel"])]
    subprocess.run(words, check=True)
    others = {path for path in sys.path if path.endswith("site-packages")}
    (place / "others.pth").write_text("\n".join([*others, ""]), encoding="utf-8")
    return program


def _run(program: Path, folder: Path, *words: str) -> str:
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ended = subprocess.run(
        [program, *words], cwd=folder, env=clean, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_the_wheel_runs_away_from_the_tree(elsewhere: Path, tmp_path: Path) -> None:
    where = _run(elsewhere, tmp_path, "-c", "import sofs_bayes as sb; print(sb.__file__)")
    assert str(ROOT) not in where
    listed = _run(elsewhere, tmp_path, "-m", "sofs_bayes", "list")
    assert len(listed.splitlines()) == len(list((ROOT / "models").glob("*.toml")))
    _run(elsewhere, tmp_path, "-m", "sofs_bayes", "fit", "icpc-printed", "-o", "run")
    assert json.loads((tmp_path / "run" / "manifest.json").read_text("utf-8"))
    assert "fit" in _run(elsewhere, tmp_path, "-m", "sofs_bayes", "manual", "fit")


@pytest.mark.long
def test_types_are_seen_from_outside(elsewhere: Path, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("import sofs_bayes as sb\n\nsb.load(1)\n", encoding="utf-8")
    words = [sys.executable, "-m", "mypy", "--python-executable", str(elsewhere), "own.py"]
    ended = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert 'Argument 1 to "load" has incompatible type "int"' in ended.stdout, ended.stdout
