"""Referrals and matched groups → stacked referrals: each in every group it stands in.

Where a referral stands depends on its authority and its day alone. So time is settled on a
calendar of authorities and days, some thousand rows, and the referrals are only joined to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from sofs_bayes.errors import BadInput, BadSpec
from sofs_bayes.records.authority_names import meant
from sofs_bayes.records.column_values import quoted, window_end, year_of
from sofs_bayes.records.groups import Groups
from sofs_bayes.records.referral_contract import OWN
from sofs_bayes.records.referral_files import Evidence
from sofs_bayes.records.referrals import Referrals
from sofs_bayes.spec import ChildrenAnalysis

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, slots=True, kw_only=True)
class StackedCount:
    """Stacked rows and outcomes of an authority in a matched group and a year of the analysis."""

    group: str
    authority: str
    pilot: int
    post: int
    year: int
    rows: int
    outcomes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stacked:
    """The DuckDB view `stacked`, on the connection of the referrals, which must stay open.

    Its columns: referral, child, authority, group (the pilot's name), pilot, post, year,
    years_since, referral_date, outcome, the child covariates, the authorities' covariates,
    multiplicity, and own_weight where the analysis names one. Its rows have no order.

    Parameters
    ----------
    counts
        By group, authority, period and year.
    """

    connection: "DuckDBPyConnection"
    evidence: Evidence
    counts: tuple[StackedCount, ...]

    @property
    def rows(self) -> int:
        """Number of stacked rows."""
        return sum(count.rows for count in self.counts)


def stack(
    referrals: Referrals,
    groups: Groups,
    authorities: pd.DataFrame,
    analysis: ChildrenAnalysis,
    *,
    file: Path | str = "the authorities",
) -> Stacked:
    """The referrals in the matched groups, with their period, years and covariates.

    With settling-in from `start` to `end`, both days included, a referral of a group's pilot
    or comparator is *pre* if the outcome window that begins with it has ended by `start`, and
    *post* if it was made after `end`; all between is left out, and so are years that the
    analysis does not name. `year` begins as `records.year_begins` says, and is named by the
    calendar year it begins in.
    `years_since` counts years by calendar anniversaries: -1 is the year before `start`, 0 the
    year from the day after `end`; an anniversary of 29 February is 1 March in other years.
    `multiplicity` is the number of groups a referral stands in.

    Parameters
    ----------
    authorities
        As `read_authorities` gives them.
    file
        Where they were read from; only named in messages.

    Raises
    ------
    BadInput
        A pilot has no comparators yet.
    BadSpec
        An authority of the groups has no referrals; a group has none of its pilot or of its
        comparators in a period; an authority's covariates are missing in a year.
    """
    if groups.unmatched or not groups.pairs:
        found = f"none of {', '.join(groups.unmatched)}" if groups.unmatched else "no group"
        raise BadInput(groups.file, "column comparator", found, "the comparators of each pilot")
    connection = referrals.connection
    _create_members(connection, groups)
    _create_authorities(connection, authorities, analysis)
    connection.execute(_placed_sql(analysis))
    connection.execute(_stacked_sql(analysis))
    counts = _counts(connection)
    faults = unknown_authorities(connection, groups) or [
        *_empty_periods(groups, counts),
        *_missing_covariates(connection, counts, analysis, file),
    ]
    if faults:
        raise BadSpec(faults)
    return Stacked(connection=connection, evidence=referrals.evidence, counts=counts)


def days_sql(analysis: ChildrenAnalysis) -> str:
    """A query for the days of the analysis' years: day, year, closes.

    `closes` is the last day of the outcome window of a referral made on `day`.
    """
    years, month = analysis.records.years, analysis.records.first_month
    return f"""
        SELECT day, year, {window_end("day", analysis.records.window)} AS closes
        FROM (
            SELECT day, {year_of("day", month)} AS year
            FROM (
                SELECT CAST(range AS DATE) AS day
                FROM range(
                    DATE '{years[0]}-{month:02}-01', DATE '{years[-1] + 1}-{month:02}-01',
                    INTERVAL 1 DAY
                )
            )
        )
        WHERE year IN ({", ".join(map(str, years))})"""


def _create_members(connection: "DuckDBPyConnection", groups: Groups) -> None:
    """The table `members`: who stands in which group, with the group's window."""
    connection.execute(
        'CREATE OR REPLACE TABLE members ("group" VARCHAR, authority VARCHAR, pilot INTEGER,'
        ' "start" DATE, "end" DATE)'
    )
    rows = [(each.pilot, each.pilot, 1, each.start, each.end) for each in groups.windows]
    rows += [(each.pilot, each.comparator, 0, each.start, each.end) for each in groups.pairs]
    connection.executemany("INSERT INTO members VALUES (?, ?, ?, ?, ?)", rows)


def _create_authorities(
    connection: "DuckDBPyConnection", authorities: pd.DataFrame, analysis: ChildrenAnalysis
) -> None:
    names = [each.name for each in analysis.records.authority_covariates]
    wanted = authorities[["authority", "year", *names]]
    connection.register("given_authorities", wanted)
    connection.execute("CREATE OR REPLACE TABLE authorities AS SELECT * FROM given_authorities")
    connection.unregister("given_authorities")


def _placed_sql(analysis: ChildrenAnalysis) -> str:
    """Group, authority and day → period, years, the authority's covariates, multiplicity."""
    # Whole years from a boundary: anniversaries not yet reached count one less. It is negative
    # before the boundary, with -1 for the year that ends there.
    boundary = """CASE WHEN post = 1 THEN "end" + 1 ELSE "start" END"""
    month_day = "100 * month({0}) + day({0})"
    early = f"{month_day.format('day')} < {month_day.format('boundary')}"
    covariates = "".join(
        f", CAST(authorities.{quoted(each.name)} AS DOUBLE) AS {quoted(each.name)}"
        for each in analysis.records.authority_covariates
    )
    return f"""
        CREATE OR REPLACE TABLE placed AS
        WITH kept AS (
            SELECT members.*, days.day, days.year, CAST(days.day > "end" AS INTEGER) AS post
            FROM members CROSS JOIN ({days_sql(analysis)}) AS days
            WHERE days.closes <= "start" OR days.day > "end"
        ), bounded AS (
            SELECT *, {boundary} AS boundary FROM kept
        )
        SELECT "group", bounded.authority, day AS referral_date, pilot, post, bounded.year,
            CAST(year(day) - year(boundary) - CAST({early} AS INTEGER) AS INTEGER)
                AS years_since,
            CAST(count(*) OVER (PARTITION BY bounded.authority, day) AS INTEGER)
                AS multiplicity{covariates}
        FROM bounded LEFT JOIN authorities
            ON authorities.authority = bounded.authority AND authorities.year = bounded.year"""


def _stacked_sql(analysis: ChildrenAnalysis) -> str:
    of_child = "".join(f", referrals.{quoted(c.name)}" for c in analysis.records.covariates)
    of_child += f", {OWN}" if analysis.records.columns.weight else ""
    of_authority = "".join(
        f", placed.{quoted(c.name)}" for c in analysis.records.authority_covariates
    )
    return f"""
        CREATE OR REPLACE VIEW stacked AS
        SELECT referral, child, referrals.authority, "group", pilot, post, placed.year,
            years_since, referrals.referral_date, outcome{of_child}{of_authority}, multiplicity
        FROM referrals JOIN placed
            ON placed.authority = referrals.authority
            AND placed.referral_date = referrals.referral_date"""


def _counts(connection: "DuckDBPyConnection") -> tuple[StackedCount, ...]:
    rows = connection.execute(
        """
        SELECT "group", authority, pilot, post, year, count(*), CAST(sum(outcome) AS BIGINT)
        FROM stacked GROUP BY ALL ORDER BY ALL"""
    ).fetchall()
    return tuple(
        StackedCount(
            group=group,
            authority=authority,
            pilot=pilot,
            post=post,
            year=year,
            rows=count,
            outcomes=outcomes,
        )
        for group, authority, pilot, post, year, count, outcomes in rows
    )


def unknown_authorities(connection: "DuckDBPyConnection", groups: Groups) -> list[BadInput]:
    """A fault for each authority of the groups that has no referrals under its name."""
    known = _distinct(connection, "referrals")
    named = dict.fromkeys(groups.pilots, "column pilot")
    named |= dict.fromkeys(groups.comparators, "column comparator")
    return [
        BadInput(
            groups.file,
            place,
            f"{name}, which has no referrals{meant(name, known)}",
            "authorities as the referrals call them",
        )
        for name, place in sorted(named.items())
        if name not in known
    ]


def _empty_periods(groups: Groups, counts: Sequence[StackedCount]) -> list[BadInput]:
    there = {(count.group, count.pilot, count.post) for count in counts}
    return [
        BadInput(
            groups.file,
            f"group {group}",
            f"no referral of its {arm} {period} settling-in in the years of the analysis",
            "some, or another window",
        )
        for group in groups.pilots
        for pilot, arm in ((1, "pilot"), (0, "comparators"))
        for post, period in enumerate(("before", "after"))
        if (group, pilot, post) not in there
    ]


def _missing_covariates(
    connection: "DuckDBPyConnection",
    counts: Sequence[StackedCount],
    analysis: ChildrenAnalysis,
    file: Path | str,
) -> list[BadInput]:
    if not analysis.records.authority_covariates:
        return []
    without = connection.execute(
        "SELECT DISTINCT authority, year FROM placed ANTI JOIN authorities USING (authority, year)"
    ).fetchall()
    needed = {(count.authority, count.year) for count in counts} & set(without)
    there = _distinct(connection, "authorities")
    return [
        BadInput(
            file,
            f"{name}, {year}",
            f"no row{'' if name in there else meant(name, there)}",
            "one for each authority and year used",
        )
        for name, year in sorted(needed)
    ]


def _distinct(connection: "DuckDBPyConnection", table: str) -> set[str]:
    """The authorities in a table."""
    return {
        name for (name,) in connection.sql(f"SELECT DISTINCT authority FROM {table}").fetchall()
    }
