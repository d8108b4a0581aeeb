"""Populations: rebuilt from solved outcomes, written, and read again as records are."""

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sofs_bayes.errors import BadInput
from sofs_bayes.matching.matched_file import IN_ORDER
from sofs_bayes.matching.stacking import stack
from sofs_bayes.matching.strata import match
from sofs_bayes.records.authority_file import read_authorities
from sofs_bayes.records.groups import read_groups
from sofs_bayes.records.referrals import open_referrals
from sofs_bayes.spec import ChildrenAnalysis, fingerprint
from sofs_bayes.synthetic.authority_frame import drawn_authorities
from sofs_bayes.synthetic.fixture import Fixture, rows_sha256
from sofs_bayes.synthetic.population import (
    AUTHORITIES,
    GROUPS,
    SCENARIO,
    Format,
    Population,
    populated,
    write_population,
)
from sofs_bayes.synthetic.rows import Rows
from sofs_bayes.synthetic.scenario import Scenario, load_scenario

FORMATS: tuple[Format, ...] = ("parquet", "csv", "stata")


@pytest.fixture(scope="module")
def fixture(icpc_rows: Rows, icpc_analysis: ChildrenAnalysis) -> Fixture:
    """Outcomes that nothing was solved for."""
    members = [*icpc_rows.groups.pilots, *icpc_rows.groups.comparators]
    matched = icpc_rows.matched["referral"].nunique()
    return Fixture(
        scenario="icpc",
        rows_sha256=rows_sha256(icpc_rows, icpc_analysis),
        authorities=drawn_authorities(icpc_rows.scenario, icpc_analysis, members),
        outcome=(np.random.default_rng(2).random(matched) < 0.1).astype(np.uint8),
        child_order=3,
    )


@pytest.fixture(scope="module")
def population(icpc_rows: Rows, icpc_analysis: ChildrenAnalysis, fixture: Fixture) -> Population:
    return populated(icpc_rows, icpc_analysis, fixture)


def small(population: Population) -> Population:
    """Every fortieth referral."""
    return replace(population, referrals=population.referrals.iloc[::40])


def test_records_of_the_population_are_the_rows_with_the_solved_outcomes(
    population: Population,
    fixture: Fixture,
    icpc_rows: Rows,
    icpc_analysis: ChildrenAnalysis,
    tmp_path: Path,
) -> None:
    write_population(population, tmp_path)
    with open_referrals(tmp_path, icpc_analysis) as opened:
        assert opened.evidence == "synthetic"
        groups = read_groups(tmp_path / GROUPS)
        authorities = read_authorities(tmp_path / AUTHORITIES, icpc_analysis)
        sample = match(stack(opened, groups, authorities, icpc_analysis), icpc_analysis)
        found = sample.connection.execute(IN_ORDER).df()
    wanted = icpc_rows.matched.drop(columns="child")
    pd.testing.assert_frame_equal(found[wanted.columns], wanted)
    solved = pd.Series(fixture.outcome, index=np.unique(wanted["referral"]))
    assert (found["outcome"] == solved[found["referral"]].to_numpy()).all()
    assert groups == icpc_rows.groups


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_holds_the_same_referrals(
    format: Format, population: Population, icpc_analysis: ChildrenAnalysis, tmp_path: Path
) -> None:
    few = small(population)
    write_population(few, tmp_path, format=format)
    with open_referrals(tmp_path, icpc_analysis) as opened:
        assert opened.evidence == "synthetic"
        found = opened.connection.execute("SELECT * FROM referrals ORDER BY referral").df()
    given = few.referrals.reset_index(drop=True)
    assert (found["outcome"] == given["icpc_date"].notna()).all()
    for name in ("child", "authority", "referral_date", "age", "ethnic_group", "main_need"):
        assert (found[name] == given[name]).all(), name


@pytest.mark.parametrize("format", FORMATS)
def test_the_same_population_gives_the_same_bytes(
    format: Format, population: Population, tmp_path: Path
) -> None:
    few = small(population)
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        write_population(few, tmp_path / name, format=format)
    first, second = (
        {file.name: sha256(file.read_bytes()).hexdigest() for file in (tmp_path / name).iterdir()}
        for name in ("first", "second")
    )
    assert first == second
    assert len(first) == 5
    said = json.loads((tmp_path / "first" / "manifest.json").read_text("utf-8"))
    assert said["files_sha256"].items() <= first.items()


def test_every_file_says_that_it_is_made_up(
    population: Population, icpc: Scenario, icpc_analysis: ChildrenAnalysis, tmp_path: Path
) -> None:
    import duckdb

    write_population(small(population), tmp_path)
    for name in ("synthetic-children.parquet", AUTHORITIES, GROUPS):
        assert "synthetic" in name
        assert (tmp_path / name).exists()
    said = json.loads((tmp_path / "manifest.json").read_text("utf-8"))
    assert said["evidence"] == "synthetic"
    assert said["analysis_sha256"] == fingerprint(icpc_analysis)
    assert said["truth"] is None
    assert load_scenario(tmp_path / SCENARIO) == icpc
    assert set(pd.read_csv(tmp_path / AUTHORITIES)["evidence"]) == {"synthetic"}
    path = tmp_path / "synthetic-children.parquet"
    label = f"SELECT decode(key), decode(value) FROM parquet_kv_metadata('{path}')"
    with duckdb.connect() as connection:
        assert ("evidence", "synthetic") in connection.execute(label).fetchall()


def test_outcomes_fall_within_their_window(population: Population) -> None:
    referrals = population.referrals
    days = (referrals["icpc_date"] - referrals["referral_date"]).dt.days.dropna()
    assert days.between(1, 90).all()


def test_further_authorities_have_the_trends_of_the_scenario(
    population: Population, icpc: Scenario
) -> None:
    referrals = population.referrals
    year = referrals["referral_date"].dt.year - (referrals["referral_date"].dt.month < 4)
    for each in icpc.further.authorities:
        here = referrals["authority"] == each.name
        rates = referrals["icpc_date"].notna()[here].groupby(year[here]).mean()
        assert rates[2012] == pytest.approx(each.rate, abs=0.03)
        assert np.sign(rates[2014] - rates[2012]) == np.sign(each.trend)
        assert (population.authorities["authority"] == each.name).sum() == len(rates)


def test_outcomes_of_other_rows_are_refused(
    icpc_rows: Rows, icpc_analysis: ChildrenAnalysis, fixture: Fixture
) -> None:
    with pytest.raises(BadInput, match="solved for"):
        populated(icpc_rows, icpc_analysis, replace(fixture, rows_sha256="00" * 32))
    with pytest.raises(BadInput, match="outcomes"):
        populated(icpc_rows, icpc_analysis, replace(fixture, outcome=fixture.outcome[1:]))


def test_a_folder_must_be_there(population: Population, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such folder"):
        write_population(small(population), tmp_path / "none")
