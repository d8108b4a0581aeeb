"""Matched rows with outcomes → which coefficients have the printed stars, and what would mend them.

The logarithm of a clustered standard error is no sum over outcomes, but nearly one where the
outcomes stand.
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
from sofs_bayes.synthetic.printed_stars import log_ranges
from sofs_bayes.synthetic.printed_sums import Referrals, referrals_of

Floats = npt.NDArray[np.float64]

# On the log scale: how far inside their range statistics are wanted that are outside, and how
# far around that they may end.
INSIDE, AROUND = 0.01, 0.008


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
        """Log |t| of the printed coefficients (CR1 errors), and derivatives by values of rows.

        With g the row of the inverse Gram matrix, u_a the share of authority a in the
        coefficient's error and ω_a = u_a / Σ u²: the derivative of the log error by a value is
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
        printed = np.log([abs(each.value) for each in self.targets])
        return printed - 0.5 * np.log(factor * squares), -slopes

    def ranges(self) -> tuple[Floats, Floats]:
        """The lowest and highest log |t| with the printed stars, by either distribution."""
        return log_ranges([each.stars for each in self.targets], self.clusters, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedErrors:
    """The errors of every printed coefficient."""

    referrals: Referrals
    columns: tuple[ColumnErrors, ...]

    def missed(self, outcome: Binary) -> int:
        """How many coefficients have other stars than printed, by either distribution."""
        values = outcome.astype(np.float64)[self.referrals.place]
        missed = 0
        for column in self.columns:
            log_t, (lowest, highest) = column.at(values[column.rows])[0], column.ranges()
            missed += int(np.count_nonzero((log_t <= lowest) | (log_t >= highest)))
        return missed

    def sums_at(self, outcome: Binary) -> Sums:
        """The sums that log |t| of wrong stars are near an outcome, to be met inside the range."""
        values = outcome.astype(np.float64)[self.referrals.place]
        rows, missing = [np.zeros((self.referrals.count, 0))], [np.zeros(0)]
        for column in self.columns:
            log_t, slopes = column.at(values[column.rows])
            lowest, highest = column.ranges()
            wrong = (log_t <= lowest) | (log_t >= highest)
            inside = np.clip(log_t, lowest + INSIDE, highest - INSIDE)
            whole = np.zeros((len(values), int(wrong.sum())))
            whole[column.rows] = slopes[:, wrong]
            rows.append(self.referrals.summed(whole))
            missing.append((inside - log_t)[wrong])
        joined = np.column_stack(rows)
        target = outcome.astype(np.float64) @ joined + np.concatenate(missing)
        return Sums(rows=joined, target=target, tolerance=np.full(len(target), AROUND))


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
