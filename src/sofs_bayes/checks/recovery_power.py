"""Power curves → the smallest effect that a design finds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from scipy import special

from sofs_bayes.checks.recovery import RecoveryRow

Bound = Literal["about", "at most", "more than", "not to be asked"]

DETECTED = 0.8  # the probability of finding an effect that designs are made for
# A method that finds something where nothing happens more often than this has no power to speak of.
TOO_MANY = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectableRow:
    """The smallest effect that a method finds with a probability of 80%.

    Attributes
    ----------
    process, heterogeneity, authorities, method
        As `RecoveryRow` has them.
    bound
        What the numbers say: `about`, between two effects of the grid; `at most`, as the
        smallest of the grid is already found so often; `more than`, as the largest is not;
        `not to be asked`, of a method that also finds what is not there: no numbers.
    effect, risk
        On the model's scale, and as a change in risk (0.01 is one percentage point).
    effect_mcse, risk_mcse
        Monte Carlo standard errors on these scales, from that of power, by the curve's slope;
        None for what is only bounded.
    largest, power
        The largest effect of the grid, on the model's scale, and the power there.
    """

    process: str
    heterogeneity: float
    authorities: int
    method: str
    bound: Bound
    effect: float | None = None
    effect_mcse: float | None = None
    risk: float | None = None
    risk_mcse: float | None = None
    largest: float
    power: float | None = None


def detectable(rows: Sequence[RecoveryRow]) -> tuple[DetectableRow, ...]:
    """The smallest effects found with 80% probability, by process, authorities and method.

    Where trends part (`broken`) there are none: the drift itself is found as an effect.
    """
    curves: dict[tuple[Any, ...], list[RecoveryRow]] = {}
    for row in rows:
        pooled = row.target == "pooled" and row.process != "broken"
        if pooled and row.effect is not None and row.effect >= 0:
            place = (row.process, row.heterogeneity, row.authorities, row.method)
            curves.setdefault(place, []).append(row)
    return tuple(_detectable(curve) for curve in curves.values() if len(curve) > 1)


def _detectable(curve: Sequence[RecoveryRow]) -> DetectableRow:
    ordered = sorted(curve, key=lambda row: row.effect or 0.0)
    first, last = ordered[0], ordered[-1]
    found = DetectableRow(
        process=last.process,
        heterogeneity=last.heterogeneity or 0.0,
        authorities=last.authorities,
        method=last.method,
        bound="not to be asked",
        largest=last.effect or 0.0,
    )
    if first.effect == 0.0 and first.significant > TOO_MANY:
        return found
    found = replace(found, power=last.significant)
    if first.significant >= DETECTED:
        return replace(found, bound="at most", effect=first.effect, risk=first.mean_truth)
    for low, high in pairwise(ordered):
        if low.significant < DETECTED <= high.significant:
            return replace(found, bound="about", **_between(low, high))
    return replace(found, bound="more than", effect=last.effect, risk=last.mean_truth)


def _between(low: RecoveryRow, high: RecoveryRow) -> dict[str, Any]:
    """Where a power curve reaches `DETECTED`, straight between two effects on probits.

    The power of a normal estimate is nearly straight there.
    """
    (z_low, e_low), (z_high, e_high) = _probit(low), _probit(high)
    share = float((special.ndtri(DETECTED) - z_low) / (z_high - z_low))
    error = float(np.hypot((1 - share) * e_low, share * e_high) / (z_high - z_low))
    start, step = low.effect or 0.0, (high.effect or 0.0) - (low.effect or 0.0)
    risk_step = high.mean_truth - low.mean_truth
    return {
        "effect": start + share * step,
        "effect_mcse": error * step,
        "risk": low.mean_truth + share * risk_step,
        "risk_mcse": error * abs(risk_step),
    }


def _probit(row: RecoveryRow) -> tuple[float, float]:
    """Power as a quantile of the standard normal, with its error; kept off 0 and 1."""
    kept = (row.significant * row.replicates + 0.5) / (row.replicates + 1)
    z = float(special.ndtri(kept))
    return z, row.significant_mcse / float(np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi))
