"""Power curves → the smallest effect that a design finds."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from scipy import special

from sofs_bayes.checks.recovery import RecoveryRow

DETECTED = 0.8  # the probability of finding an effect that designs are made for


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectableRow:
    """The smallest effect that a method finds with a probability of 80%, by interpolation.

    Attributes
    ----------
    effect, risk
        On the model's scale, and as a change in risk; None if power stays below 80% at the
        largest effect of the grid.
    effect_mcse
        From that of power, by the curve's slope.
    largest, power
        The largest effect of the grid, and the power there.
    """

    process: str
    heterogeneity: float
    authorities: int
    method: str
    effect: float | None
    effect_mcse: float | None
    risk: float | None
    largest: float
    power: float


def detectable(rows: Sequence[RecoveryRow]) -> tuple[DetectableRow, ...]:
    """The smallest effects found with 80% probability, by process, authorities and method."""
    curves: dict[tuple[Any, ...], list[RecoveryRow]] = {}
    for row in rows:
        if row.effect is not None and row.effect >= 0 and row.target == "pooled":
            place = (row.process, row.heterogeneity, row.authorities, row.method)
            curves.setdefault(place, []).append(row)
    return tuple(_detectable(curve) for curve in curves.values() if len(curve) > 1)


def _detectable(curve: Sequence[RecoveryRow]) -> DetectableRow:
    """Where a power curve first reaches `DETECTED`, straight between effects on probits.

    The power of a normal estimate is nearly straight there.
    """
    ordered = sorted(curve, key=lambda row: row.effect or 0.0)
    last = ordered[-1]
    effect = error = risk = None
    for low, high in pairwise(ordered):
        if low.significant < DETECTED <= high.significant:
            (z_low, e_low), (z_high, e_high) = _probit(low), _probit(high)
            share = float((special.ndtri(DETECTED) - z_low) / (z_high - z_low))
            step = (high.effect or 0.0) - (low.effect or 0.0)
            effect = (low.effect or 0.0) + share * step
            risk = (1 - share) * low.mean_truth + share * high.mean_truth
            error = step * float(np.hypot((1 - share) * e_low, share * e_high) / (z_high - z_low))
            break
    return DetectableRow(
        process=last.process,
        heterogeneity=last.heterogeneity or 0.0,
        authorities=last.authorities,
        method=last.method,
        effect=effect,
        effect_mcse=error,
        risk=risk,
        largest=last.effect or 0.0,
        power=last.significant,
    )


def _probit(row: RecoveryRow) -> tuple[float, float]:
    """Power as a quantile of the standard normal, with its error; kept off 0 and 1."""
    kept = (row.significant * row.replicates + 0.5) / (row.replicates + 1)
    z = float(special.ndtri(kept))
    return z, row.significant_mcse / float(np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi))
