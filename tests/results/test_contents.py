"""Rows of a run → tables: which rows and columns, in which form, with which notes."""

import csv
import io
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rows import of_effect, of_fit

from sofs_bayes.estimands import POOLED, EffectRow, ProbabilityRow
from sofs_bayes.estimands.rows import YearlyRateRow
from sofs_bayes.pages.answer import sources_table
from sofs_bayes.published.audit import audit
from sofs_bayes.published.facts import load_facts
from sofs_bayes.records.notices import Notice
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import Estimands, Scale, Statement
from sofs_bayes.tables import contents
from sofs_bayes.tables.contents.checks import (
    extremes_table,
    predictive_statistics_table,
    predictive_table,
)
from sofs_bayes.tables.contents.effects import effects_tables
from sofs_bayes.tables.formats import Cell, Table, to_csv, to_json, to_markdown

MakeEffect = Callable[..., EffectRow]
MakeChances = Callable[..., tuple[ProbabilityRow, ...]]


def keys(table: Table) -> list[str]:
    return [column.key for column in table.columns]


def headings(table: Table) -> list[str]:
    return [column.heading for column in table.columns]


def column(table: Table, key: str) -> list[Cell]:
    at = keys(table).index(key)
    return [row[at] for row in table.rows]


def formats(table: Table) -> dict[str, str]:
    return {each.key: each.format for each in table.columns}


def with_statements(run: Run, *statements: Statement) -> Run:
    estimands = Estimands(statements=statements)
    return replace(run, analysis=replace(run.analysis, estimands=estimands))


# ---------------------------------------------------------------------------- the effects


def test_effects_have_their_numbers_and_the_probability_of_every_statement(open_run: Run) -> None:
    table = contents.effects_table(open_run, scale="risk")
    rows = [row for row in open_run.effects if row.scale == "risk"]
    assert keys(table) == [
        *("estimand", "target", "variant", "prior", "median", "lower", "upper"),
        *("P(above 0 pp)", "P(below -1 pp)", "P(within -1 pp to 1 pp)"),
    ]
    for key in ("target", "prior", "median", "lower", "upper"):
        assert column(table, key) == [getattr(row, key) for row in rows]
    assert set(column(table, "P(below -1 pp)")) == {0.2}
    assert table.evidence == "open-data"
    assert table.notes == ("Intervals: 90%, equal-tailed.",)


def test_a_scale_that_is_asked_for_needs_no_statement(open_run: Run) -> None:
    run = with_statements(open_run, Statement(scale="risk", above=0.0))
    assert [table.title.rpartition(" (")[2] for table in effects_tables([run])] == [
        "percentage points)"
    ]
    others = [replace(row, scale="log-odds") for row in run.effects if row.scale == "risk"]
    run = replace(run, effects=(*run.effects, *others))
    [table] = effects_tables([run], scale="log-odds")
    assert len(table.rows) >= len(others)
    assert effects_tables([run], scale="units") == []


def test_what_is_no_effect_is_left_out(open_run: Run) -> None:
    assert not contents.effects_table(open_run, scale="log-odds").rows
    assert any(str(row.estimand) == "spread between pilots" for row in open_run.effects)


@pytest.mark.parametrize(
    ("keep", "dropped"),
    [
        (lambda row: True, set()),
        (lambda row: row.prior == "reference", {"prior"}),
        (lambda row: str(row.variant) == "main", {"estimand", "variant"}),
        (lambda row: str(row.variant) == "by year", {"target", "variant", "prior"}),
        (
            lambda row: str(row.variant) == "main" and row.target == POOLED,
            {"estimand", "target", "variant"},
        ),
        (
            lambda row: (str(row.variant), row.target, row.prior) == ("main", POOLED, "reference"),
            {"estimand", "target", "variant"},  # one line: its prior is kept all the same
        ),
    ],
)
def test_naming_columns_that_say_the_same_throughout_are_dropped(
    open_run: Run, keep: Callable[[EffectRow], bool], dropped: set[str]
) -> None:
    table = contents.effects_table(open_run, scale="risk", keep=keep)
    naming = ["estimand", "target", "variant", "prior"]
    assert [key for key in keys(table) if key in naming] == [k for k in naming if k not in dropped]
    assert all(len(row) == len(table.columns) for row in table.rows)
    assert column(table, "median") == [
        row.median for row in open_run.effects if row.scale == "risk" and keep(row)
    ]


