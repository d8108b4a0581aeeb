"""A point from which the printed logistic columns can be reached.

There outcomes are as the scenario's prior draws them, with the printed effect. The lagged column
has its printed coefficients but for what its years of settling-in share: one covariate takes up
the difference between outcomes and what the column's terms add up to. The Ofsted rating enters as
it is, hence the printed intercept belongs to a rating of 0: at a rate of some percent the rating's
coefficient is about −1.6, whatever the ratings. The number of innovation projects takes up most of
the lags, as it grows with them.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from sofs_bayes.frequentist.term import DID
from sofs_bayes.synthetic.cla_equations import Problem
from sofs_bayes.synthetic.cla_fits import expit

Floats = npt.NDArray[np.float64]

RATING, PROJECTS = "ofsted", "innovation_projects"
# It takes up what is left.
REMAINDER, REMAINDER_COEFFICIENT = "plans_reviewed_in_time", 0.5
PROJECTS_COEFFICIENT = 0.45
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
    pilot, post = (profiles.frame[name].to_numpy(np.float64) for name in ("pilot", "post"))
    logistic = {each.name for each in profiles.columns if each.logistic}
    aims = [each for each in problem.targets if each.term == DID and each.column in logistic]
    logits = unknowns.logit_start[profiles.segment] + aims[0].value * pilot * post
    logits = logits + np.where(pilot == 1, *_levels(problem, logits, rates))
    left = _by_authority_year(problem, logits - _printed_logits(problem, lagged))
    values = unknowns.covariates_start.copy()
    place = {name: unknowns.covariates.index(name) for name in (RATING, PROJECTS, REMAINDER)}
    left -= PROJECTS_COEFFICIENT * values[place[PROJECTS]]
    others = [i for i, _ in unknowns.solved if i != place[REMAINDER]]
    coefficients = COEFFICIENT_SD * rng.standard_normal(len(others))
    left -= unknowns.entering(values)[:, others] @ coefficients
    rating = values[place[RATING]]
    left -= rating * (unknowns.rows @ left) / (unknowns.rows @ rating)
    values[place[REMAINDER]] = left / REMAINDER_COEFFICIENT
    _, first = np.unique(profiles.segment, return_index=True)
    start = replace(unknowns, covariates_start=values, logit_start=logits[first])
    return replace(problem, unknowns=start)


def _printed_logits(problem: Problem, lagged: str) -> Floats:
    """What the printed coefficients of the lagged column add up to, shape (profiles,)."""
    column = next(each for each in problem.profiles.columns if each.name == lagged)
    printed = {each.term: each.value for each in problem.chosen(lagged)}
    coefficients = [printed.get(name, 0.0) for name in column.names[: column.own.shape[1]]]
    return np.asarray(column.own @ np.array(coefficients), dtype=np.float64)


def _by_authority_year(problem: Problem, values: Floats) -> Floats:
    """Means over matched rows of profiles' values; 0 where an authority's year has no row."""
    rows = problem.profiles.frame["rows"].to_numpy(np.float64)
    sums, counts = problem.profiles.to_authority_year @ (rows * values), problem.unknowns.rows
    return np.asarray(sums / np.where(counts > 0, counts, 1.0), dtype=np.float64)


def _levels(problem: Problem, logits: Floats, rates: tuple[float, float]) -> tuple[float, float]:
    """What to add to pilots' and comparators' log odds for the rates before settling-in."""
    frame, unknowns = problem.profiles.frame, problem.unknowns
    with_effects = logits + problem.profiles.child @ unknowns.effect_start
    found = []
    for arm, rate in zip((1, 0), rates, strict=True):
        here = ((frame["pilot"] == arm) & (frame["post"] == 0)).to_numpy()
        weight = problem.profiles.weight[here]
        level = np.log(rate / (1 - rate)) - weight @ with_effects[here] / weight.sum()
        for _ in range(ROUNDS):
            p = expit(with_effects[here] + level)
            step = (rate - weight @ p / weight.sum()) / (weight @ (p * (1 - p)) / weight.sum())
            level += float(np.clip(step, -1, 1))
            if abs(step) < WITHIN:
                break
        found.append(level)
    return found[0], found[1]
