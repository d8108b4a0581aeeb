"""Cells counted for a release → what of them may leave a secure setting, and a log of why."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import xarray as xr

from sofs_bayes.cells.dataset import STATES, Cells, frame_of
from sofs_bayes.disclosure.arm_counts import ArmCount
from sofs_bayes.disclosure.ledger import Count, CountTable, Released
from sofs_bayes.disclosure.linked import CELLS
from sofs_bayes.disclosure.log import LogLine
from sofs_bayes.disclosure.outsider import (
    Judged,
    Small,
    Totals,
    arms_of,
    judged,
    small_counts,
    telling_kinds,
    telling_weights,
    totals_of,
    unknown_arms,
)
from sofs_bayes.disclosure.released import EXACT, alike_weights, released_counts
from sofs_bayes.disclosure.rules import PLACE, OutputRule
from sofs_bayes.disclosure.search import Flags, Protected, protected
from sofs_bayes.errors import BadInput, counted

STATED = ("evidence", "analysis", "analysis_sha256", "threshold", "by", "covariates")
RELEASED = (
    *("n", "events", "weight", "weighted_events", "weight_squared"),
    *("n_state", "events_state", "n_low", "n_high", "events_low", "events_high"),
)
STATE_OF = ("n_state", "events_state")
OUTPUT, WHAT = "cells", "cells of people"
SUMS_GONE = "sums of weights suppressed"
COARSE = "sums of weights rounded to the difference of the largest and smallest weight"

# Beyond so many patterns the linear programs take too long; so many are never safe anyway.
MOST_PATTERNS = 3000


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """Cells as they may leave, with the log for the custodian.

    Attributes
    ----------
    cells
        Without numbers of children and without overlaps; see `Cells` for what is added.
    log
        In the order in which the rules were applied.
    suppressed
        Share of cells (or patterns) of which something is suppressed.
    unprotected
        Number of suppressed counts that published ones give away to less than the threshold.
    told
        What the ledger is to know of them.
    """

    cells: Cells
    log: tuple[LogLine, ...]
    suppressed: float
    unprotected: int
    told: Released


def protect(
    cells: Cells,
    rule: OutputRule,
    *,
    earlier: Sequence[Sequence[ArmCount]] = (),
    whole: bool = True,
) -> Release:
    """The counts of cells without the unsafe ones, and without those that would tell these.

    Suppressed are: counts of fewer children than the threshold; events, if fewer children than
    that have one or have none. Then whatever it takes so that no suppressed count is known to
    fewer whole numbers than the threshold, to someone who knows all published counts, the known
    totals (those that runs and matching show of the same children among them), and that
    referrals stand in several groups. The bounds of suppressed counts are what this someone
    could work out, and may be used as intervals. Cross-products are not kept:
    `products.protect_products` judges them.

    Parameters
    ----------
    earlier
        Arms' counts by year and period that other releases of these children show.
    whole
        Whether a result that may not be released, as something stays unprotected, is wanted
        whole. Otherwise the search ends there, with what is suppressed so far.

    Raises
    ------
    BadInput
        Cells that were not counted for a release; more patterns than can be checked.
    """
    _check_judgeable(cells)
    small = small_counts(cells, rule)
    totals = totals_of(cells, rule, small, unknown_arms=unknown_arms(cells, rule, earlier))
    found = judged(cells, totals, small, rule)
    done = protected(found.table, found.targets, rule.threshold, whole=whole)
    count = cells.patterns.sizes["pattern"]
    telling = _Telling(
        telling_weights(cells, totals, done.hidden[count : 2 * count]), *telling_kinds(cells, rule)
    )
    unprotected = len({place % count if place < 3 * count else place for place in done.open})
    attrs = {"threshold": rule.threshold, "unprotected": unprotected}
    bounded = whole or not unprotected
    released = released_counts(
        cells,
        found.table,
        done.hidden,
        telling.pilots | telling.kinds,
        rule,
        telling_events=telling.events,
        bounded=bounded,
    )
    return Release(
        cells=Cells(
            patterns=released.assign_attrs(attrs),
            products=None,
            authorities=cells.authorities.assign_attrs(attrs),
        ),
        log=(
            *_log_small(cells, small, rule),
            *_log_complementary(found, done, telling, unprotected, rule),
            *_log_totals(totals),
            *_log_rounding(cells, done.hidden[count : 2 * count], rule),
        ),
        suppressed=float(done.hidden[:count].mean()),
        unprotected=unprotected,
        told=_told(cells, released, rule, earlier),
    )


@dataclass(frozen=True, slots=True)
class _Telling:
    """Patterns whose sums of weights would tell pilots' counts, few of a weight, or events."""

    pilots: Flags
    kinds: Flags
    events: Flags


