"""Simulated panels have the moments they are asked for; their estimates are those of OLS."""

from dataclasses import replace

import numpy as np
import pytest

from sofs_bayes import spec
from sofs_bayes.bayes.printed_model import printed_model, variances
from sofs_bayes.bayes.printed_rows import RowTest
from sofs_bayes.checks.panels import (
    INDEPENDENT_YEARS,
    Panels,
    Shocks,
    estimate,
    simulate_panels,
    stars,
)

EXACT = 1e-10
MOMENT = 0.03  # relative; 20,000 replicates leave 1% on a variance
REPLICATES = 20_000


def analysis(name: str = "icpc-printed") -> spec.PrintedAnalysis:
    loaded = spec.load(name)
    assert isinstance(loaded, spec.PrintedAnalysis)
    return loaded


def simulate(
    design: spec.PrintedDesign,
    n: int,
    *,
    shocks: Shocks = INDEPENDENT_YEARS,
    s: float = 0.05,
    c: float = 0.6,
    factor: float = 1.0,
) -> Panels:
    return simulate_panels(
        design,
        s=np.full(n, s),
        c=np.full(n, c),
        beta=np.full(n, -0.06),
        delta=np.full(n, 0.04),
        rng=np.random.default_rng(9),
        shocks=shocks,
        child_variance_factor=factor,
    )


@pytest.mark.parametrize(
    "shocks",
    [Shocks(), Shocks(autocorrelation=0.5), Shocks(df=4.0), Shocks(autocorrelation=-0.3, gap=0)],
)
def test_period_means_have_the_asked_sd_and_correlation(shocks: Shocks) -> None:
    design = replace(analysis().design, years_pre=5, children=10**12)
    panels = simulate(design, REPLICATES, shocks=shocks)
    pre, post = panels.pre.mean(axis=2)[:, 7], panels.post.mean(axis=2)[:, 7]
    assert pre.std() == pytest.approx(0.05, rel=MOMENT)
    assert post.std() == pytest.approx(0.05, rel=MOMENT)
    assert np.corrcoef(pre, post)[0, 1] == pytest.approx(0.6, abs=MOMENT)


def test_shocks_more_correlated_than_asked_leave_no_lasting_level() -> None:
    design = replace(analysis().design, children=10**12)
    panels = simulate(design, REPLICATES, shocks=Shocks(autocorrelation=0.9, gap=0), c=0.0)
    pre, post = panels.pre.mean(axis=2)[:, 0], panels.post.mean(axis=2)[:, 0]
    assert pre.std() == pytest.approx(0.05, rel=MOMENT)
    assert np.corrcoef(pre, post)[0, 1] > 0.5


@pytest.mark.parametrize("shares", [None, (0.4, 0.2, 0.15, 0.1, 0.1, 0.05)])
def test_estimates_have_the_sampling_variances_of_the_model(
    shares: tuple[float, ...] | None,
) -> None:
    design = replace(analysis().design, pilot_shares=shares, years_post=2)
    reading = replace(analysis().readings[0], child_variance_factor=50.0)
    model = printed_model(replace(analysis(), design=design), reading)
    found = estimate(simulate(design, REPLICATES, factor=50.0))
    v_beta, v_delta, v_both = (v[0] for v in variances(model, np.array([0.05]), np.array([0.6])))
    assert found.beta.mean() == pytest.approx(-0.06, abs=0.001)
    assert found.delta.mean() == pytest.approx(0.04, abs=0.001)
    assert found.beta.var() == pytest.approx(v_beta, rel=MOMENT)
    assert found.delta.var() == pytest.approx(v_delta, rel=MOMENT)
    correlation = v_both / np.sqrt(v_beta * v_delta)
    assert np.corrcoef(found.beta, found.delta)[0, 1] == pytest.approx(correlation, abs=MOMENT)


def test_squared_standard_errors_have_the_models_mean_and_spread() -> None:
    model = printed_model(analysis(), analysis().readings[0])
    found = estimate(simulate(analysis().design, REPLICATES))
    v_beta, v_delta, _ = (v[0] for v in variances(model, np.array([0.05]), np.array([0.6])))
    for se, variance in ((found.se_beta, v_beta), (found.se_delta, v_delta)):
        ratio = se**2 / variance
        assert ratio.mean() == pytest.approx(model.kappa, rel=MOMENT)
        assert 2 * ratio.mean() ** 2 / ratio.var() == pytest.approx(model.nu, rel=2 * MOMENT)


def test_estimates_are_those_of_a_regression_with_year_dummies() -> None:
    """Weighted least squares on authority-years, sandwich summed by authority, by matrices."""
    shares = (0.4, 0.2, 0.15, 0.1, 0.1, 0.05)
    design = replace(analysis().design, pilot_shares=shares, years_post=2)
    panels = simulate(design, 1)
    found = estimate(panels)
    outcome = np.concatenate((panels.pre[0], panels.post[0]), axis=1)
    authorities, years = outcome.shape
    pilot = np.repeat(np.arange(authorities) < panels.pilots, years).astype(float)
    after = np.tile(np.arange(years) >= design.years_pre, authorities).astype(float)
    dummies = np.tile(np.eye(years), (authorities, 1))
    x = np.column_stack((pilot, pilot * after, dummies))
    weight = np.repeat(panels.shares, years)
    bread = np.linalg.inv(x.T @ (weight[:, None] * x))
    coefficients = bread @ x.T @ (weight * outcome.ravel())
    scores = (x * (weight * (outcome.ravel() - x @ coefficients))[:, None]).reshape(
        authorities, years, -1
    )
    meat = np.einsum("ai,aj->ij", scores.sum(axis=1), scores.sum(axis=1))
    covariance = bread @ meat @ bread * authorities / (authorities - 1)
    np.testing.assert_allclose(coefficients[:2], [found.beta[0], found.delta[0]], atol=EXACT)
    np.testing.assert_allclose(
        np.sqrt(np.diag(covariance)[:2]), [found.se_beta[0], found.se_delta[0]], rtol=1e-8
    )


def test_child_level_errors_are_those_of_the_model_without_authorities() -> None:
    model = printed_model(analysis(), analysis().readings[0])
    found = estimate(simulate(analysis().design, 1))
    v_beta, v_delta, _ = variances(model, np.zeros(1), np.zeros(1))
    assert found.child_se_beta == pytest.approx(float(np.sqrt(v_beta[0])))
    assert found.child_se_delta == pytest.approx(float(np.sqrt(v_delta[0])))


def test_stars_count_the_critical_values_exceeded() -> None:
    found = stars(np.array([0.1, -1.7, 2.0, -3.0]), 1.0, RowTest(critical=(1.645, 1.96, 2.576)))
    assert found.tolist() == [0, 1, 2, 3]


def test_panels_repeat_with_their_seed() -> None:
    one, other = (simulate(analysis().design, 3) for _ in range(2))
    np.testing.assert_array_equal(one.post, other.post)


@pytest.mark.parametrize("settings", [{"autocorrelation": 1.0}, {"df": 2.0}])
def test_shocks_without_a_stationary_variance_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="allowed"):
        Shocks(**settings)  # type: ignore[arg-type]
