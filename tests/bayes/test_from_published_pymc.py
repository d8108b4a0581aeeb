"""NUTS on the marginalised graph gives the grid's posterior, without divergences."""

from dataclasses import replace

import numpy as np
import pytest
from tests.printed_forms import FORMS

from sofs_bayes import spec
from sofs_bayes.bayes.from_published import posterior
from sofs_bayes.bayes.from_published_pymc import graph, graph_data, sample_posterior
from sofs_bayes.bayes.printed_summaries import authority_sd, correlation
from sofs_bayes.bayes.sampling import Compiled
from sofs_bayes.checks.diagnostics import gate
from sofs_bayes.errors import BadInput

SAMPLER = spec.Sampler(name="nutpie", chains=2, tune=1000, draws=16_000, target_accept=0.95)
PROBABILITY = 0.02  # some 7,000 effective draws of s and c at least: error 0.006
EXACT = 1e-8


def load(name: str) -> spec.PrintedAnalysis:
    analysis = spec.load(name)
    assert isinstance(analysis, spec.PrintedAnalysis)
    return analysis


@pytest.mark.parametrize(
    ("name", "reading"),
    [("icpc-printed", 0), ("cla-printed", 0), ("cla-printed", 1), ("cla-printed", 2)],
)
@pytest.mark.parametrize("prior", ["reference", "sceptical"])
def test_nuts_agrees_with_the_grid(
    printed_graph: Compiled, name: str, reading: int, prior: str
) -> None:
    analysis = load(name)
    chosen = analysis.readings[reading]
    grid = posterior(analysis, prior=prior, reading=chosen)
    tree = sample_posterior(analysis, SAMPLER, prior=prior, reading=chosen, compiled=printed_graph)
    drawn = tree["posterior"].to_dataset()
    assert drawn["delta"].dims == ("chain", "draw")
    assert int(tree["sample_stats"]["diverging"].sum()) == 0
    levels = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
    for variable, known in (
        ("delta", grid.effect),
        ("beta", grid.pilot_difference),
        ("s", authority_sd(grid)),
        ("c", correlation(grid)),
    ):
        shares = (drawn[variable].values[..., None] < known.quantile(levels)).mean(axis=(0, 1))
        np.testing.assert_allclose(shares, levels, atol=PROBABILITY, err_msg=variable)


@pytest.mark.parametrize(
    "analysis",
    [
        load("icpc-printed"),
        *(FORMS[name] for name in ("effect alone, standard error", "one-sided stars of one row")),
    ],
)
def test_the_graph_has_the_density_of_the_grid(analysis: spec.PrintedAnalysis) -> None:
    post = posterior(analysis, prior=analysis.headline_prior)
    log_density = graph(graph_data(post)).compile_logp(jacobian=False, mode="FAST_COMPILE")
    s = (post.s[1:] + post.s[:-1]) / 2
    angle = (post.angle[1:] + post.angle[:-1]) / 2
    ratios = []
    for i, j in ((20, 10), (20, 30), (25, 24), (40, 40)):
        c = np.sin(angle[j]) ** 2
        point = {"s_log__": np.log(s[i]), "c_logodds__": np.log(c / (1 - c))}
        # the grid's weights are per angle, and dc = sin(2 angle) d(angle)
        cell = np.diff(post.s)[i] * np.diff(post.angle)[j]
        on_grid = np.log(post.weights[i, j] / cell) - np.log(np.sin(2 * angle[j]))
        ratios.append(float(log_density(point)) - on_grid)
    np.testing.assert_allclose(ratios, ratios[0], atol=EXACT)


@pytest.mark.parametrize("form", ["one standard error", "effect alone, standard error"])
def test_a_printed_standard_error_leaves_no_chain_behind(
    printed_graph: Compiled, form: str
) -> None:
    analysis = FORMS[form]
    grid = posterior(analysis, prior="reference")
    tree = sample_posterior(analysis, SAMPLER, prior="reference", compiled=printed_graph)
    drawn = tree["posterior"].to_dataset()
    assert gate(drawn, None, tree["sample_stats"].to_dataset()).status == "converged"
    assert ("beta" in drawn) == analysis.has_pilot_row
    levels = np.array([0.05, 0.5, 0.95])
    shares = (drawn["s"].values[..., None] < authority_sd(grid).quantile(levels)).mean((0, 1))
    np.testing.assert_allclose(shares, levels, atol=PROBABILITY)


def test_a_known_correlation_is_not_sampled() -> None:
    with pytest.raises(BadInput, match=r"priors\.correlation: found a correlation taken as known"):
        sample_posterior(FORMS["known correlation"], SAMPLER, prior="reference")


def test_data_are_those_of_the_print() -> None:
    data = graph_data(posterior(load("icpc-printed"), prior="pessimistic"))
    np.testing.assert_array_equal(data["printed"], [-0.0635, 0.0407])
    np.testing.assert_array_equal(data["prior_mean"], [0.0, 0.02])
    assert data["se_bounds"].shape == (2, 3, 2)
    assert np.isfinite(data["se_bounds"]).all()


def test_a_reading_of_children_only_has_nothing_to_sample() -> None:
    analysis = load("icpc-printed")
    child = replace(analysis.readings[0], se_reading="child")
    with pytest.raises(BadInput, match="the grid"):
        sample_posterior(analysis, SAMPLER, prior="reference", reading=child)
