"""Matched referrals → cells by group, authority and quarter, and regressions' columns on them.

Within a cell everything but the children's covariates is constant: the terms of the treatment,
the authority's covariates, and the probability that the solver looks for. So sums of weights
and of weighted child covariates by cell carry a regression exactly.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from sofs_bayes.frequentist.term import PILOT
from sofs_bayes.frequentist.terms import (
    authority_terms,
    base_terms,
    child_terms,
    independent_columns,
    treatment_terms,
)
from sofs_bayes.spec import ChildrenAnalysis, Regression

Floats = npt.NDArray[np.float64]

CONSTANT = ["group", "authority", "pilot", "post", "year", "years_since", "quarter"]
SCORES = ("quality", "embeddedness")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """What least squares needs of matched referrals, by cell.

    Parameters
    ----------
    frame
        A row per cell with the columns of `CONSTANT`; `quarter` counts quarters from the first
        of January of year 0.
    rows
        Matched rows, shape (cells,).
    weight
        Sum of matching weights, shape (cells,).
    child_sums
        Weighted sums of the child terms, shape (cells, child terms).
    child_grams
        Group and authority → Σ w z z' of their rows, shape (child terms, child terms).
    """

    frame: pd.DataFrame
    rows: Floats
    weight: Floats
    child_sums: Floats
    child_grams: dict[tuple[str, str], Floats]


@dataclass(frozen=True, slots=True, kw_only=True)
class CellOutcome:
    """What least squares needs of an outcome, by cell.

    Parameters
    ----------
    sums
        Weighted sums, shape (cells,).
    child_sums
        Weighted sums of its products with the child terms, shape (cells, child terms).
    """

    sums: Floats
    child_sums: Floats

    def plus(self, other: "CellOutcome") -> "CellOutcome":
        """The sum of two outcomes."""
        return CellOutcome(
            sums=self.sums + other.sums, child_sums=self.child_sums + other.child_sums
        )


def constant_outcome(cells: Cells, values: Floats) -> CellOutcome:
    """An outcome that is constant in each cell, shape (cells,)."""
    return CellOutcome(sums=cells.weight * values, child_sums=cells.child_sums * values[:, None])


@dataclass(frozen=True, slots=True, kw_only=True)
class RowCells:
    """Matched rows by cell: from values of rows to sums of cells.

    Parameters
    ----------
    cell, weight, child
        Each row's cell, matching weight and child terms, shapes (rows,), (rows,) and
        (rows, child terms).
    cells
        How many cells there are.
    """

    cell: npt.NDArray[np.int64]
    weight: Floats
    child: Floats
    cells: int

    def summed(self, values: Floats) -> Floats:
        """Sums by cell of values of rows, shape (rows,)."""
        return np.asarray(np.bincount(self.cell, values, minlength=self.cells), dtype=np.float64)

    def outcome(self, values: Floats) -> CellOutcome:
        """An outcome of rows, shape (rows,), by cell."""
        weighted = self.weight * values
        products = [self.summed(weighted * each) for each in self.child.T]
        return CellOutcome(sums=self.summed(weighted), child_sums=np.stack(products, axis=1))


def collapse_cells(matched: pd.DataFrame, analysis: ChildrenAnalysis) -> tuple[Cells, RowCells]:
    """The cells of matched referrals, and which rows belong to them.

    Child terms are those of the regressions that are no combination of others.
    """
    keys = matched[CONSTANT[:-1]].assign(quarter=quarter_of(matched["referral_date"]))
    cell, frame = _numbered(keys)
    weight = matched["weight"].to_numpy(np.float64)
    terms = child_terms(matched, analysis).to_numpy(np.float64)
    whole = np.column_stack([np.ones(len(terms)), terms])
    child = terms[:, independent_columns(whole, weight)[1:]]
    rows = RowCells(cell=cell, weight=weight, child=child, cells=len(frame))
    number = matched.groupby(["group", "authority"]).ngroup().to_numpy()
    pairs = matched[["group", "authority"]].drop_duplicates().sort_values(["group", "authority"])
    grams = {}
    for i, (group, authority) in enumerate(pairs.itertuples(index=False, name=None)):
        of = number == i
        grams[group, authority] = (child[of] * weight[of, None]).T @ child[of]
    cells = Cells(
        frame=frame,
        rows=rows.summed(np.ones(len(cell))),
        weight=rows.summed(weight),
        child_sums=rows.outcome(np.ones(len(cell))).child_sums,
        child_grams=grams,
    )
    return cells, rows


def quarter_of(dates: "pd.Series[pd.Timestamp]") -> npt.NDArray[np.int64]:
    """The calendar quarter of each date, counted from the year 0."""
    stamps = pd.to_datetime(dates)
    quarters = stamps.dt.year * 4 + (stamps.dt.month - 1) // 3
    return np.asarray(quarters, dtype=np.int64)


def _numbered(keys: pd.DataFrame) -> tuple[npt.NDArray[np.int64], pd.DataFrame]:
    """The number of each row's cell, and the cells in order of their keys."""
    frame = keys.drop_duplicates().sort_values(list(keys.columns)).reset_index(drop=True)
    numbers = keys.merge(frame.assign(cell=frame.index), on=list(keys.columns), how="left")
    return numbers["cell"].to_numpy(np.int64), frame


