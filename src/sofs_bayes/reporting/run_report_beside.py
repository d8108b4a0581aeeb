"""Folders that `replicate` and `calibrate` wrote → what stands of them beside a report's runs."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from sofs_bayes.records.csv_rows import read_rows
from sofs_bayes.reporting.page import SYNTHETIC, Part
from sofs_bayes.reporting.result_manifest import Result, read_result
from sofs_bayes.reporting.tables import Column, Table

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


def _titled(each: Result, title: str) -> str:
    return f"{SYNTHETIC}: {title}" if each.said.evidence == "synthetic" else title


def _replicated(each: Result, anchor: str) -> Part:
    from sofs_bayes.frequentist.replication import Replicated

    rows = [
        row
        for row in read_rows(each.manifest.folder / REPLICATED, Replicated)
        if row.met in ("yes", "no")
    ]
    met = sum(row.met == "yes" for row in rows)
    lines = []
    for number in sorted({row.table for row in rows}):
        own = [row for row in rows if row.table == number]
        found = sum(row.met == "yes" for row in own)
        lines.append((f"Table {number}", len(own), found, len(own) - found))
    table = Table(
        name=f"{anchor}-totals",
        title=_titled(each, f"{each.analysis.title}: printed numbers that come out again"),
        columns=(
            Column(key="table", heading="Of the report"),
            Column(key="printed", heading="Printed numbers", format="integer"),
            Column(key="met", heading="Met to the printed digit", format="integer"),
            Column(key="missed", heading="Not met", format="integer"),
        ),
        rows=tuple(lines),
        evidence=each.said.evidence,
    )
    said = (
        f"Of {len(rows):,} printed numbers, {met:,} come out again to the printed digit when the"
        " published regressions are run on these children."
    )
    if each.said.evidence == "synthetic":
        said += (
            " The children are made up for that purpose: it proves the computation, and says"
            " nothing about Signs of Safety."
        )
    return _part(each, anchor, "Published beside replicated", said, table)


def _calibrated(each: Result, anchor: str) -> Part:
    from sofs_bayes.checks.ranks import RankTest

    tests = read_rows(each.manifest.folder / CALIBRATED, RankTest)
    out = [test.quantity for test in tests if test.verdict == "out"]
    reported = [test for test in tests if test.kind != "parameter"]
    table = Table(
        name=f"{anchor}-verdict",
        title=_titled(each, f"{each.analysis.title}: ranks of effects, spreads, log likelihood"),
        columns=(
            Column(key="quantity", heading="Quantity"),
            Column(key="replicates", heading="Replicates", format="integer"),
            Column(key="dispersion", heading="Dispersion (1 if right)", format="number"),
            Column(key="smallest_p", heading="Smallest p of three tests", format="number"),
            Column(key="verdict", heading="Verdict"),
        ),
        rows=tuple(
            (
                test.quantity,
                test.replicates,
                test.dispersion,
                min(test.chi_squared_p, test.ks_p, test.dispersion_p),
                test.verdict,
            )
            for test in reported
        ),
        evidence=each.said.evidence,
    )
    count, prior = (each.said.options.get(key) for key in ("replicates", "prior"))
    said = (
        f"Simulation-based calibration, {count:,} replicates, prior {prior}:"
        f" {len(tests) - len(out)} of {len(tests)} quantities have uniform ranks."
    )
    if each.said.status != "in":
        named = f" Out: {', '.join(out[:4])}." if out else ""
        said += f" THE CALIBRATION DOES NOT PASS.{named}"
    return _part(each, anchor, "Calibration", said, table)


def _part(each: Result, anchor: str, heading: str, said: str, table: Table) -> Part:
    return Part(
        heading=f"{heading}: {each.analysis.title}",
        anchor=anchor,
        level=3,
        evidence=each.said.evidence,
        paragraphs=(said, f"Read from the folder {each.manifest.folder.name}."),
        tables=(table,) if table.rows else (),
    )
