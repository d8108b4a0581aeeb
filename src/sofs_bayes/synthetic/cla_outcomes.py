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
from sofs_bayes.synthetic.cla_stars import errors_by_outcome
from sofs_bayes.synthetic.nearby_outcomes import flipped_nearby, swapped_nearby
from sofs_bayes.synthetic.outcomes import Binary, Sums, rounded_outcomes

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

ROUNDS = 12
# Fits are to stay this share of the rounding inside what is printed.
INSIDE = 0.95
# On the log scale: how far inside their range statistics are wanted that are outside, and how
# far around that they may end.
STARS_INSIDE, STARS_AROUND = 0.03, 0.02


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
    stars
        How far log |t| of wrong stars, if errors are clustered, lies outside its range, and
        derivatives by outcomes, shapes (wrong,), (referrals, wrong).
    stars_missed
        How many stars are not as printed.
    """

    values: Floats
    rows: Floats
    coefficients: Mapping[str, Floats]
    stars: tuple[Floats, Floats]
    stars_missed: int


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
    off, by_outcome, missed = [np.zeros(0)], [np.zeros((len(outcome), 0))], 0
    for column in profiles.columns:
        fit = fit_column(column, profiles, covariates, outcome, start.get(column.name))
        chosen = [column.names.index(each.term) for each in problem.chosen(column.name)]
        coefficients[column.name] = fit.coefficients
        values.append(fit.coefficients[chosen])
        rows.append((fit.terms @ fit.inverse[:, chosen]) * profiles.weight[:, None])
        for stars in problem.stars:
            if stars.fitted == column.name and stars.clusters is not None:
                errors, slopes = errors_by_outcome(stars, column, fit, profiles, outcome)
                own = fit.coefficients[[column.names.index(term) for term in stars.terms]]
                outside, wrong = stars.misses(own, errors, STARS_INSIDE)
                missed += wrong
                off.append(outside[outside != 0])
                by_outcome.append(-slopes[:, outside != 0])
        if column.logistic and r_squared is None:
            r_squared = mcfadden(fit, profiles.weight, outcome)[:2]
    for mean in problem.means:
        share = mean.weight / mean.weight.sum()
        values.append(np.array([share @ outcome]))
        rows.append(share[:, None])
    if r_squared is not None:
        values.append(np.array([r_squared[0]]))
        rows.append(r_squared[1][:, None])
    return Found(
        values=np.concatenate(values),
        rows=np.hstack(rows),
        coefficients=coefficients,
        stars=(np.concatenate(off), np.hstack(by_outcome)),
        stars_missed=missed,
    )


def printed_outcomes(
    problem: Problem,
    covariates: Floats,
    probability: Floats,
    block: Integers,
    *,
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

    Returns
    -------
    Outcomes, and the fits' misses in tolerances; all within ±1 where everything is met.
    """
    found = fit_outcomes(problem, covariates, probability, {})
    sums = _sums(problem, found, probability)
    outcome = rounded_outcomes(probability, block, rng=rng, along=problem.profiles.weight)
    target, tolerance = wanted(problem)
    best, least = (outcome, sums.misses(outcome)), np.inf
    for number in range(ROUNDS):
        outcome = swapped_nearby(flipped_nearby(outcome, sums), block, sums, rng=rng)
        observed = outcome.astype(np.float64)
        found = fit_outcomes(problem, covariates, observed, found.coefficients)
        misses = (found.values - target) / tolerance
        largest = float(np.abs(misses).max())
        say(
            f"outcomes, round {number + 1}: farthest off {largest:.2f} of the rounding,"
            f" {found.stars_missed} clustered stars not as printed"
        )
        if largest <= INSIDE and found.stars_missed < least:
            best, least = (outcome, misses), found.stars_missed
        if least == 0:
            break
        sums = _sums(problem, found, observed)
    return best


def _sums(problem: Problem, found: Found, outcome: Floats) -> Sums:
    target, tolerance = wanted(problem)
    off, by_outcome = found.stars
    rows = np.hstack([found.rows, by_outcome])
    return Sums(
        rows=rows,
        target=outcome @ rows + np.concatenate([target - found.values, -off]),
        tolerance=np.concatenate([tolerance, np.full(len(off), STARS_AROUND)]),
    )
