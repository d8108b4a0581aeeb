"""Folders for temporary files, which records may be in: removed whatever happens."""

import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sofs_bayes.errors import BadInput
from sofs_bayes.folders.lock import locked_file, try_lock

PREFIX = "sofs-bayes-"
OURS = re.compile(re.escape(PREFIX) + "[0-9a-f]{16}")
LOCK = "lock"
# Those of this process: some file systems hold no lock of a process against itself.
_own: set[Path] = set()


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A new folder that only its owner may enter, in `TMPDIR` or the system's usual place.

    What a process of the same user that was killed has left there is removed first.

    Raises
    ------
    BadInput
        `TMPDIR` (or `TEMP`, `TMP`) cannot be used: no other place is taken instead.
    """
    home = temporary_home()
    _remove_dead(home)
    try:
        folder, lock = _made(home)
    except OSError as error:
        raise _unusable(home, error.strerror) from error
    _own.add(folder)
    try:
        yield folder
    finally:
        os.close(lock)
        shutil.rmtree(folder, ignore_errors=True)
        _own.discard(folder)


def temporary_home() -> Path:
    """Where temporary files go: the place the environment names, never another one.

    Raises
    ------
    BadInput
        It cannot be used.
    """
    for name in ("TMPDIR", "TEMP", "TMP"):
        if value := os.environ.get(name):
            home = Path(value).absolute()
            if not home.is_dir():
                raise _unusable(home, "no such folder", name)
            if not os.access(home, os.W_OK | os.X_OK):
                raise _unusable(home, "no right to write there", name)
            return home
    return Path(tempfile.gettempdir())


def _unusable(home: Path, found: str | None, name: str = "TMPDIR") -> BadInput:
    allowed = f"a folder for temporary files, with room enough (set {name})"
    return BadInput(home, name, (found or "an error").lower(), allowed)


def _made(home: Path) -> tuple[Path, int]:
    """A new folder, and its open lock.

    Until it is locked another process may take it for a dead one's: then there is a next one.
    """
    while True:
        folder = home / f"{PREFIX}{secrets.token_hex(8)}"
        folder.mkdir(mode=0o700)
        try:
            lock = locked_file(folder / LOCK)
        except FileNotFoundError:
            continue
        except OSError:
            folder.rmdir()
            raise
        if lock is not None:
            return folder, lock


def _remove_dead(home: Path) -> None:
    """Remove the folders of processes that are gone; those of others are left alone."""
    for folder in home.glob(f"{PREFIX}*"):
        if OURS.fullmatch(folder.name) and not folder.is_symlink() and folder not in _own:
            with suppress(OSError):
                _remove_if_dead(folder)


def _remove_if_dead(folder: Path) -> None:
    """Remove a folder, if its lock can be had; where there are no locks nobody can tell."""
    if hasattr(os, "getuid") and folder.stat().st_uid != os.getuid():
        return
    lock = locked_file(folder / LOCK)
    if lock is not None:
        try:
            if try_lock(lock):
                shutil.rmtree(folder)
        finally:
            os.close(lock)
