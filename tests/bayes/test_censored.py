"""Suppressed and rounded counts: sums over all that they may be, written out once more."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import comb, exp, log
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from tests.graphs import compile_once
from tests.likelihood import bernoulli_logit

from sofs_bayes.bayes.blocks import Setting, blocks
from sofs_bayes.bayes.cell_data import CellData, cell_data, without
from sofs_bayes.bayes.censored import (
    ALIKE,
    IMPOSSIBLE,
    MOST_NUMBERS,
    Censored,
    censored_counts,
    combinations,
    log_likelihood,
    share_known,
)
from sofs_bayes.bayes.did_draws import named
from sofs_bayes.bayes.did_model import build_model, form_of, model_data
from sofs_bayes.bayes.sampling import sample
from sofs_bayes.cells.collapse import collapse
from sofs_bayes.cells.dataset import STATES, Cells, frame_of
from sofs_bayes.disclosure.cells import protect
from sofs_bayes.disclosure.release import release
from sofs_bayes.disclosure.rules import OutputRule
from sofs_bayes.errors import BadInput
from sofs_bayes.spec import HierarchicalAnalysis, Normal

# Sums of some hundreds of terms, in another order.
EQUAL = 1e-10
# A grid of forty numbers of children in the place of some hundreds, on the log scale.
THINNED = 5e-3
# A posterior mean given less is about the one given more, with the variance that is added.
AWAY, WIDER = 2.0, 1.1
# Share of children whose outcome is another one in a copy of the made population.
CHANGED = 0.1

Make = Callable[..., HierarchicalAnalysis]
MakeRows = Callable[[int, int], pd.DataFrame]
EFFECT = Normal(mean=0.05, sd=0.2, why="made up for a test")
WIDE = Normal(mean=0.0, sd=2.0, why="made up for a test")
BINOMIAL = "binomial logit"


@pytest.fixture(scope="module")
def make_children(children_rows: pd.DataFrame) -> MakeRows:
    """So many times the children of the made population, a few with another outcome."""

    def make(times: int, seed: int) -> pd.DataFrame:
        random = np.random.default_rng(seed)
        copies = []
        for k in range(times):
            new = random.random(children_rows["referral"].max() + 1) < CHANGED
            changed = new[children_rows["referral"]]
            outcome = children_rows["outcome"]
            copies.append(
                children_rows.assign(
                    referral=children_rows["referral"] + k * len(new),
                    child=children_rows["child"] + f" {k}",
                    outcome=outcome.where(~changed, 1 - outcome),
                )
            )
        return pd.concat(copies, ignore_index=True)

    return make


def brute_force(bounds: tuple[int, int, int, int], p: float, relative: float = 1.0) -> float:
    """log Σ over all n and y of π(n) Binomial(y; n, p); events may count by another weight."""
    n_low, n_high, events_low, events_high = bounds
    numbers = [n for n in range(n_low, n_high + 1) if n >= events_low]
    total = 0.0
    for n in numbers:
        for y in range(events_low, min(events_high, n) + 1):
            counted = min(relative * y, n)
            total += comb(n, y) * p**counted * (1 - p) ** (n - counted) / len(numbers)
    return log(total)


def counts_of(
    bounds: list[tuple[int, int, int, int]], weight: list[float], relative: float = 1.0
) -> tuple[Censored, ...]:
    """Censored counts in cells 0, 1, … with a weight per child."""
    frame = pd.DataFrame(bounds, columns=["n_low", "n_high", "events_low", "events_high"])
    frame["n"] = (frame["n_low"] + frame["n_high"]) / 2
    frame["events"] = (frame["events_low"] + frame["events_high"]) / 2
    place = np.arange(len(frame))
    w = np.array(weight)
    n, events = w * frame["n"].to_numpy(), w * relative * frame["events"].to_numpy()
    return censored_counts(frame, place, place, n, events)


BOUNDS = [(3, 9, 0, 4), (14, 14, 0, 14), (1, 40, 2, 30), (0, 2, 0, 2), (20, 25, 20, 24)]


@pytest.mark.parametrize("relative", [1.0, 0.8, 1.3])
def test_the_likelihood_is_that_of_all_possibilities(relative: float) -> None:
    p = np.array([0.1, 0.3, 0.02, 0.5, 0.9])
    weight = [1.0, 0.4, 2.5, 1.7, 0.9]
    found = sum(
        log_likelihood(block, np.log(p / (1 - p))[block.cell])
        for block in counts_of(BOUNDS, weight, relative)
    )
    expected = sum(
        w * brute_force(bounds, risk, relative)
        for bounds, w, risk in zip(BOUNDS, weight, p, strict=True)
    )
    assert found == pytest.approx(expected, rel=EQUAL)


def test_the_likelihood_tells_a_bound_from_another() -> None:
    found = counts_of([(3, 9, 0, 4)], [1.0])[0]
    assert log_likelihood(found, np.zeros(1)) != pytest.approx(
        brute_force((3, 9, 0, 5), 0.5), rel=1e3 * EQUAL
    )


def test_any_number_of_events_tells_nothing_of_the_risk() -> None:
    """All that is known of 14 children is that they are 14: probability 1 at any risk."""
    (found,) = counts_of([(14, 14, 0, 14)], [1.0])
    for log_odds in (-4.0, 0.0, 2.5):
        assert log_likelihood(found, np.array([log_odds])) == pytest.approx(0.0, abs=EQUAL)


def test_intervals_of_one_point_have_the_exact_likelihood() -> None:
    n, events = np.array([30, 12, 7]), np.array([4, 12, 0])
    weight, relative, log_odds = np.array([1.0, 0.3, 2.0]), 0.9, np.array([-1.0, 0.4, 0.2])
    bounds = [(int(a), int(a), int(b), int(b)) for a, b in zip(n, events, strict=True)]
    found = sum(
        log_likelihood(block, log_odds[block.cell])
        for block in counts_of(bounds, weight.tolist(), relative)
    )
    expected = bernoulli_logit(log_odds, n=weight * n, events=weight * relative * events)
    constant = sum(w * log(comb(int(a), int(b))) for w, a, b in zip(weight, n, events, strict=True))
    assert found == pytest.approx(expected + constant, rel=EQUAL)


def test_numbers_of_children_are_thinned_where_there_are_many() -> None:
    n, events, log_prior = combinations(1, 900, 0, 90)
    assert len(np.unique(n)) == MOST_NUMBERS
    assert set(np.unique(events)) == set(range(91))
    assert (events <= n).all()
    for p in (0.06, 0.1, 0.2):
        each = log_prior + events * log(p) + (n - events) * np.log1p(-p)
        assert log(np.exp(each).sum()) == pytest.approx(
            brute_force((1, 900, 0, 90), p), abs=10 * THINNED
        )
    assert len(np.unique(combinations(1, 60, 0, 20)[0])) == 60


def test_counts_of_alike_size_are_padded_together() -> None:
    blocks_ = counts_of([(5, 5, 0, 5), (5, 5, 0, 4), (1, 900, 0, 90)], [1.0, 1.0, 1.0])
    assert [block.n.shape[0] for block in blocks_] == [2, 1]
    assert (blocks_[0].log_prior[1, 5:] == IMPOSSIBLE).all()


def test_what_is_known_of_a_count_is_less_where_bounds_are_wide() -> None:
    frame = pd.DataFrame(
        {
            "n": [100.0, 100.0, 100.0],
            "events": [20.0, 20.0, 20.0],
            "n_low": [100, 100, 40],
            "n_high": [100, 100, 160],
            "events_low": [20, 5, 5],
            "events_high": [20, 35, 35],
        }
    )
    known = share_known(frame)
    assert known[0] == 1.0
    assert 0 < known[2] < known[1] < 1


# ----------------------------------------------------------------------------- released cells


def with_bounds(cells: Cells, hidden: dict[int, tuple[int, int, int, int]]) -> Cells:
    """Cells as if released: exact, but for rows with their bounds (n_low, n_high, …)."""
    columns: dict[str, Any] = {}
    rows = np.array(list(hidden), dtype=np.int64)
    wide = {
        "n": np.array([low < high for low, high, _, _ in hidden.values()], dtype=bool),
        "events": np.ones(len(hidden), dtype=bool),
    }
    for place, kind in ((0, "n"), (2, "events")):
        values = cells.patterns[kind].values.astype(float)
        low, high = values.astype(np.int64), values.astype(np.int64)
        state = np.full(len(values), STATES.index("exact"), dtype=np.int8)
        for row, bounds in hidden.items():
            low[row], high[row] = bounds[place], bounds[place + 1]
        gone = rows[wide[kind]]
        values[gone], state[gone] = np.nan, STATES.index("suppressed")
        columns |= {kind: values, f"{kind}_low": low, f"{kind}_high": high, f"{kind}_state": state}
        for name in ("weight", "weight_squared") if kind == "n" else ("weighted_events",):
            columns[name] = cells.patterns[name].values.copy()
            columns[name][gone] = np.nan
    named_ = {name: ("pattern", values) for name, values in columns.items()}
    labels = {f"{kind}_state_label": np.array(STATES, dtype=object) for kind in ("n", "events")}
    patterns = cells.patterns.assign(named_).assign_coords(labels).assign_attrs(threshold=10)
    return Cells(patterns=patterns, products=None, authorities=cells.authorities)


def total_log_likelihood(data: CellData, of_cell: np.ndarray, gamma: np.ndarray) -> float:
    counts = data.patterns
    assert counts is not None
    log_odds = of_cell[counts.cell] + (counts.child_design @ gamma)[counts.pattern]
    here = counts.exact
    found = bernoulli_logit(log_odds[here], n=counts.n[here], events=counts.events[here])
    of_pattern = counts.child_design @ gamma
    return found + sum(
        log_likelihood(block, of_cell[block.cell] + of_pattern[block.pattern])
        for block in counts.censored
    )


@pytest.mark.parametrize("weights", ["likelihood", "covariates"])
def test_bounds_of_one_point_change_nothing(
    children_cells: Cells, hierarchical: Make, weights: str
) -> None:
    analysis = hierarchical(likelihood=BINOMIAL, weights=weights)
    exact = cell_data(children_cells, analysis)
    found = cell_data(with_bounds(children_cells, {}), analysis)
    assert found.patterns is not None
    assert found.patterns.censored == ()
    assert exact.patterns is not None
    np.testing.assert_array_equal(found.patterns.events, exact.patterns.events)
    np.testing.assert_array_equal(found.curvature, exact.curvature)


def test_a_suppressed_count_takes_the_weight_of_its_authority_in_the_period(
    children_cells: Cells, hierarchical: Make
) -> None:
    analysis = hierarchical(likelihood=BINOMIAL, weights_sum_to="rows")
    frame = frame_of(children_cells.patterns, "pattern")
    row = int(np.flatnonzero((frame["authority"] == "Fern") & (frame["n"] == 2))[0])
    data = cell_data(with_bounds(children_cells, {row: (1, 5, 0, 3)}), analysis)
    assert data.patterns is not None
    (block,) = data.patterns.censored
    keys = ["group", "authority", "post"]
    near = (frame[keys] == frame.loc[row, keys]).all(axis="columns") & (frame.index != row)
    near_sums = frame.loc[near, ["n", "events", "weight", "weighted_events"]].sum()
    mean = near_sums["weight"] / near_sums["n"]
    of_event = near_sums["weighted_events"] / near_sums["events"]
    known = frame["weight"].sum() - frame.loc[row, "weight"] + 3.0 * mean
    scale = (frame["n"].sum() - 2 + 3.0) / known
    assert block.weight[0] == pytest.approx(mean * scale)
    ratio = block.events[0, -1] / 3.0
    assert ratio == pytest.approx(min(of_event / mean, 5 / 3))
    assert data.cells["children"].sum() == frame["n"].sum() - 2 + 3
    gone = without(data, ["Fern"])
    assert gone.patterns is not None
    assert gone.patterns.censored[0].weight.tolist() == [0.0]


def test_without_weights_near_them_suppressed_counts_need_no_weights(
    children_cells: Cells, hierarchical: Make
) -> None:
    frame = frame_of(children_cells.patterns, "pattern")
    here = (frame["group"] == "Esk") & (frame["pilot"] == 0) & (frame["post"] == 1)
    hidden = {int(i): (1, 6, 0, 4) for i in np.flatnonzero(here)}
    cells = with_bounds(children_cells, hidden)
    with pytest.raises(BadInput, match=r'allowed: coarser cells, or model.weights = "covariates"'):
        cell_data(cells, hierarchical(likelihood=BINOMIAL))
    data = cell_data(cells, hierarchical(likelihood=BINOMIAL, weights="covariates"))
    assert data.patterns is not None
    assert sum(len(block.cell) for block in data.patterns.censored) == len(hidden)


def test_a_band_is_a_covariate_with_levels(children_rows: pd.DataFrame, hierarchical: Make) -> None:
    analysis = hierarchical(likelihood=BINOMIAL)
    cells = collapse(
        children_rows,
        analysis.children,
        covariates=["age"],
        bands=True,
        products=False,
        evidence="synthetic",
    )
    data = cell_data(cells, analysis)
    assert data.child_terms == (
        "age band: up to 4.5",
        "age band: above 12.5",
        "age band: missing",
    )
    assert data.dropped == ("gender",)
    assert data.cells["children"].sum() == len(children_rows)


def test_cells_without_covariates_have_no_child_terms(
    children_rows: pd.DataFrame, hierarchical: Make
) -> None:
    analysis = hierarchical(likelihood=BINOMIAL)
    cells = collapse(
        children_rows, analysis.children, covariates=[], products=False, evidence="synthetic"
    )
    data = cell_data(cells, analysis)
    assert data.child_terms == ()
    assert data.dropped == ("gender", "age")
    found = blocks(data, analysis, Setting(effect_prior=EFFECT))
    arrays = model_data(data, found, analysis)
    assert not [name for name in arrays if name.startswith(("child", "pattern"))]
    build_model(form_of(data, found, analysis), arrays)


def test_released_products_of_fewer_covariates_do_for_a_linear_model(
    make_children: MakeRows, hierarchical: Make
) -> None:
    analysis = hierarchical()
    found = release(
        make_children(10, 5), analysis.children, OutputRule(), what="products", evidence="synthetic"
    )
    data = cell_data(found.cells, analysis)
    assert data.child_terms == ()
    assert data.dropped == ("gender", "age")
    assert (data.curvature > 0).all()


def test_a_linear_model_says_what_to_do_about_counts(
    make_children: MakeRows, hierarchical: Make
) -> None:
    analysis = hierarchical()
    found = release(make_children(5, 5), analysis.children, OutputRule(), evidence="synthetic")
    with pytest.raises(BadInput) as caught:
        cell_data(found.cells, analysis)
    assert str(caught.value) == (
        "cells: products: found none; allowed: cells of collapse --what products,"
        ' or model.likelihood = "binomial logit"'
    )


def test_rounded_cells_are_censored_all(make_children: MakeRows, hierarchical: Make) -> None:
    analysis = hierarchical(likelihood=BINOMIAL)
    rows = make_children(5, 5)
    found = release(rows, analysis.children, OutputRule(round_to=5), evidence="synthetic")
    data = cell_data(found.cells, analysis)
    assert data.patterns is not None
    assert data.patterns.exact.stop == 0
    exact = collapse(rows, analysis.children, covariates=[], products=False, evidence="synthetic")
    assert data.cells["children"].sum() == pytest.approx(len(rows), rel=0.02)
    expected = cell_data(exact, analysis).cells["events"].sum()
    assert data.cells["events"].sum() == pytest.approx(expected, rel=0.05)


# ------------------------------------------------------------------------------ the posterior


def test_the_graph_has_the_likelihood_of_the_counts(
    children_cells: Cells, hierarchical: Make
) -> None:
    analysis = hierarchical(likelihood=BINOMIAL, shocks="none")
    hidden = {0: (1, 4, 0, 3), 5: (2, 2, 0, 2), 9: (1, 30, 0, 20)}
    data = cell_data(with_bounds(children_cells, hidden), analysis)
    found = blocks(data, analysis, Setting(effect_prior=EFFECT))
    graph = build_model(form_of(data, found, analysis), model_data(data, found, analysis))
    wanted = [graph[name] for name in ("log_likelihood", "cell_logit", "child_effect")]
    values = graph.compile_fn(
        graph.replace_rvs_by_values(wanted),
        inputs=graph.value_vars,
        mode="FAST_COMPILE",
        on_unused_input="ignore",
    )
    random = np.random.default_rng(3)
    start = graph.initial_point()
    for _ in range(3):
        point = {
            name: value + 0.3 * random.normal(size=value.shape) for name, value in start.items()
        }
        at = values(point)
        assert float(at[0]) == pytest.approx(total_log_likelihood(data, at[1], at[2]), rel=EQUAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fits:
    """Draws with suppressed counts, and with the true ones in their place."""

    data: CellData
    hidden: xr.Dataset
    known: xr.Dataset


@pytest.fixture(scope="module")
def fits(make_children: MakeRows, hierarchical: Make) -> Fits:
    """One compiled graph, without children's terms and shocks so that it is small."""
    analysis = hierarchical(likelihood=BINOMIAL, shocks="none")
    exact = collapse(
        make_children(2, 8),
        analysis.children,
        covariates=[],
        products=False,
        for_release=True,
        evidence="synthetic",
    )
    released = protect(exact, OutputRule(agreed=True, threshold=15)).cells
    data = cell_data(released, analysis)
    found = blocks(data, analysis, Setting(effect_prior=WIDE, pilot_effects="full"))
    arrays = dict(model_data(data, found, analysis))
    compiled = compile_once(form_of(data, found, analysis), arrays)
    sampler = replace(analysis.sampler, chains=2, tune=300, draws=750)
    draws = []
    for some in (arrays, arrays | told(arrays, released, exact)):
        tree = sample(compiled, sampler, data=some, stage="main")
        draws.append(named(tree["posterior"].to_dataset(), data, found, some, seed=1))
    return Fits(data=data, hidden=draws[0], known=draws[1])


