"""The main job's fits to simulated children, in a process of their own beside those to counts.

Whatever becomes of that process, what it has finished lies in the main job's store, and what it
has not the main job makes itself.
"""

import argparse
import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from sofs_bayes.processes import Process, at_work, end_with_input

Reached = Callable[[str, str], None]


@contextmanager
def beside(
    kept: Path, *, full: bool, reached: Reached, module: str = __name__
) -> Iterator[Callable[[], None]]:
    """Runs while the block does, and ends with it; gives a function that waits for its end.

    Parameters
    ----------
    kept
        The main job's folder of finished pieces.
    full
        As in `reanalyse`.
    reached
        Told, from a thread, the kind of each step that begins ("" within one), and a line.
    module
        What the process runs.
    """
    words = (str(kept), *(["--full"] if full else []))
    with at_work(module, *words, talk=partial(_passed_on, reached=reached)) as end:
        yield end


def _passed_on(process: Process, reached: Reached) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        try:
            kind, text = json.loads(line)
        except (ValueError, TypeError):  # a library has printed something
            continue
        reached(kind, text)


def main() -> int:
    """Make what the main job has of simulated children; a line of JSON for what is reached."""
    from sofs_bayes.pipeline.jobs import one_thread
    from sofs_bayes.pipeline.reanalysis import Work, chosen_analyses
    from sofs_bayes.pipeline.watching import silent
    from sofs_bayes.spec import HierarchicalAnalysis

    parser = argparse.ArgumentParser()
    parser.add_argument("kept", type=Path)
    parser.add_argument("--full", action="store_true")
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # which the main job answers
    end_with_input()

    def reached(kind: str, text: str) -> None:
        print(json.dumps([kind, text]), flush=True)

    work = Work(kept=options.kept, full=options.full, tell=silent, reached=reached)
    with one_thread():
        for each in chosen_analyses(full=options.full):
            if isinstance(each, HierarchicalAnalysis):
                work.of_children(each)
    return 0


if __name__ == "__main__":
    sys.exit(main())
