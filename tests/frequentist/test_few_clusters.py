"""When clusters are too few for errors clustered on them, against simulation; what is said then."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import stdtrit
from tests.frequentist.studies import study

from sofs_bayes.frequentist.did import DidFit, fit
from sofs_bayes.frequentist.published_analysis import published_analysis, term_rows
from sofs_bayes.frequentist.replication import coefficients
from sofs_bayes.frequentist.wild_bootstrap import LEVEL, Arms
from sofs_bayes.spec import ChildrenAnalysis, Regression

# Satterthwaite's degrees of freedom are an approximation, on the safe side in lopsided designs.
NEAR, SAFE = 0.006, 0.05
SIMULATIONS = 20_000


@pytest.fixture
def bare(analysis: ChildrenAnalysis) -> ChildrenAnalysis:
    few = replace(analysis.regressions, covariates=(), authority_covariates=())
    return replace(analysis, regressions=few)


def with_columns(analysis: ChildrenAnalysis, *columns: Regression) -> ChildrenAnalysis:
    return replace(analysis, regressions=replace(analysis.regressions, columns=columns))


@pytest.mark.parametrize(
    ("treated", "others", "too_few"),
    [
        (6, 5, False),  # the report: conferences
        (5, 4, False),  # its column without a pilot
        (7, 6, False),  # entry to care
        (4, 4, False),
        (6, 12, False),
        (3, 3, True),
        (3, 8, True),
        (4, 20, True),
        (2, 4, True),
        (2, 20, True),
    ],
)
def test_the_rule_is_how_often_cr1_rejects_a_true_null(
    treated: int, others: int, too_few: bool
) -> None:
    """Two arms of clusters' means with one variance: nothing but their number is amiss."""
    rng = np.random.default_rng(treated * 100 + others)
    arms = [rng.normal(size=(SIMULATIONS, size)) for size in (treated, others)]
    count = treated + others
    variance = sum(arm.var(axis=1) / arm.shape[1] for arm in arms) * count / (count - 1)
    t = (arms[0].mean(axis=1) - arms[1].mean(axis=1)) / np.sqrt(variance)
    rejected = np.mean(np.abs(t) > stdtrit(count - 1, 1 - LEVEL / 2))
    found = Arms(treated=treated, others=others)
    assert -NEAR < found.false_positives - rejected < (SAFE if too_few else NEAR)
    assert found.too_few is too_few
    turned = Arms(treated=others, others=treated)
    assert turned.false_positives == pytest.approx(found.false_positives)


@pytest.mark.parametrize(("treated", "others"), [(1, 1), (1, 10), (10, 1), (0, 10), (10, 0)])
def test_one_in_an_arm_is_always_too_few(treated: int, others: int) -> None:
    assert Arms(treated=treated, others=others).too_few


FEW = "no standard errors, p-values or stars"
CASES = [
    # pilots, comparators, the regression's changes, what is said
    (1, 1, {}, [FEW, "1 treated and 1 other authorities", "p 0.5 or more"]),
    (1, 2, {}, [FEW, "in a single one counts as an effect", "p 0.25 or more"]),
    (5, 1, {}, [FEW, "5 treated and 1 other authorities"]),
    (2, 2, {}, [FEW, "about 12 of 100 studies", "gives no p below 0.12 here"]),
    (2, 4, {}, [FEW, "about 14 of 100 studies", "bootstrap, whose p is 0.031 or more"]),
    (3, 3, {}, [FEW, "bootstrap, whose p is 0.031 or more"]),
    (2, 4, {"model": "logistic"}, [FEW, "nothing stands in their place"]),
    (2, 4, {"authorities": "fixed"}, [FEW, "bootstrap, whose p"]),
    (2, 4, {"authorities": "random"}, [FEW, "random effects of them do not tell"]),
    (2, 4, {"treatment": "lags"}, [FEW, "bootstrap, whose p"]),
    (1, 2, {"cluster": "child"}, ["no p-values or stars: 1 treated and 2 other auth"]),
    (1, 2, {"cluster": "none"}, ["no p-values or stars: 1 treated and 2 other auth"]),
]


