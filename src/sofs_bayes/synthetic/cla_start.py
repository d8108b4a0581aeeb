"""A point from which the printed logistic columns can be reached.

There the outcomes follow the lagged column with its printed coefficients exactly, so that the
other columns alone are left. The Ofsted rating enters as it is, hence the printed intercept
belongs to a rating of 0: at a rate of some percent the rating's coefficient κ is about −1.6.
Were rates to follow ratings, they would jump fivefold with each new rating. So another
covariate goes with the rating but for what rates really differ by: with s the deviation of an
authority's log odds in a year, it stands at −(rating − mean rating + s/κ), and has the
coefficient −κ.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from sofs_bayes.synthetic.cla_equations import Problem
from sofs_bayes.synthetic.cla_fits import expit

Floats = npt.NDArray[np.float64]

RATING = "ofsted"
# Where a rating is worse, fewer plans are reviewed in time.
BESIDE_RATING = "plans_reviewed_in_time"
# Coefficients of the other covariates at the start: at 0 the equations would not move with them.
COEFFICIENT_SD = 0.15
ROUNDS = 100
WITHIN = 1e-10


def starting_problem(
    problem: Problem, lagged: str, rates: tuple[float, float], *, rng: np.random.Generator
) -> Problem:
    """The problem with the start of its unknowns set to such a point.

    Parameters
    ----------
    lagged
        Name of the lagged column.
    rates
        The outcome's rate before settling-in among pilots and among comparators.
    """
    unknowns, profiles = problem.unknowns, problem.profiles
    others = [place for place, prior in unknowns.solved if prior.name != BESIDE_RATING]
    coefficients = COEFFICIENT_SD * rng.standard_normal(len(others))
    spread = unknowns.entering(unknowns.covariates_start)[:, others] @ coefficients
    own = _by_authority_year(problem, unknowns.logit_start)
    printed = _printed_logits(problem, lagged)
    logits = printed + (own + spread)[profiles.authority_year]
    levels = _levels(problem, logits, rates)
    pilot = profiles.frame["pilot"].to_numpy() == 1
    logits = logits + np.where(pilot, *levels)
    rating = unknowns.covariates_start[unknowns.covariates.index(RATING)]
    share = unknowns.rows / unknowns.rows.sum()
    of_pilot = _by_authority_year(problem, _by_segment(problem, pilot.astype(np.float64)))
    level = np.where(of_pilot > 0.5, *levels)
    kappa = -(share @ level) / (share @ rating)
    deviation = own + level - share @ level
    values = unknowns.covariates_start.copy()
    values[unknowns.covariates.index(BESIDE_RATING)] = -(
        rating - share @ rating + deviation / kappa
    )
    start = replace(unknowns, covariates_start=values, logit_start=_by_segment(problem, logits))
    return replace(problem, unknowns=start)


def _printed_logits(problem: Problem, lagged: str) -> Floats:
    """What the printed coefficients of the lagged column add up to, shape (profiles,)."""
    column = next(each for each in problem.profiles.columns if each.name == lagged)
    printed = {each.term: each.value for each in problem.chosen(lagged)}
    own = column.names[: column.own.shape[1]]
    coefficients = np.array([printed.get(name, 0.0) for name in own])
    return np.asarray(column.own @ coefficients, dtype=np.float64)


def _by_segment(problem: Problem, values: Floats) -> Floats:
    """Values that are constant in segments, by segment."""
    _, first = np.unique(problem.profiles.segment, return_index=True)
    return values[first]


def _by_authority_year(problem: Problem, by_segment: Floats) -> Floats:
    """Means over matched rows of values by segment; 0 where an authority's year has no row."""
    rows = problem.profiles.frame["rows"].to_numpy(np.float64)
    sums = problem.profiles.to_authority_year @ (rows * by_segment[problem.profiles.segment])
    counts = problem.unknowns.rows
    return np.asarray(sums / np.where(counts > 0, counts, 1.0), dtype=np.float64)


def _levels(problem: Problem, logits: Floats, rates: tuple[float, float]) -> tuple[float, float]:
    """What to add to pilots' and comparators' log odds for the rates before settling-in."""
    frame, unknowns = problem.profiles.frame, problem.unknowns
    with_effects = logits + problem.profiles.child @ unknowns.effect_start
    found = []
    for arm, rate in zip((1, 0), rates, strict=True):
        here = ((frame["pilot"] == arm) & (frame["post"] == 0)).to_numpy()
        weight = problem.profiles.weight[here]
        level = 0.0
        for _ in range(ROUNDS):
            p = expit(with_effects[here] + level)
            step = (rate - weight @ p / weight.sum()) / (weight @ (p * (1 - p)) / weight.sum())
            level += float(np.clip(step, -1, 1))
            if abs(step) < WITHIN:
                break
        found.append(level)
    return found[0], found[1]
