"""The page of a recovery says its numbers, and nothing that was not asked."""

from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pytest

from sofs_bayes import spec
from sofs_bayes.checks.classical_intervals import CHILD, CR3, METHODS, WILD
from sofs_bayes.checks.recovered import (
    Origin,
    Recovered,
    assurance,
    detectable,
    owed_coverage,
    reliability,
)
from sofs_bayes.checks.recovery import POSTERIOR, Answer, RecoveryRow, Replicate, recovery_rows
from sofs_bayes.checks.recovery_truths import Scenario, scenarios, usual_grid
from sofs_bayes.cli import main
from sofs_bayes.errors import BadInput
from sofs_bayes.figures.recovery import CurveAxes, CurvePoint, method_curves
from sofs_bayes.pages.recovery_page import recovery_figures, write_recovery_page
from sofs_bayes.pipeline import recovery as pipeline
from sofs_bayes.spec import HierarchicalAnalysis
from sofs_bayes.tables.contents.recovery import recovery_tables
from sofs_bayes.tables.contents.recovery_findings import (
    findings,
    fits_sentence,
    kind_of,
    owed_sentence,
)

pytestmark = pytest.mark.usefixtures("empty_pictures")

SPREAD = {POSTERIOR: 0.02, CHILD: 0.01}  # of intervals; what is wrong with CHILD


def replicates(scenario: Scenario, count: int, rng: np.random.Generator) -> list[Replicate]:
    """Right answers with an error of 2 points, but for one method that is too sure."""
    found = []
    for number in range(count):
        truth = rng.normal(0.0, 0.05) if scenario.effect is None else scenario.effect
        estimate = truth + scenario.drift + rng.normal(0.0, 0.02 / scenario.authorities**0.5)
        answers = {}
        for method in (POSTERIOR, *METHODS):
            sd = SPREAD.get(method, 0.03) / scenario.authorities**0.5
            reach = sd * np.array([0.67, 1.28, 1.96])
            limits = np.stack([estimate - reach, estimate + reach], axis=1)
            above = 0.5 + 0.5 * np.tanh(0.8 * estimate / sd) if method == POSTERIOR else np.nan
            answers[method] = Answer(
                truth=truth, estimate=estimate, limits=limits, above_zero=float(above)
            )
        found.append(
            Replicate(
                number=number,
                answers=answers,
                pilots=(answers[POSTERIOR],),
                status="converged" if number else "not converged",
                failures=(),
                attempts=1,
                seconds=2.0,
            )
        )
    return found


@pytest.fixture(scope="module")
def found() -> Recovered:
    analysis = spec.load("icpc-linear")
    assert isinstance(analysis, HierarchicalAnalysis)
    grid, rng = usual_grid(analysis), np.random.default_rng(2)
    grid = replace(grid, drift=0.1)
    made = {each: replicates(each, 150, rng) for each in scenarios(grid, analysis)}
    of_prior = next(iter(made.values()))
    rows = tuple(row for each, own in made.items() for row in recovery_rows(each, own))
    return Recovered(
        analysis=analysis,
        prior="reference",
        grid=grid,
        evidence="synthetic",
        design=(6, 5, 152231),
        origin="published",
        rows=rows,
        owed=owed_coverage(of_prior),
        reliability=reliability(of_prior),
        assurance=assurance(of_prior),
        detectable=detectable(rows),
        notes=("A note.",),
        seconds=3600.0,
    )


def test_findings_name_every_method_and_its_numbers(found: Recovered) -> None:
    detected, wolf, widths, more, broken = findings(found)
    assert "regression, children independent: not to be asked" in detected
    (own,) = (
        row
        for row in found.detectable
        if (row.process, row.heterogeneity, row.authorities) == ("model", 0.02, 1)
        and row.method == POSTERIOR
    )
    assert own.risk_mcse is not None
    assert 0.0005 < own.risk_mcse < 0.005
    assert f"hierarchical posterior: 5.8 pp (± {100 * own.risk_mcse:.1f})" in detected
    assert "children independent 3" in wolf  # twice as sure as it may be: a third
    assert "hierarchical posterior 7.8 pp" in widths
    assert "4 times as many: 3.9 pp (posterior)" in more
    assert "trends part by 10.0 pp" in broken
    assert "holds the truth in 0%" in broken


