"""Cells ⇄ netCDF, or CSV files; nothing half-written, nothing unchecked by accident."""

import hashlib
import io
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from sofs_bayes.cells.dataset import KEYS, STATES, Cells, frame_of
from sofs_bayes.errors import BadInput, counted, unreadable
from sofs_bayes.folders.given import check_there
from sofs_bayes.folders.store import to_bytes
from sofs_bayes.folders.whole import replace_file
from sofs_bayes.records.csv_rows import as_given, harmless
from sofs_bayes.records.netcdf_links import check_no_links
from sofs_bayes.records.referral_files import Evidence
from sofs_bayes.records.text_values import NUMBER
from sofs_bayes.spec import ChildrenAnalysis, fingerprint

WEIGHTED = ("weight", "weighted_events", "weight_squared")
STATED = ("evidence", "analysis", "analysis_sha256", "threshold", "by", "covariates")
A_FILE = "a file of cells as it was written"

# Sums of the same numbers in another order.
ROUNDING = 1e-9


def check_cells(
    cells: Cells, analysis: ChildrenAnalysis, *, file: Path, other_analysis: bool
) -> None:
    """Raise BadInput if cells are of another analysis, or hold what cannot be."""
    attrs = cells.patterns.attrs
    for name in STATED:
        if name not in attrs:
            raise BadInput(file, name, "nothing", A_FILE)
    if attrs["evidence"] not in get_args(Evidence):
        raise BadInput(file, "evidence", repr(attrs["evidence"]), " or ".join(get_args(Evidence)))
    if attrs["evidence"] == "synthetic" and "synthetic" not in file.name:
        raise BadInput(file, "", "synthetic cells", 'a file name with "synthetic" in it')
    if not other_analysis and attrs["analysis_sha256"] != fingerprint(analysis):
        found = f"cells of {attrs['analysis']} ({str(attrs['analysis_sha256'])[:12]})"
        wanted = f"{analysis.name} ({fingerprint(analysis)[:12]})"
        raise BadInput(file, "analysis_sha256", found, wanted)
    for name in ("by", "covariates"):
        if not _is_list(attrs[name]):
            raise BadInput(file, name, "no list of names", A_FILE)
    _check_columns(cells, file)
    _check_labels(cells.patterns, file)
    _check_counts(cells, file)
    if cells.products is not None:
        _check_labels(cells.products, file)
        _check_products(cells.products, file)


def _is_list(text: object) -> bool:
    try:
        found = json.loads(str(text))
    except ValueError:
        return False
    return isinstance(found, list) and all(isinstance(name, str) for name in found)


def _check_columns(cells: Cells, file: Path) -> None:
    released = (
        [f"{kind}_{what}" for kind in ("n", "events") for what in ("state", "low", "high")]
        if cells.threshold
        else []
    )
    for name in (*cells.by, *cells.covariates, "n", "events", *WEIGHTED, *released):
        if name not in cells.patterns or cells.patterns[name].dims != ("pattern",):
            raise BadInput(file, f"column {name}", "nothing", A_FILE)
    if unknown := sorted(set(cells.by) - set(KEYS)):
        raise BadInput(file, "by", repr(unknown[0]), ", ".join(KEYS))
    if not cells.patterns.sizes["pattern"]:
        raise BadInput(file, "", "no rows", "at least one")


def _check_labels(dataset: xr.Dataset, file: Path) -> None:
    for label in dataset.coords:
        name = str(label).removesuffix("_label")
        if name == label or name not in dataset:
            continue
        index = dataset[name].values
        if wrong := int(((index < 0) | (index >= dataset.sizes[label])).sum()):
            raise BadInput(file, f"column {name}", f"no label in {counted(wrong, 'row')}", A_FILE)


def _check_counts(cells: Cells, file: Path) -> None:
    counts = {str(name): values.values for name, values in cells.patterns.data_vars.items()}
    n, events = counts["n"], counts["events"]
    kept = [name for name in ("n", "events", *WEIGHTED) if name in counts]
    faults = {f"negative {name}": counts[name] < 0 for name in kept}
    faults |= {f"infinite {name}": np.isinf(counts[name]) for name in kept}
    faults["more events than referrals"] = events > n
    faults["more weight on events than on referrals"] = counts["weighted_events"] > counts[
        "weight"
    ] * (1 + ROUNDING)
    if cells.threshold:
        for kind in ("n", "events"):
            state, value = counts[f"{kind}_state"], counts[kind]
            low, high = counts[f"{kind}_low"], counts[f"{kind}_high"]
            faults[f"{kind} of no known state"] = (state < 0) | (state >= len(STATES))
            hidden = state == STATES.index("suppressed")
            faults[f"{kind} suppressed but there, or the reverse"] = hidden != np.isnan(value)
            faults[f"{kind} outside its bounds"] = (low > high) | (value < low) | (value > high)
            faults[f"negative lower bound of {kind}"] = low < 0
    else:
        faults["no number"] = np.isnan(n) | np.isnan(events)
    for found, flags in faults.items():
        if count := int(np.asarray(flags).sum()):
            raise BadInput(
                file, "patterns", f"{found} in {counted(count, 'row')}", "counts that can be"
            )


