"""Commands that are killed, or run out of disk, at any step they take on the file system.

Each runs in a fork of this process, in a folder of its own. A step is whatever changes the file
system below that folder: as a process that is killed leaves what it has handed to the system, and
its locks go with it, a copy of the folder before each step is what a kill there leaves. So one run
gives the states of all kills; real ones show that it is so.
"""

import builtins
import errno
import faulthandler
import io
import os
import re
import select
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest

from sofs_bayes.cli import main

if sys.platform != "linux":
    pytest.skip("commands are forked, and watched in /proc: Linux", allow_module_level=True)

import resource  # which Windows lacks

# Seconds without any work after which a command is called hung, and of work that none needs. Time
# alone says nothing: on a loaded machine a command may wait for long.
IDLE, TOO_LONG = 120.0, 600
WAITING = "DR"  # for a disk, or for its turn
TEMPORARY = "tmp"
CHANGES = ("os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.link", "os.symlink")
NEED_ROOM = ("open", "os.rename", "os.mkdir", "os.link", "write", "fsync")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
# What a command that ends leaves nothing of; the last is what it may go on from.
HIDDEN = re.compile(r"\..*\.(lock|writing|partial|earlier|unfinished)")

type Step = Callable[[int, str, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended: its exit code (negative: the signal), and what it said."""

    code: int
    said: str


def run(folder: Path, words: Sequence[str], step: Step | None = None) -> Ended:
    """Run a command in a fork, with a folder as its working folder.

    Parameters
    ----------
    step
        Called before each step, with its number from 1, what it does and where.

    Raises
    ------
    AssertionError
        It hangs: it has done nothing for `IDLE`, though no disk keeps it waiting. Or this process
        has threads, whose locks a fork may wait for.
    """
    assert len([*Path("/proc/self/task").iterdir()]) == 1, "a process with threads is forked"
    (folder / TEMPORARY).mkdir(exist_ok=True)
    out, into = os.pipe()
    if (process := os.fork()) == 0:
        os.close(out)
        _work(folder, words, step, into)
    os.close(into)
    said, hung, worked = b"", False, -1
    while not hung:
        if not select.select([out], [], [], IDLE)[0]:
            (state, worked), before = state_of(process), worked
            hung = worked == before and state not in WAITING
        elif some := os.read(out, 1 << 16):
            said += some
        else:
            break
    if hung:
        os.kill(process, signal.SIGABRT)  # which has it tell where it is
        while select.select([out], [], [], 10)[0] and (some := os.read(out, 1 << 16)):
            said += some
        os.kill(process, signal.SIGKILL)
    os.close(out)
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    assert not hung, f"hung: {' '.join(words)}: {said.decode()}"
    return Ended(code=code, said=said.decode())


def state_of(process: int) -> tuple[str, int]:
    """A process's state, and what it has used of the processor so far, in ticks."""
    told = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return told[0], int(told[11]) + int(told[12])


def _work(folder: Path, words: Sequence[str], step: Step | None, into: int) -> NoReturn:
    """In the fork: run the command, and never return."""
    code = 99
    try:
        os.dup2(into, 1)
        os.dup2(into, 2)
        faulthandler.enable(2)
        sys.stdout, sys.stderr = (os.fdopen(file, "w", closefd=False) for file in (1, 2))
        os.chdir(folder)
        resource.setrlimit(resource.RLIMIT_CPU, (TOO_LONG, TOO_LONG))
        os.environ["TMPDIR"] = str(folder / TEMPORARY)
        os.environ.pop("SOFS_BAYES_LEDGER", None)
        time.perf_counter = lambda: 0.0  # how long it took is the same each time
        if step is not None:
            _watch(folder, step)
        try:
            code = main([*words])
        except SystemExit as end:
            code = int(end.code or 0)
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException as error:  # noqa: BLE001 - the parent is to hear of it
        os.write(2, f"{type(error).__name__}: {error}".encode())
    finally:
        os._exit(code)


def _watch(folder: Path, step: Step) -> None:
    """Have every further step of this process below a folder told, before it is taken."""
    home, count, busy = str(folder), 0, False
    write, fsync = os.write, os.fsync

    def tell(kind: str, place: str) -> None:
        nonlocal count, busy
        if busy or not (place.startswith(home) or not Path(place).is_absolute()):
            return
        count, busy = count + 1, True
        try:
            step(count, kind, place)
        finally:
            busy = False

    def audit(event: str, given: tuple[Any, ...]) -> None:
        if event == "open":
            place, _, flags = given
            if isinstance(place, str | bytes) and flags & WRITING:
                tell(event, os.fsdecode(place))
        elif event in CHANGES:
            tell(event, os.fsdecode(given[1] if event in ("os.rename", "os.link") else given[0]))
        elif event == "ctypes.dlsym" and given[1] == "renameat2":
            tell("os.rename", "")

    def written(file: int, content: bytes) -> int:
        half = len(content) // 2
        tell("write", name_of(file))
        done = write(file, content[:half])
        tell("write", name_of(file))
        return done + write(file, content[half:])

    def synced(file: int) -> None:
        tell("fsync", name_of(file))
        fsync(file)

    def opened(file: Any, *words: Any, **how: Any) -> Any:
        stream = given(file, *words, **how)
        if isinstance(file, str | Path) and stream.writable():
            tell("opened", str(file))
        return stream

    given = io.open
    os.write, os.fsync, io.open, builtins.open = written, synced, opened, opened
    sys.addaudithook(audit)


def name_of(file: int) -> str:
    """Where an open file lies."""
    return str(Path(f"/proc/self/fd/{file}").readlink())


# ------------------------------------------------------------------------------------- steps


def kill_at(number: int) -> Step:
    """Kills the process before a step."""

    def step(count: int, _: str, __: str) -> None:
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)

    return step


def full_from(number: int) -> Step:
    """From a step on there is no room on the disk, for whoever writes."""

    def step(count: int, kind: str, place: str) -> None:
        if count < number:
            return
        if count == number:
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        if kind in NEED_ROOM and not (kind == "open" and Path(place).exists()):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), place)

    return step


