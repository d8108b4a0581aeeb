"""Runs and audit → one self-contained page in plain words, with its tables and figures."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sofs_bayes import spec
from sofs_bayes.estimands import POOLED, EffectRow, ProbabilityRow
from sofs_bayes.reporting import assumptions, contents
from sofs_bayes.reporting.figures import Drawing
from sofs_bayes.reporting.page import Page, Part, write_page
from sofs_bayes.reporting.pictures import MAIN, brackets, comparison, drawings, in_words
from sofs_bayes.reporting.run_folder import Run
from sofs_bayes.reporting.tables import Table, shown
from sofs_bayes.spec import OpenAnalysis, PrintedAnalysis

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
        _question(),
        _evidence(opened),
        _in_short(printed, opened),
        _print_audit(audit),
        Part(heading="What the printed tables allow", anchor="printed", paragraphs=ABOUT_PRINT),
        *(_printed(run) for run in printed),
    ]
    if opened:
        parts.append(Part(heading="What open data say", anchor="open", paragraphs=ABOUT_OPEN))
        parts += [_opened(run, main=run is opened[0]) for run in opened]
    else:
        parts.append(Part(heading="What open data say", anchor="open", paragraphs=NO_OPEN_DATA))
    parts.append(_limits(opened))
    return parts


ABOUT_PRINT = (
    "The report prints coefficients and significance stars, but no standard errors. A star"
    " says between which bounds the standard error must have been, and so how far the estimate"
    " may be off. From that, and a stated prior, follows how probable which size of effect is.",
    "What the stars rest on must be said by the analyst. For conferences only errors clustered"
    " on the authority are possible; for entry to care it is uncertain, so every reading is"
    " shown.",
)
ABOUT_OPEN = (
    "The Department for Education publishes counts for whole authorities. They cover other"
    " children than the report (all, not matched ones) and name the authorities of the"
    " programme's first wave, which the report does not. So this is the same question put to"
    " other data, never a reproduction.",
)
NO_OPEN_DATA = (
    "Not part of this page: no open data were given. The README says which files of the"
    " Department for Education to download; run the command again with the folder they are in.",
)


def _question() -> Part:
    return Part(
        heading="The question",
        anchor="question",
        paragraphs=(
            "Signs of Safety is a way of working in child protection. Nine English authorities"
            " piloted it, and an evaluation compared their children with those of similar"
            " authorities, before and after. Its answer: no evidence of a significant effect on"
            " initial child protection conferences or on entry to care.",
            "“Not significant” can mean two things: that the effect is small, or that the data"
            " cannot tell. This page works out which sizes of effect the published evidence"
            " supports, and how strongly. It gives probabilities, and leaves verdicts to the"
            " reader.",
        ),
    )


def _evidence(opened: Sequence[Run]) -> Part:
    bullets = [
        "Printed: the numbers of the report's tables, as they stand (published).",
        "Computed from print: what follows from those numbers (published-inferred).",
    ]
    if opened:
        bullets.append(
            "Open data: counts of whole authorities by the Department for Education (open-data)."
        )
    bullets.append(
        "Not here: the children's records. They are confidential, and nobody involved in this"
        " page has seen them."
    )
    return Part(heading="What this rests on", anchor="evidence", bullets=tuple(bullets))


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
    prior = next(iter(run.analysis.effect_priors))
    scale: spec.Scale = "risk" if "risk" in contents.effect_scales(run) else "odds ratio"
    rows = [
        row
        for row in run.effects
        if row.scale == scale
        and row.prior == prior
        and row.target == POOLED
        and row.estimand.startswith("effect")
        and (run.analysis.kind == "printed" or row.variant == MAIN)
    ]
    for row in rows:
        reading = f" (reading: {row.variant})" if len(rows) > 1 else ""
        yield f"{run.analysis.title}{reading}. {effect_sentence(run, row)}"
    if isinstance(run.analysis, OpenAnalysis):
        yield from _break_sentences(run)


def effect_sentence(run: Run, row: EffectRow) -> str:
    """The effect in words: median, interval, the probability of an increase and of little."""
    number = contents.number_format(row.scale, [row])
    unit = {"pp": "percentage points"}.get(contents.UNIT_OF[row.scale], contents.UNIT_OF[row.scale])
    lower, median, upper = (shown(x, number) for x in (row.lower, row.median, row.upper))
    said = [*_direction(run, row)[:1], *_smallness(run, row)]
    chances = f" Probability {'; '.join(said)}." if said else ""
    return (
        f"Median {median} {unit}; {100 * row.level:g}% of the probability lies between {lower}"
        f" and {upper} ({row.prior} prior).{chances}{_mark(row)}"
    )


# The same claim on any scale, so that a change of scale does not change what is said.
DIRECTIONS: Mapping[str, str] = {
    "above 0 pp": "of an increase",
    "above 0 (log-odds)": "of an increase",
    "above 1 (odds ratio)": "of an increase",
    "below 0 pp": "of a decrease",
    "below 0 (log-odds)": "of a decrease",
    "below 1 (odds ratio)": "of a decrease",
}


def _direction(run: Run, row: EffectRow) -> list[str]:
    """The probability of an increase and, without one, of a decrease, whatever its scale."""
    found = {p.statement: p.probability for p in _about(run, row)}
    return [
        f"{words}: {shown(found[statement], 'probability')}"
        for statement, words in DIRECTIONS.items()
        if statement in found
    ]


def _smallness(run: Run, row: EffectRow) -> list[str]:
    return [
        f"of a change {_both_ways(p.statement)}: {shown(p.probability, 'probability')}"
        for p in _about(run, row)
        if p.scale == row.scale and p.statement.startswith("within")
    ]


def _both_ways(statement: str) -> str:
    """ "within -1 pp to 1 pp" as "within ±1 pp"; other statements as they are."""
    return re.sub(r"within -(\S+ pp) to \1", r"within ±\1", statement)


def _about(run: Run, row: EffectRow) -> list[ProbabilityRow]:
    """The probabilities of statements about the same effect, on any scale."""
    what = (row.estimand, row.target, row.prior, row.variant)
    return [p for p in run.probabilities if (p.estimand, p.target, p.prior, p.variant) == what]


def _break_sentences(run: Run) -> Iterable[str]:
    assert isinstance(run.analysis, OpenAnalysis)
    declared = {entry.authority: entry for entry in run.analysis.design.recording_breaks}
    for row in run.extra["sensitivity"][1]:
        name = row.variant.removeprefix("without ").removeprefix("with ")
        if row.scale == "risk" and name in declared and row.estimand.startswith("effect"):
            lower, median, upper = (shown(x, "pp") for x in (row.lower, row.median, row.upper))
            yield (
                f"What a break in recording does: {row.variant}, the median is {median} pp"
                f" ({lower} to {upper}).{_mark(row)} {declared[name].why}"
            )


def _mark(row: EffectRow) -> str:
    return "" if row.status == "converged" else " NOT CONVERGED."


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
    prior = next(iter(run.analysis.effect_priors))
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
            _named(assumptions.priors_table(run), run, "priors"),
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
    prior = next(iter(run.analysis.effect_priors))
    by_target = contents.effects_table(
        run,
        scale="risk",
        keep=lambda row: row.prior == prior and row.variant == MAIN,
        title=f"{run.analysis.title}: {prior} prior (pp)",
    )
    by_prior = contents.effects_table(
        run,
        scale="risk",
        keep=lambda row: row.target == POOLED and row.variant == MAIN,
        title=f"{run.analysis.title}: pooled effect by prior (pp)",
    )
    figures = _prefixed(run, drawings(run))
    folded = [
        _named(assumptions.windows_table(run), run, "windows"),
        _named(assumptions.priors_table(run), run, "priors"),
        _named(contents.sensitivity_table(run, scale="risk"), run, "sensitivity"),
        _named(contents.rates_table(run), run, "rates"),
        _named(contents.pre_trend_table(run), run, "pre-trend"),
        _named(contents.matches_table(run), run, "matches"),
        _named(contents.left_out_table(run), run, "left-out"),
        _named(contents.notices_table(run.extra["notices"][1]), run, "notices"),
        _named(contents.predictive_table(run), run, "predictive"),
        _named(contents.extremes_table(run), run, "extremes"),
        _named(contents.diagnostics_table(run), run, "diagnostics"),
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
    counted = f"{in_words(analysis.data.events)} among {in_words(analysis.data.denominator)}"
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


def _limits(opened: Sequence[Run]) -> Part:
    bullets = [
        "It does not say whether more conferences, or fewer, are good for children.",
        "It cannot name the report's pilots: they are numbered there, and no number here is"
        " given to a named authority.",
        "Printed stars bound the errors only loosely, and all else about the children's data is"
        " assumed (independent authorities, normal errors). The sensitivity tables show what"
        " moves when an assumption does.",
    ]
    if opened:
        bullets += [
            "Open counts are of whole authorities, not adjusted for who the children are. A"
            " change in recording, or in anything else that befell the pilots alone, looks like"
            " an effect.",
            "An annual count of children with a conference is not a share of the children in"
            " the denominator: some started to be in need the year before.",
        ]
    return Part(heading="What this does not show", anchor="limits", bullets=tuple(bullets))


def _provenance(runs: Sequence[Run], versions: Mapping[str, str]) -> list[str]:
    lines = [
        f"Analysis {run.analysis.name}: SHA-256 {spec.fingerprint(run.analysis)}" for run in runs
    ]
    inputs = {name: digest for run in runs for name, digest in run.inputs.items()}
    lines += [f"Input {name}: SHA-256 {digest}" for name, digest in sorted(inputs.items())]
    lines.append("Versions: " + ", ".join(f"{name} {value}" for name, value in versions.items()))
    return lines
