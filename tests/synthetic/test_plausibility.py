"""How authorities move: the measures, and the shipped children beside real authorities.

Printed tables can be met by authorities such as no one has seen. So a population's authorities
are measured beside as many real ones, drawn again and again from open counts.
"""

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from sofs_bayes.records.open_data import read_panel
from sofs_bayes.records.panel import Panel
from sofs_bayes.spec import OpenAnalysis, load
from sofs_bayes.spec.seeds import stream
from sofs_bayes.synthetic.covariates import Floats
from sofs_bayes.synthetic.fixture import load_fixture
from sofs_bayes.synthetic.persistence import persistent
from sofs_bayes.synthetic.plausibility import spreads_of
from sofs_bayes.synthetic.rows import Rows
from sofs_bayes.synthetic.scenario import load_scenario

Ranges = Mapping[str, tuple[float, float]]

YEARS = {
    "icpc": (2012, 2013, 2014, 2016, 2017, 2018),
    "cla": (*range(2009, 2014), *range(2016, 2019)),
}


SETS = 5000
RATIOS = (1.5, 2.0)


def movements(log_odds: Floats, years: Sequence[int]) -> dict[str, Floats]:
    """What tells real authorities from others, of sets of them.

    Parameters
    ----------
    log_odds
        Of the outcome's rates, shape (sets, authorities, years).
    years
        Ascending. One-year measures are of years that follow one another.

    Returns
    -------
    dict
        Measure → its value for each set, shape (sets,): standard deviations of levels and of
        what is left beside authority and year, on log odds; shares of one-year moves by more
        than a ratio; the largest one-year move of the mean log odds; the correlation of what
        is left with that of the year before.
    """
    level = log_odds.mean(axis=2, keepdims=True)
    year = log_odds.mean(axis=1, keepdims=True)
    left = log_odds - level - year + log_odds.mean(axis=(1, 2), keepdims=True)
    after = np.flatnonzero(np.diff(years) == 1) + 1
    now, before = left[:, :, after], left[:, :, after - 1]
    log_rate = -np.logaddexp(0, -log_odds)
    move = np.abs(log_rate[:, :, after] - log_rate[:, :, after - 1])
    size = (log_odds.shape[1] - 1) * (log_odds.shape[2] - 1)
    products = (now * before).sum(axis=(1, 2))
    squares = (now**2).sum(axis=(1, 2)) * (before**2).sum(axis=(1, 2))
    return {
        "sd of levels": level[:, :, 0].std(axis=1, ddof=1),
        "sd beside authority and year": np.sqrt((left**2).sum(axis=(1, 2)) / size),
        **{f"moves above {r:g}": (move > np.log(r)).mean(axis=(1, 2)) for r in RATIOS},
        "largest move of the mean": np.abs(year[:, 0, after] - year[:, 0, after - 1]).max(axis=1),
        "correlation with the year before": products / np.sqrt(squares),
    }


def rates_moved(rates: pd.DataFrame) -> dict[str, float]:
    """The measures of one population: rates by authority (rows) and year (columns)."""
    values = rates.to_numpy(np.float64)
    years = [int(year) for year in rates.columns]
    found = movements(np.log(values / (1 - values))[None], years)
    return {name: float(each[0]) for name, each in found.items()}


def real_ranges(
    panel: Panel, years: Sequence[int], *, authorities: int, share: float, seed: int
) -> Mapping[str, tuple[float, float]]:
    """Within which a share of random sets of real authorities lies, by measure.

    Authorities with an event in each of the years are drawn from, each at most once in a set.

    Parameters
    ----------
    authorities
        How many a set has.
    share
        The middle share of the sets, above 0 and below 1.
    """
    counts = panel.counts.sel(year=list(years))
    rates = (counts["events"] / counts["denominator"]).transpose("authority", "year").to_numpy()
    rates = rates[np.all((rates > 0) & (rates < 1), axis=1)]
    log_odds = np.log(rates / (1 - rates))
    order = stream(seed, "real authorities").random((SETS, len(rates))).argsort(axis=1)
    found = movements(log_odds[order[:, :authorities]], years)
    tails = ((1 - share) / 2, (1 + share) / 2)
    return {
        name: (float(low), float(high))
        for name, each in found.items()
        for low, high in [np.quantile(each, tails)]
    }


@cache
def ranges(outcome: str) -> Ranges:
    """Of as many real authorities as a scenario has, by the bundled counts of an outcome."""
    analysis, scenario = load(f"{outcome}-open-data"), load_scenario(outcome)
    assert isinstance(analysis, OpenAnalysis)
    count = len(scenario.pilots) + len(scenario.comparators)
    panel = read_panel((), analysis.data)
    return real_ranges(panel, YEARS[outcome], authorities=count, share=0.99, seed=1)


