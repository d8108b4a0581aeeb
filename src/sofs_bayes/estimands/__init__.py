"""Draws → effects on the response scale → intervals and probabilities."""

from sofs_bayes.estimands.rows import DensityRow, EffectRow, Label, ProbabilityRow, statement_text
from sofs_bayes.spec.keys import NEW, POOLED

__all__ = [
    "NEW",
    "POOLED",
    "DensityRow",
    "EffectRow",
    "Label",
    "ProbabilityRow",
    "statement_text",
]
