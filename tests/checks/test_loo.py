"""Leaving out: against closed forms and brute force; the unpredictable must be seen."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import xarray as xr
from scipy import stats
from scipy.special import logsumexp

from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.bayes.censored import Censored, combinations, log_likelihood
from sofs_bayes.checks.authority_density import (
    NormalPredictor,
    Parabola,
    authority_log_density,
    integrated,
    logistic_parabola,
)
from sofs_bayes.checks.loo import (
    MAX_K,
    LooResult,
    _given_neighbours,
    _log_density,
    loo_authorities,
    loo_cells,
)
from sofs_bayes.checks.thinned_draws import thinned_draws
from sofs_bayes.spec import HierarchicalAnalysis, Normal

# Sums of the same numbers in another order.
EXACT = 1e-9
# Monte Carlo error of importance sampling with 4,000 draws, in log density.
SAMPLED = 0.1
# Laplace's approximation of a cell of about a hundred children, in log density.
LAPLACE = 0.01
# Relative error of finite differences, first and second.
FIRST, SECOND = 1e-4, 1e-3

Floats = npt.NDArray[np.float64]


def far_out(data: CellData, authority: str, years: tuple[int, ...], by: float) -> CellData:
    """The same cells with the outcomes of an authority moved in some years."""
    here = (data.cells["authority"] == authority) & data.cells["year"].isin(years)
    moved = here.to_numpy() * by
    events = data.cells["events"] + moved * data.cells["weight"]
    return replace(data, centre=data.centre + moved, cells=data.cells.assign(events=events))


@pytest.fixture(scope="module")
def linear_loo(
    linear: CellData, linear_analysis: HierarchicalAnalysis, design_of: Any, exact_of: Any
) -> LooResult:
    design = design_of(linear, linear_analysis)
    draws = exact_of(linear, design).draws(1000, seed=1)
    return loo_cells(draws, linear, design, linear_analysis, most=4000)


def test_a_year_left_out_is_predicted_as_in_closed_form(
    linear: CellData,
    linear_analysis: HierarchicalAnalysis,
    linear_loo: LooResult,
    design_of: Any,
    exact_of: Any,
) -> None:
    design = design_of(linear, linear_analysis)
    exact = exact_of(linear, design)
    checked = 0
    for row in linear_loo.rows:
        here = (linear.cells["authority"] == row.authority) & (linear.cells["year"] == row.year)
        if here.sum() == 1 and row.pareto_k < MAX_K:
            own = exact.log_density(np.flatnonzero(here))
            assert row.elpd == pytest.approx(own, abs=SAMPLED)
            checked += 1
    assert checked > 25


def test_a_year_of_two_cells_is_left_out_as_one_mean(
    linear: CellData,
    linear_analysis: HierarchicalAnalysis,
    linear_loo: LooResult,
    design_of: Any,
    exact_of: Any,
) -> None:
    row = next(row for row in linear_loo.rows if (row.authority, row.year) == ("Elm", 2014))
    here = (linear.cells["authority"] == "Elm") & (linear.cells["year"] == 2014)
    cells = np.flatnonzero(here)
    assert len(cells) == 2
    exact = exact_of(linear, design_of(linear, linear_analysis))
    weight = linear.curvature[cells]
    # the density of both means is that of their difference, and of their mean given it
    both = exact.log_density(cells)
    mean, covariance = exact.observed(~here.to_numpy())
    x = exact.design_of_all[cells]
    spread = x @ covariance @ x.T + np.diag(0.3**2 / weight)
    apart = np.array([1.0, -1.0])
    difference = stats.norm(apart @ x @ mean, np.sqrt(apart @ spread @ apart)).logpdf(
        apart @ linear.centre[cells]
    )
    assert row.elpd == pytest.approx(both - difference, abs=SAMPLED)


def test_the_summary_is_of_its_rows(linear: CellData, linear_loo: LooResult) -> None:
    elpd = np.array([row.elpd for row in linear_loo.rows])
    summary = linear_loo.summary
    assert len(elpd) == len(linear.cells.groupby(["authority", "year"])) == summary.points
    assert summary.elpd == pytest.approx(elpd.sum())
    assert summary.se == pytest.approx(np.sqrt(len(elpd)) * elpd.std())
    assert summary.weight == linear.cells["weight"].sum()
    assert summary.high_k == sum(row.pareto_k > MAX_K for row in linear_loo.rows)
    assert 3 < summary.p_loo < len(elpd)


def test_a_year_far_out_is_predicted_badly(
    linear: CellData,
    linear_analysis: HierarchicalAnalysis,
    linear_loo: LooResult,
    design_of: Any,
    exact_of: Any,
) -> None:
    data = far_out(linear, "Fir", (2016,), 0.3)
    design = design_of(data, linear_analysis)
    found = loo_cells(exact_of(data, design).draws(250, seed=2), data, design, linear_analysis)
    worst = min(found.rows, key=lambda row: row.elpd)
    assert (worst.authority, worst.year) == ("Fir", 2016)
    before = next(r for r in linear_loo.rows if (r.authority, r.year) == ("Fir", 2016))
    assert worst.elpd < before.elpd - 5


def test_without_shocks_a_year_is_predicted_by_its_mean_alone(
    linear: CellData, linear_analysis: HierarchicalAnalysis, design_of: Any, exact_of: Any
) -> None:
    with_shocks = design_of(linear, linear_analysis)
    design = design_of(linear, linear_analysis, replicating=True)
    draws = exact_of(linear, with_shocks).draws(100, seed=3)
    bare = loo_cells(draws.drop_vars(["shock", "shock_sd"]), linear, design, linear_analysis)
    # sds of effects that are out of use are draws from their prior, and count for nothing
    assert bare == loo_cells(draws, linear, design, linear_analysis)


def test_a_shock_given_its_neighbours_is_that_of_the_whole_path(
    linear: CellData, linear_analysis: HierarchicalAnalysis, design_of: Any, exact_of: Any
) -> None:
    design = design_of(linear, linear_analysis)
    draws = thinned_draws(exact_of(linear, design).draws(5, seed=4), linear, design)
    years = np.array(linear.years, dtype=float)
    alike = 0.04**2 * 0.6 ** np.abs(years[:, None] - years)
    for year in range(len(years)):
        others = np.delete(np.arange(len(years)), year)
        gain = alike[year, others] @ np.linalg.inv(alike[np.ix_(others, others)])
        mean, variance = _given_neighbours(draws, linear, 3, year)
        assert mean[:, 0] == pytest.approx(draws.shock[:, 3, others] @ gain, rel=EXACT)
        left = alike[year, year] - gain @ alike[others, year]
        assert variance == pytest.approx(np.full(20, left), rel=EXACT)


def log_likelihood_of(data: CellData, cells: Floats, log_odds: Floats, child: Floats) -> Floats:
    """Of cells' counts with predictors (grid, cells), summed over them, (grid,)."""
    counts = data.patterns
    assert counts is not None
    total = np.zeros(len(log_odds))
    for place, cell in enumerate(cells):
        here = counts.cell == cell
        at = log_odds[:, place, None] + counts.child_design[counts.pattern[here]] @ child
        total += at @ counts.events[here] - np.logaddexp(0, at) @ counts.n[here]
    return total


