"""What is read from print, and each piece of its likelihood."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sofs_bayes import spec
from sofs_bayes.bayes.printed_model import (
    PrintedModel,
    arms_child_variance,
    child_variance,
    printed_model,
    row_probability,
    se_bounds,
    se_distribution,
    variances,
)
from sofs_bayes.bayes.printed_rows import PrintedRows, printed_rows, row_test, value_and_half_unit
from sofs_bayes.errors import BadInput
from sofs_bayes.published.facts import read_printed

EXACT = 1e-10
SIMULATED = 0.03  # relative; 40,000 replicates leave 1% on a variance of a variance
REPLICATES = 40_000


def icpc() -> spec.PrintedAnalysis:
    return _load("icpc-printed")


def cla() -> spec.PrintedAnalysis:
    return _load("cla-printed")


def _load(name: str) -> spec.PrintedAnalysis:
    analysis = spec.load(name)
    assert isinstance(analysis, spec.PrintedAnalysis)
    return analysis


def as_printed(pilot: str, did: str) -> spec.PrintedAnalysis:
    rows = spec.AsPrinted(source="another study", pilot=pilot, did=did)
    return replace(icpc(), from_table=None, as_printed=rows)


def model() -> PrintedModel:
    return printed_model(icpc(), icpc().readings[0])


def probability(did: str, variance: float) -> float:
    rows = PrintedRows(pilot=None, did=read_printed(did))
    return float(row_probability(rows, "did", np.array(variance), model()))


# --------------------------------------------------------------------------------- rows


def test_the_rows_are_those_of_the_table() -> None:
    rows = printed_rows(icpc(), icpc().readings[0])
    assert (rows.pilot.value, rows.pilot.stars) == (-0.0635, 1)
    assert (rows.did.value, rows.did.stars) == (0.0407, 0)
    assert rows.did.half_unit == pytest.approx(0.00005)


def test_a_reading_may_take_the_stars_of_another_column() -> None:
    analysis = cla()
    stars = {
        reading.stars_from: printed_rows(analysis, reading).pilot.stars
        for reading in analysis.readings
    }
    assert stars == {
        None: 3,
        "Logistic regression - clustered": 3,
        "Logistic regression - not clustered": 0,
    }
    assert printed_rows(analysis, analysis.readings[2]).pilot.value == -0.30


def test_another_study_is_read_as_written() -> None:
    rows = printed_rows(as_printed("-0.12**", "0.034"), icpc().readings[0])
    assert (rows.pilot.value, rows.pilot.stars, rows.did.decimals) == (-0.12, 2, 3)


def test_a_gap_cannot_be_used() -> None:
    analysis = icpc()
    assert analysis.from_table is not None
    lagged = replace(analysis, from_table=replace(analysis.from_table, column="Lagged treatment"))
    with pytest.raises(BadInput, match=r"DiD.*Lagged treatment.*N/A"):
        printed_rows(lagged, analysis.readings[0])


@pytest.mark.parametrize(
    ("pilot", "message"),
    [("N/A", "a number"), ("about 3", "a number with stars"), ("0.1****", "at most 3")],
)
def test_what_is_not_a_coefficient_is_refused(pilot: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        printed_rows(as_printed(pilot, "0.1"), icpc().readings[0])


def test_a_row_the_table_does_not_have_is_refused() -> None:
    analysis = icpc()
    assert analysis.from_table is not None
    other = replace(analysis, from_table=replace(analysis.from_table, pilot_row="Pilots"))
    with pytest.raises(BadInput, match="Pilot LA"):
        printed_rows(other, analysis.readings[0])


def test_a_gap_has_no_value() -> None:
    with pytest.raises(BadInput):
        value_and_half_unit(read_printed("N/A"))


# --------------------------------------------------------------------------- constants


@pytest.mark.parametrize(
    ("pilots", "comparators", "kappa", "nu"),
    [(6, 5, 0.897, 8.71), (7, 6, 0.915, 10.74)],  # hand-computed from the closed form
)
def test_equal_shares_give_the_closed_form(
    pilots: int, comparators: int, kappa: float, nu: float
) -> None:
    found = se_distribution(np.full(pilots, 1 / pilots), np.full(comparators, 1 / comparators))
    assert found == pytest.approx((kappa, nu), abs=0.005)


@pytest.mark.parametrize(
    ("pilots", "comparators"),
    [
        ((1 / 6,) * 6, (0.2,) * 5),
        ((0.4, 0.3, 0.1, 0.1, 0.05, 0.05), (0.5, 0.2, 0.1, 0.1, 0.1)),
    ],
)
def test_kappa_and_nu_are_the_moments_of_simulated_standard_errors(
    pilots: tuple[float, ...], comparators: tuple[float, ...]
) -> None:
    rng = np.random.default_rng(11)
    square = np.zeros(REPLICATES)
    spread = 0.0
    for shares in (np.array(pilots), np.array(comparators)):
        errors = rng.standard_normal((REPLICATES, shares.size))
        residuals = errors - (errors @ shares)[:, None]
        square += ((shares * residuals) ** 2).sum(axis=1)
        spread += float(shares @ shares)
    authorities = len(pilots) + len(comparators)
    square *= authorities / (authorities - 1) / spread
    kappa, nu = se_distribution(np.array(pilots), np.array(comparators))
    assert kappa == pytest.approx(square.mean(), rel=SIMULATED)
    assert nu == pytest.approx(2 * square.mean() ** 2 / square.var(), rel=2 * SIMULATED)


@settings(deadline=None, max_examples=30)
@given(st.permutations([0.4, 0.3, 0.15, 0.1, 0.05]))
def test_the_order_of_authorities_does_not_matter(shares: list[float]) -> None:
    fixed = np.array([0.5, 0.25, 0.25])
    expected = se_distribution(np.array([0.4, 0.3, 0.15, 0.1, 0.05]), fixed)
    assert se_distribution(np.array(shares), fixed) == pytest.approx(expected, rel=EXACT)


def test_child_variance_on_both_scales() -> None:
    design = icpc().design
    children = 152_231 / (11 * 6)
    assert child_variance(design) == pytest.approx(0.11 * 0.89 / children)
    assert child_variance(replace(design, scale="log-odds")) == pytest.approx(
        1 / (children * 0.11 * 0.89)
    )
    shared = replace(design, pilot_shares=(0.5, 0.1, 0.1, 0.1, 0.1, 0.1))
    assert arms_child_variance(shared) == arms_child_variance(design)


def test_unequal_shares_widen_the_spread_of_authorities_only() -> None:
    design = replace(icpc().design, pilot_shares=(0.5, 0.1, 0.1, 0.1, 0.1, 0.1))
    shared = printed_model(replace(icpc(), design=design), icpc().readings[0])
    assert shared.spread == pytest.approx(0.3 + 0.2)
    assert shared.child_variance == model().child_variance


def test_critical_values_of_the_normal_and_of_t() -> None:
    rule = icpc().critical_values
    np.testing.assert_allclose(row_test(rule, "did").critical, (1.645, 1.960, 2.576), atol=5e-4)
    t = replace(rule, distribution="t", df=10.0)
    np.testing.assert_allclose(row_test(t, "did").critical, (1.812, 2.228, 3.169), atol=5e-4)


def test_readings_differ_in_what_they_leave_to_authorities_and_stars() -> None:
    reading = icpc().readings[0]
    child = printed_model(icpc(), replace(reading, se_reading="child", child_variance_factor=4.0))
    none = printed_model(icpc(), replace(reading, se_reading="none"))
    assert (child.authority_sd, child.uses_stars) == (0.0, False)
    assert child.child_variance == pytest.approx(4 * none.child_variance)
    assert (none.authority_sd, none.uses_stars) == (0.06, False)


# -------------------------------------------------------------------------- likelihood


def test_the_star_needs_an_error_many_times_the_child_level_one() -> None:
    rows, constants = printed_rows(icpc(), icpc().readings[0]), model()
    lower, upper = se_bounds(rows.pilot, constants.tests["pilot"])
    np.testing.assert_allclose([lower[1], upper[1]], [0.0324, 0.0386], atol=5e-5)
    child = np.sqrt(variances(constants, np.zeros(1), np.zeros(1))[0][0])
    assert lower[1] / child == pytest.approx(14, abs=0.5)
    assert upper[1] / child == pytest.approx(17, abs=0.5)


@settings(deadline=None, max_examples=50)
@given(st.floats(-0.2, 0.2), st.floats(1e-4, 1e-1))
def test_star_classes_are_exhaustive(value: float, variance: float) -> None:
    total = sum(probability(f"{value:.4f}{'*' * k}", variance) for k in range(4))
    assert total == pytest.approx(1.0, abs=EXACT)


def test_star_probability_is_the_share_of_simulated_standard_errors() -> None:
    rng, constants, variance = np.random.default_rng(5), model(), 0.035**2
    se = np.sqrt(constants.kappa * variance * rng.chisquare(constants.nu, 400_000) / constants.nu)
    ratio = (0.0635 + rng.uniform(-0.00005, 0.00005, se.size)) / se
    share = np.mean(
        (ratio > constants.tests["did"].critical[0]) & (ratio <= constants.tests["did"].critical[1])
    )
    found = probability("-0.0635*", variance)
    assert found == pytest.approx(share, abs=0.003)
