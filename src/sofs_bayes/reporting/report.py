"""Runs and audit → one self-contained page in plain words, with its tables and figures."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sofs_bayes.estimands import POOLED
from sofs_bayes.reporting import contents
from sofs_bayes.reporting.page import Page, Part, write_page
from sofs_bayes.reporting.pictures import brackets, comparison
from sofs_bayes.reporting.report_words import (
    ABOUT_OPEN,
    ABOUT_PRINT,
    NO_OPEN_DATA,
    NOT_HERE,
    break_sentences,
    limits,
)
from sofs_bayes.reporting.run_folder import Run
from sofs_bayes.reporting.run_report import QUESTION, provenance
from sofs_bayes.reporting.run_report_parts import run_parts
from sofs_bayes.reporting.run_report_words import (
    answers,
    effect_sentence,
    evidence_boxes,
    evidences,
)
from sofs_bayes.reporting.tables import Table
from sofs_bayes.spec import OpenAnalysis, PrintedAnalysis
from sofs_bayes.spec.outcomes import column_in_words

if TYPE_CHECKING:
    from sofs_bayes.published.audit import Audit


FILES = (
    "report.docx is the same for Word. Every table is in the folder tables/ (CSV and Markdown),"
    " every picture in figures/ (PNG, PDF and the data behind it), every fit in runs/ with its"
    " diagnostics."
)


def write_report(
    folder: Path, runs: Sequence[Run], audit: "Audit", *, versions: Mapping[str, str]
) -> Page:
    """The page, and `index.html`, `tables/` (CSV, Markdown), `figures/` (PNG, PDF, data) of it.

    Parameters
    ----------
    folder
        An existing folder.
    runs
        Printed ones first, the main analyses before those that differ in one respect.
    audit
        Of the printed tables.
    versions
        Of the packages the results depend on.
    """
    status = "converged" if all(run.status == "converged" for run in runs) else "not converged"
    page = Page(
        title="Signs of Safety: a Bayesian re-analysis",
        heading="Signs of Safety: what the published evidence supports",
        lead="A Bayesian re-analysis of the evaluation's results on child protection conferences"
        " and entry to care.",
        parts=tuple(_parts(runs, audit)),
        files=FILES,
        provenance=tuple(provenance(runs, (), versions)),
        status=status,
    )
    write_page(folder, page, further=_whole_tables(runs))
    return page


def _named(table: Table, run: Run, suffix: str) -> Table:
    return replace(table, name=f"{run.analysis.name}-{suffix}")


def _whole_tables(runs: Sequence[Run]) -> list[Table]:
    """Tables too long for the page: every printed number, every effect of open data."""
    from sofs_bayes.published.facts import load_facts

    every = [contents.facts_table(load_facts())]
    for run in runs:
        if isinstance(run.analysis, PrintedAnalysis):
            continue
        for scale in contents.effect_scales(run):
            table = contents.effects_table(run, scale=scale)
            every.append(_named(table, run, f"effects-{scale.replace(' ', '-')}"))
    return every


# ------------------------------------------------------------------------------- the parts


def _parts(runs: Sequence[Run], audit: "Audit") -> Iterator[Part]:
    printed = [run for run in runs if isinstance(run.analysis, PrintedAnalysis)]
    opened = [run for run in runs if isinstance(run.analysis, OpenAnalysis)]
    yield Part(heading="The question", anchor="question", paragraphs=QUESTION)
    yield Part(
        heading="What this rests on",
        anchor="evidence",
        boxes=evidence_boxes(["published", *evidences(runs)]),
        bullets=NOT_HERE,
    )
    yield _in_short(printed, opened)
    yield _print_audit(audit)
    yield Part(heading="What the printed tables allow", anchor="printed", paragraphs=ABOUT_PRINT)
    for run in printed:
        yield from _printed(run)
    official = all(run.evidence == "open-data" for run in opened)
    about = NO_OPEN_DATA if not opened else ABOUT_OPEN if official else ()
    yield Part(heading="What open data say", anchor="open", paragraphs=about)
    for run in opened:
        yield from _opened(run, main=run is opened[0])
    yield limits(opened)


def _in_short(printed: Sequence[Run], opened: Sequence[Run]) -> Part:
    shown_runs = [*printed[:2], *opened[:1]]
    bullets = [sentence for run in shown_runs for sentence in _headlines(run)]
    comparable = [run for run in (*printed, *opened) if "risk" in contents.effect_scales(run)]
    return Part(
        heading="In short",
        anchor="short",
        bullets=tuple(bullets),
        figures=(comparison(comparable),),
    )


def _headlines(run: Run) -> Iterable[str]:
    """A sentence on the pooled effect: per reading for print, with and without breaks else."""
    rows = answers(run)
    for row in rows:
        reading = f" (reading: {row.variant})" if len(rows) > 1 else ""
        yield f"{run.analysis.title}{reading}. {effect_sentence(run, row)}"
    if isinstance(run.analysis, OpenAnalysis):
        yield from break_sentences(run)


def _print_audit(audit: "Audit") -> Part:
    wrong = [f for f in audit.findings if f.agrees is False]
    right = [f for f in audit.findings if f.agrees is True]
    derived = [f for f in audit.findings if f.agrees is None]
    main, every = brackets(audit)
    return Part(
        heading="What the report prints, and whether it holds together",
        anchor="holds-together",
        paragraphs=(
            f"{len(audit.findings)} questions were put to the printed numbers: {len(right)}"
            f" agree, {len(wrong)} do not, and {len(derived)} derive a number that nothing"
            " printed can confirm. Those that do not agree:",
        ),
        bullets=tuple(f.sentence for f in wrong),
        figures=(main,),
        beside=(every,),
        folded=(contents.findings_table(audit), contents.brackets_table(audit)),
    )


def _printed(run: Run) -> Iterator[Part]:
    """The run's parts, with the readings of the stars and effects on every scale."""
    assert isinstance(run.analysis, PrintedAnalysis)
    first, *others = run_parts(run)
    readings = [f"Reading “{each.name}”: {each.why}" for each in run.analysis.readings]
    tables = [
        _named(contents.effects_table(run, scale=scale), run, f"on-{scale.replace(' ', '-')}")
        for scale in contents.effect_scales(run)
    ]
    yield replace(first, bullets=(*first.bullets, *readings), tables=tuple(tables))
    yield from others


