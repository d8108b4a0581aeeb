"""A file of referrals → what each of its columns holds, before any analysis is written."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sofs_bayes.errors import BadInput
from sofs_bayes.records.column_values import Given, date_value, number_value, text_value, year_of
from sofs_bayes.records.connections import connected
from sofs_bayes.records.csv_lines import csv_header
from sofs_bayes.records.referral_files import (
    ALLOWED,
    Evidence,
    Source,
    one_line,
    open_source,
    parquet_header,
    referrals_file,
)
from sofs_bayes.records.stata_files import stata_columns

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Kind = Literal["empty", "date", "flag", "number", "levels", "identifier"]
MOST_LEVELS = 40  # more different texts are taken for identifiers
FEWEST = 10  # rows behind a value that is shown: fewer could be known by it


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnProfile:
    """What a column holds.

    Attributes
    ----------
    kind
        `date`, `flag` (0 and 1), `number`, `levels` (few different texts) or `identifier`.
    rows, missing
        All rows, and those where the cell is empty.
    different
        How many values there are.
    levels
        Each value with its number of rows, most first; of flags and levels only. Those of few
        rows are there to be counted, not shown: see `shown`.
    lowest, highest
        Of numbers, and of dates the month as YYYY-MM, with ten rows at it or beyond it, so that
        none is a single child's; empty otherwise, and of fewer rows.
    """

    name: str
    kind: Kind
    rows: int
    missing: int
    different: int
    levels: tuple[tuple[str, int], ...] = ()
    lowest: str = ""
    highest: str = ""

    @property
    def share_missing(self) -> float:
        """The share of empty cells."""
        return self.missing / self.rows

    @property
    def shown(self) -> tuple[tuple[str, int], ...]:
        """The levels that enough rows have."""
        return tuple(each for each in self.levels if each[1] >= FEWEST)

    @property
    def rare(self) -> tuple[tuple[str, int], ...]:
        """The others."""
        return tuple(each for each in self.levels if each[1] < FEWEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class YearCount:
    """An authority's referrals in a year, and those with the outcome."""

    authority: str
    year: int
    referrals: int
    outcomes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A file of referrals as it comes.

    Attributes
    ----------
    file, evidence
        The file itself, and whether it is of records or simulated.
    columns
        In the file's order.
    """

    file: Path
    evidence: Evidence
    columns: tuple[ColumnProfile, ...]

    def of_kind(self, *kinds: Kind) -> list[ColumnProfile]:
        """The columns of some kinds."""
        return [each for each in self.columns if each.kind in kinds]


def profile(path: Path | str) -> Profile:
    """What the columns of a file of referrals, or of the one in a folder, hold.

    Raises
    ------
    BadInput
        There is no such file, or it cannot be read or has no rows.
    """
    file = referrals_file(path)
    with connected() as connection:
        source = _opened(connection, file)
        found = tuple(
            _profiled(connection, name, each, file) for name, each in source.columns.items()
        )
    return Profile(file=file, evidence=source.evidence, columns=found)


def year_counts(
    file: Path, *, authority: str, referral_date: str, outcome: str, first_month: int
) -> tuple[YearCount, ...]:
    """Referrals and outcomes by authority and year, whenever the outcome came.

    Parameters
    ----------
    outcome
        A column of dates, empty where it did not happen, or of 0 and 1.
    first_month
        With which a year begins, 1 to 12; it is named by the calendar year it begins in.
    """
    with connected() as connection:
        given = _opened(connection, file).columns
        day, happened = date_value(given[referral_date]), text_value(given[outcome])
        rows = connection.execute(
            f"SELECT {text_value(given[authority])} AS a,"
            f" {year_of(day, first_month)} AS y, count(*),"
            f" count(*) FILTER ({happened} NOT IN ('0', '0.0'))"
            f" FROM given WHERE {day} IS NOT NULL GROUP BY ALL HAVING a IS NOT NULL ORDER BY a, y"
        ).fetchall()
    return tuple(
        YearCount(authority=name, year=year, referrals=count, outcomes=outcomes)
        for name, year, count, outcomes in rows
    )


def _opened(connection: "DuckDBPyConnection", file: Path) -> Source:
    """The file with all its columns; their rows are in the view `given`."""
    source = open_source(connection, file, _header(connection, file))
    connection.execute(f"CREATE VIEW given AS {source.query}")
    return source


def _header(connection: "DuckDBPyConnection", file: Path) -> Sequence[str]:
    name = file.name.casefold()
    if name.endswith(".dta"):
        return list(stata_columns(file, ALLOWED))
    if name.endswith(".parquet"):
        with one_line(file):
            return parquet_header(connection, file)
    return csv_header(file)


def _profiled(
    connection: "DuckDBPyConnection", name: str, given: Given, file: Path
) -> ColumnProfile:
    text, day, number = text_value(given), date_value(given), number_value(given)
    row = connection.execute(
        f"SELECT count(*), count({text}), count(DISTINCT {text}), count({day}), count({number}),"
        f" min({number}), max({number}), min({number}, {FEWEST}), max({number}, {FEWEST}),"
        f" min({day}, {FEWEST}), max({day}, {FEWEST}) FROM given"
    ).fetchone()
    assert row is not None
    rows, there, different, days, numbers, lowest, highest, *ends = row
    if rows == 0:
        raise BadInput(file, "", "a header and no rows", "at least one referral")
    kind = _kind(there, different, days=days, numbers=numbers, span=(lowest, highest))
    least, most = (
        _end(values) if there >= FEWEST and kind in ("date", "number") else ""
        for values in (ends[2:] if kind == "date" else ends[:2])
    )
    return ColumnProfile(
        name=name,
        kind=kind,
        rows=rows,
        missing=rows - there,
        different=different,
        levels=_levels(connection, text) if kind in ("flag", "levels") else (),
        lowest=least,
        highest=most,
    )


def _end(values: Sequence[date | float]) -> str:
    """The innermost of the outermost values, as text."""
    last = values[-1]
    return f"{last:%Y-%m}" if isinstance(last, date) else f"{last:g}"


def _kind(
    there: int, different: int, *, days: int, numbers: int, span: tuple[float, float]
) -> Kind:
    if there == 0:
        return "empty"
    if days == there:
        return "date"
    if numbers == there and different == 2 and span == (0, 1):
        return "flag"
    if numbers == there and different > MOST_LEVELS // 4:
        return "number"
    return "levels" if different <= MOST_LEVELS else "identifier"


def _levels(connection: "DuckDBPyConnection", text: str) -> tuple[tuple[str, int], ...]:
    rows = connection.execute(
        f"SELECT {text} AS level, count(*) AS times FROM given WHERE {text} IS NOT NULL"
        f" GROUP BY ALL ORDER BY times DESC, level"
    ).fetchall()
    return tuple((level, times) for level, times in rows)
