"""Stacked referrals → strata, kept rows and weights: coarsened exact matching, as SQL.

The rows stay in DuckDB. What is made of them is a table `strata` (a row for each stratum, some
thousands) and a view `matched` of the rows in strata that hold both arms, with their weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from sofs_bayes.errors import BadInput, counted
from sofs_bayes.matching.matched_file import IN_ORDER, read_label, read_matched, write_matched
from sofs_bayes.matching.matched_rows import (
    ADDED,
    MATCHED,
    PERIODS,
    Arm,
    Connected,
    Period,
    check_columns,
    check_rows,
    connection_of,
    matched_columns,
    row_rules,
)
from sofs_bayes.records.column_values import quoted
from sofs_bayes.records.connections import connected
from sofs_bayes.records.referral_contract import OWN
from sofs_bayes.spec import ChildrenAnalysis

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# The whole interface of matched rows is found here.
__all__ = [
    "MATCHED",
    "ArmCount",
    "MatchedSample",
    "Size",
    "match",
    "match_frame",
    "matched_columns",
    "read_label",
    "read_matched",
    "write_matched",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How many rows there are (a referral has one in each of its groups), and of how many."""

    rows: int
    referrals: int
    children: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmCount:
    """The rows of one arm of a matched group in one period, and how many matching kept."""

    group: str
    period: Period
    arm: Arm
    rows: int
    kept: int

    @property
    def dropped(self) -> int:
        """The rows without a counterpart in the other arm."""
        return self.rows - self.kept


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchedSample:
    """A connection that holds `stacked`, `strata` and `matched`, and what matching did.

    Attributes
    ----------
    before, after
        The stacked and the matched referrals.
    strata, strata_dropped
        Strata with both arms, and with one arm alone.
    arms
        By group, period and arm.
    """

    connection: "DuckDBPyConnection"
    before: Size
    after: Size
    strata: int
    strata_dropped: int
    arms: tuple[ArmCount, ...]


def match(stacked: "DuckDBPyConnection | Connected", analysis: ChildrenAnalysis) -> MatchedSample:
    """The matched sample of the DuckDB table `stacked`, by coarsened exact matching.

    A stratum is a matched group in a period with one combination of the levels of
    `matching.exact` and the intervals of `matching.cuts`. A number that equals a cut belongs
    to the interval below it; missing is a level, and an interval, of its own. Strata with both
    arms are kept and numbered from 1 by group, period and levels.

    With m the multiplicity, a pilot's row has weight 1/m, a comparator's
    1/m · (P_s / C_s) · (C / P): P_s and C_s are sums of 1/m over the stratum's pilots and
    comparators; P and C those over all matched rows, or over those of the group and period,
    as `matching.ratio` says. Weights sum to P + C. (Iacus, King and Porro 2012, with 1/m in the
    place of each row.) Own weights v that count stand in the place of 1: v/m for 1/m throughout.
    Those that replace the matching's leave both arms with v/m.

    Parameters
    ----------
    stacked
        A connection, or what holds one, with the table or view `stacked`: the columns of
        `matched_columns` but stratum and weight.

    Returns
    -------
    MatchedSample
        On the same connection, with the table `strata` and the view `matched` (the columns of
        `matched_columns`, in no order). The view reads `stacked`, which must stay.

    Raises
    ------
    BadInput
        A column is missing or holds what the contract forbids; a group has no matched rows
        in a period.
    """
    connection = connection_of(stacked)
    place = "stacked referrals"
    wanted = [name for name in matched_columns(analysis) if name not in ADDED]
    check_columns(connection, "stacked", wanted, file=place)
    check_rows(connection, "stacked", row_rules(analysis), file=place)
    connection.execute(_strata_sql(analysis))
    arms = _arms(connection)
    _check_arms(arms, place)
    connection.execute(_matched_sql(analysis))
    kept, dropped = connection.execute(
        "SELECT count(stratum), count(*) - count(stratum) FROM strata"
    ).fetchall()[0]
    return MatchedSample(
        connection=connection,
        before=_size(connection, "stacked"),
        after=_size(connection, "matched"),
        strata=kept,
        strata_dropped=dropped,
        arms=arms,
    )


def match_frame(stacked: pd.DataFrame, analysis: ChildrenAnalysis) -> pd.DataFrame:
    """The matched rows of a frame of stacked referrals, by the same SQL as `match`.

    Parameters
    ----------
    stacked
        Referrals, once for each matched group they stand in.
    analysis
        Of children's records: covariates and their cut points.

    Returns
    -------
    DataFrame
        The columns of `matched_columns`, ordered by referral and group.

    Examples
    --------
    >>> frame = sb.read_matched(sb.matched_file("matched"), sb.load("icpc-children"))
    >>> len(sb.match_frame(frame.drop(columns="weight"), sb.load("icpc-children"))) > 0
    True
    """
    with connected() as connection:
        # A copy, since DuckDB cannot take the columns of a frame that was turned about.
        connection.register("stacked_frame", stacked.copy())
        connection.execute("CREATE TABLE stacked AS SELECT * FROM stacked_frame")
        return match(connection, analysis).connection.execute(IN_ORDER).df()


