"""From a start to a point that meets equations.

The equations c(v) = t are followed from what holds at the start, t = c(v₀), to what is wanted,
in steps that Newton's method (shortest step in v) corrects.
"""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from sofs_bayes.synthetic.cla_equations import Place
from sofs_bayes.synthetic.cla_fits import NoFit

Floats = npt.NDArray[np.float64]
Stand = Callable[[Floats, Mapping[str, Floats]], Place]
Progress = Callable[[str], None]

FIRST_STEP, LONGEST_STEP, SHORTEST_STEP = 0.05, 0.25, 1e-4
CORRECTIONS = 6
# On the path a step is corrected to half a tolerance; steps whose misses explode are given up.
ON_PATH = 0.5
EXPLODED = 300.0
DAMPING = 0.01


class NotReached(ArithmeticError):
    """The path broke off before what is wanted."""


def follow(stand: Stand, place: Place, wanted: Floats, tolerance: Floats, say: Progress) -> Place:
    """The place at the end of the path from a place to what is wanted.

    Raises
    ------
    NotReached
        Steps became too short.
    """
    first, done, step = place.found, 0.0, FIRST_STEP
    while done < 1:
        goal = min(1.0, done + step)
        moved = _corrected(stand, place, first + goal * (wanted - first), tolerance)
        if moved is None:
            step /= 2.5
            if step < SHORTEST_STEP:
                raise NotReached(f"the path ends {1 - done:.1%} before the printed coefficients")
            continue
        place, corrections = moved
        done = goal
        step = min(step * (1.6 if corrections <= CORRECTIONS / 2 else 1.0), LONGEST_STEP)
        say(f"{done:.0%} of the way, departure {np.linalg.norm(place.vector):.1f}")
    return place


def _corrected(
    stand: Stand, place: Place, wanted: Floats, tolerance: Floats
) -> tuple[Place, int] | None:
    """Newton's method towards equations nearby; None if it does not get there."""
    for correction in range(CORRECTIONS):
        miss = (place.found - wanted) / tolerance
        if correction > 0 and np.abs(miss).max() < ON_PATH:
            return place, correction
        if np.abs(miss).max() > EXPLODED:
            return None
        slopes = place.by_vector / tolerance[:, None]
        inner = slopes @ slopes.T + DAMPING * np.eye(len(miss))
        try:
            place = stand(
                place.vector - slopes.T @ np.linalg.solve(inner, miss), place.coefficients
            )
        except NoFit:
            return None
    miss = (place.found - wanted) / tolerance
    return (place, CORRECTIONS) if np.abs(miss).max() < ON_PATH else None
