"""Cells counted for a release → what of them may leave a secure setting, and a log of why."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sofs_bayes.cells.bounds import Flags, Hidden, Table
from sofs_bayes.cells.dataset import Cells
from sofs_bayes.cells.outsider import (
    WEIGHTS,
    Totals,
    sensitive_parts,
    table_of,
    telling_weights,
    totals_of,
)
from sofs_bayes.cells.released import released_counts
from sofs_bayes.cells.rules import PLACE, LogRow, Rule, Small, small_counts
from sofs_bayes.cells.suppression import Suppression, complementary
from sofs_bayes.errors import BadInput

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
    """

    cells: Cells
    log: tuple[LogRow, ...]
    suppressed: float
    unprotected: int


def protect(cells: Cells, rule: Rule) -> Release:
    """The counts of cells without the unsafe ones, and without those that would tell these.

    Suppressed are: counts of fewer children than the threshold; events, if fewer children than
    that have one or have none. Then whatever it takes so that no suppressed count is known to
    fewer whole numbers than the threshold, to someone who knows all published counts, the known
    totals, and that referrals stand in several groups. The bounds of suppressed counts are what
    this someone could work out, and may be used as intervals. Cross-products are not kept:
    `product_check.protect_products` judges them.

    Raises
    ------
    BadInput
        Cells that were not counted for a release; more patterns than can be checked.
    """
    _check_judgeable(cells)
    counts = {str(name): values.values for name, values in cells.patterns.data_vars.items()}
    small = small_counts(counts, rule)
    primary = Hidden(n=small.n, events=small.n | small.events | small.others)
    totals = totals_of(cells, rule)
    table = table_of(cells, totals, small, rule)
    parts = sensitive_parts(table, rule)
    done = complementary(table, primary, width=rule.threshold, sensitive=parts)
    telling = telling_weights(cells, table, totals, done.hidden)
    unprotected = len(done.unprotected) + done.open_parts
    attrs = {"threshold": rule.threshold, "unprotected": unprotected}
    released = released_counts(cells, table, done.hidden, telling, rule)
    return Release(
        cells=Cells(
            patterns=released.assign_attrs(attrs),
            products=None,
            authorities=cells.authorities.assign_attrs(attrs),
        ),
        log=(
            *_log_small(table, small, rule),
            _log_overlaps(parts, rule),
            *_log_complementary(primary, done, telling, rule),
            *_log_totals(table, totals, rule),
            *_log_rounding(done.hidden, rule),
        ),
        suppressed=float(done.hidden.events.mean()),
        unprotected=unprotected,
    )


def _check_judgeable(cells: Cells) -> None:
    if cells.overlaps is None or cells.threshold:
        found = "cells not counted for a release, or released already"
        raise BadInput(PLACE, "", found, "cells of collapse(..., for_release=True)")
    if (patterns := cells.patterns.sizes["pattern"]) > MOST_PATTERNS:
        allowed = f"at most {MOST_PATTERNS}: fewer covariates or keys"
        raise BadInput(PLACE, "", f"{patterns} patterns", allowed)


def _log_small(table: Table, small: Small, rule: Rule) -> Iterator[LogRow]:
    events = np.asarray(table.parts @ table.events)
    others = table.n - events
    enough = ~small.n
    cases: tuple[tuple[str, Flags, str], ...] = (
        (f"fewer than {rule.threshold} children", small.n, "count and events suppressed"),
        ("no events", enough & small.events & (events == 0), "events suppressed"),
        (
            f"an event of fewer than {rule.threshold} children",
            enough & small.events & (events > 0),
            "events suppressed",
        ),
        ("nothing but events", enough & small.others & (others == 0), "events suppressed"),
        (
            f"fewer than {rule.threshold} children without an event",
            enough & small.others & (others > 0),
            "events suppressed",
        ),
    )
    for name, flags, action in cases:
        yield LogRow(rule=name, cells=int(flags.sum()), action=action)


def _log_overlaps(parts: Flags, rule: Rule) -> LogRow:
    return LogRow(
        rule=f"overlapping groups differ by fewer than {rule.threshold} referrals or events",
        cells=int(parts.any(axis=0).sum()),
        action="protected as suppressed counts are",
    )


def _log_complementary(
    primary: Hidden, done: Suppression, telling: Flags, rule: Rule
) -> Iterator[LogRow]:
    added_n = done.hidden.n & ~primary.n
    added_events = done.hidden.events & ~primary.events & ~added_n
    yield LogRow(
        rule="a suppressed count would follow from others",
        cells=int(added_n.sum()),
        action="count and events suppressed (complementary)",
    )
    yield LogRow(
        rule="suppressed events would follow from others",
        cells=int(added_events.sum()),
        action="events suppressed (complementary)",
    )
    yield LogRow(
        rule="weights would tell a pilot's suppressed count",
        cells=int(telling.sum()),
        action="sums of weights suppressed",
    )
    yield LogRow(
        rule=f"uncertain by fewer than {rule.threshold} whole numbers all the same",
        cells=len(done.unprotected) + done.open_parts,
        action="may not be released",
    )


def _log_totals(table: Table, totals: Totals, rule: Rule) -> Iterator[LogRow]:
    for by in dict.fromkeys(totals.by):
        here = np.array([each == by for each in totals.by])
        secret = here & ~(table.n_known if by == WEIGHTS else table.events_known)
        if secret.any():
            yield LogRow(
                rule=f"totals by {by} that are small themselves",
                cells=int(secret.sum()),
                action="taken as known to nobody: must not be published elsewhere either",
            )


def _log_rounding(hidden: Hidden, rule: Rule) -> Iterator[LogRow]:
    if rule.round_to is not None:
        yield LogRow(
            rule=f"rounding to {rule.round_to}",
            cells=int((~hidden.n).sum()),
            action="counts rounded, sums of weights made from rounded mean weights",
        )
