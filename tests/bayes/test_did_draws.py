"""Named draws: the closed form where there is one, and the sum of their own parts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import xarray as xr
from tests.likelihood import bernoulli_logit

from sofs_bayes.bayes import did_draws
from sofs_bayes.bayes.blocks import FLAT, Blocks, Setting, blocks
from sofs_bayes.bayes.cell_data import CellData, cell_data, without
from sofs_bayes.bayes.did_draws import gaussian_log_likelihood, named, regression_coefficients
from sofs_bayes.bayes.did_model import Arrays, build_model, form_of, model_data
from sofs_bayes.cells.dataset import Cells
from sofs_bayes.frequentist.did import fit
from sofs_bayes.frequentist.terms import design
from sofs_bayes.spec import HierarchicalAnalysis, Normal

# Sums in another order, after a solve of some dozens of cells.
EXACT = 1e-8
# Means of 20,000 draws, of some 80 effects: the largest of so many z-scores.
DRAWS, LARGEST_Z = 10_000, 4.5
# Covariances of as many draws, in units of the sds: 1 / √20,000 is 0.007.
LARGEST_GAP = 0.035

Floats = npt.NDArray[np.float64]
Make = Callable[..., HierarchicalAnalysis]
# The regression's column, changes of the model, and the fit's setting.
Variant = tuple[str, dict[str, Any], dict[str, Any]]
EFFECT = Normal(mean=0.05, sd=0.2, why="made up for a test")
SDS = {
    "authority_sd": 0.07,
    "pilot_effect_sd": 0.05,
    "shock_sd": 0.04,
    "shock_correlation": 0.6,
    "year_effect_sd": 0.03,
    "residual_sd": 0.45,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A fit's data and design, and draws of the sds that are all the same."""

    data: CellData
    blocks: Blocks
    arrays: Arrays
    posterior: xr.Dataset


def made_case(
    cells: Cells,
    analysis: HierarchicalAnalysis,
    draws: int,
    left_out: tuple[str, ...] = (),
    **setting: Any,
) -> Case:
    data = without(cell_data(cells, analysis), left_out)
    found = blocks(data, analysis, Setting(effect_prior=EFFECT, **setting))
    names = [name for name in SDS if name != "year_effect_sd" or found.steps]
    if analysis.model.shocks != "persistent":
        names.remove("shock_correlation")
    if analysis.model.shocks == "none":
        names.remove("shock_sd")
    variables: dict[str, Any] = {
        name: (("chain", "draw"), np.full((2, draws), SDS[name])) for name in names
    }
    if analysis.model.tails == "student t":
        for name, size in (("authority_precision", 8), ("pilot_precision", 4)):
            values = np.broadcast_to(np.linspace(0.4, 2.0, size), (2, draws, size))
            variables[name] = (("chain", "draw", f"{name}_dim_0"), values)
    coords = {"chain": [0, 1], "draw": np.arange(draws)}
    return Case(
        data=data,
        blocks=found,
        arrays=model_data(data, found, analysis),
        posterior=xr.Dataset(variables, coords=coords),
    )


