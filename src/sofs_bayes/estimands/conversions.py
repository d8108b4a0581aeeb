"""Rows and priors told otherwise: on another scale, below a value, as a range of estimates."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sofs_bayes.estimands.rows import EffectRow
from sofs_bayes.spec import Exponential, HalfNormal

NEARLY_CERTAIN = 1e-4  # a risk beyond which odds ratios say nothing


def as_odds_ratio(row: EffectRow, base: float) -> EffectRow:
    """A change in risk as the odds ratio that it is at a base rate."""

    def ratio(change: float) -> float:
        risk = min(max(base + change, NEARLY_CERTAIN), 1 - NEARLY_CERTAIN)
        return risk / (1 - risk) / (base / (1 - base))

    columns = ("median", "lower", "upper", "lower_50", "upper_50")
    found = {column: getattr(row, column) for column in columns}
    ratios = {column: None if each is None else ratio(each) for column, each in found.items()}
    return replace(row, scale="odds ratio", **ratios)  # type: ignore[arg-type]


def per_log_odds(rates: Sequence[float], weights: Sequence[float]) -> float | None:
    """The change in risk that a small change in log-odds is, at the mean rate; None without any."""
    if not sum(weights):
        return None
    rate = float(np.average(rates, weights=weights))
    return rate * (1.0 - rate)


def probability_below(prior: HalfNormal | Exponential, value: float) -> float:
    """The probability that a prior of a standard deviation gives smaller ones than a value."""
    if isinstance(prior, Exponential):
        return 1.0 - math.exp(-value / prior.mean)
    return math.erf(value / prior.scale / math.sqrt(2.0))


def central_range(values: Sequence[float], level: float) -> tuple[float, float, float]:
    """Lower end, median and upper end of the central share `level` of some values."""
    lower, median, upper = np.quantile(values, ((1 - level) / 2, 0.5, (1 + level) / 2))
    return float(lower), float(median), float(upper)


def interpolated(points: Sequence[tuple[float, float]], at: float) -> float:
    """The height at one place of a curve given by points; NaN outside of it."""
    if not points:
        return math.nan
    x, y = zip(*sorted(points), strict=True)
    return float(np.interp(at, x, y, left=math.nan, right=math.nan))
