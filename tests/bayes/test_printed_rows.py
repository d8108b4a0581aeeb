"""What each form of print says of a standard error, and what is refused."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from tests.printed_forms import BOTH, ERROR, FORMS, LESS, NORMAL, T8, analysis, document

from sofs_bayes import spec
from sofs_bayes.bayes import printed_grid
from sofs_bayes.bayes.from_published import posterior
from sofs_bayes.bayes.limits import MAX_EDGE_MASS
from sofs_bayes.bayes.printed_model import printed_model
from sofs_bayes.bayes.printed_rows import PrintedRows, printed_rows, row_test, se_range
from sofs_bayes.bayes.printed_summaries import latent_se, posterior_summaries
from sofs_bayes.errors import BadInput, BadSpec

LEVELS = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
FINE = 2e-3  # of a probability, against a grid with 16 times the cells


def did_range(found: spec.PrintedAnalysis, value: float | None = None) -> tuple[float, float]:
    """The standard errors that the effect's row allows, at a value of its coefficient."""
    rows = printed_rows(found, found.readings[0])
    test = row_test(found.critical_values, "did")
    at = rows.did.value if value is None else value
    low, high = se_range(np.array([at]), rows.did, test, rows.did_error)
    return float(low[0]), float(high[0])


# ------------------------------------------------------------------------------ what is said


def test_a_standard_error_lies_within_its_rounding() -> None:
    assert did_range(analysis(ERROR)) == pytest.approx((0.00805, 0.00815))


def test_an_interval_is_twice_the_critical_value_wide() -> None:
    ends = {"did_interval": ["-0.0343", "-0.0025"]}
    for key, z in ((NORMAL, stats.norm.ppf(0.975)), (T8, stats.t.ppf(0.975, 8))):
        low, high = did_range(analysis(BOTH | ends, key=key))
        assert (low, high) == pytest.approx(((0.0318 - 1e-4) / 2 / z, (0.0318 + 1e-4) / 2 / z))
    wide = did_range(analysis(BOTH | ends | {"did": "-0.0184", "interval_level": 0.9}))
    assert sum(wide) / 2 == pytest.approx(0.0318 / 2 / stats.norm.ppf(0.95))


def test_a_p_value_is_a_range_of_the_ratio() -> None:
    low, high = did_range(analysis(BOTH | {"did_p": "0.034"}))
    z = stats.norm.isf(np.array([0.0335, 0.0345]) / 2)
    assert (low, high) == pytest.approx(tuple(0.0184 / z))
    low, high = did_range(analysis(BOTH | {"did_p": "<0.05"}))
    assert (low, high) == pytest.approx((0.0, 0.0184 / stats.norm.isf(0.025)))


def test_stars_of_one_row_may_have_a_key_of_their_own() -> None:
    found = analysis(BOTH, key=NORMAL | {"did": LESS})
    low, high = did_range(found)
    assert (low, high) == pytest.approx((0.0, 0.0184 / stats.norm.isf(0.01)))
    assert row_test(found.critical_values, "pilot").critical[0] == pytest.approx(1.645, abs=1e-3)


def test_one_sided_stars_say_nothing_against_their_direction() -> None:
    key = NORMAL | {"did": {"alternative": "greater", "star_levels": [0.05, 0.01]}}
    none = analysis(BOTH | {"did": "-0.0184"}, key=key)
    assert did_range(none) == (0.0, np.inf)
    starred = analysis(BOTH, key=key)
    assert did_range(starred) == (0.0, 0.0)
    with pytest.raises(BadInput, match="no standard error"):
        posterior(starred, prior="reference")


@settings(deadline=None, max_examples=50)
@given(st.floats(-0.1, 0.1).filter(lambda b: abs(b) > 1e-3), st.floats(1e-3, 0.1))
def test_each_standard_error_is_in_the_range_of_what_it_prints(value: float, se: float) -> None:
    """The p-value and the stars of a coefficient allow the standard error they come from."""
    for alternative in ("two-sided", "greater", "less"):
        key = T8 | {"alternative": alternative}
        test = row_test(analysis(BOTH, key=key).critical_values, "did")
        p = float(test.p_value(np.array(value / se)))
        if 1e-4 < p < 0.9999:
            rows = {"did": "-0.0184", "did_p": f"{p:.6f}"}
            low, high = did_range(analysis(BOTH | rows, key=key), value)
            assert low * (1 - 1e-9) <= se <= high * (1 + 1e-9)
        stars = sum(p < level for level in (0.1, 0.05, 0.01))
        low, high = did_range(analysis({"did": f"{value:.6f}{'*' * stars}"}, key=key), value)
        assert low * (1 - 1e-9) <= se <= high * (1 + 1e-9)


