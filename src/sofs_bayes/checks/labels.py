"""What is ranked in a calibration: effects and every element of a parameter, by name."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import xarray as xr

from sofs_bayes.spec.keys import POOLED, Estimand
from sofs_bayes.spec.terms import PER_10_000, told_in

Floats = npt.NDArray[np.float64]

LOG_LIKELIHOOD = "log likelihood"
# Parameters that say how far authorities, pilots or years differ.
SPREADS = frozenset(
    {
        "authority_sd",
        "pilot_effect_sd",
        "residual_sd",
        "shock_correlation",
        "shock_sd",
        "year_effect_sd",
    }
)
# Ranks on further scales would be the same, or nearly.
SCALES = ("risk", PER_10_000, "log-odds")


def effects_ranked(answers: Mapping[Estimand, xr.DataArray], whom: str) -> dict[str, Floats]:
    """Each effect on the scales of `SCALES`, shape (chain, draw), by estimand, target, scale.

    The pooled ones stand first. `whom` are those of changes told per 10,000.
    """
    pooled_first = sorted(answers.items(), key=lambda answer: answer[0].target != POOLED)
    return {
        f"{question}, {question.target} ({told_in(question.scale, whom)})": values.to_numpy()
        for question, values in pooled_first
        if question.scale in SCALES and question.is_effect
    }


def elements(name: str, values: xr.DataArray) -> dict[str, Floats]:
    """Each element of a parameter by its labels: `shock[Dell, 2014]`."""
    moved = values.transpose("chain", "draw", ...)
    array = moved.to_numpy()
    if array.ndim == 2:
        return {name: array}
    labels = [moved[dim].to_numpy() for dim in moved.dims[2:]]
    return {
        f"{name}[{', '.join(str(labels[axis][i]) for axis, i in enumerate(place))}]": array[
            (..., *place)
        ]
        for place in np.ndindex(array.shape[2:])
    }
