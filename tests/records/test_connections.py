"""Connections to DuckDB."""

import subprocess
import sys

import pytest

# Python without a file of its own is interactive, to DuckDB.
SHOWN = "print(c.execute(\"SELECT current_setting('enable_progress_bar')\").fetchone()[0])"


@pytest.mark.parametrize(
    ("opened", "bars"),
    [
        ("from sofs_bayes.records.connections import connected\nwith connected() as c: ", "False"),
        ("import duckdb\nwith duckdb.connect() as c: ", "True"),
    ],
)
def test_nothing_is_shown_where_python_is_interactive(opened: str, bars: str) -> None:
    said = subprocess.check_output([sys.executable, "-c", opened + SHOWN], text=True)
    assert said.strip() == bars
