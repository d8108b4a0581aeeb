"""Draws and counts → the pilots' rates by year, observed and without the practice model."""

import numpy as np
import xarray as xr

from sofs_bayes.bayes.did_arrays import DidArrays
from sofs_bayes.bayes.did_draws import pilot_change
from sofs_bayes.estimands.did import expit
from sofs_bayes.estimands.rows import RateRow
from sofs_bayes.spec import Estimands


def rate_rows(
    posterior: xr.Dataset, fitted: DidArrays, observed: xr.Dataset, estimands: Estimands
) -> list[RateRow]:
    """The pilots' rate by year and, after settling-in, the counterfactual one.

    Where windows are staggered, a year shows the pilots of its period alone, so that observed
    and counterfactual rate are of the same children. A rate is NaN in a year in which nobody
    was counted.

    Parameters
    ----------
    posterior, fitted
        The draws and the counts they were fitted to.
    observed
        `events` and `denominator` over (authority, year), with the settling-in years that the
        fit leaves out.
    """
    used = fitted.denominators.sum(axis=1) > 0
    others = [
        name
        for name, use in zip(fitted.authorities, used, strict=True)
        if use and name not in fitted.pilots
    ]
    untreated = posterior["cell_logit"].sel(authority=list(fitted.pilots)) - pilot_change(
        posterior, fitted
    ).rename(pilot="authority")
    rows = []
    for j, year in enumerate(fitted.years):
        period, pilots = _pilots_of(fitted, j)
        counts = observed.sel(year=year)
        seen = counts.sel(authority=pilots).dropna("authority")
        without = (float("nan"),) * 3
        if period == "post":
            without = _counterfactual(untreated.sel(year=year), fitted, j, pilots, estimands)
        rows.append(
            RateRow(
                year=year,
                period=period,
                pilots=seen.sizes["authority"],
                observed=_rate(seen),
                comparators=_rate(counts.sel(authority=others).dropna("authority")),
                counterfactual=without[0],
                lower=without[1],
                upper=without[2],
                level=estimands.level,
            )
        )
    return rows


def _pilots_of(fitted: DidArrays, year: int) -> tuple[str, list[str]]:
    """A year's period (that of most pilots fitted in it) and the pilots in that period.

    `settling-in`, with all pilots, where none is fitted.
    """
    counted = fitted.denominators[: len(fitted.pilots)]
    here, treated = counted[:, year] > 0, fitted.treated[:, year] > 0
    if not here.any():
        return "settling-in", _named(fitted, counted.sum(axis=1) > 0)
    if 2 * (here & treated).sum() > here.sum():
        return "post", _named(fitted, here & treated)
    return "pre", _named(fitted, here & ~treated)


def _named(fitted: DidArrays, chosen: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> list[str]:
    return [name for name, yes in zip(fitted.pilots, chosen, strict=True) if yes]


def _counterfactual(
    untreated: xr.DataArray, fitted: DidArrays, year: int, pilots: list[str], estimands: Estimands
) -> tuple[float, float, float]:
    """Median and interval of the pilots' mean untreated risk over their children."""
    import arviz_stats as azs

    interval = {"eti": azs.eti, "hdi": azs.hdi}[estimands.interval]
    children = xr.DataArray(
        fitted.denominators[: len(fitted.pilots), year],
        dims="authority",
        coords={"authority": list(fitted.pilots)},
    ).sel(authority=pilots)
    risk = expit(untreated.sel(authority=pilots))
    draws = (risk * children).sum("authority") / float(children.sum())
    bounds = interval(draws, prob=estimands.level)
    lower, upper = (float(bounds.sel(ci_bound=end)) for end in ("lower", "upper"))
    return float(draws.median()), lower, upper


def _rate(counts: xr.Dataset) -> float:
    denominator = float(counts["denominator"].sum())
    return float(counts["events"].sum()) / denominator if denominator else float("nan")
