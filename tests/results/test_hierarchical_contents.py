"""Rows of a hierarchical run → tables: which rows and columns, in which form."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.rows import of_effect, of_fit

from sofs_bayes.checks.loo import ComparisonRow
from sofs_bayes.checks.registry.arm_weights import BOTH, ArmWeightRow
from sofs_bayes.checks.registry.leaving_out import LooRow, LooSummary
from sofs_bayes.checks.registry.predictions import ArmYearCheck
from sofs_bayes.checks.registry.tipping import TippingPoint
from sofs_bayes.estimands import EffectRow
from sofs_bayes.pages.check_sentences import check_sentences
from sofs_bayes.release.runs import cleared
from sofs_bayes.runs.run_folder import Run, fill, read
from sofs_bayes.spec import Exponential, HierarchicalAnalysis, load
from sofs_bayes.spec.keys import OTHER, SIMILAR
from sofs_bayes.tables import contents
from sofs_bayes.tables.contents.checks import predictive_statistics_table
from sofs_bayes.tables.contents.hierarchical_checks import (
    arm_years_table,
    authority_loo_table,
    loo_cells_table,
    loo_table,
    monte_carlo_table,
    power_scaling_table,
    tipping_table,
)
from sofs_bayes.tables.contents.priors import priors_table
from sofs_bayes.tables.formats import EVIDENCE_LINES, Cell, Table, shown, to_csv, to_markdown

MakeEffect = Callable[..., EffectRow]
NAN = float("nan")
TABLES = (
    contents.design_table,
    contents.pilots_table,
    contents.sensitivity_table,
    arm_years_table,
    loo_table,
    loo_cells_table,
    authority_loo_table,
    power_scaling_table,
    tipping_table,
    monte_carlo_table,
)


def keys(table: Table) -> list[str]:
    return [column.key for column in table.columns]


def column(table: Table, key: str) -> list[Cell]:
    at = keys(table).index(key)
    return [row[at] for row in table.rows]


def formats(table: Table) -> dict[str, str]:
    return {each.key: each.format for each in table.columns}


def with_rows(run: Run, kind: type, rows: tuple[Any, ...]) -> Run:
    return replace(run, beside={**run.beside, kind: rows})


def of_log_odds() -> HierarchicalAnalysis:
    analysis = load("cla-logistic")
    assert isinstance(analysis, HierarchicalAnalysis)
    return analysis


# ------------------------------------------------------------------------------ all tables


@pytest.mark.parametrize("table_of_run", TABLES)
def test_every_table_is_whole_and_marked(
    hierarchical_run: Run, table_of_run: Callable[[Run], Table]
) -> None:
    table = table_of_run(hierarchical_run)
    assert table.rows
    assert all(len(row) == len(table.columns) for row in table.rows)
    assert hierarchical_run.analysis.called in table.title
    assert EVIDENCE_LINES["synthetic"] in to_markdown(table)
    assert to_csv(table).count("synthetic,converged") + to_csv(table).count(
        "converged,synthetic"
    ) >= len(table.rows)
    if table_of_run is not contents.design_table:
        refused = table_of_run(replace(hierarchical_run, status="not converged"))
        assert refused.caption.startswith("NOT CONVERGED: ")
        bare = table_of_run(replace(hierarchical_run, sensitivity=(), beside={}))
        assert bool(bare.rows) == (table_of_run is contents.pilots_table)


def test_diagnostics_are_the_tables_there_are_rows_for(hierarchical_run: Run) -> None:
    names = [table.name for table in contents.hierarchical_diagnostics(hierarchical_run)]
    assert names == [
        *("predictive_statistics", "arm_years", "loo", "loo_cells", "authority_loo"),
        *("power_scaling", "tipping_points", "monte_carlo", "sensitivity"),
    ]
    kept = {TippingPoint: hierarchical_run.rows(TippingPoint)}
    few = contents.hierarchical_diagnostics(replace(hierarchical_run, beside=kept))
    assert [table.name for table in few] == ["tipping_points", "sensitivity"]


def test_a_check_is_shown_read_back_and_released_by_its_entry_alone(
    hierarchical_run: Run, tmp_path: Any
) -> None:
    """Of `arm_weights` nothing is said outside its file in the registry."""
    row = ArmWeightRow(
        **of_effect("effect after settling-in"),
        target="pooled",
        scale="risk",
        arm="pilot",
        factor=0.5,
        median=0.021,
        lower=-0.04,
        upper=0.08,
        level=0.9,
        interval="eti",
        pareto_k=0.31,
    )
    beside = {**hierarchical_run.beside, ArmWeightRow: (row, replace(row, scale="log-odds"))}
    run = replace(hierarchical_run, beside=beside)
    found = {table.name: table for table in contents.hierarchical_diagnostics(run)}["arm_weights"]
    assert len(found.rows) == 1  # on the scale of risk
    assert "| pilot | 0.50 | +2.1 | −4.0 | +8.0 | 0.31 |" in to_markdown(found)
    assert "| Median | 90% credible interval: lower | upper |" in to_markdown(found)
    nan = float("nan")
    three = (replace(row, arm=BOTH, median=0.024), row)
    three += (replace(row, arm="comparator", median=nan, lower=nan, upper=nan, pareto_k=0.9),)
    said = check_sentences(replace(run, beside={**run.beside, ArmWeightRow: three}))
    assert (
        "Weights: the pooled effect's median, +2.4 percentage points, is +2.1 with the pilots' data"
        " and not to be had from the draws with the comparators' data counted for half as much."
    ) in said
    fill(run, tmp_path)
    assert read(tmp_path).rows(ArmWeightRow) == beside[ArmWeightRow]
    left, log = cleared(run)
    assert left.rows(ArmWeightRow) == beside[ArmWeightRow]
    assert [line.result for line in log if line.output.endswith("arm_weights")] == ["passed"]


def test_a_run_is_read_back_with_all_its_rows(hierarchical_run: Run, tmp_path: Any) -> None:
    summary = LooSummary(
        likelihood="gaussian", weight=1.0, points=12, elpd=27.0, se=0.6, p_loo=8.2, high_k=1
    )
    extra = {**hierarchical_run.beside, LooSummary: (summary,)}
    run = replace(hierarchical_run, beside=extra)
    fill(run, tmp_path)
    again = read(tmp_path)
    assert again.sensitivity == run.sensitivity
    assert {kind: repr(rows) for kind, rows in again.beside.items()} == {
        kind: repr(rows) for kind, rows in run.beside.items()
    }
    assert again.analysis == run.analysis


# ---------------------------------------------------------------------------- the effects


def test_scales_without_statements_come_last(hierarchical_run: Run, effect: MakeEffect) -> None:
    assert contents.effect_scales(hierarchical_run) == ("risk", "children per 1,000")
    scales = ("children per 1,000", "log-odds", "odds ratio", "risk")
    rows = tuple(effect("pooled", 1.0, 0.1, scale=scale) for scale in scales)
    run = replace(hierarchical_run, analysis=of_log_odds(), effects=rows)
    assert contents.effect_scales(run) == (
        *("risk", "odds ratio", "log-odds", "children per 1,000"),
    )


def test_children_per_1000_have_a_sign_and_no_statements(hierarchical_run: Run) -> None:
    table = contents.effects_table(hierarchical_run, scale="children per 1,000")
    assert keys(table) == ["target", "prior", "median", "lower", "upper"]
    assert formats(table)["median"] == "signed"
    assert table.title.endswith("(children per 1,000)")
    assert "| pooled | reference | +12.0 | −11.0 | +35.0 |" in to_markdown(table)
    assert table.notes == ("Intervals: 90%, equal-tailed.",)
    assert (shown(-0.04, "signed"), shown(123.46, "signed")) == ("−0.0", "+123.5")


def test_effects_have_the_probability_of_every_statement(hierarchical_run: Run) -> None:
    table = contents.effects_table(hierarchical_run, scale="risk")
    said = hierarchical_run.analysis.estimands.statements
    assert len([key for key in keys(table) if key.startswith("P(")]) == len(said)
    assert column(table, "P(above 0 pp)") == [0.1] * 12
    assert "Largest Monte Carlo error of a probability: 0.004." in table.notes


def test_effects_of_other_columns_keep_their_names(
    hierarchical_run: Run, effect: MakeEffect
) -> None:
    names = [
        "effect against comparators with a similar practice model",
        "effect against other comparators",
        "effect at an Ofsted rating of 2",
        "effect in year -2",
    ]
    rows = tuple(effect("pooled", 0.01, 0.02, **of_effect(name)) for name in names)
    table = contents.effects_table(replace(hierarchical_run, effects=rows), scale="risk")
    assert column(table, "estimand") == names


# ----------------------------------------------------------------- what changes the effect


def test_pilots_stand_by_themselves_and_pooled(hierarchical_run: Run) -> None:
    table = contents.pilots_table(hierarchical_run)
    text = to_markdown(table)
    assert len(table.rows) == 6
    assert "| Ashmere | −3.0 | −8.0 | +2.0 | −1.0 | −4.0 | +2.0 | 60.0% |" in text
    assert column(table, "shrinkage")[1] != column(table, "shrinkage")[1]  # NaN
    assert "effect of all together (+1.2)" in text
    rows = tuple(replace(row, scale="log-odds") for row in hierarchical_run.effects[::2])
    logit = contents.pilots_table(replace(hierarchical_run, effects=rows), scale="log-odds")
    assert formats(logit)["median"] == "signed2"
    assert formats(logit)["unpooled_median"] == "signed2"
    assert column(logit, "unpooled_median")[0] == pytest.approx(9 * -0.03)
    assert "(log-odds)" in logit.title


def test_changes_begin_with_the_main_fit(hierarchical_run: Run, effect: MakeEffect) -> None:
    table = contents.sensitivity_table(hierarchical_run, grid=False)
    assert column(table, "variant")[:3] == ["main", "the regression itself", "pilots not pooled"]
    assert not any("×" in str(cell) for cell in column(table, "variant"))
    assert keys(table) == ["variant", "median", "lower", "upper", "status"]
    assert "Prior of the effect: reference." in table.notes
    years = [effect("pooled", 0.01, 0.02, **of_effect(f"effect in year {k:+d}")) for k in (0, 1)]
    changed = tuple(replace(row, **of_fit("no shocks")) for row in years)
    run = replace(hierarchical_run, effects=tuple(years), sensitivity=changed)
    assert column(contents.sensitivity_table(run), "estimand") == [
        *("effect in year +0", "effect in year +1") * 2
    ]


def test_spreads_are_no_changes(hierarchical_run: Run, effect: MakeEffect) -> None:
    spread = effect(
        "pooled", 0.1, 0.01, **of_effect("spread between pilots"), **of_fit("no shocks")
    )
    run = replace(hierarchical_run, sensitivity=(spread,))
    assert not contents.sensitivity_table(run).rows
    assert "instead of the declared one" not in column(priors_table(run), "why")


def test_a_grid_names_the_priors_it_tries(hierarchical_run: Run) -> None:
    table = priors_table(hierarchical_run)
    at = column(table, "parameter").index("authority sd")
    assert column(table, "prior")[at : at + 3] == [
        *("HalfNormal(0.05)", "HalfNormal(0.025)", "HalfNormal(0.1)")
    ]
    assert column(table, "median")[at] is None
    assert column(table, "why").count("instead of the declared one") == 6
    analysis = hierarchical_run.analysis
    assert isinstance(analysis, HierarchicalAnalysis)
    exponential = Exponential(mean=0.02, why="because it is so")
    priors = replace(analysis.priors, authority_sd=exponential)
    run = replace(hierarchical_run, analysis=replace(analysis, priors=priors))
    assert column(priors_table(run), "prior")[at + 2] == "Exponential(mean 0.04)"


def test_the_design_says_every_choice_and_prior(hierarchical_run: Run) -> None:
    table = contents.design_table(hierarchical_run)
    found = {row[0]: row[1:] for row in table.rows}
    assert found["likelihood"][0] == "gaussian"
    assert found["regression"][0] == "Linear model, Table 5"
    assert found["shocks"][0] == "persistent"
    assert "years since" not in found  # this column has none
    assert found["prior: shock sd"][0] == "HalfNormal(0.03)"
    assert "leads" in str(found["prior: departure"][0])
    assert "prior: child covariate" not in found  # flat in a linear model
    assert all(row[2] for row in table.rows)


def test_the_design_of_other_models(hierarchical_run: Run) -> None:
    analysis = of_log_odds()
    model = replace(analysis.model, weights="covariates", tails="student t", degrees_of_freedom=5.0)
    without = replace(analysis, model=model)
    found = {
        r[0]: r[1:] for r in contents.design_table(replace(hierarchical_run, analysis=without)).rows
    }
    assert found["tails"][0] == "student t, 5 degrees of freedom"
    assert "strata" in str(found["weights"][1])
    assert "weights sum to" not in found
    assert "prior: child covariate" in found
    assert "prior: residual sd" not in found


# ------------------------------------------------------------------------------ the checks


def test_arms_and_years_have_posterior_and_prior_beside_each_other(hierarchical_run: Run) -> None:
    table = arm_years_table(hierarchical_run)
    assert column(table, "arm") == ["pilot"] * 9 + ["comparator"] * 9
    assert column(table, "year")[5:9] == ["2017", "2018", "before", "after"]
    text = to_markdown(table)
    assert "| pilot | 2012 | 10,000 | 11.4% | 9.0% | 13.0% | 0.40 | −9.0% | 31.0% | 0.40 |" in text
    rows = tuple(r for r in hierarchical_run.rows(ArmYearCheck) if r.kind == "posterior")
    alone = arm_years_table(with_rows(hierarchical_run, ArmYearCheck, rows[1:]))
    assert keys(alone)[4:] == ["posterior_lower", "posterior_upper", "posterior_p"]
    mixed = (*hierarchical_run.rows(ArmYearCheck)[:1], *rows[1:])  # 2012 by its prior only
    first = arm_years_table(with_rows(hierarchical_run, ArmYearCheck, mixed)).rows[0]
    assert first[4:7] == (None, None, None)
    assert first[9] == 0.4


def test_leave_one_out_in_one_line_and_by_cell(hierarchical_run: Run) -> None:
    (line,) = loo_table(hierarchical_run).rows
    assert line[0] == 12
    assert line[1] == pytest.approx(2 * sum(2.0 + 0.1 * i for i in range(6)))
    # Twelve values, six of them twice: √(12 · variance), which is √(Σ (x - mean)²).
    assert line[2] == pytest.approx((2 * sum((0.1 * i - 0.25) ** 2 for i in range(6))) ** 0.5)
    assert line[3:] == (None, 1, 0.85, "only to be relied on where k is small")
    cells = loo_cells_table(hierarchical_run)
    assert cells.rows[0] == ("Fennick", 2013, 2.1, 0.85)
    assert len(cells.rows) == 10
    assert len(loo_cells_table(hierarchical_run, most=3).rows) == 3
    good = tuple(replace(row, pareto_k=0.3) for row in hierarchical_run.rows(LooRow))
    (line,) = loo_table(with_rows(hierarchical_run, LooRow, good)).rows
    assert line[4:] == (0, 0.3, "to be relied on")


def test_effective_parameters_are_given_where_they_are_known(hierarchical_run: Run) -> None:
    summary = LooSummary(
        likelihood="gaussian", weight=1.0, points=12, elpd=27.0, se=0.6, p_loo=8.2, high_k=1
    )
    extra = {**hierarchical_run.beside, LooSummary: (summary,)}
    (line,) = loo_table(replace(hierarchical_run, beside=extra)).rows
    assert line[3] == 8.2


def test_a_pareto_k_that_is_undefined_is_counted_as_high(hierarchical_run: Run) -> None:
    rows = tuple(replace(row, pareto_k=NAN) for row in hierarchical_run.rows(LooRow))
    (line,) = loo_table(with_rows(hierarchical_run, LooRow, rows)).rows
    assert line[4] == 12


def test_authorities_left_out_are_pilots_first(hierarchical_run: Run) -> None:
    table = authority_loo_table(hierarchical_run)
    assert column(table, "authority") == ["Coldharbour", "Ashmere", "Fennick"]
    assert "| Coldharbour | pilot | −14.5 | 0.8 | yes |" in to_markdown(table)


def test_tipping_points_are_sentences(hierarchical_run: Run) -> None:
    sentences = [str(cell) for cell in column(tipping_table(hierarchical_run), "sentence")]
    assert sentences[:3] == [
        "rises to 95% if trends had departed by −0.3 pp",
        "falls to 50% if trends had departed by +1.2 pp",
        "is not seen to fall to 5%: not reached within a departure of +4.8 pp",
    ]
    points = tuple(p for p in hierarchical_run.rows(TippingPoint) if p.target == "pooled")
    small = tipping_table(with_rows(hierarchical_run, TippingPoint, points))
    assert "departed by −0.27 pp" in str(small.rows[0][1])
    assert formats(small)["departure"] == "pp2"
    logit = tuple(replace(point, scale="log-odds") for point in points)
    table = tipping_table(with_rows(hierarchical_run, TippingPoint, logit))
    assert "departed by +0.01 (log-odds)" in str(table.rows[1][1])
    assert table.columns[2].heading == "Departure (log-odds)"


def test_power_scaling_names_the_priors_scaled(hierarchical_run: Run) -> None:
    text = to_markdown(power_scaling_table(hierarchical_run))
    assert (
        "| effect after settling-in | pooled | standard deviations | 0.021 | 0.094 | no sign of"
        in text
    )


def test_monte_carlo_errors_are_those_of_one_scale(hierarchical_run: Run) -> None:
    assert len(monte_carlo_table(hierarchical_run).rows) == 1
    thousands = monte_carlo_table(hierarchical_run, scale="children per 1,000")
    assert len(thousands.rows) == 1
    assert thousands.notes == ()


def test_movement_is_on_the_scale_of_the_model(hierarchical_run: Run, open_run: Run) -> None:
    table = predictive_statistics_table(hierarchical_run)
    assert table.columns[0].heading == "Comparators' rates"
    assert "all cells" in table.notes[0]
    logit = replace(hierarchical_run, analysis=of_log_odds())
    for run in (logit, open_run):
        heading = predictive_statistics_table(run).columns[0].heading
        assert heading == "Comparators' log-odds"
    assert predictive_statistics_table(open_run).notes == ()


def test_analyses_are_compared_in_the_order_given() -> None:
    best = ComparisonRow(
        analysis="icpc-linear",
        elpd=-120.0,
        difference=0.0,
        se_difference=0.0,
        se_by_authority=0.0,
        authorities=11,
        weight=0.9,
        p_loo=14.0,
        worst_k=0.6,
    )
    rows = [best, replace(best, analysis="other", elpd=-125.5, difference=5.5, weight=0.1)]
    table = contents.comparison_table(rows, evidence="synthetic", status="not converged")
    assert column(table, "analysis") == ["icpc-linear", "other"]
    assert table.caption.startswith("NOT CONVERGED: ")
    assert "| other | −126 | 5.5 |" in to_markdown(table)
    assert "years of 11 authorities" in table.notes[1]
    many = [replace(row, authorities=147) for row in rows]
    assert len(contents.comparison_table(many, evidence="synthetic").notes) == 1


def test_columns_stand_beside_each_other(hierarchical_run: Run, effect: MakeEffect) -> None:
    kinds = (OTHER, SIMILAR)
    rows = tuple(effect("pooled", 0.01, 0.02, **of_effect(kind)) for kind in kinds)
    analysis = replace(hierarchical_run.analysis, name="kinds")
    other = replace(
        hierarchical_run, analysis=analysis, effects=rows, probabilities=(), status="not converged"
    )
    table = contents.columns_table([hierarchical_run, other])
    assert column(table, "analysis") == ["icpc-linear", "kinds", "kinds"]
    assert column(table, "estimand")[1:] == list(kinds)
    assert column(table, "P(above 0)") == [0.1, None, None]
    assert column(table, "column") == ["Linear model"] * 3
    assert table.caption.startswith("NOT CONVERGED: ")
    assert table.evidence == "synthetic"
    thousands = contents.columns_table([hierarchical_run], scale="children per 1,000")
    assert "| +12.0 | −11.0 | +35.0 |" in to_markdown(thousands)
