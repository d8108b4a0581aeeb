"""Matched rows → cells in which all that is looked for is constant, and regressions on them.

Where a cell's children share their covariates (a profile), these are terms like others. Where they
do not, sums of weights and of weighted child terms by cell carry a linear regression exactly.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import csr_matrix

from sofs_bayes.frequentist.term import PILOT
from sofs_bayes.frequentist.terms import (
    authority_terms,
    base_terms,
    child_terms,
    independent_columns,
    treatment_terms,
)
from sofs_bayes.spec import ChildrenAnalysis, Regression
from sofs_bayes.synthetic.priors import by_authority_year, grid
from sofs_bayes.synthetic.scenario import Scenario
from sofs_bayes.synthetic.solver.fits import Outcome, Regressors

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

SCORES = ("quality", "embeddedness")
# What follows the name of a column that goes without the authorities' covariates.
BARE = " without authorities' covariates"
# In the place of years since settling-in for rows without a lag.
NO_LAG = -2


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Matched rows by cell."""

    # A row per cell: the columns it was gathered by, and authorities' given ratings
    frame: pd.DataFrame
    # rows, once, weight: matched rows, referrals (those in several groups divided among them) and
    # matching weights of each cell, shape (cells,)
    rows: Floats
    once: Floats
    weight: Floats
    # authority, block, authority_year: number of its authority, of what outcomes are looked for by,
    # and of its authority's year, shape (cells,)
    authority: Integers
    block: Integers
    authority_year: Integers
    blocks: pd.DataFrame  # what outcomes are looked for by: authority, year and a part of it
    authority_years: pd.DataFrame
    own: Floats  # the children's terms, shape (cells, child terms); no column where children differ
    names: tuple[str, ...]  # of the child terms
    # Weighted sums of the child terms, shape (cells, child terms); no column where cells share them
    child: Floats
    # Group, authority's number and Σ w z z' of their rows' child terms
    grams: tuple[tuple[str, int, Floats], ...]

    def by_authority_year(self, values: Floats) -> Floats:
        """Sums over each authority's years of cells' values, (cells, …) → (authority-years, …)."""
        return summed(self.authority_year, len(self.authority_years), values)

    def by_block(self, values: Floats) -> Floats:
        """Sums over blocks of cells' values, (cells, …) → (blocks, …)."""
        return summed(self.block, len(self.blocks), values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The matched rows that cells were gathered from."""

    # Each row's cell, weight and child terms, shapes (rows,), (rows,), (rows, child terms)
    cell: Integers
    weight: Floats
    child: Floats
    cells: int  # how many cells there are

    def outcome(self, values: Floats) -> Outcome:
        """An outcome of rows, shape (rows,), by cell."""
        weighted = self.weight * values
        sums = np.bincount(self.cell, weighted, minlength=self.cells)
        products = [
            np.bincount(self.cell, weighted * each, minlength=self.cells) for each in self.child.T
        ]
        child = np.stack(products, axis=1) if products else np.zeros((self.cells, 0))
        return Outcome(sums=sums, child=child)


def summed(place: Integers, count: int, values: Floats) -> Floats:
    """Sums of values by place, (rows, …) → (count, …)."""
    shape = (count, len(place))
    sums = csr_matrix((np.ones(len(place)), (place, np.arange(len(place)))), shape=shape) @ values
    return np.asarray(sums, dtype=np.float64)


def numbered(frame: pd.DataFrame, table: pd.DataFrame) -> Integers:
    """The row of `table` whose columns each row of the frame has."""
    keys = list(table.columns)
    places = frame[keys].merge(table.assign(place=np.arange(len(table))), on=keys, how="left")
    return places["place"].to_numpy(np.int64)


def referral_places(matched: pd.DataFrame) -> tuple[Integers, Integers]:
    """Which referral each matched row is of, in ascending order, and a row of each referral."""
    _, first, place = np.unique(matched["referral"], return_index=True, return_inverse=True)
    return place.astype(np.int64), first.astype(np.int64)


def quarter_of(dates: "pd.Series[pd.Timestamp]") -> Integers:
    """The calendar quarter of each date, counted from the year 0."""
    stamps = pd.to_datetime(dates)
    return np.asarray(stamps.dt.year * 4 + (stamps.dt.month - 1) // 3, dtype=np.int64)


def gather(
    matched: pd.DataFrame,
    analysis: ChildrenAnalysis,
    scenario: Scenario,
    *,
    by: Sequence[str],
    blocks: Sequence[str],
) -> tuple[Ground, Rows]:
    """The cells of matched rows, and which rows belong to them.

    `by`: the columns that are constant in a cell; `quarter` and `lag` (years since settling-in of
    pilots after it) are made here. `blocks`: those among them by which outcomes are looked for.
    """
    shared = set(analysis.regressions.covariates) <= set(by)
    lag = np.where((matched["pilot"] == 1) & (matched["post"] == 1), matched["years_since"], NO_LAG)
    keyed = matched.assign(lag=lag, quarter=quarter_of(matched["referral_date"]))
    frame = keyed[list(by)].drop_duplicates().sort_values(list(by), ignore_index=True)
    cell = numbered(keyed, frame)
    similar = frame["authority"].isin(scenario.authorities.similar_practice_model)
    ofsted = by_authority_year(frame, analysis, scenario.authorities.ofsted)
    frame = frame.assign(ofsted=ofsted, similar_practice_model=np.where(similar, 1.0, 0.0))
    weight = matched["weight"].to_numpy(np.float64)
    source, weights = (frame, np.bincount(cell, weight)) if shared else (matched, weight)
    terms = child_terms(source, analysis)
    whole = np.column_stack([np.ones(len(terms)), terms])
    terms = terms.loc[:, independent_columns(whole, weights)[1:]]
    child = terms.to_numpy(np.float64)[:, : 0 if shared else None]
    authorities = np.unique(frame["authority"].to_numpy(str))
    years, places = grid(scenario, analysis), frame[list(blocks)].drop_duplicates()
    places = places.sort_values(list(blocks), ignore_index=True)
    rows = Rows(
        cell=cell,
        weight=weight,
        child=child if not shared else np.zeros((len(cell), 0)),
        cells=len(frame),
    )
    ground = Ground(
        frame=frame,
        rows=np.bincount(cell).astype(np.float64),
        once=np.bincount(cell, 1 / matched["multiplicity"].to_numpy(np.float64)),
        weight=np.bincount(cell, weight),
        authority=np.searchsorted(authorities, frame["authority"].to_numpy(str)).astype(np.int64),
        block=numbered(frame, places),
        authority_year=numbered(frame, years),
        blocks=places,
        authority_years=years,
        own=terms.to_numpy(np.float64) if shared else np.zeros((len(frame), 0)),
        names=tuple(terms.columns),
        child=rows.outcome(np.ones(len(cell))).child,
        grams=() if shared else _grams(matched, child, weight, authorities),
    )
    return ground, rows


def _grams(
    matched: pd.DataFrame, child: Floats, weight: Floats, authorities: npt.NDArray[np.str_]
) -> tuple[tuple[str, int, Floats], ...]:
    found = []
    for (group, authority), rows in matched.reset_index().groupby(["group", "authority"]):
        places = rows.index.to_numpy()
        of, number = child[places], int(np.searchsorted(authorities, str(authority)))
        found.append((str(group), number, (of * weight[places, None]).T @ of))
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One regression on a ground: its terms as a linear function of what is looked for.

    Terms are `fixed` + Σ_s score_s · `by_score`_s, and behind them the authorities' covariates.
    """

    name: str  # the regression's, followed by `BARE` where it goes without authorities' covariates
    regression: Regression
    names: tuple[str, ...]  # the terms but for sums of children's, in order
    fixed: Floats  # terms at scores 0, shape (cells, terms but covariates)
    by_score: dict[str, Floats]  # score's name → derivative of these by it, same shape
    # Which of the analysis' authority covariates stand in the last places
    covariates: tuple[int, ...]
    # 1 for those that the regression centres over its rows, 0 for those it takes as they are
    centred: Floats
    included: Floats  # 1 for cells of the regression, 0 for those it leaves out, shape (cells,)
    share: Floats  # of each authority-year in these rows, shape (authority-years,)
    # What is added to the Gram matrix of the terms, shape (terms, terms)
    penalty: Floats | None = None

    def terms(self, ground: Ground, covariates: Floats, scores: dict[str, Floats]) -> Floats:
        """The terms at covariates (authority-years, covariates) and scores (cells,).

        Dividing by a standard deviation is left out: it changes no coefficient but the
        covariate's own.
        """
        terms = self.fixed.copy()
        for name, by in self.by_score.items():
            terms += by * scores[name][:, None]
        values = covariates[:, self.covariates]
        values = values - self.centred * (self.share @ values)
        return np.hstack([terms, values[ground.authority_year]])

    def regressors(self, ground: Ground, terms: Floats) -> Regressors:
        """The regression's numbers at terms."""
        kept = [
            (authority, gram)
            for group, authority, gram in ground.grams
            if group not in self.regression.without
        ]
        return Regressors(
            terms=terms,
            weight=ground.weight * self.included,
            rows=float(ground.rows @ self.included),
            included=self.included,
            authority=ground.authority,
            logistic=self.regression.model == "logistic",
            child=ground.child * self.included[:, None],
            grams=tuple(kept),
            penalty=self.penalty,
        )

    def at(self, names: Sequence[str]) -> list[int]:
        """The places of terms."""
        return [self.names.index(name) for name in names]

    def without(self, names: Sequence[str]) -> "Column":
        """The column less terms that depend on no score."""
        kept = [i for i in range(self.fixed.shape[1]) if self.names[i] not in names]
        last = self.names[self.fixed.shape[1] :]
        names = (*(self.names[i] for i in kept), *last)
        return replace(self, names=names, fixed=self.fixed[:, kept], by_score={})


def column_of(
    ground: Ground, analysis: ChildrenAnalysis, regression: Regression, *, adjusted: bool = True
) -> Column:
    """A regression of the analysis on a ground.

    With fixed effects of authorities there is no pilot term, which is a combination of them.

    `adjusted`: whether it has the authorities' covariates.
    """
    none = ground.frame.assign(**dict.fromkeys(SCORES, 0.0))
    if "lag" in none:
        none["years_since"] = none["lag"]
    base, treatment = base_terms(none, analysis), treatment_terms(none, regression)
    if regression.authorities == "fixed":
        base = pd.concat([base, authority_terms(none)], axis="columns")
        treatment = treatment.drop(columns=PILOT)
    own = ground.names[: ground.own.shape[1]]
    fixed = np.column_stack([base, treatment, ground.own])
    by_score = {}
    for score in SCORES:
        one = treatment_terms(none.assign(**{score: 1.0}), regression)[treatment.columns]
        slope = np.column_stack([np.zeros_like(base), one - treatment, np.zeros_like(ground.own)])
        if slope.any():
            by_score[score] = slope
    groups = none.get("group", pd.Series("", index=none.index))
    included = np.where(groups.isin(regression.without), 0.0, 1.0)
    slopes = sum(by_score.values(), start=np.zeros_like(fixed))
    present = np.any((fixed + slopes)[included == 1] != 0, axis=0)
    rescaled = _rescaled(analysis, regression) if adjusted else {}
    every = list(analysis.regressions.authority_covariates)
    names = np.array([*base.columns, *treatment.columns, *own])[present]
    rows = ground.by_authority_year(ground.rows * included)
    return Column(
        name=regression.name + ("" if adjusted else BARE),
        regression=regression,
        names=(*names.tolist(), *rescaled),
        fixed=fixed[:, present],
        by_score={score: slope[:, present] for score, slope in by_score.items()},
        covariates=tuple(every.index(name) for name in rescaled),
        centred=np.array([float(centred) for centred in rescaled.values()]),
        included=included,
        share=rows / rows.sum(),
    )


def _rescaled(analysis: ChildrenAnalysis, regression: Regression) -> dict[str, bool]:
    """The authority covariates of a regression, and whether it brings them to mean 0."""
    shared = analysis.regressions
    return {
        name: shared.standardise and name not in shared.unscaled
        for name in shared.authority_covariates
        if name != "ofsted" or regression.treatment != "ofsted"
    }
