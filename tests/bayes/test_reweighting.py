"""Draws under one prior become draws under another, where the weights can be trusted."""

from dataclasses import replace

import arviz_stats as azs
import numpy as np
import pytest
import xarray as xr
from scipy import stats
from tests.counts import draws_from_nowhere

from sofs_bayes.bayes.blocks import Blocks, Setting, blocks
from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.bayes.reweighting import MAX_K, log_prior_ratio, reweighted, smoothed_weights
from sofs_bayes.spec import Exponential, HalfNormal, Normal, OpenAnalysis

WHY = "made up for a test"
# Of 8,000 draws, of which half count: four standard errors.
MOMENT = 0.06


def setting(mean: float, sd: float, **scales: float) -> Setting:
    return Setting(effect_prior=Normal(mean=mean, sd=sd, why=WHY), scales=scales)


def ratio_of(
    draws: xr.Dataset, analysis: OpenAnalysis, drawn: Blocks, wanted: Blocks
) -> xr.DataArray:
    """Of priors that can be compared."""
    ratio = log_prior_ratio(draws, analysis, drawn, wanted)
    assert ratio is not None
    return ratio


@pytest.fixture(scope="module")
def drawn(counts: CellData, made_up_analysis: OpenAnalysis) -> Blocks:
    return blocks(counts, made_up_analysis, setting(0.0, 1.0))


@pytest.fixture(scope="module")
def draws(counts: CellData, drawn: Blocks, made_up_analysis: OpenAnalysis) -> xr.Dataset:
    """Draws of the prior itself: what they become under another prior is known."""
    return draws_from_nowhere(made_up_analysis, counts, drawn, chains=4, draws=2000)


def test_draws_of_one_prior_become_those_of_another(
    counts: CellData, drawn: Blocks, draws: xr.Dataset, made_up_analysis: OpenAnalysis
) -> None:
    wanted = blocks(counts, made_up_analysis, setting(0.3, 0.7, shock_sd=0.5))
    found = reweighted(draws, ratio_of(draws, made_up_analysis, drawn, wanted))
    assert found is not None
    posterior, k = found
    assert k <= MAX_K
    effect = posterior["coefficient"].sel(term="did").values
    assert effect.mean() == pytest.approx(0.3, abs=MOMENT)
    assert effect.std() == pytest.approx(0.7, abs=MOMENT)
    scale = 0.5 * made_up_analysis.priors.shock_sd.scale  # type: ignore[union-attr]
    expected = stats.halfnorm(scale=scale).mean()
    assert posterior["shock_sd"].values.mean() == pytest.approx(expected, rel=MOMENT)
    # What the priors say nothing new of stays as it was.
    intercept = posterior["coefficient"].sel(term="intercept").values
    assert intercept.std() == pytest.approx(made_up_analysis.priors.intercept.sd, abs=MOMENT)
    assert posterior.sizes == draws.sizes
    assert posterior["coefficient"].dims[:2] == ("chain", "draw")


def test_a_draw_is_taken_whole(
    counts: CellData, drawn: Blocks, draws: xr.Dataset, made_up_analysis: OpenAnalysis
) -> None:
    wanted = blocks(counts, made_up_analysis, setting(0.3, 0.7))
    found = reweighted(draws, ratio_of(draws, made_up_analysis, drawn, wanted))
    assert found is not None

    def rows(tree: xr.Dataset) -> set[tuple[float, ...]]:
        names = ("shock_sd", "authority_sd", "shock_correlation")
        values = [tree[name].values.ravel() for name in names]
        values.append(tree["coefficient"].sel(term="did").values.ravel())
        values.append(tree["cell_predictor"].isel(cell=3).values.ravel())
        return set(zip(*(each.tolist() for each in values), strict=True))

    assert rows(found[0]) <= rows(draws)


def test_draws_taken_twice_do_not_count_twice(
    counts: CellData, drawn: Blocks, draws: xr.Dataset, made_up_analysis: OpenAnalysis
) -> None:
    wanted = blocks(counts, made_up_analysis, setting(0.0, 0.3))
    found = reweighted(draws, ratio_of(draws, made_up_analysis, drawn, wanted))
    assert found is not None
    ratio = ratio_of(draws, made_up_analysis, drawn, wanted)
    worth = (
        1.0 / (smoothed_weights(ratio.to_numpy().ravel(), 1.0)[0] ** 2).sum()
    )  # Kish's effective size
    effect = found[0]["coefficient"].sel(term="did")
    assert worth < 0.7 * effect.size
    assert float(azs.ess(effect, method="bulk")) < 0.7 * effect.size


