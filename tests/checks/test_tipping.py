"""Reweighted draws say what a fit that knows the departure would: normal models, in closed form."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import xarray as xr
from scipy import optimize, stats

from sofs_bayes import spec
from sofs_bayes.bayes.blocks import Blocks, Setting, blocks
from sofs_bayes.bayes.cell_data import CellData, cell_data
from sofs_bayes.cells.collapse import collapse
from sofs_bayes.cells.dataset import Cells
from sofs_bayes.checks.tipping import Reweighted, Tipping, tipping, tipping_point
from sofs_bayes.spec import ChildrenAnalysis, HierarchicalAnalysis, Normal
from sofs_bayes.spec.keys import POOLED

FOLDER = Path(__file__).parents[1] / "reference" / "regressions"
# Monte Carlo errors within which a probability is that of the closed form: 130 are looked at.
ERRORS = 4.5
# What none of the draws shows has less probability than this.
RARE = 0.002
# Between a Monte Carlo error as reported and the spread of 300 repetitions.
SPREAD = 0.15
DEPARTURES = np.linspace(-0.12, 0.12, 25)
PRIOR = Normal(mean=0.01, sd=0.05, why="as wide as what the made-up outcomes say")
DEVIATION_SD = 0.03
CHAINS, DRAWS = 4, 5000

Floats = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def cells() -> Cells:
    matched = pd.read_csv(FOLDER / "matched.csv", parse_dates=["referral_date"])
    children = spec.load(FOLDER / "analysis.toml")
    assert isinstance(children, ChildrenAnalysis)
    return collapse(matched, children, evidence="synthetic")


def analysis_of(model: str, column: str = "did") -> HierarchicalAnalysis:
    children, base = spec.load(FOLDER / "analysis.toml"), spec.load(model)
    assert isinstance(children, ChildrenAnalysis)
    assert isinstance(base, HierarchicalAnalysis)
    return replace(base, children=children, column=column)


@pytest.fixture(scope="module")
def data(cells: Cells) -> CellData:
    return cell_data(cells, analysis_of("icpc-linear"))


@pytest.fixture(scope="module")
def design(data: CellData) -> Blocks:
    return blocks(data, analysis_of("icpc-linear"), Setting(effect_prior=PRIOR))


class Exact:
    """Pilots' outcomes are the effect as seen plus their deviation plus normal noise.

    The effect has the prior, deviations a known sd, and the posterior of all is normal.
    """

    def __init__(self, pilots: int) -> None:
        self.outcomes = np.linspace(0.03, 0.09, pilots)
        self.noise = np.linspace(0.03, 0.05, pilots)

    def posterior(self, departure: float) -> tuple[Floats, Floats]:
        """Mean and covariance of the effect as seen and the deviations."""
        pilots = len(self.outcomes)
        seen = np.column_stack([np.ones(pilots), np.eye(pilots)])
        before = np.diag([PRIOR.sd**-2, *[DEVIATION_SD**-2] * pilots])
        covariance = np.linalg.inv(before + seen.T @ (seen / self.noise[:, None] ** 2))
        pull = seen.T @ (self.outcomes / self.noise**2)
        pull[0] += (PRIOR.mean + departure) / PRIOR.sd**2
        return covariance @ pull, covariance

    def above_zero(self, combination: Floats, departure: float) -> float:
        """The probability that the effect and deviations, so combined, are above zero."""
        mean, covariance = self.posterior(departure)
        sd = math.sqrt(combination @ covariance @ combination)
        return float(stats.norm.sf((departure - combination @ mean) / sd))

    def draws(self, size: int, seed: int) -> Floats:
        """Draws of the fit that knows of no departure, (size, 1 + pilots)."""
        return np.random.default_rng(seed).multivariate_normal(*self.posterior(0.0), size)


def named(draws: Floats, data: CellData, design: Blocks, chains: int = CHAINS) -> xr.Dataset:
    """Draws of the effect and the deviations, in the form of `did_draws.named`."""
    shaped = draws.reshape(chains, -1, draws.shape[1])
    coefficient = np.zeros((*shaped.shape[:2], len(design.terms)))
    coefficient[:, :, design.terms.index("did")] = shaped[:, :, 0]
    return xr.Dataset(
        {
            "coefficient": (("chain", "draw", "term"), coefficient),
            "pilot_deviation": (("chain", "draw", "pilot"), shaped[:, :, 1:]),
            "cell_predictor": (
                ("chain", "draw", "cell"),
                np.zeros((*shaped.shape[:2], len(data.cells))),
            ),
        },
        coords={"term": list(design.terms), "pilot": list(data.pilots)},
    )


@pytest.fixture(scope="module")
def exact(data: CellData) -> Exact:
    return Exact(len(data.pilots))


@pytest.fixture(scope="module")
def combinations(data: CellData) -> dict[str, Floats]:
    """What the pooled and each pilot's effect are made of."""
    children = data.treated.T @ data.cells["children"].to_numpy(np.float64)
    alone = {name: np.eye(len(data.pilots))[i] for i, name in enumerate(data.pilots)}
    shares = {POOLED: children / children.sum()} | alone
    return {name: np.array([1.0, *share]) for name, share in shares.items()}


