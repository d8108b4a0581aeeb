"""The verbs that write for readers outside: report, and disclose, which checks a folder before."""

import argparse
import sys
from pathlib import Path

from sofs_bayes.cli.arguments import Verbs, add_verb, called, format_named, progress_line
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
    verb.option(
        "--beside",
        Path,
        "FOLDER",
        "folders that replicate and calibrate wrote",
        nargs="+",
        default=(),
    )
    verb.option("--title", str, "TEXT", "of the report")
    verb.flag("--replace", "replace an earlier report")
    verb.option(
        "--format",
        format_named,
        "FORMAT",
        "of the report itself: html, docx, or both (the default)",
        nargs="+",
        choices=("html", "docx"),
        default=("html", "docx"),
    )
    add_level(verb)
    add_disclosure_options(verb)


def _report(options: argparse.Namespace) -> int:
    from sofs_bayes.pipeline.report import report

    progress = progress_line()
    folder, trusted = called(
        report,
        options,
        folder=options.output,
        formats=options.format,
        rule=rule_of(options),
        ledger=ledger_of(options),
        progress=progress,
    )
    progress("done\n")
    print(f"disclosure check: log in {folder / 'disclosure.md'}", file=sys.stderr)
    print(folder / ("index.html" if "html" in options.format else "report.docx"))
    return 0 if trusted else 1


def add_disclose(verbs: Verbs) -> None:
    """`disclose`: a folder → what can be released, and the log for the custodian."""
    verb = add_verb(
        verbs,
        "disclose",
        _disclose,
        "A folder of results → what can be released from a secure setting, with a log.",
        "Only files that a manifest lists, of known kinds, leave: read, checked and written anew."
        " Without -o nothing is written: the log is printed, and the exit code is 1 if anything"
        " is not cleared for release as it is; with -o, if nothing is.",
    )
    verb.add_argument("folder", type=Path, help="a folder that sofs-bayes wrote")
    verb.output("FOLDER", "a copy of what is cleared, and the log")
    verb.flag("--replace", "replace an earlier copy")
    add_disclosure_options(verb)


def _disclose(options: argparse.Namespace) -> int:
    rule = rule_of(options)
    from sofs_bayes.disclosure.exported import log_of
    from sofs_bayes.disclosure.log import log_markdown, summary
    from sofs_bayes.pipeline.disclosure import disclose

    found = called(disclose, options, rule=rule, ledger=ledger_of(options))
    if options.output:
        print(f"{options.output}: {summary(found.log)}")
        return 1 if found.empty else 0
    print(log_markdown(log_of(found.log, rule=rule, told=found.told)))
    return 0 if found.clean else 1
