"""Printed coefficients of logistic and linear columns as equations in what may be moved."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sofs_bayes.synthetic.cla_fits import (
    Fit,
    NoFit,
    Slopes,
    by_authority_year,
    fit_column,
    mcfadden,
    slopes_of_coefficients,
    slopes_of_share,
)
from sofs_bayes.synthetic.cla_profiles import Column, Profiles
from sofs_bayes.synthetic.cla_stars import Stars, log_errors
from sofs_bayes.synthetic.cla_unknowns import Unknowns
from sofs_bayes.synthetic.joint_solve import Equations, Target

Floats = npt.NDArray[np.float64]
# Values and their derivatives by the vector.
Rows = tuple[Floats, Floats]


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

    Parameters
    ----------
    targets
        What is to be met, in the order of the columns.
    wishes
        Coefficients that are wanted near a value: `half_unit` is a standard deviation.
    r_squared
        McFadden's of the first logistic column.
    stars, stars_near
        Printed stars, and how near log |t| is wanted to their ranges; None: wherever it is.
    """

    profiles: Profiles
    unknowns: Unknowns
    targets: tuple[Target, ...]
    wishes: tuple[Target, ...] = ()
    means: tuple[MeanAim, ...]
    r_squared: Aim
    stars: tuple[Stars, ...] = ()
    stars_near: float | None = None

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
    wished, wished_by_vector
        What wishes and stars miss, in units of how near they are wanted, and derivatives.
    stars_missed
        How many stars are not as printed.
    coefficients
        Column → all its coefficients: where the next fit starts from.
    """

    vector: Floats
    found: Floats
    by_vector: Floats
    coefficients: Mapping[str, Floats]
    wished: Floats
    wished_by_vector: Floats
    stars_missed: int = 0


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
    covariates = unknowns.entering(unknowns.values(vector))
    outcome = unknowns.probability(vector, profiles)
    met: list[Rows] = []
    wished: list[Rows] = []
    explained: list[Rows] = []
    coefficients, missed = {}, 0
    for column in profiles.columns:
        fit = fit_column(column, profiles, covariates, outcome, start.get(column.name))
        coefficients[column.name] = fit.coefficients
        found, aside = _coefficients(problem, column, fit, outcome)
        stars, wrong = _stars(problem, column, fit, outcome, found)
        missed += wrong
        met.append(found)
        wished += [aside, *stars]
        if column.logistic and not explained:
            value, slopes = _r_squared(fit, profiles, outcome, covariates.shape[1])
            explained.append((np.array([value]), unknowns.by_vector(slopes)))
    for mean in problem.means:
        share = mean.weight / mean.weight.sum()
        slopes = slopes_of_share(share, profiles, outcome, covariates.T.shape)
        met.append((np.array([share @ outcome]), unknowns.by_vector(slopes)))
    return Place(
        vector=vector,
        found=np.concatenate([values for values, _ in (*met, *explained)]),
        by_vector=np.vstack([slopes for _, slopes in (*met, *explained)]),
        coefficients=coefficients,
        wished=np.concatenate([values for values, _ in wished]),
        wished_by_vector=np.vstack([slopes for _, slopes in wished]),
        stars_missed=missed,
    )


def _coefficients(problem: Problem, column: Column, fit: Fit, outcome: Floats) -> tuple[Rows, Rows]:
    """A column's targets as found, and what its wishes miss."""
    targets = problem.chosen(column.name)
    wishes = [each for each in problem.wishes if each.column == column.name]
    chosen = [column.names.index(each.term) for each in (*targets, *wishes)]
    unknowns = problem.unknowns
    count = len(unknowns.covariates) if column.adjusted else 0
    slopes = slopes_of_coefficients(fit, chosen, problem.profiles, outcome, count)
    if not column.adjusted:
        none = np.zeros((len(chosen), len(unknowns.covariates), len(unknowns.rows)))
        slopes = replace(slopes, by_covariate=none)
    found, by_vector, first = fit.coefficients[chosen], unknowns.by_vector(slopes), len(targets)
    near = np.array([each.half_unit for each in wishes])
    off = (found[first:] - np.array([each.value for each in wishes])) / near
    return (found[:first], by_vector[:first]), (off, by_vector[first:] / near[:, None])


def _stars(
    problem: Problem, column: Column, fit: Fit, outcome: Floats, found: Rows
) -> tuple[list[Rows], int]:
    """What log |t| of a column misses, and how many of its stars are not as printed."""
    rows: list[Rows] = []
    missed = 0
    terms = [each.term for each in problem.chosen(column.name)]
    for stars in problem.stars:
        if stars.fitted == column.name:
            errors = log_errors(stars, column, fit, problem.profiles, outcome)
            at = [terms.index(term) for term in stars.terms]
            misses, wrong = stars.misses(found[0][at], errors[0])
            missed += wrong
            if problem.stars_near is not None:
                own = found[1][at] / found[0][at][:, None]
                moved = own - problem.unknowns.by_vector(errors[1])
                outside = np.where(misses != 0, 1.0, 0.0)[:, None]
                rows.append((misses / problem.stars_near, outside * moved / problem.stars_near))
    return rows, missed


def equations(problem: Problem, place: Place, leeway: float) -> Equations:
    """Vector → what is missed of all that is wanted, and derivatives.

    Parameters
    ----------
    place
        From whose coefficients the first fits start.
    leeway
        The share of a tolerance that counts as 1.
    """
    target, tolerance = wanted(problem)
    scale, known = tolerance * leeway, place

    def at(vector: Floats) -> tuple[Floats, Floats]:
        nonlocal known
        try:
            known = stand(problem, vector, known.coefficients)
        except NoFit:
            return np.full(1, np.inf), np.zeros((1, len(vector)))
        return (
            np.concatenate([(known.found - target) / scale, known.wished]),
            np.vstack([known.by_vector / scale[:, None], known.wished_by_vector]),
        )

    return at


def _r_squared(
    fit: Fit, profiles: Profiles, outcome: Floats, covariates: int
) -> tuple[float, Slopes]:
    value, by_outcome, by_likelihood = mcfadden(fit, profiles.weight, outcome)
    residual, _ = by_authority_year(fit, profiles, outcome)
    slopes = slopes_of_share(by_outcome, profiles, outcome, (covariates, len(residual)))
    by_covariate = by_likelihood * np.outer(fit.coefficients[-covariates:], residual)
    return value, replace(slopes, by_covariate=by_covariate[None])
