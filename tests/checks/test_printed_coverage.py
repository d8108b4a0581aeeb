"""Intervals of the posterior from print hold their level on panels; naive ones do not."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy import stats

from sofs_bayes import spec
from sofs_bayes.checks.calibration import Coverage
from sofs_bayes.checks.printed_coverage import Batch, Scenario, batch, coverage, scenarios
from sofs_bayes.errors import BadInput

REPLICATES = 600
BINOMIAL = 3 * np.sqrt(0.9 * 0.1 / REPLICATES)  # three standard errors of a 90% coverage: 0.037


def load(name: str = "icpc-printed") -> spec.PrintedAnalysis:
    analysis = spec.load(name)
    assert isinstance(analysis, spec.PrintedAnalysis)
    return analysis


def scenario(name: str, analysis: spec.PrintedAnalysis, prior: str = "reference") -> Scenario:
    study = scenarios(analysis, prior=prior, reading=analysis.readings[0])
    return next(each for each in study if each.name == name)


@cache
def covered(name: str, *, prior: str = "reference", analysis: str = "icpc-printed") -> Coverage:
    wanted = scenario(name, load(analysis), prior)
    one = batch(
        load(analysis),
        wanted,
        prior=prior,
        studies=REPLICATES,
        rng=np.random.default_rng(31),
    )
    return coverage(load(analysis), wanted, [one], studies=REPLICATES)


@pytest.mark.parametrize("name", ["as read", "as read, with the printed stars", "Student-t years"])
@pytest.mark.parametrize("prior", ["reference", pytest.param("sceptical", marks=pytest.mark.long)])
def test_intervals_hold_their_level(name: str, prior: str) -> None:
    found = covered(name, prior=prior)
    assert found.owed
    assert found.coverage == pytest.approx(found.level, abs=BINOMIAL)
    assert found.standard_error == pytest.approx(0.0122, abs=0.002)


def test_intervals_on_log_odds_hold_their_level() -> None:
    assert covered("as read", analysis="cla-printed").coverage == pytest.approx(0.9, abs=BINOMIAL)


@pytest.mark.parametrize(
    ("name", "at_most"),
    [
        ("naive: children only", 0.4),
        ("misread: child-level stars taken for clustered ones", 0.75),
    ],
)
def test_readings_that_are_wrong_are_seen_to_fail(name: str, at_most: float) -> None:
    found = covered(name)
    assert not found.owed
    assert found.coverage < at_most < found.level - BINOMIAL
    assert not found.accepted


def test_the_printed_stars_are_kept_only_where_asked() -> None:
    everything, same = (
        covered(name, prior="reference") for name in ("as read", "as read, with the printed stars")
    )
    assert everything.panels == REPLICATES
    assert same.panels > 2 * REPLICATES
    assert same.mean_width > everything.mean_width


def test_acceptance_allows_two_points_below_and_three_above() -> None:
    found = replace(covered("as read", prior="reference"), replicates=1500)
    rates = {0.879: False, 0.881: True, 0.929: True, 0.931: False}
    assert {rate: replace(found, coverage=rate).accepted for rate in rates} == rates


def test_fewer_studies_allow_more_as_chance_does() -> None:
    """At any number a right interval is out as rarely as at the number the rule is made for."""
    found = replace(covered("as read", prior="reference"), replicates=1500)
    assert found.allowed == pytest.approx((0.88, 0.93))
    assert replace(found, replicates=6000).allowed == found.allowed
    few = replace(found, replicates=375)
    assert few.allowed == pytest.approx((0.86, 0.96))
    rates = {0.859: False, 0.861: True, 0.959: True, 0.961: False}
    assert {rate: replace(few, coverage=rate).accepted for rate in rates} == rates
    assert replace(found, replicates=50).allowed == pytest.approx((0.79, 1.0), abs=0.001)
    for replicates in (50, 100, 400, 1500):
        lowest, highest = replace(found, replicates=replicates).allowed
        inside = stats.binom(replicates, 0.9)
        out = inside.cdf(lowest * replicates - 1e-9) + inside.sf(highest * replicates)
        assert out < 0.012


def test_a_study_has_every_scenario() -> None:
    names = [each.name for each in scenarios(load(), prior="reference", reading=reading())]
    assert len(set(names)) == len(names) == 9


def reading() -> spec.Reading:
    return load().readings[0]


def test_a_batch_repeats_with_its_seed() -> None:
    wanted = scenario("as read, with the printed stars", load())
    one, again, other = (
        batch(load(), wanted, prior="reference", studies=3, rng=np.random.default_rng(seed))
        for seed in (5, 5, 6)
    )
    assert one == again != other
    assert len(one.held) == len(one.widths) == 3


def test_coverage_is_that_of_the_first_studies_of_all_batches() -> None:
    batches = [
        Batch(held=(True, False), widths=(1.0, 2.0), panels=7),
        Batch(held=(True, False), widths=(6.0, 9.0), panels=5),
    ]
    found = coverage(load(), scenario("as read", load()), batches, studies=3)
    assert (found.replicates, found.panels, found.level) == (3, 12, 0.9)
    assert found.coverage == pytest.approx(2 / 3)
    assert found.mean_width == pytest.approx(3.0)
    assert found.standard_error == pytest.approx(np.sqrt(2 / 27))


def test_stars_too_rare_to_simulate_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sofs_bayes.checks.printed_coverage.RAREST", 1)
    rows = spec.AsPrinted(source="impossible", pilot="0.0001***", did="0.0001***")
    analysis = replace(load(), from_table=None, as_printed=rows)
    # no pilot difference and vast shocks: three stars on both rows all but never happen
    rare = replace(
        scenario("as read", load()), same_stars=True, truth=(0.5, 0.5, 0.0, 0.0), name="rare"
    )
    one = batch(analysis, rare, prior="reference", studies=500, rng=np.random.default_rng(1))
    assert len(one.held) < 500
    assert one.panels >= 1_000  # it was tried
    with pytest.raises(BadInput, match="rare"):
        coverage(analysis, rare, [one], studies=500)
