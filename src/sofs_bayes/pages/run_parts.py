"""A run → its parts of a report: why, figures, model and priors, checks."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from sofs_bayes.figures import Drawing
from sofs_bayes.matching.choice import PreTrendRow
from sofs_bayes.pages.formulas import formula
from sofs_bayes.pages.page import SYNTHETIC, Part
from sofs_bayes.pages.pictures import drawings
from sofs_bayes.pages.words import (
    answers,
    main_scale,
    marked,
    result_sentence,
)
from sofs_bayes.records.notices import Notice
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import HierarchicalAnalysis, OpenAnalysis, PrintedAnalysis
from sofs_bayes.spec.study import denominator_of, events_of
from sofs_bayes.spec.years import years_of
from sofs_bayes.tables import contents
from sofs_bayes.tables.contents import assumptions
from sofs_bayes.tables.formats import Table


# What a figure shows, by the beginning of its name, the longest that fits.
def run_parts(run: Run) -> Iterator[Part]:
    """The parts of one run: a heading with its figures, then model and checks below it."""
    name = run.analysis.name
    figures = tuple(_named_figures(run))
    yield Part(
        heading=run.analysis.title,
        anchor=name,
        level=3,
        evidence=run.evidence,
        paragraphs=(
            f"{name}: {run.analysis.why}",
            *contents.counts_used(run),
            *contents.rows_taken(run.analysis),
            *_what_was_counted(run),
            *(result_sentence(run, row) for row in answers(run)),
        ),
        bullets=(*run.withheld, *_readings(run)),
        figures=figures,
        captions={each.name: f"{caption(run, each)}." for each in figures},
    )
    yield Part(
        heading=f"{name}: the model",
        anchor=f"{name}-model",
        level=4,
        evidence=run.evidence,
        paragraphs=formula(run),
        folded=_own(run, _model_tables(run)),
    )
    yield Part(
        heading=f"{name}: what was checked",
        anchor=f"{name}-checks",
        level=4,
        evidence=run.evidence,
        folded=_own(run, _check_tables(run)),
    )


def _readings(run: Run) -> Iterator[str]:
    """How stars of print are read, and why."""
    if isinstance(run.analysis, PrintedAnalysis):
        for each in run.analysis.readings:
            yield f"Reading “{each.name}”: {each.why}"


def _what_was_counted(run: Run) -> Iterator[str]:
    """Of open counts: what is counted over which years, and how comparators were chosen."""
    analysis = run.analysis
    if not isinstance(analysis, OpenAnalysis):
        return
    counted = f"{events_of(analysis)} among {denominator_of(analysis)}"
    ends = (analysis.data.first_year, analysis.data.last_year)
    first, last = map(years_of(analysis).name, ends)
    yield f"Counted are {counted}, {first} to {last}. {analysis.design.comparators.why}"
    trend = next(iter(run.rows(PreTrendRow)), None)
    if trend is not None and trend.trend_gap == trend.trend_gap:
        yield (
            "Before settling-in, pilots and comparators differ in trend by"
            f" {trend.trend_gap:.3f} on log-odds (root mean square), against"
            f" {trend.trend_gap_all:.3f} with all eligible authorities."
        )


def caption(run: Run, drawing: Drawing) -> str:
    """Of which analysis a figure is, and what it shows: its title is what was found."""
    return f"{run.analysis.name}. {drawing.canvas.subtitle}"


def _named_figures(run: Run) -> Iterator[Drawing]:
    """The run's figures under names of their own, their alt texts marked where children are
    simulated."""
    mark = f"{SYNTHETIC}. " if run.evidence == "synthetic" else ""
    for each in drawings(run):
        yield replace(each, name=f"{run.analysis.name}-{each.name}", alt=f"{mark}{each.alt}")


def _own(run: Run, tables: Sequence[Table]) -> tuple[Table, ...]:
    """The tables that have rows, under names of their own, marked where children are simulated."""
    return contents.named_apart(
        [
            marked(replace(table, name=f"{run.analysis.name}-{table.name}"))
            for table in tables
            if table.rows
        ]
    )


def _model_tables(run: Run) -> Sequence[Table]:
    tables = contents.priors_of(run)
    if isinstance(run.analysis, HierarchicalAnalysis):
        tables.append(contents.design_table(run))
    if isinstance(run.analysis, OpenAnalysis):
        tables += [
            assumptions.windows_table(run),
            contents.pre_trend_table(run),
            contents.matches_table(run),
            contents.left_out_table(run),
            contents.rates_table(run),
            contents.notices_table(run.rows(Notice), run.evidence),
        ]
    return tables


def _check_tables(run: Run) -> Sequence[Table]:
    tables = [contents.diagnostics_table(run)]
    if run.analysis.kind != "printed":
        return [*tables, *contents.hierarchical_diagnostics(run)]
    table = contents.sensitivity_table(run, scale=main_scale(run), prior=run.prior)
    return [*tables, table]
