"""What replicates with truths drawn from the priors owe: coverage, probabilities that are right.

And what they tell of the design: assurance, its power averaged over the effect prior.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sofs_bayes.checks.classical_intervals import LEVELS, METHODS
from sofs_bayes.checks.recovery import excludes_zero, share_and_error
from sofs_bayes.checks.recovery_answers import POSTERIOR, Replicate

# The share of bands of owed coverage that hold if posteriors are right.
BAND = 0.999
LEAST = 10  # replicates; fewer are no measurement
FEW = "too few"
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


def _verdict(replicates: int, inside: bool) -> str:
    if replicates < LEAST:
        return FEW
    return "in" if inside else "out"


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
        rows.append(
            OwedRow(
                level=level,
                replicates=size,
                coverage=inside / size,
                lower=lower,
                upper=upper,
                verdict=_verdict(size, lower <= inside / size <= upper),
            )
        )
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
