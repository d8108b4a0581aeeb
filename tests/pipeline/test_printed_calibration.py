"""SBC and coverage of a posterior from print: resumed, on workers; a wrong posterior is told."""

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from sofs_bayes import spec
from sofs_bayes.bayes.from_published import PrintedPosterior, posterior
from sofs_bayes.checks.calibration import FULL, Calibrated, Coverage
from sofs_bayes.checks.printed_calibration import KINDS
from sofs_bayes.checks.printed_coverage import Scenario, scenarios
from sofs_bayes.errors import BadInput
from sofs_bayes.folders.store import open_store
from sofs_bayes.pipeline import asked, printed_calibration
from sofs_bayes.pipeline.jobs import Execution, Job, Result
from sofs_bayes.pipeline.printed_calibration import (
    STUDIES,
    Print,
    calibrate_printed,
    coverage_job,
    numbers_of,
    panel_tables,
    ranks_job,
)
from sofs_bayes.pipeline.replicates import finished, replicates
from sofs_bayes.tables.formats import Table

FEW = 200  # with its seed, what is computed right passes; faults are far larger
Found = Calibrated


def printed(name: str = "cla-printed") -> spec.PrintedAnalysis:
    analysis = spec.load(name)
    assert isinstance(analysis, spec.PrintedAnalysis)
    return analysis


def rows_of(table: Table) -> list[dict[str, Any]]:
    keys = [column.key for column in table.columns]
    return [dict(zip(keys, row, strict=True)) for row in table.rows]


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Found, list[str]]:
    """A calibration that passes: its folder, what it found and what it told on the way."""
    target = tmp_path_factory.mktemp("calibration") / "cla"
    told: list[str] = []
    found = calibrate_printed(
        printed(), target, replicates=FEW, how=Execution(progress=told.append)
    )
    return target, found, told


def test_finished_replicates_are_kept_and_told(
    calibrated: tuple[Path, Found, list[str]],
) -> None:
    target, found, told = calibrated
    assert found.passed
    assert found.verdict.uniform
    assert {path.name for path in target.iterdir()} == {"replicates", "coverage"}
    assert told[0] == "cla-printed, coverage: 0 of 36, making ready"
    assert told[-1] == f"cla-printed, truths from the prior: {FEW} of {FEW}, 0 s left"


def test_coverage_has_every_scenario_and_owes_only_where_it_is_read_right(
    calibrated: tuple[Path, Found, list[str]],
) -> None:
    (table,) = panel_tables(calibrated[1])
    rows = rows_of(table)
    study = scenarios(printed(), prior="reference", reading=printed().readings[0])
    assert [row["scenario"] for row in rows] == [scenario.name for scenario in study]
    assert {row["replicates"] for row in rows} == {FEW}
    assert [row["verdict"] != "not owed" for row in rows] == [s.calibrated for s in study]
    for row in rows:
        if row["verdict"] != "not owed":
            wider = (FULL / FEW) ** 0.5
            assert row["allowed_from"] == pytest.approx(0.9 - 0.02 * wider)
            assert row["allowed_to"] == pytest.approx(min(0.9 + 0.03 * wider, 1.0))
            within = row["allowed_from"] <= row["coverage"] <= row["allowed_to"]
            assert row["verdict"] == ("in" if within else "out")


def test_the_table_says_what_it_is_about(calibrated: tuple[Path, Found, list[str]]) -> None:
    (table,) = panel_tables(calibrated[1])
    assert table.title.endswith(f"{printed().title}; {printed().readings[0].name}, reference prior")
    assert (table.name, table.evidence) == ("panel_coverage", "synthetic")


def test_ranks_of_every_quantity_are_tested(calibrated: tuple[Path, Found, list[str]]) -> None:
    found = calibrated[1]
    assert [test.quantity for test in found.verdict.tests] == list(KINDS)
    assert [each.number for each in found.verdict.replicates] == list(range(FEW))
    assert (found.prior, found.around, found.evidence) == (
        "reference",
        "prior",
        "published-inferred",
    )
    assert printed().readings[0].name in found.notes[0]
    assert found.seconds > 0


def test_truths_around_the_data_owe_no_coverage(tmp_path: Path) -> None:
    found = calibrate_printed(printed(), tmp_path, replicates=FEW, around="data")
    assert (found.around, panel_tables(found), found.passed) == ("data", (), True)
    assert found.verdict.uniform
    assert [path.name for path in tmp_path.iterdir()] == ["replicates"]


# ------------------------------------------------------------- the same however it is made


def job(**change: Any) -> Job[Print]:
    analysis = printed("icpc-printed")
    own: dict[str, Any] = {
        "analysis": analysis,
        "prior": "reference",
        "reading": analysis.readings[0],
        "around": "prior",
    }
    return ranks_job(Print(**{**own, **change}))


def coverage_of_all(analysis: spec.PrintedAnalysis | None = None) -> Job[Print]:
    analysis = analysis or printed()
    own = Print(analysis=analysis, prior="reference", reading=analysis.readings[0])
    return coverage_job(own)


