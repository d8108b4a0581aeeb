"""What a run loses before it leaves: a planted violation of each rule is found."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from tests.results.release.conftest import SMALL, YEARS, MakeRun
from tests.rows import on_fit

import sofs_bayes as sb
from sofs_bayes.checks.registry import FILES
from sofs_bayes.checks.registry.leaving_out import AuthorityLooRow, LooRow, LooSummary
from sofs_bayes.checks.registry.predictions import ArmYearCheck, PredictiveCell
from sofs_bayes.disclosure.exported import log_of
from sofs_bayes.disclosure.ledger import Released, open_ledger
from sofs_bayes.disclosure.log import LogLine, log_csv, log_markdown
from sofs_bayes.disclosure.rules import OutputRule
from sofs_bayes.errors import BadInput
from sofs_bayes.estimands.rows import AuthoritySizeRow, YearlyRateRow
from sofs_bayes.matching.choice import Match, PreTrendRow
from sofs_bayes.release.runs import (
    cleared,
    cleared_together,
    refused,
    released,
)
from sofs_bayes.runs.run_folder import Run


def lines_of(log: tuple[LogLine, ...], file: str, result: str) -> list[LogLine]:
    return [line for line in log if line.output.endswith(f": {file}") and line.result == result]


def shown_years(run: Run, arm: str = "pilot") -> set[str]:
    return {row.year for row in run.rows(ArmYearCheck) if row.arm == arm}


def every_text(run: Run) -> str:
    rows = [*run.effects, *run.probabilities]
    rows += [*run.sensitivity, *(row for own in run.beside.values() for row in own)]
    return " ".join(map(repr, rows)) + repr(run.diagnostics)


def test_a_run_with_nothing_small_leaves_as_it_is(make_run: MakeRun) -> None:
    run = make_run()
    out, log = cleared(run)
    assert {line.result for line in log} == {"passed"}
    assert out == run


def test_a_pilot_of_seven_children_is_nowhere(small_pilot: Run) -> None:
    out, log = cleared(small_pilot)
    assert SMALL in every_text(small_pilot)
    assert SMALL not in every_text(out)
    pooled = [row for row in small_pilot.effects if row.target == "pooled"]
    assert [row for row in out.effects if row.target == "pooled"] == pooled
    assert {row.target for row in out.effects} >= {"Ashmere", "new authority"}
    assert f"without {SMALL}" not in {str(row.variant) for row in out.sensitivity}
    assert "without Ashmere" in {str(row.variant) for row in out.sensitivity}
    assert "without Holt / reference" in out.diagnostics["fits"]
    assert any(SMALL in sentence for sentence in out.withheld)
    named = lines_of(log, "effects", "suppressed")[0]
    assert f"{SMALL} (fewer than 10 referrals after settling-in)" in named.action


@pytest.mark.parametrize(
    ("size", "reason"),
    [
        ((9, 0), "fewer than 10 referrals after"),
        ((900, 9), "fewer than 10 events after"),
        ((900, 0), "fewer than 10 events after"),
        ((900, 895), "fewer than 10 referrals without an event after"),
    ],
)
def test_events_and_others_of_an_authority_count_too(
    make_run: MakeRun, size: tuple[int, int], reason: str
) -> None:
    out, log = cleared(make_run(authorities={(SMALL, "after"): size}))
    assert SMALL not in every_text(out)
    assert any(reason in line.action for line in log)


def test_no_single_authority_leaves_where_sizes_are_not_known(hierarchical_run: Run) -> None:
    out, log = cleared(hierarchical_run)
    assert {row.target for row in out.effects} == {"pooled", "new authority"}
    assert out.rows(AuthorityLooRow) == ()
    assert any("size not known" in line.action for line in log)


def test_what_adds_up_over_pilots_goes_with_one_of_them(small_pilot: Run) -> None:
    largest = "largest of the pilots' effects"
    rows = [replace(row, statement=largest) for row in small_pilot.probabilities[:3]]
    run = replace(small_pilot, probabilities=(*small_pilot.probabilities, *rows))
    out, log = cleared(run)
    assert largest not in {row.statement for row in out.probabilities}
    assert any(
        "complementary" in line.action for line in lines_of(log, "probabilities", "suppressed")
    )


def test_sizes_of_the_others_become_bounds(small_pilot: Run) -> None:
    """Their exact numbers, and the arm's, would tell the one that is missing."""
    out, _ = cleared(small_pilot)
    assert {(row.referrals, row.events) for row in out.rows(AuthoritySizeRow)} == {(20, 10)}
    again, log = cleared(out)
    assert again.effects == out.effects
    assert lines_of(log, "effects", "passed")


