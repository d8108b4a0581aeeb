"""Solved probabilities by authority and quarter → outcomes of referrals, as printed sums ask."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from sofs_bayes.frequentist.terms import child_terms
from sofs_bayes.spec import ChildrenAnalysis
from sofs_bayes.synthetic.cell_design import quarter_of
from sofs_bayes.synthetic.outcomes import (
    Binary,
    Sums,
    rounded_outcomes,
    swapped_outcomes,
    tilted_probabilities,
)
from sofs_bayes.synthetic.printed_errors import PrintedErrors
from sofs_bayes.synthetic.printed_sums import Explained, joined
from sofs_bayes.synthetic.scenario import Scenario

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Progress = Callable[[str], None]

# Steps of Newton's method for a block's level; twice as many as were ever needed.
LEVEL_STEPS = 12
# R² and errors are no sums: they are taken as such where the outcomes stand, and again.
ROUNDS = 4
# Wanted so near, in half units of its last printed decimal, as to stay right when it moves.
EXPLAINED_NEAR = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Children:
    """Matched referrals, each once in ascending order, and how their covariates move outcomes.

    Parameters
    ----------
    effect
        Log odds of each referral's covariates, shape (referrals,).
    block
        Its authority and quarter, as a number, shape (referrals,).
    """

    effect: Floats
    block: Integers

    def probabilities(self, mean: Floats) -> Floats:
        """Probabilities of referrals whose means by block are given, shape (referrals,)."""
        size = np.bincount(self.block, minlength=len(mean))
        level = np.log(mean) - np.log1p(-mean)
        for _ in range(LEVEL_STEPS):
            found = self._at(level)
            missing = mean - np.bincount(self.block, found, minlength=len(mean)) / size
            slope = np.bincount(self.block, found * (1 - found), minlength=len(mean)) / size
            level = level + missing / slope
        return self._at(level)

    def _at(self, level: Floats) -> Floats:
        return np.asarray(1 / (1 + np.exp(-level[self.block] - self.effect)), dtype=np.float64)


def children_of(
    matched: pd.DataFrame, blocks: pd.DataFrame, analysis: ChildrenAnalysis, scenario: Scenario
) -> Children:
    """The referrals of matched rows, with a scenario's effects of their covariates.

    Parameters
    ----------
    blocks
        authority and quarter, numbered by the index.
    """
    single = matched.drop_duplicates("referral").sort_values("referral", ignore_index=True)
    terms = child_terms(single, analysis)
    effects = [scenario.outcomes.effects.get(str(name), 0.0) for name in terms.columns]
    keys = single[["authority"]].assign(quarter=quarter_of(single["referral_date"]))
    numbered = keys.merge(blocks.assign(block=blocks.index), how="left")["block"]
    return Children(
        effect=terms.to_numpy(np.float64) @ np.array(effects), block=numbered.to_numpy(np.int64)
    )


def printed_outcomes(
    probability: Floats,
    block: Integers,
    sums: Sums,
    explained: Explained,
    errors: PrintedErrors,
    *,
    r_squared: tuple[float, float],
    rng: np.random.Generator,
    say: Progress,
) -> Binary:
    """Outcomes of 0 and 1 near the probabilities that meet the sums, R² and stars.

    Of a few rounds the outcomes are taken that meet sums and R² with the most stars right; if
    none does, the first ones.

    Parameters
    ----------
    r_squared
        The printed value and half a unit of its last decimal.
    """
    value, half_unit = r_squared
    outcome = rounded_outcomes(tilted_probabilities(probability, sums), block, rng=rng)
    outcome = swapped_outcomes(outcome, block, sums, rng=rng)
    best, fewest = outcome, math.inf
    for number in range(ROUNDS):
        near = explained.sum_at(outcome, value=value, tolerance=half_unit * EXPLAINED_NEAR)
        found, missed = explained.at(outcome)[0], errors.missed(outcome)
        off = np.abs(sums.misses(outcome)).max()
        say(f"outcomes: {off:.2f} of the rounding off at most, R² {found:.5f}, {missed} stars")
        if off <= 1 and abs(found - value) < half_unit and missed < fewest:
            best, fewest = outcome, missed
        if fewest == 0:
            break
        # R² first, and stars from an outcome that has all the rest.
        wanted = joined(sums, near)
        if number > 0:
            wanted = joined(wanted, errors.sums_at(outcome))
        outcome = swapped_outcomes(outcome, block, wanted, rng=rng)
    return best
