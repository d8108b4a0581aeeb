"""The gate passes what is sound and names what is not; predictions notice data of another kind."""

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import xarray as xr

from sofs_bayes.checks.diagnostics import MAX_RHAT, MIN_BFMI, MIN_ESS, Failure, Gate, gate
from sofs_bayes.estimands.effects import Effects
from sofs_bayes.spec.keys import PRINTED, Estimand
from sofs_bayes.spec.terms import PER_10_000

Floats = npt.NDArray[np.float64]

CHAINS, DRAWS = 4, 1000
# Largest distance from uniform of some 300 PIT values. Chance alone leaves .08 in one of a
# hundred; the rest is that an authority's level is taken from the very years predicted, which
# makes predictions with seven years a little wide.
UNIFORM = 0.12
SAMPLES = 400


# ----------------------------------------------------------------------------- the gate

POOLED_RISK = Estimand(role=PRINTED, scale="risk")


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
    return gate(parameters, Effects.of({POOLED_RISK: normal(3)}), stats)


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
    effects = Effects.of({POOLED_RISK: shifted, replace(POOLED_RISK, target="Dell"): normal(5)})
    found = gate(xr.Dataset({"sound": normal(1)}), effects, stats_of())
    assert {quantity for quantity, _ in failed(found)} == {"effect (DiD), pooled (risk)"}
    assert found.quantities == 3


def test_a_failure_is_told_in_what_the_analysis_counts() -> None:
    shifted = normal(4)
    shifted[0] += 0.5
    effects = Effects.of({replace(POOLED_RISK, scale=PER_10_000): shifted})
    found = gate(xr.Dataset({"sound": normal(1)}), effects, whom="referrals")
    assert {name for name, _ in failed(found)} == {"effect (DiD), pooled (referrals per 10,000)"}


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


@pytest.mark.parametrize(
    ("measure", "value", "near"),
    [
        ("R-hat", 1.02, True),
        ("R-hat", 1.021, False),
        ("R-hat", float("nan"), False),
        ("bulk ESS", 200.0, True),
        ("tail ESS", 199.0, False),
        ("divergences", 2, True),
        ("divergences", 3, False),
        ("BFMI", 0.29, False),
    ],
)
def test_a_near_miss_is_one_that_longer_sampling_makes_good(
    measure: str, value: float, near: bool
) -> None:
    said = {"max_rhat": 1.0, "min_ess_bulk": 500.0, "min_ess_tail": 500.0, "min_bfmi": 1.0}
    said |= {"divergences": 0, "draws": 2000, "quantities": 3}
    failure = Failure(quantity="one", measure=measure, value=value, limit=0.0)
    missed = Gate(failures=(failure,), **said)
    assert missed.near is near
    assert missed.status == "not converged"
    assert Gate(failures=(), **said).near
