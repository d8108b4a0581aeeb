"""The manual: a page for each verb, options of the parser, links that lead."""

import argparse
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import get_args

import pytest

from sofs_bayes.cli import _parser, main
from sofs_bayes.cli.arguments import Parser
from sofs_bayes.cli.manual import (
    OPTIONS,
    Page,
    all_pages,
    anchor,
    options_text,
    page_names,
    read_page,
    to_html,
    to_terminal,
)
from sofs_bayes.errors import BadInput
from sofs_bayes.spec import Evidence

TOPICS = ("glossary", "secure-settings")
SECTIONS = (
    "What it is for",
    "Reads and writes",
    "Options",
    "Example",
    "Exit codes",
    "When something goes wrong",
    "In R and Stata",
    "See also",
)
ROOT = Path(__file__).parents[2]
LINK = re.compile(r"\[[^\]]+\]\(([^)]+)\)")


def verbs() -> dict[str, Parser]:
    actions = _parser()._actions
    (found,) = (each for each in actions if isinstance(each, argparse._SubParsersAction))
    return dict(found.choices)


VERBS = verbs()
PAGES = all_pages(VERBS)


def headings(text: str) -> list[str]:
    return re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)


# ----------------------------------------------------------------------------- pages


def test_each_verb_has_a_page_and_each_page_a_verb() -> None:
    assert set(page_names()) == {*VERBS, *TOPICS}
    assert [page.name for page in PAGES] == [*VERBS, *sorted(TOPICS)]


@pytest.mark.parametrize("verb", VERBS)
def test_a_verbs_page_has_every_section_in_order(verb: str) -> None:
    found = headings(read_page(verb, VERBS).text)
    assert found == [verb, *SECTIONS]


@pytest.mark.parametrize("verb", VERBS)
def test_options_are_those_of_the_parser(verb: str) -> None:
    raw = (files("sofs_bayes") / "manual" / f"{verb}.md").read_text("utf-8")
    assert raw.count(OPTIONS) == 1
    text = read_page(verb, VERBS).text
    named = [o for action in VERBS[verb]._actions for o in action.option_strings]
    assert {o for o in named if o.startswith("--")} - {"--help"} <= set(
        re.findall(r"^- `(?:-\w, )?(--[\w-]+)", text, flags=re.MULTILINE)
    )
    # Options in prose are options of some verb, pip's and other programs' left aside.
    known = {
        o for parser in VERBS.values() for action in parser._actions for o in action.option_strings
    }
    prose = re.sub(r"```.*?```", "", raw, flags=re.DOTALL).split("## In R and Stata")[0]
    assert set(re.findall(r"(?<![\w-])--[a-z][\w-]+", prose)) <= known | {"--require-hashes"}


def test_an_option_without_a_line_is_noticed() -> None:
    parser = Parser(prog="made-up")
    parser.add_argument("--new", choices=("a", "b"), help="something %(default)s")
    parser.add_argument("words", nargs="*", help="more")
    text = options_text(parser)
    assert "- `--new {a,b}`" in text
    assert "- `words …`: more" in text
    assert "--help" not in text.split("```")[2]


def test_the_help_of_each_verb_names_its_page() -> None:
    for verb, parser in VERBS.items():
        assert f"sofs-bayes manual {verb}" in parser.format_help()


def test_messages_that_pages_explain_are_messages_of_the_program() -> None:
    source = " ".join(path.read_text("utf-8") for path in (ROOT / "src").rglob("*.py"))
    source = re.sub(r'"\s*\n\s*f?"', "", source)
    parts = [(page.name, part) for page in PAGES for part in messages(page.text)]
    assert len(parts) > 25
    assert [each for each in parts if each[1] not in source and each[1] not in ARGUMENTS] == []
    invented = "## When something goes wrong\n\n| `found nothing of the sort` | wait |\n"
    assert all(part not in source for part in messages(invented)) and list(messages(invented))


# Parts of messages that are values, which the program fills in.
ARGUMENTS = {"--effect", "--prior", "--threshold", "'.doc'"}


def messages(text: str) -> Iterator[str]:
    """The words of messages in the first column under "When something goes wrong"."""
    section = text.partition("## When something goes wrong")[2].partition("\n## ")[0]
    for line in section.splitlines():
        if line.startswith("| `"):
            quoted = line.split("`")[1]
            for part in re.split(r"…|: found |; allowed: |found |\bN\b|, limit|: ", quoted):
                if re.search(r"[a-z]{3}", part):
                    yield part.strip(" :(")


