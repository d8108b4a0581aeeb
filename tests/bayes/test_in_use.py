"""Tests of what a fit makes use of, and of coefficients as a regression has them."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import xarray as xr

from sofs_bayes.bayes.did_draws import regression_coefficients

TERMS = ("intercept", "did", "assessments")


def blocks(*centres: float) -> Any:
    return SimpleNamespace(terms=TERMS, centres=np.array(centres))


def test_the_intercept_is_moved_to_where_covariates_are_zero_and_no_prediction_changes() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=(2, 5, 3))
    dims = ("chain", "draw", "term")
    coefficient = xr.DataArray(values, dims=dims, coords={"term": list(TERMS)})
    posterior = xr.Dataset({"coefficient": coefficient})
    found = regression_coefficients(posterior, blocks(0.0, 0.0, 2.5))
    design = np.column_stack([np.ones(4), [0, 1, 0, 1], rng.normal(size=4)])
    centred = design - np.array([0.0, 0.0, 2.5])
    np.testing.assert_allclose(found.values @ design.T, values @ centred.T, atol=1e-12)
    assert not np.allclose(found.sel(term="intercept"), coefficient.sel(term="intercept"))
    same = regression_coefficients(posterior, blocks(0.0, 0.0, 0.0))
    xr.testing.assert_identical(same, coefficient.rename(same.name))
