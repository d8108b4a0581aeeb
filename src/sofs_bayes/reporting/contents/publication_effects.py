"""Runs → tables of effects for a publication."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from sofs_bayes.reporting.contents.effects import effect_scales, effects_table
from sofs_bayes.reporting.run_folder import Run
from sofs_bayes.reporting.tables import Table

# Scales as parts of names of files.
CALLED: Mapping[str, str] = {
    "risk": "risk",
    "log-odds": "log-odds",
    "odds ratio": "odds-ratio",
    "children per 1,000": "per-1000",
}


def effects_tables(runs: Sequence[Run], _: Sequence[Path]) -> list[Table]:
    """Every effect of every run, a table for each scale."""
    return [
        effects_table(run, scale=scale, name=f"effects-{run.analysis.name}-{CALLED[scale]}")
        for run in runs
        for scale in effect_scales(run)
    ]
