"""The main job: every bundled analysis fitted, and one folder with page, tables and figures."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sofs_bayes import spec
from sofs_bayes.folders.manifest import versions, write_manifest
from sofs_bayes.folders.places import Paths, paths
from sofs_bayes.folders.store import Store
from sofs_bayes.folders.whole import claim
from sofs_bayes.pipeline.print_fits import fit_printed
from sofs_bayes.pipeline.watching import Progress, silent
from sofs_bayes.pipeline.work_keys import work_key
from sofs_bayes.published.facts import facts_sha256
from sofs_bayes.reporting import run_folder
from sofs_bayes.reporting.run_folder import Run
from sofs_bayes.spec import OpenAnalysis, PrintedAnalysis
from sofs_bayes.spec.keys import LeaveOut

if TYPE_CHECKING:
    from sofs_bayes.pipeline.did_fits import Programs
    from sofs_bayes.pipeline.did_sources import Source

WORD = "report.docx"
MAIN_OPEN = "icpc-open-data"  # the analysis of open data that is refitted without single pilots


def reanalyse(
    target: Path | str,
    *,
    open_data: Paths = (),
    replace: bool = False,
    leave_out: LeaveOut = "pilots",
    progress: Progress = silent,
) -> str:
    """The whole re-analysis into a new folder.

    What is finished is kept beside the target until all is done, so that an interrupted
    re-analysis goes on where it stopped.

    Parameters
    ----------
    target
        The folder to make: `index.html`, `report.docx`, `tables/`, `figures/`, `runs/`,
        `manifest.json`.
    open_data
        DfE files; without any the printed tables stand alone. What the files do not count is
        taken from the counts that are part of the package.
    replace
        Whether a result that this function wrote earlier may be replaced.
    leave_out
        Whether the main open-data fit is repeated without single authorities.

    Returns
    -------
    str
        `converged`, or `not converged` if a check refused any of the results.

    Raises
    ------
    BadInput
        The target exists or cannot be written, or the open data cannot be used; nothing is
        written then.
    """
    from sofs_bayes.pipeline.did_sources import files_for, source_of

    files = paths(open_data)
    analyses = [spec.load(path) for path in spec.bundled_models().values()]
    printed = [each for each in analyses if isinstance(each, PrintedAnalysis)]
    opened = [each for each in analyses if isinstance(each, OpenAnalysis) and files]
    with claim(Path(target), written_by="reanalyse", inputs=files, replace=replace) as place:
        own_files = files_for(opened, files)
        sources = {each.name: source_of(each, own_files[each.name]) for each in opened}
        kept = place.unfinished
        packs = {each.name: _printed(each, kept, progress) for each in printed}
        programs: Programs = {}
        for each in opened:
            own: LeaveOut = leave_out if each.name == MAIN_OPEN else "none"
            how = {"leave_out": own, "programs": programs, "progress": progress}
            packs[each.name] = _opened(each, sources[each.name], kept, how)
        progress("page, tables and figures")
        names = sorted(packs, key=_reading_order)
        with place.folder() as folder:
            for name in names:
                run_folder.unpack(packs[name], folder / "runs" / name)
            runs = [run_folder.read(folder / "runs" / name) for name in names]
            status = _write_results(folder, runs)
        place.finish()
    return status


def _printed(analysis: PrintedAnalysis, kept: Path, progress: Progress) -> bytes:
    """The packed run of an analysis, made unless an interrupted re-analysis has kept it."""
    store = Store(folder=kept, key=work_key(analysis, {}))
    return _kept(store, analysis.name, lambda: fit_printed(analysis, progress=progress), progress)


def _opened(
    analysis: OpenAnalysis,
    source: "Source",
    kept: Path,
    how: Mapping[str, Any],
) -> bytes:
    """The same of an analysis of open counts, fitted as `how` says."""
    from sofs_bayes.pipeline.did_fits import fit_did

    key = work_key(analysis, source.inputs, leave_out=how["leave_out"])
    fits = Store(folder=kept / analysis.name, key=key)
    return _kept(
        Store(folder=kept, key=key),
        analysis.name,
        lambda: fit_did(analysis, source, store=fits, **how),
        how["progress"],
    )


def _kept(store: Store, name: str, make: Callable[[], Run], progress: Progress) -> bytes:
    if (pack := store.get(name)) is None:
        pack = run_folder.packed(make())
        store.put(name, pack)
    else:
        progress(f"{name}: already finished")
    return pack


def _reading_order(name: str) -> tuple[int, str]:
    """The main analyses first, then those that differ from them in one respect."""
    first = ("icpc-printed", "cla-printed", MAIN_OPEN)
    return (first.index(name) if name in first else len(first), name)


def _write_results(folder: Path, runs: Sequence[Run]) -> str:
    from sofs_bayes.published.audit import audit
    from sofs_bayes.reporting.report import write_report
    from sofs_bayes.reporting.word_page import write_word

    status = "converged" if all(run.status == "converged" for run in runs) else "not converged"
    page = write_report(folder, runs, audit(), versions=versions())
    write_word(page, folder / WORD, figures=folder / "figures")
    manifest = {
        "status": status,
        "analyses_sha256": {run.analysis.name: spec.fingerprint(run.analysis) for run in runs},
        "evidence": {run.analysis.name: run.evidence for run in runs},
        "facts_sha256": facts_sha256(),
        "inputs_sha256": {name: value for run in runs for name, value in run.inputs.items()},
        "seconds": {run.analysis.name: sum(run.seconds.values()) for run in runs},
    }
    write_manifest(folder, manifest, written_by="reanalyse")
    return status
