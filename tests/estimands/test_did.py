"""Effects are averages over treated children, draw by draw; a loop over children says the same."""

import math
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise, product
from typing import Literal

import numpy as np
import pytest
import xarray as xr
from scipy import stats
from tests.rows import of_effect

from sofs_bayes.bayes.blocks import Blocks
from sofs_bayes.bayes.cell_data import CellData, without
from sofs_bayes.estimands.did_effects import did_effects
from sofs_bayes.estimands.effects import (
    Effects,
    effect_rows,
    holds,
    largest_pilot_rows,
    probability_of,
    probability_rows,
)
from sofs_bayes.estimands.rows import Label
from sofs_bayes.spec import Estimands, Statement
from sofs_bayes.spec.keys import HEADLINE, MEAN_OF_PILOTS, NEW, POOLED, Estimand

AFTER = "effect after settling-in"
# Sums over some hundred children in another order.
EXACT = 1e-12
# Relative to a moment of 20,000 normal draws.
MOMENT = 0.03
# The shortest interval of 4,000 draws ends where chance has it, by some hundredths of a sd.
SHORTEST = 0.05
LABEL = Label(prior="reference", variant=HEADLINE, evidence="open-data", status="converged")
STATEMENTS = (
    Statement(scale="risk", above=0.0),
    Statement(scale="risk", within=(-0.05, 0.05)),
    Statement(scale="odds ratio", below=0.9),
)
WANTED = Estimands(statements=STATEMENTS, level=0.8)


def expit(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))


def change_of(one: xr.Dataset, data: CellData, blocks: Blocks, cell: int) -> float:
    """The change in log-odds in one cell, in one draw."""
    found = sum(
        float(one["coefficient"].sel(term=term)) * float(blocks.design[cell, i])
        for i, term in enumerate(blocks.terms)
        if term == "did" or term.startswith(("lead ", "lag "))
    )
    row = data.cells.iloc[cell]
    if row["treated"]:
        found += float(one["pilot_deviation"].sel(pilot=row["authority"]))
    return found


def over_children(
    one: xr.Dataset, data: CellData, blocks: Blocks, cells: list[int]
) -> tuple[float, float]:
    """The mean over each child in these cells of its change in risk and in log-odds."""
    risks, changes = [], []
    for cell in cells:
        logit = float(one["cell_predictor"][cell])
        change = change_of(one, data, blocks, cell)
        for _ in range(int(data.cells["children"].iloc[cell])):
            risks.append(expit(logit) - expit(logit - change))
            changes.append(change)
    return math.fsum(risks) / len(risks), math.fsum(changes) / len(changes)


def cells_of(data: CellData, **wanted: object) -> list[int]:
    """The cells whose columns are as wanted."""
    chosen = np.ones(len(data.cells), dtype=bool)
    for name, value in wanted.items():
        chosen &= (data.cells[name] == value).to_numpy()
    return [int(cell) for cell in np.flatnonzero(chosen)]


def ask(estimand: str, target: str, scale: str) -> Estimand:
    return Estimand(**of_effect(estimand), target=target, scale=scale)


DRAWS = [(0, 0), (0, 39), (1, 17)]


@pytest.mark.parametrize(("chain", "draw"), DRAWS)
def test_effects_are_means_over_treated_children(
    posterior: xr.Dataset, counts: CellData, of_counts: Blocks, chain: int, draw: int
) -> None:
    answers = did_effects(posterior, counts, of_counts, seed=1)
    one = posterior.isel(chain=chain, draw=draw)
    targets = {POOLED: cells_of(counts, treated=1)}
    targets |= {name: cells_of(counts, treated=1, authority=name) for name in counts.pilots}
    for target, cells in targets.items():
        risk, change = over_children(one, counts, of_counts, cells)
        for scale, value in (("risk", risk), ("log-odds", change), ("odds ratio", None)):
            found = float(answers[ask(AFTER, target, scale)][chain, draw])
            expected = math.exp(change) if value is None else value
            assert found == pytest.approx(expected, abs=EXACT), (target, scale)


