"""What authority covariates, scores and outcome probabilities have to meet for printed columns.

Most printed coefficients do not depend on outcomes alone. Columns that share regressors S and
differ in U are tied: whatever the outcome, b_S,c − b_S,linear are the coefficients of
U_linear b_linear − U_c b_c on S. These equations restrict the design; beside those of the
coefficients themselves they are redundant at the solution, but lead to it, as a coefficient's
derivatives by the design vanish where residuals do.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sofs_bayes.frequentist.printed_rows import printed_column, term_of
from sofs_bayes.frequentist.term import DID, PILOT
from sofs_bayes.spec import ChildrenAnalysis
from sofs_bayes.synthetic.cell_design import (
    CellColumn,
    CellOutcome,
    Cells,
    constant_outcome,
)
from sofs_bayes.synthetic.cell_errors import fit_explained
from sofs_bayes.synthetic.cell_fits import fit_cells
from sofs_bayes.synthetic.unknowns import Point, Unknowns

Floats = npt.NDArray[np.float64]
Equations = Callable[[Floats], tuple[Floats, Floats]]

# Treatments whose terms hold the pilot difference and the DiD as combinations.
NESTING = ("lags", "practice model", "ofsted")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A printed coefficient: the column's name, the term, the value, half its last unit, stars."""

    column: str
    term: str
    value: float
    half_unit: float
    stars: int = 0


