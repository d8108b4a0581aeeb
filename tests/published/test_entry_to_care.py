from collections.abc import Callable
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sofs_bayes.published.audit import Audit
from sofs_bayes.published.entry_to_care import best_shift, two_arm_error
from sofs_bayes.published.printed_report import LOGIT_CLUSTERED, PILOT, printed_report

MULTIPLE_TOLERANCE = 5e-3  # hand values are worked out to two decimals


@given(st.lists(st.integers(), min_size=4, max_size=9, unique=True), st.integers(-3, 3))
def test_a_shift_is_found_again(fixed: list[int], shift: int) -> None:
    size = len(fixed)
    rows = [i for i in range(size) if 0 <= i + shift < size]
    moved = [fixed[i + shift] if i in rows else None for i in range(size)]
    found, equal = best_shift(moved, fixed, rows)  # type: ignore[arg-type]
    assert (found, equal) == (shift, rows)


def test_nothing_unequal_is_no_shift() -> None:
    assert best_shift([1.0, 2.0], [1.0, 2.0], []) == (0, [])


def test_four_year_rows_stand_one_row_up(printed: Audit) -> None:
    finding = printed.finding("table_7.year_rows")
    values = {each.label: each.value for each in finding.computed}
    assert values["coefficients compared"] == 11
    assert values["coefficients unequal"] == 4
    assert values["best shift of the unequal year rows"] == 1
    assert values["year rows equal at that shift"] == 4
    assert values["clustered, distance to lagged"] > values["unclustered, distance to lagged"]
    assert "down by 1 row" in finding.sentence
    assert "2012 has 2013's" in finding.sentence


def test_rows_that_stand_one_row_down_are_found_as_well(doctored: Callable[..., Audit]) -> None:
    texts = {2010: "-0.06", 2011: "-0.09***", 2012: "-0.52***", 2013: "-0.53*", 2009: "-0.11"}
    finding = doctored(
        {(7, f"Year dummy {year}", LOGIT_CLUSTERED): text for year, text in texts.items()}
    ).finding("table_7.year_rows")
    values = {each.label: each.value for each in finding.computed}
    assert values["best shift of the unequal year rows"] == -1
    assert values["year rows equal at that shift"] == 4
    assert "up by 1 row" in finding.sentence


def test_a_difference_outside_the_year_rows_counts(doctored: Callable[..., Audit]) -> None:
    finding = doctored({(7, PILOT, LOGIT_CLUSTERED): "-0.31***"}).finding("table_7.year_rows")
    assert finding.computed[1].value == 5


def test_the_stars_fit_the_unclustered_coefficients(printed: Audit) -> None:
    finding = printed.finding("table_7.clustered_stars")
    values = {each.label: each.value for each in finding.computed}
    year = sqrt(2 * 6 / 151909 / (0.02 * 0.98))
    late = sqrt((6 / 151909 + 3 / 81728) / (0.02 * 0.98))
    smallest, largest = (
        values[f"multiple by the unclustered coefficients: {end}"]
        for end in ("smallest", "largest")
    )
    assert smallest == pytest.approx(0.435 / 2.5758 / late, abs=MULTIPLE_TOLERANCE)
    assert largest == pytest.approx(0.315 / 1.6449 / year, abs=MULTIPLE_TOLERANCE)
    assert (smallest, largest) == pytest.approx((2.71, 3.02), abs=MULTIPLE_TOLERANCE)
    assert not any("own coefficients" in label for label in values)


def test_the_t_distribution_moves_the_multiple(doctored: Callable[..., Audit]) -> None:
    normal, t = (doctored(df=df).finding("table_7.clustered_stars") for df in (None, 12))
    assert t.computed[0].value < normal.computed[0].value


def test_child_level_errors_at_each_arms_rate() -> None:
    expected = sqrt(1 / (80243 * 0.02 * 0.98) + 1 / (71666 * 0.04 * 0.96))
    assert two_arm_error(printed_report()) == pytest.approx(expected)
    assert expected == pytest.approx(0.032, abs=5e-4)


def test_the_unclustered_column_exceeds_child_level_errors(printed: Audit) -> None:
    smallest, at_incidence, by_arm = printed.finding("table_7.unclustered_errors").computed
    assert smallest.value == pytest.approx(0.179, abs=5e-4)
    assert at_incidence.value == pytest.approx(0.037, abs=5e-4)
    assert by_arm.value == pytest.approx(0.032, abs=5e-4)


def test_five_rows_have_more_stars_when_clustered(printed: Audit) -> None:
    values = [each.value for each in printed.finding("table_7.clustering_headings").computed]
    assert values == [7, 5, 0]