def test_what_is_asked_of_one_effect(
    posterior: xr.Dataset, counts: CellData, of_counts: Blocks
) -> None:
    answers = did_effects(posterior, counts, of_counts, seed=1)
    targets = (POOLED, *counts.pilots, NEW)
    scales = ("risk", "children per 1,000", "log-odds", "odds ratio")
    spreads = ("pilots", "years of one authority", "authorities")
    asked = {ask(AFTER, t, s) for t, s in product(targets, scales)}
    asked |= {ask(f"spread between {name}", POOLED, "log-odds") for name in spreads}
    asked |= {Estimand(role=MEAN_OF_PILOTS, scale="log-odds")}
    assert set(answers) == asked
    for draws in answers.values():
        assert draws.dims == ("chain", "draw")
        assert draws.shape == (2, 40)
    xr.testing.assert_equal(
        answers[ask("spread between pilots", POOLED, "log-odds")].drop_attrs(),
        posterior["pilot_effect_sd"].drop_attrs(),
    )


def with_more(data: CellData, cells: list[int]) -> CellData:
    """A thousand children more in each of the cells."""
    assert data.patterns is not None
    children = data.patterns.children.copy()
    children[cells] += 1000.0
    patterns = replace(data.patterns, children=children)
    return replace(data, cells=data.cells.assign(children=children), patterns=patterns)


def test_children_that_were_not_treated_do_not_count(
    posterior: xr.Dataset, counts: CellData, of_counts: Blocks
) -> None:
    more = with_more(counts, cells_of(counts, treated=0))
    known = did_effects(posterior, counts, of_counts, seed=1)
    found = did_effects(posterior, more, of_counts, seed=1)
    for question, draws in known.items():
        xr.testing.assert_equal(found[question], draws)


def test_treated_children_do_count(
    posterior: xr.Dataset, counts: CellData, of_counts: Blocks
) -> None:
    more = with_more(counts, cells_of(counts, treated=1, authority="Aldmoor"))
    found = did_effects(posterior, more, of_counts, seed=1)
    known = did_effects(posterior, counts, of_counts, seed=1)
    pooled, largest = ask(AFTER, POOLED, "risk"), ask(AFTER, "Aldmoor", "risk")
    np.testing.assert_allclose(found[pooled], found[largest], atol=0.1)
    assert np.abs(found[pooled] - known[pooled]).max() > 0.01
    assert (
        np.abs(found[pooled] - known[largest]).max() < np.abs(known[pooled] - known[largest]).max()
    )


def test_a_pilot_left_out_is_not_reported_nor_pooled(
    posterior: xr.Dataset, counts: CellData, of_counts: Blocks
) -> None:
    left = without(counts, ["Birchway"])
    answers = did_effects(posterior, left, of_counts, seed=1)
    assert {q.target for q in answers} == {POOLED, NEW, "Aldmoor", "Cranleigh"}
    one = posterior.isel(chain=0, draw=5)
    cells = [c for c in cells_of(counts, treated=1) if counts.cells["authority"][c] != "Birchway"]
    risk, _ = over_children(one, counts, of_counts, cells)
    assert float(answers[ask(AFTER, POOLED, "risk")][0, 5]) == pytest.approx(risk, abs=EXACT)


def years_in(answers: Mapping[Estimand, xr.DataArray]) -> set[str]:
    return {str(q) for q in answers if q.year is not None}


@pytest.mark.parametrize(("chain", "draw"), DRAWS)
def test_event_study_effects_are_means_over_each_years_children(
    by_year_posterior: xr.Dataset,
    by_year_counts: CellData,
    of_by_year: Blocks,
    chain: int,
    draw: int,
) -> None:
    answers = did_effects(by_year_posterior, by_year_counts, of_by_year, seed=1)
    # Two years before, in 2012; and the first and second year after.
    assert years_in(answers) == {f"effect in year {k}" for k in ("-2", "+0", "+1", "+2")}
    one = by_year_posterior.isel(chain=chain, draw=draw)
    for term, name in {"lead -2": "-2", "lag 0": "+0", "lag 1": "+1", "lag 2": "+2"}.items():
        column = by_year_counts.design[:, by_year_counts.terms.index(term)]
        cells = [int(cell) for cell in np.flatnonzero(column)]
        risk, change = over_children(one, by_year_counts, of_by_year, cells)
        asked = [ask(f"effect in year {name}", POOLED, s) for s in ("risk", "log-odds")]
        found = [float(answers[each][chain, draw]) for each in asked]
        assert found == pytest.approx([risk, change], abs=EXACT)


def test_a_year_that_only_a_left_out_pilot_reached_is_not_reported(
    by_year_posterior: xr.Dataset, by_year_counts: CellData, of_by_year: Blocks
) -> None:
    left = without(by_year_counts, ["Aldmoor", "Birchway"])
    answers = did_effects(by_year_posterior, left, of_by_year, seed=1)
    assert years_in(answers) == {"effect in year -2", "effect in year +0"}


