"""Runs and audit → figures: which, of which rows, under which names and marks."""

from collections.abc import Callable
from dataclasses import replace

from matplotlib.text import Text
from tests.rows import of_fit

from sofs_bayes.estimands import EffectRow
from sofs_bayes.figures import Drawing, audit_brackets
from sofs_bayes.pages.answer import answer_drawing
from sofs_bayes.pages.pictures import brackets, drawings
from sofs_bayes.published.audit import audit
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec.outcomes import COUNTED, column_in_words
from sofs_bayes.tables.formats import EVIDENCE_LINES

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
    (row, *_) = printed_run.sensitivity
    rows = tuple(
        replace(row, prior=prior, **of_fit(f"{reading}; {change}"), median=median)
        for reading in ("clustered", "naive")
        for prior in ("reference", "sceptical")
        for change, median in (("as specified", 0.01), ("critical values t(10)", 0.02))
    )
    run = replace(printed_run, sensitivity=rows)
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
    both = answer_drawing([printed_run, open_run], [])
    assert both is not None
    for run in (open_run, printed_run):
        assert EVIDENCE_LINES[run.evidence] in texts(both)


def test_every_figure_of_a_refused_run_is_marked(open_run: Run, printed_run: Run) -> None:
    for run in (open_run, printed_run):
        rows = tuple(replace(row, status="not converged") for row in run.effects)
        changed = run.sensitivity
        changes = tuple(replace(row, status="not converged") for row in changed)
        refused = replace(run, status="not converged", effects=rows, sensitivity=changes)
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
    unchanged = replace(open_run, sensitivity=())
    assert "changes" not in named(drawings(unchanged))


def test_what_is_counted_is_in_words(open_run: Run) -> None:
    assert column_in_words("ICPC_child") == "children with an initial conference"
    assert column_in_words("Section47_child") == "Section47_child"
    assert all(words == words.lower() for words in COUNTED.values())
    shown = texts(named(drawings(open_run))["yearly-rates"])
    assert "hildren with an initial conference" in shown


def test_brackets_are_of_pilot_and_effect_rows_and_of_all() -> None:
    found = audit()
    main, every = brackets(found)
    assert (main.name, every.name) == ("audit-brackets", "audit-brackets-all")
    assert len(every.data[1]) == len(found.brackets)
    rows = {row.row for row in main.data[1]}
    assert rows
    assert all(row.startswith(("Pilot", "DiD")) for row in rows)
    above = [b for b in found.brackets if b.ratio_lower is not None and b.ratio_lower > 1]
    assert every.canvas.title.startswith(f"The stars of {len(above)} of ")
    assert every.canvas.subtitle == "Which standard errors do the printed stars allow?"
    lower = [replace(b, se_lower=0.0) for b in found.brackets]
    assert audit_brackets(lower, title="t").canvas.title.startswith("The stars of none of ")
