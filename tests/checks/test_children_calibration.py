"""Calibration of the children's models accepts them, and finds four planted faults."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import xarray as xr

from sofs_bayes.bayes.blocks import FLAT, Setting, blocks
from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.bayes.did_draws import named
from sofs_bayes.bayes.model_arrays import model_data
from sofs_bayes.bayes.sampling import Compiled, sample
from sofs_bayes.checks.calibration import Fitted, Problem, Truths, replicate
from sofs_bayes.checks.did_calibration import Design, did_problem, drawn, graph_of
from sofs_bayes.checks.labels import LOG_LIKELIHOOD, SPREADS
from sofs_bayes.checks.ranks import RankVerdict, rank_verdict, ranked_of
from sofs_bayes.spec import HierarchicalAnalysis, Normal
from sofs_bayes.spec.seeds import stage_seed

Floats = npt.NDArray[np.float64]

# A planted fault has to be found within `MOST` replicates, looked for every `STEP`; the model
# itself is looked at after `SOUND`, which is the small sibling of the thousand of `calibrate`.
STEP, MOST, SOUND = 20, 200, 60
SEED = 20150401
# Narrow enough for the data not to make up for a prior half as wide again.
PRIOR = Normal(mean=0.0, sd=0.02, why="made up for a test")


@pytest.fixture(scope="module")
def design(linear_analysis: HierarchicalAnalysis, linear: CellData) -> Design:
    return Design(analysis=linear_analysis, setting=Setting(effect_prior=PRIOR), data=linear)


def test_flat_priors_become_proper_only_where_truths_are_drawn_from_them(design: Design) -> None:
    """Around the data truths come from the analysis's own posterior, and fits have its priors."""
    own = replace(design, setting=replace(design.setting, replicating=True))
    scale = own.blocks.sd_priors["authority_sd"]
    flat = blocks(own.data, own.analysis, own.setting).prior_sd == FLAT
    assert flat.any()
    assert (own.blocks.prior_sd[flat] == scale).all()
    assert [note.split()[0] for note in own.notes] == ["Authorities'", "The"]
    around = replace(own, truths=xr.Dataset())
    assert (around.blocks.prior_sd[flat] == FLAT).all()
    assert around.notes == ()


@pytest.fixture(scope="module")
def compiled(design: Design) -> Compiled:
    return graph_of(design)


@pytest.fixture(scope="module")
def problem(design: Design, compiled: Compiled) -> Problem[CellData]:
    return did_problem(design, compiled)


def made(problem: Problem[CellData], numbers: range) -> list[dict[str, Any]]:
    return [replicate(problem, stage_seed(SEED, f"{i}")) for i in numbers]


def verdict_on(replicates: list[dict[str, Any]]) -> RankVerdict:
    ranked = [ranked_of(i, each) for i, each in enumerate(replicates)]
    return rank_verdict(ranked, replicates[0]["kinds"], seed=SEED)


def found_out(problem: Problem[CellData]) -> tuple[int, set[str]]:
    """After how many replicates a problem's faults are seen, and in which quantities."""
    replicates: list[dict[str, Any]] = []
    while len(replicates) < MOST:
        replicates += made(problem, range(len(replicates), len(replicates) + STEP))
        out = {test.quantity for test in verdict_on(replicates).tests if test.verdict == "out"}
        if out:
            break
    return len(replicates), out


@pytest.fixture(scope="module")
def sound(problem: Problem[CellData]) -> RankVerdict:
    return verdict_on(made(problem, range(SOUND)))


def test_the_model_itself_is_calibrated(sound: RankVerdict) -> None:
    assert [test.quantity for test in sound.tests if test.verdict == "out"] == []
    assert sound.uniform
    assert [each.failures for each in sound.refused] == []


def test_everything_free_is_ranked(sound: RankVerdict, linear: CellData) -> None:
    names = [test.quantity for test in sound.tests]
    pilots = [f"effect after settling-in, {name} (risk)" for name in linear.pilots]
    assert names[0] == "effect after settling-in, pooled (risk)"
    kinds = {test.quantity: test.kind for test in sound.tests}
    assert {name for name in names if kinds[name] == "effect"} == {
        n for n in names if n.startswith("effect ")
    }
    assert {name for name in names if kinds[name] == "spread"} == SPREADS & {*names}
    assert kinds[LOG_LIKELIHOOD] == "likelihood"
    assert {*pilots, "effect after settling-in, new authority (risk)", LOG_LIKELIHOOD} <= {*names}
    sds = {"authority_sd", "pilot_effect_sd", "shock_sd", "residual_sd", "shock_correlation"}
    assert sds <= {*names}
    assert {f"coefficient[{term}]" for term in ("intercept", "did", "pilot")} <= {*names}
    assert {f"child_effect[{term}]" for term in linear.child_terms} <= {*names}
    shocks = len(linear.authorities) * len(linear.years)
    assert sum(name.startswith("shock[") for name in names) == shocks
    assert sum(name.startswith("authority_intercept[") for name in names) == 7


