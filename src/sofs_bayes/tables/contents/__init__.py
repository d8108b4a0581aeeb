"""Runs and audit → the tables that commands print and the page shows."""

from sofs_bayes.tables.contents.checks import (
    extremes_table,
    predictive_statistics_table,
    predictive_table,
)
from sofs_bayes.tables.contents.design import (
    left_out_table,
    matches_table,
    notices_table,
    pre_trend_table,
    rates_table,
)
from sofs_bayes.tables.contents.diagnostics import diagnostics_table
from sofs_bayes.tables.contents.effect_columns import UNIT_OF, number_format
from sofs_bayes.tables.contents.effects import (
    counts_used,
    effect_scales,
    effects_table,
    risk_scale,
    rows_taken,
    sensitivity_table,
)
from sofs_bayes.tables.contents.hierarchical import columns_table
from sofs_bayes.tables.contents.hierarchical_checks import (
    arm_years_table,
    authority_loo_table,
    comparison_table,
    hierarchical_diagnostics,
    loo_cells_table,
    loo_table,
    monte_carlo_table,
    power_scaling_table,
    tipping_table,
)
from sofs_bayes.tables.contents.model_design import design_table
from sofs_bayes.tables.contents.pilots import pilots_table
from sofs_bayes.tables.contents.printed import brackets_table, facts_table, findings_table
from sofs_bayes.tables.contents.priors import priors_of, priors_table
from sofs_bayes.tables.contents.publication import KINDS, named_apart, publication_tables

__all__ = [
    "KINDS",
    "UNIT_OF",
    "arm_years_table",
    "authority_loo_table",
    "brackets_table",
    "columns_table",
    "comparison_table",
    "counts_used",
    "design_table",
    "diagnostics_table",
    "effect_scales",
    "effects_table",
    "extremes_table",
    "facts_table",
    "findings_table",
    "hierarchical_diagnostics",
    "left_out_table",
    "loo_cells_table",
    "loo_table",
    "matches_table",
    "monte_carlo_table",
    "named_apart",
    "notices_table",
    "number_format",
    "pilots_table",
    "power_scaling_table",
    "pre_trend_table",
    "predictive_statistics_table",
    "predictive_table",
    "priors_of",
    "priors_table",
    "publication_tables",
    "rates_table",
    "risk_scale",
    "rows_taken",
    "sensitivity_table",
    "tipping_table",
]
