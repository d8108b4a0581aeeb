"""Referrals, checked: a file or a frame → a DuckDB table with one canonical form.

The table is on disk, in a folder for temporary files that closing removes, so its size is
bounded by the disk and not by memory.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from sofs_bayes.errors import BadInput, BadSpec, counted
from sofs_bayes.records.authority_names import DIFFERING
from sofs_bayes.records.column_values import quoted
from sofs_bayes.records.connections import connected
from sofs_bayes.records.referral_contract import Contract, check_names, contract, wanted_columns
from sofs_bayes.records.referral_files import (
    Evidence,
    Source,
    forget_source,
    one_line,
    open_frame,
    open_source,
    referrals_file,
)
from sofs_bayes.spec import ChildrenAnalysis
from sofs_bayes.spec.looks import look_alikes

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from pandas import DataFrame

# Parquet's statistics leave not-a-number out, and DuckDB concludes that there is none.
NO_STATISTICS = "SET disabled_optimizers = 'statistics_propagation'"

REPEATED = """
    SELECT coalesce(sum(times), 0) FROM (
        SELECT count(*) AS times FROM parsed
        WHERE child IS NOT NULL AND authority IS NOT NULL AND referral_date IS NOT NULL
        GROUP BY child, authority, referral_date HAVING count(*) > 1
    )"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Referrals:
    """An open DuckDB connection with the table `referrals`; closing it removes the data.

    The table has a row per referral, in the order of the file: `referral` (BIGINT from 0),
    `child` and `authority` (text), `referral_date` (DATE), `outcome` (1 within the window of
    the analysis, else 0), and each child covariate by its name: levels as text, `missing`
    among them; numbers as DOUBLE, NULL where missing.

    Parameters
    ----------
    source
        The file, or `the frame`.
    rows
        Number of referrals.
    evidence
        `synthetic` or `records`; it travels with every result.
    """

    connection: "DuckDBPyConnection"
    source: str
    rows: int
    evidence: Evidence
    closing: ExitStack = field(repr=False)

    def close(self) -> None:
        """Close the connection and remove its files."""
        self.closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.closing.__exit__(kind, error, traceback)


def open_referrals(
    path: Path | str,
    analysis: ChildrenAnalysis,
    *,
    memory: str = "1GB",
    threads: int | None = None,
) -> Referrals:
    """The referrals in a file, or in the only such file of a folder, checked and canonical.

    CSV (UTF-8, commas, also gzipped), Parquet or Stata, with the columns that
    `analysis.records` names; others are ignored. The file is read once.

    Parameters
    ----------
    memory
        What DuckDB may take, such as `1GB`; the rest goes to the folder for temporary files
        (`TMPDIR`), which must have room for about the size of the data as Parquet.
    threads
        How many threads DuckDB takes; as many as there are processors by default.

    Returns
    -------
    Referrals
        To be used in a `with` statement.

    Raises
    ------
    BadInput
        No such file, or one that cannot be read.
    BadSpec
        All faults of the columns or of the values: column, rule and number of rows each.
    """
    found = referrals_file(path)
    wanted = wanted_columns(analysis)
    return _opened(
        lambda connection: open_source(connection, found, wanted),
        analysis,
        memory=memory,
        threads=threads,
    )


def register_referrals(
    frame: "DataFrame",
    analysis: ChildrenAnalysis,
    *,
    evidence: Evidence = "records",
    memory: str = "1GB",
    threads: int | None = None,
) -> Referrals:
    """The referrals of a frame, with the columns and rules of a file.

    Parameters
    ----------
    evidence
        What the frame is; a frame cannot say it itself.

    Raises
    ------
    BadInput, BadSpec
        As `open_referrals`.
    """
    wanted = wanted_columns(analysis)
    return _opened(
        lambda connection: open_frame(
            connection, frame, wanted, name="the frame", evidence=evidence
        ),
        analysis,
        memory=memory,
        threads=threads,
    )


