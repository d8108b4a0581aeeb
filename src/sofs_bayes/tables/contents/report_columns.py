"""Columns and rows of the report's Tables 5 to 7 ↔ the effects of runs, told apart by evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sofs_bayes.estimands import POOLED, EffectRow
from sofs_bayes.frequentist.printed_rows import term_of
from sofs_bayes.frequentist.term import (
    OTHERS,
    OWN_OTHERS,
    OWN_SCORE,
    SCORES,
    post_name,
    since_name,
)
from sofs_bayes.published.facts import Fact, load_facts
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import Evidence, HierarchicalAnalysis, OpenAnalysis, PrintedAnalysis
from sofs_bayes.spec.keys import (
    AFTER,
    APART,
    HEADLINE,
    IN_YEAR,
    PER_UNIT,
    PRINTED,
    Estimand,
    Variant,
)
from sofs_bayes.spec.outcomes import capital
from sofs_bayes.spec.study import of_report, words_of
from sofs_bayes.tables.contents.effect_columns import number_format
from sofs_bayes.tables.contents.monte_carlo import max_error
from sofs_bayes.tables.contents.publication_numbers import above_zero
from sofs_bayes.tables.digits import Estimate, Format

OUTCOME_OF_TABLE: Mapping[int, str] = {5: "ICPC", 6: "ICPC", 7: "CLA"}
FROM_PRINT = {
    "did": Estimand(role=PRINTED, scale=""),
    "pilot": Estimand(role="pilot difference", scale=""),
}
# Term → the effect that answers it, and its sign: where comparators' dummies stand for the
# effect, a rise among pilots is a fall among comparators.
OF_CHILDREN: Mapping[str, tuple[Estimand, int]] = {
    **{since_name(k): (Estimand(role=IN_YEAR, scale="", year=k), 1) for k in range(10)},
    **{post_name(name): (Estimand(role=PER_UNIT, scale=""), 1) for name in (*SCORES, OWN_SCORE)},
    **{
        post_name(name): (Estimand(role=role, scale=""), -1)
        for name, role in zip((*OTHERS, *OWN_OTHERS), APART, strict=True)
    },
}
OF_ALL = Estimand(role=AFTER, scale="")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportColumn:
    """A column of a printed table as one posterior answers it.

    Attributes
    ----------
    table, name
        The number of the table, 0 in another study, and the column's heading.
    run, variant
        Whose posterior, under its first effect prior; the fit's variant (from print: the reading
        of the stars).
    """

    table: int
    name: str
    run: Run
    variant: Variant


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a posterior says of one row on one scale; `above_zero` is None where not asked.

    `effect` carries the sign of the printed row.
    """

    effect: EffectRow
    above_zero: float | None
    mcse: float
    turned: bool


def report_columns(run: Run) -> list[ReportColumn]:
    """The printed column a run stands for, once for each variant of it; none if it is none.

    An analysis of another outcome than a table's stands for no column of it, whatever its
    column is called. One of another study than the report's is a column of table 0.
    """
    analysis = run.analysis
    if isinstance(analysis, HierarchicalAnalysis | OpenAnalysis) and not of_report(analysis):
        name = analysis.column if isinstance(analysis, HierarchicalAnalysis) else "Counts"
        return [ReportColumn(table=0, name=name, run=run, variant=HEADLINE)]
    table, name = None, ""
    variants: Sequence[Variant] = (HEADLINE,)
    if isinstance(analysis, HierarchicalAnalysis):
        table, name = analysis.regression.table, analysis.column
    elif isinstance(analysis, PrintedAnalysis) and analysis.from_table is not None:
        table, name = analysis.from_table.table, analysis.from_table.column
        variants = [Variant(reading=reading.name) for reading in analysis.readings]
    if table is None or OUTCOME_OF_TABLE.get(table) != analysis.outcome:
        return []
    if name not in {fact.column for fact in table_facts(table)}:
        return []
    return [ReportColumn(table=table, name=name, run=run, variant=v) for v in variants]


