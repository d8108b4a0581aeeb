"""Stacked and matched rows → how far the arms differ on the uncoarsened variables (Table 2)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from sofs_bayes.matching.matched_rows import (
    PERIODS,
    STAGES,
    Connected,
    Period,
    Stage,
    connection_of,
)
from sofs_bayes.records.column_values import quoted
from sofs_bayes.spec import ChildrenAnalysis, Number

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

ALL: Literal["all"] = "all"

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceRow:
    """Balance of the arms at one stage, within one period and group or over all of them.

    Attributes
    ----------
    stage
        `before`: stacked rows, each counting 1; `matched`: the rows that matching kept, each
        counting 1 (what the evaluators' scripts print as "Post CEM"); `weighted`: the same
        with their weights.
    period, group
        `all` has every period, or group, among the cells.
    l1
        Half the sum over cells of |share of the pilots - share of the comparators|; 0 to 1.
    local_common_support
        Cells with both arms among cells with any row, in per cent.
    pilots_supported
        Pilots (their weight, at the stage `weighted`) in cells with both arms, in per cent.
    cells
        Cells with any row.
    pilots, comparators
        Rows.
    """

    stage: Stage
    period: Period | Literal["all"]
    group: str
    l1: float
    local_common_support: float
    pilots_supported: float
    cells: int
    pilots: int
    comparators: int


def balance(
    matched: "DuckDBPyConnection | Connected", analysis: ChildrenAnalysis
) -> tuple[BalanceRow, ...]:
    """Multivariate imbalance and common support before and after matching.

    A cell is a combination of matched group, period and the variables of `matching.balance`:
    levels as they are, numbers at whole units (an age in completed years), missing as a value
    of its own. Group and period are among the variables since matching is within them, as in
    the evaluators' scripts.

    L1 and local common support are those of `imbalance` in the R package cem (Iacus, King and
    Porro 2011), where that support is a share of cells: in small cells it is low even if
    nearly every pilot's child has a counterpart. `pilots_supported` is the share of children,
    as the words beside Table 2 describe it.

    Parameters
    ----------
    matched
        A connection, or what holds one, with `stacked` and `matched`, as `match` leaves it.

    Returns
    -------
    Rows by stage; within it over all groups, then by group; within that over both periods,
    then pre, then post.
    """
    connection = connection_of(matched)
    cells = {"stacked": _cells(connection, "stacked", analysis, weight="1")}
    cells["matched"] = _cells(connection, "matched", analysis, weight="weight")
    return tuple(
        row
        for stage in STAGES
        for row in _stage_rows(stage, cells["stacked" if stage == "before" else "matched"])
    )


def imbalance(pilots: Floats, comparators: Floats) -> float:
    """L1 of two arms' counts or weights over the same cells, shape (cells,)."""
    shares = pilots / pilots.sum() - comparators / comparators.sum()
    return float(np.abs(shares).sum() / 2)


def _cells(
    connection: "DuckDBPyConnection", table: str, analysis: ChildrenAnalysis, *, weight: str
) -> pd.DataFrame:
    """Rows and weight of each arm in every cell that has any row, in a stated order.

    Rows are counted by weight first, and weights added in order: threads would otherwise
    change last bits.
    """
    keys = ", ".join(f"{sql} AS {quoted(name)}" for name, sql in _keys(analysis).items())
    names = ", ".join(map(quoted, _keys(analysis)))
    arms = ", ".join(
        f"coalesce({total} FILTER (WHERE pilot = {pilot}), 0)::DOUBLE AS {name}"
        for pilot, arm in enumerate(("comparators", "pilots"))
        for total, name in (("sum(n)", arm), ("sum(n * w ORDER BY w)", f"{arm}_weight"))
    )
    return connection.execute(
        f"""
        WITH counted AS (
            SELECT {keys}, pilot, {weight} AS w, count(*) AS n FROM {table} GROUP BY ALL
        ), cells AS (SELECT {names}, {arms} FROM counted GROUP BY {names} ORDER BY {names})
        SELECT "key group" AS "group", "key post" AS post, pilots, comparators, pilots_weight,
            comparators_weight
        FROM cells ORDER BY {names}"""
    ).df()


def _keys(analysis: ChildrenAnalysis) -> Mapping[str, str]:
    keys = {"key group": '"group"::VARCHAR', "key post": "post"}
    for name in analysis.matching.balance:
        column = quoted(name)
        is_number = isinstance(analysis.records.covariate(name), Number)
        keys[f"key {name} of child"] = (
            f"CASE WHEN NOT isnan({column}::DOUBLE) THEN floor({column}::DOUBLE) END"
            if is_number
            else f"{column}::VARCHAR"
        )
    return keys


def _stage_rows(stage: Stage, cells: pd.DataFrame) -> Iterator[BalanceRow]:
    counts = (
        ("pilots_weight", "comparators_weight")
        if stage == "weighted"
        else (
            "pilots",
            "comparators",
        )
    )
    for group in (None, *sorted(cells["group"].unique())):
        of_group = cells if group is None else cells[cells["group"] == group]
        for post in (None, *range(len(PERIODS))):
            within = of_group if post is None else of_group[of_group["post"] == post]
            pilots, comparators = (within[name].to_numpy(np.float64) for name in counts)
            shared = (pilots > 0) & (comparators > 0)
            yield BalanceRow(
                stage=stage,
                period=ALL if post is None else PERIODS[post],
                group=ALL if group is None else group,
                l1=imbalance(pilots, comparators),
                local_common_support=float(100 * shared.mean()),
                pilots_supported=float(100 * pilots[shared].sum() / pilots.sum()),
                cells=len(within),
                pilots=int(within["pilots"].sum()),
                comparators=int(within["comparators"].sum()),
            )
