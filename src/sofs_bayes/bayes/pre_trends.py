"""How far pilots' trends departed from their comparators' before settling-in."""

import numpy as np
import numpy.typing as npt

from sofs_bayes.bayes.cell_data import CellData, regression_data
from sofs_bayes.cells.dataset import Cells
from sofs_bayes.frequentist.term import find_term
from sofs_bayes.spec import HierarchicalAnalysis, Regression

Floats = npt.NDArray[np.float64]


def leads_regression(analysis: HierarchicalAnalysis) -> Regression | None:
    """The children's regression with leads and lags, for the groups that the analysis uses."""
    for each in analysis.children.regressions.columns:
        if each.treatment == "leads and lags":
            own = analysis.regression
            return type(own)(
                name=each.name,
                model=own.model,
                treatment=each.treatment,
                authorities=own.authorities,
                without=own.without,
            )
    return None


def departure_sd(cells: Cells, analysis: HierarchicalAnalysis) -> float | None:
    """The prior sd of a departure from parallel trends; None where no leads can be had."""
    if "years_since" not in cells.by:  # released cells may not tell years since settling-in
        return None
    size = lead_size(cells, analysis)
    return None if size is None else analysis.priors.departure.multiple * size


def lead_size(cells: Cells, analysis: HierarchicalAnalysis) -> float | None:
    """The root mean square of the leads, on the model's scale; None where there are none.

    Leads are those of the regression with leads and lags, fitted to the cells (logistic: to the
    quadratic expansion of their likelihood).
    """
    regression = leads_regression(analysis)
    if regression is None:
        return None
    return lead_size_of(regression_data(cells, analysis, regression))


def lead_size_of(data: CellData) -> float | None:
    """The same of data with leads among their terms."""
    leads = np.array([find_term(name).is_lead for name in data.terms]) & data.design.any(axis=0)
    return float(np.sqrt(np.mean(_solved(data)[leads] ** 2))) if leads.any() else None


def _solved(data: CellData) -> Floats:
    """The coefficients of the cells' terms that the (quadratic) likelihood is largest at.

    Those of terms that are not in use are 0.
    """
    own = data.design.shape[1]
    both = np.column_stack([data.design, data.child_means])
    products = both.T @ (data.curvature[:, None] * both)
    pull = both.T @ (data.curvature * data.centre)
    products[own:, own:] += data.within_xx.sum(0)
    pull[own:] += data.within_xy.sum(0)
    used = np.r_[data.design.any(axis=0), np.ones(len(pull) - own, dtype=bool)]
    found = np.zeros(len(pull))
    found[used] = np.linalg.solve(products[used][:, used], pull[used])
    return found[:own]