@pytest.fixture(scope="module")
def found(data: CellData, design: Blocks, exact: Exact) -> Tipping:
    posterior = named(exact.draws(CHAINS * DRAWS, 3), data, design)
    return tipping(posterior, data, design, PRIOR, level=0.9, departures=DEPARTURES.tolist())


def test_probabilities_are_those_of_the_closed_form(
    found: Tipping, exact: Exact, combinations: dict[str, Floats]
) -> None:
    assert len(found.rows) == len(combinations) * len(DEPARTURES)
    far = 0
    for row in found.rows:
        expected = exact.above_zero(combinations[row.target], row.departure)
        assert row.scale == "risk"
        if row.departure == 0:
            assert row.pareto_k == 0.0
        if math.isnan(row.mcse):
            assert row.probability_above_zero == round(row.probability_above_zero)
            assert abs(row.probability_above_zero - expected) < RARE
        elif not row.pareto_k > 0.7:
            assert abs(row.probability_above_zero - expected) < ERRORS * row.mcse
            far += abs(row.departure) > 0.06
    assert far >= 2 * len(combinations)


def test_taking_the_departure_off_the_draws_is_not_enough(
    found: Tipping, exact: Exact, combinations: dict[str, Floats], data: CellData, design: Blocks
) -> None:
    """The prior is about the effect, not about the effect and the departure together."""
    draws = exact.draws(CHAINS * DRAWS, 3) @ combinations[POOLED]
    (row,) = (row for row in found.rows if (row.target, row.departure) == (POOLED, DEPARTURES[-6]))
    expected = exact.above_zero(combinations[POOLED], row.departure)
    wrong = float((draws > row.departure).mean())
    assert abs(row.probability_above_zero - expected) < ERRORS * row.mcse
    assert abs(wrong - expected) > 4 * ERRORS * row.mcse


def test_tipping_points_are_those_of_the_closed_form(
    found: Tipping, exact: Exact, combinations: dict[str, Floats]
) -> None:
    wanted = {(target, level) for target in combinations for level in (0.9, 0.5, 0.1)}
    assert {(point.target, point.level) for point in found.points} == wanted
    reached = 0
    for point in found.points:
        combination = combinations[point.target]

        def above(departure: float, given: Floats = combination) -> float:
            return exact.above_zero(given, departure)

        expected = optimize.brentq(lambda x, level=point.level: above(x) - level, -0.5, 0.5)
        assert point.direction == ("falls" if above(0.0) >= point.level else "rises")
        if math.isnan(point.departure):
            assert not math.isnan(point.reached_within)
            continue
        reached += 1
        assert math.isnan(point.reached_within)
        nearest = min(
            (row for row in found.rows if row.target == point.target),
            key=lambda row, at=expected: abs(row.departure - at),
        )
        slope = abs(above(expected + 1e-4) - above(expected - 1e-4)) / 2e-4
        assert abs(point.departure - expected) < ERRORS * 1.5 * nearest.mcse / slope
    assert reached >= 2 * len(combinations)


