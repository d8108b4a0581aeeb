"""How far pooling moves a pilot's effect, and the Monte Carlo error of what is said of it."""

import math
from dataclasses import asdict

import numpy as np
import pytest
import xarray as xr
from tests.rows import of_effect

from sofs_bayes.estimands.effects import Effects, effect_rows, monte_carlo_rows, shrinkage_rows
from sofs_bayes.estimands.rows import Label
from sofs_bayes.spec import Estimands, Statement
from sofs_bayes.spec.keys import HEADLINE, NEW, POOLED, Estimand

AFTER = "effect after settling-in"
STATEMENTS = (Statement(scale="risk", above=0.0),)
WANTED = Estimands(statements=STATEMENTS, level=0.8)
LABEL = Label(prior="reference", variant=HEADLINE, evidence="synthetic", status="converged")
# Medians of the same noise around other middles.
EXACT = 1e-12
# Estimated Monte Carlo errors against their formula, with 4,000 independent draws.
ERROR = 0.15
# Between the error of a quantile and its formula, which takes the density from few draws.
QUANTILE_ERROR = 0.5
NOISE = np.random.default_rng(7).standard_normal((4, 1000))


def ask(target: str, scale: str = "risk", estimand: str = AFTER) -> Estimand:
    return Estimand(**of_effect(estimand), target=target, scale=scale)


def around(middle: float, sd: float = 0.01) -> xr.DataArray:
    return xr.DataArray(middle + sd * (NOISE - np.median(NOISE)), dims=("chain", "draw"))


def test_shrinkage_is_the_share_of_the_way_to_the_pooled_effect() -> None:
    partial = {
        ask(POOLED): around(0.02),
        ask("Ash"): around(0.05, 0.02),
        ask("Elm"): around(-0.03),
        ask("Oak"): around(0.02),
        ask("Yew"): around(0.0),
        ask(NEW): around(0.02, 0.05),
        ask("Ash", "children per 1,000"): around(50.0),
        ask("Ash", estimand="effect in year +0"): around(0.5),
    }
    unpooled = {
        ask(POOLED): around(0.5),  # another fit's: the way leads to the partially pooled one
        ask("Ash"): around(0.08, 0.04),  # half the way
        ask("Elm"): around(-0.03),  # stays
        ask("Oak"): around(0.1),  # all the way
        ask("Ash", "children per 1,000"): around(80.0),
    }
    rows = {
        row.target: row for row in shrinkage_rows(Effects.of(partial), Effects.of(unpooled), WANTED)
    }
    assert set(rows) == {"Ash", "Elm", "Oak"}
    assert [row.shrinkage for row in rows.values()] == pytest.approx([0.5, 0.0, 1.0], abs=EXACT)
    ash, at = rows["Ash"], ask("Ash")
    (with_others,) = effect_rows(Effects.of({at: partial[at]}), WANTED, LABEL)
    (alone,) = effect_rows(Effects.of({at: unpooled[at]}), WANTED, LABEL)
    assert (ash.median, ash.lower, ash.upper) == (
        with_others.median,
        with_others.lower,
        with_others.upper,
    )
    assert (ash.unpooled_median, ash.unpooled_lower, ash.unpooled_upper) == (
        alone.median,
        alone.lower,
        alone.upper,
    )
    assert (ash.pooled_median, ash.level, ash.interval) == (pytest.approx(0.02), 0.8, "eti")


def test_log_odds_have_rows_of_their_own() -> None:
    partial = {ask(t, s): around(0.1) for t in (POOLED, "Ash") for s in ("risk", "log-odds")}
    unpooled = {ask("Ash", s): around(0.4) for s in ("risk", "log-odds")}
    rows = shrinkage_rows(Effects.of(partial), Effects.of(unpooled), WANTED)
    assert [row.scale for row in rows] == ["risk", "log-odds"]


@pytest.mark.parametrize("between", [0.0, 1e-5, -1e-5])
def test_no_way_to_go_has_no_share(between: float) -> None:
    partial = {ask(POOLED): around(0.02), ask("Ash"): around(0.021)}
    (row,) = shrinkage_rows(
        Effects.of(partial), Effects.of({ask("Ash"): around(0.02 + between)}), WANTED
    )
    assert math.isnan(row.shrinkage)
    (row,) = shrinkage_rows(Effects.of(partial), Effects.of({ask("Ash"): around(0.03)}), WANTED)
    assert row.shrinkage == pytest.approx(0.9)


def test_monte_carlo_errors_are_those_of_independent_normal_draws() -> None:
    sd, n = 0.3, NOISE.size
    (row,) = monte_carlo_rows(Effects.of({ask("Ash"): around(0.0, sd)}), WANTED)
    assert row.mcse_mean == pytest.approx(sd / math.sqrt(n), rel=ERROR)
    of_median = sd * math.sqrt(math.pi / 2 / n)
    assert row.mcse_median == pytest.approx(of_median, rel=QUANTILE_ERROR)
    at = 1.2815515655446004  # the 0.9 quantile of a standard normal
    density = math.exp(-0.5 * at**2) / math.sqrt(2 * math.pi)
    of_quantile = sd * math.sqrt(0.1 * 0.9 / n) / density
    assert row.mcse_lower == pytest.approx(of_quantile, rel=QUANTILE_ERROR)
    assert row.mcse_upper == pytest.approx(of_quantile, rel=QUANTILE_ERROR)


def test_chains_that_stick_have_larger_errors() -> None:
    sticky = xr.DataArray(np.repeat(NOISE[:, :100], 10, axis=1), dims=("chain", "draw"))
    (free,) = monte_carlo_rows(Effects.of({ask("Ash"): around(0.0, 1.0)}), WANTED)
    (stuck,) = monte_carlo_rows(Effects.of({ask("Ash"): sticky}), WANTED)
    assert stuck.mcse_mean > 2 * free.mcse_mean
    assert stuck.mcse_median > 2 * free.mcse_median


def test_the_ends_of_a_shortest_interval_are_no_quantiles() -> None:
    hdi = Estimands(statements=STATEMENTS, interval="hdi")
    (row,) = monte_carlo_rows(Effects.of({ask("Ash"): around(0.0)}), hdi)
    assert math.isnan(row.mcse_lower)
    assert math.isnan(row.mcse_upper)
    assert row.mcse_mean > 0
    assert {"role": AFTER, "target": "Ash", "scale": "risk"}.items() <= asdict(row).items()
