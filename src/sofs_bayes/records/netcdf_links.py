"""netCDF files that point elsewhere: refused before anything in them is read."""

from pathlib import Path
from typing import Any

from sofs_bayes.errors import BadInput


def check_no_links(path: Path) -> None:
    """Refuse a file with soft or external links, or with data kept in other files.

    Raises
    ------
    BadInput
        Such a file, or one that cannot be read.
    """
    import h5py

    allowed = "netCDF as it was written here, all of it in the file"
    try:
        with h5py.File(path, "r") as file:
            _check(file, path, allowed)
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        raise BadInput(path, "", "a damaged file", allowed) from error


def _check(group: Any, path: Path, allowed: str) -> None:
    import h5py

    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise BadInput(path, "", "a link to another place", allowed)
        child = group[name]
        if isinstance(child, h5py.Group):
            _check(child, path, allowed)
        elif isinstance(child, h5py.Dataset) and (child.external or child.is_virtual):
            raise BadInput(path, "", "data kept in another file", allowed)
