"""The simulated posterior and the grid agree, though they share no formula of a likelihood."""

from dataclasses import replace

import numpy as np
import pytest
from tests.oracle import OraclePosterior, oracle

from sofs_bayes import spec
from sofs_bayes.bayes.from_published import posterior
from sofs_bayes.bayes.printed_summaries import authority_sd, correlation
from sofs_bayes.checks.panels import INDEPENDENT_YEARS, Shocks
from sofs_bayes.errors import BadInput

PROBABILITY = 0.02  # the fewest effective draws below, 4,000, leave an error of 0.008
# of s and c: that clustered standard errors are gamma and independent is an approximation,
# which moves their quantiles a little and those of the coefficients hardly
NUISANCE = 0.035
FEWEST = 4_000
PANELS = {"icpc-printed": 200_000, "cla-printed": 60_000}  # few panels have the ICPC stars
LEVELS = np.array([0.05, 0.25, 0.5, 0.75, 0.95])


def load(name: str) -> spec.PrintedAnalysis:
    analysis = spec.load(name)
    assert isinstance(analysis, spec.PrintedAnalysis)
    return analysis


def simulated(
    analysis: spec.PrintedAnalysis,
    *,
    prior: str = "reference",
    reading: int = 0,
    panels: int | None = None,
    shocks: Shocks = INDEPENDENT_YEARS,
) -> OraclePosterior:
    return oracle(
        analysis,
        prior=prior,
        reading=analysis.readings[reading],
        panels=panels or PANELS[analysis.name],
        rng=np.random.default_rng(21),
        shocks=shocks,
    )


@pytest.mark.parametrize(
    ("name", "reading", "prior"),
    [
        ("icpc-printed", 0, "reference"),
        ("icpc-printed", 0, "sceptical"),
        ("cla-printed", 0, "reference"),
        ("cla-printed", 1, "sceptical"),
        ("cla-printed", 2, "reference"),
    ],
)
def test_the_grid_agrees_with_simulated_panels(name: str, reading: int, prior: str) -> None:
    analysis = load(name)
    found = simulated(analysis, reading=reading, prior=prior)
    grid = posterior(analysis, prior=prior, reading=analysis.readings[reading])
    assert found.effective_size > FEWEST
    for values, known, tolerance in (
        (found.delta, grid.effect, PROBABILITY),
        (found.beta, grid.pilot_difference, PROBABILITY),
        (found.s, authority_sd(grid), NUISANCE),
        (found.c, correlation(grid), NUISANCE),
    ):
        shares = [found.probability(values < x) for x in known.quantile(LEVELS)]
        np.testing.assert_allclose(shares, LEVELS, atol=tolerance)


@pytest.mark.parametrize("shocks", [Shocks(autocorrelation=0.5), Shocks(df=3.0)])
def test_other_shocks_change_little(shocks: Shocks) -> None:
    analysis = load("icpc-printed")
    found = simulated(analysis, shocks=shocks)
    grid = posterior(analysis, prior="reference")
    shares = [found.probability(found.delta < x) for x in grid.effect.quantile(LEVELS)]
    np.testing.assert_allclose(shares, LEVELS, atol=PROBABILITY)


def test_the_oracle_tells_a_misread_posterior_from_the_right_one() -> None:
    analysis = load("icpc-printed")
    found = simulated(analysis)
    naive = replace(analysis.readings[0], se_reading="child")
    grid = posterior(analysis, prior="reference", reading=naive)
    shares = [found.probability(found.delta < x) for x in grid.effect.quantile(LEVELS)]
    assert np.max(np.abs(np.array(shares) - LEVELS)) > 10 * PROBABILITY


def test_weights_are_shares() -> None:
    found = simulated(load("icpc-printed"), panels=20_000)
    assert found.weights.sum() == pytest.approx(1.0)
    assert found.effective_size <= found.s.size < found.panels


def test_stars_that_no_panel_prints_are_refused() -> None:
    analysis = load("icpc-printed")
    rows = spec.AsPrinted(source="impossible", pilot="0.0001***", did="0.0001***")
    impossible = replace(analysis, from_table=None, as_printed=rows)
    with pytest.raises(BadInput, match="no match"):
        simulated(impossible, panels=2_000)
