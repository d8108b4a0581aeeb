"""What is told and measured while results are made: progress and time."""

import builtins
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

PROGRESS = "SOFS_BAYES_PROGRESS"  # the environment variable; "no" for silence
Progress = Callable[[str], None]


def silent(_: str) -> None:
    """Progress that nobody watches."""


class NotebookLine:
    """Progress as a line below a notebook's cell, replaced by what comes next; elsewhere silent."""

    def __init__(self) -> None:
        self._cell: int | None = None
        self._line: Any = None

    def __call__(self, message: str) -> None:
        """Show how far the work is."""
        shell = _notebook()
        if shell is None:
            return
        content = {"text/plain": message.strip()}
        if self._line is None or self._cell != shell.execution_count:
            self._cell = shell.execution_count
            self._line = builtins.display(content, raw=True, display_id=True)  # type: ignore[attr-defined]
        else:
            self._line.update(content, raw=True)


in_notebooks: Progress = NotebookLine()


def _notebook() -> Any:
    """IPython's shell, where this runs in a notebook and progress is wanted."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    wanted = os.environ.get(PROGRESS, "").casefold() != "no"
    return shell if wanted and hasattr(shell, "kernel") else None


@contextmanager
def timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    """Adds the time the block takes to a stage's seconds."""
    start = time.perf_counter()
    yield
    seconds[stage] = seconds.get(stage, 0.0) + time.perf_counter() - start