def told(arrays: dict[str, np.ndarray], released: Cells, exact: Cells) -> dict[str, np.ndarray]:
    """The true counts as the only possible ones, in the place of those between bounds."""
    frame, truth = (frame_of(each.patterns, "pattern") for each in (released, exact))
    n, events = (frame[f"{kind}_low"] < frame[f"{kind}_high"] for kind in ("n", "events"))
    rows = np.flatnonzero(n | events)
    numbers = frame[["n_low", "n_high", "events_low", "events_high"]].to_numpy()[rows]
    found = [combinations(*map(int, row)) for row in numbers]
    kind = np.ceil(np.log([len(each[0]) for each in found]) / np.log(ALIKE))
    changed = {}
    for i, k in enumerate(np.unique(kind)):
        prior = np.full(arrays[f"censored_n_{i}"].shape, IMPOSSIBLE)
        for place, row in enumerate(np.flatnonzero(kind == k)):
            true = truth.loc[rows[row], ["n", "events"]].to_numpy()
            # numbers that were thinned may lack the true one
            distance = np.abs(np.array(found[row][:2]).T - true) @ [1e3, 1.0]
            prior[place, distance.argmin()] = 0.0
        changed[f"censored_log_prior_{i}"] = prior
    return changed


@pytest.mark.long
def test_suppressed_counts_leave_the_posterior_where_it_was_and_wider(fits: Fits) -> None:
    assert fits.data.patterns is not None
    assert fits.hidden["child_effect"].shape[-1] == 0
    cells = np.unique(np.concatenate([block.cell for block in fits.data.patterns.censored]))
    assert len(cells) > len(fits.data.cells) / 2
    whole, part = ((each.mean(), each.std()) for each in map(_did, (fits.known, fits.hidden)))
    assert WIDER * whole[1] < part[1] < WIDE.sd / 2
    assert abs(part[0] - whole[0]) < AWAY * np.sqrt(part[1] ** 2 - whole[1] ** 2)
    spread = [
        each["cell_predictor"].std(("chain", "draw")).to_numpy()[cells]
        for each in (fits.hidden, fits.known)
    ]
    assert (spread[0] > WIDER * spread[1]).all()


def _did(draws: xr.Dataset) -> np.ndarray:
    return draws["coefficient"].sel(term="did").to_numpy().ravel()


def test_a_risk_of_none_is_none() -> None:
    """The brute force itself, by hand: one or two children, none of whom has an event."""
    assert exp(brute_force((1, 2, 0, 0), 0.25)) == pytest.approx((0.75 + 0.75**2) / 2)
