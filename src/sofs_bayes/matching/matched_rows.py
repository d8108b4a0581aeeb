"""What a matched row is: its columns and their types, and the rules a row must keep.

A row is a referral in one of its matched groups. A stacked row lacks stratum and weight alone.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from sofs_bayes.errors import BadInput, counted
from sofs_bayes.records.column_values import literal, quoted
from sofs_bayes.records.referral_contract import OWN
from sofs_bayes.spec import ChildrenAnalysis, Levels

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Period = Literal["pre", "post"]
Arm = Literal["pilots", "comparators"]
Stage = Literal["before", "matched", "weighted"]
PERIODS: tuple[Period, ...] = ("pre", "post")  # at the index that the column `post` holds
STAGES: tuple[Stage, ...] = ("before", "matched", "weighted")
MISSING = "missing"

# The columns of a matched row beside its covariates, and what they are in DuckDB.
MATCHED: Mapping[str, str] = {
    "referral": "BIGINT",
    "child": "VARCHAR",
    "authority": "VARCHAR",
    "group": "VARCHAR",
    "pilot": "BIGINT",
    "post": "BIGINT",
    "year": "BIGINT",
    "years_since": "BIGINT",
    "referral_date": "DATE",
    "outcome": "BIGINT",
    "stratum": "BIGINT",
    "multiplicity": "BIGINT",
    "weight": "DOUBLE",
}
ADDED = ("stratum", "weight")  # by the matching; the others stand in a stacked row already


class Connected(Protocol):
    """Anything that holds a DuckDB connection, such as opened referrals."""

    @property
    def connection(self) -> "DuckDBPyConnection":
        """The connection."""


def connection_of(holder: "DuckDBPyConnection | Connected") -> "DuckDBPyConnection":
    """The connection that is given, or held by what is given."""
    import duckdb

    return holder if isinstance(holder, duckdb.DuckDBPyConnection) else holder.connection


def matched_columns(analysis: ChildrenAnalysis) -> dict[str, str]:
    """The columns of a matched row, in order, with their types in DuckDB.

    Covariates stand between the outcome and the stratum: the children's (levels as text,
    numbers as DOUBLE, NULL where missing), then the authorities' (DOUBLE); last own weights.
    """
    names = list(MATCHED)
    outcome = names.index("outcome") + 1
    return (
        {name: MATCHED[name] for name in names[:outcome]}
        | {
            each.name: "VARCHAR" if isinstance(each, Levels) else "DOUBLE"
            for each in analysis.records.covariates
        }
        | {each.name: "DOUBLE" for each in analysis.records.authority_covariates}
        | {name: MATCHED[name] for name in names[outcome:]}
        | ({OWN: "DOUBLE"} if analysis.records.columns.weight else {})
    )


def row_rules(analysis: ChildrenAnalysis) -> dict[str, tuple[str, str]]:
    """What stacked rows must not hold: column → (SQL condition of a fault, what is allowed)."""
    flags = {
        name: (f'"{name}" IS NULL OR "{name}" NOT IN (0, 1)', "0 or 1")
        for name in ("pilot", "post", "outcome")
    }
    given = {
        name: (f'"{name}" IS NULL', "a value")
        for name in ("referral", "child", "authority", "group", "year")
    }
    levels = {
        each.name: (
            f"{quoted(each.name)} IS NULL OR {quoted(each.name)}::VARCHAR NOT IN"
            f" ({', '.join(map(literal, (*each.levels, MISSING)))})",
            "a level of the analysis, or missing",
        )
        for each in analysis.records.covariates
        if isinstance(each, Levels)
    }
    counted = {"multiplicity": ("multiplicity IS NULL OR multiplicity < 1", "1 or more")}
    if analysis.records.columns.weight:
        wrong = f"{OWN} IS NULL OR NOT isfinite({OWN}) OR {OWN} <= 0"
        counted |= {OWN: (wrong, "a number above 0")}
    return flags | given | levels | counted


def check_columns(
    connection: "DuckDBPyConnection", table: str, wanted: Sequence[str], *, file: Path | str
) -> None:
    """That a table, or a file read as one, has these columns; BadInput names one it lacks."""
    described = connection.execute(f"SELECT * FROM {table} LIMIT 0").description
    present = {column[0] for column in described}
    if lacking := [name for name in wanted if name not in present]:
        found = f"no such column ({len(lacking)} of {len(wanted)} are missing)"
        raise BadInput(file, f"column {lacking[0]}", found, "the columns of the analysis")


def check_rows(
    connection: "DuckDBPyConnection",
    table: str,
    rules: Mapping[str, tuple[str, str]],
    *,
    file: Path | str,
) -> None:
    """That no row breaks a rule; BadInput names the first column at fault, and how many rows."""
    faults = ", ".join(f"count(*) FILTER (WHERE {condition})" for condition, _ in rules.values())
    rows, *counts = connection.execute(f"SELECT count(*), {faults} FROM {table}").fetchall()[0]
    if rows == 0:
        raise BadInput(file, "", "no rows", "at least one")
    for (name, (_, allowed)), count in zip(rules.items(), counts, strict=True):
        if count:
            raise BadInput(
                file, f"column {name}", f"another value in {counted(count, 'row')}", allowed
            )
