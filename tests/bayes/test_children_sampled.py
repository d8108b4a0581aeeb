"""The logistic posterior, sampled, against that of a plain model without any tricks.

The plain model is `tests/reference/plain_logistic/make_reference.py`, row by row in PyMC.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from tests.graphs import compile_once

from sofs_bayes.bayes.blocks import Setting, blocks
from sofs_bayes.bayes.cell_data import cell_data
from sofs_bayes.bayes.did_draws import in_use, named
from sofs_bayes.bayes.did_model import form_of, model_data
from sofs_bayes.bayes.sampling import sample
from sofs_bayes.cells.dataset import Cells
from sofs_bayes.checks.diagnostics import Gate, gate
from sofs_bayes.spec import HierarchicalAnalysis, Normal

REFERENCE = Path(__file__).parents[1] / "reference" / "plain_logistic" / "posterior.json"

# Of 70 means, each with a standard error of a fortieth of its sd (1,600 draws' worth and more),
# the largest gap is about 0.09; of as many sds, with an error of 2% and more where tails are
# long, about 6%.
MEANS, SDS = 0.12, 0.10

Make = Callable[..., HierarchicalAnalysis]
EFFECT = Normal(mean=0.05, sd=0.2, why="made up for a test")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """Draws of the package's graph, and their verdict."""

    draws: xr.Dataset
    verdict: Gate


@pytest.fixture(scope="module")
def plain() -> dict[str, Any]:
    """Means and sds of the plain model's posterior."""
    found: dict[str, Any] = json.loads(REFERENCE.read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def sampled(children_cells: Cells, hierarchical: Make) -> Sampled:
    analysis = hierarchical(likelihood="binomial logit")
    data = cell_data(children_cells, analysis)
    found = blocks(data, analysis, Setting(effect_prior=EFFECT))
    arrays = model_data(data, found, analysis)
    compiled = compile_once(form_of(data, found, analysis), arrays)
    tree = sample(compiled, replace(analysis.sampler, tune=500, draws=1000), data=arrays)
    draws = named(tree["posterior"].to_dataset(), data, found, arrays, seed=1)
    verdict = gate(in_use(draws, found), None, tree["sample_stats"].to_dataset())
    return Sampled(draws=draws, verdict=verdict)


def test_the_reference_is_of_the_same_children(
    children_rows: pd.DataFrame, plain: dict[str, Any]
) -> None:
    rows, events, weight = plain["rows"]
    assert [rows, events] == [len(children_rows), children_rows["outcome"].sum()]
    assert children_rows["weight"].sum() == pytest.approx(weight, rel=1e-12)
    assert plain["divergences"] == 0


@pytest.mark.long
@pytest.mark.parametrize(
    "name",
    [
        *("coefficient", "child_effect", "authority_intercept", "pilot_deviation", "shock"),
        *("authority_sd", "pilot_effect_sd", "shock_sd", "shock_correlation"),
    ],
)
def test_the_posterior_is_that_of_the_plain_model(
    sampled: Sampled, plain: dict[str, Any], name: str
) -> None:
    draws = sampled.draws[name]
    if name == "coefficient":
        draws = draws.sel(term=plain["terms"])
    mean, sd = (np.array(plain[key][name]) for key in ("mean", "sd"))
    gaps = np.abs(draws.mean(("chain", "draw")).values - mean) / sd
    ratios = draws.std(("chain", "draw")).values / sd
    assert gaps.max() < MEANS
    assert np.abs(ratios - 1).max() < SDS


@pytest.mark.long
def test_the_posterior_passes_the_gate(sampled: Sampled) -> None:
    assert sampled.verdict.failures == ()