def many(posterior: xr.Dataset, draws: int) -> xr.Dataset:
    return posterior.isel(chain=[0], draw=np.zeros(draws, dtype=int))


def test_a_new_authority_deviates_as_the_pilots_do(
    posterior: xr.Dataset, counts: CellData, of_counts: Blocks
) -> None:
    same = many(posterior, 20_000)
    found = did_effects(same, counts, of_counts, seed=3)[ask(AFTER, NEW, "log-odds")]
    one = same.isel(chain=0, draw=0)
    sd = float(one["pilot_effect_sd"])
    assert float(found.std()) == pytest.approx(sd, rel=MOMENT)
    effect = float(one["coefficient"].sel(term="did"))
    assert float(found.mean()) == pytest.approx(effect, abs=5 * sd / 141)


def test_a_new_authority_has_the_pilots_untreated_risks(
    posterior: xr.Dataset, counts: CellData, of_counts: Blocks
) -> None:
    full = posterior.assign(pilot_deviation=0.0 * posterior["pilot_deviation"])
    pooled = replace(of_counts, pilots=0.0 * of_counts.pilots)
    answers = did_effects(full, counts, pooled, seed=1)
    assert not [q for q in answers if q.role == "spread between pilots"]
    for scale in ("risk", "log-odds", "odds ratio"):
        xr.testing.assert_allclose(
            answers[ask(AFTER, NEW, scale)], answers[ask(AFTER, POOLED, scale)], rtol=1e-10
        )


def test_the_new_authority_repeats_with_its_seed(
    posterior: xr.Dataset, counts: CellData, of_counts: Blocks
) -> None:
    key = ask(AFTER, NEW, "risk")
    one, again, other = (did_effects(posterior, counts, of_counts, seed=s)[key] for s in (1, 1, 2))
    xr.testing.assert_equal(one, again)
    assert not one.equals(other)


# ---------------------------------------------------------------------------- summaries


def draws_of(values: np.ndarray) -> xr.DataArray:
    return xr.DataArray(values.reshape(2, -1), dims=("chain", "draw"))


@pytest.mark.parametrize("interval", ["eti", "hdi"])
def test_rows_summarise_the_draws(
    posterior: xr.Dataset, counts: CellData, of_counts: Blocks, interval: Literal["eti", "hdi"]
) -> None:
    answers = did_effects(posterior, counts, of_counts, seed=1)
    rows = effect_rows(answers, replace(WANTED, interval=interval), LABEL)
    assert [row.estimand for row in rows] == list(answers)
    for row, draws in zip(rows, answers.values(), strict=True):
        values = draws.values.ravel()
        assert row.mean == pytest.approx(values.mean())
        assert row.median == pytest.approx(np.median(values))
        assert row.sd == pytest.approx(values.std(ddof=1))
        assert (row.level, row.interval, row.status) == (0.8, interval, "converged")
        assert (row.prior, row.variant, row.evidence) == ("reference", HEADLINE, "open-data")
        inside = np.mean((values >= row.lower) & (values <= row.upper))
        assert inside == pytest.approx(0.8, abs=0.02)
        if interval == "eti":
            assert [row.lower, row.upper] == pytest.approx(np.quantile(values, [0.1, 0.9]))
            halves = [row.lower_50, row.upper_50]
            assert halves == pytest.approx(np.quantile(values, [0.25, 0.75]))


@pytest.mark.parametrize("interval", ["eti", "hdi"])
@pytest.mark.parametrize("kind", [stats.norm(), stats.gamma(2.0), stats.t(3)])
def test_intervals_nest(interval: Literal["eti", "hdi"], kind: stats.rv_continuous) -> None:
    values = draws_of(kind.rvs(4000, random_state=np.random.default_rng(4)))
    answers = Effects.of({ask(AFTER, POOLED, "risk"): values})
    levels = (0.5, 0.8, 0.9, 0.95, 0.99)
    found = [
        effect_rows(answers, replace(WANTED, interval=interval, level=level), LABEL)[0]
        for level in levels
    ]
    slack = 0.0 if interval == "eti" else SHORTEST
    for inner, outer in pairwise(found):
        assert outer.lower - slack < inner.lower < inner.upper < outer.upper + slack
        assert inner.upper - inner.lower < outer.upper - outer.lower


