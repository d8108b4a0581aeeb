"""Where a result may be written: not over anything, not into what it is made from."""

import os
from collections.abc import Iterable
from pathlib import Path

from sofs_bayes.errors import BadInput
from sofs_bayes.folders.manifest import NAME, files_in, read_manifest, sha256

type Paths = Path | str | Iterable[Path | str]


def paths(given: Paths) -> list[Path]:
    """One path or several, as a list: a text is one path, not its letters.

    Raises
    ------
    BadInput
        A data frame, which only `fit` and `model` take; anything else that is no path.
    """
    if hasattr(given, "columns"):
        raise BadInput("data", "", "a data frame", "files; fit and model take frames, too")
    try:
        return [Path(each) for each in ([given] if isinstance(given, Path | str) else given)]
    except TypeError:
        found = f"what is no path ({type(given).__name__})"
        raise BadInput("data", "", found, "paths, as text or Path") from None


def check_new(path: Path, *, inputs: Iterable[Path | str] = ()) -> None:
    """Refuse a file that exists or could not be written, before any work for it starts.

    Raises
    ------
    BadInput
        It exists, there is no right to write it, or it is or lies in an input.
    """
    check_apart(path, inputs)
    try:
        if _is_there(path):
            raise BadInput(path, "", "a file that exists", "a file that does not exist yet")
        _check_parents(path)
    except OSError as error:
        raise BadInput(path, "", error.strerror or "an error", "a file to write") from error


def check_target(
    target: Path,
    *,
    written_by: str,
    inputs: Iterable[Path | str] = (),
    replace: bool = False,
    beside: Iterable[str] = (),
) -> None:
    """Refuse a folder that may not be made or replaced, before any work for it starts.

    Parameters
    ----------
    written_by
        The verb that asks.
    inputs
        Files and folders that its result is made from; none may be touched.
    replace
        Whether an earlier result of this verb may be there.
    beside
        Names of folders in it that are no results and stay, such as unfinished work.

    Raises
    ------
    BadInput
        Something is there that is not this verb's own unchanged result (or `replace` is false);
        it cannot be written to; it is, holds or lies in an input.
    """
    check_apart(target, inputs)
    try:
        if _is_there(target):
            _check_replaced(target, written_by=written_by, replace=replace, beside=set(beside))
        _check_parents(target)
    except OSError as error:  # a name too long, or a folder that may not even be looked into
        raise unwritable(target, error) from error


def check_apart(target: Path, inputs: Iterable[Path | str]) -> None:
    """Refuse a target that is, holds or lies in an input.

    The folder at work, and those above it, are inputs only as far as their files are named: a
    result below them is what whoever works there expects.

    Raises
    ------
    BadInput
        It would touch the input.
    """
    place, here = _real(target), _real(Path())
    for each in inputs:
        given = _real(Path(each))
        if place == given:
            found = "the same place as an input"
        elif place in given.parents:
            found = f"a folder that holds the input {each}"
        elif given in place.parents and (given not in [here, *here.parents] or is_result(given)):
            found = f"a place inside the input {each}"
        else:
            continue
        raise BadInput(target, "", found, "a place apart from what is read")


def _real(path: Path) -> Path:
    """A path without links and dots, also where nothing is there or links go in circles."""
    return Path(os.path.realpath(path))


def is_result(folder: Path) -> bool:
    """Whether a folder has a manifest of ours."""
    try:
        read_manifest(folder)
    except BadInput:
        return False
    return True


def unwritable(target: Path, error: OSError) -> BadInput:
    """What the file system said of a place, as one line."""
    found = (error.strerror or "an error").lower()
    return BadInput(target, "", found, "a place that can be written, with room enough")


def _check_replaced(target: Path, *, written_by: str, replace: bool, beside: set[str]) -> None:
    """Refuse to replace what is not there to be replaced."""
    if target.is_symlink() or not target.is_dir():
        raise BadInput(target, "", "a file or link that exists", "a folder that does not exist yet")
    names = {path.name for path in target.iterdir()}
    if beside and names <= beside:  # unfinished work, no results yet
        return
    allowed = "a folder that does not exist yet"
    if not replace:
        raise BadInput(target, "", "a folder that exists", allowed)
    allowed += f", or an unchanged one that {written_by} wrote"
    manifest = read_manifest(target, allowed=allowed)
    if manifest.written_by != written_by:
        raise BadInput(target, NAME, f"a result of {manifest.written_by}", allowed)
    for path in files_in(target):
        name = path.relative_to(target).as_posix()
        if name.split("/")[0] in beside:
            continue
        if name not in manifest.files:
            found = "a file that is not part of the result there"
            raise BadInput(path, "", found, "it moved elsewhere before the result is replaced")
        if path.is_symlink() or sha256(path) != manifest.files[name]:
            found = "a file that was changed since the result was written"
            raise BadInput(path, "", found, "it moved elsewhere before the result is replaced")


def _is_there(path: Path) -> bool:
    """Whether anything has this name.

    Raises
    ------
    BadInput
        It is no name of its own: what is written could not lie beside it meanwhile.
    OSError
        The name, or the one that it has while it is being written, is too long.
    """
    if path.name in ("", ".."):
        raise BadInput(path, "", "a place that others lie in", "the name of what is to be new")
    for each in (path.with_name(f".{path.name}.00000000.partial"), path):
        try:
            each.lstat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        return True
    return False


def _check_parents(path: Path) -> None:
    parent = next(p for p in path.absolute().parents if os.path.lexists(p))
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise PermissionError(13, "no right to write there")
