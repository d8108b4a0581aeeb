"""Runs → the columns of each printed table that they answer, told apart by evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import Evidence
from sofs_bayes.spec.outcomes import capital
from sofs_bayes.spec.study import words_of
from sofs_bayes.tables.contents.effect_columns import (
    number_format,
)
from sofs_bayes.tables.contents.publication_rows import (
    ReportColumn,
    report_columns,
    table_facts,
)
from sofs_bayes.tables.digits import Format

UNITS = {"log-odds": "log-odds", "risk": "change in risk"}
FROM: Mapping[Evidence, str] = {
    "published": "posteriors from the printed tables",
    "published-inferred": "posteriors from the printed tables",
    "synthetic": "posteriors of simulated children",
    "open-data": "posteriors from open data",
    "unknown-origin": "posteriors from counts of unknown origin",
    "records": "posteriors of children's records",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportGroup:
    """The columns of one printed table whose posteriors rest on the same evidence.

    Number 0: the runs of another study's outcome.
    """

    number: int
    columns: tuple[ReportColumn, ...]
    risk: Format

    @property
    def key(self) -> str:
        """What names of tables have in them."""
        return str(self.number) if self.number else "own"

    @property
    def about(self) -> str:
        """The printed table, or the outcome of another study, in words."""
        if self.number:
            return f"Table {self.number} of the report"
        return capital(words_of(self.columns[0].run.analysis).events)

    @property
    def evidence(self) -> Evidence:
        """What all of its posteriors rest on."""
        return self.columns[0].run.evidence

    def scales(self) -> list[str]:
        """The scales that some column's effects are on, the model's first."""
        there = {e.scale for c in self.columns for e in c.run.effects}
        return [scale for scale in UNITS if scale in there]


def report_groups(runs: Sequence[Run]) -> list[ReportGroup]:
    """The columns of each printed table, in the report's order; no two evidences in a group."""
    found: dict[tuple[int, str, str], list[ReportColumn]] = {}
    for run in runs:
        for column in report_columns(run):
            own = "" if column.table else words_of(run.analysis).events
            found.setdefault((column.table, own, run.evidence), []).append(column)
    groups = []
    for key in sorted(found):
        number, columns = key[0], tuple(sorted(found[key], key=_as_printed))
        groups.append(ReportGroup(number=number, columns=columns, risk=_risk_format(columns)))
    return groups


def _as_printed(column: ReportColumn) -> int:
    """The position of a column in its printed table."""
    names = list(dict.fromkeys(f.column for f in table_facts(column.table)))
    return names.index(column.name) if column.table else 0


def _risk_format(columns: Sequence[ReportColumn]) -> Format:
    rows = [
        each
        for column in columns
        for each in column.run.effects
        if each.scale == "risk" and each.prior == column.run.prior
    ]
    return number_format("risk", [row for row in rows if row.is_effect])


def headings(group: ReportGroup) -> list[str]:
    """The report's headings; with what tells columns apart where several share one."""
    found: list[str] = []
    for column in group.columns:
        own = [each for each in group.columns if each.name == column.name]
        analyses = len({each.run.analysis.name for each in own}) > 1
        readings = len({each.variant for each in own}) > 1
        added = [column.run.analysis.name] * analyses + [str(column.variant)] * readings
        found.append(f"{column.name} ({', '.join(added)})" if added else column.name)
    return [
        f"{name} (no. {found[: i + 1].count(name)})" if found.count(name) > 1 else name
        for i, name in enumerate(found)
    ]