# -------------------------------------------------------------------------------- posterior


@pytest.mark.parametrize("form", FORMS)
def test_a_finer_grid_changes_nothing(monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    coarse = posterior(FORMS[form], prior="reference")
    at = coarse.effect.quantile(LEVELS)
    with monkeypatch.context() as finer:
        for name in ("GRID_S", "GRID_C", "LOG_CELLS", "MANY_CELLS"):
            finer.setattr(printed_grid, name, 4 * getattr(printed_grid, name))
        fine = posterior(FORMS[form], prior="reference")
    assert coarse.edge_mass < MAX_EDGE_MASS
    np.testing.assert_allclose(fine.effect.cdf(at), LEVELS, atol=FINE)


def test_a_standard_error_of_many_authorities_is_the_one_that_is_found() -> None:
    post = posterior(FORMS["units, many groups"], prior="reference")
    found = latent_se(post).quantile([0.05, 0.5, 0.95])
    assert found[0] < 0.81 < found[2]
    assert found[2] / found[0] < 1.2


def test_what_is_printed_of_an_error_takes_the_place_of_stars() -> None:
    one, other = (analysis(ERROR | {"did": did}) for did in ("-0.0184", "-0.0184**"))
    at = posterior(one, prior="reference").effect.quantile(LEVELS)
    np.testing.assert_allclose(posterior(other, prior="reference").effect.quantile(LEVELS), at)


@pytest.mark.parametrize(
    ("rows", "key", "says"),
    [
        ({"did": "0.058**", "did_se": "(2.27)"}, NORMAL, r"'0.058\*\*' beside se \(2.27\)"),
        ({"did": "-0.042***", "did_p": "0.30"}, NORMAL, "beside p 0.30"),
        ({"did": "-0.042*", "did_interval": ["-0.09", "0.006"]}, NORMAL, None),
        ({"did": "-0.042**", "did_interval": ["-0.09", "0.006"]}, NORMAL, "beside interval"),
        ({"did": "0.042*", "did_se": "0.02"}, LESS, "beside se 0.02"),
        ({"did": "0.196**", "did_se": "0.1"}, NORMAL, None),
        ({"did": "-0.2**", "did_se": "0.1"}, T8, None),
        ({"did": "-0.042", "did_se": "2.1"}, NORMAL, None),
    ],
)
def test_more_stars_than_the_error_gives_are_refused(
    rows: dict[str, Any], key: dict[str, Any], says: str | None
) -> None:
    found = analysis(rows, key=NORMAL | key)
    if says is None:
        assert printed_rows(found, found.readings[0]).did_error is not None
        return
    with pytest.raises(BadInput, match=f"as_printed.did: found .*{says}.*; allowed: no more stars"):
        printed_rows(found, found.readings[0])


def test_an_effect_alone_has_no_pilot_difference() -> None:
    post = posterior(FORMS["effect alone, stars"], prior="reference")
    assert post.pilot_difference is None
    assert "pilot difference" not in {each.quantity for each in posterior_summaries(post)}


def test_a_pilot_row_of_no_information_is_no_pilot_row() -> None:
    """The same posterior as from a pilot row with a prior so wide that its number says nothing."""
    alone = posterior(analysis({"did": "-0.0184"}), prior="reference")
    both = analysis({"pilot": "0.0000", "did": "-0.0184", "pilot_p": "<1"})
    assert both.priors.pilot_difference is not None
    wide = replace(both.priors.pilot_difference, sd=1e3)
    other = posterior(
        replace(both, priors=replace(both.priors, pilot_difference=wide)), prior="reference"
    )
    np.testing.assert_allclose(other.effect.cdf(alone.effect.quantile(LEVELS)), LEVELS, atol=FINE)


def test_one_pilot_makes_a_clustered_error_too_small_and_the_comparators_do_not() -> None:
    """With one pilot a clustered error has its residual at 0: it holds the comparators' part."""
    clustered, placebo = (FORMS[name] for name in ("one pilot", "one pilot, comparators"))
    of = [printed_model(each, each.readings[0]) for each in (clustered, placebo)]
    assert of[0].kappa == pytest.approx(10 / 9 * (8 / 81) / (1 + 1 / 9))
    assert of[1].kappa == 1.0
    assert of[1].nu == pytest.approx(8.0)
    widths = [
        np.ptp(posterior(each, prior="reference").effect.quantile([0.05, 0.95]))
        for each in (clustered, placebo)
    ]
    assert widths[0] > 1.3 * widths[1]


def test_units_are_a_matter_of_units() -> None:
    """A hundred times the coefficients and priors, a hundred times the effect."""
    small = analysis(BOTH, design={"unit": "hundreds"})
    large = analysis({"pilot": "2.10", "did": "-1.84**"}, design={"unit": "ones"}, sd=6.0)
    found = [posterior(each, prior="reference").effect.quantile(LEVELS) for each in (small, large)]
    np.testing.assert_allclose(100 * found[0], found[1], rtol=1e-6)


# ------------------------------------------------------------------------------ what is refused


def test_a_risk_is_no_number_of_points() -> None:
    with pytest.raises(BadInput, match=r"found '-1.8\*'; allowed: from -1 to 1"):
        posterior(analysis({"did": "-1.8*"}), prior="reference")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"did": "-0,018"}, "as_printed.did: found '-0,018'; allowed: a decimal point"),
        ({"did": "-1.8%**"}, "without percent sign"),
        ({"did": "0.1", "did_se": "-0.02"}, "as_printed.did_se.*a positive number"),
        ({"did": "0.1", "did_p": "1.2"}, "as_printed.did_p.*a p-value"),
        ({"did": "0.1", "did_p": "n.s."}, r"as_printed.did_p: found 'n\.s\.'; allowed: a p-value"),
        ({"did": "0.1", "did_se": "SE .1"}, r"did_se: found 'SE \.1'; allowed: a positive"),
        ({"did": "0.10", "did_interval": ["0.10", "0.30"]}, "did_interval.*around the coefficient"),
        ({"did": "0.1", "did_interval": ["0.3", "-0.1"]}, "did_interval.*around the coefficient"),
    ],
)
def test_print_that_cannot_be_used_is_refused(rows: dict[str, Any], message: str) -> None:
    found = analysis(rows)
    with pytest.raises(BadInput, match=message):
        printed_rows(found, found.readings[0])


