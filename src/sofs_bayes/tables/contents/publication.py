"""Runs → the tables of a publication, by kind."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from sofs_bayes.errors import BadInput
from sofs_bayes.folders.places import Paths, paths
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.tables.contents.calibration import summary_table
from sofs_bayes.tables.contents.comparison import comparison_tables
from sofs_bayes.tables.contents.diagnostics import diagnostics_tables
from sofs_bayes.tables.contents.effects import effects_tables
from sofs_bayes.tables.contents.pilots import pilots_tables
from sofs_bayes.tables.contents.priors import priors_tables
from sofs_bayes.tables.contents.publication_beside import calibrated_folders
from sofs_bayes.tables.contents.publication_thresholds import thresholds_tables
from sofs_bayes.tables.contents.report_layout import report_layout_tables
from sofs_bayes.tables.formats import Table

Maker = Callable[[Sequence[Run], Sequence[Path]], list[Table]]


def _calibrations(_: Sequence[Run], beside: Sequence[Path]) -> list[Table]:
    found = calibrated_folders(beside)
    return [summary_table(found)] if found else []


_MAKERS: Mapping[str, Maker] = {
    "effects": lambda runs, _: effects_tables(runs),
    "report": report_layout_tables,
    "pilots": pilots_tables,
    "priors": priors_tables,
    "thresholds": thresholds_tables,
    "comparison": comparison_tables,
    "diagnostics": diagnostics_tables,
    "calibration": _calibrations,
}
KINDS = tuple(_MAKERS)
_NEEDED: Mapping[str, str] = {
    "effects": "a run",
    "report": "a run of another study, or one that stands for a column of Tables 5 to 7",
    "pilots": "a run with effects of single pilots: of children, or of open counts",
    "priors": "a run",
    "thresholds": "a run with rows of thresholds, or statements on the risk scale",
    "comparison": (
        "a run with a single effect, and beside it another run of the same outcome or, with"
        " --beside FOLDER, what replicate wrote"
    ),
    "diagnostics": "a run",
    "calibration": "what calibrate wrote, with --beside FOLDER",
}


# Kinds for which a run alone has nothing.
OF_BESIDE = ("comparison", "calibration")


class NothingToShow(BadInput):
    """A kind of tables for which the runs have no rows."""


def publication_tables(kind: str, runs: Sequence[Run], *, beside: Paths = ()) -> tuple[Table, ...]:
    """The tables of one kind that the runs have rows for.

    Parameters
    ----------
    kind
        One of `KINDS`.
    runs
        Any mixture of runs; those that have nothing to say about a kind add nothing to it.
    beside
        Further folders: those `replicate` wrote, for the published regressions' own numbers
        (comparison), and those `calibrate` wrote (calibration).

    Returns
    -------
    At least one table; names differ, so that they can name files and sheets.

    Raises
    ------
    BadInput
        There is no such kind, or (`NothingToShow`) nothing to show for it: the message says what
        it needs.

    Examples
    --------
    >>> sb.publication_tables("effects", [sb.fit("icpc-printed")])[0].evidence
    'published-inferred'
    """
    if kind not in KINDS:
        raise BadInput("tables", "kind", repr(kind), ", ".join(KINDS))
    tables = [table for table in _MAKERS[kind](runs, paths(beside)) if table.rows]
    if not tables:
        found = ", ".join(run.analysis.name for run in runs) or "no runs"
        raise NothingToShow(f"tables of kind {kind}", "", found, _NEEDED[kind])
    return named_apart(tables)


def named_apart(tables: Sequence[Table]) -> tuple[Table, ...]:
    """The same tables, those of a name that an earlier one has with a number behind it."""
    seen: Counter[str] = Counter()
    named = []
    for table in tables:
        seen[table.name] += 1
        count = seen[table.name]
        named.append(table if count == 1 else replace(table, name=f"{table.name}-{count}"))
    return tuple(named)