@pytest.mark.parametrize("counts", [(8, 3), (2000, 4), (2000, 0), (2000, 1995), (2000, 2000)])
def test_a_small_year_takes_another_with_it(make_run: MakeRun, counts: tuple[int, int]) -> None:
    out, log = cleared(make_run({("pilot", "2012"): counts}))
    assert "2012" not in shown_years(out)
    assert shown_years(out) < {*YEARS, "before", "after"} - {"2012"}  # else it follows from before
    assert {"2016", "2017", "after"} <= shown_years(out)
    assert shown_years(out, "comparator") == {*YEARS, "before", "after"}
    assert any("complementary" in line.action for line in lines_of(log, "arm_years", "suppressed"))
    assert any("pilots" in sentence and "2012" in sentence for sentence in out.withheld)


def test_rates_of_years_go_with_their_counts(make_run: MakeRun) -> None:
    out, log = cleared(make_run({("pilot", "2012"): (2000, 4), ("comparator", "2017"): (2000, 3)}))
    rates = {row.year: row for row in out.rows(YearlyRateRow)}
    assert 2012 not in rates  # fitted rates are close to observed ones
    assert rates[2016].observed == pytest.approx(0.1)
    assert math.isnan(rates[2017].comparators)
    assert rates[2017].observed == pytest.approx(0.1)
    assert lines_of(log, "yearly_rates", "suppressed")


def test_every_file_of_a_run_has_been_judged() -> None:
    """A kind of file says what it shows; those of public counts alone are refused elsewhere."""
    assert all(kept.shows for kept in FILES.values())
    of_public_counts = {"predictive", "pre_trend", "matches", "left_out", "notices"}
    assert {kept.name for kept in FILES.values() if kept.of == "counts"} == of_public_counts


def test_the_total_of_leave_one_out_goes_with_an_authority(small_pilot: Run) -> None:
    summary = (object(),)
    loo = small_pilot.rows(LooRow)
    for name, left in (("Ashmere", 1), (SMALL, 0)):
        rows = tuple(replace(row, authority=name) for row in loo)
        extra = {**small_pilot.beside, LooRow: rows, LooSummary: summary}
        out, _ = cleared(replace(small_pilot, beside=extra))
        assert len(out.rows(LooSummary)) == left


def test_an_authoritys_year_of_few_is_in_no_table_that_names_it(make_run: MakeRun) -> None:
    run = make_run(authorities={("Ashmere", "2016"): (60, 4)})
    rows = [replace(row, authority="Ashmere", year=2016) for row in run.rows(LooRow)[:1]]
    rows += [replace(row, authority="Ashmere", year=2017) for row in rows]
    run = replace(run, beside={**run.beside, LooRow: tuple(rows)})
    out, _ = cleared(run)
    assert [row.year for row in out.rows(LooRow)] == [2017]
    named = [row for row in out.rows(AuthoritySizeRow) if row.authority == "Ashmere"]
    assert {row.period for row in named} == {"before", "after", "2012", "2013", "2017"}
    assert {(row.referrals, row.events) for row in named} == {(20, 10)}
    without = replace(
        run, beside={k: v for k, v in run.beside.items() if k is not AuthoritySizeRow}
    )
    assert cleared(without)[0].rows(LooRow) == ()


def few_pilots(run: Run, year: int) -> Run:
    """The run with two pilots in a year."""
    rows = run.rows(YearlyRateRow)
    changed = tuple(replace(row, pilots=2) if row.year == year else row for row in rows)
    return replace(run, beside={**run.beside, YearlyRateRow: changed})


def test_a_year_of_two_pilots_is_dominated(small_pilot: Run, make_run: MakeRun) -> None:
    out, log = cleared(few_pilots(small_pilot, 2016))
    assert {row.year for row in out.rows(YearlyRateRow)} == {2012, 2013}
    assert not {"2016", "2017", "after"} <= shown_years(out)
    assert "2016" not in shown_years(out)
    suppressed = lines_of(log, "arm_years", "suppressed")
    assert any("one or two" in line.rule and "pilots 2016" in line.action for line in suppressed)
    named, _ = cleared(few_pilots(make_run(), 2016))  # each of them may be shown by name
    assert {row.year for row in named.rows(YearlyRateRow)} == {int(year) for year in YEARS}
    assert "2016" in shown_years(named)


def test_an_arm_that_one_authority_makes_up_is_not_counted(make_run: MakeRun) -> None:
    large = {("Ashmere", period): (500_000, 50_000) for period in ("before", "after")}
    out, log = cleared(make_run(authorities=large))
    assert shown_years(out) == set()
    assert shown_years(out, "comparator")
    assert any("nearly all" in line.rule for line in lines_of(log, "arm_years", "suppressed"))


