"""Outcomes of 0 and 1 that have what is printed, on a few thousand rows."""

from dataclasses import replace

import numpy as np
import pytest

from sofs_bayes.frequentist.did import fit
from sofs_bayes.synthetic.solver import rounding
from sofs_bayes.synthetic.solver.equations import Place
from sofs_bayes.synthetic.solver.outcomes import Sums
from sofs_bayes.synthetic.solver.rounding import (
    Wanted,
    farthest,
    fit_outcomes,
    printed_misses,
    printed_outcomes,
)

# Far below standard errors, far above what a single outcome moves.
NEAR = {"ICPC": 0.004, "CLA": 0.02}
STEP = 1e-5


@pytest.fixture(scope="module")
def outcome(linear_toy) -> np.ndarray:  # type: ignore[no-untyped-def]
    return np.random.default_rng(1).integers(0, 2, len(linear_toy.wanted.weight)).astype(float)


@pytest.mark.parametrize("name", ["Lagged treatment", "Excluding pilot 4"])
def test_coefficients_and_stars_are_those_of_the_fits(name: str, linear_toy, outcome) -> None:  # type: ignore[no-untyped-def]
    toy, wanted = linear_toy, linear_toy.wanted
    column = next(each for each in wanted.columns if each.name == name)
    regression = next(each for each in toy.analysis.regressions.columns if each.name == name)
    place = rounding.referral_places(toy.frame)[0]
    expected = fit(toy.frame.assign(outcome=outcome[place]), toy.analysis, regression)
    targets = tuple(each for each in wanted.targets if each.column == name)
    at = [expected.terms.index(each.term) for each in targets]
    alone = replace(wanted, targets=targets, columns=(wanted.columns[0], column))
    found = fit_outcomes(alone, outcome)
    missed = (expected.coefficients[at] - [each.value for each in targets]) / [
        each.half_unit for each in targets
    ]
    np.testing.assert_allclose(found.targets[0], missed, atol=1e-2)
    stars = next(each for each in wanted.stars if each.fitted == name)
    t = np.log(np.abs([each.value for each in targets])) - 0.5 * np.log(
        np.diag(expected.covariance)[at]
    )
    linear = next(each for each in wanted.stars if each.fitted == wanted.columns[0].name)
    only = fit_outcomes(replace(alone, stars=(stars,)), outcome).stars_missed
    both = fit_outcomes(replace(alone, stars=(stars, linear)), outcome).stars_missed
    assert only == stars.misses(t)[1] != ()
    assert len(both) > len(only)


def test_slopes_are_derivatives_by_outcomes(toy) -> None:  # type: ignore[no-untyped-def]
    wanted, rng = toy.wanted, np.random.default_rng(9)
    p = rng.uniform(0.1, 0.3, len(wanted.weight))
    way = STEP * rng.standard_normal(len(p))
    here = fit_outcomes(wanted, p)
    above, below = (fit_outcomes(wanted, p + sign * way, here.coefficients) for sign in (1, -1))
    change = (printed_misses(above)[0] - printed_misses(below)[0]) / 2
    assert printed_misses(here)[1] @ way == pytest.approx(change, rel=1e-4, abs=1e-6)
    if toy.scenario.outcome == "ICPC":
        change = (above.stars[0] - below.stars[0]) / 2
        outside = here.stars[0] != 0
        assert (here.stars[1] @ way)[outside] == pytest.approx(change[outside], rel=1e-3)


def aimed(wanted: Wanted, found: Place, near: float) -> Wanted:
    """As if the tables printed what was found, so near."""
    values = printed_misses(found)[0] * np.concatenate(
        [
            [each.half_unit for each in wanted.targets],
            wanted.means.near,
            [wanted.r_squared.half_unit],
        ]
    ) + np.concatenate(
        [[each.value for each in wanted.targets], wanted.means.values, [wanted.r_squared.value]]
    )
    count = len(wanted.targets)
    return replace(
        wanted,
        targets=tuple(
            replace(each, value=float(value), half_unit=near)
            for each, value in zip(wanted.targets, values, strict=False)
        ),
        means=replace(
            wanted.means, values=values[count:-1], near=np.full(len(values) - count - 1, 0.002)
        ),
        r_squared=replace(wanted.r_squared, value=float(values[-1]), half_unit=0.002),
        stars=(),
    )


