"""Effects are averages over treated children, draw by draw; a loop over children says the same."""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import xarray as xr
from tests.rows import of_effect

from sofs_bayes import spec
from sofs_bayes.bayes.blocks import Blocks, Setting, blocks
from sofs_bayes.bayes.cell_data import CellData, cell_data, without
from sofs_bayes.cells.collapse import collapse
from sofs_bayes.cells.dataset import Cells
from sofs_bayes.errors import BadInput
from sofs_bayes.estimands.contrasts import _occurring
from sofs_bayes.estimands.did_effects import PER_1000, did_effects, mean_risks
from sofs_bayes.estimands.effects import largest_pilot_rows, probability_rows
from sofs_bayes.estimands.rows import Label
from sofs_bayes.frequentist.terms import child_terms
from sofs_bayes.spec import ChildrenAnalysis, HierarchicalAnalysis, Normal
from sofs_bayes.spec.keys import HEADLINE, MEAN_OF_PILOTS, NEW, POOLED, Estimand
from sofs_bayes.spec.terms import PER_10_000

FOLDER = Path(__file__).parents[1] / "reference" / "regressions"
AFTER = "effect after settling-in"
LIKE, OTHER = (
    "effect against comparators with a similar practice model",
    "effect against other comparators",
)
# Sums over some hundred children in another order.
EXACT = 1e-12
# Relative to a moment of 20,000 draws with tails.
MOMENT = 0.05
CHAINS, DRAWS = 2, 15
LINEAR, LOGISTIC = "icpc-linear", "cla-logistic"
PRIOR = Normal(mean=0.0, sd=0.1, why="anything will do here")

Floats = npt.NDArray[np.float64]
Made = tuple[xr.Dataset, CellData, Blocks]


@pytest.fixture(scope="module")
def matched() -> pd.DataFrame:
    """The matched table of the regressions' tests, with weights that differ in pilots, too."""
    table = pd.read_csv(FOLDER / "matched.csv", parse_dates=["referral_date"])
    weight = np.random.default_rng(5).uniform(0.2, 3.0, len(table))
    return table.assign(weight=weight)


def collapsed(matched: pd.DataFrame) -> Cells:
    children = spec.load(FOLDER / "analysis.toml")
    assert isinstance(children, ChildrenAnalysis)
    return collapse(matched, children, evidence="synthetic")


@pytest.fixture(scope="module")
def cells(matched: pd.DataFrame) -> Cells:
    return collapsed(matched)


def analysis_of(model: str, column: str, **changed: Any) -> HierarchicalAnalysis:
    """A bundled model on the children of the regressions' tests."""
    children, base = spec.load(FOLDER / "analysis.toml"), spec.load(model)
    assert isinstance(children, ChildrenAnalysis)
    assert isinstance(base, HierarchicalAnalysis)
    priors = replace(base.priors, effect_modifier=PRIOR, year_effect_sd=base.priors.pilot_effect_sd)
    return replace(
        base,
        children=children,
        column=column,
        model=replace(base.model, **changed),
        priors=priors,
    )


def made(cells: Cells, model: str, column: str, *, pooling: Any = None, **changed: Any) -> Made:
    """What a model sees of cells, the design of a fit and draws from nowhere in particular."""
    analysis = analysis_of(model, column, **changed)
    data = cell_data(cells, analysis)
    found = blocks(data, analysis, Setting(effect_prior=PRIOR, pilot_effects=pooling))
    return made_up_draws(data, found), data, found


