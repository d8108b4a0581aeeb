"""Another study than the report's: its words, its regressions, and nothing of the report's."""

import csv
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from matplotlib.text import Text
from tests.other_study import CHILDREN, LINEAR, make
from tests.other_study.wording import in_folder, of_this_study, text_of

from sofs_bayes import spec
from sofs_bayes.checks.labels import effects_ranked
from sofs_bayes.cli import main
from sofs_bayes.errors import BadSpec
from sofs_bayes.figures import Drawing
from sofs_bayes.pages.pictures import drawings
from sofs_bayes.pipeline.report import report
from sofs_bayes.runs import run_folder
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import HierarchicalAnalysis, OwnOutcome, Statement
from sofs_bayes.spec.keys import AFTER, MEAN_OF_PILOTS, Estimand
from sofs_bayes.spec.study import evaluated, of_report
from sofs_bayes.spec.terms import PER_10_000, PER_1000
from sofs_bayes.tables.contents.publication import publication_tables
from sofs_bayes.tables.formats import to_markdown


def texts(drawing: Drawing) -> str:
    """All that is written on a figure."""
    return " ".join(text.get_text() for text in drawing.figure.findobj(Text))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records of the other study, matched and replicated."""
    found = tmp_path_factory.mktemp("other")
    make.write(found / "records")
    for verb, data, output in (
        ("match", "records", "matched"),
        ("replicate", "matched", "replicated"),
    ):
        words = [verb, str(CHILDREN), str(found / data), "-o", str(found / output)]
        assert main(words) == 0
    return found


@pytest.fixture(scope="module")
def analysis() -> HierarchicalAnalysis:
    found = spec.load(LINEAR)
    assert isinstance(found, HierarchicalAnalysis)
    return found


@pytest.fixture(scope="module")
def run(hierarchical_run: Run, analysis: HierarchicalAnalysis) -> Run:
    """A run of the other study's analysis, on records."""
    return replace(hierarchical_run, analysis=analysis, evidence="records", withheld=())


def test_an_own_outcome_declares_no_report(analysis: HierarchicalAnalysis) -> None:
    assert not of_report(analysis)
    assert evaluated(analysis) == "family hubs"
    assert evaluated(replace(analysis, children=replace(analysis.children, intervention=None))) == (
        "the programme"
    )
    bundled = spec.load("icpc-linear")
    assert of_report(bundled)
    assert evaluated(bundled) == "the practice model"


def test_an_own_outcome_has_no_printed_table(analysis: HierarchicalAnalysis) -> None:
    document = spec.to_document(analysis.children)
    document["regressions"]["columns"][0]["table"] = 5
    with pytest.raises(BadSpec, match="no table, with an outcome of one's own"):
        spec.parse(document, file="own.toml")


@pytest.mark.parametrize(
    ("outcome", "says"),
    [
        ("plans", "outcome: found 'plans'; allowed: 'ICPC' or 'CLA', or a table with name"),
        ({"name": "plan", "plural": "plans"}, "outcome.unit: found nothing"),
        ({"name": "p", "plural": "p", "unit": "u", "direction": "up"}, "outcome.direction: found"),
        ({"name": "p", "plural": "p", "unit": "u", "unti": "u"}, "did you mean unit?"),
    ],
)
def test_a_wrong_outcome_is_one_line(
    analysis: HierarchicalAnalysis, outcome: object, says: str
) -> None:
    document = spec.to_document(analysis.children) | {"outcome": outcome}
    with pytest.raises(BadSpec) as caught:
        spec.parse(document, file="own.toml")
    [fault] = caught.value.faults
    assert says in str(fault)


def test_matching_and_replication_say_nothing_of_this_study(folder: Path) -> None:
    assert in_folder(folder / "matched") == {}
    assert in_folder(folder / "replicated") == {}
    assert not (folder / "replicated" / "numbers.csv").exists()


def test_replication_prints_the_analysis_s_own_regressions(folder: Path) -> None:
    with (folder / "replicated" / "fits.csv").open(encoding="utf-8", newline="") as stream:
        fits = list(csv.DictReader(stream))
    for model, names in (
        ("linear", {"Linear", "Without Ashby", "By year after", "Before and after"}),
        ("logistic", {"Logistic"}),
    ):
        path = folder / "replicated" / "tables" / f"regressions-{model}.csv"
        with path.open(encoding="utf-8", newline="") as stream:
            rows = {row["term"]: row for row in csv.DictReader(stream)}
        own = [row for row in fits if row["model"] == model]
        assert {row["regression"] for row in own} == names
        for row in own:
            assert rows[row["term"]][row["regression"]] == row["coefficient"]
    page = text_of(folder / "replicated" / "index.html")
    assert "Linear, did: wild cluster bootstrap" in " ".join(page.split())


def test_regressions_stand_beside_posteriors(folder: Path, run: Run) -> None:
    for kind in ("report", "comparison"):
        tables = publication_tables(kind, [run], beside=[folder / "replicated"])
        text = "\n".join(map(to_markdown, tables))
        assert "Protection plans: regressions and" in text
        assert "wild" in text
        assert of_this_study(text) == []
    [first, *_] = publication_tables("report", [run])
    assert "No folder that replicate wrote" in to_markdown(first)


