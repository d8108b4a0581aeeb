"""What all fuzz tests share: how a command is tried and judged, and how much of it is done.

A few examples, always the same ones, run with the other tests; `make fuzz` sets `SOFS_BAYES_FUZZ`,
tries so many times as many, other ones each time, and prints the counts.
"""

import io
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings

from sofs_bayes.cli import main
from sofs_bayes.errors import SofsBayesError

TIMES = int(os.environ.get("SOFS_BAYES_FUZZ", "1"))
LONG = TIMES > 1
# Planted in the values of records: no message may say it.
CANARY = "Qx7canary"

# By suite: cases, and how they ended.
COUNTS: dict[str, Counter[str]] = defaultdict(Counter)
ENDS = ("cases", "refused", "accepted", "traceback", "silent", "leak", "half-written")


def examples(small: int) -> settings:
    """Settings under which a test tries so many examples, or more in the long version."""
    return settings(
        max_examples=small * TIMES,
        derandomize=not LONG,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


def tried(suite: str, words: Sequence[str], output: Path | None, *, faulty: bool) -> int:
    """Run a command of the command line; gives its exit code.

    Parameters
    ----------
    output
        What it writes, alone in its folder.
    faulty
        Whether what it is given is certainly a fault, so that it has to be refused.

    Raises
    ------
    AssertionError
        It ended as no command may.
    """
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            code = main([str(word) for word in words])
        except SystemExit as end:
            code = int(end.code or 0)
    said = out.getvalue() + err.getvalue()
    left = [path.name for path in output.parent.iterdir()] if output else []
    ended = {
        "traceback": code not in (0, 1, 2),
        "silent": faulty and code != 2,
        "leak": CANARY in said,
        "half-written": code == 2 and bool(left),
    }
    return judged(suite, ended, refused=code == 2, said=said) or code


def called(suite: str, call: Callable[[], Any], *, faulty: bool) -> None:
    """The same of a function: it refuses what it is given in one of the package's own errors."""
    said, refused, fault = "", False, None
    try:
        call()
    except SofsBayesError as error:
        said, refused = str(error), True
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the fault that is sought
        fault = error
    ended = {
        "traceback": fault is not None,
        "silent": faulty and not refused and fault is None,
        "leak": CANARY in said,
        "half-written": False,
    }
    try:
        judged(suite, ended, refused=refused, said=said)
    except AssertionError as failed:
        raise failed from fault


def judged(suite: str, ended: dict[str, bool], *, refused: bool, said: str) -> int:
    """Count a case, and fail where it ended wrongly."""
    counts = COUNTS[suite]
    counts["cases"] += 1
    counts["refused" if refused else "accepted"] += 1
    counts.update(name for name, wrong in ended.items() if wrong)
    wrong = [name for name, is_so in ended.items() if is_so]
    assert not wrong, f"{', '.join(wrong)}: {said[-500:]}"
    return 0
