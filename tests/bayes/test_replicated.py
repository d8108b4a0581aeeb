"""Outcomes drawn anew have the moments of the likelihood; outcomes together add up to one."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from sofs_bayes.bayes.cell_data import CellData, cell_data
from sofs_bayes.bayes.did_draws import gaussian_log_likelihood
from sofs_bayes.bayes.replicated import replicated, together, whole_counts
from sofs_bayes.cells.dataset import Cells
from sofs_bayes.spec import HierarchicalAnalysis

Floats = npt.NDArray[np.float64]
Make = Callable[..., HierarchicalAnalysis]

SD, DRAWS = 0.4, 2000
# A mean of 2,000 scores is normal; four standard errors are exceeded once in 16,000 times, and
# there are about fifty of them.
FAR = 4.0


@pytest.fixture(scope="module")
def linear(children_cells: Cells, hierarchical: Make) -> CellData:
    return cell_data(children_cells, hierarchical())


@pytest.fixture(scope="module")
def logistic(children_cells: Cells, hierarchical: Make) -> CellData:
    return cell_data(children_cells, hierarchical(likelihood="binomial logit"))


def truth_of(data: CellData, seed: int = 1) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    return rng.normal(-1.0, 0.3, len(data.cells)), rng.normal(0.0, 0.2, len(data.child_terms))


def drawn(data: CellData, seed: int) -> CellData:
    predictor, gamma = truth_of(data)
    rng = np.random.default_rng(seed)
    return replicated(data, predictor=predictor, child_effect=gamma, residual_sd=SD, rng=rng)


def log_likelihood(data: CellData, predictor: Floats, gamma: Floats, sd: float) -> float:
    if data.patterns is None:
        return float(gaussian_log_likelihood(data, predictor, gamma, np.array(sd)))
    counts = data.patterns
    log_odds = predictor[counts.cell] + (counts.child_design @ gamma)[counts.pattern]
    return float(log_odds @ counts.events - np.logaddexp(0.0, log_odds) @ counts.n)


def scores(data: CellData, point: Floats) -> Floats:
    """The derivative of the log likelihood at (predictors, children's terms, log σ)."""
    cells, step = len(data.cells), 1e-4

    def at(x: Floats) -> float:
        return log_likelihood(data, x[:cells], x[cells:-1], float(np.exp(x[-1])))

    moves = step * np.eye(len(point))
    return np.array([(at(point + move) - at(point - move)) / (2 * step) for move in moves])


def test_the_score_of_drawn_outcomes_is_zero_on_average_with_the_information_as_its_variance(
    linear: CellData,
) -> None:
    predictor, gamma = truth_of(linear)
    point = np.r_[predictor, gamma, np.log(SD)]
    found = np.array([scores(drawn(linear, seed), point) for seed in range(DRAWS)])
    error = found.std(axis=0) / np.sqrt(DRAWS)
    assert np.abs(found.mean(axis=0) / error).max() < FAR
    information = np.r_[
        linear.curvature / SD**2,
        (linear.within_xx.sum(0).diagonal() + linear.curvature @ linear.child_means**2) / SD**2,
        2 * linear.curvature.sum(),
    ]
    ratio = found.var(axis=0) / information
    assert np.abs(ratio - 1).max() < FAR * np.sqrt(2 / DRAWS) * 1.2


def test_a_wrong_number_of_degrees_of_freedom_would_be_seen(linear: CellData) -> None:
    """The same test, of outcomes whose squares within cells are 4% too large."""
    predictor, gamma = truth_of(linear)
    point = np.r_[predictor, gamma, np.log(SD)]
    found = []
    for seed in range(300):
        good = drawn(linear, seed)
        found.append(scores(replace(good, within_yy=1.04 * good.within_yy), point)[-1])
    assert np.mean(found) / (np.std(found) / np.sqrt(len(found))) > FAR


def test_events_are_binomial(logistic: CellData) -> None:
    whole = whole_counts(logistic)
    predictor, gamma = truth_of(whole)
    counts = whole.patterns
    assert counts is not None
    log_odds = predictor[counts.cell] + (counts.child_design @ gamma)[counts.pattern]
    risk = 1 / (1 + np.exp(-log_odds))
    found = np.array([drawn(whole, seed).patterns.events for seed in range(DRAWS)])  # type: ignore[union-attr]
    gap = (found.mean(axis=0) - counts.n * risk) / np.sqrt(counts.n * risk * (1 - risk) / DRAWS)
    assert np.abs(gap).max() < FAR + 1  # there are hundreds of them
    made = drawn(whole, 3)
    assert made.patterns is not None
    assert made.cells["events"].sum() == made.patterns.events.sum()
    assert not np.array_equal(made.centre, whole.centre)  # the expansion is of the new events


def test_whole_counts_keep_the_size_of_every_cell(logistic: CellData) -> None:
    before, after = logistic.patterns, whole_counts(logistic).patterns
    kept = whole_counts(logistic, keep_empty=True).patterns
    assert before is not None and after is not None and kept is not None
    assert (after.n == after.n.round()).all()
    assert (after.n > 0).all()
    assert len(kept.n) == len(before.n) > len(after.n)
    sizes = [np.bincount(each.cell, each.n, len(logistic.cells)) for each in (before, after)]
    assert np.abs(sizes[0] - sizes[1]).max() <= 0.5 + 1e-9
    assert whole_counts(drawn(whole_counts(logistic), 1)).patterns is not None


def test_linear_designs_are_whole_already(linear: CellData) -> None:
    assert whole_counts(linear) is linear


@pytest.mark.parametrize("kind", ["linear", "logistic"])
def test_two_sets_of_outcomes_have_the_sum_of_their_log_likelihoods(
    kind: str, request: pytest.FixtureRequest
) -> None:
    data = whole_counts(request.getfixturevalue(kind))
    one, other = drawn(data, 1), drawn(data, 2)
    both = together(one, other)
    for seed in (3, 4):
        at = (*truth_of(data, seed), 0.3 + 0.1 * seed)
        apart = log_likelihood(one, *at) + log_likelihood(other, *at)
        assert log_likelihood(both, *at) == pytest.approx(apart, rel=1e-10)
    assert both.cells["events"].sum() == pytest.approx(
        one.cells["events"].sum() + other.cells["events"].sum()
    )


def test_outcomes_of_other_designs_do_not_go_together(linear: CellData, logistic: CellData) -> None:
    moved = replace(linear, design=linear.design + 1.0)
    with pytest.raises(ValueError, match="outcomes of one design"):
        together(linear, moved)
    whole = whole_counts(logistic)
    with pytest.raises(ValueError, match="exact counts of the same cells and patterns"):
        together(logistic, whole)
