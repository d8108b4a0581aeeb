"""What ArviZ reads beside draws of parameters: likelihoods, predictions, observed rates.

All are by authority and year, where an observation is what the children of that year came to.
"""

import numpy as np
import numpy.typing as npt
import xarray as xr

from sofs_bayes.bayes.blocks import Blocks
from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.checks.loo import authority_years
from sofs_bayes.checks.predictive import observed_rates, predicted_rates
from sofs_bayes.checks.thinned_draws import thinned_draws

Floats = npt.NDArray[np.float64]

RATE, PLACE = "rate", "authority_year"


def observation_groups(
    posterior: xr.Dataset,
    data: CellData,
    blocks: Blocks,
    *,
    log_density: xr.DataArray | None,
    seed: int,
) -> dict[str, xr.Dataset]:
    """Groups `log_likelihood`, `posterior_predictive` and `observed_data`, each with `rate`.

    Parameters
    ----------
    posterior
        Named draws.
    log_density
        Of each authority's year given all others, its own shock integrated out, dims (chain,
        draw, authority_year), as `loo.loo_cells` has it: given its shock no year could be left
        out.
    seed
        Of the predictions, which have new shocks (`predictive_check`), of at most 1,000 draws.
    """
    places = [(j, t, cells) for j, t, cells in authority_years(data)]
    names = [f"{data.authorities[j]} {data.years[t]}" for j, t, _ in places]
    draws = thinned_draws(posterior, data, blocks)
    weight = data.cells["weight"].to_numpy(np.float64)
    share = np.zeros((len(places), len(weight)))
    for row, (_, _, cells) in zip(share, places, strict=True):
        row[cells] = weight[cells] / weight[cells].sum()
    predicted = predicted_rates(draws, data, np.random.default_rng(seed)) @ share.T
    groups = {} if log_density is None else {"log_likelihood": log_density}
    groups |= {
        "posterior_predictive": draws.by_chain(predicted, PLACE),
        "observed_data": xr.DataArray(share @ observed_rates(data), dims=PLACE),
    }
    return {group: _of_rates(values, names) for group, values in groups.items()}


def _of_rates(values: xr.DataArray, names: list[str]) -> xr.Dataset:
    """The values with labels, in single precision: they are many."""
    places = {dim: range(values.sizes[dim]) for dim in ("chain", "draw") if dim in values.dims}
    labelled = values.astype(np.float32).assign_coords({**places, PLACE: names})
    return labelled.to_dataset(name=RATE)
