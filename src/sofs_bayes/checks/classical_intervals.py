"""The intervals that regressions without random effects would have given, from cells.

Least squares of the published regression (for counts: the linear probability model of the
published linear columns), exact from cross-products by authority; and four ways to its standard
errors.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.errors import BadInput, counted
from sofs_bayes.frequentist.clustering import clustered
from sofs_bayes.frequentist.term import DID
from sofs_bayes.frequentist.terms import independent_products
from sofs_bayes.frequentist.wild_bootstrap import cluster_weights, wild_tests

Floats = npt.NDArray[np.float64]

LEVELS = (0.5, 0.8, 0.95)
CHILD, CR1, CR3, WILD = "child", "authority CR1", "authority CR3", "wild bootstrap"
METHODS: Mapping[str, str] = {
    CHILD: "regression, children independent",
    CR1: "regression, clustered on authority (CR1)",
    CR3: "regression, clustered on authority (CR3)",
    WILD: "regression, wild cluster bootstrap",
}
# Of the bootstrap; with 11 authorities these are all 2^11 sign patterns.
DRAWS = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """An estimate with its intervals, on the risk scale.

    Attributes
    ----------
    estimate, standard_error
        The standard error is None for a bootstrap that is read from no normal distribution.
    limits
        At each of `LEVELS`, shape (levels, 2); infinite where the data set none.
    p_value
        Two-sided, of no effect.
    """

    estimate: float
    standard_error: float | None
    limits: Floats
    p_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Regressors:
    """The terms of the regression on the rows that have sufficient statistics, fixed by design.

    Attributes
    ----------
    rows
        Terms by row, shape (rows, terms): cells (linear), or counts of a cell and pattern.
    weight, authority
        Σw and the authority of each row, shape (rows,).
    xx
        X'WX, by authority, within cells too, shape (authorities, terms, terms).
    column
        The place of the effect.
    kept
        Which of the design's and the children's terms are no combination of others.
    """

    rows: Floats
    weight: Floats
    authority: npt.NDArray[np.int64]
    xx: Floats
    column: int
    kept: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sums:
    """What the outcomes add: X'Wy and y'Wy by authority, and the covariance if independent."""

    xy: Floats
    yy: Floats
    coefficients: Floats
    bread: Floats
    independent: float
    size: float


def regressors(data: CellData) -> Regressors:
    """The regression's terms, once for all outcomes of a design; it has the term `did`.

    Raises
    ------
    BadInput
        No more children than terms.
    """
    counts, k = data.patterns, len(data.terms)
    if counts is None:
        rows = np.hstack([data.design, data.child_means])
        weight, authority = data.curvature, data.authority
    else:
        rows = np.hstack([data.design[counts.cell], counts.child_design[counts.pattern]])
        weight, authority = counts.n, data.authority[counts.cell]
    weighted = rows * weight[:, None]
    xx = np.stack([rows[own].T @ weighted[own] for own in _by(authority, len(data.authorities))])
    if counts is None:
        xx[:, k:, k:] += data.within_xx
    kept = independent_products(xx.sum(0))
    if weight.sum() <= kept.sum():
        found = (
            f"{counted(float(weight.sum()), 'child', 'children')},"
            f" {counted(int(kept.sum()), 'term')}"
        )
        raise BadInput("cells", "children", found, "more children than terms")
    return Regressors(
        rows=rows[:, kept],
        weight=weight,
        authority=authority,
        xx=xx[:, kept][:, :, kept],
        column=int(kept[: data.terms.index(DID)].sum()),
        kept=kept,
    )


def classical_intervals(
    terms: Regressors, data: CellData, rng: np.random.Generator
) -> dict[str, Interval]:
    """The effect's estimate with the intervals of each of `METHODS`.

    Children independent: the model's own errors (linear, whose children are normal with one
    sd), or HC1 (counts). CR1 and CR3 are read from t with one degree of freedom less than there
    are authorities; the bootstrap is inverted. Where one authority alone identifies the effect
    CR3 is missing.

    Parameters
    ----------
    terms
        Of the same design.
    rng
        For the bootstrap's weights, if not all sign patterns are used.
    """
    sums = _sums(terms, data)
    estimate, column = float(sums.coefficients[terms.column]), terms.column
    groups = len(terms.xx)
    left = sums.size - len(sums.bread)
    found = {CHILD: student(estimate, np.sqrt(sums.independent), left)}
    working, labels = _reduced(terms, sums)
    small = ((sums.size - 1) / left) / ((len(labels) - 1) / (len(labels) - len(sums.bread)))
    for name, correction, factor in ((CR1, "CR1", small), (CR3, "CR3", 1.0)):
        covariance = clustered(working, labels, correction).covariance  # type: ignore[arg-type]
        error = np.sqrt(factor * covariance[column, column])
        if np.isfinite(error):
            found[name] = student(estimate, error, groups - 1)
    tests = wild_tests(terms.xx, sums.xy, column, cluster_weights(groups, DRAWS, rng))
    found[WILD] = Interval(
        estimate=estimate,
        standard_error=None,
        limits=np.array([tests.interval(level) for level in LEVELS]),
        p_value=tests.p_value(0.0),
    )
    return found


def student(estimate: float, error: float, degrees: float) -> Interval:
    """The intervals and test of an estimate with a t distribution."""
    reach = error * special.stdtrit(degrees, (1 + np.array(LEVELS)) / 2)
    return Interval(
        estimate=estimate,
        standard_error=float(error),
        limits=estimate + np.outer(reach, [-1.0, 1.0]),
        p_value=float(2 * special.stdtr(degrees, -abs(estimate) / error)),
    )


def _by(group: npt.NDArray[np.int64], groups: int) -> list[npt.NDArray[np.bool_]]:
    return [group == i for i in range(groups)]


def _sums(terms: Regressors, data: CellData) -> _Sums:
    counts, groups = data.patterns, len(terms.xx)
    if counts is None:
        outcome = data.centre * terms.weight
        yy = np.bincount(terms.authority, data.centre * outcome, groups) + data.within_yy
    else:
        outcome = counts.events
        yy = np.bincount(terms.authority, outcome, groups)  # 0 or 1: squares are the same
    products = terms.rows * outcome[:, None]
    xy = np.stack([products[own].sum(0) for own in _by(terms.authority, groups)])
    if counts is None:
        own = terms.kept[len(data.terms) :]
        xy[:, int(terms.kept[: len(data.terms)].sum()) :] += data.within_xy[:, own]
    bread = np.linalg.inv(terms.xx.sum(0))
    coefficients = bread @ xy.sum(0)
    size = float(terms.weight.sum())
    left = size - len(bread)
    if counts is None:
        squares = float(yy.sum() - coefficients @ xy.sum(0))
        independent = squares / left * bread[terms.column, terms.column]
    else:
        fitted = terms.rows @ coefficients
        squared = outcome * (1 - fitted) ** 2 + (terms.weight - outcome) * fitted**2
        pulls = terms.rows @ bread[terms.column]
        independent = float(size / left * (pulls**2 @ squared))
    return _Sums(
        xy=xy,
        yy=yy,
        coefficients=coefficients,
        bread=bread,
        independent=independent,
        size=size,
    )


def _reduced(terms: Regressors, sums: _Sums) -> tuple[object, npt.NDArray[np.int64]]:
    """statsmodels' least squares of a few rows with each authority's cross-products."""
    from statsmodels.regression.linear_model import WLS

    whole = np.concatenate([terms.xx, sums.xy[:, :, None]], axis=2)
    last = np.concatenate([sums.xy, sums.yy[:, None]], axis=1)
    values, vectors = np.linalg.eigh(np.concatenate([whole, last[:, None, :]], axis=1))
    roots = np.sqrt(values.clip(min=0.0))[:, :, None] * vectors.transpose(0, 2, 1)
    groups, size = roots.shape[:2]
    rows = roots.reshape(groups * size, size)
    working = WLS(rows[:, -1], rows[:, :-1], hasconst=False).fit()
    return working, np.repeat(np.arange(groups, dtype=np.int64), size)
