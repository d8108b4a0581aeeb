from collections.abc import Callable

import pytest

from sofs_bayes.errors import BadInput
from sofs_bayes.published.audit import Audit
from sofs_bayes.published.coefficients import AFTER, ORDINARY, SIMILAR
from sofs_bayes.published.printed_report import DID, LINEAR, PRACTICE


def test_the_weight_averages_both_kinds_to_table_5(printed: Audit) -> None:
    similar, ordinary, weight = printed.finding("practice.weight").computed
    assert (similar.value, ordinary.value) == (0.0907, 0.0074)
    average = weight.value * similar.value + (1 - weight.value) * ordinary.value
    assert average == pytest.approx(0.0407)
    assert weight.value == pytest.approx(0.3998, abs=1e-4)


def test_rounding_lets_two_of_five_comparators_give_the_weight(printed: Audit) -> None:
    finding = printed.finding("practice.weight")
    weight = finding.computed[-1]
    assert (weight.lower, weight.upper) == pytest.approx(
        ((0.04065 - 0.00745) / (0.09075 - 0.00745), (0.04075 - 0.00735) / (0.09065 - 0.00735))
    )
    assert "2 of 5 equal comparators would give" in finding.sentence


def test_the_weight_follows_table_5(doctored: Callable[..., Audit]) -> None:
    finding = doctored({(5, DID, LINEAR): "0.0907"}).finding("practice.weight")
    assert finding.computed[-1].value == pytest.approx(1)
    between = doctored({(5, DID, LINEAR): "0.0490"}).finding("practice.weight")
    assert "would not give exactly" in between.sentence


def test_the_pilot_coefficient_asks_for_another_weight(printed: Audit) -> None:
    effect, gap = printed.finding("practice.pilot_gap").computed
    assert effect.value == pytest.approx(0.3998, abs=1e-4)
    assert gap.value == pytest.approx((0.0635 - 0.0626) / (0.0951 - 0.0626))


def test_kinds_equal_by_rounding_are_refused(doctored: Callable[..., Audit]) -> None:
    with pytest.raises(BadInput, match="equal by rounding"):
        doctored({(6, SIMILAR + AFTER, PRACTICE): "-0.0074"})


def test_a_significant_kind_contradicts_the_text(doctored: Callable[..., Audit]) -> None:
    finding = doctored({(6, ORDINARY + AFTER, PRACTICE): "-0.0074**"}).finding("practice.p_value")
    assert finding.agrees is False
    assert "does not fit" in finding.sentence
