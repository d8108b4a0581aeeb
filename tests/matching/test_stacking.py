"""Stacked referrals, against a slow version of the same rules in plain Python."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from sofs_bayes.errors import BadInput, BadSpec
from sofs_bayes.matching.stacking import Stacked, stack
from sofs_bayes.records.groups import Groups, Pair, Window
from sofs_bayes.records.referrals import Referrals, register_referrals
from sofs_bayes.spec import ChildrenAnalysis, parse

PILOTS, OTHERS = ("Aldmoor", "Birchway"), ("Dell", "Esk", "Fern")
YEARS = (2012, 2013, 2015, 2016)  # 2014 is not analysed


def analysis_of(
    window: dict[str, int], years: Sequence[int] = YEARS, year_begins: int | None = None
) -> ChildrenAnalysis:
    document = {
        "kind": "children",
        "name": "made-up",
        "title": "A made-up analysis",
        "outcome": "ICPC",
        "why": "made up for a test",
        "records": {
            "columns": {"outcome_flag": "happened"},
            "window": window,
            "years": list(years),
            **({} if year_begins is None else {"year_begins": year_begins}),
            "covariates": [
                {
                    "kind": "levels",
                    "name": "sex",
                    "levels": {"girl": ["1"], "boy": ["2"]},
                    "reference": "girl",
                }
            ],
            "authority_covariates": [{"name": "ofsted"}, {"name": "quality"}],
        },
        "matching": {"exact": ["sex"], "balance": ["sex"]},
        "regressions": {
            "covariates": ["sex"],
            "columns": [{"name": "Linear", "model": "linear"}],
        },
    }
    parsed = parse(document, file="made up")
    assert isinstance(parsed, ChildrenAnalysis)
    return parsed


def groups_of(windows: dict[str, tuple[date, date]], pairs: Sequence[tuple[str, str]]) -> Groups:
    return Groups(
        windows=tuple(Window(pilot=p, start=s, end=e) for p, (s, e) in windows.items()),
        pairs=tuple(
            Pair(pilot=p, comparator=c, start=windows[p][0], end=windows[p][1]) for p, c in pairs
        ),
    )


def authorities_of(years: Sequence[int] = YEARS) -> pd.DataFrame:
    """Numbers that tell every authority and year apart."""
    rows = [
        (name, year, i + year / 10_000, float(i))
        for i, name in enumerate((*PILOTS, *OTHERS))
        for year in years
    ]
    return pd.DataFrame(rows, columns=["authority", "year", "ofsted", "quality"])


def frame_of(rows: Sequence[tuple[str, date, int]]) -> pd.DataFrame:
    """Referrals from authority, day and outcome."""
    return pd.DataFrame(
        {
            "child": [f"child {i}" for i in range(len(rows))],
            "authority": [row[0] for row in rows],
            "referral_date": [row[1] for row in rows],
            "happened": [row[2] for row in rows],
            "sex": [1 + i % 2 for i in range(len(rows))],
        }
    )


# --------------------------------------------------------------------- the slow version


@dataclass(frozen=True)
class Row:
    referral: int
    group: str
    pilot: int
    post: int
    year: int
    years_since: int


def whole_years_later(start: date, years: int) -> date:
    """The anniversary; of 29 February 1 March, in years without one."""
    try:
        return start.replace(year=start.year + years)
    except ValueError:
        return date(start.year + years, 3, 1)


def months_later(day: date, months: int) -> date:
    """The day so many months later, or the last of its month."""
    count = day.year * 12 + day.month - 1 + months
    year, month = count // 12, count % 12 + 1
    following = date(year + month // 12, month % 12 + 1, 1)
    return min(date(year, month, 1) + timedelta(days=day.day - 1), following - timedelta(days=1))


def slow(
    rows: Sequence[tuple[str, date, int]], groups: Groups, analysis: ChildrenAnalysis
) -> set[tuple[Row, int]]:
    """Every stacked row with its multiplicity, one referral and group after the other."""
    window = analysis.records.window
    found = []
    for referral, (authority, day, _) in enumerate(rows):
        begins = 4 if analysis.records.year_begins is None else analysis.records.year_begins
        year = day.year if day.month >= begins else day.year - 1
        if window.days is not None:
            closes = day + timedelta(days=window.days)
        else:
            closes = months_later(day, window.months or 0)
        for group in groups.windows:
            pilot = int(authority == group.pilot)
            if not pilot and authority not in groups.comparators_of(group.pilot):
                continue
            if year not in analysis.records.years:
                continue
            if closes <= group.start:
                since = -1
                while whole_years_later(group.start, since) > day:
                    since -= 1
                found.append(Row(referral, group.pilot, pilot, 0, year, since))
            elif day > group.end:
                since = 0
                while whole_years_later(group.end + timedelta(days=1), since + 1) <= day:
                    since += 1
                found.append(Row(referral, group.pilot, pilot, 1, year, since))
    times = [row.referral for row in found]
    return {(row, times.count(row.referral)) for row in found}


def opened(rows: Sequence[tuple[str, date, int]], analysis: ChildrenAnalysis) -> Referrals:
    return register_referrals(frame_of(rows), analysis, threads=1)


def stacked_rows(referrals: Referrals) -> set[tuple[Row, int]]:
    found = referrals.connection.execute(
        'SELECT referral, "group", pilot, post, year, years_since, multiplicity FROM stacked'
    ).fetchall()
    assert len(set(found)) == len(found)
    return {(Row(*row[:-1]), row[-1]) for row in found}


# ------------------------------------------------------------------------------- rules

DAYS = st.dates(date(2012, 3, 25), date(2017, 4, 5))
# Days at which rules turn: leap days, ends of months, of financial years and of windows.
EDGES = st.sampled_from(
    [
        *(date(2012, 4, 1), date(2013, 3, 31), date(2014, 3, 31), date(2015, 4, 1)),
        *(date(2016, 2, 28), date(2016, 2, 29), date(2016, 3, 1), date(2013, 2, 28)),
        *(date(2013, 3, 1), date(2015, 3, 1), date(2014, 1, 31), date(2014, 8, 31)),
    ]
)
ANY_DAY = st.one_of(DAYS, EDGES)
STARTS = st.one_of(st.dates(date(2013, 6, 1), date(2016, 3, 1)), st.just(date(2016, 2, 29)))
WINDOWS = st.one_of(
    st.fixed_dictionaries({"days": st.integers(1, 400)}),
    st.fixed_dictionaries({"months": st.integers(1, 15)}),
)
SPREAD = [
    (name, day, 0)
    for name in (*PILOTS, *OTHERS)
    for day in (date(2012, 4, 1), date(2017, 3, 31))  # so that no period is empty
]


@given(
    window=WINDOWS,
    starts=st.lists(STARTS, min_size=2, max_size=2),
    lengths=st.lists(st.integers(0, 300), min_size=2, max_size=2),
    pairs=st.sets(st.tuples(st.sampled_from(PILOTS), st.sampled_from(OTHERS))),
    year_begins=st.sampled_from([None, None, 1, 9]),
    rows=st.lists(
        st.tuples(st.sampled_from([*PILOTS, *OTHERS, "Glen"]), ANY_DAY, st.integers(0, 1)),
        max_size=30,
    ),
)
@settings(deadline=None, max_examples=60)
def test_stacking_agrees_with_the_slow_version(
    *,
    window: dict[str, int],
    starts: list[date],
    lengths: list[int],
    pairs: set[tuple[str, str]],
    rows: list[tuple[str, date, int]],
    year_begins: int | None,
) -> None:
    analysis = analysis_of(window, year_begins=year_begins)
    windows = {
        pilot: (start, start + timedelta(days=days))
        for pilot, start, days in zip(PILOTS, starts, lengths, strict=True)
    }
    pairs |= {("Aldmoor", "Dell"), ("Birchway", "Fern")}
    groups = groups_of(windows, sorted(pairs))
    # A day either side of where a window's rules turn.
    edges = [
        (pilot, turn + timedelta(days=days), 1)
        for pilot, (start, end) in windows.items()
        for turn in (start - timedelta(days=window.get("days", 365)), start, end)
        for days in (-1, 0, 1)
    ]
    everyone = SPREAD + edges + [row for row in rows if row[:2] not in {e[:2] for e in edges}]
    with opened(everyone, analysis) as referrals:
        try:
            stacked = stack(referrals, groups, authorities_of(), analysis)
        except BadSpec as refused:  # a long window leaves an early pilot nobody before it
            assert "found no referral of its" in str(refused)
            reject()
        found = stacked_rows(referrals)
    assert found == slow(everyone, groups, analysis)
    assert stacked.rows == len(found)


def aldmoor(
    days: Sequence[date],
    window: dict[str, int],
    start: date = date(2014, 10, 1),
    end: date = date(2015, 3, 31),
) -> list[tuple[int, int, int] | None]:
    """Post, year and years since of the pilot's referrals on these days; None if left out."""
    analysis = analysis_of(window, range(2010, 2019))
    groups = groups_of({"Aldmoor": (start, end)}, [("Aldmoor", "Dell")])
    rows = [("Aldmoor", day, 1) for day in days]
    ends = [
        (name, day, 0)
        for name in ("Aldmoor", "Dell")
        for day in (date(2010, 4, 1), date(2019, 3, 31))
    ]
    with opened([*rows, *ends], analysis) as referrals:
        stack(referrals, groups, authorities_of(range(2010, 2019)), analysis)
        found = {
            row.referral: (row.post, row.year, row.years_since)
            for row, _ in stacked_rows(referrals)
            if row.pilot
        }
    return [found.get(i) for i in range(len(days))]


