"""Calendars: periods against plain date arithmetic, totals, stacking."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from sofs_bayes.spec import ChildrenAnalysis, load
from sofs_bayes.synthetic.drafts import wanted_rows
from sofs_bayes.synthetic.referral_dates import (
    OUTSIDE,
    POST,
    PRE,
    calendars,
    dated_referrals,
    expected_referrals,
    stacked_rows,
)
from sofs_bayes.synthetic.scenario import Scenario, load_scenario

ROUNDING = 1e-6  # relative, of sums over some thousand days


def analysis_of(name: str) -> ChildrenAnalysis:
    analysis = load(f"{name}-children")
    assert isinstance(analysis, ChildrenAnalysis)
    return analysis


@pytest.mark.parametrize("name", ["icpc", "cla"])
def test_periods_agree_with_dates_by_hand(name: str) -> None:
    scenario, analysis = load_scenario(name), analysis_of(name)
    for each in calendars(scenario, analysis):
        for i, group in enumerate(scenario.groups):
            member = each.authority in (group.pilot, *group.comparators)
            for day, found in list(zip(each.days, each.period[:, i], strict=True))[::13]:
                ends = day.date() + timedelta(days=90)
                if name == "cla":
                    ends = (day + pd.DateOffset(months=12)).date()
                known = (day.year - (day.month < 4)) in analysis.records.years
                period = OUTSIDE
                if member and known and ends <= group.settling_in_start:
                    period = PRE
                if member and known and day.date() > group.settling_in_end:
                    period = POST
                assert found == period


def test_expected_rows_come_to_those_wanted(
    icpc: Scenario, icpc_analysis: ChildrenAnalysis
) -> None:
    calendar = calendars(icpc, icpc_analysis)
    wanted = wanted_rows(icpc)
    expected = expected_referrals(calendar, wanted)
    for (pilot, post), number in wanted.items():
        found = sum(
            days @ (each.period == post).sum(axis=1)
            for each, days in zip(calendar, expected, strict=True)
            if each.pilot == pilot
        )
        assert found == pytest.approx(number, rel=ROUNDING)


def test_referrals_are_on_weekdays_and_stack_where_their_authority_stands(
    icpc: Scenario, icpc_analysis: ChildrenAnalysis
) -> None:
    calendar = calendars(icpc, icpc_analysis)
    small = {key: number / 50 for key, number in wanted_rows(icpc).items()}
    referrals = dated_referrals(icpc, calendar, small)
    days = calendar[0].days[referrals["day"].to_numpy()]
    assert days.day_of_week.max() < 5
    stacked = stacked_rows(referrals, calendar)
    assert not stacked.duplicated(["referral", "group"]).any()
    times = np.bincount(stacked["referral"], minlength=len(referrals))
    for place in range(0, len(referrals), 97):
        authority, day = referrals["authority"][place], referrals["day"][place]
        assert times[place] == (calendar[authority].period[day] != OUTSIDE).sum()


def test_entry_to_care_has_no_year_before_settling_in() -> None:
    scenario, analysis = load_scenario("cla"), analysis_of("cla")
    for each in calendars(scenario, analysis):
        for i, group in enumerate(scenario.groups):
            year_before = pd.Timestamp(group.settling_in_start) - pd.DateOffset(years=1)
            seen = each.days[(each.period[:, i] == PRE) & (each.rate > 0)]
            assert len(seen) == 0 or seen.max() < year_before
