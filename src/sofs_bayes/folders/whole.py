"""Files and folders that are written whole or not at all, and never over something else."""

import contextlib
import errno
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sofs_bayes.errors import BadInput
from sofs_bayes.folders.lock import locked
from sofs_bayes.folders.manifest import NAME, files_in, sha256, write_manifest
from sofs_bayes.folders.places import check_new, check_target, unwritable

# What a full disk, or one that may not be written, says of itself.
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO}
# What file systems that sync no folders, or nothing, say of it (some of them on a network).
NO_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A place for a result, kept from all others while the result is being made.

    Attributes
    ----------
    target
        The folder that is to be there in the end.
    written_by, replace, beside
        As `claim` was given them.
    """

    target: Path
    written_by: str
    replace: bool
    beside: frozenset[str]

    @property
    def unfinished(self) -> Path:
        """Where work on the result is kept until it is finished."""
        return self.target.with_name(f".{self.target.name}.unfinished")

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """A scratch folder that becomes the target only if the block ends without an error.

        An earlier result is there until the new one is; what `beside` names goes over to it.

        Raises
        ------
        BadInput
            Something else has appeared in the target's place; the disk is full.
        """
        scratch = _beside(self.target, "writing")
        with _one_line(self.target, scratch):
            scratch.mkdir()
        try:
            with _one_line(self.target, scratch):
                yield scratch
                if not (scratch / NAME).exists():
                    write_manifest(scratch, {}, written_by=self.written_by)
                _sync(scratch)
                self._put(scratch)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def finish(self) -> None:
        """Delete the unfinished work."""
        shutil.rmtree(self.unfinished, ignore_errors=True)

    def _put(self, scratch: Path) -> None:
        """Put the finished folder into its place."""
        if not os.path.lexists(self.target):
            _rename_onto_nothing(scratch, self.target)
        else:
            check_target(
                self.target,
                written_by=self.written_by,
                replace=self.replace,
                beside=self.beside,
            )
            for name in self.beside:
                if (self.target / name).is_dir():
                    _linked_copy(self.target / name, scratch / name)
            _exchange(scratch, self.target)
        sync_folder(self.target.parent)


@contextmanager
def claim(
    target: Path,
    *,
    written_by: str,
    inputs: Iterable[Path | str] = (),
    replace: bool = False,
    beside: Iterable[str] = (),
) -> Iterator[Claim]:
    """A place for a result while it is being made, with what a dead process left there removed.

    Parameters
    ----------
    written_by, inputs, replace, beside
        As `check_target` takes them.

    Raises
    ------
    BadInput
        As `check_target`; or another process works there.
    """
    named = frozenset(beside)
    how = {"written_by": written_by, "inputs": list(inputs), "replace": replace, "beside": named}
    check_target(target, **how)  # type: ignore[arg-type]
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(_parents_of(target))
            stack.enter_context(locked(target))
            _settle(target)
        except OSError as error:
            raise unwritable(target, error) from error
        check_target(target, **how)  # type: ignore[arg-type]  # as it is now that it is ours
        yield Claim(target=target, written_by=written_by, replace=replace, beside=named)


@contextmanager
def new_folder(
    target: Path,
    *,
    written_by: str,
    inputs: Iterable[Path | str] = (),
    replace: bool = False,
) -> Iterator[Path]:
    """A scratch folder that becomes `target` only if the block ends without an error.

    It has a manifest in the end, if only of its files.

    Raises
    ------
    BadInput
        As `claim` and `Claim.folder`.
    """
    with (
        claim(target, written_by=written_by, inputs=inputs, replace=replace) as place,
        place.folder() as scratch,
    ):
        yield scratch


def write_new(path: Path, content: str | bytes) -> None:
    """Write a new file whole or not at all; text as UTF-8.

    Raises
    ------
    BadInput
        It exists, or cannot be written.
    """
    with new_files([path]) as put:
        put([content])


@contextmanager
def new_files(paths: Sequence[Path]) -> Iterator[Callable[[Sequence[str | bytes]], None]]:
    """New files that are all there, each whole, or none; the last appears last.

    Gives the function that writes their contents, text as UTF-8. They are kept from all others
    until the block ends, and what a dead process left of them is removed first.

    Raises
    ------
    BadInput
        One of them exists, or cannot be written; or another process writes them.
    """
    last = path = paths[-1]
    check_new(last)
    with contextlib.ExitStack() as stack:
        try:
            for path in paths:
                stack.enter_context(_parents_of(path))
            journal = stack.enter_context(locked(last))
            _remove_some_of(paths, journal)
        except OSError as error:
            raise unwritable(path, error) from error
        for path in paths:
            check_new(path)
        yield lambda contents: _put_all(paths, contents, journal)


def _put_all(paths: Sequence[Path], contents: Sequence[str | bytes], journal: int) -> None:
    """Write files under other names, say in the journal what they are, and rename them."""
    data = [each.encode("utf-8") if isinstance(each, str) else each for each in contents]
    scratches = [_beside(path, "partial") for path in paths]
    try:
        for scratch, each in zip(scratches, data, strict=True):
            _write_synced(scratch, each)
        if len(paths) > 1:
            hashes = [hashlib.sha256(each).hexdigest() for each in data]
            write_all(journal, "\n".join(hashes).encode("ascii"))
            sync(journal)
        _rename_all(scratches, paths)
        for folder in {path.parent for path in paths}:
            sync_folder(folder)
        os.ftruncate(journal, 0)
    except OSError as error:
        raise unwritable(paths[-1], error) from error
    finally:
        for scratch in scratches:
            with contextlib.suppress(OSError):
                scratch.unlink(missing_ok=True)


def _rename_all(scratches: Sequence[Path], paths: Sequence[Path]) -> None:
    """Give files their names, all or none."""
    done: list[Path] = []
    try:
        for path, scratch in zip(paths, scratches, strict=True):
            _rename_onto_nothing(scratch, path)
            done.append(path)
    except BaseException:
        for path in done:
            path.unlink(missing_ok=True)
        raise


def _remove_some_of(paths: Sequence[Path], journal: int) -> None:
    """Remove files that a dead process put there of several, unless it has put the last."""
    hashes = os.read(journal, 1 << 20).decode("ascii", "replace").split()
    if len(hashes) == len(paths) and not os.path.lexists(paths[-1]):
        for path, said in zip(paths, hashes, strict=True):
            if path.is_file() and not path.is_symlink() and sha256(path) == said:
                path.unlink()
    for path in paths:
        for partial in _left(path, "partial"):
            partial.unlink()
    os.lseek(journal, 0, os.SEEK_SET)
    os.ftruncate(journal, 0)


def replace_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, in place of one of that name.

    Raises
    ------
    OSError
        It cannot be written.
    """
    scratch = _beside(path, "partial")
    try:
        _write_synced(scratch, content)
        scratch.replace(path)
        sync_folder(path.parent)
    finally:
        scratch.unlink(missing_ok=True)


