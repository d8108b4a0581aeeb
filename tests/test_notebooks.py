"""The chapters: they run as scripts, say what they rest on, type no number, use public names.

They share a folder here as in `make notebooks`, so that children are made and fitted once. Most
are long; `tests/documents/test_chapters.py` has all of them with short work.
"""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, get_args

import pytest
from tests.chapters import (
    CHAPTERS,
    NOTEBOOKS,
    OPEN_DATA,
    is_whole,
    prose,
    shows_what_it_rests_on,
)

import sofs_bayes
from sofs_bayes.spec import Evidence
from sofs_bayes.tables.formats import EVIDENCE_LINES

ROOT = Path(__file__).parents[1]
REAL = os.environ.get("SOFS_BAYES_OPEN_DATA", "")
chapters = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)


# ------------------------------------------------------------------------------- they run


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where chapters find what others have made."""
    return tmp_path_factory.mktemp("shared")


def executed(path: Path, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    known = {name: value for name, value in os.environ.items() if name != "SOFS_BAYES_OPEN_DATA"}
    return subprocess.run(
        [sys.executable, "-W", "error::FutureWarning", str(path)],
        cwd=folder,
        env=known | {"MPLBACKEND": "Agg"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def well_run(found: subprocess.CompletedProcess[str]) -> None:
    assert found.returncode == 0, found.stderr[-2000:]
    assert found.stderr == ""
    is_whole(found.stdout)


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(each, id=each.stem, marks=pytest.mark.long if each != CHAPTERS[0] else ())
        for each in CHAPTERS
        if each != OPEN_DATA
    ],
)
def test_a_chapter_runs_and_shows_what_it_rests_on(
    path: Path, shared: Path, tmp_path: Path
) -> None:
    found = executed(path, tmp_path, SOFS_BAYES_CHAPTERS=str(shared))
    well_run(found)
    assert list(tmp_path.iterdir()) == []  # nothing is left where it was started
    shows_what_it_rests_on(path, found.stdout)


def test_without_open_data_the_chapter_says_which_files_and_stops(tmp_path: Path) -> None:
    found = executed(OPEN_DATA, tmp_path)
    well_run(found)
    assert found.stdout.startswith("No open data: this chapter stops here.")
    for name in ("C4", "B1", "C1", "Explore education statistics", "SOFS_BAYES_OPEN_DATA"):
        assert name in found.stdout
    assert "Evidence:" not in found.stdout  # there are no results


@pytest.mark.long
@pytest.mark.skipif(not REAL, reason="SOFS_BAYES_OPEN_DATA names no folder of DfE files")
def test_with_open_data_the_chapter_has_results(tmp_path: Path) -> None:
    found = executed(OPEN_DATA, tmp_path, SOFS_BAYES_OPEN_DATA=REAL)
    well_run(found)
    assert "[open-data] Pooled over the pilots" in found.stdout
    assert EVIDENCE_LINES["open-data"] in found.stdout
    assert "[synthetic]" not in found.stdout


def test_a_chapter_that_fails_warns_or_shows_gaps_is_noticed(tmp_path: Path) -> None:
    for faulty in (
        "assert 1 == 2",
        "import sys; print('a warning', file=sys.stderr)",
        "print('Effect: nan pp')",
        "print('NOT CONVERGED: a table')",
    ):
        (tmp_path / "faulty.py").write_text(f"# %%\n{faulty}\n", encoding="utf-8")
        with pytest.raises(AssertionError):
            well_run(executed(tmp_path / "faulty.py", tmp_path))


def set_up(path: Path) -> str:
    """The lines of a chapter that make what it shares with others."""
    found = re.search(
        r"^scratch = .*?^run = sb\.read_run.*?$", path.read_text("utf-8"), re.M | re.S
    )
    return found[0] if found else ""


def test_chapters_that_share_a_fit_make_it_alike() -> None:
    """So that each runs alone as it does after the others; the first one is run from nothing."""
    found = {path.stem: set_up(path) for path in CHAPTERS if "read_run" in path.read_text("utf-8")}
    assert len(found) == 3
    assert len(set(found.values())) == 1
    assert "sb.save(sb.fit(" in next(iter(found.values()))


# -------------------------------------------------------------------------- public names

OTHERS = {"numpy", "pandas", "matplotlib", "xarray", "arviz"}


def private_names(source: str) -> list[str]:
    """What a chapter uses beside public names, the allowed packages and the standard library."""
    found: list[str] = []
    public = {*sofs_bayes.__all__}
    tree = ast.parse(source)
    aliases = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for each in node.names:
                root = each.name.split(".")[0]
                if each.name == "sofs_bayes":
                    aliases.add(each.asname or each.name)
                elif root == "importlib" or root not in OTHERS | sys.stdlib_module_names:
                    found.append(each.name)
        elif isinstance(node, ast.ImportFrom):
            root = (node.module or "").split(".")[0]
            if node.module == "sofs_bayes":
                found += [each.name for each in node.names if each.name not in public]
            elif root == "importlib" or root not in OTHERS | sys.stdlib_module_names:
                found.append(node.module or ".")
        elif isinstance(node, ast.Name) and node.id in ("__import__", "__file__", "exec", "eval"):
            found.append(node.id)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            name = node.value.id
            if (name in aliases and node.attr not in public) or (name, node.attr) == (
                "sys",
                "argv",
            ):
                found.append(f"{name}.{node.attr}")
    return found


@chapters
def test_a_chapter_uses_public_names_only(path: Path) -> None:
    assert private_names(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "from sofs_bayes.bayes.blocks import Setting",
        "import sofs_bayes.pipeline.fits",
        "from sofs_bayes import pipeline",
        "import sofs_bayes as sb\nsb.pipeline.fits.fit",
        "import pymc as pm",
        "import importlib",
        "from . import chapter",
        "here = __file__",
        "import sys\nsys.argv",
    ],
)
def test_what_is_not_public_is_noticed(source: str) -> None:
    assert private_names(source)


# ---------------------------------------------------------------------- no number is typed

ONE = r"\d(?!\d|[.,]\d)"
ALLOWED = (
    rf"\b(?:Tables?|Figures?)\s{ONE}(?:(?:,| to| and|–)\s?{ONE})*",  # of the report
    r"\b(?:19|20)\d\d(?:[–/]\d\d)?\b",  # years
    r"`[A-Za-z_][\w./-]*`",  # names
    r"\b[A-Z]\d\b",  # data sets, L1
    r"\b[Pp]ilot \d\b",
    r"\bsection 47s?\b",
    r"\babove 0\b",
)
WORDS = "two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|fifty|hundred"
COUNTED = (
    "per cent|percent|percentage|points?|pp|children|referrals|pilots?|authorities|comparators"
    "|times|years?|tenths|standard deviations|sds?"
)


def typed_numbers(text: str) -> list[str]:
    """Numbers in a text that may be results, with a few letters around them."""
    for form in ALLOWED:
        text = re.sub(form, "", text)
    digits = re.findall(r".{0,12}\d.{0,12}", text)
    words = re.findall(rf"\b(?:{WORDS})[\s-]+(?:{COUNTED})\b", text, re.IGNORECASE)
    return digits + words


def calls(source: str, *names: str) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in names:
                yield node


def said(source: str) -> Iterator[str]:
    """What stands between the computed parts of sentences, titles and notes."""
    for call in calls(source, "show", "print"):
        yield from constants(call.args)
    for call in calls(source, "Table"):
        yield from constants([k.value for k in call.keywords if k.arg in ("title", "notes")])
    for call in calls(source, "Column"):
        yield from constants([k.value for k in call.keywords if k.arg == "heading"])


def constants(nodes: list[Any]) -> Iterator[str]:
    """The literal texts of expressions; of what is computed only a bare constant."""
    for node in nodes:
        if isinstance(node, ast.Constant):
            yield str(node.value)
        elif isinstance(node, ast.FormattedValue):
            yield from constants([node.value] if isinstance(node.value, ast.Constant) else [])
        elif isinstance(node, ast.JoinedStr | ast.BinOp | ast.Tuple | ast.List):
            yield from constants(list(ast.iter_child_nodes(node)))


def code(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@chapters
def test_no_number_is_typed_into_prose(path: Path) -> None:
    found = {text: typed_numbers(text) for text in (*prose(path), *said(code(path)))}
    assert {text: numbers for text, numbers in found.items() if numbers} == {}


@pytest.mark.parametrize(
    "text",
    [
        "The effect is 4.07 points.",
        "Weights cut it by 45%.",
        "It holds in `0.93` of replicates.",
        "It holds in `P = 0.93` of replicates.",
        "A rise of nine percentage points.",
        "In six pilots it fell.",
        "Table 5 prints 0.0407.",
        "Between Table 5 and 152,231 children",
    ],
)
def test_a_typed_number_is_noticed(text: str) -> None:
    assert typed_numbers(text)


def test_a_number_typed_into_a_sentence_that_is_shown_is_noticed() -> None:
    source = 'sb.show(f"The effect of {name} is 4.07.", evidence="published")'
    assert any(typed_numbers(text) for text in said(source))
    title = 'sb.Table(name="t", title="A rise of 3 points", notes=("Of 12.",))'
    assert sum(bool(typed_numbers(text)) for text in said(title)) == 2
    assert any(typed_numbers(text) for text in said('sb.show(f"It is {4.07}.", evidence=None)'))


@pytest.mark.parametrize(
    "text",
    [
        "Tables 2 to 7, Table 5, Tables 5, 6 and 7, Figure 1, in 2014–15 and 2018.",
        "`icpc-linear`, data set C4, one pilot by itself, (Σw)² / Σw².",
    ],
)
def test_names_years_and_the_reports_tables_are_no_results(text: str) -> None:
    assert typed_numbers(text) == []


def unmarked(source: str) -> list[int]:
    """Lines of computed sentences that do not say what they rest on (None: on nothing)."""
    return [
        call.lineno
        for call in calls(source, "show")
        if any(isinstance(part, ast.JoinedStr) for part in call.args)
        and not any(keyword.arg == "evidence" for keyword in call.keywords)
    ]


@chapters
def test_every_computed_sentence_says_what_it_rests_on(path: Path) -> None:
    assert unmarked(code(path)) == []


def test_a_sentence_that_does_not_say_what_it_rests_on_is_noticed() -> None:
    assert unmarked('sb.show(f"{x:.2f}")') == [1]
    assert unmarked('sb.show(f"{x:.2f}", evidence=None)') == []


# -------------------------------------------------------------------------------- their form


def form_faults(texts: list[str]) -> list[str]:
    """What a chapter's prose lacks."""
    first, last = texts[0], texts[-1]
    wanted = {
        "a title": first.startswith("# "),
        "its source": "**Source:**" in first
        and any(f"`{each}`" in first for each in get_args(Evidence)),
        "a question": "**Question.**" in first,
        "what is done": "**What is done.**" in first,
        "what one may and may not conclude": last.startswith("## What one may and may not conclude")
        and "**not**" in last,
    }
    return [what for what, there in wanted.items() if not there]


