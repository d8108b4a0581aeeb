"""Suppressed and rounded counts → interval-censored counts of a binomial likelihood."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import gammaln, logsumexp

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

BOUNDS = ("n_low", "n_high", "events_low", "events_high")

# A count with more combinations than this is summed over a grid of numbers of children: the
# probability of its events hardly changes from one number to the next.
MOST_COMBINATIONS = 2000
MOST_NUMBERS = 40

# Counts are padded to the longest whose combinations are up to so many times as many.
ALIKE = 8

# The log prior of padding: nothing, yet a number, so that its gradient is one too.
IMPOSSIBLE = -1e30


@dataclass(frozen=True, slots=True, kw_only=True)
class Censored:
    """Counts that are only known to lie between bounds.

    Every number of children n between its bounds is equally likely before the outcome is seen,
    π(n); events y lie between theirs, and are at most n. With p the risk, a count adds

    weight · log Σ_n Σ_y π(n) Binomial(y; n, p)

    to the log likelihood. Where children of an event have another mean weight than all, their
    events are counted by the ratio of the two, as in a weighted likelihood.

    Attributes
    ----------
    cell, pattern
        Where a count stands, shape (counts,).
    weight
        Its scaled weight per child, shape (counts,).
    n, events
        What it may be, shape (counts, combinations); 0 in the padding.
    log_prior
        log π(n) and the log binomial coefficient, shape (counts, combinations).
    """

    cell: Integers
    pattern: Integers
    weight: Floats
    n: Floats
    events: Floats
    log_prior: Floats


def is_censored(frame: pd.DataFrame) -> Flags:
    """Which rows of counts have bounds that leave more than one possibility."""
    if "n_low" not in frame:
        return np.zeros(len(frame), dtype=np.bool_)
    n_low, n_high, events_low, events_high = (frame[name].to_numpy() for name in BOUNDS)
    flags: Flags = (n_low < n_high) | (events_low < events_high)
    return flags


def censored_counts(
    frame: pd.DataFrame, cell: Integers, pattern: Integers, n: Floats, events: Floats
) -> tuple[Censored, ...]:
    """Censored counts, those with about as many combinations together.

    Parameters
    ----------
    frame
        Counts completed by `released_cells.completed`: n and events in the middle of the bounds.
    cell, pattern
        Where they stand, shape (rows,).
    n, events
        Σw and Σwy with the scaled weights, at the middle, shape (rows,).
    """
    if not len(frame):
        return ()
    middle_n, middle_events = (frame[name].to_numpy(np.float64) for name in ("n", "events"))
    weight = n / middle_n
    per_event = events / np.where(middle_events > 0, middle_events, 1.0)
    relative = np.where(per_event > 0, per_event / weight, 1.0)
    found = [combinations(*map(int, row)) for row in frame[[*BOUNDS]].to_numpy(np.int64)]
    kind = np.ceil(np.log([len(numbers) for numbers, _, _ in found]) / np.log(ALIKE))
    blocks = []
    for rows in (np.flatnonzero(kind == k) for k in np.unique(kind)):
        numbers, possible, log_prior = _padded([found[i] for i in rows])
        blocks.append(
            Censored(
                cell=cell[rows],
                pattern=pattern[rows],
                weight=weight[rows],
                n=numbers,
                events=np.minimum(possible * relative[rows, None], numbers),
                log_prior=log_prior,
            )
        )
    return tuple(blocks)


def combinations(
    n_low: int, n_high: int, events_low: int, events_high: int
) -> tuple[Floats, Floats, Floats]:
    """The numbers of children and of events that bounds admit, and their log prior.

    Where there are more than `MOST_COMBINATIONS`, numbers of children are taken from an even
    grid of at most `MOST_NUMBERS`; events are never thinned.
    """
    numbers = np.arange(max(n_low, events_low), n_high + 1)
    most = np.minimum(numbers, events_high)
    if (most - events_low + 1).sum() > MOST_COMBINATIONS and len(numbers) > MOST_NUMBERS:
        numbers = np.unique(np.linspace(numbers[0], n_high, MOST_NUMBERS).round().astype(int))
        most = np.minimum(numbers, events_high)
    n = np.repeat(numbers, most - events_low + 1).astype(np.float64)
    events = np.concatenate([np.arange(events_low, high + 1) for high in most]).astype(np.float64)
    coefficient = gammaln(n + 1) - gammaln(events + 1) - gammaln(n - events + 1)
    return n, events, coefficient - np.log(len(numbers))


def _padded(found: list[tuple[Floats, Floats, Floats]]) -> tuple[Floats, Floats, Floats]:
    """Combinations of several counts, shape (counts, combinations)."""
    shape = (len(found), max(len(numbers) for numbers, _, _ in found))
    n, events, log_prior = np.zeros(shape), np.zeros(shape), np.full(shape, IMPOSSIBLE)
    for place, (numbers, possible, prior) in enumerate(found):
        used = slice(0, len(numbers))
        n[place, used], events[place, used], log_prior[place, used] = numbers, possible, prior
    return n, events, log_prior


def log_likelihood(counts: Censored, log_odds: Floats) -> float:
    """The log likelihood of censored counts, natural logarithm.

    Parameters
    ----------
    log_odds
        Of each count, shape (counts,).
    """
    at = log_odds[:, None]
    each = counts.log_prior + counts.events * at - counts.n * np.logaddexp(0.0, at)
    return float(counts.weight @ logsumexp(each, axis=1))


def share_known(frame: pd.DataFrame) -> Floats:
    """How much of an exact count's curvature is left, about: 1 for exact ones, shape (rows,).

    The uncertainty of events between bounds is added to that of a binomial. It guides the
    sampler; no result depends on it.
    """
    if "n_low" not in frame:
        return np.ones(len(frame))
    n, events = (frame[name].to_numpy(np.float64) for name in ("n", "events"))
    n_low, n_high, events_low, events_high = (frame[name].to_numpy(float) for name in BOUNDS)
    risk = (events + 0.5) / (n + 1)
    binomial = n * risk * (1 - risk)
    bounds = ((events_high - events_low) ** 2 + risk**2 * (n_high - n_low) ** 2) / 12
    known: Floats = binomial / (binomial + bounds)
    return known


ARRAYS = ("cell", "pattern", "weight", "n", "events", "log_prior")


def censored_arrays(blocks: Sequence[Censored], *, patterns: bool) -> dict[str, npt.NDArray[Any]]:
    """Censored counts as the data of a graph, with their patterns or without."""
    return {
        f"censored_{name}_{i}": getattr(block, name)
        for i, block in enumerate(blocks)
        for name in ARRAYS
        if patterns or name != "pattern"
    }


def censored_terms(given: Mapping[str, Any], of_cell: Any, of_pattern: Any) -> Any:
    """The log likelihood of a graph's censored counts, from log-odds by cell and by pattern.

    `of_pattern` is None where there are no children's terms.
    """
    import pytensor.tensor as pt

    total: Any = 0.0
    for i in range(sum(name.startswith("censored_weight_") for name in given)):
        block = {name: given.get(f"censored_{name}_{i}") for name in ARRAYS}
        at = of_cell[block["cell"]][:, None]
        if of_pattern is not None:
            at += of_pattern[block["pattern"]][:, None]
        each = block["log_prior"] + block["events"] * at - block["n"] * pt.softplus(at)
        most = each.max(axis=1, keepdims=True)
        summed = pt.log(pt.exp(each - most).sum(axis=1)) + most[:, 0]
        total += (block["weight"] * summed).sum()
    return total
