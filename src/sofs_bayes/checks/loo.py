"""Leave-one-out cross-validation of a model of children: an authority's year, an authority."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.special import logsumexp
from scipy.stats import norm

from sofs_bayes.bayes.blocks import Blocks
from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.bayes.limits import MAX_K
from sofs_bayes.checks.authority_density import authority_log_density, cells_of
from sofs_bayes.checks.cell_likelihood import (
    NormalPredictor,
    integrated,
    parabola_at_mode,
)
from sofs_bayes.checks.registry.leaving_out import AuthorityLooRow, LooRow, LooSummary
from sofs_bayes.checks.thinned_draws import MOST, ThinnedDraws, own_shocks, thinned_draws
from sofs_bayes.spec import DidAnalysis

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
# Draws times counts of a cell at once: their arrays should stay where the processor is fast.
TOGETHER = 100_000
Refit = Callable[[str], xr.Dataset]


@dataclass(frozen=True, slots=True, kw_only=True)
class LooResult:
    """Leave-one-out cross-validation by authority and year.

    `log_density` is what it rests on, dims (chain, draw, authority_year); None of rows read back.
    """

    summary: LooSummary
    rows: tuple[LooRow, ...]
    log_density: xr.DataArray | None = field(default=None, compare=False)


def loo_cells(
    posterior: xr.Dataset,
    data: CellData,
    blocks: Blocks,
    analysis: DidAnalysis,
    *,
    most: int | None = None,
) -> LooResult:
    """Leaving out one authority-year at a time, its own shock integrated out.

    The shock is normal given those of the neighbouring years in the same draw. Linear: an
    observation is the mean outcome of the year's children; what they differ by within the year
    depends on no shock, and stays in. It is the same for every column on the same children, so
    that columns can be compared. Logistic: an observation is all outcomes of the year's
    children, the integral by Laplace's approximation.

    Parameters
    ----------
    posterior
        Named draws, of which at most `most` are used; None for all.
    """
    most = posterior.sizes["chain"] * posterior.sizes["draw"] if most is None else most
    draws = thinned_draws(posterior, data, blocks, most=most)
    counts = 1 if data.patterns is None else len(data.patterns.n) // len(data.cells)
    parts = draws.parts(TOGETHER // max(counts, 1))
    pointwise = np.concatenate([_by_place(part, data) for part in parts])
    labels = [(data.authorities[j], data.years[t]) for j, t, _ in authority_years(data)]
    log_density = draws.by_chain(pointwise, "authority_year")
    found = _psis(log_density)
    rows = tuple(
        LooRow(authority=authority, year=year, elpd=float(elpd), pareto_k=float(k))
        for (authority, year), elpd, k in zip(labels, found.elpd, found.pareto_k, strict=True)
    )
    return LooResult(
        summary=LooSummary(
            likelihood=analysis.model.likelihood,
            weight=float(data.cells["weight"].sum()),
            points=len(rows),
            elpd=float(found.elpd.sum()),
            se=float(np.sqrt(len(rows) * found.elpd.var())),
            p_loo=float(found.p.sum()),
            high_k=int((~(found.pareto_k <= MAX_K)).sum()),
        ),
        rows=rows,
        log_density=log_density,
    )


def _by_place(draws: ThinnedDraws, data: CellData) -> Floats:
    """The log density of each authority's year given all others, (draws, authority-years)."""
    mean = draws.predictor - own_shocks(draws, data)
    found = []
    for authority, year, cells in authority_years(data):
        shock, variance = _given_neighbours(draws, data, authority, year)
        found.append(_log_density(data, draws, cells, mean[:, cells] + shock, variance))
    return np.stack(found, axis=1)


