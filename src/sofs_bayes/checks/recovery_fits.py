"""One replicate of a recovery: a truth, its data, the posterior, and the classical intervals."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from sofs_bayes.bayes.blocks import Blocks
from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.bayes.compiled_model import compile_model, falls_apart
from sofs_bayes.bayes.did_model import form_of, model_data
from sofs_bayes.bayes.sampling import Compiled
from sofs_bayes.checks.calibration import until_passed
from sofs_bayes.checks.classical_intervals import (
    LEVELS,
    Interval,
    Regressors,
    classical_intervals,
    regressors,
)
from sofs_bayes.checks.did_calibration import Design, drawn
from sofs_bayes.checks.recovery_truths import (
    Levels,
    Scenario,
    enlarged,
    levels,
    shared_out,
    truth_of,
)
from sofs_bayes.checks.short_fits import SHORT, sampled, short_gate, shortened
from sofs_bayes.checks.thinned_draws import prior_draws
from sofs_bayes.estimands.did_effects import did_effects
from sofs_bayes.spec.keys import AFTER, POOLED
from sofs_bayes.spec.seeds import stage_seed

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What replicates with one number of authorities share, compiled graph included.

    Attributes
    ----------
    copies
        How many copies of the design the graph takes apart; 1 if it does not.
    """

    design: Design
    whole: CellData
    blocks: Blocks
    compiled: Compiled
    copies: int
    terms: Regressors


def bench(design: Design, times: int) -> Bench:
    """Make ready for replicates of so many times the authorities."""
    larger = replace(design, data=enlarged(design.data, times))
    whole, of_fit, analysis = larger.whole, larger.blocks, larger.analysis
    seen = _made(Scenario(process="prior"), larger, whole, of_fit, seed=0)[1]
    form, arrays = form_of(seen, of_fit, analysis), model_data(seen, of_fit, analysis)
    copies = times if falls_apart(form, of_fit) else 1
    return Bench(
        design=larger,
        whole=whole,
        blocks=of_fit,
        compiled=compile_model(form, arrays, copies=copies),
        copies=copies,
        terms=regressors(whole),
    )


def benches(design: Design) -> Callable[[int], Bench]:
    """Benches by number of authorities, each made when it is first needed."""
    made: dict[int, Bench] = {}

    def find(times: int) -> Bench:
        if times not in made:
            made[times] = bench(design, times)
        return made[times]

    return find


def one_replicate(ready: Bench, scenario: Scenario, seed: int) -> dict[str, Any]:
    """A replicate of a scenario, as JSON can hold it; `recovery.replicate_of` reads it back.

    The posterior's limits are quantiles of the pooled effect and of each pilot's, on the risk
    scale. A fit is repeated with longer sampling until one passes its gate; the last one counts
    in any case.
    """
    start = time.perf_counter()
    truth, data = _made(scenario, ready.design, ready.whole, ready.blocks, seed=seed)
    true = {
        name: float(values[0, 0]) for name, values in effects(truth, data, ready.blocks).items()
    }
    rng = np.random.default_rng(stage_seed(seed, "wild bootstrap"))
    classical = classical_intervals(ready.terms, data, rng)
    posterior, fared = until_passed(
        lambda attempt: _fitted(ready, data, attempt, seed), len(SHORT) + 1, start=start
    )
    return {
        "scenario": scenario.name,
        "truth": true,
        "posterior": posterior or {},
        "classical": {name: _interval(each) for name, each in classical.items()},
        **fared,
    }


def effects(draws: xr.Dataset, data: CellData, of_fit: Blocks) -> dict[str, Floats]:
    """The effect after settling-in on the risk scale: pooled, and each pilot's; (chain, draw)."""
    answers = did_effects(draws, data, of_fit, seed=0)
    targets = (POOLED, *data.pilots)
    return {
        question.target: values.to_numpy()
        for question, values in answers.items()
        if (question.role, question.scale) == (AFTER, "risk") and question.target in targets
    }


def _made(
    scenario: Scenario, design: Design, whole: CellData, of_fit: Blocks, *, seed: int
) -> tuple[xr.Dataset, CellData]:
    """A truth and the data drawn given it."""
    of_truth = stage_seed(seed, "truth")
    if scenario.process == "prior":
        truth = prior_draws(design.analysis, whole, of_fit, draws=1, seed=of_truth)
    else:
        fixed: Levels = levels(design.data, of_fit, scenario)
        truth = truth_of(scenario, fixed, whole, of_fit, np.random.default_rng(of_truth))
    data = drawn(whole, truth, np.random.default_rng(stage_seed(seed, "outcomes")))
    if data.patterns is None:
        sd = float(truth["residual_sd"][0, 0])
        child = truth["child_effect"].to_numpy()[0, 0]
        rng = np.random.default_rng(stage_seed(seed, "within cells"))
        data = shared_out(data, child, sd, rng)
    return truth, data


def _fitted(
    ready: Bench, data: CellData, attempt: int, seed: int
) -> tuple[dict[str, Any], tuple[str, ...]] | None:
    """What is kept of a fit, and what did not pass; None if there are no draws."""
    analysis, of_fit = ready.design.analysis, ready.blocks
    made = sampled(
        ready.compiled,
        data,
        of_fit,
        analysis,
        shortened(analysis.sampler, attempt),
        stage=f"{seed} / attempt {attempt}",
        seed=seed,
        copies=ready.copies,
    )
    if made is None:
        return None
    draws, statistics = made
    found = effects(draws, data, of_fit)
    kept = {name: _summary(values) for name, values in found.items()}
    return kept, short_gate(found | _spreads(draws, of_fit), statistics)


def _spreads(draws: xr.Dataset, of_fit: Blocks) -> dict[str, Floats]:
    """The standard deviations in use, which have to have been sampled well too."""
    used = {
        "authority_sd": of_fit.authorities,
        "pilot_effect_sd": of_fit.pilots,
        "shock_sd": of_fit.shocks,
    }
    return {
        name: draws[name].transpose("chain", "draw").to_numpy()
        for name, design in used.items()
        if name in draws and design.any()
    }


def _summary(draws: Floats) -> dict[str, Any]:
    # Weibull's quantiles, order statistic i of n at i / (n + 1): among independent draws of its
    # own distribution a truth is inside such limits as often as their level says, however few
    # draws there are.
    ends = np.array([[(1 - level) / 2, (1 + level) / 2] for level in LEVELS])
    return {
        "estimate": float(draws.mean()),
        "standard_error": float(draws.std(ddof=1)),
        "limits": np.quantile(draws, ends, method="weibull").tolist(),
        "above_zero": float((draws > 0).mean()),
    }


def _interval(found: Interval) -> dict[str, Any]:
    limits = [[x if np.isfinite(x) else None for x in pair] for pair in found.limits.tolist()]
    return {
        "estimate": found.estimate,
        "standard_error": found.standard_error,
        "limits": limits,
        "p_value": found.p_value,
    }
