"""Does the posterior from print hold its level? Coverage on simulated panels of authorities.

Panels are simulated, estimated by least squares and printed as a regression would print them,
rounded and with stars. Intervals must hold the truth as often as they say, among all studies
and among those with the stars of the real print. Readings known to be wrong are part of the
study: they show what a check that fails looks like.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

import numpy as np

from sofs_bayes.bayes.distributions import Array, interval
from sofs_bayes.bayes.from_published import posterior
from sofs_bayes.bayes.printed_model import PrintedModel, printed_model
from sofs_bayes.bayes.printed_rows import PrintedRows, printed_rows
from sofs_bayes.bayes.printed_summaries import PrintedDraws, authority_sd, correlation
from sofs_bayes.checks.calibration import Coverage
from sofs_bayes.checks.panels import (
    INDEPENDENT_YEARS,
    Estimates,
    Shocks,
    estimate,
    print_row,
    reported,
    simulate_panels,
    stars,
)
from sofs_bayes.checks.printed_calibration import draw_truths, rows_of
from sofs_bayes.errors import BadInput, counted
from sofs_bayes.spec import PrintedAnalysis, PrintedDesign, Reading

PANELS = 1_000  # simulated at once where only some are kept
RAREST = 5_000  # panels without one of the printed stars before the pattern counts as too rare


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """How studies are simulated and how they are then read.

    Parameters
    ----------
    world
        The reading that is true: its variance factor scales the simulated children.
    fitted
        The reading the posterior is made with.
    stars_rest_on
        The standard errors the simulated stars are taken from.
    same_stars
        Keep only studies with the stars of the real print.
    truth
        Fixed (s, c, β, δ) of every study; drawn from the priors if not given.
    calibrated
        Whether the intervals owe their level: truths from the priors, read rightly.
    """

    name: str
    world: Reading
    fitted: Reading
    stars_rest_on: Literal["authority", "child"] = "authority"
    same_stars: bool = False
    truth: tuple[float, float, float, float] | None = None
    shocks: Shocks = INDEPENDENT_YEARS
    calibrated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Some studies of a scenario; fewer than asked for if they are too rare.

    Parameters
    ----------
    held
        Whether the effect's interval held the truth, study by study.
    widths
        Of the intervals.
    panels
        How many were simulated to get these studies.
    """

    held: tuple[bool, ...]
    widths: tuple[float, ...]
    panels: int


def batch(
    analysis: PrintedAnalysis,
    scenario: Scenario,
    *,
    prior: str,
    studies: int,
    rng: np.random.Generator,
) -> Batch:
    """Intervals of the effect from studies simulated as panels of authorities."""
    wanted = analysis.estimands
    held: list[bool] = []
    widths: list[float] = []
    panels = 0
    while len(held) < studies and panels <= RAREST * (len(held) + 1):
        missing = studies - len(held)
        size = PANELS if scenario.same_stars else missing
        simulated = _panel_studies(analysis, scenario, prior, size, rng)
        for rows, truth in islice(simulated, missing):
            post = posterior(analysis, prior=prior, reading=scenario.fitted, rows=rows)
            lower, upper = interval(post.effect, level=wanted.level, kind=wanted.interval)
            held.append(lower <= truth <= upper)
            widths.append(upper - lower)
        panels += size
    return Batch(held=tuple(held), widths=tuple(widths), panels=panels)


def coverage(
    analysis: PrintedAnalysis, scenario: Scenario, batches: Sequence[Batch], *, studies: int
) -> Coverage:
    """The coverage over the first studies of some batches.

    Raises
    ------
    BadInput
        Studies with the printed stars are too rare to simulate.
    """
    held = [each for one in batches for each in one.held][:studies]
    widths = [each for one in batches for each in one.widths][:studies]
    panels = sum(one.panels for one in batches)
    if len(held) < studies:
        found = f"{counted(len(held), 'study', 'studies')} with the printed stars among {panels}"
        raise BadInput(analysis.name, scenario.name, found, f"at least one in {RAREST}")
    rate = float(np.mean(held))
    return Coverage(
        scenario=scenario.name,
        owed=scenario.calibrated,
        replicates=studies,
        level=analysis.estimands.level,
        coverage=rate,
        standard_error=float(np.sqrt(rate * (1 - rate) / studies)),
        mean_width=float(np.mean(widths)),
        panels=panels,
    )


