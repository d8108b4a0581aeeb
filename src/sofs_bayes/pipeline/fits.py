"""An Analysis and its input → a Run, and a Run → its folder."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sofs_bayes.checks.sensitivity import LeaveOut
from sofs_bayes.errors import BadInput
from sofs_bayes.pipeline.open_fits import fit_open
from sofs_bayes.pipeline.print_fits import fit_printed
from sofs_bayes.pipeline.watching import Progress, silent, versions
from sofs_bayes.reporting import run_folder
from sofs_bayes.reporting.run_folder import Run
from sofs_bayes.reporting.whole_files import sha256
from sofs_bayes.spec import (
    Analysis,
    ChildrenAnalysis,
    HierarchicalAnalysis,
    PrintedAnalysis,
    fingerprint,
)

if TYPE_CHECKING:
    from sofs_bayes.pipeline.children_fits import ChildrenPrograms


def fit(
    analysis: Analysis,
    data: Sequence[Path | str] = (),
    *,
    leave_out: LeaveOut = "pilots",
    quick: bool = False,
    unfinished: Path | str | None = None,
    programs: "ChildrenPrograms | None" = None,
    progress: Progress = silent,
) -> Run:
    """The run of any analysis.

    Parameters
    ----------
    analysis
        As `load` reads it.
    data
        Open data: DfE files, or one panel file. A hierarchical analysis: cells or matched
        children, a file or the folder that `collapse` or `match` wrote. None for a printed
        analysis, which has its own.
    leave_out
        Whether a fit is repeated without each pilot or authority.
    quick
        Whether a hierarchical analysis is fitted under its effect priors only, without refits.
    unfinished
        A folder that keeps the finished fits of a hierarchical analysis, so that after an
        interruption they are not made again; `save` is to be given it too, to delete it.
    programs
        A dictionary that keeps what was compiled. Variants of a hierarchical analysis that are
        given the same one are compiled once, as far as their model's form is the same.

    Raises
    ------
    BadInput
        Data missing, superfluous or unusable.
    """
    if isinstance(analysis, PrintedAnalysis):
        if data:
            raise BadInput(data[0], "", "data", "none: a printed analysis has its own")
        return fit_printed(analysis, progress=progress)
    if isinstance(analysis, ChildrenAnalysis):
        allowed = "another kind (children's records: match, replicate, and fit icpc-linear)"
        raise BadInput(analysis.name, "kind", repr(analysis.kind), allowed)
    if isinstance(analysis, HierarchicalAnalysis):
        if len(data) != 1:
            found = f"{len(data)} files or folders" if data else "no data"
            raise BadInput(analysis.name, "", found, "one: cells, or matched children")
        return _fit_children(
            analysis,
            Path(data[0]),
            leave_out=leave_out,
            quick=quick,
            unfinished=unfinished,
            programs=programs,
            progress=progress,
        )
    from sofs_bayes.records.open_data import read_panel

    if not data:
        raise BadInput(analysis.name, "", "no data", "DfE files, or a panel CSV")
    panel = read_panel(data, analysis.data)
    return fit_open(analysis, panel, leave_out=leave_out, progress=progress)


def _fit_children(
    analysis: HierarchicalAnalysis,
    data: Path,
    *,
    leave_out: LeaveOut,
    quick: bool,
    unfinished: Path | str | None,
    programs: "ChildrenPrograms | None",
    progress: Progress,
) -> Run:
    from sofs_bayes.pipeline.children_fits import children_file, fit_children
    from sofs_bayes.pipeline.fit_store import open_store

    store = None
    if unfinished is not None:
        key = {
            "analysis_sha256": fingerprint(analysis),
            "data_sha256": sha256(children_file(data)),
            "versions": versions(),
        }
        store = open_store(Path(unfinished), key)
    return fit_children(
        analysis,
        data,
        leave_out=leave_out,
        quick=quick,
        store=store,
        programs=programs,
        progress=progress,
    )


def save(
    run: Run,
    folder: Path | str,
    *,
    replace: bool = False,
    unfinished: Path | str | None = None,
) -> None:
    """Write a run folder, whole or not at all, and delete what `fit` kept meanwhile.

    Raises
    ------
    BadInput
        The folder exists (and `replace` is false, or it is no run folder), or cannot be written.
    """
    run_folder.write(run, Path(folder), versions=versions(), replace=replace)
    if unfinished is not None:
        shutil.rmtree(unfinished, ignore_errors=True)
