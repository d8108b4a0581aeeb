"""What an export writes beside itself: its log, and what later exports are checked against."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sofs_bayes.errors import BadInput
from sofs_bayes.folders.manifest import sha256
from sofs_bayes.reporting.disclosure.arm_counts import ArmCount
from sofs_bayes.reporting.disclosure.log import LogLine, log_csv, log_markdown
from sofs_bayes.reporting.disclosure.rules import OutputRule
from sofs_bayes.reporting.disclosure.runs import Released

NAME = "disclosure"
ENDINGS = (".csv", ".md", ".json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The machine-readable part of a log.

    Attributes
    ----------
    threshold, zeros
        Of the rules under which the files were written.
    runs
        The counts that left with them.
    files
        SHA-256 by path below the folder of the ledger.
    """

    threshold: int
    zeros: bool
    runs: tuple[Released, ...]
    files: dict[str, str]


def beside(path: Path) -> tuple[Path, ...]:
    """The files of the log of an exported file, or of an exported folder (in it)."""
    if path.is_dir():
        return tuple(path / f"{NAME}{ending}" for ending in ENDINGS)
    return tuple(path.with_name(f"{path.name}.{NAME}{ending}") for ending in ENDINGS)


def write_log(
    target: Path,
    log: Sequence[LogLine],
    *,
    rule: OutputRule,
    runs: Sequence[Released],
    files: Iterable[Path] | None = None,
) -> None:
    """Write the log and the ledger beside an exported file, or into an exported folder.

    Parameters
    ----------
    files
        The files of the folder that were written under the rules; default: all of it, or the
        file itself.
    """
    csv_file, markdown, ledger = beside(target)
    own = {csv_file, markdown, ledger}
    if files is None:
        files = sorted(target.rglob("*")) if target.is_dir() else [target]
    digests = {
        path.relative_to(csv_file.parent).as_posix(): sha256(path)
        for path in files
        if path.is_file() and path not in own
    }
    document = {
        "threshold": rule.threshold,
        "zeros": rule.zeros,
        "runs": [asdict(each) for each in runs],
        "files": digests,
    }
    csv_file.write_text(log_csv(log), encoding="utf-8", newline="")
    markdown.write_text(log_markdown(log, rule=str(rule)), encoding="utf-8", newline="")
    ledger.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_ledger(path: Path) -> Ledger:
    """A ledger read back.

    Raises
    ------
    BadInput
        No ledger, or a damaged one.
    """
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        runs = tuple(
            Released(**{**run, "counts": tuple(ArmCount(**each) for each in run["counts"])})
            for run in found["runs"]
        )
        return Ledger(
            threshold=int(found["threshold"]),
            zeros=bool(found["zeros"]),
            runs=runs,
            files=dict(found["files"]),
        )
    except OSError as error:
        allowed = f"a folder with the {NAME}.json of an earlier export"
        raise BadInput(path, "", error.strerror or "an error", allowed) from error
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(path, "", "a damaged file", f"the {NAME}.json of an export") from error


def earlier_runs(folders: Iterable[Path]) -> list[Released]:
    """What earlier exports have released: from the ledgers in the folders named, and below them."""
    found: list[Released] = []
    for folder in folders:
        ledgers = sorted(folder.rglob(f"*{NAME}.json")) if folder.is_dir() else [folder]
        if not ledgers:
            allowed = f"a folder with the {NAME}.json of an earlier export"
            raise BadInput(folder, "", f"no {NAME}.json", allowed)
        for path in ledgers:
            found += read_ledger(path).runs
    return found