def made_up_draws(data: CellData, design: Blocks) -> xr.Dataset:
    """Draws in the form in which `did_draws.named` gives them; predictors are arbitrary."""
    rng = np.random.default_rng(20150331)

    def normal(*shape: int) -> Floats:
        return rng.standard_normal((CHAINS, DRAWS, *shape))

    variables: dict[str, tuple[tuple[str, ...], Floats]] = {
        "coefficient": (
            ("term",),
            (0.1 + 0.3 * normal(len(design.terms))) * (design.prior_sd > 0),
        ),
        "child_effect": (("child_term",), 0.4 * normal(len(data.child_terms))),
        "pilot_deviation": (
            ("pilot",),
            0.2 * normal(len(data.pilots)) * design.pilots.any(axis=0),
        ),
        "cell_predictor": (("cell",), -2.0 + 0.5 * normal(len(data.cells))),
        **{
            name: ((), 0.1 + 0.1 * abs(normal()))
            for name in ("authority_sd", "pilot_effect_sd", "shock_sd")
        },
    }
    if design.steps:
        variables["year_step"] = (("step",), 0.3 * normal(len(design.steps)))
    return xr.Dataset(
        {name: (("chain", "draw", *dims), draws) for name, (dims, draws) in variables.items()},
        coords={
            "chain": range(CHAINS),
            "draw": range(DRAWS),
            "term": list(design.terms),
            "child_term": list(data.child_terms),
            "pilot": list(data.pilots),
        },
    )


def ask(estimand: str, target: str, scale: str) -> Estimand:
    return Estimand(**of_effect(estimand), target=target, scale=scale)


def expit(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))


def cell_of(row: Any, data: CellData) -> int:
    """A child's cell, by its authority, year, period and year since settling-in."""
    authority, year, treated = (
        data.cells[name].to_numpy() for name in ("authority", "year", "treated")
    )
    here = (authority == row.authority) & (year == row.year) & (treated == row.pilot * row.post)
    for name in data.terms:
        if name.startswith(("lag ", "lead ")):
            own = row.pilot == 1 and row.years_since == int(name.split()[1])
            here &= data.design[:, data.terms.index(name)] == float(own)
    assert here.sum() == 1
    return int(np.flatnonzero(here)[0])


def changes_of(row: Any, b: dict[str, float], deviation: dict[str, float]) -> dict[str, float]:
    """The effects on one of the pilots' children in one draw, from what its own row says."""
    own = deviation[row.authority] * row.post
    lags = {name: value for name, value in b.items() if name.startswith(("lag ", "lead "))}
    if "similar practice model × post" in b:
        return {
            LIKE: own - b["similar practice model × post"],
            OTHER: own - b["other practice model × post"],
        }
    if "quality × post" in b:
        return {AFTER: row.quality * b["quality × post"] + own}
    if "pilot × post × ofsted" in b:
        return {AFTER: b["did"] + row.ofsted * b["pilot × post × ofsted"] + own}
    if lags:
        year = [value for name, value in lags.items() if int(name.split()[1]) == row.years_since]
        return {AFTER: sum(year) + own}
    return {AFTER: b["did"] + b[f"did: {row.authority}"] + own}


def each_child(
    made_up: Made, rows: pd.DataFrame, model: str, column: str, at: tuple[int, int]
) -> Iterator[tuple[str, str, float, float]]:
    """Authority, effect, change in risk and change in log-odds of each child."""
    posterior, data, _ = made_up
    one = posterior.isel(chain=at[0], draw=at[1])
    b, deviation, gamma = (
        {str(label): float(value) for label, value in one[name].to_series().items()}
        for name in ("coefficient", "pilot_deviation", "child_effect")
    )
    predictor = one["cell_predictor"].to_numpy()
    terms = child_terms(rows, analysis_of(model, column).children)
    own_parts = sum(gamma[name] * terms.get(name, 0.0) for name in gamma)
    for row, own_part in zip(rows.itertuples(), own_parts, strict=True):
        logit = predictor[cell_of(row, data)] + own_part
        for name, change in changes_of(row, b, deviation).items():
            risk = change if model == LINEAR else expit(logit) - expit(logit - change)
            yield str(row.authority), name, risk, change