def timeless(made: dict[int, Result]) -> dict[int, Any]:
    """Results as they are stored, without the time they took."""
    return {
        number: {name: item for name, item in stored(result).items() if name != "seconds"}
        for number, result in made.items()
    }


def stored(result: Result) -> Result:
    found: Result = json.loads(json.dumps(result))
    return found


NUMBERS = {"replicates": range(300), "data": range(100), "coverage": range(18)}


def job_of(name: str) -> Job[Print]:
    return (
        coverage_of_all()
        if name == "coverage"
        else job(around="data" if name == "data" else "prior")
    )


CHILD = """
from pathlib import Path
import sys
sys.path.insert(0, sys.argv[1])
from test_printed_calibration import NUMBERS, job_of
from sofs_bayes.folders.store import open_store
from sofs_bayes.pipeline.jobs import Execution
from sofs_bayes.pipeline.replicates import replicates
if __name__ == "__main__":
    name, folder, workers = sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])
    job = job_of(name)
    replicates(job, open_store(folder, job.key), NUMBERS[name], Execution(workers=workers))
"""


QUICK = [(1, "coverage"), (2, "replicates")]


@pytest.mark.parametrize(
    ("workers", "name"),
    [
        pytest.param(*each, marks=() if each in QUICK else pytest.mark.long)
        for each in product([1, 2], NUMBERS)
    ],
)
def test_results_do_not_depend_on_workers_nor_on_being_killed(
    tmp_path: Path, workers: int, name: str
) -> None:
    script = tmp_path / "child.py"
    script.write_text(CHILD, encoding="utf-8")
    folder = tmp_path / "store"
    words = [sys.executable, str(script), str(Path(__file__).parent), name, str(folder), "2"]
    with subprocess.Popen(words, start_new_session=True) as child:
        for _ in waiting(600):
            if child.poll() is not None or len(list(folder.glob("0*.piece"))) >= 2:
                break
        os.killpg(child.pid, signal.SIGKILL)  # a session of its own: this child and its workers
    kept = len(finished(open_store(folder, job_of(name).key)))
    assert 2 <= kept < len(NUMBERS[name])
    of = job_of(name)
    resumed = replicates(of, open_store(folder, of.key), NUMBERS[name], Execution(workers=workers))
    alone = replicates(of, open_store(tmp_path / "alone", of.key), NUMBERS[name])
    assert list(resumed) == list(alone)
    assert timeless(resumed) == timeless(alone)


def waiting(seconds: float) -> Iterator[None]:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield
        time.sleep(0.005)


def test_more_replicates_add_to_those_that_are_there(tmp_path: Path) -> None:
    fewer = calibrate_printed(printed(), tmp_path / "one", replicates=60)
    before = sorted(path.name for path in (tmp_path / "one").rglob("0*.piece"))
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "one").rglob("0*.piece")}
    more = calibrate_printed(printed(), tmp_path / "one", replicates=FEW)
    at_once = calibrate_printed(printed(), tmp_path / "other", replicates=FEW)
    assert all(path.stat().st_mtime_ns == when for path, when in times.items())
    assert len(before) == 60 + 2 * 9
    assert more.panels == at_once.panels != fewer.panels
    assert more.verdict.tests == at_once.verdict.tests
    assert [each.ranks for each in more.verdict.replicates[:60]] == [
        each.ranks for each in fewer.verdict.replicates
    ]


def test_jobs_travel_whole() -> None:
    for each in (job(), job(around="data"), coverage_of_all()):
        there = pickle.loads(pickle.dumps(each))
        assert there == each
        assert there.key == each.key


def test_all_that_decides_is_in_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    analysis = printed("icpc-printed")
    other_reading = replace(analysis.readings[0], child_variance_factor=2.0)
    jobs = [
        job(),
        job(prior="sceptical"),
        job(around="data"),
        job(reading=other_reading),
        job(analysis=replace(analysis, seed=1)),
        coverage_of_all(),
        coverage_of_all(replace(printed(), seed=1)),
    ]
    keys = [each.key for each in jobs]
    assert len(set(keys)) == len(keys)
    assert job().key == keys[0]
    monkeypatch.setattr(asked, "versions", lambda: {"numpy": "0.1"})
    assert job().key != keys[0]


def test_scenarios_take_turns_in_whole_batches() -> None:
    own = coverage_of_all().design
    assert numbers_of(own, STUDIES) == range(9)
    assert numbers_of(own, STUDIES + 1) == range(18)


def test_the_seed_is_the_analysiss(tmp_path: Path) -> None:
    one, again, other = (
        calibrate_printed(replace(printed(), seed=seed), tmp_path / name, replicates=5)
        for name, seed in (("one", 1), ("again", 1), ("other", 2))
    )
    for part in (lambda found: found.panels, lambda found: found.verdict.tests):
        assert part(one) == part(again) != part(other)


