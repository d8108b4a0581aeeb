"""Effects → how far pooling moved each pilot's, and how exactly the draws tell them."""

from collections.abc import Iterator

import numpy as np
import xarray as xr

from sofs_bayes.estimands.contrasts import EFFECT
from sofs_bayes.estimands.drawn_rows import Answers, Estimand
from sofs_bayes.estimands.rows import NEW, POOLED, MonteCarloRow, ShrinkageRow
from sofs_bayes.spec import Estimands


def shrinkage_rows(
    pooled_answers: Answers, unpooled_answers: Answers, estimands: Estimands
) -> list[ShrinkageRow]:
    """Each pilot's effect after settling-in, by itself and partially pooled.

    On the risk scale and, where there is one, in log-odds.

    Parameters
    ----------
    pooled_answers, unpooled_answers
        `did_effects` of fits with pilots partially pooled, and with no pooling; pilots
        that only one of them has are left out.
    estimands
        The interval's kind and level.
    """
    return [
        _shrinkage(question, draws, pooled_answers, unpooled_answers[question], estimands)
        for question, draws in _pilots(pooled_answers)
        if question in unpooled_answers
    ]


def _pilots(answers: Answers) -> Iterator[tuple[Estimand, xr.DataArray]]:
    for question, draws in answers.items():
        of_pilot = question.estimand == EFFECT and question.target not in (POOLED, NEW)
        if of_pilot and question.scale in ("risk", "log-odds"):
            yield question, draws


def _shrinkage(
    question: Estimand,
    partial: xr.DataArray,
    answers: Answers,
    unpooled: xr.DataArray,
    estimands: Estimands,
) -> ShrinkageRow:
    import arviz_stats as azs

    pooled = answers[Estimand(estimand=EFFECT, target=POOLED, scale=question.scale)]
    alone, together = float(unpooled.median()), float(pooled.median())
    error = np.hypot(azs.mcse(unpooled, method="median"), azs.mcse(pooled, method="median"))
    apart = abs(alone - together) > float(error)
    lower, upper = _interval(partial, estimands)
    unpooled_lower, unpooled_upper = _interval(unpooled, estimands)
    median = float(partial.median())
    return ShrinkageRow(
        target=question.target,
        scale=question.scale,
        unpooled_median=alone,
        unpooled_lower=unpooled_lower,
        unpooled_upper=unpooled_upper,
        median=median,
        lower=lower,
        upper=upper,
        pooled_median=together,
        shrinkage=(alone - median) / (alone - together) if apart else float("nan"),
        level=estimands.level,
        interval=estimands.interval,
    )


def _interval(draws: xr.DataArray, estimands: Estimands) -> tuple[float, float]:
    import arviz_stats as azs

    bounds = {"eti": azs.eti, "hdi": azs.hdi}[estimands.interval](draws, prob=estimands.level)
    return float(bounds.sel(ci_bound="lower")), float(bounds.sel(ci_bound="upper"))


def monte_carlo_rows(answers: Answers, estimands: Estimands) -> list[MonteCarloRow]:
    """Monte Carlo standard errors of what `effect_rows` says of each answer."""
    import arviz_stats as azs

    tail = (1.0 - estimands.level) / 2.0
    rows = []
    for question, draws in answers.items():
        ends = [float("nan")] * 2
        if estimands.interval == "eti":
            ends = [float(azs.mcse(draws, method="quantile", prob=p)) for p in (tail, 1.0 - tail)]
        rows.append(
            MonteCarloRow(
                estimand=question.estimand,
                target=question.target,
                scale=question.scale,
                mcse_mean=float(azs.mcse(draws)),
                mcse_median=float(azs.mcse(draws, method="median")),
                mcse_lower=ends[0],
                mcse_upper=ends[1],
            )
        )
    return rows