def closed_form(case: Case) -> tuple[Floats, Floats]:
    """Mean and covariance of coefficients, intercepts, deviations, steps, shocks, children's.

    From the normal equations of all of them together.
    """
    data, found, posterior = case.data, case.blocks, case.posterior

    def sds(name: str, precision: str, design: Floats) -> Floats:
        sd = SDS[name] / np.sqrt(
            posterior[precision].values[0, 0] if precision in posterior else np.ones(1)
        )
        return np.broadcast_to(sd, design.shape[1]) * design.any(axis=0)

    years = np.array(data.years)
    gap = np.abs(np.subtract.outer(years, years))
    rho = SDS["shock_correlation"] if "shock_correlation" in posterior else 0.0
    shock = SDS["shock_sd"] ** 2 * np.where(gap == 0, 1.0, rho**gap) * found.shocks.any()
    parts = [
        np.diag(found.prior_sd**2),
        np.diag(sds("authority_sd", "authority_precision", found.authorities) ** 2),
        np.diag(sds("pilot_effect_sd", "pilot_precision", found.pilots) ** 2),
        np.diag(sds("year_effect_sd", "", found.years_since) ** 2),
        np.kron(np.eye(len(data.authorities)), shock),
        np.eye(len(data.child_terms)) * (FLAT * SDS["residual_sd"]) ** 2,
    ]
    size = sum(len(part) for part in parts)
    prior, start = np.zeros((size, size)), 0
    for part in parts:
        prior[start : start + len(part), start : start + len(part)] = part
        start += len(part)
    mean = np.zeros(size)
    mean[: len(found.terms)] = found.prior_mean
    x = np.column_stack(
        [
            *(found.design, found.authorities, found.pilots, found.years_since),
            *(found.shocks, data.child_means),
        ]
    )
    information = x.T @ (data.curvature[:, None] * x)
    pull = x.T @ (data.curvature * data.centre)
    k = len(data.child_terms)
    information[-k:, -k:] += data.within_xx.sum(0)
    pull[-k:] += data.within_xy.sum(0)
    information, pull = information / SDS["residual_sd"] ** 2, pull / SDS["residual_sd"] ** 2
    # Some prior variances are 0: Σ = (I + PQ)⁻¹ P needs no inverse of P.
    covariance = np.linalg.solve(np.eye(size) + prior @ information, prior)
    return mean + covariance @ (pull - information @ mean), covariance


ORDER = (
    *("coefficient", "authority_intercept", "pilot_deviation"),
    *("year_step", "shock", "child_effect"),
)


def together(draws: xr.Dataset) -> Floats:
    flat = [
        draws[name].values.reshape(draws.sizes["chain"] * draws.sizes["draw"], -1)
        for name in ORDER
        if name in draws
    ]
    return np.concatenate(flat, axis=1)


MODELS: list[Variant] = [
    ("did", {}, {}),
    ("did", {"shocks": "independent", "tails": "student t"}, {"departure_sd": 0.03}),
    ("did", {"shocks": "none"}, {"pilot_effects": "none"}),
    ("leads and lags", {"years_since": "random walk"}, {"shocks": False}),
]


@pytest.mark.parametrize("variant", MODELS, ids=str)
def test_effects_given_the_sds_are_the_closed_form(
    children_cells: Cells, hierarchical: Make, variant: Variant
) -> None:
    column, model, setting = variant
    case = made_case(children_cells, hierarchical(column, **model), DRAWS, **setting)
    found = together(named(case.posterior, case.data, case.blocks, case.arrays, seed=4))
    z, gap = misses(found, case)
    assert z < LARGEST_Z
    assert gap < LARGEST_GAP


def misses(found: Floats, case: Case) -> tuple[float, float]:
    """The largest z-score of a mean, and of a covariance's gap in units of the sds."""
    mean, covariance = closed_form(case)
    sd = np.sqrt(np.diag(covariance).clip(min=0.0))
    moves = sd > EXACT
    assert np.abs(found[:, ~moves] - mean[~moves]).max(initial=0.0) < EXACT
    z = (found.mean(axis=0) - mean)[moves] / sd[moves] * np.sqrt(len(found))
    scale = np.outer(sd[moves], sd[moves])
    gap = (np.cov(found[:, moves].T) - covariance[np.ix_(moves, moves)]) / scale
    return float(np.abs(z).max()), float(np.abs(gap).max())


