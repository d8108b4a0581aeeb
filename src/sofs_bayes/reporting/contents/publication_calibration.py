"""Calibrations → one table: how often intervals held the truth, and whether ranks are uniform."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sofs_bayes.reporting.contents.calibration import pooled_coverage
from sofs_bayes.reporting.contents.calibration_words import LIMITS, marked_all, short_verdict
from sofs_bayes.reporting.contents.publication_beside import calibrated_folders
from sofs_bayes.reporting.contents.publication_numbers import gravest
from sofs_bayes.reporting.digits import Cell
from sofs_bayes.reporting.run_folder import Run
from sofs_bayes.reporting.table_model import Column, Table

if TYPE_CHECKING:
    from sofs_bayes.checks.calibration import Calibrated

TRUTHS = {"prior": "the prior", "data": "the posterior of the data"}
NOTES = (
    "Truths are drawn, data simulated from the model given them, and the analysis fitted to these:"
    " if posteriors are computed right, ranks of truths among draws are uniform, and an interval"
    " holds the truth as often as its level says.",
    "'Design' says whose design was used (and whose data, where truths come from the posterior of"
    " data); ranks always come from simulated data. Refused: fits that did not pass the gate; they"
    " are counted, never dropped. Out: quantities whose ranks are not uniform. Of several pooled"
    " effects (scales, years) the share furthest from each level is shown.",
    LIMITS,
)


def calibration_verdicts(_: Sequence[Run], beside: Sequence[Path]) -> list[Table]:
    """One line for each calibration in the folders."""
    found = calibrated_folders(beside)
    return [_table(found)] if found else []


def _table(found: "Sequence[Calibrated]") -> Table:
    from sofs_bayes.checks.ranks import LEVELS

    held = [
        Column(
            key=f"coverage_{100 * level:g}",
            heading=f"{100 * level:g}%",
            format="percent",
            group="Pooled effect in its interval of",
        )
        for level in LEVELS
    ]
    title = marked_all(found, "Are posteriors computed right? Simulation-based calibration")
    return Table(
        name="calibration",
        title=title,
        columns=(
            Column(key="analysis", heading="Analysis"),
            Column(key="evidence", heading="Design"),
            Column(key="around", heading="Truths from"),
            Column(key="replicates", heading="Replicates", format="integer"),
            Column(key="refused", heading="Fits refused", format="integer"),
            Column(key="quantities", heading="Quantities", format="integer"),
            Column(key="out", heading="Out", format="integer"),
            *held,
            Column(key="verdict", heading="Verdict"),
        ),
        rows=tuple(_line(each, LEVELS) for each in found),
        evidence=gravest(each.evidence for each in found),
        notes=(*NOTES, *_errors(found)),
    )


def _line(found: "Calibrated", levels: Sequence[float]) -> tuple[Cell, ...]:
    tests = found.verdict.tests
    return (
        found.analysis.name,
        found.evidence,
        TRUTHS[found.around],
        len(found.verdict.replicates),
        len(found.verdict.refused),
        len(tests),
        sum(test.verdict == "out" for test in tests),
        *(pooled_coverage(found, level=level) for level in levels),
        short_verdict(found),
    )


def _errors(found: "Sequence[Calibrated]") -> tuple[str, ...]:
    """How far shares may be off by chance, from the fewest replicates."""
    fewest = min(len(each.verdict.replicates) for each in found)
    if fewest == 0:
        return ()
    largest = (0.5 * 0.5 / fewest) ** 0.5
    return (
        f"By chance alone a share may be off: with {fewest:,} replicates its standard error is at"
        f" most {100 * largest:.1f} percentage points.",
    )
