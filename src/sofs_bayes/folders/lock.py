"""One process at a time in a place on disk."""

import contextlib
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sofs_bayes.errors import BadInput

# File systems that know no locks: better to work there without than not at all.
NO_LOCKS = {errno.ENOTSUP, errno.ENOLCK, errno.ENOSYS}


@contextmanager
def locked(target: Path) -> Iterator[None]:
    """Keeps every other process (and this one) from claiming the same target meanwhile.

    The lock is the system's, on a file `.NAME.lock` beside the target, and ends with the
    process, however that ends.

    Raises
    ------
    BadInput
        Somebody else works there.
    OSError
        The folder of the target cannot be written to.
    """
    path = target.with_name(f".{target.name}.lock")
    descriptor = _locked_file(path)
    if descriptor is None:
        found = "a place in which another process is at work"
        raise BadInput(target, "", found, "another place, or to wait until it has ended")
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # elsewhere than on POSIX an open file stays
            path.unlink()
        os.close(descriptor)


def try_lock(descriptor: int) -> bool:
    """Whether an open file is now this descriptor's alone, until it is closed."""
    try:
        import fcntl
    except ImportError:  # Windows
        return _try_lock_windows(descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in NO_LOCKS:
            return True
        if error.errno in {errno.EWOULDBLOCK, errno.EACCES}:
            return False
        raise
    return True


def _try_lock_windows(descriptor: int) -> bool:
    import msvcrt

    try:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    except OSError:
        return False
    return True


def _locked_file(path: Path) -> int | None:
    """An open, locked file at the path; nothing if another has locked it."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    while True:
        descriptor = os.open(path, flags, 0o666)
        if not try_lock(descriptor):
            os.close(descriptor)
            return None
        if _is_at(descriptor, path):
            return descriptor
        os.close(descriptor)  # its owner took it away between opening and locking


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat(follow_symlinks=False))
    except FileNotFoundError:
        return False
