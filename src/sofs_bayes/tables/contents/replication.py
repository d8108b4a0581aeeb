"""Replicated numbers → tables in the report's layout, published beside replicated."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sofs_bayes.spec import ChildrenAnalysis, Evidence
from sofs_bayes.tables.contents.effect_columns import interval_columns
from sofs_bayes.tables.contents.regressions import bootstrapped, in_own_words
from sofs_bayes.tables.digits import Estimate, Look
from sofs_bayes.tables.formats import Cell, Column, Table, table_of

if TYPE_CHECKING:
    from sofs_bayes.frequentist.decisions import Decision
    from sofs_bayes.frequentist.published_analysis import FurtherEffect, PublishedAnalysis
    from sofs_bayes.frequentist.replication import Replicated

TITLES = {
    2: "Imbalance and local common support before and after matching",
    3: "Weighted summary statistics before settling-in",
    4: "Tests of assumptions",
    5: "Regressions on conferences",
    6: "Secondary regressions on conferences",
    7: "Regressions on entry to care",
}
ABOVE = "R²"
NOTES = {
    3: "Covariates are weighted; counts are rows, and a referral has one in each matched group.",
    4: "Breusch-Godfrey: p-value. Leads: number not significant at five per cent.",
}
STARS = "Stars: * p<0.1, ** p<0.05, *** p<0.01."


def report_tables(
    numbers: Sequence["Replicated"],
    analysis: ChildrenAnalysis,
    evidence: Evidence,
    further: "Sequence[FurtherEffect]" = (),
) -> tuple[Table, ...]:
    """Tables 2 to 7 in the report's layout, as far as there are numbers for them.

    Below a column without standard errors stand the bootstrapped effects among `further`.
    """
    return tuple(
        _report_table(
            number, [each for each in numbers if each.table == number], analysis, evidence, further
        )
        for number in sorted({each.table for each in numbers})
    )


def _report_table(
    number: int,
    cells: Sequence["Replicated"],
    analysis: ChildrenAnalysis,
    evidence: Evidence,
    further: "Sequence[FurtherEffect]",
) -> Table:
    # Table 2 has a single row of an outcome, which is easier to read as a column.
    turned = number == 2
    at = {
        (each.column, each.row) if turned else (each.row, each.column): each
        for each in cells
        if each.row != ABOVE
    }
    rows = list(dict.fromkeys(row for row, _ in at))
    columns = list(dict.fromkeys(column for _, column in at))
    heads = [Column(key="row", heading=f"Table {number}")]
    for column in columns:
        heads += [
            Column(key=f"{column}, {part}", heading=part, format="number", group=column)
            for part in ("published", "replicated", "difference")
        ]
    body: list[tuple[Cell, ...]] = []
    for row in rows:
        line: list[Cell] = [row]
        for column in columns:
            line += _shown(at.get((row, column)))
        body.append(tuple(line))
    return Table(
        name=f"table-{number}",
        title=f"Table {number}. {TITLES[number]}: {analysis.title}",
        columns=tuple(heads),
        rows=tuple(body),
        evidence=evidence,
        notes=tuple(_notes(number, cells, further)),
    )


def _notes(
    number: int, cells: Sequence["Replicated"], further: "Sequence[FurtherEffect]"
) -> list[str]:
    notes = [NOTES[number]] if number in NOTES else []
    for each in cells:
        if each.row == ABOVE:
            replicated = "–" if math.isnan(each.replicated) else f"{each.replicated:.4f}"
            notes.append(f"R²: published {each.printed}, replicated {replicated}.")
    if number >= 5:
        notes += ["In brackets the standard error.", STARS]
    for column, why in dict.fromkeys((each.column, each.note) for each in cells if each.note):
        notes.append(f"{column}: {why}.")
        notes += [bootstrapped(each) for each in further if _is_instead(each, column)]
    lacking: dict[str, list[str]] = {}
    for each in cells:
        if math.isnan(each.replicated) and each.reason and each.row != ABOVE:
            lacking.setdefault(f"{each.column}: {each.reason}", []).append(each.row)
    return notes + [f"{why} ({'; '.join(rows)})." for why, rows in lacking.items()]


def _is_instead(effect: "FurtherEffect", column: str) -> bool:
    return effect.regression == column and effect.method == "wild bootstrap"


def _shown(cell: "Replicated | None") -> list[Cell]:
    """Published, replicated (standard error) and difference of one cell; gaps where it has none."""
    if cell is None:
        return ["", "", ""]
    look = _look(cell)
    printed: Cell = cell.printed
    if not math.isnan(cell.published):
        digits = replace(look, decimals=_printed_decimals(cell))
        printed = _number(cell.published, digits, mark="*" * cell.printed.count("*"))
    if math.isnan(cell.replicated):
        return [printed, None, None]
    found = _number(cell.replicated, look, mark="*" * cell.stars)
    if cell.note or not math.isnan(cell.standard_error):
        found = replace(found, bracket=(cell.standard_error,))
    if math.isnan(cell.difference):
        return [printed, found, ""]
    apart = replace(look, signed=True, end="")
    cross = " ✗" if cell.met == "no" else ""
    return [printed, found, _number(cell.difference, apart, mark=cross)]


def _number(value: float, look: Look, *, mark: str) -> Estimate:
    """A number in the printed unit, stored as the look has it."""
    return Estimate(median=value / look.factor, mark=mark, look=look)


def _look(cell: "Replicated") -> Look:
    """The printed decimals and one more, so that a difference can be seen; counts have none."""
    share = cell.unit == "percent"
    more = int(cell.unit not in ("count", "leads"))
    return Look(
        factor=100.0 if share else 1.0,
        decimals=_printed_decimals(cell) + more if more else 0,
        end="%" if share else "",
    )


def _printed_decimals(cell: "Replicated") -> int:
    return 0 if math.isnan(cell.half_unit) else max(round(-math.log10(2 * cell.half_unit)), 0)


def totals_table(
    numbers: Sequence["Replicated"],
    analysis: ChildrenAnalysis,
    evidence: Evidence,
    notes: Sequence[str] = (),
) -> Table:
    """How many printed numbers, and how many stars, are met: by table and column.

    `notes` are what a reader must know of the regressions, in a table or not.
    """
    keys = list(dict.fromkeys((each.table, each.column) for each in numbers))
    rows: list[tuple[Cell, ...]] = []
    for table, column in keys:
        here = [each for each in numbers if (each.table, each.column) == (table, column)]
        met = [each for each in here if each.met]
        starred = [each for each in here if each.stars_printed >= 0]
        rows.append(
            (
                table,
                column or "above the columns",
                len(met),
                sum(each.met == "yes" for each in met),
                len(starred) or None,
                sum(each.stars == each.stars_printed for each in starred) if starred else None,
            )
        )
    return Table(
        name="totals",
        title=f"Printed numbers that come out: {analysis.title}",
        columns=(
            Column(key="table", heading="Table", format="integer"),
            Column(key="column", heading="Column"),
            Column(key="numbers", heading="Numbers printed", format="integer"),
            Column(key="met", heading="met", format="integer"),
            Column(key="starred", heading="Coefficients", format="integer"),
            Column(key="stars_met", heading="same stars", format="integer"),
        ),
        rows=tuple(rows),
        evidence=evidence,
        notes=("Met: the replicated number rounds to the printed one.", *notes),
    )


def misses_table(
    numbers: Sequence["Replicated"], analysis: ChildrenAnalysis, evidence: Evidence
) -> Table:
    """Every printed number that does not come out, with the reason where it is known."""
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (each.table, each.row, each.column, *_shown(each), each.reason or "not known")
        for each in numbers
        if each.met == "no"
    )
    return Table(
        name="misses",
        title=f"Printed numbers that do not come out: {analysis.title}",
        columns=(
            Column(key="table", heading="Table", format="integer"),
            Column(key="row", heading="Row"),
            Column(key="column", heading="Column"),
            Column(key="published", heading="Published", format="number"),
            Column(key="replicated", heading="Replicated", format="number"),
            Column(key="difference", heading="Difference", format="number"),
            Column(key="reason", heading="Reason"),
        ),
        rows=rows,
        evidence=evidence,
    )


def decisions_table(
    decisions: Sequence["Decision"], analysis: ChildrenAnalysis, evidence: Evidence
) -> Table:
    """The protocol's decision rules: what was measured, which branch was taken and why."""
    columns = (
        Column(key="rule", heading="Rule"),
        Column(key="measured", heading="Measured", format="number"),
        Column(key="threshold", heading="Threshold", format="number"),
        Column(key="branch", heading="Branch taken"),
        Column(key="why", heading="Why"),
    )
    return table_of(
        "decisions",
        f"The protocol's rules on these children: {analysis.title}",
        decisions,
        columns,
        evidence=evidence,
    )


def effects_beside_table(
    found: "PublishedAnalysis", analysis: ChildrenAnalysis, evidence: Evidence
) -> Table:
    """Average marginal effects of logistic regressions, and bootstrapped effects."""
    level = found.further[0].level if found.further else 0.0
    _, *ends = interval_columns(level, "pp2", of="confidence")
    columns = (
        Column(key="regression", heading="Regression"),
        Column(key="what", heading="Effect"),
        Column(key="term", heading="Term"),
        Column(key="estimate", heading="Estimate (pp)", format="pp2"),
        *ends,
        Column(key="p_value", heading="p", format="number"),
        Column(key="rows", heading="Rows", format="integer"),
    )
    return table_of(
        "further",
        f"Effects on the probability scale: {analysis.title}",
        in_own_words(found.further, analysis),
        columns,
        evidence=evidence,
        notes=[f"{100 * level:g}% confidence intervals.", *found.notes],
    )