def test_probabilities_decline_with_the_departure(found: Tipping) -> None:
    for target in {row.target for row in found.rows}:
        of_target = [row for row in found.rows if row.target == target and not row.pareto_k > 0.7]
        assert [row.departure for row in of_target] == sorted(row.departure for row in of_target)
        values = np.array([row.probability_above_zero for row in of_target])
        errors = np.nan_to_num([row.mcse for row in of_target])
        assert (np.diff(values) <= ERRORS * errors[1:]).all()
        assert values[-1] < values[0]


def test_the_reported_error_is_that_of_repetitions(exact: Exact) -> None:
    combination = np.array([1.0, *np.full(len(exact.outcomes), 1 / len(exact.outcomes))])
    rows = []
    for seed in range(300):
        draws = exact.draws(1000, seed)
        weighted = Reweighted.of(draws[:, 0], 4, PRIOR)
        rows.append(weighted.above_zero(draws @ combination, 0.05)[:2])
    values, errors = np.array(rows).T
    assert errors.mean() == pytest.approx(values.std(), rel=SPREAD)


def test_chains_that_stick_have_larger_errors(exact: Exact) -> None:
    draws = exact.draws(4000, 1)
    sticky = np.repeat(draws[:400], 10, axis=0)
    errors = [
        Reweighted.of(each[:, 0], 4, PRIOR).above_zero(each[:, 0], 0.02)[1]
        for each in (draws, sticky)
    ]
    assert errors[1] > 2 * errors[0]


def test_the_range_by_default_is_symmetric_and_wide_enough(
    data: CellData, design: Blocks, exact: Exact
) -> None:
    posterior = named(exact.draws(4000, 5), data, design)
    found = tipping(posterior, data, design, PRIOR)
    departures = np.array([row.departure for row in found.rows if row.target == POOLED])
    np.testing.assert_array_equal(departures, -departures[::-1])
    assert 0.0 in departures
    pooled = {point.level: point for point in found.points if point.target == POOLED}
    assert set(pooled) == {0.95, 0.5, 0.05}
    assert not math.isnan(pooled[0.5].departure)


def test_a_range_that_is_too_narrow_has_no_point(
    data: CellData, design: Blocks, exact: Exact
) -> None:
    posterior = named(exact.draws(4000, 5), data, design)
    found = tipping(posterior, data, design, PRIOR, departures=[-0.001, 0.001])
    pooled = {point.level: point for point in found.points if point.target == POOLED}
    assert math.isnan(pooled[0.5].departure)
    assert pooled[0.5].reached_within == 0.001
    assert math.isnan(pooled[0.5].pareto_k)
    nowhere = tipping(posterior, data, design, PRIOR, departures=[0.0])
    assert {point.reached_within for point in nowhere.points} == {0.0}


def test_weights_that_fail_have_no_point(data: CellData, design: Blocks, exact: Exact) -> None:
    """A prior far narrower than what the draws allow for: a few draws take all the weight."""
    narrow = Normal(mean=0.0, sd=0.005, why="narrower than the draws")
    setting = replace(design, prior_mean=design.prior_mean.copy(), prior_sd=design.prior_sd.copy())
    at = design.terms.index("did")
    setting.prior_mean[at], setting.prior_sd[at] = narrow.mean, narrow.sd
    posterior = named(exact.draws(4000, 5), data, setting)
    found = tipping(posterior, data, setting, narrow, departures=DEPARTURES.tolist())
    (point,) = (p for p in found.points if p.target == POOLED and p.level == 0.05)
    assert math.isnan(point.departure)
    assert point.pareto_k > 0.7
    assert max(row.pareto_k for row in found.rows) > 0.7