@pytest.mark.parametrize("kind", ["comparison", "calibration"])
def test_what_stands_beside_a_run_is_asked_for(
    run: Run, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_folder.write(run, tmp_path / "run")
    assert main(["effects", str(tmp_path / "run"), "--table", kind]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "with --beside FOLDER" in said
    assert "suppressed" not in said


def test_a_report_asks_and_answers_the_own_question(folder: Path, run: Run, tmp_path: Path) -> None:
    report(run, tmp_path / "report", beside=[folder / "replicated"])
    page = " ".join(text_of(tmp_path / "report" / "index.html").split())
    assert "Family hubs: what the evidence supports" in page
    assert "Did family hubs change how many protection plans there are?" in page
    assert "That a lower rate of protection plans is better is the analyst's word" in page
    assert in_folder(tmp_path / "report") == {}


def test_figures_say_nothing_of_this_study(run: Run) -> None:
    found = drawings(run)
    assert len(found) > 5
    said = [f"{each.alt} {texts(each)}" for each in found]
    assert [words for each in said if (words := of_this_study(each))] == []


def on(scale: str, rows: tuple[Any, ...]) -> tuple[Any, ...]:
    """Rows of changes in risk, told on another scale of them."""
    return tuple(
        replace(row, scale=scale) if getattr(row, "scale", "") == "risk" else row for row in rows
    )


@pytest.mark.parametrize("counted", ["contacts", None])
def test_what_is_counted_is_named_wherever_it_is_read(
    run: Run, counted: str | None, tmp_path: Path
) -> None:
    assert isinstance(run.analysis, HierarchicalAnalysis)
    outcome = run.analysis.children.outcome
    assert isinstance(outcome, OwnOutcome)
    children = replace(run.analysis.children, outcome=replace(outcome, counted=counted))
    above = Statement(scale=PER_10_000, above=0.0)
    wanted = replace(run.analysis.estimands, per=10_000, statements=(above,))
    mean = replace(run.effects[0], role=MEAN_OF_PILOTS)
    told = replace(
        run,
        analysis=replace(run.analysis, children=children, estimands=wanted),
        effects=on(PER_10_000, (*run.effects, mean)) + on(PER_1000, run.effects),
        sensitivity=on(PER_10_000, run.sensitivity),
        probabilities=(),
        beside={kind: on(PER_10_000, rows) for kind, rows in run.beside.items()},
    )
    report(told, tmp_path / "report")
    kinds = ("effects", "report", "pilots")
    tables = [to_markdown(each) for kind in kinds for each in publication_tables(kind, [told])]
    drawn = [f"{each.alt} {texts(each)}" for each in drawings(told)]
    page = text_of(tmp_path / "report" / "index.html")
    said = " ".join(" ".join([*tables, *drawn, page]).split())
    who, other = counted or "children", "children" if counted else "contacts"
    for words in (
        *("{} per 1,000", "change, {} per 10,000", "({} per 10,000)"),
        *("all treated {}", "pilots' {} after", "Rates are per 10,000 {}"),
    ):
        assert words.format(who) in said
        assert words.format(other) not in said
    assert f"per 10,000 {counted or 'referrals'}, weighted as in the model" in said
    assert not counted or of_children(said) == []
    rows = (tmp_path / "report").rglob("effects.csv")
    assert all("contacts" not in path.read_text("utf-8") for path in rows)


def of_children(text: str) -> list[str]:
    """Where a text speaks of children or referrals; not that rows of the fixture are made up."""
    text = re.sub("plans-children|(Simulated|real) children", "", text)
    found = re.finditer(r"\b(child|referral)", text, re.IGNORECASE)
    return [text[max(each.start() - 40, 0) : each.end() + 40] for each in found]


def test_matching_and_replication_name_what_is_counted(folder: Path, tmp_path: Path) -> None:
    words = CHILDREN.read_text("utf-8").replace("[outcome]", '[outcome]\ncounted = "contacts"')
    (tmp_path / "own.toml").write_text(words, encoding="utf-8")
    for verb, data, output in (
        ("match", str(folder / "records"), "matched"),
        ("replicate", str(tmp_path / "matched"), "replicated"),
    ):
        given = [verb, str(tmp_path / "own.toml"), data, "-o", str(tmp_path / output)]
        assert main(given) == 0
    matched = (tmp_path / "matched" / "matching.md").read_text("utf-8")
    replicated = (tmp_path / "replicated" / "replication.md").read_text("utf-8")
    page = text_of(tmp_path / "replicated" / "index.html")
    assert "contacts of" in matched
    assert of_children(matched + replicated + page) == []


def test_what_is_ranked_is_named_with_what_is_counted() -> None:
    draws = xr.DataArray(np.zeros((2, 3)), dims=("chain", "draw"))
    asked = {Estimand(role=AFTER, scale=scale): draws for scale in ("risk", PER_10_000)}
    names = [*effects_ranked(asked, "contacts")]
    assert names == [f"{AFTER}, pooled (risk)", f"{AFTER}, pooled (contacts per 10,000)"]


def test_words_of_this_study_are_found_where_they_are(hierarchical_run: Run) -> None:
    said = of_this_study("Did Signs of Safety change\nentry to care?")
    assert len(said) == 2
    tables = publication_tables("report", [hierarchical_run])
    assert of_this_study("\n".join(map(to_markdown, tables)))
