"""The main job: every bundled analysis fitted, and one folder with page, tables and figures."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sofs_bayes import spec
from sofs_bayes.checks.sensitivity import LeaveOut
from sofs_bayes.errors import SofsBayesError
from sofs_bayes.pipeline.fits import save
from sofs_bayes.pipeline.open_fits import Programs, fit_open
from sofs_bayes.pipeline.print_fits import fit_printed
from sofs_bayes.pipeline.watching import Progress, silent, versions
from sofs_bayes.published.facts import facts_sha256
from sofs_bayes.reporting import run_folder
from sofs_bayes.reporting.run_folder import Run
from sofs_bayes.reporting.whole_files import check_target
from sofs_bayes.spec import OpenAnalysis, PrintedAnalysis

if TYPE_CHECKING:
    from sofs_bayes.records.panel import Panel

WORD = "report.docx"
MAIN_OPEN = "icpc-open-data"  # the analysis of open data that is refitted without single pilots


def reanalyse(
    target: Path,
    *,
    open_data: Sequence[Path] = (),
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
        DfE files; without any the printed tables stand alone.
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
    check_target(target, replace=replace)
    analyses = [spec.load(path) for path in spec.bundled_models().values()]
    printed = [each for each in analyses if isinstance(each, PrintedAnalysis)]
    opened = [each for each in analyses if isinstance(each, OpenAnalysis) and open_data]
    panels = {each.name: _checked_panel(each, open_data) for each in opened}
    work = target.parent / f".{target.name}.partial"
    (work / "runs").mkdir(parents=True, exist_ok=True)
    for analysis in printed:
        _finish(work, fit_printed(analysis, progress=progress))
    programs: Programs = {}
    for each in opened:
        own: LeaveOut = leave_out if each.name == MAIN_OPEN else "none"
        inputs = {source.file: source.sha256 for source in panels[each.name].sources}
        if _is_finished(work / "runs" / each.name, each, inputs, own):
            progress(f"{each.name}: already finished")
            continue
        panel = panels[each.name]
        _finish(work, fit_open(each, panel, leave_out=own, progress=progress, programs=programs))
    progress("page, tables and figures")
    order = [analysis.name for analysis in analyses if analysis in printed or analysis in opened]
    for path in (work / "runs").iterdir():
        if path.name not in order:  # of an earlier try with other data, or killed half-way
            shutil.rmtree(path)
    runs = [run_folder.read(work / "runs" / name) for name in sorted(order, key=_reading_order)]
    status = _write_results(work, runs)
    if target.exists():
        shutil.rmtree(target)
    work.chmod(0o755)
    work.replace(target)
    return status


def _reading_order(name: str) -> tuple[int, str]:
    """The main analyses first, then those that differ from them in one respect."""
    first = ("icpc-printed", "cla-printed", MAIN_OPEN)
    return (first.index(name) if name in first else len(first), name)


def _checked_panel(analysis: OpenAnalysis, files: Sequence[Path]) -> "Panel":
    """The panel an analysis counts, refused now if its design cannot be fitted to it."""
    from sofs_bayes.matching.authorities import choose_comparators
    from sofs_bayes.records.open_data import read_panel

    panel = read_panel(files, analysis.data)
    choose_comparators(panel, analysis.design, file=analysis.name)
    return panel


def _finish(work: Path, run: Run) -> None:
    folder = work / "runs" / run.analysis.name
    shutil.rmtree(folder, ignore_errors=True)  # ours, whatever an earlier try left of it
    save(run, folder)


def _is_finished(
    folder: Path, analysis: spec.Analysis, inputs: dict[str, str], leave_out: LeaveOut
) -> bool:
    """Whether an earlier, interrupted re-analysis finished this very fit."""
    wanted = {
        "analysis_sha256": spec.fingerprint(analysis),
        "facts_sha256": facts_sha256(),
        "inputs_sha256": inputs,
        "options": {"leave_out": leave_out},
        "versions": versions(),
    }
    try:
        run_folder.read(folder)
    except SofsBayesError:  # not there, or cut off half-way: it is fitted again
        return False
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text("utf-8"))
    return all(manifest.get(key) == value for key, value in wanted.items())


def _write_results(work: Path, runs: Sequence[Run]) -> str:
    from sofs_bayes.published.audit import audit
    from sofs_bayes.reporting.report import write_report
    from sofs_bayes.reporting.word_page import write_word

    for name in ("tables", "figures"):
        shutil.rmtree(work / name, ignore_errors=True)
    (work / WORD).unlink(missing_ok=True)
    status = "converged" if all(run.status == "converged" for run in runs) else "not converged"
    page = write_report(work, runs, audit(), versions=versions())
    write_word(page, work / WORD, figures=work / "figures")
    manifest = {
        "status": status,
        "analyses_sha256": {run.analysis.name: spec.fingerprint(run.analysis) for run in runs},
        "evidence": {run.analysis.name: run.evidence for run in runs},
        "facts_sha256": facts_sha256(),
        "inputs_sha256": {name: value for run in runs for name, value in run.inputs.items()},
        "seconds": {run.analysis.name: sum(run.seconds.values()) for run in runs},
        "versions": versions(),
    }
    text = json.dumps(manifest, indent=2, ensure_ascii=False)
    (work / "manifest.json").write_text(text + "\n", encoding="utf-8")
    return status
