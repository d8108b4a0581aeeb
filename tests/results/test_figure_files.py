"""A page's figures by two processes: the same bytes, and all of them whatever becomes of one."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

import sofs_bayes as sb
from sofs_bayes.errors import BadInput
from sofs_bayes.figures.canvas import Canvas
from sofs_bayes.pages import figure_files
from sofs_bayes.pages.figure_files import Embedded, Task, drawn


@pytest.fixture(scope="module")
def tasks() -> list[Task]:
    """Three drawings of a result, of which the last stands beside the page."""
    run = sb.from_print(did="-0.0184**", pilots=4, comparators=9, base_rate=0.21)
    three = sb.drawings(run)[:3]
    assert len(three) == 3
    return [(drawing, drawing is not three[-1]) for drawing in three]


@pytest.fixture(scope="module")
def alone(tasks: list[Task], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    folder = tmp_path_factory.mktemp("alone")
    return folder, drawn(folder, tasks)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figure_files, "MAY", True)
    monkeypatch.setattr(figure_files, "WORTH_IT", 2)


@pytest.mark.usefixtures("two")
def test_two_processes_draw_what_one_does(
    tasks: list[Task], alone: tuple[Path, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here: list[str] = []
    made = figure_files._made

    def told(folder: Path, task: Task) -> Embedded:
        here.append(task[0].name)
        return made(folder, task)

    monkeypatch.setattr(figure_files, "_made", told)
    assert drawn(tmp_path, tasks) == alone[1]
    assert content(tmp_path) == content(alone[0])
    assert here == [tasks[0][0].name, tasks[2][0].name]  # the other process has drawn the second


def test_pictures_on_the_page_alone_are_embedded(tasks: list[Task], alone: Any) -> None:
    _, found = alone
    assert [all(found[drawing.name]) for drawing, _ in tasks] == [True, True, False]


@contextmanager
def dead(*_: str, talk: Callable[..., None]) -> Iterator[Callable[[], None]]:
    """A process that has ended before it drew anything."""
    yield lambda: None


@pytest.mark.usefixtures("two")
def test_what_the_other_has_not_drawn_is_drawn_here(
    tasks: list[Task], alone: tuple[Path, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figure_files, "at_work", dead)
    assert drawn(tmp_path, tasks) == alone[1]
    assert content(tmp_path) == content(alone[0])


@pytest.mark.usefixtures("two")
def test_what_cannot_be_drawn_is_said_by_this_process(tasks: list[Task], tmp_path: Path) -> None:
    wrong: Sequence[Task] = [tasks[0], (replace(tasks[1][0], name="../out"), True)]
    with pytest.raises(BadInput, match="figure: name"):
        drawn(tmp_path, wrong)


@pytest.mark.usefixtures("two")
def test_a_drawing_that_cannot_be_sent_is_drawn_here(tasks: list[Task], tmp_path: Path) -> None:
    own = tasks[1][0]

    def chart(canvas: Canvas) -> Figure:
        return own.chart(canvas)

    local = replace(own, chart=chart, made={})
    found = drawn(tmp_path, [tasks[0], (local, True)])
    assert all(found[local.name])
