"""Weighted linear and logistic fits, their clustered errors and R², with derivatives.

Scores: Σ w z (y − F(z'b)) = 0, with F the logistic function or the identity. Derivatives are by
the outcome of a row (a single one, or a cell whose outcome is constant), and by each term of it.
With H the information Σ w F' z z', a column g of its inverse, r the rows' residual sums and h =
Σ w F' z'g over a row: the derivative of a coefficient by an outcome is w z'g, that by a row's term
j is g_j r − h b_j.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

NEWTON_STEPS = 50
CONVERGED = 1e-9
LONGEST_STEP = 3.0


class NoFit(ArithmeticError):
    """Newton's method found no maximum: the outcomes are separated, or nearly so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Weighted sums of an outcome, (rows,), and of its products with child terms."""

    sums: Floats
    child: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Regressors:
    """The numbers of a regression, by row or by cell of rows."""

    terms: Floats  # terms, weight: shapes (rows, terms), (rows,)
    weight: Floats
    rows: float  # how many matched rows they stand for
    included: Floats  # 0 where the regression leaves a row out, else 1, shape (rows,)
    authority: Integers  # whom a row belongs to, from 0, shape (rows,)
    logistic: bool  # whether the model is logistic (else linear)
    # Weighted sums of further terms that differ within a cell, shape (rows, child terms)
    child: Floats
    # Authority and Σ w z z' of these; several of an authority add up
    grams: tuple[tuple[int, Floats], ...] = ()
    penalty: Floats | None = None  # what is added to the terms' Gram matrix


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """Numbers of a fit and their derivatives."""

    found: Floats  # shape (values,)
    by_outcome: Floats  # shape (rows, values)
    # Pairs u, a of shapes (terms, values) and (rows, values): the derivative by term j of a row is
    # Σ u_j a over the pairs
    by_term: tuple[tuple[Floats, Floats], ...]

    def off(self, wanted: Floats, near: Floats) -> "Values":
        """What is missed of those wanted, in units of how near they are wanted."""
        return Values(
            found=(self.found - wanted) / near,
            by_outcome=self.by_outcome / near,
            by_term=tuple((term / near, row) for term, row in self.by_term),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A fitted regression."""

    of: Regressors
    outcome: Outcome
    # coefficients, inverse: of all terms, those of children last, and the inverse information
    coefficients: Floats
    inverse: Floats
    right: Floats  # Σ w z y, shape (terms,)
    residual: Floats  # residual, slope: Σ w (y − F) and F' of each row
    slope: Floats

    def lever(self, ways: Floats) -> Floats:
        """Σ w z'v of each row, for ways v of shape (terms, ways)."""
        return _lever(self.of, ways)

    def reach(self, ways: Floats) -> Floats:
        """Σ w F' z'v of each row."""
        return self.slope[:, None] * self.lever(ways)

    def scores(self) -> Floats:
        """Each authority's share of the scores, shape (authorities, terms)."""
        of, count = self.of, self.of.terms.shape[1]
        own, further = self.coefficients[:count], self.coefficients[count:]
        weighted = of.terms * self.residual[:, None]
        parts = [np.bincount(of.authority, each) for each in weighted.T]
        child = of.included[:, None] * self.outcome.child - of.child * (of.terms @ own)[:, None]
        parts += [np.bincount(of.authority, each) for each in child.T]
        found = np.stack(parts, axis=1)
        for authority, gram in of.grams:
            found[authority, count:] -= gram @ further
        return found

    def spread(self, shares: Floats, ways: Floats) -> Floats:
        """Σ_a share_a H_a v with the authorities' informations H_a, shape (terms, ways)."""
        of, count = self.of, self.of.terms.shape[1]
        own = shares[of.authority]
        child = of.child.T @ (own * (of.terms @ ways[:count]))
        for authority, gram in of.grams:
            child += gram @ (shares[authority] * ways[count:])
        return np.vstack([of.terms.T @ (own * self.reach(ways)), child])


def expit(logit: Floats) -> Floats:
    """The logistic function."""
    return np.asarray(np.exp(-np.logaddexp(0, -logit)), dtype=np.float64)


def fit(of: Regressors, outcome: Outcome, start: Floats | None = None) -> Fit:
    """A regression fitted to outcomes or their probabilities.

    `start`: coefficients that Newton's method starts from; None: 0 but the intercept.

    Raises
    ------
    NoFit
        Terms are combinations of each other; a logistic regression has no maximum.
    """
    sums = of.included * outcome.sums
    right = np.concatenate([of.terms.T @ sums, of.included @ outcome.child])
    if of.logistic:
        coefficients, inverse, fitted = _newton(of, sums, start)
        residual, slope = sums - of.weight * fitted, fitted * (1 - fitted)
    else:
        inverse = _inverse(_gram(of))
        coefficients = inverse @ right
        residual = sums - _lever(of, coefficients[:, None])[:, 0]
        slope = np.ones(len(sums))
    return Fit(
        of=of,
        outcome=outcome,
        coefficients=coefficients,
        inverse=inverse,
        right=right,
        residual=residual,
        slope=slope,
    )


def _newton(of: Regressors, sums: Floats, start: Floats | None) -> tuple[Floats, Floats, Floats]:
    """Coefficients of a logistic regression, the inverse information, fitted values."""
    coefficients = np.zeros(of.terms.shape[1]) if start is None else start
    if start is None:
        mean = sums.sum() / of.weight.sum()
        coefficients[0] = np.log(mean / (1 - mean))
    for _ in range(NEWTON_STEPS):
        fitted = expit(of.terms @ coefficients)
        weight = of.weight * fitted * (1 - fitted)
        inverse = _inverse((of.terms * weight[:, None]).T @ of.terms)
        step = inverse @ (of.terms.T @ (sums - of.weight * fitted))
        longest = np.abs(step).max()
        if not np.isfinite(longest):
            break
        if longest < CONVERGED:
            return coefficients, inverse, fitted
        coefficients = coefficients + step * min(1.0, LONGEST_STEP / longest)
    raise NoFit(f"no maximum in {NEWTON_STEPS} steps")


def _lever(of: Regressors, ways: Floats) -> Floats:
    count = of.terms.shape[1]
    own = of.weight[:, None] * (of.terms @ ways[:count])
    return own + of.child @ ways[count:] if of.child.shape[1] else own


def _gram(of: Regressors) -> Floats:
    gram = (of.terms * of.weight[:, None]).T @ of.terms
    if of.penalty is not None:
        gram = gram + of.penalty
    if of.child.shape[1]:
        cross = of.terms.T @ of.child
        gram = np.block([[gram, cross], [cross.T, np.sum([each for _, each in of.grams], axis=0)]])
    return np.asarray(gram, dtype=np.float64)


def _inverse(information: Floats) -> Floats:
    scale = np.sqrt(np.diag(information))
    if not scale.min() > 0:
        raise NoFit("fitted values are 0 and 1, or a term is 0 everywhere")
    try:
        inverse = np.linalg.inv(information / np.outer(scale, scale))
    except np.linalg.LinAlgError as error:
        raise NoFit("terms are combinations of each other") from error
    return np.asarray(inverse / np.outer(scale, scale), dtype=np.float64)


def coefficient_values(found: Fit, chosen: list[int]) -> Values:
    """Chosen coefficients."""
    pulls, count = found.inverse[:, chosen], found.of.terms.shape[1]
    levers = found.lever(pulls)
    return Values(
        found=found.coefficients[chosen],
        by_outcome=levers,
        by_term=(
            (pulls[:count], found.residual[:, None]),
            (found.coefficients[:count, None], -found.slope[:, None] * levers),
        ),
    )


def error_values(found: Fit, chosen: list[int], *, clustered: bool = True) -> Values:
    """Logarithms of chosen coefficients' standard errors.

    Clustered ones are CR1, on authorities. With s_a the score of authority a and g the column of
    H⁻¹, SE² is a constant times Σ_a (g's_a)². With ω_a = g's_a / Σ (g's_a)², M = Σ ω_a H⁻¹s_a and
    N = Σ ω_a H⁻¹H_a g: the derivative by an outcome is ω_a w z'g − w z'N, that by a term j
    ω_a (g_j r − b_j h(g)) − g_j h(M) − M_j h(g) − N_j r + b_j h(N). What the curvature of a
    logistic fit adds is left out, and so is single children's chance: they lead there all the same.
    """
    rows, count = found.inverse[:, chosen], found.of.terms.shape[1]
    if not clustered:
        squares = np.diag(found.inverse)[chosen]
        return Values(
            found=0.5 * np.log(squares),
            by_outcome=np.zeros((len(found.residual), len(chosen))),
            by_term=((rows / squares, -found.reach(rows)),),
        )
    scores = found.scores()
    shares = scores @ rows
    squares = np.sum(shares**2, axis=0)
    omega = shares / squares
    ahead = found.inverse @ (scores.T @ omega)
    behind = found.inverse @ found.spread(omega, rows)
    own, residual = omega[found.of.authority], found.residual[:, None]
    of_rows, of_behind = found.reach(rows), found.reach(behind)
    clusters = len(np.unique(found.of.authority[found.of.included == 1]))
    number = found.of.rows
    factor = clusters / (clusters - 1) * (number - 1) / (number - len(rows))
    return Values(
        found=0.5 * np.log(factor * squares),
        by_outcome=own * found.lever(rows) - found.lever(behind),
        by_term=(
            (rows[:count], own * residual - found.reach(ahead)),
            (ahead[:count], -of_rows),
            (behind[:count], -residual),
            (found.coefficients[:count, None], of_behind - own * of_rows),
        ),
    )


def explained_values(found: Fit) -> Values:
    """R² of a linear fit, McFadden's of a logistic one, as outcomes of 0 and 1 would have it."""
    of, count = found.of, found.of.terms.shape[1]
    sums, whole, b = of.included * found.outcome.sums, of.weight.sum(), found.coefficients
    mean = float(sums.sum()) / whole
    if of.logistic:
        logit, odds = of.terms @ b, np.log(mean / (1 - mean))
        reached = float(sums @ logit - of.weight @ np.logaddexp(0, logit))
        least = whole * (mean * np.log(mean) + (1 - mean) * np.log(1 - mean))
        value, by_residual = 1 - reached / least, -1 / least
        by_outcome = of.weight * (-logit / least + reached * odds / least**2)
    else:
        explained, total = b @ found.right - whole * mean**2, whole * mean * (1 - mean)
        value, by_residual = explained / total, 2 / total
        slopes = found.lever(b[:, None])[:, 0] - mean * of.weight
        by_total = explained / total**2 * (1 - 2 * mean)
        by_outcome = 2 * slopes / total - by_total * of.weight
    return Values(
        found=np.array([value]),
        by_outcome=by_outcome[:, None],
        by_term=((b[:count, None], by_residual * found.residual[:, None]),),
    )
