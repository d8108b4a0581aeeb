"""Cells ⇄ texts of CSV files, for people and programs that have no netCDF."""

import hashlib
import io
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from sofs_bayes.cells.dataset import Cells, frame_of
from sofs_bayes.errors import BadInput
from sofs_bayes.records.csv_rows import as_given, harmless
from sofs_bayes.records.text_values import NUMBER

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
    return texts | {path: _signed(_text(cells.patterns, rows, {"files": hashes}))}


def _signed(text: str) -> str:
    """The text with its hash as second line, so that a file that was changed shows it."""
    first, _, rest = text.partition("\n")
    return f"{first}\n# {SHA256}: {json.dumps(_sha256(text))}\n{rest}"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _authorities_text(authorities: xr.Dataset) -> str:
    rows = authorities.to_dataframe().reset_index()
    return _text(authorities, rows, {})


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
    return _text(products, rows, {"regressors": [str(name) for name in names]})


def _text(dataset: xr.Dataset, rows: pd.DataFrame, more: Mapping[str, Any]) -> str:
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
