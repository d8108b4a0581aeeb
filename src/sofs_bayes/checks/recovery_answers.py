"""Answers of one replicate of a recovery: each method's estimate and intervals beside the truth."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sofs_bayes.checks.classical_intervals import LEVELS, METHODS
from sofs_bayes.checks.ranks import Fared, fared_of
from sofs_bayes.spec.keys import POOLED

Floats = npt.NDArray[np.float64]

POSTERIOR = "posterior"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One method's answer about one effect in one replicate, on the risk scale.

    Attributes
    ----------
    truth
        The effect on the children of this replicate.
    estimate
        NaN if there is none.
    limits
        At each of `LEVELS`, shape (levels, 2); NaN if there are none.
    above_zero
        The posterior probability that the effect is above 0; NaN for other methods.
    """

    truth: float
    estimate: float
    limits: Floats
    above_zero: float = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Replicate(Fared):
    """One replicate of a scenario, numbered within it.

    Attributes
    ----------
    answers
        By method, of the pooled effect.
    pilots
        The posterior's, of each pilot's own effect.
    """

    answers: Mapping[str, Answer]
    pilots: tuple[Answer, ...]


def replicate_of(number: int, result: Mapping[str, Any]) -> Replicate:
    """A replicate from what JSON holds of it."""
    truth, posterior = result["truth"], result["posterior"]
    none = {"estimate": None, "limits": [[None, None]] * len(LEVELS)}
    answers = {POSTERIOR: _answer(truth[POOLED], posterior.get(POOLED, none))}
    for method in METHODS:
        given = result["classical"].get(method)
        found = _answer(truth[POOLED], given or none)
        answers[method] = found if given is None else _unbounded(found)
    return Replicate(
        answers=answers,
        pilots=tuple(
            _answer(true, posterior.get(name, none))
            for name, true in truth.items()
            if name != POOLED
        ),
        **fared_of(number, result),
    )


def _answer(truth: float, given: Mapping[str, Any]) -> Answer:
    estimate, above = given["estimate"], given.get("above_zero")
    return Answer(
        truth=float(truth),
        estimate=float("nan") if estimate is None else float(estimate),
        limits=np.array(given["limits"], dtype=np.float64),
        above_zero=float("nan") if above is None else float(above),
    )


def _unbounded(found: Answer) -> Answer:
    """JSON has no infinity: the ends that an interval there lacks."""
    ends = np.where(np.isnan(found.limits), [-np.inf, np.inf], found.limits)
    return Answer(truth=found.truth, estimate=found.estimate, limits=ends)
