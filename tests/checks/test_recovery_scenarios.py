"""Truths and data of scenarios are what they are said to be."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import xarray as xr

from sofs_bayes import spec
from sofs_bayes.bayes.blocks import Blocks, Setting
from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.bayes.compiled_model import build_copied, copied_arrays, falls_apart
from sofs_bayes.bayes.did_model import build_model, form_of, model_data
from sofs_bayes.bayes.replicated import replicated
from sofs_bayes.checks.classical_intervals import regressors
from sofs_bayes.checks.did_calibration import Design
from sofs_bayes.checks.recovery_fits import effects
from sofs_bayes.checks.recovery_truths import (
    STRONG,
    Scenario,
    enlarged,
    levels,
    median,
    notes_of,
    random_effects,
    scenarios,
    shared_out,
    shocks,
    truth_of,
    usual_grid,
    years_after,
)
from sofs_bayes.spec import HierarchicalAnalysis

Floats = npt.NDArray[np.float64]
Make = Callable[..., Blocks]
BROKEN = Scenario(
    process="broken",
    effect=0.07,
    heterogeneity=0.0,
    authority_sd=0.03,
    shock_sd=0.02,
    correlation=0.5,
    drift=0.01,
)


def test_the_grid_varies_one_thing_at_a_time_or_all(linear_analysis: HierarchicalAnalysis) -> None:
    grid = usual_grid(linear_analysis)
    few = scenarios(grid, linear_analysis)
    assert few[0].process == "prior"
    assert len(few) == 1 + len(grid.effect) * (1 + 1 + 2 + 3)
    every = scenarios(replace(grid, everything=True), linear_analysis)
    assert len(every) == 1 + len(grid.effect) * 2 * 3 * 4
    assert {*few} <= {*every}
    assert len({each.name for each in every}) == len(every)
    strong = next(each for each in few if each.process == "strong")
    assert (strong.correlation, strong.drift) == (STRONG, 0.0)
    assert strong.shock_sd == pytest.approx(0.6745 * 0.03, rel=1e-3)
    assert median(linear_analysis.priors.authority_sd) == grid.authority_sd


def test_an_analysis_without_shocks_has_none_as_modelled(
    linear_analysis: HierarchicalAnalysis,
) -> None:
    model = replace(linear_analysis.model, shocks="none")
    own = replace(linear_analysis, model=model)
    found = {each.process: each for each in scenarios(usual_grid(own), own)}
    assert (found["model"].shock_sd, found["heavy"].correlation) == (0.0, 0.0)
    assert found["heavy"].shock_sd > 0
    broken = found["broken"]  # as modelled, and drift
    assert (broken.shock_sd, broken.correlation, broken.drift > 0) == (0.0, 0.0, True)


def test_authorities_and_pilots_have_the_tails_of_the_model(
    linear: CellData, linear_analysis: HierarchicalAnalysis, design_of: Make
) -> None:
    tails = replace(linear_analysis.model, tails="student t", degrees_of_freedom=3.0)
    heavier = replace(linear_analysis, model=tails)
    beyond = {}
    for own in (linear_analysis, heavier):
        grid = replace(usual_grid(own), authority_sd=0.1, shock_sd=0.0)
        base = scenarios(grid, own)[1]
        design = design_of(linear, own)
        fixed = levels(linear, design, base)
        rng = np.random.default_rng(6)
        drawn = [apart(truth_of(base, fixed, linear, design, rng), design) for _ in range(500)]
        authority, pilot = (np.concatenate(each) for each in zip(*drawn, strict=True))
        # 3.18 is the 97.5% quantile of Student's t with 3 degrees of freedom.
        shares = [(abs(authority) > 0.318).mean(), (abs(pilot) > 3.182 * 0.02).mean()]
        beyond[base.degrees_of_freedom] = shares
    assert beyond[None] == pytest.approx([0.0015, 0.0015], abs=0.004)
    assert beyond[3.0] == pytest.approx([0.05, 0.05], abs=0.02)


def apart(truth: xr.Dataset, design: Blocks) -> tuple[Floats, Floats]:
    """What a truth without shocks has of authorities, and of pilots' own deviations."""
    coefficient = truth["coefficient"].to_numpy()[0, 0]
    left = truth["cell_predictor"].to_numpy()[0, 0] - design.design @ coefficient
    first = design.authorities.argmax(axis=0)  # a cell of each authority
    own = [i for i, term in enumerate(design.terms) if term.startswith("did: ")]
    return left[first], coefficient[own]


