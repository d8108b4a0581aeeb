"""The page of a recovery says its numbers, and nothing that was not asked."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sofs_bayes import spec
from sofs_bayes.checks.classical_intervals import CHILD, METHODS
from sofs_bayes.checks.recovered import Recovered
from sofs_bayes.checks.recovery import recovery_rows
from sofs_bayes.checks.recovery_answers import POSTERIOR, Answer, Replicate
from sofs_bayes.checks.recovery_power import detectable
from sofs_bayes.checks.recovery_prior import assurance, owed_coverage, reliability
from sofs_bayes.checks.recovery_scenarios import Scenario, scenarios, usual_grid
from sofs_bayes.errors import BadInput
from sofs_bayes.reporting.contents.recovery import recovery_tables
from sofs_bayes.reporting.contents.recovery_findings import findings, kind_of, owed_sentence
from sofs_bayes.reporting.figures.recovery import CurveAxes, CurvePoint, method_curves
from sofs_bayes.reporting.recovery_page import recovery_figures, write_recovery_page
from sofs_bayes.spec import HierarchicalAnalysis

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
        published=True,
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
    assert "nothing about Signs of Safety itself" in page
    assert "Of 5,400 fits 36 did not pass the gate" in page
    names = {path.stem for path in (tmp_path / "figures").glob("*.png")}
    assert names == {"coverage", "power", "width", "reliability"}
    for drawing in recovery_figures(found):
        assert drawing.alt in page.replace("&#39;", "'").replace("&gt;", ">")


def test_a_page_on_other_data_does_not_speak_of_the_published_design(
    found: Recovered, tmp_path: Path
) -> None:
    write_recovery_page(tmp_path, replace(found, published=False), versions={"sofs-bayes": "0"})
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "what the design of the data given could and could not have detected" in page
    assert "published design" not in page


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


def test_a_curve_of_nothing_is_refused() -> None:
    axes = CurveAxes(x="x", y="y")
    with pytest.raises(BadInput, match="no rows"):
        method_curves([], axes, title="t", name="n", alt="a")
    gap = CurvePoint(method="m", x=0.0, y=float("nan"), mcse=0.0)
    with pytest.raises(BadInput, match="a finite number"):
        method_curves([gap], axes, title="t", name="n", alt="a")
