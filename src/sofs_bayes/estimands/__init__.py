"""Draws → effects on the response scale → intervals and probabilities."""

from sofs_bayes.estimands.rows import (
    NEW,
    POOLED,
    DensityRow,
    EffectRow,
    Label,
    ProbabilityRow,
    statement_text,
)

__all__ = [
    "NEW",
    "POOLED",
    "DensityRow",
    "EffectRow",
    "Label",
    "ProbabilityRow",
    "statement_text",
]
