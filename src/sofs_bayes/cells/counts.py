"""Rows of the view `coded` → counts by pattern, different children, referrals in many groups."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from sofs_bayes.errors import BadInput
from sofs_bayes.records.column_values import quoted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Columns = dict[str, npt.NDArray[Any]]


def pattern_counts(
    connection: "DuckDBPyConnection", names: Sequence[str], *, most: int, file: str
) -> tuple[Columns, Columns]:
    """The columns `names` of every pattern, in order, with its counts and sums of weights.

    And the rows of every pattern by weight: `weight`, `n`, `events`, `of_pattern`.

    Rows are first counted by pattern and weight, and the sums made of whole numbers in order,
    so that threads change no last bit. A pattern has few different weights: they are constant
    within stratum, arm and multiplicity.

    Raises
    ------
    BadInput
        More than `most` patterns and weights.
    """
    keys = _listed(names)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE counted AS SELECT {keys}, weight,"
        " count(*)::INTEGER AS n, sum(outcome)::INTEGER AS events FROM coded GROUP BY ALL"
    )
    rows = int(connection.execute("SELECT count(*) FROM counted").fetchall()[0][0])
    if rows > most:
        allowed = f"at most {most}: fewer covariates, or numbers in bands"
        raise BadInput(file, "patterns of covariates", str(rows), allowed)
    found = connection.execute(f"SELECT * FROM counted ORDER BY {keys}, weight").fetchnumpy()
    connection.execute("DROP TABLE counted")
    columns = {name: plain(values) for name, values in found.items()}
    starts = first_of_each([columns[name] for name in names])
    weight, n, events = (columns.pop(name) for name in ("weight", "n", "events"))
    sums = {
        "n": n.astype(np.int64),
        "events": events.astype(np.int64),
        "weight": n * weight,
        "weighted_events": events * weight,
        "weight_squared": n * weight**2,
    }
    patterns = {name: columns[name][starts] for name in names} | {
        name: np.add.reduceat(values, starts) for name, values in sums.items()
    }
    of_pattern = np.searchsorted(starts, np.arange(len(n)), side="right") - 1
    return patterns, {"weight": weight, "n": n, "events": events, "of_pattern": of_pattern}


def plain(values: Any) -> npt.NDArray[Any]:
    """A column as DuckDB gives it, with NaN in the place of NULL."""
    return np.asarray(values.filled(np.nan) if np.ma.isMaskedArray(values) else values)


def first_of_each(columns: Sequence[npt.NDArray[Any]]) -> npt.NDArray[np.intp]:
    """Where a new combination begins, in columns ordered by their combinations."""
    begins = np.zeros(len(columns[0]), dtype=np.bool_)
    begins[:1] = True
    for values in columns:
        before, after = values[:-1], values[1:]
        both_missing = pd.isna(after) & pd.isna(before)
        begins[1:] |= (after != before) & ~both_missing
    return np.flatnonzero(begins)


def children_counts(connection: "DuckDBPyConnection", names: Sequence[str]) -> Columns:
    """Different children of every pattern, in the order of `pattern_counts`.

    A child referred more than once may be both with and without an event. Children are told
    apart by a hash of 64 bits, which could only count too few.
    """
    keys = _listed(names)
    found = connection.execute(
        f"""
        SELECT count(*) AS children, sum(with_event)::BIGINT AS children_with_event,
            sum(without_event)::BIGINT AS children_without_event
        FROM (
            SELECT {keys}, child, max(outcome) AS with_event, max(1 - outcome) AS without_event
            FROM coded GROUP BY {keys}, child
        )
        GROUP BY {keys} ORDER BY {keys}"""
    ).fetchnumpy()
    return {name: np.asarray(values).astype(np.int64) for name, values in found.items()}


def overlapping_sets(connection: "DuckDBPyConnection", names: Sequence[str]) -> Columns:
    """Referrals that stand in several patterns, counted by the set of their patterns.

    A referral stands once in each of its groups. The set is known by the sum of its patterns'
    hashes, and looked up through one referral of it.

    Returns
    -------
    dict
        `n`, `events` by set; `of_set`, `of_pattern` by membership. A pattern's index is its
        place in the order of `pattern_counts`.
    """
    keys = _listed(names)
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE pattern_sets AS
        SELECT signature, count(*) AS n, sum(outcome)::BIGINT AS events, min(referral) AS one
        FROM (
            SELECT referral, sum(hash({keys})::HUGEINT) AS signature,
                count(*) AS times, any_value(outcome) AS outcome
            FROM coded WHERE multiplicity > 1 GROUP BY referral
        )
        WHERE times > 1 GROUP BY signature"""
    )
    columns = ", ".join(f"coded.{quoted(name)}" for name in names)
    same = " AND ".join(
        f"coded.{quoted(name)} IS NOT DISTINCT FROM patterns.{quoted(name)}" for name in names
    )
    found = connection.execute(
        f"""
        WITH patterns AS (
            SELECT {keys}, row_number() OVER (ORDER BY {keys}) - 1 AS pattern
            FROM (SELECT DISTINCT {keys} FROM coded)
        ), members AS (
            SELECT pattern_sets.one, pattern_sets.n, pattern_sets.events, {columns}
            FROM coded JOIN pattern_sets ON coded.referral = pattern_sets.one
            WHERE coded.multiplicity > 1
        )
        SELECT one, n, events, pattern FROM members AS coded JOIN patterns ON {same}
        ORDER BY one, pattern"""
    ).fetchnumpy()
    one = np.asarray(found["one"])
    starts = first_of_each([one])
    return {
        "n": np.asarray(found["n"])[starts].astype(np.int64),
        "events": np.asarray(found["events"])[starts].astype(np.int64),
        "of_set": np.searchsorted(starts, np.arange(len(one)), side="right") - 1,
        "of_pattern": np.asarray(found["pattern"]).astype(np.int64),
    }


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(quoted, names))
