"""Cells → what a hierarchical model of children sees of them.

A cell here is an authority in a year in which all terms but the children's own are the same;
matched groups that share a comparator's year share its cell.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt
import pandas as pd

from sofs_bayes.bayes.expansion import Expansion
from sofs_bayes.bayes.patterns import DECIMALS, Patterns, expansion_of, patterns_of
from sofs_bayes.bayes.released_cells import adjusted_for, completed
from sofs_bayes.cells.dataset import Cells, frame_of
from sofs_bayes.errors import BadInput, counted
from sofs_bayes.frequentist.cell_terms import cell_terms, selected_cells, with_authorities
from sofs_bayes.frequentist.gram import count_design, gram
from sofs_bayes.frequentist.term import PILOT, POST, effect_terms, find_term
from sofs_bayes.frequentist.terms import child_terms, kept_rows
from sofs_bayes.spec import ChildrenAnalysis, HierarchicalAnalysis, Regression

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
        found = f"{counted(wrong, 'cell')} whose weights sum to no positive number"
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
            found = f"{counted(wrong, 'cell')} whose weights sum to no positive number"
            raise BadInput(PLACE, name, found, "positive weights")
    possible = (of_events >= 0) & (of_events <= weight * (1 + ROUNDING))
    if wrong := int((~possible).sum()):
        found = f"{counted(wrong, 'cell')} with less than no weight on events, or more than on all"
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


Floats = npt.NDArray[np.float64]


def weight_factors(
    frame: pd.DataFrame,
    rows: Floats,
    weight: Floats,
    squares: float,
    analysis: HierarchicalAnalysis,
) -> Floats:
    """What each row's sums are multiplied by, so that children count as often as they should.

    Weighted: all by one number. Unweighted: a comparator's rows by their mean weight, which is
    1 / multiplicity on average; pilots' rows by 1.
    """
    if analysis.model.weights == "likelihood":
        sums = {
            "effective size": weight.sum() ** 2 / squares,
            "rows": rows.sum(),
            "weights": weight.sum(),
        }
        wanted = sums[analysis.model.weights_sum_to]
        return np.full(len(rows), wanted / weight.sum())
    arm = frame[PILOT].to_numpy(np.int64)
    shares = np.bincount(arm, weight, 2) / np.bincount(arm, rows, 2).clip(min=1.0)
    return np.asarray(shares[arm], dtype=np.float64)


Integers = npt.NDArray[np.int64]

__all__ = ["CellData", "Patterns", "cell_data", "regression_data", "without"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CellData:
    """The sufficient statistics of one regression, by cell, with its design.

    Given the coefficients, -2 log likelihood of the linear model is, up to σ and a constant, the
    sum over cells of `curvature` (`centre` - η_c - `child_means`'γ)² and over authorities of
    `within_yy` - 2γ'`within_xy` + γ'`within_xx` γ. For the logistic model the same form is the
    quadratic expansion of the log likelihood.

    Attributes
    ----------
    authorities, pilots, years
        Labels, in order.
    cells
        A row per cell: authority, year, pilot, treated (0/1), children (rows), weight and
        events (Σw and Σwy with the scaled weights). Suppressed and rounded counts are at the
        middle of their bounds, so that rates seen are then approximate.
    terms, design
        The terms that are constant in a cell, and their values, shape (cells, terms).
    child_terms
        Names of the children's terms.
    curvature, centre, child_means
        Shapes (cells,), (cells,), (cells, child terms). Linear: Σw, the mean outcome and the
        means of the children's terms.
    within_xx, within_xy, within_yy
        Sums about the cells' means, by authority: shapes (authorities, child terms, child
        terms), (authorities, child terms), (authorities,).
    patterns
        The counts of a binomial likelihood; None for the linear one.
    dropped
        Terms that combinations of others made impossible, and covariates that the cells do
        not tell apart.
    """

    authorities: tuple[str, ...]
    pilots: tuple[str, ...]
    years: tuple[int, ...]
    cells: pd.DataFrame
    terms: tuple[str, ...]
    design: Floats
    child_terms: tuple[str, ...]
    curvature: Floats
    centre: Floats
    child_means: Floats
    within_xx: Floats
    within_xy: Floats
    within_yy: Floats
    patterns: Patterns | None
    dropped: tuple[str, ...]

    @property
    def authority(self) -> Integers:
        """Each cell's authority, as a position in `authorities`."""
        return _places(self.cells["authority"], self.authorities)

    @property
    def year(self) -> Integers:
        """Each cell's year, as a position in `years`."""
        return _places(self.cells["year"], self.years)

    @property
    def treated(self) -> Floats:
        """1 where a cell is of a pilot after settling-in, shape (cells, pilots)."""
        own = self.cells["authority"].to_numpy()[:, None] == np.array(self.pilots)
        treated: Floats = own * self.cells["treated"].to_numpy(np.float64)[:, None]
        return treated


