"""Fits that are made a thousand times: sampled for as short as their use allows, and checked.

A rank needs `DRAWS` nearly independent draws, not the thousands that an interval's ends do. What
does not pass is sampled for longer, in the end as long as the analysis itself is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import xarray as xr

from sofs_bayes.bayes.blocks import Blocks
from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.bayes.compiled_model import copied_arrays
from sofs_bayes.bayes.did_draws import named
from sofs_bayes.bayes.did_model import model_data
from sofs_bayes.bayes.limits import MIN_BFMI
from sofs_bayes.bayes.sampling import Compiled, sample
from sofs_bayes.checks.ranks import DRAWS
from sofs_bayes.spec import DidAnalysis, OpenAnalysis, Sampler
from sofs_bayes.spec.seeds import stage_seed

Floats = npt.NDArray[np.float64]

# Chains, tuning and kept draws of each attempt but the last, which is the analysis's own.
SHORT = ((2, 150, 240), (2, 300, 600))
# Counts of a hundred authorities have as many shocks as cells: two of five fits need more than
# the first attempt, one of six more than the second, and the analysis's own takes half a minute.
SHORT_OF_COUNTS = (*SHORT, (2, 500, 2000))
# Larger steps than a fit whose every tail counts would take: 14 to 33% faster for the main models,
# and what diverges is sampled again.
MOST_ACCEPTED = 0.8
# R-hat of 480 draws has a standard error of about .01 where chains agree: 1.01 would refuse
# every second fit. Disagreement that matters to a rank among 79 draws is above this.
MAX_RHAT = 1.05
# A rank among so many thinned draws needs twice as many independent ones: thinned to fewer than
# two for each, neighbours would still hang together.
MIN_ESS = 2.0 * DRAWS


# Tuning and kept draws of each chain of a refit, of which interval and probability are wanted.
BRIEF = (500, 500)


def brief(sampler: Sampler) -> Sampler:
    """The analysis's sampler with as few draws as a refit is tried with first."""
    tune, draws = BRIEF
    return replace(sampler, tune=min(sampler.tune, tune), draws=min(sampler.draws, draws))


def attempts(analysis: DidAnalysis) -> Sequence[tuple[int, int, int]]:
    """Chains, tuning and kept draws of an analysis's attempts, but for the last."""
    return SHORT_OF_COUNTS if isinstance(analysis, OpenAnalysis) else SHORT


def shortened(
    sampler: Sampler, attempt: int, short: Sequence[tuple[int, int, int]] = SHORT
) -> Sampler:
    """The analysis's sampler for an attempt: short ones first, its own at last."""
    if attempt >= len(short):
        return sampler
    chains, tune, draws = short[attempt]
    accepted = min(sampler.target_accept, MOST_ACCEPTED)
    return replace(sampler, chains=chains, tune=tune, draws=draws, target_accept=accepted)


def sampled(
    compiled: Compiled,
    data: CellData,
    of_fit: Blocks,
    analysis: DidAnalysis,
    sampler: Sampler,
    *,
    stage: str,
    seed: int,
    copies: int = 1,
) -> tuple[xr.Dataset, xr.Dataset] | None:
    """Named draws and the sampler's statistics; None if there was no point to start from.

    Parameters
    ----------
    stage, seed
        What the random numbers of draws, and of effects given them, are spawned from.
    copies
        Of the design, that the compiled graph takes apart.
    """
    arrays = model_data(data, of_fit, analysis)
    given = arrays if copies == 1 else copied_arrays(arrays, copies)
    try:
        tree = sample(compiled, sampler, data=given, stage=stage, cores=1)
    except RuntimeError:
        return None
    raw, statistics = (tree[group].to_dataset() for group in ("posterior", "sample_stats"))
    return named(raw, data, of_fit, arrays, seed=stage_seed(seed, f"effects {stage}")), statistics


def short_gate(
    draws: Mapping[str, Floats], statistics: xr.Dataset, *, min_ess: float = MIN_ESS
) -> tuple[str, ...]:
    """What of a fit does not allow ranks to be taken, in words.

    Parameters
    ----------
    draws
        By quantity, shape (chain, draw).
    statistics
        With `diverging` and `energy`, dims (chain, draw).
    min_ess
        Of every quantity.
    """
    import arviz_stats as azs

    names = list(draws)
    every = xr.DataArray(np.stack([draws[n] for n in names]), dims=("quantity", "chain", "draw"))
    with np.errstate(invalid="ignore", divide="ignore"):
        measured = {
            "R-hat": np.asarray(azs.rhat(every), dtype=float),
            "bulk ESS": np.asarray(azs.ess(every, method="bulk"), dtype=float),
        }
        bfmi = float(np.min(np.asarray(azs.bfmi(statistics["energy"]), dtype=float)))
    passed = {"R-hat": measured["R-hat"] <= MAX_RHAT, "bulk ESS": measured["bulk ESS"] >= min_ess}
    failures = [
        f"{name}: {measure} {measured[measure][i]:.4g}"
        for measure, good in passed.items()
        for i, name in enumerate(names)
        if not good[i]
    ]
    if not bfmi >= MIN_BFMI:
        failures.append(f"energy: BFMI {bfmi:.3g}")
    if divergences := int(statistics["diverging"].sum()):
        failures.append(f"sampler: divergences {divergences}")
    return tuple(failures)