def test_the_column_of_variants_is_one_of_readings_for_print(
    open_run: Run, printed_run: Run
) -> None:
    assert "Variant" in headings(contents.effects_table(open_run, scale="risk"))
    assert "Reading" in headings(contents.effects_table(printed_run, scale="risk"))


def test_a_probability_is_that_of_its_own_row(
    open_run: Run, effect: MakeEffect, chances: MakeChances
) -> None:
    rows = [
        effect(
            target, 0.01, 0.02, scale=scale, prior=prior, **of_fit(variant), **of_effect(estimand)
        )
        for target in ("pooled", "Ashmere")
        for scale in ("risk", "log-odds")
        for prior in ("reference", "sceptical")
        for variant in ("main", "by year")
        for estimand in ("effect after settling-in", "effect in year +0")
    ]
    said = [chances(row, {"above 0 pp": i / 100})[0] for i, row in enumerate(rows)]
    run = replace(open_run, effects=tuple(rows), probabilities=tuple(reversed(said)))
    table = contents.effects_table(run, scale="risk")
    assert column(table, "P(above 0 pp)") == [
        i / 100 for i, row in enumerate(rows) if row.scale == "risk"
    ]
    assert set(column(table, "P(below -1 pp)")) == {None}
    assert "| – |" in to_markdown(table)


@pytest.mark.parametrize(
    ("statement", "heading"),
    [
        (Statement(scale="risk", above=0.0), "above 0"),
        (Statement(scale="risk", above=0.0025), "above 0.25 pp"),
        (Statement(scale="risk", above=-0.07), "above −7 pp"),
        (Statement(scale="risk", below=-0.02), "below −2 pp"),
        (Statement(scale="risk", within=(-0.01, 0.01)), "within ±1 pp"),
        (Statement(scale="risk", within=(-0.01, 0.02)), "between −1 pp and 2 pp"),
        (Statement(scale="log-odds", above=0.0), "above 0"),
        (Statement(scale="log-odds", within=(-0.1, 0.1)), "within ±0.1"),
        (Statement(scale="odds ratio", below=0.9), "below 0.9"),
        (Statement(scale="odds ratio", within=(0.9, 1.11)), "between 0.9 and 1.11"),
    ],
)
def test_statements_have_a_short_form(
    open_run: Run, effect: MakeEffect, statement: Statement, heading: str
) -> None:
    run = with_statements(open_run, statement)
    run = replace(run, effects=(effect("pooled", 1.0, 0.2, scale=statement.scale),))
    assert headings(contents.effects_table(run, scale=statement.scale))[-1] == heading


def test_statements_stand_in_one_order_below_one_heading(open_run: Run) -> None:
    said = [
        Statement(scale="risk", within=(-0.01, 0.01)),
        Statement(scale="risk", below=-0.01),
        Statement(scale="risk", above=0.02),
        Statement(scale="risk", above=0.0),
    ]
    for asked in (said, said[::-1]):
        table = contents.effects_table(with_statements(open_run, *asked), scale="risk")
        last = table.columns[-4:]
        assert [each.heading for each in last] == [
            "above 0",
            "above 2 pp",
            "below −1 pp",
            "within ±1 pp",
        ]
        assert {each.group for each in last} == {"Probability that the effect is"}


@given(bound=st.floats(-0.5, 0.5).map(lambda x: round(x, 4)))
def test_no_short_form_has_a_hyphen_for_a_minus(open_run: Run, bound: float) -> None:
    run = with_statements(open_run, Statement(scale="risk", above=bound))
    heading = headings(contents.effects_table(run, scale="risk"))[-1]
    assert "-" not in heading
    assert float(
        heading.removeprefix("above ").removesuffix(" pp").replace("−", "-")
    ) == pytest.approx(100 * bound, rel=1e-5)


