"""The gate every posterior passes before it counts as a result, and predictive checks."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from sofs_bayes.bayes.did_arrays import DidArrays
from sofs_bayes.bayes.did_draws import cell_mean, draw_shocks

Counts = npt.NDArray[np.float64]

# Thresholds of the gate: rank-normalised split R-hat, bulk and tail effective sample size
# (Vehtari et al. 2021), and the energy fraction of missing information (Betancourt 2016).
MAX_RHAT = 1.01
MIN_ESS = 400.0
MIN_BFMI = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One quantity that did not pass: what was measured, and what was asked of it."""

    quantity: str
    measure: str
    value: float
    limit: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """The verdict on a set of draws, and the worst value of each measure."""

    failures: tuple[Failure, ...]
    max_rhat: float
    min_ess_bulk: float
    min_ess_tail: float
    min_bfmi: float
    divergences: int
    draws: int
    quantities: int

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return not self.failures

    @property
    def status(self) -> str:
        """The word every table and figure made from these draws carries."""
        return "converged" if self.passed else "not converged"


def gate(
    parameters: xr.Dataset, derived: Mapping[str, xr.DataArray], sample_stats: xr.Dataset
) -> Gate:
    """The gate's verdict on parameters and on the effects derived from them.

    Parameters
    ----------
    parameters, derived
        Draws, dims (chain, draw, …). A quantity that is NaN or constant fails: its R-hat is
        undefined.
    sample_stats
        With `diverging` and `energy`, dims (chain, draw).
    """
    import arviz_stats as azs

    measured: dict[str, tuple[float, float, float]] = {}
    for name, draws in [*parameters.data_vars.items(), *derived.items()]:
        with np.errstate(invalid="ignore", divide="ignore"):
            measured[str(name)] = (
                _largest(azs.rhat(draws)),
                _smallest(azs.ess(draws, method="bulk")),
                _smallest(azs.ess(draws, method="tail")),
            )
    bfmi = _smallest(azs.bfmi(sample_stats["energy"]))
    divergences = int(sample_stats["diverging"].sum())
    failures = [
        Failure(quantity=name, measure=measure, value=value, limit=limit)
        for name, values in measured.items()
        for measure, value, limit, passes in (
            ("R-hat", values[0], MAX_RHAT, values[0] <= MAX_RHAT),
            ("bulk ESS", values[1], MIN_ESS, values[1] >= MIN_ESS),
            ("tail ESS", values[2], MIN_ESS, values[2] >= MIN_ESS),
        )
        if not passes
    ]
    if not bfmi >= MIN_BFMI:
        failures.append(Failure(quantity="energy", measure="BFMI", value=bfmi, limit=MIN_BFMI))
    if divergences:
        failures.append(
            Failure(quantity="sampler", measure="divergences", value=divergences, limit=0)
        )
    worst = np.array(list(measured.values()))
    return Gate(
        failures=tuple(failures),
        max_rhat=float(np.max(worst[:, 0])),
        min_ess_bulk=float(np.min(worst[:, 1])),
        min_ess_tail=float(np.min(worst[:, 2])),
        min_bfmi=bfmi,
        divergences=divergences,
        draws=int(sample_stats["diverging"].size),
        quantities=len(measured),
    )


def _largest(values: xr.DataArray) -> float:
    return float(np.max(np.asarray(values, dtype=float)))  # NaN wins, and fails the gate


def _smallest(values: xr.DataArray) -> float:
    return float(np.min(np.asarray(values, dtype=float)))


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictiveCell:
    """An authority-year's observed rate beside what the fitted model would predict for it.

    `pit` is the share of predictions below the observed count (half of the ties counted).
    """

    authority: str
    year: int
    arm: str
    denominator: float
    observed: float
    lower: float
    median: float
    upper: float
    level: float
    pit: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictiveStatistic:
    """A summary of all counts beside its posterior predictive distribution.

    `p` is the share of predictions above the observed value; near 0 or 1 the model does not
    produce data like these.
    """

    statistic: str
    observed: float
    lower: float
    median: float
    upper: float
    level: float
    p: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """Predicted counts beside the observed ones: by authority-year, and summarised."""

    cells: tuple[PredictiveCell, ...]
    statistics: tuple[PredictiveStatistic, ...]


