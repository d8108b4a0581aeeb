"""Runs and audit → one self-contained page in plain words, with its tables and figures."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sofs_bayes import spec
from sofs_bayes.estimands import POOLED
from sofs_bayes.reporting import assumptions, contents
from sofs_bayes.reporting.figures import Drawing
from sofs_bayes.reporting.page import Page, Part, write_page
from sofs_bayes.reporting.pictures import brackets, comparison, drawings
from sofs_bayes.reporting.report_words import (
    ABOUT_OPEN,
    ABOUT_PRINT,
    NO_OPEN_DATA,
    break_sentences,
    effect_sentence,
    evidence,
    limits,
    question,
)
from sofs_bayes.reporting.run_folder import Run
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
        provenance=tuple(_provenance(runs, versions)),
        status=status,
    )
    write_page(folder, page, further=_whole_tables(runs))
    return page


def _named(table: Table, run: Run, suffix: str) -> Table:
    from dataclasses import replace

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


def _parts(runs: Sequence[Run], audit: "Audit") -> list[Part]:
    printed = [run for run in runs if isinstance(run.analysis, PrintedAnalysis)]
    opened = [run for run in runs if isinstance(run.analysis, OpenAnalysis)]
    parts = [
        question(),
        evidence(opened),
        _in_short(printed, opened),
        _print_audit(audit),
        Part(heading="What the printed tables allow", anchor="printed", paragraphs=ABOUT_PRINT),
        *(_printed(run) for run in printed),
    ]
    if opened:
        about = ABOUT_OPEN if all(run.evidence == "open-data" for run in opened) else ()
        parts.append(Part(heading="What open data say", anchor="open", paragraphs=about))
        parts += [_opened(run, main=run is opened[0]) for run in opened]
    else:
        about = ABOUT_OPEN if all(run.evidence == "open-data" for run in opened) else ()
        parts.append(Part(heading="What open data say", anchor="open", paragraphs=NO_OPEN_DATA))
    parts.append(limits(opened))
    return parts


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
    prior = run.prior
    scale: spec.Scale = "risk" if "risk" in contents.effect_scales(run) else "odds ratio"
    rows = [
        row
        for row in run.effects
        if row.scale == scale
        and row.prior == prior
        and row.target == POOLED
        and row.is_effect
        and row.kind == "main"
    ]
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


def _printed(run: Run) -> Part:
    assert isinstance(run.analysis, PrintedAnalysis)
    scales = contents.effect_scales(run)
    prior = run.prior
    readings = [f"{reading.name}: {reading.why}" for reading in run.analysis.readings]
    design_scale = run.analysis.design.scale
    return Part(
        heading=run.analysis.title,
        anchor=run.analysis.name,
        level=3,
        paragraphs=(run.analysis.why,),
        bullets=tuple(f"Reading “{each}" for each in _quoted(readings)),
        figures=_prefixed(run, drawings(run)),
        tables=tuple(
            _named(contents.effects_table(run, scale=scale), run, f"on-{scale.replace(' ', '-')}")
            for scale in scales
        ),
        folded=(
            _named(
                contents.sensitivity_table(run, scale=design_scale, prior=prior),
                run,
                "sensitivity",
            ),
            *contents.named_apart([_named(t, run, "priors") for t in contents.priors_of(run)]),
            _named(contents.diagnostics_table(run), run, "diagnostics"),
        ),
    )


def _quoted(readings: Sequence[str]) -> list[str]:
    return [each.replace(": ", "”: ", 1) for each in readings]


def _prefixed(run: Run, found: Sequence[Drawing]) -> tuple[Drawing, ...]:
    """Figures under names that no other run's figures have."""
    from dataclasses import replace

    return tuple(replace(each, name=f"{run.analysis.name}-{each.name}") for each in found)


def _opened(run: Run, *, main: bool) -> Part:
    assert isinstance(run.analysis, OpenAnalysis)
    prior = run.prior
    by_target = contents.effects_table(
        run,
        scale="risk",
        keep=lambda row: row.prior == prior and row.kind == "main",
        title=f"{run.analysis.title}: {prior} prior (pp)",
    )
    by_prior = contents.effects_table(
        run,
        scale="risk",
        keep=lambda row: row.target == POOLED and row.kind == "main",
        title=f"{run.analysis.title}: pooled effect by prior (pp)",
    )
    figures = _prefixed(run, drawings(run))
    folded = [
        _named(assumptions.windows_table(run), run, "windows"),
        _named(contents.priors_table(run), run, "priors"),
        _named(contents.rates_table(run), run, "rates"),
        _named(contents.pre_trend_table(run), run, "pre-trend"),
        _named(contents.matches_table(run), run, "matches"),
        _named(contents.left_out_table(run), run, "left-out"),
        _named(contents.notices_table(run.extra["notices"][1], run.evidence), run, "notices"),
        _named(contents.predictive_table(run), run, "predictive"),
        _named(contents.extremes_table(run), run, "extremes"),
        _named(contents.diagnostics_table(run), run, "diagnostics"),
        *(_named(table, run, table.name) for table in contents.hierarchical_diagnostics(run)),
    ]
    return Part(
        heading=run.analysis.title,
        anchor=run.analysis.name,
        level=3,
        paragraphs=(run.analysis.why, _choice_sentence(run, run.analysis)),
        figures=figures if main else figures[:1],
        beside=() if main else figures[1:],
        tables=(
            _named(by_prior, run, "by-prior"),
            *((_named(by_target, run, "by-target"),) if main else ()),
            _named(contents.predictive_statistics_table(run), run, "movement"),
        ),
        folded=tuple(table for table in folded if table.rows),
    )


def _choice_sentence(run: Run, analysis: OpenAnalysis) -> str:
    trend = next(iter(run.extra["pre_trend"][1]), None)
    pair = (analysis.data.events, analysis.data.denominator)
    counted = " among ".join(map(column_in_words, pair))
    years = f"{analysis.data.first_year}/{(analysis.data.first_year + 1) % 100:02d}"
    last = f"{analysis.data.last_year}/{(analysis.data.last_year + 1) % 100:02d}"
    rows = "".join(f" {sentence}" for sentence in contents.rows_taken(analysis))
    text = f"Counted are {counted}, {years} to {last}.{rows} {analysis.design.comparators.why}"
    if trend is None or trend.trend_gap != trend.trend_gap:
        return text
    return (
        f"{text} Before settling-in, pilots and comparators differ in trend by"
        f" {trend.trend_gap:.3f} on log-odds (root mean square), against"
        f" {trend.trend_gap_all:.3f} with all eligible authorities."
    )


def _provenance(runs: Sequence[Run], versions: Mapping[str, str]) -> list[str]:
    lines = [
        f"Analysis {run.analysis.name}: SHA-256 {spec.fingerprint(run.analysis)}" for run in runs
    ]
    inputs = {name: digest for run in runs for name, digest in run.inputs.items()}
    lines += [f"Input {name}: SHA-256 {digest}" for name, digest in sorted(inputs.items())]
    lines.append("Versions: " + ", ".join(f"{name} {value}" for name, value in versions.items()))
    return lines
