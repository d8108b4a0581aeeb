"""What an export writes beside itself: the log for the custodian, before anything else."""

import os
from collections.abc import Sequence
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sofs_bayes.disclosure.ledger import EXPORTED, LEFT_OUT, Ledger
from sofs_bayes.disclosure.log import Log, LogLine, log_csv, log_json, log_markdown
from sofs_bayes.folders.manifest import files_in, sha256
from sofs_bayes.folders.whole import new_files

NAME = EXPORTED.removesuffix(".json")
ENDINGS = (".csv", ".md", ".json")
DATED = "SOURCE_DATE_EPOCH"  # what reproducible builds call the time they are to be of


def log_files(target: Path, *, inside: bool) -> tuple[Path, ...]:
    """The files of the log: inside an exported folder, or beside an exported file."""
    if inside:
        return tuple(target / f"{NAME}{ending}" for ending in ENDINGS)
    return tuple(target.with_name(f"{target.name}.{NAME}{ending}") for ending in ENDINGS)


def ledger_line(ledger: Ledger) -> LogLine:
    """What the log says of the ledger."""
    count = len(ledger.before)
    return LogLine(
        output="ledger",
        about="ledger",
        what="released before",
        rule="judged beside all that was released of the same people, whatever it is called",
        result="passed",
        action=LEFT_OUT
        if ledger.path is None
        else f"{count} release{'s' * (count != 1)} in {ledger.path.name}",
    )


def log_of(lines: Sequence[LogLine], **how: Any) -> Log:
    """A log of today, by this package; `how` are the other fields of `Log`.

    Today is what SOURCE_DATE_EPOCH says, if it is set, so that the same bytes can be made again.
    """
    seconds = os.environ.get(DATED, "")
    day = datetime.fromtimestamp(int(seconds), UTC).date() if seconds.isdecimal() else date.today()
    return Log(lines=lines, date=day.isoformat(), version=version("sofs-bayes"), **how)


def log_texts(lines: Sequence[LogLine], **how: Any) -> tuple[str, str, str]:
    """The texts of `log_files`; `how` as in `log_of`."""
    log = log_of(lines, **how)
    return log_csv(lines), log_markdown(log), log_json(log)


def write_log(files: Sequence[Path], lines: Sequence[LogLine], **how: Any) -> None:
    """Write the log to new files, all or none, through no link; synced.

    Parameters
    ----------
    files
        As `log_files` names them.
    how
        As `log_of` takes it.

    Raises
    ------
    BadInput
        One of them exists, or cannot be written.
    """
    with new_files(files) as put:
        put(log_texts(lines, **how))


def digests_of(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder, by its path there."""
    return {path.relative_to(folder).as_posix(): sha256(path) for path in files_in(folder)}
