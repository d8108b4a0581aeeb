"""Runs and audit → figures: which, of which rows, under which names and marks."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from matplotlib.text import Text
from tests.rows import of_effect, of_fit

from sofs_bayes.estimands import EffectRow
from sofs_bayes.published.audit import audit
from sofs_bayes.reporting.figures import Drawing
from sofs_bayes.reporting.pictures import brackets, comparison, drawings
from sofs_bayes.reporting.run_folder import Run
from sofs_bayes.reporting.tables import EVIDENCE_LINES
from sofs_bayes.spec.outcomes import COUNTED, column_in_words

MakeEffect = Callable[..., EffectRow]


def texts(drawing: Drawing) -> str:
    """All that is written on a figure, line breaks taken out."""
    found = [text.get_text() for text in drawing.figure.findobj(Text)]
    return " ".join(" ".join(found).split())


def named(drawn: tuple[Drawing, ...]) -> dict[str, Drawing]:
    return {drawing.name: drawing for drawing in drawn}


def test_a_run_of_open_data_has_those_its_rows_allow(open_run: Run) -> None:
    assert list(named(drawings(open_run))) == [
        "yearly-rates",
        "pilot-forest",
        "event-study",
        "by-prior",
        "changes",
        "predictive",
    ]


def test_a_run_of_print_has_its_densities(printed_run: Run) -> None:
    found = named(drawings(printed_run))
    assert list(found) == ["prior-posterior", "by-prior"]
    assert "ICPC: prior and posterior" in texts(found["prior-posterior"])
    assert "reference: clustered" in texts(found["by-prior"])


def test_changed_assumptions_have_a_figure_for_each_reading(printed_run: Run) -> None:
    kind, (row, *_) = printed_run.extra["sensitivity"]
    rows = tuple(
        replace(row, prior=prior, **of_fit(f"{reading}; {change}"), median=median)
        for reading in ("clustered", "naive")
        for prior in ("reference", "sceptical")
        for change, median in (("as specified", 0.01), ("critical values t(10)", 0.02))
    )
    run = replace(printed_run, extra={**printed_run.extra, "sensitivity": (kind, rows)})
    found = named(drawings(run))
    assert [name for name in found if name.startswith("sensitivity")] == [
        "sensitivity",
        "sensitivity-2",
    ]
    for name, reading in (("sensitivity", "clustered"), ("sensitivity-2", "naive")):
        assert f"({reading})" in texts(found[name])
        assert "critical values t(10)" in texts(found[name])
        assert {row.prior for row in found[name].data[1]} == {"reference"}
        assert [row.median for row in found[name].data[1]] == [0.01, 0.02]


def test_every_figure_names_its_evidence(open_run: Run, printed_run: Run) -> None:
    for run in (open_run, printed_run):
        for drawing in drawings(run):
            assert EVIDENCE_LINES[run.evidence] in texts(drawing), drawing.name
    both = texts(comparison([printed_run, open_run]))
    assert all(EVIDENCE_LINES[run.evidence] in both for run in (open_run, printed_run))


def test_every_figure_of_a_refused_run_is_marked(open_run: Run, printed_run: Run) -> None:
    for run in (open_run, printed_run):
        rows = tuple(replace(row, status="not converged") for row in run.effects)
        kind, changed = run.extra["sensitivity"]
        changes = (kind, tuple(replace(row, status="not converged") for row in changed))
        extra = {**run.extra, "sensitivity": changes}
        refused = replace(run, status="not converged", effects=rows, extra=extra)
        for drawing in drawings(refused):
            assert "NOT CONVERGED" in texts(drawing), drawing.name
            assert drawing.alt.startswith("Not converged"), drawing.name
        for drawing in drawings(run):
            assert "NOT CONVERGED" not in texts(drawing), drawing.name


def test_a_forest_is_of_the_first_prior_on_the_risk_scale(open_run: Run) -> None:
    found = named(drawings(open_run))
    main = found["pilot-forest"].data[1]
    assert {(row.prior, row.scale, str(row.variant)) for row in main} == {
        ("reference", "risk", "main")
    }
    assert {row.target for row in main} == {
        *("pooled", "new authority", "Ashmere", "Brackwater, City of", "Coldharbour")
    }
    by_year = found["event-study"].data[1]
    assert [str(row.estimand)[-2:] for row in by_year] == ["-2", "+0", "+1"]


def test_changes_stand_beside_the_unchanged_effect(open_run: Run) -> None:
    rows = named(drawings(open_run))["changes"].data[1]
    assert sorted(str(row.variant) for row in rows) == ["main", "with Dunmarsh", "without Ashmere"]
    kind, _ = open_run.extra["sensitivity"]
    unchanged = replace(open_run, extra={**open_run.extra, "sensitivity": (kind, ())})
    assert "changes" not in named(drawings(unchanged))


def test_what_is_counted_is_in_words(open_run: Run) -> None:
    assert column_in_words("ICPC_child") == "children with an initial conference"
    assert column_in_words("Section47_child") == "Section47_child"
    assert all(words == words.lower() for words in COUNTED.values())
    shown = texts(named(drawings(open_run))["yearly-rates"])
    assert "hildren with an initial conference" in shown


def test_a_comparison_has_a_line_per_run_and_reading(open_run: Run, printed_run: Run) -> None:
    drawing = comparison([printed_run, open_run])
    shown = texts(drawing)
    for line in ("icpc-printed: clustered", "icpc-printed: naive", "made-up"):
        assert line in shown
    assert [row.median for row in drawing.data[1]] == [0.03, 0.015, 0.012]
    one = tuple(row for row in printed_run.effects if str(row.variant) == "naive")
    shown = texts(comparison([replace(printed_run, effects=one), open_run]))
    assert "icpc-printed" in shown
    assert "icpc-printed: naive" not in shown


def test_runs_that_found_the_same_numbers_keep_their_names(open_run: Run) -> None:
    other = replace(
        open_run,
        analysis=replace(open_run.analysis, name="the-other"),
        effects=tuple(replace(row) for row in open_run.effects),
    )
    shown = texts(comparison([open_run, other]))
    assert "made-up" in shown
    assert "the-other" in shown


def test_refits_and_parts_have_no_line_in_a_comparison(open_run: Run, effect: MakeEffect) -> None:
    spread = effect("pooled", 0.1, 0.05, **of_effect("spread between pilots"))
    run = replace(open_run, effects=(*open_run.effects, spread))
    assert len(comparison([run]).data[1]) == 1


@pytest.mark.parametrize("status", ["converged", "not converged"])
def test_a_comparison_marks_the_line_that_did_not_converge(open_run: Run, status: str) -> None:
    rows = tuple(replace(row, status=status) for row in open_run.effects)
    other = replace(open_run, analysis=replace(open_run.analysis, name="other"), effects=rows)
    drawing = comparison([open_run, other])
    assert [row.status for row in drawing.data[1]] == ["converged", status]
    assert ("other: NOT CONVERGED" in texts(drawing)) == (status != "converged")


def test_brackets_are_of_pilot_and_effect_rows_and_of_all() -> None:
    found = audit()
    main, every = brackets(found)
    assert (main.name, every.name) == ("audit-brackets", "audit-brackets-all")
    assert len(every.data[1]) == len(found.brackets)
    rows = {row.row for row in main.data[1]}
    assert rows
    assert all(row.startswith(("Pilot", "DiD")) for row in rows)
