"""Comparators chosen from referrals, and their numbers beside the printed ones."""

import math
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sofs_bayes.errors import BadInput
from sofs_bayes.matching.from_records import GroupChoice, choose_from_records, compare_with_print
from sofs_bayes.matching.stacking import stack
from sofs_bayes.records.groups import Groups, Pair, Window
from sofs_bayes.records.referrals import register_referrals
from sofs_bayes.spec import ChildrenAnalysis, parse

YEARS = (2012, 2013, 2014, 2015, 2016)
START, END = date(2015, 7, 1), date(2015, 12, 31)

# Sums of a few numbers, in another order.
ROUNDING = 1e-12


def analysis_of(**authorities: Any) -> ChildrenAnalysis:
    document = {
        "kind": "children",
        "name": "made-up",
        "title": "A made-up analysis",
        "outcome": "ICPC",
        "why": "made up for a test",
        "records": {
            "columns": {"outcome_flag": "happened"},
            "window": {"days": 90},
            "years": list(YEARS),
            "covariates": [
                {
                    "kind": "levels",
                    "name": "sex",
                    "levels": {"girl": ["1"], "boy": ["2"]},
                    "reference": "girl",
                }
            ],
        },
        "matching": {"exact": ["sex"], "balance": ["sex"], "authorities": authorities},
        "regressions": {
            "covariates": ["sex"],
            "columns": [{"name": "Linear", "model": "linear"}],
        },
    }
    parsed = parse(document, file="made up")
    assert isinstance(parsed, ChildrenAnalysis)
    return parsed


def frame_of(rates: Mapping[str, Sequence[float]], size: int = 40) -> pd.DataFrame:
    """Referrals from an authority's share of outcomes per year: `size` on days from 2 April on.

    A share that is NaN stands for a year without referrals.
    """
    rows = [
        (name, date(year, 4, 2) + timedelta(days=i), int(i < round(share * size)))
        for name, shares in rates.items()
        for year, share in zip(YEARS, shares, strict=True)
        if not math.isnan(share)
        for i in range(size)
    ]
    frame = pd.DataFrame(rows, columns=["authority", "referral_date", "happened"])
    return frame.assign(child=range(len(frame)), sex=1)


def groups_of(*pilots: str, named: Mapping[str, Sequence[str]] | None = None) -> Groups:
    return Groups(
        windows=tuple(Window(pilot=pilot, start=START, end=END) for pilot in pilots),
        pairs=tuple(
            Pair(pilot=pilot, comparator=name, start=START, end=END)
            for pilot, names in (named or {}).items()
            for name in names
        ),
    )


def chosen(
    rates: Mapping[str, Sequence[float]] | pd.DataFrame, groups: Groups, **rule: Any
) -> GroupChoice:
    frame = rates if isinstance(rates, pd.DataFrame) else frame_of(rates)
    with register_referrals(frame, analysis_of(**rule)) as referrals:
        return choose_from_records(referrals, groups, analysis_of(**rule))


def named_of(choice: GroupChoice, pilot: str) -> list[str]:
    return [match.comparator for match in choice.matches if match.pilot == pilot]


# Of 2015 two days lie before settling-in, too few for a rate.
RATES = {
    "Aldmoor": (0.10, 0.20, 0.30, 0.1, 0.1),
    "Dell": (0.25, 0.425, 0.60, 0.9, 0.9),  # the nearest trend, at another level
    "Esk": (0.10, 0.15, 0.25, 0.2, 0.9),
    "Fern": (0.30, 0.20, 0.10, 0.1, 0.1),
    "Glen": (0.20, 0.20, 0.20, 0.1, 0.1),
}


def gap(rates: Mapping[str, Sequence[float]], first: str, second: str, *, level: bool) -> float:
    """The distance by hand, over the three years before settling-in."""

    def path(name: str) -> np.ndarray[Any, Any]:
        counts = [(round(share * 40), 40) for share in rates[name][:3]]
        return np.array([math.log((e + 0.5) / (n - e + 0.5)) for e, n in counts])

    difference = path(first) - path(second)
    if not level:
        difference = difference - difference.mean()
    return float(np.sqrt(np.mean(difference**2)))


# ------------------------------------------------------------------------------- the choice


