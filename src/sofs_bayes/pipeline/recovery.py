"""Known effects in the design of an analysis → what its posterior and classical intervals say."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sofs_bayes import spec
from sofs_bayes.checks.recovered import Origin, Recovered
from sofs_bayes.checks.recovery import RecoveryRow, recovery_rows
from sofs_bayes.checks.recovery_answers import Replicate, replicate_of
from sofs_bayes.checks.recovery_power import detectable
from sofs_bayes.checks.recovery_prior import (
    AssuranceRow,
    ReliabilityRow,
    assurance,
    owed_coverage,
    reliability,
)
from sofs_bayes.checks.recovery_scenarios import Grid
from sofs_bayes.errors import BadInput
from sofs_bayes.folders.manifest import versions
from sofs_bayes.folders.store import open_store
from sofs_bayes.folders.whole import Claim, claim
from sofs_bayes.pipeline.cluster import check_scheduler
from sofs_bayes.pipeline.jobs import Execution
from sofs_bayes.pipeline.recovery_job import Trials, checked, grid_of, prepared
from sofs_bayes.pipeline.replicates import replicates as make
from sofs_bayes.pipeline.watching import Progress, in_notebooks
from sofs_bayes.runs.result_manifest import describe
from sofs_bayes.spec import Analysis, Evidence, HierarchicalAnalysis, analysis_of, fingerprint
from sofs_bayes.spec.study import of_report
from sofs_bayes.tables.formats import rows_to_csv

LEAST = 2  # fewer have no spread; that they are too few to tell is said of more
# Truths from the priors have to tell coverage of 95% from 93%, the grid only 95% from 80%.
TIMES_PRIOR = 5
STORE = "replicates"


def recover(
    analysis: Analysis | Path | str,
    data: Path | str | None = None,
    output: Path | str | None = None,
    *,
    replicates: int = 200,
    prior_replicates: int | None = None,
    effect: Sequence[float] | None = None,
    heterogeneity: Sequence[float] | None = None,
    authorities: Sequence[int] | None = None,
    process: Sequence[str] | None = None,
    authority_sd: float | None = None,
    shock_sd: float | None = None,
    drift: float | None = None,
    everything: bool = False,
    prior: str | None = None,
    workers: int = 1,
    scheduler: str | None = None,
    replace: bool = False,
    progress: Progress = in_notebooks,
) -> tuple[Recovered, bool]:
    """Recovery of known effects, written to a folder; it goes on if interrupted.

    Parameters
    ----------
    analysis
        A hierarchical one with one effect after settling-in (treatment `did`).
    data
        Exact cells or matched children, of which only the design and its levels matter; default:
        the bundled made-up children.
    output
        The folder; `recovery/` and the analysis's name by default.
    replicates, prior_replicates
        Of each scenario, and of that with truths from the priors (five times as many).
    effect, heterogeneity, authorities, process
        As `Scenario` has them; the first of each is the base. Defaults: `usual_grid`.
    authority_sd, shock_sd
        On the model's scale; the prior medians by default.
    drift
        In process `broken`: how much more pilots rise with each year after settling-in, on the
        model's scale.
    everything
        Whether all values are combined, or one thing at a time (and every effect) differs from
        the base.
    prior
        The effect prior of fits and of the scenario `prior`; the first by default.
    workers, scheduler, replace
        As `calibrate` takes them.
    progress
        Told how far the work is, a line each; by default shown below a notebook's cell.

    Returns
    -------
    (Recovered, bool)
        What was found, and whether coverage is what it owes to be.

    Raises
    ------
    BadInput
        Anything that cannot be used.

    Examples
    --------
    >>> found, holds = sb.recover("icpc-linear", "matched", "newly-recovered")
    """
    analysis, name = checked(analysis_of(analysis), prior)
    given = {
        "effect": effect,
        "heterogeneity": heterogeneity,
        "authorities": authorities,
        "process": process,
        "authority_sd": authority_sd,
        "shock_sd": shock_sd,
        "drift": drift,
    }
    grid = grid_of(analysis, given, everything=everything)
    of_prior = TIMES_PRIOR * replicates if prior_replicates is None else prior_replicates
    for option, count in (("replicates", replicates), ("prior_replicates", of_prior)):
        if count < LEAST:
            raise BadInput(option, "", str(count), f"at least {LEAST}")
    how = Execution(workers=workers, scheduler=scheduler, progress=progress)
    folder = Path(output or Path("recovery") / analysis.name)
    check_scheduler(scheduler)
    read = [] if data is None else [Path(data)]
    with claim(folder, written_by="recover", inputs=read, replace=True, beside=[STORE]) as place:
        job, evidence = prepared(analysis, data, grid, prior=name, progress=progress)
        store = open_store(folder / STORE, job.key, replace=replace)
        made = make(job, store, job.design.numbers(replicates, of_prior), how)
        origin = origin_of(analysis, data)
        found = recovered(job.design, made, grid=grid, prior=name, evidence=evidence, origin=origin)
        _write(place, found, job.design)
    return found, found.passed or found.few


def recovered(
    trials: Trials,
    made: Mapping[int, Any],
    *,
    grid: Grid,
    prior: str,
    evidence: Evidence,
    origin: Origin,
) -> Recovered:
    """All measures of finished replicates."""
    from sofs_bayes.checks.recovery_truths import notes_of

    count, data = len(trials.scenarios), trials.design.data
    by: list[list[Replicate]] = [[] for _ in trials.scenarios]
    for number, result in sorted(made.items()):
        own, place = divmod(number, count)
        by[place].append(replicate_of(own, result))
    rows = tuple(
        row for scenario, own in zip(trials.scenarios, by, strict=True)
        for row in recovery_rows(scenario, own)
    )  # fmt: skip
    return Recovered(
        analysis=trials.design.analysis,
        prior=prior,
        grid=grid,
        evidence=evidence,
        design=(
            len(data.pilots),
            len(data.authorities) - len(data.pilots),
            round(float(data.cells["children"].sum())),
        ),
        origin=origin,
        rows=rows,
        owed=owed_coverage(by[0]),
        reliability=reliability(by[0]),
        assurance=assurance(by[0]),
        detectable=detectable(rows),
        notes=notes_of(trials.design),
        seconds=sum(each.seconds for own in by for each in own),
    )


def origin_of(analysis: HierarchicalAnalysis, data: Path | str | None) -> Origin:
    """Whose design it is: the published one only in an analysis that is bundled as it stands."""
    if data is not None:
        return "given"
    if not of_report(analysis):
        return "declared"
    own = fingerprint(analysis)
    bundled = any(fingerprint(spec.load(path)) == own for path in spec.bundled_models().values())
    return "published" if bundled else "made up"


def _write(place: Claim, found: Recovered, trials: Trials) -> None:
    """The results beside the finished replicates, in place of earlier ones."""
    from sofs_bayes.pages.recovery_page import write_recovery_page

    with place.folder() as folder:
        for name, kind, rows in (
            ("recovery", RecoveryRow, found.rows),
            ("reliability", ReliabilityRow, found.reliability),
            ("assurance", AssuranceRow, found.assurance),
        ):
            (folder / f"{name}.csv").write_text(rows_to_csv(kind, rows), encoding="utf-8")
        write_recovery_page(folder, found, versions=versions())
        describe(
            folder,
            found.analysis,
            written_by="recover",
            evidence="synthetic",
            status="too few" if found.few else "in" if found.passed else "out",
            inputs=trials.inputs,
            options={"prior": found.prior, **asdict(found.grid)},
            seconds={"replicates": found.seconds},
            design_evidence=found.evidence,
            seed=found.analysis.sampler.seed,
            replicates={row.scenario: row.replicates for row in found.rows},
            not_converged=found.refused,
        )
