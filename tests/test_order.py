"""The files that `order.py` names are there, and each has one group."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.order import LONGEST, TOGETHER, group_of

ROOT = Path(__file__).parents[1]
WRITES = """import os, pathlib, pytest
@pytest.mark.parametrize("i", range(6))
def test(i):
    with open(pathlib.Path(__file__).with_suffix(".txt"), "a") as file:
        file.write(os.environ["PYTEST_XDIST_WORKER"] + " ")
"""
OURS = """from tests.order import by_group
def pytest_xdist_make_scheduler(config, log):
    return by_group(config, log)
"""


def test_files_that_start_first_or_stay_together_are_there() -> None:
    named = {*LONGEST, *(path for files in TOGETHER.values() for path in files)}
    assert [path for path in sorted(named) if not (ROOT / path).is_file()] == []
    assert all(group_of(path) == name for name, files in TOGETHER.items() for path in files)
    assert group_of("tests/test_spec.py") == "tests/test_spec.py"


@pytest.mark.parametrize("dist", ["loadscope", "load"])
def test_tests_of_a_file_share_a_process(dist: str, tmp_path: Path) -> None:
    for name in ("test_one", "test_two"):
        (tmp_path / f"{name}.py").write_text(WRITES)
    (tmp_path / "conftest.py").write_text(OURS)
    words = [
        "-n",
        "2",
        "--dist",
        dist,
        "-q",
        "--no-loadscope-reorder",
        "-p",
        "no:cacheprovider",
        "--rootdir=.",
        "--basetemp=made",  # else it first clears what killed runs have left
    ]
    subprocess.run(
        [sys.executable, "-m", "pytest", *words],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        check=True,
        capture_output=True,
    )
    found = [(tmp_path / f"{name}.txt").read_text().split() for name in ("test_one", "test_two")]
    assert [len(each) for each in found] == [6, 6]
    assert all(len(set(each)) == 1 for each in found) == (dist == "loadscope")
