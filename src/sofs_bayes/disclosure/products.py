"""Cross-products counted for a release → those cells' that may leave a secure setting.

Cross-products of dummies are counts: of children with a level, with two levels, with a level
and an event. A cell's are released together or not at all.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

import numpy as np
import xarray as xr

from sofs_bayes.cells.dataset import INTERCEPT, OUTCOME, Cells
from sofs_bayes.disclosure.cells import Release, line
from sofs_bayes.disclosure.ledger import CountTable
from sofs_bayes.disclosure.linked import PRODUCTS
from sofs_bayes.disclosure.outsider import WEIGHTS, numbered, small_counts, totals_of
from sofs_bayes.disclosure.rules import PLACE, OutputRule
from sofs_bayes.disclosure.search import Flags, Floats
from sofs_bayes.errors import BadInput
from sofs_bayes.spec import ChildrenAnalysis

GONE = "cross-products suppressed"
LOGGED = "none: to be judged by the custodian"

HALF = 0.5  # between whole numbers, as counts in cross-products are floats


def protect_products(
    cells: Cells, counts: Release, analysis: ChildrenAnalysis, rule: OutputRule
) -> Release:
    """A release of counts, with the cross-products of the cells that pass as well.

    A cell's are suppressed where its count, its events or its weights are; where there are
    fewer people than regressors (not all zero) and the threshold together; where a count among
    them is under the threshold, or the difference from another group's would be; and where known
    totals would otherwise tell the products of a cell suppressed for these reasons.

    Parameters
    ----------
    cells
        Collapsed for a release with cross-products and no covariates, as `counts` was made from.

    Raises
    ------
    BadInput
        Cells of another make; rounding, which would make no sense of cross-products.
    """
    if cells.products is None or cells.covariates or cells.overlaps is None:
        allowed = "cells collapsed for a release, with products and without covariates"
        raise BadInput(PLACE, "products", "other cells", allowed)
    if rule.round_to is not None:
        raise BadInput(PLACE, "round_to", str(rule.round_to), "none, with cross-products")
    released = counts.cells.patterns
    shown = released[["n", "events", "weight", "weighted_events"]].to_array().notnull()
    unsafe = ~np.asarray(shown.all("variable").values)
    few = _few_children(cells.patterns, cells.products, rule) & ~unsafe
    small = _too_small(_tables(cells.products, analysis), rule) & ~unsafe & ~few
    nested = _nested_small(cells, analysis, unsafe | few | small, rule)
    hidden = unsafe | few
    hidden |= (small | nested) & (rule.small_products == "suppress")
    companions, telling = _companions(cells, hidden, rule), np.zeros_like(hidden)
    while (more := _telling(cells, analysis, hidden | telling | companions, rule)).any():
        telling |= more
        companions = _companions(cells, hidden | telling, rule)
    action = GONE if rule.small_products == "suppress" else LOGGED
    reasons = (
        ("products of a suppressed cell", unsafe, GONE),
        (f"fewer people than regressors and {rule.threshold} more", few, GONE),
        (f"products with counts under {rule.threshold}", small, action),
        ("products nested in another group's, but for few referrals", nested, action),
        ("weights would tell a pilot's suppressed products", telling, GONE),
        ("products that would follow from totals", companions, GONE),
    )
    hidden |= telling | companions
    kept = _kept(cells.products, hidden, released)
    return replace(
        counts,
        cells=replace(counts.cells, products=kept),
        log=(
            *counts.log,
            *(line(name, int(f.sum()), done) for name, f, done in reasons),
        ),
        suppressed=max(counts.suppressed, float(hidden.mean())),
        told=replace(counts.told, tables=(*counts.told.tables, _table(cells.products))),
    )


def _table(products: xr.Dataset) -> CountTable:
    """What the ledger is to know: the regressors; their counts are those of the cells."""
    dims = tuple(str(name) for name in products["regressor"].values)
    return CountTable(name=PRODUCTS, dims=dims, counts=())


def _few_children(patterns: xr.Dataset, products: xr.Dataset, rule: OutputRule) -> Flags:
    """Cells whose degrees of freedom are fewer than the threshold."""
    used = np.diagonal(products["unweighted"], axis1=1, axis2=2)[:, :-1] > 0
    return np.asarray(patterns["children"].values < used.sum(axis=1) + rule.threshold)


def _tables(products: xr.Dataset, analysis: ChildrenAnalysis) -> Floats:
    """Two-way counts by cell of all levels, events and non-events: (cells, kinds, kinds).

    The first kind is all children, the last two are events and non-events.
    """
    names = [str(name) for name in products["regressor"].values]
    unit = np.eye(len(names))
    kinds: list[Floats] = [unit[names.index(INTERCEPT)]]
    for name in analysis.regressions.covariates:
        dummies = [unit[i] for i, each in enumerate(names) if each.startswith(f"{name}: ")]
        if dummies:
            kinds += [*dummies, kinds[0] - np.sum(dummies, axis=0)]
    kinds += [unit[names.index(OUTCOME)], kinds[0] - unit[names.index(OUTCOME)]]
    of = np.array(kinds)
    return np.asarray(of @ products["unweighted"].values @ of.T)


def _too_small(tables: Floats, rule: OutputRule) -> Flags:
    """Whether a cell's two-way counts hold one under the threshold.

    No event, or no non-event, among the children of a level counts as small unless zeros may
    be shown; two levels that do not occur together tell nothing of anyone.
    """
    small = ((tables > HALF) & (tables < rule.threshold - HALF)).any(axis=(1, 2))
    if rule.zeros:
        return np.asarray(small)
    there = tables[:, 0, :-2] > HALF
    none = (tables[:, -2:, :-2] < HALF).any(axis=1)
    return np.asarray(small | (there & none).any(axis=1))


def _nested_small(
    cells: Cells, analysis: ChildrenAnalysis, hidden: Flags, rule: OutputRule
) -> Flags:
    """Shown cells that lie in another group's shown cell, but for few referrals of some kind."""
    if cells.products is None:
        return np.zeros_like(hidden)
    tables = _tables(cells.products, analysis)
    nested = np.zeros_like(hidden)
    for inner, outer in _nested(cells):
        if not (hidden | nested)[[inner, outer]].any():
            nested[inner] = _too_small(tables[[outer]] - tables[[inner]], rule).any()
    return nested