def _check_products(products: xr.Dataset, file: Path) -> None:
    dims = ("cell", "regressor", "co_regressor")
    for name in ("unweighted", "weighted"):
        if name not in products or products[name].dims != dims:
            raise BadInput(file, f"products, {name}", "nothing", A_FILE)
        values = products[name].values
        if not np.isfinite(values).all() or (np.diagonal(values, axis1=1, axis2=2) < 0).any():
            raise BadInput(file, f"products, {name}", "no sums of squares", A_FILE)
        if values[:, -1, -1].size and (values[:, -1, -1] > values[:, 0, 0] * (1 + ROUNDING)).any():
            raise BadInput(file, f"products, {name}", "more events than referrals", A_FILE)


AUTHORITIES, PRODUCTS = "authorities", "products"
PAIR = ("regressor", "co_regressor")
SUMS = ("unweighted", "weighted")
WHOLE = "-?[0-9]{1,18}"
SHA256, ROWS = "sha256", "rows"
OF_TEXT = (SHA256, ROWS, "labels", "kinds", "files")  # above a table, and no attribute of it


def companion(path: Path, name: str) -> Path:
    """The file that stands beside the file of patterns."""
    return path.with_name(f"{path.stem}-{name}{path.suffix}")


def texts_of(cells: Cells, path: Path) -> dict[Path, str]:
    """The files of cells and their texts; the file of patterns, with the others' hashes, last."""
    texts = {companion(path, AUTHORITIES): _authorities_text(cells.authorities)}
    if cells.products is not None:
        texts[companion(path, PRODUCTS)] = _products_text(cells.products)
    hashes = {
        name: _sha256(texts[companion(path, name)])
        for name in (AUTHORITIES, PRODUCTS)
        if companion(path, name) in texts
    }
    rows = frame_of(cells.patterns, "pattern")
    return texts | {path: _signed(_text_of(cells.patterns, rows, {"files": hashes}))}


def _signed(text: str) -> str:
    """The text with its hash as second line, so that a file that was changed shows it."""
    first, _, rest = text.partition("\n")
    return f"{first}\n# {SHA256}: {json.dumps(_sha256(text))}\n{rest}"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _authorities_text(authorities: xr.Dataset) -> str:
    rows = authorities.to_dataframe().reset_index()
    return _text_of(authorities, rows, {})


def _products_text(products: xr.Dataset) -> str:
    """A row for each cell and pair of regressors, the later one second."""
    cells = frame_of(products, "cell")
    names = products["regressor"].values
    upper = np.triu_indices(len(names))
    pairs = pd.DataFrame({PAIR[0]: names[upper[0]], PAIR[1]: names[upper[1]]})
    for name in SUMS:
        cells[name] = list(products[name].values[:, upper[0], upper[1]])
    keys = [name for name in cells if name not in SUMS]
    rows = cells[keys].loc[cells.index.repeat(len(pairs))].reset_index(drop=True)
    for name in PAIR:
        rows[name] = np.tile(pairs[name].to_numpy(), len(cells))
    for name in SUMS:
        rows[name] = np.concatenate([*cells[name], []])
    return _text_of(products, rows, {"regressors": [str(name) for name in names]})


