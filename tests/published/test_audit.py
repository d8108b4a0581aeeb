"""The audit as a whole: every finding as printed, and the doctored case that turns it."""

from collections.abc import Callable

import pytest

from sofs_bayes.errors import BadInput
from sofs_bayes.published.audit import Audit, audit
from sofs_bayes.published.coefficients import AFTER, SIMILAR
from sofs_bayes.published.printed_report import (
    DID,
    LINEAR,
    LINEAR_CLUSTERED,
    LOGIT_CLUSTERED,
    LOGIT_UNCLUSTERED,
    PILOT,
    PRACTICE,
    TOTAL_COUNT,
    WITHOUT_PILOT_4,
)

Doctor = Callable[..., Audit]
Cells = dict[tuple[int, str, str], str | None]
Texts = dict[str, str | None]

ICPC, CLA = "Outcome: ICPC rate", "Outcome: CLA rate"
LEADS, BREUSCH_GODFREY = "Number of insignificant leads", "Breusch-Godfrey test"
ALL_TICKED: Cells = {
    (1, f"Pilot {i}", outcome): "✓" for i in range(1, 10) for outcome in (ICPC, CLA)
}
UNCLUSTERED_YEARS: Cells = {
    (7, f"Year dummy {year}", LOGIT_CLUSTERED): text
    for year, text in ((2009, "-0.06"), (2010, "-0.09"), (2011, "-0.52***"), (2012, "-0.53***"))
}
LINEAR_AT_THREE_PERCENT: Cells = {
    (7, row, LINEAR_CLUSTERED): text
    for row, text in (
        (PILOT, "-0.008***"),
        (DID, "0.0024"),
        ("Year dummy 2009", "-0.002"),
        ("Year dummy 2011", "-0.012***"),
        ("Year dummy 2012", "-0.012***"),
        ("Year dummy 2013", "-0.008"),
        ("Year dummy 2016", "-0.012***"),
        ("Year dummy 2017", "-0.001"),
        ("Year dummy 2018", "-0.010***"),
    )
}

# key, agrees as printed, doctored cells, doctored statements: the verdict must turn
TURNS: list[tuple[str, bool, Cells, Texts]] = [
    ("counts.pilot_sites", False, ALL_TICKED, {}),
    (
        "counts.icpc_children",
        True,
        {(3, TOTAL_COUNT, "ICPC rates - Pilot sites"): "152,213"},
        {},
    ),
    ("counts.cla_children", True, {}, {"figure_2.n": "233,673"}),
    ("counts.icpc_pilots", True, {(1, "Pilot 3", ICPC): "✓"}, {}),
    ("counts.cla_pilots", True, {}, {"table_7.pilots": "8"}),
    ("counts.icpc_comparators", True, {}, {"table_6.comparators": "6"}),
    ("counts.cla_comparators", True, {}, {"figure_2.comparators": "5"}),
    ("populations.icpc", True, {}, {"table_6.population": "all children referred"}),
    ("populations.cla", False, {}, {"table_7.population": "all children assessed"}),
    ("star_keys.tables", True, {}, {"table_6.star_key": "*p<0.2, **p<0.1, ***p<0.05"}),
    ("star_keys.figure_2", False, {}, {"figure_2.star_key": "*p<0.1, **p<0.05, ***p<0.01"}),
    ("incidence.icpc", True, {}, {"icpc.incidence": "1%"}),
    ("incidence.cla", True, {}, {"cla.incidence": "1%"}),
    ("incidence.decision_rule", True, {}, {"icpc.incidence": "9%"}),
    (
        "table_3.percentages",
        True,
        {(3, "Academic year – missing", "CLA rates - Pilot sites"): "9%"},
        {},
    ),
    ("table_2.balance", True, {(2, "CLA rates", "L1 imbalance score: Post CEM"): "0.6"}, {}),
    ("years.in_period", True, {}, {"table_4.period": "April 2009–March 2019"}),
    ("leads.icpc_printed", True, {}, {"icpc.leads_total": "five"}),
    (
        "leads.cla_printed",
        True,
        {(4, LEADS, "Result for outcome: CLA rate"): "2 out of 5 leads are insignificant"},
        {"cla.leads_not_significant": "two"},
    ),
    ("leads.icpc_years", False, {}, {"icpc.leads_total": "two"}),
    ("leads.cla_years", True, {}, {"cla.leads_total": "six"}),
    ("follow_up.icpc", False, {}, {"table_3.period": "April 2008-June 2019"}),
    ("follow_up.cla", False, {}, {"table_3.period": "April 2008-March 2020"}),
    (
        "table_4.icpc_serial_correlation",
        True,
        {
            (4, BREUSCH_GODFREY, "Result for outcome: ICPC rate"): (
                "No serial correlation detected (p=0.04)"
            )
        },
        {},
    ),
    (
        "table_4.cla_serial_correlation",
        True,
        {
            (4, BREUSCH_GODFREY, "Result for outcome: CLA rate"): (
                "Serial correlation detected (p=0.10)"
            )
        },
        {},
    ),
    ("lags.icpc_significance", True, {(5, "DiD in year t", "Lagged treatment"): "0.0704**"}, {}),
    (
        "lags.cla_significance",
        True,
        {(7, "DiD in year t+2", "Lagged treatment - logistic regression"): "-1.47***"},
        {},
    ),
    ("effects.significance", True, {(5, DID, LINEAR): "0.0407**"}, {}),
    ("without_pilot_4.significance", True, {(5, DID, WITHOUT_PILOT_4): "0.0389*"}, {}),
    ("table_5.child_level", False, {(5, PILOT, LINEAR): "-0.0040*"}, {}),
    ("practice.pilot_gap", False, {(5, PILOT, LINEAR): "-0.0756"}, {}),
    ("practice.p_value", True, {(6, SIMILAR + AFTER, PRACTICE): "-0.0907"}, {}),
    ("table_7.year_rows", False, UNCLUSTERED_YEARS, {}),
    ("table_7.clustered_stars", False, UNCLUSTERED_YEARS, {}),
    ("table_7.unclustered_errors", False, {(7, PILOT, LOGIT_UNCLUSTERED): "-0.30***"}, {}),
    (
        "table_7.clustering_headings",
        False,
        {
            (7, "(Intercept)", LOGIT_UNCLUSTERED): "0.99*",
            (7, PILOT, LOGIT_UNCLUSTERED): "-0.30***",
            (7, "Year dummy 2013", LOGIT_UNCLUSTERED): "-0.31*",
            (7, "Year dummy 2016", LOGIT_UNCLUSTERED): "-0.50***",
            (7, "Year dummy 2018", LOGIT_UNCLUSTERED): "-0.44**",
        },
        {},
    ),
    ("table_7.effect_scales", False, {(7, DID, LINEAR_CLUSTERED): "0.002"}, {}),
    ("table_7.one_base_rate", False, LINEAR_AT_THREE_PERCENT, {}),
]

