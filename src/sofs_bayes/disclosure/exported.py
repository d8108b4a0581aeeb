"""What an export writes beside itself: the log for the custodian, before anything else."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from sofs_bayes.disclosure.ledger import EXPORTED, LEFT_OUT, Ledger, Released, releases_text
from sofs_bayes.disclosure.log import LEDGER, LogLine, log_csv, log_markdown
from sofs_bayes.disclosure.rules import OutputRule
from sofs_bayes.folders.manifest import files_in, sha256
from sofs_bayes.folders.whole import write_new

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


def write_log(
    files: Sequence[Path],
    log: Sequence[LogLine],
    *,
    rule: OutputRule,
    told: Sequence[Released],
    digests: Mapping[str, str],
) -> None:
    """Write the log, and what later exports are checked against, to new files.

    Parameters
    ----------
    files
        As `log_files` names them. Made as new files, through no link; synced.
    digests
        SHA-256 of what is exported, by path.

    Raises
    ------
    BadInput
        One of them exists, or cannot be written.
    """
    document = {
        "threshold": rule.threshold,
        "zeros": rule.zeros,
        "releases": releases_text(told),
        "files": dict(digests),
    }
    texts = (
        log_csv(log),
        log_markdown(log, rule=str(rule)),
        json.dumps(document, indent=1, ensure_ascii=False) + "\n",
    )
    for path, text in zip(files, texts, strict=True):
        write_new(path, text)


def digests_of(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder, by its path there."""
    return {path.relative_to(folder).as_posix(): sha256(path) for path in files_in(folder)}
