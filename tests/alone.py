"""Tests that fork run in a process of their own: marked `alone`.

A fork has none of the threads of its process, but every lock that one of them holds at that moment,
and may wait for it for ever. A worker of pytest-xdist always has threads. So a further pytest runs
the marked tests, one when it is asked to, and its reports are shown as if they were one's own.
"""

import json
import os
import subprocess
import sys
import tempfile
from typing import IO, Any

import pytest

ASKED = "SOFS_BAYES_TESTS_ALONE"  # in the further process: the pipes it reads from and writes to


def register(config: pytest.Config) -> None:
    """Give pytest what this process needs: to ask, or to do what it is asked for."""
    config.pluginmanager.add_hookspecs(Counted)
    config.pluginmanager.register(_plugin(), "alone")


class Counted:
    """What plugins may do."""

    def pytest_counted_elsewhere(self, output: Any) -> None:
        """Take what another process has put into its `workeroutput`."""


def _plugin() -> Any:
    return Asked(*map(int, os.environ[ASKED].split())) if ASKED in os.environ else Asking()


class Asking:
    """Has marked tests run elsewhere."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.ask: IO[str]
        self.told: IO[str]
        self.said: IO[bytes]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> Any:
        """Show a marked test's reports."""
        if item.get_closest_marker("alone") is None:
            return None
        if self.process is None:
            self._start(item.session)
        hook = item.ihook
        hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        after = "" if nextitem is None else nextitem.nodeid
        print(json.dumps([item.nodeid, after]), file=self.ask, flush=True)
        while given := self._next():
            report = hook.pytest_report_from_serializable(config=item.config, data=given)
            hook.pytest_runtest_logreport(report=report)
        # What the test before this one has left set up for its neighbours, as after any other test.
        item.session._setupstate.teardown_exact(nextitem)
        hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def _next(self) -> Any:
        """What the further process tells next: nothing when it is done."""
        if not (line := self.told.readline()):
            self.said.seek(0)
            raise RuntimeError(f"the tests alone have ended:\n{self.said.read().decode()}")
        return json.loads(line)

    def _start(self, session: pytest.Session) -> None:
        config = session.config
        names = [item.nodeid for item in session.items if item.get_closest_marker("alone")]
        home = tempfile.mkdtemp(prefix="alone-", dir=config._tmp_path_factory.getbasetemp())  # type: ignore[attr-defined]
        words = ["-p", "no:xdist", "-p", "no:cacheprovider", f"--basetemp={home}/made"]
        words += [f"--tb={config.option.tbstyle}", "-q", *names]
        there, here = os.pipe(), os.pipe()
        self.said = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        threads = {"JE_ARROW_MALLOC_CONF": "background_thread:false", "OPENBLAS_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pytest", *words],
            cwd=config.rootpath,
            env=os.environ | threads | {ASKED: f"{there[0]} {here[1]}"},
            pass_fds=(there[0], here[1]),
            stdin=subprocess.DEVNULL,
            stdout=self.said,
            stderr=subprocess.STDOUT,
        )
        os.close(there[0])
        os.close(here[1])
        self.ask, self.told = os.fdopen(there[1], "w"), os.fdopen(here[0])

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Let it end, and take what it has counted as from a worker."""
        if self.process is None:
            return
        self.ask.close()
        counted = self.told.readline()
        self.process.wait()
        if counted:
            session.config.hook.pytest_counted_elsewhere(output=json.loads(counted))
        self.told.close()
        self.said.close()


class Asked:
    """Runs the tests it is asked for."""

    def __init__(self, ask: int, tell: int) -> None:
        self.ask, self.told = os.fdopen(ask), os.fdopen(tell, "w")
        self.config: pytest.Config

    def _tell(self, what: Any) -> None:
        print(json.dumps(what), file=self.told, flush=True)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Instead of all tests, those asked for."""
        self.config = session.config
        self.config.workeroutput = {}  # type: ignore[attr-defined]
        items = {item.nodeid: item for item in session.items}
        for line in self.ask:
            now, after = json.loads(line)
            hook = self.config.hook
            hook.pytest_runtest_protocol(item=items[now], nextitem=items.get(after))
            self._tell(None)
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Tell of it."""
        hook = self.config.hook
        self._tell(hook.pytest_report_to_serializable(config=self.config, report=report))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Tell what was counted."""
        self._tell(self.config.workeroutput)  # type: ignore[attr-defined]
