"""Probabilities of referrals → outcomes of 0 and 1 whose sums come out as wanted.

A regression coefficient of a linear model is a sum over referrals, Σ a_i y_i, with a_i known
from the regressors. So "these coefficients come out as printed" is a set of sums to be met:
first by probabilities as near to the given ones as can be, then by zeros and ones. A referral
has one outcome however many matched groups it stands in; its a_i is the sum over its rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Binary = npt.NDArray[np.int8]

# Eigenvalues of the Newton step's matrix below this share of the largest belong to directions
# that combinations of other sums settle already.
DEPENDENT = 1e-9
NEWTON_STEPS = 60
# Sums are wanted this near to their targets, in tolerances, before Newton stops.
TILTED_WITHIN = 1e-6

# Searches stop where every sum lies within this share of its tolerance: the rest is left to
# rounding errors of whoever computes the coefficients anew.
GOAL = 0.9
POOL = 60_000
PICKS = 80
POOLS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Sums over referrals that outcomes are to meet: |Σ a_i y_i − target| ≤ tolerance.

    Parameters
    ----------
    rows
        a_i, shape (referrals, sums).
    target, tolerance
        Shape (sums,); tolerances above 0.
    """

    rows: Floats
    target: Floats
    tolerance: Floats

    def misses(self, outcome: Binary | Floats) -> Floats:
        """How far the sums of outcomes (or of probabilities) are off, in tolerances."""
        found = outcome.astype(np.float64) @ self.rows
        return np.asarray((found - self.target) / self.tolerance, dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class BinaryOutcomes:
    """Outcomes of 0 and 1, and how far their sums stayed off.

    Parameters
    ----------
    outcome, probability
        What was drawn up and the tilted probabilities behind it, shape (referrals,).
    misses
        Shape (sums,), in tolerances; all within ±1 where the search reached every target.
    """

    outcome: Binary
    probability: Floats
    misses: Floats

    @property
    def reached(self) -> bool:
        """Whether every sum lies within its tolerance."""
        return bool(np.all(np.abs(self.misses) <= 1))


def binary_outcomes(
    prior: Floats, block: Integers, sums: Sums, *, rng: np.random.Generator
) -> BinaryOutcomes:
    """The outcomes near given probabilities that meet the sums, as far as a search can.

    Tilted probabilities, systematic rounding inside the blocks, flips of single outcomes, then
    swaps of a 1 and a 0 inside a block.

    Parameters
    ----------
    prior
        Probability of each referral, inside (0, 1), shape (referrals,).
    block
        The referral's authority and quarter, as an integer, shape (referrals,).
    sums
        What is to be met.
    rng
        Decides ties of the rounding and which swaps are tried.
    """
    probability = tilted_probabilities(prior, sums)
    outcome = rounded_outcomes(probability, block, rng=rng)
    outcome = flipped_outcomes(outcome, sums)
    outcome = swapped_outcomes(outcome, block, sums, rng=rng)
    return BinaryOutcomes(outcome=outcome, probability=probability, misses=sums.misses(outcome))


def tilted_probabilities(prior: Floats, sums: Sums) -> Floats:
    """The probabilities nearest to `prior` whose sums are the targets, shape (referrals,).

    Nearest in Kullback–Leibler divergence, hence logit p_i = logit prior_i + λ'a_i; λ by
    Newton's method on the convex dual Σ log(1 − prior_i + prior_i exp(λ'a_i)) − λ'target.
    Sums that depend on others are left to these. Targets out of reach leave the nearest that
    the steps found; `Sums.misses` tells.
    """
    rows = sums.rows / sums.tolerance
    target = sums.target / sums.tolerance
    logit = np.log(prior) - np.log1p(-prior)
    multiplier = np.zeros(rows.shape[1])
    shift = np.zeros(len(prior))
    for _ in range(NEWTON_STEPS):
        p = _expit(logit + shift)
        gradient = p @ rows - target
        values, vectors = np.linalg.eigh((rows * (p * (1 - p))[:, None]).T @ rows)
        kept = values > values[-1] * DEPENDENT
        along = vectors[:, kept].T @ gradient
        if np.max(np.abs(vectors[:, kept] @ along), initial=0.0) < TILTED_WITHIN:
            break
        step = -vectors[:, kept] @ (along / values[kept])
        moved = rows @ step
        size = _step_size(logit, shift, moved, float(multiplier @ target), float(step @ target))
        if size == 0:
            break
        multiplier, shift = multiplier + size * step, shift + size * moved
    return _expit(logit + shift)


def _step_size(logit: Floats, shift: Floats, moved: Floats, at: float, along: float) -> float:
    """The first of 1, 1/2, 1/4 ... that lowers the dual; 0 if none does."""
    now = _dual(logit, shift) - at
    for halvings in range(30):
        size = 0.5**halvings
        if _dual(logit, shift + size * moved) - (at + size * along) <= now:
            return size
    return 0.0


def _dual(logit: Floats, shift: Floats) -> float:
    return float(np.sum(np.logaddexp(0, logit + shift) - np.logaddexp(0, logit)))


def _expit(logit: Floats) -> Floats:
    return np.asarray(np.exp(-np.logaddexp(0, -logit)), dtype=np.float64)


def rounded_outcomes(probability: Floats, block: Integers, *, rng: np.random.Generator) -> Binary:
    """Systematic rounding: zeros and ones whose number of ones in each block is Σp within 1.

    Inside a block referrals stand in random order; a 1 falls wherever the running sum of
    probabilities, carried over from block to block, passes a whole number. So the totals over
    any run of blocks are within 1 too.
    """
    order = np.lexsort((rng.random(len(block)), block))
    running = np.floor(np.cumsum(probability[order]) + rng.random())
    outcome = np.empty(len(block), dtype=np.int8)
    outcome[order] = np.diff(running, prepend=0.0)
    return outcome


def flipped_outcomes(outcome: Binary, sums: Sums) -> Binary:
    """Single outcomes flipped, each time the one that brings the sums nearest, while any does."""
    sign = 1.0 - 2.0 * outcome
    changes = (sums.rows / sums.tolerance) * sign[:, None]
    size = np.einsum("ik,ik->i", changes, changes)
    missed = sums.misses(outcome)
    flipped = outcome.copy()
    while not _within(missed):
        gain = 2 * changes @ missed + size
        gain[flipped != outcome] = np.inf
        best = int(np.argmin(gain))
        if gain[best] >= 0:
            break
        flipped[best] = 1 - flipped[best]
        missed = missed + changes[best]
    return flipped


def swapped_outcomes(
    outcome: Binary, block: Integers, sums: Sums, *, rng: np.random.Generator
) -> Binary:
    """Pairs of a 1 and a 0 inside a block swapped until every sum is within its tolerance.

    A swap keeps the block's number of ones and moves the sums by the difference of two similar
    referrals: far finer steps than a flip. Pairs are drawn in pools; from a pool the best is
    taken again and again. Stops at the goal or after `POOLS` pools.
    """
    swapped = outcome.copy()
    missed = sums.misses(swapped)
    rows = sums.rows / sums.tolerance
    for _ in range(POOLS):
        if _within(missed):
            break
        ones, zeros = _pairs(swapped, block, rng)
        changes = rows[zeros] - rows[ones]
        for best in _picks(changes, missed, ones, zeros):
            swapped[ones[best]], swapped[zeros[best]] = 0, 1
        missed = sums.misses(swapped)
    return swapped


def _within(missed: Floats) -> bool:
    return bool(np.all(np.abs(missed) <= GOAL))


def _pairs(outcome: Binary, block: Integers, rng: np.random.Generator) -> tuple[Integers, Integers]:
    """A pool of pairs drawn at random: positions of a 1 and of a 0 of the same block."""
    order = np.lexsort((outcome, block))
    edges = np.searchsorted(block[order], np.unique(block), side="left")
    sizes = np.diff(edges, append=len(block))
    ones_in = np.add.reduceat(outcome[order].astype(np.int64), edges)
    ones = rng.choice(np.flatnonzero(outcome), POOL)
    of = np.searchsorted(np.unique(block), block[ones])
    zeros_in = (sizes - ones_in)[of]
    mixed = zeros_in > 0
    ones, of, zeros_in = ones[mixed], of[mixed], zeros_in[mixed]
    zeros = order[edges[of] + rng.integers(0, zeros_in)]
    return ones.astype(np.int64), zeros.astype(np.int64)


def _picks(changes: Floats, missed: Floats, ones: Integers, zeros: Integers) -> Iterator[int]:
    """Positions of pairs that bring the sums nearer, best first, no referral twice."""
    size = np.einsum("ik,ik->i", changes, changes)
    free = np.ones(len(changes), dtype=np.bool_)
    for _ in range(PICKS):
        gain = np.where(free, 2 * changes @ missed + size, np.inf)
        best = int(np.argmin(gain))
        if gain[best] >= 0 or _within(missed):
            return
        missed = missed + changes[best]
        free &= (ones != ones[best]) & (zeros != zeros[best])
        yield best
