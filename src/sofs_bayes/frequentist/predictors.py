"""Imputation models: their predictors, and draws from them."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from sofs_bayes.errors import BadInput
from sofs_bayes.frequentist.estimation import is_separated, logistic_maximum
from sofs_bayes.frequentist.terms import (
    authority_terms,
    base_terms,
    child_terms,
    independent_columns,
)
from sofs_bayes.spec import ChildrenAnalysis

# How many observed referrals a number is drawn from, as in `mice`.
DONORS = 5

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def fixed_predictors(
    referrals: pd.DataFrame, analysis: ChildrenAnalysis, imputed: tuple[str, ...]
) -> Floats:
    """What is known of each referral, shape (referrals, predictors); the first is 1.

    Years, authorities, outcome, `treated` (a pilot's after settling-in), and the regressions'
    covariates but the imputed ones.
    """
    known = tuple(name for name in analysis.regressions.covariates if name not in imputed)
    others = replace(analysis, regressions=replace(analysis.regressions, covariates=known))
    blocks = [
        base_terms(referrals, analysis),
        authority_terms(referrals),
        referrals[["outcome", "treated"]],
        child_terms(referrals, others),
    ]
    return np.hstack([block.to_numpy(np.float64) for block in blocks])


def usable(predictors: Floats, level: Floats | None) -> Flags:
    """Which predictors a model of the observed referrals can have; shape (predictors,).

    Combinations of earlier ones are out, and with a `level` (0 or 1) to be imputed those that
    separate it.
    """
    kept = independent_columns(predictors, np.ones(len(predictors)))
    if level is not None:
        for column in np.flatnonzero(kept[1:]) + 1:
            kept[column] = not is_separated(predictors[:, column], level)
    return kept


def draw_number(values: Floats, seen: Floats, absent: Floats, rng: np.random.Generator) -> Floats:
    """Predictive mean matching: values for the absent referrals, shape (absent,).

    Coefficients are drawn from their posterior under a flat prior (van Buuren 2018, algorithms
    3.1 and 3.3, type 1 matching): a referral's mean under the draw is matched to the nearest
    `DONORS` fitted means of observed referrals, one of which gives its value.

    Parameters
    ----------
    values
        Of the observed referrals.
    seen, absent
        Predictors of the observed and of the other referrals; of the observed none is a
        combination of others.
    """
    left = len(values) - seen.shape[1]
    if left < 1:
        found = f"{len(values)} referrals to impute a number from"
        raise BadInput("matched referrals", "", found, f"more than {seen.shape[1]}")
    inverse = np.linalg.inv(seen.T @ seen)
    coefficients = inverse @ (seen.T @ values)
    means = seen @ coefficients
    variance = ((values - means) ** 2).sum() / rng.chisquare(left)
    root = np.sqrt(variance) * np.linalg.cholesky(inverse)
    drawn = coefficients + root @ rng.standard_normal(len(root))
    order = np.argsort(means, kind="stable")
    return values[order][_near(means[order], absent @ drawn, rng)]


def draw_level(level: Floats, seen: Floats, absent: Floats, rng: np.random.Generator) -> Flags:
    """Bayesian logistic regression: whether the absent referrals have a level, shape (absent,).

    Coefficients are drawn from the normal approximation to their posterior.

    Parameters
    ----------
    level
        0 or 1, of the observed referrals; both among them.
    seen, absent
        Predictors of the observed and of the other referrals; the first is 1, and of the
        observed none is a combination of others.
    """
    from scipy.special import expit

    solved = logistic_maximum(seen, level, np.ones(len(level)))
    if solved is None:
        found = "a level to be imputed whose logistic model has no maximum"
        raise BadInput("matched referrals", "", found, 'missing = "level"')
    root = np.linalg.cholesky(np.asarray(solved.cov_params()))
    drawn = np.asarray(solved.params) + root @ rng.standard_normal(len(root))
    flags: Flags = rng.random(len(absent)) < expit(absent @ drawn)
    return flags


def _near(means: Floats, wanted: Floats, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Positions in ascending `means`: for each wanted mean one of the nearest, at random."""
    count = min(DONORS, len(means))
    window = np.arange(-count, count)
    around = np.searchsorted(means, wanted)[:, None] + window
    inside = (around >= 0) & (around < len(means))
    away = np.abs(means[around.clip(0, len(means) - 1)] - wanted[:, None])
    nearest = np.argsort(np.where(inside, away, np.inf), axis=1, kind="stable")[:, :count]
    chosen = nearest[np.arange(len(wanted)), rng.integers(count, size=len(wanted))]
    return around[np.arange(len(wanted)), chosen]
