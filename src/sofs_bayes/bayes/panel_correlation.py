"""A panel of places like a study's → a prior of the correlation before and after.

Of every window of as many years as the study has, the authorities' means before and after have a
correlation, free of the children's chance where that is known. Their mean is the prior's; its
spread is that of a correlation from so many authorities, and of the windows.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from sofs_bayes.bayes.distributions import Array
from sofs_bayes.errors import BadInput
from sofs_bayes.records.value_panel import ValuePanel
from sofs_bayes.spec import Beta

FEWEST = 5  # authorities that are complete in a window
NEAR = 0.01  # nearer to 0 or 1 no prior lies
LARGEST = 200.0  # parameter of a beta prior


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The correlation of authorities' means before and after, of one window of years."""

    first_year: int
    last_year: int
    authorities: int
    correlation: float


def windows(panel: ValuePanel, *, before: int, between: int, after: int) -> tuple[Window, ...]:
    """Every window of a panel in which authorities differ by more than the children's chance.

    Parameters
    ----------
    before, between, after
        Years averaged, left out, and averaged.

    Raises
    ------
    BadInput
        No window has enough authorities that are complete in it.
    """
    length = before + between + after
    found = []
    for start in range(len(panel.years) - length + 1):
        one = slice(start, start + before), slice(start + before + between, start + length)
        complete = np.isfinite(panel.values[:, one[0]]).all(axis=1)
        complete &= np.isfinite(panel.values[:, one[1]]).all(axis=1)
        if complete.sum() < FEWEST:
            continue
        halves = [(panel.values[complete, h], panel.chance[complete, h]) for h in one]
        value = _correlation(*halves)
        if value is not None:
            first = panel.years[start]
            found.append(
                Window(
                    first_year=first,
                    last_year=first + length - 1,
                    authorities=int(complete.sum()),
                    correlation=value,
                )
            )
    if not found:
        allowed = f"{length} years in a row with {FEWEST} authorities or more that differ"
        raise BadInput(panel.called, "", "no window of years", allowed)
    return tuple(found)


def _correlation(before: tuple[Array, Array], after: tuple[Array, Array]) -> float | None:
    """Of the means of two periods, without the chance in their variances; None if none is left."""
    means = [values.mean(axis=1) for values, _ in (before, after)]
    left = [
        float(mean.var(ddof=1) - chance.mean() / chance.shape[1])
        for mean, (_, chance) in zip(means, (before, after), strict=True)
    ]
    if min(left) <= 0:
        return None
    together = float(np.cov(means[0], means[1])[0, 1])
    return min(max(together / sqrt(left[0] * left[1]), -1.0), 1.0)


def correlation_prior(
    found: tuple[Window, ...], *, called: str, before: int, between: int, after: int
) -> Beta:
    """The beta prior with the mean and the spread of some windows' correlations."""
    each = [window.correlation for window in found]
    mean = min(max(float(np.mean(each)), NEAR), 1 - NEAR)
    authorities = min(window.authorities for window in found)
    spread = float(np.std(each, ddof=1)) if len(each) > 1 else 0.0
    variance = (1 - mean**2) ** 2 / (authorities - 3) + spread**2
    size = max(mean * (1 - mean) / variance - 1, 1.0)
    size = min(size, LARGEST / max(mean, 1 - mean))
    years = f"{before} and {after} years" + (f", {between} between" if between else "")
    why = (
        f"Of {authorities} authorities, {called}, {found[0].first_year} to {found[-1].last_year}:"
        f" {np.mean(each):.2f} on average over {len(found)} windows of {years}."
    )
    return Beta(a=round(mean * size, 2), b=round((1 - mean) * size, 2), why=why)
