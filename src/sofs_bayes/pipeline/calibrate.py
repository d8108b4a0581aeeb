"""The calibration of any analysis → a folder; of many → a folder each, and one page over all."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from sofs_bayes import spec
from sofs_bayes.checks.calibration import Around, Calibrated, calibrated
from sofs_bayes.checks.ranks import LEAST
from sofs_bayes.errors import BadInput, BadParameter
from sofs_bayes.folders.manifest import versions, write_manifest
from sofs_bayes.folders.places import Paths, paths
from sofs_bayes.folders.store import open_store
from sofs_bayes.folders.whole import Claim, claim
from sofs_bayes.pipeline.asked import fittable, prior_of
from sofs_bayes.pipeline.children import hashes
from sofs_bayes.pipeline.cluster import check_scheduler
from sofs_bayes.pipeline.jobs import Execution
from sofs_bayes.pipeline.sbc import UNFINISHED
from sofs_bayes.pipeline.watching import Progress, in_notebooks
from sofs_bayes.runs.result_manifest import Status, describe
from sofs_bayes.spec import (
    Analysis,
    ChildrenAnalysis,
    FittedAnalysis,
    HierarchicalAnalysis,
    OpenAnalysis,
    PrintedAnalysis,
    Reading,
)

if TYPE_CHECKING:
    from sofs_bayes.tables.formats import Table

LEAST_MADE = 2  # of sampled posteriors: too few are called so
USUAL = 1000
USUAL_PRINTED = 1500  # its coverage is judged by a rule that is meant for so many
STORE = "replicates"
KEPT = (STORE, "coverage", UNFINISHED)  # folders of unfinished work


def calibrate(
    analysis: Analysis | Path | str,
    data: Paths = (),
    output: Path | str | None = None,
    *,
    replicates: int | None = None,
    workers: int = 1,
    scheduler: str | None = None,
    around: Around = "prior",
    prior: str | None = None,
    reading: Reading | str | None = None,
    replace: bool = False,
    progress: Progress = in_notebooks,
) -> tuple[Calibrated, bool]:
    """Simulation-based calibration of an analysis, written to a folder; it goes on if interrupted.

    Parameters
    ----------
    analysis
        A printed one, a hierarchical one of children, or one of open counts.
    data
        As `fit` takes it. A hierarchical analysis may do without: its design is then that of the
        bundled made-up children. Of the data only the design matters, unless truths are drawn
        around them.
    output
        The folder; `calibration/` and the analysis's name by default.
    replicates
        How many truths are drawn, fitted and ranked: 1,000, or 1,500 from print, by default.
    workers
        Processes on this machine; the results do not depend on it.
    scheduler
        Address of a dask.distributed scheduler that is to do the work instead.
    around
        `prior`: truths from the prior. `data`: from the posterior of the data, each fit being to
        these and the simulated data together (posterior SBC, Säilynoja et al. 2025).
    prior, reading
        The effect prior, and (printed) what the stars are read as; the first ones by default.
    replace
        Whether results of other data, settings or versions in the folder are deleted.
    progress
        Told how far the work is, a line each; by default shown below a notebook's cell.

    Returns
    -------
    (Calibrated, bool)
        What was found, and whether nothing speaks against the posterior.

    Raises
    ------
    BadInput
        Anything that cannot be used.
    WorkersDied
        Workers were killed again and again; the same call goes on from what is finished.

    Examples
    --------
    >>> found, uniform = sb.calibrate("icpc-linear", "matched", "newly-calibrated")
    """
    analysis = fittable(analysis, instead="calibrate icpc-linear")
    if around not in get_args(Around):
        raise BadParameter("around", repr(around), ", ".join(get_args(Around)))
    if replicates is None:
        replicates = usual(analysis)
    name = prior_of(analysis, prior)
    _check_asked(analysis, replicates=replicates, reading=reading)
    how = Execution(workers=workers, scheduler=scheduler, progress=progress)
    folder = Path(output or Path("calibration") / analysis.name)
    check_scheduler(scheduler)
    read = paths(data)
    with claim(folder, written_by="calibrate", inputs=read, replace=True, beside=KEPT) as place:
        asked: dict[str, Any] = {"prior": name, "around": around, "replicates": replicates}
        asked |= {"replace": replace, "how": how}
        if isinstance(analysis, PrintedAnalysis):
            if read:
                raise BadInput(read[0], "", "data", "none: a printed analysis has its own")
            from sofs_bayes.pipeline.printed_calibration import calibrate_printed

            found = calibrate_printed(analysis, folder, reading=reading, **asked)
        else:
            found = _sampled(analysis, read, folder, **asked)
        _write(place, found, inputs=read, replicates=replicates)
    return found, found.passed


def _check_asked(
    analysis: FittedAnalysis,
    *,
    replicates: int,
    reading: Reading | str | None,
) -> None:
    """Refuse what cannot be calibrated so, before any work."""
    least = LEAST if isinstance(analysis, PrintedAnalysis) else LEAST_MADE
    if replicates < least:
        raise BadParameter("replicates", str(replicates), f"at least {least}")
    if reading is not None and not isinstance(analysis, PrintedAnalysis):
        raise BadParameter("reading", "a reading of stars", "none: only printed analyses have any")


def _sampled(
    analysis: HierarchicalAnalysis | OpenAnalysis,
    data: Sequence[Path | str],
    folder: Path,
    *,
    prior: str,
    replicates: int,
    around: Around,
    replace: bool,
    how: Execution,
) -> Calibrated:
    """The calibration of a posterior that is sampled."""
    from sofs_bayes.pipeline.replicates import replicates as make
    from sofs_bayes.pipeline.sbc import prepared

    ready = prepared(
        analysis, data, prior=prior, around=around, folder=folder, progress=how.progress
    )
    store = open_store(folder / STORE, ready.job.key, replace=replace)
    made = make(ready.job, store, range(replicates), how)
    shutil.rmtree(folder / UNFINISHED, ignore_errors=True)
    return calibrated(
        analysis,
        made,
        seed=analysis.sampler.seed,
        prior=prior,
        around=around,
        evidence=ready.evidence,
        notes=ready.notes,
    )


def _write(
    place: Claim,
    found: Calibrated,
    *,
    inputs: Sequence[Path],
    replicates: int,
) -> None:
    """The results beside the finished replicates, in place of earlier ones."""
    from sofs_bayes.pages.calibration_page import write_calibration

    with place.folder() as folder:
        write_calibration(folder, found, versions=versions(), further=further_tables(found))
        describe(
            folder,
            found.analysis,
            written_by="calibrate",
            evidence=found.evidence,
            status=_status(found),
            inputs=hashes(path for path in inputs if path.is_file()),
            options={"replicates": replicates, "around": found.around, "prior": found.prior},
            seconds={"replicates": found.seconds},
        )


def _status(found: Calibrated) -> Status:
    if found.verdict.few:
        return "too few"
    return "in" if found.passed else "out"


def further_tables(found: Calibrated) -> "tuple[Table, ...]":
    """What there is beside ranks: from print, coverage on simulated panels."""
    if not found.panels:
        return ()
    from sofs_bayes.pipeline.printed_calibration import panel_tables

    return panel_tables(found)


def usual(analysis: Analysis) -> int:
    """How many replicates are made where nobody says."""
    return USUAL_PRINTED if isinstance(analysis, PrintedAnalysis) else USUAL


def _beside(folder: Path, chosen: Sequence[Analysis]) -> set[str]:
    """The calibrations that stay in the folder: those there, and those to be made."""
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
