"""Probabilities of single referrals → outcomes of 0 and 1 that meet the printed columns.

A logistic coefficient is no sum over outcomes, but nearly: one outcome more moves it by
w h'z (`cla_fits`). So outcomes are searched for on these sums, fitted, and the sums taken anew
from the fit until the fits themselves meet what is printed. Probabilities are to meet it already,
as most of what is printed restricts the design and no outcome can mend it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sofs_bayes.synthetic.cla_equations import Problem, wanted
from sofs_bayes.synthetic.cla_fits import fit_column, mcfadden
from sofs_bayes.synthetic.nearby_outcomes import flipped_nearby, swapped_nearby
from sofs_bayes.synthetic.outcomes import Binary, Sums, rounded_outcomes

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

ROUNDS = 8
# Fits are to stay this share of the rounding inside what is printed.
INSIDE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """All fits to outcomes or probabilities of single referrals.

    Parameters
    ----------
    values
        Coefficients, means and R², in the order of `cla_equations.wanted`.
    rows
        Their derivatives by outcomes, shape (referrals, equations).
    coefficients
        Column → all its coefficients.
    """

    values: Floats
    rows: Floats
    coefficients: Mapping[str, Floats]


def fit_outcomes(
    problem: Problem, covariates: Floats, outcome: Floats, start: Mapping[str, Floats]
) -> Found:
    """The columns fitted to outcomes.

    Parameters
    ----------
    covariates
        The authorities' covariates as they enter, shape (authority-years, covariates).
    outcome
        Outcomes or their probabilities, shape (referrals,).
    """
    profiles = problem.profiles
    values, rows, coefficients = [], [], {}
    r_squared: tuple[float, Floats] | None = None
    for column in profiles.columns:
        fit = fit_column(column, profiles, covariates, outcome, start.get(column.name))
        chosen = [column.names.index(each.term) for each in problem.chosen(column.name)]
        coefficients[column.name] = fit.coefficients
        values.append(fit.coefficients[chosen])
        rows.append((fit.terms @ fit.inverse[:, chosen]) * profiles.weight[:, None])
        if column.logistic and r_squared is None:
            r_squared = mcfadden(fit, profiles.weight, outcome)[:2]
    for mean in problem.means:
        share = mean.weight / mean.weight.sum()
        values.append(np.array([share @ outcome]))
        rows.append(share[:, None])
    if r_squared is not None:
        values.append(np.array([r_squared[0]]))
        rows.append(r_squared[1][:, None])
    return Found(values=np.concatenate(values), rows=np.hstack(rows), coefficients=coefficients)


def printed_outcomes(
    problem: Problem,
    covariates: Floats,
    probability: Floats,
    block: Integers,
    *,
    start: Mapping[str, Floats],
    rng: np.random.Generator,
    say: Callable[[str], None],
) -> tuple[Binary, Floats]:
    """Outcomes near given probabilities with which the columns come out as printed.

    Parameters
    ----------
    problem
        On single referrals.
    covariates
        The authorities' covariates as they enter, shape (authority-years, covariates).
    probability
        Shape (referrals,).
    block
        Authority and quarter of each referral; swaps stay inside.
    start
        Column → coefficients from which fits start.

    Returns
    -------
    Outcomes, and the fits' misses in tolerances; all within ±1 where everything is met.
    """
    found = fit_outcomes(problem, covariates, probability, start)
    sums = _sums(problem, found, probability)
    outcome = rounded_outcomes(probability, block, rng=rng)
    misses = sums.misses(outcome)
    for number in range(ROUNDS):
        outcome = swapped_nearby(flipped_nearby(outcome, sums), block, sums, rng=rng)
        observed = outcome.astype(np.float64)
        found = fit_outcomes(problem, covariates, observed, found.coefficients)
        target, tolerance = wanted(problem)
        misses = (found.values - target) / tolerance
        largest = float(np.abs(misses).max())
        say(f"outcomes, round {number + 1}: farthest off {largest:.2f} of the rounding")
        if largest <= INSIDE:
            break
        sums = _sums(problem, found, observed)
    return outcome, misses


def _sums(problem: Problem, found: Found, outcome: Floats) -> Sums:
    target, tolerance = wanted(problem)
    return Sums(
        rows=found.rows,
        target=outcome @ found.rows + target - found.values,
        tolerance=tolerance,
    )