def test_a_window_of_days_by_hand() -> None:
    days = {
        date(2014, 7, 3): (0, 2014, -1),  # the 90 days end on the first of October
        date(2014, 7, 4): None,
        date(2014, 10, 1): None,
        date(2015, 3, 31): None,
        date(2015, 4, 1): (1, 2015, 0),
        date(2016, 3, 31): (1, 2015, 0),
        date(2016, 4, 1): (1, 2016, 1),
        date(2018, 4, 1): (1, 2018, 3),
        date(2013, 10, 1): (0, 2013, -1),
        date(2013, 9, 30): (0, 2013, -2),
        date(2012, 10, 1): (0, 2012, -2),
        date(2012, 3, 31): (0, 2011, -3),
    }
    assert aldmoor(list(days), {"days": 90}) == list(days.values())


def test_a_window_of_months_by_hand() -> None:
    days = {
        date(2013, 10, 1): (0, 2013, -1),  # the twelve months end on the first of October
        date(2013, 10, 2): None,
        date(2013, 9, 30): (0, 2013, -2),
    }
    assert aldmoor(list(days), {"months": 12}) == list(days.values())
    leap = {
        date(2015, 2, 28): (0, 2014, -2),  # the anniversary of 29 February is 1 March
        date(2015, 3, 1): None,
    }
    start, end = date(2016, 2, 29), date(2016, 2, 29)
    assert aldmoor(list(leap), {"months": 12}, start, end) == list(leap.values())
    after = {date(2016, 3, 1): (1, 2015, 0), date(2017, 2, 28): (1, 2016, 0)}
    assert aldmoor(list(after), {"months": 12}, start, end) == list(after.values())