def _told(
    cells: Cells, released: xr.Dataset, rule: OutputRule, earlier: Sequence[Sequence[ArmCount]]
) -> Released:
    """Every count with what of it is hidden, and what is taken as known of the arms."""
    unknown = unknown_arms(cells, rule, earlier)
    shown = tuple(each for each in arms_of(cells.patterns) if each.key not in unknown)
    dims = (*cells.by, *cells.covariates)
    rows = frame_of(cells.patterns, "pattern")
    hidden = np.select(
        [np.isnan(released["n"].values), np.isnan(released["events"].values)], ["all", "events"], ""
    )
    counts = tuple(
        Count(place=tuple(map(str, place)), children=int(n), events=int(events), hidden=str(what))
        for *place, n, events, what in zip(
            *(rows[name] for name in (*dims, "n", "events")), hidden, strict=True
        )
    )
    return replace(
        children_of(cells),
        counts=shown if "year" in cells.by else (),
        arms=() if "year" in cells.by else shown,
        tables=(CountTable(name=CELLS, dims=dims, counts=counts),),
        outside=arms_of(_middle(released)),
    )


def children_of(cells: Cells) -> Released:
    """Whose cells they are, for the ledger, without any count."""
    attrs, of = cells.patterns.attrs, cells.authorities
    return Released(
        analysis=attrs["analysis"],
        evidence=attrs["evidence"],
        authorities=tuple(map(str, cells.patterns["authority_label"].values)),
        years=tuple(map(str, of["year"].values)) if "year" in of.coords else (),
    )


def shown_table(cells: Cells) -> CountTable:
    """The counts that released cells show, for the ledger."""
    dims = (*cells.by, *cells.covariates)
    rows = frame_of(cells.patterns, "pattern")
    counts = [
        Count(
            place=tuple(map(str, place)),
            children=int(n),
            events=None if np.isnan(events) else int(events),
            hidden="events" if np.isnan(events) else "",
        )
        for *place, n, events, state in zip(
            *(rows[name] for name in (*dims, "n", "events")),
            cells.patterns["n_state"].values,
            strict=True,
        )
        if state == EXACT
    ]
    return CountTable(name=CELLS, dims=dims, counts=tuple(counts), partial=True)


def rebuilt(cells: Cells, rule: OutputRule) -> Cells:
    """Released cells made anew from what is known of cells, and nothing else of their file.

    Raises
    ------
    BadInput
        Cells that passed no check under so high a threshold, or that show a smaller count.
    """
    patterns, threshold = cells.patterns, cells.threshold
    if threshold < rule.threshold or int(patterns.attrs.get("unprotected", 0)):
        found = f"checked under {threshold}" if threshold else "not checked"
        raise BadInput(PLACE, "", found, f"cells checked under {rule.threshold} or more")
    n, events = (patterns[name].values for name in ("n", "events"))
    exact = [patterns[f"{name}_state"].values == EXACT for name in ("n", "events")]
    few = (n < rule.threshold) & exact[0]
    few |= (rule.few(events) | rule.few(n - events)) & exact[1]
    if few.any():
        found = f"{counted(int(few.sum()), 'count')} below the threshold"
        raise BadInput(PLACE, "", found, f"cells checked under {rule.threshold} or more")
    attrs = {name: patterns.attrs[name] for name in (*STATED, "unprotected")}
    keys = (*cells.by, *cells.covariates)
    counts = [name for name in RELEASED if name in patterns]
    products = cells.products
    if products is not None:
        suppressed = int(products.attrs.get("suppressed", 0))
        products = _plain(products, (*cells.by, "unweighted", "weighted"), ("regressor",))
        products = products.assign_attrs(attrs, suppressed=suppressed)
    names = tuple(str(name) for name in cells.authorities.data_vars)
    return Cells(
        patterns=_plain(patterns, (*keys, *counts), ()).assign_attrs(attrs),
        products=products,
        authorities=_plain(cells.authorities, names, ("authority", "year")).assign_attrs(attrs),
    )