class States:
    """The states in which kills leave a folder: a copy before each step that finds it changed.

    Attributes
    ----------
    found
        By number of the step, the copy; without what the command was given.
    """

    def __init__(self, folder: Path, keep: Path, given: Sequence[str]) -> None:
        self.folder, self.keep, self.given = folder, keep, given
        self.seen: dict[Path, Any] = {}
        self.last = keep
        keep.mkdir()

    def step(self, count: int, kind: str, place: str) -> None:
        """Copy the folder, if it has changed; what has not is linked to the last copy."""
        with (self.keep / "steps").open("a") as stream:
            stream.write(f"{count} {kind} {place}\n")
        seen = {path: signed(path) for path in below(self.folder, self.given)}
        if seen == self.seen:
            return
        copy = self.keep / f"{count:05d}"
        copy.mkdir()
        for path, sign in seen.items():
            name = path.relative_to(self.folder)
            if path.is_dir():
                (copy / name).mkdir()
            elif self.seen.get(path) == sign:
                (copy / name).hardlink_to(self.last / name)
            else:
                shutil.copy(path, copy / name)
        self.seen, self.last = seen, copy

    @property
    def steps(self) -> int:
        """How many steps there were."""
        return len((self.keep / "steps").read_text().splitlines())

    @property
    def needing_room(self) -> list[int]:
        """The steps that a full disk may refuse."""
        lines = (self.keep / "steps").read_text().splitlines()
        return [int(line.split()[0]) for line in lines if line.split()[1] in NEED_ROOM]

    @property
    def found(self) -> dict[int, Path]:
        return {int(path.name): path for path in sorted(self.keep.iterdir()) if path.is_dir()}


def below(folder: Path, leaving_out: Sequence[str] = ()) -> Iterator[Path]:
    """What lies below a folder, folders before what is in them."""
    out = {folder / name for name in leaving_out}
    for home, folders, files in folder.walk():
        folders[:] = [name for name in folders if home / name not in out]
        yield from (home / name for name in (*folders, *files) if home / name not in out)


def signed(path: Path) -> tuple[int, ...]:
    """What tells whether a file has changed."""
    seen = path.lstat()
    return () if path.is_dir() else (seen.st_ino, seen.st_size, seen.st_mtime_ns)


def content(folder: Path, leaving_out: Sequence[str] = ()) -> dict[str, bytes | None]:
    """What lies below a folder, by path; None for a folder."""
    return {
        str(path.relative_to(folder)): None if path.is_dir() else path.read_bytes()
        for path in below(folder, leaving_out)
    }


def copied(folder: Path, target: Path, leaving_out: Sequence[str] = ()) -> None:
    """Copy a folder without what is named; the copies are locked by nobody."""
    out = {folder / name for name in leaving_out}

    def ignored(home: str, names: list[str]) -> list[str]:
        return [name for name in names if Path(home) / name in out]

    shutil.copytree(folder, target, ignore=ignored, dirs_exist_ok=True)
