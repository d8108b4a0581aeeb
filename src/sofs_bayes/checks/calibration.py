"""Simulation-based calibration: truths and data are drawn, fitted, and the truths ranked.

A problem is two functions, so that a planted fault is one of them exchanged.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from sofs_bayes.checks.ranks import DRAWS, Kind, RankVerdict, thinned_rank
from sofs_bayes.spec import Evidence, FittedAnalysis

Floats = npt.NDArray[np.float64]
Truths = Mapping[str, float]
Around = Literal["prior", "data"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """Draws of one fit, and whether they can be trusted.

    Attributes
    ----------
    draws
        By quantity, shape (chain, draw).
    failures
        What did not pass the gate, in words; nothing if all passed.
    """

    draws: Mapping[str, Floats]
    failures: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem[Data]:
    """What is calibrated.

    Attributes
    ----------
    generate
        A seed → the truth of each quantity, and data drawn given it.
    fit
        Data, the truths' attempt (from 0) and a seed → a fit; None if sampling broke down.
        Later attempts sample for longer.
    attempts
        How many of them there are.
    """

    generate: Callable[[int], tuple[Truths, Data]]
    fit: Callable[[Data, int, int], Fitted | None]
    attempts: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """A finished calibration.

    Attributes
    ----------
    analysis
        Whose posterior was calibrated.
    prior
        The effect prior of fits and truths.
    around
        Whether truths are drawn from the `prior`, or from the posterior of the `data` (then
        each fit is to these data and the simulated ones together).
    evidence
        What the design rests on, and with it the data where truths come from their posterior.
    verdict
        On the ranks.
    notes
        What was done differently from the analysis itself, in sentences.
    seconds
        Of all replicates, added up over workers.
    """

    analysis: FittedAnalysis
    prior: str
    around: Around
    evidence: Evidence
    verdict: RankVerdict
    notes: tuple[str, ...]
    seconds: float


def replicate[Data](problem: Problem[Data], seed: int) -> dict[str, Any]:
    """One replicate, as JSON can hold it: `ranks.ranked_of` reads it back.

    Fits are repeated with longer sampling until one passes its gate; if none does, the last that
    gave draws counts.
    """
    start = time.perf_counter()
    truths, data = problem.generate(seed)
    fitted, attempt = None, 0
    for attempt in range(problem.attempts):
        again = problem.fit(data, attempt, seed)
        fitted = fitted if again is None else again
        if again is not None and not again.failures:
            break
    ranks: dict[str, int] = {}
    failures: tuple[str, ...] = ("no draws: sampling broke down",)
    if fitted is not None:
        ranks = {name: thinned_rank(fitted.draws[name], truth) for name, truth in truths.items()}
        failures = fitted.failures
    return {
        "ranks": ranks,
        "status": "not converged" if failures else "converged",
        "failures": list(failures),
        "attempts": attempt + 1,
        "seconds": round(time.perf_counter() - start, 4),
    }


__all__ = ["DRAWS", "Around", "Calibrated", "Fitted", "Kind", "Problem", "Truths", "replicate"]
