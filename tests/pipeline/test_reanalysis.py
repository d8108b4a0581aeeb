"""The main job in small: its page, folders and manifest, and how it stops and goes on."""

import csv
import functools
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from sofs_bayes import spec
from sofs_bayes.errors import BadInput
from sofs_bayes.pages.page import Page
from sofs_bayes.pages.report_page import report_page
from sofs_bayes.pipeline import did_fits, reanalysis
from sofs_bayes.pipeline.did_fits import Programs, fit_did
from sofs_bayes.pipeline.did_sources import Source
from sofs_bayes.pipeline.fits import save
from sofs_bayes.pipeline.print_fits import fit_printed
from sofs_bayes.pipeline.reanalysis import reanalyse
from sofs_bayes.runs.run_folder import Run, read
from sofs_bayes.tables.formats import EVIDENCE_LINES

pytestmark = pytest.mark.usefixtures("empty_pictures")

DFE = Path(__file__).parents[1] / "data" / "dfe"
FILES = sorted(DFE.glob("*.csv"))
VOID = {"meta", "img", "source", "br", "hr", "link", "input"}
MARK = "NOT CONVERGED"
MAIN_OPEN = "icpc-open-data"


# ------------------------------------------------------------------------------ the page


@dataclass(slots=True, kw_only=True)
class Found:
    """What a parser met on a page."""

    open_tags: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    captions: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Reader(HTMLParser):
    """Tags, texts, and whatever is not closed in the order in which it was opened."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found = Found()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.found.open_tags.append(tag)
        if tag == "caption":
            self.found.captions.append("")
        if (tag, ("class", "note")) == (tag, *[a for a in attrs if a == ("class", "note")]):
            self.found.notes.append("")

    def handle_endtag(self, tag: str) -> None:
        if not self.found.open_tags or self.found.open_tags.pop() != tag:
            self.found.faults.append(f"</{tag}> at {self.getpos()}")

    def handle_data(self, data: str) -> None:
        self.found.text.append(data)
        if self.found.open_tags[-1:] == ["caption"]:
            self.found.captions[-1] += data
        if self.found.notes and self.found.open_tags[-1:] == ["p"]:
            self.found.notes[-1] += data


def parsed(page: Path) -> Found:
    reader = Reader()
    reader.feed(page.read_text(encoding="utf-8"))
    reader.close()
    return reader.found


def values_of(found: Found, attribute: str) -> list[str]:
    return [attrs[attribute] or "" for _, attrs in found.tags if attribute in attrs]


def faults_of(found: Found) -> list[str]:
    """Whatever keeps a page from being valid, readable by ear, and complete by itself."""
    tags = [tag for tag, _ in found.tags]
    levels = [int(tag[1]) for tag in tags if re.fullmatch("h[1-6]", tag)]
    ids = values_of(found, "id")
    links = values_of(found, "href")
    images = [attrs for tag, attrs in found.tags if tag == "img"]
    checks = {
        "tags that do not match": found.faults or found.open_tags,
        "one h1": levels.count(1) != 1 or levels[0] != 1,
        "headings that skip": any(b - a > 1 for a, b in pairwise(levels)),
        "ids twice": len(set(ids)) != len(ids),
        "links astray": [x for x in links if not x.startswith("#") or x[1:] not in ids],
        "images without words": [a for a in images if not (a.get("alt") or "").strip()],
        "images elsewhere": [
            each
            for each in [*(a["src"] or "" for a in images), *values_of(found, "srcset")]
            if not each.startswith("data:image/png")
        ],
        "scripts or styles from elsewhere": {"link", "iframe", "object"} & set(tags)
        or [a for t, a in found.tags if t == "script" and "src" in a],
        "addresses": [
            t for t in found.text if re.search(r"https?://(?!www\.w3\.org/)|url\(|@import", t)
        ],
        "no language": next(a for t, a in found.tags if t == "html").get("lang") != "en-GB",
        "tables without a caption": tags.count("table") != len(found.captions),
        "empty captions": [c for c in found.captions if not c.strip()],
        "headers without scope": [a for t, a in found.tags if t == "th" and "scope" not in a],
    }
    return [name for name, wrong in checks.items() if wrong]


@pytest.mark.parametrize(
    ("edit", "fault"),
    [
        (lambda page: page.replace("</ul>", "", 1), "tags that do not match"),
        (lambda page: page.replace("<h3", "<h5").replace("</h3", "</h5"), "headings that skip"),
        (lambda page: page.replace('id="limits"', 'id="evidence"'), "ids twice"),
        (lambda page: page.replace('id="limits"', 'id="bounds"'), "links astray"),
        (lambda page: re.sub(r'alt="[^"]*"', 'alt=" "', page), "images without words"),
        (
            lambda page: page.replace('src="data:', 'src="figures/a.png" title="'),
            "images elsewhere",
        ),
        (lambda page: page.replace('srcset="data:', 'srcset="a.png" title="'), "images elsewhere"),
        (lambda page: page.replace("</main>", "http://example.org</main>"), "addresses"),
        (
            lambda page: page.replace("</head>", "<script src='x.js'></script></head>"),
            "scripts or styles",
        ),
    ],
)
def test_the_reader_of_pages_sees_faults(
    on_print: Path, tmp_path: Path, edit: Callable[[str], str], fault: str
) -> None:
    page = tmp_path / "index.html"
    page.write_text(edit((on_print / "index.html").read_text(encoding="utf-8")), encoding="utf-8")
    assert any(found.startswith(fault) for found in faults_of(parsed(page)))


# ------------------------------------------------------------- printed tables alone


@pytest.fixture(scope="module")
def on_print(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The re-analysis of the printed tables alone."""
    target = tmp_path_factory.mktemp("print") / "reanalysis"
    bundled = spec.bundled_models().items()
    printed = {name: path for name, path in bundled if spec.load(path).kind == "printed"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spec, "bundled_models", lambda: printed)
        assert reanalyse(target) == "converged"
    return target