@pytest.mark.parametrize("match_on", ["trend", "level and trend"])
def test_the_nearest_before_settling_in_are_taken(match_on: str) -> None:
    choice = chosen(RATES, groups_of("Aldmoor"), per_pilot=2, match_on=match_on)
    level = match_on != "trend"
    distances = {name: gap(RATES, "Aldmoor", name, level=level) for name in RATES}
    in_order = sorted(distances, key=lambda name: distances[name])
    assert in_order[0] == "Aldmoor"
    assert named_of(choice, "Aldmoor") == in_order[1:3]
    assert [match.rank for match in choice.matches] == [1, 2]
    for match in (*choice.matches, *choice.next_best):
        assert match.distance == pytest.approx(distances[match.comparator], abs=ROUNDING)
    (best,) = choice.next_best
    assert (best.pilot, best.comparator, best.rank) == ("Aldmoor", in_order[3], 3)
    assert choice.groups.pilots == ("Aldmoor",)
    assert choice.groups.comparators == tuple(sorted(in_order[1:3]))
    assert {(pair.start, pair.end) for pair in choice.groups.pairs} == {(START, END)}


def test_trend_and_level_choose_differently() -> None:
    by_trend = chosen(RATES, groups_of("Aldmoor"), per_pilot=1)
    by_both = chosen(RATES, groups_of("Aldmoor"), per_pilot=1, match_on="level and trend")
    assert named_of(by_trend, "Aldmoor") != named_of(by_both, "Aldmoor")


@given(st.lists(st.floats(0.05, 0.9), min_size=5, max_size=5))
@settings(deadline=None, max_examples=8)
def test_what_comes_after_has_no_part_in_it(shares: list[float]) -> None:
    later = frame_of(
        {
            name: (*v[:3], share, share)
            for share, (name, v) in zip(shares, RATES.items(), strict=True)
        }
    )
    same = chosen(later, groups_of("Aldmoor"))
    before = chosen(RATES, groups_of("Aldmoor"))
    assert (same.matches, same.pre_trend) == (before.matches, before.pre_trend)


def test_rates_are_shown_by_year_with_the_fit() -> None:
    choice = chosen(RATES, groups_of("Aldmoor"), per_pilot=2)
    rows = choice.pre_trend
    assert [(row.target, row.year) for row in rows] == [("Aldmoor", y) for y in YEARS[:3]]
    one, two = named_of(choice, "Aldmoor")
    for row, share, other, another in zip(
        rows, RATES["Aldmoor"], RATES[one], RATES[two], strict=False
    ):
        assert row.pilots == pytest.approx(share, abs=ROUNDING)
        theirs = (round(other * 40) + round(another * 40)) / 80
        assert row.comparators == pytest.approx(theirs, abs=ROUNDING)
        assert row.gap == pytest.approx(row.pilots - row.comparators, abs=ROUNDING)
    assert {row.trend_gap for row in rows} == {rows[0].trend_gap}
    assert rows[0].trend_gap < rows[0].trend_gap_all


@pytest.mark.parametrize(("start", "counts"), [("2015-12-28", 3), ("2015-12-29", 4)])
def test_a_year_cut_short_counts_from_half_a_year_on(start: str, counts: int) -> None:
    first = date.fromisoformat(start)  # 90 days after the 182nd or the 183rd day of 2015
    window = Window(pilot="Aldmoor", start=first, end=first)
    choice = chosen(RATES, Groups(windows=(window,), pairs=()))
    assert [row.year for row in choice.pre_trend] == list(YEARS[:counts])


def test_outcomes_that_reach_into_settling_in_are_not_counted() -> None:
    first = date(2015, 12, 29)
    groups = Groups(windows=(Window(pilot="Aldmoor", start=first, end=first),), pairs=())
    frame = frame_of(RATES)
    open_ = frame[frame["authority"] == "Dell"].iloc[:30].copy()
    open_["referral_date"] = [date(2015, 10, 2) + timedelta(days=i) for i in range(30)]
    before, with_open = chosen(frame, groups), chosen(pd.concat([frame, open_]), groups)
    assert (before.matches, before.pre_trend) == (with_open.matches, with_open.pre_trend)


def test_named_comparators_stay() -> None:
    rates = {**RATES, "Birchway": (0.3, 0.2, 0.1, 0.1, 0.1)}
    groups = groups_of("Birchway", "Aldmoor", named={"Birchway": ["Glen"]})
    choice = chosen(rates, groups, per_pilot=1)
    assert choice.groups.pilots == ("Birchway", "Aldmoor")
    assert choice.groups.comparators_of("Birchway") == ("Glen",)
    assert [match.pilot for match in choice.matches] == ["Aldmoor"]
    assert {row.target for row in choice.pre_trend} == {"Aldmoor"}
    assert choice.groups.unmatched == ()


