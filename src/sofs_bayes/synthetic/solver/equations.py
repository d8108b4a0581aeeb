"""Printed numbers as equations in what may be moved: scaled misses and their derivatives."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sofs_bayes.synthetic.solver.fits import (
    Fit,
    NoFit,
    Outcome,
    Values,
    coefficient_values,
    explained_values,
    fit,
)
from sofs_bayes.synthetic.solver.ground import Column, Ground
from sofs_bayes.synthetic.solver.printed import MARGIN, Means, Stars, Target
from sofs_bayes.synthetic.solver.search import Misses, Stage
from sofs_bayes.synthetic.solver.unknowns import Point, Unknowns

Floats = npt.NDArray[np.float64]

# Half the square of a probability's excess over its bounds counts so much.
BOUND_WEIGHT = 1e5


@dataclass(frozen=True, slots=True, kw_only=True)
class Wants:
    """What printed columns are to have."""

    # What is to be met, in the order of the columns; `half_unit` is how near, beside a search's own
    # nearness
    targets: tuple[Target, ...]
    # Coefficients that are wanted near a value: `half_unit` is a standard deviation
    wishes: tuple[Target, ...] = ()
    means: Means
    r_squared: Target  # the R² of a column, McFadden's of a logistic one
    stars: tuple[Stars, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem(Wants):
    """Printed columns on a ground, and what may be moved to meet them."""

    ground: Ground
    columns: tuple[Column, ...]
    unknowns: Unknowns
    # What printed coefficients restrict whatever the outcome, if that is asked for
    ties: "Callable[[Problem, Point], Misses] | None" = None
    # What children's own covariates add to outcomes, beside the probabilities of cells
    children: Outcome | None = None
    bounds: tuple[float, float] = (0.0, 1.0)  # of probabilities

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
    """What is missed where a vector of unknowns (or of outcomes) stands."""

    vector: Floats
    # targets, wishes, explained, stars, means, ties, bounds: misses in units of how near it is
    # wanted, and their derivatives by the vector
    targets: Misses
    wishes: Misses
    explained: Misses
    stars: Misses
    means: Misses
    ties: Misses
    bounds: Misses
    stars_missed: tuple[str, ...]  # column and term of stars that are not as printed
    # Column → all its coefficients: where the next fit starts from
    coefficients: Mapping[str, Floats]


def together(parts: Sequence[Misses], near: Sequence[float] | None = None) -> Misses:
    """Several misses as one, each divided by how near it is wanted."""
    scales = [1.0] * len(parts) if near is None else near
    return (
        np.concatenate([missed / scale for (missed, _), scale in zip(parts, scales, strict=True)]),
        np.concatenate([slopes / scale for (_, slopes), scale in zip(parts, scales, strict=True)]),
    )


def place_of(
    wants: Wants,
    vector: Floats,
    fits: Iterable[tuple[str, Sequence[str], Fit]],
    slopes: Callable[[str, Values], Floats],
    *,
    means: Misses,
    ties: Misses | None = None,
    bounds: Misses | None = None,
    margin: float = MARGIN,
) -> Place:
    """What fits miss of what is wanted.

    `fits`: columns' names, their terms' names, and fits. `slopes`: a column's name, values of its
    fit → their derivatives by the vector, (values, size). `margin`: how far inside their ranges
    stars are wanted.
    """
    none = np.zeros(0), np.zeros((0, len(vector)))
    parts: dict[str, list[Misses]] = {
        kind: [none] for kind in ("targets", "wishes", "explained", "stars")
    }
    coefficients: dict[str, Floats] = {}
    wrong: list[str] = []

    def miss(kind: str, column: str, values: Values) -> None:
        parts[kind].append((values.found, slopes(column, values)))

    for column, names, found in fits:
        coefficients[column] = found.coefficients
        for kind, wanted in (("targets", wants.targets), ("wishes", wants.wishes)):
            own = [each for each in wanted if each.column == column]
            values = coefficient_values(found, [names.index(each.term) for each in own])
            aims, near = (
                np.array([getattr(each, of) for each in own]) for of in ("value", "half_unit")
            )
            miss(kind, column, values.off(aims, near))
        for each in wants.stars:
            if each.fitted == column:
                values = each.values(names, found)
                outside, names_missed = each.misses(values.found, margin)
                miss("stars", column, replace(values, found=outside))
                wrong += names_missed
        if column == wants.r_squared.column:
            aim, values = wants.r_squared, explained_values(found)
            miss("explained", column, values.off(np.array(aim.value), np.array(aim.half_unit)))
    return Place(
        vector=vector,
        **{kind: together(misses) for kind, misses in parts.items()},
        means=means,
        ties=ties or none,
        bounds=bounds or none,
        stars_missed=tuple(wrong),
        coefficients=coefficients,
    )


def stand(problem: Problem, vector: Floats, start: Mapping[str, Floats]) -> Place:
    """All that is missed at a vector of unknowns.

    Raises
    ------
    NoFit
        A column cannot be fitted there.
    """
    unknowns, ground, means = problem.unknowns, problem.ground, problem.means
    point = unknowns.point(vector)
    outcome = problem.outcome(point)
    columns = {each.name: each for each in problem.columns}
    fits = (
        (
            name,
            each.names,
            fit(each.regressors(ground, unknowns.terms(each, point)), outcome, start.get(name)),
        )
        for name, each in columns.items()
    )
    by_means = unknowns.by_probability(point, means.shares / means.near)
    return place_of(
        problem,
        vector,
        fits,
        lambda name, values: unknowns.by_vector(columns[name], point, values),
        means=(means.misses(point.probability), by_means),
        ties=problem.ties and problem.ties(problem, point),
        bounds=_bounds(problem, point),
    )


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
            outside, slopes = known.stars
            stars = outside, slopes * (outside != 0)[:, None]
            parts, near = [*parts, stars], [*near, stage.stars_near]
        return together(parts, near)

    return at


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the tables of one outcome ask for, and the way to it.

    `targets`, `stars`, `r_squared`, `rates`: what outcomes are to meet; rates by their place in
    `printed.shares_of`.
    """

    problem: Problem  # of the search; on cells
    # Whether and how near the printed numbers are first followed from the start
    path: Stage | None = None
    # Searches one after the other, and one that is repeated until stars hold and `near_enough`
    stages: tuple[Stage, ...]
    polish: Stage | None = None
    # The problem where a vector stands, for whatever is held fixed in a search
    renewed: Callable[[Problem, Floats], Problem] = lambda problem, vector: problem
    near_enough: Callable[[Place], bool] = lambda place: True  # whether outcomes can do the rest
    probabilities: Callable[[Floats], Floats]  # of referrals, in ascending order, at a vector
    targets: tuple[Target, ...]
    r_squared: Target
    rates: tuple[int, ...]
    main: str  # the column whose residuals Table 4 tests
    leads: bool  # whether as many leads are to be insignificant as Table 4 prints
