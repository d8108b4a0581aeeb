"""Notebooks run from the first cell to the last, as plain scripts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.py")), ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, tmp_path: Path) -> None:
    found = subprocess.run(
        [sys.executable, "-W", "error::FutureWarning", str(path)],
        cwd=tmp_path,
        env=os.environ | {"MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert found.returncode == 0, found.stderr[-2000:]
    assert "synthetic" in found.stdout or "made-up" in found.stdout
    assert "nan" not in found.stdout.lower().split()


def test_a_notebook_that_fails_is_noticed(tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("# %%\nassert 1 == 2\n", encoding="utf-8")
    found = subprocess.run([sys.executable, str(broken)], capture_output=True, check=False)
    assert found.returncode != 0