def test_nothing_to_choose_changes_nothing() -> None:
    groups = groups_of("Aldmoor", named={"Aldmoor": ["Glen", "Dell"]})
    choice = chosen(RATES, groups)
    assert choice.groups == groups
    assert (choice.matches, choice.next_best, choice.pre_trend) == ((), (), ())


def test_without_reuse_a_comparator_serves_once() -> None:
    rates = {**RATES, "Birchway": RATES["Aldmoor"], "Cranleigh": RATES["Glen"]}
    groups = groups_of("Aldmoor", "Birchway", "Cranleigh", named={"Cranleigh": ["Dell"]})
    reused = chosen(rates, groups, per_pilot=1)
    assert named_of(reused, "Aldmoor") == named_of(reused, "Birchway") == ["Dell"]
    once = chosen(rates, groups, per_pilot=1, reuse=False)
    assert named_of(once, "Aldmoor") == ["Esk"]  # the nearest but Dell, which Cranleigh has
    assert len({*named_of(once, "Aldmoor"), *named_of(once, "Birchway"), "Dell"}) == 3
    taken = {match.comparator for match in once.matches}
    assert not taken & {match.comparator for match in once.next_best}


def test_pilots_are_nobodys_comparators() -> None:
    rates = {**RATES, "Birchway": RATES["Aldmoor"]}
    choice = chosen(rates, groups_of("Aldmoor", "Birchway"), per_pilot=4)
    assert set(choice.groups.comparators) == {"Dell", "Esk", "Fern", "Glen"}
    assert choice.next_best == ()


def test_who_is_not_observed_throughout_is_left_out() -> None:
    nan = math.nan
    rates = {
        **RATES,
        "Holt": (nan, *RATES["Aldmoor"][1:]),
        "Iver": (*RATES["Aldmoor"][:4], nan),
    }
    frame = frame_of(rates)
    kept = (frame["authority"] != "Iver") | (frame["referral_date"] <= END)
    choice = chosen(frame[kept], groups_of("Aldmoor"))
    assert [(gone.authority, gone.reason) for gone in choice.left_out] == [
        ("Holt", "no referrals for the settling-in of Aldmoor: none before it in 2012"),
        ("Iver", "no referrals for the settling-in of Aldmoor: none after it"),
    ]
    assert not {"Holt", "Iver"} & set(choice.groups.comparators)


def test_the_chosen_groups_can_be_stacked() -> None:
    analysis = analysis_of()
    authorities = pd.DataFrame({"authority": ["Aldmoor"], "year": [2012]})
    with register_referrals(frame_of(RATES), analysis) as referrals:
        choice = choose_from_records(referrals, groups_of("Aldmoor"), analysis)
        stacked = stack(referrals, choice.groups, authorities, analysis)
    assert {count.authority for count in stacked.counts} == {
        "Aldmoor",
        *choice.groups.comparators,
    }


# ------------------------------------------------------------------------------- refusals


def test_a_pilot_without_two_years_is_refused() -> None:
    rates = {**RATES, "Aldmoor": (math.nan, math.nan, 0.2, math.nan, 0.2)}
    with pytest.raises(BadInput) as error:
        chosen(rates, groups_of("Aldmoor"))
    assert str(error.value) == (
        "the groups: pilot Aldmoor: found referrals before settling-in in 2014; allowed: two"
        " years at least, as one has no trend; or comparators by name"
    )


def test_too_few_candidates_are_refused() -> None:
    with pytest.raises(BadInput) as error:
        chosen(RATES, groups_of("Aldmoor"), per_pilot=5)
    assert str(error.value) == (
        "the groups: pilot Aldmoor: found 4 comparators among 4 candidates; allowed:"
        " matching.authorities.per_pilot = 5, or comparators by name"
    )
    alone = frame_of({"Aldmoor": RATES["Aldmoor"]})
    with pytest.raises(BadInput, match="found no comparators among no candidates"):
        chosen(alone, groups_of("Aldmoor"))


# ------------------------------------------------------------------------------- print


@pytest.mark.parametrize(("outcome", "pilots", "comparators"), [("ICPC", 6, 5), ("CLA", 7, 6)])
def test_numbers_stand_beside_the_printed_ones(outcome: str, pilots: int, comparators: int) -> None:
    groups = groups_of("Aldmoor", "Birchway", named={"Aldmoor": ["Dell"], "Birchway": ["Dell"]})
    rows = compare_with_print(groups, outcome)
    assert [(row.quantity, row.here, row.printed) for row in rows] == [
        ("pilots", 2, pilots),
        ("pilots", 2, pilots),
        ("comparators", 1, comparators),
    ]
    assert rows[0].place == f"Table 1, Outcome: {outcome} rate"
    assert "note" in rows[1].place