def _text_of(dataset: xr.Dataset, rows: pd.DataFrame, more: Mapping[str, Any]) -> str:
    labels = {
        str(name).removesuffix("_label"): [str(label) for label in values.values]
        for name, values in dataset.coords.items()
        if str(name).endswith("_label")
    }
    kinds = {str(name): str(values.dtype) for name, values in dataset.data_vars.items()}
    own = {ROWS: len(rows), "labels": labels, "kinds": kinds}
    head: dict[str, Any] = {**dataset.attrs, **own, **more}
    plain = {key: value.item() if hasattr(value, "item") else value for key, value in head.items()}
    lines = [f"# {key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in plain.items()]
    texts = rows.select_dtypes(exclude="number").columns
    rows = rows.assign(**{name: [harmless(str(cell)) for cell in rows[name]] for name in texts})
    return "".join(lines) + rows.to_csv(index=False, lineterminator="\n")


def companions(text: str, path: Path) -> tuple[str, ...]:
    """The names of the files that stand beside the file of patterns with this text."""
    head, _ = _head(text, path)
    if not head:
        raise BadInput(path, "", "no cells", "cells as collapse wrote them, or matched children")
    files = head.get("files")
    if not isinstance(files, dict) or not set(files) <= {AUTHORITIES, PRODUCTS}:
        raise BadInput(path, "files", "nothing", "the hashes of the files beside it")
    return tuple(files)


def cells_of_texts(texts: Mapping[str, str], path: Path) -> Cells:
    """The cells that texts hold: of the patterns (""), and of the files beside it, by name.

    Raises
    ------
    BadInput
        A file that was changed, or is none of cells.
    """
    first, _, rest = texts[""].partition("\n")
    if texts[""] != _signed(f"{first}\n{rest.partition('\n')[2]}"):
        raise BadInput(path, "", "a changed file, or one that was cut off", "as it was written")
    head, rows = _read(texts[""], path)
    for name, digest in head["files"].items():
        if _sha256(texts[name]) != digest:
            raise BadInput(companion(path, name), "", "a changed file", "as it was written")
    attrs = {key: value for key, value in head.items() if key not in OF_TEXT}
    parts = {name: _read(texts[name], companion(path, name)) for name in head["files"]}
    try:
        authorities = parts[AUTHORITIES][1].set_index(["authority", "year"]).to_xarray()
        products = _products(*parts[PRODUCTS]) if PRODUCTS in parts else None
        of_patterns = _dataset(rows, head, "pattern")
    except (KeyError, ValueError, TypeError) as error:
        raise BadInput(path, "columns", "others", "those that were written") from error
    authorities["authority"] = authorities["authority"].astype(object)
    return Cells(
        patterns=of_patterns.assign_attrs(attrs),
        products=products,
        authorities=authorities.assign_attrs(attrs),
    )


def _head(text: str, path: Path) -> tuple[dict[str, Any], str]:
    """What the lines above a table say, and the table's text."""
    lines = list(io.StringIO(text))
    count = next((i for i, line in enumerate(lines) if not line.startswith("# ")), len(lines))
    head = {}
    for i, line in enumerate(lines[:count]):
        key, _, value = line[2:].partition(": ")
        try:
            head[key] = json.loads(value)
        except ValueError as error:
            raise BadInput(path, f"line {i + 1}", "no value", "# key: value") from error
    return head, "".join(lines[count:])


def _read(text: str, path: Path) -> tuple[dict[str, Any], pd.DataFrame]:
    head, table = _head(text, path)
    if not isinstance(head.get("labels"), dict) or not isinstance(head.get("kinds"), dict):
        raise BadInput(path, "labels", "nothing", "a file of cells")
    try:
        rows = pd.read_csv(io.StringIO(table), dtype=str, keep_default_na=False)
    except (ValueError, pd.errors.ParserError) as error:
        raise BadInput(path, "", "not CSV", "a file of cells") from error
    texts = {*head["labels"], *PAIR, "authority"}
    first = text.count("\n") - table.count("\n") + 2  # the line of the first row
    for name in rows.columns.difference(list(texts)):
        rows[name] = _numbers(rows[name], head["kinds"].get(name, "int64"), path, first)
    given = {name: rows[name].map(as_given) for name in texts & {*rows.columns}}
    return head, rows.assign(**given)


def _numbers(texts: "pd.Series[str]", kind: str, path: Path, first: int) -> npt.NDArray[Any]:
    """A column's numbers, of this kind; its first row is line `first`."""
    wrong = ~texts.str.fullmatch(WHOLE if "int" in kind else f"({NUMBER})?")
    if not wrong.any():
        with suppress(ValueError, TypeError, OverflowError):
            numbers: npt.NDArray[Any] = texts.replace("", "nan").to_numpy(dtype=str).astype(kind)
            if not np.isinf(numbers).any():
                return numbers
    line = f"line {first + int(wrong.argmax())}, " if wrong.any() else ""
    raise BadInput(path, f"{line}column {texts.name}", "no number", "numbers as they were written")


def _dataset(rows: pd.DataFrame, head: Mapping[str, Any], dim: str) -> xr.Dataset:
    columns: dict[str, tuple[str, npt.NDArray[Any]]] = {}
    coords = {}
    for name, kind in head["kinds"].items():
        if name in SUMS and dim == "cell":
            continue
        values = rows[name]
        if name in head["labels"]:
            labels = head["labels"][name]
            codes = pd.Categorical(values, categories=labels).codes
            columns[name] = (dim, codes.astype(kind))
            coords[f"{name}_label"] = np.array(labels, dtype=object)
        else:
            columns[name] = (dim, values.to_numpy().astype(kind))
    return xr.Dataset(columns, coords=coords)


def _products(head: Mapping[str, Any], rows: pd.DataFrame) -> xr.Dataset:
    names = np.array(head["regressors"], dtype=object)
    upper = np.triu_indices(len(names))
    pairs = len(upper[0])
    keyed = _dataset(rows.iloc[::pairs], head, "cell")
    sums = {}
    for name in SUMS:
        full = np.zeros((len(rows) // pairs, len(names), len(names)))
        full[:, upper[0], upper[1]] = rows[name].to_numpy().reshape(-1, pairs)
        full[:, upper[1], upper[0]] = full[:, upper[0], upper[1]]
        sums[name] = (("cell", *PAIR), full)
    attrs = {key: v for key, v in head.items() if key not in (*OF_TEXT, "regressors")}
    return keyed.assign(sums).assign_coords(dict.fromkeys(PAIR, names)).assign_attrs(attrs)


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
