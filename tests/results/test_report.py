"""The page in words: sentences made from numbers, and text that stays text."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sofs_bayes.estimands import EffectRow, ProbabilityRow
from sofs_bayes.matching.choice import Match, PreTrendRow
from sofs_bayes.pages.page import write_page
from sofs_bayes.pages.report_page import report_page
from sofs_bayes.pages.run_parts import run_parts
from sofs_bayes.pages.words import effect_sentence
from sofs_bayes.published.audit import audit
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import OpenAnalysis
from sofs_bayes.spec.keys import OTHER
from sofs_bayes.tables.contents import effects_table, rows_taken

MakeEffect = Callable[..., EffectRow]
MakeChances = Callable[..., tuple[ProbabilityRow, ...]]
VERSIONS = {"python": "3.12", "sofs-bayes": "0.1.0"}


def pooled(run: Run, prior: str = "reference") -> EffectRow:
    return next(
        row
        for row in run.effects
        if (row.target, row.scale, row.prior) == ("pooled", "risk", prior)
    )


@pytest.fixture
def _no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures take seconds to save, and what is looked at here is text."""
    monkeypatch.setattr("sofs_bayes.pages.figure_files.save", lambda *_: None)
    monkeypatch.setattr("sofs_bayes.pages.figure_files._embedded", lambda *_: "data:image/png")


def written(folder: Path, *runs: Run) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    write_page(folder, report_page(runs, audit=audit(), versions=VERSIONS))
    page = (folder / "index.html").read_text(encoding="utf-8")
    return re.sub(r"base64,[A-Za-z0-9+/=]*", "", page)


# ------------------------------------------------------------------------ effect_sentence


def test_an_effect_in_words(open_run: Run) -> None:
    assert effect_sentence(open_run, pooled(open_run)) == (
        "Median +1.2 percentage points; 90% credible interval −1.1 to +3.5"
        " (reference prior). Probability of an increase: 0.10; of a change within ±1 points:"
        " 0.30."
    )


def test_narrow_effects_have_two_decimals(open_run: Run, effect: MakeEffect) -> None:
    sentence = effect_sentence(open_run, effect("pooled", -0.0012, 0.004))
    assert "Median −0.12 percentage points" in sentence
    assert "credible interval −0.52 to +0.28" in sentence


@pytest.mark.parametrize(
    ("scale", "words"),
    [
        ("odds ratio", "Median 1.10 odds ratio; 90% credible interval 0.90 to 1.30"),
        ("log-odds", "Median +1.10 log-odds; 90%"),
    ],
)
def test_other_scales_have_their_own_unit(
    open_run: Run, effect: MakeEffect, scale: str, words: str
) -> None:
    assert effect_sentence(open_run, effect("pooled", 1.1, 0.2, scale=scale)).startswith(words)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"above 0 pp": 0.7}, " Probability of an increase: 0.70."),
        ({"below 0 pp": 0.3}, " Probability of a decrease: 0.30."),
        ({"below 0 pp": 0.3, "above 0 pp": 0.7}, " Probability of an increase: 0.70."),
        ({"above 0 (log-odds)": 0.999}, " Probability of an increase: >0.99."),
        ({"above 1 (odds ratio)": 0.001}, " Probability of an increase: <0.01."),
        ({"above 0 pp": 0.7, "above 0 (log-odds)": 0.69}, " Probability of an increase: 0.70."),
        (
            {"within -2 pp to 2 pp": 0.5, "above 0 pp": 0.7},
            " Probability of an increase: 0.70; of a change within ±2 points: 0.50.",
        ),
        ({"above 1 pp": 0.4, "below -1 pp": 0.1}, ""),
        ({}, ""),
    ],
)
def test_the_probabilities_said_are_of_direction_and_smallness(
    open_run: Run, effect: MakeEffect, chances: MakeChances, said: dict[str, float], words: str
) -> None:
    row = effect("pooled", 0.012, 0.023)
    run = replace(open_run, effects=(row,), probabilities=chances(row, said))
    assert effect_sentence(run, row).endswith(f"(reference prior).{words}")


def test_direction_is_said_from_any_scale_smallness_from_the_effects_own(
    open_run: Run, effect: MakeEffect, chances: MakeChances
) -> None:
    risk, logit = effect("pooled", 0.01, 0.03), effect("pooled", 0.1, 0.3, scale="log-odds")
    run = replace(
        open_run,
        effects=(risk, logit),
        probabilities=(
            *chances(logit, {"above 0 (log-odds)": 0.8, "within -0.1 to 0.1 (log-odds)": 0.6}),
            *chances(risk, {"within -1 pp to 1 pp": 0.4}),
        ),
    )
    assert effect_sentence(run, risk).endswith(
        " Probability of an increase: 0.80; of a change within ±1 points: 0.40."
    )


@pytest.mark.parametrize(
    "other",
    [{"target": "another"}, {"prior": "another"}, {"kind": "no shocks"}, {"role": OTHER}],
    ids=str,
)
def test_probabilities_of_another_effect_are_not_said(
    open_run: Run, effect: MakeEffect, chances: MakeChances, other: dict[str, Any]
) -> None:
    row = effect("pooled", 0.01, 0.03)
    elsewhere = replace(row, **other)
    run = replace(open_run, probabilities=chances(elsewhere, {"above 0 pp": 0.7}))
    assert "Probability" not in effect_sentence(run, row)


def test_what_did_not_converge_says_so_last(open_run: Run) -> None:
    row = replace(pooled(open_run), status="not converged")
    assert effect_sentence(open_run, row).endswith(". NOT CONVERGED. Not to be used.")


