"""Leave-one-out cross-validation of a model of children: an authority's year, an authority."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import isclose
from typing import TYPE_CHECKING, NamedTuple
from warnings import catch_warnings, simplefilter

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.special import logsumexp
from scipy.stats import norm

from sofs_bayes.bayes.blocks import Blocks
from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.bayes.limits import MAX_K
from sofs_bayes.checks.authority_density import (
    NormalPredictor,
    authority_log_density,
    cells_of,
    integrated,
    parabola_at_mode,
)
from sofs_bayes.checks.registry.leaving_out import AuthorityLooRow, LooRow, LooSummary
from sofs_bayes.checks.thinned_draws import MOST, ThinnedDraws, own_shocks, thinned_draws
from sofs_bayes.errors import BadInput
from sofs_bayes.spec import DidAnalysis

if TYPE_CHECKING:
    from arviz_stats.utils import ELPDDataLOO

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


PLACE = "comparison of fits"

# Weights of the same children, summed in another order or read back from a file.
SAME_WEIGHT = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonRow:
    """One fit's elpd beside the best's; `weight` is that of stacking.

    `se_difference` takes authority-years for independent. Those of an authority are not:
    `se_by_authority` is that of the sum over `authorities` of each one's difference.
    """

    analysis: str
    elpd: float
    difference: float
    se_difference: float
    se_by_authority: float
    authorities: int
    weight: float
    p_loo: float
    worst_k: float


def compare_fits(loos: Mapping[str, LooResult]) -> tuple[ComparisonRow, ...]:
    """Fits by elpd, the best first, with the standard error of each one's difference from it.

    Parameters
    ----------
    loos
        By the names of the analyses.

    Raises
    ------
    BadInput
        Fewer than two fits, or fits of different children: another likelihood, other
        authorities and years, or another weight.
    """
    import arviz_stats as azs

    _check(loos)
    values = {
        name: {(row.authority, row.year): row.elpd for row in loo.rows}
        for name, loo in loos.items()
    }
    points = list(next(iter(values.values())))
    elpd = np.array([[of_fit[point] for point in points] for of_fit in values.values()])
    names, of = np.unique([authority for authority, _ in points], return_inverse=True)
    totals = {name: np.bincount(of, own, len(names)) for name, own in zip(loos, elpd, strict=True)}
    # The weights need densities, and those of many children are 0 in floating point; what
    # all fits have in common cancels from weights and differences.
    relative = elpd - elpd.max(axis=0)
    given = {
        name: _for_arviz(loo, own) for (name, loo), own in zip(loos.items(), relative, strict=True)
    }
    with catch_warnings():
        simplefilter("ignore")  # that fits are much alike is what the errors of differences say
        table = azs.compare(given, method="stacking", round_to="none")
    best = totals[str(table.index[0])]
    return tuple(
        ComparisonRow(
            analysis=str(name),
            elpd=loos[str(name)].summary.elpd,
            difference=float(found["elpd_diff"]),
            se_difference=float(found["dse"]),
            se_by_authority=float(np.sqrt(len(names)) * (totals[str(name)] - best).std()),
            authorities=len(names),
            weight=float(found["weight"]),
            p_loo=loos[str(name)].summary.p_loo,
            worst_k=max(row.pareto_k for row in loos[str(name)].rows),
        )
        for name, found in table.iterrows()
    )


def _check(loos: Mapping[str, LooResult]) -> None:
    if len(loos) < 2:
        raise BadInput(PLACE, "fits", str(len(loos)), "two or more")
    (first, one), *others = loos.items()
    for name, other in others:
        both = f"{first} and {name}"
        if other.summary.likelihood != one.summary.likelihood:
            found = f"{one.summary.likelihood} and {other.summary.likelihood}"
            raise BadInput(PLACE, f"{both}, likelihood", found, "the same (one is a density)")
        there = [{(row.authority, row.year) for row in loo.rows} for loo in (one, other)]
        if odd := sorted(there[0] ^ there[1]):
            found = f"{odd[0][0]} in {odd[0][1]} in one of them only"
            raise BadInput(PLACE, f"{both}, authorities and years", found, "the same")
        weights = one.summary.weight, other.summary.weight
        if not isclose(*weights, rel_tol=SAME_WEIGHT):
            found = f"{weights[0]:.6g} and {weights[1]:.6g}"
            raise BadInput(PLACE, f"{both}, weight of children", found, "the same")


def _for_arviz(loo: LooResult, elpd: np.typing.NDArray[np.float64]) -> "ELPDDataLOO":
    import xarray as xr
    from arviz_stats.utils import ELPDDataLOO

    points = len(elpd)
    return ELPDDataLOO(
        elpd=float(elpd.sum()),
        se=float(np.sqrt(points * elpd.var())),
        p=loo.summary.p_loo,
        n_samples=points,  # of no consequence here
        n_data_points=points,
        scale="log",
        warning=False,
        good_k=MAX_K,
        elpd_i=xr.DataArray(elpd, dims="point"),
        pareto_k=xr.DataArray([row.pareto_k for row in loo.rows], dims="point"),
    )