@pytest.mark.parametrize("column", ["did", "lags", "quality", "practice model", "ofsted"])
@pytest.mark.parametrize("model", [LINEAR, LOGISTIC])
def test_effects_are_means_over_treated_children(
    cells: Cells, matched: pd.DataFrame, model: str, column: str
) -> None:
    made_up = made(cells, model, column)
    answers = did_effects(*made_up, seed=1)
    at = (1, 7)
    treated = matched[(matched["pilot"] == 1) & (matched["post"] == 1)]
    table = pd.DataFrame(
        each_child(made_up, treated, model, column, at),
        columns=["authority", "name", "risk", "change"],
    )
    for name, of_name in table.groupby("name"):
        groups = {POOLED: of_name} | dict(iter(of_name.groupby("authority")))
        for target, group in groups.items():
            risk, change = (math.fsum(group[k]) / len(group) for k in ("risk", "change"))
            expected = {"risk": risk, PER_1000: 1000 * risk}
            if model == LOGISTIC:
                expected |= {"log-odds": change, "odds ratio": math.exp(change)}
            scales = {q.scale for q in answers if (str(q), q.target) == (name, target)}
            assert scales == set(expected)
            for scale, value in expected.items():
                found = float(answers[ask(str(name), target, scale)][at])
                assert found == pytest.approx(value, abs=1000 * EXACT, rel=EXACT), (target, scale)


@pytest.mark.parametrize("model", [LINEAR, LOGISTIC])
def test_changes_told_per_ten_thousand_are_those_in_risk(cells: Cells, model: str) -> None:
    made_up = made(cells, model, "did")
    usual, rare = did_effects(*made_up, seed=1), did_effects(*made_up, seed=1, per=10_000)
    assert {q.scale for q in rare if q.is_effect} == {q.scale for q in usual if q.is_effect} - {
        "risk",
        PER_1000,
    } | {PER_10_000}
    told = [question for question in rare if question.scale == PER_10_000]
    assert all(question.is_of_risk for question in told) and told
    for question in told:
        risk = usual[replace(question, scale="risk")]
        np.testing.assert_allclose(rare[question], 10_000 * risk, rtol=EXACT)


@pytest.mark.parametrize("model", [LINEAR, LOGISTIC])
def test_effects_by_year_are_means_over_the_pilots_children_of_that_year(
    cells: Cells, matched: pd.DataFrame, model: str
) -> None:
    made_up = made(cells, model, "leads and lags")
    answers = did_effects(*made_up, seed=1)
    years = [int(t.split()[1]) for t in made_up[1].terms if t.startswith(("lag ", "lead "))]
    assert min(years) < -1
    assert max(years) > 0
    found = {str(q) for q in answers if q.year is not None}
    assert found == {f"effect in year {year:+d}" for year in years}
    at = (0, 3)
    for year in years:
        rows = matched[(matched["pilot"] == 1) & (matched["years_since"] == year)]
        children = list(each_child(made_up, rows, model, "leads and lags", at))
        risk = math.fsum(child[2] for child in children) / len(children)
        answer = answers[ask(f"effect in year {year:+d}", POOLED, "risk")]
        assert float(answer[at]) == pytest.approx(risk, abs=EXACT)


def test_the_effect_after_settling_in_is_the_mean_of_its_years(cells: Cells) -> None:
    posterior, data, design = made(cells, LINEAR, "leads and lags")
    answers = did_effects(posterior, data, design, seed=1)
    total = xr.zeros_like(answers[ask(AFTER, POOLED, "risk")])
    children = 0.0
    for name in data.terms:
        if name.startswith("lag "):
            column = data.design[:, data.terms.index(name)]
            of_year = float(column @ data.cells["children"].to_numpy())
            year = int(name.split()[1])
            total = total + of_year * answers[ask(f"effect in year {year:+d}", POOLED, "risk")]
            children += of_year
    xr.testing.assert_allclose(total / children, answers[ask(AFTER, POOLED, "risk")])


