"""The vector of unknowns: its blocks, its bounds, and the file it makes."""

import numpy as np
import pandas as pd

from sofs_bayes.synthetic.solver.icpc import Children
from sofs_bayes.synthetic.solver.unknowns import authorities_frame


def test_the_vector_0_is_the_start_and_all_of_it_moves(toy) -> None:  # type: ignore[no-untyped-def]
    unknowns = toy.asked.problem.unknowns
    for kind, place in unknowns.places.items():
        start = unknowns.part(np.zeros(unknowns.size), kind)
        np.testing.assert_array_equal(start, unknowns.start[place])
        assert np.all(np.abs(unknowns.factor[place]).sum(axis=1) > 0)
    assert np.all(np.abs(unknowns.factor).sum(axis=0) > 0)


def test_a_vector_of_any_size_keeps_scores_in_their_ranges(linear_toy) -> None:  # type: ignore[no-untyped-def]
    unknowns = linear_toy.asked.problem.unknowns
    for scale in (1.0, 1e3):
        point = unknowns.point(scale * np.random.default_rng(1).normal(size=unknowns.size))
        for name, scores in point.scores.items():
            lowest, highest = unknowns.ranges[name]
            assert scores.min() >= lowest and scores.max() <= highest


def test_the_file_of_authorities_stays_in_the_ranges_of_its_priors(toy) -> None:  # type: ignore[no-untyped-def]
    wide = toy.vector * 300
    frame = authorities_frame(toy.asked.problem.unknowns, wide, toy.scenario, toy.analysis)
    for prior in toy.scenario.authorities.solved:
        assert frame[prior.name].between(prior.lowest, prior.highest).all()
    names = [each.name for each in toy.analysis.records.authority_covariates]
    assert list(frame.columns) == ["authority", "year", *names]
    fixed = frame.groupby("authority")[["quality", "embeddedness"]].nunique()
    assert (fixed == 1).all(axis=None)
    pilots = frame["authority"].isin(toy.scenario.pilots)
    pd.testing.assert_series_equal(frame["quality"] > 0, pilots, check_names=False)


def test_children_keep_the_means_of_their_quarters_and_effects_are_log_odds(linear_toy) -> None:  # type: ignore[no-untyped-def]
    children = linear_toy.asked.renewed.__self__
    assert isinstance(children, Children)
    mean = np.random.default_rng(1).uniform(0.02, 0.3, children.block.max() + 1)
    found = children.probabilities(mean)
    size = np.bincount(children.block)
    np.testing.assert_allclose(np.bincount(children.block, found) / size, mean, rtol=1e-9)
    odds = np.log(found / (1 - found)) - children.effect
    for block in range(5):
        assert np.ptp(odds[children.block == block]) < 1e-9
