"""Random intercepts: against lme4, statsmodels' likelihood, and least squares without them."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sofs_bayes.frequentist.did import fit
from sofs_bayes.frequentist.estimation import least_squares
from sofs_bayes.frequentist.multilevel import random_intercepts
from sofs_bayes.frequentist.terms import Design, design
from sofs_bayes.spec import ChildrenAnalysis, Regression

# lme4's optimiser stops where the deviance is flat: its variances have some six digits.
LME4 = 1e-6
LIKELIHOOD = 1e-10


@pytest.fixture
def random(analysis: ChildrenAnalysis) -> Regression:
    return next(each for each in analysis.regressions.columns if each.name == "random")


@pytest.fixture
def numbers(matched: pd.DataFrame, analysis: ChildrenAnalysis, random: Regression) -> Design:
    return design(matched, analysis, random)


def test_it_is_what_lme4_finds(
    matched: pd.DataFrame, analysis: ChildrenAnalysis, random: Regression, in_r: dict[str, Any]
) -> None:
    found, r = fit(matched, analysis, random), in_r["random"]
    assert set(r["coefficients"]) == set(found.terms)
    coefficients = [r["coefficients"][term] for term in found.terms]
    assert found.coefficients == pytest.approx(coefficients, rel=LME4)
    errors = [r["errors"]["own"][term] for term in found.terms]
    assert found.standard_errors == pytest.approx(errors, rel=LME4)
    assert found.authority_sd == pytest.approx(r["authority_sd"], rel=LME4)
    assert found.dispersion == pytest.approx(r["residual_sd"] ** 2, rel=LME4)
    assert found.log_likelihood == pytest.approx(r["log_likelihood"], rel=LIKELIHOOD)
    assert found.errors == "random effects of authorities (REML)"
    assert set(found.degrees_of_freedom) == {np.inf}
    assert found.r_squared is None


def test_the_likelihood_is_statsmodels(numbers: Design) -> None:
    """Weights enter statsmodels' unweighted model as roots beside all columns."""
    from statsmodels.regression.mixed_linear_model import MixedLM

    found = random_intercepts(numbers)
    root = np.sqrt(numbers.weights)
    theirs = MixedLM(
        numbers.outcome * root,
        numbers.terms.to_numpy() * root[:, None],
        groups=numbers.authority,
        exog_re=root[:, None],
    )
    theirs.reml, theirs.cov_pen, theirs.fe_pen = True, None, None
    ratio = found.authority_sd / found.residual_sd
    coefficients, _ = theirs.get_fe_params(np.array([[ratio**2]]), np.zeros(0))
    assert found.coefficients == pytest.approx(coefficients, rel=1e-8)
    near = [theirs.loglike(np.array([ratio * factor])) for factor in (0.9, 1.0, 1.1)]
    assert near[1] == max(near)


def test_authorities_that_do_not_differ_leave_least_squares(numbers: Design) -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        noise = replace(numbers, outcome=rng.standard_normal(len(numbers.outcome)))
        found = random_intercepts(noise)
        if found.authority_sd == 0:
            break
    plain = least_squares(noise)
    assert found.authority_sd == 0
    assert found.coefficients == pytest.approx(plain.coefficients, rel=1e-7)
    assert found.covariance == pytest.approx(plain.covariance, rel=1e-7, abs=1e-12)


def test_a_planted_spread_is_found(numbers: Design) -> None:
    rng = np.random.default_rng(4)
    sd = []
    for _ in range(30):
        levels = rng.normal(0.0, 0.5, numbers.authority.max() + 1)
        noise = rng.standard_normal(len(numbers.outcome)) / np.sqrt(numbers.weights)
        found = random_intercepts(replace(numbers, outcome=levels[numbers.authority] + noise))
        sd.append(found.authority_sd)
        assert found.residual_sd == pytest.approx(1.0, abs=0.1)
    # Eleven authorities, one contrast used up by pilots: each sd scatters by a quarter of .5.
    assert np.mean(np.square(sd)) == pytest.approx(0.25, abs=0.08)