# ------------------------------------------------------------------------------ planted faults


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is done wrong: to the design of the fits, or to their draws."""

    of_design: Callable[[Design], Design] = lambda design: design
    of_draws: Callable[[Mapping[str, Floats]], Mapping[str, Floats]] = lambda draws: draws
    seen_in: str


def wider_prior(design: Design) -> Design:
    prior = replace(PRIOR, sd=1.5 * PRIOR.sd)
    return replace(design, setting=Setting(effect_prior=prior))


def without_authorities(design: Design) -> Design:
    model = replace(design.analysis.model, authorities="none")
    return replace(design, analysis=replace(design.analysis, model=model))


def other_sign(design: Design) -> Design:
    turned = design.data.design * np.where(np.array(design.data.terms) == "did", -1.0, 1.0)
    return replace(design, data=replace(design.data, design=turned))


def too_narrow(draws: Mapping[str, Floats]) -> Mapping[str, Floats]:
    return {name: x.mean() + 0.7 * (x - x.mean()) for name, x in draws.items()}


FAULTS = {
    "prior sd × 1.5": Fault(of_design=wider_prior, seen_in="coefficient[did]"),
    "likelihood without authority effects": Fault(
        of_design=without_authorities, seen_in="shock_sd"
    ),
    "sign of the DiD": Fault(of_design=other_sign, seen_in="coefficient[did]"),
    "ranks on another scale": Fault(of_draws=too_narrow, seen_in="authority_sd"),
}


# Those that take long to be seen.
SLOW = ("prior sd × 1.5", "sign of the DiD", "likelihood without authority effects")


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.long if name in SLOW else ()) for name in FAULTS],
)
def test_a_planted_fault_is_found(
    name: str, design: Design, compiled: Compiled, problem: Problem[CellData]
) -> None:
    fault = FAULTS[name]
    wrong = did_problem(fault.of_design(design), compiled)
    known = set(wrong.generate(0)[0])  # the faulty fit may not know all parameters

    def fit(data: CellData, attempt: int, seed: int) -> Fitted | None:
        if (turned := fault.of_design(design).data.design) is not design.data.design:
            data = replace(data, design=turned)
        fitted = wrong.fit(data, attempt, seed)
        return fitted and replace(fitted, draws=fault.of_draws(fitted.draws))

    def generate(seed: int) -> tuple[Truths, CellData]:
        truths, data = problem.generate(seed)
        return {quantity: truth for quantity, truth in truths.items() if quantity in known}, data

    after, out = found_out(Problem(generate=generate, fit=fit))  # a fault is no reason to retry
    assert after <= MOST
    assert fault.seen_in in out, (after, out)
    print(f"{name}: found after {after} replicates in {', '.join(sorted(out)[:5])}")


# ----------------------------------------------------------------------------- around the data


@pytest.mark.long
def test_truths_around_the_data_are_calibrated_too(
    design: Design, compiled: Compiled, linear: CellData
) -> None:
    arrays = model_data(linear, design.blocks, design.analysis)
    tree = sample(compiled, replace(design.analysis.sampler, draws=500), data=arrays)
    raw = tree["posterior"].to_dataset()
    posterior = named(raw, linear, design.blocks, arrays, seed=1).drop_vars("log_likelihood")
    flat = posterior.stack(sample=("chain", "draw"), create_index=False)
    one = flat.drop_vars(["chain", "draw"], errors="ignore").rename(sample="draw")
    truths = one.expand_dims("chain").transpose("chain", "draw", ...)
    around = replace(design, truths=truths)
    right = verdict_on(made(did_problem(around, compiled), range(SOUND)))
    assert [test.quantity for test in right.tests if test.verdict == "out"] == []
    # Fits that leave the data out are too wide for truths that lie close together.
    both = did_problem(around, compiled)

    def generate(seed: int) -> tuple[Truths, CellData]:
        rng = np.random.default_rng(stage_seed(seed, "truth"))
        truth = truths.isel(draw=[int(rng.integers(truths.sizes["draw"]))])  # the one of `both`
        return both.generate(seed)[0], drawn(linear, truth, np.random.default_rng(seed))

    assert found_out(Problem(generate=generate, fit=both.fit))[1]
