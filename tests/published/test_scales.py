from collections.abc import Callable
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sofs_bayes.errors import BadInput
from sofs_bayes.published.audit import Audit
from sofs_bayes.published.entry_to_care import base_rate, reconciling_trend, risk_change
from sofs_bayes.published.printed_report import DID, LINEAR_CLUSTERED

ARITHMETIC = 1e-9  # floating-point error of a few operations and of sixty halvings
SMALL = 1e-6  # relative: second-order terms of a small change are of this size


def test_a_small_change_of_log_odds_is_pq_times_it() -> None:
    assert risk_change(0.02, 1e-6) == pytest.approx(0.02 * 0.98 * 1e-6, rel=2 * SMALL)
    assert risk_change(0.02, log(2)) == pytest.approx(0.04 / 1.02 - 0.02)


@given(rate=st.floats(0.005, 0.4), effect=st.floats(-0.6, 0.6).filter(lambda x: abs(x) > 0.02))
def test_the_base_rate_is_found_again(rate: float, effect: float) -> None:
    assert base_rate(effect, risk_change(rate, effect)) == pytest.approx(rate, rel=1e-6)


def test_a_change_no_rate_can_give_is_answered_by_a_half() -> None:
    assert base_rate(-0.04, -0.02) == 0.5


@given(
    pilots=st.floats(0.01, 0.03),
    comparators=st.floats(0.035, 0.1),
    effect=st.floats(-0.2, 0.2),
    trend=st.floats(-0.8, 0.8),
)
def test_the_reconciling_trend_makes_both_effects_true(
    pilots: float, comparators: float, effect: float, trend: float
) -> None:
    difference = risk_change(pilots, trend + effect) - risk_change(comparators, trend)
    found = reconciling_trend((pilots, comparators), effect, difference)
    assert found is not None
    again = risk_change(pilots, found + effect) - risk_change(comparators, found)
    assert again == pytest.approx(difference, abs=ARITHMETIC)


def test_no_trend_reconciles_what_cannot_be() -> None:
    assert reconciling_trend((0.02, 0.04), 0.08, 0.5) is None


def test_the_effect_on_both_scales(printed: Audit) -> None:
    logistic, linear, trend = printed.finding("table_7.effect_scales").computed
    assert logistic.value == pytest.approx(0.0016, abs=5e-5)
    assert logistic.upper is not None
    assert linear.lower == pytest.approx(0.0035)
    assert logistic.upper < 0.0035
    difference = risk_change(0.02, trend.value + 0.08) - risk_change(0.04, trend.value)
    assert difference == pytest.approx(0.004)


def test_an_effect_out_of_reach_leaves_no_trend(doctored: Callable[..., Audit]) -> None:
    finding = doctored({(7, DID, LINEAR_CLUSTERED): "0.500"}).finding("table_7.effect_scales")
    assert len(finding.computed) == 2
    assert "No common trend" in finding.sentence


def test_two_rows_need_base_rates_far_apart(printed: Audit) -> None:
    values = {e.label: e.value for e in printed.finding("table_7.one_base_rate").computed}
    assert values["Year dummy 2013: highest rate"] < 2
    assert values["Year dummy 2017: lowest rate"] > 12
    assert not any("2010" in label for label in values)  # prints 0: any rate would do


def test_an_effect_that_may_be_zero_is_refused(doctored: Callable[..., Audit]) -> None:
    with pytest.raises(BadInput, match="zero by rounding"):
        doctored({(7, DID, LINEAR_CLUSTERED): "0.000"})
