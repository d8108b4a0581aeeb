"""Probabilities of referrals → outcomes of 0 and 1 whose sums come out as wanted.

A regression coefficient of a linear model is a sum over referrals, Σ a_i y_i, with a_i known
from the regressors. So "these coefficients come out as printed" is a set of sums to be met:
first by probabilities as near to the given ones as can be, then by zeros and ones. A referral
has one outcome however many matched groups it stands in; its a_i is the sum over its rows.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from sofs_bayes.synthetic.solver.fits import expit

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
GOAL = 0.6
# Directions whose share of the sums' squared length is below this repeat others.
REPEATED = 1e-12
# Swaps that move a direction by less than this, in tolerances, are not what mends it.
NO_REACH = 0.02
# Blocks looked at in a sweep: the best pairs of more would mend the same misses.
BLOCKS = 40
SWEEPS, IDLE = 3000, 30
# The same where sums hold only near outcomes: the fit that follows says how far they held.
NEARBY_GOAL = 0.9
# Pairs drawn at a time, those of them that are looked at again, the most that are swapped, and how
# often.
POOL, SHORT_LIST, PICKS, POOLS = 60_000, 4000, 80, 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Sums over referrals that outcomes are to meet: |Σ a_i y_i − target| ≤ tolerance."""

    rows: Floats  # a_i, shape (referrals, sums)
    target: Floats  # target, tolerance: shape (sums,); tolerances above 0
    tolerance: Floats

    def misses(self, outcome: Binary | Floats) -> Floats:
        """How far the sums of outcomes (or of probabilities) are off, in tolerances."""
        found = outcome.astype(np.float64) @ self.rows
        return np.asarray((found - self.target) / self.tolerance, dtype=np.float64)


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
        p = expit(logit + shift)
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
    return expit(logit + shift)


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


def rounded_outcomes(
    probability: Floats,
    block: Integers,
    *,
    rng: np.random.Generator,
    along: Floats | None = None,
) -> Binary:
    """Systematic rounding: zeros and ones whose number of ones in each block is Σp within 1.

    Inside a block referrals stand in random order, or first in that of `along`, shape
    (referrals,), which keeps sums of its functions near too; a 1 falls wherever the running sum
    of probabilities, carried over from block to block, passes a whole number. So the totals
    over any run of blocks are within 1 as well.
    """
    chance = rng.random(len(block))
    order = np.lexsort((chance, block) if along is None else (chance, along, block))
    running = np.floor(np.cumsum(probability[order]) + rng.random())
    outcome = np.empty(len(block), dtype=np.int8)
    outcome[order] = np.diff(running, prepend=0.0)
    return outcome


def swapped_outcomes(
    outcome: Binary,
    block: Integers,
    sums: Sums,
    *,
    rng: np.random.Generator,
) -> Binary:
    """Pairs of a 1 and a 0 inside a block swapped until every sum is within its tolerance.

    A swap keeps the block's number of ones and moves the sums by the difference of two similar
    referrals: far finer steps than a flip. How far swaps reach differs between directions by
    factors of thousands, so that what is missed is measured in them: else the far-reaching
    ones are mended first, and nothing is left to mend the others with. In each sweep the best
    pair of some blocks is taken if it brings the sums nearer. Stops at the goal, after `SWEEPS`,
    or after `IDLE` sweeps that found nothing.
    """
    search = _Search.of(outcome, sums, *_swap_reach(sums, block))
    order = np.argsort(block, kind="stable")
    blocks = np.split(order, np.flatnonzero(np.diff(block[order])) + 1)
    pairs: dict[int, _Pairs] = {}
    idle = 0
    for _ in range(SWEEPS):
        if search.reached() or idle == IDLE:
            break
        found = []
        for number in rng.permutation(len(blocks))[:BLOCKS].tolist():
            if number not in pairs:
                pairs[number] = _Pairs.of(search, blocks[number])
            gain, pair = pairs[number].best(search.missed)
            if gain < 0:
                found.append((gain, pair, number))
        taken = search.take([pair for _, pair, _ in sorted(found)])
        for _, pair, number in found:
            if pair in taken:
                del pairs[number]
        idle = 0 if taken else idle + 1
    return search.outcome


def _swap_reach(sums: Sums, block: Integers) -> tuple[Floats, Floats]:
    """How far swaps move the sums along an orthonormal basis, and the basis.

    The basis leaves out directions in which no outcome moves the sums: shapes (basis,),
    (sums, basis).
    """
    rows = sums.rows / sums.tolerance
    values, vectors = np.linalg.eigh(rows.T @ rows)
    basis = vectors[:, values > values[-1] * REPEATED]
    number = np.unique(block, return_inverse=True)[1]
    size = np.bincount(number)
    along = rows @ basis
    means = np.stack([np.bincount(number, each) / size for each in along.T], axis=1)
    spread = np.sqrt(np.mean((along - means[number]) ** 2, axis=0))
    return np.maximum(spread, NO_REACH), basis


