"""Runs → tables of a publication: which kinds there are, and what each number rests on."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tests.rows import of_effect, of_fit

import sofs_bayes as sb
from sofs_bayes.errors import BadInput
from sofs_bayes.estimands.rows import ThresholdRow
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.tables.contents.publication import KINDS, publication_tables
from sofs_bayes.tables.contents.publication_numbers import gravest
from sofs_bayes.tables.contents.publication_thresholds import readable
from sofs_bayes.tables.digits import Estimate
from sofs_bayes.tables.formats import to_csv, to_html, to_json, to_markdown
from sofs_bayes.tables.model import Table, notes_of

OF_RUNS = tuple(kind for kind in KINDS if kind != "calibration")
EVIDENCES = ("published", "published-inferred", "synthetic", "open-data", "records")


def keys(table: Table) -> list[str]:
    return [column.key for column in table.columns]


def column(table: Table, key: str) -> list[object]:
    return [row[keys(table).index(key)] for row in table.rows]


@pytest.fixture
def runs(mixed_runs: list[Run]) -> list[Run]:
    return mixed_runs


@pytest.mark.parametrize("kind", OF_RUNS)
def test_every_kind_has_tables_that_every_format_can_write(kind: str, runs: list[Run]) -> None:
    tables = publication_tables(kind, runs)
    assert tables
    for table in tables:
        assert table.rows
        assert all(len(row) == len(table.columns) for row in table.rows)
        for written in (to_markdown, to_html, to_csv, to_json):
            assert written(table)
        for key, errors in table.errors.items():
            assert key in keys(table)
            assert len(errors) == len(table.rows)


@pytest.mark.parametrize("kind", OF_RUNS)
def test_names_tell_tables_apart_also_of_one_run_twice(kind: str, runs: list[Run]) -> None:
    names = [table.name for table in publication_tables(kind, [*runs, *runs])]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("kind", OF_RUNS)
def test_every_line_of_a_table_of_several_evidences_says_what_it_rests_on(
    kind: str, runs: list[Run]
) -> None:
    for table in publication_tables(kind, runs):
        if "evidence" in keys(table):
            headings = set(table.bold)
            said = [e for i, e in enumerate(column(table, "evidence")) if i not in headings]
            assert set(said) <= set(EVIDENCES)
            assert table.evidence in said or table.evidence == "synthetic"
        elif kind == "diagnostics":
            mixed = "synthetic: icpc-linear" in " ".join(table.notes)
            assert mixed or set(column(table, "analysis")) == {"icpc-printed"}
        else:
            own = [run for run in runs if run.analysis.called in table.title]
            assert table.name.startswith("counts-") or {run.evidence for run in own} == {
                table.evidence
            }


@pytest.mark.parametrize("kind", OF_RUNS)
def test_a_synthetic_line_is_never_without_its_warning(kind: str, runs: list[Run]) -> None:
    for table in publication_tables(kind, runs):
        if "synthetic" in to_csv(table):
            assert "says nothing about real people" in " ".join(notes_of(table))


@pytest.mark.parametrize("kind", OF_RUNS)
def test_what_did_not_converge_is_marked(kind: str, runs: list[Run]) -> None:
    refused = [_refused(run) for run in runs]
    assert all("NOT CONVERGED" in table.caption for table in publication_tables(kind, refused))
    assert not any("NOT CONVERGED" in to_csv(t) for t in publication_tables(kind, runs))


def _refused(run: Run) -> Run:
    effects = tuple(replace(row, status="not converged") for row in run.effects)
    return replace(run, status="not converged", effects=effects)


@pytest.mark.parametrize(
    ("kind", "which"),
    [
        ("pilots", slice(1, 2)),
        ("report", slice(2, 3)),
        ("calibration", slice(0, 3)),
        ("effects", slice(0, 0)),
        ("diagnostics", slice(0, 0)),
    ],
)
def test_a_kind_without_rows_says_in_one_line_what_it_needs(
    kind: str, which: slice, runs: list[Run]
) -> None:
    with pytest.raises(BadInput) as refused:
        publication_tables(kind, runs[which])
    assert f"tables of kind {kind}" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_kind_that_does_not_exist_is_refused(runs: list[Run]) -> None:
    with pytest.raises(BadInput, match="effects, report, pilots"):
        publication_tables("stars", runs)


def test_the_function_is_public() -> None:
    assert sb.publication_tables.__wrapped__ is publication_tables


# ------------------------------------------------------------------------------------- pilots


def test_pilots_stand_before_all_together_and_a_new_authority(runs: list[Run]) -> None:
    (table, _) = publication_tables("pilots", runs)
    names = column(table, "target")
    assert names[-2:] == ["All pilots together", "A new authority"]
    assert column(table, "unpooled_median")[0] == pytest.approx(-0.03)
    assert column(table, "unpooled_median")[-1] is None
    assert column(table, "P(above 0)")[0] == 0.1
    assert table.errors["median"][-2] == 0.0003
    assert set(table.errors["P(above 0)"]) == {0.004}


def test_pilots_by_themselves_are_not_made_up_where_no_refit_tells_them(runs: list[Run]) -> None:
    quick = replace(runs[0], sensitivity=(), beside={})
    (table,) = publication_tables("pilots", [quick])
    assert "unpooled_median" not in keys(table)
    assert "Unpooled estimates" in " ".join(table.notes)


# ------------------------------------------------------------------------------------- priors


def test_each_prior_stands_with_its_reason_and_the_effect_under_it(runs: list[Run]) -> None:
    table = publication_tables("priors", runs[:1])[0]
    analysis = runs[0].analysis
    assert column(table, "parameter")[:2] == ["effect: reference", "effect: sceptical"]
    assert column(table, "why")[0] == analysis.effect_priors["reference"].why
    assert column(table, "median")[:2] == [0.012, 0.006]
    assert column(table, "P(above 0)")[:2] == [0.1, 0.1]
    at = column(table, "parameter").index("authority sd")
    declared = analysis.priors.authority_sd  # type: ignore[union-attr]
    assert column(table, "why")[at] == declared.why
    assert column(table, "prior")[at + 1 : at + 3] == ["HalfNormal(0.025)", "HalfNormal(0.1)"]
    tried = [row for row in runs[0].sensitivity if row.subject == "authority_sd"]
    medians = [row.median for row in tried if row.scale == "risk"]
    assert column(table, "median")[at : at + 3] == [None, *medians]
    assert set(column(table, "P(above 0)")[2:]) == {None}


def test_refits_of_print_with_other_priors_are_read_by_reading(runs: list[Run]) -> None:
    run = runs[1]
    row = run.effects[0]
    changed = [
        replace(
            row, **of_fit(f"{row.variant!s}; prior of the correlation Beta(8, 2)"), median=0.05
        ),
        replace(row, **of_fit(f"{row.variant!s}; prior scale of the authority sd 0.03")),
        replace(row, **of_fit(f"{row.variant!s}; critical values t(10)")),
        replace(row, **of_fit("another reading; prior scale of the authority sd 0.03")),
    ]
    (table,) = publication_tables("priors", [replace(run, sensitivity=tuple(changed))])
    tried = {line[:2]: line[3] for line in table.rows if line[2] == "instead of the declared one"}
    assert list(tried) == [("authority sd", "HalfNormal(0.03)"), ("correlation", "Beta(8, 2)")]
    assert tried["correlation", "Beta(8, 2)"] == 0.05


# --------------------------------------------------------------------------------- thresholds


def threshold_rows(prior: str, centre: float, **changes: object) -> Sequence[ThresholdRow]:
    """Above falls from 1 to 0 within two points of the centre; thresholds a tenth apart."""
    row = ThresholdRow(
        **of_effect("effect after settling-in"),
        target="pooled",
        scale="risk",
        prior=prior,
        **of_fit("main"),
        evidence="synthetic",
        threshold=0.0,
        above=0.5,
        mcse=0.003,
        status="converged",
    )
    steps = [round(0.001 * k, 6) for k in range(-100, 101)]
    return [
        replace(
            row,
            threshold=x,
            above=min(max(0.5 - (x - centre) / 0.04, 0.0), 1.0),
            **changes,  # type: ignore[arg-type]
        )
        for x in steps
    ]


def with_thresholds(run: Run) -> Run:
    rows = [
        *threshold_rows("reference", 0.012),
        *threshold_rows("sceptical", 0.006),
        *threshold_rows("reference", 0.01, target="new authority"),
        *threshold_rows("reference", 0.5, **of_effect("effect in year +1")),
        *threshold_rows("reference", 0.5, scale="log-odds"),
    ]
    return replace(run, beside={**run.beside, ThresholdRow: tuple(rows)})


def test_a_few_round_thresholds_show_what_a_fine_grid_says(runs: list[Run]) -> None:
    (table,) = publication_tables("thresholds", [with_thresholds(runs[0])])
    firsts = column(table, "threshold")
    assert firsts[0] == "All pilots together: effect after settling-in"
    at = firsts.index("0")
    assert table.rows[at][1:] == (pytest.approx(0.8), pytest.approx(0.65))
    assert {"−1", "+1", "+2"} <= set(firsts)  # the bounds of the statements are among them
    assert len(firsts) < 40
    assert "A new authority: effect after settling-in" in firsts
    assert not any("year" in str(first) for first in firsts)
    assert len(table.bold) == 2
    assert table.errors["P(reference)"][at] == 0.003


def test_bounds_of_statements_are_among_the_round_thresholds() -> None:
    rows = threshold_rows("reference", 0.012)
    assert 0.003 not in readable(rows)
    assert 0.003 in readable(rows, bounds=[0.003])
    assert 0.0 in readable(rows)


def test_the_grid_answers_where_no_statement_asks_for_0(runs: list[Run]) -> None:
    silent = replace(with_thresholds(runs[0]), probabilities=())
    table = publication_tables("priors", [silent])[0]
    assert column(table, "P(above 0)")[:2] == [pytest.approx(0.8), pytest.approx(0.65)]
    without = replace(runs[0], probabilities=())
    assert column(publication_tables("priors", [without])[0], "P(above 0)")[:2] == [None, None]


def test_without_a_grid_the_statements_are_shown(runs: list[Run]) -> None:
    (table,) = publication_tables("thresholds", [runs[0]])
    assert column(table, "statement")[:2] == [
        "All pilots together: effect after settling-in",
        "above 0 pp",
    ]
    assert column(table, "P(reference)")[1] == 0.1
    assert "without a grid of thresholds" in " ".join(table.notes)


# -------------------------------------------------------------------------------- diagnostics


def test_refits_are_one_line_with_the_worst_and_a_refused_one_has_its_own(runs: list[Run]) -> None:
    fit = runs[0].diagnostics["fits"]["main / reference"]
    fits = {
        "main / reference": fit,
        "no shocks / reference": {**fit, "max_rhat": 1.004, "kind": "no shocks"},
        "pilots fully pooled / reference": {
            **{**fit, "kind": "fully pooled"},
            **{"max_rhat": 1.2, "status": "not converged"},
        },
    }
    run = replace(runs[0], diagnostics={**runs[0].diagnostics, "fits": fits})
    table = publication_tables("diagnostics", [run])[0]
    assert column(table, "fit") == [
        "reference",
        "2 with one thing changed",
        "pilots fully pooled / reference",
    ]
    assert column(table, "max_rhat") == [1.002, 1.2, 1.2]
    assert column(table, "status") == ["converged", "not converged", "not converged"]


def test_checks_count_rates_inside_their_prediction(runs: list[Run]) -> None:
    checks = publication_tables("diagnostics", runs)[-1]
    inside = dict(zip(column(checks, "analysis"), column(checks, "inside"), strict=True))
    assert inside["icpc-linear"] == "13 of 14"  # the conftest's one year far out
    assert inside[runs[2].analysis.name] == "5 of 6"


# --------------------------------------------------------------------------------- comparison


def test_one_column_has_print_stars_and_posteriors_below_each_other(runs: list[Run]) -> None:
    (table,) = publication_tables("comparison", runs)
    assert column(table, "method")[0] == "Table 5, Linear model"
    assert column(table, "evidence") == [
        None,
        "published",
        "published-inferred",
        "synthetic",
        None,
        "open-data",
    ]
    printed, stars, children, _, opened = table.rows[1:]
    at = keys(table).index("risk")
    assert isinstance(printed[at], Estimate)
    assert printed[at].median == 0.0407
    assert [row[at].median for row in (stars, children, opened)] == [0.03, 0.012, 0.012]  # type: ignore[union-attr]
    assert printed[-1] == "no stars: p ≥ 0.1"
    assert children[-1] == "probability 0.10"


def test_outcomes_are_never_in_one_table(runs: list[Run], of_analysis: Callable[..., Run]) -> None:
    care = of_analysis("cla-linear")
    tables = publication_tables("comparison", [runs[0], care])
    assert [table.name for table in tables] == ["comparison-ICPC", "comparison-CLA"]
    assert "icpc-linear" not in to_csv(tables[1])
    assert "cla-linear" not in to_csv(tables[0])


def test_open_data_on_another_outcome_stay_out_of_a_table(runs: list[Run]) -> None:
    children, _, opened = runs
    care = replace(opened, analysis=replace(opened.analysis, outcome="CLA"))
    tables = {t.name: to_csv(t) for t in publication_tables("comparison", [children, care])}
    assert "model of counts" not in tables["comparison-ICPC"]
    assert "model of counts" in tables["comparison-CLA"]


def test_the_evidence_of_a_mixed_table_is_the_one_whose_warning_counts() -> None:
    assert gravest(["records", "published", "synthetic"]) == "synthetic"
    assert gravest(["published", "open-data", "records"]) == "records"
    assert gravest(["published", "published-inferred"]) == "published-inferred"


def test_a_printed_number_with_nothing_beside_it_is_no_comparison(
    runs: list[Run], of_analysis: Callable[..., Run]
) -> None:
    with pytest.raises(BadInput, match="comparison"):
        publication_tables("comparison", [of_analysis("icpc-lagged")])


def test_a_folder_of_something_else_beside_is_refused(runs: list[Run], tmp_path: Path) -> None:
    for kind in ("comparison", "calibration"):
        with pytest.raises(
            BadInput,
            match=r"manifest\.json: found no such file",
        ):
            publication_tables(kind, runs, beside=[tmp_path])
