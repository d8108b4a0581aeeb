"""Outcomes of a design drawn anew, and two sets of outcomes of one design taken together."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.bayes.expansion import Counts, expand
from sofs_bayes.bayes.patterns import Patterns

Floats = npt.NDArray[np.float64]


def whole_counts(data: CellData, *, keep_empty: bool = False) -> CellData:
    """A design whose counts are whole numbers, so that outcomes can be drawn; linear: the same.

    Matching weights make a count of children a sum of weights. Sums over a cell are rounded up
    to any of its counts, so that no cell loses or gains more than half a child; censored counts
    stand at the middle of their bounds. Counts of nobody are taken out unless they are to be
    kept, for shapes that stay the same.
    """
    counts = data.patterns
    if counts is None:
        return data
    order = np.argsort(counts.cell, kind="stable")
    n = np.zeros(len(order))
    for cell in np.unique(counts.cell):
        here = order[counts.cell[order] == cell]
        n[here] = np.diff(np.round(np.cumsum(counts.n[here])), prepend=0.0)
    kept = order if keep_empty else order[n[order] > 0]
    whole = Patterns(
        cell=counts.cell[kept],
        pattern=counts.pattern[kept],
        n=n[kept],
        events=np.zeros(len(kept)),
        children=counts.children[kept],
        child_design=counts.child_design,
    )
    return replace(data, patterns=whole)


def replicated(
    data: CellData,
    *,
    predictor: Floats,
    child_effect: Floats,
    residual_sd: float,
    rng: np.random.Generator,
) -> CellData:
    """Outcomes drawn from the likelihood, as sufficient statistics of the same design.

    Linear: a cell's mean is normal, the sums about the cells' means are those of normal
    children (the products of terms and outcome normal, the residual sum of squares σ² times a
    χ²); all that is known within cells stands with the first authority. Logistic: binomial.

    Parameters
    ----------
    data
        The design; logistic ones with whole counts, as `whole_counts` gives them.
    predictor
        Everything but the children's terms, on the model's scale, shape (cells,).
    child_effect
        Coefficients of the children's terms, shape (child terms,).
    residual_sd
        The children's, in a linear model; not used in a logistic one.
    """
    if data.patterns is None:
        return _linear(data, predictor, child_effect, residual_sd, rng)
    counts = data.patterns
    log_odds = predictor[counts.cell] + (counts.child_design @ child_effect)[counts.pattern]
    events = rng.binomial(counts.n.astype(np.int64), expit(log_odds)).astype(np.float64)
    return _counted(data, counts.n, events)


def _linear(
    data: CellData, predictor: Floats, gamma: Floats, sd: float, rng: np.random.Generator
) -> CellData:
    weight = data.curvature
    known = weight > 0
    noise = rng.standard_normal(len(weight)) / np.sqrt(np.where(known, weight, 1.0))
    centre = predictor + data.child_means @ gamma + sd * noise
    xx = data.within_xx.sum(0)
    pull = sd * _root(xx) @ rng.standard_normal(len(gamma))  # of children, on their terms
    # Children's terms and cells take their degrees of freedom from the children.
    left = weight.sum() - len(weight) - len(gamma)
    squares = sd**2 * rng.chisquare(left) + pull @ np.linalg.pinv(xx) @ pull
    xy, yy = np.zeros_like(data.within_xy), np.zeros_like(data.within_yy)
    xy[0] = xx @ gamma + pull
    yy[0] = gamma @ xx @ gamma + 2 * gamma @ pull + squares
    return replace(
        data,
        cells=data.cells.assign(events=weight * centre),
        centre=centre,
        within_xy=xy,
        within_yy=yy,
    )


def _root(matrix: Floats) -> Floats:
    """A square root R of a positive semi-definite matrix: R R' is the matrix."""
    values, vectors = np.linalg.eigh(matrix)
    root: Floats = vectors * np.sqrt(values.clip(min=0.0))
    return root


def _counted(data: CellData, n: Floats, events: Floats) -> CellData:
    """The design with these counts, and their expansion, which guides the sampler."""
    counts = data.patterns
    assert counts is not None  # logistic
    near = expand(
        Counts(
            cell=counts.cell,
            child_terms=counts.child_design[counts.pattern],
            n=n,
            events=events,
            authority=data.authority,
        )
    )
    cells = data.cells.assign(
        weight=np.bincount(counts.cell, n, len(data.cells)),
        events=np.bincount(counts.cell, events, len(data.cells)),
    )
    return replace(
        data,
        cells=cells,
        curvature=near.curvature,
        centre=near.centre,
        child_means=near.child_means,
        within_xx=near.within_xx,
        within_xy=near.within_xy,
        within_yy=near.within_yy,
        patterns=replace(counts, n=n, events=events),
    )


def together(first: CellData, second: CellData) -> CellData:
    """Two sets of outcomes of one design as one, of twice the children in the same cells.

    Raises
    ------
    ValueError
        They are of different designs.
    """
    if first.design.shape != second.design.shape or not np.array_equal(first.design, second.design):
        raise ValueError("together: outcomes of one design")
    if first.patterns is not None and second.patterns is not None:
        counts, other = first.patterns, second.patterns
        if not np.array_equal(counts.cell, other.cell) or counts.censored or other.censored:
            raise ValueError("together: exact counts of the same cells and patterns")
        return _counted(first, counts.n + other.n, counts.events + other.events)
    weight = first.curvature + second.curvature
    centre = (first.curvature * first.centre + second.curvature * second.centre) / weight
    apart = first.curvature * second.curvature / weight * (first.centre - second.centre) ** 2
    within_yy = first.within_yy + second.within_yy
    within_yy[0] += apart.sum()
    summed = {
        name: first.cells[name] + second.cells[name] for name in ("children", "weight", "events")
    }
    return replace(
        first,
        cells=first.cells.assign(**summed),
        curvature=weight,
        centre=centre,
        within_xx=first.within_xx + second.within_xx,
        within_xy=first.within_xy + second.within_xy,
        within_yy=within_yy,
    )
