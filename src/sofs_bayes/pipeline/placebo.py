"""An analysis of open counts → placebo pilots, fitted by workers, and a folder of what they say."""

from collections.abc import Mapping
from dataclasses import replace as changed
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sofs_bayes.errors import BadInput, BadParameter, counted
from sofs_bayes.folders.manifest import versions
from sofs_bayes.folders.places import Paths, paths
from sofs_bayes.folders.store import open_store
from sofs_bayes.folders.whole import Claim, claim
from sofs_bayes.pipeline.asked import prior_of, work_key
from sofs_bayes.pipeline.cluster import check_scheduler
from sofs_bayes.pipeline.jobs import Bench, Execution, Job
from sofs_bayes.pipeline.replicates import replicates as make
from sofs_bayes.pipeline.watching import Progress, in_notebooks
from sofs_bayes.runs.result_manifest import describe
from sofs_bayes.spec import Analysis, OpenAnalysis, analysis_of
from sofs_bayes.tables.formats import rows_to_csv

if TYPE_CHECKING:
    from sofs_bayes.checks.placebo import Lottery, Placebo
    from sofs_bayes.records.panel import Panel

LEAST = 20  # fewer sets than this tell no coverage
USUAL = 200
STORE = "replicates"
REAL = 0  # the number of the real pilots' fit


def _sets(lottery: "Lottery") -> Bench:
    """The function of a number (0: the real pilots), with the graph of the sets compiled."""
    from sofs_bayes.checks.placebo import one_set, ready
    from sofs_bayes.spec.seeds import stage_seed

    first = lottery.analysis.sampler.seed
    programs = ready(lottery, lottery.drawn(first))

    def made(number: int) -> dict[str, Any]:
        seed = stage_seed(first, f"placebo {number}")
        names = lottery.drawn(seed)
        if number == REAL:
            names = tuple(pilot.authority for pilot in lottery.pilots)
        return one_set(lottery, names, seed, programs)

    return made


def placebo(
    analysis: Analysis | Path | str,
    data: Paths = (),
    output: Path | str | None = None,
    *,
    sets: int = USUAL,
    early: int | None = None,
    prior: str | None = None,
    workers: int = 1,
    scheduler: str | None = None,
    replace: bool = False,
    progress: Progress = in_notebooks,
) -> "tuple[Placebo, bool]":
    """Placebo pilots, written to a folder; it goes on if interrupted.

    As many authorities as there are pilots are drawn from those that could be comparators, and
    the analysis is fitted as if they were the pilots. The real pilots are left out of it.

    Parameters
    ----------
    analysis
        One of open counts.
    data
        As `fit` takes it.
    output
        The folder; `placebo/` and the analysis's name by default.
    sets
        How many are drawn.
    early
        Date the effect so many years early: on the years before settling-in alone, with one
        settling-in year so many years before the real one. At least 2, so that a year is left
        after it.
    prior
        The effect prior; the first by default.
    workers, scheduler, replace
        As `calibrate` takes them.
    progress
        Told how far the work is, a line each; by default shown below a notebook's cell.

    Returns
    -------
    (Placebo, bool)
        What was found, and whether intervals hold zero as often as they say.

    Raises
    ------
    BadInput
        Anything that cannot be used.
    WorkersDied
        Workers were killed again and again; the same call goes on from what is finished.

    Examples
    --------
    >>> found, holds = sb.placebo("icpc-open-data", output="newly-placed")
    """
    from sofs_bayes.checks.placebo import placebo_from, row_of
    from sofs_bayes.records.open_data import read_panel

    analysis = analysis_of(analysis)
    if not isinstance(analysis, OpenAnalysis):
        allowed = "an analysis of open counts (icpc-open-data)"
        raise BadInput(analysis.name, "kind", repr(analysis.kind), allowed)
    name = prior_of(analysis, prior)
    if sets < LEAST:
        raise BadParameter("sets", str(sets), f"at least {LEAST}")
    how = Execution(workers=workers, scheduler=scheduler, progress=progress)
    folder = Path(output or Path("placebo") / analysis.name)
    check_scheduler(scheduler)
    asked = analysis if early is None else dated_early(analysis, early)
    read = paths(data)
    with claim(folder, written_by="placebo", inputs=read, replace=True, beside=[STORE]) as place:
        progress(f"{analysis.name}: reading")
        panel = read_panel(read, asked.data)
        inputs = panel.inputs
        job = _job(asked, panel, name, inputs)
        store = open_store(folder / STORE, job.key, replace=replace)
        made = make(job, store, range(sets + 1), how)
        found = placebo_from(
            analysis,
            [row_of(number, result) for number, result in sorted(made.items())],
            prior=name,
            evidence=panel.evidence,
            early=early,
            candidates=len(job.design.candidates),
            seconds=sum(result["seconds"] for result in made.values()),
        )
        _write(place, found, inputs)
    return found, found.passed


