"""Known effects in the design of an analysis → what its posterior and classical intervals say."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sofs_bayes import spec
from sofs_bayes.checks.recovered import (
    AssuranceRow,
    Origin,
    Recovered,
    ReliabilityRow,
    assurance,
    detectable,
    owed_coverage,
    reliability,
)
from sofs_bayes.checks.recovery import RecoveryRow, Replicate, recovery_rows, replicate_of
from sofs_bayes.checks.recovery_truths import PROCESSES, Grid, Scenario, scenarios, usual_grid
from sofs_bayes.errors import BadInput, BadParameter, counted
from sofs_bayes.folders.manifest import versions
from sofs_bayes.folders.places import paths
from sofs_bayes.folders.store import open_store
from sofs_bayes.folders.whole import Claim, claim
from sofs_bayes.pipeline.asked import prior_of, work_key
from sofs_bayes.pipeline.cluster import check_scheduler
from sofs_bayes.pipeline.jobs import Bench, Execution, Job
from sofs_bayes.pipeline.replicates import replicates as make
from sofs_bayes.pipeline.sbc import rules, source_of_design
from sofs_bayes.pipeline.watching import Progress, in_notebooks, silent
from sofs_bayes.runs.result_manifest import describe
from sofs_bayes.spec import Analysis, Evidence, HierarchicalAnalysis, analysis_of, fingerprint
from sofs_bayes.spec.study import of_report
from sofs_bayes.tables.formats import rows_to_csv

if TYPE_CHECKING:
    from sofs_bayes.checks.did_calibration import Design


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials:
    """The replicates of all scenarios.

    Number n is replicate n // S of scenario n % S, of S scenarios, so that work that is stopped
    early has some of each.

    Attributes
    ----------
    design
        What replicates share.
    scenarios
        In order.
    inputs
        SHA-256 of what the design was read from, by name.
    """

    design: "Design"
    scenarios: tuple[Scenario, ...]
    inputs: Mapping[str, str]

    def numbers(self, replicates: int, of_prior: int) -> list[int]:
        """The numbers of so many replicates of each scenario, and of the first, `prior`."""
        count = len(self.scenarios)
        return [
            own * count + place
            for own in range(max(replicates, of_prior))
            for place in range(count)
            if own < (of_prior if place == 0 else replicates)
        ]


def _ready(trials: Trials) -> Bench:
    """The function of a number; graphs are compiled as numbers of authorities come."""
    from sofs_bayes.checks.recovery_fits import benches, one_replicate
    from sofs_bayes.spec.seeds import stage_seed

    find, first = benches(trials.design), trials.design.analysis.sampler.seed

    def made(number: int) -> dict[str, Any]:
        own, place = divmod(number, len(trials.scenarios))
        scenario = trials.scenarios[place]
        seed = stage_seed(first, f"replicate {own}")
        return one_replicate(find(scenario.authorities), scenario, seed)

    return made


def checked(analysis: Analysis, prior: str | None) -> tuple[HierarchicalAnalysis, str]:
    """The analysis and the name of its effect prior, if it can be recovered."""
    if not isinstance(analysis, HierarchicalAnalysis):
        raise BadInput(analysis.name, "kind", repr(analysis.kind), "hierarchical (icpc-linear)")
    treatment = analysis.regression.treatment
    if treatment != "did":
        allowed = "a column with one effect, `did`"
        raise BadInput(analysis.name, "column", f"treatment {treatment!r}", allowed)
    return analysis, prior_of(analysis, prior)


def grid_of(
    analysis: HierarchicalAnalysis, given: Mapping[str, Any], *, everything: bool = False
) -> Grid:
    """The grid with what is given (by name, lists or numbers) in place of the usual values.

    Raises
    ------
    BadInput
        A number that is none, a negative sd, authorities that are not whole, a process that is
        not known, a value twice; copies of authorities that have terms of their own.
    """
    named: dict[str, Any] = {
        name: value if isinstance(value, int | float) else tuple(value)
        for name, value in given.items()
        if value is not None
    }
    fixed = analysis.model.authorities == "fixed"
    if fixed:
        named.setdefault("authorities", (1,))
    grid = replace(usual_grid(analysis), everything=everything, **named)
    for name in ("effect", "heterogeneity", "authorities", "process"):
        values = getattr(grid, name)
        if not values or len(set(values)) < len(values):
            found = "a value twice" if values else "nothing"
            raise BadParameter(name, found, "values, each once")
    if unknown := sorted(set(grid.process) - set(PROCESSES)):
        raise BadParameter("process", repr(unknown[0]), ", ".join(PROCESSES))
    _check_numbers(grid)
    for times in grid.authorities:
        if times != int(times) or times < 1:
            raise BadParameter("authorities", str(times), "a whole number, 1 or more")
        if times > 1 and fixed:
            allowed = "1: in this analysis authorities have terms of their own"
            raise BadParameter("authorities", str(times), allowed)
    return grid


def _check_numbers(grid: Grid) -> None:
    for value, option in (*((x, "effect") for x in grid.effect), (grid.drift, "drift")):
        if not isfinite(value):
            raise BadParameter(option, str(value), "a finite number")
    sds = [(x, "heterogeneity") for x in grid.heterogeneity]
    sds += [(grid.authority_sd, "authority_sd"), (grid.shock_sd, "shock_sd")]
    for value, option in sds:
        if not (isfinite(value) and value >= 0):
            raise BadParameter(option, str(value), "a standard deviation, 0 or more")


def prepared(
    analysis: HierarchicalAnalysis,
    data: Path | str | None,
    grid: Grid,
    *,
    prior: str,
    progress: Progress = silent,
) -> tuple[Job[Trials], Evidence]:
    """The job of an analysis and its design.

    Raises
    ------
    BadInput
        Data that cannot be used: among others released cells, which are not exact.
    """
    from sofs_bayes.checks.did_calibration import Design
    from sofs_bayes.pipeline.refits import setting_of

    source = source_of_design(analysis, paths(data or ()), progress)
    seen = source.data
    if seen.patterns is not None and seen.patterns.censored:
        raise BadInput(str(data), "", "suppressed or rounded counts", "exact cells")
    setting = setting_of(analysis, prior, source.departure)
    design = Design(analysis=analysis, setting=setting, data=seen)
    chosen = scenarios(grid, analysis)
    inputs, tried = source.inputs, [_decisive(each) for each in chosen]
    key = work_key(analysis, inputs, prior=prior, scenarios=tried, rules=rules(analysis))
    job = Job(
        design=Trials(design=design, scenarios=chosen, inputs=inputs),
        ready=_ready,
        name=f"{analysis.name}, {counted(len(chosen), 'scenario')}",
        key=key,
    )
    return job, source.evidence


def _decisive(scenario: Scenario) -> dict[str, Any]:
    """What a scenario says that decides its replicates; normal tails need no word."""
    said = asdict(scenario)
    return {name: x for name, x in said.items() if (name, x) != ("degrees_of_freedom", None)}


LEAST = 2  # fewer have no spread; that they are too few to tell is said of more
# Truths from the priors have to tell coverage of 95% from 93%, the grid only 95% from 80%.
TIMES_PRIOR = 5
STORE = "replicates"
VARIED = {each.name for each in fields(Grid)} - {"everything"}


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
    given = {name: value for name, value in locals().items() if name in VARIED}
    analysis, name = checked(analysis_of(analysis), prior)
    grid = grid_of(analysis, given, everything=everything)
    of_prior = TIMES_PRIOR * replicates if prior_replicates is None else prior_replicates
    for option, count in (("replicates", replicates), ("prior_replicates", of_prior)):
        if count < LEAST:
            raise BadParameter(option, str(count), f"at least {LEAST}")
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
            text = rows_to_csv(kind, rows, evidence="synthetic")
            (folder / f"{name}.csv").write_text(text, encoding="utf-8")
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
