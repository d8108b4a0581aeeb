"""Outcomes of 0 and 1 moved a little, until sums that hold only near them come out as wanted.

A logistic coefficient is a sum over outcomes only near those it was fitted to. So the fewest
and largest steps are wanted here, measured in the sums' own tolerances: single flips while one
helps, then the best of pools of swaps, drawn at random. (`outcomes` measures misses in what
swaps can mend; its many small steps lead a logistic fit astray.)
"""

from collections.abc import Iterator

import numpy as np

from sofs_bayes.synthetic.outcomes import Binary, Floats, Integers, Sums

# Searches stop where every sum lies within this share of its tolerance; the fit that follows
# says how far the sums held.
GOAL = 0.9
# Pairs drawn at a time, the most of them that are swapped, and how often.
POOL, PICKS, POOLS = 60_000, 80, 400


def flipped_nearby(outcome: Binary, sums: Sums) -> Binary:
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


def swapped_nearby(
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
