"""Groups and sizes → on which days authorities have how many referrals, and where they stand."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from sofs_bayes.spec import ChildrenAnalysis
from sofs_bayes.spec.seeds import stream
from sofs_bayes.synthetic.covariates import Floats, Integers, counts_by_quota
from sofs_bayes.synthetic.scenario import Scenario

Days = npt.NDArray[np.datetime64]
# (pilot 1 or comparator 0, post 1 or pre 0) → a number of that arm and period.
ByArm = dict[tuple[int, int], float]

PRE, POST, OUTSIDE = 0, 1, -1
WORKING_DAYS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """One authority's days."""

    authority: str  # authority, pilot: its name, and whether it is a pilot (1 or 0)
    pilot: int
    days: pd.DatetimeIndex  # from the first April to the last March, shape (days,)
    rate: Floats  # relative number of referrals, shape (days,)
    period: Integers  # PRE, POST or OUTSIDE in each of the scenario's groups, shape (days, groups)


def calendars(scenario: Scenario, analysis: ChildrenAnalysis) -> list[Calendar]:
    """The calendars of the pilots, the comparators and the further authorities, in that order."""
    sizes = scenario.sizes.authorities | {
        each.name: each.size for each in scenario.further.authorities
    }
    first, last = analysis.records.years[0], analysis.records.years[-1]
    month = f"{analysis.records.first_month:02}-01"
    days = pd.date_range(f"{first}-{month}", f"{last + 1}-{month}", freq="D", inclusive="left")
    order = [*scenario.pilots, *scenario.comparators]
    order += [each.name for each in scenario.further.authorities]
    return [
        Calendar(
            authority=authority,
            pilot=int(authority in scenario.pilots),
            days=days,
            rate=sizes[authority] * _course(scenario, days, authority),
            period=_periods(scenario, analysis, days, authority),
        )
        for authority in order
    ]


def _course(scenario: Scenario, days: pd.DatetimeIndex, authority: str) -> Floats:
    """Growth, a quarter's noise, and no referrals at weekends."""
    quarter = ((days.year - days[0].year) * 4 + days.quarter - days[0].quarter).to_numpy(np.int64)
    normal = stream(scenario.seed, "sizes", authority).standard_normal(quarter.max() + 1)
    growth = (1 + scenario.sizes.growth) ** (quarter / 4)
    working = np.asarray(days.day_of_week < WORKING_DAYS)
    return np.asarray(growth * np.exp(scenario.sizes.noise * normal)[quarter] * working)


def _periods(
    scenario: Scenario, analysis: ChildrenAnalysis, days: pd.DatetimeIndex, authority: str
) -> Integers:
    window = analysis.records.window
    ends = (
        days + pd.Timedelta(days=window.days)
        if window.days
        else days + pd.DateOffset(months=window.months or 0)
    )
    known = np.isin(days.year - (days.month < analysis.records.first_month), analysis.records.years)
    period = np.full((len(days), len(scenario.groups)), OUTSIDE, dtype=np.int64)
    for i, group in enumerate(scenario.groups):
        if authority in (group.pilot, *group.comparators):
            period[known & (ends <= pd.Timestamp(group.settling_in_start)), i] = PRE
            period[known & (days > pd.Timestamp(group.settling_in_end)), i] = POST
    return period


def expected_referrals(calendar: list[Calendar], wanted: ByArm) -> list[Floats]:
    """Expected referrals by calendar and day such that stacked rows come to those wanted.

    A day in settling-in, and every day of an authority in no group, has the mean of the rates
    before and after.
    """
    scale = {
        (pilot, post): number
        / sum(
            each.rate @ (each.period == post).sum(axis=1)
            for each in calendar
            if each.pilot == pilot
        )
        for (pilot, post), number in wanted.items()
    }
    expected = []
    for each in calendar:
        pre, post = scale[each.pilot, PRE], scale[each.pilot, POST]
        factor = np.full(len(each.days), (pre + post) / 2)
        factor[(each.period == POST).any(axis=1)] = post
        factor[(each.period == PRE).any(axis=1)] = pre
        expected.append(each.rate * factor)
    return expected


def dated_referrals(scenario: Scenario, calendar: list[Calendar], wanted: ByArm) -> pd.DataFrame:
    """Referrals with authority and date alone, by authority and date.

    Returns
    -------
    DataFrame
        `authority` (its place in `calendar`), `day` (its place among the days), `segment`
        (days of an authority with the same periods in all groups).
    """
    frames = []
    for i, (each, expected) in enumerate(
        zip(calendar, expected_referrals(calendar, wanted), strict=True)
    ):
        counts = counts_by_quota(expected, stream(scenario.seed, "dates", each.authority))
        segment = np.unique(each.period, axis=0, return_inverse=True)[1].ravel()
        day = np.repeat(np.arange(len(each.days)), counts)
        frames.append(pd.DataFrame({"authority": i, "day": day, "segment": segment[day]}))
    return pd.concat(frames, ignore_index=True)


def stacked_rows(referrals: pd.DataFrame, calendar: list[Calendar]) -> pd.DataFrame:
    """A row for each referral in each group: referral (its place), group (its place), pilot, post.

    Ordered by referral and group.
    """
    period = np.stack([each.period for each in calendar])
    of_referral = period[referrals["authority"], referrals["day"]]
    referral, group = np.nonzero(of_referral != OUTSIDE)
    pilots = np.array([each.pilot for each in calendar])
    return pd.DataFrame(
        {
            "referral": referral,
            "group": group,
            "pilot": pilots[referrals["authority"].to_numpy()[referral]],
            "post": of_referral[referral, group],
        }
    )
