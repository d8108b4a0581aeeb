"""Probabilities of children from those of quarters, and outcomes that meet what is wanted."""

from dataclasses import dataclass

import numpy as np
import pytest

from sofs_bayes.synthetic import icpc_outcomes
from sofs_bayes.synthetic.icpc_outcomes import Children, Wanted, printed_outcomes
from sofs_bayes.synthetic.outcomes import Sums

SIZE, BLOCKS = 6000, 12


def test_children_keep_the_means_of_their_quarters(linear_toy) -> None:  # type: ignore[no-untyped-def]
    children = linear_toy.ground.children
    mean = np.random.default_rng(1).uniform(0.02, 0.3, children.block.max() + 1)
    found = children.probabilities(mean)
    size = np.bincount(children.block)
    np.testing.assert_allclose(np.bincount(children.block, found) / size, mean, rtol=1e-9)
    assert found.min() > 0 and found.max() < 1


def test_effects_are_log_odds() -> None:
    effect = np.array([0.0, 1.0, 0.0, 1.0])
    children = Children(effect=effect, block=np.array([0, 0, 1, 1]))
    found = children.probabilities(np.array([0.1, 0.3]))
    odds = found / (1 - found)
    np.testing.assert_allclose([odds[1] / odds[0], odds[3] / odds[2]], np.e)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Stands for R²: the share of ones among the first half."""

    def at(self, outcome: np.ndarray) -> tuple[float, np.ndarray]:
        slopes = np.zeros(len(outcome))
        slopes[::2] = 2 / len(outcome)
        return float(outcome @ slopes), slopes

    def sum_at(self, outcome: np.ndarray, *, value: float, tolerance: float) -> Sums:
        slopes = self.at(outcome)[1]
        return Sums(rows=slopes[:, None], target=np.array([value]), tolerance=np.array([tolerance]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stars:
    """Stands for errors: a star is wrong unless the first outcome is 0."""

    def missed(self, outcome: np.ndarray) -> int:
        return int(outcome[0])

    def sums_at(self, outcome: np.ndarray) -> Sums:
        rows = np.zeros((len(outcome), 1))
        rows[0] = 1.0
        return Sums(rows=rows, target=np.zeros(1), tolerance=np.full(1, 0.5))


def wanted(target: float) -> tuple[np.ndarray, np.ndarray, Wanted]:
    rng = np.random.default_rng(2)
    p, block = rng.uniform(0.05, 0.3, SIZE), np.sort(rng.integers(0, BLOCKS, SIZE))
    rows = rng.normal(size=(SIZE, 3))
    return (
        p,
        block,
        Wanted(
            sums=Sums(rows=rows, target=p @ rows + target, tolerance=np.full(3, 0.2)),
            explained=Share(),  # type: ignore[arg-type]
            errors=Stars(),  # type: ignore[arg-type]
            r_squared=0.17,
            half_unit=5e-4,
            weight=np.ones(SIZE),
        ),
    )


def test_outcomes_meet_sums_r_squared_and_stars() -> None:
    p, block, what = wanted(5.0)
    said: list[str] = []
    outcome = printed_outcomes(p, block, what, rng=np.random.default_rng(3), say=said.append)
    assert outcome is not None and what.met(outcome) and outcome[0] == 0
    assert said[-1].endswith("and 0 stars not")
    again = printed_outcomes(p, block, what, rng=np.random.default_rng(3), say=said.append)
    np.testing.assert_array_equal(outcome, again)


def test_what_no_outcome_can_meet_gives_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(icpc_outcomes, "ROUNDINGS", 2)
    p, block, what = wanted(1e5)
    found = printed_outcomes(p, block, what, rng=np.random.default_rng(4), say=lambda said: None)
    assert found is None
