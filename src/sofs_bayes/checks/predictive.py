"""Rates that a model of children predicts, from posterior or prior, beside observed ones."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import xarray as xr

from sofs_bayes.bayes.blocks import Blocks
from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.checks.registry.predictions import ArmYearCheck, PredictiveCell, PredictiveStatistic
from sofs_bayes.checks.thinned_draws import (
    MOST,
    ThinnedDraws,
    new_shocks,
    own_shocks,
    thinned_draws,
)
from sofs_bayes.estimands.did_effects import mean_risks
from sofs_bayes.frequentist.term import POST

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Kind = Literal["posterior", "prior"]

ARMS = {0: "comparator", 1: "pilot"}
BEFORE, AFTER = "before", "after"
NOBODY = -1  # the group of a cell that is in none

# Rates whose variance is no more than this do not move; it is what rounding makes of none.
STILL = 1e-20
# With fewer comparators or years there is no telling how they move.
FEWEST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """Predicted rates beside observed ones: by arm and year, and summarised.

    Names of a prior's statistics end in `(prior)`. `cells` are authority-years, where they are
    asked for.
    """

    years: tuple[ArmYearCheck, ...]
    cells: tuple[PredictiveCell, ...]
    statistics: tuple[PredictiveStatistic, ...]


def predictive_check(
    posterior: xr.Dataset,
    data: CellData,
    blocks: Blocks,
    *,
    kind: Kind,
    level: float,
    seed: int,
    by_cell: bool = False,
    most: int = MOST,
) -> Prediction:
    """Predictions of every cell's rate, with new shocks, and what they come to by arm and year.

    Every authority has its own intercept and deviation, and a new path of shocks: with its own
    every cell would fit, and the check could not fail. Children count as often as they do in the
    likelihood (`data.cells.weight`). Linear: normal about the cell's mean. Logistic: binomial
    with the cell's mean risk, of as many children as its weight rounded; its variance is a
    little too large, by the variance of risks within the cell (2% of it where a rate of 2%
    varies by as much among children).

    Parameters
    ----------
    posterior
        Named draws, or `prior_draws`; at most `most` are used.
    kind
        Which of the two they are.
    level
        Of the predictive intervals.
    by_cell
        Whether each cell's prediction is given: of whole authorities, never of children.
    """
    draws = thinned_draws(posterior, data, blocks, most=most)
    predicted = predicted_rates(draws, data, np.random.default_rng(seed))
    observed = observed_rates(data)
    weight, children = (data.cells[name].to_numpy(np.float64) for name in ("weight", "children"))
    years = []
    for arm, year, here in _arm_years(data):
        share = weight * here / (weight * here).sum()
        years.append(
            ArmYearCheck(
                kind=kind,
                arm=arm,
                year=year,
                children=round(float(children[here].sum())),
                **_beside(predicted @ share, float(observed @ share), level),
            )
        )
    drawn, seen = (_statistics(rates, data) for rates in (predicted, observed[None]))
    label = "" if kind == "posterior" else " (prior)"
    statistics = [
        PredictiveStatistic(statistic=name + label, **_beside(values, float(seen[name][0]), level))
        for name, values in drawn.items()
    ]
    cells = tuple(_cells(predicted, observed, data, level)) if by_cell else ()
    return Prediction(years=tuple(years), statistics=tuple(statistics), cells=cells)


def _cells(
    predicted: Floats, observed: Floats, data: CellData, level: float
) -> Iterator[PredictiveCell]:
    for place in np.flatnonzero(data.cells["weight"].to_numpy() > 0):
        cell = data.cells.iloc[place]
        found = _beside(predicted[:, place], float(observed[place]), level)
        yield PredictiveCell(
            authority=cell["authority"],
            year=int(cell["year"]),
            arm=ARMS[int(cell["pilot"])],
            denominator=float(cell["weight"]),
            pit=1.0 - found.pop("p"),
            **found,
        )


def _beside(drawn: Floats, observed: float, level: float) -> dict[str, float]:
    """An observed value beside its predictions, by the names of the rows' fields."""
    places = {
        "lower": (1.0 - level) / 2.0,
        "lower_50": 0.25,
        "median": 0.5,
        "upper_50": 0.75,
        "upper": (1.0 + level) / 2.0,
    }
    found = np.quantile(drawn, list(places.values())).tolist()
    return {
        **dict(zip(places, found, strict=True)),
        "observed": observed,
        "level": level,
        "p": float(np.mean(drawn > observed) + 0.5 * np.mean(drawn == observed)),
    }


def _arm_years(data: CellData) -> Iterator[tuple[str, str, Flags]]:
    """Each arm's years, and all before and after settling-in, with the cells they are made of."""
    known = data.cells["weight"].to_numpy() > 0
    after = after_settling_in(data)
    periods = {BEFORE: ~after, AFTER: after}
    periods |= {str(year): data.cells["year"].to_numpy() == year for year in data.years}
    for code, arm in ARMS.items():
        of_arm = known & (data.cells["pilot"].to_numpy() == code)
        for name in [*map(str, data.years), BEFORE, AFTER]:
            if (here := of_arm & periods[name]).any():
                yield arm, name, here


