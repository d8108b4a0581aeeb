"""Solved probabilities by authority and quarter → outcomes of referrals, as the tables print them."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd

from sofs_bayes.frequentist.terms import child_terms
from sofs_bayes.spec import ChildrenAnalysis
from sofs_bayes.synthetic.outcomes import (
    Binary,
    Sums,
    flipped_outcomes,
    rounded_outcomes,
    swapped_outcomes,
    tilted_probabilities,
)
from sofs_bayes.synthetic.printed_sums import Explained, joined
from sofs_bayes.synthetic.scenario import Scenario

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Progress = Callable[[str], None]

# Steps of Newton's method for a block's level; twice as many as were ever needed.
LEVEL_STEPS = 20
# R² is not a sum: it is taken as one where the outcomes stand, and again.
EXPLAINED_ROUNDS = 5
# Wanted so near, in half units of its last printed decimal, as to stay right when it moves.
EXPLAINED_NEAR = 0.5


def linear_effects(child: pd.DataFrame, scenario: Scenario) -> Floats:
    """The scenario's log odds of child terms as effects on the probability, at its prior mean."""
    mean = (scenario.outcomes.pilots + scenario.outcomes.comparators) / 2
    log_odds = [scenario.outcomes.effects.get(str(name), 0.0) for name in child.columns]
    return mean * (1 - mean) * np.array(log_odds)


def child_probabilities(
    single: pd.DataFrame,
    block: Integers,
    mean: Floats,
    analysis: ChildrenAnalysis,
    scenario: Scenario,
) -> Floats:
    """Probabilities of single referrals whose means by block are given, shape (referrals,).

    Parameters
    ----------
    single
        A row for each referral with the children's covariates.
    block, mean
        Each referral's block, and each block's mean probability.
    """
    terms = child_terms(single, analysis)
    effects = scenario.outcomes.effects
    own = terms.to_numpy(np.float64) @ [effects.get(str(name), 0.0) for name in terms.columns]
    size = np.bincount(block, minlength=len(mean))
    level = np.log(mean) - np.log1p(-mean)
    for _ in range(LEVEL_STEPS):
        found = 1 / (1 + np.exp(-level[block] - own))
        missing = mean - np.bincount(block, found, minlength=len(mean)) / size
        slope = np.bincount(block, found * (1 - found), minlength=len(mean)) / size
        level = level + missing / slope
    return np.asarray(1 / (1 + np.exp(-level[block] - own)), dtype=np.float64)


def printed_outcomes(
    probability: Floats,
    block: Integers,
    sums: Sums,
    explained: Explained,
    *,
    r_squared: tuple[float, float],
    rng: np.random.Generator,
    say: Progress,
) -> Binary:
    """Outcomes of 0 and 1 near the probabilities that meet the sums and R².

    Parameters
    ----------
    r_squared
        The printed value and half a unit of its last decimal.
    """
    value, half_unit = r_squared
    near = half_unit * EXPLAINED_NEAR
    for _ in range(2):
        aim = explained.sum_at(probability, value=value, tolerance=near)
        probability = tilted_probabilities(probability, joined(sums, aim))
    outcome = rounded_outcomes(probability, block, rng=rng)
    say(f"rounded: {_described(sums, outcome)}")
    for _ in range(EXPLAINED_ROUNDS):
        wanted = joined(sums, explained.sum_at(outcome, value=value, tolerance=near))
        outcome = flipped_outcomes(outcome, wanted)
        outcome = swapped_outcomes(outcome, block, wanted, rng=rng)
        found = explained.at(outcome)[0]
        say(f"outcomes: {_described(sums, outcome)}, R² {found:.5f}")
        if abs(found - value) < half_unit and np.all(np.abs(sums.misses(outcome)) <= 1):
            break
    return outcome


def _described(sums: Sums, outcome: Binary) -> str:
    misses = np.abs(sums.misses(outcome))
    return f"{np.sum(misses > 1)} of {len(misses)} sums off, by up to {misses.max():.2f} tolerances"