def test_minima_and_maxima_do_not_leave(make_run: MakeRun) -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Extreme:
        statistic: str
        maximum: float

    run = make_run()
    rows = (Extreme(statistic="age", maximum=17.9),)
    out, log = cleared(replace(run, beside={**run.beside, Extreme: rows}))
    assert Extreme not in out.beside
    assert "maxima" in lines_of(log, "Extreme", "refused")[0].rule


def test_unknown_files_do_not_leave(make_run: MakeRun) -> None:
    run = make_run()

    class Children(LooRow):
        """Rows that nobody has judged."""

    extra = {**run.beside, Children: run.rows(LooRow)}
    out, log = cleared(replace(run, beside=extra))
    assert Children not in out.beside
    assert lines_of(log, "Children", "refused")


def test_a_model_without_degrees_of_freedom_does_not_leave(make_run: MakeRun) -> None:
    few = {(arm, year): (12, 6) for arm in ("pilot", "comparator") for year in YEARS}
    run = make_run(few)
    fits = on_fit("main", "reference", {"quantities": 90, "status": "converged"})
    out, log = cleared(replace(run, diagnostics={**run.diagnostics, "fits": fits}))
    assert "degrees of freedom" in refused(log)
    assert (out.effects, out.sensitivity, out.beside) == ((), (), {})
    fits["main / reference"]["quantities"] = 80
    assert not refused(cleared(replace(run, diagnostics={**run.diagnostics, "fits": fits}))[1])


def test_a_run_whose_children_nobody_counted_does_not_leave(make_run: MakeRun) -> None:
    run = make_run()
    extra = {kind: rows for kind, rows in run.beside.items() if kind is not ArmYearCheck}
    _, log = cleared(replace(run, beside=extra))
    assert "degrees of freedom" in refused(log)


def renamed(run: Run, name: str) -> Run:
    return replace(run, analysis=replace(run.analysis, name=name))


def test_two_runs_must_not_differ_by_a_few_children(make_run: MakeRun) -> None:
    """What one has and the other has not is a group: here five children of 2012."""
    whole, without = make_run(), renamed(make_run({("pilot", "2012"): (1995, 199)}), "without")
    (first, second), logs, _ = cleared_together([whole, without])
    assert first == whole
    assert second.effects == ()
    assert "differs from another export" in refused(logs[1])


def test_a_year_in_which_two_runs_differ_by_a_few_is_suppressed(make_run: MakeRun) -> None:
    less = {("pilot", "2012"): (1995, 190), ("pilot", "2013"): (1500, 150)}
    _, second = cleared_together([make_run(), renamed(make_run(less), "without")])[0]
    assert "2012" not in shown_years(second)
    assert not {"2013", "before"} <= shown_years(second)  # else it follows from before
    assert second.effects


def test_runs_that_differ_by_many_leave_both(make_run: MakeRun) -> None:
    less = {("pilot", year): (1500, 150) for year in YEARS}
    runs, logs, _ = cleared_together([make_run(), renamed(make_run(less), "without")])
    assert all(shown_years(run) == {*YEARS, "before", "after"} for run in runs)
    assert not any(map(refused, logs))


def test_events_alone_tell_too(make_run: MakeRun) -> None:
    """500 children more, none of whom had an event."""
    less = {("pilot", "2012"): (1500, 200)}
    _, second = cleared_together([make_run(), renamed(make_run(less), "without")])[0]
    assert "2012" not in shown_years(second)


