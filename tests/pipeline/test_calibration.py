"""Coverage and SBC of a posterior from print, into a folder; a wrong posterior is refused."""

import csv
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w

from sofs_bayes import spec
from sofs_bayes.bayes.from_published import PrintedPosterior, posterior
from sofs_bayes.checks.printed_calibration import SbcVerdict, uniformity
from sofs_bayes.checks.printed_coverage import FULL, Coverage, Scenario, scenarios
from sofs_bayes.cli import main
from sofs_bayes.errors import BadInput
from sofs_bayes.pipeline import calibration
from sofs_bayes.pipeline.calibration import MIN_REPLICATES, calibrate_printed

FEW = MIN_REPLICATES  # with its seed, what is computed right passes; faults are far larger


def printed(name: str = "cla-printed") -> spec.PrintedAnalysis:
    analysis = spec.load(name)
    assert isinstance(analysis, spec.PrintedAnalysis)
    return analysis


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bool, list[str]]:
    """A calibration that passes: its folder, its verdict and what it told on the way."""
    target = tmp_path_factory.mktemp("calibration") / "cla"
    told: list[str] = []
    passed = calibrate_printed(printed(), target, replicates=FEW, progress=told.append)
    return target, passed, told


def test_a_calibration_is_three_files(calibrated: tuple[Path, bool, list[str]]) -> None:
    target, passed, told = calibrated
    assert passed
    assert {path.name for path in target.iterdir()} == {"calibration.md", "coverage.csv", "sbc.csv"}
    assert [path.name for path in target.parent.iterdir()] == ["cla"]
    assert told[0].startswith("coverage: 1 of ")
    assert told[-1] == f"SBC: {FEW} of {FEW}"


def test_coverage_has_every_scenario_and_owes_only_where_it_is_read_right(
    calibrated: tuple[Path, bool, list[str]],
) -> None:
    rows = rows_of(calibrated[0] / "coverage.csv")
    study = scenarios(printed(), prior="reference", reading=printed().readings[0])
    assert [row["scenario"] for row in rows] == [scenario.name for scenario in study]
    assert {row["replicates"] for row in rows} == {str(FEW)}
    assert [row["verdict"] != "not owed" for row in rows] == [s.calibrated for s in study]
    for row in rows:
        if row["verdict"] != "not owed":
            level, found = float(row["level"]), float(row["coverage"])
            assert row["verdict"] == ("in" if level - 0.02 <= found <= level + 0.03 else "out")


def test_ranks_of_every_parameter_are_tested(calibrated: tuple[Path, bool, list[str]]) -> None:
    rows = rows_of(calibrated[0] / "sbc.csv")
    assert [row["parameter"] for row in rows] == ["effect", "pilot difference", "s", "c"]
    for row in rows:
        assert 0 <= float(row["ks_p"]) <= 1


def test_what_is_written_says_what_it_is_about(calibrated: tuple[Path, bool, list[str]]) -> None:
    text = (calibrated[0] / "calibration.md").read_text(encoding="utf-8")
    first = printed().readings[0].name
    assert text.count(f"{printed().title}; {first}, reference prior") == 2
    assert text.count("It says nothing about Signs of Safety.") == 2
    assert "No test rejects uniform ranks." in text


# ------------------------------------------------------------------------- planted faults


def naive(analysis: spec.PrintedAnalysis, **how: Any) -> PrintedPosterior:
    """The posterior as if children were all that varies, whatever reading was asked for."""
    reading = replace(analysis.readings[0], se_reading="child", child_variance_factor=1.0)
    return posterior(analysis, **{**how, "reading": reading})


def test_intervals_that_are_too_narrow_end_out_with_exit_code_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sofs_bayes.checks.printed_coverage.scenarios", only_as_read)
    monkeypatch.setattr("sofs_bayes.checks.printed_coverage.posterior", naive)
    words = ["calibrate", "cla-printed", "--replicates", str(FEW), "-o", str(tmp_path / "new")]
    assert main(words) == 1
    (row,) = rows_of(tmp_path / "new" / "coverage.csv")
    assert row["verdict"] == "out"
    assert float(row["coverage"]) < 0.5
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out == (tmp_path / "new" / "calibration.md").read_text(encoding="utf-8")
    assert "| out |" in said.out


