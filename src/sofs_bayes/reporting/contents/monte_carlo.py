"""Runs → how exactly their draws tell the numbers of a table."""

import math
from collections.abc import Iterable, Mapping, Sequence

from sofs_bayes.estimands import EffectRow
from sofs_bayes.estimands.rows import MonteCarloRow
from sofs_bayes.reporting.run_folder import Run

NAN = float("nan")
MAIN = "main"
ERRORS_OF: Mapping[str, str] = {
    "median": "mcse_median",
    "lower": "mcse_lower",
    "upper": "mcse_upper",
}


def first_prior(run: Run) -> str:
    """The effect prior that stands first in an analysis: that of its refits and checks."""
    return next(iter(run.analysis.effect_priors))


def monte_carlo(run: Run, row: EffectRow) -> MonteCarloRow | None:
    """The Monte Carlo errors of an effect: known for the main fit under the first prior."""
    if (row.prior, row.variant) != (first_prior(run), MAIN) or "monte_carlo" not in run.extra:
        return None
    asked = (row.estimand, row.target, row.scale)
    rows: Iterable[MonteCarloRow] = run.extra["monte_carlo"][1]
    return next((r for r in rows if (r.estimand, r.target, r.scale) == asked), None)


def errors_of(run: Run, rows: Sequence[EffectRow]) -> dict[str, tuple[float, ...]]:
    """The Monte Carlo errors of medians and ends of intervals, by column; NaN if not known."""
    found = [monte_carlo(run, row) for row in rows]
    return {
        key: tuple(NAN if each is None else getattr(each, name) for each in found)
        for key, name in ERRORS_OF.items()
    }


def max_error(run: Run, row: EffectRow) -> float:
    """The largest Monte Carlo error of an effect's median and interval; NaN if none is known."""
    found = monte_carlo(run, row)
    if found is None:
        return NAN
    errors = [getattr(found, name) for name in ERRORS_OF.values()]
    return max((error for error in errors if not math.isnan(error)), default=NAN)


def known(errors: Mapping[str, Sequence[float]]) -> dict[str, tuple[float, ...]]:
    """The columns of errors of which at least one is known."""
    return {
        key: tuple(column)
        for key, column in errors.items()
        if not all(math.isnan(error) for error in column)
    }
