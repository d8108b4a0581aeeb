"""Drafts: exact numbers, the late window, and what cannot be met."""

from dataclasses import replace

import numpy as np
import pytest

from sofs_bayes.errors import BadInput
from sofs_bayes.spec import ChildrenAnalysis
from sofs_bayes.synthetic.drafts import final_draft, scaled_draft, wanted_rows
from sofs_bayes.synthetic.scenario import Scenario, load_scenario

NEARLY = 0.01  # of rows: whole referrals in some hundred runs of days


def test_a_late_window_of_pilot_4_has_as_many_rows(icpc_analysis: ChildrenAnalysis) -> None:
    late = load_scenario("icpc", windows={"Pilot 4": ("2016-10-03", "2017-03-31")})
    draft = final_draft(late, icpc_analysis)
    assert {key: draft.count(*key) for key in wanted_rows(late)} == wanted_rows(late)


def test_a_scaled_draft_is_as_large_as_asked(
    icpc: Scenario, icpc_analysis: ChildrenAnalysis
) -> None:
    draft = scaled_draft(icpc, icpc_analysis, 0.5)
    rows = draft.stacked.groupby(["pilot", "post"]).size()
    for key, number in wanted_rows(icpc).items():
        assert rows[key] == pytest.approx(number / 2, rel=NEARLY)


def test_kept_strata_hold_both_arms_and_the_others_one(
    icpc: Scenario, icpc_analysis: ChildrenAnalysis
) -> None:
    rows = scaled_draft(icpc, icpc_analysis, 0.05).stacked
    arms = rows.groupby("stratum")["pilot"].nunique()
    assert (arms[rows["stratum"]].to_numpy() == np.where(rows["kept"], 2, 1)).all()


def test_sizes_that_cannot_be_met_are_refused(
    icpc: Scenario, icpc_analysis: ChildrenAnalysis
) -> None:
    few = replace(icpc, sizes=replace(icpc.sizes, post_pilots=1))
    with pytest.raises(BadInput, match="sizes"):
        final_draft(few, icpc_analysis)
