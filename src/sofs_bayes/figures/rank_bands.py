"""Ranks → the numbers that pictures of them show, each with the band of right posteriors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from sofs_bayes.checks.calibration import Calibrated
from sofs_bayes.checks.ranks import BINS, DRAWS, Kind, RankTest, RankVerdict, pit
from sofs_bayes.tables.contents.calibration import REPORTED
from sofs_bayes.tables.contents.calibration_words import smallest_p

Floats = npt.NDArray[np.float64]

BAND = 0.95
TRIALS = 2000  # of the simulation of the simultaneous band
BAND_SEED = 214
ROUNDING = 1e-9  # shares that are the same differ by less


@dataclass(frozen=True, slots=True, kw_only=True)
class EcdfRow:
    """How far the ECDF of ranks is from the diagonal, at one of its places.

    Attributes
    ----------
    quantity, kind, verdict
        As `RankTest` has them.
    replicates
        How many ranks there are.
    place
        j/(DRAWS + 1) for j = 0 to DRAWS + 1: an ECDF of ranks jumps there and nowhere else.
    difference
        Share of ranks below j, minus `place`.
    lower, upper
        Simultaneous band: 95% of right posteriors are inside it at all places.
    """

    quantity: str
    kind: Kind
    verdict: str
    replicates: int
    place: float
    difference: float
    lower: float
    upper: float

    @property
    def inside(self) -> bool:
        """Whether it is within the band here."""
        return self.lower - ROUNDING <= self.difference <= self.upper + ROUNDING


@dataclass(frozen=True, slots=True, kw_only=True)
class BinRow:
    """Ranks counted in one of `BINS` equal bins; `lower` and `upper` hold 95% for this bin."""

    quantity: str
    kind: Kind
    verdict: str
    replicates: int
    first: int
    last: int
    count: int
    expected: float
    lower: float
    upper: float

    @property
    def inside(self) -> bool:
        """Whether the count is within its band."""
        return self.lower <= self.count <= self.upper


@dataclass(frozen=True, slots=True, kw_only=True)
class AttainedRow:
    """How often intervals of a level held the truth, beside what right ones would.

    Attributes
    ----------
    lower, upper
        Where the share of right intervals is 95% of the time.
    lower_all, upper_all
        Where the shares of all quantities and levels together are 95% of the time (Bonferroni).
    """

    quantity: str
    kind: Kind
    verdict: str
    level: float
    replicates: int
    coverage: float
    lower: float
    upper: float
    lower_all: float
    upper_all: float

    @property
    def inside(self) -> bool:
        """Whether the share is where all shares together would be."""
        return self.lower_all - ROUNDING <= self.coverage <= self.upper_all + ROUNDING


@dataclass(frozen=True, slots=True, kw_only=True)
class DispersionRow:
    """The dispersion of one quantity of one analysis; 95% of right ones are in the band."""

    analysis: str
    around: str
    quantity: str
    kind: Kind
    verdict: str
    replicates: int
    dispersion: float
    lower: float
    upper: float


def shown_tests(verdict: RankVerdict, most: int) -> tuple[tuple[RankTest, ...], int]:
    """The quantities worth a panel, in the order of tables, and how many there would be.

    These are all that are reported (effects, spreads, log likelihood) and the other parameters
    that are out; of more than `most` those with the smallest p-values.
    """
    wanted = [test for test in verdict.tests if test.kind in REPORTED or test.verdict == "out"]
    kept = {test.quantity for test in sorted(wanted, key=smallest_p)[:most]}
    return tuple(test for test in wanted if test.quantity in kept), len(wanted)


def ranks_of(verdict: RankVerdict, quantity: str) -> npt.NDArray[np.int64]:
    """The ranks of a quantity in all replicates that have any."""
    return np.array(
        [each.ranks[quantity] for each in verdict.replicates if each.ranks], dtype=np.int64
    )


def _about(test: RankTest) -> dict[str, Any]:
    columns = ("quantity", "kind", "verdict", "replicates")
    return {column: getattr(test, column) for column in columns}


def ecdf_rows(verdict: RankVerdict, tests: Sequence[RankTest]) -> tuple[EcdfRow, ...]:
    """The ECDF of each quantity's ranks against the diagonal, at all places where it jumps."""
    from arviz_stats.ecdf_utils import compute_ecdf

    if not tests:
        return ()
    places, lower, upper = simultaneous_band(tests[0].replicates)
    rows = []
    for test in tests:
        # At these places it does not matter where within its part a rank is put.
        numbers = pit(ranks_of(verdict, test.quantity), seed=BAND_SEED)
        apart = compute_ecdf(numbers, places) - places
        rows += [
            EcdfRow(
                **_about(test),
                place=float(place),
                difference=float(difference),
                lower=float(below),
                upper=float(above),
            )
            for place, difference, below, above in zip(places, apart, lower, upper, strict=True)
        ]
    return tuple(rows)


