"""Predictions of children's rates: well made data pass, planted misfits do not."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import xarray as xr
from scipy import stats
from statsmodels.regression.linear_model import WLS

from sofs_bayes.bayes.cell_data import CellData, without
from sofs_bayes.checks.predictive import (
    Prediction,
    _beside,
    after_settling_in,
    observed_rates,
    predicted_rates,
    predictive_check,
)
from sofs_bayes.checks.registry.predictions import ArmYearCheck
from sofs_bayes.checks.thinned_draws import new_shocks, prior_draws, thinned_draws
from sofs_bayes.estimands.did_effects import mean_risks
from sofs_bayes.spec import Beta, Exponential, HierarchicalAnalysis

# Sums of the same numbers in another order.
EXACT = 1e-12
# Moments of 20,000 draws, relative to their size.
MOMENT = 0.06
WHY = "made up for a test"

Floats = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def prediction(
    linear: CellData, linear_analysis: HierarchicalAnalysis, design_of: Any, exact_of: Any
) -> Prediction:
    design = design_of(linear, linear_analysis)
    draws = exact_of(linear, design).draws(250, seed=1)
    return predictive_check(draws, linear, design, kind="posterior", level=0.9, seed=2)


def one(found: Prediction, arm: str, year: str) -> ArmYearCheck:
    return next(row for row in found.years if (row.arm, row.year) == (arm, year))


def p_of(found: Prediction, name: str) -> float:
    return next(row.p for row in found.statistics if row.statistic == name)


def test_data_from_the_model_pass(prediction: Prediction) -> None:
    assert len(prediction.years) == 2 * (5 + 2)
    assert all(0.01 < row.p < 0.99 for row in prediction.years)
    assert all(row.lower < row.median < row.upper for row in prediction.years)
    names = {row.statistic for row in prediction.statistics}
    assert len(names) == 4
    every = (*prediction.years, *prediction.statistics)
    assert all(r.lower <= r.lower_50 <= r.median <= r.upper_50 <= r.upper for r in every)
    assert all(0.01 < row.p < 0.99 for row in prediction.statistics if "share" not in row.statistic)


def test_the_middle_half_is_the_interval_of_50_per_cent(
    linear: CellData, linear_analysis: HierarchicalAnalysis, design_of: Any, exact_of: Any
) -> None:
    design = design_of(linear, linear_analysis)
    draws = exact_of(linear, design).draws(50, seed=1)
    wide, half = (
        predictive_check(draws, linear, design, kind="posterior", level=x, seed=2, by_cell=True)
        for x in (0.9, 0.5)
    )
    for kind in ("years", "cells", "statistics"):
        for one, other in zip(getattr(wide, kind), getattr(half, kind), strict=True):
            assert (one.lower_50, one.upper_50) == pytest.approx((other.lower, other.upper))


def test_predictions_that_equal_what_was_seen_count_by_half() -> None:
    drawn = np.array([0.0, 0.1, 0.1, 0.1, 0.3, 0.4, 0.6, 0.8])
    found = _beside(drawn, 0.1, 0.8)
    assert found["p"] == 4 / 8 + 3 / 8 / 2
    assert (found["lower"], found["upper"]) == pytest.approx(np.percentile(drawn, [10, 90]))


def test_observed_rates_are_weighted_averages(linear: CellData, prediction: Prediction) -> None:
    cells = linear.cells
    here = (cells["pilot"] == 1) & (cells["year"] == 2016)
    row = one(prediction, "pilot", "2016")
    assert row.observed == pytest.approx(
        cells["events"][here].sum() / cells["weight"][here].sum(), rel=EXACT
    )
    assert row.children == cells["children"][here].sum()
    before, after = (one(prediction, "pilot", name) for name in ("before", "after"))
    assert before.children + after.children == cells["children"][cells["pilot"] == 1].sum()
    treated = cells["treated"] == 1
    assert after.observed == pytest.approx(
        cells["events"][treated].sum() / cells["weight"][treated].sum(), rel=EXACT
    )


def moved(data: CellData, here: npt.NDArray[np.bool_], by: float) -> CellData:
    events = data.cells["events"] + by * here * data.cells["weight"]
    return replace(data, centre=data.centre + by * here, cells=data.cells.assign(events=events))


def test_a_year_that_is_not_as_the_model_has_it_is_seen(
    linear: CellData, linear_analysis: HierarchicalAnalysis, design_of: Any, exact_of: Any
) -> None:
    design = design_of(linear, linear_analysis)
    draws = exact_of(linear, design).draws(250, seed=1)
    for by, extreme in ((0.2, 0.0), (-0.2, 1.0)):
        here = ((linear.cells["pilot"] == 1) & (linear.cells["year"] == 2014)).to_numpy()
        data = moved(linear, here, by)
        found = predictive_check(draws, data, design, kind="posterior", level=0.9, seed=2)
        assert one(found, "pilot", "2014").p == pytest.approx(extreme, abs=0.005)
        assert one(found, "comparator", "2014").p == pytest.approx(0.5, abs=0.49)


def test_authorities_that_move_too_much_are_seen(
    linear: CellData, linear_analysis: HierarchicalAnalysis, design_of: Any, exact_of: Any
) -> None:
    design = design_of(linear, linear_analysis)
    draws = exact_of(linear, design).draws(250, seed=1)
    sign = np.where((linear.authority + linear.year) % 2, 1.0, -1.0)
    data = linear
    for way in (1.0, -1.0):
        data = moved(data, sign == way, 0.2 * way)
    found = predictive_check(draws, data, design, kind="posterior", level=0.9, seed=2)
    assert p_of(found, "sd of an authority-year") < 0.01
    assert p_of(found, "correlation from one year to the next") > 0.99


def test_how_rates_move_is_what_a_regression_on_authorities_and_years_leaves(
    linear: CellData, prediction: Prediction
) -> None:
    """There is no 2015: 2014 and 2016 do not follow one another."""
    cells = linear.cells[linear.cells["pilot"] == 0]
    sums = cells.groupby(["authority", "year"])[["weight", "events"]].sum().reset_index()
    dummies = [pd.get_dummies(sums[name], dtype=float) for name in ("authority", "year")]
    terms = np.column_stack([dummies[0], dummies[1].iloc[:, 1:]])
    left = WLS(sums["events"] / sums["weight"], terms, weights=sums["weight"]).fit().resid
    seen = {row.statistic: row.observed for row in prediction.statistics}
    variance = np.average(left**2, weights=sums["weight"])
    assert seen["sd of an authority-year"] == pytest.approx(np.sqrt(variance))
    row = {(a, y): i for i, (a, y) in enumerate(zip(sums["authority"], sums["year"], strict=True))}
    pairs = [(row[a, y], row[a, y + 1]) for a, y in row if (a, y + 1) in row]
    products = [left[i] * left[j] for i, j in pairs]
    shared = [np.sqrt(sums["weight"][i] * sums["weight"][j]) for i, j in pairs]
    correlation = np.average(products, weights=shared) / variance
    assert seen["correlation from one year to the next"] == pytest.approx(correlation)


def test_its_own_shocks_have_no_say(
    linear: CellData, linear_analysis: HierarchicalAnalysis, design_of: Any, exact_of: Any
) -> None:
    design = design_of(linear, linear_analysis)
    draws = exact_of(linear, design).draws(50, seed=1)
    shift = 0.1 * np.random.default_rng(3).standard_normal(draws["shock"].shape)
    by_cell = shift[..., linear.authority, linear.year]
    other = draws.assign(
        shock=draws["shock"] + shift, cell_predictor=draws["cell_predictor"] + by_cell
    )
    rates = [
        predicted_rates(thinned_draws(each, linear, design), linear, np.random.default_rng(4))
        for each in (draws, other)
    ]
    assert rates[0] == pytest.approx(rates[1], abs=EXACT)


def test_new_shocks_persist_over_a_gap_in_the_years(
    linear: CellData, linear_analysis: HierarchicalAnalysis, design_of: Any, exact_of: Any
) -> None:
    design = design_of(linear, linear_analysis)
    draws = thinned_draws(exact_of(linear, design).draws(1000, seed=1), linear, design, most=4000)
    shocks = new_shocks(draws, linear, np.random.default_rng(5)).reshape(-1, 5)
    years = np.array(linear.years)
    expected = 0.04**2 * 0.6 ** np.abs(years[:, None] - years)
    assert np.cov(shocks.T) == pytest.approx(expected, abs=MOMENT * 0.04**2)


def test_a_linear_cell_has_the_noise_of_its_children(
    linear: CellData, linear_analysis: HierarchicalAnalysis, design_of: Any, exact_of: Any
) -> None:
    design = design_of(linear, linear_analysis, replicating=True)
    draws = exact_of(linear, design).draws(1000, seed=1).isel(draw=[0] * 1000)
    thinned = thinned_draws(draws, linear, design, most=4000)
    rates = predicted_rates(thinned, linear, np.random.default_rng(6))[::4]
    again = predicted_rates(thinned, linear, np.random.default_rng(7))[::4]
    sd = (rates - again).std(axis=0) / np.sqrt(2)
    assert sd == pytest.approx(0.3 / np.sqrt(linear.curvature), rel=0.1)


def test_a_logistic_cells_risk_is_its_childrens_mean(
    logistic: CellData,
    logistic_analysis: HierarchicalAnalysis,
    design_of: Any,
    logistic_draws: Callable[..., xr.Dataset],
) -> None:
    design = design_of(logistic, logistic_analysis)
    draws = thinned_draws(logistic_draws(logistic, design, 2), logistic, design)
    counts = logistic.patterns
    assert counts is not None
    by_weight = replace(counts, children=counts.n)
    everywhere = np.ones(len(logistic.cells), dtype=bool)
    (found,) = mean_risks(by_weight, draws.child_effect, (draws.predictor,), everywhere)
    for s, c in ((0, 0), (3, 11), (7, 30)):
        total = events = 0.0
        for cell, pattern, n in zip(counts.cell, counts.pattern, counts.n, strict=True):
            if cell == c:
                terms = counts.child_design[pattern] @ draws.child_effect[s]
                total += n
                events += n / (1 + np.exp(-draws.predictor[s, c] - terms))
        assert found[s, c] == pytest.approx(events / total, rel=EXACT)


def test_a_logistic_misfit_is_seen(
    logistic: CellData,
    logistic_analysis: HierarchicalAnalysis,
    design_of: Any,
    logistic_draws: Callable[..., xr.Dataset],
) -> None:
    design = design_of(logistic, logistic_analysis)
    draws = logistic_draws(logistic, design)
    found = predictive_check(draws, logistic, design, kind="posterior", level=0.9, seed=8)
    row = one(found, "pilot", "2017")
    assert 0.01 < row.p < 0.99
    assert {each.statistic for each in found.statistics} == {
        "sd of an authority-year",
        "correlation from one year to the next",
        "sd of the change from before to after",
    }
    here = ((logistic.cells["pilot"] == 1) & (logistic.cells["year"] == 2017)).to_numpy()
    events = np.where(here, 3.0 * logistic.cells["events"], logistic.cells["events"])
    data = replace(logistic, cells=logistic.cells.assign(events=events))
    worse = predictive_check(draws, data, design, kind="posterior", level=0.9, seed=8)
    assert one(worse, "pilot", "2017").p < 0.005
    assert one(worse, "pilot", "2017").median == row.median


def test_an_authority_of_which_nothing_is_known_is_not_counted(
    linear: CellData, linear_analysis: HierarchicalAnalysis, design_of: Any, exact_of: Any
) -> None:
    data = without(linear, ["Fir"])
    design = design_of(data, linear_analysis)
    draws = exact_of(linear, design_of(linear, linear_analysis)).draws(25, seed=1)
    found = predictive_check(draws, data, design, kind="posterior", level=0.9, seed=9)
    row = one(found, "comparator", "2012")
    here = linear.cells["year"] == 2012
    here &= linear.cells["authority"].isin(["Dogwood", "Elm", "Gorse"])
    assert row.children == linear.cells["children"][here].sum()
    assert row.observed == pytest.approx(
        linear.cells["events"][here].sum() / linear.cells["weight"][here].sum(), rel=EXACT
    )


def test_comparators_are_before_or_after_with_their_groups(linear: CellData) -> None:
    after = after_settling_in(linear)
    elm = (linear.cells["authority"] == "Elm") & (linear.cells["year"] == 2014)
    assert after[elm.to_numpy()].tolist() == [False, True]
    # all at once, the term is one of the years' and dropped
    names = [name for name in linear.terms if name != "post"]
    without_post = replace(linear, terms=tuple(names), design=linear.design[:, : len(names)])
    by_year = after_settling_in(without_post)
    comparator = (linear.cells["pilot"] == 0).to_numpy()
    late = (linear.cells["year"] >= 2014).to_numpy()
    assert (by_year[comparator] == late[comparator]).all()
    assert (by_year[~comparator] == (linear.cells["treated"] == 1)[~comparator]).all()


def test_prior_draws_have_the_priors_moments(
    linear: CellData, linear_analysis: HierarchicalAnalysis, design_of: Any
) -> None:
    sd, beta = Exponential(mean=0.05, why=WHY), Beta(a=6.0, b=2.0, why=WHY)
    priors = replace(linear_analysis.priors, pilot_effect_sd=sd, shock_correlation=beta)
    analysis = replace(linear_analysis, priors=priors)
    design = design_of(linear, analysis)
    draws = prior_draws(analysis, linear, design, draws=20_000, seed=10).isel(chain=0)
    assert draws["coefficient"].mean("draw").to_numpy() == pytest.approx(
        design.prior_mean, abs=MOMENT * 0.15
    )
    assert draws["coefficient"].std("draw").to_numpy() == pytest.approx(design.prior_sd, rel=MOMENT)
    scale = analysis.priors.shock_sd.scale  # type: ignore[union-attr]
    assert float((draws["shock_sd"] ** 2).mean()) == pytest.approx(scale**2, rel=MOMENT)
    assert float(draws["pilot_effect_sd"].mean()) == pytest.approx(0.05, rel=MOMENT)
    assert float(draws["shock_correlation"].mean()) == pytest.approx(
        stats.beta(beta.a, beta.b).mean(), rel=MOMENT
    )
    # all effects add up: the variance of a cell's predictor is the sum of theirs
    variance = design.design**2 @ design.prior_sd**2
    variance = variance + analysis.priors.authority_sd.scale**2 + scale**2  # type: ignore[union-attr]
    variance = variance + 2 * 0.05**2 * design.pilots.sum(axis=1)
    assert draws["cell_predictor"].var("draw").to_numpy() == pytest.approx(variance, rel=MOMENT)
    shocks = draws["shock"].to_numpy()[:, linear.authority, linear.year]
    effects = draws["cell_predictor"].to_numpy() - shocks
    parts = draws["coefficient"].to_numpy() @ design.design.T
    parts += draws["authority_intercept"].to_numpy() @ design.authorities.T
    parts += draws["pilot_deviation"].to_numpy() @ design.pilots.T
    assert effects == pytest.approx(parts, abs=EXACT)


def test_heavy_tails_are_in_the_prior(
    linear: CellData, linear_analysis: HierarchicalAnalysis, design_of: Any
) -> None:
    model = replace(linear_analysis.model, tails="student t", degrees_of_freedom=3.0)
    heavy = replace(linear_analysis, model=model)
    design = design_of(linear, heavy)
    draws = prior_draws(heavy, linear, design, draws=20_000, seed=11)
    unit = (draws["authority_intercept"] / draws["authority_sd"]).to_numpy().ravel()
    expected = stats.t(3).ppf([0.05, 0.5, 0.95, 0.995])
    assert np.quantile(unit, [0.05, 0.5, 0.95, 0.995]) == pytest.approx(expected, abs=0.15)


def test_an_implausible_prior_is_seen(
    linear: CellData, linear_analysis: HierarchicalAnalysis, design_of: Any
) -> None:
    share = "share of rates outside 0 to 1 (prior)"
    found = {}
    for sd in (0.02, 3.0):
        intercept = replace(linear_analysis.priors.intercept, mean=0.4, sd=sd)
        priors = replace(linear_analysis.priors, intercept=intercept)
        analysis = replace(linear_analysis, priors=priors)
        design = design_of(linear, analysis)
        draws = prior_draws(analysis, linear, design, draws=400, seed=12)
        prior = predictive_check(draws, linear, design, kind="prior", level=0.9, seed=13)
        assert {row.kind for row in prior.years} == {"prior"}
        found[sd] = next(row for row in prior.statistics if row.statistic == share)
    assert found[0.02].median < 0.1
    assert found[3.0].median > 0.5
    assert found[3.0].observed == 0.0


def test_logistic_prior_draws_serve_the_check(
    logistic: CellData, logistic_analysis: HierarchicalAnalysis, design_of: Any
) -> None:
    design = design_of(logistic, logistic_analysis)
    draws = prior_draws(logistic_analysis, logistic, design, draws=300, seed=14)
    assert draws.sizes["chain"] == 1
    assert "residual_sd" not in draws
    prior = logistic_analysis.priors.child_covariate
    assert prior is not None
    assert float(draws["child_effect"].std()) == pytest.approx(prior.sd, rel=0.1)
    found = predictive_check(draws, logistic, design, kind="prior", level=0.9, seed=15)
    assert all(0 <= row.lower <= row.upper <= 1 for row in found.years)


def test_the_same_seed_gives_the_same_bits(
    linear: CellData, linear_analysis: HierarchicalAnalysis, design_of: Any
) -> None:
    design = design_of(linear, linear_analysis)
    first, again = (
        prior_draws(linear_analysis, linear, design, draws=50, seed=16) for _ in range(2)
    )
    xr.testing.assert_identical(first, again)
    both = [
        predictive_check(first, linear, design, kind="prior", level=0.9, seed=17) for _ in range(2)
    ]
    assert both[0] == both[1]


def test_rates_of_cells_are_events_per_weight(linear: CellData) -> None:
    assert observed_rates(linear) == pytest.approx(linear.centre, rel=EXACT)
    assert (observed_rates(without(linear, ["Ash"]))[linear.authority == 0] == 0).all()
