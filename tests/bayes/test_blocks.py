"""Which prior and which design every term and random effect has, in every kind of fit."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sofs_bayes.bayes.blocks import DEPARTURE, FLAT, Blocks, Setting, blocks
from sofs_bayes.bayes.cell_data import CellData, cell_data
from sofs_bayes.cells.dataset import Cells
from sofs_bayes.frequentist.term import effect_terms, find_term, since_name, years_since
from sofs_bayes.spec import HierarchicalAnalysis, Normal

Make = Callable[..., HierarchicalAnalysis]
EFFECT = Normal(mean=0.05, sd=0.2, why="made up for a test")
ROLES = {
    "intercept": "intercept",
    "year 2015": "year",
    "post": "year",
    "pilot": "pilot_difference",
    "quality": "pilot_difference",
    "similar practice model": "pilot_difference",
    "did": "effect",
    "lag 0": "effect",
    "lead -3": "effect",
    "embeddedness × post": "effect",
    "other practice model × post": "effect",
    "pilot × post × ofsted": "effect_modifier",
    "ofsted": "authority_covariate",
    "assessments": "authority_covariate",
    "authority: Dell": "authority",
}


def made(cells: Cells, analysis: HierarchicalAnalysis, **setting: Any) -> tuple[CellData, Blocks]:
    data = cell_data(cells, analysis)
    return data, blocks(data, analysis, Setting(effect_prior=EFFECT, **setting))


def prior_of(found: Blocks, term: str) -> tuple[float, float]:
    at = found.terms.index(term)
    return float(found.prior_mean[at]), float(found.prior_sd[at])


def assert_design_of(found: Blocks, data: CellData) -> None:
    """The terms are those of the data, authorities' covariates less their means over cells."""
    covariates = [name in ("assessments", "ofsted") for name in found.terms]
    np.testing.assert_array_equal(found.centres != 0, covariates)
    own = (found.design + found.centres)[:, : len(data.terms)]
    np.testing.assert_allclose(own, data.design, atol=1e-12)
    np.testing.assert_allclose(found.design[:, covariates].mean(axis=0), 0.0, atol=1e-12)


@pytest.mark.parametrize(("term", "role"), ROLES.items())
def test_every_term_has_a_role(term: str, role: str) -> None:
    found = find_term(term)
    assert (found.name, found.role) == (term, role)
    assert (term in effect_terms([term])) == role.startswith("effect")


def test_lags_and_leads_know_their_year() -> None:
    names = [since_name(years) for years in (2, -3, 0, -2)]
    assert names == ["lag 2", "lead -3", "lag 0", "lead -2"]
    assert years_since([*names, "did"]) == {"lead -3": -3, "lead -2": -2, "lag 0": 0, "lag 2": 2}
    assert [find_term(name).is_lead for name in (*names, "did")] == [
        False,
        True,
        False,
        True,
        False,
    ]


def test_what_is_said_of_comparators_is_turned_about() -> None:
    names = ("similar practice model", "other practice model × post", "pilot", "did", "quality")
    assert [find_term(name).sign for name in names] == [-1, -1, 1, 1, 1]
    assert [find_term(f"{name} × post").scored for name in ("quality", "embeddedness")] == [
        True
    ] * 2


