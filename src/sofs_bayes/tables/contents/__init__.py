"""Runs and audit → the tables that commands print and the page shows."""

from sofs_bayes.tables.contents.design import (
    left_out_table,
    matches_table,
    notices_table,
    pre_trend_table,
    rates_table,
)
from sofs_bayes.tables.contents.diagnostics import diagnostics_table
from sofs_bayes.tables.contents.effect_columns import number_format
from sofs_bayes.tables.contents.effects import (
    counts_used,
    effect_scales,
    effects_table,
    rows_taken,
    sensitivity_table,
)
from sofs_bayes.tables.contents.hierarchical import columns_table
from sofs_bayes.tables.contents.hierarchical_checks import (
    comparison_table,
    hierarchical_diagnostics,
)
from sofs_bayes.tables.contents.model_design import design_table
from sofs_bayes.tables.contents.pilots import pilots_table
from sofs_bayes.tables.contents.printed import brackets_table, facts_table, findings_table
from sofs_bayes.tables.contents.priors import priors_of
from sofs_bayes.tables.contents.publication import named_apart, publication_tables

__all__ = [
    "brackets_table",
    "columns_table",
    "comparison_table",
    "counts_used",
    "design_table",
    "diagnostics_table",
    "effect_scales",
    "effects_table",
    "facts_table",
    "findings_table",
    "hierarchical_diagnostics",
    "left_out_table",
    "matches_table",
    "named_apart",
    "notices_table",
    "number_format",
    "pilots_table",
    "pre_trend_table",
    "priors_of",
    "publication_tables",
    "rates_table",
    "rows_taken",
    "sensitivity_table",
]