# Findings that derive a number which nothing printed confirms or denies.
DERIVED = {
    "samples.children_per_authority_year",
    "lags.icpc_average",
    "lags.cla_average",
    "without_pilot_4.years",
    "pilot_4.years",
    "pilot_4.effect",
    "table_5.raw_gap",
    "tables_5_6.trailing_zeros",
    "practice.weight",
}


@pytest.mark.parametrize(("key", "as_printed", "cells", "texts"), TURNS, ids=[t[0] for t in TURNS])
def test_a_doctored_report_turns_the_verdict(
    *, printed: Audit, doctored: Doctor, key: str, as_printed: bool, cells: Cells, texts: Texts
) -> None:
    before, after = printed.finding(key), doctored(cells, texts).finding(key)
    assert before.agrees is as_printed
    assert after.agrees is not as_printed
    assert after.agrees is not None
    assert after.sentence != before.sentence


def test_every_finding_is_either_turned_above_or_derived(printed: Audit) -> None:
    turned = {key for key, *_ in TURNS}
    assert {each.key for each in printed.findings} == turned | DERIVED
    assert {each.key for each in printed.findings if each.agrees is None} == DERIVED


def test_every_finding_is_complete(printed: Audit) -> None:
    for each in printed.findings:
        assert each.question.endswith("?")
        assert each.sentence.endswith(".")
        assert each.place
        assert each.computed
        assert each.evidence in ("published", "published-inferred")
        for number in each.computed:
            assert number.unit
            assert isinstance(number.value, int | float)
            if number.lower is not None and number.upper is not None:
                assert number.lower <= number.value <= number.upper


def test_keys_are_unique(printed: Audit) -> None:
    assert len({each.key for each in printed.findings}) == len(printed.findings)


def test_an_unknown_key_is_refused(printed: Audit) -> None:
    with pytest.raises(BadInput, match=r"table_7\.year_rows"):
        printed.finding("table_7")


def test_the_audit_of_bundled_facts_is_the_default(printed: Audit, doctored: Doctor) -> None:
    assert doctored() == printed == audit()


@pytest.mark.parametrize("df", [0.0, -3.0, float("nan")])
def test_degrees_of_freedom_are_positive(df: float) -> None:
    with pytest.raises(BadInput, match="df"):
        audit(df=df)


def test_a_missing_cell_is_named(doctored: Doctor) -> None:
    with pytest.raises(BadInput, match="Linear model"):
        doctored({(5, DID, LINEAR): None})


def test_a_missing_statement_is_named(doctored: Doctor) -> None:
    with pytest.raises(BadInput, match=r"cla\.incidence"):
        doctored({}, {"cla.incidence": None})


def test_a_gap_in_place_of_a_needed_number_is_refused(doctored: Doctor) -> None:
    with pytest.raises(BadInput, match="N/A"):
        doctored({(7, DID, LINEAR_CLUSTERED): "N/A"})


def test_more_stars_than_the_key_are_refused(doctored: Doctor) -> None:
    with pytest.raises(BadInput, match=r"Pilot LA.*4 asterisks"):
        doctored({(5, PILOT, LINEAR): "-0.0635****"})