def test_the_priors_of_the_main_model(children_cells: Cells, hierarchical: Make) -> None:
    data, found = made(children_cells, hierarchical())
    assert found.terms == (*data.terms, *(f"did: {name}" for name in data.pilots), DEPARTURE)
    expected = {
        "intercept": (0.2, 0.3),
        "year 2015": (0.01, 0.07),
        "post": (0.01, 0.07),
        "pilot": (-0.02, 0.11),
        "did": (0.05, 0.2),
        "assessments": (0.03, 0.06),
        "ofsted": (0.03, 0.06),
        "did: Esk": (0.0, 0.0),
        DEPARTURE: (0.0, 0.0),
    }
    assert {term: prior_of(found, term) for term in expected} == expected
    assert found.sd_priors == {
        "authority_sd": 0.08,
        "pilot_effect_sd": 0.05,
        "shock_sd": 0.04,
        "year_effect_sd": 0.03,
        "residual_sd": 0.5,
    }
    assert_design_of(found, data)
    np.testing.assert_array_equal(found.pilots, data.treated)
    assert (found.authorities.sum(axis=1) == 1).all()
    assert (found.shocks.sum(axis=1) == 1).all()
    slot = found.shocks.argmax(axis=1)
    assert (slot // len(data.years) == data.authority).all()
    assert (slot % len(data.years) == data.year).all()


def test_cells_of_one_authority_and_year_share_a_shock(
    children_cells: Cells, hierarchical: Make
) -> None:
    data, found = made(children_cells, hierarchical())
    fern = ((data.cells["authority"] == "Fern") & (data.cells["year"] == 2015)).to_numpy()
    assert fern.sum() == 2
    assert len(np.unique(found.shocks[fern].argmax(axis=1))) == 1


def test_what_pilots_deviations_and_the_departure_are_of(
    children_cells: Cells, hierarchical: Make
) -> None:
    data, found = made(children_cells, hierarchical(), departure_sd=0.03)
    treated = data.cells["treated"].to_numpy() == 1
    departure = found.design[:, found.terms.index(DEPARTURE)]
    np.testing.assert_array_equal(departure, treated.astype(float))
    assert prior_of(found, DEPARTURE) == (0.0, 0.03)
    assert DEPARTURE not in found.effect_terms


def test_pooling_of_pilots(children_cells: Cells, hierarchical: Make) -> None:
    data, none = made(children_cells, hierarchical(), pilot_effects="none")
    assert prior_of(none, "did") == (0.0, 0.0)
    assert prior_of(none, "did: Esk") == (0.05, 0.2)
    assert not none.pilots.any()
    assert set(none.effect_terms) == {"did", *(f"did: {name}" for name in data.pilots)}
    _, full = made(children_cells, hierarchical(), pilot_effects="full")
    assert prior_of(full, "did") == (0.05, 0.2)
    assert not full.pilots.any()
    _, of_file = made(children_cells, hierarchical(pilot_effects="none"))
    np.testing.assert_array_equal(of_file.prior_sd, none.prior_sd)
    with pytest.raises(ValueError, match="needs the term did"):
        made(children_cells, hierarchical("lags"), pilot_effects="none")


@pytest.mark.parametrize("column", ["did", "lags", "quality", "practice model", "ofsted"])
def test_replicating_takes_out_all_that_a_regression_has_not(
    children_cells: Cells, hierarchical: Make, column: str
) -> None:
    data, found = made(children_cells, hierarchical(column), replicating=True)
    assert (found.prior_sd[: len(data.terms)] == FLAT).all()
    assert not found.prior_sd[len(data.terms) :].any()
    assert not found.prior_mean.any()
    for design in (found.authorities, found.pilots, found.years_since, found.shocks):
        assert not design.any()


@pytest.mark.parametrize("years_since", ["exchangeable", "random walk"])
def test_replicating_takes_each_year_by_itself(
    children_cells: Cells, hierarchical: Make, years_since: str
) -> None:
    analysis = hierarchical("leads and lags", years_since=years_since)
    data, found = made(children_cells, analysis, replicating=True)
    assert_design_of(found, data)
    assert (found.prior_sd[: len(data.terms)] == FLAT).all()
    assert not found.years_since.any()
    _, main = made(children_cells, analysis)
    assert main.years_since.shape == found.years_since.shape


def test_authorities_and_shocks_can_be_left_out(children_cells: Cells, hierarchical: Make) -> None:
    for authorities in ("fixed", "none"):
        _, found = made(children_cells, hierarchical(authorities=authorities))
        assert not found.authorities.any()
    _, fixed = made(children_cells, hierarchical(authorities="fixed"))
    assert prior_of(fixed, "authority: Dell") == (0.0, FLAT)
    assert not made(children_cells, hierarchical(), shocks=False)[1].shocks.any()
    assert not made(children_cells, hierarchical(shocks="none"))[1].shocks.any()


def test_scales_of_sds_can_be_changed(children_cells: Cells, hierarchical: Make) -> None:
    _, found = made(children_cells, hierarchical(), scales={"shock_sd": 2.0})
    assert found.sd_priors["shock_sd"] == 0.08
    assert found.sd_priors["authority_sd"] == 0.08


def test_the_scale_of_authorities_covariates_can_be_changed(
    children_cells: Cells, hierarchical: Make
) -> None:
    _, as_is = made(children_cells, hierarchical())
    _, found = made(children_cells, hierarchical(), scales={"authority_covariate": 2.0})
    assert prior_of(found, "assessments") == (0.03, 2 * 0.06)
    others = [name not in ("assessments", "ofsted") for name in found.terms]
    np.testing.assert_array_equal(found.prior_sd[others], as_is.prior_sd[others])


def test_comparators_are_the_other_way_round(children_cells: Cells, hierarchical: Make) -> None:
    """Terms about comparators, with pilots as the reference, have the prior turned round."""
    _, found = made(children_cells, hierarchical("practice model"))
    assert prior_of(found, "similar practice model × post") == (-0.05, 0.2)
    assert prior_of(found, "other practice model") == (0.02, 0.11)
    of_pilots = (0.01 + 0.05, (0.07**2 + 0.2**2) ** 0.5)  # a year's and the effect
    assert prior_of(found, "post") == pytest.approx(of_pilots)
    assert found.effect_terms["similar practice model × post"] == -1
    assert found.effect_terms["other practice model × post"] == -1
    _, quality = made(children_cells, hierarchical("quality"))
    assert prior_of(quality, "quality × post") == (0.05, 0.2)
    assert quality.effect_terms["quality × post"] == 1


def test_the_modifier_is_part_of_the_effect(children_cells: Cells, hierarchical: Make) -> None:
    data, found = made(children_cells, hierarchical("ofsted"))
    assert prior_of(found, "pilot × post × ofsted") == (-0.01, 0.04)
    assert prior_of(found, "ofsted") == (0.03, 0.06)
    own = {f"did: {name}" for name in data.pilots}
    assert set(found.effect_terms) - own == {"did", "pilot × post × ofsted"}


def test_leads_are_around_nothing_and_lags_around_the_effect(
    children_cells: Cells, hierarchical: Make
) -> None:
    _, found = made(children_cells, hierarchical("leads and lags"))
    assert prior_of(found, "lead -3") == prior_of(found, "lead -2") == (0.0, 0.2)
    assert prior_of(found, "lag 0") == prior_of(found, "lag 2") == (0.05, 0.2)
    assert found.steps == ()
    assert found.years_since.shape == (len(found.design), 0)


def by_year(data: CellData, found: Blocks, mean: float, step: dict[str, float]) -> dict[int, float]:
    """What pooled years add to a pilot's cells, by years since settling-in."""
    coefficient = np.zeros(len(found.terms))
    coefficient[found.terms.index("lag 0")] = mean
    added = found.design @ coefficient + found.years_since @ np.array(
        [step[name] for name in found.steps]
    )
    lags = {int(name.split()[1]): name for name in data.terms if name.startswith(("lag", "lead"))}
    values = {}
    for year, name in lags.items():
        there = data.design[:, data.terms.index(name)] == 1
        assert np.ptp(added[there]) < 1e-12
        values[year] = float(added[there][0])
    others = ~np.column_stack(
        [data.design[:, data.terms.index(name)] for name in lags.values()]
    ).any(axis=1)
    assert not added[others].any()
    return values


def test_exchangeable_years_deviate_from_one_mean(
    children_cells: Cells, hierarchical: Make
) -> None:
    analysis = hierarchical("leads and lags", years_since="exchangeable")
    data, found = made(children_cells, analysis)
    assert found.steps == ("lead -3", "lead -2", "lag 0", "lag 1", "lag 2")
    step = dict(zip(found.steps, (0.1, 0.2, 0.4, 0.8, 1.6), strict=True))
    expected = {-3: 0.1, -2: 0.2, 0: 10.4, 1: 10.8, 2: 11.6}
    assert by_year(data, found, 10.0, step) == pytest.approx(expected)
    used = {term for term, sd in zip(found.terms, found.prior_sd, strict=True) if sd}
    assert used & {"lead -3", "lead -2", "lag 1", "lag 2"} == set()
    assert prior_of(found, "lag 0") == (0.05, 0.2)


def test_a_random_walk_steps_away_from_the_reference_year(
    children_cells: Cells, hierarchical: Make
) -> None:
    analysis = hierarchical("leads and lags", years_since="random walk")
    data, found = made(children_cells, analysis)
    assert found.steps == ("lead -3", "lead -2", "lag 1", "lag 2")
    step = dict(zip(found.steps, (0.1, 0.2, 0.4, 0.8), strict=True))
    expected = {-3: 0.3, -2: 0.2, 0: 10.0, 1: 10.4, 2: 11.2}
    assert by_year(data, found, 10.0, step) == pytest.approx(expected)


def test_the_logistic_models_children_have_a_prior(
    children_cells: Cells, hierarchical: Make
) -> None:
    analysis = hierarchical(likelihood="binomial logit")
    assert made(children_cells, analysis)[1].child_prior == (0.02, 0.8)
    assert made(children_cells, analysis, replicating=True)[1].child_prior == (0.0, FLAT)
    assert made(children_cells, hierarchical())[1].child_prior == (0.0, FLAT)
