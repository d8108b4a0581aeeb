"""Folders that `replicate` and `calibrate` wrote → what stands of them beside a report's runs."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sofs_bayes import spec
from sofs_bayes.errors import BadInput
from sofs_bayes.reporting.page import SYNTHETIC, Part
from sofs_bayes.reporting.run_folder import read_rows
from sofs_bayes.reporting.tables import Column, Table
from sofs_bayes.spec import Evidence

ALLOWED = "a folder that replicate or calibrate wrote"
REPLICATED, CALIBRATED = "numbers.csv", "sbc.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """A folder that was opened: which verb wrote it, of which analysis, and with what verdict."""

    folder: Path
    verb: Literal["replicate", "calibrate"]
    analysis: str
    title: str
    evidence: Evidence
    status: str
    options: dict[str, Any]
    seconds: float


def open_beside(folder: Path) -> Beside:
    """A folder beside the runs, recognised by what it holds.

    Raises
    ------
    BadInput
        It is no folder of `replicate` or `calibrate`, or a damaged one.
    """
    verbs: dict[str, Literal["replicate", "calibrate"]] = {
        REPLICATED: "replicate",
        CALIBRATED: "calibrate",
    }
    found = [verb for name, verb in verbs.items() if (folder / name).is_file()]
    if not found:
        what = "no such folder" if not folder.is_dir() else "a folder of another kind"
        raise BadInput(folder, "", what, ALLOWED)
    manifest_path = folder / "manifest.json"
    try:
        manifest = json.loads(manifest_path.read_text(encoding="utf-8"))
        analysis, evidence, status, options = (
            manifest[key] for key in ("analysis", "evidence", "status", "options")
        )
        seconds = sum(manifest["seconds"].values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(manifest_path, "", "a missing or damaged manifest", ALLOWED) from error
    return Beside(
        folder=folder,
        verb=found[0],
        analysis=analysis,
        title=spec.load(folder / "analysis.toml").title,
        evidence=evidence,
        status=status,
        options=options,
        seconds=seconds,
    )


def beside_parts(opened: Sequence[Beside]) -> Iterator[Part]:
    """A part for each folder: what came out, in a sentence and a table."""
    names: set[str] = set()
    for each in opened:
        name = anchor = f"{each.verb}-{each.analysis}"
        while anchor in names:
            anchor = f"{name}-{len(names)}"
        names.add(anchor)
        yield _replicated(each, anchor) if each.verb == "replicate" else _calibrated(each, anchor)


def _titled(each: Beside, title: str) -> str:
    return f"{SYNTHETIC}: {title}" if each.evidence == "synthetic" else title


def _replicated(each: Beside, anchor: str) -> Part:
    from sofs_bayes.frequentist.replication import Replicated

    rows = [
        row for row in read_rows(each.folder / REPLICATED, Replicated) if row.met in ("yes", "no")
    ]
    met = sum(row.met == "yes" for row in rows)
    lines = []
    for number in sorted({row.table for row in rows}):
        own = [row for row in rows if row.table == number]
        found = sum(row.met == "yes" for row in own)
        lines.append((f"Table {number}", len(own), found, len(own) - found))
    table = Table(
        name=f"{anchor}-totals",
        title=_titled(each, f"{each.title}: printed numbers that come out again"),
        columns=(
            Column(key="table", heading="Of the report"),
            Column(key="printed", heading="Printed numbers", format="integer"),
            Column(key="met", heading="Met to the printed digit", format="integer"),
            Column(key="missed", heading="Not met", format="integer"),
        ),
        rows=tuple(lines),
        evidence=each.evidence,
    )
    said = (
        f"Of {len(rows):,} printed numbers, {met:,} come out again to the printed digit when the"
        " published regressions are run on these children."
    )
    if each.evidence == "synthetic":
        said += (
            " The children are made up for that purpose: it proves the computation, and says"
            " nothing about Signs of Safety."
        )
    return _part(each, anchor, "Published beside replicated", said, table)


def _calibrated(each: Beside, anchor: str) -> Part:
    from sofs_bayes.checks.ranks import RankTest

    tests = read_rows(each.folder / CALIBRATED, RankTest)
    out = [test.quantity for test in tests if test.verdict == "out"]
    reported = [test for test in tests if test.kind != "parameter"]
    table = Table(
        name=f"{anchor}-verdict",
        title=_titled(each, f"{each.title}: ranks of effects, spreads, log likelihood"),
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
        evidence=each.evidence,
    )
    count = each.options.get("replicates", 0)
    said = (
        f"Simulation-based calibration, {count:,} replicates, prior {each.options.get('prior')}:"
        f" {len(tests) - len(out)} of {len(tests)} quantities have uniform ranks."
    )
    if each.status != "in":
        named = f" Out: {', '.join(out[:4])}." if out else ""
        said += f" THE CALIBRATION DOES NOT PASS.{named}"
    return _part(each, anchor, "Calibration", said, table)


def _part(each: Beside, anchor: str, heading: str, said: str, table: Table) -> Part:
    return Part(
        heading=f"{heading}: {each.title}",
        anchor=anchor,
        level=3,
        evidence=each.evidence,
        paragraphs=(said, f"Read from the folder {each.folder.name}."),
        tables=(table,) if table.rows else (),
    )
