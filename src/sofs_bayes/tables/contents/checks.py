"""Runs → tables that say whether to trust them."""

from sofs_bayes.checks.registry.predictions import PredictiveCell, PredictiveStatistic
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec.years import years_of
from sofs_bayes.tables.contents.assumptions import model_scale
from sofs_bayes.tables.contents.effect_columns import LARGER, predicted_ends
from sofs_bayes.tables.contents.effects import rate_format, rate_notes, run_table
from sofs_bayes.tables.formats import Column, Table

ALL_RATES = "The share of rates outside 0 to 1 is that of all cells, pilots' and comparators'."


def predictive_table(run: Run) -> Table:
    """Share of authority-years inside their predictive interval, by arm and year."""
    cells = run.rows(PredictiveCell)
    groups: dict[tuple[str, int], list[bool]] = {}
    for cell in cells:
        inside = bool(cell.lower <= cell.observed <= cell.upper)
        groups.setdefault((cell.arm, cell.year), []).append(inside)
    level = cells[0].level if cells else 0.0
    columns = [
        Column(key="arm", heading="Authorities"),
        Column(key="year", heading=years_of(run.analysis).heading, format="year"),
        Column(key="cells", heading="Number", format="integer"),
        Column(key="inside", heading="Inside", format="percent"),
    ]
    return run_table(
        run,
        "predictive",
        f"authority-years inside their {100 * level:g}% prediction",
        [
            (arm, year, len(found), sum(found) / len(found))
            for (arm, year), found in sorted(groups.items(), key=_pilots_first)
        ],
        columns,
        "Each authority-year is predicted with a new shock, not its own.",
    )


def _pilots_first(group: tuple[tuple[str, int], list[bool]]) -> tuple[bool, int]:
    (arm, year), _ = group
    return arm != "pilot", year


def predictive_statistics_table(run: Run) -> Table:
    """How comparators' rates move, observed and as the model would have them move."""
    rows = run.rows(PredictiveStatistic)
    scale = "rates" if model_scale(run.analysis) == "risk" else "log-odds"
    columns = [
        Column(key="statistic", heading=f"Comparators' {scale}"),
        Column(key="observed", heading="Observed", format="number"),
        *predicted_ends(rows, "number"),
        LARGER,
    ]
    return run_table(
        run,
        "predictive_statistics",
        "does the model move as the authorities do?",
        rows,
        columns,
        *([ALL_RATES] if any("0 to 1" in row.statistic for row in rows) else []),
    )


def extremes_table(run: Run, *, tail: float = 0.005) -> Table:
    """The authority-years the fitted model would hardly have predicted."""
    cells = [c for c in run.rows(PredictiveCell) if min(c.pit, 1 - c.pit) < tail]
    columns = [
        Column(key="authority", heading="Authority"),
        Column(key="year", heading=years_of(run.analysis).heading, format="year"),
        Column(key="arm", heading="Arm"),
        Column(key="observed", heading="Rate", format=rate_format(run)),
        *predicted_ends(cells, rate_format(run)),
    ]
    return run_table(
        run,
        "extremes",
        f"authority-years outside the middle {100 - 200 * tail:g}%",
        cells,
        columns,
        *rate_notes(run),
    )
