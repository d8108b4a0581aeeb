"""How far pilots' trends departed from their comparators' before settling-in."""

import numpy as np
import numpy.typing as npt

from sofs_bayes.bayes.cell_data import CellData, regression_data
from sofs_bayes.cells.dataset import Cells
from sofs_bayes.frequentist.term import find_term
from sofs_bayes.spec import Departure, HierarchicalAnalysis, Regression

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


def leads_of_children(cells: Cells, analysis: HierarchicalAnalysis) -> Floats:
    """The leads, on the model's scale, shape (leads,); none where there are none.

    Leads are those of the regression with leads and lags, fitted to the cells (logistic: to the
    quadratic expansion of their likelihood). Released cells may not tell years since settling-in.
    """
    regression = leads_regression(analysis)
    if regression is None or "years_since" not in cells.by:
        return np.zeros(0)
    return leads_of(regression_data(cells, analysis, regression))


def leads_of(data: CellData) -> Floats:
    """The same of data with leads among their terms."""
    leads = np.array([find_term(name).is_lead for name in data.terms]) & data.design.any(axis=0)
    return _solved(data)[leads] if leads.any() else np.zeros(0)


def departure_sd(leads: Floats, prior: Departure | None) -> float | None:
    """The prior sd of a departure from parallel trends: a multiple of the leads' root mean square.

    None where no leads can be had, or no departure is allowed for.
    """
    if prior is None or not len(leads):
        return None
    return prior.multiple * float(np.sqrt(np.mean(leads**2)))


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
