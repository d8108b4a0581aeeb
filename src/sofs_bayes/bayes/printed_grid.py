"""The posterior of (s, c) on a grid: where its cells lie, and the mass in each.

Midpoint rules. With c = sin²(angle) the integrand is even in s and smooth in the angle, and it
vanishes where an even grid ends elsewhere, so that the rule converges as fast as a Gauss rule.
Where print says much of an error, the mass lies on a ridge s cos(angle) = constant that an even
grid may cut or miss: then cells are even in log s and log cos(angle).
"""

from dataclasses import dataclass
from math import isfinite

import numpy as np
import numpy.typing as npt
from scipy import special

from sofs_bayes.bayes.distributions import Array
from sofs_bayes.bayes.limits import MAX_EDGE_MASS
from sofs_bayes.bayes.printed_model import (
    Conditional,
    PrintedModel,
    Studies,
    conditional,
    log_star_probability,
    se_bounds,
    variances,
)
from sofs_bayes.bayes.printed_rows import ROWS
from sofs_bayes.errors import BadInput
from sofs_bayes.spec import Normal

Flags = npt.NDArray[np.bool_]

GRID_S, GRID_C = 96, 48
SCAN_S, SCAN_C = 128, 48
SCAN_FROM, SCAN_TO = 1e-3, 6.5  # in units of S0
SCAN_DEPTH = 20.0  # log density below its peak that counts as nothing (2e-9)
LEAST_COS, SCAN_NEAR = 1e-4, 24  # how near to c = 1 is looked, in so many steps
EVEN_NU = 20.0  # above it an error is known so well that an even grid is too coarse
NEAR_ONE = 0.002  # mass in the even grid's last cell of c from which it is too coarse there
LOG_CELLS, MANY_CELLS, MANY_NU = 192, 384, 300.0  # of a logarithmic grid, up to this ν and beyond


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """The posterior of (s, angle) on a grid, and β and δ in its cells.

    Attributes
    ----------
    s, angle
        Edges of the cells.
    weights
        Posterior mass, (s, angle).
    log_evidence
        Log marginal likelihood.
    edge_mass
        Mass in the outermost cells of s, of the first only where the grid does not begin at 0.
    """

    s: Array
    angle: Array
    given: Conditional
    weights: Array
    log_evidence: float
    edge_mass: float


def weighed(model: PrintedModel, studies: Studies, effect: Normal) -> Weighed:
    """The posterior of (s, angle) given the rows of all studies.

    Raises
    ------
    BadInput
        No s and c can give what is printed.
    """
    if not model.authority_sd:
        return _on(model, studies, effect, np.zeros(2), _angles(model))
    scan, angles, there = _scanned(model, studies, effect)
    even = _on(model, studies, effect, _span(scan, there, GRID_S), _angles(model))
    told = any(error is not None for rows in studies for *_, error in rows.each())
    sharp = model.uses_stars and (model.nu > EVEN_NU or told)
    fixed = model.known_correlation is not None
    within = fixed or even.weights[:, -1].sum() <= NEAR_ONE
    if not sharp and even.edge_mass <= MAX_EDGE_MASS and within:
        return even
    cells = LOG_CELLS if model.nu <= MANY_NU else MANY_CELLS
    near = _angles(model) if fixed else _log_angles(angles, there, cells)
    return _on(model, studies, effect, _log_span(scan, there, cells), near)


# ---------------------------------------------------------------------------- the density


def _log_joint(
    model: PrintedModel, studies: Studies, effect: Normal, s: Array, angle: Array
) -> tuple[Array, Conditional]:
    """Log density of (s, angle, rows of all studies) at every pair of an s and an angle."""
    a, b = model.correlation
    sine, cosine = np.sin(angle), np.cos(angle)
    log_prior = np.zeros((s.size, angle.size))
    if model.known_correlation is None:
        log_prior = log_prior + (
            np.log(2)
            + (2 * a - 1) * np.log(sine)
            + (2 * b - 1) * np.log(cosine)
            - special.betaln(a, b)
        )
    if model.authority_sd:
        scaled = (s / model.authority_sd)[:, None]
        log_prior = log_prior - 0.5 * scaled**2 - np.log(model.authority_sd * np.sqrt(np.pi / 2))
    pairs = np.broadcast_arrays(s[:, None], sine**2)
    given = conditional(model, studies, effect, pairs[0], pairs[1])
    log_joint = log_prior + given.log_likelihood
    if model.uses_stars:
        v_beta, v_delta, _ = variances(model, pairs[0], pairs[1])
        log_joint = log_joint + log_star_probability(model, studies, v_beta[:, :1], v_delta)
    return log_joint, given