@pytest.mark.parametrize("kind", ["exchangeable", "random walk"])
def test_pooled_years_add_their_steps(cells: Cells, kind: str) -> None:
    posterior, data, design = made(cells, LINEAR, "leads and lags", years_since=kind)
    answers = did_effects(
        posterior.assign(pilot_deviation=0.0 * posterior["pilot_deviation"]), data, design, seed=1
    )
    steps = dict(
        zip(design.steps, np.moveaxis(posterior["year_step"].to_numpy(), -1, 0), strict=True)
    )
    lags = sorted((t for t in data.terms if t.startswith("lag ")), key=lambda t: int(t.split()[1]))
    leads = sorted(
        (t for t in data.terms if t.startswith("lead ")), key=lambda t: int(t.split()[1])
    )
    mean = posterior["coefficient"].sel(term=lags[0]).to_numpy()
    for i, name in enumerate(lags):
        through = [steps[name]] if kind == "exchangeable" else [steps[t] for t in lags[1 : i + 1]]
        found = answers[ask(f"effect in year {int(name.split()[1]):+d}", POOLED, "risk")]
        np.testing.assert_allclose(found, mean + sum(through), atol=EXACT)
    for i, name in enumerate(leads):
        back = [steps[name]] if kind == "exchangeable" else [steps[t] for t in leads[i:]]
        found = answers[ask(f"effect in year {int(name.split()[1]):+d}", POOLED, "risk")]
        np.testing.assert_allclose(found, sum(back), atol=EXACT)


@pytest.mark.parametrize("model", [LINEAR, LOGISTIC])
def test_a_unit_of_the_score_and_the_ratings(
    cells: Cells, matched: pd.DataFrame, model: str
) -> None:
    scale = "risk" if model == LINEAR else "log-odds"
    posterior, data, design = made(cells, model, "quality")
    found = did_effects(posterior, data, design, seed=1)
    unit = posterior["coefficient"].sel(term="quality × post")
    answer = found[ask("effect per unit of the score", POOLED, scale)]
    np.testing.assert_allclose(answer, unit, atol=EXACT)

    posterior, data, design = made(cells, model, "ofsted")
    found = did_effects(posterior, data, design, seed=1)
    rating = matched.loc[(matched["pilot"] == 1) & (matched["post"] == 1), "ofsted"]
    assert {str(q) for q in found if q.rating is not None} == {
        f"effect at an Ofsted rating of {value}" for value in sorted(set(rating))
    }
    average = found[ask(AFTER, POOLED, scale)]
    for value in set(rating):
        per_point = posterior["coefficient"].sel(term="pilot × post × ofsted", drop=True)
        answer = found[ask(f"effect at an Ofsted rating of {value}", POOLED, scale)]
        xr.testing.assert_allclose(answer, average + (value - rating.mean()) * per_point)


def test_quartiles_of_a_modifier_are_the_treated_childrens() -> None:
    """Cells count by their children; a cell of nobody has no part in them."""
    rating = np.array([2.5, 0.5, 1.5, 3.5, 9.5])
    children = np.array([70.0, 10.0, 5.0, 15.0, 0.0])
    each = np.repeat(rating, children.astype(int))
    expected = np.unique(np.quantile(each, (0.25, 0.5, 0.75), method="inverted_cdf"))
    assert _occurring(rating, children, quartiles=True).tolist() == expected.tolist()
    assert _occurring(np.floor(rating), children, quartiles=True).tolist() == [0.0, 1.0, 2.0, 3.0]


def of_treated(predictor: xr.DataArray, posterior: xr.Dataset, data: CellData) -> xr.DataArray:
    """The mean risk of the treated children under another predictor."""
    assert data.patterns is not None
    (risks,) = mean_risks(
        data.patterns,
        posterior["child_effect"].to_numpy().reshape(CHAINS * DRAWS, -1),
        [predictor.to_numpy().reshape(CHAINS * DRAWS, -1)],
        np.ones(len(data.cells), dtype=bool),
    )
    children = data.treated.sum(axis=1) * data.cells["children"].to_numpy()
    draws = (risks @ children / children.sum()).reshape(CHAINS, DRAWS)
    return posterior["pilot_effect_sd"].copy(data=draws)


def test_on_the_risk_scale_a_unit_is_one_more_than_the_pilots_own(cells: Cells) -> None:
    posterior, data, design = made(cells, LOGISTIC, "quality")
    found = did_effects(posterior, data, design, seed=1)
    unit = posterior["coefficient"].sel(term="quality × post", drop=True)
    own = posterior["cell_predictor"]
    expected = of_treated(own + unit, posterior, data) - of_treated(own, posterior, data)
    answer = found[ask("effect per unit of the score", POOLED, "risk")]
    xr.testing.assert_allclose(answer, expected)