def test_from_python_a_run_is_judged_by_itself_unless_a_ledger_is_named(
    make_run: MakeRun, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger.jsonl"
    with open_ledger(ledger) as book:
        book.add([released(cleared(make_run())[0])])
    before = ledger.read_bytes()
    run = renamed(make_run({("pilot", "2012"): (1995, 199)}), "without")
    out, log = sb.cleared(run)
    assert out.effects and not refused(log)
    assert log[0].action.startswith("LEFT OUT")
    for found in (sb.cleared(run, ledger=ledger), sb.cleared(run, earlier=str(ledger))):
        out, log = found
        assert refused(log) and not out.effects
    assert ledger.read_bytes() == before
    with pytest.raises(BadInput, match="no such file or folder"):
        sb.cleared(run, earlier=tmp_path / "nowhere.jsonl")


def test_an_earlier_export_counts_like_a_run_beside(make_run: MakeRun) -> None:
    earlier = released(cleared(make_run())[0])
    run = renamed(make_run({("pilot", "2012"): (1995, 199)}), "without")
    assert refused(cleared(run, earlier=[earlier])[1])
    named = replace(earlier, analysis="other", evidence="records", inputs=())
    assert refused(cleared(run, earlier=[named])[1])  # a name, or a word, separates nothing
    elsewhere = replace(named, authorities=("Kettleby", "Lorne"))
    years_ago = replace(named, years=("1998", "1999"))
    assert not refused(cleared(run, earlier=[elsewhere, years_ago])[1])
    unknown = replace(named, authorities=(), years=())
    assert refused(cleared(run, earlier=[unknown])[1])


def without(ledger: Released, *years: str) -> Released:
    """A ledger that does not show the pilots of some years."""
    hidden = {("pilot", year) for year in years}
    return replace(ledger, counts=tuple(c for c in ledger.counts if c.key not in hidden))


def test_what_another_export_of_the_same_children_hid_stays_hidden(make_run: MakeRun) -> None:
    run = make_run()
    earlier = without(released(run), "2012", "2013")
    assert shown_years(cleared(run, earlier=[earlier])[0]) == {"2016", "2017", "before", "after"}


def test_companions_are_not_those_that_are_out_already(make_run: MakeRun) -> None:
    """The year 2013 is out: beside it the total before would tell the few of 2012."""
    run = make_run({("pilot", "2012"): (2000, 4)})
    earlier = without(released(run), "2012", "before")
    out, _ = cleared(run, earlier=[earlier])
    assert shown_years(out) == {"2013", "2016", "2017", "after"}


def test_counts_of_unknown_origin_are_checked_like_records(open_run: Run) -> None:
    """Nothing by authority, but for those that are large enough; unless published somewhere."""
    own = replace(open_run, evidence="unknown-origin", inputs={"panel.csv": "0" * 64})
    assert "degrees of freedom" in refused(cleared(own)[1])  # nobody knows how many there are
    names = {row.target for row in open_run.effects} - {"pooled", "new authority"}
    rows = tuple(
        AuthoritySizeRow(
            authority=name, arm="pilot", period=period, referrals=900, events=90 if i else 4
        )
        for i, name in enumerate(sorted(names))
        for period in ("before", "after")
    )
    sized = replace(own, beside={**own.beside, AuthoritySizeRow: rows})
    out, log = cleared(sized)
    assert not refused(log)
    small = min(names)
    assert small not in every_text(out)
    assert {row.target for row in out.effects} >= {"pooled"} | (names - {small})
    assert not {PredictiveCell, PreTrendRow, Match} & out.beside.keys()
    assert "Suppressed: comparators of pilots (not known to be public)." in out.withheld
    counts = replace(open_run.analysis.data, published="Annual report, 2019, our website")
    said = replace(own, analysis=replace(own.analysis, data=counts))
    out, (line,) = cleared(said)
    assert out.beside.keys() == own.beside.keys()
    assert "Annual report, 2019, our website" in line.rule


@pytest.mark.parametrize("which", ["open_run", "printed_run"])
def test_public_evidence_passes_and_the_log_says_why(
    which: str, request: pytest.FixtureRequest
) -> None:
    run: Run = request.getfixturevalue(which)
    out, (line,) = cleared(run)
    assert out == run
    assert (line.result, line.rule != "") == ("passed", True)
    assert line.vouched
    assert run.evidence in line.what


def test_a_run_is_refused_by_what_its_line_is_about_and_not_by_its_words() -> None:
    line = LogLine(output="a", what="the whole run", rule="r", result="refused")
    assert refused([line]) == ""
    assert refused([replace(line, what="of another name", about="run")]) == "r"


def test_records_are_held_to_the_same_as_synthetic_children(small_pilot: Run) -> None:
    out, _ = cleared(replace(small_pilot, evidence="records"))
    assert SMALL not in every_text(out)


def test_a_higher_threshold_suppresses_more(make_run: MakeRun) -> None:
    run = make_run({("pilot", "2012"): (2000, 25)})
    assert "2012" in shown_years(cleared(run)[0])
    assert "2012" not in shown_years(cleared(run, OutputRule(threshold=30))[0])


def test_the_log_never_has_a_suppressed_number(make_run: MakeRun) -> None:
    run = make_run({("pilot", "2012"): (8642, 7)}, {(SMALL, "after"): (987, 6)})
    _, log = cleared(run)
    for text in (log_csv(log), log_markdown(log_of(log, rule=OutputRule()))):
        assert "8642" not in text
        assert "8,642" not in text
        assert "987" not in text
        assert SMALL in text


def test_counts_that_left_are_in_the_ledger_and_others_are_not(make_run: MakeRun) -> None:
    out, _ = cleared(make_run({("pilot", "2012"): (8, 3)}))
    ledger: Released = released(out)
    keys: Mapping[Any, Any] = {count.key: count.children for count in ledger.counts}
    assert ("pilot", "2012") not in keys
    assert keys["pilot", "2016"] == 2000
