"""Populations drawn from the hierarchical model, and whether their truth is true."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.other_study import CHILDREN

from sofs_bayes.errors import BadInput, BadSpec
from sofs_bayes.matching.stacking import stack
from sofs_bayes.matching.strata import match
from sofs_bayes.pipeline.simulation import simulate
from sofs_bayes.records.referrals import open_referrals
from sofs_bayes.spec import ChildrenAnalysis
from sofs_bayes.synthetic.drawn import DrawnRows, draw_population, drawn_rows
from sofs_bayes.synthetic.persistence import persistent
from sofs_bayes.synthetic.population import write_population
from sofs_bayes.synthetic.scenario import DrawnModel, Scenario

EXACT = 1e-9  # log odds of probabilities and back
# Three standard errors of a correlation or variance of 40,000 shocks.
SHOCKS = 0.02

NOTHING = DrawnModel(
    scale="log-odds",
    intercept=-2.0,
    pilot=0.0,
    effect=0.0,
    effect_sd=0.0,
    authority_sd=0.0,
    shock_sd=0.0,
)


@pytest.fixture(scope="module")
def rows(icpc: Scenario, icpc_analysis: ChildrenAnalysis) -> DrawnRows:
    return drawn_rows(icpc, icpc_analysis, scale=0.2)


def rate(rows: DrawnRows, model: DrawnModel, here: "np.ndarray", seed: int = 1) -> float:
    return float(
        draw_population(rows, model, seed=seed).referrals["icpc_date"].notna()[here].mean()
    )


def test_without_anything_every_child_has_the_intercept(rows: DrawnRows) -> None:
    population = draw_population(rows, NOTHING, seed=1)
    assert population.truth is not None
    assert population.truth.risk == 0
    share = population.referrals["icpc_date"].notna().mean()
    p = 1 / (1 + np.exp(2))
    assert share == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / len(population.referrals)))


def test_an_effect_is_there_after_settling_in_and_nowhere_else(rows: DrawnRows) -> None:
    model = replace(NOTHING, effect=1.0)
    untreated, treated = (rate(rows, model, here) for here in (~rows.treated, rows.treated))
    assert untreated == pytest.approx(1 / (1 + np.exp(2)), abs=0.01)
    assert treated == pytest.approx(1 / (1 + np.exp(1)), abs=0.03)


@settings(max_examples=10, deadline=None)
@given(effect=st.floats(-1, 1), spread=st.floats(0, 1), seed=st.integers(0, 100))
def test_log_odds_effects_are_the_models(
    rows: DrawnRows, effect: float, spread: float, seed: int
) -> None:
    truth = draw_population(
        rows, replace(NOTHING, effect=effect, authority_sd=spread), seed=seed
    ).truth
    assert truth is not None
    assert truth.log_odds == pytest.approx(effect, abs=EXACT)
    assert all(each == pytest.approx(effect, abs=EXACT) for each in truth.pilot_log_odds.values())
    assert np.sign(truth.risk) == np.sign(effect) or abs(effect) < EXACT


def test_risk_effects_are_the_models(rows: DrawnRows) -> None:
    model = replace(NOTHING, scale="risk", intercept=0.1, effect=0.03, effect_sd=0.01)
    truth = draw_population(rows, model, seed=4).truth
    assert truth is not None
    sizes = [
        (rows.treated & (rows.authority == rows.names.index(pilot))).sum()
        for pilot in truth.pilot_risk
    ]
    pooled = np.average(list(truth.pilot_risk.values()), weights=sizes)
    assert truth.risk == pytest.approx(pooled, abs=EXACT)
    assert 0.005 < np.std(list(truth.pilot_risk.values())) < 0.02


def test_only_referrals_of_pilots_after_settling_in_are_treated(rows: DrawnRows) -> None:
    treated = rows.referrals[rows.treated]
    for group in rows.scenario.groups:
        of_pilot = treated[treated["authority"] == group.pilot]
        assert len(of_pilot) > 100
        assert of_pilot["referral_date"].min() > pd.Timestamp(group.settling_in_end)
    assert set(treated["authority"]) == set(rows.scenario.pilots)


@pytest.mark.parametrize("persistence", [0.0, 0.7])
def test_shocks_have_sd_1_and_the_persistence(persistence: float) -> None:
    rng = np.random.default_rng(5)
    shocks = persistent(rng.standard_normal((5000, 8)), persistence)
    assert np.abs(shocks.std(axis=0) - 1).max() < 3 * SHOCKS
    correlation = np.corrcoef(shocks[:, :-1].ravel(), shocks[:, 1:].ravel())[0, 1]
    assert correlation == pytest.approx(persistence, abs=SHOCKS)


def test_shocks_of_years_further_apart_have_less_in_common() -> None:
    rng = np.random.default_rng(6)
    shocks = persistent(rng.standard_normal((5000, 3)), 0.7, (2012, 2013, 2016))
    assert np.abs(shocks.std(axis=0) - 1).max() < 3 * SHOCKS
    found = np.corrcoef(shocks.T)
    assert [found[0, 1], found[1, 2]] == pytest.approx([0.7, 0.7**3], abs=3 * SHOCKS)


def test_years_covariates_and_pilots_enter(rows: DrawnRows) -> None:
    year = rows.year == 2
    secondary = (rows.referrals["school_phase"] == "secondary").to_numpy()
    pilot = rows.referrals["authority"].isin(rows.scenario.pilots).to_numpy()
    cases = [
        (replace(NOTHING, years={2014: 1.0}), year),
        (replace(NOTHING, covariates={"school_phase: secondary": 1.0}), secondary),
        (replace(NOTHING, pilot=1.0), pilot),
        (replace(NOTHING, covariates={"age": 0.2}), rows.referrals["age"].to_numpy() > 11),
    ]
    for model, here in cases:
        assert rate(rows, model, here) > 1.5 * rate(rows, model, ~here)
    centre = rows.analysis.records.covariate("age").centre  # type: ignore[union-attr]
    usual = (rows.referrals["age"] - centre).abs().to_numpy() < 1
    assert rate(rows, cases[-1][0], usual) == pytest.approx(rate(rows, NOTHING, usual), rel=0.25)


def test_seeds_decide(rows: DrawnRows) -> None:
    model = replace(NOTHING, authority_sd=0.5)
    first, again, other = (draw_population(rows, model, seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first.referrals, again.referrals)
    pd.testing.assert_frame_equal(first.authorities, again.authorities)
    assert not first.referrals["icpc_date"].equals(other.referrals["icpc_date"])


def test_a_drawn_population_goes_the_way_of_records(
    rows: DrawnRows, icpc_analysis: ChildrenAnalysis, tmp_path: Path
) -> None:
    population = draw_population(rows, replace(NOTHING, effect=0.3), seed=1)
    write_population(population, tmp_path)
    with open_referrals(tmp_path, icpc_analysis) as opened:
        stacked = stack(opened, population.groups, population.authorities, icpc_analysis)
        sample = match(stacked, icpc_analysis)
        treated = sample.connection.execute(
            "SELECT DISTINCT referral FROM matched WHERE pilot = 1 AND post = 1"
        ).df()["referral"]
    assert set(treated) == set(np.flatnonzero(rows.treated))


def test_what_cannot_be_drawn_is_refused(rows: DrawnRows) -> None:
    for term in ("shoe_size", "age: 8", "gender"):
        with pytest.raises(BadInput, match="covariates"):
            draw_population(rows, replace(NOTHING, covariates={term: 1.0}), seed=1)


@pytest.mark.parametrize(
    ("given", "says"), [({"persistence": 1.0}, "persistence"), ({"shock_sd": -0.1}, "shock_sd")]
)
@pytest.mark.parametrize("analysis", ["icpc-children", CHILDREN])
def test_a_model_that_is_none_is_refused(
    analysis: str | Path, given: dict[str, float], says: str, tmp_path: Path
) -> None:
    with pytest.raises(BadSpec, match=f"{says}: found"):
        simulate(analysis, tmp_path / "out", drawn=True, **given)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []
