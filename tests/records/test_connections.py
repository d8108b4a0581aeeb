"""Connections to DuckDB."""

import subprocess
import sys

import pytest

# Python without a file of its own is interactive, to DuckDB, or a notebook.
NOTEBOOK = """
import sys, types
sys.modules["ipywidgets"] = None
import IPython
IPython.get_ipython = lambda: types.SimpleNamespace(config={"IPKernelApp": {}})
"""
OURS = "from sofs_bayes.records.connections import connected\nwith connected() as c: "
THEIRS = "import duckdb\nwith duckdb.connect() as c: "
SHOWN = "print(c.execute(\"SELECT current_setting('enable_progress_bar')\").fetchone()[0])"


@pytest.mark.parametrize(
    ("opened", "bars"), [(OURS, "False"), (NOTEBOOK + OURS, "False"), (THEIRS, "True")]
)
def test_nothing_is_shown_where_python_is_interactive(opened: str, bars: str) -> None:
    said = subprocess.check_output([sys.executable, "-c", opened + SHOWN], text=True)
    assert said.strip() == bars


def test_a_notebook_that_cannot_show_a_bar_does_not_let_it_be_set() -> None:
    setting = NOTEBOOK + THEIRS + 'c.execute("SET enable_progress_bar = false")'
    ended = subprocess.run([sys.executable, "-c", setting], capture_output=True, check=False)
    assert b"ipywidgets" in ended.stderr