@given(median=st.floats(-0.3, 0.3), half=st.floats(0.0, 0.3), level=st.floats(0.5, 0.99))
def test_any_effect_can_be_said(open_run: Run, median: float, half: float, level: float) -> None:
    row = replace(
        pooled(open_run), median=median, lower=median - half, upper=median + half, level=level
    )
    sentence = effect_sentence(open_run, row)
    numbers = [float(x.replace("−", "-")) for x in re.findall(r"[+−]\d+\.\d+", sentence)]
    assert len(numbers) == 3
    assert numbers[1] <= numbers[0] <= numbers[2]
    assert numbers[0] == pytest.approx(100 * median, abs=0.0501)


# ------------------------------------------------------------------------------- the page


@pytest.fixture(scope="module")
def page(printed_run: Run, open_run: Run, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of both runs made by hand, without its pictures' bytes."""
    return written(tmp_path_factory.mktemp("page"), printed_run, open_run)


def test_the_answer_is_a_range_over_readings_under_the_first_prior(page: str) -> None:
    answer = page[page.index('id="answer"') : page.index('id="outcome-icpc-printed"')]
    assert (
        "The published tables: 1.5 more to 3.0 more per 100 referrals, whichever way the printed"
        " stars are read; the widest 90% credible interval is"
    ) in answer
    assert "Real authorities: 1.2 more per 100 children starting to be in need (90% credible" in (
        answer
    )
    assert "sceptical" not in answer
    outcome = page[page.index('id="outcome-icpc-printed"') : page.index('id="holds-together"')]
    assert (
        "What a break in recording does: with Dunmarsh, the median is +3.0 percentage points"
        " (+1.0 to +5.0). Its only year before was recorded at a quarter."
    ) in outcome


@pytest.mark.usefixtures("_no_pictures")
def test_a_break_whose_refit_did_not_converge_says_so(
    open_run: Run, printed_run: Run, tmp_path: Path
) -> None:
    rows = open_run.sensitivity
    refused = tuple(replace(row, status="not converged") for row in rows)
    run = replace(open_run, sensitivity=refused)
    assert "(+1.0 to +5.0). NOT CONVERGED. Its only year" in written(tmp_path, printed_run, run)


def test_numbers_below_zero_have_a_minus_sign_and_names_their_hyphen(page: str) -> None:
    assert "of a change within ±1 points: 0.30" in page
    assert 'href="#holds-together"' in page
    assert "icpc-printed" in page
    prose = " ".join(re.findall(r"<(?:p|li)>([^<]*)<", page))
    assert len(prose) > 3000
    assert not re.search(r"(?<![\w.–-])-\d", prose)


def test_which_rows_were_taken_is_said_once(open_run: Run, printed_run: Run) -> None:
    where = {"population_type": "Children starting", "age": "Total"}
    analysis = open_run.analysis
    assert isinstance(analysis, OpenAnalysis)
    run = replace(open_run, analysis=replace(analysis, data=replace(analysis.data, where=where)))
    said = (
        "Counted are only the rows of the files in which population_type is “Children starting”"
        " and age is “Total”."
    )
    parts = [text for part in run_parts(run) for text in part.paragraphs]
    assert parts.count(said) == 1
    assert effects_table(run, scale="risk").notes.count(said) == 1
    assert rows_taken(open_run.analysis) == rows_taken(printed_run.analysis) == []


def test_a_caption_says_whose_figure_it_is_and_what_it_shows(hierarchical_run: Run) -> None:
    captions = [text for part in run_parts(hierarchical_run) for text in part.captions.values()]
    assert "icpc-linear. The pooled effect under each prior." in captions
    assert len(captions) == len(set(captions)) > 3


def test_how_the_pilots_were_compared_is_said(page: str) -> None:
    assert (
        "Counted are children with an initial conference among children starting to be in need,"
        " 2012/13 to 2018/19. All that are whole, of which there are few."
    ) in page
    assert (
        "Before settling-in, pilots and comparators differ in trend by 0.012 on log-odds (root"
        " mean square), against 0.046 with all eligible authorities."
    ) in page


@pytest.mark.usefixtures("_no_pictures")
def test_a_trend_that_does_not_exist_is_not_spoken_of(
    open_run: Run, printed_run: Run, tmp_path: Path
) -> None:
    rows = open_run.rows(PreTrendRow)
    for gaps in ((), tuple(replace(row, trend_gap=float("nan")) for row in rows)):
        run = replace(open_run, beside={**open_run.beside, PreTrendRow: gaps})
        page = written(tmp_path / str(len(gaps)), printed_run, run)
        assert "differ in trend" not in page
        assert "nan" not in re.sub(r"<[^>]*>", " ", page).lower().split()


@pytest.mark.usefixtures("_no_pictures")
def test_text_stays_text(open_run: Run, printed_run: Run, tmp_path: Path) -> None:
    nasty = "<b>\"Bold\" & 'brash'</b>"
    runs = [
        replace(run, analysis=replace(run.analysis, title=nasty, why=nasty))
        for run in (printed_run, open_run)
    ]
    page = written(tmp_path, *runs)
    assert "<b>" not in page
    assert page.count("&lt;b&gt;") > 4


def test_tables_nobody_has_rows_for_are_left_out(page: str, open_run: Run) -> None:
    assert "not among the comparators (1 row)" in page
    assert "comparators by pre-trend" in page
    assert len(open_run.rows(Match)) == 1


def test_provenance_names_analyses_inputs_and_versions(page: str) -> None:
    assert re.search(r"Analysis made-up: SHA-256 [0-9a-f]{64}", page)
    assert re.search(r"Input conferences\.csv: SHA-256 [0-9a-f]{64}", page)
    assert "Versions: python 3.12, sofs-bayes 0.1.0" in page