def predictive_check(
    posterior: xr.Dataset, arrays: DidArrays, *, level: float, seed: int
) -> Prediction:
    """Posterior predictive counts of every observed authority-year, with new shocks.

    The authority-by-year shocks are drawn afresh, not taken from the fit: with its own shock
    every cell would fit, and the check could not fail.

    Parameters
    ----------
    posterior
        Draws of the model's parameters, with `cell_logit`, dims (chain, draw, …).
    arrays
        The counts that were fitted.
    level
        Of the predictive intervals.
    """
    rng = np.random.default_rng(seed)
    logit = cell_mean(posterior, arrays) + draw_shocks(posterior, arrays, rng)
    stacked = logit.stack(sample=("chain", "draw")).transpose("sample", "authority", "year")
    risk = 1.0 / (1.0 + np.exp(-stacked.to_numpy()))
    predicted = rng.binomial(arrays.denominators.astype(int), risk)
    tails = [(1.0 - level) / 2.0, 0.5, (1.0 + level) / 2.0]
    cells = []
    for i, j in np.argwhere(arrays.denominators > 0):
        n, y = arrays.denominators[i, j], arrays.events[i, j]
        counts = predicted[:, i, j]
        lower, median, upper = np.quantile(counts / n, tails)
        cells.append(
            PredictiveCell(
                authority=arrays.authorities[i],
                year=arrays.years[j],
                arm="pilot" if i < len(arrays.pilots) else "comparator",
                denominator=float(n),
                observed=float(y / n),
                lower=float(lower),
                median=float(median),
                upper=float(upper),
                level=level,
                pit=float(np.mean(counts < y) + 0.5 * np.mean(counts == y)),
            )
        )
    return Prediction(
        cells=tuple(cells), statistics=_predictive_statistics(predicted, arrays, level, tails)
    )


def _predictive_statistics(
    predicted: Counts, arrays: DidArrays, level: float, tails: list[float]
) -> tuple[PredictiveStatistic, ...]:
    """What the effect's uncertainty hangs on: how rates of untreated authorities move.

    Over comparators observed in every year, on log-odds less authority and year means: their
    correlation from one year to the next, their standard deviation, and the standard deviation
    of authorities' change from the first to the last year. None with fewer than three.
    """
    whole = np.flatnonzero((arrays.denominators > 0).all(axis=1))
    whole = whole[whole >= len(arrays.pilots)]
    if whole.size < 3 or len(arrays.years) < 3:
        return ()
    denominators = arrays.denominators[whole]
    statistics = []
    seen = _movement(arrays.events[whole], denominators)
    drawn = _movement(predicted[:, whole].astype(float), denominators)
    for name in seen:
        lower, median, upper = np.quantile(drawn[name], tails)
        statistics.append(
            PredictiveStatistic(
                statistic=name,
                observed=float(seen[name]),
                lower=float(lower),
                median=float(median),
                upper=float(upper),
                level=level,
                p=float(np.mean(drawn[name] > seen[name])),
            )
        )
    return tuple(statistics)


def _movement(events: Counts, denominators: Counts) -> dict[str, Counts]:
    """Summaries of log-odds (…, authority, year) less authority and year means, over (…)."""
    logit = np.log((events + 0.5) / (denominators - events + 0.5))
    left = logit - logit.mean(-1, keepdims=True)
    left = left - left.mean(-2, keepdims=True)
    variance = (left**2).mean((-1, -2))
    together = (left[..., 1:] * left[..., :-1]).mean((-1, -2))
    none = np.zeros_like(variance)  # where nothing moves
    return {
        "correlation from one year to the next": np.divide(
            together, variance, out=none, where=variance > 0
        ),
        "sd of an authority-year": variance**0.5,
        "sd of the change from first to last year": (left[..., -1] - left[..., 0]).std(-1),
    }
