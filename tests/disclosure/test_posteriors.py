"""Stored draws: whitelisted parameters leave, planted data do not."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from sofs_bayes.disclosure.posteriors import Draws, cleared_draws, open_draws

NAMES = ["Ashmere", "Coldharbour", "Fennick"]


def draws() -> xr.Dataset:
    rng = np.random.default_rng(1)
    return xr.Dataset(
        {
            "authority_sd": (("chain", "draw"), rng.random((2, 5))),
            "authority_intercept": (("chain", "draw", "authority"), rng.random((2, 5, 3))),
            "pilot_deviation": (("chain", "draw", "pilot"), rng.random((2, 5, 2))),
            "coefficient": (("chain", "draw", "term"), rng.random((2, 5, 2))),
        },
        coords={
            "authority": NAMES,
            "pilot": NAMES[:2],
            "term": ["intercept", "did"],
            "year": [2012, 2013],
        },
        attrs={"children": 7},
    )


def judged(tree: xr.DataTree) -> Draws:
    kept = frozenset({"Ashmere", "Fennick"})
    return cleared_draws(
        tree, output="posterior.nc", may_leave=kept, reasons={"Coldharbour": "few"}
    )


def test_a_small_authority_is_taken_out_of_every_variable() -> None:
    found = judged(xr.DataTree.from_dict({"posterior": draws()}))
    assert found.tree is not None
    out = found.tree["posterior"].to_dataset()
    assert list(out["authority"].values) == ["Ashmere", "Fennick"]
    assert list(out["pilot"].values) == ["Ashmere"]
    xr.testing.assert_equal(out["coefficient"], draws()["coefficient"])
    assert out.attrs == {}
    assert [line.result for line in found.log] == ["passed", "suppressed"]
    assert "Coldharbour (few)" in found.log[1].action


def observed() -> xr.Dataset:
    return xr.Dataset({"outcome": (("child",), [0, 1, 1])})


@pytest.mark.parametrize(
    "group", ["observed_data", "constant_data", "posterior_predictive", "log_likelihood", "prior"]
)
def test_other_groups_are_refused(group: str) -> None:
    found = judged(xr.DataTree.from_dict({"posterior": draws(), group: observed()}))
    assert found.tree is None
    assert found.log[0].result == "refused"
    assert f"group {group}" in found.log[0].action


@pytest.mark.parametrize(
    ("planted", "named"),
    [
        (draws().assign(outcome=(("child",), [0, 1])), "variable outcome"),
        (draws().assign(outcome=(("child",), [0, 1])), "dimension child"),
        (draws().assign_coords(child=[1, 2]), "dimension child"),
        (draws().assign_coords(ages=("pilot", [4, 17])), "coordinate ages"),
        (
            draws().assign(log_likelihood=(("chain", "draw", "cell"), np.ones((2, 5, 4)))),
            "dimension cell",
        ),
    ],
)
def test_variables_and_dimensions_of_observations_are_refused(
    planted: xr.Dataset, named: str
) -> None:
    found = judged(xr.DataTree.from_dict({"posterior": planted}))
    assert found.tree is None
    assert named in found.log[0].action


def effects(*targets: str, **said: str) -> xr.Dataset:
    rng = np.random.default_rng(2)
    values = xr.DataArray(
        rng.random((2, 5, len(targets))),
        dims=("chain", "draw", "effect"),
        coords={
            "effect": [f"effect, {name}" for name in targets],
            "target": ("effect", [*targets]),
        },
    )
    return xr.Dataset({"effects": values}, attrs={"kind": "main", "subject": "", **said})


def test_effects_of_a_small_authority_and_fits_without_it_are_taken_out() -> None:
    three = effects("pooled", "Ashmere", "Coldharbour")
    unnamed = draws().assign(effects=three["effects"].drop_vars("target"))
    planted = three["effects"].drop_vars("target").assign_coords(effect=["of", "whom", "not said"])
    found = judged(
        xr.DataTree.from_dict(
            {
                "posterior": unnamed,
                "prior": draws().assign(effects=planted),
                "estimands": three,
                "further_fits/0": effects("pooled", kind="without", subject="Ashmere"),
                "further_fits/1": effects("pooled", kind="without", subject="Coldharbour"),
            }
        )
    )
    assert found.tree is not None
    for group in ("posterior", "estimands"):
        assert list(found.tree[group]["effect"].values) == ["effect, pooled", "effect, Ashmere"]
    assert found.tree["prior"].sizes["effect"] == 0  # whose they are is not said
    assert list(found.tree["further_fits"].children) == ["0"]
    assert found.tree["further_fits/0"].attrs["subject"] == "Ashmere"
    assert "Coldharbour (few)" in found.log[1].action


def rates() -> xr.Dataset:
    places = {"authority_year": ["Ashmere 2012", "Coldharbour 2013"]}
    return xr.Dataset({"rate": (("authority_year",), [0.1, 0.2])}, coords=places)


@pytest.mark.parametrize("group", ["observed_data", "posterior_predictive", "log_likelihood"])
def test_rates_by_year_leave_only_where_all_authorities_may(group: str) -> None:
    tree = xr.DataTree.from_dict({"posterior": draws(), group: rates()})
    found = judged(tree)
    assert found.tree is not None and list(found.tree.children) == ["posterior"]
    assert found.log[0].result == "suppressed" and group in found.log[0].action
    public = cleared_draws(tree, output="posterior.nc", may_leave=None, reasons={})
    assert public.tree is not None and {*public.tree.children} == {"posterior", group}


def test_groups_below_known_ones_are_refused() -> None:
    for group in ("posterior/children", "further_fits/records", "log_prior/0"):
        found = judged(xr.DataTree.from_dict({"posterior": draws(), group: observed()}))
        assert found.tree is None and f"group {group}" in found.log[0].action


def test_values_outside_a_group_are_refused() -> None:
    assert judged(xr.DataTree.from_dict({"/": observed(), "posterior": draws()})).tree is None
    assert judged(xr.DataTree.from_dict({"/": observed()})).tree is None


def test_all_authorities_may_be_allowed() -> None:
    tree = xr.DataTree.from_dict({"posterior": draws()})
    found = cleared_draws(tree, output="posterior.nc", may_leave=None, reasons={})
    assert found.tree is not None
    assert found.tree["posterior"].sizes["authority"] == 3


def test_a_file_is_read_with_all_groups(tmp_path: Path) -> None:
    tree = xr.DataTree.from_dict({"posterior": draws(), "observed_data": observed()})
    tree.to_netcdf(tmp_path / "posterior.nc", engine="h5netcdf")
    assert {*open_draws(tmp_path / "posterior.nc").children} == {"posterior", "observed_data"}
