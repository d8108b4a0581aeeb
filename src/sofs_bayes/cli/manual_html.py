"""The manual's pages → HTML files that need nothing but each other."""

import re
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from itertools import pairwise
from typing import TYPE_CHECKING

from sofs_bayes.cli.manual_pages import FOLDER, Page
from sofs_bayes.tables.page_policy import closed

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token


def to_html(pages: Sequence[Page]) -> Mapping[str, str]:
    """File name → HTML of every page, and of a list of them all.

    Links between pages (`match.md`) become those between their files; what is a table, a list
    or code in Markdown is one in HTML, too.
    """
    # Locked with PyMC, which shows its progress with it.
    from markdown_it import MarkdownIt

    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    listed = "\n".join(f"- [{page.name}]({page.name}.md): {page.line}" for page in pages)
    contents = Page(
        name="index",
        line="All pages.",
        text=f"# sofs-bayes: the manual\n\nAll pages, for reading without a network.\n\n{listed}\n",
    )
    return {f"{page.name}.html": _page(page, pages, markdown) for page in (contents, *pages)}


def _page(page: Page, pages: Sequence[Page], markdown: "MarkdownIt") -> str:
    from jinja2 import Environment, StrictUndefined

    template = (files("sofs_bayes") / FOLDER / "page.html").read_text(encoding="utf-8")
    tokens = markdown.parse(page.text)
    for token in tokens:
        _settle(token)
    for heading, inside in pairwise(tokens):
        if heading.type == "heading_open":
            heading.attrs["id"] = anchor(inside.content)
    body: str = markdown.renderer.render(tokens, markdown.options, {})
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    html = environment.from_string(template).render(page=page, pages=pages, body=body)
    return closed(html)


def _settle(token: "Token") -> None:
    """Point a link at a file of this folder, and let the keyboard reach wide code."""
    href = token.attrs.get("href")
    if isinstance(href, str):
        token.attrs["href"] = re.sub(r"^([a-z-]+)\.md(?=#|$)", r"\1.html", href)
    if token.type == "fence":
        # A region that scrolls is one the keyboard must be able to reach.
        token.type, token.tag = "html_block", ""
        code = escape(token.content)
        token.content = f'<pre tabindex="0"><code>{code}</code></pre>\n'
    for child in token.children or ():
        _settle(child)


def anchor(heading: str) -> str:
    """What a link to a heading is called, as on the sites that show Markdown."""
    plain = re.sub(r"[^\w\- ]", "", heading.casefold())
    return plain.replace(" ", "-")
