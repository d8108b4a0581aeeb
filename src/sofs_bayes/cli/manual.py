"""The verb that explains all verbs: manual; its pages for a terminal, and as HTML."""

import argparse
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from sofs_bayes.cli.arguments import Parser, Verbs, add_verb
from sofs_bayes.cli.faults import INTERRUPTED, RESUMES, UNFORESEEN
from sofs_bayes.errors import BadInput
from sofs_bayes.tables.page_policy import closed

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

FOLDER = "manual"
OPTIONS = "<!-- options -->"
AFTER_CODES = "## When something goes wrong"  # comes behind the section on exit codes
WIDTH = 88


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page: its name, what it is about in one line, and its text as Markdown."""

    name: str
    line: str
    text: str


def page_names() -> tuple[str, ...]:
    """The names of all pages, in alphabetical order."""
    folder = files("sofs_bayes") / FOLDER
    names = (each.name for each in folder.iterdir())
    return tuple(sorted(name.removesuffix(".md") for name in names if name.endswith(".md")))


def read_page(name: str, verbs: Mapping[str, Parser]) -> Page:
    """A page of the manual; that of a verb with its options as its parser has them.

    Raises
    ------
    BadInput
        There is no such page.
    """
    if name not in page_names():
        raise BadInput("PAGE", "", repr(name), ", ".join(page_names()))
    text = (files("sofs_bayes") / FOLDER / f"{name}.md").read_text(encoding="utf-8")
    if name in verbs:
        text = text.replace(OPTIONS, options_text(verbs[name]))
        text = text.replace(AFTER_CODES, f"{_every_verb(name)}\n\n{AFTER_CODES}", 1)
    line = next(line for line in text.splitlines()[1:] if line)
    return Page(name=name, line=line, text=text)


def all_pages(verbs: Mapping[str, Parser]) -> tuple[Page, ...]:
    """All pages: those of verbs in the order of `sofs-bayes --help`, then the others."""
    names = page_names()
    of_verbs = [name for name in verbs if name in names]
    others = [name for name in names if name not in verbs]
    return tuple(read_page(name, verbs) for name in (*of_verbs, *others))


def options_text(parser: argparse.ArgumentParser) -> str:
    """What a verb takes, as Markdown: how it is called, then a line per word and option."""
    # Anew, as argparse wraps at the width of the terminal.
    usage = textwrap.fill(
        " ".join(parser.format_usage().removeprefix("usage: ").split()),
        WIDTH,
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    lines = [_line(each) for each in parser._actions if each.dest != "help"]
    return "\n".join(["```text", usage, "```", "", *lines])


def _every_verb(name: str) -> str:
    """The exit codes that no page has to give."""
    kept = "the same command then goes on" if name in RESUMES else "nothing is written then"
    return (
        f"Of every verb: {UNFORESEEN} an unforeseen fault, in one line; {INTERRUPTED} interrupted"
        f" (Ctrl-C, SIGTERM): {kept}."
    )


def _line(option: argparse.Action) -> str:
    name = _value(option) if not option.option_strings else _named(option)
    said = [(option.help or "").replace("%%", "%")] if option.help else []
    if option.choices is not None and not option.option_strings:
        said.append(f"one of {', '.join(map(str, option.choices))}")
    return f"- `{name}`" + (f": {'; '.join(said)}" if said else "")


def _named(option: argparse.Action) -> str:
    names = ", ".join(option.option_strings)
    return f"{names} {_value(option)}" if option.nargs != 0 else names


def _value(option: argparse.Action) -> str:
    if option.metavar is None and option.choices is not None:
        value = "{" + ",".join(map(str, option.choices)) + "}"
    elif isinstance(option.metavar, tuple):
        return " ".join(option.metavar)
    else:
        value = option.metavar or (option.dest.upper() if option.option_strings else option.dest)
    return f"{value} …" if option.nargs in ("+", "*") else value


LINK = re.compile(r"\[([^\]]+)\]\([a-z-]+\.md(?:#[a-z-]+)?\)")
# A bar between cells; one in a cell is written \|.
BAR = re.compile(r"(?<!\\)\|")
# What an item of a list begins with.
STARTS = re.compile(r"(?:- |[0-9]+\. )")
TERMINAL = 100


def to_terminal(markdown: str, *, width: int = TERMINAL) -> str:
    """The page's text in lines of at most `width` characters, but for code and long words."""
    lines: list[str] = []
    for block in _blocks(markdown.splitlines()):
        if block[0].startswith("```"):
            lines += block
        elif block[0].startswith("|"):
            lines += _table([LINK.sub(r"\1", line) for line in block], width)
        else:
            lines += _wrapped(LINK.sub(r"\1", " ".join(map(str.strip, block))), width)
    return "\n".join(lines) + "\n"