def test_effects_that_a_model_does_not_have_stay_normal() -> None:
    def drawn(design: Floats, tails: float | None) -> Floats:
        return random_effects(0.1, design, tails, np.random.default_rng(1))

    none, some = np.zeros((3, 2)), np.ones((3, 2))
    assert drawn(none, 4.0).tolist() == drawn(none, None).tolist() == drawn(some, None).tolist()
    assert drawn(some, 4.0).tolist() != drawn(some, None).tolist()


@pytest.mark.parametrize("which", ["linear", "logistic"])
def test_copies_are_authorities_of_their_own(which: str, request: pytest.FixtureRequest) -> None:
    data: CellData = request.getfixturevalue(which)
    three = enlarged(data, 3)
    assert len({*three.authorities}) == 3 * len(data.authorities)
    assert three.treated.sum() == 3 * data.treated.sum()
    assert set(three.pilots) <= set(three.authorities)
    assert np.array_equal(three.authority[len(data.cells) :][:3], data.authority[:3] + 7)
    one, all_ = regressors(data), regressors(three)
    assert all_.xx.sum(0) == pytest.approx(3 * one.xx.sum(0))
    if three.patterns is not None:
        assert (np.diff(three.patterns.cell) >= 0).all()
        assert three.patterns.events.sum() == 3 * data.patterns.events.sum()  # type: ignore[union-attr]


@pytest.mark.parametrize("process", ["strong", "heavy"])
def test_shocks_have_their_sd_and_correlation(linear: CellData, process: str) -> None:
    scenario = replace(BROKEN, process=process, correlation=0.5)
    rng = np.random.default_rng(1)
    paths = np.concatenate([shocks(scenario, linear, rng) for _ in range(4000)])
    # Student's t with 3 degrees of freedom has no fourth moment: its sd is slow to settle.
    assert paths.std(axis=0) == pytest.approx(np.full(5, 0.02), rel=0.15)
    alike = np.corrcoef(paths.T)
    assert alike[0, 1] == pytest.approx(0.5, abs=0.05)
    assert alike[2, 3] == pytest.approx(0.25, abs=0.05)  # 2014 to 2016
    heavy = (np.abs(paths) > 0.08).mean()
    assert (heavy > 1e-3) == (process == "heavy")


def test_notes_are_about_truths_not_ranks(
    linear: CellData,
    logistic: CellData,
    linear_analysis: HierarchicalAnalysis,
    logistic_analysis: HierarchicalAnalysis,
) -> None:
    def notes(analysis: HierarchicalAnalysis, data: CellData, **changes: bool) -> tuple[str, ...]:
        setting = Setting(effect_prior=analysis.effect_priors["reference"], **changes)  # type: ignore[arg-type]
        design = Design(analysis=analysis, setting=setting, data=data)
        found = notes_of(design)
        assert len(found) == len(design.notes)  # each difference has its note
        assert "rank" not in " ".join(found)
        return found

    (flat,) = notes(linear_analysis, linear)
    assert "Others would change no error and no coverage" in flat
    (whole,) = notes(logistic_analysis, logistic)
    assert whole.startswith("Counts are rounded to whole children")
    assert "have normal ones with sd" in notes(linear_analysis, linear, replicating=True)[0]


def test_drift_counts_years_from_the_last_one_before(linear: CellData) -> None:
    after = years_after(linear)
    cells = linear.cells.assign(after=after)
    ash = cells[cells["authority"] == "Ash"].sort_values("year")
    assert ash["after"].tolist() == [0, 0, 1, 3, 4]
    assert not cells.loc[cells["pilot"] == 0, "after"].any()


