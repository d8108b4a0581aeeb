"""The verb that explains all verbs: manual."""

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sofs_bayes.cli.arguments import Parser, Verbs, add_verb
from sofs_bayes.errors import BadInput

if TYPE_CHECKING:
    from sofs_bayes.cli.manual_pages import Page


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
    verb.add_argument("--all", action="store_true", help="every page, as HTML into a folder")
    verb.add_argument(
        "-o", "--output", type=Path, metavar="FOLDER", help="with --all; default: manual"
    )
    for name, parser in verbs.choices.items():
        parser.epilog = f"More, with R and Stata beside it: sofs-bayes manual {name}"


def _manual(verbs: Verbs, options: argparse.Namespace) -> int:
    from sofs_bayes.cli.manual_pages import all_pages, read_page

    if options.all:
        if options.page:
            raise BadInput("--all", "", f"{options.page} beside it", "one of the two")
        return _write_all(all_pages(_parsers(verbs)), options.output or Path("manual"))
    if options.output:
        raise BadInput("--output", "", "no --all", "--all beside it; or > FILE for one page")
    if options.page:
        from sofs_bayes.cli.manual_text import to_terminal

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
    from sofs_bayes.cli.manual_html import to_html
    from sofs_bayes.folders.whole import new_folder

    with new_folder(folder, written_by="manual") as scratch:
        for name, text in to_html(pages).items():
            (scratch / name).write_text(text, encoding="utf-8", newline="")
    print(folder / "index.html")
    return 0
