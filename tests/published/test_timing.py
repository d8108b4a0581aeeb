from collections.abc import Callable

import pytest

from sofs_bayes.errors import BadInput
from sofs_bayes.published.audit import Audit
from sofs_bayes.published.printed_report import LINEAR, WITHOUT_PILOT_4
from sofs_bayes.published.timing import read_period

APRIL_2008, MARCH_2019 = 12 * 2008 + 3, 12 * 2019 + 2


@pytest.mark.parametrize(
    "text", ["April 2008-March 2019", "April 2008–March 2019", "April 2008 – March 2019"]
)
def test_reads_periods(text: str) -> None:
    assert read_period(text) == (APRIL_2008, MARCH_2019)


@pytest.mark.parametrize("text", ["", "2008-2019", "April 2008", "March 2019 to April 2008"])
def test_refuses_what_is_no_period(text: str) -> None:
    with pytest.raises(BadInput, match="period"):
        read_period(text)


@pytest.mark.parametrize(("outcome", "share"), [("icpc", 75), ("cla", 0)])
def test_the_last_year_is_followed_up_in_part(printed: Audit, outcome: str, share: float) -> None:
    assert printed.finding(f"follow_up.{outcome}").computed[-1].value == share


@pytest.mark.parametrize(
    ("end", "share"), [("December 2018", 0), ("June 2019", 25), ("March 2020", 100)]
)
def test_follow_up_grows_with_the_period(
    doctored: Callable[..., Audit], end: str, share: float
) -> None:
    finding = doctored({}, {"table_3.period": f"April 2008-{end}"}).finding("follow_up.cla")
    assert finding.computed[-1].value == share


@pytest.mark.parametrize("period", ["May 2008-March 2019", "April 2008-February 2019"])
def test_a_year_outside_the_period_is_noticed(doctored: Callable[..., Audit], period: str) -> None:
    keys = ("table_3.period", "table_4.period", "table_5.period")
    finding = doctored({}, dict.fromkeys(keys, period)).finding("years.in_period")
    assert finding.agrees is False
    assert "one period" in finding.sentence
    assert "lie outside" in finding.sentence


def test_leads_need_a_majority(doctored: Callable[..., Audit]) -> None:
    place = (4, "Number of insignificant leads", "Result for outcome: ICPC rate")
    finding = doctored(
        {place: "2 out of 4 leads are insignificant"}, {"icpc.leads_not_significant": "two"}
    ).finding("leads.icpc_printed")
    assert finding.agrees is False
    assert "not a majority" in finding.sentence


def test_leads_ask_for_one_year_more(printed: Audit) -> None:
    icpc, cla = (printed.finding(f"leads.{each}_years").computed for each in ("icpc", "cla"))
    assert [each.value for each in icpc] == [4, 5, 3, 1]
    assert [each.value for each in cla] == [5, 6, 6, 2]


def test_leads_are_left_open_where_the_years_before_are_unknown(
    doctored: Callable[..., Audit],
) -> None:
    filled = doctored({(5, "Year dummy 2015", WITHOUT_PILOT_4): "0.0700***"})
    assert filled.finding("leads.icpc_years").agrees is None


def test_the_lags_average_to_the_single_effect_with_this_share(printed: Audit) -> None:
    single, equal, share = printed.finding("lags.icpc_average").computed
    assert single.value == pytest.approx(0.0407 - 0.0635)
    assert equal.value == pytest.approx((0.0704 - 0.0056 - 0.0494) / 3 - 0.0739)
    lagged = share.value * 0.0704 + (1 - share.value) * -0.0056 - 0.0739
    assert lagged == pytest.approx(single.value)


def test_the_share_follows_the_single_effect(doctored: Callable[..., Audit]) -> None:
    place = (5, "DiD (pilot LA * post settling-in period)", LINEAR)
    share = doctored({place: "-0.0056"}).finding("lags.icpc_average").computed[-1]
    expected = (-0.0056 - 0.0635 + 0.0056 + 0.0739) / (0.0704 + 0.0056)
    assert share.value == pytest.approx(expected)


def test_lags_equal_by_rounding_are_refused(doctored: Callable[..., Audit]) -> None:
    with pytest.raises(BadInput, match="equal by rounding"):
        doctored({(5, "DiD in year t", "Lagged treatment"): "-0.0056"})
