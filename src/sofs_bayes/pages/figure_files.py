"""A page's figures → their files, and pictures for the page itself, on two processors.

Whatever becomes of the process beside this one, what it has not drawn is drawn here.
"""

import base64
import pickle
import signal
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from sofs_bayes.figures import STYLE, Drawing, save
from sofs_bayes.processes import MAY, Process, at_work, end_with_input

# Fewer are drawn before another process has begun.
WORTH_IT = 12
NARROW_DPI = 150  # one and a half pixels of the picture to each of the page

# What pickle raises of drawings that hold a function of a function, and of what is no pickle.
UNSENT = (AttributeError, TypeError, pickle.PickleError)

Embedded = tuple[str, str]  # as wide as a page, and as a telephone
Task = tuple[Drawing, bool]  # and whether it is on the page itself


def drawn(folder: Path, tasks: Sequence[Task]) -> dict[str, Embedded]:
    """Write every drawing's files; gives the pictures of those on the page, by name."""
    found: dict[str, Embedded] = {}
    others: dict[str, Embedded] = {}
    if MAY and len(tasks) >= WORTH_IT:
        talk = partial(_talk, folder=folder, tasks=tasks[1::2], found=others)
        with at_work(__name__, talk=talk) as end:
            found |= {task[0].name: _made(folder, task) for task in tasks[::2]}
            end()
        found |= others
    for task in tasks:
        if task[0].name not in found:
            found[task[0].name] = _made(folder, task)
    return found


def _made(folder: Path, task: Task) -> Embedded:
    drawing, on_page = task
    save(drawing, folder)
    if not on_page:
        return "", ""
    return (
        _embedded(drawing, STYLE.width, STYLE.screen_dpi),
        _embedded(drawing, STYLE.narrow, NARROW_DPI),
    )


def _embedded(drawing: Drawing, width: float, dpi: int) -> str:
    png = drawing.png(width=width, dpi=dpi)
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _talk(
    process: Process, *, folder: Path, tasks: Sequence[Task], found: dict[str, Embedded]
) -> None:
    """Tell the other process what to draw, and keep what it has drawn."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(pickle.dumps((folder, tasks)))
        process.stdin.flush()
        while True:
            name, pictures = pickle.load(process.stdout)
            found[name] = pictures
    except (EOFError, OSError, *UNSENT):
        pass  # it has ended, as it should or not, or has nothing to do
    finally:
        process.kill()


def main() -> int:
    """Draw what is asked for; what goes wrong goes wrong again where it is said."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # which the process beside answers
    folder, tasks = pickle.load(sys.stdin.buffer)
    end_with_input()
    for task in tasks:
        pickle.dump((task[0].name, _made(folder, task)), sys.stdout.buffer)
        sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
