from collections.abc import Callable

import pytest

from sofs_bayes.published.audit import Audit
from sofs_bayes.published.printed_report import Interval, printed_report
from sofs_bayes.published.rates import PercentageSum, percentage_sums, pre_rate

PERCENT_TOLERANCE = 5e-3  # hand values are worked out to two decimals of a percent


def test_the_rate_before_settling_in_weights_both_arms() -> None:
    rate, bounds, share = pre_rate(printed_report(), "CLA")
    assert rate == pytest.approx((80243 * 2 + 71666 * 4) / 151909)
    assert (bounds.lower, bounds.upper) == pytest.approx((rate - 0.5, rate + 0.5))
    assert share == pytest.approx(151909 / 233637)


def test_the_cla_incidence_holds_only_by_rounding(printed: Audit) -> None:
    needed = printed.finding("incidence.cla").computed[-1]
    assert needed.value == pytest.approx(0.25, abs=PERCENT_TOLERANCE)
    assert needed.lower is not None
    assert needed.lower < 0
    assert needed.upper == pytest.approx(2.60, abs=PERCENT_TOLERANCE)


def test_the_icpc_incidence_needs_a_higher_rate_afterwards(printed: Audit) -> None:
    _, before, needed = printed.finding("incidence.icpc").computed
    assert before.value == pytest.approx(10.12, abs=PERCENT_TOLERANCE)
    assert needed.value == pytest.approx(12.10, abs=PERCENT_TOLERANCE)
    assert (needed.lower, needed.upper) == pytest.approx((10.35, 13.85), abs=PERCENT_TOLERANCE)


def test_the_decision_rule_looks_at_the_printed_model(doctored: Callable[..., Audit]) -> None:
    place = (3, "Main specification (which determines sample size)", "CLA rates - Pilot sites")
    finding = doctored({place: "Linear"}).finding("incidence.decision_rule")
    assert finding.agrees is False
    assert "linear / logistic is printed" in finding.sentence


def percentage_sum(total: float, slack: float, gaps: int) -> PercentageSum:
    bounds = Interval(lower=total - slack, upper=total + slack)
    return PercentageSum(variable="Need", column="Pilots", total=total, bounds=bounds, gaps=gaps)


@pytest.mark.parametrize(
    ("total", "gaps", "possible", "hidden"),
    [(100, 0, True, 0), (98, 0, False, 1), (98, 2, True, 1), (102, 2, False, 0), (101, 0, True, 0)],
)
def test_a_gap_can_only_add_to_a_sum(
    total: float, gaps: int, possible: bool, hidden: float
) -> None:
    each = percentage_sum(total, 1.0, gaps)
    assert (each.possible, each.hidden) == (possible, hidden)


def test_every_variable_of_table_3_is_summed_in_every_column() -> None:
    sums = percentage_sums(printed_report())
    assert {each.variable for each in sums} == {
        "Gender",
        "Academic year",
        "Low income",
        "Ethnicity",
        "Main need",
    }
    assert len(sums) == 5 * 4
    by_place = {(each.variable, each.column): each for each in sums}
    need = by_place["Main need", "ICPC rates - Comparator sites"]
    assert (need.total, need.gaps) == (1 + 36 + 7 + 2 + 10 + 36 + 4 + 2, 2)


def test_the_gaps_of_gender_hide_children(printed: Audit) -> None:
    assert "248 of 24,764 children" in printed.finding("table_3.percentages").sentence