def table_facts(table: int) -> list[Fact]:
    """The printed cells of a table below its headings, in the report's order."""
    return [fact for fact in load_facts() if fact.table == table and fact.column]


def printed_cell(table: int, row: str, column: str) -> Fact | None:
    """The printed cell at a place; None where the report has none."""
    cells = table_facts(table)
    return next((each for each in cells if (each.row, each.column) == (row, column)), None)


def answer(column: ReportColumn, row: str, scale: str) -> Answer | None:
    """What a column's posterior says of a printed row, on one scale; None if nothing."""
    estimand, sign = _estimand(column, row)
    if estimand is None:
        return None
    return pooled_answer(column.run, estimand, scale, variant=column.variant, sign=sign)


def _estimand(column: ReportColumn, row: str) -> tuple[Estimand | None, int]:
    term = term_of(row) or ""
    analysis = column.run.analysis
    if isinstance(analysis, PrintedAnalysis):
        assert analysis.from_table is not None
        own = {analysis.from_table.pilot_row: "pilot", analysis.from_table.did_row: "did"}
        return FROM_PRINT.get(own.get(row, "")), 1
    assert isinstance(analysis, HierarchicalAnalysis)
    treatment = analysis.regression.treatment
    if term == "did":
        # With Ofsted's interaction the printed row is the effect at a rating of 0.
        return (OF_ALL if treatment == "did" else None), 1
    if term in map(post_name, SCORES) and term != post_name(str(treatment)):
        return None, 1
    return OF_CHILDREN.get(term, (None, 1))


def pooled_answer(
    run: Run, effect: Estimand, scale: str, *, variant: Variant = HEADLINE, sign: int = 1
) -> Answer | None:
    """What a run says of a pooled effect under its first prior, on one scale; None if nothing."""
    asked = (replace(effect, scale=scale), run.prior, variant)
    for row in run.effects:
        if (row.estimand, row.prior, row.variant) != asked:
            continue
        chance, mcse = above_zero(run, row)
        if sign < 0:
            chance = None if chance is None else 1.0 - chance
        signed = row if sign > 0 else _turned(row)
        return Answer(effect=signed, above_zero=chance, mcse=mcse, turned=sign < 0)
    return None


def estimate_of(run: Run, found: Answer | None) -> Estimate | None:
    """An answer as a cell: median, interval and Monte Carlo error."""
    if found is None:
        return None
    row = found.effect
    error = max_error(run, row)
    return Estimate(median=row.median, lower=row.lower, upper=row.upper, error=error)


def _turned(row: EffectRow) -> EffectRow:
    return replace(row, mean=-row.mean, median=-row.median, lower=-row.upper, upper=-row.lower)


def not_printed(columns: Sequence[ReportColumn]) -> list[Estimand]:
    """Pooled effects that some column's printed rows do not ask for, in the order they come in.

    The average after settling-in where the column tells more than one effect, years after the
    last one printed, effects at each Ofsted rating.
    """
    found: dict[Estimand, None] = {}
    for column in columns:
        for row in column.run.effects:
            ours = row.target == POOLED and row.is_effect
            if ours and row.variant == column.variant and not _asked(column, row.effect):
                found[row.effect] = None
    return list(found)


def answer_not_printed(column: ReportColumn, effect: Estimand, scale: str) -> Answer | None:
    """The effect on one scale, unless a printed row of the column asks for it."""
    if _asked(column, effect):
        return None
    return pooled_answer(column.run, effect, scale, variant=column.variant)


def _asked(column: ReportColumn, effect: Estimand) -> bool:
    rows = dict.fromkeys(fact.row for fact in table_facts(column.table))
    return any(_estimand(column, row)[0] == effect for row in rows)


UNITS = {"log-odds": "log-odds", "risk": "change in risk"}
FROM: Mapping[Evidence, str] = {
    "published": "posteriors from the printed tables",
    "published-inferred": "posteriors from the printed tables",
    "synthetic": "posteriors of simulated children",
    "open-data": "posteriors from open data",
    "unknown-origin": "posteriors from counts of unknown origin",
    "records": "posteriors of individual records",
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
