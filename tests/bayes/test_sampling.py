"""Draws repeat with their seed, whatever the graph was compiled with, and find what is planted."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import xarray as xr
from scipy import stats
from scipy.special import expit

from sofs_bayes.bayes.did_arrays import DidArrays, without
from sofs_bayes.bayes.hierarchical import build_model, model_data, structure_of
from sofs_bayes.bayes.sampling import Compiled, compile_graph, sample, stage_seed
from sofs_bayes.spec import HalfNormal, Normal, OpenAnalysis, Sampler

FEW = Sampler(name="nutpie", chains=2, tune=100, draws=100)
ENOUGH = Sampler(name="nutpie", chains=2, tune=300, draws=300)
REPLICATES = 20
# Truths are drawn from the prior, so a right posterior's interval covers each with probability .9.
# Fewer than these are covered once in a thousand runs; an error of four posterior standard
# deviations in any replicate is about as rare.
LEVEL = 0.9
FEWEST_COVERED = int(stats.binom.ppf(0.001, REPLICATES, LEVEL))
FARTHEST = 4.0
WHY = "for a test of recovery"

Floats = npt.NDArray[np.float64]
Distort = Callable[[DidArrays], DidArrays]


def data_of(arrays: DidArrays, analysis: OpenAnalysis, mean: float = 0.0) -> dict[str, Floats]:
    prior = Normal(mean=mean, sd=0.5, why=WHY)
    return model_data(arrays, model=analysis.model, priors=analysis.priors, effect_prior=prior)


# ------------------------------------------------------------------------ no place to start

NOWHERE = """
import pymc as pm, pytensor.tensor as pt
from sofs_bayes.bayes.sampling import compile_graph, sample
from sofs_bayes.errors import BadInput
from sofs_bayes.spec import Sampler

with pm.Model() as graph:
    x = pm.Normal("x", 0.0, 1.0, shape=3)
    pm.Potential("nowhere", pt.log(pm.Data("size", 0.0) - 1.0) * x.sum())
try:
    sample(compile_graph(graph), Sampler(name="nutpie", chains=4, tune=100, draws=100))
except BadInput as line:
    print(line)
