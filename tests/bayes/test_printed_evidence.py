"""What speaks for a posterior from print: its stars at best, and what it learns of c."""

from dataclasses import replace

import pytest
from tests.printed_forms import BOTH, FORMS, analysis

from sofs_bayes.bayes.from_published import PrintedPosterior, posterior
from sofs_bayes.checks.quadrature import correlation_told, star_evidence, star_fit

LOW = 0.01
FREE = {"children": 10**9}  # hardly any chance of children
MANY = FREE | {"pilots": 40, "comparators": 40}


def read(*args: object, **changes: object) -> PrintedPosterior:
    return posterior(analysis(*args, **changes), prior="reference")


@pytest.mark.parametrize("form", FORMS)
def test_right_readings_can_make_what_is_printed_likely(form: str) -> None:
    assert star_fit(posterior(FORMS[form], prior="reference")) > LOW


def test_a_floor_above_what_the_stars_allow_is_told() -> None:
    """Rows of authority-years given as children: their chance is more than the stars allow."""
    right, wrong = (read(BOTH, design={"children": n}) for n in (60_000, 400))
    assert star_fit(right) > 0.5
    assert star_fit(wrong) < LOW


def test_a_prior_that_the_stars_contradict_lowers_the_evidence_and_not_the_fit() -> None:
    rows = {"pilot": "0.0210***", "did": "-0.0184***"}
    fitting, far = (read(rows, sd=sd, design=FREE) for sd in (0.01, 2.0))
    assert star_evidence(far) < LOW
    assert star_evidence(fitting) > 0.1
    assert star_fit(far) == pytest.approx(star_fit(fitting), abs=0.05)
    assert star_fit(far) > 0.9


def test_errors_that_no_correlation_allows_are_told() -> None:
    """The effect's error is at most √2 times that of the pilot difference."""
    rows = {"pilot": "0.0210", "did": "-0.0184", "pilot_se": "0.0060", "did_se": "0.0150"}
    assert star_fit(read(rows, design=MANY)) < LOW


def test_a_reading_without_stars_has_none_to_explain() -> None:
    post = read(BOTH, reading="none")
    assert (star_fit(post), star_evidence(post)) == (1.0, 1.0)


def test_what_is_learned_of_the_correlation() -> None:
    none = correlation_told(read({"did": "-0.0184"}, reading="none"))
    stars = correlation_told(read(BOTH))
    error = correlation_told(
        read(
            {"pilot": "0.0210", "did": "-0.0184", "pilot_se": "0.0210", "did_se": "0.0021"},
            design=MANY,
        )
    )
    assert none < 0.1 < error
    assert stars < error
    assert error > 0.8


def test_a_prior_that_is_its_posterior_is_at_no_distance() -> None:
    flat = read({"did": "0.0000"}, reading="none", sd=10.0)
    wide = replace(flat.analysis.effect_priors["reference"], sd=1e6)
    changed = replace(flat.analysis, effect_priors={"reference": wide})
    assert correlation_told(posterior(changed, prior="reference")) < 0.02