def steps(slope: float) -> Callable[[float], tuple[float, float]]:
    return lambda departure: (float(stats.norm.cdf(1.0 - slope * departure)), 0.1)


@pytest.mark.parametrize("level", [0.95, 0.5, 0.1])
@pytest.mark.parametrize("slope", [0.5, 1.0, 3.0])
def test_a_smooth_probability_is_followed_to_its_level(level: float, slope: float) -> None:
    point = tipping_point("pooled", "risk", level, np.linspace(-9.0, 9.0, 7), steps(slope))
    assert point.departure == pytest.approx((1.0 - stats.norm.ppf(level)) / slope, abs=1e-5)
    assert point.direction == ("rises" if level > stats.norm.cdf(1.0) else "falls")


@pytest.mark.parametrize("level", [0.99, 0.5])
def test_weights_may_fail_beyond_the_level(level: float) -> None:
    def probability(departure: float) -> tuple[float, float]:
        return steps(1.0)(departure)[0], 0.9 if abs(departure) > 4 else 0.1

    point = tipping_point("pooled", "risk", level, np.linspace(-9.0, 9.0, 19), probability)
    assert point.departure == pytest.approx(1.0 - stats.norm.ppf(level), abs=1e-5)
    early = tipping_point("pooled", "risk", level, np.array([-9.0, 9.0]), probability)
    assert math.isnan(early.departure)
    assert early.reached_within == (-9.0 if level > 0.9 else 9.0)
    assert early.pareto_k == 0.9


def test_log_odds_are_the_scale_of_a_logistic_model(cells: Cells, exact: Exact) -> None:
    analysis = analysis_of("cla-logistic")
    data = cell_data(cells, analysis)
    design = blocks(data, analysis, Setting(effect_prior=PRIOR))
    found = tipping(named(exact.draws(400, 5), data, design), data, design, PRIOR)
    assert {row.scale for row in found.rows} == {"log-odds"}


def test_a_departure_is_told_in_leads_and_by_year(
    data: CellData, design: Blocks, exact: Exact
) -> None:
    cells = data.cells[data.cells["pilot"] == 1]
    mean = {
        treated: np.average(rows["year"], weights=rows["weight"])
        for treated, rows in cells.groupby("treated")
    }
    apart = mean[1] - mean[0]
    draws = named(exact.draws(400, 5), data, design)
    found = tipping(draws, data, design, PRIOR, leads=(0.01, -0.02))
    reached = [point for point in found.points if not math.isnan(point.departure)]
    assert apart > 1 and reached
    for point in reached:
        assert point.per_year == pytest.approx(point.departure / apart)
        assert point.leads == pytest.approx(abs(point.departure) / 0.02)
    without = tipping(draws, data, design, PRIOR).points
    assert all(math.isnan(point.leads) for point in without)


@pytest.mark.parametrize(
    ("column", "setting", "message"),
    [
        ("lags", {}, "one effect"),
        ("quality", {}, "one effect"),
        ("did", {"pilot_effects": "none"}, "pilots pooled"),
        ("did", {"replicating": True}, "effect prior of the fit"),
        ("did", {"departure_sd": 0.02}, "departure of its own"),
    ],
)
def test_other_fits_are_refused(
    cells: Cells, exact: Exact, column: str, setting: dict[str, Any], message: str
) -> None:
    analysis = analysis_of("icpc-linear", column)
    data = cell_data(cells, analysis)
    design = blocks(data, analysis, Setting(effect_prior=PRIOR, **setting))
    with pytest.raises(ValueError, match=message):
        tipping(xr.Dataset(), data, design, PRIOR)


def test_levels_and_priors_that_do_not_fit_are_refused(data: CellData, design: Blocks) -> None:
    with pytest.raises(ValueError, match=r"between 0\.5 and 1"):
        tipping(xr.Dataset(), data, design, PRIOR, level=0.5)
    with pytest.raises(ValueError, match="effect prior of the fit"):
        tipping(xr.Dataset(), data, design, replace(PRIOR, sd=0.1))