def test_the_shortest_interval_is_shorter_where_draws_are_skewed() -> None:
    values = np.random.default_rng(4).gamma(1.0, size=4000)
    answers = Effects.of({ask(AFTER, POOLED, "risk"): draws_of(values)})
    eti, hdi = (
        effect_rows(answers, replace(WANTED, interval=kind), LABEL)[0] for kind in ("eti", "hdi")
    )
    assert hdi.upper - hdi.lower < eti.upper - eti.lower
    assert hdi.lower < eti.lower


def test_statements_hold_draw_by_draw() -> None:
    draws = xr.DataArray([[-0.1, 0.0, 0.1, 0.2]], dims=("chain", "draw"))

    def truths(statement: Statement) -> list[bool]:
        return [bool(each) for each in holds(draws, statement).values[0]]

    assert truths(Statement(scale="risk", above=0.0)) == [False, False, True, True]
    assert truths(Statement(scale="risk", below=0.0)) == [True, False, False, False]
    assert truths(Statement(scale="risk", within=(0.0, 0.1))) == [False, True, True, False]


def test_a_statement_is_asked_of_effects_on_its_scale_alone(
    posterior: xr.Dataset, counts: CellData, of_counts: Blocks
) -> None:
    answers = did_effects(posterior, counts, of_counts, seed=1)
    rows = probability_rows(answers, WANTED, LABEL)
    targets = (POOLED, *counts.pilots, NEW)
    assert len(rows) == len(targets) * len(STATEMENTS)
    assert {row.role for row in rows} == {AFTER}
    for row in rows:
        draws = answers[ask(AFTER, row.target, row.scale)]
        if row.statement == "above 0 pp":
            assert row.probability == pytest.approx(float((draws > 0).mean()))
        if row.statement == "below 0.9 (odds ratio)":
            assert row.scale == "odds ratio"
            assert row.probability == pytest.approx(float((draws < 0.9).mean()))


def test_probabilities_add_up(posterior: xr.Dataset, counts: CellData, of_counts: Blocks) -> None:
    answers = did_effects(posterior, counts, of_counts, seed=1)
    thirds = (
        Statement(scale="risk", below=-0.05),
        Statement(scale="risk", within=(-0.05, 0.05)),
        Statement(scale="risk", above=0.05),
    )
    rows = probability_rows(answers, replace(WANTED, statements=thirds), LABEL)
    for target in (POOLED, *counts.pilots, NEW):
        assert sum(r.probability for r in rows if r.target == target) == pytest.approx(1.0)


def test_the_error_of_a_probability_is_that_of_independent_draws() -> None:
    truth = np.random.default_rng(5).random(4000) < 0.3
    probability, mcse = probability_of(draws_of(truth))
    assert probability == pytest.approx(truth.mean())
    assert mcse == pytest.approx(math.sqrt(0.3 * 0.7 / 4000), rel=0.15)


def test_the_error_of_a_probability_grows_where_draws_repeat() -> None:
    truth = np.repeat(np.random.default_rng(5).random(400) < 0.3, 10)
    _, mcse = probability_of(draws_of(truth))
    assert mcse > 2 * math.sqrt(0.3 * 0.7 / 4000)


@pytest.mark.parametrize("truth", [True, False])
def test_draws_that_all_agree_do_not_know_their_error(truth: bool) -> None:
    probability, mcse = probability_of(draws_of(np.full(100, truth)))
    assert probability == float(truth)
    assert math.isnan(mcse)


def test_some_pilot_has_the_largest_effect(
    posterior: xr.Dataset, counts: CellData, of_counts: Blocks
) -> None:
    answers = did_effects(posterior, counts, of_counts, seed=1)
    rows = largest_pilot_rows(answers, LABEL)
    assert [row.target for row in rows] == list(counts.pilots)
    assert sum(row.probability for row in rows) == pytest.approx(1.0)
    risks = np.array([answers[ask(AFTER, name, "risk")].values.ravel() for name in counts.pilots])
    winners = risks.argmax(axis=0)
    for position, row in enumerate(rows):
        assert row.probability == pytest.approx(np.mean(winners == position))
        assert row.statement == "largest of the pilots' effects"


def test_one_pilot_alone_is_not_compared(
    posterior: xr.Dataset, counts: CellData, of_counts: Blocks
) -> None:
    answers = did_effects(posterior, without(counts, ["Aldmoor", "Birchway"]), of_counts, seed=1)
    assert largest_pilot_rows(answers, LABEL) == []
