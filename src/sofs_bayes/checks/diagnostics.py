"""The gate every posterior passes before it counts as a result, and predictive checks."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr

from sofs_bayes.bayes.from_published import PrintedPosterior
from sofs_bayes.bayes.hierarchical import DidArrays, cell_mean, draw_shocks
from sofs_bayes.bayes.printed_summaries import star_evidence

# Thresholds of the gate: rank-normalised split R-hat, bulk and tail effective sample size
# (Vehtari et al. 2021), and the energy fraction of missing information (Betancourt 2016).
MAX_RHAT = 1.01
MIN_ESS = 400.0
MIN_BFMI = 0.3
# Posterior mass in the outermost cells of a quadrature's grid.
MAX_EDGE_MASS = 1e-4


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


def predictive_check(
    posterior: xr.Dataset, arrays: DidArrays, *, level: float, seed: int
) -> tuple[PredictiveCell, ...]:
    """Posterior predictive rates of every observed authority-year, with new shocks.

    The authority-by-year shocks are drawn afresh, not taken from the fit: with its own shock
    every cell would fit, and the check could not fail.
    """
    rng = np.random.default_rng(seed)
    logit = cell_mean(posterior, arrays, rng) + draw_shocks(posterior, arrays, rng)
    stacked = logit.stack(sample=("chain", "draw")).transpose("authority", "year", "sample")
    risk = 1.0 / (1.0 + np.exp(-stacked.to_numpy()))
    tail = (1.0 - level) / 2.0
    cells = []
    for i, j in np.argwhere(arrays.denominators > 0):
        n, y = arrays.denominators[i, j], arrays.events[i, j]
        predicted = rng.binomial(int(n), risk[i, j])
        lower, median, upper = np.quantile(predicted / n, [tail, 0.5, 1.0 - tail])
        pit = float(np.mean(predicted < y) + 0.5 * np.mean(predicted == y))
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
                pit=pit,
            )
        )
    return tuple(cells)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuadratureVerdict:
    """The verdict on a posterior from print, and how probable its reading makes the stars.

    `star_evidence` is P(stars | coefficients), 1 where the reading makes no use of the stars.
    """

    status: str
    edge_mass: float
    max_edge_mass: float
    star_evidence: float


def quadrature_verdict(post: PrintedPosterior) -> QuadratureVerdict:
    """Whether the grid of a posterior from print holds all of it but a negligible rest."""
    return QuadratureVerdict(
        status="converged" if post.edge_mass <= MAX_EDGE_MASS else "not converged",
        edge_mass=post.edge_mass,
        max_edge_mass=MAX_EDGE_MASS,
        star_evidence=star_evidence(post),
    )
