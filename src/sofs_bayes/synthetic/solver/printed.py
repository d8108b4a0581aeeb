"""Printed tables → what is wanted of outcomes: coefficients, stars, R², rates."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sofs_bayes.frequentist.printed_rows import printed_column, printed_r_squared, term_of
from sofs_bayes.frequentist.replication import STAR_LEVELS
from sofs_bayes.published.facts import fact, read_printed, stated
from sofs_bayes.spec import ChildrenAnalysis
from sofs_bayes.synthetic.solver.fits import Fit, Values, coefficient_values, error_values

Floats = npt.NDArray[np.float64]

# How far inside its range |t| is wanted, on the log scale: rounding probabilities to outcomes
# moves it. Of a narrow range, so much of its width.
MARGIN, MARGIN_SHARE = 0.08, 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A coefficient: the column's name, the term, the value, half its last printed unit, stars."""

    column: str
    term: str
    value: float
    half_unit: float
    stars: int = 0


def printed_targets(analysis: ChildrenAnalysis) -> tuple[Target, ...]:
    """Every printed coefficient of an analysis' columns, in the order of the columns."""
    return tuple(
        Target(
            column=regression.name,
            term=term,
            value=fact.printed.value,
            half_unit=fact.printed.half_unit,
            stars=fact.printed.stars,
        )
        for regression in analysis.regressions.columns
        for fact in printed_column(regression)
        if (term := term_of(fact.row)) is not None and fact.printed.value is not None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """Weighted means of outcomes that are wanted, and how near."""

    shares: Floats  # of cells or referrals; each mean's add up to 1, shape (cells, means)
    values: Floats  # values, near: shape (means,)
    near: Floats

    def misses(self, outcome: Floats) -> Floats:
        """How far the means of outcomes or probabilities are off, in units of how near."""
        return np.asarray((outcome @ self.shares - self.values) / self.near, dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stars:
    """The stars of a printed column.

    A coefficient's stars are met if its |t| lies in their range both under Student's t with as
    many degrees of freedom as there are authorities less one, and under the normal distribution:
    which of them the report's stars were read from is not told.
    """

    # The column that is fitted for it: two columns that differ in their errors are one fit
    fitted: str
    targets: tuple[Target, ...]  # its printed coefficients
    clusters: int | None  # how many authorities errors are clustered on; None: they are not
    as_printed: bool = False  # whether t is of the printed coefficients (else of those found)

    def values(self, names: Sequence[str], found: Fit) -> Values:
        """Log |t| of the coefficients of a fit whose terms have these names."""
        chosen = [names.index(each.term) for each in self.targets]
        own = coefficient_values(found, chosen)
        errors = error_values(found, chosen, clustered=self.clusters is not None)
        printed = np.array([each.value for each in self.targets])
        shown = printed if self.as_printed else own.found
        scale = np.where(self.as_printed, 0.0, 1 / own.found)
        return Values(
            found=np.log(np.abs(shown)) - errors.found,
            by_outcome=own.by_outcome * scale - errors.by_outcome,
            by_term=(
                *((term * scale, row) for term, row in own.by_term),
                *((-term, row) for term, row in errors.by_term),
            ),
        )

    def misses(self, log_t: Floats, margin: float = MARGIN) -> tuple[Floats, tuple[str, ...]]:
        """How far log |t| lies outside the stars' ranges, and which stars are not as printed.

        The ranges are narrowed by the margin for the first.
        """
        stars = [each.stars for each in self.targets]
        lowest, highest = log_ranges(stars, self.clusters, 0.0)
        wrong = (log_t <= lowest) | (log_t >= highest)
        names = (f"{each.column}: {each.term}" for each in self.targets)
        lowest, highest = log_ranges(stars, self.clusters, margin)
        outside = np.minimum(log_t - lowest, 0.0) + np.maximum(log_t - highest, 0.0)
        return outside, tuple(name for name, off in zip(names, wrong, strict=True) if off)


def log_ranges(stars: Sequence[int], clusters: int | None, margin: float) -> tuple[Floats, Floats]:
    """The lowest and highest log |t| with such stars, narrowed by a margin or by less."""
    from scipy.special import ndtri, stdtrit

    levels = np.array(sorted(STAR_LEVELS, reverse=True))
    normal = np.array([0.0, *ndtri(1 - levels / 2), np.inf])
    student = normal
    if clusters is not None:
        student = np.array([0.0, *stdtrit(clusters - 1, 1 - levels / 2), np.inf])
    with np.errstate(divide="ignore"):
        lowest = np.log(np.maximum(normal, student)[list(stars)])
        highest = np.log(np.minimum(normal, student)[np.array(stars) + 1])
    inside = np.minimum(margin, MARGIN_SHARE * (highest - lowest))
    return lowest + inside, highest - inside


def shares_of(pilot: Floats, post: Floats, weight: Floats, rows: Floats, once: Floats) -> Floats:
    """Shares of rates before settling-in, pilots' and comparators', and of the whole incidence.

    The latter by weight, by row, and with each referral once; shape (rows, 5).
    """
    weights = np.column_stack(
        [weight * (1 - post) * pilot, weight * (1 - post) * (1 - pilot), weight, rows, once]
    )
    return np.asarray(weights / weights.sum(axis=0), dtype=np.float64)


def printed_rates(outcome: str) -> tuple[Floats, Floats]:
    """Table 3's rates of pilots and comparators and the incidence, and half their last units."""
    arms = [f"{outcome} rates - {arm} sites" for arm in ("Pilot", "Comparator")]
    printed = [fact(3, "Outcome", arm).printed for arm in arms]
    printed.append(read_printed(stated(f"{outcome.lower()}.incidence").printed))
    values = np.array([(each.value or 0.0) / 100 for each in printed])
    return values, np.array([each.half_unit / 100 for each in printed])


def r_squared(table: int, column: str) -> Target:
    """The printed R² of a column."""
    printed = printed_r_squared(table)
    assert printed is not None
    value = printed.printed.value or 0.0
    return Target(column=column, term="R²", value=value, half_unit=printed.printed.half_unit)
