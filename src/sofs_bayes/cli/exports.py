"""What verbs that write for readers have in common: the runs, as far as they may leave."""

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sofs_bayes.errors import BadInput

if TYPE_CHECKING:
    from sofs_bayes.reporting.disclosure.log import LogLine
    from sofs_bayes.reporting.disclosure.rules import OutputRule
    from sofs_bayes.reporting.disclosure.runs import Released
    from sofs_bayes.reporting.run_folder import Run
    from sofs_bayes.reporting.tables import Table

USUAL_THRESHOLD = 10  # of `OutputRule`, which --help need not wait for


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """Runs without what may not leave a secure setting, and the log of it.

    Attributes
    ----------
    runs
        In the order of their folders.
    log, rule
        What was checked and done, under which rules.
    released
        The counts that leave: what later exports are checked against.
    """

    runs: "tuple[Run, ...]"
    log: "tuple[LogLine, ...]"
    rule: "OutputRule"
    released: "tuple[Released, ...]"

    @property
    def public(self) -> bool:
        """Whether all rests on what is public already, so that there is nothing to log."""
        from sofs_bayes.reporting.disclosure.runs import PUBLIC

        return all(run.evidence in PUBLIC for run in self.runs)

    def tables(self, tables: "Iterable[Table]") -> "list[Table]":
        """Tables made from the runs, checked once more by what their columns hold."""
        from sofs_bayes.reporting.disclosure.tables import cleared_table

        return [cleared_table(table, self.rule)[0] for table in tables]

    def write_log(self, target: Path, files: Iterable[Path] | None = None) -> None:
        """Write the log into an exported folder or beside an exported file, and say so."""
        from sofs_bayes.reporting.disclosure.ledger import beside, write_log

        write_log(target, self.log, rule=self.rule, runs=self.released, files=files)
        self.say(beside(target)[1])

    def say(self, log: Path | None = None) -> None:
        """One line to stderr on what was suppressed: for output to a terminal, without a file."""
        from sofs_bayes.reporting.disclosure.log import summary

        where = f"; log: {log}" if log else ""
        print(f"disclosure check: {summary(self.log)}{where}", file=sys.stderr)


def add_disclosure_options(verb: argparse.ArgumentParser) -> None:
    """The options of the disclosure check, the same for every verb that exports."""
    group = verb.add_argument_group("disclosure check (results of children's records)")
    group.add_argument(
        "--threshold",
        type=int,
        default=USUAL_THRESHOLD,
        metavar="N",
        help="fewest children behind a number (10)",
    )
    group.add_argument(
        "--lower-threshold-agreed",
        action="store_true",
        help="needed for a threshold below 10: the custodian agreed; the log says so",
    )
    group.add_argument(
        "--earlier",
        nargs="+",
        type=Path,
        default=(),
        metavar="FOLDER",
        help="earlier exports of the same children: what differences would tell is suppressed",
    )


def rule_of(options: argparse.Namespace) -> "OutputRule":
    """The rules that the options ask for."""
    if options.threshold < USUAL_THRESHOLD and not options.lower_threshold_agreed:
        allowed = f"{USUAL_THRESHOLD} or more; lower ones with --lower-threshold-agreed"
        raise BadInput("--threshold", "", str(options.threshold), allowed)
    from sofs_bayes.reporting.disclosure.rules import OutputRule

    return OutputRule(threshold=options.threshold, agreed=options.lower_threshold_agreed)


def export_of(folders: Sequence[Path], options: argparse.Namespace) -> Export:
    """The runs in the folders, cleared under the options of `add_disclosure_options`.

    Raises
    ------
    BadInput
        A folder that is no run, or a run that may not leave at all.
    """
    from sofs_bayes.reporting.disclosure.ledger import earlier_runs

    return _cleared(folders, rule_of(options), earlier_runs(options.earlier))


def _cleared(folders: Sequence[Path], rule: "OutputRule", earlier: "Sequence[Released]") -> Export:
    from sofs_bayes.pipeline.disclosure import cleared_runs
    from sofs_bayes.reporting.run_folder import read

    runs, log, released = cleared_runs(
        [read(folder) for folder in folders], rule, earlier, places=folders
    )
    return Export(runs=runs, log=log, rule=rule, released=released)
