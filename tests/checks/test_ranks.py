"""Ranks, their verdict and coverage, on ranks made by hand."""

from typing import get_args

import numpy as np
import pytest
from scipy import stats

from sofs_bayes.checks.ranks import (
    ALPHA,
    BINS,
    DRAWS,
    FEW,
    LEAST,
    LEVELS,
    Kind,
    RankedReplicate,
    RankVerdict,
    out_below,
    pit,
    rank_verdict,
    ranked_of,
    thinned_rank,
    uniformity,
)

KINDS: dict[str, Kind] = {"other": "parameter", "log likelihood": "likelihood", "effect": "effect"}


def made(ranks: dict[str, list[int]], status: str = "converged") -> list[RankedReplicate]:
    size = len(next(iter(ranks.values())))
    return [
        RankedReplicate(
            number=i,
            ranks={name: values[i] for name, values in ranks.items()},
            status=status,
            failures=() if status == "converged" else ("energy: BFMI 0.1",),
            attempts=1,
            seconds=0.1,
        )
        for i in range(size)
    ]


def verdict(**turned: float) -> RankVerdict:
    """Uniform ranks, but for quantities whose ranks are raised to a power."""
    rng = np.random.default_rng(3)
    ranks = {}
    for name in KINDS:
        u = rng.uniform(size=400) ** turned.get(name.replace(" ", "_"), 1.0)
        ranks[name] = np.floor(u * (DRAWS + 1)).astype(int).tolist()
    return rank_verdict(made(ranks), KINDS, seed=1)


def test_every_level_and_bin_holds_a_whole_number_of_ranks() -> None:
    for level in LEVELS:
        outside = (1 - level) / 2 * (DRAWS + 1)
        assert outside == pytest.approx(round(outside), abs=1e-9)
    assert (DRAWS + 1) % BINS == 0


def test_a_rank_counts_the_thinned_draws_below_the_truth() -> None:
    draws = np.arange(4 * 250.0).reshape(4, 250)
    assert thinned_rank(draws, -1.0) == 0
    assert thinned_rank(draws, 1e6) == DRAWS
    assert thinned_rank(draws, 499.5) == pytest.approx(DRAWS / 2, abs=1)


def test_places_within_a_rank_are_uniform_and_stay_in_it() -> None:
    ranks = np.tile(np.arange(DRAWS + 1), 50)
    found = pit(ranks, seed=2)
    assert (np.floor(found * (DRAWS + 1)) == ranks).all()
    assert stats.kstest(found, "uniform").pvalue > 0.01
    assert (pit(ranks, seed=2) == found).all()


def test_uniform_ranks_are_in_and_others_out_in_the_order_of_kinds() -> None:
    good = verdict()
    assert [test.quantity for test in good.tests] == ["effect", "log likelihood", "other"]
    assert {test.verdict for test in good.tests} == {"in"}
    assert good.uniform
    bad = verdict(other=2.0)
    assert [test.verdict for test in bad.tests] == ["in", "in", "out"]
    assert not bad.uniform


def test_half_of_alpha_is_for_what_is_reported() -> None:
    """The same ranks are out as an effect and in as one of very many parameters."""
    rng = np.random.default_rng(8)
    mild = np.floor(rng.uniform(size=400) ** 1.3 * (DRAWS + 1)).astype(int).tolist()
    plain = [
        np.floor(rng.uniform(size=400) * (DRAWS + 1)).astype(int).tolist() for _ in range(3000)
    ]
    many = {f"p{i}": values for i, values in enumerate(plain)}
    ranks = {"mild": mild} | many
    as_effect: dict[str, Kind] = {"mild": "effect"} | dict.fromkeys(many, "parameter")
    as_parameter: dict[str, Kind] = dict.fromkeys(ranks, "parameter")
    found = [
        next(t for t in rank_verdict(made(ranks), kinds, seed=1).tests if t.quantity == "mild")
        for kinds in (as_effect, as_parameter)
    ]
    lowest = min(found[0].chi_squared_p, found[0].ks_p, found[0].dispersion_p)
    assert 0.005 / (3 * 3001) < lowest < 0.005 / 3
    assert [test.verdict for test in found] == ["out", "in"]