@pytest.mark.parametrize(("pilots", "comparators", "changes", "says"), CASES)
def test_few_authorities_have_no_errors_and_say_why(
    bare: ChildrenAnalysis,
    pilots: int,
    comparators: int,
    changes: dict[str, str],
    says: list[str],
) -> None:
    column = Regression(**({"name": "did", "model": "linear", "table": None} | changes))  # type: ignore[arg-type]
    matched, asked = study(pilots, comparators), with_columns(bare, column)
    for correction in ("CR1", "CR2", "CR3"):
        found = published_analysis(matched, asked, correction=correction)  # type: ignore[arg-type]
        [(_, fitted)] = found.fits
        assert np.isfinite(fitted.coefficients).all() and fitted.failure is None
        assert np.isnan(fitted.p_values).all() and np.isnan(fitted.table()["lower"]).all()
        shown = np.isfinite(fitted.standard_errors).all()
        assert shown == (FEW not in says)
        assert all(each in (fitted.caution or "") for each in says)
        assert found.notes == (f"did: {fitted.caution}.",)
        assert {row.note for row in term_rows(found)} == {fitted.caution}
        bootstrapped = [each for each in found.further if "bootstrap" in each.what]
        assert bool(bootstrapped) is any("bootstrap, whose" in each for each in says)
        assert all(each.p_value >= 2 / 2 ** (pilots + comparators) for each in bootstrapped)
        assert all(np.isnan(each.p_value) for each in found.further if each not in bootstrapped)


@pytest.mark.parametrize(
    ("pilots", "comparators", "changes"),
    [
        (4, 4, {}),
        (4, 4, {"model": "logistic"}),
        (6, 5, {"authorities": "random"}),
        (2, 2, {"cluster": "child"}),
        (2, 2, {"cluster": "none"}),
    ],
)
def test_enough_of_what_errors_rest_on_have_them(
    bare: ChildrenAnalysis, pilots: int, comparators: int, changes: dict[str, str]
) -> None:
    column = Regression(**({"name": "did", "model": "linear"} | changes))  # type: ignore[arg-type]
    fitted = fit(study(pilots, comparators), bare, column)
    assert (fitted.caution, fitted.failure) == (None, None)
    assert np.isfinite(fitted.p_values).all()


def test_leads_are_not_counted_without_errors(bare: ChildrenAnalysis) -> None:
    column = Regression(name="early", model="linear", treatment="leads and lags")
    found = published_analysis(study(2, 4), with_columns(bare, column))
    assert found.leads == "not tested, as 'early' has no p-values"
    assert [each.rule for each in found.decisions] == ["model", "errors"]
    assert all(np.isnan(rate.counterfactual) for rate in found.rates)


def test_a_bootstrap_that_is_asked_for_stands_beside_the_errors_of_enough(
    bare: ChildrenAnalysis,
) -> None:
    few, enough = (
        Regression(name=name, model="linear", without=out)
        for name, out in (("few", ("P2", "P3")), ("enough", ()))
    )
    found = published_analysis(study(4, 4), with_columns(bare, few, enough), bootstrap=99)
    notes = {each.regression: each.note for each in found.further}
    assert notes["enough"] == "" and "few" not in notes  # two and two cannot reject


def test_printed_coefficients_have_no_stars(bundled_like: tuple[Regression, DidFit]) -> None:
    numbers = coefficients([bundled_like])
    assert numbers and {each.stars for each in numbers} == {-1}
    assert {each.note for each in numbers} == {bundled_like[1].caution}


@pytest.fixture
def bundled_like(bare: ChildrenAnalysis) -> tuple[Regression, DidFit]:
    """A fit under the heading of a printed column."""
    column = Regression(name="Linear model", model="linear", table=5)
    return column, fit(study(1, 2), bare, column)