def test_the_page_is_one_whole_valid_file(on_print: Path) -> None:
    found = parsed(on_print / "index.html")
    assert faults_of(found) == []
    assert MARK not in " ".join(found.text)


def test_the_page_has_what_a_reader_needs(on_print: Path) -> None:
    found = parsed(on_print / "index.html")
    text = " ".join(" ".join(found.text).split())
    for part in (
        "Did Signs of Safety, a way of working in child protection",
        "The published tables: 3.3 more per 100 referrals (90% credible interval 3.3 fewer to 9.5"
        " more). An increase has a probability of 81%. This cannot tell whether initial child"
        " protection conferences rose or fell, nor a small effect from none.",
        "the individual records have not been seen",
        "A difference-in-differences of 0.0407 on the risk (Table 5, linear model; no star",
        "What each source can tell you",
        "What this does not show",
        "We made 47 checks: 24 passed, 14 found a contradiction",
        "What Works for Children's Social Care",
        "Versions: python 3.",
    ):
        assert part in text, part
    assert "Open Government Licence" not in text  # no counts are on it
    for name, path in spec.bundled_models().items():
        analysis = spec.load(path)
        is_there = f"Analysis {name}: SHA-256 {spec.fingerprint(analysis)}" in text
        assert is_there == (analysis.kind == "printed")
        if isinstance(analysis, spec.PrintedAnalysis):
            for reading in analysis.readings:
                assert f"Reading “{reading.name}”: {reading.why}".replace("-", "−") in (
                    text.replace("-", "−")
                )


def test_every_table_of_the_page_names_its_evidence(on_print: Path) -> None:
    found = parsed(on_print / "index.html")
    assert len(found.notes) == len(found.captions) > 10
    assert all(any(line in note for line in EVIDENCE_LINES.values()) for note in found.notes)


def files_of(folder: Path, suffix: str) -> set[str]:
    return {path.stem for path in folder.iterdir() if path.suffix == suffix}


def is_complete(target: Path) -> None:
    """Every table twice, every picture thrice, every fit, and what the page shows of them."""
    assert {path.name for path in target.iterdir()} == {
        *("index.html", "report.docx", "manifest.json", "tables", "figures", "runs")
    }
    assert files_of(target / "tables", ".csv") == files_of(target / "tables", ".md") != set()
    pictures = files_of(target / "figures", ".png")
    assert pictures == files_of(target / "figures", ".pdf") == files_of(target / "figures", ".csv")
    found = parsed(target / "index.html")
    tables = {attrs["id"] for tag, attrs in found.tags if tag == "table"}
    assert tables <= files_of(target / "tables", ".csv")
    shown = re.findall(r"figures/([\w.-]+)\.png", " ".join(found.text))
    assert set(shown) <= pictures
    assert len(shown) == sum(tag == "img" for tag, _ in found.tags)
    for path in (target / "tables").glob("*.md"):
        assert "\nEvidence: " in path.read_text(encoding="utf-8"), path


