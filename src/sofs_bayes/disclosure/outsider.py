"""What someone outside may know beside the released cells: totals, and overlaps of groups."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp
import xarray as xr

from sofs_bayes.cells.dataset import Cells
from sofs_bayes.disclosure.arm_counts import ArmCount, hidden_counts
from sofs_bayes.disclosure.authorities import PERIODS, Size, authorities
from sofs_bayes.disclosure.rules import OutputRule
from sofs_bayes.disclosure.search import Entries, Flags, Floats, Sparse

WEIGHTS = "pilots by group and period, from comparators' weights"
ARMS = ("comparator", "pilot")

# Whose weights are those of the same strata, where covariates are the same.
WEIGHED = ("group", "pilot", "post")

# Sums over a pattern's rows, and over those with an event, from which numbers by weight follow.
SUMS_OF_ROWS, SUMS_OF_EVENTS = 3, 2
WEIGHT_DECIMALS = 9  # of weights that are the same

# What is asked about a pattern or a part.
COUNT, EVENTS, OTHERS = range(3)

# Hiding a whole count costs so many times what hiding the events alone does.
COUNT_COST = 4.0

# Totals that runs show: of arms by year, and of authorities (in their largest group) by period.
ARM_YEAR, ARM_PERIOD = ("pilot", "year"), ("pilot", "post")
AUTHORITY_YEAR, AUTHORITY_PERIOD = ("group", "authority", "year"), ("group", "authority", "post")
OF_MATCHING = ("group", "pilot", "post")


@dataclass(frozen=True, slots=True, kw_only=True)
class Small:
    """Patterns with too few children, with too few who have an event, or who have none."""

    n: Flags
    events: Flags
    others: Flags


def small_counts(cells: Cells, rule: OutputRule) -> Small:
    """Which patterns have too few children, given the numbers of different children."""
    of = cells.patterns
    return Small(
        n=of["children"].values < rule.threshold,
        events=rule.few(of["children_with_event"].values),
        others=rule.few(of["children_without_event"].values),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Totals that may be known elsewhere.

    Attributes
    ----------
    over
        Which patterns each is over, shape (totals, patterns).
    by
        What each is by.
    n_known, events_known
        Whether its count, and its events, count as known to an outsider.
    """

    over: Sparse
    by: tuple[str, ...]
    n_known: Flags
    events_known: Flags


