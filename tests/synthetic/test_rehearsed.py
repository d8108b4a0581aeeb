"""Children simulated in the design that another study's analysis declares."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.other_study import CHILDREN, LINEAR
from tests.other_study.wording import in_folder

from sofs_bayes import spec
from sofs_bayes.cli import main
from sofs_bayes.errors import BadInput, BadSpec
from sofs_bayes.pipeline.children import load_children
from sofs_bayes.pipeline.recovery import recover
from sofs_bayes.spec import ChildrenAnalysis, HierarchicalAnalysis
from sofs_bayes.synthetic.rehearsed import rehearsed


@pytest.fixture(scope="module")
def analysis() -> ChildrenAnalysis:
    return load_children(CHILDREN)


def with_design(analysis: ChildrenAnalysis, **changes: object) -> ChildrenAnalysis:
    assert analysis.rehearsal is not None
    return replace(analysis, rehearsal=replace(analysis.rehearsal, **changes))  # type: ignore[arg-type]


def test_the_design_is_the_declared_one(analysis: ChildrenAnalysis) -> None:
    made = rehearsed(analysis)
    assert made.groups.pilots == tuple(f"Pilot {i}" for i in range(1, 6))
    assert len(made.groups.comparators) == 14
    assert len(made.groups.pairs) == 5 * 14
    columns = ["person_ref", "council", "contact_date", "plan_start"]
    columns += ["sex", "age_years", "imd_quintile", "sen_status", "home_language"]
    assert list(made.referrals.columns) == columns
    days = pd.to_datetime(made.referrals["contact_date"])
    assert days.min() >= pd.Timestamp("2015-04-01")
    assert days.max() <= pd.Timestamp("2023-03-31")
    assert len(made.referrals) == pytest.approx(19 * 8 * 40, rel=0.01)


def test_the_rate_and_the_effect_are_the_declared_ones(analysis: ChildrenAnalysis) -> None:
    many = with_design(analysis, authority_sd=0.0, shock_sd=0.0, referrals=200)
    made = rehearsed(many, effect=0.7)
    happened = made.referrals["plan_start"].notna()
    pilots = made.referrals["council"].isin(made.groups.pilots)
    assert happened[~pilots].mean() == pytest.approx(0.06, abs=0.005)
    assert made.truth is not None
    assert made.truth.log_odds == pytest.approx(0.7)
    odds = 0.06 / 0.94 * np.exp(0.7)
    assert made.truth.risk == pytest.approx(odds / (1 + odds) - 0.06)
    ends = {window.pilot: pd.Timestamp(window.end) for window in made.groups.windows}
    after = made.referrals["contact_date"] > made.referrals["council"].map(ends)
    assert happened[pilots & after].mean() == pytest.approx(odds / (1 + odds), abs=0.012)


def test_authorities_differ_and_move_as_declared(analysis: ChildrenAnalysis) -> None:
    def spread(**changes: object) -> float:
        made = rehearsed(with_design(analysis, referrals=400, **changes)).referrals
        return float(made["plan_start"].notna().groupby(made["council"]).mean().std())

    assert spread(authority_sd=0.0, shock_sd=0.0) < 0.006
    assert spread(authority_sd=0.8) > 0.02


def test_the_same_seed_draws_the_same_children(analysis: ChildrenAnalysis) -> None:
    one, again, other = rehearsed(analysis), rehearsed(analysis), rehearsed(analysis, seed=1)
    assert one.referrals.equals(again.referrals)
    assert not one.referrals.equals(other.referrals)


def test_a_population_can_be_matched_and_names_no_report(tmp_path: Path) -> None:
    words = ["simulate", str(CHILDREN), "--effect", "0.4", "-o", str(tmp_path / "people")]
    assert main(words) == 0
    words = ["match", str(CHILDREN), str(tmp_path / "people"), "-o", str(tmp_path / "matched")]
    assert main(words) == 0
    assert in_folder(tmp_path) == {}


@pytest.mark.parametrize("option", [["--stress"], ["--solve"], ["--scenario", "icpc"]])
def test_what_only_the_report_s_populations_have_is_refused(
    option: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", str(CHILDREN), *option, "-o", str(tmp_path / "people")]) == 2
    assert f"{option[0]}: found another study's analysis" in capsys.readouterr().err
    assert not (tmp_path / "people").exists()


def test_without_a_design_nothing_is_drawn(analysis: ChildrenAnalysis, tmp_path: Path) -> None:
    without = replace(analysis, rehearsal=None)
    with pytest.raises(BadInput, match=r"rehearsal: found nothing"):
        rehearsed(without)
    linear = spec.load(LINEAR)
    assert isinstance(linear, HierarchicalAnalysis)
    with pytest.raises(BadInput, match=r"data: found none; allowed: what match or collapse"):
        recover(replace(linear, children=without), None, tmp_path / "recovered", replicates=2)


@pytest.mark.parametrize(
    ("windows", "says"),
    [
        ([["2017-10-01", "soon"], ["2018-04-01", "2018-09-30"]], "dates as 2017-10-01"),
        ([["2018-10-01", "2018-03-31"], ["2018-04-01", "2018-09-30"]], "before the last one"),
    ],
)
def test_windows_that_are_none_are_refused(
    analysis: ChildrenAnalysis, windows: list[list[str]], says: str
) -> None:
    document = spec.to_document(analysis)
    document["rehearsal"]["settling_in"] = windows
    with pytest.raises(BadSpec, match=says):
        spec.parse(document, file="own.toml")


def test_a_window_outside_the_years_is_refused(analysis: ChildrenAnalysis) -> None:
    late = with_design(
        analysis, settling_in=(("2017-10-01", "2018-03-31"), ("2022-10-01", "2023-03-31"))
    )
    with pytest.raises(BadInput, match="with days before and after"):
        rehearsed(late)
