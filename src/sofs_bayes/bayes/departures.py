"""What is left of an authority's log-odds beside its mean: an intercept and shocks by year.

The same arithmetic serves the graph (tensors) and the draws made from it (arrays).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Departures:
    """Departures r = u + v of cells from their mean, whitened as if there were no u.

    With W such that W v is standard normal: |W r|², W 1 · W r and |W 1|² over years, and
    log |det W|. Tensors of PyTensor or arrays of numpy, all but the last two per authority.
    """

    square: Any
    product: Any
    ones_square: Any
    log_det: Any
    years: int

    def log_density(self, authority_sd: Any) -> Any:
        """The log density of r with u ~ Normal(0, authority_sd) integrated out."""
        pull = 1.0 + authority_sd**2 * self.ones_square
        quadratic = self.square - authority_sd**2 * self.product**2 / pull
        constant = self.years * float(np.log(2.0 * np.pi))
        return self.log_det - 0.5 * (quadratic + _log(pull) + constant)

    def intercept(self, authority_sd: Any) -> tuple[Any, Any]:
        """Mean and sd of an authority's u given its departures."""
        variance = authority_sd**2 / (1.0 + authority_sd**2 * self.ones_square)
        return variance * self.product, variance**0.5


def departures_from(r: Any, sd: Any, rho: Any, years: tuple[int, ...]) -> Departures:
    """Departures (…, authority, year) of shocks with the given sd and correlation ρ^|t - t'|.

    `sd` and `rho` broadcast against (…, authority, year). A shock given the year before is
    normal with mean ρ^gap times that one's, which whitens a year with the help of the last
    alone.
    """
    gaps = np.diff(years).astype(float)
    kept = rho**gaps
    scale = sd * (1.0 - kept**2) ** 0.5
    new, one = (r[..., 1:] - kept * r[..., :-1]) / scale, (1.0 - kept) / scale
    first, first_one = r[..., :1] / sd, 1.0 / sd
    return Departures(
        square=(first**2).sum(-1) + (new**2).sum(-1),
        product=(first * first_one).sum(-1) + (new * one).sum(-1),
        ones_square=first_one[..., 0] ** 2 + (one**2).sum(-1),
        log_det=-_log(sd[..., 0]) - _log(scale).sum(-1),
        years=len(years),
    )


def _log(x: Any) -> Any:
    """The logarithm of an array or of a tensor; numpy dispatches neither to the other."""
    if isinstance(x, float | np.ndarray | np.floating):
        return np.log(x)
    import pytensor.tensor as pt

    return pt.log(x)
