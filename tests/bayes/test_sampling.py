"""Draws repeat with their seed, whatever the graph was compiled with, and find what is planted."""

import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import nutpie
import pymc as pm
import pytensor
import pytest
import xarray as xr
from scipy import stats

from sofs_bayes.bayes.blocks import Blocks, Setting, blocks
from sofs_bayes.bayes.cell_data import CellData, without
from sofs_bayes.bayes.did_model import build_model, form_of, model_data
from sofs_bayes.bayes.replicated import replicated
from sofs_bayes.bayes.sampling import Compiled, compile_graph, sample
from sofs_bayes.spec import HalfNormal, Normal, OpenAnalysis, Sampler
from sofs_bayes.spec.seeds import stage_seed

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

Distort = Callable[[CellData], CellData]


def design_of(data: CellData, analysis: OpenAnalysis, mean: float = 0.0) -> Blocks:
    return blocks(data, analysis, Setting(effect_prior=Normal(mean=mean, sd=0.5, why=WHY)))


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


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="Windows has no alarm")
def test_an_interrupt_while_drawing_ends_the_fit(compiled: Compiled) -> None:
    many = replace(FEW, draws=100_000)
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        with pytest.raises(KeyboardInterrupt):
            sample(compiled, many)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


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
        assert not np.array_equal(first["posterior"]["effects"], other["posterior"]["effects"])


def test_draws_come_by_chain_and_draw_without_warm_up(
    compiled: Compiled, made_up_counts: CellData
) -> None:
    tree = sample(compiled, replace(FEW, chains=3))
    assert set(tree.children) == {"posterior", "sample_stats"}
    cells = tree["posterior"]["cell_logit"]
    assert cells.dims[:2] == ("chain", "draw")
    assert cells.shape == (3, 100, len(made_up_counts.cells))
    assert {"diverging", "energy"} <= set(tree["sample_stats"].data_vars)


def test_refed_data_give_the_draws_of_a_graph_compiled_on_them(
    compiled: Compiled, made_up_analysis: OpenAnalysis, made_up_counts: CellData
) -> None:
    """Other counts, another effect prior and other scales; where chains start included."""
    scale = HalfNormal(scale=0.1, why=WHY)
    analysis = replace(made_up_analysis, priors=replace(made_up_analysis.priors, shock_sd=scale))
    changed = without(made_up_counts, ["Dunmarsh"])
    design = design_of(changed, analysis, mean=-0.5)
    data = model_data(changed, design, analysis)
    refed = sample(compiled, FEW, data=data)["posterior"].to_dataset()
    anew = compile_graph(build_model(form_of(changed, design, analysis), data))
    xr.testing.assert_identical(
        refed.drop_attrs(), sample(anew, FEW)["posterior"].to_dataset().drop_attrs()
    )
    as_compiled = sample(compiled, FEW)["posterior"]["effects"]
    assert not np.array_equal(refed["effects"], as_compiled), "the data made no difference"


def test_sums_keep_their_order_in_compiled_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else code from PyTensor's cache and code compiled now differ, and so do draws."""
    seen: list[bool] = []

    def compiled_so(*_: object, **__: object) -> str:
        seen.append(pytensor.config.numba__fastmath)
        return "program"

    monkeypatch.setattr(nutpie, "compile_pymc_model", compiled_so)
    with pm.Model() as graph:
        pm.Normal("x")
    before = pytensor.config.numba__fastmath
    assert compile_graph(graph).program == "program"
    assert seen == [False]
    assert pytensor.config.numba__fastmath == before  # for others, nothing is changed


def test_derived_quantities_follow_from_each_draw(
    compiled: Compiled, made_up_analysis: OpenAnalysis, made_up_counts: CellData
) -> None:
    """One draw at a time, in a graph without an axis of draws, is what all at once are."""
    design = design_of(made_up_counts, made_up_analysis)
    data = model_data(made_up_counts, design, made_up_analysis)
    graph = build_model(form_of(made_up_counts, design, made_up_analysis), data)
    draws = sample(compiled, FEW, data=data)["posterior"].to_dataset()
    single = pytensor.function(graph.free_RVs, graph.deterministics, on_unused_input="ignore")
    for chain, draw in ((0, 0), (1, 7)):
        at = draws.isel(chain=chain, draw=draw)
        expected = single(*(at[rv.name].to_numpy() for rv in graph.free_RVs))
        for each, value in zip(graph.deterministics, expected, strict=True):
            np.testing.assert_allclose(at[each.name], value, rtol=1e-9, atol=1e-9)
    moved = {**compiled.data, **data, "events_of_cell": 0.5 * data["events_of_cell"]}
    flat = {str(name): each.to_numpy()[0] for name, each in draws.data_vars.items()}
    changed = compiled.derive({**moved, **flat})["log_likelihood"]
    assert not np.allclose(changed, draws["log_likelihood"][0]), "the data made no difference"