def only_as_read(*given: Any, **how: Any) -> tuple[Scenario, ...]:
    return scenarios(*given, **how)[:1]


def test_ranks_that_are_not_uniform_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration, "coverage_study", lambda *_, **__: ())
    analysis = with_effect_sd(printed("icpc-printed"), 0.1)
    assert calibrate_printed(analysis, tmp_path / "right", replicates=FEW)
    monkeypatch.setattr("sofs_bayes.checks.printed_calibration.posterior", sceptically)
    assert not calibrate_printed(analysis, tmp_path / "wrong", replicates=FEW)
    text = (tmp_path / "wrong" / "calibration.md").read_text(encoding="utf-8")
    assert "RANKS ARE NOT UNIFORM." in text


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
    monkeypatch.setattr(calibration, "coverage_study", partial(study_of, rate=rate))
    monkeypatch.setattr(calibration, "sbc", uniform)
    assert calibrate_printed(printed(), tmp_path / "new", replicates=FEW) == passes


def study_of(analysis: spec.PrintedAnalysis, *, rate: float, **how: Any) -> tuple[Coverage, ...]:
    study = scenarios(analysis, prior=how["prior"], reading=how["reading"])
    given = {"as read": rate, "naive: children only": 0.1}  # which owes nothing
    return tuple(
        Coverage(
            scenario=each,
            replicates=FULL,
            level=0.9,
            rate=given.get(each.name, 0.9),
            standard_error=0.03,
            mean_width=0.1,
            panels=how["replicates"],
        )
        for each in study
    )


def uniform(*_: Any, **how: Any) -> SbcVerdict:
    even = (0.5 + np.arange(FEW)) / FEW
    return SbcVerdict(replicates=how["replicates"], tests=(uniformity("effect", even),))


def test_a_reading_under_which_the_print_hardly_happens_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    analysis = printed("icpc-printed")
    reading = replace(analysis.readings[0], name="children", se_reading="child")
    path = tmp_path / "naive.toml"
    document = spec.to_document(replace(analysis, readings=(reading,)))
    path.write_text(tomli_w.dumps(document), encoding="utf-8")
    words = ["calibrate", str(path), "--replicates", str(FEW), "-o", str(tmp_path / "new")]
    assert main(words) == 2
    assert "studies with the printed stars among" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["naive.toml"]


# ------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"replicates": FEW - 1}, f"--replicates: found {FEW - 1}; allowed: at least {FEW}"),
        ({"prior": "flat"}, "prior: found 'flat'"),
        ({"reading": "nobody's"}, 'reading: found "nobody\'s"'),
    ],
)
def test_what_cannot_be_calibrated_leaves_nothing(
    tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    with pytest.raises(BadInput, match=says):
        calibrate_printed(printed(), tmp_path / "new", **{"replicates": FEW, **change})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_exists_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibration, "coverage_study", unexpected)
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(BadInput, match="exists"):
        calibrate_printed(printed(), tmp_path, replicates=FEW)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def unexpected(*_: Any, **__: Any) -> None:
    raise AssertionError("nothing should be simulated")


@pytest.mark.parametrize("stage", ["coverage_study", "sbc"])
def test_an_interruption_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    stages: dict[str, Callable[..., Any]] = {"coverage_study": lambda *_, **__: (), "sbc": uniform}
    for name, fake in stages.items():
        monkeypatch.setattr(calibration, name, interrupted if name == stage else fake)
    with pytest.raises(KeyboardInterrupt):
        calibrate_printed(printed(), tmp_path / "new", replicates=FEW)
    assert list(tmp_path.iterdir()) == []


def interrupted(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def test_the_seed_is_the_analysiss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "MIN_REPLICATES", 5)
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        calibrate_printed(replace(printed(), seed=seed), tmp_path / name, replicates=5)
    for file in ("coverage.csv", "sbc.csv"):
        one, again, other = (
            (tmp_path / name / file).read_bytes() for name in ("one", "again", "other")
        )
        assert one == again != other