# ------------------------------------------------------------------------ links, glossary


def broken_links(page: Page, pages: tuple[Page, ...]) -> list[str]:
    anchors = {each.name: {anchor(found) for found in headings(each.text)} for each in pages}
    broken = []
    for target in LINK.findall(page.text):
        name, _, place = target.partition("#")
        known = anchors.get(name.removesuffix(".md"))
        if not name.endswith(".md") or known is None or (place and place not in known):
            broken.append(target)
    return broken


def test_every_link_leads_to_a_page_and_a_term() -> None:
    assert [
        (page.name, broken_links(page, PAGES)) for page in PAGES if broken_links(page, PAGES)
    ] == []
    terms = {target for page in PAGES for target in LINK.findall(page.text) if "#" in target}
    assert len(terms) > 15


@pytest.mark.parametrize("target", ["nowhere.md", "glossary.md#no-such-term", "match"])
def test_a_link_to_nowhere_is_noticed(target: str) -> None:
    page = Page(name="made-up", line="", text=f"See [this]({target}).")
    assert broken_links(page, PAGES) == [target]


def test_the_glossary_has_every_evidence_word_and_every_term_once() -> None:
    terms = headings(read_page("glossary", VERBS).text)
    assert set(get_args(Evidence)) <= set(terms)
    assert len(set(terms)) == len(terms)


# -------------------------------------------------------------------- terminal and pages


def test_the_list_has_a_line_for_each_page(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["manual"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [page.name for page in PAGES]


def test_no_such_page_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["manual", "mach"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("PAGE: found 'mach'; allowed: calibrate, check, collapse, ")
    assert len(said.splitlines()) == 1
    for words in (["match", "--all"], ["match", "-o", "somewhere"]):
        assert main(["manual", *words]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1
    with pytest.raises(BadInput):
        read_page("../errors", VERBS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_terminal_text_fits_the_screen_and_loses_no_word(page: Page) -> None:
    text = to_terminal(page.text)
    outside = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    assert max(map(len, outside.splitlines())) <= 120
    assert not LINK.search(text)
    strip = re.compile(r"\]\([^)]*\)|[^\w]")
    # In a list the head of a table's first column goes without saying.
    kept = re.sub(r"^\| [^|]+(\|.*\n\|---)", r"\1", page.text, flags=re.MULTILINE)
    assert set(strip.sub(" ", kept).split()) <= set(strip.sub(" ", text).split())


def test_tables_in_a_terminal_are_in_line_or_a_list() -> None:
    table = "| a | b |\n|---|---|\n| one | `x \\| y` |\n| two | [z](fit.md) |\n"
    assert to_terminal(table) == "a    b\n---  -------\none  `x | y`\ntwo  z\n"
    assert to_terminal(table, width=9).splitlines() == [
        "- one",
        "    b: `x",
        "      |",
        "      y`",
        "",
        "- two",
        "    b: z",
    ]


class Read(HTMLParser):
    """Links, ids and headings of a page, and whether every element is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.levels: list[int] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in ("meta", "br", "hr"):
            self.open.append(tag)
        if tag == "a":
            self.links.append(given["href"] or "")
        if given.get("id"):
            self.ids.append(given["id"] or "")
        if re.fullmatch("h[1-6]", tag):
            self.levels.append(int(tag[1]))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_html_pages_need_each_other_and_nothing_else() -> None:
    written = to_html(PAGES)
    assert set(written) == {"index.html", *(f"{page.name}.html" for page in PAGES)}
    read = {name: Read(text) for name, text in written.items()}
    for name, page in read.items():
        assert page.open == [], name
        assert '<html lang="en-GB">' in written[name]
        assert not re.search(r"https?:|src=|@import|url\(", written[name]), name
        assert page.levels[0] == 1 and page.levels.count(1) == 1, name
        assert all(b - a <= 1 for a, b in zip(page.levels, page.levels[1:], strict=False)), name
        assert len(set(page.ids)) == len(page.ids), name
        for link in page.links:
            target, _, place = link.partition("#")
            assert target in (*written, ""), (name, link)
            assert not place or place in read[target or name].ids, (name, link)


def test_html_is_written_whole_into_a_new_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["manual", "--all", "-o", str(tmp_path / "manual")]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'manual' / 'index.html'}\n"
    assert len(list((tmp_path / "manual").iterdir())) == len(PAGES) + 2
    assert main(["manual", "--all", "-o", str(tmp_path / "manual")]) == 2