def test_level_and_kind_of_the_interval_are_said(open_run: Run) -> None:
    estimands = replace(open_run.analysis.estimands, level=0.95, interval="hdi")
    rows = tuple(replace(row, level=0.95) for row in open_run.effects)
    run = replace(open_run, effects=rows, analysis=replace(open_run.analysis, estimands=estimands))
    table = contents.effects_table(run, scale="risk")
    assert {c.group for c in table.columns if c.key in ("lower", "upper")} == {
        "95% credible interval"
    }
    assert table.notes == ("Intervals: 95%, highest-density.",)


def test_the_largest_monte_carlo_error_is_said_where_there_is_one(
    open_run: Run, chances: MakeChances
) -> None:
    rows = [row for row in open_run.effects if row.scale == "risk"][:3]
    errors = (0.004, 0.021, float("nan"))
    said = [chances(r, {"above 0 pp": 0.5}, mcse=e)[0] for r, e in zip(rows, errors, strict=True)]
    run = replace(open_run, effects=tuple(rows), probabilities=tuple(said))
    notes = contents.effects_table(run, scale="risk").notes
    assert notes[1:] == ("Largest Monte Carlo error of a probability: 0.021.",)


def test_titles_name_analysis_and_unit_and_any_refusal(open_run: Run) -> None:
    title = open_run.analysis.title
    units: dict[Scale, str] = {
        "risk": "percentage points",
        "log-odds": "log-odds",
        "odds ratio": "odds ratio",
    }
    for scale, unit in units.items():
        assert contents.effects_table(open_run, scale=scale).title == f"{title} ({unit})"
    assert contents.effects_table(open_run, scale="risk", title="Mine").caption == "Mine"
    refused = replace(open_run, status="not converged")
    for table in (
        contents.effects_table(refused, scale="risk"),
        contents.sensitivity_table(refused, scale="risk"),
        contents.diagnostics_table(refused),
        contents.rates_table(refused),
        predictive_table(refused),
        predictive_statistics_table(refused),
        extremes_table(refused),
    ):
        assert table.caption == f"NOT CONVERGED: {table.title}"


@pytest.mark.parametrize(
    ("scale", "widths", "form"),
    [
        ("risk", (0.03, 0.05), "pp"),
        ("risk", (0.005, 0.05), "pp"),
        ("risk", (0.02,), "pp"),
        ("risk", (0.0199, 0.005), "pp2"),
        ("log-odds", (0.001,), "signed2"),
        ("odds ratio", (3.0,), "ratio"),
    ],
)
def test_narrow_risk_differences_have_two_decimals(
    open_run: Run, effect: MakeEffect, scale: Scale, widths: tuple[float, ...], form: str
) -> None:
    rows = [replace(effect("pooled", 0.01, 0), lower=0.0, upper=w, scale=scale) for w in widths]
    assert contents.number_format(scale, rows) == form
    table = contents.effects_table(replace(open_run, effects=tuple(rows)), scale=scale)
    assert {formats(table)[key] for key in ("median", "lower", "upper")} == {form}


def test_scales_are_those_of_statements_and_of_effects(open_run: Run, effect: MakeEffect) -> None:
    assert contents.effect_scales(open_run) == ("risk", "odds ratio")
    ratio = Statement(scale="odds ratio", above=1.0)
    risk, logit = (Statement(scale=scale, above=0.0) for scale in ("risk", "log-odds"))
    assert contents.effect_scales(with_statements(open_run, ratio, risk, ratio)) == (
        *("odds ratio", "risk"),
    )
    alone = replace(with_statements(open_run, risk, logit), effects=(effect("pooled", 0, 1),))
    assert contents.effect_scales(alone) == ("risk",)


# ------------------------------------------------------------------- what is beside them


