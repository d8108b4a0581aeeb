"""Calibrations → tables and sentences: what is out is named, what was refused is counted."""

import csv
import io
from dataclasses import replace

import numpy as np
import pytest

from sofs_bayes import spec
from sofs_bayes.checks.calibration import Calibrated
from sofs_bayes.checks.ranks import DRAWS, LEVELS, RankedReplicate, out_below, rank_verdict
from sofs_bayes.spec import OpenAnalysis, PrintedAnalysis
from sofs_bayes.tables.contents.calibration import (
    calibration_tables,
    coverage_table,
    parameters_table,
    pooled_coverage,
    pooled_effect,
    ranks_table,
    refused_table,
    summary_table,
    verdict_table,
)
from sofs_bayes.tables.contents.calibration_words import (
    fits_sentences,
    gate_sentence,
    marked,
    marked_all,
    method_sentences,
    origin_sentence,
    overall_sentences,
    reading,
    verdict_sentences,
)
from sofs_bayes.tables.formats import Table, to_csv, to_markdown

OUT = "pilot_effect_sd"
REPLICATES = 400


def open_analysis() -> OpenAnalysis:
    found = spec.load("icpc-open-data")
    assert isinstance(found, OpenAnalysis)
    return found


def printed_analysis() -> PrintedAnalysis:
    found = spec.load("icpc-printed")
    assert isinstance(found, PrintedAnalysis)
    return found


def column(table: Table, key: str) -> list[object]:
    place = [each.key for each in table.columns].index(key)
    return [row[place] for row in table.rows]


def with_ranks(found: Calibrated, quantity: str, ranks: np.ndarray) -> Calibrated:
    """The calibration with other ranks of one quantity, judged anew."""
    replicates = [
        replace(each, ranks={**each.ranks, quantity: int(rank)})
        for each, rank in zip(found.verdict.replicates, ranks, strict=True)
    ]
    kinds = {test.quantity: test.kind for test in found.verdict.tests}
    return replace(found, verdict=rank_verdict(replicates, kinds, seed=1))


def without_draws(found: Calibrated, numbers: range) -> Calibrated:
    broken = ("no draws: sampling broke down",)
    replicates = [
        replace(each, ranks={}, status="not converged", failures=broken)
        if each.number in numbers
        else each
        for each in found.verdict.replicates
    ]
    kinds = {test.quantity: test.kind for test in found.verdict.tests}
    return replace(found, verdict=rank_verdict(replicates, kinds, seed=1))


# ----------------------------------------------------------------------------------- verdicts


def test_the_verdict_table_has_what_is_reported_and_says_what_is_out(
    calibrated: Calibrated,
) -> None:
    table = verdict_table(calibrated)
    verdicts = dict(zip(column(table, "quantity"), column(table, "verdict"), strict=True))
    assert len(verdicts) == 16 + 4 + 1
    assert verdicts.pop(OUT) == "out: posteriors too narrow, or shifted"
    assert set(verdicts.values()) == {"in"}
    assert table.caption.startswith("RANKS ARE NOT UNIFORM: ")


def test_nothing_is_marked_where_ranks_are_uniform(uniform: Calibrated) -> None:
    for table in calibration_tables(uniform):
        assert "NOT UNIFORM" not in to_markdown(table)
    assert verdict_sentences(uniform).startswith(
        "Nothing in the ranks speaks against the computation"
    )
    assert "all 44 quantities" in verdict_sentences(uniform)


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (20, 60, "out: posteriors too wide"),
        (40, 80, "out: shifted, or of another shape"),
    ],
)
def test_how_a_quantity_is_out_is_said(uniform: Calibrated, low: int, high: int, said: str) -> None:
    rng = np.random.default_rng(3)
    scaled = rng.integers(low, high, REPLICATES) * (DRAWS + 1) // 80
    found = with_ranks(uniform, "shock_sd", scaled)
    test = next(test for test in found.verdict.tests if test.quantity == "shock_sd")
    assert reading(test) == said
    assert f"shock_sd (dispersion {test.dispersion:.2f}; {said[5:]})" in verdict_sentences(found)


