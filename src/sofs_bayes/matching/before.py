"""Referrals and groups → how the arms did by year, and how near candidates are before the start.

Nothing is matched yet: these are the counts that matching starts from.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr

from sofs_bayes.errors import BadInput
from sofs_bayes.matching.from_records import candidates_of, count_by_day
from sofs_bayes.matching.pre_trend import distances
from sofs_bayes.records.groups import Groups
from sofs_bayes.records.referrals import Referrals
from sofs_bayes.spec import ChildrenAnalysis

Arm = Literal["pilots", "comparators", "others"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmYear:
    """Referrals of an arm in a year, whatever the period, and those with the outcome."""

    arm: Arm
    year: int
    authorities: int
    referrals: int
    outcomes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Distance:
    """How far an authority's path is from a pilot's before settling-in.

    Attributes
    ----------
    named
        Whether the groups name it as one of the pilot's comparators.
    distance
        Root mean square difference of the log-odds by year, as `matching.authorities` says.
    fewest
        Smallest number of outcomes, or of referrals without one, that a year of either has:
        what a check for small numbers needs.
    """

    pilot: str
    authority: str
    named: bool
    distance: float
    fewest: int


def arm_years(
    referrals: Referrals, groups: Groups, analysis: ChildrenAnalysis
) -> tuple[ArmYear, ...]:
    """The arms' counts by year of the analysis; `others` are in no group."""
    connection = referrals.connection
    count_by_day(connection, analysis)
    rows = connection.execute(
        """
        SELECT CASE WHEN list_contains(?, authority) THEN 'pilots'
            WHEN list_contains(?, authority) THEN 'comparators' ELSE 'others' END AS arm,
            year, count(DISTINCT authority), CAST(sum(referrals) AS BIGINT),
            CAST(sum(outcomes) AS BIGINT)
        FROM by_day GROUP BY arm, year ORDER BY arm, year""",
        [list(groups.pilots), list(groups.comparators)],
    ).fetchall()
    return tuple(
        ArmYear(arm=arm, year=year, authorities=count, referrals=n, outcomes=events)
        for arm, year, count, n, events in rows
    )


def candidate_distances(
    referrals: Referrals, groups: Groups, analysis: ChildrenAnalysis
) -> tuple[Distance, ...]:
    """Every candidate's distance from every pilot, nearest first; none of a pilot without a trend.

    Candidates are as in `from_records.choose_from_records`, those that the groups name among
    them.
    """
    count_by_day(referrals.connection, analysis)
    return tuple(
        each
        for pilot in groups.pilots
        for each in sorted(
            _of_pilot(referrals, groups, pilot, analysis), key=lambda each: each.distance
        )
    )


def _of_pilot(
    referrals: Referrals, groups: Groups, pilot: str, analysis: ChildrenAnalysis
) -> Iterator[Distance]:
    window = next(each for each in groups.windows if each.pilot == pilot)
    try:
        found = candidates_of(referrals.connection, window, groups, ())
    except BadInput:  # without two years before there is no trend
        return
    if not found.eligible:
        return
    rule, named = analysis.matching.authorities, groups.comparators_of(pilot)
    gaps = distances(found.panel, pilot, found.eligible, found.years, match_on=rule.match_on)
    fewest = {name: _fewest(found.panel.counts, [pilot, name]) for name in found.eligible}
    for name, gap in zip(found.eligible, gaps, strict=True):
        yield Distance(
            pilot=pilot,
            authority=name,
            named=name in named,
            distance=float(gap),
            fewest=fewest[name],
        )


def _fewest(counts: xr.Dataset, names: Sequence[str]) -> int:
    own = counts.sel(authority=list(names))
    events, whole = own["events"].to_numpy(), own["denominator"].to_numpy()
    return int(np.min([events, whole - events]))
