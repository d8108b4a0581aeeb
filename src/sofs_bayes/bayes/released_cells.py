"""Released cells → cells with all numbers there, and the analysis on the covariates they have."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from sofs_bayes.cells.dataset import Cells, frame_of
from sofs_bayes.cells.matched_source import band
from sofs_bayes.errors import BadInput, counted
from sofs_bayes.frequentist.cell_terms import all_child_names
from sofs_bayes.frequentist.terms import MISSING
from sofs_bayes.spec import ChildrenAnalysis, Levels
from sofs_bayes.spec.hierarchical import Weights

Floats = npt.NDArray[np.float64]
PLACE = "cells"

# Whose mean weights stand for suppressed ones, nearest first. Comparators are weighted within
# group and period, so that those of others tell nothing; pilots' weights are alike.
NEAREST = (("group", "authority", "post"), ("group", "pilot", "post"), ("pilot",))

COUNT_OF = {"weight": "n", "weighted_events": "events", "weight_squared": "n"}


def completed(cells: Cells, weights: Weights) -> Cells:
    """Cells with suppressed and rounded counts in the middle of their bounds.

    Where sums of weights are suppressed, the means per child (and per event) are those of the
    released counts of the same group, authority and period, or else of the group's arm in the
    period, or else, for pilots, of all pilots. Bounds are made consistent (events are at most
    n). Exact cells stay as they are.

    Parameters
    ----------
    weights
        How weights enter the model. Where strata are `covariates`, only the weights' means by
        arm are used, so that those of all comparators will do for a comparator too.

    Raises
    ------
    BadInput
        No weights were released that could stand for suppressed ones.
    """
    if not cells.threshold:
        return cells
    frame = frame_of(cells.patterns, "pattern")
    low = {"events": frame["events_low"].to_numpy(), "n": frame["n_low"].to_numpy()}
    high = {"events": frame["events_high"].to_numpy(), "n": frame["n_high"].to_numpy()}
    low["n"] = np.maximum(low["n"], low["events"])
    high["events"] = np.minimum(high["events"], high["n"])
    middle = {name: (low[name] + high[name]) / 2 for name in low}
    sums = _sums(frame, middle, weights)
    columns = middle | sums
    columns |= {f"{name}_low": values for name, values in low.items()}
    columns |= {f"{name}_high": values for name, values in high.items()}
    filled = cells.patterns.assign({name: ("pattern", v) for name, v in columns.items()})
    return replace(cells, patterns=filled)


def _sums(frame: pd.DataFrame, middle: dict[str, Floats], weights: Weights) -> dict[str, Floats]:
    """Sums of weights beside the counts in the middle of their bounds."""
    anyone = weights == "covariates"
    means = {name: _means(frame, name, count, anyone) for name, count in COUNT_OF.items()}
    if lacking := int(np.isnan(means["weight"]).sum()):
        found = f"none released for {counted(lacking, 'count')}, nor near them"
        raise BadInput(PLACE, "weight", found, 'coarser cells, or model.weights = "covariates"')
    for name in ("weighted_events", "weight_squared"):
        power = 2 if name == "weight_squared" else 1
        means[name] = np.where(np.isnan(means[name]), means["weight"] ** power, means[name])
    sums = {}
    for name, count in COUNT_OF.items():
        given = frame[name].to_numpy(np.float64)
        as_given = ~np.isnan(given) & (frame[count].to_numpy(np.float64) == middle[count])
        sums[name] = np.where(as_given, given, means[name] * middle[count])
    sums["weighted_events"] = np.minimum(sums["weighted_events"], sums["weight"])
    return sums


def _means(frame: pd.DataFrame, name: str, count: str, anyone: bool) -> Floats:
    """A sum per child (or per event), NaN where nothing near was released.

    `anyone`: whether the mean of all comparators will do for one.
    """
    known = frame[[name, count]].notna().all(axis="columns")
    sums = frame[[name, count]].where(known, 0.0)
    found = _ratio(sums)
    for keys in NEAREST:
        near = sums.groupby([frame[key] for key in keys], observed=True).transform("sum")
        will_do = anyone | (keys != ("pilot",)) | (frame["pilot"].to_numpy() == 1)
        found = np.where(np.isnan(found) & will_do, _ratio(near), found)
    return found


def _ratio(sums: pd.DataFrame) -> Floats:
    total, count = (sums[name].to_numpy(np.float64) for name in sums)
    found: Floats = np.divide(total, count, out=np.full(len(sums), np.nan), where=count > 0)
    return found


def adjusted_for(
    cells: Cells, analysis: ChildrenAnalysis, *, products: bool
) -> tuple[ChildrenAnalysis, tuple[str, ...]]:
    """The analysis with the covariates that cells tell apart, and the others' names.

    A number in bands becomes a covariate with levels; its reference is the band that holds the
    number's centre.

    Parameters
    ----------
    products
        Whether the cross-products count, or the counts.
    """
    kept: list[str] = []
    bands: list[Levels] = []
    regressors = _regressors(cells) if products else frozenset()
    for name in analysis.regressions.covariates:
        if products:
            if regressors.issuperset(all_child_names(_narrowed(analysis, [name], []))):
                kept.append(name)
        elif name in cells.covariates:
            kept.append(name)
        elif band(name) in cells.covariates:
            kept.append(band(name))
            bands.append(_band_levels(cells, analysis, name))
    have = {*kept, *(name for name in analysis.regressions.covariates if band(name) in kept)}
    lost = tuple(name for name in analysis.regressions.covariates if name not in have)
    return _narrowed(analysis, kept, bands), lost


def _regressors(cells: Cells) -> frozenset[str]:
    if cells.products is None:
        return frozenset()
    return frozenset(str(name) for name in cells.products["regressor"].values)


def _narrowed(
    analysis: ChildrenAnalysis, kept: Sequence[str], bands: Sequence[Levels]
) -> ChildrenAnalysis:
    if tuple(kept) == analysis.regressions.covariates:
        return analysis
    records = replace(analysis.records, covariates=(*analysis.records.covariates, *bands))
    regressions = replace(analysis.regressions, covariates=tuple(kept))
    return replace(analysis, records=records, regressions=regressions)


def _band_levels(cells: Cells, analysis: ChildrenAnalysis, name: str) -> Levels:
    labels = [str(label) for label in cells.patterns[f"{band(name)}_label"].values]
    labels = [label for label in labels if label != MISSING]
    covariate = analysis.records.covariate(name)
    assert not isinstance(covariate, Levels)  # only numbers are put in bands
    place = sum(covariate.centre > cut for cut in analysis.matching.cuts.get(name, ()))
    return Levels(
        kind="levels",
        name=band(name),
        levels={label: (label,) for label in labels},
        reference=labels[min(place, len(labels) - 1)],
    )
