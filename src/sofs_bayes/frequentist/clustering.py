"""Covariances clustered on authority or child: CR1, CR2, CR3.

Conventions, for G clusters, N rows, k terms, M = (X'WX)⁻¹, and score s_g of a cluster:

- CR1, by statsmodels: M Σ s_g s_g' M times G/(G−1) (N−1)/(N−k), as R's
  `sandwich::vcovCL(type = "HC1")`.
- CR2 (Bell and McCaffrey 2002; Pustejovsky and Tipton 2018, eq. 9, with a working model of
  equal variances): the residuals of a cluster are first multiplied by the root of the inverse
  of their working covariance. As `clubSandwich::vcovCR(lm, type = "CR2")`, with Satterthwaite
  degrees of freedom. No Python library has it.
- CR3, the jackknife: (G−1)/G Σ (β₋g − β)(β₋g − β)' (CV3 of MacKinnon, Nielsen and Webb 2023).
  clubSandwich's CR3 is G/(G−1) times it, pyfixest's `CRV3` also (N−1)/(N−k) G/(G−1) times
  that, unless told otherwise. (sandwich's HC3 with clusters agrees where all weights are equal;
  with others it multiplies weighted residuals.) pyfixest has no weighted logistic model, and
  takes a pseudo-inverse where one cluster alone identifies a term, as with fixed effects of
  authorities; such a term has NaN here, the others their jackknife.

For a logistic model X and the residuals are those of the working model at the maximum: CR3 is
then the one-step jackknife.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from sofs_bayes.frequentist.terms import Design
from sofs_bayes.spec import Regression

Correction = Literal["CR1", "CR2", "CR3"]
Floats = npt.NDArray[np.float64]
Groups = npt.NDArray[np.int64]

# Up to this many clusters CR2 has Satterthwaite's degrees of freedom; with more, these are so
# many that G − 1 does.
FEW_CLUSTERS = 100
# Eigenvalues of a residual's working covariance, or of a scaled information matrix, that count
# as 0: rounding leaves some 1e-14.
NOTHING = 1e-10


@dataclass(frozen=True, slots=True, kw_only=True)
class Clustered:
    """A clustered covariance, shape (terms, terms), and each term's degrees of freedom of t."""

    covariance: Floats
    degrees_of_freedom: Floats
    clusters: int


def clustered(working: Any, groups: Groups, correction: Correction) -> Clustered:
    """The covariance of least squares (statsmodels' results), clustered on `groups`.

    Degrees of freedom are G − 1, for CR2 with few clusters Satterthwaite's. A term whose scores
    do not differ between clusters has NaN.
    """
    count = len(np.unique(groups))
    degrees = np.full(working.model.exog.shape[1], count - 1.0)
    match correction:
        case "CR1":
            robust = working.get_robustcov_results(
                "cluster", groups=groups, use_correction=True, use_t=True
            )
            covariance = np.array(robust.cov_params())
        case "CR2":
            covariance, satterthwaite = _bias_reduced(working, groups, few=count <= FEW_CLUSTERS)
            degrees = degrees if satterthwaite is None else satterthwaite
        case "CR3":
            covariance = _jackknife(working, groups)
    still = np.diag(covariance) <= NOTHING * np.diag(working.cov_params())
    covariance[still] = covariance[:, still] = np.nan
    return Clustered(covariance=covariance, degrees_of_freedom=degrees, clusters=count)


def cluster_labels(numbers: Design, regression: Regression) -> Groups | None:
    """The cluster of each row, as integers; None if the regression's errors have no clusters."""
    match regression.cluster:
        case "authority":
            return numbers.authority
        case "child":
            return numbers.child
        case "none":
            return None


def rows_by_cluster(groups: Groups) -> Iterator[npt.NDArray[np.intp]]:
    """The rows of each cluster, in the clusters' order."""
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order])) + 1
    yield from np.split(order, starts)


# ---------------------------------------------------------------------------------- jackknife


