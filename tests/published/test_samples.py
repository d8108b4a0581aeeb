from collections.abc import Callable

import pytest

from sofs_bayes.published.audit import Audit
from sofs_bayes.published.printed_report import printed_report
from sofs_bayes.published.samples import used_pilots


def test_pilots_used_are_the_ticked_ones() -> None:
    report = printed_report()
    assert used_pilots(report, "ICPC") == {f"Pilot {i}" for i in (1, 2, 4, 5, 6, 9)}
    assert used_pilots(report, "CLA") == {f"Pilot {i}" for i in (1, 2, 5, 6, 7, 8, 9)}


def test_the_pilot_in_neither_analysis_is_named(
    printed: Audit, doctored: Callable[..., Audit]
) -> None:
    assert "8 for either; in neither: Pilot 3" in printed.finding("counts.pilot_sites").sentence
    joined = doctored({(1, "Pilot 3", "Outcome: CLA rate"): "✓"}).finding("counts.pilot_sites")
    assert "9 for either; in neither: no pilot" in joined.sentence


def test_unequal_counts_are_said_to_be_unequal(doctored: Callable[..., Audit]) -> None:
    finding = doctored({}, {"table_6.n": "152,213"}).finding("counts.icpc_children")
    assert finding.sentence.endswith("not equal.")
    assert "152,213 in Table 6" in finding.sentence
    assert finding.evidence == "published"


def test_children_per_authority_and_year(printed: Audit) -> None:
    finding = printed.finding("samples.children_per_authority_year")
    by_label = {each.label: each.value for each in finding.computed}
    assert by_label == pytest.approx(
        {
            "ICPC, pilots": 24764 / (6 * 3),
            "ICPC, comparators": 59774 / (5 * 3),
            "CLA, pilots": 80243 / (7 * 6),
            "CLA, comparators": 71666 / (6 * 6),
        }
    )


def test_children_per_authority_follow_the_number_of_authorities(
    doctored: Callable[..., Audit],
) -> None:
    finding = doctored({}, {"table_5.comparators": "10"}).finding(
        "samples.children_per_authority_year"
    )
    by_label = {each.label: each.value for each in finding.computed}
    assert by_label["ICPC, comparators"] == pytest.approx(59774 / 30)
