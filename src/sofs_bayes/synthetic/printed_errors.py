"""Matched rows with outcomes → how many coefficients have the printed stars."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from sofs_bayes.frequentist.terms import design, kept_rows
from sofs_bayes.spec import ChildrenAnalysis
from sofs_bayes.synthetic.joint_solve import Target
from sofs_bayes.synthetic.outcomes import Binary
from sofs_bayes.synthetic.printed_stars import star_range
from sofs_bayes.synthetic.printed_sums import Referrals, referrals_of

Floats = npt.NDArray[np.float64]


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

    def statistics(self, values: Floats) -> Floats:
        """|t| of the printed coefficients over CR1 standard errors, at values of the rows."""
        reach = self.weights[:, None] * (self.terms @ self.inverse[:, self.chosen])
        beta = self.inverse @ (self.terms.T @ (self.weights * values))
        residual = values - self.terms @ beta
        shares = np.stack([np.bincount(self.authority, each * residual) for each in reach.T])
        count, rows = self.clusters, len(values)
        factor = count / (count - 1) * (rows - 1) / (rows - len(beta))
        errors = np.sqrt(factor * np.sum(shares**2, axis=1))
        return np.asarray(np.abs([each.value for each in self.targets]) / errors)


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
            statistics = column.statistics(values[column.rows])
            for target, statistic in zip(column.targets, statistics, strict=True):
                bounds = star_range(target.stars, column.clusters)
                missed += not bounds.lowest < statistic < bounds.highest
        return missed


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
