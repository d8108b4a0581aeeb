"""The gate passes what is sound and names what is not; predictions notice data of another kind."""

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import xarray as xr
from scipy.special import expit
from scipy.stats import kstest

from sofs_bayes.bayes.did_arrays import AFTER, DidArrays
from sofs_bayes.checks.diagnostics import (
    MAX_RHAT,
    MIN_BFMI,
    MIN_ESS,
    Gate,
    PredictiveStatistic,
    gate,
    predictive_check,
)

Floats = npt.NDArray[np.float64]

CHAINS, DRAWS = 4, 1000
# Largest distance from uniform of some 300 PIT values. Chance alone leaves .08 in one of a
# hundred; the rest is that an authority's level is taken from the very years predicted, which
# makes predictions with seven years a little wide.
UNIFORM = 0.12
SAMPLES = 400


# ----------------------------------------------------------------------------- the gate


def normal(seed: int = 0, *shape: int) -> xr.DataArray:
    """Independent normal draws."""
    values = np.random.default_rng(seed).standard_normal((CHAINS, DRAWS, *shape))
    return xr.DataArray(values, dims=("chain", "draw", *(f"dim {size}" for size in shape)))


def stats_of(energy: Floats | None = None, divergences: int = 0) -> xr.Dataset:
    """A sampler's own record: independent energies, no divergences, if not told otherwise."""
    diverging = np.zeros((CHAINS, DRAWS), dtype=bool)
    diverging.flat[:divergences] = True
    energy = normal(99).values if energy is None else energy
    return xr.Dataset(
        {"energy": (("chain", "draw"), energy), "diverging": (("chain", "draw"), diverging)}
    )


def verdict(sample_stats: xr.Dataset | None = None, **quantities: xr.DataArray) -> Gate:
    """The gate's verdict on these beside three sound parameters and a sound effect."""
    parameters = xr.Dataset({"sound": normal(1), "sound_too": normal(2, 3)} | quantities)
    stats = stats_of() if sample_stats is None else sample_stats
    return gate(parameters, {"sound effect": normal(3)}, stats)


def failed(found: Gate) -> set[tuple[str, str]]:
    return {(failure.quantity, failure.measure) for failure in found.failures}


def test_independent_draws_pass() -> None:
    found = verdict()
    assert found.passed
    assert found.failures == ()
    assert found.status == "converged"
    assert (found.divergences, found.draws, found.quantities) == (0, CHAINS * DRAWS, 3)
    assert found.max_rhat <= MAX_RHAT
    assert min(found.min_ess_bulk, found.min_ess_tail) > 0.7 * CHAINS * DRAWS
    assert found.min_bfmi > MIN_BFMI


def test_a_shifted_chain_fails() -> None:
    shifted = normal(4)
    shifted[2] += 0.5
    found = verdict(shifted=shifted)
    assert not found.passed
    assert found.status == "not converged"
    assert ("shifted", "R-hat") in failed(found)
    assert {quantity for quantity, _ in failed(found)} == {"shifted"}
    [failure] = [each for each in found.failures if each.measure == "R-hat"]
    assert failure.value == found.max_rhat > failure.limit == MAX_RHAT


def test_a_chain_of_another_spread_fails() -> None:
    wide = normal(4)
    wide[2] *= 3.0
    assert ("wide", "R-hat") in failed(verdict(wide=wide))


def test_one_element_of_many_is_enough_to_fail() -> None:
    one = normal(4, 5)
    one[2, :, 3] += 0.5
    assert ("one", "R-hat") in failed(verdict(one=one))


def test_draws_that_hardly_move_fail() -> None:
    slow = normal(4)
    for draw in range(1, DRAWS):
        slow[:, draw] = 0.95 * slow[:, draw - 1] + math.sqrt(1 - 0.95**2) * slow[:, draw]
    found = verdict(slow=slow)
    assert {("slow", "bulk ESS"), ("slow", "tail ESS")} <= failed(found)
    assert found.min_ess_bulk < MIN_ESS
    assert {quantity for quantity, _ in failed(found)} == {"slow"}