def test_the_truth_is_the_effect_without_the_drift(
    linear: CellData, linear_analysis: HierarchicalAnalysis, design_of: Make
) -> None:
    design = design_of(linear, linear_analysis)
    fixed = levels(linear, design, BROKEN)
    truth = truth_of(BROKEN, fixed, linear, design, np.random.default_rng(3))
    found = effects(truth, linear, design)
    assert {name: float(each[0, 0]) for name, each in found.items()} == pytest.approx(
        dict.fromkeys(("pooled", "Ash", "Birch", "Cedar"), 0.07)
    )
    calm = replace(BROKEN, process="model", drift=0.0)
    other = truth_of(calm, fixed, linear, design, np.random.default_rng(3))
    apart = (truth["cell_predictor"] - other["cell_predictor"]).to_numpy()[0, 0]
    assert apart == pytest.approx(0.01 * years_after(linear))


def test_levels_are_those_of_the_design(
    linear: CellData, linear_analysis: HierarchicalAnalysis, design_of: Make
) -> None:
    design = design_of(linear, linear_analysis)
    fixed = levels(linear, design, BROKEN)
    mean = design.design @ fixed.coefficient + linear.child_means @ fixed.child_effect
    untreated = linear.treated.sum(1) == 0
    seen = linear.centre[untreated].mean()
    assert mean[untreated].mean() == pytest.approx(seen, abs=0.02)
    assert fixed.residual_sd == pytest.approx(0.3, rel=0.1)


def test_what_is_within_cells_is_shared_out_as_children_would(linear: CellData) -> None:
    rng, gamma = np.random.default_rng(4), np.array([0.02, -0.01])
    predictor = np.full(len(linear.cells), 0.1)
    off = []
    for _ in range(400):
        data = replicated(linear, predictor=predictor, child_effect=gamma, residual_sd=0.3, rng=rng)
        shared = shared_out(data, gamma, 0.3, rng)
        assert shared.within_xy.sum(0) == pytest.approx(data.within_xy.sum(0))
        assert shared.within_yy.sum() == pytest.approx(data.within_yy.sum())
        off.append(shared.within_xy - linear.within_xx @ gamma)
    spread = np.var(off, axis=0)  # (authorities, child terms)
    due = 0.09 * np.einsum("aii->ai", linear.within_xx)
    assert spread / due == pytest.approx(np.ones(spread.shape), rel=0.35)


def test_the_model_of_copies_is_the_model(
    linear: CellData, linear_analysis: HierarchicalAnalysis, design_of: Make
) -> None:
    data = enlarged(linear, 3)
    design = design_of(data, linear_analysis)
    arrays, form = model_data(data, design, linear_analysis), form_of(data, design, linear_analysis)
    assert falls_apart(form, design)
    whole = build_model(form, arrays)
    apart = build_copied(form, copied_arrays(arrays, 3), 3)
    densities = [graph.compile_logp(mode="FAST_COMPILE") for graph in (whole, apart)]
    rng = np.random.default_rng(5)
    for _ in range(3):
        point = {
            name: np.asarray(value + 0.5 * rng.standard_normal(np.shape(value)))
            for name, value in whole.initial_point().items()
        }
        one, other = (float(density(point)) for density in densities)
        assert one == pytest.approx(other, abs=1e-6)


def test_copies_of_other_models_are_not_taken_apart(
    linear: CellData, linear_analysis: HierarchicalAnalysis, design_of: Make
) -> None:
    tails = replace(linear_analysis, model=replace(linear_analysis.model, tails="student t"))
    design = design_of(linear, tails)
    assert not falls_apart(form_of(linear, design, tails), design)
    own = design_of(linear, linear_analysis, pilot_effects="none")
    assert not falls_apart(form_of(linear, own, linear_analysis), own)


def test_pilots_differ_at_the_base_where_the_model_has_it_so() -> None:
    for name, base in (("cla-random-effects", 0.0), ("cla-logistic", 0.2), ("icpc-linear", 0.02)):
        analysis = spec.load(name)
        assert isinstance(analysis, HierarchicalAnalysis)
        assert usual_grid(analysis).heterogeneity[0] == base