def _opened(run: Run, *, main: bool) -> Iterator[Part]:
    """The run's parts, with what was counted and compared; of further runs one figure."""
    assert isinstance(run.analysis, OpenAnalysis)
    first, model, checks = run_parts(run)
    title, scale = run.analysis.title, contents.risk_scale(run)
    unit = contents.UNIT_OF[scale]
    by_prior = contents.effects_table(
        run,
        scale=scale,
        keep=lambda row: row.target == POOLED and row.kind == "main",
        title=f"{title}: pooled effect by prior ({unit})",
    )
    by_target = contents.effects_table(
        run,
        scale=scale,
        keep=lambda row: row.prior == run.prior and row.kind == "main",
        title=f"{title}: {run.prior} prior ({unit})",
    )
    shown_figures = len(first.figures) if main else 1
    yield replace(
        first,
        paragraphs=(*first.paragraphs, _choice_sentence(run, run.analysis)),
        figures=first.figures[:shown_figures],
        beside=first.figures[shown_figures:],
        tables=(
            _named(by_prior, run, "by-prior"),
            *((_named(by_target, run, "by-target"),) if main else ()),
        ),
    )
    notices = contents.notices_table(run.extra["notices"][1], run.evidence)
    yield _with(model, run, contents.rates_table(run), notices)
    yield _with(checks, run, contents.extremes_table(run))


def _with(part: Part, run: Run, *tables: Table) -> Part:
    more = tuple(_named(table, run, table.name) for table in tables if table.rows)
    return replace(part, folded=(*part.folded, *more))


def _choice_sentence(run: Run, analysis: OpenAnalysis) -> str:
    trend = next(iter(run.extra["pre_trend"][1]), None)
    pair = (analysis.data.events, analysis.data.denominator)
    counted = " among ".join(map(column_in_words, pair))
    years = f"{analysis.data.first_year}/{(analysis.data.first_year + 1) % 100:02d}"
    last = f"{analysis.data.last_year}/{(analysis.data.last_year + 1) % 100:02d}"
    text = f"Counted are {counted}, {years} to {last}. {analysis.design.comparators.why}"
    if trend is None or trend.trend_gap != trend.trend_gap:
        return text
    return (
        f"{text} Before settling-in, pilots and comparators differ in trend by"
        f" {trend.trend_gap:.3f} on log-odds (root mean square), against"
        f" {trend.trend_gap_all:.3f} with all eligible authorities."
    )
