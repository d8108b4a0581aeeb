"""Each rule, with numbers that keep it and numbers that break it."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from itertools import product

import pytest

from sofs_bayes.disclosure.arm_counts import (
    ArmCount,
    hidden_counts,
    small_differences,
    small_in_all,
)
from sofs_bayes.disclosure.authorities import PERIODS, Size, authorities
from sofs_bayes.disclosure.matching import cleared_balance, cleared_summary
from sofs_bayes.disclosure.rules import OutputRule
from sofs_bayes.errors import BadInput
from sofs_bayes.matching.balance import ALL, BalanceRow
from sofs_bayes.matching.matched_rows import STAGES, Arm, Period, Stage
from sofs_bayes.matching.summary import SummaryRow


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


def summary_rows(
    pilots: Mapping[str, int], comparators: Mapping[str, int], *, known: int
) -> list[SummaryRow]:
    """The rows of a summary of which matching dropped 100 with the first level, from each arm."""

    def row(place: tuple[Stage, str, str, Arm], rows: int, n: int) -> SummaryRow:
        (stage, variable, level, arm), share = place, 100 * rows / n
        if stage == "weighted" and arm == "comparators" and level in pilots:
            share = 100 * pilots[level] / sum(pilots.values())
        unit = {"age": "years", "rows": "rows"}.get(variable, "percent")
        return SummaryRow(
            stage=stage, variable=variable, level=level, arm=arm, unit=unit, value=share, rows=rows
        )

    found = []
    arms: dict[Arm, Mapping[str, int]] = {"pilots": pilots, "comparators": comparators}
    for stage, (arm, levels) in product(STAGES, arms.items()):
        own = dict(levels)
        own[next(iter(own))] += 100 * (stage == "before")
        n = sum(own.values())
        found += [row((stage, "gender", level, arm), rows, n) for level, rows in own.items()]
        found.append(row((stage, "age", "", arm), known + n - sum(levels.values()), n))
        found += [row((stage, "rows", "pre", arm), n, n)]
        found += [row((stage, "rows", "all periods", arm), n + 500, n)]
    return found


def test_comparators_are_not_shown_by_weights_where_pilots_are_suppressed() -> None:
    rows = summary_rows(
        {"male": 400, "female": 394, "missing": 6},
        {"male": 400, "female": 360, "missing": 40},
        known=800,
    )
    kept = cleared_summary(rows, OutputRule())
    shown = {(row.stage, row.arm) for row in kept if row.level == "missing"}
    assert shown == {("before", "comparators"), ("matched", "comparators")}
    weighted = {r.level for r in kept if (r.stage, r.arm) == ("weighted", "comparators")}
    others = {r.level for r in kept if r.arm == "pilots"} & {"male", "female"}
    assert weighted & {"male", "female"} == others


@pytest.mark.parametrize(("known", "shown"), [(800, True), (796, False), (780, True), (4, False)])
def test_a_mean_does_not_tell_how_few_have_no_number(known: int, shown: bool) -> None:
    """All rows less those whose number is known are those where it is not."""
    levels = {"male": 400, "female": 400}
    kept = cleared_summary(summary_rows(levels, levels, known=known), OutputRule())
    assert any(row.variable == "age" for row in kept) == shown


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [(3, 100, set()), (100, 3, {"pre"}), (0, 100, {"pre", "all periods"})],
)
def test_totals_of_a_summary_do_not_tell_few_that_were_dropped(
    before: int, after: int, shown: set[str]
) -> None:
    dropped = {"pre": before, "all periods": before + after}
    rows = [
        SummaryRow(
            stage=stage,
            variable="rows",
            level=level,
            arm="pilots",
            unit="rows",
            value=0.0,
            rows=n + dropped[level] * (stage == "before"),
        )
        for stage, (level, n) in product(STAGES, (("pre", 800), ("all periods", 1300)))
    ]
    assert {row.level for row in cleared_summary(rows, OutputRule())} == shown


def test_a_balance_is_judged_beside_the_totals_of_the_summary() -> None:
    """Few are dropped of one group: it takes another group to hide them, not the total."""
    dropped = {"North": 3, "South": 400, "all": 403}
    periods: tuple[Period, Period] = ("pre", "post")
    rows = [
        BalanceRow(
            stage=stage,
            period=period,
            group=group,
            l1=0.1,
            local_common_support=90.0,
            pilots_supported=90.0,
            cells=50,
            pilots=500 * n * (2 if period == "all" else 1) + drop * (stage == "before"),
            comparators=900 * n * (2 if period == "all" else 1),
        )
        for stage, period in product(STAGES, (*periods, ALL))
        for group, n in (("North", 1), ("South", 1), ("all", 2))
        for drop in [dropped[group] * (period != "post")]
    ]
    kept = {(row.period, row.group) for row in cleared_balance(rows, OutputRule())}
    assert {("pre", "all"), ("all", "all")} <= kept
    assert not {("pre", "North"), ("pre", "South")} & kept


def test_a_part_of_a_year_does_not_follow_from_totals() -> None:
    """Settling-in begins some days into 2014: four children of it, one with an event."""
    year = partial(ArmCount, arm="pilot", exact=True)
    counts = [
        year(year="2012", children=300, events=60),
        year(year="2013", children=310, events=62),
        year(year="2014", children=204, events=41),
        year(year="2015", children=300, events=70),
        year(year="before", children=614, events=123),
        year(year="after", children=500, events=110),
    ]
    hidden = hidden_counts(counts, OutputRule(), contributions={}).keys
    shown = {year for _, year in {count.key for count in counts} - hidden}
    assert not {"2012", "2013", "before"} <= shown
    sizes = [
        Size(authority="Alder", period=each.year, referrals=each.children, events=each.events)
        for each in counts
    ]
    assert not authorities(sizes, OutputRule()).all_large
    enough = {"before": (704, 140), "after": (410, 93)}
    sizes = [
        replace(each, referrals=enough[each.period][0], events=enough[each.period][1])
        if each.period in enough
        else each
        for each in sizes
    ]
    assert authorities(sizes, OutputRule()).all_large
