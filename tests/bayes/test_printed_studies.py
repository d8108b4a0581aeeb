"""The likelihood of one and of two printed studies, against matrices and weighted draws."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sofs_bayes import spec
from sofs_bayes.bayes.from_published import PrintedRows, choose_prior, posterior
from sofs_bayes.bayes.limits import MAX_EDGE_MASS
from sofs_bayes.bayes.printed_model import (
    PrintedModel,
    Studies,
    conditional,
    log_likelihood,
    printed_model,
    row_probability,
    variances,
)
from sofs_bayes.bayes.printed_rows import printed_rows
from sofs_bayes.bayes.printed_summaries import (
    authority_sd,
    correlation,
    draws,
)
from sofs_bayes.checks.quadrature import star_evidence
from sofs_bayes.published.facts import read_printed

EXACT = 1e-8
DRAWS = 200_000
WEIGHTED = 0.02  # probabilities from the fewest effective draws below have an error of 0.004
FEWEST = 15_000
LEVELS = np.array([0.05, 0.25, 0.5, 0.75, 0.95])


def load(name: str = "icpc-printed") -> spec.PrintedAnalysis:
    analysis = spec.load(name)
    assert isinstance(analysis, spec.PrintedAnalysis)
    return analysis


def model() -> PrintedModel:
    return printed_model(load(), load().readings[0])


def rows(pilot: str, did: str) -> PrintedRows:
    return PrintedRows(pilot=read_printed(pilot), did=read_printed(did))


def real() -> PrintedRows:
    return printed_rows(load(), load().readings[0])


# ------------------------------------------------------------------------- given s and c


def covariance(s: float, c: float) -> np.ndarray:
    v_beta, v_delta, v_both = (
        float(v[0]) for v in variances(model(), np.array([s]), np.array([c]))
    )
    return np.array([[v_beta, v_both], [v_both, v_delta]])


@pytest.mark.parametrize("studies", [(real(),), (real(), rows("0.0150", "-0.0720**"))])
@settings(deadline=None, max_examples=50)
@given(st.floats(0.0, 0.3), st.floats(0.0, 1.0))
def test_conditional_is_normal_updating_by_matrices(studies: Studies, s: float, c: float) -> None:
    effect, constants, n = load().effect_priors["enthusiastic"], model(), len(studies)
    prior_mean = np.array([constants.pilot_difference.mean, effect.mean])
    prior = np.diag([constants.pilot_difference.sd**2, effect.sd**2])
    v = np.kron(np.eye(n), covariance(s, c))
    each = np.tile(np.eye(2), (n, 1))  # every study's coefficients are about the same two
    y = np.array([cell.value for one in studies for cell in (one.pilot, one.did)], dtype=float)
    cov = np.linalg.inv(np.linalg.inv(prior) + each.T @ np.linalg.solve(v, each))
    mean = cov @ (np.linalg.solve(prior, prior_mean) + each.T @ np.linalg.solve(v, y))
    total = v + each @ prior @ each.T
    miss = y - each @ prior_mean
    log_density = -0.5 * (
        miss @ np.linalg.solve(total, miss) + np.linalg.slogdet(total)[1]
    ) - n * np.log(2 * np.pi)
    found = conditional(constants, studies, effect, np.array([s]), np.array([c]))
    np.testing.assert_allclose([found.beta_mean[0], found.delta_mean[0]], mean, rtol=1e-6)
    np.testing.assert_allclose(
        [found.beta_variance[0], found.covariance[0], found.delta_variance[0]],
        [cov[0, 0], cov[0, 1], cov[1, 1]],
        rtol=1e-6,
    )
    assert found.log_likelihood[0] == pytest.approx(log_density, rel=EXACT)


@settings(deadline=None, max_examples=30)
@given(st.floats(0.01, 0.2), st.floats(0.0, 1.0), st.floats(-0.1, 0.1), st.floats(-0.1, 0.1))
def test_the_log_likelihood_is_that_of_each_coefficient_pair_and_each_star(
    s: float, c: float, beta: float, delta: float
) -> None:
    studies, v = (real(), rows("0.0150", "-0.0720**")), covariance(s, c)
    known = 0.0
    for one in studies:
        values = [one.pilot.value, one.did.value]
        known += stats.multivariate_normal.logpdf(values, [beta, delta], v)
        for row, variance in (("pilot", v[0, 0]), ("did", v[1, 1])):
            known += np.log(float(row_probability(one, row, np.array(variance), model())))
    where = {"s": s, "c": c, "beta": beta, "delta": delta}
    at = {name: np.array([value]) for name, value in where.items()}
    found = log_likelihood(model(), studies, **at)
    assert found[0] == pytest.approx(known, rel=1e-6)


def test_stars_that_say_nothing_are_not_in_the_log_likelihood() -> None:
    starless = replace(model(), uses_stars=False)
    at = {"s": 0.05, "c": 0.5, "beta": 0.0, "delta": 0.0}
    one, other = (
        log_likelihood(starless, (each,), **{name: np.array([x]) for name, x in at.items()})
        for each in (rows("-0.0635*", "0.0407"), rows("-0.0635", "0.0407***"))
    )
    assert one == other


# ----------------------------------------------------------------- the posterior of both


@pytest.mark.parametrize(
    ("name", "reading", "second"),
    [
        ("icpc-printed", 0, ("-0.0210", "0.0150")),
        ("icpc-printed", 0, ("0.0320*", "-0.0280")),
        ("cla-printed", 0, ("-0.20", "0.15")),
        ("cla-printed", 1, ("-0.25***", "0.15")),
    ],
)
def test_both_studies_weigh_the_draws_of_the_first(
    name: str, reading: int, second: tuple[str, str]
) -> None:
    analysis, other = load(name), rows(*second)
    chosen = analysis.readings[reading]
    one = posterior(analysis, prior="reference", reading=chosen)
    both = posterior(analysis, prior="reference", reading=chosen, further=(other,))
    of = draws(one, DRAWS, np.random.default_rng(8))
    log_weights = log_likelihood(one.model, (other,), s=of.s, c=of.c, beta=of.beta, delta=of.delta)
    weights = np.exp(log_weights - log_weights.max())
    assert weights.sum() ** 2 / (weights**2).sum() > FEWEST
    ratio = float(np.log(weights.mean()) + log_weights.max())
    assert both.log_evidence - one.log_evidence == pytest.approx(ratio, abs=WEIGHTED)
    assert both.edge_mass < MAX_EDGE_MASS
    for values, known in (
        (of.delta, both.effect),
        (of.beta, both.pilot_difference),
        (of.s, authority_sd(both)),
        (of.c, correlation(both)),
    ):
        shares = [weights[values < x].sum() / weights.sum() for x in known.quantile(LEVELS)]
        np.testing.assert_allclose(shares, LEVELS, atol=WEIGHTED)


def test_draws_have_the_joint_distribution_of_both() -> None:
    both = posterior(load(), prior="reference", further=(rows("0.0320*", "-0.0280"),))
    of = draws(both, DRAWS, np.random.default_rng(9))
    for values, known in ((of.delta, both.effect), (of.beta, both.pilot_difference)):
        shares = [np.mean(values < x) for x in known.quantile(LEVELS)]
        np.testing.assert_allclose(shares, LEVELS, atol=WEIGHTED)


def test_it_does_not_matter_which_study_was_first() -> None:
    one, other = real(), rows("0.0320*", "-0.0280")
    ahead, behind = (
        posterior(load(), prior="sceptical", rows=first, further=(second,))
        for first, second in ((one, other), (other, one))
    )
    assert ahead.log_evidence == pytest.approx(behind.log_evidence)
    np.testing.assert_allclose(ahead.weights, behind.weights, rtol=1e-6, atol=1e-12)
    assert ahead.effect.mean() == pytest.approx(behind.effect.mean())


def test_children_alone_twice_are_twice_as_many_children() -> None:
    child = replace(load().readings[0], se_reading="child")
    fewer = replace(child, child_variance_factor=0.5)
    twice = posterior(load(), prior="reference", reading=child, further=(real(),))
    once = posterior(load(), prior="reference", reading=fewer)
    assert twice.effect.mean() == pytest.approx(once.effect.mean(), rel=1e-9)
    assert twice.effect.sd() == pytest.approx(once.effect.sd(), rel=1e-9)


def test_a_study_averaged_over_its_own_chances_teaches_nothing() -> None:
    """The limit of no information: many second studies from the first's posterior average out."""
    none = replace(load().readings[0], se_reading="none")
    one = posterior(load(), prior="reference", reading=none)
    rng = np.random.default_rng(12)
    truth, studies = draws(one, 1500, rng), []
    v_beta, v_delta, v_both = variances(one.model, truth.s, truth.c)
    for i in range(truth.s.size):
        v = [[v_beta[i], v_both[i]], [v_both[i], v_delta[i]]]
        pilot, did = rng.multivariate_normal([truth.beta[i], truth.delta[i]], v)
        studies.append(rows(f"{pilot:.6f}", f"{did:.6f}"))
    at = one.effect.quantile(LEVELS)
    averaged = np.mean(
        [
            posterior(load(), prior="reference", reading=none, further=(study,)).effect.cdf(at)
            for study in studies
        ],
        axis=0,
    )
    np.testing.assert_allclose(averaged, LEVELS, atol=0.03)  # 1500 studies leave 0.009


def test_star_evidence_is_that_of_all_stars() -> None:
    likely, unlikely = (
        star_evidence(posterior(load(), prior="reference", further=(rows(pilot, "0.0407"),)))
        for pilot in ("-0.0635*", "-0.0635***")
    )
    assert 0 < unlikely < likely < star_evidence(posterior(load(), prior="reference"))


def test_the_effect_prior_is_that_of_the_analysis() -> None:
    both = posterior(load(), prior="sceptical", further=(real(),))
    assert both.effect.sd() < choose_prior(load(), "sceptical").sd