def test_only_some_of_many_that_are_out_are_named(uniform: Calibrated) -> None:
    found = uniform
    for quantity in [test.quantity for test in uniform.verdict.tests[:7]]:
        found = with_ranks(found, quantity, np.full(REPLICATES, 3))
    said = verdict_sentences(found)
    assert "7 of 44 quantities are out" in said and "3 more" in said


def test_other_parameters_have_their_own_tables(calibrated: Calibrated) -> None:
    assert len(parameters_table(calibrated).rows) == 24
    assert parameters_table(calibrated, only_out=True).rows == ()
    shock = "shock[Ashmere, 2014]"
    found = with_ranks(calibrated, shock, np.full(REPLICATES, 3))
    assert column(parameters_table(found, only_out=True), "quantity") == [shock]


def test_every_table_says_what_it_rests_on_and_that_data_are_simulated(
    calibrated: Calibrated,
) -> None:
    found = replace(calibrated, evidence="records")
    for table in calibration_tables(found):
        assert table.evidence == "records"
    assert "of individual records only the design is used" in to_markdown(verdict_table(found))
    around = replace(found, around="data")
    assert "from the posterior of individual records" in origin_sentence(around)
    assert "those data and simulated ones together" in to_markdown(coverage_table(around))


def test_the_method_is_that_of_the_truths(calibrated: Calibrated) -> None:
    around = replace(calibrated, around="data")
    assert "posterior SBC" not in method_sentences([calibrated])
    assert "from the prior" not in method_sentences([around])
    both = method_sentences([calibrated, around])
    assert "posterior SBC" in both and "from the prior" in both


# ----------------------------------------------------------------------------------- coverage


def test_coverage_has_a_line_for_each_effect_and_spread(calibrated: Calibrated) -> None:
    table = coverage_table(calibrated)
    assert len(table.rows) == 16 + 4 + 1
    rows = {row[0]: row for row in table.rows}
    shares = {row.level: row for row in calibrated.verdict.coverage if row.quantity == OUT}
    assert rows[OUT][2:6] == tuple(shares[level].coverage for level in LEVELS)
    assert float(str(rows[OUT][6])) < -5
    errors = rows["standard error of a right interval"][2:6]
    assert errors == pytest.approx([(x * (1 - x) / REPLICATES) ** 0.5 for x in LEVELS])


def test_the_pooled_effect_is_the_one_summed_up(calibrated: Calibrated) -> None:
    rows = [
        row
        for row in calibrated.verdict.coverage
        if ", pooled (" in row.quantity and row.level == 0.9
    ]
    assert len(rows) == 2
    found = pooled_effect(calibrated)
    assert found is not None
    assert found.quantity == "effect after settling-in, pooled (risk)"
    assert found.coverage == pooled_coverage(calibrated)
    only = replace(calibrated.verdict, coverage=(rows[1],))
    assert pooled_effect(replace(calibrated, verdict=only)) == rows[1]
    assert pooled_effect(replace(calibrated, verdict=replace(only, coverage=()))) is None


def test_the_p_that_is_out_is_said(calibrated: Calibrated) -> None:
    tests = calibrated.verdict.tests
    below = out_below([test.kind for test in tests])
    reported = sum(test.kind != "parameter" for test in tests)
    assert below["effect"] == below["spread"] == below["likelihood"] == 0.005 / (3 * reported)
    assert below["parameter"] == 0.005 / (3 * (len(tests) - reported))
    for test in tests:
        lowest = min(test.chi_squared_p, test.ks_p, test.dispersion_p)
        assert (test.verdict == "out") == (lowest < below[test.kind])
    said = to_markdown(verdict_table(calibrated))
    assert f"{below['effect']:.1g} (effects" in said
    assert f"{below['parameter']:.1g} (other" in said


def test_short_fits_and_their_gate_are_described(calibrated: Calibrated) -> None:
    (said,) = fits_sentences(calibrated)
    assert "2 chains of 150 tuning and 240 kept draws" in said
    own = calibrated.analysis
    assert not isinstance(own, PrintedAnalysis)
    assert f"{own.sampler.chains} chains of {own.sampler.tune:,} tuning" in said
    assert "2,000 kept draws" not in said
    (of_counts,) = fits_sentences(replace(calibrated, analysis=open_analysis()))
    assert "2 chains of 500 tuning and 2,000 kept draws" in of_counts
    assert fits_sentences(replace(calibrated, analysis=printed_analysis())) == ()


