"""CPU seconds of each test file, printed at the end of a run: where a slow suite is slow."""

import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

SHOWN = int(os.environ.get("CPU_TIMES_SHOWN", "20"))


def _used() -> float:
    """CPU seconds of this process and of the children it has waited for."""
    now = os.times()
    return now.user + now.system + now.children_user + now.children_system


class CpuTimes:
    """Adds up what tests of a file use, fixtures of the session with the file that asks first."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Measure a test with its fixtures."""
        before = _used()
        result = yield
        self.seconds[item.location[0]] += _used() - before
        return result

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Hand the seconds of a worker to the process that prints."""
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output["cpu_seconds"] = dict(self.seconds)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take them from a worker that has ended."""
        self.pytest_counted_elsewhere(getattr(node, "workeroutput", {}))

    @pytest.hookimpl(optionalhook=True)
    def pytest_counted_elsewhere(self, output: Any) -> None:
        """Take them from any other process that has ended (`alone.py`)."""
        self.seconds.update(output.get("cpu_seconds", {}))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print the files that use most, and the sum of all."""
        terminalreporter.section(f"CPU seconds, {len(self.seconds)} files")
        for path, seconds in self.seconds.most_common(SHOWN):
            terminalreporter.write_line(f"{seconds:7.1f}  {path}")
        terminalreporter.write_line(f"{sum(self.seconds.values()):7.1f}  in all")