def cell_data(cells: Cells, analysis: HierarchicalAnalysis) -> CellData:
    """What the model of an analysis sees of cells, exact or released.

    Released counts may be suppressed or rounded, tell fewer covariates apart, and have numbers
    in bands (logistic models only: see `Censored` and `released_cells`).

    Raises
    ------
    BadInput
        Cells without what the regression needs; weights that are not positive; a pilot without
        children before or after settling-in; an arm without events, or with nothing else; an
        effect that other terms make up; a linear model of cells without cross-products.
    """
    return regression_data(cells, analysis, analysis.regression)


def regression_data(
    cells: Cells, analysis: HierarchicalAnalysis, regression: Regression
) -> CellData:
    """The same for another regression of the analysis's children."""
    build = _linear if analysis.model.likelihood == "gaussian" else _logistic
    return build(cells, analysis, regression)


def without(data: CellData, authorities: Collection[str]) -> CellData:
    """The same shapes with nothing known of some authorities.

    Raises
    ------
    ValueError
        A name that is none of the authorities.
    """
    if unknown := set(authorities) - set(data.authorities):
        raise ValueError(f"not among the authorities: {', '.join(sorted(unknown))}")
    kept = np.array([name not in authorities for name in data.authorities], dtype=np.float64)
    in_cell = kept[data.authority]
    patterns = data.patterns
    if patterns is not None:
        patterns = patterns.times(in_cell)
    counted = {name: data.cells[name] * in_cell for name in ("children", "weight", "events")}
    return replace(
        data,
        cells=data.cells.assign(**counted),
        curvature=data.curvature * in_cell,
        within_xx=data.within_xx * kept[:, None, None],
        within_xy=data.within_xy * kept[:, None],
        within_yy=data.within_yy * kept,
        patterns=patterns,
    )


def left_out(whole: CellData, part: CellData) -> tuple[str, ...] | None:
    """The authorities that `without` took out of the whole; None if anything else differs."""
    if whole.patterns is None or part.patterns is None:
        return None
    known = [each.cells["weight"].to_numpy() > 0 for each in (whole, part)]
    gone = np.unique(whole.authority[known[0] & ~known[1]])
    names = tuple(whole.authorities[j] for j in gone)
    again = without(whole, names)
    assert again.patterns is not None
    same = (
        again.terms == part.terms
        and again.child_terms == part.child_terms
        and again.cells.equals(part.cells)
        and np.array_equal(again.design, part.design)
        and all(
            np.array_equal(getattr(again.patterns, each), getattr(part.patterns, each))
            for each in ("cell", "pattern", "n", "events", "child_design")
        )
    )
    return names if same else None


def _linear(cells: Cells, analysis: HierarchicalAnalysis, regression: Regression) -> CellData:
    check_products(cells)
    children, lost = adjusted_for(cells, analysis.children, products=True)
    counts = kept_rows(frame_of(cells.patterns, "pattern"), regression)
    check_some(counts)
    check_weights(counts)
    frame, sums, child = selected_cells(cells, children, regression, "refuse")
    rows, weight = (sums[name][:, 0, 0] for name in ("unweighted", "weighted"))
    factor = weight_factors(frame, rows, weight, float(counts["weight_squared"].sum()), analysis)
    weighted = analysis.model.weights == "likelihood"
    found = gram(cells, children, regression, weighted=weighted)
    kept = [i for i, name in enumerate(child) if name in found.terms]
    use = [0, *(1 + i for i in kept), -1]
    raw = sums["weighted" if weighted else "unweighted"][:, use][:, :, use]
    terms = _own_terms(frame, children, regression, rows, found.terms)
    keys, design, of_row = _merged(frame, terms)
    total = _summed(raw * factor[:, None, None], of_row, len(keys))
    known = keys.assign(
        children=_summed(rows, of_row, len(keys)), weight=total[:, 0, 0], events=total[:, 0, -1]
    )
    check_arms(known, tuple(map(str, terms)))
    mean = total[:, 0, 1:] / total[:, 0, :1]
    within = total[:, 1:, 1:] - total[:, :1, :1] * mean[:, :, None] * mean[:, None, :]
    by, labels = pd.factorize(known["authority"], sort=True)
    within = _summed(within, by, len(labels))
    return CellData(
        **_labels(known),
        cells=known,
        terms=tuple(map(str, terms)),
        design=design,
        child_terms=tuple(child[i] for i in kept),
        curvature=total[:, 0, 0],
        centre=mean[:, -1],
        child_means=mean[:, :-1],
        within_xx=within[:, :-1, :-1],
        within_xy=within[:, :-1, -1],
        within_yy=within[:, -1, -1],
        patterns=None,
        dropped=(*found.dropped, *lost),
    )


