"""Printed coefficients of logistic and linear columns as equations in what may be moved."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sofs_bayes.synthetic.cla_fits import (
    Fit,
    Slopes,
    fit_column,
    mcfadden,
    slopes_of_coefficients,
    slopes_of_share,
)
from sofs_bayes.synthetic.cla_profiles import Profiles
from sofs_bayes.synthetic.cla_unknowns import Unknowns
from sofs_bayes.synthetic.joint_solve import Target

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What a mean of outcomes, or McFadden's R², is to be: |found − value| ≤ tolerance."""

    value: float
    tolerance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanAim:
    """The aim of a weighted mean of outcomes; weights of shape (profiles,)."""

    weight: Floats
    aim: Aim


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Printed columns on profiles, and what may be moved to meet them.

    `r_squared` is McFadden's of the first logistic column.
    """

    profiles: Profiles
    unknowns: Unknowns
    targets: tuple[Target, ...]
    means: tuple[MeanAim, ...]
    r_squared: Aim

    def chosen(self, column: str) -> tuple[Target, ...]:
        """The targets in a column."""
        return tuple(each for each in self.targets if each.column == column)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the solver stands.

    Parameters
    ----------
    vector
        Shape (unknowns,).
    found, by_vector
        Coefficients, means and R², shape (equations,), and their derivatives.
    coefficients
        Column → all its coefficients: where the next fit starts from.
    """

    vector: Floats
    found: Floats
    by_vector: Floats
    coefficients: Mapping[str, Floats]


def wanted(problem: Problem) -> tuple[Floats, Floats]:
    """Values and tolerances, in the order of `Place.found`."""
    aims = [*(each.aim for each in problem.means), problem.r_squared]
    return (
        np.array([*(each.value for each in problem.targets), *(each.value for each in aims)]),
        np.array(
            [*(each.half_unit for each in problem.targets), *(each.tolerance for each in aims)]
        ),
    )


def stand(problem: Problem, vector: Floats, start: Mapping[str, Floats]) -> Place:
    """All fits at a vector.

    Raises
    ------
    NoFit
        A column cannot be fitted there.
    """
    profiles, unknowns = problem.profiles, problem.unknowns
    values = unknowns.values(vector)
    covariates = unknowns.entering(values)
    outcome = unknowns.probability(vector, profiles)
    found, slopes, r_squared = [], [], None
    coefficients = {}
    for column in profiles.columns:
        fit = fit_column(column, profiles, covariates, outcome, start.get(column.name))
        chosen = [column.names.index(each.term) for each in problem.chosen(column.name)]
        coefficients[column.name] = fit.coefficients
        found.append(fit.coefficients[chosen])
        slopes.append(slopes_of_coefficients(fit, chosen, profiles, outcome, covariates.shape[1]))
        if column.logistic and r_squared is None:
            r_squared = _r_squared(fit, profiles, outcome, covariates.shape[1])
    shape = (covariates.shape[1], len(covariates))
    for mean in problem.means:
        share = mean.weight / mean.weight.sum()
        found.append(np.array([share @ outcome]))
        slopes.append(slopes_of_share(share, profiles, outcome, shape))
    if r_squared is not None:
        found.append(np.array([r_squared[0]]))
        slopes.append(r_squared[1])
    return Place(
        vector=vector,
        found=np.concatenate(found),
        by_vector=np.vstack([unknowns.by_vector(each, values) for each in slopes]),
        coefficients=coefficients,
    )


def _r_squared(
    fit: Fit, profiles: Profiles, outcome: Floats, covariates: int
) -> tuple[float, Slopes]:
    value, by_outcome, by_likelihood = mcfadden(fit, profiles.weight, outcome)
    residual = profiles.to_authority_year @ (profiles.weight * (outcome - fit.fitted))
    slopes = slopes_of_share(by_outcome, profiles, outcome, (covariates, len(residual)))
    by_covariate = by_likelihood * np.outer(fit.coefficients[-covariates:], residual)
    return value, Slopes(
        by_logit=slopes.by_logit, by_effect=slopes.by_effect, by_covariate=by_covariate[None]
    )
