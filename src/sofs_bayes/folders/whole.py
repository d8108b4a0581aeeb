"""Files and folders that are written whole or not at all, and never over something else."""

import contextlib
import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sofs_bayes.errors import BadInput
from sofs_bayes.folders.lock import locked, try_lock
from sofs_bayes.folders.manifest import NAME, files_in, write_manifest
from sofs_bayes.folders.places import check_new, check_target, unwritable

# What a full disk, or one that may not be written, says of itself.
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO}


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
        _sync_folder(self.target.parent)


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
            stack.callback(_remove_empty, _made_parents(target))
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
    check_new(path)
    scratch = _beside(path, "partial")
    data = content.encode("utf-8") if isinstance(content, str) else content
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_dead_partials(path)
        with scratch.open("xb") as stream:
            try_lock(stream.fileno())  # so that others see that it is being written
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        _rename_onto_nothing(scratch, path)
        _sync_folder(path.parent)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            scratch.unlink(missing_ok=True)


def replace_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, in place of one of that name.

    Raises
    ------
    OSError
        It cannot be written.
    """
    scratch = _beside(path, "partial")
    try:
        with scratch.open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        scratch.replace(path)
        _sync_folder(path.parent)
    finally:
        scratch.unlink(missing_ok=True)


def _made_parents(path: Path) -> list[Path]:
    """The folders above a path that were not there and are now, the deepest first."""
    missing = [parent for parent in path.parents if not parent.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    return missing


def _remove_empty(folders: Iterable[Path]) -> None:
    """Remove folders as far as nothing has come into them."""
    with contextlib.suppress(OSError):
        for folder in folders:
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

    def link(one: str, other: str) -> None:
        try:
            os.link(one, other)
        except OSError:
            shutil.copy2(one, other)

    shutil.copytree(source, target, copy_function=link)


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


def _remove_dead_partials(path: Path) -> None:
    for partial in _left(path, "partial"):
        with contextlib.suppress(FileNotFoundError), partial.open("rb") as stream:
            if try_lock(stream.fileno()):
                partial.unlink()


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
        _sync_folder(home)


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":  # Windows cannot open folders
        _sync_path(folder)


def _sync_path(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