def _plain(dataset: xr.Dataset, names: Sequence[str], coords: Sequence[str]) -> xr.Dataset:
    """Some variables with their labels, of which none is without a use; no attributes."""
    made = xr.Dataset({name: (dataset[name].dims, dataset[name].values) for name in names})
    for name in names:
        label = f"{name}_label"
        if name in STATE_OF:
            made = made.assign_coords({label: np.array(STATES, dtype=object)})
        elif label in dataset.coords:
            used, codes = np.unique(dataset[name].values, return_inverse=True)
            made[name] = (dataset[name].dims, codes.astype(dataset[name].dtype))
            labels = np.array([str(dataset[label].values[int(code)]) for code in used], object)
            made = made.assign_coords({label: labels})
    plain = {name: dataset[name].values for name in coords}
    if "regressor" in plain:
        plain["co_regressor"] = plain["regressor"]
    return made.assign_coords(plain)


def _middle(released: xr.Dataset) -> xr.Dataset:
    """Released counts as a fit takes them: in the middle of their bounds."""
    middle = {
        name: (released[f"{name}_low"] + released[f"{name}_high"]) / 2 for name in ("n", "events")
    }
    return released.assign(middle)


def line(rule: str, affected: int, action: str) -> LogLine:
    """A line on cells: how many a rule affected, and what was done."""
    result: Literal["suppressed", "passed"] = "suppressed" if affected else "passed"
    return LogLine(
        output=OUTPUT, what=WHAT, rule=rule, result=result, affected=affected, action=action
    )


def _check_judgeable(cells: Cells) -> None:
    if cells.overlaps is None or cells.weights is None or cells.threshold:
        found = "cells not counted for a release, or released already"
        raise BadInput(PLACE, "", found, "cells of collapse(..., for_release=True)")
    if (patterns := cells.patterns.sizes["pattern"]) > MOST_PATTERNS:
        allowed = f"at most {MOST_PATTERNS:,}: fewer covariates or keys"
        raise BadInput(PLACE, "", counted(patterns, "pattern"), allowed)


def _log_small(cells: Cells, small: Small, rule: OutputRule) -> Iterator[LogLine]:
    n, events = (cells.patterns[name].values for name in ("n", "events"))
    enough = ~small.n
    cases: tuple[tuple[str, Flags, str], ...] = (
        (f"fewer than {rule.threshold} people", small.n, "count and events suppressed"),
        ("no events", enough & small.events & (events == 0), "events suppressed"),
        (
            f"an event of fewer than {rule.threshold} people",
            enough & small.events & (events > 0),
            "events suppressed",
        ),
        ("nothing but events", enough & small.others & (events == n), "events suppressed"),
        (
            f"fewer than {rule.threshold} people without an event",
            enough & small.others & (events < n),
            "events suppressed",
        ),
    )
    for name, flags, action in cases:
        yield line(name, int(flags.sum()), action)


def _log_complementary(
    found: Judged, done: Protected, telling: _Telling, unprotected: int, rule: OutputRule
) -> Iterator[LogLine]:
    count = len(telling.pilots)
    yield line(
        f"overlapping groups differ by fewer than {rule.threshold} referrals or events",
        int(found.parts.any(axis=0).sum()),
        "protected as suppressed counts are",
    )
    added = done.hidden & ~found.targets
    added_n = added[count : 2 * count]
    added_events = added[:count] & ~added_n
    events, whole = "events suppressed (complementary)", "count and events suppressed"
    yield line(
        "a suppressed count would follow from others",
        int(added_n.sum()),
        f"{whole} (complementary)",
    )
    yield line("suppressed events would follow from others", int(added_events.sum()), events)
    for name, flags in (
        ("weights would tell a pilot's suppressed count", telling.pilots),
        ("sums of few weights would tell whose they are", telling.kinds),
        ("sums of two weights would tell their events", telling.events),
    ):
        yield line(name, int(flags.sum()), SUMS_GONE)
    name = f"bounds still narrower than {rule.threshold}"
    yield line(name, unprotected, "may not be released")


def _log_totals(totals: Totals) -> Iterator[LogLine]:
    for by in dict.fromkeys(totals.by):
        here = np.array([each == by for each in totals.by])
        of_events = (totals.events_known & here).any()
        secret = here & ~(totals.events_known if of_events else totals.n_known)
        if secret.any():
            yield line(
                f"totals by {by} that are small themselves, or hidden with such",
                int(secret.sum()),
                "taken as known to nobody: must not be published elsewhere either",
            )


def _log_rounding(cells: Cells, hidden_n: Flags, rule: OutputRule) -> Iterator[LogLine]:
    several = ~alike_weights(cells) & ~hidden_n
    yield line("exact sums of weights tell how many have which", int(several.sum()), COARSE)
    if rule.round_to is not None:
        yield line(
            f"rounding to {rule.round_to}",
            int((~hidden_n).sum()),
            "counts rounded, sums of weights made from rounded mean weights",
        )
