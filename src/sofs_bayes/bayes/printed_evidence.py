"""What speaks for a posterior from print, and what it rests on: its stars, and the prior of c."""

from math import exp

import numpy as np
from scipy import special

from sofs_bayes.bayes.distributions import Array
from sofs_bayes.bayes.from_published import PrintedPosterior, posterior, without_stars
from sofs_bayes.bayes.printed_grid import scan_points
from sofs_bayes.bayes.printed_model import row_probability, se_bounds, variances
from sofs_bayes.bayes.printed_rows import PrintedRows, Row, value_and_half_unit
from sofs_bayes.bayes.printed_studies import log_star_probability

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
