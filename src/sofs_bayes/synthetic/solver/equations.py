"""Printed numbers as equations in what may be moved: scaled misses and their derivatives."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sofs_bayes.synthetic.solver.fits import (
    Fit,
    NoFit,
    Outcome,
    coefficient_values,
    explained_values,
    fit,
)
from sofs_bayes.synthetic.solver.ground import Column, Ground
from sofs_bayes.synthetic.solver.printed import Means, Stars, Target
from sofs_bayes.synthetic.solver.search import Misses, Stage
from sofs_bayes.synthetic.solver.unknowns import Point, Unknowns

Floats = npt.NDArray[np.float64]

# Half the square of a probability's excess over its bounds counts so much.
BOUND_WEIGHT = 1e5


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Printed columns on a ground, and what may be moved to meet them.

    Parameters
    ----------
    targets
        What is to be met, in the order of the columns; `half_unit` is how near, beside a search's
        own nearness.
    wishes
        Coefficients that are wanted near a value: `half_unit` is a standard deviation.
    r_squared
        The R² of a column, McFadden's of a logistic one.
    ties
        What printed coefficients restrict whatever the outcome, if that is asked for.
    children
        What children's own covariates add to outcomes, beside the probabilities of cells.
    bounds
        Of probabilities.
    """

    ground: Ground
    columns: tuple[Column, ...]
    unknowns: Unknowns
    targets: tuple[Target, ...]
    wishes: tuple[Target, ...]
    means: Means
    r_squared: Target
    stars: tuple[Stars, ...]
    ties: "Callable[[Problem, Point], Misses] | None" = None
    children: Outcome | None = None
    bounds: tuple[float, float] = (0.0, 1.0)

    def column(self, name: str) -> Column:
        """The column of a name."""
        return next(each for each in self.columns if each.name == name)

    def printed(self, column: str) -> dict[str, float]:
        """The targets of a column by term."""
        return {each.term: each.value for each in self.targets if each.column == column}

    def outcome(self, point: Point) -> Outcome:
        """The outcome at a point."""
        found = constant_outcome(self.ground, point.probability)
        if self.children is None:
            return found
        return Outcome(
            sums=found.sums + self.children.sums, child=found.child + self.children.child
        )


def constant_outcome(ground: Ground, values: Floats) -> Outcome:
    """An outcome that is constant in each cell, shape (cells,)."""
    return Outcome(sums=ground.weight * values, child=ground.child * values[:, None])


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What is missed where a vector stands, in units of how near it is wanted.

    Parameters
    ----------
    targets, ties, wishes, means, explained, stars, bounds
        Misses, and their derivatives by the vector.
    stars_missed
        How many stars are not as printed.
    coefficients
        Column → all its coefficients: where the next fit starts from.
    """

    vector: Floats
    targets: Misses
    ties: Misses
    wishes: Misses
    means: Misses
    explained: Misses
    stars: Misses
    bounds: Misses
    stars_missed: int
    coefficients: Mapping[str, Floats]


def together(parts: Sequence[Misses], near: Sequence[float] | None = None) -> Misses:
    """Several misses as one, each divided by how near it is wanted."""
    scales = [1.0] * len(parts) if near is None else near
    return (
        np.concatenate([missed / scale for (missed, _), scale in zip(parts, scales, strict=True)]),
        np.concatenate([slopes / scale for (_, slopes), scale in zip(parts, scales, strict=True)]),
    )


def stand(problem: Problem, vector: Floats, start: Mapping[str, Floats]) -> Place:
    """All that is missed at a vector.

    Raises
    ------
    NoFit
        A column cannot be fitted there.
    """
    unknowns, ground = problem.unknowns, problem.ground
    point = unknowns.point(vector)
    outcome = problem.outcome(point)
    none = np.zeros(0), np.zeros((0, unknowns.size))
    targets, wishes, stars, explained, coefficients = [none], [none], [none], none, {}
    wrong = 0
    for column in problem.columns:
        found = fit(
            column.regressors(ground, unknowns.terms(column, point)),
            outcome,
            start.get(column.name),
        )
        coefficients[column.name] = found.coefficients
        for wanted, misses in ((problem.targets, targets), (problem.wishes, wishes)):
            misses.append(_missed(unknowns, column, point, found, wanted))
        for each in problem.stars:
            if each.fitted == column.name:
                values = each.values(column.names, found)
                outside, number = each.misses(values.found)
                slopes = unknowns.by_vector(column, point, values)
                stars.append((outside, np.where(outside != 0, 1.0, 0.0)[:, None] * slopes))
                wrong += number
        if column.name == problem.r_squared.column:
            values, aim = explained_values(found), problem.r_squared
            slopes = unknowns.by_vector(column, point, values)
            explained = (values.found - aim.value) / aim.half_unit, slopes / aim.half_unit
    return Place(
        vector=vector,
        targets=together(targets),
        ties=none if problem.ties is None else problem.ties(problem, point),
        wishes=together(wishes),
        means=_means(problem, point),
        explained=explained,
        stars=together(stars),
        bounds=_bounds(problem, point),
        stars_missed=wrong,
        coefficients=coefficients,
    )


def _missed(
    unknowns: Unknowns, column: Column, point: Point, found: Fit, wanted: Sequence[Target]
) -> Misses:
    """What a column's coefficients miss of those wanted."""
    own = [each for each in wanted if each.column == column.name]
    values = coefficient_values(found, column.at([each.term for each in own]))
    near = np.array([each.half_unit for each in own])
    missed = (values.found - np.array([each.value for each in own])) / near
    return missed, unknowns.by_vector(column, point, values) / near[:, None]


