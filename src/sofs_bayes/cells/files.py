"""Cells ⇄ netCDF, or CSV files; nothing half-written, nothing unchecked by accident."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import xarray as xr

from sofs_bayes.cells.csv_files import cells_of_texts, companion, companions, texts_of
from sofs_bayes.cells.dataset import Cells
from sofs_bayes.cells.validation import check_cells
from sofs_bayes.errors import BadInput
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
        return _write_whole({name: text.encode() for name, text in texts_of(cells, path).items()})
    return _write_netcdf(cells, path)


def _write_netcdf(cells: Cells, path: Path) -> tuple[Path, ...]:
    parts = {"patterns": cells.patterns, "authorities": cells.authorities}
    if cells.products is not None:
        parts["products"] = cells.products
    tree = xr.DataTree.from_dict({f"/{name}": part for name, part in parts.items()})
    partial = _partial(path)
    try:
        tree.to_netcdf(partial, engine="h5netcdf")
        partial.replace(path)
    except OSError as error:
        raise BadInput(path, "", error.strerror or "an error", "a file to write") from error
    finally:
        partial.unlink(missing_ok=True)
    return (path,)


def _write_whole(contents: Mapping[Path, bytes]) -> tuple[Path, ...]:
    """Write files whole, the last one last: it vouches for the others."""
    partials = {path: _partial(path) for path in contents}
    path = next(iter(contents))
    try:
        for path, content in contents.items():
            partials[path].write_bytes(content)
        for path, partial in partials.items():
            partial.replace(path)
    except OSError as error:
        raise BadInput(path, "", error.strerror or "an error", "a file to write") from error
    finally:
        for partial in partials.values():
            with suppress(OSError):
                partial.unlink(missing_ok=True)
    return tuple(contents)


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.name}.partial")


def read_cells(
    path: Path | str, analysis: ChildrenAnalysis, *, other_analysis: bool = False
) -> Cells:
    """The cells in a file that `write_cells` wrote.

    Parameters
    ----------
    other_analysis
        Whether the cells may have been made for an analysis with another fingerprint.

    Raises
    ------
    BadInput
        No such file, or not one of cells; cells of another analysis; counts or bounds that
        cannot be (negative, more events than children, a label that is not there).
    """
    path = Path(path)
    if path.suffix not in (NETCDF, CSV):
        raise BadInput(path, "", repr(path.suffix), KINDS)
    if not path.is_file():
        raise BadInput(path, "", "no such file", "a file of cells")
    cells = _read_csv(path) if path.suffix == CSV else _read_netcdf(path)
    check_cells(cells, analysis, file=path, other_analysis=other_analysis)
    return cells


def _read_netcdf(path: Path) -> Cells:
    check_no_links(path)
    try:
        with xr.open_datatree(path, engine="h5netcdf") as tree:
            parts = {name: node.to_dataset().load() for name, node in tree.children.items()}
    except (OSError, ValueError, KeyError) as error:
        raise BadInput(path, "", "not netCDF", "a file of cells") from error
    if lacking := [name for name in ("patterns", "authorities") if name not in parts]:
        raise BadInput(path, f"group {lacking[0]}", "nothing", "a file of cells")
    return Cells(
        patterns=parts["patterns"],
        products=parts.get("products"),
        authorities=parts["authorities"],
    )


def _read_csv(path: Path) -> Cells:
    found: dict[str, str] = {}
    for name in ("", *companions(_text(path), path)):
        file = companion(path, name) if name else path
        if not file.is_file():
            raise BadInput(file, "", "no such file", f"the file that goes with {path.name}")
        found[name] = _text(file)
    return cells_of_texts(found, path)


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise BadInput(path, "", error.strerror or "unreadable", "a file of cells") from error
    except UnicodeDecodeError as error:
        raise BadInput(path, f"byte {error.start}", "not UTF-8", "a file of cells") from error
