"""Rates by year: the cells' own, and a counterfactual that is the fit where effects are 0."""

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import xarray as xr

from sofs_bayes import spec
from sofs_bayes.bayes.blocks import Blocks, Setting, blocks
from sofs_bayes.bayes.cell_data import CellData, cell_data
from sofs_bayes.cells.collapse import collapse
from sofs_bayes.estimands.rows import YearlyRateRow
from sofs_bayes.estimands.yearly_rates import yearly_rate_rows
from sofs_bayes.frequentist.terms import child_terms
from sofs_bayes.spec import ChildrenAnalysis, Estimands, HierarchicalAnalysis, Normal, Statement

FOLDER = Path(__file__).parents[1] / "reference" / "regressions"
LINEAR, LOGISTIC = "icpc-linear", "cla-logistic"
LIKE, OTHER = (
    "effect against comparators with a similar practice model",
    "effect against other comparators",
)
# Sums over some hundred children in another order.
EXACT = 1e-10
CHAINS, DRAWS = 2, 5
PRIOR = Normal(mean=0.0, sd=0.1, why="anything will do here")
WANTED = Estimands(statements=(Statement(scale="risk", above=0.0),), level=0.8)

Floats = npt.NDArray[np.float64]
Made = tuple[xr.Dataset, CellData, Blocks]


@pytest.fixture(scope="module")
def matched() -> pd.DataFrame:
    """The matched table of the regressions' tests, with weights that differ in pilots, too."""
    table = pd.read_csv(FOLDER / "matched.csv", parse_dates=["referral_date"])
    weight = np.random.default_rng(5).uniform(0.2, 3.0, len(table))
    return table.assign(weight=weight)


def children_analysis() -> ChildrenAnalysis:
    found = spec.load(FOLDER / "analysis.toml")
    assert isinstance(found, ChildrenAnalysis)
    return found


def made(matched: pd.DataFrame, model: str, column: str) -> Made:
    """What a model sees of the children, the design of a fit, draws from nowhere in particular."""
    base = spec.load(model)
    assert isinstance(base, HierarchicalAnalysis)
    priors = replace(base.priors, effect_modifier=PRIOR, year_effect_sd=base.priors.pilot_effect_sd)
    analysis = replace(base, children=children_analysis(), column=column, priors=priors)
    data = cell_data(collapse(matched, analysis.children, evidence="synthetic"), analysis)
    design = blocks(data, analysis, Setting(effect_prior=PRIOR))
    return made_up_draws(data, design), data, design


def made_up_draws(data: CellData, design: Blocks) -> xr.Dataset:
    rng = np.random.default_rng(20150331)

    def normal(*shape: int) -> Floats:
        return rng.standard_normal((CHAINS, DRAWS, *shape))

    variables = {
        "coefficient": (("term",), (0.2 + 0.1 * normal(len(design.terms))) * (design.prior_sd > 0)),
        "child_effect": (("child_term",), 0.4 * normal(len(data.child_terms))),
        "pilot_deviation": (("pilot",), 0.2 * normal(len(data.pilots))),
        "cell_predictor": (("cell",), -2.0 + 0.5 * normal(len(data.cells))),
    }
    return xr.Dataset(
        {name: (("chain", "draw", *dims), draws) for name, (dims, draws) in variables.items()},
        coords={
            "term": list(design.terms),
            "child_term": list(data.child_terms),
            "pilot": list(data.pilots),
        },
    )


def without_effects(made_up: Made) -> xr.Dataset:
    """The same draws with every effect at 0."""
    posterior, _, design = made_up
    kept = [float(term not in design.effect_terms) for term in design.terms]
    return posterior.assign(
        coefficient=posterior["coefficient"] * xr.DataArray(kept, dims="term"),
        pilot_deviation=0.0 * posterior["pilot_deviation"],
    )


def rows_of(made_up: Made, posterior: xr.Dataset | None = None) -> list[YearlyRateRow]:
    drawn, data, design = made_up
    drawn = drawn if posterior is None else posterior
    return yearly_rate_rows(drawn, data, design, WANTED, prior="reference")


def expit(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))


def weighted(values: list[float], weights: list[float]) -> float:
    return math.fsum(v * w for v, w in zip(values, weights, strict=True)) / math.fsum(weights)


def periods_of(matched: pd.DataFrame) -> dict[int, pd.DataFrame]:
    """The pilots' children of a year in the period of most of them."""
    found = {}
    for year, rows in matched[matched["pilot"] == 1].groupby("year"):
        found[int(str(year))] = rows[rows["post"] == int(2 * rows["post"].sum() > len(rows))]
    return found


@pytest.mark.parametrize("model", [LINEAR, LOGISTIC])
def test_observed_rates_are_the_childrens(matched: pd.DataFrame, model: str) -> None:
    rows = rows_of(made(matched, model, "did"))
    periods = periods_of(matched)
    assert [row.year for row in rows] == sorted(periods)
    assert {row.period for row in rows} == {"pre", "post"}
    for row in rows:
        own = periods[row.year]
        assert row.period == ("post" if own["post"].any() else "pre")
        assert row.pilots == own["authority"].nunique()
        others = matched[(matched["pilot"] == 0) & (matched["year"] == row.year)]
        for rate, children in ((row.observed, own), (row.comparators, others)):
            expected = weighted(list(children["outcome"]), list(children["weight"]))
            assert rate == pytest.approx(expected, abs=EXACT)


