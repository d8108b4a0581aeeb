"""Cells → the cross-products, or the counts, of a regression on its own terms.

They are those of `terms.design` on the referrals, so that what is fitted from cells outside a
secure setting is what would have been fitted inside.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from sofs_bayes.cells.dataset import Cells, frame_of
from sofs_bayes.errors import BadInput
from sofs_bayes.frequentist.cell_terms import cell_terms, selected_cells, with_authorities
from sofs_bayes.frequentist.terms import (
    child_terms,
    independent_columns,
    independent_products,
    kept_rows,
)
from sofs_bayes.spec import ChildrenAnalysis, Regression

Floats = npt.NDArray[np.float64]
PLACE = "cells"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gram:
    """The cross-products of a regression, by authority (the sums over them are the whole).

    Attributes
    ----------
    terms
        Names of the regressors, in the order of `terms.design`; no combinations of others.
    dropped
        Terms that combinations of earlier ones, or nothing but zeros, made impossible.
    authorities
        Whose cross-products they are, in alphabetical order.
    n, weight
        Rows and sums of weights, shape (authorities,).
    xx, xy, yy
        X'WX, X'Wy and y'Wy, shapes (authorities, terms, terms), (authorities, terms),
        (authorities,); W is the identity if unweighted.
    """

    terms: tuple[str, ...]
    dropped: tuple[str, ...]
    authorities: tuple[str, ...]
    n: npt.NDArray[np.int64]
    weight: Floats
    xx: Floats
    xy: Floats
    yy: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class CountDesign:
    """The terms of a regression with the counts of their patterns.

    Attributes
    ----------
    terms
        Regressors by name, shape (patterns, terms); no column is a combination of others.
    n, events, weight, weighted_events
        Rows, events, Σw and Σwy, shape (patterns,).
    authority
        Whom a pattern belongs to, as integers from 0 in alphabetical order.
    dropped
        Terms that combinations of earlier ones, or nothing but zeros, made impossible.
    """

    terms: pd.DataFrame
    n: Floats
    events: Floats
    weight: Floats
    weighted_events: Floats
    authority: npt.NDArray[np.int64]
    dropped: tuple[str, ...]


def gram(
    cells: Cells,
    analysis: ChildrenAnalysis,
    regression: Regression,
    *,
    weighted: bool = True,
    suppressed: Literal["refuse", "leave out"] = "refuse",
) -> Gram:
    """The cross-products of a regression, from those of the cells.

    Which terms are combinations of others is judged by the weighted cross-products, weighted
    or not, as `terms.design` does.

    Parameters
    ----------
    cells
        As `read_cells` gives it, with cross-products.
    analysis
        That of children's records.
    regression
        One of `analysis.regressions.columns`.
    weighted
        Whether rows count by their matching weights.
    suppressed
        What is done with suppressed cells: see Raises.

    Returns
    -------
    Gram
        Cross-products of terms (terms × terms) and outcome, sums of weights.

    Raises
    ------
    BadInput
        Cells without cross-products, or without a key, covariate or authorities' covariate
        that the regression needs; suppressed cells, unless they are to be left out.
    """
    frame, sums, child = selected_cells(cells, analysis, regression, suppressed)
    before, after = cell_terms(frame, analysis, regression, sums["unweighted"][:, 0, 0])
    at = pd.concat([before, after], axis="columns")
    names = [*before, *child, *after]
    places = [[*at, *child].index(name) for name in names]
    authority, authorities = pd.factorize(frame["authority"].astype(str), sort=True)
    whole = _spread(sums["weighted"], at).sum(axis=0)[np.ix_(places, places)]
    kept = independent_products(whole)
    chosen = np.array(places)[kept]
    zz = _by_group(_spread(sums["weighted" if weighted else "unweighted"], at), authority)
    return Gram(
        terms=tuple(np.array(names)[kept].tolist()),
        dropped=tuple(np.array(names)[~kept].tolist()),
        authorities=tuple(map(str, authorities)),
        n=_by_group(sums["unweighted"][:, 0, 0], authority).round().astype(np.int64),
        weight=_by_group(sums["weighted"][:, 0, 0], authority),
        xx=zz[:, chosen[:, None], chosen],
        xy=zz[:, chosen, -1],
        yy=zz[:, -1, -1],
    )


def count_design(cells: Cells, analysis: ChildrenAnalysis, regression: Regression) -> CountDesign:
    """The terms of a regression, by pattern, with the patterns' counts.

    Raises
    ------
    BadInput
        Counts that were suppressed; cells without a key, covariate or authorities' covariate
        that the regression needs.
    """
    counts = frame_of(cells.patterns, "pattern")
    if lacking := sorted(set(analysis.regressions.covariates) - set(cells.covariates)):
        raise BadInput(PLACE, "covariates", f"no {lacking[0]}", "the regressions' covariates")
    kept = kept_rows(counts, regression)
    if kept["events"].isna().any():
        found = f"{int(kept['events'].isna().sum())} suppressed counts"
        raise BadInput(PLACE, "events", found, "all counts")
    frame = with_authorities(kept, cells, analysis, regression)
    before, after = cell_terms(frame, analysis, regression, frame["n"].to_numpy(np.float64))
    terms = pd.concat([before, child_terms(frame, analysis), after], axis="columns")
    weight = frame["weight"].to_numpy(np.float64)
    independent = independent_columns(terms.to_numpy(), weight)
    return CountDesign(
        terms=terms.loc[:, independent],
        n=frame["n"].to_numpy(np.float64),
        events=frame["events"].to_numpy(np.float64),
        weight=weight,
        weighted_events=frame["weighted_events"].to_numpy(np.float64),
        authority=pd.factorize(frame["authority"].astype(str), sort=True)[0].astype(np.int64),
        dropped=tuple(terms.columns[~independent]),
    )


def _spread(sums: Floats, at: pd.DataFrame) -> Floats:
    """Cross-products of (cell terms, child terms, outcome) by cell.

    A term that is constant within a cell is its value times the intercept.
    """
    values = at.to_numpy(np.float64)
    first, rest = sums[:, 0, :], sums[:, 1:, 1:]
    own = np.einsum("ci,cj,c->cij", values, values, first[:, 0])
    mixed = np.einsum("ci,cj->cij", values, first[:, 1:])
    upper = np.concatenate([own, mixed], axis=2)
    lower = np.concatenate([mixed.transpose(0, 2, 1), rest], axis=2)
    return np.concatenate([upper, lower], axis=1)


def _by_group(values: Floats, group: npt.NDArray[np.intp]) -> Floats:
    """Sums over the first axis, within groups numbered from 0."""
    sums = np.zeros((int(group.max()) + 1, *values.shape[1:]))
    np.add.at(sums, group, values)
    return sums
