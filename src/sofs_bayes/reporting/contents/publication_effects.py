"""Runs → tables of effects for a publication."""

from collections.abc import Sequence
from pathlib import Path

from sofs_bayes.reporting.contents.effects import effect_scales, effects_table
from sofs_bayes.reporting.run_folder import Run
from sofs_bayes.reporting.tables import Table


def effects_tables(runs: Sequence[Run], _: Sequence[Path]) -> list[Table]:
    """Every effect of every run, a table for each scale."""
    return [effects_table(run, scale=scale) for run in runs for scale in effect_scales(run)]
