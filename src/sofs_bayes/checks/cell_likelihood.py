"""The log likelihood of cells with what is their own integrated out, draw by draw.

In a cell's predictor the log likelihood is a parabola: exactly so in the linear model, and
near any point in the logistic one. Integrals of it over normal effects have a closed form.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logsumexp

from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.bayes.censored import Censored
from sofs_bayes.checks.thinned_draws import ThinnedDraws

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

# Newton's steps to the mode of a logistic integrand, on log-odds: no longer than this, until
# they are this short. The error of the integral goes with the cube of what is left.
LONGEST_STEP = 2.0
CLOSE = 0.01
MOST_STEPS = 20

# Numbers held at once for censored counts: draws times counts times what each may be.
TOGETHER = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Parabola:
    """log L(a) = value + score (a - at) - ½ curvature (a - at)²; shapes (draws, cells)."""

    at: Floats
    value: Floats
    score: Floats
    curvature: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalPredictor:
    """A normal distribution of cells' predictors: shapes (draws, cells), (draws, cells, cells)."""

    mean: Floats
    covariance: Floats


def gaussian_parabola(data: CellData, draws: ThinnedDraws, cells: Integers) -> Parabola:
    """The linear model's, of the cells' mean outcomes.

    What children differ by within a cell is left out: it depends on no cell's predictor.
    """
    curvature = data.curvature[cells] / (draws.residual_sd**2)[:, None]
    return Parabola(
        at=data.centre[cells] - draws.child_effect @ data.child_means[cells].T,
        value=0.5 * np.log(curvature / (2 * np.pi)),
        score=np.zeros_like(curvature),
        curvature=curvature,
    )


def logistic_parabola(data: CellData, draws: ThinnedDraws, cells: Integers, at: Floats) -> Parabola:
    """The logistic model's, by the derivatives of the exact log likelihood at one point.

    `at` are the cells' predictors, shape (draws, cells).
    """
    counts = data.patterns
    assert counts is not None  # as the analysis's likelihood has it
    found = np.zeros((3, *at.shape))
    for place, cell in enumerate(cells):  # by cell, so that arrays stay small
        here = np.flatnonzero(counts.cell[counts.exact] == cell)
        design = counts.child_design[counts.pattern[here]]
        log_odds = at[:, place, None] + draws.child_effect @ design.T
        found[:, :, place] = _of_exact(counts.n[here], counts.events[here], log_odds)
        for block in counts.censored:
            here = np.flatnonzero(block.cell == cell)
            size = max(1, TOGETHER // (len(at) * block.n.shape[1]))
            for rows in (here[i : i + size] for i in range(0, len(here), size)):
                design = counts.child_design[block.pattern[rows]]
                log_odds = at[:, place, None] + draws.child_effect @ design.T
                found[:, :, place] += _of_censored(block, rows, log_odds)
    return Parabola(at=at, value=found[0], score=found[1], curvature=found[2])


def _of_exact(n: Floats, events: Floats, log_odds: Floats) -> Floats:
    """Log likelihood of counts, and its first and minus its second derivative: (3, draws)."""
    away = np.exp(-np.abs(log_odds))  # one exponential for all three
    value = log_odds @ events - (np.maximum(log_odds, 0.0) + np.log1p(away)) @ n
    risk = np.where(log_odds < 0.0, away, 1.0) / (1.0 + away)
    return np.array([value, events.sum() - risk @ n, (risk * (1.0 - risk)) @ n])


def _of_censored(block: Censored, rows: Integers, log_odds: Floats) -> Floats:
    """The same of counts that may be one of several; `log_odds` has shape (draws, rows)."""
    n, events, weight = block.n[rows], block.events[rows], block.weight[rows]
    risk = expit(log_odds)[..., None]
    each = block.log_prior[rows] + events * log_odds[..., None]
    each -= n * np.logaddexp(0.0, log_odds)[..., None]
    value = logsumexp(each, axis=-1)
    share = np.exp(each - value[..., None])
    score = events - n * risk
    mean = (share * score).sum(-1)
    curvature = (share * (n * risk * (1.0 - risk) - score**2)).sum(-1) + mean**2
    return np.array([value @ weight, mean @ weight, curvature @ weight])


def integrated(parabola: Parabola, prior: NormalPredictor) -> tuple[Floats, Floats]:
    """The log of ∫ L(a) p(a) da, shape (draws,), and the integrand's mode (draws, cells)."""
    away = prior.mean - parabola.at
    score = parabola.score - parabola.curvature * away
    at_mean = parabola.value + parabola.score * away - 0.5 * parabola.curvature * away**2
    inner = prior.covariance * parabola.curvature[:, None, :] + np.eye(away.shape[1])
    towards = np.einsum("scd,sd->sc", prior.covariance, score)
    moved = np.linalg.solve(inner, towards[..., None])[..., 0]
    log_size = np.linalg.slogdet(inner)[1]
    return at_mean.sum(-1) + 0.5 * (score * moved).sum(-1) - 0.5 * log_size, prior.mean + moved


def parabola_at_mode(
    data: CellData, draws: ThinnedDraws, cells: Integers, prior: NormalPredictor
) -> Parabola:
    """The log likelihood of some cells about the mode of its product with a normal prior.

    Linear: exact. Logistic: integrals of it are Laplace's approximation.
    """
    if data.patterns is None:
        return gaussian_parabola(data, draws, cells)
    at = draws.predictor[:, cells]
    for _ in range(MOST_STEPS):
        found = logistic_parabola(data, draws, cells, at)
        step = (integrated(found, prior)[1] - at).clip(-LONGEST_STEP, LONGEST_STEP)
        if np.abs(step).max(initial=0.0) < CLOSE:
            break
        at = at + step
    return found
