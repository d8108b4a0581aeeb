"""Whole authorities' counts beside what the fitted model predicts: the check can fail."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import xarray as xr
from scipy.special import expit
from scipy.stats import kstest
from tests.counts import observed

from sofs_bayes import spec
from sofs_bayes.bayes.blocks import Blocks, Setting, blocks
from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.bayes.open_counts import open_cell_data
from sofs_bayes.checks.predictive import Prediction, predictive_check
from sofs_bayes.checks.registry.predictions import PredictiveStatistic

SAMPLES = 1000
# Kolmogorov distance from a uniform distribution, of a few hundred dependent ranks.
UNIFORM = 0.12

type Case = tuple[CellData, Blocks, xr.Dataset]


def panel(rho: float, *, comparators: int = 40, years: int = 7, sd: float = 0.3) -> Case:
    """Counts with shocks of this correlation, and draws that all know the truth behind them."""
    rng = np.random.default_rng(8)
    pilots, authorities = 2, comparators + 2
    gaps = np.abs(np.subtract.outer(np.arange(years), np.arange(years)))
    correlated = np.where(gaps == 0, 1.0, float(rho) ** gaps)
    shocks = sd * rng.multivariate_normal(np.zeros(years), correlated, size=authorities)
    drift = np.linspace(0.0, 0.3, years)
    own = 0.4 * rng.standard_normal((authorities, 1))
    logit = -1.5 + own + drift + shocks
    logit[:pilots, years // 2 + 1 :] -= 0.5
    denominators = np.full(logit.shape, 3000.0)
    events = rng.binomial(denominators.astype(int), expit(logit)).astype(float)
    names = [f"pilot {i}" for i in range(pilots)] + [f"other {i:02}" for i in range(comparators)]
    settling = 2012 + years // 2
    window = dict.fromkeys(names[:pilots], (settling, settling))
    data = open_cell_data(observed(events, denominators, names, range(2012, 2012 + years), window))
    analysis = spec.load("icpc-open-data")
    assert isinstance(analysis, spec.OpenAnalysis)
    design = blocks(data, analysis, Setting(effect_prior=analysis.effect_priors["reference"]))
    coefficient = np.zeros(len(design.terms))
    known = {"intercept": -1.5, "did": -0.5}
    known |= {f"year {2012 + t}": drift[t] for t in range(1, years)}
    for name, value in known.items():
        coefficient[design.terms.index(name)] = value
    at = [names.index(name) for name in data.authorities]
    truth = {
        "coefficient": (("term",), coefficient),
        "child_effect": (("child_term",), np.zeros(0)),
        "authority_sd": ((), 0.4),
        "pilot_effect_sd": ((), 0.0),
        "pilot_deviation": (("pilot",), np.zeros(pilots)),
        "shock_sd": ((), sd),
        "shock_correlation": ((), rho),
        "shock": (("authority", "year"), shocks[at]),
        "cell_predictor": (("cell",), logit[at][data.authority, data.year]),
    }
    draws = xr.Dataset(truth).expand_dims(chain=2, draw=SAMPLES // 2).copy(deep=True)
    return data, design, draws


def predicted(
    case: Case, *, level: float = 0.9, seed: int = 1, **changes: xr.DataArray
) -> Prediction:
    data, design, draws = case
    return predictive_check(
        draws.assign(changes), data, design, kind="posterior", level=level, seed=seed, by_cell=True
    )


def with_events(case: Case, events: np.ndarray) -> Case:
    data, design, draws = case
    assert data.patterns is not None
    patterns = replace(data.patterns, events=events)
    return replace(data, cells=data.cells.assign(events=events), patterns=patterns), design, draws


def statistic(found: tuple[PredictiveStatistic, ...], name: str) -> PredictiveStatistic:
    [wanted] = [each for each in found if each.statistic == name]
    return wanted


NEIGHBOURS = "correlation from one year to the next"


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.6])
def test_the_true_model_predicts_its_data(rho: float) -> None:
    case = panel(rho)
    found = predicted(case)
    assert len(found.cells) == len(case[0].cells)
    pit = [cell.pit for cell in found.cells]
    assert kstest(pit, "uniform").statistic < UNIFORM
    inside = np.mean([cell.lower <= cell.observed <= cell.upper for cell in found.cells])
    assert 0.85 < inside < 0.99
    for each in found.statistics:
        assert 0.01 < each.p < 0.99, each
        assert each.lower < each.median < each.upper


def test_shocks_of_half_the_size_are_noticed() -> None:
    case = panel(0.5)
    found = predicted(case, shock_sd=0.3 * case[2]["shock_sd"])
    assert kstest([cell.pit for cell in found.cells], "uniform").statistic > UNIFORM
    assert np.mean([cell.lower <= cell.observed <= cell.upper for cell in found.cells]) < 0.7
    assert statistic(found.statistics, "sd of an authority-year").p < 0.01


def test_independent_predictions_of_persistent_shocks_are_noticed() -> None:
    case = panel(0.8)
    right = predicted(case).statistics
    wrong = predicted(case, shock_correlation=0.0 * case[2]["shock_correlation"]).statistics
    assert 0.01 < statistic(right, NEIGHBOURS).p < 0.99
    assert statistic(wrong, NEIGHBOURS).p < 0.01
    assert statistic(wrong, NEIGHBOURS).observed > statistic(wrong, NEIGHBOURS).upper


def test_persistent_predictions_of_independent_shocks_are_noticed() -> None:
    case = panel(0.0)
    persistent = xr.full_like(case[2]["shock_correlation"], 0.8)
    found = predicted(case, shock_correlation=persistent)
    assert statistic(found.statistics, NEIGHBOURS).p > 0.99


def test_an_outlier_stands_out() -> None:
    data, design, draws = panel(0.5)
    [at] = np.flatnonzero((data.cells["authority"] == "other 07") & (data.cells["year"] == 2015))
    events = data.cells["events"].to_numpy().copy()
    odds = 4.0 * events[at] / (3000.0 - events[at])  # four to five sds of a shock
    events[at] = np.floor(3000.0 * odds / (1 + odds))
    draws["cell_predictor"][..., at] += np.log(4.0)
    draws["shock"][..., data.authority[at], data.year[at]] += np.log(4.0)
    found = predicted(with_events((data, design, draws), events), level=0.99)
    [cell] = [c for c in found.cells if (c.authority, c.year) == ("other 07", 2015)]
    assert cell.pit > 0.995
    assert cell.observed > cell.upper
    out = [c for c in found.cells if not c.lower <= c.observed <= c.upper]
    assert len(out) < 0.03 * len(found.cells)


def test_cells_say_who_and_when_and_how_many() -> None:
    case = panel(0.5, comparators=4)
    found = predicted(case, level=0.8)
    seen = {(cell.authority, cell.year) for cell in found.cells}
    assert ("pilot 0", 2015) not in seen  # settling-in
    table = case[0].cells.set_index(["authority", "year"])
    for cell in found.cells:
        row = table.loc[(cell.authority, cell.year)]
        assert cell.arm == ("pilot" if cell.authority.startswith("pilot") else "comparator")
        assert cell.denominator == row["children"]
        assert cell.observed == row["events"] / row["children"]
        assert cell.lower <= cell.median <= cell.upper
        assert cell.level == 0.8


def test_single_cells_are_given_only_where_they_are_asked_for() -> None:
    data, design, draws = panel(0.5, comparators=4)
    check = partial(predictive_check, draws, data, design, kind="posterior", level=0.9, seed=1)
    assert check().cells == ()
    assert check(by_cell=True).cells != ()


def test_the_check_repeats_with_its_seed() -> None:
    case = panel(0.5, comparators=4)
    one, again, other = (predicted(case, seed=seed) for seed in (1, 1, 2))
    assert one == again != other


def test_ties_count_half() -> None:
    """With a rate of nearly zero every prediction and the observed count are none."""
    case = panel(0.5, comparators=2)
    none = with_events(case, np.zeros(len(case[0].cells)))
    found = predicted(none, cell_predictor=case[2]["cell_predictor"] - 40.0)
    assert {cell.pit for cell in found.cells} == {0.5}


@pytest.mark.parametrize("changes", [{"comparators": 2}, {"years": 2}])
def test_too_few_to_speak_of_movement_have_no_statistics(changes: dict[str, int]) -> None:
    names = {each.statistic for each in predicted(panel(0.5, **changes)).statistics}  # type: ignore[arg-type]
    assert NEIGHBOURS not in names


def test_comparators_that_move_alike_have_no_correlation() -> None:
    case = panel(0.5)
    alike = with_events(case, np.full(len(case[0].cells), 300.0))
    assert statistic(predicted(alike).statistics, NEIGHBOURS).observed == 0.0
