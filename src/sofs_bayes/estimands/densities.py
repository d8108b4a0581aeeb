"""Draws → prior and posterior density of an effect, at the same values."""

import numpy as np
import numpy.typing as npt
import xarray as xr

from sofs_bayes.estimands.rows import DensityRow

Floats = npt.NDArray[np.float64]

POINTS = 241
# What is shown holds so much of the posterior, and about 2.5 standard deviations of a normal prior.
TAIL, PRIOR_TAIL = 0.001, 0.006
SMOOTHED = 512  # points of a kernel density, read off between them


def drawn_density_rows(
    before: xr.DataArray, after: xr.DataArray, *, variant: str, prior: str, scale: str
) -> list[DensityRow]:
    """Kernel densities of an effect before and after the data.

    Parameters
    ----------
    before, after
        Draws from prior and posterior, dims (chain, draw), on `scale`.
    """
    first, second = (draws.to_numpy().ravel() for draws in (before, after))
    ends = np.concatenate(
        [np.quantile(first, [PRIOR_TAIL, 1 - PRIOR_TAIL]), np.quantile(second, [TAIL, 1 - TAIL])]
    )
    values = np.linspace(ends.min(), ends.max(), POINTS)
    return [
        DensityRow(
            variant=variant,
            prior=prior,
            scale=scale,
            effect=float(x),
            prior_density=float(b),
            posterior_density=float(a),
        )
        for x, b, a in zip(values, _density(first, values), _density(second, values), strict=True)
    ]


def _density(draws: Floats, values: Floats) -> Floats:
    """The kernel density of draws at values; 0 beyond the draws."""
    import arviz_stats as azs

    points, density, _ = azs.kde(draws, grid_len=SMOOTHED)
    found: Floats = np.interp(values, points, density, left=0.0, right=0.0)
    return found
