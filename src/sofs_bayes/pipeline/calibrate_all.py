"""Calibrations of many analyses, each in a folder of its own, and one page over all of them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sofs_bayes import spec
from sofs_bayes.checks.calibration import Around
from sofs_bayes.errors import BadInput
from sofs_bayes.folders.manifest import versions, write_manifest
from sofs_bayes.folders.places import Paths, paths
from sofs_bayes.folders.whole import claim
from sofs_bayes.pipeline.calibrate import KEPT, LEAST_MADE, STORE, calibrate, further_tables, usual
from sofs_bayes.pipeline.watching import Progress, in_notebooks
from sofs_bayes.spec import Analysis, ChildrenAnalysis

if TYPE_CHECKING:
    from sofs_bayes.tables.formats import Table


def _beside(folder: Path, chosen: Sequence[Analysis]) -> set[str]:
    """The calibrations that stay in the folder: those there, and those to be made.

    Raises
    ------
    BadInput
        The folder is that of one calibration.
    """
    if any((folder / name).is_dir() for name in KEPT):
        allowed = "the folder that holds those of all analyses, or a new one"
        raise BadInput(folder, "", "the folder of one calibration", allowed)
    there = folder.iterdir() if folder.is_dir() else ()
    found = {path.name for path in there if any((path / name).is_dir() for name in KEPT)}
    return found | {analysis.name for analysis in chosen}


def calibrate_all(
    output: Path | str,
    *,
    names: Sequence[str] = (),
    open_data: Paths = (),
    around: Around = "prior",
    replicates: int | None = None,
    progress: Progress = in_notebooks,
    **options: Any,
) -> bool:
    """Calibrations of bundled analyses, each in its own folder, and a page over all of them.

    An analysis that has more finished replicates than are asked for is judged by all of them.

    Parameters
    ----------
    output
        The folder; those of the analyses lie in it.
    names
        Of the analyses; all bundled ones by default.
    open_data
        DfE files. What they do not count, and all without any, is taken from the counts that are
        part of the package.
    around
        As `calibrate` takes it.
    replicates
        As `calibrate` takes it; the least number for each.
    progress
        Told how far the work is, a line each; by default shown below a notebook's cell.
    options
        As `calibrate` takes them.

    Returns
    -------
    bool
        Whether nothing speaks against any posterior.

    Examples
    --------
    >>> sb.calibrate_all("calibration", names=["icpc-printed"]) in (True, False)
    True
    """
    from sofs_bayes.pages.calibration_page import write_overview
    from sofs_bayes.pipeline.did_sources import files_for

    folder, inputs = Path(output), paths(open_data)
    known = {name: spec.load(path) for name, path in spec.bundled_models().items()}
    chosen = [spec.load(name) for name in names] or [
        analysis for analysis in known.values() if not isinstance(analysis, ChildrenAnalysis)
    ]
    own_files = files_for(chosen, inputs)
    beside = _beside(folder, chosen)
    results, further, good = [], list["Table"](), True
    with claim(folder, written_by="calibrate", inputs=inputs, replace=True, beside=beside) as place:
        for analysis in chosen:
            found, passed = calibrate(
                analysis,
                own_files.get(analysis.name, ()),
                folder / analysis.name,
                around=around,
                replicates=_at_least(replicates, analysis, folder / analysis.name),
                progress=progress,
                **options,
            )
            results.append(found)
            own = further_tables(found)
            further += [replace(t, name=f"{analysis.name}-{t.name}") for t in own]
            good = good and passed
        with place.folder() as scratch:
            write_overview(scratch, results, versions=versions(), scenarios=further)
            manifest = {
                "evidence": "synthetic",
                "status": "in" if good else "out",
                "analyses": [each.name for each in chosen],
                "around": around,
            }
            write_manifest(scratch, manifest, written_by="calibrate")
    return good


def _at_least(replicates: int | None, analysis: Analysis, folder: Path) -> int:
    """What is asked for, or as many as an earlier, longer calibration has left."""
    from sofs_bayes.pipeline.replicates import in_a_row

    asked = usual(analysis) if replicates is None else replicates
    return asked if asked < LEAST_MADE else max(asked, in_a_row(folder / STORE))
