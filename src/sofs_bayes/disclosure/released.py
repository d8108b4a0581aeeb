"""Counts and what of them must stay hidden → counts with states and bounds."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from sofs_bayes.cells.dataset import STATES, Cells
from sofs_bayes.disclosure.outsider import WEIGHED, WEIGHT_DECIMALS, numbered
from sofs_bayes.disclosure.rules import OutputRule
from sofs_bayes.disclosure.search import Entries, Flags, Floats, blocks, interval, whole

EXACT, SUPPRESSED, ROUNDED = range(len(STATES))
SUMS = ("weight", "weighted_events", "weight_squared")

# Mean weights beside rounded counts: finer ones would tell the counts that were rounded.
MEAN_DECIMALS = 2


def released_counts(
    cells: Cells,
    table: Entries,
    hidden: Flags,
    telling: Flags,
    rule: OutputRule,
    *,
    telling_events: Flags,
    bounded: bool = True,
) -> xr.Dataset:
    """The `patterns` of released cells, from their entries as `outsider.judged` has them.

    Bounds of suppressed counts are those of an outsider who knows everything published and the
    known totals. Sums of weights are coarse: see `coarse_sums`. Rounded counts have the bounds
    that rounding leaves; sums of weights are made anew from them, so that they do not tell the
    counts. Without `bounded` nothing is worked out of suppressed counts, as where the cells may
    not leave.
    """
    true = {name: cells.patterns[name].values.astype(float) for name in ("n", "events")}
    true |= coarse_sums(cells)
    count = cells.patterns.sizes["pattern"]
    flags_of = {"events": hidden[:count], "n": hidden[count : 2 * count]}
    low, high = _bounds(table, hidden if bounded else np.zeros_like(hidden), true)
    shown, state = dict(true), EXACT
    if rule.round_to is not None:
        base, state = rule.round_to, ROUNDED
        shown = _rounded(true, base)
        for kind, flags in flags_of.items():
            low[kind] = np.where(flags, low[kind] // base * base, shown[kind] - base // 2)
            low[kind] = low[kind].clip(min=0)
            high[kind] = np.where(flags, -(-high[kind] // base) * base, shown[kind] + base // 2)
    without = {
        "n": flags_of["n"],
        "events": flags_of["events"],
        "weight": flags_of["n"] | telling,
        "weight_squared": flags_of["n"] | telling,
        "weighted_events": flags_of["events"] | telling | telling_events,
    }
    columns: dict[str, npt.NDArray[Any]] = {
        name: np.where(flags, np.nan, shown[name]) for name, flags in without.items()
    }
    for kind in ("n", "events"):
        columns[f"{kind}_state"] = np.where(without[kind], SUPPRESSED, state).astype(np.int8)
        columns[f"{kind}_low"] = low[kind].astype(np.int64)
        columns[f"{kind}_high"] = high[kind].astype(np.int64)
    keys = {*cells.by, *cells.covariates}
    kept = cells.patterns.drop_vars([n for n in cells.patterns.data_vars if n not in keys])
    named = {name: ("pattern", values) for name, values in columns.items()}
    states = {f"{kind}_state_label": np.array(STATES, dtype=object) for kind in ("n", "events")}
    return kept.assign(named).assign_coords(states)


def _bounds(
    table: Entries, hidden: Flags, true: dict[str, Floats]
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Lowest and highest value of counts and events, as an outsider could work out."""
    known = blocks(table, hidden)
    low, high = ({kind: true[kind].copy() for kind in ("n", "events")} for _ in range(2))
    count = len(true["n"])
    for start, kind in ((0, "events"), (count, "n")):
        for i in np.flatnonzero(hidden[start : start + count]):
            row = table.sums[[start + i]].toarray().ravel()
            down, up = whole(*interval(known, row))
            low[kind][i] += down
            high[kind][i] += up
    return low, high


def coarse_sums(cells: Cells) -> dict[str, Floats]:
    """Sums of weights that do not tell how many rows have which weight.

    Of known weights an exact sum has one solution in whole numbers. So Σw and Σwy are multiples
    of the difference between the largest and the smallest weight of their arm in the group and
    period (and with the covariates), as far as the counts allow; Σw² is shared out by rows,
    from the arm's likewise. Sums of one weight stay as they are.
    """
    n, events, weight, weighted_events, squares = (
        cells.patterns[name].values.astype(float) for name in ("n", "events", *SUMS)
    )
    arm, low, high = _weights_of_arm(cells)
    others, step = n - events, high - low
    coarse = np.clip(_multiple(weight, step), n * low, n * high)
    of_events = np.clip(
        _multiple(weighted_events, step),
        np.maximum(events * low, coarse - others * high),
        np.minimum(events * high, coarse - others * low),
    )
    rows, square = (np.bincount(arm, values)[arm] for values in (n, squares))
    square = _multiple(square, high**2 - low**2).clip(rows * low**2, rows * high**2)
    found = {"weight": coarse, "weighted_events": of_events, "weight_squared": square / rows * n}
    true = {"weight": weight, "weighted_events": weighted_events, "weight_squared": squares}
    alike = alike_weights(cells)
    return {name: np.where(alike, true[name], values) for name, values in found.items()}


def alike_weights(cells: Cells) -> Flags:
    """Patterns whose arm, in the group and period, has one weight."""
    _, low, high = _weights_of_arm(cells)
    return np.asarray(high - low < 10.0**-WEIGHT_DECIMALS)


def _weights_of_arm(cells: Cells) -> tuple[npt.NDArray[np.int64], Floats, Floats]:
    """The arm in its group and period of each pattern, its smallest and its largest weight."""
    if cells.weights is None:
        raise ValueError("cells without numbers by weight")
    arm = numbered(cells, (*WEIGHED, *cells.covariates))
    weight = pd.Series(cells.weights["weight"].values)
    of_arm = weight.groupby(arm[cells.weights["of_pattern"].values])
    return arm, of_arm.min().to_numpy()[arm], of_arm.max().to_numpy()[arm]


def _multiple(values: Floats, step: Floats) -> Floats:
    """The nearest multiples."""
    plain = np.where(step > 0, step, 1.0)
    return np.where(step > 0, np.round(values / plain) * plain, values)


def _rounded(true: dict[str, Floats], base: int) -> dict[str, Floats]:
    """Counts to the nearest multiple of the base, and sums of weights that go with them."""
    shown = {kind: np.floor(true[kind] / base + 0.5) * base for kind in ("n", "events")}
    of = {"weight": "n", "weight_squared": "n", "weighted_events": "events"}
    for name, kind in of.items():
        mean = true[name] / np.where(true[kind] > 0, true[kind], 1.0)
        shown[name] = np.round(mean, MEAN_DECIMALS) * shown[kind]
    return shown
