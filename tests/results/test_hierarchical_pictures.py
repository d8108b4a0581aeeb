"""Hierarchical runs → figures: which, of which rows, under which names and marks."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from matplotlib.text import Text
from tests.rows import of_effect, of_fit

from sofs_bayes.checks.registry.predictions import ArmYearCheck
from sofs_bayes.checks.registry.tipping import TippingPoint, TippingRow
from sofs_bayes.estimands import EffectRow
from sofs_bayes.estimands.rows import YearlyRateRow
from sofs_bayes.figures import Drawing
from sofs_bayes.pages.pictures import drawings
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import HierarchicalAnalysis
from sofs_bayes.tables.contents.hierarchical_checks import arm_years_table
from sofs_bayes.tables.formats import EVIDENCE_LINES

MakeEffect = Callable[..., EffectRow]
AFTER = "effect after settling-in"
ENDS = ("", "_lower", "_upper")
ALL = [
    "pilot-forest",
    "shrinkage",
    "by-prior",
    "changes",
    "prior-grid",
    "arm-years",
    "tipping",
]


def texts(drawing: Drawing) -> str:
    """All that is written on a figure, line breaks taken out."""
    found = [text.get_text() for text in drawing.figure.findobj(Text)]
    return " ".join(" ".join(found).split())


def named(drawn: tuple[Drawing, ...]) -> dict[str, Drawing]:
    return {drawing.name: drawing for drawing in drawn}


def without_rows(run: Run, *kept: type) -> Run:
    return replace(run, sensitivity=(), beside={kind: run.rows(kind) for kind in kept})


def with_effects(run: Run, rows: list[EffectRow]) -> Run:
    effects = tuple(replace(row, evidence="synthetic") for row in rows)
    return replace(without_rows(run), effects=effects)


def test_a_hierarchical_run_has_the_figures_it_has_rows_for(hierarchical_run: Run) -> None:
    assert list(named(drawings(hierarchical_run))) == ALL
    assert list(named(drawings(without_rows(hierarchical_run)))) == ["pilot-forest", "by-prior"]
    few = without_rows(hierarchical_run, ArmYearCheck, TippingRow)
    assert list(named(drawings(few))) == ["pilot-forest", "by-prior", "arm-years", "tipping"]


def test_a_title_is_what_was_found_and_what_is_shown_stands_below(hierarchical_run: Run) -> None:
    for drawing in drawings(hierarchical_run):
        assert drawing.canvas.subtitle
        assert ":" not in drawing.canvas.title.removeprefix("Simulated children: ")
    found = named(drawings(hierarchical_run))
    assert "inside their predictive intervals" in found["arm-years"].canvas.title
    below = found["arm-years"].canvas.subtitle
    assert below.startswith("The rate of each arm beside what the model predicts. ")
    assert found["by-prior"].canvas.subtitle == "The pooled effect under each prior"


def test_calendar_years_are_named_by_one_number(hierarchical_run: Run) -> None:
    analysis = hierarchical_run.analysis
    assert isinstance(analysis, HierarchicalAnalysis)
    rate = {"fitted": 0.3, "fitted_lower": 0.29, "fitted_upper": 0.31}
    expected = {f"{name}{end}": math.nan for name in ("counterfactual", "effect") for end in ENDS}
    rows = tuple(
        YearlyRateRow(
            year=year,
            period="pre",
            **of_effect(AFTER),
            prior="reference",
            pilots=4,
            observed=0.3,
            comparators=math.nan if year == 2014 else 0.3,
            level=0.9,
            interval="eti",
            **rate,
            **expected,
        )
        for year in (2014, 2015, 2016)
    )
    run = replace(hierarchical_run, beside={**hierarchical_run.beside, YearlyRateRow: rows})
    for begins, name, kind in (
        (None, "2015/16", "Financial year from"),
        (1, "2015", "Calendar year"),
    ):
        records = replace(analysis.children.records, year_begins=begins)
        children = replace(analysis.children, records=records)
        own = replace(run, analysis=replace(analysis, children=children))
        found = named(drawings(own))
        for figure in ("yearly-rates", "arm-years"):
            said = found[figure].figure
            said.draw_without_rendering()
            written = [text.get_text() for text in said.findobj(Text)]
            assert name in written
            assert any("/1" in text for text in written) == (begins is None)
        assert ("2014/15" in found["yearly-rates"].alt) == (begins is None)
        headings = [column.heading for column in arm_years_table(own).columns]
        assert any(heading.startswith(kind) for heading in headings)


def test_no_effects_and_no_rows_are_no_figures(hierarchical_run: Run) -> None:
    assert drawings(with_effects(hierarchical_run, [])) == ()


def test_every_figure_says_that_its_children_are_simulated(hierarchical_run: Run) -> None:
    for drawing in drawings(hierarchical_run):
        assert EVIDENCE_LINES["synthetic"] in texts(drawing), drawing.name
        assert drawing.figure.texts[0].get_text().startswith("Simulated children"), drawing.name
        assert drawing.alt.endswith("The children are simulated."), drawing.name


def of_records(run: Run) -> Run:
    changed = run.sensitivity
    rows = tuple(replace(row, evidence="records") for row in run.effects)
    changes = tuple(replace(row, evidence="records") for row in changed)
    return replace(run, evidence="records", effects=rows, sensitivity=changes)


def test_no_figure_of_records_says_so(hierarchical_run: Run) -> None:
    for drawing in drawings(of_records(hierarchical_run)):
        assert EVIDENCE_LINES["records"] in texts(drawing), drawing.name
        assert "imulated" not in texts(drawing) + drawing.alt, drawing.name


def test_every_figure_of_a_refused_run_is_marked(hierarchical_run: Run) -> None:
    run, status = hierarchical_run, "not converged"
    changed = run.sensitivity
    changes = tuple(replace(row, status=status) for row in changed)
    refused = replace(
        run,
        status=status,
        effects=tuple(replace(row, status=status) for row in run.effects),
        sensitivity=changes,
    )
    for drawing in drawings(refused):
        assert "NOT CONVERGED" in texts(drawing), drawing.name
        assert drawing.alt.startswith("Not converged"), drawing.name


def test_figures_are_of_risks_and_of_the_first_prior(hierarchical_run: Run) -> None:
    found = named(drawings(hierarchical_run))
    forest = found["pilot-forest"].data[1]
    assert len(forest) == 6
    for name in ("pilot-forest", "changes", "prior-grid"):
        rows = found[name].data[1]
        assert {(row.scale, row.prior) for row in rows} == {("risk", "reference")}, name
    assert [row.prior for row in found["by-prior"].data[1]] == ["reference", "sceptical"]
    assert {row.scale for row in found["shrinkage"].data[1]} == {"risk"}
    assert {row.kind for row in found["arm-years"].data[1]} == {"posterior"}
    assert {row.target for row in found["tipping"].data[1]} == {"pooled"}


def test_a_prior_grid_stands_apart_from_other_changes(hierarchical_run: Run) -> None:
    found = named(drawings(hierarchical_run))
    changes = [str(row.variant) for row in found["changes"].data[1]]
    grid = [str(row.variant) for row in found["prior-grid"].data[1]]
    assert changes[0] == "the regression itself"
    assert changes[-1] == grid[-1] == "main"
    assert grid[:2] == ["authority sd × 0.5", "authority sd × 2"]
    assert not any("×" in variant for variant in changes)
    assert len(changes) == 10


def test_what_is_counted_is_in_words(hierarchical_run: Run) -> None:
    shown = texts(named(drawings(hierarchical_run))["arm-years"])
    assert "Initial child protection conferences per 100 referrals" in shown


# --------------------------------------------------------------- other columns of the tables


@pytest.fixture
def by_year(hierarchical_run: Run, effect: MakeEffect) -> Run:
    """Leads and lags: the effect after settling-in, and that of each year."""
    rows = [effect("pooled", 0.012, 0.02), effect("Ashmere", 0.01, 0.03)]
    rows += [
        effect("pooled", 0.004 * year, 0.02, **of_effect(f"effect in year {year:+d}"))
        for year in (-3, -2, 0, 1, 2)
    ]
    changes = tuple(replace(row, **of_fit("no shocks")) for row in rows)
    return replace(with_effects(hierarchical_run, rows), sensitivity=changes)


def test_years_have_an_event_study(by_year: Run) -> None:
    found = named(drawings(by_year))
    assert list(found) == ["pilot-forest", "event-study", "changes"]
    assert [str(row.estimand)[-2:] for row in found["event-study"].data[1]] == [
        *("-3", "-2", "+0", "+1", "+2")
    ]
    assert "before and after settling-in" in texts(found["event-study"])
    assert len(found["pilot-forest"].data[1]) == 2
    assert {str(row.estimand) for row in found["changes"].data[1]} == {AFTER}


def test_lagged_treatment_has_years_after_only(by_year: Run) -> None:
    kept = tuple(row for row in by_year.effects if "year -" not in str(row.estimand))
    study = named(drawings(replace(by_year, effects=kept)))["event-study"]
    assert "Effect by year after settling-in" in texts(study)


def test_each_kind_of_comparator_has_its_figures(hierarchical_run: Run, effect: MakeEffect) -> None:
    kinds = (
        "effect against comparators with a similar practice model",
        "effect against other comparators",
    )
    rows = [
        effect(target, 0.01 * i, 0.03, **of_effect(kind), prior=prior)
        for prior in ("reference", "sceptical")
        for kind in kinds
        for i, target in enumerate(("pooled", "new authority", "Ashmere"))
    ]
    run = with_effects(hierarchical_run, rows)
    changes = tuple(
        replace(row, **of_fit("no shocks"), evidence="synthetic")
        for row in rows
        if row.target == "pooled"
    )
    run = replace(run, sensitivity=changes)
    found = named(drawings(run))
    assert list(found) == [
        *("pilot-forest", "pilot-forest-2", "effects", "by-prior", "changes", "changes-2")
    ]
    assert "Effect against other comparators, pilot by pilot" in texts(found["pilot-forest-2"])
    assert len(found["by-prior"].data[1]) == 4


def test_ratings_stand_beside_each_other(hierarchical_run: Run, effect: MakeEffect) -> None:
    names = [AFTER, *(f"effect at an Ofsted rating of {rating}" for rating in (2, 3, 4))]
    rows = [effect("pooled", 0.01, 0.03, **of_effect(name)) for name in names]
    found = named(drawings(with_effects(hierarchical_run, rows)))
    assert list(found) == ["effects"]
    assert "effect at an Ofsted rating of 4" in texts(found["effects"])


def test_a_score_per_unit_is_not_among_effects(hierarchical_run: Run, effect: MakeEffect) -> None:
    names = (AFTER, "effect per unit of the score")
    rows = [effect("pooled", 0.01, 0.03, **of_effect(name)) for name in names]
    assert drawings(with_effects(hierarchical_run, rows)) == ()


def test_tipping_of_log_odds(hierarchical_run: Run) -> None:
    beside = {
        kind: tuple(replace(row, scale="log-odds") for row in hierarchical_run.rows(kind))
        for kind in (TippingRow, TippingPoint)
    }
    found = named(drawings(replace(hierarchical_run, sensitivity=(), beside=beside)))["tipping"]
    assert "after settling-in, log-odds" in texts(found)
    assert "50% at +0.01" in texts(found)
    assert " pp" not in texts(found)
