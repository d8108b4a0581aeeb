"""Runs and audit → the tables that commands print and the page shows."""

from sofs_bayes.reporting.contents.checks import (
    diagnostics_table,
    extremes_table,
    predictive_statistics_table,
    predictive_table,
)
from sofs_bayes.reporting.contents.design import (
    left_out_table,
    matches_table,
    notices_table,
    pre_trend_table,
    rates_table,
)
from sofs_bayes.reporting.contents.effects import (
    UNIT_OF,
    effect_scales,
    effects_table,
    extra_rows,
    interval_note,
    number_format,
    sensitivity_table,
)
from sofs_bayes.reporting.contents.printed import (
    brackets_table,
    facts_table,
    findings_table,
)

__all__ = [
    "UNIT_OF",
    "brackets_table",
    "diagnostics_table",
    "effect_scales",
    "effects_table",
    "extra_rows",
    "extremes_table",
    "facts_table",
    "findings_table",
    "interval_note",
    "left_out_table",
    "matches_table",
    "notices_table",
    "number_format",
    "pre_trend_table",
    "predictive_statistics_table",
    "predictive_table",
    "rates_table",
    "sensitivity_table",
]