def test_the_folder_is_complete(on_print: Path) -> None:
    is_complete(on_print)
    facts = (on_print / "tables" / "facts.csv").read_text(encoding="utf-8").splitlines()
    assert {row["table"] for row in csv.DictReader(facts)} == set("1234567")
    manifest = json.loads((on_print / "manifest.json").read_text(encoding="utf-8"))
    printed = {"icpc-printed", "cla-printed", "icpc-printed-without-pilot-4"}
    assert manifest["status"] == "converged"
    assert set(manifest["evidence"]) == printed
    assert set(manifest["evidence"].values()) == {"published-inferred"}
    assert manifest["inputs_sha256"] == {}
    assert manifest["versions"]["sofs-bayes"] == "0.1.0"
    for name in printed:
        run = read(on_print / "runs" / name)
        assert manifest["analyses_sha256"][name] == spec.fingerprint(run.analysis)
    assert [path.name for path in on_print.parent.iterdir()] == [on_print.name]


# --------------------------------------------------------------- with made-up open data


def written_toml(folder: Path, analysis: spec.Analysis) -> tuple[str, Path]:
    path = folder / f"{analysis.name}.toml"
    path.write_text(tomli_w.dumps(spec.to_document(analysis)), encoding="utf-8")
    return analysis.name, path


def quick(name: str) -> spec.PrintedAnalysis:
    """A bundled printed analysis without the table of changed assumptions."""
    analysis = spec.load(name)
    assert isinstance(analysis, spec.PrintedAnalysis)
    return replace(analysis, sensitivity=spec.PrintedSensitivity())


def hasty(analysis: spec.OpenAnalysis, name: str) -> spec.OpenAnalysis:
    """A break in recording, and too few draws for the gate."""
    sampler = replace(analysis.sampler, chains=2, tune=100, draws=100)
    return replace(analysis, name=name, sampler=sampler, title="Planted effect, few draws")


def sound(analysis: spec.OpenAnalysis) -> spec.OpenAnalysis:
    """Priors and pilots that leave the sampler little to do, and enough draws for the gate."""
    priors = replace(
        analysis.priors,
        pilot_effect_sd=replace(analysis.priors.pilot_effect_sd, scale=0.02),
        shock_correlation=replace(analysis.priors.shock_correlation, a=10.0, b=10.0),
    )
    sampler = replace(analysis.sampler, chains=4, tune=500, draws=1500, target_accept=0.95)
    design = replace(analysis.design, recording_breaks=())
    sure = replace(analysis, name="sound", priors=priors, sampler=sampler, design=design)
    return replace(sure, title="Planted effect, sure priors")


@dataclass(slots=True, kw_only=True)
class Fits:
    """Names of the open analyses fitted, as they come; `stop_at` interrupts at one."""

    names: list[str] = field(default_factory=list)
    stop_at: str = ""


@pytest.fixture(scope="module")
def fit_quickly(programs: Programs) -> Callable[..., Run]:
    """`fit_did` with the session's graph, as compiling is what takes the time.

    That which is to converge, and what leaves nothing out, is not refitted. The same fit of the
    same data is made once.
    """
    made: dict[str, Run] = {}

    def fit(analysis: spec.OpenAnalysis, source: Source, **how: Any) -> Run:
        key = repr((spec.to_document(analysis), sorted(source.inputs.items()), how["leave_out"]))
        quick = analysis.name == "sound" or how["leave_out"] == "none"
        own = {"programs": programs, "quick": quick, "kinds": None}
        if key not in made:
            made[key] = fit_did(analysis, source, **{**how, **own})
        return made[key]

    return fit


