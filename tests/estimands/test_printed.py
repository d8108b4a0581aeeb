"""Rows of a posterior from print: scales agree with each other, draws, and closed forms."""

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy import stats

from sofs_bayes.bayes.from_published import PrintedPosterior, posterior
from sofs_bayes.estimands.printed import (
    density_rows,
    draws_tree,
    effect_on,
    effect_rows,
    label_of,
    probability_rows,
    scales,
)
from sofs_bayes.spec import PrintedAnalysis, load
from sofs_bayes.spec.keys import PRINTED

# A distribution function tabulated at 201 points, read off between them: relative to an sd.
TABULATED = 0.02
# A density summed over 241 points that leave out a thousandth at either end.
MASS = 0.01
# Four standard errors of a quantile in 40,000 draws, in standard deviations.
SAMPLED = 0.04


@cache
def post(name: str, prior: str = "reference", reading: int = 0) -> PrintedPosterior:
    analysis = load(name)
    assert isinstance(analysis, PrintedAnalysis)
    return posterior(analysis, prior=prior, reading=analysis.readings[reading])


CASES = [("icpc-printed", 0), ("cla-printed", 0), ("cla-printed", 1)]


def test_a_linear_design_stays_on_risk_and_a_logistic_one_is_converted() -> None:
    assert scales(post("icpc-printed")) == ("risk",)
    assert scales(post("cla-printed")) == ("log-odds", "odds ratio", "risk")


@pytest.mark.parametrize(("name", "reading"), CASES)
def test_rows_hold_the_effect_on_each_scale_and_the_other_parameters(
    name: str, reading: int
) -> None:
    fit = post(name, reading=reading)
    rows = effect_rows(fit, label_of(fit, status="converged"))
    assert [row.scale for row in rows if row.role == PRINTED] == list(scales(fit))
    others = {row.role: row.scale for row in rows if row.role != PRINTED}
    design = fit.analysis.design.scale
    assert others == {
        "pilot difference": design,
        "authority sd": design,
        "correlation": "correlation",
        "standard error of the DiD": design,
    }
    for row in rows:
        assert row.lower < row.median < row.upper
        assert (row.target, row.prior, row.status) == ("pooled", "reference", "converged")
        assert (row.reading, row.evidence) == (fit.reading.name, "published-inferred")
        assert (row.level, row.interval) == (0.9, "eti")


def test_quantiles_go_from_scale_to_scale() -> None:
    """Equal-tailed intervals and medians are carried over by the conversion itself."""
    fit = post("cla-printed")
    base = fit.analysis.design.base_rate
    rows = {
        row.scale: row
        for row in effect_rows(fit, label_of(fit, status="converged"))
        if row.role == PRINTED
    }
    sd = rows["log-odds"].sd
    for end in ("lower", "median", "upper"):
        logit = getattr(rows["log-odds"], end)
        ratio, risk = (getattr(rows[scale], end) for scale in ("odds ratio", "risk"))
        odds = base / (1 - base) * math.exp(logit)
        assert math.log(ratio) == pytest.approx(logit, abs=TABULATED * sd)
        slope = base * (1 - base)  # of the risk in the log-odds
        assert risk == pytest.approx(odds / (1 + odds) - base, abs=TABULATED * sd * slope)


def test_a_scale_of_its_own_is_not_tabulated() -> None:
    fit = post("icpc-printed")
    assert effect_on(fit, "risk") is fit.effect


@pytest.mark.parametrize(("name", "reading"), CASES)
def test_probabilities_are_those_of_the_rows_distribution(name: str, reading: int) -> None:
    fit = post(name, reading=reading)
    rows = probability_rows(fit, label_of(fit, status="not converged"))
    assert len(rows) == len(fit.analysis.estimands.statements)
    for row, statement in zip(rows, fit.analysis.estimands.statements, strict=True):
        cdf = effect_on(fit, statement.scale).cdf
        if statement.above is not None:
            expected = 1 - float(cdf(statement.above))
        elif statement.below is not None:
            expected = float(cdf(statement.below))
        else:
            assert statement.within is not None
            expected = float(cdf(statement.within[1]) - cdf(statement.within[0]))
        assert row.probability == pytest.approx(expected, abs=1e-3)
        assert (row.mcse, row.status, row.scale) == (0.0, "not converged", statement.scale)


@pytest.mark.parametrize("name", ["icpc-printed", "cla-printed"])
@pytest.mark.parametrize("prior", ["reference", "sceptical"])
def test_densities_hold_nearly_all_of_prior_and_posterior(name: str, prior: str) -> None:
    fit = post(name, prior)
    rows = density_rows(fit, label_of(fit, status="converged"))
    x = np.array([row.value for row in rows])
    assert (np.diff(x) > 0).all()
    for which, inside in (("prior_density", 0.985), ("posterior_density", 0.995)):
        mass = float(np.trapezoid([getattr(row, which) for row in rows], x))
        assert inside < mass < 1 + MASS
    known = fit.analysis.effect_priors[prior]
    peak = rows[int(np.argmax([row.prior_density for row in rows]))]
    assert peak.value == pytest.approx(known.mean, abs=2 * float(np.diff(x)[0]))
    assert {(row.reading, row.prior) for row in rows} == {(fit.reading.name, prior)}


def test_the_density_of_a_prior_off_zero_is_its_own() -> None:
    fit = post("icpc-printed")
    prior = replace(fit.analysis.effect_priors["reference"], mean=0.1, sd=0.02)
    moved = replace(fit, analysis=replace(fit.analysis, effect_priors={"reference": prior}))
    rows = density_rows(moved, label_of(moved, status="converged"))
    expected = stats.norm(0.1, 0.02).pdf([row.value for row in rows])
    assert [row.prior_density for row in rows] == pytest.approx(expected.tolist())


def test_a_row_says_what_was_changed() -> None:
    fit = post("cla-printed")
    as_is = label_of(fit, status="converged")
    changed = label_of(fit, status="converged", kind="critical values", subject="t(10)")
    [row] = effect_rows(fit, changed, on=("log-odds",))[:1]
    [main] = effect_rows(fit, as_is, on=("log-odds",))[:1]
    assert str(row.variant) == f"{fit.reading.name}; critical values t(10)"
    assert str(main.variant) == fit.reading.name
    assert replace(row, kind="main", subject="") == main


@pytest.mark.parametrize("chains", [2, 4])
def test_draws_are_independent_and_have_the_rows_quantiles(chains: int) -> None:
    fit = post("icpc-printed")
    more = replace(fit, analysis=replace(fit.analysis, draws=40_001))
    drawn = draws_tree(more, chains=chains)["posterior"].to_dataset()
    assert dict(drawn.sizes) == {"chain": chains, "draw": 40_000 // chains}
    assert set(drawn.data_vars) == {"authority_sd", "correlation", "pilot_difference", "effect"}
    assert drawn.attrs == {"prior": "reference", "reading": fit.reading.name}
    [row] = effect_rows(fit, label_of(fit, status="converged"), on=("risk",))[:1]
    found = np.quantile(drawn["effect"], [0.05, 0.5, 0.95])
    np.testing.assert_allclose(found, [row.lower, row.median, row.upper], atol=SAMPLED * row.sd)
    one = drawn["effect"].values[0]
    assert abs(np.corrcoef(one[1:], one[:-1])[0, 1]) < 0.04


def test_draws_repeat_with_the_analysis() -> None:
    fit = post("icpc-printed")
    one, again = (draws_tree(fit, chains=2)["posterior"]["effect"] for _ in range(2))
    np.testing.assert_array_equal(one, again)
