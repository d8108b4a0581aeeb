"""Folders that `replicate` and `calibrate` wrote → what stands of them beside a report's runs."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from sofs_bayes.records.csv_rows import read_rows
from sofs_bayes.reporting.contents.calibration import verdict_table
from sofs_bayes.reporting.contents.calibration_words import verdict_sentences
from sofs_bayes.reporting.contents.publication_beside import calibrated
from sofs_bayes.reporting.contents.replication import totals_table
from sofs_bayes.reporting.page import Part
from sofs_bayes.reporting.result_manifest import Result, read_result
from sofs_bayes.reporting.run_report_words import marked
from sofs_bayes.reporting.tables import Table
from sofs_bayes.spec import ChildrenAnalysis

ALLOWED = "a folder that replicate or calibrate wrote"
REPLICATED, CALIBRATED = "numbers.csv", "sbc.csv"


def open_beside(folder: Path) -> Result:
    """A folder beside the runs.

    Raises
    ------
    BadInput
        It is no folder of `replicate` or `calibrate`, or not as it was written.
    """
    verbs = {"replicate": REPLICATED, "calibrate": CALIBRATED}
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
        yield _replicated(each, anchor) if verb == "replicate" else _calibrated(each, anchor)


def _replicated(each: Result, anchor: str) -> Part:
    from sofs_bayes.frequentist.replication import Replicated

    assert isinstance(each.analysis, ChildrenAnalysis)
    evidence = each.said.evidence
    numbers = read_rows(each.manifest.folder / REPLICATED, Replicated)
    rows = [row for row in numbers if row.met in ("yes", "no")]
    met = sum(row.met == "yes" for row in rows)
    table = replace(totals_table(rows, each.analysis, evidence), name=f"{anchor}-totals")
    said = (
        f"Of {len(rows):,} printed numbers, {met:,} come out again to the printed digit when the"
        " published regressions are run on these children."
    )
    if evidence == "synthetic":
        said += (
            " The children are made up for that purpose: it proves the computation, and says"
            " nothing about Signs of Safety."
        )
    return _part(each, anchor, "Published beside replicated", said, table)


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
