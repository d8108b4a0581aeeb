"""What an export writes beside itself: the log for the custodian, before anything else."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sofs_bayes.disclosure.ledger import EXPORTED, LEFT_OUT, Ledger, Released, releases_text
from sofs_bayes.disclosure.log import LEDGER, LogLine, log_csv, log_markdown
from sofs_bayes.disclosure.rules import OutputRule
from sofs_bayes.folders.manifest import files_in, sha256
from sofs_bayes.folders.whole import new_files

NAME = EXPORTED.removesuffix(".json")
ENDINGS = (".csv", ".md", ".json")


def log_files(target: Path, *, inside: bool) -> tuple[Path, ...]:
    """The files of the log: inside an exported folder, or beside an exported file."""
    if inside:
        return tuple(target / f"{NAME}{ending}" for ending in ENDINGS)
    return tuple(target.with_name(f"{target.name}.{NAME}{ending}") for ending in ENDINGS)


def ledger_line(ledger: Ledger) -> LogLine:
    """What the log says of the ledger."""
    count = len(ledger.before)
    return LogLine(
        output=LEDGER,
        what="what was released before",
        rule="judged beside all that was released of the same children, whatever it is called",
        result="passed",
        action=LEFT_OUT
        if ledger.path is None
        else f"{count} release{'s' * (count != 1)} in {ledger.path.name}",
    )


def log_texts(
    log: Sequence[LogLine],
    *,
    rule: OutputRule,
    told: Sequence[Released],
    digests: Mapping[str, str],
) -> tuple[str, str, str]:
    """The log, and what later exports are checked against: the texts of `log_files`.

    Parameters
    ----------
    digests
        SHA-256 of what is exported, by path.
    """
    document = {
        "threshold": rule.threshold,
        "zeros": rule.zeros,
        "releases": releases_text(told),
        "files": dict(digests),
    }
    return (
        log_csv(log),
        log_markdown(log, rule=str(rule)),
        json.dumps(document, indent=1, ensure_ascii=False) + "\n",
    )


def write_log(files: Sequence[Path], log: Sequence[LogLine], **how: Any) -> None:
    """Write the log to new files, all or none, through no link; synced.

    Parameters
    ----------
    files
        As `log_files` names them.
    how
        As `log_texts` takes it.

    Raises
    ------
    BadInput
        One of them exists, or cannot be written.
    """
    with new_files(files) as put:
        put(log_texts(log, **how))


def digests_of(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder, by its path there."""
    return {path.relative_to(folder).as_posix(): sha256(path) for path in files_in(folder)}
