from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sofs_bayes.errors import BadInput
from sofs_bayes.published.facts import load_facts, read_cell, statements
from sofs_bayes.published.printed_report import (
    DID,
    LINEAR,
    LOGIT_CLUSTERED,
    PILOT,
    WITHOUT_PILOT_4,
    Interval,
    apart,
    image,
    printed_report,
    read_star_key,
    star_levels,
    stars_at,
    study_years,
)

SLACK = 1e-9  # floating-point error of a few additions and products

REPORT = printed_report()


def test_reads_values_with_their_rounding() -> None:
    assert REPORT.value(5, PILOT, LINEAR) == -0.0635
    interval = REPORT.interval(5, PILOT, LINEAR)
    assert (interval.lower, interval.upper) == pytest.approx((-0.06355, -0.06345))


def test_a_gap_or_an_absent_cell_is_refused() -> None:
    with pytest.raises(BadInput, match="'N/A'"):
        REPORT.value(5, DID, "Lagged treatment")
    with pytest.raises(BadInput, match="no cell"):
        REPORT.value(5, DID, "Logistic model")
    with pytest.raises(BadInput, match="no year row"):
        REPORT.years(3, "Outcome")


@pytest.mark.parametrize(
    ("key", "value", "half"),
    [
        ("table_5.n", 152231, 0.5),
        ("icpc.incidence", 11, 0.5),
        ("key_findings.pilot_sites", 9, 0.5),
        ("cla.outcome_window", 12, 0.5),
        ("leads.level", 5, 0.5),
    ],
)
def test_reads_numbers_in_figures_and_words(key: str, value: float, half: float) -> None:
    assert REPORT.number(key) == value
    assert REPORT.number_interval(key) == Interval(lower=value - half, upper=value + half)


@pytest.mark.parametrize("text", ["thirteen", "about 5", "N/A", ""])
def test_a_statement_without_a_number_is_refused(text: str) -> None:
    stated = dict(statements())
    stated["table_5.n"] = replace(stated["table_5.n"], printed=text)
    with pytest.raises(BadInput, match=r"table_5\.n"):
        printed_report(stated=stated).number("table_5.n")


def test_an_absent_statement_is_refused() -> None:
    with pytest.raises(BadInput, match=r"table_9\.n"):
        REPORT.text("table_9.n")


def test_an_interval_has_its_ends_in_order() -> None:
    with pytest.raises(ValueError, match="above upper"):
        Interval(lower=1, upper=0)


def test_meeting_and_holding_include_the_ends() -> None:
    low, high = Interval(lower=0, upper=1), Interval(lower=1, upper=2)
    assert low.meets(high)
    assert high.meets(low)
    assert low.holds(1)
    assert not low.meets(Interval(lower=1.1, upper=2))
    with pytest.raises(BadInput, match="equal by rounding"):
        apart(low, high, "Table 5")


units = st.floats(0, 1)


@given(
    a=st.floats(-5, 5),
    width_a=st.floats(0, 2),
    b=st.floats(1, 5),
    width_b=st.floats(0, 2),
    at_a=units,
    at_b=units,
)
def test_the_image_holds_every_value_of_a_monotone_function(
    *, a: float, width_a: float, b: float, width_b: float, at_a: float, at_b: float
) -> None:
    bounds = image(
        lambda x, y: (x - 1) / y,
        Interval(lower=a, upper=a + width_a),
        Interval(lower=b, upper=b + width_b),
    )
    value = (a + at_a * width_a - 1) / (b + at_b * width_b)
    assert bounds.lower - SLACK <= value <= bounds.upper + SLACK


def test_reads_star_keys() -> None:
    assert read_star_key("*p<0.1, **p<0.05, ***p<0.01") == {"*": 0.1, "**": 0.05, "***": 0.01}
    assert read_star_key("* $p < 0.1$, ** $p < 0.05$") == {"*": 0.1, "**": 0.05}
    assert read_star_key("+ p<0.2, ++ p<0.1, * p<0.05") == {"+": 0.2, "++": 0.1, "*": 0.05}
    assert star_levels(REPORT, 7) == (0.1, 0.05, 0.01)
    assert [stars_at(REPORT, 5, level) for level in (0.1, 0.05, 0.01)] == [1, 2, 3]


@pytest.mark.parametrize(
    "text", ["", "p-values in brackets", "*p<0.01, **p<0.05", "*p<0.1, **p<0.1"]
)
def test_a_star_key_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="star key"):
        read_star_key(text)


def test_study_years_come_from_the_year_rows() -> None:
    icpc, cla = study_years(REPORT, "ICPC"), study_years(REPORT, "CLA")
    assert (icpc.pre, icpc.gap, icpc.post) == ((2012, 2013, 2014), (2015,), (2016, 2017, 2018))
    assert cla.pre == (2008, 2009, 2010, 2011, 2012, 2013)
    assert (cla.gap, cla.post) == ((2014, 2015), (2016, 2017, 2018))


def test_study_years_are_unknown_without_a_gap() -> None:
    filled = [
        replace(f, printed=read_cell("0.07", f.unit))
        if (f.table, f.row, f.column) == (5, "Year dummy 2015", WITHOUT_PILOT_4)
        else f
        for f in load_facts()
    ]
    years = study_years(printed_report(filled), "ICPC")
    assert (years.pre, years.gap, years.post) == ((), (), ())


def test_facts_in_another_order_are_the_same_report() -> None:
    backwards = printed_report(reversed(load_facts()))
    assert dict(backwards.cells) == dict(REPORT.cells)
    assert backwards.value(7, PILOT, LOGIT_CLUSTERED) == REPORT.value(7, PILOT, LOGIT_CLUSTERED)