# ------------------------------------------------------------------------------- columns

ANALYSIS = analysis_of({"days": 90})
BOTH = groups_of(
    {
        "Aldmoor": (date(2013, 10, 1), date(2014, 3, 31)),
        "Birchway": (date(2015, 10, 1), date(2015, 12, 31)),
    },
    [("Aldmoor", "Dell"), ("Aldmoor", "Esk"), ("Birchway", "Esk")],
)
ROWS = [
    (name, day, i % 2)
    for name in (*PILOTS, *OTHERS)
    for i, day in enumerate(
        [date(2012, 5, 1), date(2013, 5, 1), date(2015, 5, 1), date(2016, 5, 1)]
    )
]


def test_every_column_is_there() -> None:
    with opened(ROWS, ANALYSIS) as referrals:
        stack(referrals, BOTH, authorities_of(), ANALYSIS)
        frame = referrals.connection.execute("FROM stacked").df()
        stack(referrals, BOTH, authorities_of(), ANALYSIS)  # a second time is no fault
        assert referrals.connection.execute("FROM stacked").df().shape == frame.shape
    assert list(frame.columns) == [
        *("referral", "child", "authority", "group", "pilot", "post", "year", "years_since"),
        *("referral_date", "outcome", "sex", "ofsted", "quality", "multiplicity"),
    ]
    assert {str(frame[name].dtype) for name in ("pilot", "post", "outcome", "year")} == {"int32"}
    source = frame_of(ROWS).iloc[frame["referral"]].reset_index(drop=True)
    assert (frame["child"] == source["child"]).all()
    assert (frame["authority"] == source["authority"]).all()
    assert (frame["outcome"] == source["happened"]).all()
    assert (frame["sex"] == source["sex"].map({1: "girl", 2: "boy"})).all()
    position = frame["authority"].map({name: i for i, name in enumerate((*PILOTS, *OTHERS))})
    assert (frame["quality"] == position).all()
    assert (frame["ofsted"] == position + frame["year"] / 10_000).all()
    assert set(frame.loc[frame["authority"] == "Esk", "group"]) == set(PILOTS)
    assert "Fern" not in set(frame["authority"])