def test_coverage_that_is_owed_is_said_to_hold_or_not(found: Recovered) -> None:
    assert found.passed
    assert "as often as they say" in owed_sentence(found)
    out = replace(found, owed=tuple(replace(row, verdict="out") for row in found.owed))
    assert not out.passed
    assert "NOT AS OFTEN" in owed_sentence(out)


def test_without_an_effect_of_nothing_nobody_cries_wolf(found: Recovered) -> None:
    rows = tuple(row for row in found.rows if row.effect != 0.0)
    assert not any("nothing happens" in text for text in findings(replace(found, rows=rows)))


def test_every_row_is_in_a_table(found: Recovered) -> None:
    tables = recovery_tables(found)
    measured = [table for table in tables if table.name.startswith("recovery-")]
    assert sum(len(table.rows) for table in measured) == len(found.rows)
    assert len(measured) == len({kind_of(row) for row in found.rows})
    assert {table.evidence for table in tables} == {"synthetic"}
    assert all("mean size of estimates over that" in table.notes[0] for table in measured)


def test_the_page_is_written_with_its_figures(found: Recovered, tmp_path: Path) -> None:
    write_recovery_page(tmp_path, found, versions={"sofs-bayes": "0"})
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "what the published design could and could not have detected" in page
    assert "nothing about real people" in page
    assert "Of 5,400 fits 36 did not pass the gate" in page
    names = {path.stem for path in (tmp_path / "figures").glob("*.png")}
    assert names == {"coverage", "power", "width", "reliability"}
    for drawing in recovery_figures(found):
        assert drawing.alt in page.replace("&#39;", "'").replace("&gt;", ">")


def page_of(found: Recovered, folder: Path) -> str:
    """The page's text as readers see it."""
    write_recovery_page(folder, found, versions={"sofs-bayes": "0"})
    return unescape((folder / "index.html").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("origin", "said"),
    [
        ("given", "the design of the data given"),
        ("made up", "the design of the bundled simulated children"),
    ],
)
def test_a_page_on_another_design_does_not_speak_of_the_published_one(
    found: Recovered, tmp_path: Path, origin: Origin, said: str
) -> None:
    page = page_of(replace(found, origin=origin), tmp_path)
    assert f"what {said} could and could not have detected" in page
    assert "published design" not in page


def test_the_body_says_whether_the_design_s_children_are_made_up(
    found: Recovered, tmp_path: Path
) -> None:
    assert "those of the design's 152,231 simulated children." in page_of(found, tmp_path)
    (tmp_path / "records").mkdir()
    page = page_of(replace(found, evidence="records"), tmp_path / "records")
    assert "those of the design's 152,231 children." in page


def test_the_body_says_what_authorities_of_other_models_have(
    found: Recovered, tmp_path: Path
) -> None:
    plain = page_of(found, tmp_path)
    assert "not as modelled" not in plain
    assert "Student t" not in plain
    model = replace(found.analysis.model, shocks="none", tails="student t", degrees_of_freedom=4.0)
    (tmp_path / "other").mkdir()
    other = replace(found, analysis=replace(found.analysis, model=model))
    page = page_of(other, tmp_path / "other")
    assert "(the scale of Student t with 4 degrees of freedom) and move from year to year" in page
    assert "(not as modelled, nor where trends part); levels" in page


def failed(found: Recovered) -> Recovered:
    """With 80% intervals that hold too few truths."""
    first, second, third = found.owed
    low = replace(second, coverage=0.6, lower=0.7, upper=0.9, verdict="out")
    return replace(found, owed=(first, low, third))