def _on(model: PrintedModel, studies: Studies, effect: Normal, s: Array, angle: Array) -> Weighed:
    """The posterior on a grid of these edges; s has none of its own where it is 0."""
    log_joint, given = _log_joint(model, studies, effect, _middle(s), _middle(angle))
    width = np.diff(s)[:, None] if model.authority_sd else 1.0
    highest = log_joint.max()
    mass = np.exp(log_joint - highest) * width
    if model.known_correlation is None:
        mass = mass * np.diff(angle)
    weights = mass / mass.sum()
    edges = weights[-1].sum() + (weights[0].sum() if s[0] > 0 else 0.0)
    return Weighed(
        s=s,
        angle=angle,
        given=given,
        weights=weights,
        log_evidence=float(highest + np.log(mass.sum())),
        edge_mass=float(edges) if model.authority_sd else 0.0,
    )


def _middle(edges: Array) -> Array:
    return (edges[1:] + edges[:-1]) / 2


# ------------------------------------------------------------------------- where cells lie


def _scanned(model: PrintedModel, studies: Studies, effect: Normal) -> tuple[Array, Array, Flags]:
    """Values of s, angles, and at which of these pairs there is any mass to speak of."""
    s, angles = scan_points(model)
    height = _log_joint(model, studies, effect, s, angles)[0]
    if not isfinite(float(height.max())):
        raise _impossible(model, studies)
    return s, angles, height >= height.max() - SCAN_DEPTH


def scan_points(model: PrintedModel) -> tuple[Array, Array]:
    """Values of s and angles that reach all that its prior and c allow."""
    s = np.geomspace(SCAN_FROM, SCAN_TO, SCAN_S) * model.authority_sd
    if model.known_correlation is not None:
        return s, _angles(model)[:1]
    even = _middle(_even_angles(SCAN_C))
    near_one = np.arccos(np.geomspace(np.cos(even[-1]), LEAST_COS, SCAN_NEAR + 1)[1:])
    return s, np.concatenate([even, near_one])


def _angles(model: PrintedModel) -> Array:
    """Edges of even cells of the angle; of one without width where c is known."""
    if model.known_correlation is not None:
        return np.full(2, np.arcsin(np.sqrt(model.known_correlation)))
    return _even_angles(GRID_C)


def _even_angles(cells: int) -> Array:
    return np.linspace(0.0, np.pi / 2, cells + 1)


def _span(s: Array, there: Flags, cells: int) -> Array:
    """Even cells of s from before the first value with mass to after the last one."""
    high = np.flatnonzero(there.any(axis=1))
    first = s[high[0] - 1] if high[0] > 0 else 0.0
    return np.linspace(first, s[min(high[-1] + 1, s.size - 1)], cells + 1)


def _log_span(s: Array, there: Flags, cells: int) -> Array:
    """The same, even in log s; from 0 with one more cell where there is mass at the least."""
    first, *_, last = _span(s, there, 2)
    edges = np.geomspace(first or s[0], last, cells + 1)
    return edges if first > 0 else np.concatenate([[0.0], edges])


def _log_angles(angles: Array, there: Flags, cells: int) -> Array:
    """Angles even in the log of their cosine, where there is mass; a last cell up to c = 1."""
    wide = np.flatnonzero(there.any(axis=0))
    low = angles[wide[0] - 1] if wide[0] > 0 else 0.0
    top = angles[min(wide[-1] + 1, angles.size - 1)]
    edges = np.arccos(np.geomspace(np.cos(low), np.cos(top), cells + 1))
    return edges if wide[-1] < angles.size - 1 else np.concatenate([edges, [np.pi / 2]])


def _impossible(model: PrintedModel, studies: Studies) -> BadInput:
    """What no standard error can give; the chance of the children alone may be too much."""
    place = "; ".join(rows.text for rows in studies)
    floors = dict(zip(ROWS, variances(model, np.zeros(1), np.zeros(1)), strict=False))
    for row, cell, error in (each for rows in studies for each in rows.each()):
        most, floor = se_bounds(cell, model.tests[row], error)[1].max(), floors[row][0] ** 0.5
        if floor > most > 0:
            found = (
                f"{row}: a standard error of at most {most:.2g} printed, where the children's"
                f" chance alone gives {floor:.2g}"
            )
            allowed = (
                "another reading, or as design.children the number of children, not of"
                " authority-years or of the same persons each year; it may be left out"
            )
            return BadInput(place, "stars", found, allowed)
    allowed = "another reading, or another key to the stars (levels, alternative)"
    return BadInput(place, "stars", "no standard error this reading allows", allowed)
