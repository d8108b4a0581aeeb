"""Sizes are counts of referrals in one matched group, and never more than what is known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.cells.collapse import collapse
from sofs_bayes.cells.dataset import Cells, frame_of
from sofs_bayes.estimands.authority_sizes import authority_size_rows, counted_size_rows
from sofs_bayes.estimands.rows import AuthoritySizeRow
from sofs_bayes.spec import ChildrenAnalysis, Regression, load

FOLDER = Path(__file__).parents[1] / "reference" / "regressions"
KEYS = ["authority", "group", "pilot", "post"]


def children_analysis() -> ChildrenAnalysis:
    found = load(FOLDER / "analysis.toml")
    assert isinstance(found, ChildrenAnalysis)
    return found


@pytest.fixture(scope="module")
def matched() -> pd.DataFrame:
    return pd.read_csv(FOLDER / "matched.csv", parse_dates=["referral_date"])


@pytest.fixture(scope="module")
def cells(matched: pd.DataFrame) -> Cells:
    return collapse(matched, children_analysis(), evidence="synthetic")


def regression(**changed: object) -> Regression:
    return replace(children_analysis().regressions.columns[0], **changed)  # type: ignore[arg-type]


def suppressed(cells: Cells) -> Cells:
    """The same cells with the smallest counts between bounds, as a release gives them."""
    counts = frame_of(cells.patterns, "pattern")
    small = (counts["n"] < 4).to_numpy()
    columns = {}
    for name in ("n", "events"):
        exact = counts[name].to_numpy(np.float64)
        columns[name] = np.where(small, np.nan, exact)
        columns[f"{name}_low"] = np.where(small, 0.0, exact)
        columns[f"{name}_high"] = np.where(small, 9.0, exact)
    filled = cells.patterns.assign({name: ("pattern", v) for name, v in columns.items()})
    return replace(cells, patterns=filled.assign_attrs(threshold=10))


def by_place(rows: list[AuthoritySizeRow]) -> dict[tuple[str, str, str], AuthoritySizeRow]:
    found = {(row.authority, row.arm, row.period): row for row in rows}
    assert len(found) == len(rows)
    return found


def of_periods(rows: list[AuthoritySizeRow]) -> list[AuthoritySizeRow]:
    return [row for row in rows if row.period in ("before", "after")]


def test_sizes_are_the_referrals_of_the_largest_group(cells: Cells, matched: pd.DataFrame) -> None:
    rows = authority_size_rows(cells, regression())
    counts = matched.groupby(KEYS)["outcome"].agg(["size", "sum"])
    largest = counts.groupby(level=["authority", "pilot", "post"]).max()
    assert len(of_periods(rows)) == 2 * matched["authority"].nunique()
    for row in of_periods(rows):
        place = (row.authority, int(row.arm == "pilot"), int(row.period == "after"))
        assert (row.referrals, row.events) == tuple(largest.loc[place])
    keys = ["authority", "group", "pilot", "year"]
    by_year = matched.groupby(keys)["outcome"].agg(["size", "sum"])
    largest = by_year.groupby(level=["authority", "pilot", "year"]).max()
    years = [row for row in rows if row not in of_periods(rows)]
    assert len(years) == len(largest)
    for row in years:
        place = (row.authority, int(row.arm == "pilot"), int(row.period))
        assert (row.referrals, row.events) == tuple(largest.loc[place])


def test_sizes_of_pilots_sum_to_the_cells_counts(cells: Cells) -> None:
    pilots = [r for r in authority_size_rows(cells, regression()) if r.arm == "pilot"]
    counts = frame_of(cells.patterns, "pattern")
    own = counts[counts["pilot"] == 1]
    years = [row for row in pilots if row not in of_periods(pilots)]
    for rows in (of_periods(pilots), years):
        assert sum(row.referrals for row in rows) == own["n"].sum()
        assert sum(row.events for row in rows) == own["events"].sum()


def test_a_comparator_of_two_groups_does_not_count_twice(matched: pd.DataFrame) -> None:
    comparator = matched[matched["pilot"] == 0]
    again = comparator.assign(group=comparator["group"].map(lambda name: f"{name} again"))
    once, twice = (
        authority_size_rows(collapse(rows, children_analysis(), evidence="synthetic"), regression())
        for rows in (matched, pd.concat([matched, again], ignore_index=True))
    )
    assert once == twice


def test_suppressed_counts_enter_at_their_lower_bounds(cells: Cells) -> None:
    exact, least = (
        by_place(authority_size_rows(each, regression())) for each in (cells, suppressed(cells))
    )
    assert exact.keys() == least.keys()
    assert all(least[place].referrals <= exact[place].referrals for place in exact)
    assert any(least[place].referrals < exact[place].referrals for place in exact)
    assert all(least[place].events <= exact[place].events for place in exact)


def test_comparators_years_are_after_where_a_pilots_are(
    few_counts: xr.Dataset, counts: CellData
) -> None:
    """Pilots are first after settling-in in 2016."""
    rows = by_place(counted_size_rows(counts))
    seen = few_counts.to_dataframe()
    for authority, arm in (("Dell", "comparator"), ("Glen", "comparator"), ("Aldmoor", "pilot")):
        own = seen[seen["authority"] == authority]
        for period, here in (("before", own["year"] < 2016), ("after", own["year"] >= 2016)):
            row = rows[authority, arm, period]
            sums = own.loc[here, ["denominator", "events"]].sum().tolist()
            assert [row.referrals, row.events] == sums


def test_groups_that_a_regression_goes_without_do_not_count(cells: Cells) -> None:
    group = str(frame_of(cells.patterns, "pattern")["group"].iloc[0])
    named = {row.authority for row in authority_size_rows(cells, regression(without=(group,)))}
    every = {row.authority for row in authority_size_rows(cells, regression())}
    assert named < every


def test_a_period_without_referrals_is_zero(matched: pd.DataFrame) -> None:
    pilot = str(matched.loc[matched["pilot"] == 1, "authority"].iloc[0])
    gone = matched[~((matched["authority"] == pilot) & (matched["post"] == 1))]
    cells = collapse(gone, children_analysis(), evidence="synthetic")
    row = by_place(authority_size_rows(cells, regression()))[pilot, "pilot", "after"]
    assert (row.referrals, row.events) == (0, 0)