def test_multiplicity_counts_the_groups_a_referral_stands_in() -> None:
    with opened(ROWS, ANALYSIS) as referrals:
        stack(referrals, BOTH, authorities_of(), ANALYSIS)
        frame = referrals.connection.execute("FROM stacked").df()
    times = frame.groupby("referral")["group"].transform("size")
    assert (frame["multiplicity"] == times).all()
    # Esk on 1 May 2015 is after Aldmoor's window and before Birchway's.
    in_2015 = frame[(frame["authority"] == "Esk") & (frame["year"] == 2015)]
    assert dict(zip(in_2015["group"], in_2015["post"], strict=True)) == {
        "Aldmoor": 1,
        "Birchway": 0,
    }
    assert list(in_2015["multiplicity"]) == [2, 2]


def test_counts_are_those_of_the_rows() -> None:
    with opened(ROWS, ANALYSIS) as referrals:
        stacked = stack(referrals, BOTH, authorities_of(), ANALYSIS)
        frame = referrals.connection.execute("FROM stacked").df()
    assert isinstance(stacked, Stacked)
    assert (stacked.evidence, stacked.rows) == ("records", len(frame))
    keys = ["group", "authority", "pilot", "post", "year"]
    wanted = frame.groupby(keys)["outcome"].agg(["size", "sum"]).to_dict("index")
    found = {
        (c.group, c.authority, c.pilot, c.post, c.year): {"size": c.rows, "sum": c.outcomes}
        for c in stacked.counts
    }
    assert found == wanted


# ------------------------------------------------------------------------------- refusals


def refused(
    rows: Sequence[tuple[str, date, int]],
    groups: Groups = BOTH,
    authorities: pd.DataFrame | None = None,
) -> list[str]:
    given_ = authorities_of() if authorities is None else authorities
    with opened(rows, ANALYSIS) as referrals, pytest.raises((BadInput, BadSpec)) as error:
        stack(referrals, groups, given_, ANALYSIS)
    return str(error.value).splitlines()


