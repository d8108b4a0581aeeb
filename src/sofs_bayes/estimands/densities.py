"""Draws → prior and posterior density of an effect, at the same values."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sofs_bayes.estimands.rows import DensityRow, Label, columns_of
from sofs_bayes.spec.keys import Estimand

if TYPE_CHECKING:
    import xarray as xr

Floats = npt.NDArray[np.float64]

POINTS = 481  # a wide prior leaves a narrow posterior few of them
TAIL = 0.001  # of prior and posterior beyond either end of what is shown
SMOOTHED = 512  # points of a kernel density, read off between them


def drawn_density_rows(
    before: "xr.DataArray", after: "xr.DataArray", estimand: Estimand, label: Label
) -> list[DensityRow]:
    """Kernel densities of an effect before and after the data.

    Parameters
    ----------
    before, after
        Draws from prior and posterior, dims (chain, draw), on the estimand's scale.
    """
    first, second = (draws.to_numpy().ravel() for draws in (before, after))
    ends = np.concatenate([np.quantile(draws, [TAIL, 1 - TAIL]) for draws in (first, second)])
    values = np.linspace(ends.min(), ends.max(), POINTS)
    return rows_of_densities(
        values, _density(first, values), _density(second, values), estimand, label
    )


def rows_of_densities(
    values: Floats, before: Floats, after: Floats, estimand: Estimand, label: Label
) -> list[DensityRow]:
    """Rows of densities before and after the data at the same values."""
    return [
        DensityRow(
            **columns_of(estimand, label),
            value=float(x),
            prior_density=float(b),
            posterior_density=float(a),
        )
        for x, b, a in zip(values, before, after, strict=True)
    ]


def _density(draws: Floats, values: Floats) -> Floats:
    """The kernel density of draws at values; 0 beyond the draws."""
    import arviz_stats as azs

    # Effects have one mode: a rule that looks for more would draw Monte Carlo error as bumps.
    points, density, _ = azs.kde(draws, bw="silverman", grid_len=SMOOTHED)
    found: Floats = np.interp(values, points, density, left=0.0, right=0.0)
    return found
