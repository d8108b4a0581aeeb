"""How methods fared over replicates: bias, coverage, width, power, errors of sign and size.

Every replicate counts, also one whose fit did not pass its gate; one without draws counts as an
interval that missed. All measures come with Monte Carlo standard errors.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from sofs_bayes.checks.classical_intervals import LEVELS, METHODS
from sofs_bayes.checks.ranks import Fared, fared_of
from sofs_bayes.checks.recovery_truths import Scenario
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


Target = Literal["pooled", "each pilot"]

BAND = 0.999  # the share of right posteriors whose coverage is in the band it is judged by
FEW = "too few"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryRow:
    """How one method fared in one scenario; numbers on the risk scale.

    Attributes
    ----------
    scenario, process, effect, heterogeneity, authorities
        As `Scenario` has them (the effect on the model's scale; empty where drawn).
    method, target
        Whose answers, and about what: the pooled effect, or each pilot's own.
    replicates, without_answer, refused
        All of them, answers without any interval (pilot by pilot, where the target is each
        pilot; they count as missed), and replicates in which the posterior's fit did not pass
        its gate (they count as they are).
    mean_truth, bias, rmse, mean_width
        The width is that of the 95% interval, the mean over bounded ones.
    unbounded
        Share of 95% intervals that lack an end, or both.
    coverage_50, coverage_80, coverage_95
        Shares of intervals with the truth inside.
    significant
        Share of 95% intervals that exclude 0: power, or where nothing happens false alarms.
    wrong_sign, exaggeration
        Among these: share of estimates on the wrong side of 0 (type S), and the mean size of
        estimates over the mean size of truths (type M). Not the mean of ratios, which single
        truths near 0 would decide, or have no mean at all. Empty where the scenario's effect
        is 0, or no interval excludes 0.
    bias_mcse, rmse_mcse, coverage_50_mcse, …
        Monte Carlo standard errors of the numbers so named, on the same scale; NaN from a single
        replicate. That of `exaggeration` is a ratio's (the delta method).
    """

    scenario: str
    process: str
    effect: float | None
    heterogeneity: float | None
    authorities: int
    method: str
    target: Target
    replicates: int
    without_answer: int
    refused: int
    mean_truth: float
    bias: float
    bias_mcse: float
    rmse: float
    rmse_mcse: float
    coverage_50: float
    coverage_50_mcse: float
    coverage_80: float
    coverage_80_mcse: float
    coverage_95: float
    coverage_95_mcse: float
    mean_width: float
    mean_width_mcse: float
    unbounded: float
    significant: float
    significant_mcse: float
    wrong_sign: float | None
    wrong_sign_mcse: float | None
    exaggeration: float | None
    exaggeration_mcse: float | None


def recovery_rows(scenario: Scenario, replicates: Sequence[Replicate]) -> tuple[RecoveryRow, ...]:
    """Every method's row of a scenario, and the posterior's about pilots."""
    groups: list[tuple[str, Target, list[list[Answer]]]] = [
        (method, "pooled", [[each.answers[method]] for each in replicates])
        for method in (POSTERIOR, *METHODS)
    ]
    groups.append((POSTERIOR, "each pilot", [list(each.pilots) for each in replicates]))
    refused = sum(each.status != "converged" for each in replicates)
    return tuple(
        RecoveryRow(
            scenario=scenario.name,
            process=scenario.process,
            effect=scenario.effect,
            heterogeneity=scenario.heterogeneity,
            authorities=scenario.authorities,
            method=method,
            target=target,
            replicates=len(replicates),
            refused=refused if method == POSTERIOR else 0,
            **measures(answers, nothing=scenario.effect == 0.0),
        )
        for method, target, answers in groups
    )


def measures(answers: Sequence[Sequence[Answer]], *, nothing: bool) -> dict[str, Any]:
    """The measures of some answers, as `RecoveryRow` names them.

    Parameters
    ----------
    answers
        By replicate: those within one share their data, so that Monte Carlo errors come from
        the replicates' means.
    nothing
        Whether the scenario has no effect; then there is no sign or size to get wrong.
    """
    flat = [each for replicate in answers for each in replicate]
    truth, estimate = (np.array([getattr(a, n) for a in flat]) for n in ("truth", "estimate"))
    limits = np.stack([each.limits for each in flat])
    of = np.repeat(np.arange(len(answers)), [len(replicate) for replicate in answers])
    error, given = estimate - truth, np.isfinite(estimate)
    wide = limits[:, -1, 1] - limits[:, -1, 0]
    bounded = np.isfinite(wide)
    inside = (limits[..., 0] <= truth[:, None]) & (truth[:, None] <= limits[..., 1])
    found = excludes_zero(limits)
    bias, bias_mcse = _mean(error[given], of[given])
    square, square_mcse = _mean(error[given] ** 2, of[given])
    width, width_mcse = _mean(wide[bounded], of[bounded])
    result: dict[str, Any] = {
        "without_answer": int((~given).sum()),
        "mean_truth": float(truth.mean()),
        "bias": bias,
        "bias_mcse": bias_mcse,
        "rmse": float(np.sqrt(square)),
        "rmse_mcse": square_mcse / (2 * float(np.sqrt(square))) if square > 0 else 0.0,
        "mean_width": width,
        "mean_width_mcse": width_mcse,
        "unbounded": float((given & ~bounded).mean()),
    }
    for i, level in enumerate(LEVELS):
        name = f"coverage_{100 * level:.0f}"
        result[name], result[f"{name}_mcse"] = share_and_error(inside[:, i], of)
    result["significant"], result["significant_mcse"] = share_and_error(found, of)
    names = ("wrong_sign", "wrong_sign_mcse", "exaggeration", "exaggeration_mcse")
    result |= dict.fromkeys(names)
    if not nothing and found.any():
        wrong = np.sign(estimate[found]) != np.sign(truth[found])
        sizes = _ratio(np.abs(estimate[found]), np.abs(truth[found]), of[found])
        both = (*share_and_error(wrong, of[found]), *sizes)
        result |= dict(zip(names, both, strict=True))
    return result


def judged(
    level: float, coverage: float, lower: float, upper: float, *, few: bool = False
) -> dict[str, Any]:
    """How often intervals of a level held the truth, beside the band of right ones."""
    verdict = FEW if few else "in" if lower <= coverage <= upper else "out"
    band = {"lower": lower, "upper": upper}
    return {"level": level, "coverage": coverage, **band, "verdict": verdict}


def excludes_zero(limits: Floats) -> npt.NDArray[np.bool_]:
    """Whether 95% intervals exclude 0, from limits of shape (…, levels, 2)."""
    excluded: npt.NDArray[np.bool_] = (limits[..., -1, 0] > 0) | (limits[..., -1, 1] < 0)
    return excluded


def _mean(values: Floats, of: npt.NDArray[np.int64]) -> tuple[float, float]:
    """A mean, and its Monte Carlo error from replicates that are independent."""
    return _ratio(values, np.ones(len(values)), of)


def _ratio(above: Floats, below: Floats, of: npt.NDArray[np.int64]) -> tuple[float, float]:
    """A ratio of sums over independent replicates, and its error by the delta method.

    The error is that of the replicates' deviations from the ratio, in units of what is below.
    """
    if not below.any():
        return float("nan"), float("nan")
    kept = np.bincount(of) > 0
    over, under = (np.bincount(of, values)[kept] for values in (above, below))
    ratio, size = float(over.sum() / under.sum()), len(over)
    if size < 2:
        return ratio, float("nan")
    off = (over - ratio * under) / under.mean()
    return ratio, float(np.sqrt((off**2).sum() / (size * (size - 1))))


def share_and_error(yes: npt.NDArray[np.bool_], of: npt.NDArray[np.int64]) -> tuple[float, float]:
    """A share, and its Monte Carlo error; one of 0 or 1 is not taken to be certain."""
    share, error = _mean(yes.astype(np.float64), of)
    if share in (0.0, 1.0):
        size = len(np.unique(of))
        near = (share * size + 1) / (size + 2)
        error = float(np.sqrt(near * (1 - near) / size))
    return share, error
