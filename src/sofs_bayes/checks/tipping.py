"""How far trends would have to part after settling-in for a conclusion to change.

What the data call the effect is the effect δ plus a departure Δ from parallel trends. A fit
that takes Δ to be 0 has draws of s = δ + Δ; under another Δ the same draws serve, weighted by
the ratio of priors, normal(s - Δ) / normal(s), as the likelihood knows s alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import xarray as xr

from sofs_bayes.bayes.blocks import DEPARTURE, Blocks
from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.bayes.limits import MAX_K
from sofs_bayes.bayes.reweighting import independent, smoothed_weights
from sofs_bayes.checks.predictive import after_settling_in
from sofs_bayes.checks.registry.tipping import TippingPoint, TippingRow
from sofs_bayes.estimands.contrasts import changes
from sofs_bayes.frequentist.term import DID
from sofs_bayes.spec import Normal

Floats = npt.NDArray[np.float64]

# Departures examined on each side of 0.
STEPS = 20
# Halvings of the step between two departures: finer than the draws can tell.
HALVINGS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Tipping:
    """The probability of each effect by departure, and where it tips."""

    rows: tuple[TippingRow, ...]
    points: tuple[TippingPoint, ...]


def tipping(
    posterior: xr.Dataset,
    data: CellData,
    blocks: Blocks,
    effect_prior: Normal,
    *,
    level: float = 0.95,
    departures: Sequence[float] | None = None,
    leads: Sequence[float] = (),
) -> Tipping:
    """What departures from parallel trends would do to the pooled and each pilot's effect.

    The effects are those of `estimands.did_effects`, averages over treated children, on
    the model's scale.

    Parameters
    ----------
    posterior
        Named draws of a fit with one effect (the term `did`) and no departure of its own.
    effect_prior
        That of the fit.
    level
        Of the probability; points are given for it, for one half, and for one minus it.
    departures
        Those examined, on the model's scale; None for a range that the effects' draws suggest.
    leads
        Pilots' differences in the years before, on the model's scale.

    Raises
    ------
    ValueError
        A fit whose effect is not one term, or has another prior, or has a departure; a level
        that is not between 0.5 and 1.
    """
    _check(blocks, data, effect_prior, level)
    found = changes(posterior, data, blocks)
    seen = {
        target: found.change @ (children / children.sum())
        for target, children in found.targets.items()
    }
    common = found.coefficient[DID]
    weighted = Reweighted.of(common, posterior.sizes["chain"], effect_prior)
    grid = _grid(seen) if departures is None else np.array(sorted(departures), dtype=np.float64)
    scale = "risk" if data.patterns is None else "log-odds"
    levels = (level, 0.5, round(1.0 - level, 12))
    rows = [
        TippingRow(
            target=target,
            scale=scale,
            departure=float(departure),
            probability_above_zero=probability,
            mcse=mcse,
            pareto_k=k,
        )
        for target, draws in seen.items()
        for departure in grid
        for probability, mcse, k in [weighted.above_zero(draws, float(departure))]
    ]
    largest, years = float(max(map(abs, leads), default=np.nan)), years_apart(data)
    found_at = [
        tipping_point(target, scale, each, grid, _probability(weighted, draws))
        for target, draws in seen.items()
        for each in levels
    ]
    points = [
        replace(point, leads=abs(point.departure) / largest, per_year=point.departure / years)
        for point in found_at
    ]
    return Tipping(rows=tuple(rows), points=tuple(points))


def years_apart(data: CellData) -> float:
    """How many years lie between pilots' children before and after settling-in, on average."""
    cells, after = data.cells, after_settling_in(data)
    years, pilot = cells["year"].to_numpy(np.float64), cells["pilot"].to_numpy() == 1
    weight = cells["weight"].to_numpy(np.float64)
    before, later = (
        float(np.average(years[here], weights=weight[here]))
        for here in (pilot & ~after, pilot & after)
    )
    return later - before


