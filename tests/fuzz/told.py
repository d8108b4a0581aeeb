"""The counts of the long version, below the results of the tests."""

from typing import Any

import pytest
from tests.fuzz.trying import COUNTS, ENDS, LONG


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand the counts of a worker to the process that prints."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["tried"] = {suite: dict(counts) for suite, counts in COUNTS.items()}


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take them from a worker that has ended."""
    pytest_counted_elsewhere(getattr(node, "workeroutput", {}))


@pytest.hookimpl(optionalhook=True)
def pytest_counted_elsewhere(output: Any) -> None:
    """Take them from any other process that has ended (`../alone.py`)."""
    for suite, counts in output.get("tried", {}).items():
        COUNTS[suite].update(counts)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if LONG:
        terminalreporter.write_sep("=", "what was tried")
        terminalreporter.write_line(f"{'suite':32}" + "".join(f"{end:>14}" for end in ENDS))
        for suite, counts in sorted(COUNTS.items()):
            terminalreporter.write_line(
                f"{suite:32}" + "".join(f"{counts[end]:14,}" for end in ENDS)
            )
