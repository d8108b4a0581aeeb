"""Scenario files: what they hold, what is refused, what may be changed."""

import tomllib
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import tomli_w

from sofs_bayes.errors import BadInput, BadSpec
from sofs_bayes.published.facts import load_facts
from sofs_bayes.spec.seeds import stream
from sofs_bayes.synthetic.scenario import SCENARIOS, Scenario, load_scenario, scenario_document

NAMES = ("icpc", "icpc-stress", "cla", "cla-stress")


def ticked(outcome: str) -> list[str]:
    """The pilots that Table 1 ticks for an outcome."""
    return [
        fact.row
        for fact in load_facts()
        if fact.table == 1 and outcome in fact.column and fact.printed.value == 1
    ]


@pytest.mark.parametrize("name", NAMES)
def test_the_pilots_are_those_of_table_1(name: str) -> None:
    scenario = load_scenario(name)
    assert list(scenario.pilots) == ticked(scenario.outcome)


@pytest.mark.parametrize(("name", "comparators", "shared"), [("icpc", 5, 2), ("cla", 6, 2)])
def test_comparators_are_as_many_as_the_notes_say_and_some_are_shared(
    name: str, comparators: int, shared: int
) -> None:
    scenario = load_scenario(name)
    assert len(scenario.comparators) == comparators
    times = [
        sum(one in group.comparators for group in scenario.groups) for one in scenario.comparators
    ]
    assert sum(each > 1 for each in times) == shared
    assert {len(group.comparators) for group in scenario.groups} == {1, 2}


def test_a_pilot_settles_in_once_whatever_the_outcome() -> None:
    windows = [
        {g.pilot: (g.settling_in_start, g.settling_in_end) for g in load_scenario(name).groups}
        for name in ("icpc", "cla")
    ]
    both = windows[0].keys() & windows[1].keys()
    assert len(both) == 5
    assert all(windows[0][pilot] == windows[1][pilot] for pilot in both)


@pytest.mark.parametrize("name", NAMES)
def test_no_printed_count_is_repeated(name: str) -> None:
    text = (SCENARIOS / f"{name}.toml").read_text("utf-8").replace("_", "").replace(",", "")
    counts = {fact.printed.value for fact in load_facts() if fact.unit == "count"}
    assert counts
    assert not [value for value in counts if f"{value:.0f}" in text.split()]


@pytest.mark.parametrize("name", NAMES)
def test_the_document_is_the_scenario(name: str, tmp_path: Path) -> None:
    scenario = load_scenario(name)
    path = tmp_path / "again.toml"
    path.write_text(tomli_w.dumps(scenario_document(scenario)), "utf-8")
    assert load_scenario(path) == scenario


def test_a_window_and_a_seed_can_be_changed(icpc: Scenario) -> None:
    late = load_scenario("icpc", windows={"Pilot 4": ("2016-10-03", "2017-03-31")}, seed=5)
    assert late.seed == 5
    changed = {g.pilot: g.settling_in_start for g in late.groups}
    assert changed["Pilot 4"] == date(2016, 10, 3)
    assert changed["Pilot 1"] == icpc.groups[0].settling_in_start


def test_faults_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such scenario"):
        load_scenario("unknown")
    with pytest.raises(BadInput, match="'Pilot 7'"):
        load_scenario("icpc", windows={"Pilot 7": ("2014-01-01", "2015-01-01")})
    with pytest.raises(BadSpec, match="before"):
        load_scenario("icpc", windows={"Pilot 4": ("2016-01-01", "2015-01-01")})
    path = tmp_path / "broken.toml"
    path.write_text("name = ", "utf-8")
    with pytest.raises(BadInput, match="not TOML"):
        load_scenario(path)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("why", "short", "why"),
        ("seed", -1, "seed: found -1"),
        ("unknown", 1, "unknown: found an unknown key"),
        ("title", None, "title: found nothing"),
    ],
)
def test_a_fault_says_where(tmp_path: Path, key: str, value: object, message: str) -> None:
    document = tomllib.loads((SCENARIOS / "icpc.toml").read_text("utf-8"))
    document |= {key: value}
    path = tmp_path / "changed.toml"
    path.write_text(tomli_w.dumps({k: v for k, v in document.items() if v is not None}), "utf-8")
    with pytest.raises(BadSpec, match=message):
        load_scenario(path)


def test_groups_and_sizes_must_agree(tmp_path: Path) -> None:
    document = tomllib.loads((SCENARIOS / "icpc.toml").read_text("utf-8"))
    document["sizes"]["authorities"]["Comparator Z"] = 1.0
    path = tmp_path / "changed.toml"
    path.write_text(tomli_w.dumps(document), "utf-8")
    with pytest.raises(BadSpec, match="every pilot and comparator"):
        load_scenario(path)


def test_streams_go_by_the_name_of_their_stage() -> None:
    draws = [
        stream(*key).random(3) for key in ((1, "a"), (1, "a"), (1, "b"), (2, "a"), (1, "a", "b"))
    ]
    assert (draws[0] == draws[1]).all()
    assert len({tuple(draw) for draw in draws}) == 4
    assert np.isfinite(draws).all()
