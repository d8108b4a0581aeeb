"""The unknowns of the linear columns: their prior, their bounds, and the file they make."""

import numpy as np
import pandas as pd

from sofs_bayes.synthetic.icpc_start import authorities_frame


def test_a_vector_of_any_size_keeps_scores_in_their_ranges(linear_toy) -> None:  # type: ignore[no-untyped-def]
    unknowns = linear_toy.problem.unknowns
    for scale in (1.0, 1e3):
        vector = scale * np.random.default_rng(1).normal(size=unknowns.size)
        for name, scores in unknowns.scores(vector).items():
            lowest, highest = unknowns.ranges[name]
            assert scores.min() >= lowest and scores.max() <= highest


def test_the_prior_is_a_covariance(linear_toy) -> None:  # type: ignore[no-untyped-def]
    unknowns = linear_toy.problem.unknowns
    assert np.linalg.eigvalsh(unknowns.covariance).min() > 0
    whole = unknowns.covariance @ unknowns.precision
    np.testing.assert_allclose(whole, np.eye(unknowns.size), atol=1e-8)


def test_every_cell_has_one_authority_year_and_one_quarter(linear_toy) -> None:  # type: ignore[no-untyped-def]
    unknowns = linear_toy.problem.unknowns
    assert np.all(unknowns.to_authority_year.sum(axis=1) == 1)
    assert np.all(unknowns.to_quarter.sum(axis=1) == 1)
    pilot = linear_toy.ground.cells.frame["pilot"].to_numpy()
    np.testing.assert_array_equal(unknowns.to_pilot.sum(axis=1), pilot)


def test_the_file_of_authorities_stays_in_the_ranges_of_its_priors(linear_toy) -> None:  # type: ignore[no-untyped-def]
    toy = linear_toy
    wide = toy.vector * 30
    frame = authorities_frame(toy.problem.unknowns, wide, toy.scenario, toy.analysis)
    for prior in toy.scenario.authorities.solved:
        assert frame[prior.name].between(prior.lowest, prior.highest).all()
    names = [each.name for each in toy.analysis.records.authority_covariates]
    assert list(frame.columns) == ["authority", "year", *names]
    fixed = frame.groupby("authority")[["quality", "embeddedness"]].nunique()
    assert (fixed == 1).all(axis=None)
    pilots = frame["authority"].isin(toy.scenario.pilots)
    pd.testing.assert_series_equal(frame["quality"] > 0, pilots, check_names=False)