def _logistic(cells: Cells, analysis: HierarchicalAnalysis, regression: Regression) -> CellData:
    children, lost = adjusted_for(cells, analysis.children, products=False)
    cells = completed(cells, analysis.model.weights)
    frame = _rows(cells, children, regression)
    rows, weight = (frame[name].to_numpy(np.float64) for name in ("n", "weight"))
    check_weights(frame)
    factor = weight_factors(frame, rows, weight, float(frame["weight_squared"].sum()), analysis)
    found = count_design(cells, children, regression)
    kept = tuple(map(str, found.terms))
    terms = _own_terms(frame, children, regression, rows, kept)
    keys, design, of_row = _merged(frame, terms)
    own = child_terms(frame, children)
    own = own[[name for name in own if name in kept]]
    weighted = analysis.model.weights == "likelihood"
    sums = ("weight", "weighted_events") if weighted else ("n", "events")
    n, events = (frame[name].to_numpy(np.float64) * factor for name in sums)
    patterns = patterns_of(frame, own, of_row, n, events)
    known = keys.assign(
        children=np.bincount(patterns.cell, patterns.children, len(keys)),
        weight=np.bincount(patterns.cell, patterns.n, len(keys)),
        events=np.bincount(patterns.cell, patterns.events, len(keys)),
    )
    check_arms(known, tuple(map(str, terms)))
    authority = pd.factorize(known["authority"], sort=True)[0].astype(np.int64)
    return of_expansion(
        known,
        tuple(map(str, terms)),
        design,
        patterns,
        expansion_of(patterns, frame, authority),
        child_terms=tuple(map(str, own)),
        dropped=(*found.dropped, *lost),
    )


def of_expansion(
    cells: pd.DataFrame,
    terms: tuple[str, ...],
    design: Floats,
    patterns: Patterns,
    near: Expansion,
    *,
    child_terms: tuple[str, ...] = (),
    dropped: tuple[str, ...] = (),
) -> CellData:
    """Counts with the quadratic expansion of their likelihood, by the names of `CellData`."""
    return CellData(
        **_labels(cells),
        cells=cells,
        terms=terms,
        design=design,
        child_terms=child_terms,
        curvature=near.curvature,
        centre=near.centre,
        child_means=near.child_means,
        within_xx=near.within_xx,
        within_xy=near.within_xy,
        within_yy=near.within_yy,
        patterns=patterns,
        dropped=dropped,
    )


def _rows(cells: Cells, children: ChildrenAnalysis, regression: Regression) -> pd.DataFrame:
    """The counts that a regression uses, with all that their terms need."""
    counts = kept_rows(frame_of(cells.patterns, "pattern"), regression)
    check_some(counts)
    return with_authorities(counts, cells, children, regression)


def _own_terms(
    frame: pd.DataFrame,
    children: ChildrenAnalysis,
    regression: Regression,
    rows: Floats,
    kept: tuple[str, ...],
) -> pd.DataFrame:
    """The terms that are constant in a cell, but for those that had to be dropped."""
    parts = cell_terms(frame, children, regression, rows)
    terms = pd.concat([part.reset_index(drop=True) for part in parts], axis="columns")
    return terms[[name for name in terms if name in kept]]


def _merged(frame: pd.DataFrame, terms: pd.DataFrame) -> tuple[pd.DataFrame, Floats, Integers]:
    """The distinct cells, their terms, and the cell of each row."""
    pilot = frame[PILOT].to_numpy(np.int64)
    keys = pd.DataFrame(
        {
            "authority": frame["authority"].astype(str).to_numpy(object),
            "year": frame["year"].to_numpy(np.int64),
            "pilot": pilot,
            "treated": pilot * frame[POST].to_numpy(np.int64),
        }
    )
    both = pd.concat([keys, terms.round(DECIMALS).add_prefix("term ")], axis="columns")
    of_row = np.asarray(both.groupby(list(both), sort=True).ngroup(), dtype=np.int64)
    first = np.unique(of_row, return_index=True)[1]
    known = keys.iloc[first].reset_index(drop=True)
    design: Floats = terms.iloc[first].to_numpy(np.float64)
    return known, design, of_row


def _places(labels: pd.Series, known: Sequence[Any]) -> Integers:
    """Where each label stands among the known ones."""
    return np.asarray(pd.Index(known).get_indexer(labels), dtype=np.int64)


def _summed(values: Floats, group: Integers, groups: int) -> Floats:
    sums = np.zeros((groups, *values.shape[1:]))
    np.add.at(sums, group, values)
    return sums


class _Labels(TypedDict):
    authorities: tuple[str, ...]
    pilots: tuple[str, ...]
    years: tuple[int, ...]


def _labels(known: pd.DataFrame) -> _Labels:
    return {
        "authorities": tuple(sorted(known["authority"].unique())),
        "pilots": tuple(sorted(known.loc[known["pilot"] == 1, "authority"].unique())),
        "years": tuple(int(year) for year in sorted(known["year"].unique())),
    }
