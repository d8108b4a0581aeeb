"""The likelihood of independent printed studies of one design with the same s, c, β and δ.

Given (s, c) the studies' coefficients scatter about (β, δ) with one covariance V: β and δ see
only their mean, with V / n, and the rest of their density is free of β and δ. Each study's
stars have their own probability. One study is the case n = 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sofs_bayes.bayes.distributions import Array
from sofs_bayes.bayes.printed_model import (
    PrintedModel,
    row_probability,
    variances,
)
from sofs_bayes.bayes.printed_rows import PrintedRows, value_and_half_unit
from sofs_bayes.spec import Normal

Studies = Sequence[PrintedRows]
Errors = tuple[Array, Array, Array]  # variances of β̂ and of δ̂, and their covariance


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditional:
    """β and δ given the rows, s and c (arrays over s and c), and the log likelihood."""

    beta_mean: Array
    beta_variance: Array
    delta_mean: Array
    delta_variance: Array
    covariance: Array
    log_likelihood: Array


def conditional(
    model: PrintedModel, studies: Studies, effect: Normal, s: Array, c: Array
) -> Conditional:
    """Normal updating of (β, δ) by (β̂, δ̂) of every study, without the stars.

    `log_likelihood` is that of all coefficients, with β and δ integrated out.
    """
    errors = variances(model, s, c)
    of_mean = _times(errors, 1 / len(studies))
    values = [_coefficients(rows) for rows in studies]
    pilot, did = (sum(column) / len(studies) for column in zip(*values, strict=True))
    update = _updated_alone if model.pilot_difference is None else _updated
    given = update(model, effect, pilot=pilot, did=did, errors=of_mean)
    zero = np.zeros_like(errors[0])
    scatter = -_log_density(model, of_mean, zero, zero)
    for one_pilot, one_did in values:
        scatter += _log_density(model, errors, zero + one_pilot - pilot, zero + one_did - did)
    return replace(given, log_likelihood=given.log_likelihood + scatter)


def _times(errors: Errors, factor: float) -> Errors:
    v_beta, v_delta, v_both = errors
    return factor * v_beta, factor * v_delta, factor * v_both


def _updated(
    model: PrintedModel, effect: Normal, *, pilot: float, did: float, errors: Errors
) -> Conditional:
    """Normal updating of (β, δ) by two numbers with these variances and covariance."""
    difference = model.pilot_difference
    assert difference is not None
    v_beta, v_delta, v_both = errors
    prior_beta, prior_delta = difference.sd**2, effect.sd**2
    total_beta, total_delta = v_beta + prior_beta, v_delta + prior_delta
    determinant = total_beta * total_delta - v_both**2
    beta_miss, delta_miss = pilot - difference.mean, did - effect.mean
    beta_pull = (total_delta * beta_miss - v_both * delta_miss) / determinant
    delta_pull = (total_beta * delta_miss - v_both * beta_miss) / determinant
    # prior - prior² total⁻¹, without the difference of two large numbers
    own = v_beta * v_delta - v_both**2
    return Conditional(
        beta_mean=difference.mean + prior_beta * beta_pull,
        beta_variance=prior_beta * (own + v_beta * prior_delta) / determinant,
        delta_mean=effect.mean + prior_delta * delta_pull,
        delta_variance=prior_delta * (own + v_delta * prior_beta) / determinant,
        covariance=prior_beta * prior_delta * v_both / determinant,
        log_likelihood=-0.5
        * (beta_miss * beta_pull + delta_miss * delta_pull + np.log(determinant))
        - np.log(2 * np.pi),
    )


def _updated_alone(
    model: PrintedModel, effect: Normal, *, pilot: float, did: float, errors: Errors
) -> Conditional:
    """Normal updating of δ by one number, where the pilot row is not printed; no β (NaN)."""
    variance, prior = errors[1], effect.sd**2
    total, miss = variance + prior, did - effect.mean
    none = np.full_like(variance, np.nan)
    return Conditional(
        beta_mean=none,
        beta_variance=none,
        delta_mean=effect.mean + prior * miss / total,
        delta_variance=prior * variance / total,
        covariance=none,
        log_likelihood=-0.5 * (miss**2 / total + np.log(2 * np.pi * total)),
    )


def log_star_probability(
    model: PrintedModel, studies: Studies, v_beta: Array, v_delta: Array
) -> Array:
    """Log P(the stars of every study), given the coefficients' sampling variances.

    The same of what else is printed of the rows' errors.
    """
    total = np.zeros(np.broadcast_shapes(v_beta.shape, v_delta.shape))
    for rows in studies:
        of_pilot = row_probability(rows, "pilot", v_beta, model)
        with np.errstate(divide="ignore"):  # a standard error so unlikely has log density -inf
            total = total + np.log(of_pilot * row_probability(rows, "did", v_delta, model))
    return total


def log_likelihood(
    model: PrintedModel, studies: Studies, *, s: Array, c: Array, beta: Array, delta: Array
) -> Array:
    """Log density of all printed coefficients and, where they are used, of their stars."""
    errors = variances(model, s, c)
    total = np.zeros_like(errors[0])
    for pilot, did in map(_coefficients, studies):
        total = total + _log_density(model, errors, pilot - beta, did - delta)
    if model.uses_stars:
        total = total + log_star_probability(model, studies, errors[0], errors[1])
    return total


def _coefficients(rows: PrintedRows) -> tuple[float, float]:
    """The printed numbers; 0 for a pilot row that is not printed, which nothing looks at."""
    pilot = 0.0 if rows.pilot is None else value_and_half_unit(rows.pilot)[0]
    return pilot, value_and_half_unit(rows.did)[0]


def _log_density(model: PrintedModel, errors: Errors, x: Array, y: Array) -> Array:
    """Log density of the rows' centred normals: of two, or of the DiD's alone."""
    if model.pilot_difference is not None:
        return _log_normal(errors, x, y)
    return np.asarray(-0.5 * (y**2 / errors[1] + np.log(2 * np.pi * errors[1])))


def _log_normal(errors: Errors, x: Array, y: Array) -> Array:
    """Log density of two centred normals with these variances and covariance."""
    v_x, v_y, v_both = errors
    determinant = v_x * v_y - v_both**2
    squares = (v_y * x**2 - 2 * v_both * x * y + v_x * y**2) / determinant
    return np.asarray(-0.5 * (squares + np.log(determinant)) - np.log(2 * np.pi))
