"""The benchmarks of speed can be run: what they time is there, and what they compare with too."""

import math

import numpy as np
import xarray as xr
from tests.benchmarks.__main__ import MADE_UP, a_panel
from tests.benchmarks.calibration import COUNTS, Measured, timed_replicate
from tests.benchmarks.textbook import textbook_graph

from sofs_bayes import spec
from sofs_bayes.bayes.blocks import Setting, blocks
from sofs_bayes.bayes.did_model import model_data
from sofs_bayes.checks import did_calibration
from sofs_bayes.checks.calibration import Fitted, Problem


def test_a_timed_replicate_says_what_its_seconds_went_to() -> None:
    draws = {"effect": np.random.default_rng(1).standard_normal((2, 240))}

    def fit(data: None, attempt: int, seed: int) -> Fitted:
        bad = did_calibration.short_gate({"effect": draws["effect"][:, :4]}, statistics())
        return Fitted(draws=draws, failures=bad if attempt == 0 else ())

    problem = Problem(generate=lambda _: ({"effect": 0.0}, None), fit=fit, attempts=2)
    found = timed_replicate(problem, 1, 2.5, 3)
    assert (found["status"], found["attempts"], found["cpu_opened"]) == ("converged", 2, 2.5)
    assert found["stages"]["gate"] > 0
    note = Measured(name=COUNTS, workers=1, results=[found], ready=1.0, working=1.0).note
    assert "1 of them with a longer attempt" in note
    assert "sampling 0 s" in note


def statistics() -> xr.Dataset:
    one = xr.DataArray(np.random.default_rng(2).standard_normal((2, 4)), dims=("chain", "draw"))
    return xr.Dataset({"energy": one, "diverging": one > math.inf})


def test_the_form_of_a_textbook_takes_the_arrays_of_a_panel() -> None:
    analysis, panel = spec.load(MADE_UP), a_panel(1)
    assert isinstance(analysis, spec.OpenAnalysis)
    design = blocks(panel, analysis, Setting(effect_prior=analysis.effect_priors["reference"]))
    graph = textbook_graph(model_data(panel, design, analysis), panel.years)
    assert {"pilot_effect_sd", "shock_correlation"} <= {each.name for each in graph.free_RVs}
    assert math.isfinite(graph.compile_logp(mode="FAST_COMPILE")(graph.initial_point()))
