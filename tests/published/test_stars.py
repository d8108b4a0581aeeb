from collections.abc import Callable
from math import inf, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sofs_bayes.errors import BadInput
from sofs_bayes.published.audit import Audit
from sofs_bayes.published.facts import read_printed
from sofs_bayes.published.printed_report import (
    DID,
    LINEAR,
    LINEAR_CLUSTERED,
    LOGIT_CLUSTERED,
    LOGIT_UNCLUSTERED,
    PILOT,
    WITHOUT_PILOT_4,
    printed_report,
)
from sofs_bayes.published.stars import (
    arm_sizes,
    bracket_at,
    common_multiple,
    critical_values,
    restarred,
    se_bracket,
)

CRITICAL_TOLERANCE = 5e-4  # hand values come from printed tables with three decimals
HAND_TOLERANCE = 1e-3  # relative: hand values below are worked out to four digits
SLACK = 1e-9  # floating-point error of a division

LEVELS = (0.1, 0.05, 0.01)
NORMAL = (1.645, 1.960, 2.576)
T_10 = (1.812, 2.228, 3.169)


def test_critical_values_match_printed_tables() -> None:
    assert critical_values(LEVELS) == pytest.approx(NORMAL, abs=CRITICAL_TOLERANCE)
    assert critical_values(LEVELS, df=10) == pytest.approx(T_10, abs=CRITICAL_TOLERANCE)


def test_one_star_bounds_the_error_on_both_sides() -> None:
    bracket = se_bracket(-0.0635, 0.00005, 1, critical_values(LEVELS))
    assert bracket.lower == pytest.approx(0.06345 / 1.95996, rel=HAND_TOLERANCE)
    assert bracket.upper == pytest.approx(0.06355 / 1.64485, rel=HAND_TOLERANCE)


def test_no_star_and_all_stars_leave_one_end_open() -> None:
    none, three = (se_bracket(0.3, 0.005, stars, critical_values(LEVELS)) for stars in (0, 3))
    assert (none.lower, none.upper) == (pytest.approx(0.295 / 1.64485, rel=HAND_TOLERANCE), inf)
    assert (three.lower, three.upper) == (0, pytest.approx(0.305 / 2.57583, rel=HAND_TOLERANCE))


def test_a_coefficient_that_rounds_to_zero_leaves_everything_open() -> None:
    bracket = se_bracket(0, 0.5, 0, critical_values(LEVELS))
    assert (bracket.lower, bracket.upper) == (0, inf)


def test_more_stars_than_the_key_has_are_refused() -> None:
    with pytest.raises(BadInput, match="4 asterisks"):
        se_bracket(0.3, 0.005, 4, critical_values(LEVELS))


@given(
    coefficient=st.floats(-3, 3),
    error=st.floats(1e-3, 3),
    decimals=st.integers(0, 4),
    df=st.none() | st.integers(2, 40),
)
def test_the_bracket_holds_the_error_that_set_the_stars(
    coefficient: float, error: float, decimals: int, df: int | None
) -> None:
    critical = critical_values(LEVELS, df)
    stars = sum(abs(coefficient) / error > each for each in critical)
    printed = read_printed(f"{coefficient:.{decimals}f}" + "*" * stars)
    assert printed.value is not None
    bracket = se_bracket(printed.value, printed.half_unit, printed.stars, critical)
    assert bracket.lower * (1 - SLACK) <= error <= bracket.upper * (1 + SLACK)


def test_numbers_after_settling_in_are_the_rest_of_the_total() -> None:
    size = arm_sizes(printed_report(), "ICPC")
    assert (size.pilots_pre, size.comparators_pre) == (24764, 59774)
    assert size.pre + size.post == pytest.approx(152231)
    assert size.pilots_post / size.post == pytest.approx(24764 / 84538)


def test_the_icpc_pilot_star_asks_for_many_child_level_errors(printed: Audit) -> None:
    bracket = printed.bracket(5, PILOT, LINEAR)
    child = sqrt(0.11 * 0.89 * (1 - 0.0398) * (1 / 24764 + 1 / 59774))
    assert bracket.child_level_se == pytest.approx(child)
    assert (bracket.se_lower, bracket.se_upper) == pytest.approx((0.0324, 0.0386), abs=5e-5)
    assert (bracket.ratio_lower, bracket.ratio_upper) == pytest.approx((14, 16.7), abs=0.05)
    assert bracket.child_level is not None
    assert not bracket.child_level.assumed
    assert bracket.evidence == "published-inferred"


def test_child_level_errors_of_log_odds_and_of_the_linear_column(printed: Audit) -> None:
    inverse = 1 / 80243 + 1 / 71666
    logit = printed.bracket(7, PILOT, LOGIT_CLUSTERED).child_level_se
    linear = printed.bracket(7, PILOT, LINEAR_CLUSTERED).child_level_se
    assert logit == pytest.approx(sqrt(inverse / (0.02 * 0.98)))
    assert linear == pytest.approx(sqrt(0.02 * 0.98 * (1 - 0.0284) * inverse))