def test_an_authority_without_referrals_is_refused() -> None:
    lines = refused([row for row in ROWS if row[0] not in ("Aldmoor", "Esk")])
    assert lines[:2] == [
        "the groups: column pilot: found Aldmoor, which has no referrals; allowed: authorities as"
        " the referrals call them",
        "the groups: column comparator: found Esk, which has no referrals; allowed: authorities as"
        " the referrals call them",
    ]


@pytest.mark.parametrize(
    ("name", "keep", "line"),
    [
        (
            "Aldmoor",
            lambda day: day.year > 2014,
            "group Aldmoor: found no referral of its pilot be",
        ),
        (
            "Aldmoor",
            lambda day: day.year < 2014,
            "group Aldmoor: found no referral of its pilot af",
        ),
        (
            "Esk",
            lambda day: day.year > 2015,
            "group Birchway: found no referral of its comparators",
        ),
    ],
)
def test_a_period_without_an_arm_is_refused(name: str, keep: Any, line: str) -> None:
    rows = [row for row in ROWS if row[0] != name or keep(row[1])]
    (found,) = refused(rows)
    assert found.startswith(f"the groups: {line}")


def test_a_year_without_covariates_is_refused() -> None:
    whole = authorities_of()
    lines = refused(ROWS, authorities=whole[(whole["authority"] != "Esk") | (whole["year"] < 2015)])
    assert lines == [
        f"the authorities: Esk, {year}: found no row; allowed: one for each authority and year used"
        for year in (2015, 2016)
    ]
    unused = whole[whole["authority"] != "Fern"]  # it serves nobody
    with opened(ROWS, ANALYSIS) as referrals:
        assert stack(referrals, BOTH, unused, ANALYSIS).rows > 0


def test_groups_with_comparators_still_to_be_chosen_are_refused() -> None:
    windows = {"Aldmoor": (date(2013, 10, 1), date(2014, 3, 31))}
    assert refused(ROWS, groups_of(windows, [])) == [
        "the groups: column comparator: found none of Aldmoor; allowed: the comparators of each"
        " pilot"
    ]
    assert refused(ROWS, groups_of({}, [])) == [
        "the groups: column comparator: found no group; allowed: the comparators of each pilot"
    ]


def test_no_message_has_a_value_of_a_record() -> None:
    lines = refused([row for row in ROWS if row[0] != "Aldmoor" or row[1].year > 2014])
    frame = frame_of(ROWS)
    values = {*frame["child"], *map(str, frame["referral_date"])}
    assert not [value for value in values for line in lines if value in line]


@pytest.mark.parametrize("month", [0, 13])
def test_a_year_begins_with_a_month(month: int) -> None:
    with pytest.raises(BadSpec, match=r"records\.year_begins: found"):
        analysis_of({"days": 90}, year_begins=month)


def test_own_weights_are_those_of_the_referrals_and_no_other_numbers() -> None:
    plain = analysis_of({"days": 90})
    columns = replace(plain.records.columns, weight="how_much")
    records = replace(plain.records, columns=columns)
    with pytest.raises(ValidationError, match="both, or neither"):
        replace(plain, records=records)
    analysis = replace(
        plain, records=records, matching=replace(plain.matching, own_weights="count")
    )
    frame = frame_of(ROWS).assign(how_much=[0.5 + i for i in range(len(ROWS))])
    with register_referrals(frame, analysis, threads=1) as referrals:
        stack(referrals, BOTH, authorities_of(), analysis)
        got = referrals.connection.execute("SELECT referral, own_weight FROM stacked").fetchall()
        assert got and all(weight == referral + 0.5 for referral, weight in got)
    for wrong in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(BadSpec, match="column how_much: found no number above 0 in 1 of"):
            register_referrals(frame.assign(how_much=[wrong, *frame["how_much"][1:]]), analysis)