@dataclass(slots=True, kw_only=True)
class _Search:
    """Outcomes under way, and what they miss."""

    outcome: Binary
    # rows, missed: a_i and what is missed, along a basis and in units of a reach: shapes
    # (referrals, basis), (basis,)
    rows: Floats
    missed: Floats
    back: Floats  # from `missed` to tolerances, shape (sums, basis)
    fixed: Floats  # misses that no outcome can mend, in tolerances, shape (sums,)

    @classmethod
    def of(cls, outcome: Binary, sums: Sums, reach: Floats, basis: Floats) -> Self:
        misses = sums.misses(outcome)
        return cls(
            outcome=outcome.copy(),
            rows=(sums.rows / sums.tolerance) @ (basis / reach),
            missed=(basis / reach).T @ misses,
            back=basis * reach,
            fixed=misses - basis @ (basis.T @ misses),
        )

    def reached(self) -> bool:
        """Whether every sum is as near as wanted."""
        return bool(np.all(np.abs(self.back @ self.missed + self.fixed) <= GOAL))

    def take(self, candidates: Iterable[tuple[int, ...]]) -> set[tuple[int, ...]]:
        """Flip, one after the other, what still brings the sums nearer; what was flipped."""
        taken = set()
        for flipped in candidates:
            at = list(flipped)
            change = (1.0 - 2.0 * self.outcome[at]) @ self.rows[at]
            if 2 * change @ self.missed + change @ change < 0:
                self.missed = self.missed + change
                self.outcome[at] = 1 - self.outcome[at]
                taken.add(flipped)
        return taken


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pairs:
    """The ones and zeros of a block, their rows, and the squared length of each pair's change."""

    ones: npt.NDArray[np.intp]
    zeros: npt.NDArray[np.intp]
    one_rows: Floats
    zero_rows: Floats
    squares: Floats

    @classmethod
    def of(cls, search: _Search, members: npt.NDArray[np.intp]) -> Self:
        ones, zeros = members[search.outcome[members] == 1], members[search.outcome[members] == 0]
        one, zero = search.rows[ones], search.rows[zeros]
        squares = np.sum(zero**2, axis=1)[:, None] + np.sum(one**2, axis=1) - 2 * zero @ one.T
        return cls(ones=ones, zeros=zeros, one_rows=one, zero_rows=zero, squares=squares)

    def best(self, missed: Floats) -> tuple[float, tuple[int, ...]]:
        """The lowest change of the squared misses that a pair makes, and the pair."""
        if self.squares.size == 0:
            return np.inf, ()
        gain = self.squares + 2 * (self.zero_rows @ missed)[:, None]
        gain -= 2 * (self.one_rows @ missed)
        zero, one = divmod(int(np.argmin(gain)), len(self.ones))
        return float(gain[zero, one]), (int(self.zeros[zero]), int(self.ones[one]))


# --------------------------------------------------------------- sums that hold only nearby


def moved_nearby(
    outcome: Binary, block: Integers, sums: Sums, *, rng: np.random.Generator
) -> Binary:
    """Outcomes flipped and swapped by few steps until every sum is within its tolerance.

    A logistic coefficient is a sum over outcomes only near those it was fitted to, and the many
    small steps of `swapped_outcomes` lead its fit astray. So the largest steps are taken here:
    the best single flips while one helps; then the best of pairs, of which a pool is drawn again
    and again, by turns among all and inside blocks. Among all, as errors clustered on authorities
    depend on how many outcomes each has.
    """
    moved, rows, flips = outcome.copy(), sums.rows / sums.tolerance, True
    for pool in range(POOLS):
        missed = sums.misses(moved)
        if np.all(np.abs(missed) <= NEARBY_GOAL):
            break
        if flips:
            members = np.arange(len(moved))[:, None]
            changes = rows * (1.0 - 2.0 * moved)[:, None]
        else:
            members = _pairs(moved, block if pool % 2 else np.zeros_like(block), rng)
            changes = rows[members[:, 1]] - rows[members[:, 0]]
        taken = members[list(_best(changes, missed, members))]
        moved[taken] = 1 - moved[taken]
        flips = flips and len(taken) > 0
    return moved


def _best(changes: Floats, missed: Floats, members: Integers) -> Iterator[int]:
    """Positions of changes that bring the sums nearer, best first, no referral twice."""
    size = np.einsum("ik,ik->i", changes, changes)
    near = np.arange(len(changes))
    if len(changes) > SHORT_LIST:
        near = np.argpartition(2 * changes @ missed + size, SHORT_LIST)[:SHORT_LIST]
    changes, size, members = changes[near], size[near], members[near]
    free = np.ones(len(changes), dtype=np.bool_)
    for _ in range(PICKS):
        gain = np.where(free, 2 * changes @ missed + size, np.inf)
        best = int(np.argmin(gain))
        if gain[best] >= 0 or np.all(np.abs(missed) <= NEARBY_GOAL):
            return
        missed = missed + changes[best]
        free &= np.all(members != members[best], axis=1)
        yield int(near[best])


def _pairs(outcome: Binary, block: Integers, rng: np.random.Generator) -> Integers:
    """A pool of pairs drawn at random: positions of a 1 and of a 0 of the same block, (pool, 2)."""
    order = np.lexsort((outcome, block))
    blocks, edges, sizes = np.unique(block[order], return_index=True, return_counts=True)
    zeros = sizes - np.add.reduceat(outcome[order].astype(np.int64), edges)
    ones = rng.choice(np.flatnonzero(outcome), POOL)
    of = np.searchsorted(blocks, block[ones])
    ones, of = ones[zeros[of] > 0], of[zeros[of] > 0]
    return np.column_stack([ones, order[edges[of] + rng.integers(0, zeros[of])]])
