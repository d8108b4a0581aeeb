"""Python that documents show runs as it stands; what names a file may be a text or a path.

`conftest.py` says what is shortened.
"""

import contextlib
import inspect
import io
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import sofs_bayes as sb

ROOT = Path(__file__).parents[2]
PAGES = {
    str(path.relative_to(ROOT)): path
    for path in sorted(
        [
            *ROOT.glob("*.md"),
            *ROOT.glob("models/*.md"),
            *ROOT.glob("docs/**/*.md"),
            *ROOT.glob("src/**/manual/*.md"),
        ]
    )
}
BLOCKS = [
    pytest.param(block, id=f"{name} {i}")
    for name, path in PAGES.items()
    for i, block in enumerate(
        re.findall(r"^```python\n(.*?)^```", path.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    )
]
# The Department's files, under names that documents give them.
FILES = {"b1.csv": "children_in_need.csv", "c4.csv": "conferences.csv"}


@pytest.mark.parametrize("block", BLOCKS)
def test_python_of_a_page_runs(
    block: str, shortened: None, dfe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, file in FILES.items():
        shutil.copy(dfe / file, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(block, "a page", "exec"), {})
    assert len(said.getvalue().splitlines()) >= block.count("print(")


def test_there_is_python_in_the_readme_the_tutorial_and_its_own_page() -> None:
    found = {each.id for each in BLOCKS}
    assert {"README.md 0", "docs/python.md 0", "docs/tutorial.md 0"} <= found


@pytest.mark.parametrize("name", PAGES)
def test_every_name_that_a_page_has_of_the_package_is_there(name: str) -> None:
    text = PAGES[name].read_text("utf-8")
    assert {*re.findall(r"\bsb\.(\w+)", text)} <= {*sb.__all__}


# ------------------------------------------------------------------------ texts and paths

Named = Callable[[str], Any]  # a name as text, or as a path
ANALYSIS = "icpc-children"
SCENARIO = ROOT / "src" / "sofs_bayes" / "synthetic" / "scenarios" / "icpc.toml"
CELLS = "cells/synthetic-cells.nc"
MATCHED = "matched/synthetic-matched.parquet"
OUT = "new/out"

# A call of every public function that takes the name of a file or folder. Where it takes several,
# one stands alone: a text is one name, and not its letters.
CALLS: Mapping[str, Callable[[Named], object]] = {
    "load": lambda k: sb.load(k("own.toml")),
    "read_panel": lambda k: sb.read_panel(k("counts.dta"), sb.load("icpc-open-data").data),
    "correlation_prior": lambda k: sb.correlation_prior(
        "ICPC_child", k("counts.dta"), denominator="Started_child", years_pre=1, years_post=1
    ),
    "init": lambda k: sb.init(k("children"), k(OUT)),
    "check": lambda k: sb.check(k("children"), k("children.toml")),
    "simulate": lambda k: sb.simulate(ANALYSIS, k(OUT), scenario=k("scenario.toml")),
    "pictures_before": lambda k: sb.pictures_before(k("children"), k("children.toml"), k(OUT)),
    "match": lambda k: sb.match(
        k("children.toml"),
        k("children"),
        k(OUT),
        authorities=k("children/synthetic-authorities.csv"),
        groups=k("children/synthetic-groups.csv"),
    ),
    "matched_file": lambda k: sb.matched_file(k("matched")),
    "read_matched": lambda k: sb.read_matched(k(MATCHED), sb.load(ANALYSIS)),
    "replicate": lambda k: sb.replicate(k("children.toml"), k("matched"), k(OUT)),
    "collapse": lambda k: sb.collapse(k("children.toml"), k("matched"), k(OUT)),
    "read_cells": lambda k: sb.read_cells(k(CELLS), sb.load(ANALYSIS)),
    "fit": lambda k: sb.fit(sb.load("icpc-linear"), k("matched"), quick=True, unfinished=k(OUT)),
    "model": lambda k: sb.model("icpc-linear", k("matched")),
    "save": lambda k: sb.save(sb.read_run("runs/icpc"), k(OUT), unfinished=k("nothing")),
    "read_run": lambda k: sb.read_run(k("runs/icpc")),
    "cleared": lambda k: sb.cleared(
        sb.read_run("runs/icpc"), ledger=k("own.jsonl"), earlier=k("for-release")
    ),
    "open_posterior": lambda k: sb.open_posterior(k("runs/icpc")),
    "calibrate": lambda k: sb.calibrate(sb.load("icpc-linear"), k("matched"), k(OUT)),
    "calibrate_all": lambda k: sb.calibrate_all(
        k(OUT), names=["icpc-open-data"], open_data=k("counts.dta")
    ),
    "recover": lambda k: sb.recover(sb.load("icpc-linear"), k("matched"), k(OUT)),
    "placebo": lambda k: sb.placebo(sb.load("icpc-open-data"), k("counts.dta"), k(OUT)),
    "publication_tables": lambda k: sb.publication_tables(
        "comparison", [sb.read_run("runs/icpc")], beside=k("replicated")
    ),
    "to_word": lambda k: sb.to_word(
        sb.publication_tables("effects", [sb.read_run("runs/icpc")]), k(OUT)
    ),
    "to_excel": lambda k: sb.to_excel(
        sb.publication_tables("effects", [sb.read_run("runs/icpc")]), k(OUT)
    ),
    "report": lambda k: sb.report(
        k("runs/icpc"), k(OUT), beside=k("replicated"), earlier=k("for-release")
    ),
    "reanalyse": lambda k: sb.reanalyse(k(OUT), open_data=k("counts.dta")),
    "disclose": lambda k: sb.disclose(k("runs/icpc"), k(OUT), earlier=k("for-release")),
}
# Of `show` a text is a sentence; the others only say a file's name in a message.
ELSE = {"show", "choose_comparators", "BadInput", "BadSpec"}


def parameters(function: Callable[..., object]) -> dict[str, str]:
    """Those of a function that name a file, and how they are annotated."""
    try:
        found = inspect.signature(function).parameters
    except ValueError:  # an exception without a constructor of its own
        return {}
    said = {name: str(each.annotation) for name, each in found.items()}
    return {name: text for name, text in said.items() if "Path" in text}


def test_every_function_that_takes_a_name_takes_text_and_path() -> None:
    found = {name: parameters(getattr(sb, name)) for name in sb.__all__}
    assert {name for name, taken in found.items() if taken} - ELSE == {*CALLS}
    assert [
        (name, parameter)
        for name, taken in found.items()
        for parameter, text in taken.items()
        if not re.search(r"^Paths\b|Path \| str", text)
    ] == []


@pytest.fixture
def place(shelf: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with something of each kind."""
    for name in (
        *("children", "matched", "cells", "replicated", "runs/icpc", "for-release", "counts.dta"),
    ):
        shelf.put(name, tmp_path)
    bundled = sb.bundled_models()
    shutil.copy(bundled["icpc-printed"], tmp_path / "own.toml")
    shutil.copy(bundled[ANALYSIS], tmp_path / "children.toml")
    shutil.copy(SCENARIO, tmp_path / "scenario.toml")
    monkeypatch.chdir(tmp_path)
    return tmp_path


# Those that take longest; the pages of the manual have them, too.
AT_LENGTH = ("reanalyse", "calibrate_all", "report")


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.long if name in AT_LENGTH else ()) for name in CALLS],
)
def test_a_text_and_a_path_do_the_same(name: str, place: Path, forget: Callable[[], None]) -> None:
    left = []
    for kind in (str, Path):
        forget()  # what is not computed again keeps no unfinished work either
        found = CALLS[name](kind)
        left.append((type(found), sorted(path.relative_to(place) for path in place.rglob("*"))))
        shutil.rmtree(place / "new", ignore_errors=True)
    assert left[0] == left[1]
