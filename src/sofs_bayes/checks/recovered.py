"""All that a finished recovery found: what coverage owes, assurance, effects that a design finds.

Replicates with truths drawn from the priors owe coverage and probabilities that are right; they
tell of the design its assurance, which is its power averaged over the effect prior. Power curves
tell the smallest effect that it finds.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from scipy import special

from sofs_bayes.checks.classical_intervals import LEVELS, METHODS
from sofs_bayes.checks.recovery import (
    BAND,
    FEW,
    POSTERIOR,
    RecoveryRow,
    Replicate,
    excludes_zero,
    judged,
    share_and_error,
)
from sofs_bayes.checks.recovery_truths import Grid
from sofs_bayes.spec import DidAnalysis, Evidence

LEAST = 10  # replicates; fewer are no measurement
BINS = 10  # of P(effect > 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedRow:
    """The posterior's coverage where truths are drawn from the priors: it owes its level.

    `lower` and `upper` are the band of 99.9% of right posteriors with so many replicates,
    `verdict` is `in` or `out`, `too few` of fewer than `LEAST` replicates.
    """

    level: float
    replicates: int
    coverage: float
    lower: float
    upper: float
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityRow:
    """Truths drawn from the priors whose effect was given a probability within a bin.

    `above_zero` is the share of them that are above 0; right if it is `mean_probability`.
    """

    lower: float
    upper: float
    replicates: int
    mean_probability: float | None
    above_zero: float | None
    above_zero_mcse: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssuranceRow:
    """Power averaged over the effect prior: how likely the design was to find something.

    `right` is the share of replicates in which the 95% interval excludes 0 on the side of the
    truth.
    """

    method: str
    replicates: int
    assurance: float
    assurance_mcse: float
    right: float
    right_mcse: float


def owed_coverage(replicates: Sequence[Replicate]) -> tuple[OwedRow, ...]:
    """Whether the posterior's coverage is its level, in replicates with truths from the priors."""
    from scipy.stats import binom

    answers = [each.answers[POSTERIOR] for each in replicates]
    size, rows = len(answers), []
    for i, level in enumerate(LEVELS):
        inside = sum(bool(a.limits[i, 0] <= a.truth <= a.limits[i, 1]) for a in answers)
        lower, upper = (
            float(binom.ppf(tail, size, level)) / size for tail in ((1 - BAND) / 2, (1 + BAND) / 2)
        )
        told = judged(level, inside / size, lower, upper, few=size < LEAST)
        rows.append(OwedRow(replicates=size, **told))
    return tuple(rows)


def reliability(replicates: Sequence[Replicate]) -> tuple[ReliabilityRow, ...]:
    """Probabilities of an effect above 0 beside how often it was, truths from the priors."""
    answers = [each.answers[POSTERIOR] for each in replicates]
    given = [a for a in answers if np.isfinite(a.above_zero)]
    probability = np.array([a.above_zero for a in given])
    above = np.array([a.truth > 0 for a in given], dtype=np.bool_)
    place = np.minimum((probability * BINS).astype(np.int64), BINS - 1)
    rows = []
    for b in range(BINS):
        own = place == b
        size = int(own.sum())
        share, error = share_and_error(above[own], np.arange(size)) if size else (None, None)
        rows.append(
            ReliabilityRow(
                lower=b / BINS,
                upper=(b + 1) / BINS,
                replicates=size,
                mean_probability=float(probability[own].mean()) if size else None,
                above_zero=share,
                above_zero_mcse=error,
            )
        )
    return tuple(rows)


def assurance(replicates: Sequence[Replicate]) -> tuple[AssuranceRow, ...]:
    """Each method's power averaged over truths drawn from the priors."""
    rows, of = [], np.arange(len(replicates))
    for method in (POSTERIOR, *METHODS):
        answers = [each.answers[method] for each in replicates]
        found = excludes_zero(np.stack([a.limits for a in answers]))
        signs = np.array([np.sign(a.estimate) == np.sign(a.truth) for a in answers])
        share, error = share_and_error(found, of)
        right, right_error = share_and_error(found & signs, of)
        rows.append(
            AssuranceRow(
                method=method,
                replicates=len(replicates),
                assurance=share,
                assurance_mcse=error,
                right=right,
                right_mcse=right_error,
            )
        )
    return tuple(rows)


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


Origin = Literal["published", "given", "made up", "declared"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """A finished recovery.

    Attributes
    ----------
    analysis, prior
        Whose posterior it was, and its effect prior.
    grid
        What was varied.
    evidence
        Of the cells that the design is taken from; outcomes are simulated in any case.
    design
        How many pilots, comparators and children there are in it.
    origin
        Whose it is: the `published` one, as the bundled made-up children have it in a bundled
        analysis; that of the data `given`; or, in any other analysis, that of the bundled
        children (`made up`).
    rows, owed, reliability, assurance, detectable
        The measures.
    notes
        What was done differently from the analysis itself, in sentences.
    seconds
        Of all replicates, added up over workers.
    """

    analysis: DidAnalysis
    prior: str
    grid: Grid
    evidence: Evidence
    design: tuple[int, int, int]
    origin: Origin
    rows: tuple[RecoveryRow, ...]
    owed: tuple[OwedRow, ...]
    reliability: tuple[ReliabilityRow, ...]
    assurance: tuple[AssuranceRow, ...]
    detectable: tuple[DetectableRow, ...]
    notes: tuple[str, ...]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether coverage is what it owes to be."""
        return all(row.verdict == "in" for row in self.owed)

    @property
    def few(self) -> bool:
        """Whether there are too few replicates to tell."""
        return any(row.verdict == FEW for row in self.owed)

    @property
    def pooled(self) -> tuple[RecoveryRow, ...]:
        """The rows about the pooled effect."""
        return tuple(row for row in self.rows if row.target == "pooled")

    @property
    def replicates(self) -> int:
        """All of them."""
        return sum(row.replicates for row in self.pooled if row.method == POSTERIOR)

    @property
    def refused(self) -> int:
        """Replicates whose fit did not pass its gate; they count all the same."""
        return sum(row.refused for row in self.pooled if row.method == POSTERIOR)
