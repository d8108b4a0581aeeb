"""Matched rows → sums over referrals that printed numbers of linear columns ask for.

What is summed is the outcome of each referral, whichever matched groups it stands in, with
weights from the regressions as `frequentist.terms` makes them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from sofs_bayes.frequentist.terms import design, kept_rows
from sofs_bayes.spec import ChildrenAnalysis
from sofs_bayes.synthetic.joint_solve import Target
from sofs_bayes.synthetic.outcomes import Binary, Sums

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Referrals:
    """Which referral each matched row is of, as its place among the referrals in order."""

    place: Integers
    count: int

    def summed(self, rows: Floats) -> Floats:
        """Sums over each referral's rows: (rows, sums) → (referrals, sums)."""
        order = np.argsort(self.place, kind="stable")
        starts = np.searchsorted(self.place[order], np.arange(self.count))
        return np.asarray(np.add.reduceat(rows[order], starts, axis=0), dtype=np.float64)


def referrals_of(matched: pd.DataFrame) -> Referrals:
    """The referrals of matched rows, in ascending order of `referral`."""
    referrals, place = np.unique(matched["referral"].to_numpy(), return_inverse=True)
    return Referrals(place=place.astype(np.int64), count=len(referrals))


def with_outcomes(
    matched: pd.DataFrame, authorities: pd.DataFrame, outcome: npt.NDArray[np.integer]
) -> pd.DataFrame:
    """Matched rows with outcomes (in the order of referrals) and authorities' covariates."""
    known = matched.assign(outcome=outcome[referrals_of(matched).place])
    return known.merge(authorities, on=["authority", "year"], how="left", validate="many_to_one")


def coefficient_sums(
    matched: pd.DataFrame, analysis: ChildrenAnalysis, targets: Sequence[Target]
) -> Sums:
    """The sums that linear columns' coefficients are, to be met within the printed rounding.

    Parameters
    ----------
    matched
        Matched rows with the authorities' covariates; `outcome` may hold anything.
    """
    referrals = referrals_of(matched)
    number = np.arange(len(matched))
    rows, found = np.zeros((referrals.count, len(targets))), 0
    for regression in analysis.regressions.columns:
        wanted = [each.term for each in targets if each.column == regression.name]
        if not wanted:
            continue
        numbers = design(matched, analysis, regression)
        terms = numbers.terms.to_numpy(np.float64)
        weighted = numbers.weights[:, None] * terms
        at = [list(numbers.terms.columns).index(term) for term in wanted]
        inverse = np.linalg.inv(weighted.T @ terms)
        own = np.zeros((len(matched), len(wanted)))
        own[number[matched.index.isin(kept_rows(matched, regression).index)]] = (
            weighted @ inverse[:, at]
        )
        rows[:, found : found + len(wanted)] = referrals.summed(own)
        found += len(wanted)
    return Sums(
        rows=rows,
        target=np.array([each.value for each in targets]),
        tolerance=np.array([each.half_unit for each in targets]),
    )


def mean_sums(weights: Floats, values: Floats, tolerance: Floats) -> Sums:
    """The sums that weighted means of outcomes are; weights have shape (referrals, means)."""
    return Sums(rows=weights / weights.sum(axis=0), target=values, tolerance=tolerance)


def joined(*parts: Sums) -> Sums:
    """Several sets of sums as one."""
    return Sums(
        rows=np.column_stack([each.rows for each in parts]),
        target=np.concatenate([each.target for each in parts]),
        tolerance=np.concatenate([each.tolerance for each in parts]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """R² of a linear column as a function of referrals' outcomes.

    Parameters
    ----------
    terms, weights
        Of the matched rows, shapes (rows, terms) and (rows,).
    inverse
        Inverse of the terms' weighted Gram matrix.
    """

    referrals: Referrals
    terms: Floats
    weights: Floats
    inverse: Floats

    def at(self, outcome: Binary | Floats) -> tuple[float, Floats]:
        """R² of 0/1 outcomes with these probabilities (or values), and derivatives by each.

        The total sum of squares is that of zeros and ones with the same mean.
        """
        values = outcome.astype(np.float64)[self.referrals.place]
        weighted, whole = self.weights * values, self.weights.sum()
        moments = self.terms.T @ weighted
        fitted = self.terms @ (self.inverse @ moments)
        mean = weighted.sum() / whole
        explained = fitted @ weighted - whole * mean**2
        total = whole * mean * (1 - mean)
        slopes = 2 * (fitted - mean) / total - explained / total**2 * (1 - 2 * mean)
        by_referral = self.referrals.summed((self.weights * slopes)[:, None])
        return float(explained / total), by_referral[:, 0]

    def sum_at(self, outcome: Binary | Floats, *, value: float, tolerance: float) -> Sums:
        """The sum that R² is near an outcome, to be met within the tolerance."""
        now, slopes = self.at(outcome)
        aim = outcome.astype(np.float64) @ slopes + value - now
        return Sums(rows=slopes[:, None], target=np.array([aim]), tolerance=np.array([tolerance]))


def explained_by(matched: pd.DataFrame, analysis: ChildrenAnalysis, column: str) -> Explained:
    """R² of a linear column on matched rows with the authorities' covariates."""
    regression = next(each for each in analysis.regressions.columns if each.name == column)
    numbers = design(matched, analysis, regression)
    terms = numbers.terms.to_numpy(np.float64)
    gram = terms.T @ (numbers.weights[:, None] * terms)
    return Explained(
        referrals=referrals_of(matched),
        terms=terms,
        weights=numbers.weights,
        inverse=np.linalg.inv(gram),
    )
