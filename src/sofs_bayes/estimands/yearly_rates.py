"""Draws and cells → the pilots' rate by financial year, fitted and without the effect."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import nan
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import xarray as xr

from sofs_bayes.bayes.blocks import Blocks
from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.estimands.contrasts import changes, contrasts
from sofs_bayes.estimands.did_effects import mean_risks
from sofs_bayes.estimands.effects import interval_of
from sofs_bayes.estimands.rows import YearlyRateRow
from sofs_bayes.spec import Estimands
from sofs_bayes.spec.keys import HEADLINES

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

PRE, SETTLING_IN, POST = "pre", "settling-in", "post"
NOTHING = (nan, nan, nan)

Summarise = Callable[[Floats], tuple[float, float, float]]


def yearly_rate_rows(
    posterior: xr.Dataset,
    data: CellData,
    blocks: Blocks,
    estimands: Estimands,
    *,
    prior: str,
    settling_in: Mapping[int, tuple[int, float]] = MappingProxyType({}),
) -> list[YearlyRateRow]:
    """The pilots' rate by year: observed, fitted and, after settling-in, without the effect.

    The fitted rate is the mean risk that a draw gives the children who were there, authorities'
    own shocks included; the counterfactual is that with the effect's terms at 0. Children count
    by their weight in the likelihood, in these as in the observed rates.

    Parameters
    ----------
    posterior
        Named draws of the fit (`bayes.did_draws.named`).
    data, blocks
        The cells that were fitted and the fit's design.
    estimands
        The interval's kind and level.
    prior
        The name of the effect prior.
    settling_in
        By year that the fit leaves out: how many pilots there were, and their observed rate.
    """
    found = changes(posterior, data, blocks)
    known = _pilots(data) & (_weights(data) > 0)
    treated = known & (data.cells["treated"].to_numpy() == 1)
    child_effect = posterior["child_effect"].transpose("chain", "draw", ...).to_numpy()
    child_effect = child_effect.reshape(len(found.predictor), -1)
    fitted = _risks(data, child_effect, found.predictor, known)
    summarise = _summary_of(posterior, estimands)
    rows = []
    for contrast in contrasts(found, data, blocks, None):
        if contrast.estimand.role not in HEADLINES:
            continue
        without = _risks(data, child_effect, contrast.without, treated)
        for year in data.years:
            cells, (pilots, observed) = _cells_of(data, year), settling_in.get(year, (0, nan))
            rate = expected = None
            if cells.pilots.any():
                share = _weights(data)[cells.pilots] / _weights(data)[cells.pilots].sum()
                rate = fitted[:, cells.pilots] @ share
                expected = without[:, cells.pilots] @ share if cells.period == POST else None
                pilots = int(data.cells["authority"][cells.pilots].nunique())
                observed = _observed(data, cells.pilots)
            elif year not in settling_in:
                continue
            rows.append(
                YearlyRateRow(
                    year=year,
                    period=cells.period,
                    role=contrast.estimand.role,
                    prior=prior,
                    pilots=pilots,
                    observed=observed,
                    comparators=_observed(data, cells.comparators),
                    level=estimands.level,
                    interval=estimands.interval,
                    **_numbers(rate, expected, summarise),
                )
            )
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cells:
    """Which cells make a year's rates, shape (cells,), and the period of the pilots' ones."""

    period: str
    pilots: Flags
    comparators: Flags


def _cells_of(data: CellData, year: int) -> _Cells:
    """The year's cells; those of its period, which is settling-in where no pilot has children."""
    treated = data.cells["treated"].to_numpy() == 1
    here = (data.cells["year"].to_numpy() == year) & (_weights(data) > 0)
    own, children = here & _pilots(data), data.cells["children"].to_numpy(np.float64)
    after = bool(2 * children[own & treated].sum() > children[own].sum())
    return _Cells(
        period=SETTLING_IN if not own.any() else POST if after else PRE,
        pilots=own & (treated == after),
        comparators=here & ~_pilots(data),
    )


def _numbers(
    rate: Floats | None, expected: Floats | None, summarise: Summarise
) -> dict[str, float]:
    """What a row says of the draws, if any, of the fitted rate and of that without the effect."""
    found = {"fitted": NOTHING if rate is None else summarise(rate)}
    found |= dict.fromkeys(("counterfactual", "effect"), NOTHING)
    if rate is not None and expected is not None:
        found |= {"counterfactual": summarise(expected), "effect": summarise(rate - expected)}
    return {
        f"{name}{end}": value
        for name, values in found.items()
        for end, value in zip(("", "_lower", "_upper"), values, strict=True)
    }


def _weights(data: CellData) -> Floats:
    return data.cells["weight"].to_numpy(np.float64)


def _pilots(data: CellData) -> Flags:
    pilots: Flags = data.cells["pilot"].to_numpy() == 1
    return pilots


def _observed(data: CellData, chosen: Flags) -> float:
    total = float(_weights(data)[chosen].sum())
    return float(data.cells["events"].to_numpy()[chosen].sum()) / total if total else nan


def _risks(data: CellData, child_effect: Floats, predictor: Floats, cells: Flags) -> Floats:
    """The mean risk in each of the cells, by weight, (samples, cells); NaN in others."""
    if data.patterns is not None:
        by_weight = replace(data.patterns, children=data.patterns.n)
        return mean_risks(by_weight, child_effect, (predictor,), cells)[0]
    risks: Floats = np.where(cells, predictor + child_effect @ data.child_means.T, nan)
    return risks


def _summary_of(posterior: xr.Dataset, estimands: Estimands) -> Summarise:
    """A function: the median and the interval of draws (samples,)."""
    shape = (posterior.sizes["chain"], posterior.sizes["draw"])

    def summarise(draws: Floats) -> tuple[float, float, float]:
        shaped = xr.DataArray(draws.reshape(shape), dims=("chain", "draw"))
        lower, upper = interval_of(shaped, estimands)
        return float(np.median(draws)), float(lower), float(upper)

    return summarise