def dated_early(analysis: OpenAnalysis, early: int) -> OpenAnalysis:
    """The analysis on the years before settling-in, with the effect dated some years early.

    Raises
    ------
    BadInput
        Too few years before settling-in.
    """
    windows = [pilot.settling_in[0] for pilot in analysis.design.pilots]
    first, last = analysis.data.first_year, min(windows) - 1
    least, most = max(windows) - last + 1, last - first  # a year is left after it, and before
    if not least <= early <= most:
        there = f"{counted(last - first + 1, 'year')} before settling-in"
        allowed = f"{least} to {most}" if least < most else f"{least}"
        allowed = f"an analysis with more than {there}" if least > most else allowed
        raise BadParameter("early", str(early), allowed)
    design = changed(
        analysis.design,
        pilots=tuple(
            changed(pilot, settling_in=(pilot.settling_in[0] - early,) * 2)
            for pilot in analysis.design.pilots
        ),
    )
    return changed(analysis, data=changed(analysis.data, last_year=last), design=design)


def _job(
    analysis: OpenAnalysis, panel: "Panel", prior: str, inputs: Mapping[str, str]
) -> "Job[Lottery]":
    from sofs_bayes.checks.placebo import lottery, rules
    from sofs_bayes.pipeline.refits import setting_of

    drawn = lottery(analysis, panel, setting_of(analysis, prior, None))
    return Job(
        design=drawn,
        ready=_sets,
        name=f"{analysis.name}, placebo pilots",
        key=work_key(analysis, inputs, prior=prior, rules=rules()),
    )


def _write(place: Claim, found: "Placebo", inputs: Mapping[str, str]) -> None:
    """The results beside the finished fits, in place of earlier ones."""
    from sofs_bayes.checks.placebo import PlaceboCoverage, PlaceboProbability, PlaceboRow
    from sofs_bayes.pages.placebo_page import write_placebo_page

    with place.folder() as folder:
        for name, kind, rows in (
            ("placebo", PlaceboRow, (found.pilots, *found.rows)),
            ("coverage", PlaceboCoverage, found.coverage),
            ("probabilities", PlaceboProbability, found.probabilities),
        ):
            text = rows_to_csv(kind, rows, evidence=found.evidence)
            (folder / f"{name}.csv").write_text(text, encoding="utf-8")
        write_placebo_page(folder, found, versions=versions())
        describe(
            folder,
            found.analysis,
            written_by="placebo",
            evidence=found.evidence,
            status="in" if found.passed else "out",
            inputs=inputs,
            options={
                "sets": len(found.rows),
                "prior": found.prior,
                "candidates": found.candidates,
                **({} if found.early is None else {"early": found.early}),
            },
            seconds={"fits": found.seconds},
            not_converged=found.refused,
            p_value=found.p_value,
            spread=found.spread,
            posterior_sd=found.sd,
        )
