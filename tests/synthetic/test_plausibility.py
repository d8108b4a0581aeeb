"""How authorities move: the measures, and the shipped children beside real authorities."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sofs_bayes.records.open_data import read_panel
from sofs_bayes.spec import OpenAnalysis, load
from sofs_bayes.synthetic.fixture import load_fixture
from sofs_bayes.synthetic.plausibility import movements, rates_moved, real_ranges
from sofs_bayes.synthetic.rows import Rows

REAL = os.environ.get("SOFS_BAYES_OPEN_DATA", "")
YEARS = (2012, 2013, 2014, 2016, 2017, 2018)
SHARE = 0.99
# Of 5,000 sets of eleven authorities, by the Department's counts of children in need.
RANGES = {
    "sd of levels": (0.13, 0.50),
    "sd beside authority and year": (0.20, 0.38),
    "moves above 1.5": (0.02, 0.30),
    "moves above 2": (0.00, 0.07),
    "largest move of the mean": (0.05, 0.39),
    "correlation with the year before": (-0.30, 0.57),
}


def rates(rows: Rows, name: str) -> pd.DataFrame:
    """Rates of matched referrals, each once, by authority and year."""
    single = rows.matched.drop_duplicates("referral").sort_values("referral")
    outcome = single.assign(outcome=load_fixture(name).outcome)
    found = outcome.groupby(["authority", "year"])["outcome"].mean().unstack()
    return found[list(YEARS)]


def outside(moved: dict[str, float]) -> set[str]:
    return {name for name, (low, high) in RANGES.items() if not low <= moved[name] <= high}


def test_the_shipped_authorities_move_as_real_ones_do(icpc_rows: Rows) -> None:
    assert outside(rates_moved(rates(icpc_rows, "icpc"))) == set()


def test_those_of_the_stress_case_do_not(icpc_rows: Rows) -> None:
    assert outside(rates_moved(rates(icpc_rows, "icpc-stress"))) == set(RANGES)


@pytest.mark.skipif(not REAL, reason="SOFS_BAYES_OPEN_DATA names no folder of DfE files")
def test_the_ranges_are_those_of_real_authorities() -> None:
    analysis = load("icpc-open-data")
    assert isinstance(analysis, OpenAnalysis)
    panel = read_panel(sorted(Path(REAL).glob("*.csv")), analysis.data)
    found = real_ranges(panel, YEARS, authorities=11, share=SHARE, seed=1)
    for name, (low, high) in found.items():
        assert (round(low, 2), round(high, 2)) == RANGES[name], name


def test_the_measures_are_what_was_put_in() -> None:
    rng = np.random.default_rng(1)
    level, shock = rng.normal(0, 0.4, (500, 11, 1)), rng.normal(0, 0.2, (500, 11, 6))
    year = np.array([0.0, 0.3, 0.0, 0.0, 0.0, 0.0])
    found = {
        name: float(each.mean()) for name, each in movements(-2 + level + shock + year, YEARS).items()
    }
    assert found["sd of levels"] == pytest.approx(np.hypot(0.4, 0.2 / 6**0.5), abs=0.02)
    assert found["sd beside authority and year"] == pytest.approx(0.2, abs=0.005)
    assert found["largest move of the mean"] == pytest.approx(0.32, abs=0.03)
    assert found["correlation with the year before"] == pytest.approx(-0.2, abs=0.04)


def test_a_rate_that_doubles_moves_by_more_than_one_and_a_half() -> None:
    frame = pd.DataFrame({2012: [0.1, 0.1], 2013: [0.1, 0.21], 2015: [0.1, 0.05]})
    moved = rates_moved(frame)
    assert (moved["moves above 1.5"], moved["moves above 2"]) == (0.5, 0.5)
