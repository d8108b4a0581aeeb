"""The constants of the design, and the likelihood of what is printed.

    s                       SD of an authority's period mean
    c                       correlation of its means before and after
    (β̂, δ̂) ~ Normal((β, δ), V(s, c))
    SE² = κ V χ²_ν / ν      what the stars were taken from; what is printed bounds it

The squared standard errors of β̂ and δ̂ are taken as independent given V: they share
authorities, but each star class says little about the chance deviation of its own
standard error.
"""

from collections.abc import Mapping
from dataclasses import dataclass
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