@contextmanager
def _parents_of(path: Path) -> Iterator[None]:
    """The folders above a path are there; those that were not go again if nothing comes in."""
    missing = [parent for parent in path.parents if not parent.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    finally:
        for folder in missing:
            with contextlib.suppress(OSError):
                folder.rmdir()


# ----------------------------------------------------------------------------------- renaming


def _rename_onto_nothing(scratch: Path, target: Path) -> None:
    """Give the target its name, unless something has taken that meanwhile."""
    if os.path.lexists(target):
        raise _taken(target)
    if scratch.is_dir():
        try:
            scratch.rename(target)  # over an empty folder at most
        except OSError as error:
            if os.path.lexists(target):
                raise _taken(target) from error
            raise
        return
    try:
        target.hardlink_to(scratch)
    except FileExistsError as error:
        raise _taken(target) from error
    except OSError:  # a file system without links
        scratch.rename(target)


def _taken(target: Path) -> BadInput:
    found = "something that appeared there during the work"
    return BadInput(target, "", found, "a place that nothing else is written to")


def _exchange(scratch: Path, target: Path) -> None:
    """Let two folders change their names: at once where the system can, else one by one.

    Killed between the two renames, the next claim of the target puts the earlier result back.
    """
    if _exchange_at_once(scratch, target):
        return
    aside = _beside(target, "earlier")
    target.rename(aside)
    scratch.rename(target)
    aside.rename(scratch)


def _exchange_at_once(one: Path, other: Path) -> bool:
    """Whether Linux could exchange the names of two folders, and did."""
    import ctypes
    import sys

    if sys.platform != "linux":
        return False
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    at_working_folder, exchange = -100, 2
    names = os.fsencode(one.absolute()), os.fsencode(other.absolute())
    if rename is None:
        return False
    return bool(rename(at_working_folder, names[0], at_working_folder, names[1], exchange) == 0)


def _linked_copy(source: Path, target: Path) -> None:
    """The same files under another folder, without copying them where the system can link."""

    for home, _, files in source.walk():
        place = target / home.relative_to(source)
        place.mkdir()
        for name in files:
            try:
                (place / name).hardlink_to(home / name)
            except OSError:
                shutil.copy2(home / name, place / name)


# ------------------------------------------------------------------------------------ leftovers


def _beside(path: Path, kind: str) -> Path:
    """A hidden name beside a path that nobody else has."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.{kind}")


def _left(path: Path, kind: str) -> list[Path]:
    """What was left beside a path under such names."""
    like = re.compile(re.escape(f".{path.name}.") + "[0-9a-f]{8}" + re.escape(f".{kind}"))
    return [each for each in path.parent.iterdir() if like.fullmatch(each.name)]


def _settle(target: Path) -> None:
    """Remove what a dead process left, under the target's lock; an earlier result goes back."""
    for earlier in _left(target, "earlier"):
        if os.path.lexists(target):
            shutil.rmtree(earlier)
        else:
            earlier.rename(target)
    for scratch in _left(target, "writing"):
        shutil.rmtree(scratch)


# ----------------------------------------------------------------------------- disks and errors


@contextmanager
def _one_line(target: Path, scratch: Path) -> Iterator[None]:
    """Turns what the file system says of the scratch folder into one line on the target."""
    try:
        yield
    except OSError as error:
        names = [str(name) for name in (error.filename, error.filename2) if name]
        if error.errno in FULL or any(name.startswith(str(scratch)) for name in names):
            raise unwritable(target, error) from error
        raise


def _sync(folder: Path) -> None:
    """Have the disk hold every file and folder below, so that a power cut cannot take them."""
    for path in files_in(folder):
        _sync_path(path)
    _sync_path(folder / NAME)
    for home, _, _ in folder.walk(top_down=False):
        sync_folder(home)


def sync_folder(folder: Path) -> None:
    """Have the disk hold the names in a folder."""
    if os.name == "posix":  # Windows cannot open folders
        _sync_path(folder)


def _sync_path(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)


def _write_synced(path: Path, content: bytes) -> None:
    """Write a new file, and have the disk hold it."""
    with path.open("xb") as stream:
        stream.write(content)
        stream.flush()
        sync(stream.fileno())


def write_all(descriptor: int, content: bytes) -> None:
    """Write to an open file; what fits is not all where the disk is nearly full."""
    while content:
        content = content[os.write(descriptor, content) :]


def sync(descriptor: int) -> None:
    """Have the disk hold an open file or folder, where the file system can."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in NO_SYNC:
            raise
