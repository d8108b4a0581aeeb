"""Matched samples → tables of what was matched, how well, and with whom."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sofs_bayes.spec import ChildrenAnalysis, Evidence
from sofs_bayes.spec.study import denominator_of, persons_of
from sofs_bayes.tables.formats import Column, Table, table_of

if TYPE_CHECKING:
    from sofs_bayes.matching.balance import BalanceRow
    from sofs_bayes.matching.choice import Match
    from sofs_bayes.matching.from_records import PrintedCount
    from sofs_bayes.matching.strata import MatchedSample

STAGES = {
    "before": "before matching",
    "matched": "matched, each row counting 1",
    "weighted": "matched, weighted",
}


def matched_rows_table(
    sample: "MatchedSample", analysis: ChildrenAnalysis, evidence: Evidence
) -> Table:
    """Rows of each arm by matched group and period, and how many matching kept."""
    before, after = sample.before, sample.after
    columns = (
        Column(key="group", heading="Matched group"),
        Column(key="period", heading="Period"),
        Column(key="arm", heading="Arm"),
        Column(key="rows", heading="Rows", format="integer"),
        Column(key="kept", heading="kept", format="integer"),
        Column(key="dropped", heading="dropped", format="integer"),
    )
    return table_of(
        "matched-rows",
        f"{analysis.title}: {after.rows:,} of {before.rows:,} rows matched",
        sample.arms,
        columns,
        evidence=evidence,
        notes=[
            f"Each has a row in each matched group it stands in: {after.rows:,} rows are"
            f" {after.referrals:,} {denominator_of(analysis)} of {after.children:,}"
            f" {persons_of(analysis)}.",
            f"{sample.strata:,} strata hold both arms; {sample.strata_dropped:,} hold one, and"
            " were dropped.",
        ],
    )


def balance_table(
    rows: Sequence["BalanceRow"], analysis: ChildrenAnalysis, evidence: Evidence
) -> Table:
    """Imbalance and common support before and after matching, over all groups."""
    shown = tuple(
        (STAGES[row.stage], row.period, row.l1, row.local_common_support / 100, row.cells)
        for row in rows
        if row.group == "all"
    )
    return Table(
        name="balance",
        title=f"{analysis.title}: balance on the uncoarsened variables",
        columns=(
            Column(key="stage", heading="Stage"),
            Column(key="period", heading="Period"),
            Column(key="l1", heading="L1 imbalance", format="number"),
            Column(key="local_common_support", heading="Local common support", format="percent"),
            Column(key="cells", heading="Cells", format="integer"),
        ),
        rows=shown,
        evidence=evidence,
        notes=(
            "L1: 0 is balanced, 1 is apart. Local common support: cells with both arms among all"
            " cells with any row. A cell is a matched group, a period and a combination of"
            f" {', '.join(analysis.matching.balance)}.",
        ),
    )


def comparators_table(
    chosen: Sequence["Match"],
    next_best: Sequence["Match"],
    analysis: ChildrenAnalysis,
    evidence: Evidence,
) -> Table:
    """Comparators chosen on the trend before settling-in, with the nearest not chosen."""
    rows = [(m.pilot, m.rank, m.comparator, m.distance, "chosen") for m in chosen]
    rows += [(m.pilot, m.rank, m.comparator, m.distance, "next best") for m in next_best]
    return Table(
        name="comparators",
        title=f"{analysis.title}: comparators nearest before settling-in",
        columns=(
            Column(key="pilot", heading="Pilot"),
            Column(key="rank", heading="Rank", format="integer"),
            Column(key="comparator", heading="Comparator"),
            Column(key="distance", heading="Distance (log-odds)", format="number"),
            Column(key="chosen", heading="Choice"),
        ),
        rows=tuple(sorted(rows)),
        evidence=evidence,
        notes=(f"Distance of the {analysis.matching.authorities.match_on}.",),
    )


def printed_counts_table(
    counts: Sequence["PrintedCount"], analysis: ChildrenAnalysis, evidence: Evidence
) -> Table:
    """Numbers of pilots and comparators beside the printed ones (Table 1 and notes)."""
    columns = (
        Column(key="quantity", heading="Authorities"),
        Column(key="here", heading="Here", format="integer"),
        Column(key="printed", heading="Printed", format="integer"),
        Column(key="place", heading="Place"),
    )
    title = f"{analysis.title}: authorities here and in print"
    return table_of("authorities", title, counts, columns, evidence=evidence)
