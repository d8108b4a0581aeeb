"""One process at a time in a place on disk."""

import contextlib
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sofs_bayes.errors import BadInput

# What file systems that know no locks say (some of them on a network).
NO_LOCKS = {errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.ENOSYS, errno.EINVAL}
BEHIND = 1 << 40  # the byte that Windows locks, behind all that anybody reads


@contextmanager
def locked(target: Path) -> Iterator[int]:
    """Keeps every other process (and this one) from claiming the same target meanwhile.

    The lock is the system's, on a file `.NAME.lock` beside the target, and ends with the
    process, however that ends. Gives the open file: what is written to it, a process that dies
    leaves to the next.

    Raises
    ------
    BadInput
        Somebody else works there.
    OSError
        The folder of the target cannot be written to.
    """
    path = target.with_name(f".{target.name}.lock")
    descriptor = locked_file(path)
    if descriptor is None:
        found = "a place in which another process is at work"
        raise BadInput(target, "", found, "another place, or to wait until it has ended")
    try:
        yield descriptor
    finally:
        with contextlib.suppress(OSError):  # elsewhere than on POSIX an open file stays
            path.unlink()
        os.close(descriptor)


def locked_file(path: Path, *, flags: int = 0, mode: int = 0o666, wait: bool = False) -> int | None:
    """An open file at a path (no link), this descriptor's alone until it is closed.

    Where the file system knows no locks it is open, and nothing more: better to work there than
    not at all.

    Parameters
    ----------
    flags, mode
        Further ones, with which it is opened and made where it is missing.
    wait
        Whether another's lock is waited for.

    Returns
    -------
    int or None
        None if another has locked it.
    """
    flags |= os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    while True:
        descriptor = os.open(path, flags, mode)
        try:
            alone = try_lock(descriptor, wait=wait)
            there = alone is not False and _is_at(descriptor, path)
        except BaseException:
            os.close(descriptor)
            raise
        if there:
            return descriptor
        os.close(descriptor)  # another's, or its owner took it away meanwhile
        if alone is False:
            return None


def try_lock(descriptor: int, *, wait: bool = False) -> bool | None:
    """Whether an open file is now this descriptor's alone, until it is closed.

    None where the file system knows no locks.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        return _try_lock_windows(descriptor, wait=wait)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError as error:
        if error.errno in NO_LOCKS:
            return None
        if error.errno in {errno.EWOULDBLOCK, errno.EACCES}:
            return False
        raise
    return True


def _try_lock_windows(descriptor: int, *, wait: bool) -> bool:
    import msvcrt

    place = os.lseek(descriptor, 0, os.SEEK_CUR)
    try:
        os.lseek(descriptor, BEHIND, os.SEEK_SET)
        kind = msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK  # type: ignore[attr-defined]
        msvcrt.locking(descriptor, kind, 1)  # type: ignore[attr-defined]
    except OSError:
        return False
    finally:
        os.lseek(descriptor, place, os.SEEK_SET)
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat(follow_symlinks=False))
    except FileNotFoundError:
        return False