def _nested(cells: Cells) -> Iterator[tuple[int, int]]:
    """Pairs of cells of which the first's referrals all stand in the second too, and more."""
    if cells.overlaps is None:
        return
    n = cells.patterns["n"].values
    members: dict[int, list[int]] = {}
    of_set, of_cell = (cells.overlaps[name].values for name in ("of_set", "of_pattern"))
    for one, cell in zip(of_set.tolist(), of_cell.tolist(), strict=True):
        members.setdefault(one, []).append(cell)
    shared: Counter[tuple[int, int]] = Counter()
    for one, count in enumerate(cells.overlaps["n"].values.tolist()):
        shared.update(dict.fromkeys(combinations(sorted(members[one]), 2), count))
    for (one, other), count in sorted(shared.items()):
        left_one, left_other = n[one] - count, n[other] - count
        if left_one == 0 and left_other > 0:
            yield one, other
        elif left_other == 0 and left_one > 0:
            yield other, one


def _companions(cells: Cells, hidden: Flags, rule: OutputRule) -> Flags:
    """Cells to be hidden so that no known total is over one hidden cell and shown ones alone."""
    totals = totals_of(cells, rule, small_counts(cells, rule), unknown_arms=frozenset())
    over = totals.over.toarray() > 0
    over = over[(over.sum(axis=1) > 1) & [by != WEIGHTS for by in totals.by]]
    n = cells.patterns["n"].values
    all_hidden = hidden.copy()
    while (lonely := over[(over & all_hidden).sum(axis=1) == 1]).size:
        shown = np.flatnonzero(lonely[0] & ~all_hidden)
        all_hidden[shown[np.argmin(n[shown])]] = True
    return all_hidden & ~hidden


def _telling(cells: Cells, analysis: ChildrenAnalysis, hidden: Flags, rule: OutputRule) -> Flags:
    """Shown comparators whose weighted products tell few of the pilots' levels.

    They are weighted to the pilots of their group and period, so that all of them tell what the
    pilots' hidden cells hold together.
    """
    telling = np.zeros_like(hidden)
    if cells.products is None:
        return telling
    levels = _tables(cells.products, analysis)[:, :-2, :-2]
    pilots = cells.patterns["pilot"].values == 1
    place = numbered(cells, ("group", "post"))
    for each in np.unique(place[pilots & hidden]):
        left = levels[(place == each) & pilots & hidden].sum(axis=0)
        if ((left > HALF) & (left < rule.threshold - HALF)).any():
            telling |= (place == each) & ~pilots & ~hidden
    return telling


def _kept(products: xr.Dataset, hidden: Flags, released: xr.Dataset) -> xr.Dataset:
    kept = products.isel(cell=np.flatnonzero(~hidden)).drop_attrs(deep=False)
    return kept.assign_attrs(released.attrs, suppressed=int(hidden.sum()))


def narrowed(products: xr.Dataset, covariates: tuple[str, ...]) -> xr.Dataset:
    """The cross-products of fewer covariates."""
    wanted = {INTERCEPT, OUTCOME, *covariates}
    names = [str(name) for name in products["regressor"].values]
    index = [i for i, name in enumerate(names) if name.split(": ")[0] in wanted]
    return products.isel(regressor=index, co_regressor=index)
