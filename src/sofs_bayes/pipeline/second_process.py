"""The main job's fits to simulated children, in a process of their own beside those to counts.

Whatever becomes of that process, what it has finished lies in the main job's store, and what it
has not the main job makes itself.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

# Whether there is a processor for it.
MAY = (os.cpu_count() or 1) > 1
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
    words = [sys.executable, "-P", "-m", module, str(kept), *(["--full"] if full else [])]
    here = str(Path(__file__).parents[2])
    known = os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")]))
    with subprocess.Popen(
        words,
        stdin=subprocess.PIPE,  # it ends when nobody holds the other side
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": known},
    ) as at_work:
        said = threading.Thread(target=_passed_on, args=(at_work, reached), daemon=True)
        said.start()

        def end() -> None:
            at_work.wait()
            said.join()

        try:
            yield end
        finally:
            at_work.kill()
            end()


def _passed_on(at_work: "subprocess.Popen[bytes]", reached: Reached) -> None:
    assert at_work.stdout is not None
    for line in at_work.stdout:
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
    threading.Thread(target=_follow, daemon=True).start()

    def reached(kind: str, text: str) -> None:
        print(json.dumps([kind, text]), flush=True)

    work = Work(kept=options.kept, full=options.full, tell=silent, reached=reached)
    with one_thread():
        for each in chosen_analyses(full=options.full):
            if isinstance(each, HierarchicalAnalysis):
                work.of_children(each)
    return 0


def _follow() -> None:
    """End when the main job does, however that ends."""
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
