"""Runs → Tables 5 to 7 in the report's layout: rows, columns, signs, and what stays out."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.rows import of_effect

from sofs_bayes.checks.registry.leaving_out import AuthorityLooRow
from sofs_bayes.checks.registry.predictions import ArmYearCheck
from sofs_bayes.errors import BadInput
from sofs_bayes.estimands import EffectRow, ProbabilityRow
from sofs_bayes.estimands.rows import AuthoritySizeRow
from sofs_bayes.published.facts import load_facts
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import (
    HierarchicalAnalysis,
    OpenAnalysis,
    OwnOutcome,
    PrintedAnalysis,
    bundled_models,
    load,
)
from sofs_bayes.tables.contents import publication_tables
from sofs_bayes.tables.contents.report_columns import OUTCOME_OF_TABLE, report_columns
from sofs_bayes.tables.digits import Estimate, shown
from sofs_bayes.tables.model import Table

MakeEffect = Callable[..., EffectRow]
OfAnalysis = Callable[..., Run]
DID = "DiD (pilot LA * post settling-in period)"
MEDIAN = "posterior median, 90% interval (change in risk)"


def block(table: Table, heading: str) -> dict[str, tuple[object, ...]]:
    """The lines below a heading, by their label: evidence and cells."""
    at = next(i for i in table.bold if table.rows[i][0] == heading)
    end = next((i for i in table.bold if i > at), len(table.rows))
    return {str(row[0]): row[1:] for row in table.rows[at + 1 : end]}


def headings(table: Table) -> list[object]:
    return [table.rows[i][0] for i in table.bold]


def test_columns_and_rows_are_called_as_in_the_report_and_in_its_order(
    of_analysis: OfAnalysis,
) -> None:
    names = ["icpc-without-pilot-4", "icpc-lagged", "icpc-linear"]
    table = publication_tables("report", [of_analysis(name) for name in names])[0]
    columns = list(dict.fromkeys(f.column for f in load_facts() if f.table == 5 and f.column))
    assert [column.heading for column in table.columns[2:]] == columns
    printed = {fact.row for fact in load_facts() if fact.table == 5}
    assert set(headings(table)[:-2]) <= printed
    assert headings(table)[-2] == "Effect after settling-in (not in the report)"


@pytest.mark.parametrize("name", sorted(bundled_models()))
def test_every_bundled_analysis_stands_for_the_column_it_names(name: str, open_run: Run) -> None:
    analysis = load(name)
    if isinstance(analysis, HierarchicalAnalysis):
        wanted = analysis.regression.table
    elif isinstance(analysis, PrintedAnalysis):
        assert analysis.from_table is not None
        wanted = analysis.from_table.table
    else:
        return  # open counts and analyses of children are no columns
    columns = report_columns(replace(open_run, analysis=analysis))
    assert {column.table for column in columns} == ({wanted} if wanted else set())
    for column in columns:
        assert any((f.table, f.column) == (wanted, column.name) for f in load_facts())


def test_a_number_as_printed_stands_above_the_posterior(hierarchical_run: Run) -> None:
    table, counts = publication_tables("report", [hierarchical_run])
    lines = block(table, DID)
    assert lines["as printed"][0] == "published"
    assert shown(lines["as printed"][1], "pp") == "0.0407\n(+4.07)"
    evidence, cell = lines[MEDIAN]
    assert evidence == "synthetic"
    assert cell == Estimate(
        median=0.012, lower=pytest.approx(-0.011), upper=pytest.approx(0.035), error=0.0007
    )
    evidence, chance = lines["probability that it is above 0"]
    assert (evidence, shown(chance, "pp")) == ("synthetic", "0.10")
    last = block(table, "Sources of the columns")
    assert last["Prior of the effect"][1] == "reference"
    assert last["Draws"][1] == "converged"
    assert counts.rows[0][2:4] == (10_700 + 10_800, 10_700 + 10_800)
    assert [c.holds for c in counts.columns[2:4]] == ["children", "children"]


def test_rows_without_a_posterior_are_named_and_not_filled(hierarchical_run: Run) -> None:
    table = publication_tables("report", [hierarchical_run])[0]
    notes = " ".join(table.notes)
    assert "(Intercept); Pilot LA; Year dummy 2013 to 2018" in notes
    assert "DiD in year t" not in notes  # the column has no number there
    assert not {"(Intercept)", "Pilot LA"} & set(headings(table))


def test_years_go_to_the_rows_of_their_year(of_analysis: OfAnalysis, effect: MakeEffect) -> None:
    years = [
        effect(
            "pooled", 0.01 * k, 0.02, **of_effect(f"effect in year {k:+d}"), evidence="synthetic"
        )
        for k in (0, 1, 2, 3)
    ]
    table = publication_tables("report", [of_analysis("icpc-lagged", years)])[0]
    found = {row: block(table, row)[MEDIAN][1].median for row in headings(table)[:-1]}  # type: ignore[attr-defined]
    assert found == {
        "DiD in year t": 0.0,
        "DiD in year t+1": 0.01,
        "DiD in year t+2": 0.02,
        "Effect in year +3 (not in the report)": 0.03,
    }
    printed = block(table, "DiD in year t+1")["as printed"][1]
    assert shown(printed, "pp") == "−0.0056\n(−0.56)"


def test_rows_of_comparators_have_the_printed_sign(
    of_analysis: OfAnalysis, effect: MakeEffect, chances: Callable[..., tuple[ProbabilityRow, ...]]
) -> None:
    row = effect(
        "pooled",
        0.03,
        0.02,
        **of_effect("effect against comparators with a similar practice model"),
        evidence="synthetic",
    )
    run = replace(
        of_analysis("icpc-practice-models", [row]),
        probabilities=chances(row, {"above 0 pp": 0.9}, mcse=0.004),
    )
    table = publication_tables("report", [run])[0]
    heading = "Comparator LA with a similar practice model * post settling-in period"
    lines = block(table, heading)
    cell = lines[MEDIAN][1]
    assert isinstance(cell, Estimate)
    assert (cell.median, cell.lower, cell.upper) == pytest.approx((-0.03, -0.05, -0.01))
    assert shown(lines["probability that it is above 0"][1], "pp") == "0.10"
    assert "rose among pilots against these comparators" in " ".join(table.notes)


def test_a_score_goes_to_the_row_of_its_own_column(
    of_analysis: OfAnalysis, effect: MakeEffect
) -> None:
    row = effect("pooled", 0.05, 0.02, **of_effect("effect per unit of the score"))
    runs = [of_analysis(name, [row]) for name in ("icpc-embeddedness", "icpc-quality")]
    table = publication_tables("report", runs)[0]
    quality = block(table, "Quality of delivery * post-settling-in period")
    assert [shown(x, "pp") for x in quality["as printed"][1:]] == ["0.0511\n(+5.11)", "N/A"]
    assert quality[MEDIAN][2] is None
    assert isinstance(quality[MEDIAN][1], Estimate)


def test_the_effect_at_a_rating_of_0_is_not_taken_for_the_average(
    of_analysis: OfAnalysis,
) -> None:
    table = publication_tables("report", [of_analysis("icpc-ofsted")])[0]
    assert DID not in headings(table)
    assert headings(table)[0] == "Effect after settling-in (not in the report)"
    assert DID in " ".join(table.notes)


def test_log_odds_stand_above_the_change_in_risk(
    of_analysis: OfAnalysis, effect: MakeEffect, hierarchical_run: Run
) -> None:
    logs = effect("pooled", 0.1, 0.2, scale="log-odds", evidence="synthetic")
    run = of_analysis("cla-logistic", [*hierarchical_run.effects, logs])
    table = publication_tables("report", [run])[0]
    lines = block(table, DID)
    assert list(lines) == [
        "as printed",
        "posterior median, 90% interval (log-odds)",
        MEDIAN,
        "probability that it is above 0",
    ]
    assert shown(lines["as printed"][1], "pp") == "0.08"
    logs_shown = shown(lines["posterior median, 90% interval (log-odds)"][1], "pp")
    assert logs_shown == "+0.10\n(−0.10 to +0.30)"


def test_a_run_of_another_outcome_never_lands_in_a_table(hierarchical_run: Run) -> None:
    analysis = hierarchical_run.analysis
    assert isinstance(analysis, HierarchicalAnalysis)
    care = replace(analysis, children=replace(analysis.children, outcome="CLA"))
    with pytest.raises(BadInput, match="report"):
        publication_tables("report", [replace(hierarchical_run, analysis=care)])


def test_tables_5_and_6_have_conferences_and_table_7_entry_to_care(
    of_analysis: OfAnalysis,
) -> None:
    runs = [of_analysis(name) for name in ("cla-linear", "icpc-linear", "icpc-quality")]
    found = {table.name: table for table in publication_tables("report", runs)}
    for number, outcome in OUTCOME_OF_TABLE.items():
        (own,) = [t.rows for n, t in found.items() if n == f"report-{number}-synthetic"]
        assert own
        counts = found[f"counts-{number}-synthetic"]
        analyses = {load(str(row[1])).outcome for row in counts.rows}  # type: ignore[union-attr]
        assert analyses == {outcome}


def test_evidences_have_tables_of_their_own(mixed_runs: list[Run], hierarchical_run: Run) -> None:
    from_records = replace(hierarchical_run, evidence="records")
    tables = publication_tables("report", [*mixed_runs, from_records])
    layouts = [table for table in tables if not table.name.startswith("counts-")]
    assert [t.evidence for t in layouts] == ["published-inferred", "records", "synthetic"]
    for table in layouts:
        said = {row[1] for i, row in enumerate(table.rows) if i not in table.bold}
        assert said == {"published", table.evidence}


def test_runs_that_are_no_column_are_named(mixed_runs: list[Run]) -> None:
    tables = publication_tables("report", mixed_runs)
    name = mixed_runs[2].analysis.name
    assert f"no column of the report: {name}." in " ".join(tables[0].notes)


def test_two_runs_of_one_column_are_told_apart(
    of_analysis: OfAnalysis, hierarchical_run: Run
) -> None:
    runs = [hierarchical_run, of_analysis("icpc-linear-student-t")]
    table = publication_tables("report", runs)[0]
    assert [column.heading for column in table.columns[2:]] == [
        "Linear model (icpc-linear)",
        "Linear model (icpc-linear-student-t)",
    ]
    again = publication_tables("report", [hierarchical_run, hierarchical_run])[0]
    assert [column.heading for column in again.columns[2:]] == [
        "Linear model (no. 1)",
        "Linear model (no. 2)",
    ]


def test_authorities_are_counted_by_arm(hierarchical_run: Run) -> None:
    sizes = tuple(
        AuthoritySizeRow(authority=f"{arm} {i}", arm=arm, period=period, referrals=90, events=9)
        for arm, many in (("pilot", 3), ("comparator", 4))
        for i in range(many)
        for period in ("before", "after")
    )
    extra = {k: v for k, v in hierarchical_run.beside.items() if k is not AuthorityLooRow}
    extra[AuthoritySizeRow] = sizes
    table = publication_tables("report", [replace(hierarchical_run, beside=extra)])[0]
    last = block(table, "Sources of the columns")
    assert last["Authorities (pilots + comparators)"][1] == "3 + 4"


def test_counts_that_a_disclosure_check_withheld_are_said_to_be_and_not_smaller(
    hierarchical_run: Run,
) -> None:
    rows = hierarchical_run.rows(ArmYearCheck)
    kept = tuple(r for r in rows if (r.arm, r.year) not in {("pilot", "2012"), ("pilot", "after")})
    withheld = (
        "Suppressed: numbers of people and rates of pilots in 2012 and after.",
        "Suppressed: results of single authorities: Ashmere (size not known).",
    )
    run = replace(
        hierarchical_run,
        beside={**hierarchical_run.beside, ArmYearCheck: kept},
        withheld=withheld,
    )
    table, counts = publication_tables("report", [run])
    gone = "suppressed"
    assert counts.rows[0][2:6] == (gone, 10_700 + 10_800, gone, gone)
    assert set(withheld) <= set(counts.notes)
    last = block(table, "Sources of the columns")
    assert last["Authorities (pilots + comparators)"][1] == gone
    # Of authorities that are all there, sizes alone are withheld: their number is known.
    sizes = replace(run, withheld=("Numbers by authority: lower bounds in place of all.",))
    table, counts = publication_tables("report", [sizes])
    assert counts.rows[0][4:6] == (2, 1)


def test_counts_of_whole_authorities_are_not_said_to_be_matched(open_run: Run) -> None:
    words = OwnOutcome(name="exclusion", plural="exclusions", unit="pupils who were excluded")
    assert isinstance(open_run.analysis, OpenAnalysis)
    counts = replace(open_run.analysis.data, events="n_excluded", denominator="pupils")
    own = replace(open_run, analysis=replace(open_run.analysis, outcome=words, data=counts))
    said = ""
    for table in publication_tables("report", [own]):
        headings = [part for each in table.columns for part in (each.heading, each.group or "")]
        said += " ".join([*headings, *table.notes])
    assert "Posteriors average over the pilots' pupils" in said
    for word in ("atched", "children", "replicate"):
        assert word not in said
