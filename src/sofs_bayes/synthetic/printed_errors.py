"""Matched rows → errors of printed coefficients as functions of referrals' outcomes.

The logarithm of a clustered standard error is no sum over outcomes, but nearly one where the
outcomes stand: its derivatives make sums of it that a search for outcomes can meet.
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
from sofs_bayes.synthetic.printed_stars import star_range
from sofs_bayes.synthetic.printed_sums import Referrals, referrals_of

Floats = npt.NDArray[np.float64]

# On the log scale: how far inside their range statistics are wanted, and how far they may move
# before derivatives are taken anew.
INSIDE, FARTHEST = 0.01, 0.06


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnErrors:
    """One linear column on the rows it uses.

    Parameters
    ----------
    rows
        Which of the matched rows it uses, as 0 and 1, shape (matched rows,).
    terms, weights, authority
        Of those rows; terms in single precision.
    inverse
        Of the weighted Gram matrix.
    chosen
        Places of the printed terms.
    targets
        What is printed of them.
    """

    rows: npt.NDArray[np.bool_]
    terms: npt.NDArray[np.float32]
    weights: Floats
    authority: npt.NDArray[np.int64]
    inverse: Floats
    chosen: tuple[int, ...]
    targets: tuple[Target, ...]

    @property
    def clusters(self) -> int:
        """How many authorities there are."""
        return int(self.authority.max()) + 1

    def at(self, values: Floats) -> tuple[Floats, Floats]:
        """Log standard errors (CR1) at values of the rows, and derivatives by each value.

        With g the row of the inverse Gram matrix, u_a the share of authority a in the
        coefficient's error and ω_a = u_a / Σ u²: the derivative by a value is
        w x'(ω_a g − G⁻¹ Σ ω_b G_b g).
        """
        reach = self.weights[:, None] * (self.terms @ self.inverse[:, self.chosen])
        beta = self.inverse @ (self.terms.T @ (self.weights * values))
        residual = values - self.terms @ beta
        shares = np.stack(
            [np.bincount(self.authority, each * residual) for each in reach.T], axis=1
        )
        squares = np.sum(shares**2, axis=0)
        own = (shares / squares)[self.authority] * reach
        behind = self.inverse @ (self.terms.T @ own)
        slopes = own - self.weights[:, None] * (self.terms @ behind)
        count, rows = self.clusters, len(values)
        factor = count / (count - 1) * (rows - 1) / (rows - len(beta))
        return 0.5 * np.log(factor * squares), slopes


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedErrors:
    """The errors of every printed coefficient."""

    referrals: Referrals
    columns: tuple[ColumnErrors, ...]

    def missed(self, outcome: Binary | Floats) -> int:
        """How many coefficients have other stars than printed, by either distribution."""
        _, _, lowest, highest = self._statistics(outcome)
        return int(np.count_nonzero((lowest > 0) | (highest < 0)))

    def sums_at(self, outcome: Binary | Floats) -> Sums:
        """The sums that log |t| are near an outcome, to be met inside the stars' ranges."""
        now, rows, lowest, highest = self._statistics(outcome)
        bottom = np.maximum(lowest + INSIDE, -FARTHEST)
        top = np.minimum(highest - INSIDE, FARTHEST)
        bottom, top = np.minimum(bottom, highest - 2 * INSIDE), np.maximum(top, lowest + 2 * INSIDE)
        aim = now + (bottom + top) / 2
        return Sums(rows=rows, target=aim, tolerance=(top - bottom) / 2)

    def _statistics(self, outcome: Binary | Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Sums of outcomes, their rows, and the stars' ranges of log |t| less where it stands."""
        values = outcome.astype(np.float64)[self.referrals.place]
        rows, lowest, highest = [], [], []
        for column in self.columns:
            errors, slopes = column.at(values[column.rows])
            whole = np.zeros((len(values), slopes.shape[1]))
            whole[column.rows] = -slopes
            rows.append(self.referrals.summed(whole))
            ranges = [star_range(each.stars, column.clusters) for each in column.targets]
            log_t = np.log([abs(each.value) for each in column.targets]) - errors
            with np.errstate(divide="ignore"):
                lowest.append(np.log([each.lowest for each in ranges]) - log_t)
                highest.append(np.log([each.highest for each in ranges]) - log_t)
        joined = np.column_stack(rows)
        return (
            outcome.astype(np.float64) @ joined,
            joined,
            np.concatenate(lowest),
            np.concatenate(highest),
        )


def printed_errors(
    matched: pd.DataFrame, analysis: ChildrenAnalysis, targets: Sequence[Target]
) -> PrintedErrors:
    """The errors on matched rows with the authorities' covariates, clustered on authorities."""
    columns = []
    for regression in analysis.regressions.columns:
        own = tuple(each for each in targets if each.column == regression.name)
        if not own:
            continue
        numbers = design(matched, analysis, regression)
        terms = numbers.terms.to_numpy(np.float64)
        names = list(numbers.terms.columns)
        columns.append(
            ColumnErrors(
                rows=matched.index.isin(kept_rows(matched, regression).index),
                terms=terms.astype(np.float32),
                weights=numbers.weights,
                authority=numbers.authority,
                inverse=np.linalg.inv(terms.T @ (numbers.weights[:, None] * terms)),
                chosen=tuple(names.index(each.term) for each in own),
                targets=own,
            )
        )
    return PrintedErrors(referrals=referrals_of(matched), columns=tuple(columns))
