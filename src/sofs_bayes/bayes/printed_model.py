"""The constants of the design, and the likelihood of what is printed.

    s                       SD of an authority's period mean
    c                       correlation of its means before and after
    (β̂, δ̂) ~ Normal((β, δ), V(s, c))
    SE² = κ V χ²_ν / ν      what the stars were taken from; what is printed bounds it

The squared standard errors of β̂ and δ̂ are taken as independent given V: they share
authorities, but each star class says little about the chance deviation of its own
standard error.

Given (s, c) the coefficients of independent studies of one design scatter about (β, δ) with one
covariance V: β and δ see only their mean, with V / n, and the rest of their density is free of
β and δ. Each study's stars have their own probability. One study is the case n = 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite

import numpy as np
from scipy import special

from sofs_bayes.bayes.distributions import Array
from sofs_bayes.bayes.printed_rows import (
    ROWS,
    PrintedError,
    PrintedRows,
    Row,
    RowTest,
    row_test,
    se_range,
    value_and_half_unit,
)
from sofs_bayes.published.facts import Printed
from sofs_bayes.spec import Fixed, Normal, PrintedAnalysis, PrintedDesign, Reading

_NODES, _WEIGHTS = special.roots_legendre(3)  # over the rounding of a coefficient
_WEIGHTS = _WEIGHTS / 2


# ------------------------------------------------------------------ the design's constants


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedModel:
    """The constants of the model under one reading.

    Parameters
    ----------
    spread
        h: squared authority shares summed over both arms (1/J₁ + 1/J₀ if equal).
    child_variance
        Variance that children alone give the difference of two arms' one-year means.
    years_pre, years_post
        Years averaged before and after.
    kappa, nu
        SE² = κ V χ²_ν / ν for authority-clustered standard errors.
    tests
        Of the rows by name: what prints one, two, ... stars.
    authority_sd
        S0, or 0 where authorities are taken to share no variance of their own.
    correlation
        (a, b) of the beta prior of c.
    known_correlation
        c itself where it is taken as known; None where it has its prior.
    pilot_difference
        Prior of β; None where its row is not printed.
    uses_stars
        Whether the stars inform V.
    """

    spread: float
    child_variance: float
    years_pre: int
    years_post: int
    kappa: float
    nu: float
    tests: Mapping[Row, RowTest]
    authority_sd: float
    correlation: tuple[float, float]
    known_correlation: float | None
    pilot_difference: Normal | None
    uses_stars: bool


def printed_model(analysis: PrintedAnalysis, reading: Reading) -> PrintedModel:
    """The model's constants for an analysis under a reading of its stars."""
    design, priors = analysis.design, analysis.priors
    known = priors.correlation
    pilots, comparators = authority_shares(design)
    kappa, nu = se_distribution(pilots, comparators)
    if reading.se_reading == "comparators":
        kappa = 1.0  # scaled to the variance of both arms
    return PrintedModel(
        spread=float(pilots @ pilots + comparators @ comparators),
        child_variance=reading.child_variance_factor * arms_child_variance(design),
        years_pre=design.years_pre,
        years_post=design.years_post,
        kappa=kappa,
        nu=nu,
        tests={row: row_test(analysis.critical_values, row) for row in ROWS},
        authority_sd=0.0 if reading.se_reading == "child" else priors.authority_sd.scale,
        correlation=(1.0, 1.0) if isinstance(known, Fixed) else (known.a, known.b),
        known_correlation=known.fixed if isinstance(known, Fixed) else None,
        pilot_difference=priors.pilot_difference,
        uses_stars=reading.se_reading in ("authority", "comparators"),
    )


def authority_shares(design: PrintedDesign) -> tuple[Array, Array]:
    """Each authority's share of its arm: pilots, comparators; equal unless given."""
    pilots = design.pilot_shares or (1 / design.pilots,) * design.pilots
    comparators = design.comparator_shares or (1 / design.comparators,) * design.comparators
    return np.array(pilots), np.array(comparators)


def child_variance(design: PrintedDesign) -> float:
    """v: child-level variance of an average authority's one-year mean, on the design's scale.

    0 where the number of children is not known.
    """
    if design.children is None:
        return 0.0
    years = design.years_pre + design.years_post
    children = design.children / ((design.pilots + design.comparators) * years)
    if design.child_sd is not None:
        return design.child_sd**2 / children
    assert design.base_rate is not None  # the spec asks for it on these scales
    spread = design.base_rate * (1 - design.base_rate)
    return spread / children if design.scale == "risk" else 1 / (children * spread)


def arms_child_variance(design: PrintedDesign) -> float:
    """(1/J₁ + 1/J₀) v: children count alike, however they are shared among authorities."""
    return (1 / design.pilots + 1 / design.comparators) * child_variance(design)


def se_distribution(pilot_shares: Array, comparator_shares: Array) -> tuple[float, float]:
    """κ and ν of an authority-clustered squared standard error, SE² = κ V χ²_ν / ν.

    The CR1 variance of a difference of two arms' means is G/(G-1) Σ_i w_i² (e_i - Σ_j w_j e_j)²,
    summed over both arms: a quadratic form in the authorities' errors e, independent with one
    variance. Its trace over h gives κ, and trace² over trace of the square gives ν
    (Satterthwaite). The same holds for the DiD, with each authority's change in place of e.

    Parameters
    ----------
    pilot_shares, comparator_shares
        Each authority's share of its arm; each sums to 1.
    """
    arms = [np.asarray(w, dtype=np.float64) for w in (pilot_shares, comparator_shares)]
    authorities = sum(w.size for w in arms)
    trace = trace_of_square = spread = 0.0
    for w in arms:
        scores = (np.eye(w.size) - w) * w[:, None]  # row i: w_i (e_i - the arm's mean)
        gram = scores @ scores.T
        trace += float(np.trace(gram))
        trace_of_square += float(np.sum(gram**2))
        spread += float(w @ w)
    kappa = trace * authorities / (authorities - 1) / spread
    return kappa, trace**2 / trace_of_square


# --------------------------------------------------------------------------- likelihood


def variances(model: PrintedModel, s: Array, c: Array) -> tuple[Array, Array, Array]:
    """Sampling variances of β̂ and δ̂ and their covariance, given s and c."""
    pre, post = model.child_variance / model.years_pre, model.child_variance / model.years_post
    period = model.spread * s**2
    change = period * (1 - c)
    return period + pre, 2 * change + pre + post, -(change + pre)


def se_bounds(
    cell: Printed, test: RowTest, error: PrintedError | None = None
) -> tuple[Array, Array]:
    """The range of standard errors that a row's print allows, at each node of the rounding."""
    value, half_unit = value_and_half_unit(cell)
    return se_range(value + half_unit * _NODES, cell, test, error)


def row_probability(rows: PrintedRows, row: Row, variance: Array, model: PrintedModel) -> Array:
    """P(what is printed of a row's error), given its sampling variance; 1 of a row not printed."""
    cell = getattr(rows, row)
    if cell is None:
        return np.ones_like(variance)
    lower, upper = se_bounds(cell, model.tests[row], getattr(rows, f"{row}_error"))
    scale = model.nu / (2 * model.kappa * variance)
    probability = np.zeros_like(variance)
    for weight, low, high in zip(_WEIGHTS, lower, upper, strict=True):
        above = special.gammaincc(model.nu / 2, low**2 * scale)
        beyond = special.gammaincc(model.nu / 2, high**2 * scale) if isfinite(high) else 0.0
        probability += weight * (above - beyond)
    return np.maximum(probability, 0.0)


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
