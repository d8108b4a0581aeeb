from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sofs_bayes.published.audit import Audit
from sofs_bayes.published.coefficients import effect_of_one
from sofs_bayes.published.printed_report import DID, LINEAR, PILOT, WITHOUT_PILOT_4

ARITHMETIC = 1e-9  # relative error of a few floating-point operations


@given(own=st.floats(-0.2, 0.2), others=st.floats(-0.2, 0.2), share=st.floats(0.01, 1))
def test_one_effect_is_found_again_from_the_average(
    own: float, others: float, share: float
) -> None:
    overall = share * own + (1 - share) * others
    assert effect_of_one(overall, others, share) == pytest.approx(own, abs=ARITHMETIC / share)


def test_pilot_4_at_a_sixth_of_the_weight(printed: Audit) -> None:
    main, *others = printed.finding("pilot_4.effect").computed
    assert main.value == pytest.approx(0.0497)
    assert (main.lower, main.upper) == pytest.approx(
        (6 * 0.04065 - 5 * 0.03895, 6 * 0.04075 - 5 * 0.03885)
    )
    by_share = {each.label.split()[-1]: each.value for each in others}
    assert by_share["0.050"] == pytest.approx(0.0749)
    assert by_share["0.400"] == pytest.approx(0.0434)


def test_pilot_4_follows_both_columns(doctored: Callable[..., Audit]) -> None:
    main = doctored({(5, DID, WITHOUT_PILOT_4): "0.0407"}).finding("pilot_4.effect").computed[0]
    assert main.value == pytest.approx(0.0407)


def test_the_year_lost_with_pilot_4_is_named(
    printed: Audit, doctored: Callable[..., Audit]
) -> None:
    assert "the row of 2015 is gone" in printed.finding("pilot_4.years").sentence
    filled = doctored({(5, "Year dummy 2015", WITHOUT_PILOT_4): "0.0700***"})
    assert "no year loses its row" in filled.finding("pilot_4.years").sentence
    more = doctored({(5, "Year dummy 2016", WITHOUT_PILOT_4): "N/A"})
    assert "2015 and 2016" in more.finding("pilot_4.years").sentence


def test_the_year_that_moves_most_without_pilot_4(printed: Audit) -> None:
    finding = printed.finding("without_pilot_4.years")
    changes = {each.label: each.value for each in finding.computed}
    assert changes["change of Year dummy 2014"] == pytest.approx(-0.0262 - 0.057)
    assert "“Year dummy 2014” moves by -8.32 points" in finding.sentence
    rest = [abs(v) for k, v in changes.items() if "Year" in k and "2014" not in k]
    assert max(rest) == pytest.approx(0.0054)


def test_the_star_of_the_pilot_row_against_child_level_errors(printed: Audit) -> None:
    values = {e.label: e.value for e in printed.finding("table_5.child_level").computed}
    assert values["smallest multiple of child level"] == pytest.approx(14, abs=0.05)
    assert values["largest multiple of child level"] == pytest.approx(16.7, abs=0.05)
    assert values["smallest design effect"] == pytest.approx(14**2, abs=1.5)


def test_the_raw_gap_beside_the_coefficient(printed: Audit, doctored: Callable[..., Audit]) -> None:
    finding = printed.finding("table_5.raw_gap")
    assert finding.computed[0].value == pytest.approx(-0.03)
    assert (finding.computed[0].lower, finding.computed[0].upper) == pytest.approx((-0.04, -0.02))
    assert "outside" in finding.sentence
    inside = doctored({(5, PILOT, LINEAR): "-0.0335*"}).finding("table_5.raw_gap")
    assert "inside" in inside.sentence


def test_starred_effects_are_listed(printed: Audit) -> None:
    finding = printed.finding("effects.significance")
    assert [each.value for each in finding.computed] == [17, 1, 0]
    assert "similar practice model * post" in finding.sentence


def test_short_coefficients_are_counted(printed: Audit, doctored: Callable[..., Audit]) -> None:
    values = [e.value for e in printed.finding("tables_5_6.trailing_zeros").computed]
    assert values == [68, 6, pytest.approx(6.8)]
    fuller = doctored({(5, "Year dummy 2014", LINEAR): "0.0570"})
    assert fuller.finding("tables_5_6.trailing_zeros").computed[1].value == 5
