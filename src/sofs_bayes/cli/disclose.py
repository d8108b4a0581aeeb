"""The verb that checks a folder before it leaves: disclose."""

import argparse
from pathlib import Path

from sofs_bayes.cli.arguments import Verbs, add_verb
from sofs_bayes.cli.exports import add_disclosure_options, ledger_of, rule_of


def add_disclose(verbs: Verbs) -> None:
    """`disclose`: a folder → what can be released, and the log for the custodian."""
    verb = add_verb(
        verbs,
        "disclose",
        _disclose,
        "A folder of results → what can be released from a secure setting, with a log.",
        "Only files that a manifest lists, of known kinds, leave: read, checked and written anew."
        " Without -o nothing is written: the log is printed, and the exit code is 1 if anything"
        " is not cleared for release as it is.",
    )
    verb.add_argument("folder", type=Path, help="a folder that sofs-bayes wrote")
    verb.add_argument(
        "-o", "--output", type=Path, metavar="FOLDER", help="a copy of what is cleared, and the log"
    )
    verb.add_argument("--replace", action="store_true", help="replace an earlier copy")
    add_disclosure_options(verb)


def _disclose(options: argparse.Namespace) -> int:
    rule = rule_of(options)
    from sofs_bayes.disclosure.exported import log_of
    from sofs_bayes.disclosure.log import log_markdown, summary
    from sofs_bayes.pipeline.disclosure import disclose

    found = disclose(
        options.folder,
        options.output,
        rule=rule,
        ledger=ledger_of(options),
        earlier=options.earlier,
        replace=options.replace,
    )
    if options.output:
        print(f"{options.output}: {summary(found.log)}")
        return 0
    print(log_markdown(log_of(found.log, rule=rule, told=found.told)))
    return 0 if found.clean else 1
