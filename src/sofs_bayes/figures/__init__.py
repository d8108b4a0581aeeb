"""Pictures of results; the only part of the package that imports matplotlib.

Each function takes rows of results and gives a `Drawing`: picture, alt text and the rows
themselves. `save` writes these as PNG, PDF and CSV.
"""

from sofs_bayes.figures.brackets import BracketRow, audit_brackets, bracket_row
from sofs_bayes.figures.calibration import coverage_levels, dispersion_strips
from sofs_bayes.figures.densities import prior_posterior
from sofs_bayes.figures.drawing import Drawing, save
from sofs_bayes.figures.effects import pilot_forest, shrinkage
from sofs_bayes.figures.event_years import event_study
from sofs_bayes.figures.predictions import arm_years, predictive
from sofs_bayes.figures.rank_panels import rank_ecdf, rank_histogram
from sofs_bayes.figures.rates import rate_and_counterfactual, yearly_rates
from sofs_bayes.figures.style import STYLE, Style
from sofs_bayes.figures.threshold_curves import threshold_curve
from sofs_bayes.figures.tipping import tipping_curve

__all__ = [
    "STYLE",
    "BracketRow",
    "Drawing",
    "Style",
    "arm_years",
    "audit_brackets",
    "bracket_row",
    "coverage_levels",
    "dispersion_strips",
    "event_study",
    "pilot_forest",
    "predictive",
    "prior_posterior",
    "rank_ecdf",
    "rank_histogram",
    "rate_and_counterfactual",
    "save",
    "shrinkage",
    "threshold_curve",
    "tipping_curve",
    "yearly_rates",
]