def test_outcomes_have_what_their_probabilities_have(toy) -> None:  # type: ignore[no-untyped-def]
    p = np.random.default_rng(3).uniform(0.1, 0.3, len(toy.wanted.weight))
    block = np.random.default_rng(4).integers(0, 30, len(p))
    wanted = aimed(toy.wanted, fit_outcomes(toy.wanted, p), NEAR[toy.scenario.outcome])
    said: list[str] = []
    found = printed_outcomes(wanted, p, block, rng=np.random.default_rng(8), say=said.append)
    assert set(np.unique(found.outcome)) == {0, 1} and found.off == ()
    assert farthest(fit_outcomes(wanted, found.outcome.astype(float))) <= 1
    assert said[-1].endswith("0 clustered stars not as printed")


def test_what_no_outcome_can_meet_is_named(linear_toy, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(rounding, "ROUNDINGS", 1)
    monkeypatch.setattr(rounding, "ROUNDS", {False: 2})
    monkeypatch.setattr(rounding, "tilted_probabilities", lambda p, sums: p)
    monkeypatch.setattr(rounding, "swapped_outcomes", lambda outcome, *_, **__: outcome)
    p = np.random.default_rng(3).uniform(0.1, 0.3, len(linear_toy.wanted.weight))
    block, rng = np.zeros(len(p), dtype=np.int64), np.random.default_rng(1)
    nearest = printed_outcomes(linear_toy.wanted, p, block, rng=rng, say=str)
    assert "Linear model: intercept" in " ".join(nearest.off)
    easy = aimed(linear_toy.wanted, fit_outcomes(linear_toy.wanted, p), 1e3)
    wide = replace(easy.means, near=np.full_like(easy.means.near, 1e3))
    easy = replace(easy, means=wide, r_squared=replace(easy.r_squared, half_unit=1e3))
    assert printed_outcomes(easy, p, block, rng=rng, say=str).off == ()
    refused = printed_outcomes(easy, p, block, rng=rng, say=str, taken=lambda outcome: False)
    assert refused.off == ("the number of insignificant leads",)


def test_a_search_that_leaves_things_worse_is_not_kept(toy, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """The next one starts from the best before; of stars half as much is asked, where by shares."""
    p = np.random.default_rng(3).uniform(0.1, 0.3, len(toy.wanted.weight))
    good = (np.random.default_rng(5).random(len(p)) < p).astype(np.int8)
    bad = np.random.default_rng(6).permutation(good)
    logistic = toy.wanted.logistic
    starts: list[np.ndarray] = []
    shares: list[float] = []

    def astray(outcome: np.ndarray, block: np.ndarray, sums: Sums, **_: object) -> np.ndarray:
        if len(sums.target) > len(printed):
            shares.append(float(sums.tolerance.min()))
            starts.append(outcome)
        return good if not starts or (not logistic and len(starts) == 1) else bad

    name = "moved_nearby" if logistic else "swapped_outcomes"
    monkeypatch.setattr(rounding, name, astray)
    monkeypatch.setattr(rounding, "ROUNDINGS", 1)
    monkeypatch.setattr(rounding, "ROUNDS", {logistic: 4})
    at_good = fit_outcomes(toy.wanted, good.astype(float))
    printed = printed_misses(at_good)[0]
    aim = aimed(toy.wanted, at_good, NEAR[toy.scenario.outcome] / 4)
    wanted = replace(aim, stars=toy.wanted.stars)
    block, rng = np.zeros(len(p), dtype=np.int64), np.random.default_rng(1)
    found = printed_outcomes(wanted, p, block, rng=rng, say=str)
    np.testing.assert_array_equal(found.outcome, good)
    assert all(np.array_equal(each, good) for each in starts[0 if logistic else 1 :])
    expected = [1.0, 0.5, 0.25] if logistic else [1.0, 1.0, 1.0]
    assert np.array(shares[-3:]) / shares[-3] == pytest.approx(expected)
