"""Printed numbers beside replicated ones: which is met, with how many stars, and why not."""

import math
from dataclasses import replace

import numpy as np
import pytest

from sofs_bayes.frequentist.assumptions import BreuschGodfrey, LeadsTest
from sofs_bayes.frequentist.did import DidFit
from sofs_bayes.frequentist.printed_rows import LEVELS, printed_column, printed_r_squared, term_of
from sofs_bayes.frequentist.replication import (
    Replicated,
    assumption_numbers,
    balance_numbers,
    coefficients,
    r_squared,
    stars_of,
    summary_numbers,
    with_reasons,
)
from sofs_bayes.matching.balance import BalanceRow
from sofs_bayes.matching.summary import SummaryRow
from sofs_bayes.published.facts import load_facts
from sofs_bayes.spec import ChildrenAnalysis, Regression, load

FAR_TOO_MUCH = 1.0


@pytest.fixture(params=["icpc-children", "cla-children"])
def bundled(request: pytest.FixtureRequest) -> ChildrenAnalysis:
    loaded = load(request.param)
    assert isinstance(loaded, ChildrenAnalysis)
    return loaded


def as_printed(regression: Regression, *, off: float = 0.0, failure: str | None = None) -> DidFit:
    """A fit whose coefficients are the printed ones, `off` half-units away."""
    printed = printed_column(regression)
    terms = tuple(str(term_of(each.row)) for each in printed)
    values = [each.printed.value + off * each.printed.half_unit for each in printed]  # type: ignore[operator]
    return DidFit(
        name=regression.name,
        model=regression.model,
        terms=terms,
        coefficients=np.array(values),
        covariance=np.eye(len(terms)),
        degrees_of_freedom=np.full(len(terms), 10.0),
        errors="made up",
        clusters=11,
        rows=100,
        referrals=90,
        children=80,
        r_squared=0.0398,
        log_likelihood=0.0,
        dispersion=1.0,
        failure=failure,
    )


def test_every_printed_coefficient_has_a_term() -> None:
    rows = {fact.row for fact in load_facts() if fact.table in (5, 6, 7)} - {"R²"}
    assert [row for row in rows if term_of(row) is None] == []
    assert term_of("Year dummy 2016") == "year 2016"
    assert term_of("no such row") is None


def test_the_columns_of_the_bundled_analyses_are_printed_ones(bundled: ChildrenAnalysis) -> None:
    counts = {r.name: len(printed_column(r)) for r in bundled.regressions.columns if r.table}
    assert sum(counts.values()) == {"ICPC": 68, "CLA": 46}[bundled.outcome]
    assert all(counts.values())


def test_every_row_of_table_3_is_a_level_of_both_analyses(bundled: ChildrenAnalysis) -> None:
    for covariate, level in LEVELS.values():
        known = bundled.records.covariate(covariate)
        assert level is None or level == "missing" or level in known.levels  # type: ignore[union-attr]


@pytest.mark.parametrize(("off", "met"), [(0.0, True), (0.99, True), (-1.0, True), (1.01, False)])
def test_a_coefficient_is_met_within_half_a_unit(
    bundled: ChildrenAnalysis, off: float, met: bool
) -> None:
    fits = [(r, as_printed(r, off=off)) for r in bundled.regressions.columns if r.table]
    found = coefficients(fits)
    assert {each.met for each in found} == {"yes" if met else "no"}
    assert all(each.difference == pytest.approx(off * each.half_unit, abs=1e-12) for each in found)


def test_a_dropped_term_and_a_failed_fit_are_not_met(bundled: ChildrenAnalysis) -> None:
    regression = bundled.regressions.columns[0]
    whole = as_printed(regression)
    cut = replace(
        whole,
        terms=whole.terms[1:],
        coefficients=whole.coefficients[1:],
        covariance=whole.covariance[1:, 1:],
        degrees_of_freedom=whole.degrees_of_freedom[1:],
    )
    first, *others = coefficients([(regression, cut)])
    assert first.met == "no" and "not identified" in first.reason and math.isnan(first.replicated)
    assert {each.met for each in others} == {"yes"}
    failed = coefficients([(regression, as_printed(regression, failure="it is separated"))])
    assert {(each.met, each.reason) for each in failed} == {("no", "it is separated")}


def test_stars_follow_the_printed_key() -> None:
    values = [0.2, 0.1, 0.0999, 0.05, 0.049, 0.01, 0.0099, math.nan]
    assert [stars_of(p) for p in values] == [0, 0, 1, 1, 2, 2, 3, -1]


