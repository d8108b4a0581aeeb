"""Simulation-based calibration: truths and data are drawn, fitted, and the truths ranked.

A problem is two functions, so that a planted fault is one of them exchanged.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from sofs_bayes.checks.ranks import DRAWS, Kind, RankVerdict, rank_verdict, ranked_of, thinned_rank
from sofs_bayes.spec import Evidence, FittedAnalysis

FULL = 1500  # studies of a full calibration
TOO_NARROW, TOO_WIDE = 0.02, 0.03  # coverage below and above the level that is still accepted

Floats = npt.NDArray[np.float64]
Truths = Mapping[str, float]
Around = Literal["prior", "data"]
NO_DRAWS = "no draws: sampling broke down"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """Draws of one fit, and whether they can be trusted.

    Attributes
    ----------
    draws
        By quantity, shape (chain, draw).
    failures
        What did not pass the gate, in words; nothing if all passed.
    kinds
        What each quantity is; a parameter where nothing is said.
    """

    draws: Mapping[str, Floats]
    failures: tuple[str, ...]
    kinds: Mapping[str, Kind] = field(default_factory=dict)


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
class Coverage:
    """How often the effect's interval held the truth.

    Attributes
    ----------
    scenario, owed
        Its name, and whether intervals owe their level there.
    panels
        How many were simulated to get so many studies.
    """

    scenario: str
    owed: bool
    replicates: int
    level: float
    coverage: float
    standard_error: float
    mean_width: float
    panels: int

    @property
    def allowed(self) -> tuple[float, float]:
        """The lowest and highest coverage that is accepted.

        From `FULL` studies on `TOO_NARROW` below the level to `TOO_WIDE` above it. Fewer allow
        more, as the square root of their number, so that a right posterior is refused as rarely.
        """
        wider = max(FULL / self.replicates, 1.0) ** 0.5
        return self.level - wider * TOO_NARROW, min(self.level + wider * TOO_WIDE, 1.0)

    @property
    def allowed_from(self) -> float:
        """The lowest that is accepted; NaN where nothing is owed."""
        return self.allowed[0] if self.owed else math.nan

    @property
    def allowed_to(self) -> float:
        """The highest that is accepted; NaN where nothing is owed."""
        return self.allowed[1] if self.owed else math.nan

    @property
    def accepted(self) -> bool:
        """Whether the coverage is one of those `allowed`."""
        lowest, highest = self.allowed
        return lowest <= self.coverage <= highest

    @property
    def verdict(self) -> str:
        """`in` or `out` where the intervals owe their level, else `not owed`."""
        return ("in" if self.accepted else "out") if self.owed else "not owed"


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
    reading
        Of print, what its stars are read as.
    panels
        From print, around the prior: coverage on simulated panels of authorities.
    """

    analysis: FittedAnalysis
    prior: str
    around: Around
    evidence: Evidence
    verdict: RankVerdict
    notes: tuple[str, ...]
    seconds: float
    reading: str = ""
    panels: tuple[Coverage, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether nothing speaks against the posterior; too few ranks do not."""
        owed = all(row.verdict != "out" for row in self.panels)
        return owed and (self.verdict.uniform or self.verdict.few)


def calibrated(
    analysis: FittedAnalysis,
    made: Mapping[int, Mapping[str, Any]],
    *,
    seed: int,
    **said: Any,
) -> Calibrated:
    """What finished replicates say.

    Parameters
    ----------
    made
        By number, as `replicate` gives them.
    seed
        Of the places of ranks within their 80th part.
    said
        The other fields of `Calibrated`.
    """
    ranked = [ranked_of(number, result) for number, result in sorted(made.items())]
    kinds: Mapping[str, Kind] = next((each["kinds"] for each in made.values() if each["ranks"]), {})
    return Calibrated(
        analysis=analysis,
        verdict=rank_verdict(ranked, kinds, seed=seed),
        seconds=sum(each.seconds for each in ranked),
        **said,
    )


def until_passed[Found](
    fit: Callable[[int], tuple[Found, tuple[str, ...]] | None], attempts: int, *, start: float
) -> tuple[Found | None, dict[str, Any]]:
    """A fit repeated until it passes its gate, and how it fared, as JSON can hold it.

    Parameters
    ----------
    fit
        The number of an attempt, from 0 (later ones sample for longer) → what is kept of it, and
        what did not pass; None if sampling broke down.
    start
        From which seconds are counted (`time.perf_counter`).

    Returns
    -------
    The first that passed, else the last that gave draws; None if there are none.
    """
    found: Found | None = None
    failures: tuple[str, ...] = (NO_DRAWS,)
    attempt = 0
    for attempt in range(attempts):
        made = fit(attempt)
        if made is not None:
            found, failures = made
            if not failures:
                break
    return found, {
        "status": "not converged" if failures else "converged",
        "failures": list(failures),
        "attempts": attempt + 1,
        "seconds": round(time.perf_counter() - start, 4),
    }


def replicate[Data](problem: Problem[Data], seed: int) -> dict[str, Any]:
    """One replicate, as JSON can hold it: `ranks.ranked_of` reads it back.

    Fits are repeated with longer sampling until one passes its gate; if none does, the last that
    gave draws counts.
    """
    start = time.perf_counter()
    truths, data = problem.generate(seed)

    def fitted(attempt: int) -> tuple[Fitted, tuple[str, ...]] | None:
        found = problem.fit(data, attempt, seed)
        return None if found is None else (found, found.failures)

    found, fared = until_passed(fitted, problem.attempts, start=start)
    if found is None:
        return {"ranks": {}, "kinds": {}, **fared}
    ranks = {name: thinned_rank(found.draws[name], truth) for name, truth in truths.items()}
    kinds = {name: found.kinds.get(name, "parameter") for name in ranks}
    return {"ranks": ranks, "kinds": kinds, **fared}


__all__ = [
    "DRAWS",
    "Around",
    "Calibrated",
    "Fitted",
    "Kind",
    "Problem",
    "Truths",
    "calibrated",
    "replicate",
]