def test_a_logistic_year_is_its_shock_integrated_over_a_grid(
    logistic: CellData,
    logistic_analysis: HierarchicalAnalysis,
    design_of: Any,
    logistic_draws: Callable[..., xr.Dataset],
) -> None:
    design = design_of(logistic, logistic_analysis)
    draws = thinned_draws(logistic_draws(logistic, design, 3), logistic, design)
    for authority, year in [(0, 0), (4, 2), (6, 4)]:
        cells = np.flatnonzero((logistic.authority == authority) & (logistic.year == year))
        shock, variance = _given_neighbours(draws, logistic, authority, year)
        mean = draws.predictor[:, cells] - draws.shock[:, authority, year, None] + shock
        found = _log_density(logistic, draws, cells, mean, variance)
        for s in range(len(found)):
            sd = np.sqrt(variance[s])
            grid = np.linspace(-8, 8, 2001) * sd
            each = log_likelihood_of(
                logistic, cells, mean[s] + grid[:, None], draws.child_effect[s]
            ) + stats.norm(0, sd).logpdf(grid)
            brute = logsumexp(each) + np.log(grid[1] - grid[0])
            assert found[s] == pytest.approx(brute, abs=LAPLACE)


def test_logistic_years_are_all_there(
    logistic: CellData,
    logistic_analysis: HierarchicalAnalysis,
    design_of: Any,
    logistic_draws: Callable[..., xr.Dataset],
) -> None:
    design = design_of(logistic, logistic_analysis)
    draws = logistic_draws(logistic, design, 50)
    found = loo_cells(draws, logistic, design, logistic_analysis)
    assert len(found.rows) == 35
    assert found.summary.likelihood == "binomial logit"
    weight = logistic.cells.groupby(["authority", "year"])["weight"].sum()
    for row in found.rows:  # of every child a log probability
        assert -0.7 * weight[row.authority, row.year] < row.elpd < 0


