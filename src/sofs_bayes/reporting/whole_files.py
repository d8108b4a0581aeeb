"""Files and folders that are written whole or not at all, and never over something else."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sofs_bayes.errors import BadInput


@contextmanager
def whole_folder(target: Path, *, replace: bool = False) -> Iterator[Path]:
    """A scratch folder that becomes `target` only if the block ends without an error.

    Raises
    ------
    BadInput
        `target` exists (and is not a folder of ours that may be replaced), or its parent
        cannot be written to.
    """
    check_target(target, replace=replace)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as error:
        raise _unwritable(target, error) from error
    try:
        yield scratch
        scratch.chmod(0o755)
        if target.exists():
            shutil.rmtree(target)
        scratch.replace(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def check_target(target: Path, *, replace: bool = False) -> None:
    """Refuse a target that exists or could not be written, before any long work starts."""
    try:
        there = target.exists() or target.is_symlink()
        if there and not (replace and _is_ours(target)):
            allowed = "a folder that does not exist yet"
            if replace:
                allowed += ", or one with a manifest.json of sofs_bayes"
            raise BadInput(target, "", "a folder or file that exists", allowed)
        _check_parents(target)
    except OSError as error:  # a name too long, or a folder that may not even be looked into
        raise _unwritable(target, error) from error


def check_new(path: Path) -> None:
    """Refuse a file that exists or could not be written, before any work for it starts."""
    try:
        if path.exists():
            raise BadInput(path, "", "a file that exists", "a file that does not exist yet")
        _check_parents(path)
    except OSError as error:
        raise BadInput(path, "", error.strerror or "an error", "a file to write") from error


def write_new(path: Path, content: str | bytes) -> None:
    """Write a new file whole or not at all; text as UTF-8.

    Raises
    ------
    BadInput
        It exists, or cannot be written.
    """
    check_new(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_name(f".{path.name}.partial")
        scratch.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        scratch.replace(path)
    except OSError as error:
        raise BadInput(path, "", error.strerror or "an error", "a file to write") from error


def sha256(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _is_ours(folder: Path) -> bool:
    """Whether a folder itself (no link to one) was written here: many things have a manifest."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    keys = {"evidence", "status", "versions"}
    return not folder.is_symlink() and isinstance(manifest, dict) and keys <= manifest.keys()


def _check_parents(path: Path) -> None:
    parent = next(p for p in [*path.absolute().parents] if p.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise PermissionError(13, "no right to write there")


def _unwritable(target: Path, error: OSError) -> BadInput:
    return BadInput(target, "", error.strerror or "an error", "a folder that can be written")
