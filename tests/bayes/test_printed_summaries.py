"""Statements, summaries, draws and sensitivity rows of a posterior from print."""

from dataclasses import replace
from math import inf, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sofs_bayes import spec
from sofs_bayes.bayes.from_published import PrintedPosterior, posterior
from sofs_bayes.bayes.printed_model import variances
from sofs_bayes.bayes.printed_summaries import (
    alternatives,
    authority_sd,
    correlation,
    draws,
    from_design_scale,
    latent_se,
    on_design_scale,
    posterior_summaries,
    probability,
)
from sofs_bayes.checks.quadrature import star_evidence
from sofs_bayes.errors import BadInput

DRAWS = 100_000
OF_DRAWS = 0.01  # probabilities from 100,000 draws have an error of 0.0016
RELATIVE = 0.02  # quantiles of a standard error from its 4,608 grid points


def load(name: str = "icpc-printed") -> spec.PrintedAnalysis:
    analysis = spec.load(name)
    assert isinstance(analysis, spec.PrintedAnalysis)
    return analysis


def reference(name: str = "icpc-printed") -> PrintedPosterior:
    return posterior(load(name), prior="reference")


# ---------------------------------------------------------------------------- statements


@settings(deadline=None, max_examples=50)
@given(st.floats(-0.015, 0.3), st.sampled_from(["risk", "log-odds"]))
def test_scales_convert_there_and_back(value: float, scale: spec.Scale) -> None:
    design = load("cla-printed").design
    there = on_design_scale(value, scale, design)
    assert from_design_scale(there, scale, design) == pytest.approx(value, abs=1e-9)


def test_odds_ratios_are_exponentials_of_log_odds() -> None:
    design = load("cla-printed").design
    assert on_design_scale(1.11, "odds ratio", design) == pytest.approx(log(1.11))
    assert on_design_scale(0.0, "odds ratio", design) == -inf
    assert from_design_scale(log(0.9), "odds ratio", design) == pytest.approx(0.9)


def test_a_quarter_point_of_two_in_a_hundred_is_an_eighth_in_log_odds() -> None:
    found = on_design_scale(0.0025, "risk", load("cla-printed").design)
    assert found == pytest.approx(log(0.0225 / 0.9775) - log(0.02 / 0.98))


def test_rates_that_cannot_be_are_certain_not_to_be() -> None:
    post = reference("cla-printed")
    assert probability(post, spec.Statement(scale="risk", above=-0.02)) == 1.0
    assert probability(post, spec.Statement(scale="risk", above=0.99)) == 0.0


@pytest.mark.parametrize("scale", ["log-odds", "odds ratio"])
def test_a_linear_design_knows_risks_only(scale: spec.Scale) -> None:
    design = load().design
    for convert in (on_design_scale, from_design_scale):
        with pytest.raises(BadInput, match="linear design"):
            convert(0.1, scale, design)


@settings(deadline=None, max_examples=30)
@given(st.floats(-0.05, 0.05), st.floats(0.001, 0.05))
def test_statements_are_coherent(lower: float, width: float) -> None:
    post = reference()

    def p(**claim: object) -> float:
        return probability(post, spec.Statement(scale="risk", **claim))  # type: ignore[arg-type]

    upper = lower + width
    below, within, above = p(below=lower), p(within=(lower, upper)), p(above=upper)
    assert below + within + above == pytest.approx(1.0)
    assert p(above=lower) >= above


# ----------------------------------------------------------------------------- summaries


@pytest.mark.parametrize("name", ["icpc-printed", "cla-printed"])
def test_draws_have_the_distributions_of_the_posterior(name: str) -> None:
    analysis = load(name)
    for reading in analysis.readings:
        post = posterior(analysis, prior="reference", reading=reading)
        drawn = draws(post, DRAWS, np.random.default_rng(2))
        se = np.sqrt(variances(post.model, drawn.s, drawn.c)[1])
        for values, known in (
            (drawn.delta, post.effect),
            (drawn.beta, post.pilot_difference),
            (drawn.s, authority_sd(post)),
            (drawn.c, correlation(post)),
            (se, latent_se(post)),
        ):
            at = np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95])
            np.testing.assert_allclose(
                known.cdf(at), [0.05, 0.25, 0.5, 0.75, 0.95], atol=2 * OF_DRAWS
            )


def test_draws_repeat_with_their_seed() -> None:
    one, other = (draws(reference(), 10, np.random.default_rng(4)) for _ in range(2))
    np.testing.assert_array_equal(one.delta, other.delta)


def test_a_reading_of_children_only_has_no_authority_variance_to_summarise() -> None:
    reading = replace(load().readings[0], se_reading="child")
    post = posterior(load(), prior="reference", reading=reading)
    found = {each.quantity: each for each in posterior_summaries(post)}
    assert found["authority sd"].upper == 0.0
    assert found["correlation"].median == pytest.approx(0.5, abs=1e-6)


def test_shortest_intervals_where_the_analysis_asks_for_them() -> None:
    analysis = load()
    asked = replace(analysis, estimands=replace(analysis.estimands, interval="hdi"))
    tails, shortest = (
        {
            s.quantity: s.upper - s.lower
            for s in posterior_summaries(posterior(a, prior="reference"))
        }
        for a in (analysis, asked)
    )
    assert all(shortest[name] <= tails[name] * 1.001 for name in tails)


def test_star_evidence_is_a_probability_that_a_worse_reading_lowers() -> None:
    right = star_evidence(reference())
    assert 0 < right < 1
    loud = replace(load().readings[0], child_variance_factor=2000.0)
    assert star_evidence(posterior(load(), prior="reference", reading=loud)) < right
    starless = posterior(load("cla-printed"), prior="reference")
    assert star_evidence(starless) == 1.0


# --------------------------------------------------------------------------- sensitivity


def test_one_assumption_changes_at_a_time() -> None:
    analysis = load()
    for assumption, _, changed in alternatives(analysis):
        differing = [
            name
            for name in ("authority_sd", "correlation", "pilot_difference")
            if getattr(changed.priors, name) != getattr(analysis.priors, name)
        ]
        differing += ["critical"] if changed.critical_values != analysis.critical_values else []
        assert len(differing) <= 1
        assert assumption != "main" or not differing


def test_larger_authority_variance_widens_the_interval() -> None:
    widths = {}
    for assumption, value, changed in alternatives(load()):
        if assumption == "prior scale of the authority sd":
            lower, upper = posterior(changed, prior="reference").effect.quantile([0.05, 0.95])
            widths[value] = float(upper - lower)
    assert list(widths) == ["0.03", "0.06", "0.09", "0.12"]
    assert list(widths.values()) == sorted(widths.values())
