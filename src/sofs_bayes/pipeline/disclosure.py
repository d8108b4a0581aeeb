"""A folder of results → what may leave a secure setting, as a folder, and the log."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sofs_bayes.errors import BadInput
from sofs_bayes.folders.places import check_target
from sofs_bayes.folders.whole import new_folder
from sofs_bayes.reporting.disclosure.folders import Judged, judged_folder
from sofs_bayes.reporting.disclosure.ledger import beside, earlier_runs, write_log
from sofs_bayes.reporting.disclosure.log import LogLine
from sofs_bayes.reporting.disclosure.rules import OutputRule
from sofs_bayes.reporting.disclosure.runs import Released, cleared, refused, released
from sofs_bayes.reporting.run_folder import Run, fill


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosed:
    """What `disclose` found.

    Attributes
    ----------
    clean
        Whether everything may leave as it is.
    log
        A line per output and rule.
    rule
        The rules that were applied.
    """

    clean: bool
    log: tuple[LogLine, ...]
    rule: OutputRule


def disclose(
    folder: Path | str,
    output: Path | str | None = None,
    *,
    rule: OutputRule | None = None,
    earlier: Sequence[Path | str] = (),
    replace: bool = False,
) -> Disclosed:
    """Check every file of a folder that this package wrote, and copy what may leave.

    Parameters
    ----------
    folder
        A run folder, or one that a verb wrote.
    output
        A new folder for what may leave (suppressed where needed, refused files left out), with
        the log; nothing is written without it.
    rule
        Default: the usual rules, threshold 10.
    earlier
        Folders of earlier exports, with their `disclosure.json`: groups of children that the
        difference would tell are suppressed.

    Raises
    ------
    BadInput
        No such folder, an empty one, or an output that exists.
    """
    folder, rule = Path(folder), rule or OutputRule()
    if not folder.is_dir():
        raise BadInput(folder, "", "no such folder", "a folder that sofs-bayes wrote")
    if not any(path.is_file() for path in folder.rglob("*")):
        raise BadInput(folder, "", "an empty folder", "a folder that sofs-bayes wrote")
    if output is not None:
        output = Path(output)
        check_target(output, written_by="disclose", inputs=[folder], replace=replace)
    known = earlier_runs([Path(each) for each in earlier])
    found = judged_folder(folder, rule, earlier=known)
    if output is not None:
        _write(folder, output, found, rule, replace=replace)
    return Disclosed(clean=found.clean, log=found.log, rule=rule)


def cleared_runs(
    runs: Sequence[Run],
    rule: OutputRule,
    earlier: Sequence[Released],
    *,
    places: Sequence[Path | str],
) -> tuple[tuple[Run, ...], tuple[LogLine, ...], tuple[Released, ...]]:
    """The runs without what may not leave, each also judged beside those before it.

    Parameters
    ----------
    places
        What a refusal calls each run: its folder, or its analysis.

    Returns
    -------
    runs, log, released
        The last are the counts that leave: what later exports are checked against.

    Raises
    ------
    BadInput
        A run that may not leave at all.
    """
    known, found, log = list(earlier), list[Run](), list[LogLine]()
    for run, place in zip(runs, places, strict=True):
        one, lines = cleared(run, rule, earlier=known)
        if reason := refused(lines):
            raise BadInput(place, "disclosure check", "a run that may not leave", reason)
        known.append(released(one))
        found.append(one)
        log += lines
    return tuple(found), tuple(log), tuple(known[len(earlier) :])


def _write(folder: Path, output: Path, found: Judged, rule: OutputRule, *, replace: bool) -> None:
    with new_folder(output, written_by="disclose", inputs=[folder], replace=replace) as scratch:
        for path in found.copies:
            target = scratch / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        for path, text in found.texts.items():
            target = scratch / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8", newline="")
        for home, run in found.runs.items():
            target = scratch / home.relative_to(folder)
            target.mkdir(parents=True, exist_ok=True)
            fill(run, target)
        for path in beside(scratch)[:2]:  # the log of the export itself stays
            if path.exists():
                path.rename(path.with_name(f"export-{path.name}"))
        write_log(scratch, found.log, rule=rule, runs=found.released)
