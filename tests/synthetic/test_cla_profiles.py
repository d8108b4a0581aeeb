"""Referrals, profiles and the terms of their regressions."""

import numpy as np
import pandas as pd
import pytest

from sofs_bayes.frequentist.terms import design
from sofs_bayes.spec import ChildrenAnalysis
from sofs_bayes.synthetic.cla_profiles import Profiles, single_referrals


def test_a_referral_counts_once_with_the_sum_of_its_weights(toy_matched: pd.DataFrame) -> None:
    matched = toy_matched
    frame = single_referrals(matched)
    assert list(frame["referral"]) == sorted(set(matched["referral"]))
    assert frame["weight"].sum() == pytest.approx(matched["weight"].sum())
    assert frame["rows"].sum() == len(matched)
    shared = frame["authority"] == "Comparator A"
    assert set(frame.loc[shared, "rows"]) == {2}


def test_profiles_hold_everybody(toy_profiles: Profiles, toy_single: Profiles) -> None:
    for name in ("weight", "rows", "referrals"):
        expected = toy_single.frame[name].sum()
        assert toy_profiles.frame[name].sum() == pytest.approx(expected)
    assert len(toy_profiles.frame) < len(toy_single.frame)


def test_terms_are_those_of_the_regressions(
    toy_matched: pd.DataFrame, toy_single: Profiles, cla_analysis: ChildrenAnalysis
) -> None:
    analysis = cla_analysis
    rng = np.random.default_rng(1)
    covariates = {
        name: rng.normal(size=len(toy_matched))
        for name in analysis.regressions.authority_covariates
    }
    matched = toy_matched.assign(child="C", outcome=0, **covariates)
    regressions = {each.name: each for each in analysis.regressions.columns}
    for column in toy_single.columns:
        terms = design(matched, analysis, regressions[column.name]).terms
        assert set(column.names) == set(terms.columns)
        own = terms[list(column.names[: column.own.shape[1]])]
        first = ~matched["referral"].duplicated()
        assert np.array_equal(own[first].to_numpy(), column.own)


def test_indicators_add_up(toy_single: Profiles) -> None:
    ones = np.ones(len(toy_single.frame))
    assert (toy_single.to_segment @ ones).sum() == len(ones)
    assert (toy_single.to_authority_year @ ones).sum() == len(ones)