@pytest.fixture
def counted(fit_quickly: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> Fits:
    """The fits of open data, counted; fits of the print are made once, of pages there is little."""
    fits = Fits()
    monkeypatch.setattr("sofs_bayes.pages.report_page.report_page", little_page)
    monkeypatch.setattr("sofs_bayes.pages.word_page.write_word", little_word)
    monkeypatch.setattr(reanalysis, "fit_printed", print_once)

    def fit(analysis: spec.OpenAnalysis, *given: object, **how: object) -> Run:
        if analysis.name == fits.stop_at:
            raise KeyboardInterrupt
        fits.names.append(analysis.name)
        return fit_quickly(analysis, *given, **how)

    monkeypatch.setattr(did_fits, "fit_did", fit)
    return fits


@functools.cache
def pages_of(names: tuple[str, ...]) -> list[Page]:
    """Where the first page of these runs is kept."""
    return []


def little_page(runs: Sequence[Run], **how: Any) -> Page:
    """The first parts of a report's page, composed once for runs of these names."""
    kept = pages_of(tuple(run.analysis.name for run in runs))
    if not kept:
        page = report_page(runs, **how)
        kept.append(replace(page, parts=page.parts[:3]))
    return kept[0]


def little_word(_: Page, path: Path, *, figures: Path) -> None:
    path.write_bytes(figures.name.encode())


@functools.cache
def printed_run(name: str) -> Run:
    return fit_printed(quick(name))


def print_once(analysis: spec.PrintedAnalysis, **_: object) -> Run:
    assert analysis == quick(analysis.name)
    return printed_run(analysis.name)


@pytest.fixture(scope="module")
def bundle(
    made_up_analysis: spec.OpenAnalysis, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, Path]:
    """Analyses in place of the bundled ones: one of the print, three of the made-up files."""
    folder = tmp_path_factory.mktemp("models")
    return dict(
        written_toml(folder, analysis)
        for analysis in (
            hasty(made_up_analysis, MAIN_OPEN),
            quick("icpc-printed"),
            sound(made_up_analysis),
        )
    )


@pytest.fixture
def few_analyses(
    bundle: Mapping[str, Path],
    made_up_analysis: spec.OpenAnalysis,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[str, str]:
    """One analysis of the print and two quick ones of open data, whose names are returned."""
    (tmp_path / "models").mkdir()
    other = written_toml(tmp_path / "models", hasty(made_up_analysis, "other"))
    few = {name: path for name, path in bundle.items() if name != "sound"} | dict([other])
    monkeypatch.setattr(spec, "bundled_models", lambda: few)
    return MAIN_OPEN, "other"


@pytest.fixture(scope="module")
def on_open_data(
    bundle: Mapping[str, Path],
    fit_quickly: Callable[..., Run],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Path]:
    """A re-analysis one of whose fits did not converge."""
    target = tmp_path_factory.mktemp("open") / "reanalysis"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spec, "bundled_models", lambda: bundle)
        patch.setattr(did_fits, "fit_did", fit_quickly)
        assert reanalyse(target, open_data=FILES, full=True) == "not converged"
    yield target


def test_the_page_with_open_data_is_valid_and_complete(on_open_data: Path) -> None:
    assert faults_of(parsed(on_open_data / "index.html")) == []
    is_complete(on_open_data)
    manifest = json.loads((on_open_data / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["status"] == "not converged"
    assert manifest["evidence"][MAIN_OPEN] == "open-data"
    assert set(manifest["inputs_sha256"]) == {path.name for path in FILES}


def test_open_data_have_their_part(on_open_data: Path) -> None:
    found = parsed(on_open_data / "index.html")
    text = " ".join(" ".join(found.text).split())
    for part in (
        "What real authorities show",
        "Counted are children with an initial conference among children starting to be in need,"
        " 2012/13 to 2018/19.",
        "pilots and comparators differ in trend by",
        "Open counts are of whole authorities",
        "Input conferences.csv: SHA-256 ",
        "Open Government Licence",
    ):
        assert part in text, part
    notes = [note for note in found.notes if EVIDENCE_LINES["open-data"] in note]
    assert len(notes) > 10
    assert len(found.notes) == len(found.captions)
    assert all(note.count("Evidence: ") == 1 for note in found.notes)


def test_a_break_in_recording_is_said_up_front(on_open_data: Path) -> None:
    text = " ".join(" ".join(parsed(on_open_data / "index.html").text).split())
    said = re.search(r"What a break in recording does: ([^.]*\.[^)]*\).{0,200})", text)
    assert said is not None
    assert said[1].startswith("with Dunmarsh, the median is −")
    assert "Its only year before was recorded at a quarter." in said[1]


def test_what_did_not_converge_is_marked_and_nothing_else(on_open_data: Path) -> None:
    found = parsed(on_open_data / "index.html")
    text = " ".join(" ".join(found.text).split())
    alerts = [attrs for _, attrs in found.tags if attrs.get("role") == "alert"]
    assert len(alerts) == 1
    assert "Results so marked must not be used." in text
    marked = {caption: caption.startswith(f"{MARK}: ") for caption in found.captions}
    others = ("Planted effect, sure priors", spec.load("icpc-printed").title)
    for caption, is_marked in marked.items():
        results = "few draws" in caption and not any(
            facts in caption
            for facts in (
                "before settling-in",
                "not among",
                "by pre-trend",
                ": pilots and",
                ": priors",
            )
        )
        if "few draws" in caption or any(title in caption for title in others):
            assert is_marked == results, caption
    shared = [is_marked for caption, is_marked in marked.items() if "exceeds a" in caption]
    assert True in shared  # tables of several runs are marked with any of them
    answer = text[text.index("The answer") : text.index("Sources compared")]
    assert answer.count(f" {MARK}: not to be used.") == 1


def test_pilots_are_left_out_of_the_main_analysis_alone(on_open_data: Path) -> None:
    main = read(on_open_data / "runs" / MAIN_OPEN)
    assert main.options["leave_out"] == "pilots"
    assert read(on_open_data / "runs" / "sound").options["leave_out"] == "none"
    assert f"{MAIN_OPEN}-changes" in files_of(on_open_data / "figures", ".png")
    left = [str(row.variant) for row in main.sensitivity if "without" in str(row.variant)]
    assert left


def test_figures_beside_the_page_are_in_the_folder(on_open_data: Path) -> None:
    shown = re.findall(
        r"figures/([\w.-]+)\.png", " ".join(parsed(on_open_data / "index.html").text)
    )
    beside = files_of(on_open_data / "figures", ".png") - set(shown)
    assert beside == {"audit-brackets-all"}
    assert {"answer", f"{MAIN_OPEN}-event-study", "sound-event-study"} <= set(shown)


# ---------------------------------------------------------------- stopping and going on


def content_of(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


@pytest.mark.usefixtures("few_analyses")
def test_an_existing_target_is_refused_and_left_alone(tmp_path: Path, counted: Fits) -> None:
    (tmp_path / "all").mkdir()
    (tmp_path / "all" / "diary.txt").write_text("years of work")
    (tmp_path / "file").write_text("mine")
    before = content_of(tmp_path)
    for name in ("all", "file", "file/all"):
        for replace_it in (False, True):
            with pytest.raises(BadInput, match=name):
                reanalyse(tmp_path / name, open_data=FILES, replace=replace_it)
    assert content_of(tmp_path) == before
    assert counted.names == []


@pytest.mark.usefixtures("few_analyses")
def test_open_data_that_cannot_be_used_leave_nothing(tmp_path: Path, counted: Fits) -> None:
    before = content_of(tmp_path)
    with pytest.raises(BadInput, match="no column ICPC_child"):
        reanalyse(tmp_path / "all", open_data=[DFE / "referrals.csv"])
    assert content_of(tmp_path) == before
    assert counted.names == []


@pytest.mark.usefixtures("few_analyses")
def test_an_earlier_result_is_replaced_whole_and_only_if_asked(
    tmp_path: Path, counted: Fits
) -> None:
    target = tmp_path / "deep" / "all"
    reanalyse(target, open_data=FILES)
    (target / "mine.txt").write_text("put there since")
    before = content_of(target)
    for replace_it, said in (
        (False, "exists"),
        (True, r"mine\.txt: found a file that is not"),
    ):
        with pytest.raises(BadInput, match=said):
            reanalyse(target, open_data=FILES, replace=replace_it)
    assert content_of(target) == before
    (target / "mine.txt").unlink()
    del before["mine.txt"]
    reanalyse(target, open_data=FILES, replace=True)
    after = content_of(target)
    times = ("manifest.json", "posterior.nc")  # hold seconds, and HDF5's own times
    assert set(before) == set(after)
    assert all(before[name] == after[name] for name in after if not name.endswith(times))
    assert counted.names == [MAIN_OPEN, MAIN_OPEN]


@pytest.mark.usefixtures("few_analyses")
def test_a_failed_replacement_leaves_the_earlier_result(
    tmp_path: Path, counted: Fits, monkeypatch: pytest.MonkeyPatch
) -> None:
    reanalyse(tmp_path / "all", open_data=FILES)
    before = content_of(tmp_path / "all")
    interrupt_page(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        reanalyse(tmp_path / "all", open_data=FILES, replace=True)
    assert content_of(tmp_path / "all") == before
    assert counted.names == [MAIN_OPEN, MAIN_OPEN]


def interrupt_page(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sofs_bayes.pages.page.write_page", interrupted)


def test_it_goes_on_where_it_was_interrupted(
    tmp_path: Path, counted: Fits, few_analyses: tuple[str, str]
) -> None:
    first, second = few_analyses
    counted.stop_at = second
    with pytest.raises(KeyboardInterrupt):
        reanalyse(tmp_path / "all", open_data=FILES, full=True)
    assert not (tmp_path / "all").exists()
    counted.stop_at = ""
    with pytest.MonkeyPatch.context() as patch:
        interrupt_page(patch)
        with pytest.raises(KeyboardInterrupt):
            reanalyse(tmp_path / "all", open_data=FILES, full=True)
    assert counted.names == [first, second]
    said: list[str] = []
    reanalyse(tmp_path / "all", open_data=FILES, full=True, progress=said.append)
    assert counted.names == [first, second]
    for name in few_analyses:
        assert any(line.endswith(f"{name}: already finished") for line in said)
    assert re.fullmatch(r"\d+ steps? left, about \d+ min: .*", said[0])
    is_complete(tmp_path / "all")
    assert {path.name for path in tmp_path.iterdir()} == {"all", "models"}


def test_what_is_damaged_or_other_is_fitted_again(
    tmp_path: Path, counted: Fits, few_analyses: tuple[str, str]
) -> None:
    first, second = few_analyses
    with pytest.MonkeyPatch.context() as patch:
        interrupt_page(patch)
        with pytest.raises(KeyboardInterrupt):
            reanalyse(tmp_path / "all", open_data=FILES, full=True)
        kept = tmp_path / ".all.unfinished"
        (kept / f"{first}.piece").write_bytes((kept / f"{first}.piece").read_bytes()[:-9])
        with pytest.raises(KeyboardInterrupt):
            reanalyse(tmp_path / "all", open_data=FILES, full=True)
        assert counted.names == [first, second, first]
        (kept / f"{second}.piece").unlink()
        with pytest.raises(KeyboardInterrupt):
            reanalyse(tmp_path / "all", open_data=FILES, full=True)
        assert counted.names == [first, second, first, second]
        with pytest.raises(KeyboardInterrupt):  # asked for less: the main analysis alone
            reanalyse(tmp_path / "all", open_data=FILES)
        assert counted.names == [first, second, first, second, first]
    reanalyse(tmp_path / "all", open_data=FILES)
    assert counted.names == [first, second, first, second, first]
    assert read(tmp_path / "all" / "runs" / first).options["leave_out"] == "pilots"


def test_other_data_are_fitted_again(
    tmp_path: Path, counted: Fits, few_analyses: tuple[str, str]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        interrupt_page(patch)
        with pytest.raises(KeyboardInterrupt):
            reanalyse(tmp_path / "all", open_data=FILES, full=True)
        changed = tmp_path / "conferences.csv"
        changed.write_bytes((DFE / "conferences.csv").read_bytes() + b"\n")
        others = [path for path in FILES if path.name != changed.name]
        with pytest.raises(KeyboardInterrupt):
            reanalyse(tmp_path / "all", open_data=[changed, *others], full=True)
    assert counted.names == [*few_analyses, *few_analyses]


def test_a_run_of_a_name_no_longer_wanted_is_not_on_the_page(
    tmp_path: Path, counted: Fits, few_analyses: tuple[str, str]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        interrupt_page(patch)
        with pytest.raises(KeyboardInterrupt):
            reanalyse(tmp_path / "all", open_data=FILES, full=True)
    reanalyse(tmp_path / "all", open_data=FILES)  # now without all the variants
    assert {path.name for path in (tmp_path / "all" / "runs").iterdir()} == {
        *("icpc-printed", MAIN_OPEN)
    }
    assert counted.names == [*few_analyses, MAIN_OPEN]


def test_a_saved_run_can_be_read_as_any_other(on_open_data: Path, tmp_path: Path) -> None:
    run = read(on_open_data / "runs" / MAIN_OPEN)
    save(run, tmp_path / "copy")
    assert read(tmp_path / "copy").effects == run.effects