def test_the_shares_of_all_tests_make_up_alpha() -> None:
    kinds: list[Kind] = ["effect", "spread", "likelihood", *["parameter"] * 7]  # type: ignore[list-item]
    shares = [3 * out_below(kinds)[kind] for kind in kinds]
    assert sum(shares) == pytest.approx(ALPHA)
    assert sum(shares[:3]) == pytest.approx(ALPHA / 2)


def test_coverage_is_that_of_central_intervals() -> None:
    every = list(range(DRAWS + 1))
    found = rank_verdict(made({"effect": every}), {"effect": "effect"}, seed=1)
    assert {row.level: row.coverage for row in found.coverage} == pytest.approx(
        {level: level for level in LEVELS}
    )
    middle = rank_verdict(made({"effect": [40] * 10}), {"effect": "effect"}, seed=1)
    assert [row.coverage for row in middle.coverage] == [1.0] * len(LEVELS)


def test_refused_fits_count_and_those_without_draws_refuse_the_verdict() -> None:
    rng = np.random.default_rng(5)
    ranks = {"effect": rng.integers(0, DRAWS + 1, 200).tolist()}
    fine, refused = made(ranks)[:150], made(ranks, "not converged")[150:]
    found = rank_verdict([*refused, *fine], {"effect": "effect"}, seed=1)
    assert found.tests[0].replicates == 200
    assert [each.number for each in found.refused] == list(range(150, 200))
    assert [each.number for each in found.replicates] == list(range(200))
    assert found.uniform
    nothing = RankedReplicate(
        number=200, ranks={}, status="not converged", failures=("x",), attempts=3, seconds=1.0
    )
    broken = rank_verdict([*fine, nothing], {"effect": "effect"}, seed=1)
    assert [each.number for each in broken.unranked] == [200]
    assert not broken.uniform


def test_tests_agree_with_scipy() -> None:
    numbers = np.random.default_rng(6).uniform(size=500) ** 1.1
    found = uniformity(numbers)
    counts = np.histogram(numbers, bins=BINS, range=(0, 1))[0]
    chi = stats.chisquare(counts)
    assert (found.chi_squared, found.chi_squared_p) == pytest.approx((chi.statistic, chi.pvalue))
    ks = stats.kstest(numbers, "uniform", method="asymp")
    assert (found.ks, found.ks_p) == pytest.approx((ks.statistic, ks.pvalue), rel=1e-6)
    squares = (stats.norm.ppf(numbers) ** 2).sum()
    tail = stats.chi2(500).cdf(squares)
    assert found.dispersion_p == pytest.approx(2 * min(tail, 1 - tail))


def test_a_replicate_is_read_back_from_json() -> None:
    result = {"ranks": {"effect": 3}, "status": "converged", "failures": [], "attempts": 2}
    found = ranked_of(7, result | {"seconds": 1})
    assert (found.number, found.ranks, found.attempts) == (7, {"effect": 3}, 2)
    assert set(get_args(Kind)) == {"effect", "spread", "likelihood", "parameter"}


@pytest.mark.parametrize(("replicates", "least", "most"), [(50, 2.0, 4.0), (200, 1.3, 2.3)])
def test_far_out_the_p_of_few_replicates_is_too_small_by_the_factor_that_is_documented(
    replicates: int, least: float, most: float
) -> None:
    """models/README: χ² of uniform ranks exceeds its asymptotic limit more often than stated."""
    rng, p, studies = np.random.default_rng(1), 5e-5, 2_000_000
    limit, expected = stats.chi2.isf(p, BINS - 1), replicates / BINS
    exceeded = 0
    for _ in range(10):
        counts = rng.multinomial(replicates, np.full(BINS, 1 / BINS), size=studies // 10)
        exceeded += int((((counts - expected) ** 2).sum(axis=1) / expected >= limit).sum())
    assert least < exceeded / studies / p < most


def test_too_few_ranks_have_no_verdict_and_are_called_so() -> None:
    wrong = {name: [0] * LEAST for name in KINDS}
    few = rank_verdict(made({name: ranks[1:] for name, ranks in wrong.items()}), KINDS, seed=1)
    assert {test.verdict for test in few.tests} == {FEW}
    assert few.few
    assert not few.uniform
    enough = rank_verdict(made(wrong), KINDS, seed=1)
    assert {test.verdict for test in enough.tests} == {"out"}
    assert not enough.few
