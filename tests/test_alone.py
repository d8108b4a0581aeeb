"""Tests marked `alone` run in a process with one thread, and say how they ended."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = """import os, threading
from tests import alone
def pytest_configure(config):
    config.addinivalue_line("markers", "alone: in a process of its own")
    alone.register(config)
    if alone.ASKED not in os.environ:
        threading.Thread(target=threading.Event().wait, daemon=True).start()
"""
TESTS = """import os, pytest, threading
def threads():
    return threading.active_count()
def test_beside():
    assert threads() > 1
@pytest.mark.alone
def test_good():
    assert threads() == 1
@pytest.mark.alone
def test_bad():
    assert threads() == 2
@pytest.mark.alone
def test_after():
    assert threads() == 1
"""


def run(tests: str, folder: Path, *words: str) -> str:
    (folder / "test_it.py").write_text(tests)
    (folder / "conftest.py").write_text(OURS)
    given = ["-v", "-p", "no:cacheprovider", "--rootdir=.", "--basetemp=made", *words]
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", *given],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        check=False,
        capture_output=True,
        text=True,
    )
    return ended.stdout + ended.stderr


@pytest.mark.parametrize("words", [("-p", "no:xdist"), ("-n", "1")])
def test_marked_tests_run_where_there_is_one_thread(words: tuple[str, ...], tmp_path: Path) -> None:
    said = run(TESTS, tmp_path, *words)
    assert "FAILED test_it.py::test_bad - assert 1 == 2" in said
    assert "1 failed, 3 passed" in said, said


@pytest.mark.parametrize("words", [("-p", "no:xdist"), ("-n", "1")])
def test_what_stands_before_and_after_lies_in_other_folders(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    plain = "import pytest\n@pytest.fixture(scope='package')\ndef one():\n    yield\n"
    for folder in ("a", "b", "c"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "__init__.py").touch()
        (tmp_path / folder / "test_1.py").write_text(f"{plain}def test(one): pass\n")
    alone = "import pytest\n@pytest.mark.alone\ndef test(): pass\n"
    (tmp_path / "b" / "test_2.py").write_text(alone)
    said = run("def test_last(): pass\n", tmp_path, "--import-mode=importlib", *words)
    assert "5 passed" in said and "error" not in said, said


def test_a_process_that_dies_is_named(tmp_path: Path) -> None:
    said = run(TESTS.replace("threads() == 2", "os._exit(3)"), tmp_path, "-p", "no:xdist")
    assert "RuntimeError: the tests alone have ended" in said
