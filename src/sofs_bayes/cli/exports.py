"""What verbs that write for readers have in common: the runs, as far as they may leave."""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sofs_bayes.cli.arguments import Numbers, Parser, Wholes
from sofs_bayes.errors import BadInput
from sofs_bayes.folders.given import check_there

if TYPE_CHECKING:
    from sofs_bayes.disclosure.ledger import Ledger, Released
    from sofs_bayes.disclosure.log import LogLine
    from sofs_bayes.disclosure.rules import OutputRule
    from sofs_bayes.runs.run_folder import Run
    from sofs_bayes.tables.formats import Table

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
    told
        What the runs tell: what later exports are checked against.
    ledger
        What is out already; what leaves is noted there first.
    """

    runs: "tuple[Run, ...]"
    log: "tuple[LogLine, ...]"
    rule: "OutputRule"
    told: "tuple[Released, ...]"
    ledger: "Ledger | None"

    @property
    def public(self) -> bool:
        """Whether all rests on what is public already, so that there is nothing to log."""
        return self.ledger is None

    def tables(self, tables: "Iterable[Table]") -> "list[Table]":
        """Tables made from the runs, checked once more by what their columns hold."""
        from sofs_bayes.disclosure.origin import declared
        from sofs_bayes.release.tables import cleared_table

        said = "; ".join(dict.fromkeys(filter(None, (declared(r.analysis) for r in self.runs))))
        return [cleared_table(table, self.rule, published=said)[0] for table in tables]

    def log_in(self, folder: Path) -> None:
        """Note what leaves in the ledger, and write its log into the folder that holds it."""
        from sofs_bayes.disclosure.exported import digests_of, log_files, write_log

        if self.ledger is not None:
            self.ledger.add(self.told)
            files, digests = log_files(folder, inside=True), digests_of(folder)
            write_log(files, self.log, rule=self.rule, told=self.told, digests=digests)

    def write(self, target: Path, write: Callable[[Path], object]) -> None:
        """Write a file or folder: noted in the ledger first, then its log and it itself.

        They are all there in the end, or neither log nor file.

        Parameters
        ----------
        write
            Writes it to the path it is given, of the same name.

        Raises
        ------
        BadInput
            Its log is there already, or it cannot be written.
        """
        from sofs_bayes.disclosure.exported import log_files, log_texts
        from sofs_bayes.folders.manifest import NAME, sha256
        from sofs_bayes.folders.temporary import temporary_folder
        from sofs_bayes.folders.whole import new_files, new_folder

        if self.ledger is None:
            write(target)
            return
        with temporary_folder() as scratch:
            made = scratch / target.name
            write(made)
            inside = made.is_dir()
            files = log_files(target, inside=inside)
            if inside:
                with new_folder(target, written_by="effects") as folder:
                    for path in (path for path in made.iterdir() if path.name != NAME):
                        (folder / path.name).write_bytes(path.read_bytes())
                    self.log_in(folder)
            else:
                told, digests = self.told, {target.name: sha256(made)}
                texts = log_texts(self.log, rule=self.rule, told=told, digests=digests)
                with new_files([*files, target]) as put:
                    self.ledger.add(told)
                    put([*texts, made.read_bytes()])
        self.say(files[1])

    def say(self, log: Path | None = None) -> None:
        """One line to stderr on what was suppressed; for output to a terminal, without a file."""
        from sofs_bayes.disclosure.log import summary

        where = f"; log: {log}" if log else ""
        print(f"disclosure check: {summary(self.log)}{where}", file=sys.stderr)


def add_disclosure_options(verb: Parser) -> None:
    """The options of the disclosure check, the same for every verb that releases something."""
    group = verb.group("disclosure check (results of children's records)")
    group.option(
        "--threshold",
        Wholes(least=1),
        "N",
        "fewest children behind a number (10)",
        default=USUAL_THRESHOLD,
    )
    group.flag(
        "--lower-threshold-agreed",
        "needed for a threshold below 10: the custodian agreed; the log says so",
    )
    group.option(
        "--ledger",
        Path,
        "FILE",
        "all that was released before, kept by the custodian; default: SOFS_BAYES_LEDGER, or"
        " disclosure-ledger.jsonl in the working folder or above it",
    )
    group.flag("--no-ledger", "do not look at earlier releases, nor note this one; the log says so")
    group.option(
        "--earlier",
        Path,
        "FOLDER",
        "further ledgers or exports: what could be found by differencing is suppressed",
        nargs="+",
        default=(),
    )


def add_level(verb: Parser) -> None:
    """The option of another level of credible intervals."""
    verb.option(
        "--level",
        Numbers(above=0.0, below=1.0),
        "LEVEL",
        "of credible intervals of effects, as 0.95; default: as the analysis declares",
    )


def rule_of(options: argparse.Namespace) -> "OutputRule":
    """The rules that the options ask for; what `--earlier` names is there."""
    for place in options.earlier:
        check_there(place, "a ledger, or a folder of an earlier export")
    if options.threshold < USUAL_THRESHOLD and not options.lower_threshold_agreed:
        allowed = f"{USUAL_THRESHOLD} or more; lower ones with --lower-threshold-agreed"
        raise BadInput("--threshold", "", str(options.threshold), allowed)
    from sofs_bayes.disclosure.rules import OutputRule

    return OutputRule(threshold=options.threshold, agreed=options.lower_threshold_agreed)


def ledger_of(options: argparse.Namespace) -> Path | bool | None:
    """The ledger that the options ask for, as `open_ledger` takes it."""
    if options.no_ledger and options.ledger:
        raise BadInput("--no-ledger", "", "--ledger beside it", "one of the two")
    return False if options.no_ledger else options.ledger


def _of_children(folder: Path) -> bool:
    """Whether a folder beside the runs is of matched children, whatever it says of itself."""
    from sofs_bayes.folders.manifest import read_manifest

    try:
        return read_manifest(folder).written_by == "replicate"
    except BadInput:  # refused where it is read, or a folder of several calibrations
        return False


@contextmanager
def export_of(folders: Sequence[Path], options: argparse.Namespace) -> Iterator[Export]:
    """The runs in the folders, cleared under the options of `add_disclosure_options`.

    The ledger is kept from other processes until the block ends; public runs need none.

    Raises
    ------
    BadInput
        A folder that is no run, or a run that may not leave at all.
    """
    from sofs_bayes.disclosure.ledger import open_ledger
    from sofs_bayes.disclosure.origin import published_where
    from sofs_bayes.pipeline.disclosure import cleared_runs
    from sofs_bayes.pipeline.levels import read_run
    from sofs_bayes.release.runs import cleared_together

    rule, ledger = rule_of(options), ledger_of(options)
    runs = [read_run(folder, level=options.level) for folder in folders]
    public = all(published_where(run.evidence, run.analysis) for run in runs)
    if public and not any(map(_of_children, getattr(options, "beside", ()))):
        opened, logs, _ = cleared_together(runs, rule)
        log = tuple(line for each in logs for line in each)
        yield Export(runs=opened, log=log, rule=rule, told=(), ledger=None)
        return
    with open_ledger(ledger, earlier=options.earlier) as book:
        opened, log, told = cleared_runs(runs, rule, book, places=folders)
        yield Export(runs=opened, log=log, rule=rule, told=told, ledger=book)