def _panel_studies(
    analysis: PrintedAnalysis, scenario: Scenario, prior: str, n: int, rng: np.random.Generator
) -> Iterator[tuple[PrintedRows, float]]:
    """Printed rows of simulated panels, each with its true effect."""
    model, like = printed_model(analysis, scenario.world), printed_rows(analysis, scenario.world)
    if scenario.truth is None:
        truths = draw_truths(analysis, model, prior, n, rng)
    else:
        s, c, beta, delta = (np.full(n, value) for value in scenario.truth)
        truths = PrintedDraws(s=s, c=c, beta=beta, delta=delta)
    fitted = estimate(
        simulate_panels(
            analysis.design,
            s=truths.s,
            c=truths.c,
            beta=np.nan_to_num(truths.beta),  # no DiD depends on it
            delta=truths.delta,
            rng=rng,
            shocks=scenario.shocks,
            child_variance_factor=scenario.world.child_variance_factor,
        )
    )
    found = _reported(fitted, scenario, analysis.design, model)
    kept = np.full(n, True)
    for row, cell, error in like.each():
        if scenario.same_stars and error is None:
            kept &= stars(*found[row], model.tests[row]) == cell.stars
    for i in np.flatnonzero(kept):
        made = {
            row: print_row(
                float(found[row][0][i]), float(found[row][1][i]), (cell, error), model.tests[row]
            )
            for row, cell, error in like.each()
        }
        yield rows_of(made), float(truths.delta[i])


def _reported(
    fitted: Estimates, scenario: Scenario, design: PrintedDesign, model: PrintedModel
) -> dict[str, tuple[Array, Array]]:
    """Each row's coefficients and the standard errors that the simulated print is made from."""
    if scenario.stars_rest_on == "authority":
        return reported(fitted, design, model)
    ones = np.ones_like(fitted.beta)
    return {
        "pilot": (fitted.beta, fitted.child_se_beta * ones),
        "did": (fitted.delta, fitted.child_se_delta * ones),
    }


def scenarios(analysis: PrintedAnalysis, *, prior: str, reading: Reading) -> tuple[Scenario, ...]:
    """The study: the reading where it is right, on other shocks, at fixed truths, and misread.

    Fixed truths have the s and c that the real print suggests, its pilot difference, and an
    effect of zero or of the printed size; a prior's intervals owe them no level.
    """
    real = posterior(analysis, prior=prior, reading=reading)
    s, c = (float(d.quantile(0.5)) for d in (authority_sd(real), correlation(real)))
    printed = {row: cell.value or 0.0 for row, cell, _ in real.rows.each()}
    beta, delta = printed.get("pilot", 0.0), printed["did"]
    clustered = replace(reading, name="clustered on the authority", se_reading="authority")
    starless = replace(reading, name="stars ignored", se_reading="none")
    naive = replace(reading, name="children only", se_reading="child", child_variance_factor=1.0)
    base = Scenario(name="as read", world=reading, fitted=reading, calibrated=True)
    owed_none = replace(base, calibrated=False)
    of_children = (
        replace(owed_none, name="naive: children only", fitted=naive),
        replace(
            owed_none,
            name="misread: child-level stars taken for clustered ones",
            fitted=clustered,
            stars_rest_on="child",
        ),
    )
    return (
        base,
        replace(base, name="as read, with the printed stars", same_stars=True),
        replace(base, name="stars left unread", fitted=starless),
        replace(base, name="autocorrelated years", shocks=Shocks(autocorrelation=0.5)),
        replace(base, name="Student-t years", shocks=Shocks(df=3.0)),
        replace(owed_none, name="no effect, typical authorities", truth=(s, c, beta, 0.0)),
        replace(owed_none, name="printed effect, typical authorities", truth=(s, c, beta, delta)),
        *(of_children if analysis.design.children is not None else ()),
    )
