"""Ranks of truths among posterior draws → a verdict on each quantity.

If posteriors are right, the rank of the truth among independent draws is uniform (Talts et al.
2018). Every replicate counts, also one whose fit did not pass its gate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
from scipy import special

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Kind = Literal["effect", "spread", "likelihood", "parameter"]

# Draws that a rank is taken among: of the 80 possible ranks, each of LEVELS holds a whole
# number, as does each bin.
LEAST = 50  # fewer ranks than this tell nothing
FEW = "too few"
DRAWS = 79
LEVELS = (0.5, 0.8, 0.9, 0.95)
BINS = 20
# Of all tests of one calibration together: half of it is shared by the tests of what is reported
# (effects, spreads, log likelihood), half by those of all other parameters (Bonferroni).
ALPHA = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Fared:
    """How the fit of one replicate fared.

    Attributes
    ----------
    number
        Of the replicate, from 0.
    status
        `converged` or `not converged`.
    failures
        What did not pass the gate, in words.
    attempts
        Fits made; more than one if a short one did not pass.
    seconds
        Of all of them.
    """

    number: int
    status: str
    failures: tuple[str, ...]
    attempts: int
    seconds: float


def fared_of(number: int, result: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `Fared` from what JSON holds of a replicate."""
    return {
        "number": number,
        "status": result["status"],
        "failures": tuple(result["failures"]),
        "attempts": int(result["attempts"]),
        "seconds": float(result["seconds"]),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedReplicate(Fared):
    """One replicate: the rank of each truth by quantity, 0 to `DRAWS`; empty without draws."""

    ranks: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class RankTest:
    """The ranks of one quantity tested against the uniform.

    Attributes
    ----------
    quantity, kind
        Its name, and what it is.
    replicates
        How many ranks there are.
    chi_squared_p
        Of `BINS` equal bins.
    ks_p
        Of the largest distance of the ECDF from the diagonal (Kolmogorov-Smirnov).
    dispersion, dispersion_p
        Mean square of the ranks' normal scores: 1 if posteriors are right, above it if they are
        too narrow (Cook, Gelman and Rubin 2006).
    verdict
        `in`, or `out` where one of the three rejects at its share of `ALPHA`; of fewer than
        `LEAST` ranks `too few`.
    """

    quantity: str
    kind: Kind
    replicates: int
    chi_squared_p: float
    ks_p: float
    dispersion: float
    dispersion_p: float
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalCoverage:
    """How often the central interval of a level held the truth of one quantity.

    `standard_error` is that of the share if intervals are right: √(level (1 - level) / replicates).
    """

    quantity: str
    kind: Kind
    level: float
    replicates: int
    coverage: float
    standard_error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RankVerdict:
    """What a calibration found.

    Attributes
    ----------
    replicates
        All of them, in order of number.
    tests
        By quantity: effects first, then spreads, the log likelihood, and all other parameters.
    coverage
        By quantity, in the same order, and level.
    """

    replicates: tuple[RankedReplicate, ...]
    tests: tuple[RankTest, ...]
    coverage: tuple[IntervalCoverage, ...]

    @property
    def refused(self) -> tuple[RankedReplicate, ...]:
        """The replicates whose fit did not pass its gate; their ranks count all the same."""
        return tuple(each for each in self.replicates if each.status != "converged")

    @property
    def unranked(self) -> tuple[RankedReplicate, ...]:
        """The replicates without any draws."""
        return tuple(each for each in self.replicates if not each.ranks)

    @property
    def uniform(self) -> bool:
        """Whether no quantity is out, and no replicate is without ranks."""
        return not self.unranked and all(test.verdict == "in" for test in self.tests)

    @property
    def few(self) -> bool:
        """Whether there are ranks, and too few for a verdict on any quantity."""
        return not self.unranked and any(test.verdict == FEW for test in self.tests)


def thinned_rank(draws: Floats, truth: float) -> int:
    """How many of `DRAWS` evenly spaced draws, shape (chain, draw), are below the truth."""
    flat = draws.ravel()
    kept = flat[np.linspace(0, flat.size - 1, DRAWS).round().astype(np.int64)]
    return int((kept < truth).sum())


def pit(ranks: Integers, *, seed: int) -> Floats:
    """Ranks as numbers in (0, 1), uniform if ranks are: each anywhere in its own 80th part."""
    chance = np.random.default_rng(seed).uniform(size=ranks.shape)
    found: Floats = (ranks + chance) / (DRAWS + 1)
    return found


def rank_verdict(
    replicates: Sequence[RankedReplicate], kinds: Mapping[str, Kind], *, seed: int
) -> RankVerdict:
    """The verdict on every quantity, in the order of `kinds`.

    Parameters
    ----------
    kinds
        What each quantity is.
    seed
        Of the places of ranks within their 80th part.
    """
    ranked = [each for each in replicates if each.ranks]
    of = {name: np.array([each.ranks[name] for each in ranked], dtype=np.int64) for name in kinds}
    share = out_below(list(kinds.values()))
    order: tuple[Kind, ...] = ("effect", "spread", "likelihood", "parameter")
    names = sorted(kinds, key=lambda name: order.index(kinds[name]))  # stable within a kind
    tests, coverage = [], []
    for place, name in enumerate(names):
        if not ranked:
            break
        found = uniformity(pit(of[name], seed=seed + place))
        lowest = min(found.chi_squared_p, found.ks_p, found.dispersion_p)
        tests.append(
            RankTest(
                quantity=name,
                kind=kinds[name],
                replicates=len(ranked),
                chi_squared_p=found.chi_squared_p,
                ks_p=found.ks_p,
                dispersion=found.dispersion,
                dispersion_p=found.dispersion_p,
                verdict=_verdict(len(ranked), lowest >= share[kinds[name]]),
            )
        )
        coverage += [_coverage(name, kinds[name], of[name], level) for level in LEVELS]
    return RankVerdict(
        replicates=tuple(sorted(replicates, key=lambda each: each.number)),
        tests=tuple(tests),
        coverage=tuple(coverage),
    )


def _verdict(replicates: int, uniform: bool) -> str:
    if replicates < LEAST:
        return FEW
    return "in" if uniform else "out"


def out_below(kinds: Sequence[Kind]) -> dict[Kind, float]:
    """The p below which a quantity of each kind is out, given the kinds of all that are tested."""
    others = sum(kind == "parameter" for kind in kinds)
    reported = ALPHA / 2 / (3 * max(len(kinds) - others, 1))
    share: dict[Kind, float] = dict.fromkeys(get_args(Kind), reported)
    return share | {"parameter": ALPHA / 2 / (3 * max(others, 1))}


def _coverage(name: str, kind: Kind, ranks: Integers, level: float) -> IntervalCoverage:
    outside = round((1 - level) / 2 * (DRAWS + 1))
    rate = float(((ranks >= outside) & (ranks <= DRAWS - outside)).mean())
    return IntervalCoverage(
        quantity=name,
        kind=kind,
        level=level,
        replicates=ranks.size,
        coverage=rate,
        standard_error=float(np.sqrt(level * (1 - level) / ranks.size)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Uniformity:
    """Numbers in (0, 1) tested against the uniform distribution."""

    chi_squared: float
    chi_squared_p: float
    ks: float
    ks_p: float
    dispersion: float
    dispersion_p: float


def uniformity(numbers: Floats) -> Uniformity:
    """χ² over equal bins, Kolmogorov-Smirnov distance, and dispersion of numbers in (0, 1).

    Dispersion is by far the most sensitive of the three to a wrong width.
    """
    n = numbers.size
    counts = np.histogram(numbers, bins=BINS, range=(0.0, 1.0))[0]
    chi_squared = float(np.sum((counts - n / BINS) ** 2) / (n / BINS))
    ordered, steps = np.sort(numbers), np.arange(n + 1) / n
    ks = float(max(np.max(steps[1:] - ordered), np.max(ordered - steps[:-1])))
    squares = float(np.sum(special.ndtri(numbers) ** 2))
    tails = special.chdtr(n, squares), special.chdtrc(n, squares)
    return Uniformity(
        chi_squared=chi_squared,
        chi_squared_p=float(special.chdtrc(BINS - 1, chi_squared)),
        ks=ks,
        ks_p=float(special.kolmogorov(np.sqrt(n) * ks)),
        dispersion=squares / n,
        dispersion_p=min(1.0, 2 * float(min(tails))),
    )


def ranked_of(number: int, result: Mapping[str, Any]) -> RankedReplicate:
    """A replicate from what JSON holds of it."""
    ranks = {name: int(rank) for name, rank in result["ranks"].items()}
    return RankedReplicate(ranks=ranks, **fared_of(number, result))
