"""Weighted logistic and linear fits against statsmodels, and on profiles against referrals."""

import numpy as np
import pytest
import statsmodels.api as sm

from sofs_bayes.spec import ChildrenAnalysis
from sofs_bayes.synthetic.cla_fits import Floats, NoFit, fit_column, mcfadden
from sofs_bayes.synthetic.cla_profiles import Profiles
from sofs_bayes.synthetic.priors import grid
from sofs_bayes.synthetic.scenario import Scenario

# Two ways to the same maximum.
SAME = 1e-7


@pytest.fixture
def covariates(cla: Scenario, cla_analysis: ChildrenAnalysis) -> Floats:
    """Authorities' covariates as they enter."""
    years = len(grid(cla, cla_analysis))
    count = len(cla_analysis.regressions.authority_covariates)
    return np.random.default_rng(2).normal(size=(years, count))


def test_fits_are_statsmodels(toy_single: Profiles, covariates: Floats) -> None:
    outcome = (np.random.default_rng(4).random(len(toy_single.frame)) < 0.2).astype(float)
    for column in toy_single.columns:
        fit = fit_column(column, toy_single, covariates, outcome, None)
        family = sm.families.Binomial() if column.logistic else sm.families.Gaussian()
        model = sm.GLM(outcome, fit.terms, family=family, freq_weights=toy_single.weight)
        reference = model.fit(tol=1e-12)
        assert fit.coefficients == pytest.approx(reference.params, abs=SAME)
        assert fit.fitted == pytest.approx(reference.fittedvalues, abs=SAME)
        if column.logistic:
            errors = np.sqrt(np.diag(fit.inverse))
            assert errors == pytest.approx(reference.bse, rel=1e-4)
            null = sm.GLM(outcome, fit.terms[:, :1], family=family, freq_weights=toy_single.weight)
            assert mcfadden(fit, toy_single.weight, outcome)[0] == pytest.approx(
                1 - reference.llf / null.fit().llf, abs=SAME
            )


def test_a_fit_on_profiles_is_the_fit_on_referrals(
    toy_profiles: Profiles, toy_single: Profiles, covariates: Floats
) -> None:
    by_segment = np.random.default_rng(5).uniform(0.1, 0.3, len(toy_profiles.segments))
    for ours, theirs in zip(toy_profiles.columns, toy_single.columns, strict=False):
        found = [
            fit_column(column, of, covariates, by_segment[of.segment], None).coefficients
            for column, of in ((ours, toy_profiles), (theirs, toy_single))
        ]
        assert found[0] == pytest.approx(found[1], abs=SAME)


def test_separated_outcomes_have_no_fit(toy_single: Profiles, covariates: Floats) -> None:
    logistic = toy_single.columns[1]
    assert logistic.logistic
    outcome = logistic.own[:, logistic.names.index("pilot")]
    with pytest.raises(NoFit):
        fit_column(logistic, toy_single, covariates, outcome, None)


def test_terms_that_are_combinations_have_no_fit(toy_single: Profiles, covariates: Floats) -> None:
    with pytest.raises(NoFit, match="combinations"):
        fit_column(
            toy_single.columns[0],
            toy_single,
            np.ones((len(covariates), covariates.shape[1])),
            np.zeros(len(toy_single.frame)),
            None,
        )
