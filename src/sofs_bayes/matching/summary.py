"""Stacked and matched rows → what the arms look like before treatment (Table 3)."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sofs_bayes.matching.matched_rows import MISSING, STAGES, Arm, Connected, Stage, connection_of
from sofs_bayes.records.column_values import quoted
from sofs_bayes.spec import ChildrenAnalysis, Levels, Number

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

OUTCOME = "outcome"
ROWS = "rows"
PRE, ALL_PERIODS = "pre", "all periods"
ARMS: Mapping[Arm, int] = {"pilots": 1, "comparators": 0}  # what the column `pilot` holds
DECIMALS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryRow:
    """One number about one arm, unformatted.

    Attributes
    ----------
    stage
        `before`: stacked rows, each counting 1; `matched`: the rows that matching kept, each
        counting 1; `weighted`: the same with their weights (what Table 3 prints).
    variable
        `outcome`, a covariate, or `rows`.
    level
        A level of the covariate, `missing` among them; for `rows` the periods that are
        counted; empty for the outcome and for numbers.
    value
        In `unit`; NaN where nothing is behind it.
    rows
        The rows behind the value: those with the level; those where the outcome happened;
        those where the number is known.
    """

    stage: Stage
    variable: str
    level: str
    arm: Arm
    unit: str
    value: float
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measured:
    """A number about one arm of one table, with each row counting 1 and by weight."""

    variable: str
    level: str
    arm: Arm
    unit: str
    rows: int
    plain: float
    weighted: float


def summary(
    matched: "DuckDBPyConnection | Connected", analysis: ChildrenAnalysis
) -> tuple[SummaryRow, ...]:
    """The outcome's rate, shares of levels, means of numbers and counts of rows, by arm.

    Of rows before settling-in, but for the count over all periods (Table 3 prints that of both
    arms together). Shares are per cent of all the arm's rows, those with a missing level among
    them; means are of the rows where the number is known, to a
    millionth.

    Parameters
    ----------
    matched
        A connection, or what holds one, with `stacked` and `matched`, as `match` leaves it.

    Returns
    -------
    Rows by stage; within it the outcome, the covariates of `matching.summary` in their order
    (levels in the analysis's), the counts; within that pilots, then comparators.
    """
    connection = connection_of(matched)
    measured: dict[Stage, tuple[_Measured, ...]] = {
        "before": tuple(_measured(connection, "stacked", "1", analysis)),
        "matched": (kept := tuple(_measured(connection, "matched", "weight", analysis))),
        "weighted": kept,
    }
    return tuple(
        SummaryRow(
            stage=stage,
            variable=each.variable,
            level=each.level,
            arm=each.arm,
            unit=each.unit,
            value=each.weighted if stage == "weighted" else each.plain,
            rows=each.rows,
        )
        for stage in STAGES
        for each in measured[stage]
    )


def _measured(
    connection: "DuckDBPyConnection", table: str, weight: str, analysis: ChildrenAnalysis
) -> Iterator[_Measured]:
    """All numbers about a table, from one reading of its rows and one more count of them."""
    covariates = [analysis.records.covariate(name) for name in analysis.matching.summary]
    connection.execute(_patterns_sql(table, weight, covariates))
    yield from _shares(connection, OUTCOME, ("1",), column=OUTCOME)
    for covariate in covariates:
        if isinstance(covariate, Levels):
            column = f"level {covariate.name}"
            levels = (*covariate.levels, MISSING)
            yield from _shares(connection, covariate.name, levels, column=column)
        else:
            yield from _means(connection, covariate)
    yield from _counts(connection, table)
    connection.execute("DROP TABLE summary_patterns")


def _patterns_sql(table: str, weight: str, covariates: Sequence[Levels | Number]) -> str:
    """The rows before settling-in as counts by arm, weight, outcome and all levels at once.

    Numbers are added as decimals, whose sum does not depend on the order of the rows.
    """
    columns = {"outcome": "outcome"}
    for each in covariates:
        if isinstance(each, Levels):
            columns[f"level {each.name}"] = quoted(each.name)
        else:
            known = f"CASE WHEN NOT isnan({quoted(each.name)}::DOUBLE) THEN {quoted(each.name)} END"
            columns[f"known {each.name}"] = f"count({known})"
            columns[f"total {each.name}"] = f"sum(({known})::DECIMAL(18, {DECIMALS}))"
    chosen = ", ".join(f"{sql} AS {quoted(name)}" for name, sql in columns.items())
    return f"""
        CREATE OR REPLACE TEMP TABLE summary_patterns AS
        SELECT pilot, {weight}::DOUBLE AS w, count(*) AS n, {chosen}
        FROM {table} WHERE post = 0 GROUP BY ALL"""


def _shares(
    connection: "DuckDBPyConnection",
    variable: str,
    levels: Sequence[str],
    *,
    column: str,
) -> Iterator[_Measured]:
    """Each level's share of an arm's rows, per cent."""
    found = connection.execute(
        f"""
        WITH counted AS (
            SELECT pilot, {quoted(column)}::VARCHAR AS level, w, sum(n) AS n
            FROM summary_patterns GROUP BY ALL
        )
        SELECT pilot, level, sum(n)::BIGINT, sum(n * w ORDER BY w)
        FROM counted GROUP BY pilot, level ORDER BY pilot, level"""
    ).fetchall()
    totals = {
        pilot: (
            sum(rows for at, _, rows, _ in found if at == pilot),
            math.fsum(weight for at, _, _, weight in found if at == pilot),
        )
        for pilot in (0, 1)
    }
    counts = {(pilot, level): (rows, weight) for pilot, level, rows, weight in found}
    for level in levels:
        for arm, pilot in ARMS.items():
            rows, weight = counts.get((pilot, level), (0, 0.0))
            all_rows, all_weight = totals[pilot]
            yield _Measured(
                variable=variable,
                level="" if variable == OUTCOME else level,
                arm=arm,
                unit="percent",
                rows=rows,
                plain=_ratio(100 * rows, all_rows),
                weighted=_ratio(100 * weight, all_weight),
            )


def _means(connection: "DuckDBPyConnection", number: Number) -> Iterator[_Measured]:
    """An arm's mean of a number, over the rows where it is known."""
    known, total = quoted(f"known {number.name}"), quoted(f"total {number.name}")
    found = connection.execute(
        f"""
        WITH counted AS (
            SELECT pilot, w, sum({known}) AS n, sum({total})::DOUBLE AS total
            FROM summary_patterns GROUP BY ALL
        )
        SELECT pilot, sum(n)::BIGINT, sum(n * w ORDER BY w),
            sum(total ORDER BY w), sum(total * w ORDER BY w)
        FROM counted WHERE n > 0 GROUP BY pilot"""
    ).fetchall()
    sums = {pilot: each for pilot, *each in found}
    for arm, pilot in ARMS.items():
        rows, weight, plain, weighted = sums.get(pilot, (0, 0.0, 0.0, 0.0))
        yield _Measured(
            variable=number.name,
            level="",
            arm=arm,
            unit=number.unit,
            rows=rows,
            plain=_ratio(plain, rows),
            weighted=_ratio(weighted, weight),
        )


def _counts(connection: "DuckDBPyConnection", table: str) -> Iterator[_Measured]:
    """An arm's rows before settling-in, and over all periods."""
    found = connection.execute(
        f"SELECT pilot, count(*) FILTER (WHERE post = 0), count(*) FROM {table} GROUP BY pilot"
    ).fetchall()
    counts = {pilot: each for pilot, *each in found}
    for position, periods in enumerate((PRE, ALL_PERIODS)):
        for arm, pilot in ARMS.items():
            rows = counts[pilot][position]
            yield _Measured(
                variable=ROWS,
                level=periods,
                arm=arm,
                unit="rows",
                rows=rows,
                plain=float(rows),
                weighted=float(rows),
            )


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan
