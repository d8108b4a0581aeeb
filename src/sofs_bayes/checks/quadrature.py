"""The gate of a posterior from print, which is integrated and not sampled, and what it rests on."""

from dataclasses import dataclass
from math import exp

import numpy as np
from scipy import special

from sofs_bayes.bayes.distributions import Array
from sofs_bayes.bayes.from_published import PrintedPosterior, posterior, without_stars
from sofs_bayes.bayes.limits import MAX_EDGE_MASS
from sofs_bayes.bayes.printed_grid import scan_points
from sofs_bayes.bayes.printed_model import (
    log_star_probability,
    row_probability,
    se_bounds,
    variances,
)
from sofs_bayes.bayes.printed_rows import PrintedRows, Row, value_and_half_unit

# Standard deviations of a coefficient that are tried for a row alone, as multiples of its size.
ALONE = np.geomspace(1e-4, 1e4, 801)


def star_evidence(post: PrintedPosterior) -> float:
    """P(the printed stars | the printed coefficients), averaged over the priors of s and c.

    A low value speaks against the reading as much as against these priors.
    """
    if not post.model.uses_stars:
        return 1.0
    starless = posterior(
        post.analysis,
        prior=post.prior,
        reading=without_stars(post.reading),
        rows=post.rows,
        further=post.further,
    )
    return exp(post.log_evidence - starless.log_evidence)


def star_fit(post: PrintedPosterior) -> float:
    """How likely s and c can make the stars, over how likely any two errors could: 0 to 1.

    Whatever the priors say: at the best s and c, beside the best standard deviation for each row
    alone. A low value speaks against the reading or the design, such as a number of children
    whose chance alone is more than the stars allow.
    """
    if not post.model.uses_stars:
        return 1.0
    s, angle = scan_points(post.model)
    v_beta, v_delta, _ = variances(post.model, s[:, None], np.sin(angle) ** 2)
    together = log_star_probability(post.model, post.studies, v_beta, v_delta).max()
    alone = sum(
        np.log(_best_alone(post, rows, row)) for rows in post.studies for row, *_ in rows.each()
    )
    return min(exp(float(together - alone)), 1.0)


def _best_alone(post: PrintedPosterior, rows: PrintedRows, row: Row) -> float:
    cell = rows.did if row == "did" else rows.pilot
    assert cell is not None
    value, half = value_and_half_unit(cell)
    return float(row_probability(rows, row, ((abs(value) + half) * ALONE) ** 2, post.model).max())


def bracketed(post: PrintedPosterior) -> bool:
    """Whether print gives the effect's standard error a lower and an upper limit.

    Then c hardly matters for the effect: V_δ is known, however it is made up.
    """
    if not post.model.uses_stars:
        return False
    low, high = se_bounds(post.rows.did, post.model.tests["did"], post.rows.did_error)
    return bool(low.min() > 0 and np.isfinite(high).all())


def correlation_told(post: PrintedPosterior) -> float:
    """How far the posterior of c is from its prior: the total variation distance, 0 to 1."""
    if post.model.known_correlation is not None:
        return 1.0  # it has no prior that print could tell from
    a, b = post.model.correlation
    prior: Array = np.diff(special.betainc(a, b, np.sin(post.angle) ** 2))
    left = 1.0 - prior.sum()  # beyond the grid
    return float((np.abs(post.weights.sum(axis=0) - prior).sum() + left) / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuadratureVerdict:
    """The verdict on a posterior from print, and what it rests on.

    `star_evidence` is P(stars | coefficients) under the priors, `star_fit` how likely any s and c
    make the stars beside what is possible; both are 1 where the reading makes no use of them.
    `correlation_told` is how far the posterior of c is from its prior, 0 to 1; `bracketed` whether
    print gives the effect's standard error a lower and an upper limit, so that c hardly matters.
    """

    status: str
    edge_mass: float
    max_edge_mass: float
    star_evidence: float
    star_fit: float
    correlation_told: float
    bracketed: bool


def quadrature_verdict(post: PrintedPosterior) -> QuadratureVerdict:
    """Whether the grid of a posterior from print holds all of it but a negligible rest."""
    return QuadratureVerdict(
        status="converged" if post.edge_mass <= MAX_EDGE_MASS else "not converged",
        edge_mass=post.edge_mass,
        max_edge_mass=MAX_EDGE_MASS,
        star_evidence=star_evidence(post),
        star_fit=star_fit(post),
        correlation_told=correlation_told(post),
        bracketed=bracketed(post),
    )
