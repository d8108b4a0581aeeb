"""What the joint solver may move, as one vector, and the way from it to the cells.

In the order of the vector: authority covariates by authority and year (in units of their
spread between authorities), the pilots' scores (as log odds within their ranges), coefficients
of treatment terms that are not printed, outcome probabilities by authority and quarter.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from sofs_bayes.synthetic.cell_design import SCORES, CellColumn, Cells
from sofs_bayes.synthetic.cell_fits import CellFit
from sofs_bayes.synthetic.scenario import AuthorityPrior

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """Where the solver stands, by cell.

    Parameters
    ----------
    covariates
        Authority covariates, shape (cells, covariates).
    scores
        Score's name → the pilot's score, 0 for comparators, shape (cells,).
    unprinted
        Coefficients that are not printed, by term.
    probability
        Outcome probability, shape (cells,).
    """

    covariates: Floats
    scores: dict[str, Floats]
    unprinted: dict[str, float]
    probability: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknowns:
    """The vector's layout, its prior, and the cells it belongs to.

    Parameters
    ----------
    start, covariance, precision
        The prior's draw from which the vector is to depart as little as can be, the prior's
        covariance and its inverse: shapes (size,), (size, size).
    set_covariates
        Covariates that are not looked for (0 in the places of those that are), shape
        (cells, covariates).
    solved
        For each covariate looked for: its place among the analysis' covariates and its prior.
    authority_years, pilots, quarters
        What the blocks of the vector count: (authority, year), names, (authority, quarter).
    to_authority_year, to_pilot, to_quarter
        Which of them each cell belongs to, as 0 and 1, shape (cells, blocks' length).
    ranges
        Lowest and highest of each score.
    unprinted
        Terms with a coefficient that is looked for.
    """

    start: Floats
    covariance: Floats
    precision: Floats
    set_covariates: Floats
    solved: tuple[tuple[int, AuthorityPrior], ...]
    authority_years: pd.DataFrame
    pilots: tuple[str, ...]
    quarters: pd.DataFrame
    to_authority_year: Floats
    to_pilot: Floats
    to_quarter: Floats
    ranges: dict[str, tuple[float, float]]
    unprinted: tuple[str, ...]

    @property
    def size(self) -> int:
        """How many unknowns there are."""
        return len(self.start)

    @property
    def outcome_from(self) -> int:
        """Where the probabilities begin in the vector."""
        return self.size - len(self.quarters)

    def theta(self, vector: Floats) -> Floats:
        """Authority covariates in units of their spread, shape (solved, authority-years)."""
        count = len(self.solved) * len(self.authority_years)
        return vector[:count].reshape(len(self.solved), -1)

    def scores(self, vector: Floats) -> dict[str, Floats]:
        """Score's name → the pilots' scores, shape (pilots,)."""
        first = len(self.solved) * len(self.authority_years)
        found = {}
        for i, name in enumerate(SCORES):
            at = first + i * len(self.pilots)
            lowest, highest = self.ranges[name]
            share = (1 + np.tanh(vector[at : at + len(self.pilots)] / 2)) / 2
            found[name] = lowest + (highest - lowest) * share
        return found

    def point(self, vector: Floats) -> Point:
        """Where a vector stands."""
        covariates = self.set_covariates.copy()
        for row, (place, _) in zip(self.theta(vector), self.solved, strict=True):
            covariates[:, place] = self.to_authority_year @ row
        first = self.outcome_from - len(self.unprinted)
        return Point(
            covariates=covariates,
            scores={name: self.to_pilot @ each for name, each in self.scores(vector).items()},
            unprinted=dict(
                zip(self.unprinted, vector[first : self.outcome_from].tolist(), strict=True)
            ),
            probability=self.to_quarter @ vector[self.outcome_from :],
        )

    def pulled(
        self, vector: Floats, cells: Cells, column: CellColumn, fit: CellFit, *, outcome: bool
    ) -> Floats:
        """The fit's derivatives by the vector, shape (chosen, size).

        The outcome's share is left out unless `outcome` says that it is the probabilities.
        """
        result = np.zeros((len(fit.coefficients), self.size))
        by_value = column.by_covariate(cells, fit.by_term, self.set_covariates.shape[1])
        years = len(self.authority_years)
        for i, (place, _) in enumerate(self.solved):
            result[:, i * years : (i + 1) * years] = by_value[:, :, place] @ self.to_authority_year
        for name, slope in column.by_score.items():
            self.add_score(result, vector, name, np.einsum("kcj,cj->kc", fit.by_term, slope))
        if outcome:
            result[:, self.outcome_from :] = fit.by_outcome @ self.to_quarter
        return result

    def add_unprinted(self, result: Floats, name: str, by_coefficient: Floats) -> None:
        """Add derivatives by a coefficient that is not printed (chosen,) to those by the vector."""
        first = self.outcome_from - len(self.unprinted)
        result[:, first + self.unprinted.index(name)] += by_coefficient

    def add_score(self, result: Floats, vector: Floats, name: str, by_cell: Floats) -> None:
        """Add derivatives by a score's cells (chosen, cells) to those by the vector."""
        first = len(self.solved) * len(self.authority_years)
        at = first + SCORES.index(name) * len(self.pilots)
        lowest, highest = self.ranges[name]
        share = (1 + np.tanh(vector[at : at + len(self.pilots)] / 2)) / 2
        result[:, at : at + len(self.pilots)] += (by_cell @ self.to_pilot) * (
            (highest - lowest) * share * (1 - share)
        )
