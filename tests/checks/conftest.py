"""Cells of children made by hand, small enough for every posterior to have a closed form."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from sofs_bayes import spec
from sofs_bayes.bayes.blocks import Blocks, Setting, blocks
from sofs_bayes.bayes.cell_data import CellData
from sofs_bayes.bayes.expansion import Counts, expand
from sofs_bayes.bayes.patterns import Patterns
from sofs_bayes.spec import HierarchicalAnalysis

Floats = npt.NDArray[np.float64]

YEARS = (2012, 2013, 2014, 2016, 2017)
# The first year after settling-in; Elm is a comparator of two pilots, so that its 2014 is both.
PILOTS = {"Ash": 2014, "Birch": 2016, "Cedar": 2016}
COMPARATORS = {"Dogwood": (2014,), "Elm": (2014, 2016), "Fir": (2016,), "Gorse": (2016,)}
TERMS = ("intercept", *(f"year {year}" for year in YEARS[1:]), "pilot", "did", "post")
CHILD_TERMS = ("gender: female", "age")
PATTERNS = np.array([[0.0, -1.0], [0.0, 1.0], [1.0, -1.0], [1.0, 1.0]])

# Standard deviations the closed forms are given; the residual one belongs to the linear model.
SDS = {"authority_sd": 0.05, "pilot_effect_sd": 0.03, "shock_sd": 0.04, "residual_sd": 0.3}
CORRELATION = 0.6


def _cells() -> pd.DataFrame:
    rows = [
        {"authority": name, "year": year, "pilot": 1, "treated": int(year >= first), "post": 0}
        for name, first in PILOTS.items()
        for year in YEARS
    ]
    for name, firsts in COMPARATORS.items():
        for year in YEARS:
            for post in sorted({int(year >= first) for first in firsts}):
                one = {"authority": name, "year": year, "pilot": 0, "treated": 0, "post": post}
                rows.append(one)
    frame = pd.DataFrame(rows)
    frame["post"] |= frame["treated"]
    return frame


def _design(cells: pd.DataFrame) -> Floats:
    columns = [np.ones(len(cells)), *(cells["year"] == year for year in YEARS[1:])]
    columns += [cells["pilot"], cells["treated"], cells["post"]]
    return np.column_stack(columns).astype(np.float64)


def linear_data(cells: pd.DataFrame, outcomes: list[Floats], children: list[Floats]) -> CellData:
    """What the linear model sees of children: outcomes and terms by cell."""
    place = {name: i for i, name in enumerate(sorted(cells["authority"].unique()))}
    means = np.array([terms.mean(axis=0) for terms in children])
    centre = np.array([outcome.mean() for outcome in outcomes])
    size = np.array([len(outcome) for outcome in outcomes], dtype=np.float64)
    k = len(CHILD_TERMS)
    xx, xy, yy = np.zeros((len(place), k, k)), np.zeros((len(place), k)), np.zeros(len(place))
    for c, name in enumerate(cells["authority"]):
        terms, outcome = children[c] - means[c], outcomes[c] - centre[c]
        xx[place[name]] += terms.T @ terms
        xy[place[name]] += terms.T @ outcome
        yy[place[name]] += outcome @ outcome
    known = cells.drop(columns="post").assign(children=size, weight=size, events=size * centre)
    return CellData(
        authorities=tuple(place),
        pilots=tuple(PILOTS),
        years=YEARS,
        cells=known,
        terms=TERMS,
        design=_design(cells),
        child_terms=CHILD_TERMS,
        curvature=size,
        centre=centre,
        child_means=means,
        within_xx=xx,
        within_xy=xy,
        within_yy=yy,
        patterns=None,
        dropped=(),
    )


def logistic_data(cells: pd.DataFrame, n: Floats, events: Floats) -> CellData:
    """What the logistic model sees of counts, shape (cells, patterns)."""
    cell, pattern = (each.ravel() for each in np.indices(n.shape))
    codes, labels = pd.factorize(cells["authority"], sort=True)
    flat = {"cell": cell, "n": n.ravel(), "events": events.ravel()}
    near = expand(Counts(**flat, child_terms=PATTERNS[pattern], authority=codes.astype(np.int64)))
    sums = {"children": n.sum(1), "weight": n.sum(1), "events": events.sum(1)}
    return CellData(
        authorities=tuple(labels),
        pilots=tuple(PILOTS),
        years=YEARS,
        cells=cells.drop(columns="post").assign(**sums),
        terms=TERMS,
        design=_design(cells),
        child_terms=CHILD_TERMS,
        curvature=near.curvature,
        centre=near.centre,
        child_means=near.child_means,
        within_xx=near.within_xx,
        within_xy=near.within_xy,
        within_yy=near.within_yy,
        patterns=Patterns(pattern=pattern, children=n.ravel(), child_design=PATTERNS, **flat),
        dropped=(),
    )


@pytest.fixture(scope="session")
def linear_analysis() -> HierarchicalAnalysis:
    """The bundled linear analysis: its model and priors."""
    found = spec.load("icpc-linear")
    assert isinstance(found, HierarchicalAnalysis)
    return found


@pytest.fixture(scope="session")
def logistic_analysis() -> HierarchicalAnalysis:
    """The bundled logistic analysis."""
    found = spec.load("cla-logistic")
    assert isinstance(found, HierarchicalAnalysis)
    return found


@pytest.fixture(scope="session")
def linear(linear_analysis: HierarchicalAnalysis) -> CellData:
    """Children drawn from the linear model with the closed forms' standard deviations."""
    rng = np.random.default_rng(1)
    cells = _cells()
    mean = np.array([0.15, 0.01, -0.01, 0.02, 0.01, -0.03, 0.02, 0.01]) @ _design(cells).T
    own = {name: rng.normal(0.0, SDS["authority_sd"]) for name in cells["authority"].unique()}
    shock = {name: dict(zip(YEARS, path(rng, SDS["shock_sd"]), strict=True)) for name in own}
    outcomes, children = [], []
    for c, row in enumerate(cells.itertuples()):
        terms = PATTERNS[rng.integers(0, 4, int(rng.integers(40, 120)))]
        predictor = mean[c] + own[row.authority] + shock[row.authority][row.year]
        noise = rng.normal(0.0, SDS["residual_sd"], len(terms))
        outcomes.append(predictor + terms @ [0.02, -0.01] + noise)
        children.append(terms)
    return linear_data(cells, outcomes, children)