@dataclass(frozen=True, slots=True, kw_only=True)
class CellColumn:
    """One regression on cells: its terms as a linear function of what is looked for.

    Terms, shape (cells, terms), are `fixed` + Σ_s score_s · `by_score`_s, with the authorities'
    covariates in the last places.

    Parameters
    ----------
    names
        The terms but for the children's, in order.
    fixed
        Terms at scores 0 (the authorities' covariates hold 0 there), shape (cells, terms).
    by_score
        Score's name → derivative of the terms by it, same shape.
    covariates
        Which of the analysis' authority covariates stand in the last places.
    centred
        1 for those that the regression centres over its rows, 0 for those it takes as they are.
    included
        1 for cells of the regression, 0 for those it leaves out, shape (cells,).
    penalty
        What is added to the terms' Gram matrix, shape (terms, terms).
    """

    regression: Regression
    names: tuple[str, ...]
    fixed: Floats
    by_score: dict[str, Floats]
    covariates: tuple[int, ...]
    centred: Floats
    included: Floats
    penalty: Floats | None = None

    def terms(self, cells: Cells, covariates: Floats, scores: dict[str, Floats]) -> Floats:
        """The terms at authority covariates (cells, covariates) and scores (cells,).

        Dividing by a standard deviation is left out: it changes no coefficient but the
        covariate's own.
        """
        terms = self.fixed.copy()
        for name, by in self.by_score.items():
            terms += by * scores[name][:, None]
        values = covariates[:, self.covariates]
        terms[:, len(self.names) - len(self.covariates) :] = values - self.centred * (
            self._row_share(cells) @ values
        )
        return terms

    def by_covariate(self, cells: Cells, by_term: Floats, count: int) -> Floats:
        """Derivatives by terms (chosen, cells, terms) → by the `count` covariates of the cells."""
        last = by_term[:, :, len(self.names) - len(self.covariates) :]
        moved = self.centred * last.sum(axis=1, keepdims=True)
        result = np.zeros((*last.shape[:2], count))
        result[:, :, self.covariates] = last - self._row_share(cells)[:, None] * moved
        return result

    def _row_share(self, cells: Cells) -> Floats:
        rows = cells.rows * self.included
        return np.asarray(rows / rows.sum(), dtype=np.float64)


def cell_column(
    cells: Cells, analysis: ChildrenAnalysis, regression: Regression, ratings: pd.DataFrame
) -> CellColumn:
    """A regression of the analysis on cells.

    With fixed effects of authorities there is no pilot term, which is a combination of them.

    Parameters
    ----------
    ratings
        `ofsted` and `similar_practice_model` of each cell, in the cells' order.
    """
    frame = pd.concat([cells.frame, ratings], axis="columns")
    none = frame.assign(**dict.fromkeys(SCORES, 0.0))
    base, treatment = base_terms(frame, analysis), treatment_terms(none, regression)
    if regression.authorities == "fixed":
        base = pd.concat([base, authority_terms(frame)], axis="columns")
        treatment = treatment.drop(columns=PILOT)
    rescaled = _rescaled(analysis, regression)
    zeros = np.zeros((len(frame), len(rescaled)))
    fixed = np.column_stack([base, treatment, zeros])
    by_score = {}
    for score in SCORES:
        one = treatment_terms(none.assign(**{score: 1.0}), regression)[treatment.columns]
        slope = np.column_stack([np.zeros_like(base), one - treatment, zeros])
        if slope.any():
            by_score[score] = slope
    included = np.where(frame["group"].isin(regression.without), 0.0, 1.0)
    slopes = sum(by_score.values(), start=np.zeros_like(fixed))
    present = np.any((fixed + slopes)[included == 1] != 0, axis=0)
    present[base.shape[1] + treatment.shape[1] :] = True
    all_names = list(analysis.regressions.authority_covariates)
    return CellColumn(
        regression=regression,
        names=tuple(np.array([*base.columns, *treatment.columns, *rescaled])[present]),
        fixed=fixed[:, present],
        by_score={score: slope[:, present] for score, slope in by_score.items()},
        covariates=tuple(all_names.index(name) for name in rescaled),
        centred=np.array([float(centred) for centred in rescaled.values()]),
        included=included,
    )


def _rescaled(analysis: ChildrenAnalysis, regression: Regression) -> dict[str, bool]:
    """The authority covariates of a regression, and whether it brings them to mean 0."""
    shared = analysis.regressions
    return {
        name: shared.standardise and name not in shared.unscaled
        for name in shared.authority_covariates
        if name != "ofsted" or regression.treatment != "ofsted"
    }
