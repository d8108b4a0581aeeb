"""The registry of checks: run folder, `diagnose`, page, checklist and release read it.

A check of a fit is one file here, and its line in `CHECKS`; their order is that of tables.
"""

from collections.abc import Mapping
from typing import Any

from sofs_bayes.checks.registry.arm_weights import ARM_WEIGHTS
from sofs_bayes.checks.registry.check import Check, Fits, Kept, Layout, PosteriorFit, Refit, Rows
from sofs_bayes.checks.registry.leaving_out import LEAVING_OUT
from sofs_bayes.checks.registry.of_effects import (
    DENSITIES,
    MONTE_CARLO,
    RATES,
    SHRINKAGE,
    THRESHOLDS,
)
from sofs_bayes.checks.registry.power_scaling import POWER_SCALING
from sofs_bayes.checks.registry.predictions import PREDICTIONS
from sofs_bayes.checks.registry.tipping import TIPPING
from sofs_bayes.matching.choice import LeftOut, Match, PreTrendRow
from sofs_bayes.records.notices import Notice

CHECKS: tuple[Check, ...] = (
    PREDICTIONS,
    LEAVING_OUT,
    POWER_SCALING,
    ARM_WEIGHTS,
    TIPPING,
    THRESHOLDS,
    RATES,
    DENSITIES,
    SHRINKAGE,
    MONTE_CARLO,
)
# What is told of open counts before anything is fitted.
OF_COUNTS = (
    Kept(PreTrendRow, "pre_trend", "rates before settling-in", of="counts"),
    Kept(Match, "matches", "comparators of pilots", of="counts"),
    Kept(LeftOut, "left_out", "authorities that are left out", of="counts"),
    Kept(Notice, "notices", "what was noticed in counts", of="counts"),
)
FILES: Mapping[type, Kept] = {each.row: each for check in CHECKS for each in check.files} | {
    each.row: each for each in OF_COUNTS
}


def made(fits: Fits) -> dict[type, tuple[Any, ...]]:
    """The rows of all checks that apply, by their type."""
    found: dict[type, tuple[Any, ...]] = {}
    for check in CHECKS:
        if check.applies(fits):
            found |= {row: tuple(rows) for row, rows in check.made(fits).items()}
    return found


__all__ = [
    "CHECKS",
    "FILES",
    "Check",
    "Fits",
    "Kept",
    "Layout",
    "PosteriorFit",
    "Refit",
    "Rows",
    "made",
]
