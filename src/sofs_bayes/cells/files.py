"""Cells ⇄ netCDF, or CSV files; nothing half-written, nothing unchecked by accident."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from sofs_bayes.cells.csv_files import ROWS, SHA256, cells_of_texts, companion, companions, texts_of
from sofs_bayes.cells.dataset import Cells
from sofs_bayes.cells.validation import check_cells
from sofs_bayes.errors import BadInput, unreadable
from sofs_bayes.folders.given import check_there
from sofs_bayes.folders.store import to_bytes
from sofs_bayes.folders.whole import replace_file
from sofs_bayes.records.netcdf_links import check_no_links
from sofs_bayes.spec import ChildrenAnalysis

NETCDF, CSV = ".nc", ".csv"
KINDS = "a name that ends in .nc or .csv"


def write_cells(cells: Cells, path: Path | str, *, inside: bool = False) -> tuple[Path, ...]:
    """Write cells as netCDF (`.nc`: a group for each Dataset) or CSV (`.csv`), by the name.

    CSV has a row for each pattern, under lines `# key: value`; `<name>-authorities.csv` and
    `<name>-products.csv` (a row for each pair of regressors) stand beside it, and it holds
    their hashes. Files of that name are replaced, each at once.

    Parameters
    ----------
    inside
        Whether cells that passed no disclosure check may be written, as within a secure setting.

    Returns
    -------
    tuple
        The files written.

    Raises
    ------
    BadInput
        Unchecked cells; a name without "synthetic" for synthetic cells, or of another kind; no
        such folder, or no right to write there.
    """
    path = Path(path)
    if path.suffix not in (NETCDF, CSV):
        raise BadInput(path, "", repr(path.suffix), KINDS)
    if cells.patterns.attrs["evidence"] == "synthetic" and "synthetic" not in path.name:
        raise BadInput(path, "", "synthetic cells", 'a file name with "synthetic" in it')
    if not cells.threshold and not inside:
        allowed = "released cells, or inside=True within a secure setting"
        raise BadInput(path, "", "cells without a disclosure check", allowed)
    if (left := int(cells.patterns.attrs.get("unprotected", 0))) and not inside:
        found = f"{left} suppressed counts that others give away"
        raise BadInput(path, "", found, "coarser cells, or inside=True within a secure setting")
    if path.suffix == CSV:
        return _write({name: text.encode() for name, text in texts_of(cells, path).items()})
    return _write({path: _netcdf(cells)})


def _netcdf(cells: Cells) -> bytes:
    parts = {"patterns": cells.patterns, "authorities": cells.authorities}
    if cells.products is not None:
        parts["products"] = cells.products
    tree = xr.DataTree.from_dict({f"/{name}": part for name, part in parts.items()})
    tree.attrs = {SHA256: content_sha256(parts), ROWS: cells.patterns.sizes["pattern"]}
    return to_bytes(tree)


def _write(contents: Mapping[Path, bytes]) -> tuple[Path, ...]:
    """Write files, each whole; the last one, which vouches for the others, last."""
    for path, content in contents.items():
        try:
            replace_file(path, content)
        except OSError as error:
            raise BadInput(path, "", error.strerror or "an error", "a file to write") from error
    return tuple(contents)


def content_sha256(parts: Mapping[str, xr.Dataset]) -> str:
    """SHA-256 of all that Datasets hold, the same before and after they were in a file.

    Parameters
    ----------
    parts
        By the name of their group.
    """
    hasher = hashlib.sha256()
    for group, part in sorted(parts.items()):
        hasher.update(json.dumps([group, _plain(part.attrs)], sort_keys=True).encode())
        for name, values in sorted(part.variables.items(), key=lambda item: str(item[0])):
            array = values.to_numpy()
            said = [str(name), list(map(str, values.dims)), list(array.shape)]
            if array.dtype.kind in "OUST":
                said.append([str(each) for each in array.ravel()])
                hasher.update(json.dumps(said).encode())
            else:
                hasher.update(json.dumps([*said, array.dtype.str]).encode())
                hasher.update(np.ascontiguousarray(array).tobytes())
    return hasher.hexdigest()


def _plain(attrs: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(key): np.asarray(value).tolist() for key, value in attrs.items()}


def read_cells(
    path: Path | str, analysis: ChildrenAnalysis, *, other_analysis: bool = False
) -> Cells:
    """The cells in a file that `write_cells` wrote.

    Parameters
    ----------
    path
        A file of cells.
    analysis
        That of children's records they are of.
    other_analysis
        Whether the cells may have been made for an analysis with another fingerprint.

    Returns
    -------
    Cells
        Counts or cross-products by authority, year and pattern of covariates.

    Raises
    ------
    BadInput
        No such file, or not one of cells; cells of another analysis; counts or bounds that
        cannot be (negative, more events than children, a label that is not there).

    Examples
    --------
    >>> cells = sb.read_cells("cells/synthetic-cells.nc", sb.load("icpc-children"))
    """
    path = check_there(path, "a file of cells")
    if path.suffix not in (NETCDF, CSV):
        raise BadInput(path, "", repr(path.suffix), KINDS)
    cells = _read_csv(path) if path.suffix == CSV else _read_netcdf(path)
    check_cells(cells, analysis, file=path, other_analysis=other_analysis)
    return cells


def _read_netcdf(path: Path) -> Cells:
    check_no_links(path)
    try:
        with xr.open_datatree(path, engine="h5netcdf") as tree:
            parts = {name: node.to_dataset().load() for name, node in tree.children.items()}
            said = tree.attrs.get(SHA256)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise BadInput(path, "", "not netCDF", "a file of cells") from error
    if lacking := [name for name in ("patterns", "authorities") if name not in parts]:
        raise BadInput(path, f"group {lacking[0]}", "nothing", "a file of cells")
    if said != content_sha256(parts):
        raise BadInput(path, "", "a changed file", "cells as they were written")
    return Cells(
        patterns=parts["patterns"],
        products=parts.get("products"),
        authorities=parts["authorities"],
    )


def _read_csv(path: Path) -> Cells:
    found: dict[str, str] = {}
    for name in ("", *companions(_text(path), path)):
        file = companion(path, name) if name else path
        found[name] = _text(check_there(file, f"the file that goes with {path.name}"))
    return cells_of_texts(found, path)


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise unreadable(path, error, "a file of cells") from error
    except UnicodeDecodeError as error:
        raise BadInput(path, f"byte {error.start}", "not UTF-8", "a file of cells") from error
