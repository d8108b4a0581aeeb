"""How authorities move: the measures, and the shipped children beside real authorities."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest

from sofs_bayes.records.open_data import read_panel
from sofs_bayes.spec import OpenAnalysis, load
from sofs_bayes.synthetic.fixture import load_fixture
from sofs_bayes.synthetic.plausibility import movements, rates_moved, real_ranges
from sofs_bayes.synthetic.rows import Rows

Ranges = Mapping[str, tuple[float, float]]

YEARS = (2012, 2013, 2014, 2016, 2017, 2018)


@pytest.fixture(scope="module")
def ranges() -> Ranges:
    """Of eleven real authorities, by the Department's counts of children in need."""
    analysis = load("icpc-open-data")
    assert isinstance(analysis, OpenAnalysis)
    panel = read_panel((), analysis.data)
    return real_ranges(panel, YEARS, authorities=11, share=0.99, seed=1)


def rates(rows: Rows, name: str) -> pd.DataFrame:
    """Rates of matched referrals, each once, by authority and year."""
    single = rows.matched.drop_duplicates("referral").sort_values("referral")
    outcome = single.assign(outcome=load_fixture(name).outcome)
    outcome = outcome[outcome["year"].isin(YEARS)]
    return outcome.pivot_table("outcome", index="authority", columns="year")


def outside(moved: dict[str, float], ranges: Ranges) -> set[str]:
    return {name for name, (low, high) in ranges.items() if not low <= moved[name] <= high}


def test_the_shipped_authorities_move_as_real_ones_do(icpc_rows: Rows, ranges: Ranges) -> None:
    assert outside(rates_moved(rates(icpc_rows, "icpc")), ranges) == set()


def test_those_of_the_stress_case_do_not(icpc_rows: Rows, ranges: Ranges) -> None:
    assert outside(rates_moved(rates(icpc_rows, "icpc-stress")), ranges) == set(ranges)


def test_real_authorities_double_or_halve_in_a_year_rarely(ranges: Ranges) -> None:
    assert ranges["moves above 2"] == pytest.approx((0.0, 3 / 44))
    assert ranges["sd of levels"] == pytest.approx((0.13, 0.50), abs=0.01)


def test_the_measures_are_what_was_put_in() -> None:
    rng = np.random.default_rng(1)
    level, shock = rng.normal(0, 0.4, (500, 11, 1)), rng.normal(0, 0.2, (500, 11, 6))
    year = np.array([0.0, 0.3, 0.0, 0.0, 0.0, 0.0])
    moved = movements(-2 + level + shock + year, YEARS)
    found = {name: float(each.mean()) for name, each in moved.items()}
    assert found["sd of levels"] == pytest.approx(np.hypot(0.4, 0.2 / 6**0.5), abs=0.02)
    assert found["sd beside authority and year"] == pytest.approx(0.2, abs=0.005)
    assert found["largest move of the mean"] == pytest.approx(0.32, abs=0.03)
    assert found["correlation with the year before"] == pytest.approx(-0.2, abs=0.04)


def test_a_rate_that_doubles_moves_by_more_than_one_and_a_half() -> None:
    frame = pd.DataFrame({2012: [0.1, 0.1], 2013: [0.1, 0.21], 2015: [0.1, 0.05]})
    moved = rates_moved(frame)
    assert (moved["moves above 1.5"], moved["moves above 2"]) == (0.5, 0.5)
