"""Counts of whole authorities are cells of the one graph, whose density is that on paper."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy import stats
from tests.bayes.test_did_model import (
    FAST,
    LINEAR_MAP,
    NATURAL,
    NOTICED,
    SCALES,
    evaluated,
    log_determinant,
    random_points,
)

from sofs_bayes.bayes import model_arrays
from sofs_bayes.bayes.blocks import Setting, blocks
from sofs_bayes.bayes.cell_data import CellData, without
from sofs_bayes.bayes.did_model import build_model, form_of, model_data
from sofs_bayes.bayes.open_counts import open_cell_data
from sofs_bayes.errors import BadInput
from sofs_bayes.spec import Exponential, Normal, OpenAnalysis, OpenModel

WHY = "made up for a test"
EFFECT = Normal(mean=-0.3, sd=0.7, why=WHY)


def test_a_cell_is_an_authority_in_a_year_with_its_counts(
    few_counts: xr.Dataset, counts: CellData
) -> None:
    assert counts.authorities == ("Aldmoor", "Birchway", "Cranleigh", "Dell", "Esk", "Fern", "Glen")
    assert counts.pilots == counts.authorities[:3]
    assert counts.years == (2012, 2013, 2014, 2016, 2017)
    assert len(counts.cells) == few_counts.sizes["cell"]
    seen = counts.cells.set_index(["authority", "year"])
    assert ("Glen", 2013) not in seen.index  # not counted
    assert ("Aldmoor", 2014) not in seen.index  # settling in
    assert ("Cranleigh", 2016) not in seen.index
    for name, year, events, children in few_counts.to_dataframe()[
        ["authority", "year", "events", "denominator"]
    ].itertuples(index=False):
        row = seen.loc[(name, year)]
        assert (row["events"], row["children"], row["weight"]) == (events, children, children)
        assert row["treated"] == (
            name in counts.pilots and year > (2014, 2016)[name == "Cranleigh"]
        )


def test_terms_are_the_models_on_paper(counts: CellData, by_year_counts: CellData) -> None:
    years = tuple(f"year {year}" for year in (2013, 2014, 2016, 2017))
    since = ("lead -2", "lag 0", "lag 1", "lag 2")
    assert counts.terms == by_year_counts.terms == ("intercept", *years, "pilot", "did", *since)
    frame, design = counts.cells, dict(zip(counts.terms, counts.design.T, strict=True))
    np.testing.assert_array_equal(design["did"], frame["treated"])
    np.testing.assert_array_equal(design["pilot"], frame["pilot"])
    for name in years:
        np.testing.assert_array_equal(design[name], frame["year"] == int(name.split()[1]))
    assert not any(design[name].any() for name in since)
    by_year = dict(zip(by_year_counts.terms, by_year_counts.design.T, strict=True))
    assert not by_year["did"].any()
    pilots = frame["pilot"] == 1
    # Settling in begins in 2014 for all; it ends in 2014, and for Cranleigh in 2016.
    np.testing.assert_array_equal(by_year["lead -2"], pilots & (frame["year"] == 2012))
    last = np.where(frame["authority"] == "Cranleigh", 2016, 2014)
    for k in (0, 1, 2):
        expected = pilots & (frame["year"] == last + 1 + k)
        np.testing.assert_array_equal(by_year[f"lag {k}"], expected)


@pytest.mark.parametrize(("arm", "share"), [("pilots", 0.0), ("comparators", 1.0)])
def test_an_arm_without_events_or_nothing_else_is_refused(
    few_counts: xr.Dataset, arm: str, share: float
) -> None:
    here = few_counts["is_pilot"] if arm == "pilots" else ~few_counts["is_pilot"]
    events = few_counts["events"].where(~here, share * few_counts["denominator"])
    with pytest.raises(BadInput, match=arm):
        open_cell_data(few_counts.assign(events=events))


# --------------------------------------------------------------------- the density on paper


def paper(
    data: CellData, analysis: OpenAnalysis, given: Mapping[str, Any], at: dict[str, Any]
) -> float:
    """Log likelihood of counts and log priors, from effects in standard units."""
    priors, b, j = analysis.priors, at["effects"], len(data.authorities)
    normals = {"intercept": priors.intercept, "pilot": priors.pilot_difference, "did": EFFECT}
    eta = np.zeros(len(data.cells))
    for i, name in enumerate(data.terms):
        prior = normals.get(name, priors.year)
        mean = 0.0 if name.startswith("lead") else prior.mean
        if name.startswith(("lag", "lead")):
            prior, mean = EFFECT, 0.0 if name.startswith("lead") else EFFECT.mean
        eta += data.design[:, i] * (mean + prior.sd * b[i])
    start = len(data.terms) + len(data.pilots) + 1  # pilots' own terms and a departure: not in use
    scale = given["authority_sd"] / np.sqrt(given.get("authority_precision", 1.0))
    eta += (scale * b[start : start + j])[data.authority]
    if analysis.model.pilot_effects == "partial":
        scale = given["pilot_effect_sd"] / np.sqrt(given.get("pilot_precision", 1.0))
        eta += data.treated @ (scale * b[start + j :])
    total = stats.norm.logpdf(b).sum()
    if "shocks_by_year" in at:
        eta += at["shocks_by_year"][data.authority, data.year]
        gap = np.abs(np.subtract.outer(data.years, data.years))
        rho = given.get("shock_correlation", 0.0)
        covariance = given["shock_sd"] ** 2 * np.where(gap == 0, 1.0, float(rho) ** gap)
        prior = stats.multivariate_normal(np.zeros(len(gap)), covariance)
        total += prior.logpdf(at["shocks_by_year"]).sum()
    n, events = (data.cells[name].to_numpy(float) for name in ("children", "events"))
    total += stats.binom.logpmf(events, n, 1 / (1 + np.exp(-eta))).sum()
    for name in ("authority_sd", "pilot_effect_sd", "shock_sd"):
        if name in given:
            prior = getattr(priors, name)
            if isinstance(prior, Exponential):  # sampled in logarithms
                total += stats.expon(scale=prior.mean).logpdf(given[name]) + np.log(given[name])
            else:
                total += stats.halfnorm(scale=prior.scale).logpdf(given[name])
    for name in ("authority_precision", "pilot_precision"):
        if name in given:
            half = analysis.model.degrees_of_freedom / 2
            total += stats.gamma(half, scale=1 / half).logpdf(given[name]).sum()
            total += np.log(given[name]).sum()
    if "shock_correlation" in given:
        beta, rho = priors.shock_correlation, given["shock_correlation"]
        total += stats.beta(beta.a, beta.b).logpdf(rho) + np.log(rho) + np.log1p(-rho)
    return float(total)


def spread(data: CellData, analysis: OpenAnalysis) -> float:
    """How much graph and paper differ by more than a constant."""
    design = blocks(data, analysis, Setting(effect_prior=EFFECT))
    graph = build_model(form_of(data, design, analysis), model_data(data, design, analysis))
    density, scales = graph.compile_logp(jacobian=True, mode=FAST), evaluated(graph, SCALES)
    at, gaps = evaluated(graph, NATURAL), []
    for point in random_points(Graph(graph)):  # type: ignore[arg-type]
        expected = paper(data, analysis, scales(point), at(point))
        gaps.append(float(density(point)) - expected - log_determinant(at, point))
    return float(np.ptp(gaps))


class Graph:
    """A case of which the graph alone is known."""

    def __init__(self, graph: Any) -> None:
        self.graph = graph


MODELS = {
    "as bundled": OpenModel(),
    "independent shocks": OpenModel(shocks="independent"),
    "no shocks": OpenModel(shocks="none"),
    "one effect": OpenModel(pilot_effects="full"),
    "heavy tails": OpenModel(tails="student t"),
}


@pytest.mark.parametrize("model", MODELS.values(), ids=list(MODELS))
def test_the_graph_has_the_density_on_paper(
    counts: CellData,
    made_up_analysis: OpenAnalysis,
    model: OpenModel,
) -> None:
    assert spread(counts, replace(made_up_analysis, model=model)) < LINEAR_MAP


def test_so_it_has_by_year_with_exponential_priors_and_without_an_authority(
    by_year_counts: CellData,
    made_up_analysis: OpenAnalysis,
) -> None:
    priors = replace(made_up_analysis.priors, authority_sd=Exponential(mean=0.4, why=WHY))
    analysis = replace(made_up_analysis, priors=priors)
    assert spread(without(by_year_counts, ["Birchway", "Fern"]), analysis) < LINEAR_MAP


def test_a_wrong_unit_of_the_fixed_terms_is_noticed(
    counts: CellData, made_up_analysis: OpenAnalysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever centre and root are, they change no density: a row out of place does."""
    whole = model_arrays.rows_of

    def shifted(data: CellData) -> Any:
        first, row = whole(data)
        return first, np.roll(row, 1)

    monkeypatch.setattr(model_arrays, "rows_of", shifted)
    assert spread(counts, made_up_analysis) > NOTICED