def test_a_draw_that_forgets_the_shocks_is_noticed(
    children_cells: Cells, hierarchical: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The closed form is not so wide that anything would pass."""
    case = made_case(children_cells, hierarchical(), DRAWS // 2)

    def no_covariance(blocks: Blocks, alike: Floats) -> Floats:
        cells = len(blocks.design)
        return np.zeros((len(alike), cells, cells))

    monkeypatch.setattr(did_draws, "_by_cells", no_covariance)
    found = together(named(case.posterior, case.data, case.blocks, case.arrays, seed=4))
    z, gap = misses(found, case)
    assert z > 2 * LARGEST_Z or gap > 2 * LARGEST_GAP


def test_nothing_is_known_of_authorities_left_out(
    children_cells: Cells, hierarchical: Make
) -> None:
    """Their intercepts are draws from the prior; the rest is the closed form."""
    case = made_case(children_cells, hierarchical(), DRAWS, ("Birchway", "Fern"))
    draws = named(case.posterior, case.data, case.blocks, case.arrays, seed=4)
    z, gap = misses(together(draws), case)
    assert z < LARGEST_Z
    assert gap < LARGEST_GAP
    spread = draws["authority_intercept"].sel(authority="Fern").std()
    assert float(spread) == pytest.approx(SDS["authority_sd"], rel=0.03)


@pytest.mark.parametrize("column", ["did", "leads and lags"])
def test_a_cells_predictor_is_the_sum_of_its_parts(
    children_cells: Cells, hierarchical: Make, column: str
) -> None:
    pooled = "exchangeable" if column == "leads and lags" else "separate"
    analysis = hierarchical(column, years_since=pooled, tails="student t")
    case = made_case(children_cells, analysis, 30)
    draws = named(case.posterior, case.data, case.blocks, case.arrays, seed=4)
    np.testing.assert_allclose(draws["cell_predictor"], added_up(draws, case), atol=EXACT)
    assert draws["coefficient"].dims == ("chain", "draw", "term")
    assert draws["shock"].dims == ("chain", "draw", "authority", "year")
    assert draws["shock"].sel(authority="Dell", year=2015).shape == (2, 30)


def added_up(draws: xr.Dataset, case: Case) -> Floats:
    """Cells' predictors by the named parts and the blocks' designs."""
    found = case.blocks
    total: Floats = draws["coefficient"].values @ found.design.T
    total = total + draws["authority_intercept"].values @ found.authorities.T
    total = total + draws["pilot_deviation"].values @ found.pilots.T
    if found.steps:
        total = total + draws["year_step"].values @ found.years_since.T
    shock = draws["shock"].values
    return total + shock.reshape(*shock.shape[:2], -1) @ found.shocks.T


def test_the_log_likelihood_is_that_of_rows(
    children_rows: pd.DataFrame, children_cells: Cells, hierarchical: Make
) -> None:
    """Up to a constant: differences between draws are those of the rows."""
    analysis = hierarchical()
    case = made_case(children_cells, analysis, 10)
    sds = {"residual_sd": (("chain", "draw"), np.linspace(0.3, 0.6, 20).reshape(2, 10))}
    draws = named(case.posterior.assign(sds), case.data, case.blocks, case.arrays, seed=4)
    rows = design(children_rows, analysis.children, analysis.regression)
    weights = rows.weights * case.data.curvature.sum() / rows.weights.sum()
    at = rows_cells(children_rows, case.data)
    z = rows.terms[[*case.data.child_terms]].to_numpy()
    eta = draws["cell_predictor"].values[..., at] + draws["child_effect"].values @ z.T
    sigma = draws["residual_sd"].values
    squares = (weights * (rows.outcome - eta) ** 2).sum(axis=-1)
    expected = -weights.sum() * np.log(sigma) - 0.5 * squares / sigma**2
    np.testing.assert_allclose(draws["log_likelihood"], expected, rtol=EXACT)
    again = gaussian_log_likelihood(
        case.data, draws["cell_predictor"].values, draws["child_effect"].values, sigma
    )
    np.testing.assert_allclose(again, expected, rtol=EXACT)


def rows_cells(rows: pd.DataFrame, data: CellData) -> npt.NDArray[np.int64]:
    """The cell of each row, found by what makes it: authority, year and `post`."""
    post = data.design[:, data.terms.index("post")].astype(int)
    keys = zip(data.cells["authority"], data.cells["year"], post, strict=True)
    place = {key: i for i, key in enumerate(keys)}
    own = zip(rows["authority"], rows["year"], rows["post"], strict=True)
    return np.array([place[key] for key in own])


def test_the_seed_settles_the_draws(children_cells: Cells, hierarchical: Make) -> None:
    case = made_case(children_cells, hierarchical(), 20)
    one, same, other = (
        named(case.posterior, case.data, case.blocks, case.arrays, seed=seed) for seed in (1, 1, 2)
    )
    xr.testing.assert_identical(one, same)
    assert not np.allclose(one["child_effect"], other["child_effect"])


@pytest.mark.parametrize("column", ["did", "practice model"])
def test_replicating_is_the_regression(
    children_rows: pd.DataFrame, children_cells: Cells, hierarchical: Make, column: str
) -> None:
    """Given the residual sd, estimates and standard errors are least squares' own."""
    analysis = hierarchical(column)
    case = made_case(children_cells, analysis, DRAWS, replicating=True)
    regression = analysis.regression
    expected = fit(children_rows, analysis.children, regression)
    draws = named(case.posterior, case.data, case.blocks, case.arrays, seed=4)
    rows = design(children_rows, analysis.children, regression)
    x = rows.terms.to_numpy()
    weights = rows.weights * case.data.curvature.sum() / rows.weights.sum()
    errors = SDS["residual_sd"] * np.sqrt(np.diag(np.linalg.inv(x.T @ (weights[:, None] * x))))
    for term, error in zip(expected.terms, errors, strict=True):
        if term in case.data.child_terms:
            found = draws["child_effect"].sel(child_term=term)
        else:
            found = regression_coefficients(draws, case.blocks).sel(term=term)
        assert float(found.mean()) == pytest.approx(expected.coefficient(term), abs=0.1 * error)
        assert float(found.std()) == pytest.approx(error, rel=0.02)


# ------------------------------------------------------------------------------- logistic


def logistic_draws(case: Case, graph: Any, seed: int = 8) -> xr.Dataset:
    """Draws as a graph would give them, at random values of its free variables."""
    random = np.random.default_rng(seed)
    names = [each.name for each in graph.deterministics]
    names += [each.name for each in graph.free_RVs]
    outputs = graph.replace_rvs_by_values([graph[name] for name in names])
    compiled = graph.compile_fn(outputs, inputs=graph.value_vars, mode="FAST_COMPILE")
    start = graph.initial_point()
    draws = [
        compiled({name: 0.5 * random.standard_normal(np.shape(start[name])) for name in start})
        for _ in range(6)
    ]
    variables = {}
    for i, name in enumerate(names):
        values = np.array([draw[i] for draw in draws])
        values = values.reshape(2, 3, *values.shape[1:])
        dims = [f"{name}_dim_{k}" for k in range(values.ndim - 2)]
        variables[name] = (("chain", "draw", *dims), values)
    return xr.Dataset(variables, coords={"chain": [0, 1], "draw": [0, 1, 2]})


LOGISTIC: list[Variant] = [
    ("did", {"tails": "student t"}, {}),
    ("did", {"shocks": "none"}, {"pilot_effects": "none"}),
    ("leads and lags", {"years_since": "exchangeable"}, {"shocks": False}),
]


@pytest.mark.parametrize("variant", LOGISTIC, ids=str)
def test_the_parts_of_a_logistic_graph_are_named_and_add_up(
    children_rows: pd.DataFrame, children_cells: Cells, hierarchical: Make, variant: Variant
) -> None:
    column, model, setting = variant
    analysis = hierarchical(column, likelihood="binomial logit", **model)
    case = made_case(children_cells, analysis, 3, **setting)
    form = form_of(case.data, case.blocks, analysis)
    posterior = logistic_draws(case, build_model(form, case.arrays))
    draws = named(posterior, case.data, case.blocks, case.arrays, seed=4)
    np.testing.assert_allclose(draws["cell_predictor"], added_up(draws, case), atol=EXACT)
    unused = case.blocks.prior_sd == 0
    np.testing.assert_array_equal(
        draws["coefficient"].values[..., unused],
        np.broadcast_to(case.blocks.prior_mean[unused], (2, 3, unused.sum())),
    )
    counts = case.data.patterns
    assert counts is not None
    rows = design(children_rows, analysis.children, analysis.regression)
    z = rows.terms[[*case.data.child_terms]].to_numpy()
    weights = rows.weights * counts.n.sum() / rows.weights.sum()
    at = rows_cells(children_rows, case.data)
    eta = draws["cell_predictor"].values[..., at] + draws["child_effect"].values @ z.T
    for chain, draw in np.ndindex(2, 3):
        events = weights * rows.outcome
        expected = bernoulli_logit(eta[chain, draw], n=weights, events=events)
        found = float(draws["log_likelihood"][chain, draw])
        assert found == pytest.approx(expected, rel=EXACT)
