"""The house rules that tools hold: imports, set-up, locks; and that they can be broken."""

import importlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import sofs_bayes

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "sofs_bayes"
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"][
    "contracts"
]


# ------------------------------------------------------------------------------- imports


def linted(folder: Path) -> subprocess.CompletedProcess[str]:
    """The import contracts, checked on the copy in a folder."""
    tool = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [tool, "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder / "src")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The package and its contracts, where they may be broken."""
    no_bytecode = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=no_bytecode)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def rooms_of(text: str) -> set[str]:
    """The rooms that the map names."""
    table = text[text.index("## The map") : text.index("## Nouns")]
    return {name.rstrip("/") for name in re.findall(r"^\| `([\w/.]+)` \|", table, re.M)}


def test_the_map_names_every_room_and_no_other() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    there = {path.name for path in PACKAGE.iterdir() if path.name not in ("py.typed",)}
    there = {name for name in there if not name.startswith("__")}
    assert rooms_of(text) == there
    assert rooms_of(text.replace("| `cells/` |", "| `cellars/` |")) != there


def test_the_package_keeps_its_contracts(copy: Path) -> None:
    ended = linted(copy)
    assert ended.returncode == 0, ended.stdout
    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken." in ended.stdout


@pytest.mark.parametrize(
    ("module", "line", "broken"),
    [
        ("errors.py", "import sofs_bayes.cli", "One direction"),
        ("published/facts.py", "from sofs_bayes.records import panel", "One direction"),
        ("checks/panels.py", "from sofs_bayes.tables import formats", "One direction"),
        ("spec/__init__.py", "from sofs_bayes.bayes import sampling", "One direction"),
        ("cli/__init__.py", "import pymc", "Only bayes"),
        ("checks/diagnostics.py", "import nutpie", "Only bayes"),
        ("figures/style.py", "import pytensor", "Only bayes"),
        ("tables/formats.py", "import matplotlib", "Only figures"),
        ("pages/pictures.py", "import matplotlib", "Only figures"),
        ("pipeline/fits.py", "from matplotlib import pyplot", "Only figures"),
    ],
)
def test_a_forbidden_import_breaks_its_contract(
    copy: Path, module: str, line: str, broken: str
) -> None:
    path = copy / "src" / "sofs_bayes" / module
    indented = f"def later() -> None:\n    {line}\n"  # nor is one inside a function allowed
    path.write_text(path.read_text(encoding="utf-8") + "\n\n" + indented, encoding="utf-8")
    ended = linted(copy)
    assert ended.returncode != 0
    found = [row for row in ended.stdout.splitlines() if " BROKEN" in row]
    assert [row.startswith(broken) for row in found] == [True], ended.stdout


def test_a_room_without_a_place_breaks_the_order(copy: Path) -> None:
    (copy / "src" / "sofs_bayes" / "helpers.py").write_text('"""A drawer."""\n')
    assert linted(copy).returncode != 0


@pytest.mark.parametrize(("number", "exempt"), [(1, {"bayes"}), (2, {"figures"})])
def test_every_room_is_under_contract(number: int, exempt: set[str]) -> None:
    def modules(folder: Path) -> set[str]:
        found = [path for path in folder.iterdir() if path.suffix == ".py" or is_room(path)]
        return {path.stem for path in found} - {"__init__"}

    def is_room(path: Path) -> bool:
        return (path / "__init__.py").is_file()

    named = {name.removeprefix("sofs_bayes.") for name in CONTRACTS[number]["source_modules"]}
    wanted = modules(PACKAGE)
    assert named == wanted - exempt


def loaded_by(statement: str) -> set[str]:
    program = f"import sys\n{statement}\nprint(*sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(ended.stdout.split())


def test_importing_the_package_loads_nothing() -> None:
    assert not {"numpy", "pydantic", "pandas", "pymc"} & loaded_by("import sofs_bayes")
    for module in ("published.audit", "spec", "tables.formats", "cli"):
        heavy = {"pandas", "xarray", "pymc", "matplotlib", "scipy"}
        assert not heavy & loaded_by(f"import sofs_bayes.{module}"), module
    quick = {"pandas", "xarray", "pymc", "matplotlib", "scipy.stats", "pytensor"}
    assert not quick & loaded_by("import sofs_bayes.bayes.from_published")


# ----------------------------------------------------------------------------- the index


def test_the_index_has_every_public_name_once() -> None:
    assert sorted(sofs_bayes._PUBLIC) == sorted(sofs_bayes.__all__)
    assert dir(sofs_bayes) == sorted(sofs_bayes.__all__)


@pytest.mark.parametrize("name", sofs_bayes.__all__)
def test_every_public_name_is_there_and_explained(name: str) -> None:
    found = getattr(sofs_bayes, name)
    assert callable(found)
    assert found.__doc__, name


def test_a_name_nobody_gave_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'imagine'"):
        sofs_bayes.__getattr__("imagine")
    assert "reanalyse" in loaded_by_star()


def loaded_by_star() -> set[str]:
    program = "from sofs_bayes import *\nprint(*dir())"
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(ended.stdout.split())


# -------------------------------------------------------------------------------- set-up


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-test.lock"])
def test_locks_have_hashes_and_no_addresses(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert not re.search(r"https?:|git\+|file:| @ |--(extra-)?index-url|--find-links", text)
    entries = re.split(r"\n(?=[A-Za-z0-9])", re.sub(r"(?m)^#.*\n", "", text))
    assert len(entries) > 30
    for entry in entries:
        assert re.match(r"[A-Za-z0-9._-]+(\[[a-z,]+\])?==[0-9]", entry), entry.splitlines()[0]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry.splitlines()[0]


def test_the_shorter_lock_is_part_of_the_longer() -> None:
    def pins(name: str) -> set[str]:
        text = (ROOT / name).read_text(encoding="utf-8")
        return set(re.findall(r"(?m)^([A-Za-z0-9._\[\],-]+==[^ ;\\]+)", text))

    assert pins("requirements.lock") < pins("requirements-test.lock")


def test_every_dependency_is_locked() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    for each in wanted:
        name = re.split(r"[><=~]", each)[0]
        assert re.search(rf"(?m)^{re.escape(name)}(\[[a-z,]+\])?==", text), name


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("not a git checkout")
    words = ["git", "-C", str(ROOT), "-c", "safe.directory=*", "ls-files", "-z"]
    listed = subprocess.run(words, capture_output=True, text=True, check=True)
    places = re.compile(r"/" + r"work\b|\.\./" + r"shared\b")
    allowed = {".ci/run"}  # it looks for the open data beside the clone
    files = [ROOT / name for name in listed.stdout.split("\0") if name and name not in allowed]
    there = [path for path in files if path.is_file()]
    assert len(there) > 100
    assert [
        str(path.relative_to(ROOT))
        for path in there
        if places.search(path.read_bytes().decode("utf-8", errors="replace"))
    ] == []


# ---------------------------------------------------------------------------- benchmarks

# What runs in an environment of its own, with the peer in it.
OF_PEERS = {"peer_bambi", "peer_panel", "peer_simuk"}
BENCHMARKS = sorted(path.stem for path in (ROOT / "tests" / "benchmarks").glob("[a-z]*.py"))


@pytest.mark.parametrize("name", [name for name in BENCHMARKS if name not in OF_PEERS])
def test_a_benchmark_can_still_be_imported(name: str) -> None:
    importlib.import_module(f"tests.benchmarks.{name}")
