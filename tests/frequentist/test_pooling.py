"""Rubin's rules, by hand and in their limits."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sofs_bayes.frequentist.did import DidFit
from sofs_bayes.frequentist.imputation import pool, rubin

EXACT = 1e-12


def a_fit(coefficient: float, variance: float, degrees: float = 10.0) -> DidFit:
    return DidFit(
        name="made up",
        model="linear",
        terms=("did",),
        coefficients=np.array([coefficient]),
        covariance=np.array([[variance]]),
        degrees_of_freedom=np.array([degrees]),
        errors="CR1, clustered on authority",
        clusters=11,
        rows=100,
        referrals=90,
        children=80,
        r_squared=0.04,
        log_likelihood=-50.0,
        dispersion=0.1,
    )


def test_three_imputations_by_hand() -> None:
    """Coefficients 1, 2, 3 (between: 1) and variances 2, 3, 4 (within: 3)."""
    found = pool([a_fit(1.0, 2.0), a_fit(2.0, 3.0), a_fit(3.0, 4.0)])
    assert found.coefficients[0] == 2.0
    total = 3 + 4 / 3 * 1  # = 13/3
    assert found.covariance[0, 0] == pytest.approx(total, rel=EXACT)
    share = (4 / 3) / total  # = 4/13
    from_imputing = 2 / share**2  # = 21.125
    observed = 11 / 13 * 10 * (1 - share)  # = 5.857988...
    degrees = 1 / (1 / from_imputing + 1 / observed)
    assert found.degrees_of_freedom[0] == pytest.approx(degrees, rel=EXACT)
    assert degrees == pytest.approx(4.586, abs=0.001)
    assert found.imputations == 3
    assert (found.rows, found.clusters, found.r_squared) == (100, 11, pytest.approx(0.04))


def test_complete_data_without_limit_leave_rubins_own_degrees() -> None:
    total, degrees = rubin(np.array([[3.0]]), np.array([[1.0]]), 3, np.array([np.inf]))
    assert total[0, 0] == pytest.approx(13 / 3, rel=EXACT)
    assert degrees[0] == pytest.approx(2 * (13 / 4) ** 2, rel=EXACT)


def test_imputations_that_agree_add_nothing() -> None:
    found = pool([a_fit(2.0, 3.0)] * 5)
    assert found.covariance[0, 0] == 3.0
    assert found.degrees_of_freedom[0] == pytest.approx(11 / 13 * 10, rel=EXACT)


@given(
    coefficients=st.lists(st.floats(-5, 5), min_size=2, max_size=8),
    variance=st.floats(0.01, 5),
    complete=st.floats(1, 1000) | st.just(float("inf")),
)
def test_there_is_never_less_variance_nor_more_freedom_than_with_complete_data(
    coefficients: list[float], variance: float, complete: float
) -> None:
    found = pool([a_fit(each, variance, complete) for each in coefficients])
    assert found.covariance[0, 0] >= variance * (1 - EXACT)
    assert 0 < found.degrees_of_freedom[0] <= complete
    assert min(coefficients) - EXACT <= found.coefficients[0] <= max(coefficients) + EXACT


def test_a_failure_fails_the_whole() -> None:
    failed = replace(a_fit(np.nan, np.nan), failure="no finite maximum")
    found = pool([a_fit(1.0, 1.0), failed])
    assert found.failure == "no finite maximum"
    assert np.isnan(found.coefficients).all()


def test_other_terms_fail_the_whole() -> None:
    found = pool([a_fit(1.0, 1.0), replace(a_fit(1.0, 1.0), terms=("pilot",))])
    assert found.failure is not None
    assert "same terms" in found.failure
    assert np.isnan(found.coefficients).all()
