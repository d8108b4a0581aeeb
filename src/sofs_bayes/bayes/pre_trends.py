"""How far pilots' trends departed from their comparators' before settling-in."""

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Leads:
    """Pilots' differences in the years before settling-in, on the model's scale.

    Attributes
    ----------
    values
        Shape (leads,); none where there are none.
    covariance
        Of their errors, clustered on authorities (CR1), (leads, leads).
    """

    values: Floats
    covariance: Floats

    @property
    def root_mean_square(self) -> float:
        """How far trends departed before, the leads' own noise taken out.

        No less than the noise over the root of the number of leads, as departures below that
        could not have been seen in them; nor more than with the noise.
        """
        noise, seen = np.mean(np.diag(self.covariance)), np.mean(self.values**2)
        return float(np.sqrt(min(seen, max(seen - noise, noise / len(self.values)))))


NO_LEADS = Leads(values=np.zeros(0), covariance=np.zeros((0, 0)))


def leads_of_children(cells: Cells, analysis: HierarchicalAnalysis) -> Leads:
    """The leads of the regression with leads and lags, fitted to the cells.

    Logistic: to the quadratic expansion of their likelihood. Released cells may not tell years
    since settling-in, and then there are none.
    """
    regression = leads_regression(analysis)
    if regression is None or "years_since" not in cells.by:
        return NO_LEADS
    return leads_of(regression_data(cells, analysis, regression))


def leads_of(data: CellData) -> Leads:
    """The same of data with leads among their terms."""
    leads = np.array([find_term(name).is_lead for name in data.terms]) & data.design.any(axis=0)
    if not leads.any():
        return NO_LEADS
    found, covariance = _solved(data)
    return Leads(values=found[leads], covariance=covariance[np.ix_(leads, leads)])


def departure_sd(leads: Leads, prior: Departure | None) -> float | None:
    """The prior sd of a departure from parallel trends: a multiple of how far they departed before.

    None where no leads can be had, or no departure is allowed for.
    """
    if prior is None or not len(leads.values):
        return None
    return prior.multiple * leads.root_mean_square


def _solved(data: CellData) -> tuple[Floats, Floats]:
    """The cells' coefficients that the (quadratic) likelihood is largest at, and their covariance.

    Those of terms that are not in use are 0.
    """
    own = data.design.shape[1]
    both = np.column_stack([data.design, data.child_means])
    products = both.T @ (data.curvature[:, None] * both)
    pull = both.T @ (data.curvature * data.centre)
    products[own:, own:] += data.within_xx.sum(0)
    pull[own:] += data.within_xy.sum(0)
    used = np.r_[data.design.any(axis=0), np.ones(len(pull) - own, dtype=bool)]
    bread = np.linalg.inv(products[used][:, used])
    found, covariance = np.zeros(len(pull)), np.zeros(products.shape)
    found[used] = bread @ pull[used]
    scores = np.zeros((len(data.authorities), len(pull)))
    np.add.at(
        scores, data.authority, both * (data.curvature * (data.centre - both @ found))[:, None]
    )
    groups = len(np.unique(data.authority[data.curvature > 0]))
    half = scores[:, used] @ bread
    covariance[np.ix_(used, used)] = groups / (groups - 1) * half.T @ half
    return found[:own], covariance[:own, :own]
