"""The main job's second process: what it says, when it ends, and that nothing depends on it."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sofs_bayes import spec
from sofs_bayes.pipeline import did_fits, reanalysis, second_process
from sofs_bayes.pipeline.print_fits import fit_printed
from sofs_bayes.pipeline.reanalysis import Work, chosen_analyses
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import HierarchicalAnalysis, PrintedAnalysis, PrintedSensitivity

Said = list[tuple[str, str]]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Writes a module and gives its name."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def written(text: str) -> str:
        (tmp_path / "stand_in.py").write_text(text, encoding="utf-8")
        return "stand_in"

    return written


SPEAKS = """import json, sys
assert sys.argv[1:] == ["kept", "--full"], sys.argv
for line in (["children", "solved"], "of a library", 7, ["", "matched"]):
    print(json.dumps(line), flush=True)
print("not JSON", flush=True)
sys.exit(3)
"""
NEVER_ENDS = """import os, pathlib, time
pathlib.Path("pid").write_text(str(os.getpid()))
time.sleep(3600)
"""


def test_what_it_says_is_passed_on_and_its_end_is_waited_for(
    program: Callable[[str], str],
) -> None:
    said: Said = []
    name = program(SPEAKS)
    with second_process.beside(
        Path("kept"), full=True, reached=lambda *each: said.append(each), module=name
    ) as end:
        end()
        assert said == [("children", "solved"), ("", "matched")]


def test_it_ends_with_the_work_that_it_stands_beside(
    program: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with second_process.beside(
        Path("kept"), full=False, reached=lambda *_: None, module=program(NEVER_ENDS)
    ):
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            time.sleep(0.01)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_it_ends_when_nobody_holds_its_input() -> None:
    words = "import time; from sofs_bayes.processes import *; end_with_input(); time.sleep(3600)"
    ended = subprocess.run([sys.executable, "-c", words], stdin=subprocess.DEVNULL, check=False)
    assert ended.returncode == 1


# ------------------------------------------------------------- nothing depends on it


@pytest.fixture(scope="module")
def run() -> Run:
    """A run from print, which stands for all."""
    printed = spec.load("icpc-printed")
    assert isinstance(printed, PrintedAnalysis)
    return fit_printed(replace(printed, sensitivity=PrintedSensitivity()))


@pytest.fixture
def fitted(run: Run, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of what is fitted to children."""
    names: list[str] = []

    def fit(analysis: HierarchicalAnalysis, source: object, **_: Any) -> Any:
        names.append(analysis.name)
        assert source == "its children"
        return run

    def children(work: Work, analysis: HierarchicalAnalysis) -> Path:
        work.replicated[analysis.children.name] = work.kept / "again"
        return work.kept

    monkeypatch.setattr(did_fits, "fit_did", fit)
    monkeypatch.setattr(reanalysis, "fit_printed", lambda *_, **__: run)
    monkeypatch.setattr(Work, "_children", children)
    monkeypatch.setattr("sofs_bayes.pipeline.did_sources.source_of", lambda *_: "its children")
    return names


def wanted() -> list[Any]:
    found = chosen_analyses(full=False)
    return [each for each in found if not isinstance(each, spec.OpenAnalysis)]


def beside_that(does: Callable[[Path], None]) -> Any:
    """A second process that does so, and says that it begins each step."""

    @contextmanager
    def beside(kept: Path, *, full: bool, reached: second_process.Reached) -> Any:
        assert not full
        yield lambda: (reached("children", "begins"), does(kept))

    return beside


@pytest.mark.parametrize("makes", ["all", "one", "nothing"])
def test_what_it_has_not_made_the_main_job_makes(
    makes: str, fitted: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_children = [each for each in wanted() if isinstance(each, HierarchicalAnalysis)]
    assert len(of_children) == 2
    made = {"all": of_children, "one": of_children[:1], "nothing": []}[makes]

    def does(kept: Path) -> None:
        work = Work(kept=kept, full=False, tell=print, reached=lambda *_: None)
        for each in made:
            work.of_children(each)

    monkeypatch.setattr(reanalysis, "MAY", True)
    monkeypatch.setattr(second_process, "beside", beside_that(does))
    said: list[str] = []
    packs = Work(kept=tmp_path, full=False, tell=said.append).all_of(wanted())
    assert [*packs] == [each.name for each in wanted()]
    assert sorted(fitted) == sorted(each.name for each in of_children)
    assert sum("already finished" in line for line in said) == len(made)
    assert any(line.endswith(": begins") for line in said)
    assert all("min: " in line for line in said)


def test_alone_the_main_job_makes_all(
    fitted: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reanalysis, "MAY", False)
    said: list[str] = []
    packs = Work(kept=tmp_path, full=False, tell=said.append).all_of(wanted())
    assert len(fitted) == 2
    assert [*packs] == [each.name for each in wanted()]
