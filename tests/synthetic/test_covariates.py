"""Margins from print, patterns and quotas."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sofs_bayes.published.facts import fact
from sofs_bayes.spec import ChildrenAnalysis, load
from sofs_bayes.spec.seeds import stream
from sofs_bayes.synthetic.covariates import (
    AXES,
    MATCHED_ON,
    PRINTED_AS,
    Patterns,
    all_patterns,
    by_quota,
    column_of,
    counts_by_quota,
    own_mix,
    pattern_probabilities,
    printed_age,
    printed_margins,
    weighted_quota,
)
from sofs_bayes.synthetic.scenario import Scenario, load_scenario

EXACT = 1e-12  # a handful of additions of shares
RAKED = 2e-3  # what 25 rounds of fitting leave, far inside half a printed percent
HALF_PERCENT = 0.005  # the rounding of Table 3


def analysis_of(name: str) -> ChildrenAnalysis:
    analysis = load(f"{name}-children")
    assert isinstance(analysis, ChildrenAnalysis)
    return analysis


@pytest.fixture(scope="module")
def patterns(icpc: Scenario, icpc_analysis: ChildrenAnalysis) -> Patterns:
    return all_patterns(icpc.children, icpc_analysis)


@pytest.mark.parametrize("name", ["icpc", "cla"])
@pytest.mark.parametrize("pilot", [0, 1])
@pytest.mark.parametrize("covariate", sorted(PRINTED_AS))
def test_margins_are_a_whole_and_round_to_print(name: str, pilot: int, covariate: str) -> None:
    scenario = load_scenario(name)
    margins = printed_margins(scenario, covariate, pilot=pilot)
    assert abs(sum(margins.values()) - 1) < EXACT
    assert min(margins.values()) >= 0
    for level, row in PRINTED_AS[covariate].items():
        value = fact(3, row, column_of(scenario, pilot=pilot)).printed.value
        assert value is None or abs(margins[level] - value / 100) < HALF_PERCENT


def test_patterns_are_all_combinations_with_their_strata(patterns: Patterns) -> None:
    sizes = [len(patterns.ages), *(len(patterns.levels[name]) for name in AXES[1:])]
    assert len(patterns.codes) == np.prod(sizes)
    assert len(np.unique(patterns.codes, axis=0)) == len(patterns.codes)
    by_hand = np.array([0 if age <= 4.5 else 1 if age <= 12.5 else 2 for age in patterns.years])
    assert (patterns.interval == by_hand).all()
    both = np.column_stack([patterns.interval, patterns.codes[:, 1:]])
    assert len(np.unique(both, axis=0)) == len(np.unique(patterns.coarse))


def test_probabilities_have_the_margins_and_the_mean_age(
    icpc: Scenario, patterns: Patterns
) -> None:
    margins = {name: printed_margins(icpc, name, pilot=1) for name in MATCHED_ON}
    age = printed_age(icpc, pilot=1)
    probability = pattern_probabilities(icpc.children, patterns, margins, age)
    assert abs(probability.sum() - 1) < EXACT
    assert probability.min() >= 0
    assert abs(probability @ patterns.years - age) < RAKED * 10
    for name, shares in margins.items():
        found = np.bincount(patterns.axis(name), weights=probability)
        wanted = [shares.get(level, 0.0) for level in patterns.levels[name]]
        assert np.abs(found - wanted).max() < RAKED


def test_unlikely_pairs_stay_unlikely(icpc: Scenario, patterns: Patterns) -> None:
    margins = {name: printed_margins(icpc, name, pilot=1) for name in MATCHED_ON}
    probability = pattern_probabilities(icpc.children, patterns, margins, 7.46)
    infant = patterns.years < 4
    secondary = patterns.axis("school_phase") == patterns.levels["school_phase"].index("secondary")
    assert probability[infant & secondary].sum() < 0.001
    assert probability[(patterns.years > 12) & secondary].sum() > 0.2


@settings(max_examples=20, deadline=None)
@given(lean=st.floats(-1, 1), seed=st.integers(0, 10))
def test_leaning_ages_change_no_stratum(lean: float, seed: int) -> None:
    scenario = load_scenario("icpc")
    patterns = all_patterns(scenario.children, analysis_of("icpc"))
    margins = {name: printed_margins(scenario, name, pilot=1) for name in MATCHED_ON}
    common = pattern_probabilities(scenario.children, patterns, margins, 7.46)
    mixes = [
        own_mix(common, patterns, scenario.children, stream(seed, "mix"), lean=each)
        for each in (0.0, lean)
    ]
    strata = [np.bincount(patterns.coarse, weights=mix) for mix in mixes]
    assert np.abs(strata[0] - strata[1]).max() < EXACT
    assert (lean == 0) == (np.abs(mixes[0] - mixes[1]).max() < EXACT) or abs(lean) < EXACT


@given(expected=st.lists(st.floats(0, 50), min_size=1, max_size=40), seed=st.integers(0, 1000))
def test_every_run_of_a_quota_is_right_within_one(expected: list[float], seed: int) -> None:
    counts = counts_by_quota(np.array(expected), np.random.default_rng(seed))
    assert counts.min() >= 0
    off = np.cumsum(counts) - np.cumsum(expected)
    assert off.max() <= 1 and off.min() > -1 - 1e-9


def test_quotas_are_nearer_than_independent_draws(patterns: Patterns, icpc: Scenario) -> None:
    margins = {name: printed_margins(icpc, name, pilot=1) for name in MATCHED_ON}
    probability = pattern_probabilities(icpc.children, patterns, margins, 7.46)
    drawn = by_quota(probability, 4000, np.random.default_rng(1))
    assert len(drawn) == 4000
    shares = np.bincount(patterns.axis("school_phase")[drawn], minlength=4) / 4000
    wanted = [margins["school_phase"][level] for level in patterns.levels["school_phase"]]
    assert np.abs(shares - wanted).max() < 0.003


@given(seed=st.integers(0, 1000))
def test_weighted_shares_are_met_within_a_rows_weight(seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.random(500) + 0.1
    shares = {"a": 0.6, "b": 0.3, "c": 0.1}
    levels = weighted_quota(shares, weights, rng)
    for level, share in shares.items():
        found = weights[levels == level].sum() / weights.sum()
        assert abs(found - share) <= weights.max() / weights.sum() + EXACT
