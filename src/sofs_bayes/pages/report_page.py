"""Runs of any kinds and evidences → the report: one page's parts, in the order of reading."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sofs_bayes import spec
from sofs_bayes.errors import BadInput
from sofs_bayes.pages import words
from sofs_bayes.pages.answer import answer_part, outcome_parts
from sofs_bayes.pages.audit_parts import audit_annex, audit_part
from sofs_bayes.pages.barg import checklist
from sofs_bayes.pages.beside import beside_parts
from sofs_bayes.pages.check_sentences import check_sentences
from sofs_bayes.pages.explorer import explorer
from sofs_bayes.pages.limits import limits
from sofs_bayes.pages.page import SYNTHETIC, Page, Part, credits_of, versions_sentence
from sofs_bayes.pages.run_parts import run_parts
from sofs_bayes.runs.result_manifest import Result
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import PrintedAnalysis
from sofs_bayes.spec.outcomes import capital
from sofs_bayes.spec.study import evaluated_by, of_report, words_of
from sofs_bayes.tables.contents.publication import publication_tables

if TYPE_CHECKING:
    from sofs_bayes.published.audit import Audit

TITLE = "Signs of Safety: what the evidence supports"
QUESTION = (
    "Did Signs of Safety, a way of working in child protection piloted in nine English authorities,"
    " change how many children reach an initial child protection conference, or enter care? The"
    " published evaluation found no significant effect."
)
OWN_TITLE = "{evaluated}: what the evidence supports"
OWN_QUESTION = "Did {evaluated} change how many {events} there are?"
OWN_QUESTION_IN_UNITS = "Did {evaluated} change {events}?"
EXPLORE = (
    "Choose the size of effect that would matter to you, an analysis and a prior, and read the"
    " probability that the effect is above it. The address of the page then holds the choice, so"
    " that it can be passed on.",
)
BARG = (
    "The guidelines of Kruschke (2021, Nature Human Behaviour 5, 1282-1291) list what a report of a"
    " Bayesian analysis should hold. Each line says what is asked, whether the runs"
    " report it, and where.",
)
KIND_HEADINGS: Mapping[str, str] = {
    "effects": "Effects and probabilities",
    "report": "In the layout of the report's tables",
    "pilots": "Pilot by pilot",
    "thresholds": "Probability of exceeding a threshold",
    "comparison": "Published, replicated, Bayesian",
    "diagnostics": "Diagnostics",
    "calibration": "Calibration",
}
# Kinds of tables that stand open on the page; the others are for those who open them.
# Where no run declares the published report.
OWN_HEADINGS: Mapping[str, str] = {
    "report": "Regressions and posteriors, effect by effect",
    "comparison": "Regressions and posteriors, side by side",
}
OPEN_KINDS = ("report", "comparison", "thresholds", "calibration")
FILES = (
    "Beside this page lie report.docx (the same for Word), tables/ (every table as CSV and"
    " Markdown, all of them in tables.xlsx and tables.docx), figures/ (PNG, PDF and the data) and"
    " manifest.json (hashes, seeds, versions)."
)


def report_page(
    runs: Sequence[Run],
    *,
    beside: Sequence[Result] = (),
    audit: "Audit | None" = None,
    title: str | None = None,
    files: str = FILES,
    versions: Mapping[str, str],
) -> Page:
    """The report over runs, and over folders of replications, calibrations and placebo pilots.

    The answer comes first, then each outcome, source by source; all else is in annexes.

    Parameters
    ----------
    runs
        Of different names, in the order in which they are to be read: of each outcome and source
        the first one answers.
    beside
        What `replicate`, `calibrate` and `placebo` left.
    audit
        Of the printed tables.
    title
        Of the page; by default what is evaluated.
    files
        A sentence on what lies beside the page.
    versions
        Of the software that writes the report.
    """
    analyses = [run.analysis for run in runs] + [each.analysis for each in beside]
    usual, question = question_of(analyses)
    heading = title or usual
    if all(run.evidence == "synthetic" for run in runs):
        heading = f"{SYNTHETIC}: {heading}"
    parts = _numbered([*_first_parts(runs, beside, audit), *_annexes(runs, beside, audit)])
    anchors = {"provenance", *_anchors(parts)}
    figures = {part.anchor for part in parts if part.figures}
    lines = checklist(runs, anchors=anchors, figures=figures)
    counts = {state: sum(line.state == state for line in lines) for state in _STATES}
    said = ", ".join(f"{count} {state}" for state, count in counts.items())
    guidelines = Part(
        heading="Annex: reporting guidelines",
        anchor="barg",
        annex=True,
        paragraphs=(*BARG, f"Of {len(lines)} questions: {said}."),
        checklist=lines,
    )
    converged = all(run.status == "converged" for run in runs)
    return Page(
        title=heading,
        heading=heading,
        lead=question,
        parts=(*parts, guidelines),
        files=files,
        provenance=tuple(provenance(runs, beside, versions)),
        status="converged" if converged else "not converged",
        credits=credits_of(analyses, (run.evidence for run in runs)),
    )


def question_of(analyses: Sequence[spec.Analysis]) -> tuple[str, str]:
    """Title and question: the published evaluation's where any analysis declares its report."""
    if any(of_report(each) for each in analyses):
        return TITLE, QUESTION
    about = evaluated_by(analyses)
    events = " or ".join(dict.fromkeys(words_of(each).events for each in analyses))
    units = all(isinstance(e, PrintedAnalysis) and e.design.scale == "units" for e in analyses)
    asked = OWN_QUESTION_IN_UNITS if units else OWN_QUESTION
    own = asked.format(evaluated=about, events=events)
    return capital(OWN_TITLE.format(evaluated=about)), own