def _without_rate() -> dict[str, Any]:
    made = document(BOTH)
    del made["design"]["base_rate"]
    return made


def changed(**design: Any) -> Callable[[], spec.PrintedAnalysis]:
    return lambda: analysis(BOTH, design=design)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: analysis(ERROR | {"did_p": "0.1"}), "one of did_se, did_p and did_interval"),
        (lambda: analysis({"did": "0.1", "pilot_se": "0.1"}), "only with pilot"),
        (lambda: analysis(BOTH | {"interval_level": 0.9}), "interval_level only"),
        (changed(pilots=0), "design.pilots"),
        (
            changed(unit="points", base_rate=0.2),
            "none with scale",
        ),
        (lambda: spec.parse(_without_rate(), file="x"), "base_rate, between 0 and 1"),
        (changed(unit="points", children=9000), "child_sd with children"),
        (changed(child_sd=1.0), "child_sd with children"),
        (changed(children=100), "children: found '?100'?; allowed: at least 150.*leave it out"),
        (lambda: analysis(BOTH, reading="comparators"), "only with design.pilots = 1"),
        (lambda: analysis(BOTH, design={"unit": "points"}, reading="child"), "design.children"),
        (lambda: analysis(BOTH, key=NORMAL | {"did": {"star_levels": [0.01, 0.05]}}), "one star"),
        (lambda: analysis(BOTH, key=NORMAL | {"did": {"levels": [0.1]}}), "star_levels"),
    ],
)
def test_analyses_that_contradict_themselves_are_refused(
    make: Callable[[], spec.PrintedAnalysis], message: str
) -> None:
    with pytest.raises(BadSpec, match=message):
        make()


def test_a_pilot_row_has_a_prior_and_only_a_pilot_row() -> None:
    for rows, change in (
        (BOTH, None),
        ({"did": "0.1"}, {"mean": 0.0, "sd": 1.0, "why": "none at all"}),
    ):
        made = document(rows)
        made["priors"].pop("pilot_difference", None)
        made["priors"] |= {"pilot_difference": change} if change else {}
        with pytest.raises(BadSpec, match="pilot_difference with a pilot row, and only with one"):
            spec.parse(made, file="made-up.toml")


def test_a_floor_of_children_is_named_where_it_is_the_reason() -> None:
    few = analysis({"did": "-0.0004***"}, design={"children": 160})
    with pytest.raises(BadInput, match=r"did: a standard error of at most .* children's chance"):
        posterior(few, prior="reference")


def test_rows_say_what_is_printed() -> None:
    found = analysis(ERROR)
    rows: PrintedRows = printed_rows(found, found.readings[0])
    assert rows.text == "0.0210, -0.0184 (se 0.0081)"
