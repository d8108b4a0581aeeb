"""Draws weighted as if one arm counted for less say what that posterior is, in closed form."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from sofs_bayes.bayes.blocks import Setting
from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.bayes.limits import MAX_K
from sofs_bayes.checks.authority_density import cells_of, own_log_density
from sofs_bayes.checks.diagnostics import gate
from sofs_bayes.checks.loo import loo_cells
from sofs_bayes.checks.registry.arm_weights import (
    ARM_WEIGHTS,
    BOTH,
    FACTOR,
    ArmWeightRow,
    arm_log_likelihoods,
    weighted,
)
from sofs_bayes.checks.registry.check import Fits, PosteriorFit
from sofs_bayes.checks.thinned_draws import thinned_draws
from sofs_bayes.estimands.did_effects import did_effects
from sofs_bayes.estimands.effects import Effects
from sofs_bayes.spec import HierarchicalAnalysis
from sofs_bayes.spec.keys import AFTER, POOLED, Estimand

DRAWS = 4000  # of each of four chains
# Of a mean in posterior standard deviations, and of a spread: ten Monte Carlo errors of 16,000
# draws whose weights leave a tenth of them.
CLOSE, ALIKE = 0.1, 0.05
POOLED_RISK = Estimand(role=AFTER, target=POOLED, scale="risk")


@pytest.fixture(scope="module")
def fits(
    linear: CellData, linear_analysis: HierarchicalAnalysis, design_of: Any, exact_of: Any
) -> Fits:
    """The closed form's draws as the headline fit."""
    design = design_of(linear, linear_analysis)
    posterior = exact_of(linear, design).draws(DRAWS, seed=3)
    effects = did_effects(posterior, linear, design, seed=1)
    prior = linear_analysis.effect_priors["reference"]
    main = PosteriorFit(
        effects=effects,
        gate=gate(posterior[["coefficient"]], None),
        data=linear,
        blocks=design,
        setting=Setting(effect_prior=prior),
        posterior=posterior,
    )
    return Fits(
        analysis=linear_analysis,
        evidence="synthetic",
        mains={"reference": main},
        others={},
        refit=None,
        prior=posterior,
        left_out=loo_cells(posterior, linear, design, linear_analysis, most=40),
        leads=(),
        settling_in={},
        sizes=(),
    )


def closed_form(exact: Any, data: CellData, arm: int, factor: float) -> tuple[float, float]:
    """Mean and sd of the pooled effect with an arm's data covariance divided by the factor."""
    kept = sum(exact.sizes[:-1])
    x, shocks = exact.design_of_all[:, :kept], exact.design_of_all[:, kept:]
    noise = shocks @ exact.covariance[kept:, kept:] @ shocks.T
    noise += np.diag(0.3**2 / data.curvature)
    scale = np.where(data.cells["pilot"] == arm, factor, 1.0) ** -0.5
    noise *= np.outer(scale, scale)  # authorities are independent, and each is of one arm
    prior = exact.covariance[:kept, :kept]
    gain = prior @ x.T @ np.linalg.inv(x @ prior @ x.T + noise)
    mean = exact.mean[:kept] + gain @ (data.centre - x @ exact.mean[:kept])
    covariance = prior - gain @ x @ prior
    children = data.treated.T @ data.cells["weight"].to_numpy()
    wanted = np.zeros(kept)
    wanted[list(exact.design.terms).index("did")] = 1.0
    wanted[-len(data.pilots) :] = children / children.sum()
    return float(wanted @ mean), float(np.sqrt(wanted @ covariance @ wanted))


@pytest.mark.parametrize(("arm", "code"), [("pilot", 1), ("comparator", 0)])
def test_an_arm_that_counts_for_half_gives_the_posterior_in_closed_form(
    fits: Fits, exact_of: Any, arm: str, code: int
) -> None:
    found, k = weighted(fits.main.effects, arm_log_likelihoods(fits, most=4 * DRAWS)[arm], FACTOR)
    assert found is not None
    assert k <= MAX_K
    exact = exact_of(fits.main.data, fits.main.blocks)
    mean, sd = closed_form(exact, fits.main.data, code, FACTOR)
    draws = found[POOLED_RISK]
    assert float(draws.mean()) == pytest.approx(mean, abs=CLOSE * sd)
    assert float(draws.std()) == pytest.approx(sd, rel=ALIKE)
    for of, power in ((code, 1.0), (1 - code, FACTOR)):  # neither of these would have passed
        assert closed_form(exact, fits.main.data, of, power)[1] != pytest.approx(sd, rel=ALIKE)


def test_the_whole_density_is_that_of_means_with_their_shocks(fits: Fits) -> None:
    data, draws = fits.main.data, fits.main.posterior.isel(draw=slice(0, 3))
    thin = thinned_draws(draws, data, fits.main.blocks)
    cells = cells_of(data, 0)
    years = np.array(data.years, dtype=float)[data.year[cells]]
    covariance = 0.04**2 * 0.6 ** np.abs(years[:, None] - years[None, :])
    covariance += np.diag(0.3**2 / data.curvature[cells])
    shock = draws["shock"].to_numpy().reshape(-1, *draws["shock"].shape[2:])[0, 0]
    child = draws["child_effect"].to_numpy()[0, 0]
    mean = draws["cell_predictor"].to_numpy()[0, 0][cells] - shock[data.year[cells]]
    seen = data.centre[cells] - data.child_means[cells] @ child
    wanted = stats.multivariate_normal(mean, covariance).logpdf(seen)
    assert own_log_density(thin, data, 0)[0] == pytest.approx(wanted, rel=1e-9)


def test_rows_are_of_both_arms_and_of_each(fits: Fits) -> None:
    rows = ARM_WEIGHTS.made(fits)[ArmWeightRow]
    assert {(row.arm, row.factor) for row in rows} == {
        (BOTH, 1.0),
        ("pilot", FACTOR),
        ("comparator", FACTOR),
    }
    width = {row.arm: row.upper - row.lower for row in rows if row.estimand == POOLED_RISK}
    assert min(width, key=lambda arm: width[arm]) == BOTH


def test_where_weights_cannot_be_trusted_there_is_no_effect(fits: Fits) -> None:
    far = 30.0 * arm_log_likelihoods(fits)["pilot"]
    found, k = weighted(fits.main.effects, far, FACTOR)
    assert found is None
    assert not k <= MAX_K


def test_weights_that_are_all_equal_change_nothing(fits: Fits) -> None:
    effects: Effects = fits.main.effects
    same = xr.zeros_like(fits.main.posterior["authority_sd"])
    found, k = weighted(effects, same, FACTOR)
    assert found is not None
    assert k == 0.0
    assert found.array.values == pytest.approx(effects.array.values)
    assert replace(fits, leads=(0.1,)).main is fits.main