@chapters
def test_a_chapter_says_what_it_rests_on_asks_and_ends_with_caution(path: Path) -> None:
    assert form_faults(prose(path)) == []


def test_a_chapter_without_its_parts_is_noticed() -> None:
    assert len(form_faults(["# A title", "## The end"])) == 4


def test_chapters_are_numbered_without_gaps_and_all_on_their_page() -> None:
    assert [path.stem[:2] for path in CHAPTERS] == [f"{n:02d}" for n in range(1, 10)]
    page = (ROOT / "docs" / "chapters.md").read_text(encoding="utf-8")
    assert [path.name for path in CHAPTERS if f"(../notebooks/{path.name})" not in page] == []


# ------------------------------------------------------------------------------ as pages

SMALL = """# %% [markdown]
# # A small chapter
#
# **Source:** nothing (`published`).
#
# **Question.** Is a < b?

# %%
import sofs_bayes as sb

run = sb.fit(sb.load("icpc-printed"))
sb.show(*sb.drawings(run)[:1])
sb.show(sb.effects_table(run, scale="risk"))
sb.show("a < -1, as printed.", evidence="published")
"""


class Fetched(HTMLParser):
    """What a page would fetch, its pictures without alt text, and its headings."""

    LOADING = frozenset(
        {"script", "link", "img", "iframe", "source", "object", "embed", "video", "audio", "input"}
    )

    def __init__(self, text: str) -> None:
        super().__init__()
        self.urls: list[str] = []
        self.silent = 0
        self.feed(text)
        self.urls += re.findall(r"@import[^;]*|url\(\s*['\"]?(?!data:|#)[^)]*\)", text)
        self.urls += re.findall(r"import\b[^;]*?['\"][^'\"]*['\"]", " ".join(self.scripts(text)))

    @staticmethod
    def scripts(text: str) -> list[str]:
        return re.findall(r"<script[^>]*>(.*?)</script>", text, re.S)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        if tag in self.LOADING:
            urls = [found.get(name) for name in ("src", "href", "data", "srcset", "poster")]
            self.urls += [url for url in urls if url and not url.startswith("data:")]
        self.silent += tag == "img" and not found.get("alt")