def test_on_the_risk_scale_a_rating_leaves_the_untreated_risk(cells: Cells) -> None:
    posterior, data, design = made(cells, LOGISTIC, "ofsted")
    found = did_effects(posterior, data, design, seed=1)
    b = posterior["coefficient"]
    per_point = b.sel(term="pilot × post × ofsted", drop=True)
    column = data.design[:, data.terms.index("pilot × post × ofsted")]
    rating = xr.DataArray(column, dims="cell")
    treated = xr.DataArray(data.treated, dims=("cell", "pilot"))
    change = (b.sel(term="did", drop=True) + posterior["pilot_deviation"]).dot(treated, "pilot")
    untreated = posterior["cell_predictor"] - change - rating * per_point
    value = float(column.max())
    with_rating = untreated + change + value * per_point
    expected = of_treated(with_rating, posterior, data) - of_treated(untreated, posterior, data)
    answer = found[ask(f"effect at an Ofsted rating of {value:g}", POOLED, "risk")]
    xr.testing.assert_allclose(answer, expected)


def test_a_new_authority_has_no_pilots_deviation(cells: Cells) -> None:
    posterior, data, design = made(cells, LOGISTIC, "did")
    alike = posterior.assign(pilot_effect_sd=0.0 * posterior["pilot_effect_sd"])
    found = did_effects(alike, data, design, seed=1)
    common = posterior["coefficient"].sel(term="did", drop=True)
    xr.testing.assert_allclose(found[ask(AFTER, NEW, "log-odds")], common)
    treated = xr.DataArray(data.treated, dims=("cell", "pilot"))
    change = (common + posterior["pilot_deviation"]).dot(treated, "pilot")
    untreated = posterior["cell_predictor"] - change
    expected = of_treated(untreated + common, posterior, data)
    expected = expected - of_treated(untreated, posterior, data)
    xr.testing.assert_allclose(found[ask(AFTER, NEW, "risk")], expected)


def same_for_all(posterior: xr.Dataset, change: float) -> xr.Dataset:
    """Draws in which the practice model changes the same everywhere."""
    terms = posterior["term"]
    return posterior.assign(
        coefficient=change * (terms == "did") + 0.0 * posterior["coefficient"],
        pilot_deviation=0.0 * posterior["pilot_deviation"],
        pilot_effect_sd=0.0 * posterior["pilot_effect_sd"],
    )


@pytest.mark.parametrize("model", [LINEAR, LOGISTIC])
def test_one_effect_for_all_is_everyones(cells: Cells, model: str) -> None:
    posterior, data, design = made(cells, model, "did")
    answers = did_effects(same_for_all(posterior, 0.3), data, design, seed=1)
    scale = "risk" if model == LINEAR else "log-odds"
    targets = [POOLED, *data.pilots, NEW]
    assert {q.target for q in answers if q.role == AFTER} == set(targets)
    for target in targets:
        np.testing.assert_allclose(answers[ask(AFTER, target, scale)], 0.3, atol=EXACT)


@pytest.mark.parametrize("model", [LINEAR, LOGISTIC])
def test_no_effect_is_none_on_every_scale(cells: Cells, model: str) -> None:
    posterior, data, design = made(cells, model, "did")
    answers = did_effects(same_for_all(posterior, 0.0), data, design, seed=1)
    for question, draws in answers.items():
        if question.role == AFTER:
            nothing = 1.0 if question.scale == "odds ratio" else 0.0
            np.testing.assert_allclose(draws, nothing, atol=EXACT)


def test_neither_the_order_of_rows_nor_names_matter(cells: Cells, matched: pd.DataFrame) -> None:
    known = did_effects(*made(cells, LOGISTIC, "did"), seed=1)
    rows = matched.sample(frac=1.0, random_state=3)
    other = did_effects(*made(collapsed(rows), LOGISTIC, "did"), seed=1)
    assert list(known) == list(other)
    for question, draws in known.items():
        xr.testing.assert_allclose(other[question], draws)

    names = {name: f"Z {name}" for name in matched["authority"].unique()}
    renamed = matched.assign(
        authority=matched["authority"].map(names), group=matched["group"].map(names)
    )
    other = did_effects(*made(collapsed(renamed), LOGISTIC, "did"), seed=1)
    for question, draws in known.items():
        target = names.get(question.target, question.target)
        xr.testing.assert_allclose(other[replace(question, target=target)], draws)