# ------------------------------------------------------------------------- planted faults


def naive(analysis: spec.PrintedAnalysis, **how: Any) -> PrintedPosterior:
    """The posterior as if children were all that varies, whatever reading was asked for."""
    reading = replace(analysis.readings[0], se_reading="child", child_variance_factor=1.0)
    return posterior(analysis, **{**how, "reading": reading})


def only_as_read(*given: Any, **how: Any) -> tuple[Scenario, ...]:
    return scenarios(*given, **how)[:1]


def test_intervals_that_are_too_narrow_end_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(printed_calibration, "scenarios", only_as_read)
    monkeypatch.setattr("sofs_bayes.checks.printed_coverage.posterior", naive)
    found = calibrate_printed(printed(), tmp_path, replicates=FEW)
    (table,) = panel_tables(found)
    (row,) = rows_of(table)
    assert row["verdict"] == "out"
    assert row["coverage"] < 0.5
    assert found.verdict.uniform
    assert not found.passed


def test_ranks_that_are_not_uniform_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(printed_calibration, "scenarios", only_as_read)
    analysis = with_effect_sd(printed("icpc-printed"), 0.1)
    right = calibrate_printed(analysis, tmp_path / "right", replicates=FEW)
    assert right.verdict.uniform
    monkeypatch.setattr("sofs_bayes.checks.printed_calibration.posterior", sceptically)
    wrong = calibrate_printed(analysis, tmp_path / "wrong", replicates=FEW)
    assert not wrong.verdict.uniform
    assert wrong.panels == right.panels


def with_effect_sd(analysis: spec.PrintedAnalysis, sd: float) -> spec.PrintedAnalysis:
    effect = replace(analysis.effect_priors["reference"], sd=sd)
    return replace(analysis, effect_priors={"reference": effect})


def sceptically(analysis: spec.PrintedAnalysis, **how: Any) -> PrintedPosterior:
    """The posterior under a fifth of the prior sd that the effects were drawn with."""
    return posterior(with_effect_sd(analysis, 0.02), **how)


@pytest.mark.parametrize(
    ("rate", "passes"), [(0.879, False), (0.881, True), (0.929, True), (0.931, False)]
)
def test_one_scenario_that_owes_its_level_and_has_it_not_is_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rate: float, passes: bool
) -> None:
    rates = {"as read": rate, "naive: children only": 0.1}  # which owes nothing

    def of_rate(_: Any, scenario: Scenario, *__: Any, **how: Any) -> Coverage:
        return Coverage(
            scenario=scenario.name,
            owed=scenario.calibrated,
            replicates=FULL,
            level=0.9,
            coverage=rates.get(scenario.name, 0.9),
            standard_error=0.03,
            mean_width=0.1,
            panels=how["studies"],
        )

    monkeypatch.setattr(printed_calibration, "coverage", of_rate)
    assert calibrate_printed(printed(), tmp_path, replicates=5).passed == passes


@pytest.mark.parametrize("workers", [1, 2])
def test_a_reading_under_which_the_print_hardly_happens_is_refused(
    tmp_path: Path, workers: int
) -> None:
    analysis = printed("icpc-printed")
    reading = replace(analysis.readings[0], name="children", se_reading="child")
    analysis = replace(analysis, readings=(reading,))
    with pytest.raises(BadInput, match="studies with the printed stars among"):
        calibrate_printed(analysis, tmp_path, replicates=5, how=Execution(workers=workers))


# ------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"prior": "flat"}, "prior: found 'flat'"),
        ({"reading": "nobody's"}, 'reading: found "nobody\'s"'),
    ],
)
def test_what_cannot_be_calibrated_leaves_no_result(
    tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    with pytest.raises(BadInput, match=says):
        calibrate_printed(printed(), tmp_path, **{"replicates": FEW, **change})
    assert not list(tmp_path.rglob("0*.piece"))


def test_results_of_something_else_are_left_alone_unless_they_are_to_go(tmp_path: Path) -> None:
    calibrate_printed(printed(), tmp_path, replicates=5)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.json")}
    with pytest.raises(BadInput, match="--replace"):
        calibrate_printed(printed(), tmp_path, replicates=5, prior="sceptical")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.json")} == before
    calibrate_printed(printed(), tmp_path, replicates=5, prior="sceptical", replace=True)
    assert not set(before.values()) & {path.read_bytes() for path in tmp_path.rglob("*.json")}


def test_an_interruption_keeps_what_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(text: str) -> None:
        if "prior: 3 of 5" in text:
            raise KeyboardInterrupt

    monkeypatch.setattr(printed_calibration, "scenarios", only_as_read)
    with pytest.raises(KeyboardInterrupt):
        calibrate_printed(printed(), tmp_path, replicates=5, how=Execution(progress=interrupt))
    assert len(list((tmp_path / "replicates").glob("0*.piece"))) == 3
    assert len(list((tmp_path / "coverage").glob("0*.piece"))) == 1