def _jackknife(working: Any, groups: Groups) -> Floats:
    """β − β₋g = (X'WX − X_g'W X_g)⁻¹ s_g; terms are scaled, so that what is nothing is known."""
    terms, weights = working.model.exog, working.model.weights
    bread = np.asarray(working.normalized_cov_params)
    information = np.linalg.inv(bread)
    scale = np.sqrt(np.diag(information))
    shifts, unknown = [], np.zeros(len(scale), dtype=np.bool_)
    for rows in rows_by_cluster(groups):
        own = terms[rows]
        weighted = weights[rows, None] * own
        left = (information - own.T @ weighted) / np.outer(scale, scale)
        values, vectors = np.linalg.eigh(left)
        kept = values > NOTHING
        unknown |= (np.abs(vectors[:, ~kept]) > np.sqrt(NOTHING)).any(axis=1)
        inverse = (vectors[:, kept] / values[kept]) @ vectors[:, kept].T
        shifts.append(inverse @ ((weighted.T @ working.resid[rows]) / scale) / scale)
    found = np.stack(shifts)
    count = len(found)
    covariance: Floats = (count - 1) / count * found.T @ found
    covariance[unknown] = covariance[:, unknown] = np.nan
    return covariance


# ------------------------------------------------------------------------------- bias-reduced


def _bias_reduced(working: Any, groups: Groups, *, few: bool) -> tuple[Floats, Floats | None]:
    terms, weights, residuals = working.model.exog, working.model.weights, working.resid
    bread = np.asarray(working.normalized_cov_params)
    spread = bread @ (terms.T @ (weights[:, None] ** 2 * terms)) @ bread
    scores, own, weighted, squares = [], [], [], []
    for rows in rows_by_cluster(groups):
        x, w = terms[rows], weights[rows, None]
        root = _InverseRoot.of(x, w, bread, spread)
        scores.append((w * x).T @ root.times(residuals[rows]))
        if few:
            adjusted = root.times(w * x @ bread)
            own.append(x.T @ adjusted)
            weighted.append((w * x).T @ adjusted)
            squares.append((adjusted**2).sum(axis=0))
    meat = np.stack(scores).T @ np.stack(scores)
    if not few:
        return bread @ meat @ bread, None
    degrees = _satterthwaite(np.stack(own), np.stack(weighted), np.stack(squares), bread, spread)
    return bread @ meat @ bread, degrees


@dataclass(frozen=True, slots=True, kw_only=True)
class _InverseRoot:
    """The root of the inverse of a cluster's working residual covariance, never formed.

    That covariance is I − X M X'W − W X M X' + X M X'W²X M X': the identity but for the space
    of [X, WX], whose orthonormal basis is `basis`.
    """

    basis: Floats
    change: Floats

    @classmethod
    def of(cls, x: Floats, w: Floats, bread: Floats, spread: Floats) -> "_InverseRoot":
        """From a cluster's terms (rows, k), weights (rows, 1), M, and M X'W²X M."""
        basis, triangle = np.linalg.qr(np.hstack([x, w * x]))
        middle = np.block([[spread, -bread], [-bread, np.zeros_like(bread)]])
        values, vectors = np.linalg.eigh(triangle @ middle @ triangle.T)
        values = 1 + values
        kept = values > NOTHING
        roots = np.where(kept, 1 / np.sqrt(np.where(kept, values, 1.0)), 0.0)
        return cls(basis=basis @ vectors, change=roots - 1)

    def times(self, right: Floats) -> Floats:
        """The product with a vector (rows,) or a matrix (rows, columns)."""
        inside = self.basis.T @ right
        change = self.change if right.ndim == 1 else self.change[:, None]
        product: Floats = right + self.basis @ (change * inside)
        return product


def _satterthwaite(
    own: Floats, weighted: Floats, squares: Floats, bread: Floats, spread: Floats
) -> Floats:
    """Degrees of freedom (tr P)² / tr P² of each term, under the working model.

    P_gh are the products of the N-vectors that a cluster's score is of the errors: with
    a_g = A W X_g M c, own = X_g'a_g, weighted = X_g'W a_g, squares = a_g'a_g; all by cluster
    and term (clusters, k, terms).
    """
    degrees = []
    for term in range(len(bread)):
        t, u = own[:, :, term], weighted[:, :, term]
        crossed = u @ bread @ t.T
        products = np.diag(squares[:, term]) - crossed - crossed.T + t @ spread @ t.T
        size = (products**2).sum()
        degrees.append(np.trace(products) ** 2 / size if size > 0 else np.nan)
    return np.array(degrees)
