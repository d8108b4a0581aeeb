"""Cells → how many referrals of each authority a fit rests on, at least."""

from typing import TYPE_CHECKING, Any

import numpy as np

from sofs_bayes.cells.dataset import frame_of
from sofs_bayes.estimands.rows import AuthoritySizeRow
from sofs_bayes.frequentist.terms import PILOT, POST, kept_rows

if TYPE_CHECKING:
    import pandas as pd

    from sofs_bayes.bayes.did_arrays import DidArrays
    from sofs_bayes.cells.dataset import Cells
    from sofs_bayes.spec import Regression

ARMS = {1: "pilot", 0: "comparator"}
PERIODS = {0: "before", 1: "after"}
YEAR = "year"


def authority_size_rows(cells: "Cells", regression: "Regression") -> list[AuthoritySizeRow]:
    """Unweighted referrals and events by authority, before and after and by year, pilots first.

    An authority that stands in several matched groups has a row of each referral in each of
    them, so the largest group counts alone. Suppressed and rounded counts enter at their lower
    bounds. Authorities without children before or after have a row of zeros.

    Parameters
    ----------
    cells
        As `collapse` makes them or a release gives them.
    regression
        Whose groups are counted.
    """
    frame = kept_rows(frame_of(cells.patterns, "pattern"), regression)
    if cells.threshold:
        frame = frame.assign(n=frame["n_low"], events=frame["events_low"])
    found = _most(frame, POST)
    authorities = sorted({(-pilot, name) for name, pilot, _ in found})
    periods = dict(PERIODS)
    if YEAR in frame:
        found |= _most(frame, YEAR)
        periods |= {int(year): str(int(year)) for year in sorted(frame[YEAR].unique())}
    return [
        AuthoritySizeRow(
            authority=name,
            arm=ARMS[-minus_pilot],
            period=period,
            referrals=counts[0],
            events=counts[1],
        )
        for minus_pilot, name in authorities
        for code, period in periods.items()
        for counts in [found.get((name, -minus_pilot, code), (0, 0))]
        if code in PERIODS or (name, -minus_pilot, code) in found
    ]


def open_size_rows(arrays: "DidArrays") -> list[AuthoritySizeRow]:
    """Counts of whole authorities by year, before and after, pilots first.

    A comparator's years are after settling-in where any pilot's are.
    """
    pilots = arrays.treated > 0
    rows = []
    for i, name in enumerate(arrays.authorities):
        is_pilot = name in arrays.pilots
        after = pilots[arrays.pilots.index(name)] if is_pilot else pilots.any(axis=0)
        seen = arrays.denominators[i] > 0
        periods = {PERIODS[0]: seen & ~after, PERIODS[1]: seen & after}
        places = {year: seen & (np.arange(len(seen)) == k) for k, year in enumerate(arrays.years)}
        for period, here in (*periods.items(), *((str(y), at) for y, at in places.items())):
            if period in periods or here.any():
                rows.append(
                    AuthoritySizeRow(
                        authority=name,
                        arm=ARMS[int(is_pilot)],
                        period=period,
                        referrals=round(float(arrays.denominators[i][here].sum())),
                        events=round(float(arrays.events[i][here].sum())),
                    )
                )
    return rows


def _most(frame: "pd.DataFrame", when: str) -> dict[tuple[str, int, int], tuple[int, int]]:
    """Referrals and events by authority, arm and period or year, of the group with most."""
    keys: list[pd.Series[Any]] = [
        *(frame[key].astype(str) for key in ("authority", "group")),
        *(frame[key].astype(int) for key in (PILOT, when)),
    ]
    by_group = frame.groupby(keys, observed=True)[["n", "events"]].sum()
    most = by_group.groupby(level=["authority", PILOT, when]).max()
    return {place: (round(n), round(events)) for place, n, events in most.itertuples()}
