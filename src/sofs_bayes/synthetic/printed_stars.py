"""Standard errors on cells ↔ printed stars.

A coefficient's stars are met if its |t| lies in their range both under Student's t with as many
degrees of freedom as there are authorities less one, and under the normal distribution: which
of them the report's stars were read from is not told.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sofs_bayes.frequentist.replication import STAR_LEVELS
from sofs_bayes.synthetic.cell_errors import fit_errors
from sofs_bayes.synthetic.joint_solve import Equations, Problem

Floats = npt.NDArray[np.float64]

# How far inside its range |t| is wanted, on the log scale: rounding probabilities to outcomes
# moves it. Of a narrow range, so much of its width.
MARGIN, MARGIN_SHARE = 0.08, 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class StarRange:
    """Between which |t| a number of stars is printed, whichever distribution it is read from."""

    lowest: float
    highest: float


def star_range(stars: int, clusters: int | None) -> StarRange:
    """The range of |t| for 0 to 3 stars with so many clusters, or where errors have none."""
    from scipy.special import ndtri, stdtrit

    levels = sorted(STAR_LEVELS, reverse=True)
    normal = [0.0, *(float(ndtri(1 - level / 2)) for level in levels), np.inf]
    student = normal
    if clusters is not None:
        student = [0.0, *(float(stdtrit(clusters - 1, 1 - level / 2)) for level in levels), np.inf]
    return StarRange(
        lowest=max(normal[stars], student[stars]),
        highest=min(normal[stars + 1], student[stars + 1]),
    )


def star_equations(problem: Problem, *, margin: float = MARGIN) -> Equations:
    """Vector → how far log |t| lies outside the stars' ranges (0 inside), and derivatives.

    Ranges are narrowed by `margin` on both sides, or by less where they are narrow.
    """
    unknowns, cells = problem.unknowns, problem.cells
    ranges = {name: _log_ranges(problem, name, margin) for name in problem.columns}

    def equations(vector: Floats) -> tuple[Floats, Floats]:
        point = unknowns.point(vector)
        outcome = problem.outcome(point)
        misses, slopes = [], []
        for name, column in problem.columns.items():
            printed = problem.printed(name)
            terms = column.terms(cells, point.covariates, point.scores)
            errors = fit_errors(cells, column, terms, outcome, list(printed))
            log_t = np.log(np.abs(list(printed.values()))) - errors.coefficients
            lowest, highest = ranges[name]
            missed = np.minimum(log_t - lowest, 0.0) + np.maximum(log_t - highest, 0.0)
            pulled = unknowns.pulled(vector, cells, column, errors, outcome=True)
            misses.append(missed)
            slopes.append(np.where(missed != 0, -1.0, 0.0)[:, None] * pulled)
        return np.concatenate(misses), np.concatenate(slopes)

    return equations


def missed_stars(problem: Problem, vector: Floats) -> int:
    """How many coefficients have other stars than printed, by either distribution."""
    misses = star_equations(problem, margin=0.0)(vector)[0]
    return int(np.count_nonzero(misses))


def _log_ranges(problem: Problem, name: str, margin: float) -> tuple[Floats, Floats]:
    column = problem.columns[name]
    clusters = problem.cells.frame["authority"][column.included == 1].nunique()
    printed = [each.stars for each in problem.targets if each.column == name]
    return log_ranges(printed, clusters, margin)


def log_ranges(stars: Sequence[int], clusters: int | None, margin: float) -> tuple[Floats, Floats]:
    """The lowest and highest log |t| with such stars, narrowed by a margin or by less."""
    ranges = [star_range(each, clusters) for each in stars]
    with np.errstate(divide="ignore"):
        lowest = np.log([each.lowest for each in ranges])
        highest = np.log([each.highest for each in ranges])
    inside = np.minimum(margin, MARGIN_SHARE * (highest - lowest))
    return lowest + inside, highest - inside