def _means(problem: Problem, point: Point) -> Misses:
    means = problem.means
    missed = (point.probability @ means.shares - means.values) / means.near
    slopes = problem.unknowns.by_probability(point, means.shares)
    return missed, slopes / means.near[:, None]


def _bounds(problem: Problem, point: Point) -> Misses:
    """What probabilities exceed their bounds by, in one cell of each block."""
    lowest, highest = problem.bounds
    first = np.unique(problem.ground.block, return_index=True)[1]
    p = point.probability[first]
    excess = np.minimum(p - lowest, 0) + np.maximum(p - highest, 0)
    outside = first[excess != 0]
    weights = np.zeros((len(point.probability), len(outside)))
    weights[outside, np.arange(len(outside))] = np.sqrt(BOUND_WEIGHT)
    missed = np.sqrt(BOUND_WEIGHT) * excess[excess != 0]
    return missed, problem.unknowns.by_probability(point, weights)


def equations(problem: Problem, stage: Stage, place: Place) -> Callable[[Floats], Misses]:
    """Vector → all that a search is to bring down, and derivatives; infinite without a fit.

    The first fits start from a place's coefficients.
    """
    known = place

    def at(vector: Floats) -> Misses:
        nonlocal known
        try:
            known = stand(problem, vector, known.coefficients)
        except NoFit:
            return np.full(1, np.inf), np.zeros((1, len(vector)))
        parts = [known.targets, known.ties, known.wishes, known.means, known.bounds]
        near = [stage.near, stage.near, 1.0, 1.0, 1.0]
        if stage.explained:
            parts, near = [*parts, known.explained], [*near, 1.0]
        if stage.stars_near is not None:
            parts, near = [*parts, known.stars], [*near, stage.stars_near]
        return together(parts, near)

    return at


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the tables of one outcome ask for, and the way to it.

    Parameters
    ----------
    problem
        Of the search; on cells.
    path
        Whether and how near the printed numbers are first followed from the start.
    stages, polish
        Searches one after the other, and one that is repeated until `near_enough`.
    renewed
        The problem where a vector stands, for whatever is held fixed in a search.
    near_enough
        Whether outcomes can do the rest.
    probabilities
        Of referrals, in ascending order, at a vector.
    targets, stars, r_squared, rates
        What outcomes are to meet; rates by their place in `printed.shares_of`.
    main
        The column whose residuals Table 4 tests.
    leads
        Whether as many leads are to be insignificant as Table 4 prints.
    """

    problem: Problem
    path: Stage | None = None
    stages: tuple[Stage, ...]
    polish: Stage | None = None
    renewed: Callable[[Problem, Floats], Problem] = lambda problem, vector: problem
    near_enough: Callable[[Place], bool] = lambda place: True
    probabilities: Callable[[Floats], Floats]
    targets: tuple[Target, ...]
    r_squared: Target
    rates: tuple[int, ...]
    main: str
    leads: bool
