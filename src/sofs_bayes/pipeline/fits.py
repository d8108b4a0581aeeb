"""An Analysis and its input → a Run, and a Run → its folder."""

from collections.abc import Sequence
from pathlib import Path

from sofs_bayes.checks.sensitivity import LeaveOut
from sofs_bayes.errors import BadInput
from sofs_bayes.pipeline.open_fits import fit_open
from sofs_bayes.pipeline.print_fits import fit_printed
from sofs_bayes.pipeline.watching import Progress, silent, versions
from sofs_bayes.reporting import run_folder
from sofs_bayes.reporting.run_folder import Run
from sofs_bayes.spec import Analysis, ChildrenAnalysis, PrintedAnalysis


def fit(
    analysis: Analysis,
    data: Sequence[Path | str] = (),
    *,
    leave_out: LeaveOut = "pilots",
    progress: Progress = silent,
) -> Run:
    """The run of any analysis.

    Parameters
    ----------
    analysis
        As `load` reads it.
    data
        DfE files, or one panel file; none for a printed analysis, which has its own.
    leave_out
        Whether a fit of open data is repeated without each pilot or authority.

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
        allowed = "a printed or an open-data analysis (children's records: match, replicate)"
        raise BadInput(analysis.name, "kind", repr(analysis.kind), allowed)
    from sofs_bayes.records.open_data import read_panel

    if not data:
        raise BadInput(analysis.name, "", "no data", "DfE files, or a panel CSV")
    panel = read_panel(data, analysis.data)
    return fit_open(analysis, panel, leave_out=leave_out, progress=progress)


def save(run: Run, folder: Path | str, *, replace: bool = False) -> None:
    """Write a run folder, whole or not at all.

    Raises
    ------
    BadInput
        The folder exists (and `replace` is false, or it is no run folder), or cannot be written.
    """
    run_folder.write(run, Path(folder), versions=versions(), replace=replace)
