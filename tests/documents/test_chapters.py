"""Every chapter with short work, in this process; `tests/test_notebooks.py` has them whole.

`conftest.py` says what is shortened.
"""

import contextlib
import io
from pathlib import Path
from typing import Any

import pytest
from tests.chapters import CHAPTERS, OPEN_DATA, is_whole, shows_what_it_rests_on


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where chapters find what others have made."""
    return tmp_path_factory.mktemp("shared")


@pytest.mark.usefixtures("shortened")
@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_runs_and_shows_what_it_rests_on(
    path: Path,
    dfe: Path,
    shared: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SOFS_BAYES_CHAPTERS", str(shared))
    monkeypatch.delenv("SOFS_BAYES_OPEN_DATA", raising=False)
    if path == OPEN_DATA:
        monkeypatch.setenv("SOFS_BAYES_OPEN_DATA", str(dfe))
    monkeypatch.chdir(tmp_path)
    said = io.StringIO()
    names: dict[str, Any] = {"__name__": "__main__"}
    with contextlib.redirect_stdout(said):
        exec(compile(path.read_text("utf-8"), str(path), "exec"), names)
    if "scratch" in names:  # which a process of its own cleans up as it ends
        names["scratch"].cleanup()
    is_whole(said.getvalue())
    shows_what_it_rests_on(path, said.getvalue())
    assert list(tmp_path.iterdir()) == []  # nothing is left where it was started