def _keys(analysis: ChildrenAnalysis) -> dict[str, str]:
    """What makes a stratum: its column in `strata` → SQL over `stacked`; never NULL."""
    exact = {name: f"stacked.{quoted(name)}" for name in analysis.matching.exact}
    cut = {}
    for name, cuts in analysis.matching.cuts.items():
        number = f"stacked.{quoted(name)}::DOUBLE"
        above = " + ".join(f"({number} > {cut_at!r})::INTEGER" for cut_at in cuts)
        missing = f"{number} IS NULL OR isnan({number})"
        cut[name] = f"CASE WHEN {missing} THEN -1 ELSE {above} END"
    keys = {"group": 'stacked."group"', "post": "stacked.post"}
    return keys | {f"key {name}": sql for name, sql in (exact | cut).items()}


def _strata_sql(analysis: ChildrenAnalysis) -> str:
    # Sums of fractions are taken in a stated order: threads would otherwise change last bits.
    keys = _keys(analysis)
    names = ", ".join(map(quoted, keys))
    in_order = ", ".join(f"{quoted(name)}::VARCHAR" for name in keys)
    within = analysis.matching.ratio == "within group and period"
    own = f"stacked.{OWN}" if analysis.matching.own_weights == "count" else "1"
    same = 'arms."group" = totals."group" AND arms.post = totals.post' if within else "true"
    return f"""
        CREATE OR REPLACE TABLE strata AS
        WITH counted AS (
            SELECT {", ".join(f"{sql} AS {quoted(name)}" for name, sql in keys.items())},
                pilot, multiplicity, {own} AS own, count(*) AS n
            FROM stacked GROUP BY ALL
        ), both_arms AS (
            SELECT {names},
                coalesce(sum(n) FILTER (WHERE pilot = 1), 0)::BIGINT AS pilot_rows,
                coalesce(sum(n) FILTER (WHERE pilot = 0), 0)::BIGINT AS comparator_rows,
                sum(n * own / multiplicity ORDER BY multiplicity, own)
                    FILTER (WHERE pilot = 1) AS pilots,
                sum(n * own / multiplicity ORDER BY multiplicity, own)
                    FILTER (WHERE pilot = 0) AS comparators
            FROM counted GROUP BY {names}
        ), arms AS (
            SELECT *, pilot_rows > 0 AND comparator_rows > 0 AS kept,
                CASE WHEN kept THEN row_number() OVER (PARTITION BY kept ORDER BY {in_order}) END
                    AS stratum
            FROM both_arms
        ), totals AS (
            SELECT {'"group", post,' if within else ""}
                sum(pilots ORDER BY stratum) AS pilots,
                sum(comparators ORDER BY stratum) AS comparators
            FROM arms WHERE kept {'GROUP BY "group", post' if within else ""}
        )
        SELECT arms.*,
            arms.pilots / arms.comparators * (totals.comparators / totals.pilots) AS ratio
        FROM arms LEFT JOIN totals ON {same}
        ORDER BY stratum NULLS LAST"""


def _matched_sql(analysis: ChildrenAnalysis) -> str:
    # A view: a table of the rows would double what has to be stored, for three readings of it.
    by_matching = "CASE stacked.pilot WHEN 1 THEN 1 ELSE strata.ratio END"
    weight = {
        None: by_matching,
        "count": f"stacked.{OWN} * {by_matching}",
        "replace": f"stacked.{OWN}",
    }[analysis.matching.own_weights]
    made = {"stratum": "strata.stratum", "weight": f"{weight} / stacked.multiplicity"}
    columns = ", ".join(
        f"({made.get(name, f'stacked.{quoted(name)}')})::{kind} AS {quoted(name)}"
        for name, kind in matched_columns(analysis).items()
    )
    same = " AND ".join(f"{sql} = strata.{quoted(name)}" for name, sql in _keys(analysis).items())
    return f"""
        CREATE OR REPLACE VIEW matched AS
        SELECT {columns} FROM stacked JOIN strata ON {same} AND strata.stratum IS NOT NULL"""


def _arms(connection: "DuckDBPyConnection") -> tuple[ArmCount, ...]:
    """Rows and kept rows of every group in both periods, also where there are none."""
    found = connection.execute(
        """
        SELECT names."group"::VARCHAR, periods.post,
            coalesce(sum(pilot_rows), 0)::BIGINT,
            coalesce(sum(pilot_rows) FILTER (WHERE stratum IS NOT NULL), 0)::BIGINT,
            coalesce(sum(comparator_rows), 0)::BIGINT,
            coalesce(sum(comparator_rows) FILTER (WHERE stratum IS NOT NULL), 0)::BIGINT
        FROM (SELECT DISTINCT "group" FROM strata) AS names
        CROSS JOIN (VALUES (0), (1)) AS periods(post)
        LEFT JOIN strata ON strata."group" = names."group" AND strata.post = periods.post
        GROUP BY 1, 2 ORDER BY 1, 2"""
    ).fetchall()
    return tuple(
        ArmCount(group=group, period=PERIODS[post], arm=arm, rows=rows, kept=kept)
        for group, post, *counts in found
        for arm, rows, kept in (("pilots", *counts[:2]), ("comparators", *counts[2:]))
    )


def _check_arms(arms: Sequence[ArmCount], file: str) -> None:
    for arm in arms:
        if arm.kept == 0:
            found = f"no matched {arm.arm} among {counted(arm.rows, 'row')}"
            place = f"group {arm.group}, {arm.period}"
            raise BadInput(file, place, found, "both arms in some stratum of each period")


def _size(connection: "DuckDBPyConnection", table: str) -> Size:
    rows, referrals, children = connection.execute(
        f"SELECT count(*), count(DISTINCT referral), count(DISTINCT child) FROM {table}"
    ).fetchall()[0]
    return Size(rows=rows, referrals=referrals, children=children)
