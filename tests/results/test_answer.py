"""The answer in words: sizes, directions, what is settled, priors beside real moves; its figure."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from matplotlib.text import Text

from sofs_bayes.estimands import EffectRow, ProbabilityRow
from sofs_bayes.estimands.conversions import as_odds_ratio, probability_below
from sofs_bayes.figures.answer import sources_figure
from sofs_bayes.pages.answer import (
    Unit,
    answer_drawing,
    answer_part,
    changes_sentence,
    direction_sentence,
    outcome_parts,
    published_sentence,
    settled_sentence,
    shock_sentences,
    size_sentence,
)
from sofs_bayes.pages.page import Page, Part, page_tables
from sofs_bayes.pages.report_page import question_of, report_page
from sofs_bayes.pages.words import outcome_of, result_sentence
from sofs_bayes.pipeline.from_print import from_print
from sofs_bayes.published.audit import audit
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import (
    Exponential,
    HalfNormal,
    OpenAnalysis,
    PrintedAnalysis,
    check_name,
    load,
)
from sofs_bayes.spec.keys import BETWEEN_YEARS
from sofs_bayes.spec.outcomes import OwnOutcome
from sofs_bayes.spec.study import words_of as words_of_study

MakeEffect = Callable[..., EffectRow]
MakeChances = Callable[..., tuple[ProbabilityRow, ...]]
WHY = "made up for a test"
MOST_WORDS = 3000


def with_answer(run: Run, row: EffectRow, probability: float, chances: MakeChances) -> Run:
    """The run with one pooled effect and its probability of an increase."""
    said: Mapping[str, float] = {"above 0 pp": probability}
    return replace(run, effects=(row,), probabilities=chances(row, dict(said)))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.033, "3.3 more"),
        (-0.018, "1.8 fewer"),
        (0.0001, "no more"),
        (-0.0001, "no more"),
        (0.123, "12 more"),
    ],
)
def test_changes_are_told_as_more_or_fewer(value: float, said: str) -> None:
    assert Unit(factor=100.0, per="100", whom="referrals").more(value) == said


def test_size_direction_and_what_is_settled(
    open_run: Run, effect: MakeEffect, chances: MakeChances
) -> None:
    unsure = with_answer(open_run, effect("pooled", 0.012, 0.023), 0.8, chances)
    assert size_sentence(unsure) == (
        "1.2 more per 100 children starting to be in need (90% credible interval 1.1 fewer to 3.5"
        " more)."
    )
    assert direction_sentence(unsure) == "An increase has a probability of 80%."
    assert settled_sentence([unsure], "the rate") == (
        "This cannot tell whether the rate rose or fell, nor a small effect from none."
    )
    sure = with_answer(open_run, effect("pooled", 0.05, 0.02), 0.99, chances)
    assert settled_sentence([sure], "the rate") == (
        "This leaves little doubt that the rate rose against the comparators."
    )
    fallen = with_answer(open_run, effect("pooled", -0.05, 0.02), 0.01, chances)
    assert settled_sentence([fallen, fallen], "the rate") == (
        "All leave little doubt that the rate fell against the comparators."
    )
    assert "differ in how sure" in settled_sentence([sure, unsure], "the rate")
    assert settled_sentence([unsure, unsure], "it").startswith("Neither can tell whether it rose")


def test_what_was_refused_settles_nothing(
    open_run: Run, effect: MakeEffect, chances: MakeChances
) -> None:
    sure = with_answer(open_run, effect("pooled", 0.05, 0.02), 0.99, chances)
    refused = replace(sure, status="not converged")
    assert settled_sentence([refused], "the rate") == ""
    unsure = with_answer(open_run, effect("pooled", 0.012, 0.023), 0.8, chances)
    assert settled_sentence([refused, unsure], "it").startswith("This cannot tell")


def test_an_outcome_in_free_words_is_no_file_name(open_run: Run) -> None:
    free = replace(open_run, analysis=replace(open_run.analysis, outcome="../a plan / <b>"))
    [part] = outcome_parts([free], [])
    for name in (part.anchor, *(table.name for table in part.tables)):
        check_name("page", "name", name)


def test_small_changes_are_told_per_1000(
    open_run: Run, effect: MakeEffect, chances: MakeChances
) -> None:
    run = with_answer(open_run, effect("pooled", 0.0012, 0.003), 0.7, chances)
    assert size_sentence(run).startswith("1.2 more per 1,000 children starting to be in need")


def test_what_did_not_converge_is_no_answer(open_run: Run) -> None:
    refused = replace(open_run, status="not converged")
    assert size_sentence(refused).endswith("NOT CONVERGED: not to be used.")


def test_readings_of_print_are_a_range(printed_run: Run) -> None:
    said = size_sentence(printed_run)
    assert re.match(r"1\.5 more to 3\.0 more per 100 referrals, whichever way", said)
    assert "the widest 90% credible interval is" in said


def test_the_printed_effect_is_quoted_as_printed() -> None:
    icpc, cla = load("icpc-printed"), load("cla-printed")
    assert isinstance(icpc, PrintedAnalysis)
    assert isinstance(cla, PrintedAnalysis)
    assert published_sentence(icpc) == (
        "A difference-in-differences of 0.0407 on the risk (Table 5, linear model; no star: not"
        " significant). No standard error is printed."
    )
    assert " on log-odds (Table 7, " in published_sentence(cla)


def test_an_outcome_in_units_is_told_in_its_units() -> None:
    run = from_print(
        did="−3.21**",
        did_se="(1.45)",
        pilots=6,
        comparators=14,
        scale="units",
        unit="days per 1,000 workers",
        authority_sd=8.0,
        outcome="days lost to strikes",
    )
    assert re.fullmatch(
        r"−3\.1\d days per 1,000 workers \(90% credible interval −5\.9\d to −0\.40\)\.",
        size_sentence(run),
    )
    assert isinstance(run.analysis, PrintedAnalysis)
    assert "; standard error 1.45)." in published_sentence(run.analysis)
    assert "days per 1,000 workers, in place of −3.1" in changes_sentence(run)
    [part] = outcome_parts([run], [])
    [table] = part.tables
    assert [row[0] for row in table.rows] == ["The published tables, days per 1,000 workers"]
    assert question_of([run.analysis])[1] == "Did the programme change days lost to strikes?"
    named = replace(run.analysis, intervention="the new shift pattern")
    asked = "Did the new shift pattern change days lost to strikes?"
    assert question_of([named])[1] == asked
    assert result_sentence(run, run.effects[0]).startswith("Effect on days lost to strikes. ")


def test_counts_of_another_study_are_not_of_children(open_run: Run) -> None:
    assert isinstance(open_run.analysis, OpenAnalysis)
    words = OwnOutcome(
        name="exclusion", plural="exclusions from school", unit="pupils who were excluded"
    )
    counts = replace(open_run.analysis.data, events="n_excluded", denominator="pupils")
    own = replace(open_run, analysis=replace(open_run.analysis, outcome=words, data=counts))
    assert size_sentence(own).startswith("1.2 more per 100 pupils (")
    assert words_of_study(own.analysis).whom == "pupils"
    assert words_of_study(open_run.analysis).whom == "children"
    assert outcome_of(own) == "the rate of pupils who were excluded"
    drawing = answer_drawing([own], [])
    assert drawing is not None
    shown = " ".join(text.get_text() for text in drawing.figure.findobj(Text))
    assert "children" not in shown
    bundled = answer_drawing([open_run], [])
    assert bundled is not None
    shown = " ".join(text.get_text() for text in bundled.figure.findobj(Text))
    assert "fewer children" in shown


def test_the_change_that_moves_most_is_named(open_run: Run) -> None:
    assert changes_sentence(open_run).startswith("of ")
    none = replace(open_run, sensitivity=())
    assert changes_sentence(none) == ""


# ------------------------------------------------------------------- priors of moves


@pytest.mark.parametrize(
    ("prior", "expected"),
    [
        (HalfNormal(scale=0.25, why=WHY), math.erf(0.25 / 0.25 / math.sqrt(2))),
        (Exponential(mean=0.25, why=WHY), 1 - math.exp(-1.0)),
    ],
)
def test_a_move_has_its_place_in_a_prior(prior: Any, expected: float) -> None:
    assert probability_below(prior, 0.25) == pytest.approx(expected)
    assert probability_below(prior, 0.0) == pytest.approx(0.0)


def test_real_moves_stand_beside_the_prior_of_a_childrens_model(
    open_run: Run, hierarchical_run: Run, effect: MakeEffect
) -> None:
    moved = replace(
        effect("pooled", 0.3, 0.05, scale="log-odds"), role=BETWEEN_YEARS, evidence="open-data"
    )
    counted = replace(open_run, effects=(*open_run.effects, moved))
    [said] = shock_sentences([counted, hierarchical_run])
    assert said.startswith("Real authorities move by 0.30 on log-odds")
    assert f"the prior of {hierarchical_run.analysis.name} gives smaller moves" in said
    assert list(shock_sentences([open_run])) == []


# --------------------------------------------------------------------- parts and figure


def test_simulated_children_are_no_answer_beside_real_sources(
    printed_run: Run, hierarchical_run: Run
) -> None:
    part = answer_part([printed_run, hierarchical_run], [])
    told = " ".join(text for _, text in part.entries)
    assert "Simulated children:" not in told
    assert "their numbers say nothing about real people" in told
    assert part.evidence is None
    parts = list(outcome_parts([printed_run, hierarchical_run], []))
    headings = [heading for each in parts for heading, _ in each.entries]
    assert "What the records could show (simulated children)" in headings
    assert all(table.evidence != "synthetic" for each in parts for table in each.tables)


def test_simulated_children_alone_are_marked(hierarchical_run: Run) -> None:
    assert answer_part([hierarchical_run], []).evidence == "synthetic"
    [part] = outcome_parts([hierarchical_run], [])
    assert part.evidence == "synthetic"


def test_the_figure_has_a_line_for_each_source_and_says_what_they_allow(
    printed_run: Run, open_run: Run
) -> None:
    drawing = answer_drawing([printed_run, open_run], [])
    assert drawing is not None
    rows = drawing.data[1]
    assert [(row.source, row.evidence) for row in rows] == [
        ("The published tables", "published-inferred"),
        ("Real authorities", "open-data"),
    ]
    open_ended = all(row.lower < 1 < row.upper for row in rows)
    assert drawing.alt.startswith("No source settles") == open_ended
    shifted = [replace(row, lower=1.1, median=1.5, upper=2.0) for row in rows]
    assert sources_figure(shifted).alt.startswith("Every source settles a direction")
    mixed = [shifted[0], replace(rows[1], lower=0.8, median=1.0, upper=1.2)]
    assert sources_figure(mixed).alt.startswith("1 of 2 sources do not settle")


def test_the_figure_has_the_inner_half_of_each_interval(printed_run: Run, open_run: Run) -> None:
    drawing = answer_drawing([printed_run, open_run], [])
    assert drawing is not None
    assert drawing.canvas.subtitle.endswith("median and 90% credible interval")
    ratios = [
        replace(row, lower_50=1.05, upper_50=1.15) if row.scale == "odds ratio" else row
        for row in open_run.effects
    ]
    halved = answer_drawing([replace(open_run, effects=tuple(ratios))], [])
    assert halved is not None
    assert "(thick: 50%, thin: 90%)" in halved.canvas.subtitle
    assert [1.05, 1.15] in [list(line.get_xdata()) for line in halved.figure.axes[0].lines]  # type: ignore[arg-type]


def test_a_change_in_risk_has_its_inner_half_as_an_odds_ratio(effect: MakeEffect) -> None:
    row = effect("pooled", 0.1, 0.05, lower_50=0.08, upper_50=0.12)
    found = as_odds_ratio(row, 0.4)
    assert found.lower_50 == pytest.approx((0.48 / 0.52) / (0.4 / 0.6))
    assert found.upper_50 == pytest.approx((0.52 / 0.48) / (0.4 / 0.6))
    assert as_odds_ratio(replace(row, lower_50=None, upper_50=None), 0.4).lower_50 is None


def test_the_figure_marks_what_did_not_converge(printed_run: Run, open_run: Run) -> None:
    refused = replace(open_run, status="not converged")
    drawing = answer_drawing([printed_run, refused], [])
    assert drawing is not None
    shown = [text.get_text() for text in drawing.figure.findobj(Text)]
    assert any("Real authorities: NOT" in " ".join(text.split()) for text in shown)
    assert not any("tables: NOT" in " ".join(text.split()) for text in shown)
    alone = answer_drawing([refused], [])
    assert alone is not None
    assert alone.alt.startswith("No source has a result that can be used")


# ------------------------------------------------------------------------ what stands open


def words_of(part: Part) -> int:
    """Words of a part with its open tables; what is folded is for those who open it."""
    texts = [part.heading, *part.paragraphs, *part.bullets]
    texts += [text for entry in part.entries for text in entry]
    texts += [text for box in part.boxes for line in box.lines for text in line]
    texts += [str(cell) for table in part.tables for row in table.rows for cell in row]
    return sum(len(text.split()) for text in texts)


def open_words(page: Page) -> int:
    """Words outside annexes."""
    found, annex = 0, False
    for part in page.parts:
        annex = part.annex if part.level == 2 else annex
        found += 0 if annex else words_of(part)
    return found


def test_the_page_outside_annexes_is_short(
    printed_run: Run, open_run: Run, hierarchical_run: Run
) -> None:
    runs = [printed_run, open_run, hierarchical_run]
    page = report_page(runs, audit=audit(), versions={})
    assert 300 < open_words(page) <= MOST_WORDS
    opened = tuple(replace(part, annex=False) for part in page.parts)
    assert open_words(replace(page, parts=opened)) > open_words(page)
    assert len(page_tables(page)) > 10


def test_the_answer_comes_first(printed_run: Run, open_run: Run) -> None:
    page = report_page([printed_run, open_run], audit=audit(), versions={})
    assert page.parts[0].anchor == "answer"
    assert [part.annex for part in page.parts if part.level == 2].count(True) >= 4
