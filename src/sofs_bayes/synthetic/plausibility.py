"""How real authorities' rates differ and move, from open counts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sofs_bayes.records.panel import Panel

Floats = npt.NDArray[np.float64]

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

    `without`: authorities to leave out.
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
