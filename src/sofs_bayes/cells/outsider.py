"""What someone outside may know beside the released cells: totals, and overlaps of groups."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from sofs_bayes.cells.bounds import Flags, Floats, Hidden, Sparse, Table
from sofs_bayes.cells.dataset import Cells
from sofs_bayes.cells.rules import Rule, Small, few

WEIGHTS = "pilots by group and period, from comparators' weights"


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Totals that may be known elsewhere: which patterns each is over, and what it is by."""

    over: Sparse
    by: tuple[str, ...]


def known_totals(by: tuple[str, ...], covariates: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """The totals that count as known elsewhere, by default.

    All referrals; by authority; by year; by arm before and after. If covariates are told
    apart also by each of them, and by cell.
    """
    plain = ((), ("authority",), ("year",), ("pilot", "post"))
    return (*plain, *((name,) for name in covariates), *((by,) if covariates else ()))


def totals_of(cells: Cells, rule: Rule) -> Totals:
    """The totals that may be known elsewhere.

    The last are the pilots' counts by group and period (and covariates): comparators are
    weighted to them, so that the sums of their weights tell.
    """
    names = {*cells.by, *cells.covariates}
    kinds = rule.totals if rule.totals is not None else known_totals(cells.by, cells.covariates)
    wanted = dict.fromkeys(kind for kind in kinds if set(kind) < names)
    blocks = [_over(_numbered(cells, kind)) for kind in wanted]
    labels = [
        " × ".join(kind) or "all referrals"
        for kind, block in zip(wanted, blocks, strict=True)
        for _ in range(block.shape[0])
    ]
    pilots = _over(weighted_alike(cells)) @ sp.diags_array(cells.patterns["pilot"].values * 1.0)
    pilots = pilots.tocsr()[np.asarray(pilots.sum(axis=1)).ravel() > 0]
    return Totals(
        over=sp.vstack([*blocks, pilots]).tocsr(), by=(*labels, *[WEIGHTS] * pilots.shape[0])
    )


def weighted_alike(cells: Cells) -> npt.NDArray[np.int64]:
    """The group, period and covariates of each pattern, as a number."""
    return _numbered(cells, ("group", "post", *cells.covariates))


def _numbered(cells: Cells, names: tuple[str, ...]) -> npt.NDArray[np.int64]:
    count = cells.patterns.sizes["pattern"]
    if not names:
        return np.zeros(count, dtype=np.int64)
    columns = pd.DataFrame({name: cells.patterns[name].values for name in names})
    return columns.groupby(list(names), dropna=False).ngroup().to_numpy().astype(np.int64)


def _over(place: npt.NDArray[np.int64]) -> Sparse:
    count = len(place)
    ones = (np.ones(count), (place, np.arange(count)))
    return sp.csr_array(ones, shape=(int(place.max()) + 1, count))


def table_of(cells: Cells, totals: Totals, small: Small, rule: Rule) -> Table:
    """The counts by parts, and which totals count as known.

    A total is no secret worth assuming known where it is itself too small to be published: of
    fewer referrals, events or non-events than the threshold, too small to leave its patterns
    uncertain, or over a single pattern that is too small.
    """
    n, events = (cells.patterns[name].values.astype(float) for name in ("n", "events"))
    parts, part_n, part_events = _parts(cells, n, events)
    over = totals.over
    of_n, of_events = over @ n, over @ events
    patterns = np.asarray(over.sum(axis=1)).ravel()
    alone = patterns == 1
    any_small = small.n | small.events | small.others
    n_known = (of_n - patterns >= rule.threshold) & ~(alone & (over @ small.n > 0))
    enough = (of_events >= rule.threshold) & (of_n - of_events >= rule.threshold)
    by_weights = np.array([by == WEIGHTS for by in totals.by])
    return Table(
        parts=parts,
        events=part_events,
        others=part_n - part_events,
        totals=over,
        n_known=n_known,
        events_known=n_known & enough & ~(alone & (over @ any_small > 0)) & ~by_weights,
    )


def _parts(cells: Cells, n: Floats, events: Floats) -> tuple[Sparse, Floats, Floats]:
    """Which parts make up a pattern, and the parts' counts and events.

    First the sets of referrals that stand in several patterns, then what is left of each.
    """
    overlaps = cells.overlaps
    if overlaps is None:
        raise ValueError("cells without overlaps")
    sets, count = overlaps.sizes["set"], len(n)
    place = (overlaps["of_pattern"].values, overlaps["of_set"].values)
    shared = sp.csr_array((np.ones(len(place[0])), place), shape=(count, sets))
    left_n = n - shared @ overlaps["n"].values
    left_events = events - shared @ overlaps["events"].values
    own = np.flatnonzero(left_n)
    alone: Sparse = sp.eye_array(count).tocsc()
    parts: Sparse = sp.hstack([shared, alone[:, own]])
    return (
        parts.tocsr(),
        np.concatenate([overlaps["n"].values, left_n[own]]).astype(float),
        np.concatenate([overlaps["events"].values, left_events[own]]).astype(float),
    )


def sensitive_parts(table: Table, rule: Rule) -> Flags:
    """Small counts, events and non-events of parts of overlapping groups, shape (3, parts)."""
    several = np.asarray(table.parts.sum(axis=1)).ravel() > 1
    overlapping = np.asarray(table.parts.T @ several.astype(float)) > 0
    counts: Any = (
        table.events + table.others < rule.threshold,
        few(table.events, rule),
        few(table.others, rule),
    )
    return np.array([flags & overlapping for flags in counts])


def telling_weights(cells: Cells, table: Table, totals: Totals, hidden: Hidden) -> Flags:
    """Comparators' patterns whose weights would tell a pilot's suppressed count.

    They do where the pilots' count in the group and period is hidden and too small a total to
    count as known.
    """
    unknown = np.array([by == WEIGHTS for by in totals.by]) & ~table.n_known
    pilots = np.asarray(totals.over[unknown].sum(axis=0)).ravel() > 0
    alike = weighted_alike(cells)
    told = np.isin(alike, alike[pilots & hidden.n])
    comparators: Flags = cells.patterns["pilot"].values == 0
    return told & comparators