def test_data_of_an_unknown_name_are_refused(compiled: Compiled) -> None:
    with pytest.raises(KeyError, match="evnets"):
        sample(compiled, FEW, data={"evnets": np.zeros((2, 2))})


def test_data_of_another_shape_are_refused(compiled: Compiled) -> None:
    """They would move all data behind them."""
    wrong = {name: values[:-1] for name, values in compiled.data.items() if name == "n"}
    with pytest.raises(ValueError, match=r"other shapes than compiled: n$"):
        sample(compiled, FEW, data=wrong)


# ---------------------------------------------------------------------------- recovery


def simulated(
    data: CellData, analysis: OpenAnalysis, effect: Normal, rng: np.random.Generator
) -> tuple[CellData, float]:
    """Counts of the model as written on paper, with parameters from the prior; and the effect."""
    priors, pilots, authorities = analysis.priors, len(data.pilots), len(data.authorities)
    truth = float(rng.normal(effect.mean, effect.sd))
    own = abs(rng.normal(0.0, priors.pilot_effect_sd.scale)) * rng.standard_normal(pilots)
    u = abs(rng.normal(0.0, priors.authority_sd.scale)) * rng.standard_normal(authorities)
    rho = rng.beta(priors.shock_correlation.a, priors.shock_correlation.b)
    gaps = np.abs(np.subtract.outer(data.years, data.years))
    shocks = rng.multivariate_normal(np.zeros(len(gaps)), rho**gaps, size=authorities)
    years = np.append(0.0, rng.normal(priors.year.mean, priors.year.sd, len(gaps) - 1))
    logit = rng.normal(priors.intercept.mean, priors.intercept.sd) + u[data.authority]
    logit += years[data.year]
    logit += abs(rng.normal(0.0, priors.shock_sd.scale)) * shocks[data.authority, data.year]
    difference = rng.normal(priors.pilot_difference.mean, priors.pilot_difference.sd)
    logit += difference * data.cells["pilot"].to_numpy() + data.treated @ (truth + own)
    nobody = np.zeros(0)
    made = replicated(data, predictor=logit, child_effect=nobody, residual_sd=1.0, rng=rng)
    return made, truth


def recovery(
    compiled: Compiled, data: CellData, analysis: OpenAnalysis, distort: Distort
) -> tuple[int, float]:
    """How many intervals cover the planted effect; the largest error in posterior sds."""
    effect = Normal(mean=-0.2, sd=0.5, why=WHY)
    covered, farthest = 0, 0.0
    for replicate in range(REPLICATES):
        rng = np.random.default_rng([5, replicate])
        made, truth = simulated(data, analysis, effect, rng)
        seen = distort(made)
        design = blocks(seen, analysis, Setting(effect_prior=effect))
        arrays = model_data(seen, design, analysis)
        tree = sample(compiled, ENOUGH, data=arrays, stage=f"replicate {replicate}")
        at = seen.terms.index("did")
        draws = effect.mean + effect.sd * tree["posterior"]["effects"].values[..., at]
        lower, upper = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        covered += int(lower <= truth <= upper)
        farthest = max(farthest, abs(draws.mean() - truth) / draws.std())
    return covered, farthest


def negative(data: CellData) -> CellData:
    """The planted bug of a sign: treated years lower what they should raise."""
    return with_did(data, -data.design[:, data.terms.index("did")])


def too_early(data: CellData) -> CellData:
    """The planted bug of an indicator that starts before settling-in, in the last year before."""
    cells = data.cells[(data.cells["pilot"] == 1) & (data.cells["treated"] == 0)]
    last = cells.groupby("authority")["year"].idxmax()
    return with_did(data, np.where(data.cells.index.isin(last), 1.0, data.treated.sum(axis=1)))


def with_did(data: CellData, column: npt.NDArray[np.float64]) -> CellData:
    design = data.design.copy()
    design[:, data.terms.index("did")] = column
    return replace(data, design=design)


def test_planted_effects_are_recovered(
    compiled: Compiled, made_up_analysis: OpenAnalysis, made_up_counts: CellData
) -> None:
    covered, farthest = recovery(compiled, made_up_counts, made_up_analysis, lambda same: same)
    assert covered >= FEWEST_COVERED
    assert farthest < FARTHEST


@pytest.mark.parametrize("bug", [negative, pytest.param(too_early, marks=pytest.mark.long)])
def test_recovery_notices_a_planted_bug(
    compiled: Compiled, made_up_analysis: OpenAnalysis, made_up_counts: CellData, bug: Distort
) -> None:
    covered, farthest = recovery(compiled, made_up_counts, made_up_analysis, bug)
    assert covered < FEWEST_COVERED
    assert farthest >= FARTHEST