def test_the_error_of_the_effect_rests_on_assumed_sizes(printed: Audit) -> None:
    bracket = printed.bracket(5, DID, LINEAR)
    post = 152231 - 24764 - 59774
    shares = (24764 / 84538, 59774 / 84538)
    inverse = 1 / 24764 + 1 / 59774 + sum(1 / (share * post) for share in shares)
    expected = sqrt(0.11 * 0.89 * (1 - 0.0398) * inverse)
    assert bracket.child_level_se == pytest.approx(expected)
    assert bracket.child_level is not None
    assert bracket.child_level.assumed
    assert "as before" in bracket.child_level.basis
    assert bracket.se_upper == inf
    assert bracket.ratio_upper == inf


def test_year_rows_take_the_years_of_a_period_as_equal(printed: Audit) -> None:
    before = 6 / (80243 + 71666)
    after = 3 / (233637 - 80243 - 71666)
    early = printed.bracket(7, "Year dummy 2011", LOGIT_UNCLUSTERED).child_level_se
    late = printed.bracket(7, "Year dummy 2017", LOGIT_UNCLUSTERED).child_level_se
    assert early == pytest.approx(sqrt(2 * before / (0.02 * 0.98)))
    assert late == pytest.approx(sqrt((before + after) / (0.02 * 0.98)))


@pytest.mark.parametrize(
    ("table", "row", "column"),
    [
        (5, "(Intercept)", LINEAR),
        (5, PILOT, WITHOUT_PILOT_4),
        (5, "Year dummy 2015", LINEAR),
        (6, "Ofsted rating", "Ofsted"),
        (6, "Pilot site", "Ofsted"),
        (6, DID, "Ofsted"),
        (6, "Embeddedness score", "Embeddedness of SofS"),
    ],
)
def test_no_child_level_error_where_sizes_or_coding_are_not_printed(
    printed: Audit, table: int, row: str, column: str
) -> None:
    bracket = printed.bracket(table, row, column)
    assert bracket.child_level is None
    assert (bracket.child_level_se, bracket.ratio_lower, bracket.ratio_upper) == (None,) * 3


def test_every_printed_coefficient_has_a_bracket(printed: Audit) -> None:
    coefficients = [
        fact
        for fact in printed_report().cells.values()
        if fact.unit in ("probability", "log-odds") and fact.printed.value is not None
    ]
    in_tables = (9 + 11 + 8) + (9 + 9 + 11 + 11) + (11 + 11 + 11 + 13)  # by column, counted by eye
    assert len(printed.brackets) == len(coefficients) == in_tables
    assert all(b.se_lower < b.se_upper for b in printed.brackets)


def test_a_t_distribution_asks_for_smaller_errors(doctored: Callable[..., Audit]) -> None:
    normal, t = (doctored(df=df).bracket(5, PILOT, LINEAR) for df in (None, 10))
    assert t.se_lower < normal.se_lower
    assert t.se_upper == pytest.approx(0.06355 / 1.8125, rel=HAND_TOLERANCE)


def test_an_absent_coefficient_has_no_bracket(printed: Audit) -> None:
    with pytest.raises(BadInput, match="no coefficient"):
        bracket_at(printed.brackets, 5, DID, "Lagged treatment")


def test_restarring_keeps_the_stars_and_the_child_level_error(printed: Audit) -> None:
    bracket = printed.bracket(7, "Year dummy 2010", LOGIT_CLUSTERED)
    moved = restarred(bracket, read_printed("-0.09"), critical_values(LEVELS))
    assert (moved.stars, moved.child_level) == (bracket.stars, bracket.child_level)
    assert moved.se_lower == pytest.approx(0.085 / 1.64485, rel=HAND_TOLERANCE)
    with pytest.raises(BadInput, match="'N/A'"):
        restarred(bracket, read_printed("N/A"), critical_values(LEVELS))


def test_a_common_multiple_lies_in_every_bracket(printed: Audit) -> None:
    rows = [printed.bracket(7, row, LOGIT_CLUSTERED) for row in (PILOT, "Year dummy 2013")]
    common = common_multiple(rows)
    assert common is not None
    assert common.lower == rows[1].ratio_lower
    assert common.upper == rows[1].ratio_upper
    apart = [printed.bracket(7, f"Year dummy {year}", LOGIT_CLUSTERED) for year in (2010, 2011)]
    assert common_multiple(apart) is None
    no_size = common_multiple([printed.bracket(5, "(Intercept)", LINEAR)])
    assert no_size is not None
    assert (no_size.lower, no_size.upper) == (0, inf)
