"""Cells → how many referrals of each authority a fit rests on, at least."""

from typing import TYPE_CHECKING, Any

from sofs_bayes.cells.dataset import frame_of
from sofs_bayes.estimands.rows import AuthoritySizeRow
from sofs_bayes.frequentist.term import PILOT, POST
from sofs_bayes.frequentist.terms import kept_rows

if TYPE_CHECKING:
    import pandas as pd

    from sofs_bayes.bayes.cell_data import CellData
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
    return _rows(frame)


def counted_size_rows(data: "CellData") -> list[AuthoritySizeRow]:
    """Counts of whole authorities by year, before and after, pilots first.

    A comparator's years are after settling-in where any pilot's are.
    """
    frame = data.cells[data.cells["children"] > 0]
    later = set(frame.loc[frame["treated"] == 1, "year"])
    after = (frame["treated"] == 1) | ((frame["pilot"] == 0) & frame["year"].isin(later))
    frame = frame.assign(n=frame["children"], group="", **{POST: after.astype(int)})
    return _rows(frame)


def _rows(frame: "pd.DataFrame") -> list[AuthoritySizeRow]:
    """Rows by period, and by year where the frame tells it."""
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


def _most(frame: "pd.DataFrame", when: str) -> dict[tuple[str, int, int], tuple[int, int]]:
    """Referrals and events by authority, arm and period or year, of the group with most."""
    keys: list[pd.Series[Any]] = [
        *(frame[key].astype(str) for key in ("authority", "group")),
        *(frame[key].astype(int) for key in (PILOT, when)),
    ]
    by_group = frame.groupby(keys, observed=True)[["n", "events"]].sum()
    most = by_group.groupby(level=["authority", PILOT, when]).max()
    return {place: (round(n), round(events)) for place, n, events in most.itertuples()}
