"""What a folder of results says of itself: who wrote it, and every file with its hash."""

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sofs_bayes.errors import BadInput
from sofs_bayes.folders.given import check_there

NAME = "manifest.json"
FILES = "files_sha256"
VERSIONED = ("sofs-bayes", "pymc", "nutpie", "arviz", "numpy", "scipy", "xarray", "pandas")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The manifest of a folder, as it was read.

    Attributes
    ----------
    folder
        Where it lies.
    written_by
        The verb whose result the folder is.
    files
        SHA-256 by path below the folder, with forward slashes.
    document
        All of it.
    """

    folder: Path
    written_by: str
    files: Mapping[str, str]
    document: Mapping[str, Any]

    @property
    def path(self) -> Path:
        """The file itself."""
        return self.folder / NAME

    def checked(self, name: str) -> Path:
        """A file of the folder, the same as when it was written.

        Raises
        ------
        BadInput
            It is not listed, not there or changed.
        """
        path, allowed = self.folder / name, f"the folder as {self.written_by} wrote it"
        if name not in self.files:
            raise BadInput(path, "", f"a file that {NAME} does not list", allowed)
        if not path.is_file():
            raise BadInput(path, "", "no such file", allowed)
        if sha256(path) != self.files[name]:
            raise BadInput(path, "", "a changed file", allowed)
        return path

    def check(self) -> None:
        """Refuse a folder in which any listed file is missing or changed."""
        for name in self.files:
            self.checked(name)


def versions() -> dict[str, str]:
    """The versions of Python and of the packages a result depends on."""
    import platform

    return {"python": platform.python_version()} | {name: version(name) for name in VERSIONED}


def by_name(hashes: Iterable[tuple[str, str]]) -> dict[str, str]:
    """SHA-256 of files by their names, all of them: another file of a name has a number after it.

    Files of several folders may be called alike, and each of them counts for what a result rests
    on.
    """
    found: dict[str, str] = {}
    for name, digest in hashes:
        free, number = name, 1
        while found.get(free, digest) != digest:
            number += 1
            free = f"{name} ({number})"
        found[free] = digest
    return found


def sha256(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_manifest(folder: Path, document: Mapping[str, Any], *, written_by: str) -> None:
    """Write the manifest of a folder whose other files are all there, and list them.

    Parameters
    ----------
    document
        What else is to be known; NaN and infinities become null. Its `versions` are those of
        the software at work, if it names no others.
    """
    listed = {path.relative_to(folder).as_posix(): sha256(path) for path in files_in(folder)}
    whole = {"written_by": written_by, "versions": versions(), **document, FILES: listed}
    write_json(folder / NAME, whole)


def read_manifest(folder: Path, *, allowed: str = "a folder that sofs-bayes wrote") -> Manifest:
    """The manifest of a folder; the files it lists are not looked at.

    Raises
    ------
    BadInput
        There is none, or a damaged one.
    """
    path = check_there(folder, allowed) / NAME
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        files, written_by = document[FILES], document["written_by"]
    except OSError as error:
        raise BadInput(folder, NAME, "no such file", allowed) from error
    except (ValueError, KeyError, TypeError, RecursionError):
        raise BadInput(path, "", "a damaged manifest", allowed) from None
    texts = isinstance(files, dict) and all(isinstance(each, str) for each in files.values())
    if not (texts and isinstance(written_by, str) and all(map(_is_below, files))):
        raise BadInput(path, "", "a damaged manifest", allowed)
    return Manifest(folder=folder, written_by=written_by, files=files, document=document)


def check_kind(path: Path | str, allowed: str, *verbs: str) -> Path:
    """As `check_there`; of what this package wrote, a folder or a file in it, only by these verbs.

    Raises
    ------
    BadInput
        As `check_there`; a result of another verb.
    """
    path = check_there(path, allowed)
    home = path if path.is_dir() else path.parent
    try:
        manifest = read_manifest(home)
    except BadInput:  # nothing of ours
        return path
    if manifest.written_by not in verbs and (path == home or path.name in manifest.files):
        raise BadInput(path, "", f"a result of {manifest.written_by}", allowed)
    return path


def check_listed(path: Path) -> None:
    """Refuse a file that the manifest beside it, if there is one, lists with another hash.

    Raises
    ------
    BadInput
        It was changed.
    """
    if (path.parent / NAME).is_file():
        manifest = read_manifest(path.parent)
        if path.name in manifest.files:
            manifest.checked(path.name)


def files_in(folder: Path) -> Iterator[Path]:
    """Every file and link below a folder but its own manifest, in order of its path.

    Links are not followed.
    """
    for home, folders, files in folder.walk():
        folders.sort()
        links = [name for name in folders if (home / name).is_symlink()]
        for name in sorted([*files, *links]):
            if (home / name) != folder / NAME:
                yield home / name


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """A JSON file; NaN and infinities, which JSON does not have, are null."""
    text = json.dumps(_plain(document), indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8", newline="")


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value


def _is_below(name: str) -> bool:
    """Whether a listed name is a path below the folder, as this package writes them."""
    parts = name.split("/")
    return not set("\\:") & set(name) and not any(part in ("", ".", "..") for part in parts)
