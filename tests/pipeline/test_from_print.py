"""One call from what is printed to a run, and the notices that go with it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.printed_forms import BOTH, FORMS, analysis

import sofs_bayes as sb
from sofs_bayes import spec
from sofs_bayes.errors import BadSpec
from sofs_bayes.pipeline.print_fits import fit_printed
from sofs_bayes.tables import contents
from sofs_bayes.tables.contents.effects import effects_tables
from sofs_bayes.tables.contents.printed_notices import printed_notices
from sofs_bayes.tables.formats import to_markdown

FEW: dict[str, Any] = {"pilots": 6, "comparators": 5}
SAME = {**FEW, "years_pre": 3, "years_post": 3, "children": 152_231, "base_rate": 0.11}


def bundled() -> spec.PrintedAnalysis:
    found = spec.load("icpc-printed")
    assert isinstance(found, spec.PrintedAnalysis)
    return found


def test_the_bundled_analysis_comes_out_with_its_priors() -> None:
    priors = bundled().priors
    found = sb.from_print(
        pilot="-0.0635*", did="0.0407", authority_sd=0.06, correlation=(2.0, 2.0), **SAME
    )
    assert priors.pilot_difference is not None
    own = {"reference": replace(bundled().effect_priors["reference"], sd=0.12)}
    same = replace(priors, pilot_difference=replace(priors.pilot_difference, sd=0.18))
    other = fit_printed(replace(bundled(), priors=same, effect_priors=own))
    one, two = (next(row for row in run.effects if row.is_effect) for run in (found, other))
    np.testing.assert_allclose(
        (one.median, one.lower, one.upper), (two.median, two.lower, two.upper), atol=1e-9
    )
    assert (found.status, found.evidence) == ("converged", "published-inferred")


def test_defaults_say_what_they_assume() -> None:
    found = sb.from_print(did="-0.0184**", base_rate=0.8, **FEW).analysis
    assert isinstance(found, spec.PrintedAnalysis)
    assert found.priors.authority_sd.scale == pytest.approx(0.1)
    assert (found.priors.correlation.a, found.priors.correlation.b) == (1.0, 0.5)
    assert "Nothing is known of the field" in found.priors.correlation.why
    assert found.priors.pilot_difference is None


def test_the_default_correlation_is_flat_in_the_effects_error() -> None:
    """c ~ Beta(1, 0.5) is the same as a uniform √(1 - c), the error beside that of c = 0."""
    rng = np.random.default_rng(1)
    error = np.sqrt(1 - rng.beta(1.0, 0.5, 200_000))
    shares = np.histogram(error, bins=10, range=(0, 1))[0] / error.size
    np.testing.assert_allclose(shares, 0.1, atol=0.004)


def test_sensitivity_over_the_correlation_needs_no_asking() -> None:
    run = sb.from_print(did="-0.0184", base_rate=0.2, **FEW)
    subjects = {row.subject for row in run.sensitivity}
    assert {"Beta(2, 2)", "Beta(18, 2)", "Beta(2, 8)"} <= subjects


def test_the_correlation_may_come_from_a_panel() -> None:
    prior = sb.correlation_prior(
        "ICPC_child", denominator="Started_child", years_pre=3, between=2, years_post=3
    )
    run = sb.from_print(did="-0.0184", base_rate=0.2, correlation=prior, **FEW)
    assert isinstance(run.analysis, spec.PrintedAnalysis)
    assert run.analysis.priors.correlation == prior


def test_units_have_a_name_in_every_table() -> None:
    run = sb.from_print(
        did="\u22121.84 **", scale="units", unit="log points", authority_sd=3.0, **FEW
    )
    (table,) = effects_tables([run])
    assert table.title == "Posterior from print (log points)"
    assert "P(above 0 (units))" in [column.key for column in table.columns]
    more = sb.from_print(did="1.84**", scale="units", unit="points", authority_sd=3.0, **FEW)
    assert "| +1." in to_markdown(effects_tables([more])[0])
    assert "(log points)" in contents.sensitivity_table(run).title
    assert len(contents.sensitivity_table(run).rows) == 6
    assert {drawing.name for drawing in sb.drawings(run)} >= {"threshold-curve", "sensitivity"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"did": "0.1"}, "base_rate, between 0 and 1"),
        ({"did": "0.1", "scale": "units", "unit": "points"}, "authority_sd: found nothing"),
        ({"did": "0.1", "base_rate": 0.1, "did_se": "0.1", "did_p": "0.1"}, "one of did_se"),
        ({"did": "-1.8%", "base_rate": 0.1}, "without percent sign"),
        ({"did": "0.1", "did_interval": "0.0 to 0.2", "base_rate": 0.1}, "its two ends as texts"),
        ({"did": "0.1", "did_interval": ("0.0",), "base_rate": 0.1}, "its two ends as texts"),
        ({"did": "0.1", "base_rate": "0.1"}, "base_rate: found '0.1'; allowed: a number"),
        ({"did": "0.1", "base_rate": 0.1, "authority_sd": True}, "authority_sd: found True"),
        ({"did": "0.1", "base_rate": 0.1, "correlation": "0.5"}, "its two parameters, or a number"),
    ],
)
def test_what_cannot_be_used_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(sb.SofsBayesError, match=message):
        sb.from_print(**FEW, **given)


# ------------------------------------------------------------------------------- notices


def test_a_posterior_of_c_that_is_its_prior_is_told_with_what_it_does() -> None:
    (notice,) = printed_notices(sb.from_print(did="-0.0184", base_rate=0.2, **FEW))
    assert "says next to nothing about the correlation" in notice
    assert "Beta(1, 0.5)" in notice
    assert "Under the other priors tried it is" in notice


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"did": "−0.8**", "did_se": "0.3", "base_rate": 0.2}, "larger than the base rate itself"),
        ({"did": "-0.08**", "did_se": "0.03", "base_rate": 0.2}, ""),
        ({"did": "0.86", "did_interval": ("0.75", "0.99")}, "could as well be an odds ratio's"),
        ({"did": "0.35", "did_interval": ("0.10", "0.60")}, ""),
        ({"did": "-0.15", "did_interval": ("-0.29", "-0.01")}, ""),
    ],
)
def test_numbers_that_may_be_on_another_scale_are_told(given: dict[str, Any], says: str) -> None:
    odds = {} if "base_rate" in given else {"scale": "log-odds", "base_rate": 0.2}
    notices = printed_notices(sb.from_print(**FEW, **given, **odds))
    told = [each for each in notices if "base rate itself" in each or "odds ratio" in each]
    assert [says in each for each in told] == [True] * bool(says)


def test_one_pilot_with_a_clustered_error_is_told() -> None:
    one = {"did": "-0.05**", "did_se": "0.02", "base_rate": 0.2, "pilots": 1, "comparators": 38}
    told = [
        printed_notices(sb.from_print(**one, se_reading=how))
        for how in ("authority", "comparators")
    ]
    assert [any("one pilot's own chance" in each for each in notices) for notices in told] == [
        True,
        False,
    ]


def test_an_error_that_tells_the_correlation_needs_no_notice() -> None:
    rows = {"pilot_se": "0.0210", "did_se": "0.0021"}
    run = sb.from_print(
        pilot="0.0210", did="-0.0184", base_rate=0.2, pilots=40, comparators=40, **rows
    )
    assert printed_notices(run) == ()
    assert contents.effects_table(run, scale="risk").notes == ("Intervals: 90%, equal-tailed.",)


@pytest.mark.parametrize(
    "rows",
    [{"did": "-0.0184*"}, {"did": "-0.0184**"}, {"did": "-0.0184", "did_p": "0.030"}],
)
def test_where_the_error_has_two_limits_the_correlation_does_not_decide(
    rows: dict[str, Any],
) -> None:
    run = sb.from_print(base_rate=0.2, **FEW, **rows)
    assert printed_notices(run) == ()
    widths = {
        row.subject: row.upper - row.lower
        for row in run.sensitivity
        if row.kind in ("main", "prior of the correlation")
    }
    assert max(widths.values()) < 1.25 * min(widths.values())


def test_an_effect_without_star_leaves_it_to_the_correlation() -> None:
    (notice,) = printed_notices(fit_printed(bundled()))
    assert "Beta(2, 2). How wide the interval is rests on that prior." in notice


def test_a_reading_that_cannot_be_right_is_told() -> None:
    run = fit_printed(analysis(BOTH, design={"children": 400}))
    assert any("is doubtful" in notice for notice in printed_notices(run))
    right = fit_printed(FORMS["stars"])
    assert not any("is doubtful" in notice for notice in printed_notices(right))


def test_a_known_correlation_is_the_limit_of_a_narrow_prior() -> None:
    given = {"did": "-0.0184**", "pilot": "0.0210", "base_rate": 0.2, **FEW}
    known, near = (sb.from_print(correlation=c, **given) for c in (0.5, (100.0, 100.0)))
    one, two = (next(row for row in run.effects if row.is_effect) for run in (known, near))
    near_enough = 0.01 * (two.upper - two.lower)  # Beta(100, 100) has an sd of 0.035 itself
    np.testing.assert_allclose((one.lower, one.upper), (two.lower, two.upper), atol=near_enough)
    wide = sb.from_print(correlation=0, **given).effects[0]
    assert wide.upper - wide.lower > 1.1 * (one.upper - one.lower)
    assert not any("prior" in note for note in printed_notices(known))
    with pytest.raises(BadSpec, match=r"correlation\.fixed: found 1\.0; allowed: less than 1"):
        sb.from_print(correlation=1.0, **given)


def test_tables_name_the_study_and_no_other_does() -> None:
    given = {"did": "-0.0184**", "base_rate": 0.2, **FEW}
    found = sb.from_print(source="Table 2 of Smith (2020)", **given)
    for table in (*effects_tables([found]), contents.sensitivity_table(found, scale="risk")):
        assert "printed in Table 2 of Smith (2020) (published-inferred)" in table.evidence_line
        assert table.evidence_line in sb.to_markdown(table)
    [ours] = effects_tables([fit_printed(bundled())])
    assert ours.evidence_line == "Evidence: computed from what is printed (published-inferred)."
