"""The manual's pages: Markdown files in the package, their options filled in from the parser."""

import argparse
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from sofs_bayes.cli.arguments import Parser
from sofs_bayes.cli.faults import INTERRUPTED, RESUMES, UNFORESEEN
from sofs_bayes.errors import BadInput

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
