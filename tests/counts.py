"""Counts of whole authorities made by hand, and draws of a model of them."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

from sofs_bayes.bayes.blocks import Blocks
from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.checks.thinned_draws import prior_draws
from sofs_bayes.spec import OpenAnalysis

Floats = npt.NDArray[np.float64]


def observed(
    events: Floats,
    denominators: Floats,
    authorities: Sequence[str],
    years: Sequence[int],
    settling_in: Mapping[str, tuple[int, int]],
) -> xr.Dataset:
    """A rectangle of counts (authority, year) as `did_cells` gives it; 0 children: not seen."""
    rows = []
    for i, j in np.argwhere(denominators > 0):
        name, year = authorities[i], years[j]
        first, last = settling_in.get(name, (9999, 9999))
        pilot, after = name in settling_in, year > last
        if pilot and not after and year >= first:
            continue
        since = (year - last - 1 if after else year - first) if pilot else np.nan
        period = ("post" if after else "pre") if pilot else "none"
        rows.append((name, year, events[i, j], denominators[i, j], pilot, period, since))
    names = ("authority", "year", "events", "denominator", "is_pilot", "period", "years_since")
    kinds = (object, int, float, float, bool, object, float)
    columns: list[np.ndarray] = [
        np.array(column, dtype=kind)
        for column, kind in zip(zip(*rows, strict=True), kinds, strict=True)
    ]
    return xr.Dataset({name: ("cell", column) for name, column in zip(names, columns, strict=True)})


def draws_from_nowhere(
    analysis: OpenAnalysis, data: CellData, blocks: Blocks, *, chains: int, draws: int
) -> xr.Dataset:
    """Named draws of every parameter, from the prior."""
    flat = prior_draws(analysis, data, blocks, draws=chains * draws, seed=20150331)
    parts = [flat.isel(draw=slice(i * draws, (i + 1) * draws)) for i in range(chains)]
    found = xr.concat(parts, dim="chain")
    found = found.assign_coords(chain=range(chains), draw=range(draws))
    return found.transpose("chain", "draw", ...)
