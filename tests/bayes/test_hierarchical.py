"""The graph is the model on paper; its parts are checked against dense linear algebra."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import expit, xlog1py, xlogy

from sofs_bayes.bayes.did_arrays import AFTER, DidArrays, did_arrays, used_terms, without
from sofs_bayes.bayes.did_draws import (
    cell_mean,
    draw_shocks,
    labelled,
    pilot_change,
)
from sofs_bayes.bayes.hierarchical import build_model, model_data, structure_of
from sofs_bayes.errors import BadInput
from sofs_bayes.spec import Normal, OpenAnalysis, OpenModel

if TYPE_CHECKING:
    import pymc as pm

# Sums of some dozens of terms in another order.
EXACT = 1e-8
# Relative to a moment of 40,000 draws: half a per cent of noise on a sd, a little more on a
# correlation.
MOMENT = 0.03
MANY = 40_000

Floats = npt.NDArray[np.float64]


def correlations(years: tuple[int, ...], rho: float) -> Floats:
    gaps = np.abs(np.subtract.outer(years, years))
    return np.where(gaps == 0, 1.0, float(rho) ** gaps)


# --------------------------------------------------------------------------- the graph

VARIANTS = [
    OpenModel(pilot_effects=pooling, shocks=shocks)
    for pooling in ("partial", "full")
    for shocks in ("persistent", "independent", "none")
]


def data_of(
    arrays: DidArrays, analysis: OpenAnalysis, model: OpenModel | None = None
) -> dict[str, Floats]:
    prior = Normal(mean=-0.3, sd=0.7, why="not centred, so that it is noticed")
    return model_data(
        arrays, model=model or analysis.model, priors=analysis.priors, effect_prior=prior
    )


def no_two_alike(analysis: OpenAnalysis) -> OpenAnalysis:
    """The analysis with priors of which none could stand in for another."""
    priors = analysis.priors
    return replace(
        analysis,
        priors=replace(
            priors,
            year=replace(priors.year, mean=0.1, sd=0.4),
            pilot_difference=replace(priors.pilot_difference, mean=-0.2, sd=0.6),
            pilot_effect_sd=replace(priors.pilot_effect_sd, scale=0.4),
            shock_correlation=replace(priors.shock_correlation, a=3.0, b=1.5),
        ),
    )


def on_paper(
    point: Mapping[str, Floats], arrays: DidArrays, analysis: OpenAnalysis, model: OpenModel
) -> float:
    """The log density of parameters and cells, up to the binomial coefficients."""
    priors = analysis.priors
    pilots, authorities, years = len(arrays.pilots), len(arrays.authorities), len(arrays.years)
    means = [0.0 if term.startswith("-") else -0.3 for term in arrays.terms]
    total = stats.norm.logpdf(point["intercept"], priors.intercept.mean, priors.intercept.sd)
    total += stats.norm.logpdf(point["year_effect"], priors.year.mean, priors.year.sd).sum()
    difference = priors.pilot_difference
    total += stats.norm.logpdf(point["pilot_difference"], difference.mean, difference.sd)
    total += stats.halfnorm.logpdf(point["authority_sd"], 0.0, priors.authority_sd.scale)
    total += stats.norm.logpdf(point["effect"], means, 0.7).sum()
    deviation = np.zeros(pilots)
    if model.pilot_effects == "partial":
        total += stats.halfnorm.logpdf(point["pilot_effect_sd"], 0.0, priors.pilot_effect_sd.scale)
        total += stats.norm.logpdf(point["pilot_deviation"]).sum()
        deviation = point["pilot_effect_sd"] * point["pilot_deviation"]
    mean = np.zeros((authorities, years))
    for j in range(authorities):
        for t in range(years):
            mean[j, t] = point["intercept"]
            if t > 0:
                mean[j, t] += point["year_effect"][t - 1]
            if j < pilots:
                mean[j, t] += point["pilot_difference"] + deviation[j] * arrays.treated[j, t]
                mean[j, t] += point["effect"] @ arrays.term_design[j, t]
    total += stats.norm.logpdf(point["authority_intercept"], 0.0, point["authority_sd"]).sum()
    logit = mean + point["authority_intercept"][:, None]
    if model.shocks != "none":
        rho = 0.0
        total += stats.halfnorm.logpdf(point["shock_sd"], 0.0, priors.shock_sd.scale)
        if model.shocks == "persistent":
            rho = float(point["shock_correlation"])
            beta = priors.shock_correlation
            total += stats.beta.logpdf(rho, beta.a, beta.b)
        sigma = float(point["shock_sd"]) ** 2 * correlations(arrays.years, rho)
        dense = stats.multivariate_normal(np.zeros(years), sigma)
        total += dense.logpdf(point["cell_logit"] - logit).sum()
        logit = point["cell_logit"]
    p = expit(logit)
    total += (xlogy(arrays.events, p) + xlog1py(arrays.denominators - arrays.events, -p)).sum()
    return float(total)


FOLDED = ("authority_sd", "pilot_effect_sd", "shock_sd")
# Standard deviations on the scale they are sampled on: small, large, and folded over.
SDS = {"small": 0.01, "large": 2.0, "folded": -0.7}


def random_point(graph: "pm.Model", seed: int, sd: float) -> dict[str, Floats]:
    """A point on the scales the graph samples, near none in particular."""
    rng = np.random.default_rng(seed)
    point = {
        name: 0.5 * rng.standard_normal(np.shape(value))
        for name, value in graph.initial_point(random_seed=1).items()
    }
    scales = {f"{name}_moved": np.array(sd * rng.uniform(0.8, 1.2)) for name in FOLDED}
    return point | {name: value for name, value in scales.items() if name in point}


def named_values(graph: "pm.Model") -> Callable[[Mapping[str, Floats]], dict[str, Floats]]:
    """A sampled point → all parameters by their names."""
    wanted = [*graph.deterministics, *graph.free_RVs]
    inputs = graph.replace_rvs_by_values(wanted)
    evaluate = graph.compile_fn(
        inputs, inputs=graph.value_vars, mode="FAST_COMPILE", on_unused_input="ignore"
    )

    def values(point: Mapping[str, Floats]) -> dict[str, Floats]:
        found = evaluate({variable.name: point[variable.name] for variable in graph.value_vars})
        return {v.name: np.asarray(x) for v, x in zip(wanted, found, strict=True)}

    return values


def log_jacobian(
    point: Mapping[str, Floats], values: Callable[[Mapping[str, Floats]], dict[str, Floats]]
) -> float:
    """Of intercepts and cells in what is sampled for them: they are affine in it.

    And of the standard deviations' scales, which are constants.
    """
    moving = [name for name in ("intercept_moved", "shocks_moved") if name in point]
    shown = ["authority_intercept"] + (["cell_logit"] if "shocks_moved" in point else [])

    def flat(at: Mapping[str, Floats]) -> Floats:
        found = values(at)
        return np.concatenate([found[name].ravel() for name in shown])

    base, columns = flat(point), []
    for name in moving:
        for place in np.ndindex(point[name].shape):
            step = {key: value.copy() for key, value in point.items()}
            step[name][place] += 1.0
            columns.append(flat(step) - base)
    return float(np.linalg.slogdet(np.column_stack(columns))[1])


@pytest.mark.parametrize("model", VARIANTS, ids=lambda m: f"{m.pilot_effects}, {m.shocks}")
@pytest.mark.parametrize("by_year", [False, True])
def test_the_graph_has_the_density_on_paper(
    arrays: DidArrays,
    by_year_arrays: DidArrays,
    made_up_analysis: OpenAnalysis,
    model: OpenModel,
    by_year: bool,
) -> None:
    """Up to known constants: a folded sd has half its density, normals lack theirs."""
    counts = by_year_arrays if by_year else arrays
    analysis = no_two_alike(made_up_analysis)
    data = data_of(counts, analysis, model)
    graph = build_model(structure_of(counts, model), data)
    log_density = graph.compile_logp(jacobian=False, mode="FAST_COMPILE")
    values, left, unmoved = named_values(graph), [], []
    for seed, sd in enumerate(SDS.values()):
        point = random_point(graph, seed, sd)
        paper = on_paper(values(point), counts, analysis, model)
        there = float(log_density(point)) - log_jacobian(point, values)
        left.append(there - paper)
        unmoved.append(float(log_density(point)) - paper)
    folds = len([name for name in graph.named_vars if name in FOLDED])
    priors = analysis.priors
    scales = {"authority_sd": priors.authority_sd, "pilot_effect_sd": priors.pilot_effect_sd}
    scales["shock_sd"] = priors.shock_sd
    constant = sum(np.log(scales[name].scale) for name in FOLDED if name in graph.named_vars)
    normals = len(counts.authorities) + counts.events.size * (model.shocks != "none")
    constant += 0.5 * np.log(2 * np.pi) * normals - folds * np.log(2.0)
    np.testing.assert_allclose(left, constant, rtol=EXACT, atol=EXACT)
    assert np.ptp(unmoved) > 0.1  # without the change of units it is another density


@pytest.mark.parametrize("model", VARIANTS, ids=lambda m: f"{m.pilot_effects}, {m.shocks}")
def test_a_graph_makes_use_of_all_its_data(
    arrays: DidArrays, made_up_analysis: OpenAnalysis, model: OpenModel
) -> None:
    """Data that the density does not rest on are not compiled, and could not be exchanged."""
    from pytensor.graph.traversal import graph_inputs

    data = data_of(arrays, made_up_analysis, model)
    density = build_model(structure_of(arrays, model), data).logp()
    assert set(data) <= {variable.name for variable in graph_inputs([density])}


def test_data_fed_later_replace_those_the_graph_was_built_with(
    arrays: DidArrays, by_year_arrays: DidArrays, made_up_analysis: OpenAnalysis
) -> None:
    import pymc as pm

    model = made_up_analysis.model
    first, second = (data_of(counts, made_up_analysis) for counts in (arrays, by_year_arrays))
    second["sd_scales"] = 2.0 * second["sd_scales"]
    graph = build_model(structure_of(arrays, model), first)
    with graph:
        pm.set_data(second)
    anew = build_model(structure_of(by_year_arrays, model), second)
    point = graph.initial_point(random_seed=1)
    refed, built = (g.compile_logp(mode="FAST_COMPILE")(point) for g in (graph, anew))
    assert refed == built


def test_cells_without_children_say_nothing(
    arrays: DidArrays, made_up_analysis: OpenAnalysis
) -> None:
    """Their own log-odds, and what their design says of them, do not touch the likelihood."""
    model = replace(made_up_analysis.model, shocks="independent")
    data = data_of(arrays, made_up_analysis, model)
    graph = build_model(structure_of(arrays, model), data)
    likelihood = graph.compile_logp(vars=[graph["log_likelihood"]], mode="FAST_COMPILE")
    point = random_point(graph, 1, 0.7)
    moved = {name: value.copy() for name, value in point.items()}
    moved["shocks_moved"][arrays.denominators == 0] += 3.0
    seen = {name: value.copy() for name, value in point.items()}
    seen["shocks_moved"][arrays.denominators > 0] += 3.0
    assert likelihood(moved) == likelihood(point) != likelihood(seen)


def test_the_expansion_is_finite_and_at_the_observed_rates(
    arrays: DidArrays, made_up_analysis: OpenAnalysis
) -> None:
    many = replace(arrays, events=1e4 * arrays.events, denominators=1e4 * arrays.denominators)
    data, seen = data_of(many, made_up_analysis), arrays.denominators > 0
    rate = arrays.events[seen] / arrays.denominators[seen]
    np.testing.assert_allclose(expit(data["centre"][seen]), rate, atol=1e-6)
    known = many.denominators[seen] * rate * (1 - rate)
    np.testing.assert_allclose(data["curvature"][seen], known, rtol=1e-3)
    assert not data["curvature"][~seen].any()
    none = data_of(replace(arrays, events=np.zeros_like(arrays.events)), made_up_analysis)
    assert np.isfinite(none["centre"]).all()


def test_leads_have_no_mean_of_their_own(
    by_year_arrays: DidArrays, made_up_analysis: OpenAnalysis
) -> None:
    data = data_of(by_year_arrays, made_up_analysis)
    np.testing.assert_array_equal(data["effect_mean"], [-0.3, 0.0, -0.3, -0.3])
    np.testing.assert_array_equal(data["effect_scale"], 0.7)


def test_structures_agree_where_a_graph_can_be_shared(
    arrays: DidArrays, by_year_arrays: DidArrays
) -> None:
    model = OpenModel()
    shared = structure_of(arrays, model)
    assert structure_of(by_year_arrays, model) == shared
    assert structure_of(without(arrays, ["Dell"]), model) == shared
    assert structure_of(replace(arrays, years=(2012, 2013, 2014, 2015, 2016)), model) != shared
    assert structure_of(arrays, OpenModel(shocks="none")) != shared


# ------------------------------------------------------------------------- from cells

WINDOWS = {"Alpha": (2014, 2014), "Beta": (2015, 2016)}


def staggered_cells() -> xr.Dataset:
    """Two pilots with windows of their own and a comparator, 2012 to 2018."""
    rows = []
    for i, name in enumerate((*WINDOWS, "Gamma")):
        first, last = WINDOWS.get(name, (0, 0))
        for year in range(2012, 2019):
            if first <= year <= last:
                continue
            period = "none" if first == 0 else "pre" if year < first else "post"
            since = np.nan if first == 0 else year - first if year < first else year - last - 1
            rows.append((name, year, 10 * i + year - 2011, 100 + i, first > 0, period, since))
    names = ("authority", "year", "events", "denominator", "is_pilot", "period", "years_since")
    return xr.Dataset(
        {
            name: ("cell", list(column))
            for name, column in zip(names, zip(*rows, strict=True), strict=True)
        }
    )


def test_cells_become_a_rectangle() -> None:
    found = did_arrays(staggered_cells(), effect="constant")
    assert found.authorities == ("Alpha", "Beta", "Gamma")
    assert found.pilots == ("Alpha", "Beta")
    assert found.years == tuple(range(2012, 2019))
    np.testing.assert_array_equal(found.denominators[0], [100, 100, 0, 100, 100, 100, 100])
    np.testing.assert_array_equal(found.denominators[1], [101, 101, 101, 0, 0, 101, 101])
    np.testing.assert_array_equal(found.events[1], [11, 12, 13, 0, 0, 16, 17])
    np.testing.assert_array_equal(found.events[2], [21, 22, 23, 24, 25, 26, 27])
    np.testing.assert_array_equal(found.treated, [[0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 0, 0, 1, 1]])
    np.testing.assert_array_equal(found.term_design[:, :, 0], found.treated)
    assert not found.term_design[:, :, 1:].any()
    assert used_terms(found) == (AFTER,)


@pytest.mark.parametrize(
    ("pilots", "share", "says"),
    [
        (True, 0, "pilots: no events"),
        (True, 1, "pilots: nothing but events"),
        (False, 0, "comparators: no events"),
        (False, 1, "comparators: nothing but events"),
    ],
)
def test_an_arm_needs_events_and_others(pilots: bool, share: int, says: str) -> None:
    cells = staggered_cells()
    same = cells["events"].where(cells["is_pilot"] != pilots, share * cells["denominator"])
    with pytest.raises(BadInput, match=f"counts: events: found {says}"):
        did_arrays(cells.assign(events=same), effect="constant")


def test_years_since_settling_in_are_each_pilots_own() -> None:
    found = did_arrays(staggered_cells(), effect="by year")
    assert found.terms == (AFTER, "-3", "-2", "+0", "+1", "+2", "+3")
    assert used_terms(found) == ("-3", "-2", "+0", "+1", "+2", "+3")
    where = {
        (found.pilots[p], found.years[y], found.terms[k])
        for p, y, k in np.argwhere(found.term_design)
    }
    # The year before settling-in (Alpha's 2013, Beta's 2014) is the reference.
    alpha = {2012: "-2", 2015: "+0", 2016: "+1", 2017: "+2", 2018: "+3"}
    beta = {2012: "-3", 2013: "-2", 2017: "+0", 2018: "+1"}
    assert where == {("Alpha", *each) for each in alpha.items()} | {
        ("Beta", *each) for each in beta.items()
    }
    same = did_arrays(staggered_cells(), effect="constant")
    assert same.term_design.shape == found.term_design.shape


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_the_order_of_cells_does_not_matter(seed: int) -> None:
    cells = staggered_cells()
    order = np.random.default_rng(seed).permutation(cells.sizes["cell"])
    pilots_first = np.concatenate(
        [order[cells["is_pilot"].values[order]], order[~cells["is_pilot"].values[order]]]
    )
    known = did_arrays(cells, effect="by year")
    found = did_arrays(cells.isel(cell=pilots_first), effect="by year")
    assert set(found.authorities) == set(known.authorities)
    at = [found.authorities.index(name) for name in known.authorities]
    of_pilots = [found.pilots.index(name) for name in known.pilots]
    np.testing.assert_array_equal(found.events[at], known.events)
    np.testing.assert_array_equal(found.denominators[at], known.denominators)
    np.testing.assert_array_equal(found.treated[of_pilots], known.treated)
    np.testing.assert_array_equal(found.term_design[of_pilots], known.term_design)
    assert (found.years, found.terms) == (known.years, known.terms)


def test_a_comparator_before_a_pilot_is_refused() -> None:
    cells = staggered_cells()
    with pytest.raises(ValueError, match="pilots before the comparators"):
        did_arrays(cells.isel(cell=slice(None, None, -1)), effect="constant")


def test_an_authority_left_out_keeps_its_place(arrays: DidArrays) -> None:
    left = without(arrays, ["Birchway", "Fern"])
    assert left.authorities == arrays.authorities
    kept = [name not in ("Birchway", "Fern") for name in arrays.authorities]
    np.testing.assert_array_equal(left.denominators[kept], arrays.denominators[kept])
    np.testing.assert_array_equal(left.events[kept], arrays.events[kept])
    assert not left.denominators[~np.array(kept)].any()
    assert not left.events[~np.array(kept)].any()
    assert arrays.denominators[1].any(), "the counts given were changed"
    assert without(arrays, []).denominators.sum() == arrays.denominators.sum()


def test_leaving_out_an_unknown_authority_is_refused(arrays: DidArrays) -> None:
    with pytest.raises(ValueError, match="Nowhere"):
        without(arrays, ["Nowhere", "Fern"])


# ------------------------------------------------------------------------------ draws


def test_draws_get_the_names_and_the_terms_in_use(
    by_year_arrays: DidArrays, arrays: DidArrays, by_year_posterior: xr.Dataset
) -> None:
    bare = by_year_posterior.drop_vars(list(by_year_posterior.coords))
    bare = bare.pad(term=(1, 0), constant_values=9.0)  # the first term is not in use
    xr.testing.assert_equal(labelled(bare, by_year_arrays), by_year_posterior)
    assert list(labelled(bare, arrays)["term"].values) == [AFTER]


@pytest.mark.parametrize("by_year", [False, True])
def test_the_pilots_change_is_term_by_term(
    posterior: xr.Dataset,
    arrays: DidArrays,
    by_year_posterior: xr.Dataset,
    by_year_arrays: DidArrays,
    by_year: bool,
) -> None:
    draws, counts = (by_year_posterior, by_year_arrays) if by_year else (posterior, arrays)
    found = pilot_change(draws, counts)
    assert found.dims == ("chain", "draw", "pilot", "year")
    one = draws.isel(chain=1, draw=7)
    for p, pilot in enumerate(counts.pilots):
        for t, year in enumerate(counts.years):
            change = sum(
                float(one["effect"].sel(term=term))
                for k, term in enumerate(counts.terms)
                if counts.term_design[p, t, k]
            )
            if counts.treated[p, t]:
                change += float(one["pilot_effect_sd"] * one["pilot_deviation"].sel(pilot=pilot))
            known = float(found.isel(chain=1, draw=7).sel(pilot=pilot, year=year))
            assert known == pytest.approx(change, abs=EXACT)


def test_without_deviations_all_pilots_change_alike(
    posterior: xr.Dataset, arrays: DidArrays
) -> None:
    full = posterior.drop_vars(["pilot_deviation", "pilot_effect_sd"])
    found = pilot_change(full, arrays).sel(year=2017)
    one_effect = posterior["effect"].sel(term=AFTER).to_numpy()
    for pilot in arrays.pilots:
        np.testing.assert_array_equal(found.sel(pilot=pilot), one_effect)


def repeated(posterior: xr.Dataset, times: int) -> xr.Dataset:
    """The same single draw many times, so that what is drawn anew is all that varies."""
    one = posterior.isel(chain=[0], draw=[3])
    return one.isel(draw=np.zeros(times, dtype=int))


def test_cells_before_their_shock_are_the_sum_of_their_parts(
    posterior: xr.Dataset, arrays: DidArrays
) -> None:
    mean = cell_mean(posterior, arrays) - posterior["authority_intercept"]
    xr.testing.assert_allclose(
        mean.sel(authority="Dell", year=2012, drop=True), posterior["intercept"]
    )
    of_pilot = posterior["intercept"] + posterior["pilot_difference"]
    xr.testing.assert_allclose(mean.sel(authority="Birchway", year=2012, drop=True), of_pilot)


def test_shocks_have_the_stated_sd_and_correlation(
    posterior: xr.Dataset, arrays: DidArrays
) -> None:
    draws = repeated(posterior, MANY)
    rho, sd = float(draws["shock_correlation"][0, 0]), float(draws["shock_sd"][0, 0])
    found = draw_shocks(draws, arrays, np.random.default_rng(2))
    assert found.dims == ("chain", "draw", "authority", "year")
    one = found.sel(authority="Esk").values.reshape(MANY, -1)
    np.testing.assert_allclose(one.std(axis=0), sd, rtol=MOMENT)
    known = correlations(arrays.years, rho)
    np.testing.assert_allclose(np.corrcoef(one.T), known, atol=MOMENT)
    other = found.sel(authority="Dell").values.reshape(MANY, -1)
    assert abs(np.corrcoef(one[:, 1], other[:, 1])[0, 1]) < MOMENT
    # The same numbers do not pass as shocks of years without a gap.
    wrong = correlations((2012, 2013, 2014, 2015, 2016), rho)
    assert np.abs(np.corrcoef(one.T) - wrong).max() > 3 * MOMENT


def test_shocks_are_independent_or_absent_where_the_model_says_so(
    posterior: xr.Dataset, arrays: DidArrays
) -> None:
    draws = repeated(posterior, MANY).drop_vars("shock_correlation")
    rng = np.random.default_rng(3)
    one = draw_shocks(draws, arrays, rng).sel(authority="Esk").values.reshape(MANY, -1)
    np.testing.assert_allclose(np.corrcoef(one.T), np.eye(len(arrays.years)), atol=MOMENT)
    assert not draw_shocks(draws.drop_vars("shock_sd"), arrays, rng).any()
