"""Runs of several columns → which of them predicts left-out authority-years best."""

from collections.abc import Sequence

from sofs_bayes.checks.loo import LooResult, compare_fits
from sofs_bayes.checks.registry.leaving_out import LooRow, LooSummary
from sofs_bayes.errors import BadInput
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.tables.contents import comparison_table
from sofs_bayes.tables.formats import Table


def compare(runs: Sequence[Run]) -> Table:
    """Hierarchical runs compared by leave-one-out over the same children.

    Parameters
    ----------
    runs
        Two or more, each as `read_run` gives it.

    Returns
    -------
    Table
        Expected log predictive density of each, and differences from the best.

    Raises
    ------
    BadInput
        A run without leave-one-out, or runs of different children, weights or likelihoods.

    Examples
    --------
    >>> table = sb.compare([sb.read_run("runs/icpc"), sb.read_run("runs/icpc-lagged")])
    """
    loos: dict[str, LooResult] = {}
    for run in runs:
        name = run.analysis.name
        if not (summaries := run.rows(LooSummary)):
            raise BadInput(name, "loo_summary.csv", "nothing", "a run of a hierarchical analysis")
        if name in loos:
            raise BadInput(name, "name", f"{name!r} again", "runs of different names")
        loos[name] = LooResult(summary=summaries[0], rows=run.rows(LooRow))
    passed = all(run.status == "converged" for run in runs)
    return comparison_table(
        compare_fits(loos),
        evidence=runs[0].evidence,
        status="converged" if passed else "not converged",
    )
