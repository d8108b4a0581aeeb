"""The protocol's rules, on either side of their thresholds and near them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from sofs_bayes.frequentist.assumptions import BreuschGodfrey, LeadsTest
from sofs_bayes.frequentist.decisions import choose_errors, choose_model, judge_trends
from sofs_bayes.spec import ChildrenAnalysis


def with_share(matched: pd.DataFrame, share: float) -> pd.DataFrame:
    """So many events at random, the same for a referral in all its groups."""
    event = np.random.default_rng(1).permutation(np.arange(985) < share * 985)
    flags = dict(zip(matched["referral"].unique(), event.astype(int), strict=True))
    return matched.assign(outcome=matched["referral"].map(flags))


@pytest.mark.parametrize(
    ("share", "branch", "uncertain"),
    [
        (0.20, "linear", False),
        (0.105, "linear", True),
        (0.095, "logistic, and linear beside it", True),
        (0.02, "logistic, and linear beside it", False),
    ],
)
def test_incidence_decides_the_model(
    matched: pd.DataFrame, analysis: ChildrenAnalysis, share: float, branch: str, uncertain: bool
) -> None:
    found = choose_model(with_share(matched, share), analysis)
    assert found.measured == pytest.approx(share, abs=0.0015)
    assert (found.rule, found.threshold) == ("model", 0.1)
    assert (found.branch, found.uncertain) == (branch, uncertain)
    assert found.interval is not None
    assert found.interval[0] < found.measured < found.interval[1]
    assert ("includes" in found.why) is uncertain


def test_each_referral_counts_once(matched: pd.DataFrame, analysis: ChildrenAnalysis) -> None:
    once = matched.drop_duplicates("referral")["outcome"]
    found = choose_model(matched, analysis)
    assert found.measured == pytest.approx(once.mean())
    # Authorities of one share each: the interval is that of their scatter, t with 10 degrees.
    same = choose_model(matched.sample(frac=1, random_state=2), analysis)
    assert same.interval == pytest.approx(found.interval)


def test_serial_correlation_decides_the_errors(analysis: ChildrenAnalysis) -> None:
    icpc = choose_errors(BreuschGodfrey(statistic=0.1, p_value=0.77, rows=9, once=True), analysis)
    cla = choose_errors(BreuschGodfrey(statistic=6.6, p_value=0.01, rows=9, once=True), analysis)
    assert (icpc.branch, cla.branch) == ("pooled", "clustered and multilevel")
    assert "p = 0.77, not below 0.05" in icpc.why
    strict = replace(analysis, regressions=replace(analysis.regressions, level=0.001))
    tested = BreuschGodfrey(statistic=6.6, p_value=0.01, rows=9, once=True)
    assert choose_errors(tested, strict).branch == "pooled"


@pytest.mark.parametrize(
    ("significant", "leads", "branch", "uncertain"),
    [
        (1, 4, "met", True),  # as printed for conferences: two would be no majority
        (0, 5, "met", False),  # as printed for entry to care
        (2, 5, "met", True),
        (2, 4, "not met", True),
        (4, 4, "not met", False),
    ],
)
def test_most_leads_decide_the_trends(
    significant: int, leads: int, branch: str, uncertain: bool
) -> None:
    p_values = [0.01] * significant + [0.5] * (leads - significant)
    tested = LeadsTest(
        leads=tuple((f"lead {-2 - number}", p) for number, p in enumerate(p_values)), level=0.05
    )
    found = judge_trends(tested)
    assert (found.branch, found.uncertain) == (branch, uncertain)
    assert found.why.startswith(f"{leads - significant} of {leads} leads are not significant")