def test_weighted_draws_that_are_worth_few_are_not_taken(
    counts: CellData, drawn: Blocks, draws: xr.Dataset, made_up_analysis: OpenAnalysis
) -> None:
    wanted = blocks(counts, made_up_analysis, setting(0.0, 0.3))
    assert reweighted(draws, ratio_of(draws, made_up_analysis, drawn, wanted)) is not None
    few = draws.isel(draw=slice(0, 200))
    assert reweighted(few, ratio_of(few, made_up_analysis, drawn, wanted)) is None


def test_draws_that_stick_are_worth_few_and_are_not_taken(
    counts: CellData, drawn: Blocks, draws: xr.Dataset, made_up_analysis: OpenAnalysis
) -> None:
    wanted = blocks(counts, made_up_analysis, setting(0.0, 0.8))
    stuck = draws.isel(draw=np.repeat(np.arange(50), 40)).assign_coords(draw=draws["draw"])
    assert reweighted(draws, ratio_of(draws, made_up_analysis, drawn, wanted)) is not None
    assert reweighted(stuck, ratio_of(stuck, made_up_analysis, drawn, wanted)) is None


def test_a_prior_far_from_the_draws_is_not_trusted(
    counts: CellData, drawn: Blocks, draws: xr.Dataset, made_up_analysis: OpenAnalysis
) -> None:
    far = blocks(counts, made_up_analysis, setting(8.0, 0.1))
    assert reweighted(draws, ratio_of(draws, made_up_analysis, drawn, far)) is None


def test_the_same_prior_keeps_every_draw(
    drawn: Blocks, draws: xr.Dataset, made_up_analysis: OpenAnalysis
) -> None:
    found = reweighted(draws, ratio_of(draws, made_up_analysis, drawn, drawn))
    assert found is not None
    xr.testing.assert_equal(found[0], draws)


@pytest.mark.parametrize(
    "change",
    [
        {"shocks": False},
        {"replicating": True},
        {"pilot_effects": "full"},
        {"pilot_effects": "none"},
        {"departure_sd": 0.1},
    ],
    ids=str,
)
def test_more_than_priors_is_not_had_by_weights(
    counts: CellData,
    drawn: Blocks,
    draws: xr.Dataset,
    made_up_analysis: OpenAnalysis,
    change: dict[str, object],
) -> None:
    other = blocks(counts, made_up_analysis, replace(setting(0.0, 1.0), **change))  # type: ignore[arg-type]
    assert log_prior_ratio(draws, made_up_analysis, drawn, other) is None


def test_the_ratio_is_that_of_the_priors(
    counts: CellData, drawn: Blocks, draws: xr.Dataset, made_up_analysis: OpenAnalysis
) -> None:
    exponential = Exponential(mean=0.3, why=WHY)
    priors = replace(made_up_analysis.priors, authority_sd=exponential)
    analysis = replace(made_up_analysis, priors=priors)
    before = blocks(counts, analysis, setting(0.0, 1.0))
    after = blocks(counts, analysis, setting(-0.2, 0.4, authority_sd=2.0, pilot_effect_sd=0.5))
    ratio = log_prior_ratio(draws, analysis, before, after)
    assert ratio is not None
    scale = analysis.priors.pilot_effect_sd
    assert isinstance(scale, HalfNormal)
    effect = draws["coefficient"].sel(term="did").values
    expected = stats.norm.logpdf(effect, -0.2, 0.4) - stats.norm.logpdf(effect, 0.0, 1.0)
    u, d = draws["authority_sd"].values, draws["pilot_effect_sd"].values
    expected += stats.expon.logpdf(u, scale=0.6) - stats.expon.logpdf(u, scale=0.3)
    expected += stats.halfnorm.logpdf(d, scale=0.5 * scale.scale)
    expected -= stats.halfnorm.logpdf(d, scale=scale.scale)
    assert np.ptp(ratio.transpose("chain", "draw").values - expected) < 1e-9


def test_equal_weights_have_no_tail() -> None:
    weights, k = smoothed_weights(np.zeros(100), 1.0)
    np.testing.assert_allclose(weights, 0.01)
    assert k == 0.0


@pytest.mark.parametrize("spread", [1e3, 1e8])
def test_weights_of_which_a_few_are_all_are_not_trusted(spread: float) -> None:
    ratio = spread * np.random.default_rng(1).standard_normal(400)
    weights, k = smoothed_weights(ratio, 1.0)
    assert k == np.inf
    assert weights.max() > 0.99
