"""Made-up covariates of authorities."""

import pandas as pd
import pytest

from sofs_bayes.spec import ChildrenAnalysis
from sofs_bayes.synthetic.authority_frame import drawn_authorities
from sofs_bayes.synthetic.scenario import Scenario


@pytest.fixture
def frame(icpc: Scenario, icpc_analysis: ChildrenAnalysis) -> pd.DataFrame:
    return drawn_authorities(icpc, icpc_analysis, ["Pilot 4", "Comparator B", "Comparator H"])


def test_values_stand_in_the_ranges_of_priors_and_analysis(
    frame: pd.DataFrame, icpc: Scenario, icpc_analysis: ChildrenAnalysis
) -> None:
    for prior in icpc.authorities.solved:
        assert frame[prior.name].between(prior.lowest, prior.highest).all()
    for each in icpc_analysis.records.authority_covariates:
        lowest, highest = (each.lowest or 0.0), each.highest or float("inf")
        assert frame[each.name].between(lowest, highest).all()
        if each.same_every_year:
            values = frame[["authority", each.name]].drop_duplicates()
            assert not values["authority"].duplicated().any()


def test_set_values_are_the_scenarios_and_scores_are_pilots(
    frame: pd.DataFrame, icpc: Scenario
) -> None:
    by_name = frame.set_index("authority")
    assert tuple(by_name.loc["Pilot 4", "ofsted"]) == icpc.authorities.ofsted["Pilot 4"]
    assert (by_name.loc[["Comparator B", "Comparator H"], "quality"] == 0).all()
    assert (by_name.loc["Pilot 4", "quality"] > 0).all()
    similar = "Comparator B" in icpc.authorities.similar_practice_model
    assert (by_name.loc["Comparator B", "similar_practice_model"] == similar).all()


def test_an_authority_does_not_depend_on_the_others(
    frame: pd.DataFrame, icpc: Scenario, icpc_analysis: ChildrenAnalysis
) -> None:
    alone = drawn_authorities(icpc, icpc_analysis, ["Pilot 4"])
    same = frame[frame["authority"] == "Pilot 4"].reset_index(drop=True)
    pd.testing.assert_frame_equal(same, alone)