# ------------------------------------------------------------------------------- refused fits


def test_refused_fits_are_listed_in_words_and_counted(
    calibrated: Calibrated, uniform: Calibrated
) -> None:
    table = refused_table(calibrated)
    assert column(table, "replicate") == [17, 203]
    assert column(table, "failures") == ["R-hat 1.31 above 1.05", "3 divergences; ESS 12 below 100"]
    assert column(table, "ranked") == [True, True]
    assert "counted, never dropped" in to_markdown(table).lower()
    assert gate_sentence(calibrated).startswith("2 of 400 fits did not pass")
    assert gate_sentence(calibrated).endswith("3 needed longer sampling.")
    assert gate_sentence(uniform).startswith("All 400 fits passed")
    assert refused_table(uniform) not in calibration_tables(uniform)


def test_a_replicate_without_draws_is_a_refusal_of_its_own(uniform: Calibrated) -> None:
    found = without_draws(uniform, range(3))
    assert marked(found, "title") == "REPLICATES WITHOUT RANKS: title"
    assert "3 of 400 have no draws" in verdict_sentences(found)
    assert column(refused_table(found), "ranked") == [False] * 3
    ranks = csv.DictReader(io.StringIO(to_csv(ranks_table(found))))
    first = next(ranks)
    assert (first["status"], first["shock_sd"]) == ("not converged", "")


def test_no_ranks_at_all_are_no_pass(uniform: Calibrated) -> None:
    found = without_draws(uniform, range(REPLICATES))
    assert marked(found, "title").startswith("REPLICATES WITHOUT RANKS")
    assert [table.name for table in calibration_tables(found)] == ["calibration_refused"]
    assert "Nothing in the ranks speaks against" not in verdict_sentences(found)
    nothing = replace(found, verdict=rank_verdict([], {}, seed=1))
    assert marked(nothing, "title") != "title"
    bare = summary_table([nothing])
    unknown = ("smallest_p", "coverage_50", "coverage_80", "coverage_90", "coverage_95", "seconds")
    assert {key: column(bare, key) for key in unknown} == {key: [None] for key in unknown}


def test_ranks_are_written_one_line_for_each_replicate(calibrated: Calibrated) -> None:
    lines = list(csv.DictReader(io.StringIO(to_csv(ranks_table(calibrated)))))
    replicate: RankedReplicate = calibrated.verdict.replicates[203]
    assert len(lines) == REPLICATES
    assert lines[203]["status"] == "not converged" and lines[203]["attempts"] == "2"
    assert {name: int(lines[203][name]) for name in replicate.ranks} == replicate.ranks


# ---------------------------------------------------------------------------------- overview


def test_the_summary_has_a_line_for_each_analysis(
    calibrated: Calibrated, uniform: Calibrated
) -> None:
    table = summary_table([calibrated, replace(uniform, around="data", evidence="open-data")])
    assert column(table, "verdict") == ["RANKS ARE NOT UNIFORM", "ranks are uniform"]
    assert column(table, "out") == [1, 0]
    assert column(table, "refused") == [2, 0]
    assert column(table, "longer") == [3, 3]
    assert column(table, "around") == ["prior", "data"]
    assert column(table, "evidence") == ["synthetic", "open-data"]
    assert column(table, "seconds") == [1.5, 1.5]
    assert float(str(column(table, "smallest_p")[0])) < 1e-10
    assert table.evidence == "synthetic"
    alone = replace(uniform, evidence="open-data")
    assert summary_table([alone]).evidence == "open-data"


def test_one_analysis_that_is_out_marks_all(calibrated: Calibrated, uniform: Calibrated) -> None:
    assert marked_all([uniform], "title") == "title"
    assert marked_all([uniform, calibrated], "title") == "RANKS ARE NOT UNIFORM: title"
    said = overall_sentences([uniform, calibrated])
    assert "1 of 2 analyses does not pass: icpc-linear" in said[0]
    assert said[1].startswith("2 of 800 fits")
    assert "not say whether the model is right" in said[2]
    assert overall_sentences([uniform])[0].startswith("Nothing in the ranks speaks against")
