"""Progress in a notebook: one line that is replaced; nothing elsewhere, or where it is unwanted."""

import builtins
import inspect
import sys
from types import SimpleNamespace
from typing import Any

import pytest

import sofs_bayes as sb
from sofs_bayes.pipeline.watching import NotebookLine, in_notebooks


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A notebook's shell, with the lines that it shows, in order."""
    shell = SimpleNamespace(kernel=object(), execution_count=1, lines=[])

    def display(content: dict[str, str], **_: object) -> Any:
        place = len(shell.lines)
        shell.lines.append(content["text/plain"])

        def update(new: dict[str, str], **_: object) -> None:
            shell.lines[place] = new["text/plain"]

        return SimpleNamespace(update=update)

    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))  # type: ignore[arg-type]
    monkeypatch.setattr(builtins, "display", display, raising=False)
    monkeypatch.delenv("SOFS_BAYES_PROGRESS", raising=False)
    return shell


def test_a_cell_has_one_line_that_is_replaced(notebook: Any) -> None:
    tell = NotebookLine()
    tell("reading")
    tell("sampling\n")
    assert notebook.lines == ["sampling"]
    notebook.execution_count = 2
    tell("reading again")
    assert notebook.lines == ["sampling", "reading again"]


def test_a_fit_in_a_notebook_says_how_far_it_is(notebook: Any) -> None:
    sb.fit("icpc-printed")
    assert len(notebook.lines) == 1 and "icpc-printed" in notebook.lines[0]


@pytest.mark.parametrize("how", ["unwanted", "terminal", "script"])
def test_elsewhere_nothing_is_shown(
    how: str, notebook: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if how == "unwanted":
        monkeypatch.setenv("SOFS_BAYES_PROGRESS", "no")
    elif how == "terminal":
        del notebook.kernel
    else:
        monkeypatch.delitem(sys.modules, "IPython")
    NotebookLine()("reading")
    assert notebook.lines == []
    assert capsys.readouterr() == ("", "")


def test_every_public_function_that_tells_progress_does_so_in_notebooks() -> None:
    told = {}
    for name in sb.__all__:
        function = getattr(sb, name)
        if not inspect.isclass(function) and "progress" in inspect.signature(function).parameters:
            told[name] = inspect.signature(function).parameters["progress"].default
    assert len(told) > 8
    told.pop("published_analysis")  # seconds, in a room that knows of no notebooks
    assert {name for name, default in told.items() if default is not in_notebooks} == set()