def after_settling_in(data: CellData) -> Flags:
    """Which cells are of children after settling-in, in the group they were matched in.

    Where the regression has no term for it, as it would be one of the years', a comparator's
    year is after settling-in if it is so for a pilot.
    """
    treated = data.cells["treated"].to_numpy() == 1
    if POST in data.terms:
        after: Flags = data.design[:, data.terms.index(POST)] > 0
        return np.asarray(after | treated)
    comparator = data.cells["pilot"].to_numpy() == 0
    years = data.cells["year"].to_numpy()
    later: Flags = treated | (comparator & np.isin(years, years[treated]))
    return later


def observed_rates(data: CellData) -> Floats:
    """Weighted rates by cell; 0 in a cell of which nothing is known."""
    weight, events = (data.cells[name].to_numpy(np.float64) for name in ("weight", "events"))
    rates: Floats = np.divide(events, weight, out=np.zeros_like(events), where=weight > 0)
    return rates


def predicted_rates(draws: ThinnedDraws, data: CellData, rng: np.random.Generator) -> Floats:
    """Rates of new children in every cell, with new shocks, shape (draws, cells)."""
    shocks = new_shocks(draws, data, rng)[:, data.authority, data.year]
    predictor = draws.predictor - own_shocks(draws, data) + shocks
    weight = data.cells["weight"].to_numpy(np.float64)
    if data.patterns is None:
        mean = predictor + draws.child_effect @ data.child_means.T
        sd = draws.residual_sd[:, None] / np.sqrt(np.where(weight > 0, weight, 1.0))
        rates: Floats = mean + sd * rng.standard_normal(mean.shape)
        return rates
    children = np.maximum(np.round(weight), 1.0).astype(np.int64)
    by_weight = replace(data.patterns, children=data.patterns.n)
    (risk,) = mean_risks(by_weight, draws.child_effect, (predictor,), weight > 0)
    # An average of rounded numbers; of nobody it is of no consequence.
    return np.asarray(rng.binomial(children, np.nan_to_num(risk).clip(0.0, 1.0)) / children)


def _statistics(rates: Floats, data: CellData) -> dict[str, Floats]:
    """Summaries of rates (draws, cells), each (draws,).

    The effect's uncertainty hangs on how rates move where nothing is done: comparators'
    authority-years less authority and year means, and their changes after settling-in. Rates in
    a linear model, log-odds in a logistic one.
    """
    found = {}
    known = data.cells["weight"].to_numpy() > 0
    if data.patterns is None:
        outside = (rates[:, known] < 0.0) | (rates[:, known] > 1.0)
        found["share of rates outside 0 to 1"] = outside.mean(axis=1)
    known &= data.cells["pilot"].to_numpy() == 0
    if min(len(np.unique(data.authority[known])), len(np.unique(data.year[known]))) >= FEWEST:
        found |= _movement(rates, data, known)
    after = after_settling_in(data)
    both = np.intersect1d(data.authority[known & after], data.authority[known & ~after])
    if len(both) >= FEWEST:
        known &= np.isin(data.authority, both)
        later, earlier = (
            _grouped(rates, data, np.where(known & period, data.authority, NOBODY))[0]
            for period in (after, ~after)
        )
        found["sd of the change from before to after"] = (later - earlier).std(axis=1)
    return found


def _grouped(rates: Floats, data: CellData, group: Integers) -> tuple[Floats, Floats]:
    """Cells' rates averaged by group in order, on the model's scale, and the groups' weights."""
    groups = np.unique(group[group != NOBODY])
    weight = data.cells["weight"].to_numpy()[:, None] * (group[:, None] == groups)
    total = weight.sum(axis=0)
    mean = rates @ weight / total
    if data.patterns is None:
        return mean, total
    return np.log((total * mean + 0.5) / (total * (1.0 - mean) + 0.5)), total


def _movement(rates: Floats, data: CellData, known: Flags) -> dict[str, Floats]:
    """How authority-years move about authority and year means, weighted like their children."""
    slot = data.authority * len(data.years) + data.year
    values, weight = _grouped(rates, data, np.where(known, slot, NOBODY))
    authority, year = np.divmod(np.unique(slot[known]), len(data.years))
    means = np.column_stack(
        [np.eye(len(data.authorities))[authority], np.eye(len(data.years))[year]]
    )
    weighted = weight[:, None] * means
    left = values - values @ weighted @ np.linalg.pinv(means.T @ weighted) @ means.T
    variance = left**2 @ weight / weight.sum()
    found = {"sd of an authority-year": np.sqrt(variance)}
    calendar = np.array(data.years)[year]
    first, second = np.nonzero(
        (authority[:, None] == authority) & (calendar[None, :] - calendar[:, None] == 1)
    )
    if first.size:
        shared = np.sqrt(weight[first] * weight[second])
        together = (left[:, first] * left[:, second]) @ shared / shared.sum()
        none = np.zeros_like(variance)  # where nothing moves
        found["correlation from one year to the next"] = np.divide(
            together, variance, out=none, where=variance > STILL
        )
    return found