@pytest.mark.parametrize("model", [LINEAR, LOGISTIC])
def test_fitted_and_counterfactual_rates_are_means_over_children_draw_by_draw(
    matched: pd.DataFrame, model: str
) -> None:
    made_up = made(matched, model, "did")
    posterior, data, _ = made_up
    year, own = next(
        (y, rows)
        for y, rows in periods_of(matched).items()
        if rows["post"].any() and len(set(rows["authority"])) > 1
    )
    (row,) = (row for row in rows_of(made_up) if row.year == year)
    terms = child_terms(own, children_analysis())
    cells = {(c.authority, c.year, c.treated): i for i, c in enumerate(data.cells.itertuples())}
    found: Mapping[str, list[float]] = defaultdict(list)
    for chain, draw in np.ndindex(CHAINS, DRAWS):
        one = posterior.isel(chain=chain, draw=draw)
        did = float(one["coefficient"].sel(term="did"))
        gamma, deviation = (
            {str(label): float(value) for label, value in one[name].to_series().items()}
            for name in ("child_effect", "pilot_deviation")
        )
        predictor = one["cell_predictor"].to_numpy()
        own_parts = sum(gamma[name] * terms[name] for name in gamma if name in terms)
        fitted, without = [], []
        for authority, own_part in zip(own["authority"], own_parts, strict=True):
            value = predictor[cells[authority, year, 1]] + own_part
            risk = (lambda x: x) if model == LINEAR else expit
            fitted.append(risk(value))
            without.append(risk(value - did - deviation[authority]))
        weights = list(own["weight"])
        found["fitted"].append(weighted(fitted, weights))
        found["counterfactual"].append(weighted(without, weights))
        found["effect"].append(found["fitted"][-1] - found["counterfactual"][-1])
    for name, draws in found.items():
        assert getattr(row, name) == pytest.approx(np.median(draws), abs=1e-9)
        ends = (getattr(row, f"{name}_lower"), getattr(row, f"{name}_upper"))
        assert ends == pytest.approx(np.quantile(draws, [0.1, 0.9]), abs=1e-9)


@pytest.mark.parametrize("column", ["did", "lags", "quality", "ofsted", "leads and lags"])
@pytest.mark.parametrize("model", [LINEAR, LOGISTIC])
def test_without_effects_the_counterfactual_is_the_fit(
    matched: pd.DataFrame, model: str, column: str
) -> None:
    made_up = made(matched, model, column)
    for row in rows_of(made_up, without_effects(made_up)):
        if row.period == "post":
            assert row.effect == row.effect_lower == row.effect_upper == 0.0
            assert row.counterfactual == row.fitted
        else:
            assert math.isnan(row.counterfactual)
            assert math.isnan(row.effect)
            assert row.fitted_lower < row.fitted < row.fitted_upper
    assert any(row.effect != 0.0 for row in rows_of(made_up) if row.period == "post")


def test_a_rise_by_the_effect_puts_the_counterfactual_below(matched: pd.DataFrame) -> None:
    """The wrong sign is noticed: the counterfactual is then above the fit."""
    made_up = made(matched, LINEAR, "did")
    posterior, _, design = made_up
    for sign in (1.0, -1.0):
        at_03 = without_effects(made_up)
        at_03["coefficient"].loc[{"term": "did"}] = sign * 0.3
        (row, *_) = (row for row in rows_of(made_up, at_03) if row.period == "post")
        assert row.effect == pytest.approx(sign * 0.3)
        assert row.fitted - row.counterfactual == pytest.approx(sign * 0.3)
    assert "did" in design.effect_terms
    assert "did" in posterior["term"]


def test_each_kind_of_comparator_has_a_counterfactual_of_its_own(matched: pd.DataFrame) -> None:
    made_up = made(matched, LINEAR, "practice model")
    rows = rows_of(made_up)
    assert {row.role for row in rows} == {LIKE, OTHER}
    by_year: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        by_year[row.year].append(row)
    for one, other in by_year.values():
        assert (one.fitted, one.observed) == (other.fitted, other.observed)
        if one.period == "post":
            assert one.counterfactual != other.counterfactual


def test_a_year_is_of_the_period_that_most_of_its_pilots_children_are_in(
    matched: pd.DataFrame,
) -> None:
    mixed = (matched["pilot"] == 1) & (matched["year"] == 2015)
    few_after = matched.drop(matched[mixed & (matched["post"] == 1)].index[2:])
    (row,) = (row for row in rows_of(made(few_after, LINEAR, "did")) if row.year == 2015)
    before = matched[mixed & (matched["post"] == 0)]
    assert (row.period, row.pilots) == ("pre", before["authority"].nunique())
    expected = weighted(list(before["outcome"]), list(before["weight"]))
    assert row.observed == pytest.approx(expected, abs=EXACT)
    assert math.isnan(row.counterfactual)


def test_a_year_without_pilots_has_no_row(matched: pd.DataFrame) -> None:
    year = int(matched["year"].min())
    gone = matched[~((matched["pilot"] == 1) & (matched["year"] == year))]
    rows = rows_of(made(gone, LINEAR, "did"))
    assert year not in {row.year for row in rows}