_STATES = ("met", "partly", "not reported")


def _first_parts(
    runs: Sequence[Run], beside: Sequence[Result], audit: "Audit | None"
) -> Iterator[Part]:
    """All that stands open: the answer, each outcome, the threshold, print, limits."""
    yield answer_part(runs, beside)
    yield from outcome_parts(runs, beside)
    curves = explorer(runs)
    if curves is not None:
        yield Part(
            heading="How likely is an effect larger than …?",
            anchor="explore",
            paragraphs=EXPLORE,
            explorer=curves,
        )
    if audit is not None:
        yield audit_part(audit)
    yield Part(
        heading="What each source can tell you",
        anchor="evidence",
        boxes=words.evidence_boxes(runs),
    )
    yield limits(runs)


def _annexes(
    runs: Sequence[Run], beside: Sequence[Result], audit: "Audit | None"
) -> Iterator[Part]:
    """All that is there for those who open it."""
    if audit is not None:
        yield audit_annex(audit)
    # Placebo pilots have a table of their own, below.
    folders = [each.manifest.folder for each in beside if each.manifest.written_by != "placebo"]
    tables = list(_table_parts(runs, folders))
    if tables:
        yield Part(heading="Annex: tables", anchor="tables", annex=True)
        yield from tables
    yield Part(heading="Annex: checks", anchor="checks", annex=True)
    yield from _checks(runs)
    if beside:
        heading = "Annex: replication, calibration and placebo pilots"
        yield Part(heading=heading, anchor="beside", annex=True)
        yield from beside_parts(beside)
    yield Part(heading="Annex: analysis by analysis", anchor="analyses", annex=True)
    for run in runs:
        yield from run_parts(run)


def _checks(runs: Sequence[Run]) -> Iterator[Part]:
    for kind in words.evidences(runs):
        mark = f"{SYNTHETIC}: " if kind == "synthetic" else ""
        yield Part(
            heading=words.HEADINGS[kind],
            anchor=f"checks-{kind}",
            level=3,
            evidence=kind,
            entries=tuple(
                (f"{mark}{run.analysis.called}", " ".join(check_sentences(run)))
                for run in runs
                if run.evidence == kind
            ),
        )


def _table_parts(runs: Sequence[Run], folders: Sequence[Path]) -> Iterator[Part]:
    """The publication's tables, a part for each kind and evidence; priors stand by analysis."""
    for kind, heading in KIND_HEADINGS.items():
        try:
            tables = publication_tables(kind, runs, beside=folders)
        except BadInput:  # the runs have nothing of this kind
            continue
        of_another = not any(of_report(run.analysis) for run in runs)
        title = OWN_HEADINGS.get(kind, heading) if of_another else heading
        for evidence in dict.fromkeys(table.evidence for table in tables):
            shown = tuple(
                words.marked(replace(table, name=f"publication-{table.name}"))
                for table in tables
                if table.evidence == evidence
            )
            opened = kind in OPEN_KINDS
            yield Part(
                heading=title,
                anchor=f"tables-{kind}-{evidence}",
                level=3,
                evidence=evidence,
                tables=shown if opened else (),
                folded=() if opened else shown,
            )


def _numbered(parts: Sequence[Part]) -> list[Part]:
    """The same parts, their figures' captions with numbers in front."""
    number, found = 0, []
    for part in parts:
        captions = {}
        for drawing in part.figures:
            number += 1
            captions[drawing.name] = f"Figure {number}. {part.captions[drawing.name]}"
        found.append(replace(part, captions=captions))
    return found


def _anchors(parts: Iterable[Part]) -> Iterator[str]:
    """Where links may lead: parts, and tables by their names."""
    for part in parts:
        yield part.anchor
        yield from (table.name for table in (*part.tables, *part.folded))


def provenance(
    runs: Sequence[Run], beside: Sequence[Result], versions: Mapping[str, str]
) -> Iterator[str]:
    """What went into a page: analyses, inputs, folders beside them, versions."""
    for run in runs:
        options = "; ".join(f"{key} {value}" for key, value in run.options.items())
        yield (
            f"Analysis {run.analysis.name}: SHA-256 {spec.fingerprint(run.analysis)}; evidence"
            f" {run.evidence}; seed {words.seed_of(run)}; options: {options or 'none'}; made with"
            f" {_listed(run.versions)}."
        )
    inputs = {name: digest for run in runs for name, digest in run.inputs.items()}
    yield from (f"Input {name}: SHA-256 {digest}" for name, digest in sorted(inputs.items()))
    for each in beside:
        verb, evidence = each.manifest.written_by, each.said.evidence
        yield f"Folder of {verb}: {each.analysis.name}; evidence {evidence}."
    yield versions_sentence(versions)


def _listed(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in versions.items()) or "unknown versions"
