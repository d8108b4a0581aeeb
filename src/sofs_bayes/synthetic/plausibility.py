"""How authorities' rates differ and move: a made-up population beside sets of real authorities.

Printed tables can be met by authorities such as no one has seen. So a population's authorities
are measured beside as many real ones, drawn again and again from open counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from sofs_bayes.records.panel import Panel
from sofs_bayes.spec.seeds import stream

Floats = npt.NDArray[np.float64]

SETS = 5000
RATIOS = (1.5, 2.0)
# From one year to the next, what is tried.
PERSISTENCES = np.linspace(0.0, 0.98, 99)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spreads:
    """Authorities' log odds: standard deviations of levels and shocks, and shocks' persistence."""

    authority_sd: float
    shock_sd: float
    persistence: float


def spreads_of(panel: Panel, *, without: Sequence[str] = ()) -> Spreads:
    """What open counts show of authorities with an event in every year, net of chance.

    Half the mean square of changes over h years, beside what all share in a year, is
    σ²(1 − ρ^h) and the variance of chance: σ and ρ by least squares, weighted by the number of
    changes. Levels vary by what is left of the means over the years.

    Parameters
    ----------
    without
        Authorities to leave out.
    """
    counts = panel.counts.transpose("authority", "year")
    events, others = counts["events"].to_numpy(), counts["denominator"].to_numpy()
    others = others - events
    kept = np.all((events > 0) & (others > 0), axis=1)
    kept &= ~counts["authority"].isin(list(without)).to_numpy()
    log_odds = np.log(events[kept] / others[kept])
    chance = float((1 / events[kept] + 1 / others[kept]).mean())
    moved = log_odds - log_odds.mean(axis=0)
    years = moved.shape[1]
    gaps = np.arange(1, years)
    found = [np.mean((moved[:, gap:] - moved[:, :-gap]) ** 2) / 2 - chance for gap in gaps]
    weights, squares = years - gaps, np.array(found)
    shapes = 1 - PERSISTENCES[:, None] ** gaps
    variances = np.maximum((shapes * weights) @ squares / ((shapes**2) @ weights), 0)
    misses = ((variances[:, None] * shapes - squares) ** 2) @ weights
    best = int(np.argmin(misses))
    persistence, variance = float(PERSISTENCES[best]), float(variances[best])
    together = persistence ** np.abs(np.subtract.outer(np.arange(years), np.arange(years)))
    level = moved.mean(axis=1).var(ddof=1) - chance / years - variance * together.mean()
    return Spreads(
        authority_sd=float(np.sqrt(max(level, 0.0))),
        shock_sd=float(np.sqrt(variance)),
        persistence=persistence,
    )


def movements(log_odds: Floats, years: Sequence[int]) -> dict[str, Floats]:
    """What tells real authorities from others, of sets of them.

    Parameters
    ----------
    log_odds
        Of the outcome's rates, shape (sets, authorities, years).
    years
        Ascending. One-year measures are of years that follow one another.

    Returns
    -------
    dict
        Measure → its value for each set, shape (sets,): standard deviations of levels and of
        what is left beside authority and year, on log odds; shares of one-year moves by more
        than a ratio; the largest one-year move of the mean log odds; the correlation of what
        is left with that of the year before.
    """
    level = log_odds.mean(axis=2, keepdims=True)
    year = log_odds.mean(axis=1, keepdims=True)
    left = log_odds - level - year + log_odds.mean(axis=(1, 2), keepdims=True)
    after = np.flatnonzero(np.diff(years) == 1) + 1
    now, before = left[:, :, after], left[:, :, after - 1]
    log_rate = -np.logaddexp(0, -log_odds)
    move = np.abs(log_rate[:, :, after] - log_rate[:, :, after - 1])
    size = (log_odds.shape[1] - 1) * (log_odds.shape[2] - 1)
    products = (now * before).sum(axis=(1, 2))
    squares = (now**2).sum(axis=(1, 2)) * (before**2).sum(axis=(1, 2))
    return {
        "sd of levels": level[:, :, 0].std(axis=1, ddof=1),
        "sd beside authority and year": np.sqrt((left**2).sum(axis=(1, 2)) / size),
        **{f"moves above {r:g}": (move > np.log(r)).mean(axis=(1, 2)) for r in RATIOS},
        "largest move of the mean": np.abs(year[:, 0, after] - year[:, 0, after - 1]).max(axis=1),
        "correlation with the year before": products / np.sqrt(squares),
    }


def rates_moved(rates: pd.DataFrame) -> dict[str, float]:
    """The measures of one population: rates by authority (rows) and year (columns)."""
    values = rates.to_numpy(np.float64)
    years = [int(year) for year in rates.columns]
    found = movements(np.log(values / (1 - values))[None], years)
    return {name: float(each[0]) for name, each in found.items()}


def real_ranges(
    panel: Panel, years: Sequence[int], *, authorities: int, share: float, seed: int
) -> Mapping[str, tuple[float, float]]:
    """Within which a share of random sets of real authorities lies, by measure.

    Authorities with an event in each of the years are drawn from, each at most once in a set.

    Parameters
    ----------
    authorities
        How many a set has.
    share
        The middle share of the sets, above 0 and below 1.
    """
    counts = panel.counts.sel(year=list(years))
    rates = (counts["events"] / counts["denominator"]).transpose("authority", "year").to_numpy()
    rates = rates[np.all((rates > 0) & (rates < 1), axis=1)]
    log_odds = np.log(rates / (1 - rates))
    order = stream(seed, "real authorities").random((SETS, len(rates))).argsort(axis=1)
    found = movements(log_odds[order[:, :authorities]], years)
    tails = ((1 - share) / 2, (1 + share) / 2)
    return {
        name: (float(low), float(high))
        for name, each in found.items()
        for low, high in [np.quantile(each, tails)]
    }