def loo_authorities(
    posterior: xr.Dataset,
    data: CellData,
    blocks: Blocks,
    analysis: DidAnalysis,
    *,
    refit: Refit | None = None,
    most: int = MOST,
) -> tuple[AuthorityLooRow, ...]:
    """Leaving out one authority at a time, with all that is its own integrated out.

    Its own are its intercept, deviation and shocks, and terms that no other authority has.
    Linear: the density of its cells' mean outcomes, in closed form; what its children differ by
    within cells says nothing of effects, and stays in unless the model is refitted. Logistic:
    the density of all its children's outcomes, the integral by Laplace's approximation about
    each draw's own mode.

    Parameters
    ----------
    posterior
        Named draws, of which at most `most` are used.
    refit
        Gives named draws of the same model fitted without an authority (`cell_data.without`);
        it is asked where Pareto's k is above 0.7, and there `elpd` rests on its draws alone.
    """
    draws = thinned_draws(posterior, data, blocks, most=most)
    known = [j for j in range(len(data.authorities)) if cells_of(data, j).size]
    pointwise = [authority_log_density(draws, data, blocks, analysis, j) for j in known]
    found = _psis(draws.by_chain(np.stack(pointwise, axis=1), "point"))
    rows = []
    for j, smoothed, k in zip(known, found.elpd, found.pareto_k, strict=True):
        name, elpd = data.authorities[j], float(smoothed)
        again = refit is not None and not k <= MAX_K
        if refit is not None and again:
            without = thinned_draws(refit(name), data, blocks, most=most)
            density = authority_log_density(without, data, blocks, analysis, j)
            elpd = float(logsumexp(density) - np.log(len(density)))
        rows.append(
            AuthorityLooRow(
                authority=name,
                arm="pilot" if name in data.pilots else "comparator",
                elpd=elpd,
                pareto_k=float(k),
                refitted=again,
            )
        )
    return tuple(rows)


def authority_years(data: CellData) -> Iterator[tuple[int, int, Integers]]:
    """Places of authorities and years of which anything is known, with their cells."""
    for authority in range(len(data.authorities)):
        cells = cells_of(data, authority)
        for year in np.unique(data.year[cells]):
            yield authority, int(year), cells[data.year[cells] == year]


def _given_neighbours(
    draws: ThinnedDraws, data: CellData, authority: int, year: int
) -> tuple[Floats, Floats]:
    """Mean (draws, 1) and variance (draws,) of a shock given the years before and after."""
    shock, sd, rho = draws.shock[:, authority], draws.shock_sd, draws.correlation
    before, after = np.zeros_like(rho), np.zeros_like(rho)
    earlier, later = np.zeros_like(rho), np.zeros_like(rho)
    if year > 0:
        before = rho ** (data.years[year] - data.years[year - 1])
        earlier = shock[:, year - 1]
    if year + 1 < len(data.years):
        after = rho ** (data.years[year + 1] - data.years[year])
        later = shock[:, year + 1]
    left = 1.0 - before**2 * after**2
    mean = (before * (1.0 - after**2) * earlier + after * (1.0 - before**2) * later) / left
    variance = sd**2 * (1.0 - before**2) * (1.0 - after**2) / left
    return mean[:, None], variance


def _log_density(
    data: CellData, draws: ThinnedDraws, cells: Integers, mean: Floats, variance: Floats
) -> Floats:
    """An authority-year's log density given its cells' predictors but for the shock, (draws,)."""
    if data.patterns is None:
        share = data.curvature[cells] / data.curvature[cells].sum()
        expected = (mean + draws.child_effect @ data.child_means[cells].T) @ share
        noise = draws.residual_sd**2 / data.curvature[cells].sum()
        sd = np.sqrt(noise + variance)
        return np.asarray(norm.logpdf(data.centre[cells] @ share, expected, sd))
    alike = np.ones((len(cells), len(cells)))
    prior = NormalPredictor(mean=mean, covariance=variance[:, None, None] * alike)
    return integrated(parabola_at_mode(data, draws, cells, prior), prior)[0]


class _Psis(NamedTuple):
    """By point: elpd, effective parameters, Pareto's k."""

    elpd: Floats
    p: Floats
    pareto_k: Floats


def _psis(log_density: xr.DataArray) -> _Psis:
    """Pareto-smoothed importance sampling of log densities (chain, draw, point)."""
    import arviz_stats as azs

    size = log_density.sizes["chain"] * log_density.sizes["draw"]
    efficiency = float(azs.ess(log_density, method="mean").mean()) / size
    # A tail too far out for floating point has no k, and counts as one that is too large.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        found = log_density.azstats.loo(sample_dims=["chain", "draw"], r_eff=min(efficiency, 1.0))
    return _Psis(*(np.asarray(each, dtype=np.float64) for each in (found[0], found[2], found[1])))
