"""A module of this package at work in a process of its own, which ends with this one."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

# Whether there is a processor for it.
MAY = (os.cpu_count() or 1) > 1
Process = subprocess.Popen[bytes]


@contextmanager
def at_work(
    module: str, *words: str, talk: Callable[[Process], None]
) -> Iterator[Callable[[], None]]:
    """A module that runs while the block does; gives a function that waits for its end.

    Parameters
    ----------
    talk
        Tells it what it needs and hears what it says, in a thread, until it ends.
    """
    here = str(Path(__file__).parents[1])
    known = os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")]))
    with subprocess.Popen(
        [sys.executable, "-P", "-m", module, *words],
        stdin=subprocess.PIPE,  # it ends when nobody holds the other side
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": known},
    ) as process:
        talking = threading.Thread(target=talk, args=(process,), daemon=True)
        talking.start()

        def end() -> None:
            process.wait()
            talking.join()

        try:
            yield end
        finally:
            process.kill()
            end()


def end_with_input() -> None:
    """From now on this process ends when nobody holds the other side of its input."""
    threading.Thread(target=_follow, daemon=True).start()


def _follow() -> None:
    sys.stdin.buffer.read()
    os._exit(1)