def known_totals(by: tuple[str, ...], covariates: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """The totals that count as known elsewhere, by default.

    All referrals; by authority; by year; all that runs show (arms by year and by period,
    authorities by period) and that matching shows (groups by arm and period). If covariates are
    told apart also by each of them, in each arm and period, and by cell.
    """
    of_runs = (ARM_YEAR, ARM_PERIOD, AUTHORITY_YEAR, AUTHORITY_PERIOD)
    plain = ((), ("authority",), ("year",), *of_runs, OF_MATCHING)
    each = ((name,) for name in covariates)
    in_arms = ((*ARM_PERIOD, name) for name in covariates)
    return (*plain, *each, *in_arms, *((by,) if covariates else ()))


def totals_of(
    cells: Cells, rule: OutputRule, small: Small, *, unknown_arms: frozenset[tuple[str, str]]
) -> Totals:
    """The totals that may be known elsewhere.

    The last are the pilots' counts by group and period (and covariates): comparators are
    weighted to them, so that the sums of their weights tell. A total is no secret worth assuming
    known where it is itself too small to be published: of fewer referrals, events or non-events
    than the threshold, too small to leave its patterns uncertain, or over a single pattern that
    is too small.

    Parameters
    ----------
    unknown_arms
        Years and periods of arms that no run shows: see `arm_counts`.
    """
    names = {*cells.by, *cells.covariates}
    kinds = rule.totals if rule.totals is not None else known_totals(cells.by, cells.covariates)
    wanted = [kind for kind in dict.fromkeys(kinds) if set(kind) < names]
    pilots = _over(weighted_alike(cells)) @ sp.diags_array(cells.patterns["pilot"].values * 1.0)
    pilots = pilots.tocsr()[np.asarray(pilots.sum(axis=1)).ravel() > 0]
    shown = [_known(cells, kind, rule, small, unknown_arms) for kind in wanted]
    n, _ = _sure(cells, pilots, rule, small)
    return Totals(
        over=sp.vstack([*(_over(numbered(cells, kind)) for kind in wanted), pilots]).tocsr(),
        by=(
            *(
                " × ".join(kind) or "all referrals"
                for kind, (known, _) in zip(wanted, shown, strict=True)
                for _ in known
            ),
            *[WEIGHTS] * len(n),
        ),
        n_known=np.concatenate([*(known for known, _ in shown), n]),
        events_known=np.concatenate([*(events for _, events in shown), np.zeros_like(n)]),
    )


def _sure(cells: Cells, over: Sparse, rule: OutputRule, small: Small) -> tuple[Flags, Flags]:
    """Totals that are large enough to be assumed known: their counts, and their events."""
    n, events = (over @ cells.patterns[name].values.astype(float) for name in ("n", "events"))
    patterns = np.asarray(over.sum(axis=1)).ravel()
    alone = patterns == 1
    any_small = small.n | small.events | small.others
    n_known = (n - patterns >= rule.threshold) & ~(alone & (over @ small.n > 0))
    enough = (events >= rule.threshold) & (n - events >= rule.threshold)
    return n_known, n_known & enough & ~(alone & (over @ any_small > 0))


def _known(
    cells: Cells,
    kind: tuple[str, ...],
    rule: OutputRule,
    small: Small,
    unknown_arms: frozenset[tuple[str, str]],
) -> tuple[Flags, Flags]:
    """Which totals of a kind are known: their counts, and their events."""
    place = numbered(cells, kind)
    over = _over(place)
    n, events = _sure(cells, over, rule, small)
    if kind in (ARM_YEAR, ARM_PERIOD):
        first = np.unique(place, return_index=True)[1]
        names = _arm_names(cells.patterns, kind)
        hidden = np.array([names[i] in unknown_arms for i in first], dtype=bool)
        return n & ~hidden, events & ~hidden
    if kind in (AUTHORITY_YEAR, AUTHORITY_PERIOD):  # runs show all of them, or none
        if unknown_arms or not authorities(sizes_of(cells), rule).all_large:
            return np.zeros_like(n), np.zeros_like(n)
        return n & _largest(cells, kind, "n"), events & _largest(cells, kind, "events")
    if kind == OF_MATCHING or (len(kind) == 3 and kind[:2] == ARM_PERIOD):
        return _with_companions(cells, kind, over, n), np.zeros_like(events)
    return n, events


def _largest(cells: Cells, kind: tuple[str, ...], name: str) -> Flags:
    """Which groups have most of an authority's referrals, or events, in a period or year."""
    own = numbered(cells, kind)
    place = numbered(cells, kind[1:])[np.unique(own, return_index=True)[1]]
    values = pd.Series(_over(own) @ cells.patterns[name].values.astype(float))
    return np.asarray(values == values.groupby(place).transform("max"))


def _arm_names(patterns: xr.Dataset, kind: tuple[str, ...]) -> list[tuple[str, str]]:
    """The arm and the year, or period, of each pattern, as runs name them."""
    pilot, second = (patterns[name].values for name in kind)
    names = {0: PERIODS[0], 1: PERIODS[1]} if kind == ARM_PERIOD else {}
    return [
        (ARMS[int(arm)], names.get(int(code), str(int(code))))
        for arm, code in zip(pilot, second, strict=True)
    ]


def _with_companions(cells: Cells, kind: tuple[str, ...], over: Sparse, known: Flags) -> Flags:
    """The known ones without the smallest of an arm and period of which another is unknown."""
    place = numbered(cells, ARM_PERIOD)
    parent = place[np.unique(numbered(cells, kind), return_index=True)[1]]
    n = over @ cells.patterns["n"].values.astype(float)
    known = known.copy()
    for each in np.unique(parent[~known]):
        left = np.flatnonzero((parent == each) & known)
        if len(left):
            known[left[np.argmin(n[left])]] = False
    return known


def arms_of(patterns: xr.Dataset) -> tuple[ArmCount, ...]:
    """Rows and events of each arm by year, before and after, as a run shows them."""
    found: dict[tuple[str, str], list[float]] = {}
    kinds = (ARM_YEAR, ARM_PERIOD) if "year" in patterns else (ARM_PERIOD,)
    counts = [patterns[name].values.astype(float) for name in ("n", "events")]
    for kind in kinds:
        for key, n, events in zip(_arm_names(patterns, kind), *counts, strict=True):
            own = found.setdefault(key, [0.0, 0.0])
            own[0], own[1] = own[0] + n, own[1] + events
    return tuple(
        ArmCount(arm=arm, year=year, children=round(n), events=round(events), exact=True)
        for (arm, year), (n, events) in found.items()
    )


def sizes_of(cells: Cells) -> tuple[Size, ...]:
    """Referrals and events of each authority by period and year, in the group with most."""
    kinds = [kind for kind in (AUTHORITY_PERIOD, AUTHORITY_YEAR) if kind[-1] in cells.patterns]
    found = []
    for kind in kinds:
        names = (*kind, "n", "events")
        frame = pd.DataFrame({name: cells.patterns[name].values for name in names})
        most = frame.groupby(list(kind)).sum().groupby(level=list(kind[1:])).max()
        found += [
            Size(
                authority=str(cells.patterns["authority_label"].values[code]),
                period=PERIODS[int(when)] if kind == AUTHORITY_PERIOD else str(int(when)),
                referrals=int(n),
                events=int(events),
            )
            for (code, when), n, events in most.itertuples()
        ]
    return tuple(found)


def unknown_arms(
    cells: Cells, rule: OutputRule, earlier: Sequence[Sequence[ArmCount]] = ()
) -> frozenset[tuple[str, str]]:
    """Years and periods of arms that a run of the same children does not show.

    None where the custodian says which totals are known.
    """
    if rule.totals is not None:
        return frozenset()
    return hidden_counts(arms_of(cells.patterns), rule, contributions={}, earlier=earlier).keys


def weighted_alike(cells: Cells) -> npt.NDArray[np.int64]:
    """The group, period and covariates of each pattern, as a number."""
    return numbered(cells, ("group", "post", *cells.covariates))


def numbered(cells: Cells, names: tuple[str, ...]) -> npt.NDArray[np.int64]:
    """Patterns that agree in some keys and covariates, as a number."""
    count = cells.patterns.sizes["pattern"]
    if not names:
        return np.zeros(count, dtype=np.int64)
    columns = pd.DataFrame({name: cells.patterns[name].values for name in names})
    return columns.groupby(list(names), dropna=False).ngroup().to_numpy().astype(np.int64)


def _over(place: npt.NDArray[np.int64]) -> Sparse:
    count = len(place)
    ones = (np.ones(count), (place, np.arange(count)))
    return sp.csr_array(ones, shape=(int(place.max()) + 1, count))


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Cells as entries of one table.

    Referrals are sorted into parts: all that stand in the same patterns (one, or several of
    different groups). A pattern's count is the sum of its parts, so that differences between
    overlapping groups are covered as well as those between a total and its patterns. Unknowns
    are the events, then the non-events of each part. Entries are events, counts and non-events of
    the patterns (in this order), then what is known or must stay unknown besides.

    Attributes
    ----------
    table
        The entries.
    targets
        Those that are too small.
    parts
        Small counts, events and non-events of parts of overlapping groups, shape (3, parts).
    """

    table: Entries
    targets: Flags
    parts: Flags


def judged(cells: Cells, totals: Totals, small: Small, rule: OutputRule) -> Judged:
    """The counts of cells as one table, with what an outsider knows besides."""
    parts, part_n, part_events = _parts(cells)
    part_others = part_n - part_events
    sensitive = _sensitive_parts(parts, part_n, part_events, rule)
    unit = sp.eye_array(parts.shape[1]).tocsr()
    places = np.argwhere(sensitive)
    blocks = [_direction(parts, kind) for kind in (EVENTS, COUNT, OTHERS)]
    blocks += [_direction(unit[[part]], kind) for kind, part in places]
    over = totals.over @ parts
    blocks += [
        _direction(over[totals.events_known], EVENTS),
        _direction(over[totals.n_known], COUNT),
    ]
    sums = sp.vstack(blocks).tocsr()
    patterns, size = parts.shape[0], sums.shape[0]
    n = cells.patterns["n"].values.astype(float)
    price = np.ones(size)
    price[: 2 * patterns] = np.concatenate([1.0 + n / n.mean(), COUNT_COST * (1.0 + n / n.mean())])
    flags = np.zeros((4, size), dtype=bool)
    known, unseen, least, targets = flags
    known[size - int(totals.events_known.sum() + totals.n_known.sum()) :] = True
    unseen[2 * patterns : 3 * patterns + len(places)] = True
    least[patterns : 2 * patterns] = True  # a pattern that is listed has at least one referral
    targets[:patterns] = small.n | small.events | small.others
    targets[patterns : 2 * patterns] = small.n
    targets[3 * patterns : 3 * patterns + len(places)] = True
    table = Entries(
        sums=sums,
        cells=np.concatenate([part_events, part_others]),
        known=known,
        unseen=unseen,
        price=price,
        drags=_drags(patterns, size),
        least=least,
    )
    return Judged(table=table, targets=targets, parts=sensitive)


def _drags(patterns: int, size: int) -> Sparse:
    """A hidden count hides its events, and then its non-events may not be known either."""
    own = np.arange(size)
    counts = np.arange(patterns, 2 * patterns)
    rows = np.concatenate([own, counts, counts])
    columns = np.concatenate([own, counts - patterns, counts + patterns])
    return sp.csr_array((np.ones(len(rows)), (rows, columns)), shape=(size, size))


def _direction(rows: Sparse, kind: int) -> Sparse:
    """The sums of unknowns that are the counts, events or non-events of some parts."""
    nothing = sp.csr_array(rows.shape)
    halves = {COUNT: (rows, rows), EVENTS: (rows, nothing), OTHERS: (nothing, rows)}
    return sp.hstack(halves[int(kind)]).tocsr()


def _parts(cells: Cells) -> tuple[Sparse, Floats, Floats]:
    """Which parts make up a pattern, and the parts' counts and events.

    First the sets of referrals that stand in several patterns, then what is left of each.
    """
    overlaps = cells.overlaps
    if overlaps is None:
        raise ValueError("cells without overlaps")
    n, events = (cells.patterns[name].values.astype(float) for name in ("n", "events"))
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


def _sensitive_parts(parts: Sparse, n: Floats, events: Floats, rule: OutputRule) -> Flags:
    several = np.asarray(parts.sum(axis=1)).ravel() > 1
    overlapping = np.asarray(parts.T @ several.astype(float)) > 0
    counts = (n < rule.threshold, rule.few(events), rule.few(n - events))
    return np.array([flags & overlapping for flags in counts])


def telling_weights(cells: Cells, totals: Totals, hidden_n: Flags) -> Flags:
    """Comparators' patterns whose weights would tell a pilot's suppressed count.

    They do where the pilots' count in the group and period is hidden and too small a total to
    count as known.
    """
    unknown = np.array([by == WEIGHTS for by in totals.by]) & ~totals.n_known
    pilots = np.asarray(totals.over[unknown].sum(axis=0)).ravel() > 0
    alike = weighted_alike(cells)
    told = np.isin(alike, alike[pilots & hidden_n])
    comparators: Flags = cells.patterns["pilot"].values == 0
    return told & comparators


def telling_kinds(cells: Cells, rule: OutputRule) -> tuple[Flags, Flags]:
    """Patterns whose sums of weights would tell few with one weight, or their events.

    Weights are a stratum's, and a referral's that stands in several groups is shared between
    them. Where an arm of a group and period has few different ones, even coarse sums are linear
    equations in the numbers that have each. A pattern's would follow from the others', so none
    of the arm in the group and period is shown.
    """
    count = cells.patterns.sizes["pattern"]
    of_kinds, of_events = np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)
    if cells.weights is None:
        return of_kinds, of_events
    rows = cells.weights.to_dataframe()
    arm = numbered(cells, (*WEIGHED, *cells.covariates))
    rows["weight"] = rows["weight"].round(WEIGHT_DECIMALS)
    for place, own in rows.groupby(arm[rows["of_pattern"]]):
        if not 1 < own["weight"].nunique() <= SUMS_OF_ROWS:
            continue
        n, events = (
            own.pivot_table(name, "of_pattern", "weight", "sum", fill_value=0).to_numpy()
            for name in ("n", "events")
        )
        here = arm == place
        of_kinds |= here & rule.few(n).any()
        if n.shape[1] <= SUMS_OF_EVENTS:
            of_events |= here & (rule.few(events) | rule.few(n - events)).any()
    return of_kinds, of_events
