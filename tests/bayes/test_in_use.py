"""Tests of what a fit makes use of, and of coefficients as a regression has them."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import xarray as xr

from sofs_bayes.bayes.blocks import Blocks, Setting
from sofs_bayes.bayes.blocks import blocks as blocks_of
from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.bayes.did_draws import in_use, regression_coefficients
from sofs_bayes.spec import OpenAnalysis

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


def test_all_that_moves_is_in_use_and_nothing_else(
    posterior: xr.Dataset, counts: CellData, of_counts: Blocks, made_up_analysis: OpenAnalysis
) -> None:
    """What is left out here no gate judges, and no calibration ranks."""
    of_shocks = {"shock", "shock_sd", "shock_correlation"}
    of_pilots = {"pilot_deviation", "pilot_effect_sd"}
    others = {"coefficient", "authority_intercept", "authority_sd"}
    found = in_use(posterior, of_counts)
    assert set(found.data_vars) == others | of_pilots | of_shocks
    assert set(found["term"].values) == {*counts.terms} - {
        name for name, column in zip(counts.terms, counts.design.T, strict=True) if not column.any()
    }
    prior = next(iter(made_up_analysis.effect_priors.values()))
    alone = Setting(effect_prior=prior, pilot_effects="full", shocks=False)
    fewer = in_use(posterior, blocks_of(counts, made_up_analysis, alone))
    assert set(fewer.data_vars) == others