def path(rng: np.random.Generator, sd: float) -> Floats:
    """A path of persistent shocks, one value a year."""
    years = np.array(YEARS, dtype=np.float64)
    alike = CORRELATION ** np.abs(years[:, None] - years[None, :])
    return rng.multivariate_normal(np.zeros(len(years)), sd**2 * alike)


@pytest.fixture(scope="session")
def logistic() -> CellData:
    """Counts by cell and pattern, about one event in ten children."""
    rng = np.random.default_rng(2)
    cells = _cells()
    n = rng.integers(5, 60, (len(cells), len(PATTERNS))).astype(np.float64)
    log_odds = -2.3 + rng.normal(0.0, 0.3, (len(cells), 1)) + PATTERNS @ [0.3, -0.1]
    return logistic_data(cells, n, rng.binomial(n.astype(int), 1 / (1 + np.exp(-log_odds))) * 1.0)


@pytest.fixture(scope="session")
def design_of() -> Callable[..., Blocks]:
    """The blocks of an analysis's fit to cells, under its reference prior."""

    def make(data: CellData, analysis: HierarchicalAnalysis, **setting: object) -> Blocks:
        prior = analysis.effect_priors["reference"]
        return blocks(data, analysis, replace(Setting(effect_prior=prior), **setting))  # type: ignore[arg-type]

    return make


