"""The logistic log likelihood of counts → its quadratic expansion, cell by cell."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

# The expansion is made where a cell's log-odds, given those of all, have this variance around
# them: a cell without events has no maximum of its own. Nothing else depends on it, as the
# expansion only guides the sampler.
CELL_VARIANCE = 1.0
CHILD_VARIANCE = 100.0
MOST_STEPS = 50
LONGEST_STEP = 2.0
CLOSE = 1e-8


@dataclass(frozen=True, slots=True, kw_only=True)
class Expansion:
    """log L(a, γ) ≈ constant - ½ Σ curvature (centre - a - child_means'γ)² - ½ Q(γ).

    a are the cells' log-odds, γ the coefficients of the children's terms, and
    Q(γ) = Σ over authorities of within_yy - 2γ'within_xy + γ'within_xx γ.

    Attributes
    ----------
    curvature, centre
        Shape (cells,).
    child_means
        Shape (cells, child terms).
    within_xx, within_xy, within_yy
        Shapes (authorities, child terms, child terms), (authorities, child terms),
        (authorities,).
    """

    curvature: Floats
    centre: Floats
    child_means: Floats
    within_xx: Floats
    within_xy: Floats
    within_yy: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Counts with the cell and the children's terms they stand at.

    Shapes (counts,), but for `child_terms` (counts, child terms) and each cell's `authority`.
    """

    cell: Integers
    child_terms: Floats
    n: Floats
    events: Floats
    authority: Integers


@dataclass(frozen=True, slots=True, kw_only=True)
class _Derivatives:
    """Of the log likelihood at one point, minus the second ones."""

    weight: Floats
    residual: Floats
    curvature: Floats
    score: Floats
    cross: Floats


def expand(counts: Counts) -> Expansion:
    """The expansion near the maximum of the likelihood, found by Newton's method."""
    cells, x = len(counts.authority), counts.child_terms
    k = x.shape[1]
    overall = float(logit(counts.events.sum() / counts.n.sum()))
    a, gamma = np.full(cells, overall), np.zeros(k)
    for _ in range(MOST_STEPS):
        at = _derivatives(a, gamma, counts)
        own = at.curvature + 1 / CELL_VARIANCE
        score = at.score - (a - overall) / CELL_VARIANCE
        pull = x.T @ at.residual - gamma / CHILD_VARIANCE - at.cross.T @ (score / own)
        right = x.T @ (at.weight[:, None] * x) + np.eye(k) / CHILD_VARIANCE
        of_terms = np.linalg.solve(right - at.cross.T @ (at.cross / own[:, None]), pull)
        step = np.r_[(score - at.cross @ of_terms) / own, of_terms]
        step *= min(1.0, LONGEST_STEP / max(float(np.abs(step).max()), CLOSE))
        a, gamma = a + step[:cells], gamma + step[cells:]
        if np.abs(step).max() < CLOSE:
            break
    return _completed(a, gamma, counts)


def _derivatives(a: Floats, gamma: Floats, counts: Counts) -> _Derivatives:
    x, cell = counts.child_terms, counts.cell
    risk = expit(a[cell] + x @ gamma)
    weight, residual = counts.n * risk * (1 - risk), counts.events - counts.n * risk
    cross = np.zeros((len(a), x.shape[1]))
    for i, column in enumerate(x.T):
        cross[:, i] = np.bincount(cell, weight * column, len(a))
    return _Derivatives(
        weight=weight,
        residual=residual,
        curvature=np.bincount(cell, weight, len(a)),
        score=np.bincount(cell, residual, len(a)),
        cross=cross,
    )


def _completed(a: Floats, gamma: Floats, counts: Counts) -> Expansion:
    """The expansion at (a, γ), completed to squares."""
    at = _derivatives(a, gamma, counts)
    known = at.curvature > 0  # nothing is known of a cell without counts
    curvature = np.where(known, at.curvature, 1.0)
    means = at.cross / curvature[:, None]
    own = counts.child_terms - means[counts.cell]
    groups, k = int(counts.authority.max()) + 1, own.shape[1]
    within_xx, child_score = np.zeros((groups, k, k)), np.zeros((groups, k))
    of_count = counts.authority[counts.cell]
    for j in range(groups):
        here = of_count == j
        within_xx[j] = own[here].T @ (at.weight[here, None] * own[here])
        child_score[j] = own[here].T @ at.residual[here]
    return Expansion(
        curvature=at.curvature,
        centre=a + means @ gamma + at.score / curvature,
        child_means=means,
        within_xx=within_xx,
        within_xy=within_xx @ gamma + child_score,
        within_yy=np.zeros(groups),
    )
