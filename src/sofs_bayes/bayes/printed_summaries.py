"""A posterior from print → statements, summaries, draws and a sensitivity table."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import exp, inf, log

import numpy as np
from scipy import special

from sofs_bayes.bayes.distributions import (
    Array,
    Distribution,
    Summary,
    Tabulated,
    summary,
    weighted_values,
)
from sofs_bayes.bayes.from_published import PrintedPosterior, choose_prior
from sofs_bayes.bayes.printed_model import conditional, variances
from sofs_bayes.errors import BadInput
from sofs_bayes.spec import (
    Beta,
    CriticalValues,
    Normal,
    PrintedAnalysis,
    PrintedDesign,
    Scale,
    Statement,
)
from sofs_bayes.spec.keys import PRINTED, Kind, Role

PILOT_DIFFERENCE: Role = "pilot difference"
AUTHORITY_SD: Role = "authority sd"
CORRELATION: Role = "correlation"
LATENT_SE: Role = "standard error of the DiD"


# ---------------------------------------------------------------------------- statements


def on_design_scale(value: float, scale: Scale, design: PrintedDesign) -> float:
    """A value of a statement on the scale of the printed coefficients.

    In a log-odds design a risk difference is taken from the base rate p:
    logit(p + value) - logit(p). A value no rate can reach is infinite.

    Raises
    ------
    BadInput
        A scale that a linear design has no conversion to.
    """
    if scale == design.scale:
        return value
    if design.base_rate is None or design.scale == "risk":
        raise BadInput("statement", "scale", repr(scale), f"'{design.scale}' for a linear design")
    if scale == "odds ratio":
        return log(value) if value > 0 else -inf
    rate = design.base_rate + value
    if not 0 < rate < 1:
        return -inf if rate <= 0 else inf
    return float(special.logit(rate) - special.logit(design.base_rate))


def from_design_scale(value: float, scale: Scale, design: PrintedDesign) -> float:
    """A coefficient on another scale: the inverse of `on_design_scale`."""
    if scale == design.scale:
        return value
    if design.base_rate is None or design.scale == "risk":
        raise BadInput("statement", "scale", repr(scale), f"'{design.scale}' for a linear design")
    if scale == "odds ratio":
        return exp(value)
    return float(special.expit(special.logit(design.base_rate) + value)) - design.base_rate


def probability(post: PrintedPosterior, statement: Statement) -> float:
    """The posterior probability of a statement about the effect.

    Parameters
    ----------
    post
        As `posterior` gives it.
    statement
        One of `analysis.estimands.statements`: above, below or within, on its scale.

    Returns
    -------
    float
        Between 0 and 1; without Monte Carlo error.

    Examples
    --------
    >>> analysis = sb.load("icpc-printed")
    >>> post = sb.posterior(analysis, prior="reference")
    >>> 0 < sb.probability(post, analysis.estimands.statements[0]) < 1
    True
    """

    def below(value: float) -> float:
        bound = on_design_scale(value, statement.scale, post.analysis.design)
        if np.isinf(bound):  # a rate that cannot be: weights need not add up to 1 exactly
            return float(bound > 0)
        return float(post.effect.cdf(bound))

    if statement.above is not None:
        return 1 - below(statement.above)
    if statement.below is not None:
        return below(statement.below)
    assert statement.within is not None  # the spec asks for exactly one of the three
    lower, upper = statement.within
    return below(upper) - below(lower)


# ----------------------------------------------------------------------------- summaries


def authority_sd(post: PrintedPosterior) -> Tabulated:
    """The posterior of s."""
    return Tabulated(points=post.s, cumulative=_cumulative(post.weights.sum(axis=1)))


def correlation(post: PrintedPosterior) -> Tabulated:
    """The posterior of c."""
    return Tabulated(
        points=np.sin(post.angle) ** 2, cumulative=_cumulative(post.weights.sum(axis=0))
    )


def latent_se(post: PrintedPosterior) -> Tabulated:
    """The posterior of sqrt(V_δ), the standard deviation of the printed DiD about the effect."""
    s = (post.s[1:] + post.s[:-1]) / 2
    c = np.sin((post.angle[1:] + post.angle[:-1]) / 2) ** 2
    values = np.sqrt(variances(post.model, s[:, None], c)[1])
    return weighted_values(values.ravel(), post.weights.ravel())


def posterior_summaries(post: PrintedPosterior) -> tuple[Summary, ...]:
    """Effect, pilot difference, s, c and sqrt(V_δ) after the data, on the design's scale.

    No pilot difference where its row is not printed.
    """
    quantities: dict[Role, Distribution] = {PRINTED: post.effect}
    if post.pilot_difference is not None:
        quantities[PILOT_DIFFERENCE] = post.pilot_difference
    quantities |= {
        AUTHORITY_SD: authority_sd(post),
        CORRELATION: correlation(post),
        LATENT_SE: latent_se(post),
    }
    wanted = post.analysis.estimands
    return tuple(
        summary(each, quantity=name, level=wanted.level, kind=wanted.interval)
        for name, each in quantities.items()
    )


def _cumulative(mass: Array) -> Array:
    total = np.concatenate(([0.0], np.cumsum(mass)))
    return np.asarray(total / total[-1])


# --------------------------------------------------------------------------------- draws


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedDraws:
    """Independent draws of (s, c, β, δ) from their joint posterior, all of one length."""

    s: Array
    c: Array
    beta: Array
    delta: Array


def draws(post: PrintedPosterior, n: int, rng: np.random.Generator) -> PrintedDraws:
    """Independent draws: a cell of the grid, a point in it, then β and δ given that point."""
    cells = rng.choice(post.weights.size, size=n, p=post.weights.ravel())
    row, column = np.unravel_index(cells, post.weights.shape)
    s = post.s[row] + rng.random(n) * np.diff(post.s)[row]
    c = np.sin(post.angle[column] + rng.random(n) * np.diff(post.angle)[column]) ** 2
    effect = choose_prior(post.analysis, post.prior)
    beta, delta = coefficient_draws(post, effect, s, c, rng)
    return PrintedDraws(s=s, c=c, beta=beta, delta=delta)


def coefficient_draws(
    post: PrintedPosterior, effect: Normal, s: Array, c: Array, rng: np.random.Generator
) -> tuple[Array, Array]:
    """One draw of (β, δ) from their conditional normal at each (s, c)."""
    given = conditional(post.model, post.studies, effect, s, c)
    z = rng.standard_normal((2, *np.shape(s)))
    delta = given.delta_mean + np.sqrt(given.delta_variance) * z[0]
    slope = given.covariance / given.delta_variance
    left = given.beta_variance - slope * given.covariance
    beta = given.beta_mean + slope * (delta - given.delta_mean) + np.sqrt(left) * z[1]
    return beta, delta


# --------------------------------------------------------------------------- sensitivity

# Where an analysis names none: from nearly unrelated to nearly the same before and after.
CORRELATIONS = ((2.0, 8.0), (1.0, 1.0), (2.0, 2.0), (8.0, 2.0), (18.0, 2.0))


def alternatives(analysis: PrintedAnalysis) -> Iterator[tuple[Kind, str, PrintedAnalysis]]:
    """The analysis as it is, then with one assumption changed: assumption, value, analysis."""
    priors, ranges, rule = analysis.priors, analysis.sensitivity, analysis.critical_values
    yield "main", "", analysis
    for scale in ranges.authority_sd:
        sd = replace(priors.authority_sd, scale=scale)
        changed = replace(analysis, priors=replace(priors, authority_sd=sd))
        yield "prior scale of the authority sd", f"{scale:g}", changed
    for a, b in ranges.correlation or CORRELATIONS:
        beta = Beta(a=a, b=b, why=priors.correlation.why)
        changed = replace(analysis, priors=replace(priors, correlation=beta))
        yield "prior of the correlation", f"Beta({a:g}, {b:g})", changed
    for sd_beta in ranges.pilot_difference:
        if priors.pilot_difference is None:
            break
        difference = replace(priors.pilot_difference, sd=sd_beta)
        changed = replace(analysis, priors=replace(priors, pilot_difference=difference))
        yield "prior sd of the pilot difference", f"{sd_beta:g}", changed
    for df in ranges.t_critical_df:
        critical: CriticalValues = replace(rule, distribution="t", df=df)
        yield "critical values", f"t({df:g})", replace(analysis, critical_values=critical)