def test_tails_visited_in_blocks_fail_alone() -> None:
    """The middle mixes at once, but for long stretches no draw goes far out."""
    blocks = normal(4) * np.where(np.arange(DRAWS) // 250 % 2, 3.0, 0.1)
    assert failed(verdict(blocks=blocks)) == {("blocks", "tail ESS")}


@pytest.mark.parametrize("bad", [0.0, math.nan])
def test_a_constant_or_missing_quantity_fails(bad: float) -> None:
    found = verdict(flat=xr.full_like(normal(4), bad))
    assert ("flat", "R-hat") in failed(found)
    assert math.isnan(found.max_rhat)


def test_one_missing_draw_fails() -> None:
    gap = normal(4, 2)
    gap[1, 500, 1] = math.nan
    assert {quantity for quantity, _ in failed(verdict(gap=gap))} == {"gap"}


def test_a_derived_effect_fails_by_its_name() -> None:
    shifted = normal(4)
    shifted[0] += 0.5
    found = gate(xr.Dataset({"sound": normal(1)}), {"effect / pooled / risk": shifted}, stats_of())
    assert {quantity for quantity, _ in failed(found)} == {"effect / pooled / risk"}


def test_one_divergence_fails() -> None:
    found = verdict(stats_of(divergences=1))
    assert failed(found) == {("sampler", "divergences")}
    assert found.divergences == 1


@pytest.mark.parametrize("chains", [1, CHAINS])
def test_energy_that_wanders_fails(chains: int) -> None:
    energy = normal(99).values.copy()
    energy[:chains] = energy[:chains].cumsum(axis=1)
    found = verdict(stats_of(energy))
    assert failed(found) == {("energy", "BFMI")}
    assert found.min_bfmi < MIN_BFMI


def test_missing_energy_fails() -> None:
    found = verdict(stats_of(np.full((CHAINS, DRAWS), np.nan)))
    assert failed(found) == {("energy", "BFMI")}


# -------------------------------------------------------------------------- predictions


def panel(
    rho: float, *, comparators: int = 40, years: int = 7, sd: float = 0.3
) -> tuple[DidArrays, xr.Dataset]:
    """Counts with shocks of this correlation, and draws that all know the truth behind them."""
    rng = np.random.default_rng(8)
    pilots, authorities = 2, comparators + 2
    gaps = np.abs(np.subtract.outer(np.arange(years), np.arange(years)))
    correlated = np.where(gaps == 0, 1.0, float(rho) ** gaps)
    shocks = sd * rng.multivariate_normal(np.zeros(years), correlated, size=authorities)
    drift = np.linspace(0.0, 0.3, years)
    own = 0.4 * rng.standard_normal((authorities, 1))
    logit = -1.5 + own + drift + shocks
    treated = np.zeros((pilots, years))
    treated[:, years // 2 + 1 :] = 1.0
    logit[:pilots] += -0.5 * treated
    denominators = np.full(logit.shape, 3000.0)
    denominators[:pilots, years // 2] = 0.0
    events = rng.binomial(denominators.astype(int), expit(logit)).astype(float)
    names = [f"pilot {i}" for i in range(pilots)] + [f"other {i}" for i in range(comparators)]
    arrays = DidArrays(
        authorities=tuple(names),
        pilots=tuple(names[:pilots]),
        years=tuple(range(2012, 2012 + years)),
        events=events,
        denominators=denominators,
        treated=treated,
        terms=(AFTER,),
        term_design=treated[..., None],
    )
    known = {
        "intercept": ((), -1.5),
        "year_effect": (("later_year",), drift[1:]),
        "pilot_difference": ((), 0.0),
        "authority_sd": ((), 0.4),
        "authority_intercept": (("authority",), own[:, 0]),
        "effect": (("term",), [-0.5]),
        "shock_sd": ((), sd),
        "shock_correlation": ((), rho),
        "cell_logit": (("authority", "year"), logit),
    }
    truth = xr.Dataset(
        {name: (dims, value) for name, (dims, value) in known.items()},
        coords={
            "authority": names,
            "pilot": names[:pilots],
            "year": list(arrays.years),
            "later_year": list(arrays.years[1:]),
            "term": [AFTER],
        },
    )
    draws = truth.expand_dims(chain=2, draw=SAMPLES // 2).copy(deep=True)
    return arrays, draws


def statistic(found: tuple[PredictiveStatistic, ...], name: str) -> PredictiveStatistic:
    [wanted] = [each for each in found if each.statistic == name]
    return wanted


NEIGHBOURS = "correlation from one year to the next"


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.6])
def test_the_true_model_predicts_its_data(rho: float) -> None:
    arrays, draws = panel(rho)
    found = predictive_check(draws, arrays, level=0.9, seed=1)
    assert len(found.cells) == int((arrays.denominators > 0).sum())
    pit = [cell.pit for cell in found.cells]
    assert kstest(pit, "uniform").statistic < UNIFORM
    inside = np.mean([cell.lower <= cell.observed <= cell.upper for cell in found.cells])
    assert 0.85 < inside < 0.99
    for each in found.statistics:
        assert 0.01 < each.p < 0.99, each
        assert each.lower < each.median < each.upper


def test_shocks_of_half_the_size_are_noticed() -> None:
    arrays, draws = panel(0.5)
    small = draws.assign(shock_sd=0.3 * draws["shock_sd"])
    found = predictive_check(small, arrays, level=0.9, seed=1)
    assert kstest([cell.pit for cell in found.cells], "uniform").statistic > UNIFORM
    assert np.mean([cell.lower <= cell.observed <= cell.upper for cell in found.cells]) < 0.7
    assert statistic(found.statistics, "sd of an authority-year").p < 0.01


def test_independent_predictions_of_persistent_shocks_are_noticed() -> None:
    arrays, draws = panel(0.8)
    right = predictive_check(draws, arrays, level=0.9, seed=1).statistics
    independent = draws.drop_vars("shock_correlation")
    wrong = predictive_check(independent, arrays, level=0.9, seed=1).statistics
    assert 0.01 < statistic(right, NEIGHBOURS).p < 0.99
    assert statistic(wrong, NEIGHBOURS).p < 0.01
    assert statistic(wrong, NEIGHBOURS).observed > statistic(wrong, NEIGHBOURS).upper


def test_persistent_predictions_of_independent_shocks_are_noticed() -> None:
    arrays, draws = panel(0.0)
    persistent = xr.full_like(draws["shock_correlation"], 0.8)
    found = predictive_check(draws.assign(shock_correlation=persistent), arrays, level=0.9, seed=1)
    assert statistic(found.statistics, NEIGHBOURS).p > 0.99


def test_an_outlier_stands_out() -> None:
    arrays, draws = panel(0.5)
    events = arrays.events.copy()
    at = arrays.authorities.index("other 7"), 3
    rate = events[at] / arrays.denominators[at]
    odds = 4.0 * rate / (1 - rate)  # of log-odds, four to five of a shock's sd
    events[at] = np.floor(arrays.denominators[at] * odds / (1 + odds))
    draws["cell_logit"][:, :, at[0], at[1]] += np.log(4.0)
    found = predictive_check(draws, replace(arrays, events=events), level=0.99, seed=1)
    [cell] = [c for c in found.cells if (c.authority, c.year) == ("other 7", 2015)]
    assert cell.pit > 0.995
    assert cell.observed > cell.upper
    out = [c for c in found.cells if not c.lower <= c.observed <= c.upper]
    assert len(out) < 0.03 * len(found.cells)


def test_cells_say_who_and_when_and_how_many() -> None:
    arrays, draws = panel(0.5, comparators=4)
    found = predictive_check(draws, arrays, level=0.8, seed=1)
    seen = {(cell.authority, cell.year) for cell in found.cells}
    assert ("pilot 0", 2015) not in seen  # settling-in
    for cell in found.cells:
        i, j = arrays.authorities.index(cell.authority), arrays.years.index(cell.year)
        assert cell.arm == ("pilot" if i < 2 else "comparator")
        assert cell.denominator == arrays.denominators[i, j]
        assert cell.observed == arrays.events[i, j] / arrays.denominators[i, j]
        assert cell.lower <= cell.median <= cell.upper
        assert cell.level == 0.8


def test_the_check_repeats_with_its_seed() -> None:
    arrays, draws = panel(0.5, comparators=4)
    one, again, other = (predictive_check(draws, arrays, level=0.9, seed=s) for s in (1, 1, 2))
    assert one == again != other


def test_ties_count_half() -> None:
    """With a rate of nearly zero every prediction and the observed count are none."""
    arrays, draws = panel(0.5, comparators=2)
    never = draws.assign(intercept=draws["intercept"] - 40.0, cell_logit=draws["cell_logit"] - 40.0)
    none = replace(arrays, events=np.zeros_like(arrays.events))
    found = predictive_check(never, none, level=0.9, seed=1)
    assert {cell.pit for cell in found.cells} == {0.5}


@pytest.mark.parametrize("changes", [{"comparators": 2}, {"years": 2}])
def test_too_few_to_speak_of_movement_have_no_statistics(changes: dict[str, int]) -> None:
    arrays, draws = panel(0.5, **changes)  # type: ignore[arg-type]
    assert predictive_check(draws, arrays, level=0.9, seed=1).statistics == ()


def test_comparators_that_move_alike_have_no_correlation() -> None:
    arrays, draws = panel(0.5)
    alike = np.full_like(arrays.events, 10.0)
    same = replace(arrays, events=alike, denominators=np.full_like(alike, 100.0))
    found = predictive_check(draws, same, level=0.9, seed=1).statistics
    assert {each.statistic: each.observed for each in found}[NEIGHBOURS] == 0.0


def by_hand(arrays: DidArrays, rows: list[int]) -> dict[str, float]:
    """The three statistics, authority by authority."""
    events, children = arrays.events[rows], arrays.denominators[rows]
    logit = np.log((events + 0.5) / (children - events + 0.5))
    left = logit - logit.mean(axis=1, keepdims=True) - logit.mean(axis=0) + logit.mean()
    neighbours = [left[i, t] * left[i, t + 1] for i in range(len(rows)) for t in range(6)]
    change = left[:, -1] - left[:, 0]
    return {
        NEIGHBOURS: float(np.mean(neighbours) / np.mean(left**2)),
        "sd of an authority-year": float(np.sqrt(np.mean(left**2))),
        "sd of the change from first to last year": float(np.std(change)),
    }


def test_statistics_are_of_comparators_seen_in_every_year() -> None:
    arrays, draws = panel(0.5, comparators=8)
    gap = arrays.denominators.copy()
    gap[5, 2] = 0.0
    gap[:2] = 3000.0  # pilots are treated in some of their years, seen though they are
    seen = replace(arrays, denominators=gap, events=np.where(gap > 0, arrays.events, 0.0))
    found = predictive_check(draws, seen, level=0.9, seed=1).statistics
    expected = by_hand(arrays, [2, 3, 4, 6, 7, 8, 9])
    assert {each.statistic: each.observed for each in found} == pytest.approx(expected)
