"""Numbers told otherwise say the same: against quantiles, and a difference by hand."""

import math

import numpy as np
import pytest
from scipy.special import expit, logit

from sofs_bayes.estimands.conversions import central_range, interpolated, per_log_odds


def test_a_central_range_leaves_as_much_on_either_side() -> None:
    values = np.random.default_rng(1).permutation(np.arange(101.0)).tolist()
    assert central_range(values, 0.9) == pytest.approx((5.0, 50.0, 95.0))
    assert central_range(values, 0.5) == pytest.approx((25.0, 50.0, 75.0))


def test_a_small_change_in_log_odds_is_its_change_in_risk_at_the_mean_rate() -> None:
    rates, children, small = (0.1, 0.4), (300.0, 100.0), 1e-6
    mean = (0.1 * 300.0 + 0.4 * 100.0) / 400.0
    expected = (expit(logit(mean) + small) - mean) / small
    assert per_log_odds(rates, children) == pytest.approx(expected, rel=1e-5)
    assert per_log_odds(rates, (0.0, 0.0)) is None


def test_a_curve_is_straight_between_its_points_and_unknown_outside() -> None:
    points = [(3.0, 0.9), (1.0, 0.1), (2.0, 0.3)]
    assert interpolated(points, 2.25) == pytest.approx(0.3 + 0.25 * 0.6)
    assert math.isnan(interpolated(points, 3.1))
    assert math.isnan(interpolated([], 2.0))
