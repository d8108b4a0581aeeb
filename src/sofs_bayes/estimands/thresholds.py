"""Posteriors → the probability that an effect exceeds a threshold, for a fine grid of them.

The grid is fixed and round: it covers posteriors, prior and all statements, and no end of it is
a value that a draw happened to have.
"""

from collections.abc import Iterable, Sequence
from math import ceil, floor, isfinite, log10
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sofs_bayes.bayes.printed_summaries import on_design_scale
from sofs_bayes.estimands.effects import Effects
from sofs_bayes.estimands.printed import effect_on, label_of, scales
from sofs_bayes.estimands.rows import Label, ThresholdRow, columns_of
from sofs_bayes.spec import FittedAnalysis, Statement
from sofs_bayes.spec.keys import IN_YEAR, NEW, POOLED, PRINTED, Estimand
from sofs_bayes.spec.terms import NO_EFFECT

if TYPE_CHECKING:
    import xarray as xr

    from sofs_bayes.bayes.from_published import PrintedPosterior

Floats = npt.NDArray[np.float64]

MOST = 400  # steps of a grid; a round step leaves 160 of them or more
TAIL = 0.0005  # of a posterior beyond either end of the grid, before room is added,
ROOM = 0.05  # as a share of the width between
PRIOR_REACH = 2.0  # standard deviations of a prior that the grid covers


def grid(ends: Iterable[float], *, marks: Iterable[float] = ()) -> Floats:
    """Round thresholds from below the smallest to above the largest end, with all marks.

    The step is 1, 2 or 5 times a power of ten, and the grid has 161 to 402 points and those
    marks that are no multiple of the step.

    Raises
    ------
    ValueError
        Ends that are all the same or no finite numbers: a posterior has some width.
    """
    known = [*ends, *marks]
    low, high = min(known), max(known)
    if not (isfinite(low) and isfinite(high) and low < high):
        raise ValueError("ends: finite numbers that differ")
    least = (high - low) / MOST
    power = 10.0 ** floor(log10(least))
    # The slack is for a step that rounding has made a hair too small.
    step = next(s * power for s in (1.0, 2.0, 5.0, 10.0) if s * power >= least * (1.0 - 1e-9))
    steps = np.arange(floor(low / step + 1e-9), ceil(high / step - 1e-9) + 1)
    digits = max(0, 2 - floor(log10(step)))
    values = {round(float(x), digits) + 0.0 for x in steps * step}
    return np.array(sorted(values | {float(mark) for mark in marks}))


def drawn_threshold_rows(
    fits: "Sequence[tuple[Label, Effects]]", analysis: FittedAnalysis, *, model_scale: str
) -> list[ThresholdRow]:
    """The pooled effects and a new authority's above each threshold, from draws.

    Effects by year since settling-in are given on the risk scale alone.

    Parameters
    ----------
    fits
        The fits of one variant under each effect prior, with what their rows are labelled by.
    model_scale
        The scale that the effect priors are on.
    """
    rows: list[ThresholdRow] = []
    asked = fits[0][1].choose(_is_asked)
    for question in asked:
        drawn = [answers[question].transpose("chain", "draw") for _, answers in fits]
        thresholds = grid(
            [
                *(e for draws in drawn for e in _roomy_ends(np.quantile(draws, [TAIL, 1 - TAIL]))),
                *(_prior_ends(analysis) if question.scale == model_scale else ()),
            ],
            marks=_marks(analysis, question.scale),
        )
        for (label, _), draws in zip(fits, drawn, strict=True):
            above, mcse = _exceeding(draws, thresholds)
            rows += _rows(question, label, thresholds, above, mcse)
    return rows


def exact_threshold_rows(
    fits: "Sequence[tuple[PrintedPosterior, str]]",
) -> list[ThresholdRow]:
    """The effect behind printed rows above each threshold, on each of its scales.

    Parameters
    ----------
    fits
        Posteriors under every prior and reading, each with its status.
    """
    rows: list[ThresholdRow] = []
    for reading in dict.fromkeys(post.reading.name for post, _ in fits):
        own = [(post, status) for post, status in fits if post.reading.name == reading]
        for scale in scales(own[0][0]):
            analysis = own[0][0].analysis
            design = analysis.design
            ends = [
                end
                for post, _ in own
                for end in _roomy_ends(effect_on(post, scale).quantile([TAIL, 1 - TAIL]))
            ]
            ends += _prior_ends(analysis) if scale == design.scale else []
            thresholds = grid(ends, marks=_marks(analysis, scale))
            bounds = [on_design_scale(float(x), scale, design) for x in thresholds]
            question = Estimand(role=PRINTED, scale=scale)
            for post, status in own:
                above = np.clip(1.0 - post.effect.cdf(bounds), 0.0, 1.0)  # sums of rounded numbers
                label = label_of(post, status=status)
                rows += _rows(question, label, thresholds, above, np.zeros_like(above))
    return rows


def _is_asked(question: Estimand) -> bool:
    if question.target not in (POOLED, NEW) or not question.is_effect:
        return False
    return question.is_of_risk or (question.role != IN_YEAR and question.scale in NO_EFFECT)


def _roomy_ends(ends: Floats) -> tuple[float, float]:
    low, high = (float(end) for end in ends)
    room = ROOM * (high - low)
    return low - room, high + room


def _prior_ends(analysis: FittedAnalysis) -> list[float]:
    """What holds most of each effect prior, on the priors' scale."""
    priors = analysis.effect_priors.values()
    return [prior.mean + z * prior.sd for prior in priors for z in (-PRIOR_REACH, PRIOR_REACH)]


def _marks(analysis: FittedAnalysis, scale: str) -> list[float]:
    """What a grid on a scale must hold: no effect, and the bounds of the statements."""
    none = [value for name, value in NO_EFFECT.items() if name == scale]
    claims = [claim for claim in analysis.estimands.claims if claim.scale == scale]
    return none + [bound for claim in claims for bound in _bounds(claim)]


def _bounds(claim: Statement) -> tuple[float, ...]:
    if claim.within is not None:
        return claim.within
    return tuple(bound for bound in (claim.above, claim.below) if bound is not None)


def _exceeding(draws: "xr.DataArray", thresholds: Floats) -> tuple[Floats, Floats]:
    """The share of draws above each threshold, and its Monte Carlo error."""
    import arviz_stats as azs
    import xarray as xr

    points = xr.DataArray(thresholds, dims="threshold")
    truth = (draws > points).astype(np.float64)
    above = truth.mean(["chain", "draw"]).to_numpy()
    mcse = np.full(len(thresholds), np.nan)
    differ = (above > 0.0) & (above < 1.0)
    mcse[differ] = azs.mcse(truth.isel(threshold=differ)).to_numpy()
    return above, mcse


def _rows(
    question: Estimand, label: Label, thresholds: Floats, above: Floats, mcse: Floats
) -> list[ThresholdRow]:
    return [
        ThresholdRow(
            **columns_of(question, label),
            threshold=float(x),
            above=float(p),
            mcse=float(error),
        )
        for x, p, error in zip(thresholds, above, mcse, strict=True)
    ]
