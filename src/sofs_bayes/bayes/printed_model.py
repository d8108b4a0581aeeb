"""What is printed, the constants of the design, and the likelihood of both.

    s                       SD of an authority's period mean
    c                       correlation of its means before and after
    (β̂, δ̂) ~ Normal((β, δ), V(s, c))
    SE² = κ V χ²_ν / ν      what the stars were taken from; k stars bound it on both sides

The squared standard errors of β̂ and δ̂ are taken as independent given V: they share
authorities, but each star class says little about the chance deviation of its own
standard error.
"""

from dataclasses import dataclass
from math import inf, isfinite

import numpy as np
from scipy import special

from sofs_bayes.bayes.distributions import Array
from sofs_bayes.errors import BadInput
from sofs_bayes.published.facts import Printed, fact, read_printed
from sofs_bayes.spec import CriticalValues, Normal, PrintedAnalysis, PrintedDesign, Reading

_NODES, _WEIGHTS = special.roots_legendre(3)  # over the rounding of a coefficient
_WEIGHTS = _WEIGHTS / 2


# ----------------------------------------------------------------------- what is printed


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedRows:
    """The pilot difference and the DiD of one column, each as printed with its stars."""

    pilot: Printed
    did: Printed


def printed_rows(analysis: PrintedAnalysis, reading: Reading) -> PrintedRows:
    """The two rows of an analysis; a reading may take their stars from another column.

    Raises
    ------
    BadInput
        A cell does not exist, is a gap such as N/A, or has more stars than star levels.
    """
    if analysis.as_printed is not None:
        source = analysis.as_printed
        pilot = _number(source.pilot, "as_printed.pilot", analysis)
        did = _number(source.did, "as_printed.did", analysis)
        return PrintedRows(pilot=pilot, did=did)
    assert analysis.from_table is not None  # the spec asks for exactly one of the two
    place = analysis.from_table
    pilot, did = (_cell(analysis, reading, row) for row in (place.pilot_row, place.did_row))
    return PrintedRows(pilot=pilot, did=did)


def _cell(analysis: PrintedAnalysis, reading: Reading, row: str) -> Printed:
    assert analysis.from_table is not None
    table, column = analysis.from_table.table, analysis.from_table.column
    text = fact(table, row, column).printed.text
    where = f"Table {table}, {row}, {column}"
    cell = _number(text, where, analysis)
    if reading.stars_from is None:
        return cell
    other = fact(table, row, reading.stars_from).printed
    where = f"Table {table}, {row}, {reading.stars_from}"
    stars = _number(other.text, where, analysis).stars
    return read_printed(text.rstrip("*") + "*" * stars)


def _number(text: str, where: str, analysis: PrintedAnalysis) -> Printed:
    try:
        cell = read_printed(text)
    except ValueError as error:
        raise BadInput(analysis.name, where, repr(text), "a number with stars") from error
    levels = len(analysis.critical_values.star_levels)
    if cell.value is None:
        raise BadInput(analysis.name, where, repr(text), "a number, as in -0.0635*")
    if cell.stars > levels:
        raise BadInput(
            analysis.name, where, f"{cell.stars} stars", f"at most {levels} (star_levels)"
        )
    return cell


def value_and_half_unit(cell: Printed) -> tuple[float, float]:
    """A printed number and its largest rounding error."""
    if cell.value is None:
        raise BadInput("printed cell", "", repr(cell.text), "a number, as in -0.0635*")
    return cell.value, cell.half_unit


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
    critical
        |coefficient| / SE beyond which one, two, ... stars are printed.
    authority_sd
        S0, or 0 where authorities are taken to share no variance of their own.
    correlation
        (a, b) of the beta prior of c.
    pilot_difference
        Prior of β.
    uses_stars
        Whether the stars inform V.
    """

    spread: float
    child_variance: float
    years_pre: int
    years_post: int
    kappa: float
    nu: float
    critical: tuple[float, ...]
    authority_sd: float
    correlation: tuple[float, float]
    pilot_difference: Normal
    uses_stars: bool


def printed_model(analysis: PrintedAnalysis, reading: Reading) -> PrintedModel:
    """The model's constants for an analysis under a reading of its stars."""
    design, priors = analysis.design, analysis.priors
    pilots, comparators = authority_shares(design)
    kappa, nu = se_distribution(pilots, comparators)
    return PrintedModel(
        spread=float(pilots @ pilots + comparators @ comparators),
        child_variance=reading.child_variance_factor * arms_child_variance(design),
        years_pre=design.years_pre,
        years_post=design.years_post,
        kappa=kappa,
        nu=nu,
        critical=critical_values(analysis.critical_values),
        authority_sd=0.0 if reading.se_reading == "child" else priors.authority_sd.scale,
        correlation=(priors.correlation.a, priors.correlation.b),
        pilot_difference=priors.pilot_difference,
        uses_stars=reading.se_reading == "authority",
    )


def authority_shares(design: PrintedDesign) -> tuple[Array, Array]:
    """Each authority's share of its arm: pilots, comparators; equal unless given."""
    pilots = design.pilot_shares or (1 / design.pilots,) * design.pilots
    comparators = design.comparator_shares or (1 / design.comparators,) * design.comparators
    return np.array(pilots), np.array(comparators)


def child_variance(design: PrintedDesign) -> float:
    """v: child-level variance of an average authority's one-year mean, on the design's scale."""
    years = design.years_pre + design.years_post
    children = design.children / ((design.pilots + design.comparators) * years)
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


def critical_values(rule: CriticalValues) -> tuple[float, ...]:
    """The two-sided critical value of one star, two stars, and so on."""
    tails = np.array(rule.star_levels) / 2
    values = special.ndtri(tails) if rule.df is None else special.stdtrit(rule.df, tails)
    return tuple(float(-value) for value in values)


# --------------------------------------------------------------------------- likelihood


def variances(model: PrintedModel, s: Array, c: Array) -> tuple[Array, Array, Array]:
    """Sampling variances of β̂ and δ̂ and their covariance, given s and c."""
    pre, post = model.child_variance / model.years_pre, model.child_variance / model.years_post
    period = model.spread * s**2
    change = period * (1 - c)
    return period + pre, 2 * change + pre + post, -(change + pre)


def se_bounds(cell: Printed, critical: tuple[float, ...]) -> tuple[Array, Array]:
    """The range of standard errors that the stars allow, at each node of the rounding.

    k stars: |b| / z_{k+1} <= SE < |b| / z_k, with z_0 = 0 and no upper star class.
    """
    value, half_unit = value_and_half_unit(cell)
    size = np.abs(value + half_unit * _NODES)
    steps = (0.0, *critical, inf)
    lower = size / steps[cell.stars + 1]
    upper = size / steps[cell.stars] if cell.stars else np.full_like(size, inf)
    return lower, upper


def star_probability(cell: Printed, variance: Array, model: PrintedModel) -> Array:
    """P(the printed number of stars), given the coefficient's sampling variance."""
    lower, upper = se_bounds(cell, model.critical)
    scale = model.nu / (2 * model.kappa * variance)
    probability = np.zeros_like(variance)
    for weight, low, high in zip(_WEIGHTS, lower, upper, strict=True):
        above = special.gammaincc(model.nu / 2, low**2 * scale)
        beyond = special.gammaincc(model.nu / 2, high**2 * scale) if isfinite(high) else 0.0
        probability += weight * (above - beyond)
    return np.maximum(probability, 0.0)