def test_sensitivity_has_the_changes_on_one_scale_and_under_one_prior(
    open_run: Run, printed_run: Run
) -> None:
    table = contents.sensitivity_table(open_run, scale="risk")
    assert column(table, "variant") == ["main", "with Dunmarsh", "without Ashmere"]
    assert column(table, "status") == ["converged"] * 3
    assert column(table, "median")[0] == 0.012
    assert table.title.endswith(": one assumption changed at a time (percentage points)")
    ratios = contents.sensitivity_table(open_run, scale="odds ratio")
    assert column(ratios, "variant") == ["main", "with Dunmarsh"]
    assert len(contents.sensitivity_table(printed_run, scale="risk").rows) == 2
    one = contents.sensitivity_table(printed_run, scale="risk", prior="sceptical")
    assert column(one, "variant") == ["clustered; critical values t(10)"]
    assert not contents.sensitivity_table(
        replace(open_run, sensitivity=(), beside={}), scale="risk"
    ).rows


def test_diagnostics_of_draws_and_of_a_quadrature(open_run: Run, printed_run: Run) -> None:
    draws = contents.diagnostics_table(open_run)
    name = open_run.analysis.name
    assert draws.rows == ((name, "main / reference", 1.002, 1234.0, 987.0, 0, 0.8, "converged"),)
    grid = contents.diagnostics_table(printed_run)
    assert len(grid.rows) == 4
    assert grid.rows[0] == (
        "icpc-printed",
        "clustered / reference",
        1e-9,
        0.25,
        0.75,
        0.5,
        "converged",
    )
    assert any("'Stars'" in note for note in grid.notes)
    assert not any("R-hat" in note for note in grid.notes)


def test_each_row_says_what_it_rests_on(open_run: Run, printed_run: Run) -> None:
    """In files row by row; readers are told of all that a table rests on."""
    of_runs = {"open-data": [open_run], "published-inferred": [printed_run]}
    for made in (contents.diagnostics_table, lambda *runs: sources_table("ICPC", runs)):
        table, alone = made(open_run, printed_run), {k: made(*runs) for k, runs in of_runs.items()}
        found = [row["evidence"] for row in csv.DictReader(io.StringIO(to_csv(table)))]
        assert Counter(found) == {kind: len(each.rows) for kind, each in alone.items()}
        assert json.loads(to_json(table))["evidence_of_rows"] == found
        said = [each.evidence_line.removeprefix("Evidence: ") for each in alone.values()]
        assert all(each in table.evidence_line for each in said)
        assert table.evidence_line.count("Evidence: ") == 1
    with pytest.raises(ValueError, match="zip"):
        to_csv(replace(table, rests=table.rests[1:]))


def test_diagnostics_of_several_runs_have_the_measures_of_all(
    open_run: Run, printed_run: Run
) -> None:
    both = contents.diagnostics_table(open_run, printed_run)
    assert column(both, "analysis") == [open_run.analysis.name] + ["icpc-printed"] * 4
    assert column(both, "max_rhat") == [1.002] + [None] * 4
    assert column(both, "edge_mass") == [None] + [1e-9] * 4
    assert both.evidence == "open-data"
    assert any("Sources of the analyses differ" in note for note in both.notes)


def test_fits_that_were_weighted_anew_say_so(open_run: Run) -> None:
    sampled = open_run.diagnostics["fits"]["main / reference"]
    weighted = sampled | {"min_bfmi": None, "pareto_k": 0.25}
    fits = {"main / reference": sampled, "main / sceptical": weighted}
    run = replace(open_run, diagnostics={**open_run.diagnostics, "fits": fits})
    table = contents.diagnostics_table(run)
    assert [row[-2] for row in table.rows] == [None, 0.25]
    assert any("weighted by the ratio of the priors" in note for note in table.notes)
    others = contents.diagnostics_table(open_run)
    assert not any("weighted" in note for note in others.notes)