def test_an_authority_left_out_is_predicted_as_in_closed_form(
    linear: CellData, linear_analysis: HierarchicalAnalysis, design_of: Any, exact_of: Any
) -> None:
    design = design_of(linear, linear_analysis)
    exact = exact_of(linear, design)
    rows = loo_authorities(exact.draws(1000, seed=5), linear, design, linear_analysis, most=4000)
    assert [row.authority for row in rows] == list(linear.authorities)
    assert [row.arm for row in rows] == ["pilot"] * 3 + ["comparator"] * 4
    for j, row in enumerate(rows):
        assert not row.refitted
        if row.pareto_k < MAX_K:
            own = exact.log_density(np.flatnonzero(linear.authority == j))
            assert row.elpd == pytest.approx(own, abs=2 * SAMPLED)
    assert sum(row.pareto_k < MAX_K for row in rows) >= 4


def test_an_authority_far_out_is_predicted_badly_and_fitted_again(
    linear: CellData, linear_analysis: HierarchicalAnalysis, design_of: Any, exact_of: Any
) -> None:
    data = far_out(linear, "Gorse", (2016, 2017), 0.4)
    design = design_of(data, linear_analysis)
    exact = exact_of(data, design)
    asked = []

    def refit(name: str) -> xr.Dataset:
        asked.append(name)
        kept = data.authority != data.authorities.index(name)
        draws: xr.Dataset = exact.draws(1000, seed=6, kept=kept)
        return draws

    draws = exact.draws(250, seed=7)
    before = loo_authorities(draws, data, design, linear_analysis)
    rows = loo_authorities(draws, data, design, linear_analysis, refit=refit, most=4000)
    assert asked == [row.authority for row in rows if row.refitted]
    assert all(row.refitted == (row.pareto_k > MAX_K) for row in rows)
    assert "Gorse" in asked
    assert min(rows, key=lambda row: row.elpd).authority == "Gorse"
    assert min(before, key=lambda row: row.elpd).authority == "Gorse"
    gorse = rows[data.authorities.index("Gorse")]
    own = exact.log_density(np.flatnonzero(data.authority == data.authorities.index("Gorse")))
    assert gorse.elpd == pytest.approx(own, rel=0.05)


def test_a_pilots_own_term_is_integrated_out_under_its_prior(
    linear: CellData, linear_analysis: HierarchicalAnalysis, design_of: Any, exact_of: Any
) -> None:
    pooled = design_of(linear, linear_analysis)
    prior = Normal(mean=0.3, sd=0.1, why="made up for a test")
    own = design_of(linear, linear_analysis, pilot_effects="none", effect_prior=prior)
    draws = exact_of(linear, own).draws(5, seed=8)
    thinned = thinned_draws(draws, linear, own)
    found = authority_log_density(thinned, linear, own, linear_analysis, 1)
    place = own.terms.index("did: Birch")
    cells = np.flatnonzero(linear.authority == 1)
    other = thinned.coefficient.copy()
    other[:, place] = own.prior_mean[place]
    residual = linear.centre[cells] - other @ own.design[cells].T
    residual -= thinned.child_effect @ linear.child_means[cells].T
    years = np.array(linear.years, dtype=float)[linear.year[cells]]
    treated = own.design[cells, place]
    covariance = (
        np.diag(0.3**2 / linear.curvature[cells])
        + 0.05**2
        + own.prior_sd[place] ** 2 * np.outer(treated, treated)
        + 0.04**2 * 0.6 ** np.abs(years[:, None] - years)
    )
    brute = stats.multivariate_normal(np.zeros(len(cells)), covariance).logpdf(residual)
    assert found == pytest.approx(brute, rel=EXACT)
    assert pooled.prior_sd[place] == 0


@pytest.mark.parametrize("authority", ["Dogwood", "Ash"])
def test_heavy_tails_are_integrated_over_a_grid(
    authority: str,
    linear: CellData,
    linear_analysis: HierarchicalAnalysis,
    design_of: Any,
    exact_of: Any,
) -> None:
    heavy = replace(linear_analysis, model=replace(linear_analysis.model, tails="student t"))
    design = design_of(linear, heavy)
    draws = thinned_draws(exact_of(linear, design).draws(2, seed=9), linear, design)
    j = linear.authorities.index(authority)
    cells = np.flatnonzero(linear.authority == j)
    found = authority_log_density(draws, linear, design, heavy, j)
    years = np.array(linear.years, dtype=float)[linear.year[cells]]
    known = np.diag(0.3**2 / linear.curvature[cells])
    known += 0.04**2 * 0.6 ** np.abs(years[:, None] - years)
    mean = draws.coefficient @ design.design[cells].T
    left = linear.centre[cells] - mean - draws.child_effect @ linear.child_means[cells].T
    grid = np.linspace(-15, 15, 301)
    log_t = stats.t(4).logpdf(grid) + np.log(grid[1] - grid[0])
    intercept, deviation = np.meshgrid(grid, grid, indexing="ij")
    treated = design.pilots[cells].sum(axis=1)
    for s in range(len(left)):
        shift = 0.05 * intercept[..., None] + 0.03 * deviation[..., None] * treated
        density = stats.multivariate_normal(np.zeros(len(cells)), known).logpdf(left[s] - shift)
        brute = logsumexp(density + log_t[:, None] + log_t[None, :])
        assert found[s] == pytest.approx(brute, abs=LAPLACE)


