"""Solved probabilities by authority and quarter → outcomes of referrals, as printed sums ask."""

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
ROUNDS = 8
# Roundings that are tried for the stars.
ROUNDINGS = 10
# Wanted so near, in half units of its last printed decimal, as to stay right when it moves.
EXPLAINED_NEAR = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What outcomes are to meet.

    Parameters
    ----------
    sums, explained, errors
        As functions of the referrals' outcomes.
    r_squared, half_unit
        The printed R² and half a unit of its last decimal.
    weight
        Matching weight of each referral, shape (referrals,).
    """

    sums: Sums
    explained: Explained
    errors: PrintedErrors
    r_squared: float
    half_unit: float
    weight: Floats

    def met(self, outcome: Binary) -> bool:
        """Whether sums and R² are as printed."""
        off = abs(self.explained.at(outcome)[0] - self.r_squared)
        return off < self.half_unit and bool(np.all(np.abs(self.sums.misses(outcome)) <= 1))

    def near(self, outcome: Binary) -> Sums:
        """All of it as sums, which R² and errors are only near an outcome."""
        explained = self.explained.sum_at(
            outcome, value=self.r_squared, tolerance=self.half_unit * EXPLAINED_NEAR
        )
        return joined(self.sums, explained, self.errors.sums_at(outcome))


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
    wanted: Wanted,
    *,
    rng: np.random.Generator,
    say: Progress,
) -> Binary | None:
    """Outcomes of 0 and 1 near the probabilities that meet all that is wanted.

    Of several roundings the one with the fewest wrong stars; none if no rounding met the rest.
    """
    tilted = tilted_probabilities(probability, wanted.sums)
    found, least = None, np.inf
    for number in range(ROUNDINGS):
        outcome = rounded_outcomes(tilted, block, rng=rng, along=wanted.weight)
        outcome = swapped_outcomes(outcome, block, wanted.sums, rng=rng)
        for _ in range(ROUNDS):
            missed = wanted.errors.missed(outcome)
            if wanted.met(outcome) and missed < least:
                found, least = outcome, missed
            if least == 0:
                break
            outcome = swapped_outcomes(outcome, block, wanted.near(outcome), rng=rng)
        say(f"rounding {number + 1}: {_described(found, least)}")
        if least == 0:
            break
    return found


def _described(found: Binary | None, missed: float) -> str:
    if found is None:
        return "no outcomes yet with all sums and R² as printed"
    return f"outcomes with all sums and R² as printed, and {missed:.0f} stars not"
