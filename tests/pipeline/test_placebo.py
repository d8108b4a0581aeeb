"""Placebo pilots from the command line: files, a page, work that goes on, refusals, exit codes."""

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sofs_bayes.checks import placebo as checks
from sofs_bayes.cli import main
from sofs_bayes.errors import BadInput
from sofs_bayes.pipeline.placebo import dated_early
from sofs_bayes.spec import OpenAnalysis, load

DFE = Path(__file__).parents[1] / "data" / "dfe"
MADE_UP = [str(DFE / "made-up.toml"), *map(str, sorted(DFE.glob("*.csv")))]
SETS = 20


class Fits:
    """Stands for the fits: a posterior by formula, quick and counted."""

    def __init__(self, sd: float) -> None:
        self.sd, self.names = sd, list[tuple[str, ...]]()

    def __call__(self, _: Any, names: Sequence[str], seed: int, __: Any) -> dict[str, Any]:
        self.names.append(tuple(names))
        mean = ((seed % 1000) / 1000 - 0.5) * 0.4
        ends: dict[str, float] = {}
        for level, z in zip(checks.LEVELS, (0.674, 1.282, 1.645, 1.960), strict=True):
            at = f"{100 * level:.0f}"
            ends |= {f"lower_{at}": mean - z * self.sd, f"upper_{at}": mean + z * self.sd}
        told = {"mean": mean, "sd": self.sd, "above_zero": 0.5, "risk": 0.01 * mean}
        more = {"authorities": list(names), "status": "converged", "failures": [], "seconds": 0.1}
        return told | ends | more


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> Fits:
    """Fits that are right about how far sets spread."""
    made = Fits(sd=0.12)
    monkeypatch.setattr(checks, "one_set", made)
    monkeypatch.setattr(checks, "ready", lambda *_: {})
    return made


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Default outputs land in the test's own folder."""
    monkeypatch.chdir(tmp_path)


def typed(*words: object) -> int:
    return main(["placebo", *MADE_UP, *map(str, words)])


def test_everything_is_written(
    fits: Fits, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "out"
    assert typed("--sets", SETS, "-o", folder) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"In {SETS} sets of 3 authorities that were no pilots, intervals of 50%")
    assert said.endswith(f"{folder / 'index.html'}\n")
    with (folder / "placebo.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [int(row["number"]) for row in rows] == list(range(SETS + 1))
    assert rows[0]["authorities"] == "Ashmere; Brackwater, City of; Coldharbour"
    assert not any("Ashmere" in row["authorities"] for row in rows[1:])
    told = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert (told["written_by"], told["status"], told["evidence"]) == ("placebo", "in", "open-data")
    assert 1 / (SETS + 1) <= told["p_value"] <= 1
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert "randomisation p-value" in page.replace("\n", " ")
    with Image.open(folder / "figures" / "placebo.png") as picture:
        assert "placebo pilots spread by" in picture.info["Description"]
    assert len(fits.names) == SETS + 1


def test_finished_sets_are_not_made_again(fits: Fits, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    assert typed("--sets", SETS, "-o", folder) == 0
    assert typed("--sets", SETS + 5, "-o", folder) == 0
    assert len(fits.names) == SETS + 5 + 1
    with (folder / "placebo.csv").open(encoding="utf-8") as lines:
        assert len(lines.readlines()) == SETS + 5 + 2


def test_intervals_that_are_too_narrow_end_with_1_and_head_the_page(
    fits: Fits, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fits.sd = 0.005
    assert typed("--sets", 60, "-o", tmp_path / "out") == 1
    assert capsys.readouterr().out.startswith("INTERVALS DO NOT HOLD THEIR LEVEL: In 60 sets")
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "<title>INTERVALS DO NOT HOLD THEIR LEVEL" in page


def test_an_effect_dated_early_is_fitted_to_years_before_alone() -> None:
    analysis = load("icpc-open-data")
    assert isinstance(analysis, OpenAnalysis)
    longer = replace(analysis, data=replace(analysis.data, first_year=2009))
    early = dated_early(longer, 2)
    assert (early.data.first_year, early.data.last_year) == (2009, 2013)
    assert {pilot.settling_in for pilot in early.design.pilots} == {(2012, 2012)}
    assert {pilot.settling_in for pilot in dated_early(longer, 4).design.pilots} == {(2010, 2010)}
    for years in (1, 5):
        with pytest.raises(BadInput, match="allowed: 2 to 4"):
            dated_early(longer, years)
    with pytest.raises(BadInput, match="more than 2 years before settling-in"):
        dated_early(analysis, 2)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["icpc-linear"], ["kind: found 'hierarchical'", "an analysis of open counts"]),
        ([*MADE_UP, "--sets", "5"], ["--sets: found 5", "at least 20"]),
        ([*MADE_UP, "--workers", "0"], ["--workers: '0'"]),
        ([*MADE_UP, "--prior", "hopeful"], ["--prior: found 'hopeful'", "reference"]),
        ([*MADE_UP, "--early", "1"], ["--early: found 1"]),
        ([*MADE_UP[:1], "nowhere.csv"], ["nowhere.csv"]),
    ],
)
def test_bad_input_is_one_line(
    words: list[str],
    says: list[str],
    fits: Fits,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    try:
        code = main(["placebo", *words])
    except SystemExit as left:
        code = int(left.code or 0)
    said = capsys.readouterr()
    assert (code, said.out) == (2, "")
    assert len(said.err.splitlines()) == 1, said.err
    for part in says:
        assert part in said.err
    assert not list(tmp_path.iterdir())
    assert not fits.names
