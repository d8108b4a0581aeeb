"""A table whose columns say what they hold → the table that may leave, and why."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sofs_bayes.disclosure.log import LogLine
from sofs_bayes.disclosure.origin import PUBLIC
from sofs_bayes.disclosure.rules import OutputRule
from sofs_bayes.disclosure.search import Entries, entries, suppressed
from sofs_bayes.tables.formats import Cell, Column, Table
from sofs_bayes.tables.model import SUPPRESSED

DECLARED = "Counts of unknown origin, published by the analysis's own word:"
NOTE = "“suppressed”: too few people, or what would tell them."


def cleared_table(
    table: Table, rule: OutputRule | None = None, *, published: str = ""
) -> tuple[Table, list[LogLine]]:
    """The table without numbers that may not leave, the word in their place, and the log.

    Columns are judged by `Column.holds`: children and events by the threshold, with as many
    more rows as it takes where a row is the sum of the others; a rate by the events and the
    non-events that it gives with the row's children, and hidden with them (a rate without
    children beside it is judged where its run is); smallest and largest values go.

    Parameters
    ----------
    published
        Where the analyses say that counts of unknown origin are published: the table repeats it.
    """
    rule = rule or OutputRule()
    passed = LogLine(
        output=table.name,
        what=f"table: {table.title}",
        rule=PUBLIC.get(table.evidence, ""),
        result="passed",
        vouched="the checks of the runs that it is made from",
    )
    if passed.rule:
        return table, [passed]
    if table.evidence == "unknown-origin" and published:
        note = f"{DECLARED} “{published}”."
        return replace(table, notes=(*table.notes, note)), [replace(passed, rule=note)]
    slim, line = _without_extremes(table, passed)
    slim, counted = _without_small(slim, passed, rule)
    return slim, [line, counted]


def _without_small(table: Table, line: LogLine, rule: OutputRule) -> tuple[Table, LogLine]:
    """The table without small counts and rates, and what would tell them."""
    kinds = {
        kind: [i for i, column in enumerate(table.columns) if column.holds == kind]
        for kind in ("children", "events", "rate")
    }
    hidden = _hidden_rows(table, kinds["children"], kinds["events"], kinds["rate"], rule)
    counted = [place for places in kinds.values() for place in places]
    threshold = f"at least {rule.threshold} people, events and people without an event"
    if not hidden:
        return table, replace(line, rule=threshold)
    rows = tuple(
        tuple(SUPPRESSED if i in hidden and j in counted else cell for j, cell in enumerate(row))
        for i, row in enumerate(table.rows)
    )
    gone = {table.columns[j].key for j in counted}
    errors = {
        key: tuple(math.nan if i in hidden and key in gone else e for i, e in enumerate(own))
        for key, own in table.errors.items()
    }
    done = replace(
        line,
        rule=f"{threshold}; none that follows from a total",
        result="suppressed",
        affected=len(hidden),
        action=f"counts and rates of the rows replaced by “{SUPPRESSED}”",
    )
    return replace(table, rows=rows, notes=(*table.notes, NOTE), errors=errors), done


def _without_extremes(table: Table, line: LogLine) -> tuple[Table, LogLine]:
    rule = "no minima or maxima: they are single values"
    gone = [i for i, column in enumerate(table.columns) if column.holds == "extreme"]
    if not gone:
        return table, replace(line, rule=rule)
    headings = ", ".join(table.columns[i].heading for i in gone)
    done = replace(
        line,
        rule=rule,
        result="suppressed",
        affected=len(gone),
        action=f"columns removed: {headings}",
    )
    kept = [i for i in range(len(table.columns)) if i not in gone]
    slim = replace(
        table,
        columns=tuple(table.columns[i] for i in kept),
        rows=tuple(tuple(row[i] for i in kept) for row in table.rows),
        notes=(*table.notes, f"Not shown, as they are single values: {headings}."),
    )
    return slim, done


def _hidden_rows(
    table: Table,
    children: Sequence[int],
    events: Sequence[int],
    rates: Sequence[int],
    rule: OutputRule,
) -> set[int]:
    """Rows whose counts and rates must not be shown.

    A rate belongs to the nearest column of children before it.
    """
    columns = [[_number(row[j]) for row in table.rows] for j in (*children, *events)]
    for j in rates:
        before = [i for i in children if i < j] or list(children[:1])
        if before:
            n = [_number(row[before[-1]]) for row in table.rows]
            share = [_number(row[j]) / _scale(table.columns[j]) for row in table.rows]
            columns.append([round_to_whole(a * b) for a, b in zip(n, share, strict=True)])
            columns.append([a - b for a, b in zip(n, columns[-1], strict=True)])
    if children and events:
        n = [_number(row[children[0]]) for row in table.rows]
        for j in events:
            columns.append([a - _number(row[j]) for a, row in zip(n, table.rows, strict=True)])
    hidden: set[int] = set()
    for values in columns:
        hidden |= _hidden_in(values, rule)
    return hidden


def _hidden_in(values: Sequence[float], rule: OutputRule) -> set[int]:
    """Places of a column's small counts, and of those that tell them with the column's total."""
    places = [i for i, value in enumerate(values) if not math.isnan(value)]
    if not any(rule.small(values[i]) for i in places):
        return set()
    table = _column(np.array([values[i] for i in places]))
    return {places[i] for i in np.flatnonzero(suppressed(table, rule))}


def _column(values: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> Entries:
    """A column of counts; a row that is the sum of the others is their total."""
    everything = values.sum()
    totals = [i for i, value in enumerate(values) if 2 * value == everything and len(values) > 2]
    total = totals[-1] if totals and values[totals[-1]] > 0 else None
    cells = [i for i in range(len(values)) if i != total]
    sums = np.zeros((len(values), len(cells)))
    for j, i in enumerate(cells):
        sums[i, j] = 1.0
    if total is not None:
        sums[total] = 1.0
    return entries(sums, values[cells])


def _number(cell: Cell) -> float:
    return float(cell) if isinstance(cell, int | float) and not isinstance(cell, bool) else math.nan


def round_to_whole(value: float) -> float:
    """The nearest whole number; NaN stays."""
    return value if math.isnan(value) else float(round(value))


def _scale(column: Column) -> float:
    """What a rate of one is written as in a column."""
    return 1.0 if column.format in ("percent", "per10000", "probability", "pp", "pp2") else 100.0
