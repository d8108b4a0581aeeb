"""What `init` saw in a file of referrals → tables: columns, levels, outcomes by year."""

from calendar import month_name
from collections.abc import Iterator, Sequence

from sofs_bayes.errors import counted
from sofs_bayes.records.profile import FEWEST, Profile, YearCount
from sofs_bayes.spec import Evidence
from sofs_bayes.tables.contents.effect_columns import ends
from sofs_bayes.tables.formats import Cell, Column, Table

ENDS = (
    f"Lower and upper: at least {FEWEST} rows are there or beyond; the outermost values are single"
    " rows', and are not shown."
)
NOT_TO_LEAVE = "Exact counts of records: they stay where the records are."


def columns_table(found: Profile, authorities: Sequence[str]) -> Table:
    """A line for each column: what it holds, how much is missing, from where to where."""
    lines: list[tuple[Cell, ...]] = [
        (
            each.name,
            each.kind + " (may be the authority)" * (each.name in authorities),
            each.different,
            each.share_missing,
            each.lowest,
            each.highest,
        )
        for each in found.columns
    ]
    return Table(
        name="columns",
        title=f"{found.file.name}: {counted(found.columns[0].rows, 'row')}, column by column",
        columns=(
            Column(key="column", heading="Column"),
            Column(key="kind", heading="Holds"),
            Column(key="different", heading="Different ones", format="integer"),
            Column(key="missing", heading="Missing", format="percent"),
            *ends("Values", "text", keys=("lowest", "highest")),
        ),
        rows=tuple(lines),
        evidence=found.evidence,
        notes=(NOT_TO_LEAVE, ENDS),
    )


def levels_table(found: Profile) -> Table:
    """Each level of each column that has few, with its rows."""
    return Table(
        name="levels",
        title=f"{found.file.name}: levels",
        columns=(
            Column(key="column", heading="Column"),
            Column(key="level", heading="Level"),
            Column(key="rows", heading="Rows", format="integer", holds="children"),
        ),
        rows=tuple(
            (each.name, level, rows) for each in found.columns for level, rows in each.shown
        ),
        evidence=found.evidence,
        notes=(NOT_TO_LEAVE, *_rare(found)),
    )


def _rare(found: Profile) -> Iterator[str]:
    """How many values are not shown, as too few rows have them."""
    named = [f"{each.name} {len(each.rare)}" for each in found.columns if each.rare]
    if named:
        yield f"Further values of fewer than {FEWEST} rows each are not shown: {', '.join(named)}."


def counts_table(
    file: str,
    counts: Sequence[YearCount],
    *,
    evidence: Evidence,
    first_month: int,
    what: str = "",
) -> Table:
    """Outcomes among referrals, or what a panel counts; a dash where there are none."""
    begins = f"2015 begins in {month_name[first_month]} 2015."
    years = sorted({each.year for each in counts})
    at = {(each.authority, each.year): f"{each.outcomes}/{each.referrals}" for each in counts}
    return Table(
        name="outcomes-by-year",
        title=f"{file}: {what or 'outcomes among rows'}, by authority and year",
        columns=(
            Column(key="authority", heading="Authority"),
            *(Column(key=str(year), heading=str(year)) for year in years),
        ),
        rows=tuple(
            (name, *(at.get((name, year), "–") for year in years))
            for name in dict.fromkeys(each.authority for each in counts)
        ),
        evidence=evidence,
        notes=(begins if what else f"Outcomes whenever they came; {begins}",),
    )
