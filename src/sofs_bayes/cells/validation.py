"""Cells read from a file: whether they can be what they say they are."""

import json
from pathlib import Path
from typing import get_args

import numpy as np
import xarray as xr

from sofs_bayes.cells.dataset import KEYS, STATES, Cells
from sofs_bayes.errors import BadInput
from sofs_bayes.records.referral_files import Evidence
from sofs_bayes.spec import ChildrenAnalysis, fingerprint

SUMS = ("weight", "weighted_events", "weight_squared")
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
    for name in (*cells.by, *cells.covariates, "n", "events", *SUMS, *released):
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
            raise BadInput(file, f"column {name}", f"no label in {wrong} rows", A_FILE)


def _check_counts(cells: Cells, file: Path) -> None:
    counts = {str(name): values.values for name, values in cells.patterns.data_vars.items()}
    n, events = counts["n"], counts["events"]
    kept = [name for name in ("n", "events", *SUMS) if name in counts]
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
            raise BadInput(file, "patterns", f"{found} in {count} rows", "counts that can be")


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