@dataclass(frozen=True, slots=True, kw_only=True)
class Reweighted:
    """Draws of the effect with its prior, to be weighted as if trends had parted.

    Attributes
    ----------
    common
        The effect that has the prior, (samples,).
    efficiency
        Independent draws per draw.
    """

    common: Floats
    prior: Normal
    efficiency: float

    @classmethod
    def of(cls, common: Floats, chains: int, prior: Normal) -> "Reweighted":
        """The same, with the efficiency of draws whose chains stand one after the other."""
        draws = xr.DataArray(common.reshape(chains, -1), dims=("chain", "draw"))
        return cls(common=common, prior=prior, efficiency=independent(draws))

    def weights(self, departure: float) -> tuple[Floats, float]:
        """Pareto-smoothed weights, summing to 1, and the Pareto shape."""
        log_ratio = (self.common - self.prior.mean) * departure / self.prior.sd**2
        return smoothed_weights(log_ratio, self.efficiency)

    def above_zero(self, seen: Floats, departure: float) -> tuple[float, float, float]:
        """Probability that an effect is above zero, its Monte Carlo error and the Pareto shape.

        `seen` are draws of that effect with the departure in it.
        """
        weights, k = self.weights(departure)
        true = seen > departure
        if true.all() or not true.any():
            return float(true[0]), float("nan"), k
        probability = min(float(weights @ true), 1.0)
        variance = float(weights**2 @ (true - probability) ** 2) / self.efficiency
        return probability, float(np.sqrt(variance)), k


def tipping_point(
    target: str,
    scale: str,
    level: float,
    departures: Floats,
    probability: Callable[[float], tuple[float, float]],
) -> TippingPoint:
    """Where a probability that declines with the departure reaches a level.

    Parameters
    ----------
    departures
        Those between which it is looked for, ascending.
    probability
        Departure → the probability of an effect above zero, and the Pareto shape.
    """
    falls = probability(0.0)[0] >= level
    outwards = departures[departures > 0] if falls else departures[departures < 0][::-1]
    near, reached, within, shape = 0.0, float("nan"), float("nan"), float("nan")
    for departure in map(float, outwards):
        value, k = probability(departure)
        if k > MAX_K:
            within, shape = departure, k
            break
        if (value <= level) if falls else (value >= level):
            reached = _crossing(near, departure, level, falls, probability)
            break
        near = departure
    else:
        within = near
    return TippingPoint(
        target=target,
        scale=scale,
        level=level,
        departure=reached,
        direction="falls" if falls else "rises",
        reached_within=within,
        pareto_k=shape,
    )


def _crossing(
    near: float,
    far: float,
    level: float,
    falls: bool,
    probability: Callable[[float], tuple[float, float]],
) -> float:
    """Halve the step between a departure before the level and one beyond it."""
    for _ in range(HALVINGS):
        middle = 0.5 * (near + far)
        value = probability(middle)[0]
        beyond = value <= level if falls else value >= level
        near, far = (near, middle) if beyond else (middle, far)
    return 0.5 * (near + far)


def _probability(weighted: Reweighted, draws: Floats) -> Callable[[float], tuple[float, float]]:
    def probability(departure: float) -> tuple[float, float]:
        value, _, k = weighted.above_zero(draws, departure)
        return value, k

    return probability


def _grid(seen: Mapping[str, Floats]) -> Floats:
    """Departures on both sides that would carry every effect across zero, and 0 itself."""
    furthest = max(abs(float(draws.mean())) + 3.0 * float(draws.std()) for draws in seen.values())
    steps: Floats = np.arange(-STEPS, STEPS + 1) / STEPS
    return furthest * steps


def _check(blocks: Blocks, data: CellData, effect_prior: Normal, level: float) -> None:
    if [term for term in blocks.effect_terms if term in data.terms] != [DID]:
        raise ValueError("tipping: a fit of a column with one effect (the term did)")
    at = blocks.terms.index(DID)
    if (blocks.prior_mean[at], blocks.prior_sd[at]) != (effect_prior.mean, effect_prior.sd):
        raise ValueError("tipping: the effect prior of the fit, with pilots pooled")
    if blocks.prior_sd[blocks.terms.index(DEPARTURE)] != 0:
        raise ValueError("tipping: a fit without a departure of its own")
    if not 0.5 < level < 1:
        raise ValueError("level: between 0.5 and 1")