def test_only_treated_children_count(cells: Cells) -> None:
    posterior, data, design = made(cells, LOGISTIC, "did")
    assert data.patterns is not None
    treated = data.treated.sum(axis=1)
    known = did_effects(posterior, data, design, seed=1)

    def with_more(cells: Floats) -> dict[Estimand, xr.DataArray]:
        assert data.patterns is not None
        factor = 1.0 + 5.0 * cells
        more = replace(
            data,
            cells=data.cells.assign(children=data.cells["children"] * factor),
            patterns=replace(
                data.patterns, children=data.patterns.children * factor[data.patterns.cell]
            ),
        )
        return did_effects(posterior, more, design, seed=1)

    others = with_more(1.0 - treated)
    first = with_more(data.treated[:, 0])
    pooled = ask(AFTER, POOLED, "risk")
    for question, draws in known.items():
        xr.testing.assert_allclose(others[question], draws)
    assert abs(first[pooled] - known[pooled]).max() > 0.001


@pytest.mark.parametrize("model", [LINEAR, LOGISTIC])
def test_a_pilot_left_out_is_not_reported_nor_pooled(cells: Cells, model: str) -> None:
    posterior, data, design = made(cells, model, "did")
    gone, *others = data.pilots
    answers = did_effects(posterior, without(data, [gone]), design, seed=1)
    targets = {q.target for q in answers if q.role == AFTER}
    assert targets == {POOLED, NEW, *others}
    moved = posterior.assign(
        pilot_deviation=posterior["pilot_deviation"] + 1.0 * (posterior["pilot"] == gone)
    )
    other = did_effects(moved, without(data, [gone]), design, seed=1)
    scale = "risk" if model == LINEAR else "log-odds"
    xr.testing.assert_allclose(answers[ask(AFTER, POOLED, scale)], other[ask(AFTER, POOLED, scale)])
    with pytest.raises(BadInput, match="none treated"):
        did_effects(posterior, without(data, data.pilots), design, seed=1)


def test_without_pooling_pilots_have_their_own_effects(cells: Cells) -> None:
    posterior, data, design = made(cells, LINEAR, "did", pooling="none")
    answers = did_effects(posterior, data, design, seed=1)
    assert NEW not in {q.target for q in answers}
    assert "spread between pilots" not in {str(q) for q in answers}
    children = {
        name: float(data.treated[:, i] @ data.cells["children"])
        for i, name in enumerate(data.pilots)
    }
    mean = xr.zeros_like(answers[ask(AFTER, POOLED, "risk")])
    for name, count in children.items():
        own = answers[ask(AFTER, name, "risk")]
        np.testing.assert_allclose(own, posterior["coefficient"].sel(term=f"did: {name}"))
        mean = mean + own * count / sum(children.values())
    xr.testing.assert_allclose(mean, answers[ask(AFTER, POOLED, "risk")])


@pytest.mark.parametrize("tails", [None, 5.0])
def test_a_new_authority_differs_as_pilots_do(cells: Cells, tails: float | None) -> None:
    posterior, data, design = made(cells, LOGISTIC, "did")
    many = same_for_all(posterior, 0.3).isel(chain=[0], draw=np.zeros(20_000, dtype=int))
    many = many.assign_coords(draw=range(20_000))
    many = many.assign(pilot_effect_sd=many["pilot_effect_sd"] + 0.5)
    answers = did_effects(many, data, design, seed=1, degrees_of_freedom=tails)
    new = answers[ask(AFTER, NEW, "log-odds")]
    variance = 0.25 if tails is None else 0.25 * tails / (tails - 2.0)
    assert float(new.mean()) == pytest.approx(0.3, abs=MOMENT * math.sqrt(variance))
    assert float(new.var()) == pytest.approx(variance, rel=2 * MOMENT)
    again = did_effects(many, data, design, seed=1, degrees_of_freedom=tails)
    xr.testing.assert_identical(new, again[ask(AFTER, NEW, "log-odds")])
    other = did_effects(many, data, design, seed=2, degrees_of_freedom=tails)
    assert not np.allclose(new, other[ask(AFTER, NEW, "log-odds")])


