"""A folder of results → what may leave a secure setting, as a folder, and the log."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sofs_bayes.disclosure.exported import digests_of, ledger_line, log_files, write_log
from sofs_bayes.disclosure.ledger import Ledger, Released, open_ledger
from sofs_bayes.disclosure.log import LogLine
from sofs_bayes.disclosure.rules import OutputRule
from sofs_bayes.errors import BadInput
from sofs_bayes.folders.given import check_there
from sofs_bayes.folders.manifest import NAME as MANIFEST
from sofs_bayes.folders.manifest import read_manifest, write_manifest
from sofs_bayes.folders.places import Paths, check_target, paths
from sofs_bayes.folders.whole import new_folder
from sofs_bayes.release.folders import Judged, judged_folder
from sofs_bayes.release.runs import cleared_together, refused
from sofs_bayes.runs.run_folder import Run, fill

# Verbs whose documents, pictures and tables for readers were checked before they were written.
CHECKED_AS_WRITTEN = frozenset({"report", "figure", "effects"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosed:
    """What `disclose` found.

    Attributes
    ----------
    clean
        Whether everything may leave as it is.
    empty
        Whether nothing may leave: of what is written the log alone is of use.
    log
        A line per output and rule.
    rule
        The rules that were applied.
    told
        Whose children it is of, and what it tells.
    """

    clean: bool
    empty: bool
    log: tuple[LogLine, ...]
    rule: OutputRule
    told: tuple[Released, ...]


def disclose(
    folder: Path | str,
    output: Path | str | None = None,
    *,
    rule: OutputRule | None = None,
    ledger: Path | str | bool | None = None,
    earlier: Paths = (),
    replace: bool = False,
) -> Disclosed:
    """Check every file of a folder that this package wrote, and write anew what may leave.

    Parameters
    ----------
    folder
        A run folder, or one that `match`, `collapse` or `replicate` wrote, or one of such.
    output
        A new folder for what may leave (suppressed where needed, refused files left out), with
        the log; without it nothing is written, nor noted in the ledger.
    rule
        Default: the usual rules, threshold 10.
    ledger
        The file of all that was released before, in which this is noted; False to leave it out,
        which the log says. Default: SOFS_BAYES_LEDGER, or `disclosure-ledger.jsonl` in the
        working folder or the nearest one above it.
    earlier
        Further ledgers, and folders of exports with their `disclosure.json`.
    replace
        Whether an earlier result there may be replaced.

    Returns
    -------
    Disclosed
        The log, whether all is cleared, and what was written.

    Raises
    ------
    BadInput
        No such folder, an empty one, one of `report`, `figure` or `effects`, an output that
        exists, or a ledger that cannot be used.

    Examples
    --------
    >>> found = sb.disclose("runs/icpc", "new-for-release", ledger=False)
    """
    folder, rule = Path(folder), rule or OutputRule()
    if not check_there(folder, "a folder that sofs-bayes wrote").is_dir():
        raise BadInput(folder, "", "a file", "a folder that sofs-bayes wrote")
    if not any(path.is_file() for path in folder.rglob("*")):
        raise BadInput(folder, "", "an empty folder", "a folder that sofs-bayes wrote")
    _check_kind(folder)
    if output is not None:
        output = Path(output)
        check_target(output, written_by="disclose", inputs=[folder], replace=replace)
    with open_ledger(ledger, earlier=paths(earlier)) as book:
        found = judged_folder(folder, rule, book)
        log = (ledger_line(book), *found.log)
        if output is not None:
            _write(output, found, log, rule, book, replace=replace)
    empty = not found.files and not found.runs
    return Disclosed(clean=found.clean, empty=empty, log=log, rule=rule, told=found.told)


def _check_kind(folder: Path) -> None:
    """Refuse the result of a verb that checks what it writes: documents, pictures, tables."""
    try:
        verb = read_manifest(folder).written_by
    except BadInput:  # a folder of such folders, or a damaged one, which is judged file by file
        return
    if verb in CHECKED_AS_WRITTEN:
        found = f"a result of {verb}, which is checked as it is written and not again"
        raise BadInput(
            folder, "", found, "what that was made from: runs, or what is released of them"
        )


def cleared(
    run: Run,
    rule: OutputRule | None = None,
    *,
    ledger: Path | str | bool | None = False,
    earlier: Paths = (),
) -> tuple[Run, tuple[LogLine, ...]]:
    """The run without what may not leave, with sentences on what is missing, and the log.

    Judged by itself unless `ledger` or `earlier` is given: beside what else is out of the same
    children, the run may tell more than it seems to. Nothing is noted in a ledger, as nothing
    leaves by this: `disclose`, `report` and the verbs note what they write.

    Parameters
    ----------
    run
        As `fit` gives it or `read_run` reads it.
    rule
        Default: the usual rules, threshold 10.
    ledger
        The file of all that was released before; None for the one that `disclose` would take.
        False, the default, looks at none, and the log says so.
    earlier
        Further ledgers, and folders of exports with their `disclosure.json`.

    Returns
    -------
    Run, log
        A run without any results if it is refused as a whole; runs on what is public pass.

    Raises
    ------
    BadInput
        A ledger or an export that is not there, or damaged.

    Examples
    --------
    >>> run, log = sb.cleared(sb.read_run("runs/icpc"))
    """
    places = [check_there(each, "a ledger, or a folder of an export") for each in paths(earlier)]
    with open_ledger(ledger, earlier=places) as book:
        (found,), (log,), _ = cleared_together([run], rule, earlier=book.before)
    return found, (ledger_line(book), *log)


def cleared_runs(
    runs: Sequence[Run], rule: OutputRule, ledger: Ledger, *, places: Sequence[Path | str]
) -> tuple[tuple[Run, ...], tuple[LogLine, ...], tuple[Released, ...]]:
    """The runs without what may not leave, each also judged beside those before it.

    Parameters
    ----------
    ledger
        What is out already. The runs are not noted there yet.
    places
        What a refusal calls each run: its folder, or its analysis.

    Returns
    -------
    runs, log, told
        The last is what the runs tell: what later exports are checked against.
    """
    found, logs, told = cleared_together(runs, rule, earlier=ledger.before)
    for log, place in zip(logs, places, strict=True):
        if reason := refused(log):
            raise BadInput(place, "disclosure check", "a run that is not cleared", reason)
    return found, (ledger_line(ledger), *(line for log in logs for line in log)), told


def _write(
    output: Path,
    found: Judged,
    log: Sequence[LogLine],
    rule: OutputRule,
    ledger: Ledger,
    *,
    replace: bool,
) -> None:
    with new_folder(output, written_by="disclose", replace=replace) as scratch:
        for name, write in found.files.items():
            target = scratch / name
            target.parent.mkdir(parents=True, exist_ok=True)
            write(target)
        for name, manifest in found.manifests.items():
            write_manifest(scratch / name, manifest, written_by="disclose")
        for name, run in found.runs.items():
            (scratch / name).mkdir(parents=True, exist_ok=True)
            fill(run, scratch / name, written_by="disclose")
        digests = digests_of(scratch)
        files = log_files(scratch, inside=True)
        write_log(files, log, rule=rule, told=found.told, digests=digests)
        if (scratch / MANIFEST).exists():  # it lists the log as well, as a part of the result
            document = dict(read_manifest(scratch).document)
            write_manifest(scratch, document, written_by="disclose")
        ledger.add(found.told)
