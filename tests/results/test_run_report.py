"""The report: whose numbers, marks on all that is made up, no verdict that was not asked for."""

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from sofs_bayes.estimands import EffectRow, ProbabilityRow
from sofs_bayes.estimands.rows import ThresholdRow
from sofs_bayes.pages.check_sentences import trust_sentences
from sofs_bayes.pages.explorer import explorer
from sofs_bayes.pages.page import SYNTHETIC, Page
from sofs_bayes.pages.report_page import report_page
from sofs_bayes.pages.words import answers, equivalence, result_sentence
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import Equivalence
from sofs_bayes.tables.formats import Table

pytestmark = pytest.mark.usefixtures("empty_pictures")

MakeChances = Callable[..., tuple[ProbabilityRow, ...]]
AFTER = "effect after settling-in"
VERDICTS = ("practically equivalent", "not equivalent", "undecided")
REGION = Equivalence(
    scale="risk", within=(-0.015, 0.015), why="Fewer than 15 in 1,000 referrals change no service."
)


class Fetched(HTMLParser):
    """What a page would fetch: sources, style sheets, and addresses in styles."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.ids: list[str] = []
        self.anchors: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("id"):
            self.ids.append(given["id"] or "")
        href = given.get("href") or ""
        if tag == "a" and href.startswith("#"):
            self.anchors.append(href[1:])
        elif tag != "a" and href:
            self.found.append(href)
        for name in ("src", "srcset", "data", "poster", "action"):
            value = given.get(name) or ""
            if value and not value.startswith("data:"):
                self.found.append(value)


def read(html: str) -> Fetched:
    parser = Fetched()
    parser.feed(html)
    styles = re.findall(r"url\(\s*['\"]?(?!data:)([^)]+)\)|@import[^;]+", html)
    parser.found += [str(each) for each in styles]
    return parser


@pytest.fixture(scope="module")
def html(report_folder: Path) -> str:
    return (report_folder / "index.html").read_text(encoding="utf-8")


@pytest.fixture
def page(reported_runs: tuple[Run, Run], monkeypatch: pytest.MonkeyPatch) -> Page:
    monkeypatch.setattr("sofs_bayes.pages.run_parts.drawings", lambda _: ())
    return report_page(reported_runs, versions={"sofs-bayes": "0.1.0"})


# ---------------------------------------------------------------------- nothing is fetched


def test_the_page_fetches_nothing(html: str) -> None:
    assert read(html).found == []
    assert re.findall('http-equiv="([^"]*)"', html) == ["Content-Security-Policy"]


def test_every_picture_has_a_narrow_one_for_telephones(html: str) -> None:
    assert (
        html.count("<img ")
        == len(re.findall('<source media="[(]max-width: 600px[)][^"]*" srcset="data:', html))
        > 0
    )


@pytest.mark.parametrize(
    "planted",
    [
        '<img src="https://example.org/x.png" alt="">',
        '<link rel="stylesheet" href="style.css">',
        "<style>body { background: url(https://example.org/x.png) }</style>",
        '<script src="//example.org/x.js"></script>',
    ],
)
def test_something_to_fetch_would_be_found(html: str, planted: str) -> None:
    assert read(html.replace("</main>", f"{planted}</main>")).found


def test_links_lead_somewhere_and_ids_are_unique(html: str) -> None:
    found = read(html)
    assert set(found.anchors) <= set(found.ids)
    assert len(found.ids) == len(set(found.ids))


# --------------------------------------------------------------------------- made up or not


def unmarked(page: Page) -> list[str]:
    """Names of the tables and parts that rest on simulated children and do not say so."""
    wrong = []
    for part in page.parts:
        explored = part.explorer.tables if part.explorer else ()
        tables: tuple[Table, ...] = (*part.tables, *part.folded, *explored)
        for table in tables:
            if table.evidence == "synthetic" and not table.caption.startswith(SYNTHETIC):
                wrong.append(table.name)
            if table.evidence == "synthetic" and part.evidence not in ("synthetic", None):
                wrong.append(part.anchor)
        for text in (*part.bullets, *(said for _, said in part.entries)):
            if part.evidence == "synthetic" and "Median" in text and "simulated" not in text:
                wrong.append(text)
    return wrong


def test_all_that_is_made_up_says_so(page: Page) -> None:
    assert unmarked(page) == []
    marked = [part for part in page.parts if part.evidence == "synthetic"]
    assert len(marked) >= 4


def test_a_table_without_its_mark_would_be_found(page: Page) -> None:
    parts = [part for part in page.parts if part.evidence == "synthetic" and part.folded]
    part = parts[0]
    bare = replace(part.folded[0], title="The pooled effect")
    changed = replace(part, folded=(bare,))
    parts_changed = tuple(changed if each is part else each for each in page.parts)
    assert unmarked(replace(page, parts=parts_changed)) == [bare.name]


def test_marks_are_seen_on_the_page(html: str) -> None:
    heading = re.search(r'<h3 id="icpc-linear">.*?</h3>', html)
    assert heading is not None
    assert '<span class="tag synthetic">Simulated</span>' in heading[0]
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", html)
    assert [caption.startswith(f"{SYNTHETIC}: Figure") for caption in captions] == [
        *(False, False, True)
    ]
    alts = re.findall(r'<img [^>]*alt="([^"]*)"', html)
    assert [alt.startswith(SYNTHETIC) for alt in alts] == [False, False, True]


def test_a_report_on_made_up_children_alone_says_so_in_its_title(
    reported_runs: tuple[Run, Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sofs_bayes.pages.run_parts.drawings", lambda _: ())
    page = report_page(reported_runs[1:], title="Ours", versions={})
    assert page.title == "Simulated children: Ours"


# ------------------------------------------------------------------- the table of thresholds


def test_the_table_has_what_the_rows_say(reported_runs: tuple[Run, Run]) -> None:
    found = explorer(reported_runs)
    assert found is not None
    table = found.tables[1]
    assert table.evidence == "synthetic"
    line = next(row for row in table.rows if row[1:3] == (AFTER, "sceptical"))
    keys = [column.key for column in table.columns]
    rows = {
        row.threshold: row.above
        for row in reported_runs[1].rows(ThresholdRow)
        if (row.target, row.prior) == ("pooled", "sceptical")
    }
    assert line[keys.index("above -2")] == pytest.approx(rows[-0.02])
    assert line[keys.index("above 5")] == pytest.approx(rows[0.05])


def test_all_pilots_together_come_first_whatever_reaches_further(
    reported_runs: tuple[Run, Run],
) -> None:
    run = reported_runs[1]
    rows = run.rows(ThresholdRow)
    further = tuple(
        replace(row, threshold=2 * row.threshold) if row.target == "new authority" else row
        for row in rows
    )
    found = explorer([replace(run, beside={**run.beside, ThresholdRow: further})])
    assert found is not None
    effects = found.analyses[0]["effects"]
    assert [each["key"] for each in effects] == [AFTER, f"{AFTER} in a new authority"]  # type: ignore[attr-defined]


def test_narrow_effects_have_finer_thresholds(reported_runs: tuple[Run, Run]) -> None:
    run = reported_runs[1]
    effects = tuple(
        replace(row, lower=-0.004, upper=0.006) if row.scale == "risk" else row
        for row in run.effects
    )
    found = explorer([replace(run, effects=effects)])
    assert found is not None
    assert "above 0.2" in [column.key for column in found.tables[0].columns]


def test_runs_without_thresholds_have_nothing_to_move(hierarchical_run: Run) -> None:
    assert explorer([hierarchical_run]) is None


# --------------------------------------------------------------------------------- sentences


def test_a_result_in_words(open_run: Run) -> None:
    (row,) = [row for row in answers(open_run) if str(row.estimand).startswith("effect after")]
    assert result_sentence(open_run, row) == (
        "Effect after settling-in on the rate of children with an initial conference. Median +1.2"
        " percentage points; 90% credible interval −1.1 to +3.5 (reference prior)."
        " Probability of an increase: 0.10; of a change within ±1 points: 0.30."
    )


def test_a_refused_result_says_so(open_run: Run) -> None:
    row = replace(answers(open_run)[0], status="not converged")
    assert "NOT CONVERGED" in result_sentence(open_run, row)


def test_a_fit_that_did_not_converge_is_counted_where_trust_is_told(open_run: Run) -> None:
    fits = open_run.diagnostics["fits"]
    missed = {name: {**fit, "status": "not converged"} for name, fit in fits.items()}
    refused = replace(open_run, diagnostics={**open_run.diagnostics, "fits": missed})
    assert any("sampling converged" in said for said in trust_sentences(open_run))
    first = f"sampling did NOT converge in {len(fits)} of {len(fits)} fits."
    assert next(iter(trust_sentences(refused))) == first


def test_a_refit_that_did_not_converge_leaves_the_main_fit_its_trust(open_run: Run) -> None:
    fits = dict(open_run.diagnostics["fits"])
    other = {**next(iter(fits.values())), "kind": "without", "status": "not converged"}
    fits["without Pilot 1 / reference"] = other
    near = replace(open_run, diagnostics={**open_run.diagnostics, "fits": fits})
    first = (
        f"sampling converged in the main fit and in {len(fits) - 2} of {len(fits) - 1} others; the"
        " table of diagnostics names the rest."
    )
    assert next(iter(trust_sentences(near))) == first


def test_without_a_declared_region_there_is_no_verdict(page: Page) -> None:
    said = " ".join(
        text
        for part in page.parts
        for text in (*part.paragraphs, *part.bullets, *(said for _, said in part.entries))
    ).lower()
    assert not [verdict for verdict in VERDICTS if verdict in said]


def declared(run: Run, probability: float, inside: float, chances: MakeChances) -> Run:
    """The run with a region, of the given probability under every prior."""
    region = replace(REGION, probability=probability)
    analysis = replace(run.analysis, estimands=replace(run.analysis.estimands, equivalence=region))
    said = {"within -1.5 pp to 1.5 pp": inside}
    rows = [row for row in run.effects if row.scale == "risk" and row.target == "pooled"]
    added = tuple(each for row in rows for each in chances(row, said))
    return replace(run, analysis=analysis, probabilities=(*run.probabilities, *added))


@pytest.mark.parametrize(
    ("inside", "verdict"),
    [(0.97, "practically equivalent"), (0.02, "not equivalent"), (0.5, "undecided")],
)
def test_a_declared_region_gives_a_verdict_and_its_reason(
    open_run: Run, chances: MakeChances, inside: float, verdict: str
) -> None:
    run = declared(open_run, 0.95, inside, chances)
    row: EffectRow = answers(run)[0]
    assert equivalence(run, row) == (verdict, inside)
    said = result_sentence(run, row)
    assert f"Verdict: {verdict}." in said
    assert "−1.5 to 1.5 percentage points" in said
    assert REGION.why in said
    others = set(VERDICTS) - {verdict}
    assert not [other for other in others if f"Verdict: {other}" in said]


def test_a_region_without_statement_is_read_off_the_thresholds(
    reported_runs: tuple[Run, Run],
) -> None:
    run = reported_runs[1]
    estimands = replace(run.analysis.estimands, equivalence=REGION)
    run = replace(run, analysis=replace(run.analysis, estimands=estimands))
    found = equivalence(run, answers(run)[0])
    assert found is not None
    rows = {
        row.threshold: row.above
        for row in run.rows(ThresholdRow)
        if (row.target, row.prior) == ("pooled", "reference")
    }
    assert found[1] == pytest.approx(rows[-0.015] - rows[0.015])
