"""Own weights, a year of one's own and a treatment in own words, from records to regressions."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.other_study import CHILDREN, make

from sofs_bayes import spec
from sofs_bayes.cells.collapse import collapse
from sofs_bayes.disclosure.release import release
from sofs_bayes.disclosure.rules import OutputRule
from sofs_bayes.errors import BadInput
from sofs_bayes.frequentist.terms import design
from sofs_bayes.matching.matched_file import read_matched
from sofs_bayes.pipeline.beginning import check
from sofs_bayes.pipeline.children import match, matched_file
from sofs_bayes.pipeline.simulation import simulate
from sofs_bayes.spec import ChildrenAnalysis

OWN = (
    ('outcome_date = "plan_start"', 'outcome_date = "plan_start"\nweight = "how_much"'),
    ("[matching]", '[matching]\nown_weights = "replace"'),
    ("years = [2015,", "year_begins = 9\nyears = [2015,"),
    ("2021, 2022]", "2021]"),
    (
        'treatment = "leads and lags"',
        'treatment = { kind = "score", column = "caseload", label = "Caseload" }',
    ),
)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an analysis, its records and what was matched of them."""
    folder = tmp_path_factory.mktemp("declared")
    make.write(folder / "records")
    file = folder / "records" / "referrals.csv"
    children = pd.read_csv(file, dtype=str, keep_default_na=False)
    weights = np.random.default_rng(1).uniform(0.5, 2.0, len(children)).round(3)
    children.assign(how_much=weights).to_csv(file, index=False)
    text = CHILDREN.read_text("utf-8")
    for before, after in OWN:
        assert before in text
        text = text.replace(before, after)
    (folder / "own.toml").write_text(text, encoding="utf-8")
    match(folder / "own.toml", folder / "records", folder / "matched")
    return folder


@pytest.fixture(scope="module")
def analysis(own: Path) -> ChildrenAnalysis:
    found = spec.load(own / "own.toml")
    assert isinstance(found, ChildrenAnalysis)
    return found


def test_weights_and_years_come_as_declared(own: Path, analysis: ChildrenAnalysis) -> None:
    rows = read_matched(matched_file(own / "matched"), analysis)
    np.testing.assert_allclose(rows["weight"], rows["own_weight"] / rows["multiplicity"])
    assert rows["own_weight"].nunique() > 100
    day = rows["referral_date"]
    assert (rows["year"] == day.dt.year - (day.dt.month < 9)).all()
    score = next(each for each in analysis.regressions.columns if each.rests_on)
    terms = design(rows, analysis, score).terms
    assert "score of the treatment × post" in terms


def test_cells_have_the_weights_and_none_may_leave(own: Path, analysis: ChildrenAnalysis) -> None:
    file = matched_file(own / "matched")
    rows, cells = read_matched(file, analysis), collapse(file, analysis)
    assert float(cells.patterns["weight"].sum()) == pytest.approx(rows["weight"].sum())
    with pytest.raises(BadInput, match=r"records\.columns\.weight: found own weights"):
        release(file, analysis, OutputRule())


def test_simulated_children_of_the_design_fit_the_analysis(own: Path, tmp_path: Path) -> None:
    simulate(own / "own.toml", tmp_path / "simulated")
    assert check(tmp_path / "simulated", own / "own.toml") == ()
