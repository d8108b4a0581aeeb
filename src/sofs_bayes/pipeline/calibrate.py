"""The calibration of any analysis → a folder."""

import shutil
from collections.abc import Sequence
from dataclasses import replace as dataclass_replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from sofs_bayes.checks.calibration import Around, Calibrated
from sofs_bayes.checks.ranks import LEAST
from sofs_bayes.errors import BadInput
from sofs_bayes.folders.manifest import versions
from sofs_bayes.folders.places import Paths, paths
from sofs_bayes.folders.store import open_store
from sofs_bayes.folders.whole import Claim, claim
from sofs_bayes.pipeline.children import hashes
from sofs_bayes.pipeline.cluster import check_scheduler
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
    analysis_of,
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
    tables: "list[Table] | None" = None,
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
    tables
        Takes what there is beside ranks (from print: coverage on simulated panels), if given.
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
    analysis = analysis_of(analysis)
    if around not in get_args(Around):
        raise BadInput("--around", "", repr(around), ", ".join(get_args(Around)))
    if replicates is None:
        replicates = usual(analysis)
    if isinstance(analysis, ChildrenAnalysis):
        allowed = "another kind (children's records: calibrate icpc-linear)"
        raise BadInput(analysis.name, "kind", repr(analysis.kind), allowed)
    _check_asked(analysis, replicates=replicates, workers=workers, prior=prior, reading=reading)
    name = analysis.headline_prior if prior is None else prior
    folder = Path(output or Path("calibration") / analysis.name)
    check_scheduler(scheduler)
    read = paths(data)
    with claim(folder, written_by="calibrate", inputs=read, replace=True, beside=KEPT) as place:
        found, further, owed = _calibrated(
            analysis,
            read,
            folder,
            prior=name,
            reading=reading,
            replicates=replicates,
            around=around,
            workers=workers,
            scheduler=scheduler,
            replace=replace,
            progress=progress,
        )
        passed = owed and (found.verdict.uniform or found.verdict.few)
        _write(place, found, further, inputs=read, replicates=replicates, passed=passed)
    if tables is not None:
        tables += [dataclass_replace(t, name=f"{analysis.name}-{t.name}") for t in further]
    return found, passed


def _calibrated(
    analysis: FittedAnalysis,
    data: Sequence[Path | str],
    folder: Path,
    *,
    prior: str,
    reading: Reading | str | None,
    **how: Any,
) -> "tuple[Calibrated, tuple[Table, ...], bool]":
    """What was found, further tables, and whether all coverage that is owed is there."""
    if isinstance(analysis, PrintedAnalysis):
        if data:
            raise BadInput(data[0], "", "data", "none: a printed analysis has its own")
        from sofs_bayes.pipeline.printed_calibration import calibrate_printed

        return calibrate_printed(analysis, folder, prior=prior, reading=reading, **how)
    return _sampled(analysis, data, folder, prior=prior, **how), (), True


def _check_asked(
    analysis: FittedAnalysis,
    *,
    replicates: int,
    workers: int,
    prior: str | None,
    reading: Reading | str | None,
) -> None:
    """Refuse what cannot be calibrated so, before any work."""
    least = LEAST if isinstance(analysis, PrintedAnalysis) else LEAST_MADE
    if replicates < least:
        raise BadInput("--replicates", "", str(replicates), f"at least {least}")
    if workers < 1:
        raise BadInput("--workers", "", str(workers), "at least 1")
    if prior is not None and prior not in analysis.effect_priors:
        raise BadInput("--prior", "", repr(prior), ", ".join(analysis.effect_priors))
    if reading is not None and not isinstance(analysis, PrintedAnalysis):
        raise BadInput(
            "--reading", "", "a reading of stars", "none: only printed analyses have any"
        )


def _sampled(
    analysis: HierarchicalAnalysis | OpenAnalysis,
    data: Sequence[Path | str],
    folder: Path,
    *,
    prior: str,
    replicates: int,
    around: Around,
    workers: int,
    scheduler: str | None,
    replace: bool,
    progress: Progress,
) -> Calibrated:
    """The calibration of a posterior that is sampled."""
    from sofs_bayes.checks.labels import kind_of
    from sofs_bayes.checks.ranks import rank_verdict, ranked_of
    from sofs_bayes.pipeline.replicates import replicates as make
    from sofs_bayes.pipeline.sbc import prepared

    ready = prepared(analysis, data, prior=prior, around=around, folder=folder, progress=progress)
    store = open_store(folder / STORE, ready.job.key, replace=replace)
    made = make(
        ready.job,
        store,
        range(replicates),
        workers=workers,
        scheduler=scheduler,
        progress=progress,
    )
    ranked = [ranked_of(number, result) for number, result in sorted(made.items())]
    names = next((each.ranks for each in ranked if each.ranks), {})
    kinds = {quantity: kind_of(quantity) for quantity in names}
    shutil.rmtree(folder / UNFINISHED, ignore_errors=True)
    return Calibrated(
        analysis=analysis,
        prior=prior,
        around=around,
        evidence=ready.evidence,
        verdict=rank_verdict(ranked, kinds, seed=analysis.sampler.seed),
        notes=ready.notes,
        seconds=sum(each.seconds for each in ranked),
    )


def _write(
    place: Claim,
    found: Calibrated,
    further: "Sequence[Table]",
    *,
    inputs: Sequence[Path],
    replicates: int,
    passed: bool,
) -> None:
    """The results beside the finished replicates, in place of earlier ones."""
    from sofs_bayes.pages.calibration_page import write_calibration

    with place.folder() as folder:
        write_calibration(folder, found, versions=versions(), further=further)
        describe(
            folder,
            found.analysis,
            written_by="calibrate",
            evidence=found.evidence,
            status=_status(found, passed=passed),
            inputs=hashes(path for path in inputs if path.is_file()),
            options={"replicates": replicates, "around": found.around, "prior": found.prior},
            seconds={"replicates": found.seconds},
        )


def _status(found: Calibrated, *, passed: bool) -> Status:
    if found.verdict.few:
        return "too few"
    return "in" if passed else "out"


def usual(analysis: Analysis) -> int:
    """How many replicates are made where nobody says."""
    return USUAL_PRINTED if isinstance(analysis, PrintedAnalysis) else USUAL