def published(folder: Path, *paths: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(NOTEBOOKS / "publish.py"), "-o", str(folder), *map(str, paths)],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as `make notebooks` writes it, of a small chapter and a real one."""
    folder = tmp_path_factory.mktemp("pages")
    small = folder / "00-small.py"
    small.write_text(SMALL, encoding="utf-8")
    found = published(folder / "out", small, CHAPTERS[0])
    assert found.returncode == 0, found.stderr
    return folder / "out"


def test_a_published_page_fetches_nothing_and_its_pictures_speak(pages: Path) -> None:
    for name in ("index", "00-small", "01-printed-facts"):
        text = (pages / f"{name}.html").read_text(encoding="utf-8")
        found = Fetched(text)
        assert (found.urls, found.silent) == ([], 0)
        assert text.count("<img ") == (name != "index")


@pytest.mark.parametrize(
    "html",
    [
        '<script src="https://cdn.example/require.js"></script>',
        '<link rel="stylesheet" href="style.css">',
        "<style>@import 'x.css';</style>",
        "<style>a { background: url(x.png) }</style>",
        '<script type="module">import m from "https://cdn.example/m.mjs"</script>',
        '<img src="picture.png" alt="a">',
    ],
)
def test_a_page_that_fetches_something_is_noticed(html: str) -> None:
    assert Fetched(html).urls


def test_a_picture_without_alt_text_is_noticed() -> None:
    assert Fetched('<img src="data:image/png;base64,AA">').silent == 1


def test_a_page_holds_text_tables_and_sentences_and_leads_on(pages: Path) -> None:
    text = (pages / "00-small.html").read_text(encoding="utf-8")
    assert "<h1" in text and "A small chapter" in text
    assert "<caption>" in text
    assert "a &lt; \N{MINUS SIGN}1, as printed.</p>" in text
    assert '<a href="01-printed-facts.html" rel="next">' in text
    assert "<details" in text and "sb" in text  # the code is there, folded
    index = (pages / "index.html").read_text(encoding="utf-8")
    assert 'href="00-small.html"' in index and "Is a &lt; b?" in index


def test_an_executed_notebook_has_its_outputs_and_no_times(pages: Path) -> None:
    book = json.loads((pages / "00-small.ipynb").read_text(encoding="utf-8"))
    outputs = [each for cell in book["cells"] for each in cell.get("outputs", ())]
    kinds = [sorted(each.get("data", ())) for each in outputs]
    assert kinds == [["image/png", "text/plain"], *[["text/html", "text/plain"]] * 2]
    assert outputs[0]["metadata"]["image/png"]["alt"].startswith("Prior and posterior")
    assert "iopub" not in json.dumps(book)


@pytest.mark.long
def test_the_same_chapter_gives_the_same_files(pages: Path, tmp_path: Path) -> None:
    again = published(tmp_path / "out", pages.parent / "00-small.py", CHAPTERS[0])
    assert again.returncode == 0, again.stderr
    for path in sorted(pages.iterdir()):
        assert path.read_bytes() == (tmp_path / "out" / path.name).read_bytes(), path.name


def test_a_chapter_that_fails_is_not_published(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("# %% [markdown]\n# # B\n\n# %%\n1 / 0\n", "utf-8")
    found = published(tmp_path / "out", tmp_path / "broken.py")
    assert found.returncode == 1
    assert "broken.py failed" in found.stderr
    assert "ZeroDivisionError" in found.stderr
    assert list((tmp_path / "out").iterdir()) == []


def test_make_notebooks_publishes_the_chapters() -> None:
    if shutil.which("make") is None:
        pytest.skip("no make is installed here")
    command = ["make", "--dry-run", "notebooks"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "notebooks/publish.py -o results/notebooks" in found.stdout


def test_a_page_can_be_read_by_everybody(pages: Path) -> None:
    names = ("chromium", "chromium-browser", "google-chrome")
    browser_path = next((path for name in names if (path := shutil.which(name))), None)
    if browser_path is None:
        pytest.skip("no Chromium is installed here")
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(0)
        for name in ("index", "00-small", "01-printed-facts"):
            page.goto((pages / f"{name}.html").as_uri())
            page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
            found = Axe().run(page)
            assert found.violations_count == 0, found.generate_report()
        page.set_content("<img src='data:image/png;base64,AA'>")
        assert Axe().run(page).violations_count > 0
        browser.close()
