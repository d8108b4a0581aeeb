"""The pilots' rate by year, observed and predicted without the effect (Figures 1 and 2)."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from sofs_bayes.frequentist.did import DidFit
from sofs_bayes.frequentist.term import effect_terms
from sofs_bayes.frequentist.terms import design, kept_rows
from sofs_bayes.spec import ChildrenAnalysis, Regression

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class YearRate:
    """Weighted rates of a financial year.

    Parameters
    ----------
    period
        `post` if most of the pilots' rows are after settling-in, else `pre`.
    observed, comparators
        Weighted share with the outcome; NaN without rows.
    counterfactual, lower, upper
        The mean prediction for the pilots' rows with the effect at 0, and its interval; NaN
        before settling-in, where there is no effect to be left out, and of a fit without errors.
    """

    year: int
    period: str
    pilots: int
    observed: float
    comparators: float
    counterfactual: float
    lower: float
    upper: float
    level: float


def counterfactual_rates(
    fitted: DidFit,
    matched: pd.DataFrame,
    analysis: ChildrenAnalysis,
    regression: Regression,
    *,
    level: float = 0.95,
) -> tuple[YearRate, ...]:
    """By year: the pilots' rate, the comparators', and the pilots' without the effect.

    The counterfactual rate is the weighted mean over the pilots' rows after settling-in of the
    prediction with the effect's terms at 0; its interval is by the delta method from the
    fit's covariance, on the probability scale.

    Parameters
    ----------
    fitted
        Of this regression to these rows. Where values were imputed, `matched` is one of the
        completed tables.
    """
    kept = kept_rows(matched, regression)
    numbers = design(matched, analysis, regression)
    terms = numbers.terms.to_numpy(copy=True)
    terms[:, [fitted.terms.index(name) for name in effect_terms(fitted.terms)]] = 0.0
    pilot, post = (kept[name].to_numpy() == 1 for name in ("pilot", "post"))
    year, group = kept["year"].to_numpy(), kept["group"].to_numpy()
    rows = []
    for each in analysis.records.years:
        here = year == each
        if not here.any():
            continue
        is_post = 2 * int((here & pilot & post).sum()) > int((here & pilot).sum())
        treated = here & pilot & (post == is_post)
        without = (math.nan,) * 3
        if is_post and np.isfinite(fitted.covariance).all():
            without = _prediction(fitted, terms[treated], numbers.weights[treated], level)
        rows.append(
            YearRate(
                year=each,
                period="post" if is_post else "pre",
                pilots=len(set(group[treated])),
                observed=_rate(numbers.outcome, numbers.weights, treated),
                comparators=_rate(numbers.outcome, numbers.weights, here & ~pilot),
                counterfactual=without[0],
                lower=without[1],
                upper=without[2],
                level=level,
            )
        )
    return tuple(rows)


def _prediction(
    fitted: DidFit, terms: Floats, weights: Floats, level: float
) -> tuple[float, float, float]:
    from scipy.special import expit, ndtri

    shares = weights / weights.sum()
    linear = terms @ fitted.coefficients
    if fitted.model == "linear":
        mean, gradient = float(shares @ linear), shares @ terms
    else:
        risk = expit(linear)
        mean, gradient = float(shares @ risk), (shares * risk * (1 - risk)) @ terms
    reach = float(ndtri((1 + level) / 2) * np.sqrt(gradient @ fitted.covariance @ gradient))
    return mean, mean - reach, mean + reach


def _rate(outcome: Floats, weights: Floats, chosen: npt.NDArray[np.bool_]) -> float:
    total = float(weights[chosen].sum())
    return float((weights * outcome)[chosen].sum()) / total if total else math.nan
