"""Each rule, with numbers that keep it and numbers that break it."""

import pytest

from sofs_bayes.disclosure.arm_counts import ArmCount, small_differences, small_in_all
from sofs_bayes.disclosure.authorities import PERIODS, Size, authorities
from sofs_bayes.disclosure.matching import cleared_balance
from sofs_bayes.disclosure.rules import OutputRule
from sofs_bayes.errors import BadInput
from sofs_bayes.matching.balance import BalanceRow


@pytest.mark.parametrize(("count", "small"), [(0, True), (1, True), (9, True), (10, False)])
def test_a_count_below_the_threshold_is_small(count: int, small: bool) -> None:
    assert OutputRule().small(count) is small


def test_zeros_may_be_allowed() -> None:
    assert not OutputRule(zeros=True).small(0)
    assert OutputRule(zeros=True).small(1)


@pytest.mark.parametrize(
    ("contributions", "dominated"),
    [
        ((100, 100, 100), False),
        ((100,), True),  # one alone
        ((100, 100), True),  # each of two knows the other
        ((500, 450, 20), True),  # two hold more than 90%
        ((600, 310, 90), True),  # the same, and the rest is more than 10% of the largest
        ((600, 300, 100), False),  # no more than 90%
        ((500, 10, 10, 10, 9), True),  # the rest is less than 10% of the largest
        ((500, 300, 60, 60), False),
        ((), False),
        ((0, 0), False),
    ],
)
def test_dominance(contributions: tuple[int, ...], dominated: bool) -> None:
    assert OutputRule().dominated(contributions) is dominated


def test_a_share_of_the_largest_alone_dominates() -> None:
    rule = OutputRule(contributors=1, share=0.95)
    assert rule.dominated((1000, 30, 10))  # the rest, 10, is less than 10% of the largest
    assert rule.dominated((500, 450, 20))  # the second largest could tell the largest
    assert not rule.dominated((500, 450, 60))
    assert not OutputRule(contributors=1, share=0.95, remainder=0.005).dominated((800, 100, 10))


def test_a_threshold_below_ten_needs_the_word() -> None:
    with pytest.raises(BadInput, match="10 or more"):
        OutputRule(threshold=5)
    assert "agreed with the custodian" in str(OutputRule(threshold=5, agreed=True))
    assert "agreed" not in str(OutputRule())


@pytest.mark.parametrize("bad", [{"threshold": 1}, {"share": 1.0}, {"remainder": 0.0}])
def test_rules_that_cannot_be(bad: dict[str, float]) -> None:
    with pytest.raises(BadInput):
        OutputRule(**bad, agreed=True)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("apart", "few"),
    [
        ((0, 0), False),
        ((9, 0), True),
        ((10, 0), False),
        ((9, 1), False),  # of both periods together
        ((-9, 0), True),
    ],
)
def test_runs_that_differ_by_a_group_of_few_tell_it(apart: tuple[int, int], few: bool) -> None:
    own, other = (
        [
            ArmCount(arm="pilot", year=year, children=100 + add, events=50, exact=True)
            for year, add in zip(("before", "after"), adds, strict=True)
        ]
        for adds in (apart, (0, 0))
    )
    assert small_in_all(own, other, OutputRule()) is few


@pytest.mark.parametrize(
    ("children", "events", "exact", "few"),
    [
        (9, 9, False, True),
        (30, 15, True, False),
        (30, 9, True, True),  # events
        (30, 21, True, True),  # children without one
        (30, 9, False, False),  # events do not follow from a weighted rate
        (0, 9, True, False),  # the same children, of whom other outcomes are counted
    ],
)
def test_a_year_of_two_runs_that_differ_by_few_is_small(
    children: int, events: int, exact: bool, few: bool
) -> None:
    own, other = (
        [ArmCount(arm="pilot", year="2016", children=100 + n, events=40 + y, exact=exact)]
        for n, y in ((children, events), (0, 0))
    )
    assert [*small_differences(own, other, OutputRule())] == [("pilot", "2016")] * few


@pytest.mark.parametrize(
    ("referrals", "events", "shown"),
    [(20, 10, True), (19, 9, False), (19, 10, False), (9, 0, False), (20, 0, False)],
)
def test_an_authority_is_shown_where_enough_have_the_event_and_enough_have_not(
    referrals: int, events: int, shown: bool
) -> None:
    of = {"authority": "Ash", "referrals": referrals, "events": events}
    large = [Size(authority=n, period=p, referrals=90, events=40) for n in "AB" for p in PERIODS]
    for small in ("before", "after"):
        sizes = [
            Size(**of | ({} if period == small else {"referrals": 90, "events": 40}), period=period)  # type: ignore[arg-type]
            for period in PERIODS
        ]
        found = authorities([*large, *sizes], OutputRule())
        assert found.may_leave == {"A", "B", *(["Ash"] if shown else [])}
        assert found.all_large is shown
    fine = [Size(authority="Ash", period=p, referrals=90, events=40) for p in (*PERIODS, "2015")]
    year = Size(**of, period="2016")  # type: ignore[arg-type]
    found = authorities([*fine, year], OutputRule())
    assert found.may_leave == {"Ash"}
    assert found.years == {("Ash", "2015"), *([("Ash", "2016")] if shown else [])}
    assert found.all_large is shown


@pytest.mark.parametrize(
    ("supported", "shown"), [(100.0, True), (90.0, True), (91.0, False), (9.0, False), (10.0, True)]
)
def test_a_share_of_pilots_is_shown_where_neither_they_nor_the_others_are_few(
    supported: float, shown: bool
) -> None:
    row = BalanceRow(
        stage="weighted",
        period="all",
        group="all",
        l1=0.2,
        local_common_support=50.0,
        pilots_supported=supported,
        cells=40,
        pilots=100,
        comparators=300,
    )
    (found,) = cleared_balance([row], OutputRule())
    assert (found.pilots_supported == supported) is shown
