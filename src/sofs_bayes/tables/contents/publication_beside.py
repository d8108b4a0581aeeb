"""Folders that `replicate` and `calibrate` wrote, read back for tables beside those of runs."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sofs_bayes import spec
from sofs_bayes.errors import BadInput
from sofs_bayes.folders.given import check_there
from sofs_bayes.records.csv_rows import read_rows
from sofs_bayes.runs.result_manifest import Result, read_result

if TYPE_CHECKING:
    from sofs_bayes.checks.calibration import Calibrated
    from sofs_bayes.checks.ranks import RankedReplicate
    from sofs_bayes.frequentist.published_analysis import FurtherEffect, TermRow

OF_VERBS = {"replicate": "fits.csv", "calibrate": "sbc.csv"}
ALLOWED = "a folder that replicate wrote, or one with results of calibrate"
OF_RANKS = ("replicate", "status", "attempts", "seconds")  # before the quantities


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicatedFolder:
    """The published regressions as `replicate` computed them: each term, marginal effects."""

    analysis: spec.ChildrenAnalysis
    evidence: spec.Evidence
    status: str
    terms: "tuple[TermRow, ...]"
    further: "tuple[FurtherEffect, ...]"


def replicated_folders(beside: Sequence[Path]) -> list[ReplicatedFolder]:
    """Those of the folders that `replicate` wrote.

    Raises
    ------
    BadInput
        A folder is neither of `replicate` nor of `calibrate`, incomplete, or changed since.
    """
    return [_replicated(each) for each in _results(beside) if _verb(each) == "replicate"]


def calibrated_folders(beside: Sequence[Path]) -> "list[Calibrated]":
    """Those of the folders that `calibrate` wrote; of `calibrate all`, each analysis in it.

    Raises
    ------
    BadInput
        As `replicated_folders`.
    """
    return [calibrated(each) for each in _results(beside) if _verb(each) == "calibrate"]


def _verb(result: Result) -> str:
    return result.manifest.written_by


def _results(beside: Sequence[Path]) -> Iterator[Result]:
    for folder in beside:
        inside = check_there(folder, ALLOWED).glob(f"*/{OF_VERBS['calibrate']}")
        found = [path.parent for path in sorted(inside)]
        for each in found or [folder]:
            yield read_result(each, verbs=OF_VERBS, allowed=ALLOWED)


def _replicated(result: Result) -> ReplicatedFolder:
    from sofs_bayes.frequentist.published_analysis import FurtherEffect, TermRow

    analysis, manifest = result.analysis, result.manifest
    if not isinstance(analysis, spec.ChildrenAnalysis):
        place, found = "kind", repr(analysis.kind)
        raise BadInput(manifest.checked("analysis.toml"), place, found, "an analysis of children")
    return ReplicatedFolder(
        analysis=analysis,
        evidence=result.said.evidence,
        status=result.said.status,
        terms=tuple(read_rows(manifest.checked(OF_VERBS["replicate"]), TermRow)),
        further=tuple(read_rows(manifest.checked("further.csv"), FurtherEffect)),
    )


def calibrated(result: Result) -> "Calibrated":
    """A calibration, read back.

    Raises
    ------
    BadInput
        As `calibrated_folders`.
    """
    from sofs_bayes.checks.calibration import Calibrated
    from sofs_bayes.checks.ranks import IntervalCoverage, RankTest, RankVerdict

    analysis, manifest, options = result.analysis, result.manifest, result.said.options
    if isinstance(analysis, spec.ChildrenAnalysis):
        place, found = "kind", repr(analysis.kind)
        allowed = "an analysis that can be fitted"
        raise BadInput(manifest.checked("analysis.toml"), place, found, allowed)
    if lacking := [key for key in ("prior", "around") if not isinstance(options.get(key), str)]:
        raise BadInput(manifest.path, lacking[0], "a damaged manifest", "as calibrate wrote it")
    verdict = RankVerdict(
        replicates=_replicates(manifest.checked("ranks.csv")),
        tests=tuple(read_rows(manifest.checked(OF_VERBS["calibrate"]), RankTest)),
        coverage=tuple(read_rows(manifest.checked("coverage.csv"), IntervalCoverage)),
    )
    return Calibrated(
        analysis=analysis,
        prior=options["prior"],
        around=options["around"],
        evidence=result.said.evidence,
        verdict=verdict,
        notes=(),
        seconds=sum(each.seconds for each in verdict.replicates),
    )


def _replicates(path: Path) -> "tuple[RankedReplicate, ...]":
    """The replicates without what failed in them, which ranks.csv does not have."""
    from sofs_bayes.checks.ranks import RankedReplicate

    # These end the lines of every table that is written as CSV.
    last = ("evidence", "status")
    with path.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        names = [n for n in reader.fieldnames or () if n not in (*OF_RANKS, *last)]
        try:
            return tuple(
                RankedReplicate(
                    number=int(line["replicate"]),
                    ranks={name: int(line[name]) for name in names if line[name]},
                    status=line["status"],
                    failures=(),
                    attempts=int(line["attempts"]),
                    seconds=float(line["seconds"]),
                )
                for line in reader
            )
        except (KeyError, ValueError) as error:
            raise BadInput(path, "", "damaged lines", "as calibrate wrote it") from error