class Exact:
    """The linear model's posterior given its standard deviations, in closed form.

    The vector of unknowns: terms, children's terms, intercepts, deviations, shocks.
    """

    def __init__(self, data: CellData, design: Blocks) -> None:
        self.data, self.design = data, design
        years = np.array(data.years, dtype=np.float64)
        alike = CORRELATION ** np.abs(years[:, None] - years[None, :])
        shocks = SDS["shock_sd"] ** 2 * np.kron(np.eye(len(data.authorities)), alike)
        # Child terms: flat, and seen within cells.
        noise = SDS["residual_sd"] ** 2
        child = noise * np.linalg.inv(data.within_xx.sum(0))
        known = child @ data.within_xy.sum(0) / noise
        sizes = [len(design.terms), len(known), len(data.authorities), len(data.pilots)]
        self.sizes = [*sizes, shocks.shape[0]]
        self.mean = np.r_[design.prior_mean, known, np.zeros(sum(sizes[2:]) + shocks.shape[0])]
        spread = [SDS["authority_sd"] ** 2] * sizes[2] + [SDS["pilot_effect_sd"] ** 2] * sizes[3]
        self.covariance = _block_diagonal(
            np.diag(design.prior_sd**2), child, np.diag(spread), shocks
        )
        self.design_of_all = np.hstack(
            [design.design, data.child_means, design.authorities, design.pilots, design.shocks]
        )

    def observed(self, kept: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
        """Mean and covariance of all unknowns given the means of the kept cells."""
        x = self.design_of_all[kept]
        noise = np.diag(SDS["residual_sd"] ** 2 / self.data.curvature[kept])
        gain = self.covariance @ x.T @ np.linalg.inv(x @ self.covariance @ x.T + noise)
        mean = self.mean + gain @ (self.data.centre[kept] - x @ self.mean)
        return mean, self.covariance - gain @ x @ self.covariance

    def log_density(self, cells: npt.NDArray[np.int64]) -> float:
        """Of the means of some cells given those of all others."""
        others = np.ones(len(self.data.cells), dtype=bool)
        others[cells] = False
        mean, covariance = self.observed(others)
        x = self.design_of_all[cells]
        spread = x @ covariance @ x.T + np.diag(
            SDS["residual_sd"] ** 2 / self.data.curvature[cells]
        )
        return float(stats.multivariate_normal(x @ mean, spread).logpdf(self.data.centre[cells]))

    def draws(self, size: int, seed: int, kept: npt.NDArray[np.bool_] | None = None) -> xr.Dataset:
        """Named draws of four chains given the means of the kept cells, or of all."""
        kept = np.ones(len(self.data.cells), dtype=bool) if kept is None else kept
        mean, covariance = self.observed(kept)
        rng = np.random.default_rng(seed)
        root = np.linalg.cholesky(covariance + 1e-14 * np.eye(len(mean)))
        drawn = mean + rng.standard_normal((4 * size, len(mean))) @ root.T
        term, child, authority, pilot, shock = np.split(drawn, np.cumsum(self.sizes)[:-1], axis=1)
        everything = self.design_of_all.copy()
        everything[:, self.sizes[0] : self.sizes[0] + self.sizes[1]] = 0.0
        return named_draws(
            self.data,
            self.design,
            coefficient=term,
            child_effect=child,
            authority_intercept=authority,
            pilot_deviation=pilot,
            shock=shock.reshape(-1, len(self.data.authorities), len(self.data.years)),
            cell_predictor=drawn @ everything.T,
            shock_correlation=np.full(len(drawn), CORRELATION),
            **{name: np.full(len(drawn), sd) for name, sd in SDS.items()},
        )


def _block_diagonal(*blocks: Floats) -> Floats:
    size = sum(len(block) for block in blocks)
    whole, start = np.zeros((size, size)), 0
    for block in blocks:
        whole[start : start + len(block), start : start + len(block)] = block
        start += len(block)
    return whole


DIMS = {
    "coefficient": ("term",),
    "child_effect": ("child_term",),
    "authority_intercept": ("authority",),
    "pilot_deviation": ("pilot",),
    "shock": ("authority", "year"),
    "cell_predictor": ("cell",),
}


def named_draws(data: CellData, design: Blocks, **values: Floats) -> xr.Dataset:
    """Draws (draws, …) as four chains of named draws."""
    variables = {
        name: (
            ("chain", "draw", *DIMS.get(name, ())),
            drawn.reshape(4, -1, *drawn.shape[1:]),
        )
        for name, drawn in values.items()
    }
    coords = {
        "term": list(design.terms),
        "child_term": list(data.child_terms),
        "authority": list(data.authorities),
        "pilot": list(data.pilots),
        "year": list(data.years),
    }
    used = {dim for name in values for dim in DIMS.get(name, ())}
    return xr.Dataset(variables, coords={k: v for k, v in coords.items() if k in used})


@pytest.fixture(scope="session")
def exact_of() -> Callable[[CellData, Blocks], Exact]:
    """The linear model's posterior given its standard deviations, in closed form."""
    return Exact


@pytest.fixture(scope="session")
def logistic_draws() -> Callable[..., xr.Dataset]:
    """Draws of a logistic model from nowhere in particular, but one another's sums."""

    def make(data: CellData, design: Blocks, size: int = 100, seed: int = 5) -> xr.Dataset:
        rng = np.random.default_rng(seed)

        def normal(sd: float, *shape: int) -> Floats:
            return sd * rng.standard_normal((4 * size, *shape))

        term = (design.prior_mean + normal(0.1, len(design.terms))) * (design.prior_sd > 0)
        term[:, 0] = -2.3 + normal(0.05)
        authority = normal(0.2, len(data.authorities)) * design.authorities.any(axis=0)
        pilot = normal(0.1, len(data.pilots)) * design.pilots.any(axis=0)
        shock = normal(0.2, len(data.authorities), len(data.years)) * design.shocks.any()
        predictor = term @ design.design.T + authority @ design.authorities.T
        predictor += pilot @ design.pilots.T
        predictor += shock.reshape(4 * size, -1) @ design.shocks.T
        return named_draws(
            data,
            design,
            coefficient=term,
            child_effect=np.array([0.3, -0.1]) + normal(0.05, 2),
            authority_intercept=authority,
            pilot_deviation=pilot,
            shock=shock,
            cell_predictor=predictor,
            authority_sd=0.2 + 0.1 * rng.random(4 * size),
            pilot_effect_sd=0.1 + 0.1 * rng.random(4 * size),
            shock_sd=0.1 + 0.2 * rng.random(4 * size),
            shock_correlation=0.3 + 0.5 * rng.random(4 * size),
        )

    return make