def _blocks(lines: Sequence[str]) -> Iterator[list[str]]:
    """Runs of lines that are one thing: code, a table, a paragraph, an item, an empty line."""
    block: list[str] = []
    code = False
    for line in lines:
        fence = line.startswith("```")
        goes_on = code or (
            block
            and line
            and not fence
            and (line.startswith("|") == block[0].startswith("|"))
            and not STARTS.match(line)
            and not block[0].startswith(("#", "```"))
            and block[0]
        )
        if goes_on:
            block.append(line)
        else:
            if block:
                yield block
            block = [line]
        code ^= fence
    if block:
        yield block


def _wrapped(line: str, width: int) -> list[str]:
    """A paragraph or an item, its further lines below its text."""
    if len(line) <= width:
        return [line]
    starts = STARTS.match(line)
    return textwrap.wrap(
        line,
        width,
        subsequent_indent=" " * len(starts[0]) if starts else "",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _table(lines: Sequence[str], width: int) -> list[str]:
    """A table with its columns in line, or, where that is too wide, as a list."""
    heads, _, *rows = ([cell.strip() for cell in BAR.split(line)[1:-1]] for line in lines)
    rows = [[cell.replace(r"\|", "|") for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    if sum(widths) + 2 * len(widths) <= width:
        table = [heads, ["-" * each for each in widths], *rows]
        return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in table]
    return [line for row in rows for line in _item(heads, row, width)][:-1]


def _item(heads: Sequence[str], row: Sequence[str], width: int) -> Iterator[str]:
    """A row as an item of a list: its first cell, and below it the others with their heads."""
    yield from _wrapped(f"- {row[0]}", width)
    for head, cell in zip(heads[1:], row[1:], strict=True):
        text = f"{head}: {cell}" if head else cell
        if cell:
            yield from textwrap.wrap(
                text,
                width,
                initial_indent="    ",
                subsequent_indent="      ",
                break_long_words=False,
                break_on_hyphens=False,
            )
    yield ""


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


def add_manual(verbs: Verbs) -> None:
    """`manual`: pages for the terminal, or all of them for a browser. Added after all verbs."""
    verb = add_verb(
        verbs,
        "manual",
        partial(_manual, verbs),
        "Manual pages: verbs, a glossary, secure settings.",
        "Each verb's page shows the R and Stata commands that it stands for.",
    )
    verb.add_argument("page", nargs="?", metavar="PAGE", help="a verb or topic; default: a list")
    verb.flag("--all", "every page, as HTML into a folder")
    verb.output("FOLDER", "with --all; default: manual")
    for name, parser in verbs.choices.items():
        parser.epilog = f"More, with R and Stata beside it: sofs-bayes manual {name}"


def _manual(verbs: Verbs, options: argparse.Namespace) -> int:

    if options.all:
        if options.page:
            raise BadInput("--all", "", f"{options.page} beside it", "one of the two")
        return _write_all(all_pages(_parsers(verbs)), options.output or Path("manual"))
    if options.output:
        raise BadInput("--output", "", "no --all", "--all beside it; or > FILE for one page")
    if options.page:
        print(to_terminal(read_page(options.page, _parsers(verbs)).text), end="")
        return 0
    pages = all_pages(_parsers(verbs))
    width = max(len(page.name) for page in pages)
    for page in pages:
        print(f"{page.name:{width}}  {page.line}")
    return 0


def _parsers(verbs: Verbs) -> dict[str, Parser]:
    return dict(verbs.choices)


def _write_all(pages: "tuple[Page, ...]", folder: Path) -> int:
    from sofs_bayes.folders.whole import new_folder

    with new_folder(folder, written_by="manual") as scratch:
        for name, text in to_html(pages).items():
            (scratch / name).write_text(text, encoding="utf-8", newline="")
    print(folder / "index.html")
    return 0