def test_fully_pooled_pilots_make_a_new_authority_the_same(cells: Cells) -> None:
    posterior, data, design = made(cells, LINEAR, "did", pooling="full")
    answers = did_effects(posterior, data, design, seed=1)
    xr.testing.assert_allclose(
        answers[ask(AFTER, NEW, "risk")], answers[ask(AFTER, POOLED, "risk")]
    )
    assert "spread between pilots" not in {str(q) for q in answers}


@pytest.mark.parametrize(("model", "scale"), [(LINEAR, "risk"), (LOGISTIC, "log-odds")])
def test_spreads_are_on_the_models_scale(cells: Cells, model: str, scale: str) -> None:
    posterior, data, design = made(cells, model, "did")
    answers = did_effects(posterior, data, design, seed=1)
    spreads = {q.role: d for q, d in answers.items() if q.role.startswith("spread")}
    assert {q.scale for q in answers if q.role in spreads} == {scale}
    xr.testing.assert_equal(spreads["spread between pilots"], posterior["pilot_effect_sd"])
    xr.testing.assert_equal(spreads["spread between years of one authority"], posterior["shock_sd"])
    xr.testing.assert_equal(spreads["spread between authorities"], posterior["authority_sd"])


@pytest.mark.parametrize(("model", "scale"), [(LINEAR, "risk"), (LOGISTIC, "log-odds")])
def test_the_mean_of_pilots_is_their_coefficient_and_no_average_over_children(
    cells: Cells, model: str, scale: str
) -> None:
    posterior, data, design = made(cells, model, "did")
    effects = did_effects(posterior, data, design, seed=1)
    mean = effects[Estimand(role=MEAN_OF_PILOTS, scale=scale)]
    xr.testing.assert_allclose(mean, posterior["coefficient"].sel(term="did", drop=True))
    average = effects[ask(AFTER, POOLED, scale)]
    assert float(abs(mean - average).max()) > MOMENT * float(average.std())


@pytest.mark.parametrize(
    ("column", "pooling"), [("did", "full"), ("did", "none"), ("ofsted", None), ("lags", None)]
)
def test_where_pilots_effects_have_no_one_mean_none_is_told(
    cells: Cells, column: str, pooling: Any
) -> None:
    effects = did_effects(*made(cells, LINEAR, column, pooling=pooling), seed=1)
    assert MEAN_OF_PILOTS not in {each.role for each in effects}


def test_other_cells_draws_are_refused(cells: Cells) -> None:
    posterior, data, design = made(cells, LINEAR, "did")
    with pytest.raises(ValueError, match="these cells"):
        did_effects(posterior.isel(cell=slice(1, None)), data, design, seed=1)


def test_treated_children_without_a_term_are_refused(cells: Cells) -> None:
    posterior, data, design = made(cells, LINEAR, "lags")
    gone = data.terms.index("lag 0")
    fewer = replace(
        data,
        terms=tuple(name for name in data.terms if name != "lag 0"),
        design=np.delete(data.design, gone, axis=1),
        dropped=("lag 0",),
    )
    with pytest.raises(BadInput, match="without a term"):
        did_effects(posterior, fewer, design, seed=1)


def test_the_rows_of_open_data_serve_these_effects(cells: Cells) -> None:
    posterior, data, design = made(cells, LOGISTIC, "did")
    answers = did_effects(posterior, data, design, seed=1)
    label = Label(prior="reference", variant=HEADLINE, evidence="synthetic", status="converged")
    wanted = analysis_of(LOGISTIC, "did").estimands
    rows = probability_rows(answers, wanted, label)
    scales = {"risk": 4, "odds ratio": 3}  # statements of the analysis
    assert len(rows) == sum(scales.values()) * (2 + len(data.pilots))
    largest = largest_pilot_rows(answers, label)
    assert {row.target for row in largest} == set(data.pilots)
    assert math.fsum(row.probability for row in largest) == pytest.approx(1.0)
