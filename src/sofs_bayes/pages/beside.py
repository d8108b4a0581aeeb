"""Folders of `replicate`, `calibrate`, `placebo` → what stands of them beside a report's runs."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import exp
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sofs_bayes.estimands.conversions import central_range
from sofs_bayes.pages.page import Part
from sofs_bayes.pages.placebo_page import (
    coverage_sentence,
    coverage_table,
    placebo_drawing,
    placebo_of,
    sentences,
)
from sofs_bayes.pages.words import marked
from sofs_bayes.records.csv_rows import read_rows
from sofs_bayes.runs.result_manifest import Result, read_result
from sofs_bayes.spec import ChildrenAnalysis, Evidence
from sofs_bayes.spec.study import of_report
from sofs_bayes.tables.contents.calibration import verdict_table
from sofs_bayes.tables.contents.calibration_words import verdict_sentences
from sofs_bayes.tables.contents.publication_beside import calibrated
from sofs_bayes.tables.contents.regressions import fits_table
from sofs_bayes.tables.contents.replication import totals_table
from sofs_bayes.tables.formats import Table

if TYPE_CHECKING:
    from sofs_bayes.frequentist.replication import Replicated

REGRESSED = "The analysis's own regressions; their effects stand beside the posteriors above."
ALLOWED = "a folder that replicate, calibrate or placebo wrote"
REPLICATED, CALIBRATED, PLACEBO = "fits.csv", "sbc.csv", "placebo.csv"
NUMBERS = "numbers.csv"  # of replicate, where a report is declared


def open_beside(folder: Path) -> Result:
    """A folder beside the runs.

    Raises
    ------
    BadInput
        It is no folder of these verbs, or not as it was written.
    """
    verbs = {"replicate": REPLICATED, "calibrate": CALIBRATED, "placebo": PLACEBO}
    return read_result(folder, verbs=verbs, allowed=ALLOWED)


def beside_parts(opened: Sequence[Result]) -> Iterator[Part]:
    """A part for each folder: what came out, in a sentence and a table."""
    names: set[str] = set()
    for each in opened:
        verb = each.manifest.written_by
        name = anchor = f"{verb}-{each.analysis.name}"
        while anchor in names:
            anchor = f"{name}-{len(names)}"
        names.add(anchor)
        make = {"replicate": _replicated, "calibrate": _calibrated, "placebo": _placebo}[verb]
        yield make(each, anchor)


def _replicated(each: Result, anchor: str) -> Part:
    from sofs_bayes.frequentist.replication import Replicated

    assert isinstance(each.analysis, ChildrenAnalysis)
    evidence = each.said.evidence
    if not of_report(each.analysis):
        return _regressed(each, anchor)
    numbers = read_rows(each.manifest.checked(NUMBERS), Replicated)
    rows = [row for row in numbers if row.met in ("yes", "no")]
    table = replace(totals_table(rows, each.analysis, evidence), name=f"{anchor}-totals")
    said = _replicated_sentence(rows, evidence)
    return _part(each, anchor, "Published beside replicated", said, table)


def _regressed(each: Result, anchor: str) -> Part:
    from sofs_bayes.frequentist.published_analysis import TermRow

    assert isinstance(each.analysis, ChildrenAnalysis)
    rows = read_rows(each.manifest.folder / REPLICATED, TermRow)
    table = replace(fits_table(rows, each.analysis, each.said.evidence), name=f"{anchor}-rest-on")
    return _part(each, anchor, "Regressions", REGRESSED, table)


def _replicated_sentence(rows: "Sequence[Replicated]", evidence: Evidence) -> str:
    met = sum(row.met == "yes" for row in rows)
    said = (
        f"Of {len(rows):,} printed numbers, {met:,} come out again to the printed digit when the"
        " published regressions are run on these children."
    )
    if evidence == "synthetic":
        said += (
            " The children are simulated for that purpose: it proves the computation, and says"
            " nothing about Signs of Safety."
        )
    return said


def beside_sentences(opened: Sequence[Result]) -> list[str]:
    """What calibrations and placebo pilots say of how far results can be trusted."""
    found = []
    for each in opened:
        match each.manifest.written_by:
            case "calibrate":
                found.append(f"{each.analysis.title}: {verdict_sentences(calibrated(each))}")
            case "placebo":
                found.append(f"Placebo pilots: {coverage_sentence(placebo_of(each))}")
    return found


def placebo_rows(opened: Sequence[Result]) -> list[dict[str, Any]]:
    """The range of estimates of placebo pilots in the pilots' own years, as odds ratios."""
    found = []
    for each in opened:
        if each.manifest.written_by != "placebo":
            continue
        study = placebo_of(each)
        if study.early is None:
            level = study.analysis.estimands.level
            ratios = [exp(row.mean) for row in study.rows]
            ends = (*central_range(ratios, level), *central_range(ratios, 0.5))
            names = ("lower", "median", "upper", "lower_50", "median", "upper_50")
            told = dict(zip(names, ends, strict=True))
            found.append({"evidence": study.evidence, "level": level, **told})
    return found


def _placebo(each: Result, anchor: str) -> Part:
    found = placebo_of(each)
    table = replace(coverage_table(found), name=f"{anchor}-coverage")
    part = _part(each, anchor, "Placebo pilots", " ".join(sentences(found)), table)
    drawing = placebo_drawing(found)
    named = replace(drawing, name=f"{anchor}-figure")
    return replace(part, figures=(named,), captions={named.name: "Placebo pilots."})


def _calibrated(each: Result, anchor: str) -> Part:
    found = calibrated(each)
    table = replace(verdict_table(found), name=f"{anchor}-verdict")
    return _part(each, anchor, "Calibration", verdict_sentences(found), table)


def _part(each: Result, anchor: str, heading: str, said: str, table: Table) -> Part:
    return Part(
        heading=f"{heading}: {each.analysis.title}",
        anchor=anchor,
        level=3,
        evidence=each.said.evidence,
        paragraphs=(said, f"Read from the folder {each.manifest.folder.name}."),
        tables=(marked(table),) if table.rows else (),
    )