"""


def test_a_model_that_can_start_nowhere_is_a_line_and_the_process_ends_well() -> None:
    """nutpie's threads outlive its error, and brought down the interpreter that ended first."""
    ended = subprocess.run(
        [sys.executable, "-c", NOWHERE], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith(
        "the sampler: posterior: found no starting point with a finite density; allowed: "
    )
    assert ended.stdout.count("\n") == 1


# ------------------------------------------------------------------------------- seeds


def test_each_stage_has_a_seed_of_its_own() -> None:
    stages = ["posterior", "posterior ", "main / reference", "reference / main", "", "é"]
    seeds = {stage_seed(seed, stage) for seed in (0, 1, 20220701) for stage in stages}
    assert len(seeds) == 3 * len(stages)
    assert stage_seed(7, "posterior") == stage_seed(7, "posterior")


def test_the_same_seed_gives_the_same_draws(compiled: Compiled) -> None:
    first, again = (sample(compiled, FEW, stage="main") for _ in range(2))
    xr.testing.assert_identical(
        first["posterior"].to_dataset().drop_attrs(), again["posterior"].to_dataset().drop_attrs()
    )
    for other in (
        sample(compiled, FEW, stage="another"),
        sample(compiled, replace(FEW, seed=1), stage="main"),
    ):
        assert not np.array_equal(first["posterior"]["effect"], other["posterior"]["effect"])


def test_draws_come_by_chain_and_draw_without_warm_up(
    compiled: Compiled, made_up_arrays: DidArrays
) -> None:
    tree = sample(compiled, replace(FEW, chains=3))
    assert set(tree.children) == {"posterior", "sample_stats"}
    cells = tree["posterior"]["cell_logit"]
    assert cells.dims == ("chain", "draw", "authority", "year")
    assert cells.shape == (3, 100, *made_up_arrays.events.shape)
    assert {"diverging", "energy"} <= set(tree["sample_stats"].data_vars)


def test_refed_data_give_the_draws_of_a_graph_compiled_on_them(
    compiled: Compiled, made_up_analysis: OpenAnalysis, made_up_arrays: DidArrays
) -> None:
    """Other counts, another effect prior and other scales; where chains start included."""
    scale = HalfNormal(scale=0.1, why=WHY)
    analysis = replace(made_up_analysis, priors=replace(made_up_analysis.priors, shock_sd=scale))
    changed = without(made_up_arrays, ["Dunmarsh"])
    data = data_of(changed, analysis, mean=-0.5)
    refed = sample(compiled, FEW, data=data)["posterior"].to_dataset()
    anew = compile_graph(build_model(structure_of(changed, analysis.model), data))
    xr.testing.assert_identical(
        refed.drop_attrs(), sample(anew, FEW)["posterior"].to_dataset().drop_attrs()
    )
    as_compiled = sample(compiled, FEW)["posterior"]["effect"]
    assert not np.array_equal(refed["effect"], as_compiled), "the data made no difference"


def test_data_of_an_unknown_name_are_refused(compiled: Compiled) -> None:
    with pytest.raises(KeyError, match="evnets"):
        sample(compiled, FEW, data={"evnets": np.zeros((2, 2))})


# ---------------------------------------------------------------------------- recovery


def simulated(
    arrays: DidArrays, analysis: OpenAnalysis, effect: Normal, rng: np.random.Generator
) -> tuple[DidArrays, float]:
    """Counts of the model as written on paper, with parameters from the prior; and the effect."""
    priors, (pilots, years) = analysis.priors, arrays.treated.shape
    authorities = len(arrays.authorities)
    truth = float(rng.normal(effect.mean, effect.sd))
    own = abs(rng.normal(0.0, priors.pilot_effect_sd.scale)) * rng.standard_normal(pilots)
    u = abs(rng.normal(0.0, priors.authority_sd.scale)) * rng.standard_normal(authorities)
    rho = rng.beta(priors.shock_correlation.a, priors.shock_correlation.b)
    gaps = np.abs(np.subtract.outer(arrays.years, arrays.years))
    shocks = rng.multivariate_normal(np.zeros(years), rho**gaps, size=authorities)
    logit = rng.normal(priors.intercept.mean, priors.intercept.sd) + u[:, None]
    logit = logit + np.append(0.0, rng.normal(priors.year.mean, priors.year.sd, years - 1))
    logit = logit + abs(rng.normal(0.0, priors.shock_sd.scale)) * shocks
    difference = rng.normal(priors.pilot_difference.mean, priors.pilot_difference.sd)
    logit[:pilots] += difference + (truth + own)[:, None] * arrays.treated
    events = rng.binomial(arrays.denominators.astype(int), expit(logit)).astype(float)
    return replace(arrays, events=events), truth


def recovery(
    compiled: Compiled, arrays: DidArrays, analysis: OpenAnalysis, distort: Distort
) -> tuple[int, float]:
    """How many intervals cover the planted effect; the largest error in posterior sds."""
    effect = Normal(mean=-0.2, sd=0.5, why=WHY)
    covered, farthest = 0, 0.0
    for replicate in range(REPLICATES):
        rng = np.random.default_rng([5, replicate])
        counts, truth = simulated(arrays, analysis, effect, rng)
        data = model_data(
            distort(counts), model=analysis.model, priors=analysis.priors, effect_prior=effect
        )
        tree = sample(compiled, ENOUGH, data=data, stage=f"replicate {replicate}")
        draws = tree["posterior"]["effect"].isel(term=0).values
        lower, upper = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        covered += int(lower <= truth <= upper)
        farthest = max(farthest, abs(draws.mean() - truth) / draws.std())
    return covered, farthest


def negative(arrays: DidArrays) -> DidArrays:
    """The planted bug of a sign: treated years lower what they should raise."""
    return replace(arrays, term_design=-arrays.term_design)


def too_early(arrays: DidArrays) -> DidArrays:
    """The planted bug of an indicator that starts before settling-in, in the last year before."""
    treated = arrays.treated.copy()
    for pilot, row in enumerate(arrays.treated):
        before = (row == 0) & (arrays.denominators[pilot] > 0)
        treated[pilot, np.flatnonzero(before)[-1]] = 1.0
    design = arrays.term_design.copy()
    design[:, :, 0] = treated
    return replace(arrays, treated=treated, term_design=design)


def test_planted_effects_are_recovered(
    compiled: Compiled, made_up_analysis: OpenAnalysis, made_up_arrays: DidArrays
) -> None:
    covered, farthest = recovery(compiled, made_up_arrays, made_up_analysis, lambda same: same)
    assert covered >= FEWEST_COVERED
    assert farthest < FARTHEST


@pytest.mark.parametrize("bug", [negative, too_early])
def test_recovery_notices_a_planted_bug(
    compiled: Compiled, made_up_analysis: OpenAnalysis, made_up_arrays: DidArrays, bug: Distort
) -> None:
    covered, farthest = recovery(compiled, made_up_arrays, made_up_analysis, bug)
    assert covered < FEWEST_COVERED
    assert farthest >= FARTHEST
