"""A hierarchical model at given standard deviations → its posterior mean, as a column on cells.

With normal priors that mean is least squares with a penalty: authorities, their years and the
pilots' own effects are terms like others, drawn to 0 by the precision of their priors. So it is
a sum over outcomes as any coefficient is.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from sofs_bayes.frequentist.term import DID
from sofs_bayes.synthetic.cell_design import CellColumn, Cells, RowCells
from sofs_bayes.synthetic.scenario import FixedModel
from sofs_bayes.synthetic.unknowns import Unknowns

Floats = npt.NDArray[np.float64]


def posterior_column(
    cells: Cells, rows: RowCells, linear: CellColumn, unknowns: Unknowns, model: FixedModel
) -> CellColumn:
    """The linear column with effects of authorities, of their years, and of each pilot.

    Weights are taken to sum to the rows' effective size. The prior of a scaled covariate's
    coefficient goes by the covariate's spread over rows at the unknowns' start.
    """
    from scipy.linalg import block_diag

    first = len(linear.names) - len(linear.covariates)
    did = linear.fixed[:, [linear.names.index(DID)]]
    places = unknowns.authority_years
    authorities, years = places["authority"].nunique(), np.sort(places["year"].unique())
    levels = unknowns.to_authority_year @ np.kron(np.eye(authorities), np.ones((len(years), 1)))
    added = [levels, unknowns.to_authority_year, unknowns.to_pilot * did]
    shocks = model.persistence ** np.abs(np.subtract.outer(years, years))
    precision = block_diag(
        np.zeros((first, first)),
        np.eye(authorities) / model.authority_sd**2,
        np.kron(np.eye(authorities), np.linalg.inv(shocks)) / model.shock_sd**2,
        np.eye(len(unknowns.pilots)) / model.pilot_effect_sd**2,
        np.diag((_spreads(cells, linear, unknowns) / model.coefficient_sd) ** 2),
    )
    effective = rows.weight.sum() / (rows.weight**2).sum()
    effects = [f"effect {i}" for i in range(sum(each.shape[1] for each in added))]
    return replace(
        linear,
        names=(*linear.names[:first], *effects, *linear.names[first:]),
        fixed=np.column_stack([linear.fixed[:, :first], *added, linear.fixed[:, first:]]),
        penalty=precision * model.residual_sd**2 / effective,
    )


def _spreads(cells: Cells, linear: CellColumn, unknowns: Unknowns) -> Floats:
    """Standard deviations of scaled covariates over rows, 1 for the others."""
    share = cells.rows / cells.rows.sum()
    values = unknowns.point(unknowns.start).covariates[:, linear.covariates]
    spreads = np.sqrt(share @ (values - share @ values) ** 2)
    return np.asarray(spreads**linear.centred, dtype=np.float64)