def _opened(
    source_of: Callable[["DuckDBPyConnection"], Source],
    analysis: ChildrenAnalysis,
    *,
    memory: str,
    threads: int | None,
) -> Referrals:
    check_names(analysis)
    with ExitStack() as stack:
        connection = stack.enter_context(connected(memory=memory, threads=threads, on_disk=True))
        connection.execute("SET TimeZone = 'Europe/London'")  # where a file has times with a zone
        source = source_of(connection)
        rules = contract(source.columns, analysis, file=source.name)
        with one_line(source.name):
            connection.execute(NO_STATISTICS)
            connection.execute(_parsed(rules, source))
            connection.execute("RESET disabled_optimizers")
            _check(connection, rules, source.name, analysis)
        forget_source(connection)
        rows = _referrals(connection, rules)
        return Referrals(
            connection=connection,
            source=source.name,
            rows=rows,
            evidence=source.evidence,
            closing=stack.pop_all(),
        )


def _parsed(rules: Contract, source: Source) -> str:
    """The canonical columns, and which rules each row breaks.

    The marks cost nothing to keep: a column with one value is stored as that value.
    """
    given = ", ".join(f"{sql} AS {quoted(name)}" for name, sql in rules.given.items())
    columns = [f"{sql} AS {quoted(name)}" for name, sql in rules.columns.items()]
    marks = [
        f"coalesce({rule.broken}, false) AS {quoted(f'fault {i}')}"
        for i, rule in enumerate(rules.rules)
    ]
    return (
        f"CREATE TABLE parsed AS SELECT {', '.join([*columns, *marks])}"
        f" FROM (SELECT {given} FROM ({source.query}))"
    )


def _check(
    connection: "DuckDBPyConnection", rules: Contract, file: str, analysis: ChildrenAnalysis
) -> None:
    marks = [f"count(*) FILTER ({quoted(f'fault {i}')})" for i in range(len(rules.rules))]
    rows, *broken = _row(connection, f"SELECT {', '.join(['count(*)', *marks])} FROM parsed")
    if rows == 0:
        raise BadInput(file, "", "a header and no rows", "at least one referral")
    faults = [
        BadInput(file, f"column {rule.column}", f"{rule.found} in {_of(times, rows)}", rule.allowed)
        for rule, times in zip(rules.rules, broken, strict=True)
        if times
    ]
    (repeated,) = _row(connection, REPEATED)
    if repeated:
        names = analysis.records.columns
        place = f"columns {names.child}, {names.authority}, {names.referral_date}"
        found = f"the same three values in {_of(repeated, rows)}"
        faults.append(BadInput(file, place, found, "a child's referral on a day once"))
    faults += _look_alikes(connection, file, rows, analysis)
    if faults:
        raise BadSpec(faults)


def _look_alikes(
    connection: "DuckDBPyConnection", file: str, rows: int, analysis: ChildrenAnalysis
) -> list[BadInput]:
    """A fault if authorities have names that differ though they look the same."""
    query = "SELECT DISTINCT authority FROM parsed WHERE authority IS NOT NULL"
    alike = look_alikes(name for (name,) in connection.execute(query).fetchall())
    if not alike:
        return []
    named = connection.execute(
        "SELECT count(*) FROM parsed WHERE list_contains(?, authority)",
        [[name for same in alike for name in same]],
    ).fetchall()
    found = f"names that look the same but for {DIFFERING} in {_of(named[0][0], rows)}"
    place = f"column {analysis.records.columns.authority}"
    return [BadInput(file, place, found, "one spelling of each authority")]


def _of(times: int, rows: int) -> str:
    return f"{times:,} of {counted(rows, 'row')}"


def _row(connection: "DuckDBPyConnection", query: str) -> tuple[int, ...]:
    """The only row of a query for numbers."""
    return tuple(int(each) for each in connection.execute(query).fetchall()[0])


def _referrals(connection: "DuckDBPyConnection", rules: Contract) -> int:
    names = ", ".join(map(quoted, rules.columns))
    connection.execute(f"CREATE VIEW referrals AS SELECT rowid AS referral, {names} FROM parsed")
    return _row(connection, "SELECT count(*) FROM referrals")[0]
