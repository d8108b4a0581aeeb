"""Is the posterior from print computed right? Simulation-based calibration of the grid.

Parameters and print are drawn from the model itself; the truth's rank among independent draws
of its posterior must be uniform. Whether the model suits panels of authorities is for
`printed_coverage`.
"""

from collections.abc import Callable, Mapping

import numpy as np

from sofs_bayes.bayes.distributions import Array
from sofs_bayes.bayes.from_published import (
    PrintedPosterior,
    choose_prior,
    choose_reading,
    posterior,
)
from sofs_bayes.bayes.limits import MAX_EDGE_MASS
from sofs_bayes.bayes.printed_model import (
    PrintedModel,
    Studies,
    log_likelihood,
    printed_model,
    variances,
)
from sofs_bayes.bayes.printed_rows import PrintedError, PrintedRows, Row
from sofs_bayes.bayes.printed_summaries import (
    AUTHORITY_SD,
    CORRELATION,
    PILOT_DIFFERENCE,
    PrintedDraws,
    draws,
)
from sofs_bayes.checks.calibration import DRAWS, Around, Fitted, Kind, Problem, Truths
from sofs_bayes.checks.labels import LOG_LIKELIHOOD
from sofs_bayes.checks.panels import print_row
from sofs_bayes.published.facts import Printed
from sofs_bayes.spec import PrintedAnalysis, Reading
from sofs_bayes.spec.seeds import stage_seed

EFFECT = "effect"

Fit = Callable[[PrintedRows], PrintedPosterior]

KINDS: Mapping[str, Kind] = {
    EFFECT: "effect",
    AUTHORITY_SD: "spread",
    LOG_LIKELIHOOD: "likelihood",
    PILOT_DIFFERENCE: "parameter",
    CORRELATION: "parameter",
}
OF_AUTHORITIES = (AUTHORITY_SD, CORRELATION)  # not there where only children vary


def printed_problem(
    analysis: PrintedAnalysis,
    *,
    prior: str,
    reading: Reading | str | None = None,
    around: Around = "prior",
    fit: Fit | None = None,
) -> Problem[PrintedRows]:
    """Replicates of a posterior from print: studies drawn from the model, read back.

    Parameters
    ----------
    around
        `data`: truths are drawn from the posterior of the real print, and each fit is to it and
        the simulated study together.
    fit
        Rows of the simulated study → posterior; the analysis's own if not given.

    Raises
    ------
    BadInput
        Unknown prior or reading, or a print that cannot be used.
    """
    chosen = choose_reading(analysis, reading)
    model, real = printed_model(analysis, chosen), posterior(analysis, prior=prior, reading=chosen)
    make = fit or own_fit(analysis, prior=prior, reading=chosen, around=around)

    def studies(rows: PrintedRows) -> Studies:
        return (rows,) if around == "prior" else (real.rows, rows)

    def generate(seed: int) -> tuple[Truths, PrintedRows]:
        rng = np.random.default_rng(seed)
        if around == "prior":
            truth = draw_truths(analysis, model, prior, 1, rng)
        else:
            truth = draws(real, 1, rng)
        rows = printed_study(model, truth, real.rows, rng)
        found = quantities(model, studies(rows), truth)
        there = [name for name in found if model.authority_sd or name not in OF_AUTHORITIES]
        return {name: float(found[name][0]) for name in there}, rows

    def ranked(rows: PrintedRows, attempt: int, seed: int) -> Fitted:
        post = make(rows)
        rng = np.random.default_rng(stage_seed(seed, f"draws, attempt {attempt}"))
        found = quantities(model, studies(rows), draws(post, DRAWS, rng))
        failures: tuple[str, ...] = ()
        if post.edge_mass > MAX_EDGE_MASS:
            failures = (f"{post.edge_mass:.1e} of the posterior where the grid was cut",)
        return Fitted(
            draws={name: values[None, :] for name, values in found.items()},
            kinds=KINDS,
            failures=failures,
        )

    return Problem(generate=generate, fit=ranked)


def own_fit(analysis: PrintedAnalysis, *, prior: str, reading: Reading, around: Around) -> Fit:
    """The analysis's posterior of a simulated study, and of the real one where around `data`."""

    def fit(rows: PrintedRows) -> PrintedPosterior:
        if around == "prior":
            return posterior(analysis, prior=prior, reading=reading, rows=rows)
        return posterior(analysis, prior=prior, reading=reading, further=(rows,))

    return fit


def quantities(model: PrintedModel, studies: Studies, of: PrintedDraws) -> dict[str, Array]:
    """What is ranked, by name; the log likelihood is that of all rows."""
    joint = log_likelihood(model, studies, s=of.s, c=of.c, beta=of.beta, delta=of.delta)
    found = {
        EFFECT: of.delta,
        PILOT_DIFFERENCE: of.beta,
        AUTHORITY_SD: of.s,
        CORRELATION: of.c,
        LOG_LIKELIHOOD: joint,
    }
    absent = set() if model.pilot_difference else {PILOT_DIFFERENCE}
    if model.known_correlation is not None:
        absent.add(CORRELATION)
    return {name: values for name, values in found.items() if name not in absent}


def prior_draws(model: PrintedModel, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Independent draws of s and c from their priors."""
    s = model.authority_sd * np.abs(rng.standard_normal(n))
    if model.known_correlation is not None:
        return s, np.full(n, model.known_correlation)
    return s, rng.beta(*model.correlation, n)


def draw_truths(
    analysis: PrintedAnalysis, model: PrintedModel, prior: str, n: int, rng: np.random.Generator
) -> PrintedDraws:
    """Draws of (s, c, β, δ) from the priors."""
    s, c = prior_draws(model, n, rng)
    effect, difference = choose_prior(analysis, prior), model.pilot_difference
    beta = np.full(n, np.nan)
    if difference is not None:
        beta = rng.normal(difference.mean, difference.sd, n)
    return PrintedDraws(s=s, c=c, beta=beta, delta=rng.normal(effect.mean, effect.sd, n))


def printed_study(
    model: PrintedModel, truth: PrintedDraws, like: PrintedRows, rng: np.random.Generator
) -> PrintedRows:
    """Rows drawn from the likelihood: coefficients, their standard errors, stars, rounding.

    Parameters
    ----------
    truth
        One draw.
    like
        Rows with the decimals to print.
    """
    v_beta, v_delta, v_both = variances(model, truth.s, truth.c)
    z = rng.standard_normal((2, 1))
    errors = np.sqrt(v_beta) * z[0]
    slope = v_both / v_beta
    left = np.sqrt(v_delta - slope * v_both)
    hats = {"pilot": truth.beta + errors, "did": truth.delta + slope * errors + left * z[1]}
    of_row = {"pilot": v_beta, "did": v_delta}
    made: dict[Row, tuple[Printed, PrintedError | None]] = {}
    for row, cell, error in like.each():
        chance = rng.chisquare(model.nu, 1) / model.nu
        se = np.sqrt(model.kappa * of_row[row] * chance)
        made[row] = print_row(float(hats[row][0]), float(se[0]), (cell, error), model.tests[row])
    return rows_of(made)


def rows_of(made: Mapping[Row, tuple[Printed, PrintedError | None]]) -> PrintedRows:
    """Rows from the cell and the error of each that is printed."""
    pilot, pilot_error = made.get("pilot", (None, None))
    did, did_error = made["did"]
    return PrintedRows(pilot=pilot, did=did, pilot_error=pilot_error, did_error=did_error)
