"""Named draws of a model of children → arrays by draw, with what the fit does not use at 0."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from math import ceil

import numpy as np
import numpy.typing as npt
import xarray as xr

from sofs_bayes.bayes.blocks import Blocks
from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.synthetic.persistence import persistent

Floats = npt.NDArray[np.float64]

# Draws that checks of counts use: their cost is draws times counts, and the Monte Carlo error of
# a check need not be that of a result.
MOST = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ThinnedDraws:
    """Draws of every parameter, flattened over chains.

    Attributes
    ----------
    chains
        How many chains the draws are of, one after the other.
    predictor
        Shape (draws, cells): everything but the children's terms.
    coefficient, child_effect, year_step
        Shapes (draws, terms), (draws, child terms), (draws, steps).
    shock
        Shape (draws, authorities, years).
    authority_sd, pilot_effect_sd, shock_sd, correlation, residual_sd
        Shape (draws,); 0 where the fit has none, also a `correlation` of independent shocks.
    """

    chains: int
    predictor: Floats
    coefficient: Floats
    child_effect: Floats
    year_step: Floats
    shock: Floats
    authority_sd: Floats
    pilot_effect_sd: Floats
    shock_sd: Floats
    correlation: Floats
    residual_sd: Floats

    def parts(self, size: int) -> "Iterator[ThinnedDraws]":
        """The same draws, so many at once (of which chain is no longer said)."""
        named = {each.name: getattr(self, each.name) for each in fields(self)}
        del named["chains"]
        for start in range(0, len(self.predictor), size):
            part = {name: values[start : start + size] for name, values in named.items()}
            yield ThinnedDraws(chains=1, **part)

    def by_chain(self, values: Floats, dim: str) -> xr.DataArray:
        """Values (draws, …) as (chain, draw, dim)."""
        shaped = values.reshape(self.chains, -1, *values.shape[1:])
        return xr.DataArray(shaped, dims=("chain", "draw", dim))


def thinned_draws(
    posterior: xr.Dataset, data: CellData, blocks: Blocks, *, most: int = MOST
) -> ThinnedDraws:
    """At most so many of the named draws, evenly spaced in every chain."""
    step = ceil(posterior.sizes["chain"] * posterior.sizes["draw"] / most)
    kept = posterior.isel(draw=slice(None, None, step)).transpose("chain", "draw", ...)
    draws = kept.sizes["chain"] * kept.sizes["draw"]

    def flat(name: str, *, used: bool = True, shape: tuple[int, ...] = ()) -> Floats:
        if name not in kept or not used:
            return np.zeros((draws, *shape))
        values = kept[name].to_numpy().astype(np.float64)
        return values.reshape(draws, *values.shape[2:])

    shocked = bool(blocks.shocks.any())
    return ThinnedDraws(
        chains=kept.sizes["chain"],
        predictor=flat("cell_predictor"),
        coefficient=flat("coefficient"),
        child_effect=flat("child_effect"),
        year_step=flat("year_step", shape=(len(blocks.steps),)),
        shock=flat("shock", used=shocked, shape=(len(data.authorities), len(data.years))),
        authority_sd=flat("authority_sd", used=bool(blocks.authorities.any())),
        pilot_effect_sd=flat("pilot_effect_sd", used=bool(blocks.pilots.any())),
        shock_sd=flat("shock_sd", used=shocked),
        correlation=flat("shock_correlation", used=shocked),
        residual_sd=flat("residual_sd"),
    )


def own_shocks(draws: ThinnedDraws, data: CellData) -> Floats:
    """Each cell's own shock, shape (draws, cells)."""
    own: Floats = draws.shock[:, data.authority, data.year]
    return own


def new_shocks(draws: ThinnedDraws, data: CellData, rng: np.random.Generator) -> Floats:
    """A new path of shocks for every authority, shape (draws, authorities, years)."""
    noise = rng.standard_normal(draws.shock.shape)
    return draws.shock_sd[:, None, None] * persistent(noise, draws.correlation[:, None], data.years)
