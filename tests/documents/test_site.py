"""The site: every text of the project is on it, links lead, nothing is fetched, words are found.

It is built without the chapters' results, which take minutes.
"""

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pytest

import sofs_bayes as sb
from sofs_bayes.cli import parsers

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
LOADING = {"script", "img", "iframe", "source", "object", "embed", "video", "audio", "link"}


def _publisher() -> Any:
    spec = importlib.util.spec_from_file_location("publish", DOCS / "publish.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


publish = _publisher()


def built(*words: str) -> subprocess.CompletedProcess[str]:
    """Sphinx in a process of its own: it keeps what it has learnt."""
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "site"
    ended = built(str(DOCS / "publish.py"), "-o", str(folder))
    assert ended.returncode == 0, ended.stderr
    return folder


class Page(HTMLParser):
    """What a page loads, where its links lead, which ids it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in LOADING and given.get("rel") not in ("index", "search", "next", "prev"):
            named = (given.get("src"), given.get("href"), given.get("srcset"))
            self.loads += [url for url in named if url]
        if tag == "a" and given.get("href"):
            self.links.append(given["href"] or "")
        if given.get("id"):
            self.ids.add(given["id"] or "")


def outside(url: str) -> bool:
    return bool(re.match(r"(?:[a-z]+:)?//", url))


def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}


def test_every_text_is_a_page_and_every_page_in_the_contents(site: Path) -> None:
    named = [name for names in publish.SECTIONS.values() for name in names]
    places = {re.sub(r".*<(.*)>", r"\1", name) for name in named}
    own = {path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.rglob("*.md")}
    assert own - {"index"} <= places
    there = {path.relative_to(site).with_suffix("").as_posix() for path in site.rglob("*.html")}
    assert places <= there
    assert {f"manual/{verb}" for verb in parsers()} <= there
    chapters = {path.stem for path in (ROOT / "notebooks").glob("[0-9]*.py")}
    assert {f"chapters/{name}" for name in chapters} <= there


def test_nothing_is_fetched_and_every_link_leads(site: Path) -> None:
    found = pages(site)
    assert len(found) > 50
    for path, page in found.items():
        assert not [url for url in page.loads if outside(url)], path
        for link in page.links:
            target, _, place = link.partition("#")
            if outside(link) or link.startswith("mailto:"):
                continue
            other = (path.parent / target).resolve() if target else path
            assert other.exists(), (path, link)
            if place and other in found:
                assert place in found[other].ids or not place.strip(), (path, link)
    styles = "".join(path.read_text("utf-8") for path in site.rglob("*.css"))
    assert not re.search(r"@import|url\(\s*['\"]?(?:https?:)?//", styles)


def test_what_fetches_is_noticed() -> None:
    fetched = Page(
        '<script src="https://cdn.example/a.js"></script><link href="//x.example/a.css">'
    )
    assert len([url for url in fetched.loads if outside(url)]) == 2


def test_formulas_are_drawn_without_a_script(site: Path) -> None:
    text = (site / "models.html").read_text("utf-8")
    assert text.count("<math") > 100
    assert "$$" not in re.sub(r"<(?:code|pre).*?</(?:code|pre)>", "", text, flags=re.S)


def test_the_reference_has_every_public_name_and_no_other(site: Path) -> None:
    found = pages(site)[site / "reference.html"]
    named = {each.removeprefix("sofs_bayes.") for each in found.ids if "sofs_bayes." in each}
    assert {name for name in named if "." not in name} == {*sb.__all__}


BUILD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import publish
sys.exit(publish.build(Path(sys.argv[2]), Path(sys.argv[2], "site")))
"""


@pytest.mark.parametrize(("link", "code"), [("index.md", 0), ("nowhere.md", 1)])
def test_a_link_to_nowhere_is_a_fault(link: str, code: int, tmp_path: Path) -> None:
    (tmp_path / "index.md").write_text(f"# A\n\n[there]({link})\n", encoding="utf-8")
    ended = built("-c", BUILD, str(DOCS), str(tmp_path))
    assert ended.returncode == code, ended.stderr
    assert ("nowhere" in ended.stderr) == bool(code)


def test_a_chapter_shows_what_it_found_and_the_gallery_its_figures() -> None:
    picture = nbformat.v4.new_output(
        "display_data", {"image/png": "QUJD", "text/plain": "Figure"}, metadata={}
    )
    picture.metadata["image/png"] = {"alt": "A < b"}
    table = nbformat.v4.new_output("display_data", {"text/html": "<table>\n\n</table>"})
    cells = [
        nbformat.v4.new_markdown_cell("# Title"),
        nbformat.v4.new_code_cell("show()", outputs=[picture, table]),
    ]
    text, pictures = publish.chapter(nbformat.v4.new_notebook(cells=cells), "01-a")
    assert text.startswith("# Title\n\n```python\nshow()\n```")
    assert 'alt="A &lt; b" src="data:image/png;base64,QUJD"' in text
    assert "<table>\n</table>" in text
    assert "[01-a](chapters/01-a.md)" in publish.gallery(pictures)
    assert "`make docs`" in publish.gallery([])


SEARCHED = {"power-scaling": "glossary", "ledger": "disclose", "tipping": "models"}


def test_words_are_found_and_pages_can_be_read_by_everybody(site: Path) -> None:
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next((path for name in names if (path := shutil.which(name))), None)
    if program is None:
        pytest.skip("no Chromium is installed here")
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(0)  # however busy the machine is
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        for word, wanted in SEARCHED.items():
            page.goto((site / "search.html").as_uri() + f"?q={word}")
            page.wait_for_selector(f"ul.search a[href*={wanted}]")
        for name in ("index", "tutorial", "models", "reference", "manual/fit"):
            page.goto((site / f"{name}.html").as_uri())
            found = Axe().run(page)
            serious = [
                each["id"]
                for each in found.response["violations"]
                if each["impact"] in ("serious", "critical")
            ]
            assert serious == [], (name, found.generate_report())
        assert asked and all(url.startswith(("file:", "data:")) for url in asked), json.dumps(asked)
        browser.close()
