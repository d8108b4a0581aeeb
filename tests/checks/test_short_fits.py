"""Fits that are made a thousand times are sampled briefly, then longer, and always checked."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
import xarray as xr

from sofs_bayes import spec
from sofs_bayes.checks.short_fits import (
    MOST_ACCEPTED,
    SHORT,
    SHORT_OF_COUNTS,
    attempts,
    short_gate,
    shortened,
)

Floats = npt.NDArray[np.float64]

CHAINS, DRAWS = 2, 240


@pytest.mark.parametrize(
    ("name", "short"), [("icpc-linear", SHORT), ("icpc-open-data", SHORT_OF_COUNTS)]
)
def test_every_attempt_samples_longer_and_the_last_as_the_analysis_does(
    name: str, short: tuple[tuple[int, int, int], ...]
) -> None:
    analysis = spec.load(name)
    assert isinstance(analysis, spec.DidAnalysis)
    assert attempts(analysis) == short
    own = analysis.sampler
    found = [shortened(own, attempt, short) for attempt in range(len(short) + 1)]
    assert found[-1] == own
    draws = [each.chains * each.draws for each in found]
    assert draws == sorted(set(draws))
    assert all(each.target_accept == MOST_ACCEPTED < own.target_accept for each in found[:-1])
    assert {each.seed for each in found} == {own.seed}


def statistics(energy: Floats, diverging: int = 0) -> xr.Dataset:
    where = np.zeros((CHAINS, DRAWS), dtype=bool)
    where.flat[:diverging] = True
    dims = ("chain", "draw")
    return xr.Dataset({"diverging": (dims, where), "energy": (dims, energy)})


def noise(seed: int) -> Floats:
    return np.random.default_rng(seed).standard_normal((CHAINS, DRAWS))


def apart(draws: Floats) -> Floats:
    found: Floats = draws + np.array([[0.0], [1.0]])
    return found


def sticky(draws: Floats) -> Floats:
    """Each draw keeps nearly all of the one before."""
    found = draws.copy()
    for t in range(1, DRAWS):
        found[:, t] = 0.95 * found[:, t - 1] + np.sqrt(1 - 0.95**2) * draws[:, t]
    return found


def test_independent_draws_pass_the_gate() -> None:
    assert short_gate({"a": noise(1), "b": noise(2)}, statistics(noise(3))) == ()


@pytest.mark.parametrize(("spoil", "measure"), [(apart, "R-hat"), (sticky, "bulk ESS")])
def test_draws_that_give_no_ranks_are_named(
    spoil: Callable[[Floats], Floats], measure: str
) -> None:
    failures = short_gate({"a": noise(1), "b": spoil(noise(2))}, statistics(noise(3)))
    assert any(each.startswith(f"b: {measure} ") for each in failures)
    assert not any(each.startswith("a: ") for each in failures)


def test_constant_draws_do_not_pass() -> None:
    assert short_gate({"a": np.ones((CHAINS, DRAWS))}, statistics(noise(3)))


def test_a_divergence_is_counted() -> None:
    failures = short_gate({"a": noise(1)}, statistics(noise(3), diverging=2))
    assert failures == ("sampler: divergences 2",)


def test_energy_that_hardly_moves_is_refused() -> None:
    drifting = np.cumsum(noise(3), axis=1)
    (failure,) = short_gate({"a": noise(1)}, statistics(drifting))
    assert failure.startswith("energy: BFMI 0.0")
