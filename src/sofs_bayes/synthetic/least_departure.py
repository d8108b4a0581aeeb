"""Equations and a prior → a vector that meets the equations with little departure from the prior.

Damped Gauss–Newton steps on what is missing, on the departure from the prior's draw and on what
probabilities exceed their bounds by.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from sofs_bayes.synthetic.joint_solve import Equations

Floats = npt.NDArray[np.float64]
Bounds = tuple[float, float]
# How much departing counts, and the bounds of probabilities.
Costs = tuple[float, Bounds]

# Half the square of a probability's excess over its bounds counts so much.
BOUND_WEIGHT = 1e5
# Steps are refused and the damping raised so often before the search stops.
REFUSALS = 12
SMALLEST_DAMPING = 1e-6


class Unknowns(Protocol):
    """A vector's prior, and from where on it holds probabilities (its size: nowhere)."""

    @property
    def start(self) -> Floats:
        """The prior's draw."""

    @property
    def precision(self) -> Floats:
        """The inverse of its covariance."""

    @property
    def outcome_from(self) -> int:
        """Where probabilities begin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One search.

    Parameters
    ----------
    pull
        How much the departure from the prior's draw counts (1: as a prior would).
    steps, enough
        At most so many; fewer where a step lowers the objective by less than this share of it.
    near, stars_near
        How near coefficients and log |t| are wanted; stars are left alone where it is None.
    damping
        Of the first step, in units of the prior's precision.
    hopeless
        Where the objective stays above, the draw is given up.
    """

    pull: float
    steps: int
    near: float = 1e-3
    stars_near: float | None = None
    damping: float = 1e-4
    enough: float = 1e-3
    hopeless: float = np.inf


def least_departure(
    equations: Equations,
    vector: Floats,
    unknowns: Unknowns,
    stage: Stage,
    bounds: Bounds = (-np.inf, np.inf),
) -> tuple[Floats, float]:
    """The vector after so many steps, and what is left of the objective.

    Parameters
    ----------
    equations
        What is missing, in units of how near it is wanted.
    vector
        Where to begin.
    bounds
        Of the probabilities at the vector's end.
    """
    costs, damping = (stage.pull, bounds), stage.damping
    misses, slopes = equations(vector)
    now = _objective(misses, vector, unknowns, costs)
    for _ in range(stage.steps):
        gradient, curvature = _quadratic(misses, slopes, vector, unknowns, costs)
        for _ in range(REFUSALS):
            step = -np.linalg.solve(curvature + damping * unknowns.precision, gradient)
            tried = vector + step
            misses_there, slopes_there = equations(tried)
            there = _objective(misses_there, tried, unknowns, costs)
            if there < now:
                break
            damping *= 5
        else:
            break
        gain, now = now - there, there
        vector, misses, slopes = tried, misses_there, slopes_there
        damping = max(damping / 4, SMALLEST_DAMPING)
        if gain < stage.enough * now:
            break
    return vector, now


def _excess(vector: Floats, unknowns: Unknowns, bounds: Bounds) -> Floats:
    probability, (lowest, highest) = vector[unknowns.outcome_from :], bounds
    return np.minimum(probability - lowest, 0) + np.maximum(probability - highest, 0)


def _objective(misses: Floats, vector: Floats, unknowns: Unknowns, costs: Costs) -> float:
    pull, bounds = costs
    departure = vector - unknowns.start
    excess = _excess(vector, unknowns, bounds)
    return (
        float(
            misses @ misses
            + pull * departure @ unknowns.precision @ departure
            + BOUND_WEIGHT * excess @ excess
        )
        / 2
    )


def _quadratic(
    misses: Floats,
    slopes: Floats,
    vector: Floats,
    unknowns: Unknowns,
    costs: Costs,
) -> tuple[Floats, Floats]:
    """The objective's gradient and its curvature as Gauss and Newton have it."""
    pull, bounds = costs
    excess = _excess(vector, unknowns, bounds)
    gradient = slopes.T @ misses + pull * unknowns.precision @ (vector - unknowns.start)
    gradient[unknowns.outcome_from :] += BOUND_WEIGHT * excess
    curvature = slopes.T @ slopes + pull * unknowns.precision
    outside = unknowns.outcome_from + np.flatnonzero(excess)
    curvature[outside, outside] += BOUND_WEIGHT
    return gradient, curvature
