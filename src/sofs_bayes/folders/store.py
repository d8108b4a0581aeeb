"""Finished pieces of long work, kept one by one, so that it can be gone on with."""

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sofs_bayes.errors import BadInput
from sofs_bayes.folders.places import unwritable
from sofs_bayes.folders.whole import replace_file

if TYPE_CHECKING:
    import xarray as xr

ENDING = ".piece"
PLAIN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,80}")
PARTIAL = re.compile(r"\..*\.piece\.[0-9a-f]{8}\.partial")


def key_of(decides: Mapping[str, Any]) -> str:
    """SHA-256 of all that decides the pieces of a work, hexadecimal.

    It is made of inputs (hashes of files, analyses and facts, settings, seeds, versions): what is
    computed from them differs in its last digits from one processor to another.
    """
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """A folder with a file for each finished piece of one work.

    A piece says what it is called, which work it belongs to and what its hash is; one that is
    damaged or cut off counts as not there.

    Attributes
    ----------
    folder
        Where the pieces lie; made with the first of them.
    key
        Of the work, as `key_of` makes it.
    """

    folder: Path
    key: str

    def get(self, name: str) -> bytes | None:
        """A piece, if it is there and whole."""
        found = _read(self._path(name))
        return found.content if found and (found.key, found.name) == (self.key, name) else None

    def put(self, name: str, content: bytes) -> None:
        """Keep a piece, whole or not at all.

        Raises
        ------
        BadInput
            It cannot be written.
        """
        said = {"name": name, "key": self.key, "sha256": hashlib.sha256(content).hexdigest()}
        header = json.dumps(said).encode("ascii")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            replace_file(self._path(name), header + b"\n" + content)
        except OSError as error:
            raise unwritable(self.folder, error) from error

    def names(self) -> list[str]:
        """The names of all whole pieces."""
        return sorted(each.name for each in pieces_in(self.folder) if each.key == self.key)

    def close(self) -> None:
        """Delete the pieces, and the folder with them."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, name: str) -> Path:
        short = name if PLAIN.fullmatch(name) else hashlib.sha256(name.encode()).hexdigest()[:32]
        return self.folder / f"{short}{ENDING}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A whole piece, as it was read."""

    name: str
    key: str
    content: bytes


def open_store(folder: Path, key: str, *, replace: bool = False) -> Store:
    """The store in a folder, without what an earlier process left half-written.

    Parameters
    ----------
    replace
        Whether pieces of another work are deleted.

    Raises
    ------
    BadInput
        The folder holds pieces of another work (and `replace` is false), or something else.
    """
    check_store(folder)
    try:
        if any(piece.key != key for piece in pieces_in(folder)):
            if not replace:
                found = "results of other data, settings or versions"
                raise BadInput(folder, "", found, "a new folder, or --replace")
            shutil.rmtree(folder)
        for path in folder.iterdir() if folder.is_dir() else ():
            if path.suffix == ".partial":
                path.unlink()
    except OSError as error:
        raise unwritable(folder, error) from error
    return Store(folder=folder, key=key)


def check_store(folder: Path) -> None:
    """Refuse a folder in which anything lies that no store wrote.

    Raises
    ------
    BadInput
        There is.
    """
    if not folder.exists():
        return
    if not folder.is_dir() or folder.is_symlink():
        raise BadInput(folder, "", "a file or link", "a folder of unfinished work, or a new one")
    for path in folder.iterdir():
        ours = path.suffix == ENDING or PARTIAL.fullmatch(path.name)
        if not ours or path.is_symlink():
            found = f"a folder with other things in it ({path.name})"
            raise BadInput(folder, "", found, "a folder of unfinished work, or a new one")


def pieces_in(folder: Path) -> Iterator[Piece]:
    """All whole pieces in a folder, of whatever work."""
    for path in sorted(folder.glob(f"*{ENDING}")):
        if piece := _read(path):
            yield piece


def to_bytes(tree: "xr.DataTree") -> bytes:
    """A DataTree as netCDF, for a piece."""
    return bytes(tree.to_netcdf(engine="h5netcdf"))


def from_bytes(content: bytes) -> "xr.DataTree":
    """The DataTree in a piece, loaded."""
    import io

    import xarray as xr

    with xr.open_datatree(io.BytesIO(content), engine="h5netcdf") as tree:
        # The tree's own `load` leaves labels that are no index in the file.
        loaded = {node.path: node.to_dataset(inherit=False).load() for node in tree.subtree}
    return xr.DataTree.from_dict(loaded)


def _read(path: Path) -> Piece | None:
    try:
        header, _, content = path.read_bytes().partition(b"\n")
        said = json.loads(header)
        piece = Piece(name=str(said["name"]), key=str(said["key"]), content=content)
        whole = said["sha256"] == hashlib.sha256(content).hexdigest()
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return piece if whole else None
