"""Densities from draws are densities, of the right draws, where these are."""

import numpy as np
import pytest
import xarray as xr

from sofs_bayes.estimands.densities import POINTS, drawn_density_rows
from sofs_bayes.estimands.rows import Label
from sofs_bayes.spec.keys import AFTER, HEADLINE, Estimand

EFFECT = Estimand(role=AFTER, scale="risk")
LABEL = Label(prior="reference", variant=HEADLINE, evidence="synthetic", status="converged")

# Smoothing and 4,000 draws, relative to a normal's peak.
SMOOTHED = 0.08
MASS = 0.01


def draws(mean: float, sd: float, seed: int) -> xr.DataArray:
    values = np.random.default_rng(seed).normal(mean, sd, (4, 1000))
    return xr.DataArray(values, dims=("chain", "draw"))


def test_densities_of_normal_draws_are_nearly_normal() -> None:
    rows = drawn_density_rows(draws(0.0, 0.1, 1), draws(0.03, 0.02, 2), EFFECT, LABEL)
    assert len(rows) == POINTS
    x = np.array([row.value for row in rows])
    assert (np.diff(x) > 0).all()
    for column, mean, sd in (("prior_density", 0.0, 0.1), ("posterior_density", 0.03, 0.02)):
        found = np.array([getattr(row, column) for row in rows])
        exact = np.exp(-0.5 * ((x - mean) / sd) ** 2) / (sd * np.sqrt(2 * np.pi))
        assert np.abs(found - exact).max() < SMOOTHED * exact.max()
        assert np.trapezoid(found, x) == pytest.approx(1.0, abs=2 * MASS)
    assert {(row.variant, row.prior, row.estimand) for row in rows} == {
        (HEADLINE, "reference", EFFECT)
    }


def test_prior_and_posterior_are_not_mixed_up() -> None:
    rows = drawn_density_rows(draws(-1.0, 0.1, 1), draws(1.0, 0.1, 2), EFFECT, LABEL)
    before, after = (
        max(rows, key=lambda row: getattr(row, column)).value
        for column in ("prior_density", "posterior_density")
    )
    assert before == pytest.approx(-1.0, abs=0.05)
    assert after == pytest.approx(1.0, abs=0.05)


def test_no_end_is_a_value_that_was_drawn() -> None:
    before, after = draws(0.0, 1.0, 1), draws(0.5, 0.3, 2)
    rows = drawn_density_rows(before, after, EFFECT, LABEL)
    ends = {rows[0].value, rows[-1].value}
    assert not ends & set(np.concatenate([before.to_numpy(), after.to_numpy()]).ravel())