def test_r_squared_is_that_of_the_first_column_of_a_table() -> None:
    analysis = load("icpc-children")
    assert isinstance(analysis, ChildrenAnalysis)
    fits = [(r, as_printed(r)) for r in analysis.regressions.columns if r.table]
    (found,) = r_squared(fits)
    assert (found.table, found.met, found.printed) == (5, "yes", "0.0398")
    assert printed_r_squared(6) is None


def balance_rows(l1: float, support: float) -> list[BalanceRow]:
    return [
        BalanceRow(
            stage=stage,
            period=period,
            group=group,
            l1=l1,
            local_common_support=support,
            pilots_supported=0.0,
            cells=1,
            pilots=1,
            comparators=1,
        )
        for stage in ("before", "matched", "weighted")
        for period, group in (("all", "all"), ("pre", "all"), ("all", "Pilot 1"))
    ]


def test_table_2_is_taken_over_all_groups(bundled: ChildrenAnalysis) -> None:
    found = list(balance_numbers(balance_rows(0.606, 40.4), bundled))
    assert [each.unit for each in found] == ["imbalance (0-1)"] * 2 + ["percent"] * 2
    expected = {"ICPC": ["yes", "no", "yes", "no"], "CLA": ["no", "no", "no", "no"]}
    assert [each.met for each in found] == expected[bundled.outcome]


def test_table_3_takes_weighted_rows_of_the_right_arm() -> None:
    analysis = load("icpc-children")
    rows = [
        SummaryRow(
            stage=stage, variable=name, level=level, arm=arm, unit="percent", value=value, rows=1
        )
        for stage, shift in (("before", FAR_TOO_MUCH), ("weighted", 0.0))
        for name, level, arm, value in (
            ("outcome", "", "pilots", 8.4 + shift),
            ("outcome", "", "comparators", 11.0 + shift),
            ("age", "", "pilots", 7.461 + shift),
            ("gender", "male", "comparators", 52.0 + shift),
            ("rows", "pre", "pilots", 24764.0 + shift),
            ("rows", "pre", "comparators", 59774.0 + shift),
            ("rows", "all periods", "pilots", 52231.0 + shift),
            ("rows", "all periods", "comparators", 100000.0 + shift),
        )
    ]
    assert isinstance(analysis, ChildrenAnalysis)
    found = {(each.row, each.column): each for each in summary_numbers(rows, analysis)}
    pilots, comparators = "ICPC rates - Pilot sites", "ICPC rates - Comparator sites"
    assert found["Outcome", pilots].met == "yes"
    assert found["Age", pilots].met == "yes"
    assert found["Gender – male", comparators].met == "no"
    counts = [each.met for (row, _), each in found.items() if row.startswith("Number")]
    assert counts == ["yes"] * 4


SERIAL = BreuschGodfrey(statistic=0.1, p_value=0.772, rows=9, once=True)


def leads(significant: int, fine: int) -> LeadsTest:
    p_values = [0.01] * significant + [0.5] * fine
    names = (f"lead {-2 - i}" for i in range(len(p_values)))
    return LeadsTest(leads=tuple(zip(names, p_values, strict=True)), level=0.05)


@pytest.mark.parametrize(
    ("serial", "tested", "met", "reasons"),
    [
        (SERIAL, leads(1, 3), ("yes", "yes"), ("", "")),
        (
            replace(SERIAL, p_value=0.5),
            leads(0, 3),
            ("no", "no"),
            ("", "3 leads can be estimated on these rows, 4 are printed"),
        ),
        ("too few", "none here", ("no", "no"), ("too few", "none here")),
        (SERIAL, None, ("yes", "no"), ("", "no regression of leads and lags")),
    ],
)
def test_tests_that_are_not_met_say_why(
    serial: BreuschGodfrey | str,
    tested: LeadsTest | str | None,
    met: tuple[str, str],
    reasons: tuple[str, str],
) -> None:
    analysis = load("icpc-children")
    assert isinstance(analysis, ChildrenAnalysis)
    found = list(assumption_numbers(analysis, serial=serial, leads=tested))
    assert tuple(each.met for each in found) == met
    assert tuple(each.reason for each in found) == reasons


def test_reasons_are_given_to_misses_alone() -> None:
    analysis = load("icpc-children")
    assert isinstance(analysis, ChildrenAnalysis)
    numbers: list[Replicated] = list(assumption_numbers(analysis, serial=SERIAL, leads=leads(2, 2)))
    why = {(each.table, each.row, each.column): "known" for each in numbers}
    assert [each.reason for each in with_reasons(numbers, why)] == ["", "known"]
    assert [each.reason for each in with_reasons(numbers, {})] == ["", ""]
