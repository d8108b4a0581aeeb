"""Effects → how far pooling moved each pilot's."""

import numpy as np
import xarray as xr

from sofs_bayes.estimands.effects import Effects, half_of, interval_of
from sofs_bayes.estimands.rows import ShrinkageRow
from sofs_bayes.spec import Estimands
from sofs_bayes.spec.keys import AFTER, NEW, POOLED, Estimand


def shrinkage_rows(pooled: Effects, unpooled: Effects, estimands: Estimands) -> list[ShrinkageRow]:
    """Each pilot's effect after settling-in, by itself and partially pooled.

    On the risk scale and, where there is one, in log-odds.

    Parameters
    ----------
    pooled, unpooled
        `did_effects` of fits with pilots partially pooled, and with no pooling; pilots
        that only one of them has are left out.
    estimands
        The interval's kind and level.
    """
    alone, both = dict(unpooled), set(unpooled)
    return [
        _shrinkage(question, partial, dict(pooled), alone[question], estimands)
        for question, partial in pooled.choose(_of_pilot).items()
        if question in both
    ]


def _of_pilot(question: Estimand) -> bool:
    single = question.role == AFTER and question.target not in (POOLED, NEW)
    return single and (question.is_of_risk or question.scale == "log-odds")


def _shrinkage(
    question: Estimand,
    partial: xr.DataArray,
    answers: dict[Estimand, xr.DataArray],
    unpooled: xr.DataArray,
    estimands: Estimands,
) -> ShrinkageRow:
    import arviz_stats as azs

    pooled = answers[Estimand(role=AFTER, scale=question.scale)]
    alone, together = float(unpooled.median()), float(pooled.median())
    error = np.hypot(azs.mcse(unpooled, method="median"), azs.mcse(pooled, method="median"))
    apart = abs(alone - together) > float(error)
    lower, upper = interval_of(partial, estimands)
    unpooled_lower, unpooled_upper = interval_of(unpooled, estimands)
    halves = [float(end) for each in (unpooled, partial) for end in half_of(each, estimands)]
    median = float(partial.median())
    return ShrinkageRow(
        target=question.target,
        scale=question.scale,
        unpooled_median=alone,
        unpooled_lower=float(unpooled_lower),
        unpooled_upper=float(unpooled_upper),
        median=median,
        lower=float(lower),
        upper=float(upper),
        pooled_median=together,
        shrinkage=(alone - median) / (alone - together) if apart else float("nan"),
        level=estimands.level,
        interval=estimands.interval,
        unpooled_lower_50=halves[0],
        unpooled_upper_50=halves[1],
        lower_50=halves[2],
        upper_50=halves[3],
    )