def printed_targets(analysis: ChildrenAnalysis) -> tuple[Target, ...]:
    """Every printed coefficient of an analysis' columns, in the order of the columns."""
    return tuple(
        Target(
            column=regression.name,
            term=term,
            value=fact.printed.value,
            half_unit=fact.printed.half_unit,
            stars=fact.printed.stars,
        )
        for regression in analysis.regressions.columns
        for fact in printed_column(regression)
        if (term := term_of(fact.row)) is not None and fact.printed.value is not None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """A mean of probabilities over cells that is wanted, with weights of shape (cells,)."""

    weight: Floats
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Printed columns on cells, and what may be moved to meet them.

    Parameters
    ----------
    columns
        By name, the linear one first.
    children
        What children's own covariates add to outcomes, beside the probabilities of authorities
        and quarters.
    means
        Means of probabilities that are wanted.
    r_squared
        Of the linear column.
    within
        Columns with authorities' fixed effects whose DiD is wanted as the linear one's.
    """

    cells: Cells
    columns: dict[str, CellColumn]
    targets: tuple[Target, ...]
    unknowns: Unknowns
    children: CellOutcome
    means: tuple[Mean, ...]
    r_squared: float
    within: tuple[CellColumn, ...] = ()

    def outcome(self, point: Point) -> CellOutcome:
        """The outcome at a point."""
        return constant_outcome(self.cells, point.probability).plus(self.children)

    def printed(self, column: str) -> dict[str, float]:
        """The printed coefficients of a column by term."""
        return {each.term: each.value for each in self.targets if each.column == column}


def together(*parts: tuple[Equations, float]) -> Equations:
    """Several sets of equations as one, each divided by how near it is wanted."""

    def equations(vector: Floats) -> tuple[Floats, Floats]:
        found = [(each(vector), near) for each, near in parts]
        return (
            np.concatenate([misses / near for (misses, _), near in found]),
            np.concatenate([slopes / near for (_, slopes), near in found]),
        )

    return equations


def coefficient_equations(problem: Problem) -> Equations:
    """Vector → coefficients less printed ones, and their derivatives by the vector."""
    return _coefficients(
        problem, [(column, problem.printed(name)) for name, column in problem.columns.items()]
    )


def within_equations(problem: Problem) -> Equations:
    """Vector → DiD with authorities' fixed effects less the printed one, and derivatives."""
    did = problem.printed(next(iter(problem.columns)))[DID]
    return _coefficients(problem, [(column, {DID: did}) for column in problem.within])


def covariate_equations(problem: Problem) -> Equations:
    """Vector → coefficients of authorities' covariates in the linear column, and derivatives."""
    linear = next(iter(problem.columns.values()))
    own = linear.names[len(linear.names) - len(linear.covariates) :]
    return _coefficients(problem, [(linear, dict.fromkeys(own, 0.0))])


def _coefficients(
    problem: Problem, wanted: Sequence[tuple[CellColumn, dict[str, float]]]
) -> Equations:
    """Vector → columns' coefficients less those wanted by term, and derivatives."""

    def equations(vector: Floats) -> tuple[Floats, Floats]:
        unknowns, cells = problem.unknowns, problem.cells
        point = unknowns.point(vector)
        outcome = problem.outcome(point)
        misses, slopes = [], []
        for column, values in wanted:
            terms = column.terms(cells, point.covariates, point.scores)
            fit = fit_cells(cells, column, terms, outcome, list(values))
            misses.append(fit.coefficients - np.array(list(values.values())))
            slopes.append(unknowns.pulled(vector, cells, column, fit, outcome=True))
        return np.concatenate(misses), np.concatenate(slopes)

    return equations


def outcome_free_equations(problem: Problem) -> Equations:
    """Vector → what is missing in the equations that hold whatever the outcome, and derivatives.

    For every column on all rows but the first, linear one.
    """
    linear, *others = problem.columns.values()

    def equations(vector: Floats) -> tuple[Floats, Floats]:
        point = problem.unknowns.point(vector)
        parts = [
            (_nested if column.regression.treatment in NESTING else _apart)(
                problem, vector, point, linear, column
            )
            for column in others
            if not column.regression.without
        ]
        return np.concatenate([part[0] for part in parts]), np.concatenate(
            [part[1] for part in parts]
        )

    return equations


def mean_equations(problem: Problem) -> Equations:
    """Vector → means of probabilities less those wanted, and derivatives."""
    unknowns = problem.unknowns
    rows = np.stack([each.weight / each.weight.sum() for each in problem.means])
    wanted = np.array([each.value for each in problem.means])
    slopes = np.zeros((len(rows), unknowns.size))
    slopes[:, unknowns.outcome_from :] = rows @ unknowns.to_quarter

    def equations(vector: Floats) -> tuple[Floats, Floats]:
        return slopes @ vector - wanted, slopes

    return equations


def explained_equation(problem: Problem) -> Equations:
    """Vector → R² of the linear column less the printed one, and derivatives."""
    unknowns, cells = problem.unknowns, problem.cells
    linear = next(iter(problem.columns.values()))

    def equations(vector: Floats) -> tuple[Floats, Floats]:
        point = unknowns.point(vector)
        terms = linear.terms(cells, point.covariates, point.scores)
        outcome = problem.outcome(point)
        found = fit_explained(cells, linear, terms, outcome)
        slopes = unknowns.pulled(vector, cells, linear, found, outcome=True)
        return found.coefficients - problem.r_squared, slopes

    return equations


def _nested(
    problem: Problem, vector: Floats, point: Point, linear: CellColumn, column: CellColumn
) -> tuple[Floats, Floats]:
    """A column whose terms U hold the linear column's: regress U b on the linear column's."""
    cells, unknowns = problem.cells, problem.unknowns
    first, own = problem.printed(linear.regression.name), problem.printed(column.regression.name)
    coefficients = own | point.unprinted
    treatment = _treatment(column, linear)
    terms = column.terms(cells, point.covariates, point.scores)
    at = [column.names.index(name) for name in treatment]
    outcome = terms[:, at] @ np.array([coefficients[name] for name in treatment])
    chosen = list(first)
    wanted = np.array(
        [first[name] - (0.0 if name in (PILOT, DID) else own[name]) for name in chosen]
    )
    fit = fit_cells(
        cells,
        linear,
        linear.terms(cells, point.covariates, point.scores),
        constant_outcome(cells, outcome),
        chosen,
    )
    slopes = unknowns.pulled(vector, cells, linear, fit, outcome=False)
    for name in set(treatment) & set(unknowns.unprinted):
        unknowns.add_unprinted(slopes, name, fit.by_outcome @ terms[:, column.names.index(name)])
    return fit.coefficients - wanted, slopes


def _apart(
    problem: Problem, vector: Floats, point: Point, linear: CellColumn, column: CellColumn
) -> tuple[Floats, Floats]:
    """A column with other terms: regress U_linear b_linear − U b on what both share."""
    cells, unknowns = problem.cells, problem.unknowns
    first, own = problem.printed(linear.regression.name), problem.printed(column.regression.name)
    shared = _without(linear, (PILOT, DID))
    terms = linear.terms(cells, point.covariates, point.scores)
    at = [linear.names.index(PILOT), linear.names.index(DID)]
    treatment = _treatment(column, linear)
    places = [column.names.index(name) for name in treatment]
    weights = np.array([own[name] for name in treatment])
    theirs = column.terms(cells, point.covariates, point.scores)[:, places]
    outcome = terms[:, at] @ np.array([first[PILOT], first[DID]]) - theirs @ weights
    chosen = [name for name in first if name not in (PILOT, DID)]
    wanted = np.array([own[name] - first[name] for name in chosen])
    fit = fit_cells(
        cells,
        shared,
        shared.terms(cells, point.covariates, point.scores),
        constant_outcome(cells, outcome),
        chosen,
    )
    slopes = unknowns.pulled(vector, cells, shared, fit, outcome=False)
    for name, slope in column.by_score.items():
        unknowns.add_score(slopes, vector, name, -fit.by_outcome * (slope[:, places] @ weights))
    return fit.coefficients - wanted, slopes


def _treatment(column: CellColumn, linear: CellColumn) -> list[str]:
    """The terms that a column has and what it shares with the linear one has not."""
    shared = set(linear.names) - {PILOT, DID}
    return [name for name in column.names if name not in shared]


def _without(column: CellColumn, names: Sequence[str]) -> CellColumn:
    """The column less terms that depend on no score."""
    kept = [i for i, name in enumerate(column.names) if name not in names]
    return replace(
        column,
        names=tuple(column.names[i] for i in kept),
        fixed=column.fixed[:, kept],
        by_score={},
    )
