"""Refusals of cells from which a hierarchical model cannot be had."""

from collections.abc import Collection

import numpy as np
import pandas as pd

from sofs_bayes.cells.dataset import Cells
from sofs_bayes.errors import BadInput
from sofs_bayes.frequentist.term import effect_terms, find_term

PLACE = "cells"

# Sums of the same numbers in another order.
ROUNDING = 1e-9


def check_products(cells: Cells) -> None:
    """Raise BadInput if there are no cross-products for a linear model, or no weights."""
    logit = 'model.likelihood = "binomial logit"'
    if cells.products is None:
        raise BadInput(PLACE, "products", "none", f"cells of collapse --what products, or {logit}")
    if hidden := int(cells.products.attrs.get("suppressed", 0)):
        allowed = f"coarser cells, all with products, or cells of counts and {logit}"
        raise BadInput(PLACE, "products", f"{hidden} suppressed cells", allowed)
    weight = cells.products["weighted"].values[:, 0, 0]
    if wrong := int((~(np.isfinite(weight) & (weight > 0))).sum()):
        found = f"{wrong} cells whose weights sum to no positive number"
        raise BadInput(PLACE, "weight", found, "positive weights")


def check_some(counts: pd.DataFrame) -> None:
    """Raise BadInput if a regression leaves no children."""
    if not len(counts):
        allowed = "a column that leaves some matched groups"
        raise BadInput(PLACE, "column", "no children left by its `without`", allowed)


def check_weights(counts: pd.DataFrame) -> None:
    """Raise BadInput unless sums of weights are such that weights can be positive numbers.

    Those of suppressed counts are either completed before, or refused as cross-products are.
    """
    weight, squares, of_events = (
        counts[name].to_numpy(np.float64)
        for name in ("weight", "weight_squared", "weighted_events")
    )
    for name, values in (("weight", weight), ("weight_squared", squares)):
        if wrong := int((~(np.isfinite(values) & (values > 0))).sum()):
            found = f"{wrong} cells whose weights sum to no positive number"
            raise BadInput(PLACE, name, found, "positive weights")
    possible = (of_events >= 0) & (of_events <= weight * (1 + ROUNDING))
    if wrong := int((~possible).sum()):
        found = f"{wrong} cells with less than no weight on events, or more than on all"
        raise BadInput(PLACE, "weighted_events", found, "positive weights")


def check_arms(known: pd.DataFrame, terms: Collection[str]) -> None:
    """Raise BadInput if no difference-in-differences can be had.

    One authority in an arm is enough: all priors are proper. With one pilot, the sum of the
    effect and its deviation is known, not how much of it is which.

    Parameters
    ----------
    known
        `CellData.cells`.
    terms
        The terms that are left.
    """
    if known["pilot"].nunique() < 2:
        raise BadInput(PLACE, "pilot", "one arm", "pilots and comparators")
    pilots = known[known["pilot"] == 1]
    for period, code in (("before", 0), ("after", 1)):
        there = set(pilots.loc[pilots["treated"] == code, "authority"])
        if lacking := sorted(set(pilots["authority"]) - there):
            found = f"{lacking[0]}: no children {period} settling-in"
            raise BadInput(PLACE, "pilot", found, "children before and after in every pilot")
    for arm, of_arm in known.groupby("pilot"):
        name = "pilots" if arm else "comparators"
        check_events(name, float(of_arm["events"].sum()), float(of_arm["weight"].sum()))
    if all(find_term(name).is_lead for name in effect_terms(terms)):
        found = "none that other terms do not make up"
        raise BadInput(PLACE, "the effect's terms", found, "at least one")


def check_events(arm: str, events: float, total: float, place: str = PLACE) -> None:
    """Raise BadInput if an arm has no events, or nothing else."""
    if not 0 < events < total:
        found = f"{arm}: " + ("no events" if events <= 0 else "nothing but events")
        raise BadInput(place, "events", found, "events, and children without, in both arms")
