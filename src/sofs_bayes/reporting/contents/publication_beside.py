"""Folders that `replicate` and `calibrate` wrote, read back for tables beside those of runs."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sofs_bayes import spec
from sofs_bayes.errors import BadInput
from sofs_bayes.reporting.run_folder import read_rows
from sofs_bayes.reporting.whole_files import sha256

if TYPE_CHECKING:
    from sofs_bayes.checks.calibration import Calibrated
    from sofs_bayes.checks.ranks import RankedReplicate
    from sofs_bayes.frequentist.published_analysis import FurtherEffect, TermRow

OF_REPLICATE = "fits.csv"
OF_CALIBRATE = "sbc.csv"
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
    return [_read_replicated(folder) for folder in beside if _kind(folder) == OF_REPLICATE]


def calibrated_folders(beside: Sequence[Path]) -> "list[Calibrated]":
    """Those of the folders that `calibrate` wrote; of `calibrate all`, each analysis in it.

    Raises
    ------
    BadInput
        A folder is neither of `replicate` nor of `calibrate`, or incomplete.
    """
    found: list[Calibrated] = []
    for folder in beside:
        if _kind(folder) == OF_CALIBRATE:
            found += [_read_calibrated(each) for each in _calibrations(folder)]
    return found


def _kind(folder: Path) -> str:
    if (folder / OF_REPLICATE).is_file():
        return OF_REPLICATE
    if _calibrations(folder):
        return OF_CALIBRATE
    allowed = "a folder that replicate wrote, or one with results of calibrate"
    raise BadInput(folder, "", f"neither {OF_REPLICATE} nor {OF_CALIBRATE}", allowed)


def _calibrations(folder: Path) -> list[Path]:
    if (folder / OF_CALIBRATE).is_file():
        return [folder]
    return sorted(path.parent for path in folder.glob(f"*/{OF_CALIBRATE}"))


def _read_replicated(folder: Path) -> ReplicatedFolder:
    from sofs_bayes.frequentist.published_analysis import FurtherEffect, TermRow

    manifest = _manifest(folder)
    analysis = spec.load(_there(folder / "analysis.toml"))
    if not isinstance(analysis, spec.ChildrenAnalysis):
        place, found = "kind", repr(analysis.kind)
        raise BadInput(folder / "analysis.toml", place, found, "an analysis of children")
    for name in (OF_REPLICATE, "further.csv"):
        if sha256(_there(folder / name)) != manifest["files_sha256"].get(name):
            raise BadInput(folder / name, "", "a changed file", "as replicate wrote it")
    return ReplicatedFolder(
        analysis=analysis,
        evidence=manifest["evidence"],
        status=manifest["status"],
        terms=tuple(read_rows(folder / OF_REPLICATE, TermRow)),
        further=tuple(read_rows(folder / "further.csv", FurtherEffect)),
    )


def _read_calibrated(folder: Path) -> "Calibrated":
    from sofs_bayes.checks.calibration import Calibrated
    from sofs_bayes.checks.ranks import IntervalCoverage, RankTest, RankVerdict

    manifest = _manifest(folder)
    options: Mapping[str, Any] = manifest["options"]
    analysis = spec.load(_there(folder / "analysis.toml"))
    if isinstance(analysis, spec.ChildrenAnalysis):
        place, found = "kind", repr(analysis.kind)
        raise BadInput(folder / "analysis.toml", place, found, "an analysis that can be fitted")
    verdict = RankVerdict(
        replicates=_replicates(_there(folder / "ranks.csv")),
        tests=tuple(read_rows(folder / OF_CALIBRATE, RankTest)),
        coverage=tuple(read_rows(_there(folder / "coverage.csv"), IntervalCoverage)),
    )
    return Calibrated(
        analysis=analysis,
        prior=options["prior"],
        around=options["around"],
        evidence=manifest["evidence"],
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


def _manifest(folder: Path) -> Mapping[str, Any]:
    path = _there(folder / "manifest.json")
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        wanted = {"evidence", "status", "options"}
        if wanted <= manifest.keys() and isinstance(manifest.get("files_sha256", {}), dict):
            return manifest  # type: ignore[no-any-return]
    except (ValueError, AttributeError) as error:
        raise BadInput(path, "", "a damaged manifest", "as it was written") from error
    raise BadInput(path, "", "a damaged manifest", "as it was written")


def _there(path: Path) -> Path:
    if not path.is_file():
        raise BadInput(path, "", "no such file", "the whole folder as it was written")
    return path
