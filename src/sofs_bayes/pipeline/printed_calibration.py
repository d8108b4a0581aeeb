"""Whether a posterior from print can be trusted: SBC and coverage, resumable, on workers."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sofs_bayes.bayes.from_published import choose_prior, choose_reading
from sofs_bayes.checks.calibration import DRAWS, Around, Calibrated, replicate
from sofs_bayes.checks.printed_calibration import KINDS, printed_problem
from sofs_bayes.checks.printed_coverage import (
    FULL,
    PANELS,
    TOO_NARROW,
    TOO_WIDE,
    Batch,
    Coverage,
    Scenario,
    batch,
    coverage,
    scenarios,
)
from sofs_bayes.checks.ranks import rank_verdict, ranked_of
from sofs_bayes.folders.store import open_store
from sofs_bayes.pipeline.jobs import Bench, Result
from sofs_bayes.pipeline.replicates import replicates as made
from sofs_bayes.pipeline.watching import Progress, silent
from sofs_bayes.pipeline.work_keys import work_key
from sofs_bayes.spec import PrintedAnalysis, Reading
from sofs_bayes.spec.seeds import stage_seed
from sofs_bayes.tables.formats import Column, Table, table_of

STUDIES = 50  # of one scenario that a worker makes at a time: some tenths of a second
REPLICATES, COVERAGE = "replicates", "coverage"  # folders of what is finished


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedJob:
    """The ranks of one analysis from print, a replicate a number.

    Attributes
    ----------
    prior
        The name of one of its effect priors.
    around
        As for `checks.printed_calibration.printed_problem`.
    """

    analysis: PrintedAnalysis
    prior: str
    reading: Reading
    around: Around

    @property
    def name(self) -> str:
        """What a progress line calls it."""
        whence = "prior" if self.around == "prior" else "posterior"
        return f"{self.analysis.name}, truths from the {whence}"

    @property
    def key(self) -> str:
        """A hash of all that decides the results."""
        settings = _settings(self.prior, self.reading)
        return work_key(self.analysis, {}, around=self.around, draws=DRAWS, **settings)

    def open(self) -> Bench:
        """The function that makes a replicate of a number."""
        problem = printed_problem(
            self.analysis, prior=self.prior, reading=self.reading, around=self.around
        )
        seed = self.analysis.seed
        return lambda number: replicate(problem, stage_seed(seed, f"replicate {number}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageJob:
    """The coverage of one analysis from print, a batch of studies of one scenario a number.

    The scenarios take turns, so that more studies add numbers and change none.
    """

    analysis: PrintedAnalysis
    prior: str
    reading: Reading

    @property
    def name(self) -> str:
        """What a progress line calls it."""
        return f"{self.analysis.name}, coverage"

    @property
    def key(self) -> str:
        """A hash of all that decides the results."""
        settings = _settings(self.prior, self.reading)
        study = [each.name for each in self.scenarios()]
        how = {"scenarios": study, "studies": STUDIES, "panels": PANELS}
        return work_key(self.analysis, {}, **how, **settings)

    def scenarios(self) -> tuple[Scenario, ...]:
        """What is simulated, in the order of the numbers."""
        return scenarios(self.analysis, prior=self.prior, reading=self.reading)

    def numbers(self, studies: int) -> range:
        """The batches that hold this many studies of each scenario."""
        return range(-(-studies // STUDIES) * len(self.scenarios()))

    def open(self) -> Bench:
        """The function that makes the batch of a number."""
        study = self.scenarios()

        def one_batch(number: int) -> Result:
            turn, place = divmod(number, len(study))
            seed = stage_seed(self.analysis.seed, f"{study[place].name}, batch {turn}")
            found = batch(
                self.analysis,
                study[place],
                prior=self.prior,
                studies=STUDIES,
                rng=np.random.default_rng(seed),
            )
            return asdict(found)

        return one_batch

    def coverage(self, results: Mapping[int, Result], studies: int) -> tuple[Coverage, ...]:
        """The coverage of each scenario from the batches; refused where studies are too rare."""
        study = self.scenarios()
        ordered = [_batch(results[number]) for number in sorted(results)]
        return tuple(
            coverage(self.analysis, scenario, ordered[place :: len(study)], studies=studies)
            for place, scenario in enumerate(study)
        )


def _batch(result: Result) -> Batch:
    return Batch(
        held=tuple(bool(each) for each in result["held"]),
        widths=tuple(float(each) for each in result["widths"]),
        panels=int(result["panels"]),
    )


def _settings(prior: str, reading: Reading) -> dict[str, Any]:
    return {"prior": prior, "reading": asdict(reading)}


# ------------------------------------------------------------------------------ both together


def calibrate_printed(
    analysis: PrintedAnalysis,
    folder: Path,
    *,
    replicates: int,
    prior: str | None = None,
    reading: Reading | str | None = None,
    around: Around = "prior",
    workers: int = 1,
    scheduler: str | None = None,
    replace: bool = False,
    progress: Progress = silent,
) -> tuple[Calibrated, tuple[Table, ...], bool]:
    """Ranks of truths and, around the prior, coverage on simulated panels of authorities.

    Parameters
    ----------
    folder
        Where finished replicates lie, in `replicates` and `coverage`.
    replicates
        Truths that are ranked, and studies of each scenario of coverage.
    prior, reading
        Of the analysis; the first ones if not given.
    around, workers, scheduler, progress
        As for `printed_problem` and `pipeline.replicates.replicates`.
    replace
        Whether results of something else in the folder are deleted.

    Returns
    -------
    (Calibrated, tuple of Table, bool)
        The verdict on the ranks; the table of coverage, none around the data (coverage is a
        matter of truths from the prior); and whether all coverage that is owed is there.

    Raises
    ------
    BadInput
        An unknown prior or reading, a folder of something else, or printed stars that hardly
        happen.
    """
    name = analysis.headline_prior if prior is None else prior
    choose_prior(analysis, name)
    chosen = choose_reading(analysis, reading)
    job = PrintedJob(analysis=analysis, prior=name, reading=chosen, around=around)
    panels = CoverageJob(analysis=analysis, prior=name, reading=chosen)
    store = open_store(folder / REPLICATES, job.key, replace=replace)
    how: dict[str, Any] = {"workers": workers, "scheduler": scheduler, "progress": progress}
    studies: tuple[Coverage, ...] = ()
    if around == "prior":
        kept = open_store(folder / COVERAGE, panels.key, replace=replace)
        batches = made(panels, kept, panels.numbers(replicates), **how)
        studies = panels.coverage(batches, replicates)
    results = made(job, store, range(replicates), **how)
    rows = _coverage_rows(studies)
    tables = (_coverage_table(analysis, name, chosen, rows),) if rows else ()
    found = _calibrated(job, results)
    return found, tables, all(row.verdict != "out" for row in rows)


def _calibrated(job: PrintedJob, results: Mapping[int, Result]) -> Calibrated:
    ranked = [ranked_of(number, result) for number, result in sorted(results.items())]
    names = next((each.ranks for each in ranked if each.ranks), {})
    return Calibrated(
        analysis=job.analysis,
        prior=job.prior,
        around=job.around,
        evidence="published-inferred",
        verdict=rank_verdict(ranked, {name: KINDS[name] for name in names}, seed=job.analysis.seed),
        notes=(
            f"The stars are read as: {job.reading.name}.",
            "Draws are independent ones from the exact posterior: there are no chains.",
        ),
        seconds=sum(each.seconds for each in ranked),
    )


# ---------------------------------------------------------------------------------- the table


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageRow:
    """How often an interval held the truth, in one scenario.

    `verdict` is `in` or `out` where the intervals owe their level, else `not owed`; then
    `allowed_from` and `allowed_to` are NaN.
    """

    scenario: str
    replicates: int
    level: float
    coverage: float
    standard_error: float
    mean_width: float
    allowed_from: float
    allowed_to: float
    verdict: str


def _coverage_rows(studies: Iterable[Coverage]) -> list[CoverageRow]:
    rows = []
    for study in studies:
        verdict, allowed = "not owed", (math.nan, math.nan)
        if study.scenario.calibrated:
            verdict, allowed = "in" if study.accepted else "out", study.allowed
        rows.append(
            CoverageRow(
                scenario=study.scenario.name,
                replicates=study.replicates,
                level=study.level,
                coverage=study.rate,
                standard_error=study.standard_error,
                mean_width=study.mean_width,
                allowed_from=allowed[0],
                allowed_to=allowed[1],
                verdict=verdict,
            )
        )
    return rows


def _coverage_table(
    analysis: PrintedAnalysis, prior: str, reading: Reading, rows: list[CoverageRow]
) -> Table:
    columns = [
        Column(key="scenario", heading="Simulated studies"),
        Column(key="replicates", heading="Number", format="integer"),
        Column(key="level", heading="Level", format="probability"),
        Column(key="coverage", heading="Truth inside", format="rhat"),
        Column(key="standard_error", heading="± (Monte Carlo)", format="rhat"),
        Column(key="mean_width", heading="Mean width", format="number"),
        Column(key="allowed_from", heading="Allowed from", format="rhat"),
        Column(key="allowed_to", heading="to", format="rhat"),
        Column(key="verdict", heading="Verdict"),
    ]
    return table_of(
        "panel_coverage",
        f"Coverage on simulated panels: {analysis.title}; {reading.name}, {prior} prior",
        rows,
        columns,
        evidence="synthetic",
        notes=[
            "Owed: truths drawn from the priors, and the stars read as they were made; also where"
            " years are autocorrelated or have heavy tails, which the posterior does not know.",
            f"Allowed: {100 * TOO_NARROW:g} points below the level to {100 * TOO_WIDE:g} above it"
            f" with {FULL:,} studies or more, wider with fewer, so that a right posterior is"
            " refused in about one calibration of twenty, with 1,500 of forty.",
        ],
    )
