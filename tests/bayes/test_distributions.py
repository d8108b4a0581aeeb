"""Mixtures of normals and tabulated distributions against closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from sofs_bayes.bayes.distributions import (
    NormalMixture,
    Tabulated,
    interval,
    summary,
    weighted_values,
)
from sofs_bayes.spec.keys import PRINTED

EXACT = 1e-8  # Newton's steps stop at 1e-9 standard deviations
SHORTEST = 5e-3  # in sds: the search for the shortest interval stops 0.0002 from its tail
TABLE = 2e-3  # a table of 2,000 values is linear between them


def normal(mean: float = 1.0, sd: float = 2.0) -> NormalMixture:
    return NormalMixture(weights=np.ones(1), means=np.array([mean]), sds=np.array([sd]))


@st.composite
def mixtures(draw: st.DrawFn) -> NormalMixture:
    size = draw(st.integers(1, 5))
    values = [
        draw(st.lists(st.floats(low, high), min_size=size, max_size=size))
        for low, high in ((0.1, 1.0), (-3.0, 3.0), (0.05, 4.0))
    ]
    weights = np.array(values[0])
    return NormalMixture(
        weights=weights / weights.sum(), means=np.array(values[1]), sds=np.array(values[2])
    )


def test_one_component_is_the_normal() -> None:
    one = normal()
    assert one.mean() == 1.0
    assert one.sd() == 2.0
    assert one.cdf(1.0) == pytest.approx(0.5)
    np.testing.assert_allclose(one.quantile([0.05, 0.95]), 1 + 2 * special.ndtri([0.05, 0.95]))
    assert one.density(1.0) == pytest.approx(1 / np.sqrt(8 * np.pi))


@settings(deadline=None, max_examples=50)
@given(mixtures(), st.floats(0.001, 0.999))
def test_quantile_inverts_cdf(mixture: NormalMixture, p: float) -> None:
    assert float(mixture.cdf(mixture.quantile(p))) == pytest.approx(p, abs=EXACT)


@settings(deadline=None, max_examples=50)
@given(mixtures())
def test_density_is_the_slope_of_the_cdf(mixture: NormalMixture) -> None:
    x = np.linspace(-4, 4, 7)
    step = 1e-5
    slope = (mixture.cdf(x + step) - mixture.cdf(x - step)) / (2 * step)
    np.testing.assert_allclose(mixture.density(x), slope, rtol=1e-5, atol=1e-8)


@settings(deadline=None, max_examples=30)
@given(mixtures(), st.floats(0.1, 0.8))
def test_intervals_nest_and_hold_their_level(mixture: NormalMixture, level: float) -> None:
    inner = interval(mixture, level=level, kind="eti")
    outer = interval(mixture, level=level + 0.15, kind="eti")
    assert outer[0] < inner[0] < inner[1] < outer[1]
    held = mixture.cdf(inner[1]) - mixture.cdf(inner[0])
    assert float(held) == pytest.approx(level, abs=EXACT)


def test_shortest_interval_of_a_symmetric_distribution_has_equal_tails() -> None:
    assert interval(normal(), level=0.9, kind="hdi") == pytest.approx(
        interval(normal(), level=0.9, kind="eti"), abs=4 * SHORTEST
    )


def test_shortest_interval_of_a_skew_distribution_is_the_known_one() -> None:
    levels = np.linspace(0, 1 - 1e-9, 200_001)
    exponential = Tabulated(points=-np.log1p(-levels), cumulative=levels / levels[-1])
    lower, upper = interval(exponential, level=0.9, kind="hdi")
    assert lower == pytest.approx(0.0, abs=SHORTEST)
    assert upper == pytest.approx(np.log(10), abs=SHORTEST)


def test_a_table_has_the_moments_and_quantiles_of_its_distribution() -> None:
    levels = np.linspace(0, 1, 2001)
    uniform = Tabulated(points=3 * levels, cumulative=levels)
    assert uniform.mean() == pytest.approx(1.5)
    coarse = Tabulated(points=np.array([0.0, 3.0]), cumulative=np.array([0.0, 1.0]))
    assert uniform.sd() == pytest.approx(3 / np.sqrt(12)) == coarse.sd()
    assert float(uniform.quantile(0.25)) == pytest.approx(0.75)
    assert float(uniform.cdf(4.0)) == 1.0


def test_weighted_values_do_not_depend_on_their_order() -> None:
    rng = np.random.default_rng(3)
    values, weights = rng.normal(size=2000), rng.random(2000)
    order = rng.permutation(2000)
    one, other = weighted_values(values, weights), weighted_values(values[order], weights[order])
    assert one.mean() == pytest.approx(other.mean())
    assert float(one.quantile(0.3)) == pytest.approx(float(other.quantile(0.3)))
    assert one.mean() == pytest.approx(float(weights @ values / weights.sum()), abs=TABLE)


def test_a_summary_names_its_quantity() -> None:
    found = summary(normal(), quantity=PRINTED, level=0.9, kind="eti")
    assert (found.quantity, found.mean, found.sd) == (PRINTED, 1.0, 2.0)
    assert found.lower < found.median < found.upper


def test_a_summary_has_half_of_the_probability_in_an_interval_of_the_same_kind() -> None:
    levels = np.linspace(0, 1 - 1e-9, 200_001)
    exponential = Tabulated(points=-np.log1p(-levels), cumulative=levels / levels[-1])
    hdi = summary(exponential, quantity=PRINTED, level=0.9, kind="hdi")
    assert (hdi.lower_50, hdi.upper_50) == pytest.approx((0.0, np.log(2)), abs=SHORTEST)
    eti = summary(exponential, quantity=PRINTED, level=0.9, kind="eti")
    assert (eti.lower_50, eti.upper_50) == pytest.approx((np.log(4 / 3), np.log(4)), abs=TABLE)