def test_an_undefined_measure_is_a_gap(open_run: Run) -> None:
    fits = {"main": open_run.diagnostics["fits"]["main / reference"] | {"max_rhat": None}}
    run = replace(open_run, diagnostics={**open_run.diagnostics, "fits": fits})
    assert "| made-up | main | – | 1,234 |" in to_markdown(contents.diagnostics_table(run))


def test_shares_inside_are_by_arm_and_year_pilots_first(open_run: Run) -> None:
    table = predictive_table(open_run)
    assert table.rows == (
        ("pilot", 2012, 1, 1.0),
        ("pilot", 2013, 1, 1.0),
        ("comparator", 2012, 2, 0.5),
        ("comparator", 2013, 2, 1.0),
    )
    assert "90% prediction" in table.title
    assert "2,012" not in to_markdown(table)
    assert not predictive_table(replace(open_run, sensitivity=(), beside={})).rows


def test_extremes_are_the_cells_outside_the_middle(open_run: Run) -> None:
    table = extremes_table(open_run)
    assert column(table, "authority") == ["Fennick"]
    assert table.title.endswith("outside the middle 99%")
    wide = extremes_table(open_run, tail=0.05)
    assert column(wide, "authority") == ["Fennick", "Ashmere"]
    assert wide.title.endswith("outside the middle 90%")


def test_further_tables_are_their_rows(open_run: Run) -> None:
    rates = contents.rates_table(open_run)
    assert column(rates, "period") == ["pre", "post"]
    assert "| 2012 | pre | 20.0% | – | – | – | 21.0% |" in to_markdown(rates)
    assert not any("settling in" in note for note in rates.notes)
    first, *others = open_run.rows(YearlyRateRow)
    fewer = {**open_run.beside, YearlyRateRow: (replace(first, pilots=2), *others)}
    note = " ".join(contents.rates_table(replace(open_run, beside=fewer)).notes)
    assert "by year the rate is of 2 to 3 pilots" in note
    trend = to_markdown(contents.pre_trend_table(open_run))
    assert "| pooled | 2012 | 20.0% | 21.0% | −1.0 | 0.0123 | 0.0456 |" in trend
    matches = to_markdown(contents.matches_table(open_run))
    assert "| Ashmere | 1 | Fennick | 0.12 |" in matches
    assert "| Ottersby | excluded |" in to_markdown(contents.left_out_table(open_run))
    moved = to_markdown(predictive_statistics_table(open_run))
    assert "| sd of an authority-year | 0.05 | 0.04 | 0.06 | 0.50 |" in moved


def test_a_notice_about_no_year_has_none() -> None:
    notices = [Notice(kind="missing", authority="Northmere", year=2013, detail="c: confidential")]
    notices.append(Notice(kind="may be cut off", file="a.csv", detail="no line break"))
    text = to_markdown(contents.notices_table(iter(notices)))
    assert "| missing | Northmere | 2013 |  | c: confidential |" in text
    assert "| may be cut off |  | – | a.csv | no line break |" in text


# ------------------------------------------------------------------------------ the print


def test_facts_keep_their_print() -> None:
    facts = load_facts()
    table = contents.facts_table(facts)
    assert table.evidence == "published"
    assert column(table, "printed") == [fact.printed.text for fact in facts]
    assert column(table, "stars") == [fact.printed.stars for fact in facts]


def test_findings_say_whether_the_print_agrees() -> None:
    found = audit()
    table = contents.findings_table(found)
    words = {True: "agrees", False: "does not agree", None: "derived"}
    assert column(table, "verdict") == [words[f.agrees] for f in found.findings]
    assert set(column(table, "verdict")) == set(words.values())
    assert column(table, "sentence") == [f.sentence for f in found.findings]


def test_brackets_keep_the_coefficient_as_printed() -> None:
    found = audit()
    table = contents.brackets_table(found)
    assert len(table.rows) == len(found.brackets)
    assert "-0.0635*" in column(table, "printed")
    assert "∞" in to_markdown(table)
    assert column(table, "ratio_lower") == [b.ratio_lower for b in found.brackets]