def test_a_logistic_authority_is_its_effects_drawn_from_their_prior(
    logistic: CellData,
    logistic_analysis: HierarchicalAnalysis,
    design_of: Any,
    logistic_draws: Callable[..., xr.Dataset],
) -> None:
    design = design_of(logistic, logistic_analysis)
    draws = thinned_draws(logistic_draws(logistic, design, 1), logistic, design)
    j, rng = 2, np.random.default_rng(10)
    cells = np.flatnonzero(logistic.authority == j)
    found = authority_log_density(draws, logistic, design, logistic_analysis, j)
    years = np.array(logistic.years, dtype=float)[logistic.year[cells]]
    for s in range(len(found)):
        covariance = draws.shock_sd[s] ** 2 * draws.correlation[s] ** np.abs(years[:, None] - years)
        covariance = covariance + draws.authority_sd[s] ** 2
        treated = design.pilots[cells].sum(axis=1)
        covariance += draws.pilot_effect_sd[s] ** 2 * np.outer(treated, treated)
        predictor = draws.coefficient[s] @ design.design[cells].T
        drawn = rng.multivariate_normal(predictor, covariance, 200_000)
        each = log_likelihood_of(logistic, cells, drawn, draws.child_effect[s])
        assert found[s] == pytest.approx(logsumexp(each) - np.log(len(each)), abs=5 * LAPLACE)


def test_an_integral_of_parabolas_is_a_normal_density() -> None:
    rng = np.random.default_rng(11)
    root = rng.standard_normal((3, 3))
    prior = NormalPredictor(mean=rng.standard_normal((1, 3)), covariance=(root @ root.T)[None])
    seen, sd = rng.standard_normal(3), np.array([0.3, 1.0, 2.0])
    at = rng.standard_normal((1, 3))  # any point serves
    parabola = Parabola(
        at=at,
        value=stats.norm(seen, sd).logpdf(at),
        score=(seen - at) / sd**2,
        curvature=1 / sd[None] ** 2,
    )
    found, mode = integrated(parabola, prior)
    covariance = root @ root.T + np.diag(sd**2)
    assert found[0] == pytest.approx(
        stats.multivariate_normal(prior.mean[0], covariance).logpdf(seen), rel=EXACT
    )
    expected = prior.mean[0] + root @ root.T @ np.linalg.solve(covariance, seen - prior.mean[0])
    assert mode[0] == pytest.approx(expected, rel=EXACT)


def test_censored_counts_count_for_what_is_known(
    logistic: CellData,
    logistic_analysis: HierarchicalAnalysis,
    design_of: Any,
    logistic_draws: Callable[..., xr.Dataset],
) -> None:
    assert logistic.patterns is not None
    numbers, events, log_prior = combinations(3, 9, 1, 4)
    one = Censored(
        cell=np.array([0]),
        pattern=np.array([2]),
        weight=np.array([0.7]),
        n=numbers[None],
        events=events[None],
        log_prior=log_prior[None],
    )
    middle = {"cell": 0, "pattern": 2, "n": 4.0, "events": 2.0, "children": 6.0}
    more = {
        name: np.append(getattr(logistic.patterns, name), value) for name, value in middle.items()
    }
    data = replace(logistic, patterns=replace(logistic.patterns, **more, censored=(one,)))
    design = design_of(data, logistic_analysis)
    draws = thinned_draws(logistic_draws(data, design, 1), data, design)
    cells, h = np.array([0, 1]), 1e-4
    at = draws.predictor[:, cells]
    lower, here, upper = (
        logistic_parabola(data, draws, cells, at + step).value for step in (-h, 0.0, h)
    )
    found = logistic_parabola(data, draws, cells, at)
    plain = logistic_parabola(logistic, draws, cells, at).value
    child = draws.child_effect @ data.patterns.child_design[2]  # type: ignore[union-attr]
    added = [log_likelihood(one, at[s, :1] + child[s]) for s in range(len(at))]
    assert here - plain == pytest.approx(np.column_stack([added, np.zeros(len(at))]), abs=EXACT)
    assert found.score == pytest.approx((upper - lower) / (2 * h), rel=FIRST)
    assert found.curvature == pytest.approx(-(upper - 2 * here + lower) / h**2, rel=SECOND)