def rates(rows: Rows, name: str) -> pd.DataFrame:
    """Rates of matched referrals, each once, by authority and year that counts have."""
    single = rows.matched.drop_duplicates("referral").sort_values("referral")
    outcome = single.assign(outcome=load_fixture(name).outcome)
    outcome = outcome[outcome["year"].isin(YEARS[rows.scenario.name])]
    return outcome.pivot_table("outcome", index="authority", columns="year")


def outside(moved: dict[str, float], ranges: Ranges) -> set[str]:
    return {name for name, (low, high) in ranges.items() if not low <= moved[name] <= high}


def test_the_shipped_authorities_move_as_real_ones_do(rows: Rows) -> None:
    name = rows.scenario.name
    assert outside(rates_moved(rates(rows, name)), ranges(name)) == set()


def test_those_of_the_stress_case_of_conferences_do_not(icpc_rows: Rows) -> None:
    real = ranges("icpc")
    assert outside(rates_moved(rates(icpc_rows, "icpc-stress")), real) == set(real)


def test_those_of_the_stress_case_of_entry_to_care_do_not(cla_rows: Rows) -> None:
    """They keep some memory of the year before, as real ones do; all else is out of range."""
    real = ranges("cla")
    found = outside(rates_moved(rates(cla_rows, "cla-stress")), real)
    assert found == set(real) - {"correlation with the year before"}


def test_real_authorities_double_or_halve_in_a_year_rarely() -> None:
    assert ranges("icpc")["moves above 2"] == pytest.approx((0.0, 3 / 44))
    assert ranges("icpc")["sd of levels"] == pytest.approx((0.13, 0.50), abs=0.01)
    assert ranges("cla")["sd of levels"] == pytest.approx((0.18, 0.48), abs=0.01)


def test_the_measures_are_what_was_put_in() -> None:
    rng = np.random.default_rng(1)
    level, shock = rng.normal(0, 0.4, (500, 11, 1)), rng.normal(0, 0.2, (500, 11, 6))
    year = np.array([0.0, 0.3, 0.0, 0.0, 0.0, 0.0])
    moved = movements(-2 + level + shock + year, YEARS["icpc"])
    found = {name: float(each.mean()) for name, each in moved.items()}
    assert found["sd of levels"] == pytest.approx(np.hypot(0.4, 0.2 / 6**0.5), abs=0.02)
    assert found["sd beside authority and year"] == pytest.approx(0.2, abs=0.005)
    assert found["largest move of the mean"] == pytest.approx(0.32, abs=0.03)
    assert found["correlation with the year before"] == pytest.approx(-0.2, abs=0.04)


def test_a_rate_that_doubles_moves_by_more_than_one_and_a_half() -> None:
    frame = pd.DataFrame({2012: [0.1, 0.1], 2013: [0.1, 0.21], 2015: [0.1, 0.05]})
    moved = rates_moved(frame)
    assert (moved["moves above 1.5"], moved["moves above 2"]) == (0.5, 0.5)


def counted(level: float, shock: float, persistence: float) -> Panel:
    """Counts of many authorities whose log odds differ and move by these."""
    rng = np.random.default_rng(4)
    shocks = persistent(rng.normal(0, shock, (600, 10)), persistence)
    log_odds = -4 + rng.normal(0, level, (600, 1)) + shocks + rng.normal(0, 0.1, 10)
    risks = 1 / (1 + np.exp(-log_odds))
    places = {"authority": [f"A{i}" for i in range(600)], "year": list(range(2009, 2019))}
    events = rng.binomial(8000, risks).astype(float)
    values = {"events": events, "denominator": np.full_like(events, 8000)}
    table = {name: (("authority", "year"), each) for name, each in values.items()}
    return Panel(counts=xr.Dataset(table, coords=places), notices=(), sources=())


@pytest.mark.parametrize(("level", "shock", "kept"), [(0.3, 0.2, 0.5), (0.2, 0.3, 0.7)])
def test_spreads_are_those_of_the_counts(level: float, shock: float, kept: float) -> None:
    found = spreads_of(counted(level, shock, kept))
    assert found.authority_sd == pytest.approx(level, abs=0.05)
    assert found.shock_sd == pytest.approx(shock, abs=0.02)
    assert found.persistence == pytest.approx(kept, abs=0.06)


def test_authorities_left_out_do_not_count() -> None:
    panel = counted(0.3, 0.2, 0.5)
    panel.counts["events"][0] = [4000.0, 1.0] * 5
    without = spreads_of(panel, without=["A0"])
    assert spreads_of(panel).shock_sd > without.shock_sd + 0.05
    assert without.shock_sd == pytest.approx(0.2, abs=0.02)
