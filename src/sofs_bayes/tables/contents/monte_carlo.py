"""Runs → how exactly their draws tell the numbers of a table."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from sofs_bayes.estimands import EffectRow
from sofs_bayes.estimands.rows import MonteCarloRow
from sofs_bayes.runs.run_folder import Run

NAN = float("nan")
ERRORS_OF: Mapping[str, str] = {
    "median": "mcse_median",
    "lower": "mcse_lower",
    "upper": "mcse_upper",
}


def monte_carlo(run: Run, row: EffectRow) -> MonteCarloRow | None:
    """The Monte Carlo errors of an effect.

    They are stored for the main fit under the first prior. The run's other fits have as many
    draws, so theirs are in proportion to the posteriors' standard deviations; that is exact
    enough for the number of digits.
    """
    found = next((r for r in run.rows(MonteCarloRow) if r.estimand == row.estimand), None)
    own = (run.prior, "main")
    if found is None or (row.prior, row.kind) == own:
        return found
    mains = (r for r in run.effects if r.estimand == row.estimand)
    main = next((r for r in mains if (r.prior, r.kind) == own), None)
    if main is None or not main.sd > 0:
        return None
    return replace(
        found,
        mcse_mean=found.mcse_mean * row.sd / main.sd,
        mcse_median=found.mcse_median * row.sd / main.sd,
        mcse_lower=found.mcse_lower * row.sd / main.sd,
        mcse_upper=found.mcse_upper * row.sd / main.sd,
    )


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
