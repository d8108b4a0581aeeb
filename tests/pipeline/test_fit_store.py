"""Tests of what is kept of an interrupted analysis."""

import numpy as np
import pytest
import xarray as xr

from sofs_bayes.pipeline.fit_store import NOTE, open_store

KEY = {"analysis_sha256": "a", "data_sha256": "d", "versions": {"numpy": "2"}}


@pytest.fixture
def draws():
    rng = np.random.default_rng(1)
    posterior = xr.Dataset({"effect": (("chain", "draw", "term"), rng.normal(size=(2, 5, 3)))})
    statistics = xr.Dataset({"energy": (("chain", "draw"), rng.normal(size=(2, 5)))})
    return posterior, statistics


def test_finished_fits_are_found_again_to_the_bit(tmp_path, draws):
    store = open_store(tmp_path / "unfinished", KEY)
    store.keep("main / reference", *draws)
    found = open_store(tmp_path / "unfinished", KEY).draws("main / reference")
    assert found is not None
    for before, after in zip(draws, found, strict=True):
        xr.testing.assert_identical(before, after)


def test_a_fit_that_was_not_finished_is_not_there(tmp_path, draws):
    store = open_store(tmp_path / "unfinished", KEY)
    assert store.draws("main / reference") is None
    store.keep("main / reference", *draws)
    assert store.draws("main / sceptical") is None


def test_names_that_look_alike_are_kept_apart(tmp_path, draws):
    store = open_store(tmp_path / "unfinished", KEY)
    store.keep("without A/B", *draws)
    assert store.draws("without A B") is None


def test_a_file_cut_off_half_way_does_not_count(tmp_path, draws):
    store = open_store(tmp_path / "unfinished", KEY)
    store.keep("main", *draws)
    whole = next((tmp_path / "unfinished").glob("*.nc"))
    whole.replace(whole.with_suffix(".partial"))
    assert open_store(tmp_path / "unfinished", KEY).draws("main") is None


@pytest.mark.parametrize("changed", ["analysis_sha256", "data_sha256"])
def test_draws_of_another_analysis_or_of_other_data_are_deleted(tmp_path, draws, changed):
    open_store(tmp_path / "unfinished", KEY).keep("main", *draws)
    assert open_store(tmp_path / "unfinished", KEY | {changed: "other"}).draws("main") is None
    assert not (tmp_path / "unfinished").exists()


def test_nothing_is_written_before_a_fit_is_kept_and_nothing_is_left_once_closed(tmp_path, draws):
    store = open_store(tmp_path / "unfinished", KEY)
    assert not (tmp_path / "unfinished").exists()
    store.keep("main", *draws)
    assert (tmp_path / "unfinished" / NOTE).is_file()
    store.close()
    assert not (tmp_path / "unfinished").exists()