def simultaneous_band(replicates: int) -> tuple[Floats, Floats, Floats]:
    """Places and the band of ECDF differences there, by ArviZ (Säilynoja et al. 2022)."""
    from arviz_stats.ecdf_utils import get_pointwise_confidence_band, simulate_confidence_bands

    places = np.arange(DRAWS + 2) / (DRAWS + 1)
    inner = places[1:-1]
    rng = np.random.default_rng(BAND_SEED)
    pointwise = simulate_confidence_bands(replicates, 1, inner, BAND, TRIALS, rng)
    lower, upper = (np.zeros(places.size) for _ in range(2))
    found = get_pointwise_confidence_band(pointwise, replicates, inner)
    for band, shares in zip((lower, upper), found, strict=True):
        band[1:-1] = shares - inner
    return places, lower, upper


def bin_rows(verdict: RankVerdict, tests: Sequence[RankTest]) -> tuple[BinRow, ...]:
    """The ranks of each quantity counted in bins, with the binomial band of a single bin."""
    wide = (DRAWS + 1) // BINS
    rows = []
    for test in tests:
        n = test.replicates
        lower, upper = _binomial_band(BAND, n, 1 / BINS)
        counts = np.bincount(ranks_of(verdict, test.quantity) // wide, minlength=BINS)
        rows += [
            BinRow(
                **_about(test),
                first=i * wide,
                last=(i + 1) * wide - 1,
                count=int(count),
                expected=n / BINS,
                lower=lower,
                upper=upper,
            )
            for i, count in enumerate(counts)
        ]
    return tuple(rows)


def _binomial_band(share: float, n: int, probability: float) -> tuple[float, float]:
    """Counts between which that share of binomial numbers lies, or a little more."""
    below, above = (1 - share) / 2, (1 + share) / 2
    return (
        float(stats.binom.ppf(below, n, probability)),
        float(stats.binom.ppf(above, n, probability)),
    )


def attained_rows(verdict: RankVerdict) -> tuple[AttainedRow, ...]:
    """The share of truths inside, of every quantity and level, with binomial bands."""
    found = {test.quantity: test.verdict for test in verdict.tests}
    of_all = 1 - (1 - BAND) / max(len(verdict.coverage), 1)
    rows = []
    for row in verdict.coverage:
        n = row.replicates
        single = _binomial_band(BAND, n, row.level)
        together = _binomial_band(of_all, n, row.level)
        rows.append(
            AttainedRow(
                quantity=row.quantity,
                kind=row.kind,
                verdict=found[row.quantity],
                level=row.level,
                replicates=row.replicates,
                coverage=row.coverage,
                lower=single[0] / n,
                upper=single[1] / n,
                lower_all=together[0] / n,
                upper_all=together[1] / n,
            )
        )
    return tuple(rows)


def dispersion_rows(found: Calibrated) -> tuple[DispersionRow, ...]:
    """The dispersion of each quantity of an analysis, with that of right posteriors (χ²/n)."""
    rows = []
    for test in found.verdict.tests:
        n = test.replicates
        rows.append(
            DispersionRow(
                analysis=found.analysis.name,
                around=found.around,
                **_about(test),
                dispersion=test.dispersion,
                lower=float(stats.chi2.ppf((1 - BAND) / 2, n)) / n,
                upper=float(stats.chi2.ppf((1 + BAND) / 2, n)) / n,
            )
        )
    return tuple(rows)
