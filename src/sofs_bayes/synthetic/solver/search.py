"""Equations → a vector of standard normals that meets them and departs little from 0.

Damped Gauss–Newton steps on what is missed and on the departure; where that would not lead there,
first a path: the equations r(v) = s r(0) are followed from s = 1, where they hold, to s = 0.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
# What is missed, in units of how near it is wanted, and derivatives by the vector.
Misses = tuple[Floats, Floats]
Equations = Callable[[Floats], Misses]
Progress = Callable[[str], None]

# Steps are refused and the damping raised so often before the search stops.
REFUSALS = 12
SMALLEST_DAMPING = 1e-6

FIRST_STEP, LONGEST_STEP, SHORTEST_STEP = 0.05, 0.25, 1e-4
CORRECTIONS = 6
# On the path a step is corrected as near as this; steps whose misses explode are given up.
ON_PATH, EXPLODED = 2.0, 1200.0
PATH_DAMPING = 0.16


class NotReached(ArithmeticError):
    """The path broke off before what is wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One search."""

    pull: float  # how much the departure from the prior's draw counts (1: as a prior would)
    # steps, enough: at most so many; fewer where a step lowers the objective by less than this
    # share of it
    steps: int
    # near, stars_near: how near coefficients (beside their own units) and log |t| are wanted; stars
    # are left alone where it is None
    near: float
    stars_near: float | None = None
    explained: bool = True  # whether R² counts
    damping: float = 1e-4  # of the first step, in units of the prior's precision
    enough: float = 1e-3
    hopeless: float = np.inf  # where the objective stays above, the draw is given up


def least_departure(equations: Equations, vector: Floats, stage: Stage) -> tuple[Floats, float]:
    """The vector after a stage's steps from another, and what is left of the objective."""
    damping, unit = stage.damping, np.eye(len(vector))
    misses, slopes = equations(vector)
    now = _objective(misses, vector, stage)
    for _ in range(stage.steps):
        gradient = slopes.T @ misses + stage.pull * vector
        curvature = slopes.T @ slopes + stage.pull * unit
        for _ in range(REFUSALS):
            tried = vector - np.linalg.solve(curvature + damping * unit, gradient)
            misses_there, slopes_there = equations(tried)
            there = _objective(misses_there, tried, stage)
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


def _objective(misses: Floats, vector: Floats, stage: Stage) -> float:
    return float(misses @ misses + stage.pull * vector @ vector) / 2


def follow(equations: Equations, vector: Floats, say: Progress) -> Floats:
    """The vector at the end of the path from another to where nothing is missed.

    Raises
    ------
    NotReached
        Steps became too short.
    """
    here = equations(vector)
    first, done, step = here[0], 0.0, FIRST_STEP
    while done < 1:
        goal = min(1.0, done + step)
        moved = _corrected(equations, vector, here, (1 - goal) * first)
        if moved is None:
            step /= 2.5
            if step < SHORTEST_STEP:
                raise NotReached(f"the path ends {1 - done:.1%} before the printed coefficients")
            continue
        vector, here, corrections = moved
        done = goal
        step = min(step * (1.6 if corrections <= CORRECTIONS / 2 else 1.0), LONGEST_STEP)
        say(f"{done:.0%} of the way, departure {np.linalg.norm(vector):.1f}")
    return vector


def _corrected(
    equations: Equations, vector: Floats, here: Misses, wanted: Floats
) -> tuple[Floats, Misses, int] | None:
    """Newton's method towards misses nearby; None if it does not get there."""
    for correction in range(CORRECTIONS + 1):
        missed, slopes = here[0] - wanted, here[1]
        largest = np.abs(missed).max()
        if correction > 0 and largest < ON_PATH:
            return vector, here, correction
        if correction == CORRECTIONS or not largest <= EXPLODED:
            return None
        inner = slopes @ slopes.T + PATH_DAMPING * np.eye(len(missed))
        vector = vector - slopes.T @ np.linalg.solve(inner, missed)
        here = equations(vector)
        if len(here[0]) != len(wanted):
            return None
    return None
