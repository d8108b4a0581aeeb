"""Folders for temporary files, which records may be in: removed whatever happens."""

import os
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sofs_bayes.errors import BadInput
from sofs_bayes.folders.lock import try_lock

PREFIX = "sofs-bayes-"
OURS = re.compile(re.escape(PREFIX) + "[0-9a-f]{16}")
LOCK = "lock"
YOUNG = 3600.0  # seconds in which a folder without its lock may be one that is just being made


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
    folder = home / f"{PREFIX}{secrets.token_hex(8)}"
    try:
        folder.mkdir(mode=0o700)
        lock = (folder / LOCK).open("xb")
    except OSError as error:
        raise _unusable(home, error.strerror) from error
    try_lock(lock.fileno())
    try:
        yield folder
    finally:
        lock.close()
        shutil.rmtree(folder, ignore_errors=True)


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


def _remove_dead(home: Path) -> None:
    """Remove the folders of processes that are gone; those of others are left alone."""
    for folder in home.glob(f"{PREFIX}*"):
        if OURS.fullmatch(folder.name) and not folder.is_symlink():
            with suppress(OSError):
                if _is_dead(folder):
                    shutil.rmtree(folder)


def _is_dead(folder: Path) -> bool:
    if hasattr(os, "getuid") and folder.stat().st_uid != os.getuid():
        return False
    try:
        with (folder / LOCK).open("rb") as lock:
            return try_lock(lock.fileno())
    except FileNotFoundError:
        return time.time() - folder.stat().st_mtime > YOUNG
