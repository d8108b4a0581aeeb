"""Is the posterior from print computed right? Simulation-based calibration of the grid.

Parameters and print are drawn from the model itself; the truth's rank in its posterior must be
uniform. Whether the model suits panels of authorities is for `printed_coverage`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy import special

from sofs_bayes.bayes.distributions import Array
from sofs_bayes.bayes.from_published import (
    PrintedPosterior,
    choose_prior,
    choose_reading,
    posterior,
)
from sofs_bayes.bayes.printed_model import (
    PrintedModel,
    PrintedRows,
    printed_model,
    printed_rows,
    variances,
)
from sofs_bayes.bayes.printed_summaries import authority_sd, correlation
from sofs_bayes.checks.oracle import prior_draws
from sofs_bayes.checks.panels import stars
from sofs_bayes.published.facts import Printed, read_printed
from sofs_bayes.spec import PrintedAnalysis, Reading

Progress = Callable[[int, int], None]  # posteriors done, posteriors in all
Fit = Callable[[PrintedRows], PrintedPosterior]

BINS = 20
ALPHA = 0.01  # of the whole verdict, shared among its tests (Bonferroni)


@dataclass(frozen=True, slots=True, kw_only=True)
class Truths:
    """Parameters behind simulated studies, arrays of one length."""

    s: Array
    c: Array
    beta: Array
    delta: Array


def draw_truths(
    analysis: PrintedAnalysis, model: PrintedModel, prior: str, n: int, rng: np.random.Generator
) -> Truths:
    """Draws of (s, c, β, δ) from the priors."""
    s, c = prior_draws(model, n, rng)
    effect, difference = choose_prior(analysis, prior), model.pilot_difference
    beta = rng.normal(difference.mean, difference.sd, n)
    return Truths(s=s, c=c, beta=beta, delta=rng.normal(effect.mean, effect.sd, n))


def print_cell(value: float, star_count: int, like: Printed) -> Printed:
    """A coefficient printed with the decimals of another and its own stars."""
    return read_printed(f"{value:.{like.decimals}f}" + "*" * star_count)


# ------------------------------------------------------------ simulation-based calibration


@dataclass(frozen=True, slots=True, kw_only=True)
class Uniformity:
    """One parameter's ranks (the truth's posterior CDF) tested against the uniform."""

    parameter: str
    ranks: Array
    chi_squared: float
    chi_squared_p: float
    ks: float
    ks_p: float
    dispersion: float
    dispersion_p: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SbcVerdict:
    """The ranks of δ, β, s and c, and whether any test rejects uniformity."""

    replicates: int
    tests: tuple[Uniformity, ...]

    @property
    def uniform(self) -> bool:
        """No p-value below ALPHA shared among all tests."""
        p = [
            value
            for test in self.tests
            for value in (test.chi_squared_p, test.ks_p, test.dispersion_p)
        ]
        return min(p) >= ALPHA / len(p)


def sbc(
    analysis: PrintedAnalysis,
    *,
    prior: str,
    replicates: int,
    rng: np.random.Generator,
    reading: Reading | str | None = None,
    fit: Fit | None = None,
    progress: Progress | None = None,
) -> SbcVerdict:
    """Ranks of the truth in the posteriors of studies drawn from the model itself.

    Parameters
    ----------
    fit
        Printed rows → posterior; the analysis's own if not given.
    """
    chosen = choose_reading(analysis, reading)
    model = printed_model(analysis, chosen)

    def own_fit(rows: PrintedRows) -> PrintedPosterior:
        return posterior(analysis, prior=prior, reading=chosen, rows=rows)

    fit = own_fit if fit is None else fit
    truths = draw_truths(analysis, model, prior, replicates, rng)
    ranks: dict[str, list[float]] = {"effect": [], "pilot difference": [], "s": [], "c": []}
    for done, rows in enumerate(_model_rows(analysis, chosen, model, truths, rng)):
        post = fit(rows)
        ranks["effect"].append(float(post.effect.cdf(truths.delta[done])))
        ranks["pilot difference"].append(float(post.pilot_difference.cdf(truths.beta[done])))
        if model.authority_sd:
            ranks["s"].append(float(authority_sd(post).cdf(truths.s[done])))
            ranks["c"].append(float(correlation(post).cdf(truths.c[done])))
        if progress is not None:
            progress(done + 1, replicates)
    tests = tuple(uniformity(name, np.array(values)) for name, values in ranks.items() if values)
    return SbcVerdict(replicates=replicates, tests=tests)


def _model_rows(
    analysis: PrintedAnalysis,
    reading: Reading,
    model: PrintedModel,
    truths: Truths,
    rng: np.random.Generator,
) -> Iterator[PrintedRows]:
    """Rows drawn from the likelihood: coefficients, their standard errors, stars, rounding."""
    like = printed_rows(analysis, reading)
    v_beta, v_delta, v_both = variances(model, truths.s, truths.c)
    z = rng.standard_normal((2, truths.s.size))
    beta_hat = truths.beta + np.sqrt(v_beta) * z[0]
    slope = v_both / v_beta
    left = np.sqrt(v_delta - slope * v_both)
    delta_hat = truths.delta + slope * (beta_hat - truths.beta) + left * z[1]
    counts = []
    for coefficient, variance in ((beta_hat, v_beta), (delta_hat, v_delta)):
        chance = rng.chisquare(model.nu, truths.s.size) / model.nu
        counts.append(stars(coefficient, np.sqrt(model.kappa * variance * chance), model.critical))
    for b, d, b_stars, d_stars in zip(beta_hat, delta_hat, *counts, strict=True):
        yield PrintedRows(
            pilot=print_cell(float(b), int(b_stars), like.pilot),
            did=print_cell(float(d), int(d_stars), like.did),
        )


def uniformity(parameter: str, ranks: Array) -> Uniformity:
    """Ranks in [0, 1]: χ² over equal bins, Kolmogorov-Smirnov distance, and dispersion.

    Dispersion is the mean square of the ranks' normal scores: 1 where posteriors are right,
    above it where they are too narrow (Cook, Gelman and Rubin 2006). It is by far the most
    sensitive of the three to a wrong width.
    """
    n = ranks.size
    counts = np.histogram(ranks, bins=BINS, range=(0.0, 1.0))[0]
    chi_squared = float(np.sum((counts - n / BINS) ** 2) / (n / BINS))
    ordered, steps = np.sort(ranks), np.arange(n + 1) / n
    ks = float(max(np.max(steps[1:] - ordered), np.max(ordered - steps[:-1])))
    squares = float(np.sum(special.ndtri(ranks) ** 2))
    tails = special.chdtr(n, squares), special.chdtrc(n, squares)
    return Uniformity(
        parameter=parameter,
        ranks=ranks,
        chi_squared=chi_squared,
        chi_squared_p=float(special.chdtrc(BINS - 1, chi_squared)),
        ks=ks,
        ks_p=float(special.kolmogorov(np.sqrt(n) * ks)),
        dispersion=squares / n,
        dispersion_p=min(1.0, 2 * float(min(tails))),
    )
