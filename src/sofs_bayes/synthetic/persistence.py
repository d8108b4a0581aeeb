"""Independent noise → shocks that persist from year to year, as every simulation here has them."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def persistent(
    noise: Floats, correlation: "float | Floats", years: "tuple[int, ...] | None" = None
) -> Floats:
    """Stationary autoregressive shocks of order 1 that have the noise's variance.

    `noise`: independent, of one variance; years last, shape (…, years). `correlation`: from one
    year to the next; a number, or an array that broadcasts against (…). `years`: which years these
    are, ascending; None for one after the other.
    """
    shocks = np.array(noise, dtype=np.float64)
    gaps = np.ones(shocks.shape[-1] - 1) if years is None else np.diff(years)
    for t, gap in enumerate(gaps, start=1):
        kept = correlation**gap
        shocks[..., t] = kept * shocks[..., t - 1] + np.sqrt(1.0 - kept**2) * shocks[..., t]
    return shocks