OUT = (
    "INTERVALS DO NOT HOLD THEIR LEVEL: of truths from the priors those of 80% held 60.0%"
    " (allowed 70.0 to 90.0), in 150 replicates."
)


def test_a_page_of_a_failed_recovery_is_headed_with_it(found: Recovered, tmp_path: Path) -> None:
    page, title = page_of(failed(found), tmp_path), found.analysis.title
    mark = "INTERVALS DO NOT HOLD THEIR LEVEL"
    assert f"<title>{mark}: Recovery: {title}</title>" in page
    assert f"<h1>{mark}: {title}: what" in page
    assert f"<p>{OUT} Until the cause is found, " in page
    assert f"{mark}: Coverage of the posterior" in page
    for drawing in recovery_figures(failed(found)):
        assert mark in " ".join(text.get_text() for text in drawing.chart(drawing.canvas).texts)
    (tmp_path / "passed").mkdir()
    assert mark not in page_of(found, tmp_path / "passed")


@pytest.mark.parametrize(("passed", "lines"), [(True, []), (False, [OUT])])
def test_the_command_says_what_is_out(
    found: Recovered,
    passed: bool,
    lines: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    result = found if passed else failed(found)
    monkeypatch.setattr(pipeline, "recover", lambda *_, **__: (result, result.passed))
    assert main(["recover", "icpc-linear", "-o", "new"]) == (0 if passed else 1)
    assert capsys.readouterr().out.splitlines() == [*lines, str(Path("new") / "index.html")]


def test_fits_without_an_answer_are_not_mixed_with_regressions_without_one(
    found: Recovered,
) -> None:
    assert "missed" not in fits_sentence(found)
    missing = {POSTERIOR: 2, CR3: 30}
    rows = tuple(replace(row, without_answer=missing.get(row.method, 0)) for row in found.rows)
    kinds = len({row.scenario for row in rows})
    assert fits_sentence(replace(found, rows=rows)) == (
        "Of 5,400 fits 36 did not pass the gate; they count as they are. Fits without any draws,"
        f" counted as missed: {2 * kinds}. Without an interval in as many data sets, counted as"
        f" missed: {METHODS[CR3]} {30 * kinds:,}."
    )


def test_intervals_left_out_of_widths_are_said(found: Recovered, tmp_path: Path) -> None:
    def endless(row: RecoveryRow) -> RecoveryRow:
        if row.method == WILD:
            return replace(row, unbounded=0.25)
        nothing = {"unbounded": 0.0, "mean_width": np.nan, "mean_width_mcse": np.nan}
        return replace(row, **nothing, without_answer=150) if row.method == CR3 else row

    other = replace(found, rows=tuple(map(endless, found.rows)))
    widths = findings(other)[2]
    assert "bootstrap 11.8 pp (left out: 25.0% without an end)" in widths
    assert "left out" not in widths.split("regression, wild")[0]
    assert "(CR3) –;" in widths
    assert "pp (left out" in page_of(other, tmp_path)  # with a figure that has no CR3
    tables = [table for table in recovery_tables(other) if table.name.startswith("recovery-")]
    for table in tables:
        keys = [column.key for column in table.columns]
        places = [keys.index(key) for key in ("replicates", "unbounded", "without_answer")]
        by = {row[keys.index("method")]: [row[i] for i in places] for row in table.rows}
        assert by[METHODS[WILD]] == [150, 0.25, 0]
        assert by[METHODS[CR3]] == [150, 0.0, 150]


def test_one_size_and_one_effect_have_no_curves(found: Recovered) -> None:
    grid = replace(found.grid, authorities=(1,), effect=(0.0,))
    rows = tuple(row for row in found.rows if row.effect in (None, 0.0) and row.authorities == 1)
    small = replace(found, grid=grid, rows=rows, detectable=())
    assert {drawing.name for drawing in recovery_figures(small)} == {"coverage", "reliability"}
    assert not any("80%" in text for text in findings(small))


def test_effects_that_are_only_bounded_are_said_to_be(found: Recovered) -> None:
    grid = replace(found.grid, effect=(0.1, 0.2))
    rows = tuple(row for row in found.rows if row.effect is None or row.effect >= 0.1)
    large = replace(found, grid=grid, rows=rows, detectable=detectable(rows))
    (said,) = (text for text in findings(large) if "80%" in text)
    assert said.startswith(
        "The smallest true effect found with a probability of 80%: hierarchical posterior:"
        " at most 10.0 pp, the smallest tried; "
    )
    grid = replace(found.grid, effect=(0.0, 0.02))
    rows = tuple(row for row in found.rows if row.effect is None or row.effect <= 0.02)
    small = replace(found, grid=grid, rows=rows, detectable=detectable(rows))
    (said,) = (text for text in findings(small) if "80%" in text)
    assert "hierarchical posterior: more than 2.0 pp, which it finds with" in said
    assert "children independent: not to be asked" in said


def test_the_table_of_found_effects_has_no_number_of_those_not_to_be_asked(
    found: Recovered,
) -> None:
    table = recovery_tables(found)[1]
    keys = [column.key for column in table.columns]
    bounds = {row[keys.index("bound")] for row in table.rows}
    assert bounds >= {"about", "not to be asked"}
    numbers = [keys.index(key) for key in ("effect", "effect_mcse", "risk", "risk_mcse", "power")]
    for row in table.rows:
        asked = row[keys.index("bound")] != "not to be asked"
        assert [row[i] is not None for i in numbers] == [asked] * 5
    assert "broken" not in {row[keys.index("process")] for row in table.rows}


def test_titles_of_figures_are_what_is_found(found: Recovered) -> None:
    titles = {each.name: each.canvas.title for each in recovery_figures(found)}
    rows = [row for row in found.pooled if row.method == POSTERIOR]
    (near,) = (row for row in rows if row.effect == 0.05 and row.process == "model"
               and (row.heterogeneity, row.authorities) == (0.02, 1))  # fmt: skip
    assert f"is found in {100 * near.significant:.0f}% of replicates" in titles["power"]
    assert titles["coverage"].endswith("least often: trends part, pilots' sd 0.02")
    assert "7.8 pp with 1 times" in titles["width"] and "3.9 pp with 4 times" in titles["width"]
    never = tuple(
        replace(row, significant=0.0, mean_width=0.5, coverage_95=0.5) for row in found.rows
    )
    others = {each.name: each.canvas.title for each in recovery_figures(replace(found, rows=never))}
    assert "hold the truth in 50% of replicates" in others["coverage"]
    assert "is found in 0% of replicates" in others["power"]
    assert "50.0 pp with 1 times" in others["width"]
    exact = tuple(
        replace(row, above_zero=row.mean_probability)
        for row in found.reliability
        if row.above_zero is not None
    )
    (last,) = (
        each.canvas.title
        for each in recovery_figures(replace(found, reliability=exact))
        if each.name == "reliability"
    )
    assert "at most 0 percentage points" in last
    shown = [each.canvas.subtitle for each in recovery_figures(found)]
    assert [text.partition(":")[0] for text in shown] == [
        "How often 95% intervals hold the truth, by scenario and method",
        "How often an effect is found",
        "What more authorities would buy",
        "Whether probabilities are right",
    ]


def test_a_curve_of_nothing_is_refused() -> None:
    axes = CurveAxes(x="x", y="y")
    with pytest.raises(BadInput, match="no rows"):
        method_curves([], axes, title="t", name="n", alt="a")
    gap = CurvePoint(method="m", x=0.0, y=float("nan"), mcse=0.0)
    with pytest.raises(BadInput, match="a finite number"):
        method_curves([gap], axes, title="t", name="n", alt="a")
