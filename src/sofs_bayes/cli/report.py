"""The verb that writes the report."""

import argparse
import sys
from pathlib import Path

from sofs_bayes.cli.arguments import Verbs, add_verb, progress_line
from sofs_bayes.cli.exports import add_disclosure_options, add_level, ledger_of, rule_of


def add_report(verbs: Verbs) -> None:
    """`report`: run folders → page and Word document."""
    verb = add_verb(
        verbs,
        "report",
        _report,
        "Run folders → one report: a page, the same for Word, tables and figures.",
        "The page needs no network. Runs may have different sources; each part names its own.",
    )
    verb.add_argument(
        "runs", nargs="+", type=Path, metavar="RUN", help="run folders that fit wrote"
    )
    verb.add_argument("-o", "--output", type=Path, default=Path("report"), metavar="FOLDER")
    verb.add_argument(
        "--beside",
        nargs="+",
        type=Path,
        default=(),
        metavar="FOLDER",
        help="folders that replicate and calibrate wrote",
    )
    verb.add_argument("--title", metavar="TEXT", help="of the report")
    verb.add_argument("--replace", action="store_true", help="replace an earlier report")
    verb.add_argument(
        "--format",
        nargs="+",
        choices=("html", "docx"),
        default=("html", "docx"),
        metavar="FORMAT",
        help="of the report itself: html, docx, or both (the default)",
    )
    add_level(verb)
    add_disclosure_options(verb)


def _report(options: argparse.Namespace) -> int:
    from sofs_bayes.pipeline.report import report

    progress = progress_line()
    folder, trusted = report(
        options.runs,
        options.output,
        beside=options.beside,
        title=options.title,
        level=options.level,
        formats=options.format,
        rule=rule_of(options),
        ledger=ledger_of(options),
        earlier=options.earlier,
        replace=options.replace,
        progress=progress,
    )
    progress("done\n")
    print(f"disclosure check: log in {folder / 'disclosure.md'}", file=sys.stderr)
    print(folder / ("index.html" if "html" in options.format else "report.docx"))
    return 0 if trusted else 1
