"""Whether a posterior from print can be trusted: SBC and coverage, resumable, on workers."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sofs_bayes.bayes.from_published import choose_prior, choose_reading
from sofs_bayes.checks.calibration import (
    DRAWS,
    FULL,
    TOO_NARROW,
    TOO_WIDE,
    Around,
    Calibrated,
    Coverage,
    calibrated,
    replicate,
)
from sofs_bayes.checks.printed_calibration import KINDS, printed_problem
from sofs_bayes.checks.printed_coverage import PANELS, Batch, Scenario, batch, coverage, scenarios
from sofs_bayes.folders.store import open_store
from sofs_bayes.pipeline.asked import work_key
from sofs_bayes.pipeline.jobs import HERE, Bench, Execution, Job, Result
from sofs_bayes.pipeline.replicates import replicates as made
from sofs_bayes.spec import PrintedAnalysis, Reading
from sofs_bayes.spec.seeds import stage_seed
from sofs_bayes.tables.contents.effect_columns import coverage_columns
from sofs_bayes.tables.formats import Column, Table, table_of

STUDIES = 50  # of one scenario that a worker makes at a time: some tenths of a second
REPLICATES, COVERAGE = "replicates", "coverage"  # folders of what is finished


@dataclass(frozen=True, slots=True, kw_only=True)
class Print:
    """What replicates of an analysis from print share.

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
    around: Around = "prior"

    def key(self, **rules: Any) -> str:
        """A hash of all that decides results, with the rules of what is made."""
        reading = asdict(self.reading)
        return work_key(self.analysis, {}, prior=self.prior, reading=reading, **rules)

    def scenarios(self) -> tuple[Scenario, ...]:
        """The scenarios of coverage, in the order of the numbers."""
        return scenarios(self.analysis, prior=self.prior, reading=self.reading)


def ranks_job(own: Print) -> Job[Print]:
    """The ranks of one analysis from print, a replicate a number."""
    whence = "prior" if own.around == "prior" else "posterior"
    name = f"{own.analysis.name}, truths from the {whence}"
    key = own.key(around=own.around, draws=DRAWS, kinds=KINDS)
    return Job(design=own, ready=_ranks, name=name, key=key)


def _ranks(own: Print) -> Bench:
    problem = printed_problem(own.analysis, prior=own.prior, reading=own.reading, around=own.around)
    return lambda number: replicate(problem, stage_seed(own.analysis.seed, f"replicate {number}"))


def coverage_job(own: Print) -> Job[Print]:
    """The coverage of one analysis from print, a batch of studies of one scenario a number.

    The scenarios take turns, so that more studies add numbers and change none.
    """
    study = [each.name for each in own.scenarios()]
    key = own.key(scenarios=study, studies=STUDIES, panels=PANELS)
    return Job(design=own, ready=_batches, name=f"{own.analysis.name}, coverage", key=key)


def _batches(own: Print) -> Bench:
    study = own.scenarios()

    def one_batch(number: int) -> Result:
        turn, place = divmod(number, len(study))
        seed = stage_seed(own.analysis.seed, f"{study[place].name}, batch {turn}")
        rng, prior = np.random.default_rng(seed), own.prior
        return asdict(batch(own.analysis, study[place], prior=prior, studies=STUDIES, rng=rng))

    return one_batch


def numbers_of(own: Print, studies: int) -> range:
    """The batches that hold this many studies of each scenario."""
    return range(-(-studies // STUDIES) * len(own.scenarios()))


def coverage_of(own: Print, results: Mapping[int, Result], studies: int) -> tuple[Coverage, ...]:
    """The coverage of each scenario from the batches; refused where studies are too rare."""
    study = own.scenarios()
    ordered = [Batch(**results[number]) for number in sorted(results)]
    return tuple(
        coverage(own.analysis, scenario, ordered[place :: len(study)], studies=studies)
        for place, scenario in enumerate(study)
    )


# ------------------------------------------------------------------------------ both together


def calibrate_printed(
    analysis: PrintedAnalysis,
    folder: Path,
    *,
    replicates: int,
    prior: str | None = None,
    reading: Reading | str | None = None,
    around: Around = "prior",
    replace: bool = False,
    how: Execution = HERE,
) -> Calibrated:
    """Ranks of truths and, around the prior, coverage on simulated panels of authorities.

    Parameters
    ----------
    folder
        Where finished replicates lie, in `replicates` and `coverage`.
    replicates
        Truths that are ranked, and studies of each scenario of coverage.
    prior, reading
        Of the analysis; the first ones if not given.
    replace
        Whether results of something else in the folder are deleted.

    Raises
    ------
    BadInput
        An unknown prior or reading, a folder of something else, or printed stars that hardly
        happen.
    """
    name = analysis.headline_prior if prior is None else prior
    choose_prior(analysis, name)
    own = Print(
        analysis=analysis, prior=name, reading=choose_reading(analysis, reading), around=around
    )
    panels: tuple[Coverage, ...] = ()
    ranks, studies = ranks_job(own), coverage_job(own)
    store = open_store(folder / REPLICATES, ranks.key, replace=replace)
    if around == "prior":
        kept = open_store(folder / COVERAGE, studies.key, replace=replace)
        panels = coverage_of(own, made(studies, kept, numbers_of(own, replicates), how), replicates)
    return calibrated(
        analysis,
        made(ranks, store, range(replicates), how),
        seed=analysis.seed,
        prior=name,
        around=around,
        evidence="published-inferred",
        notes=(
            f"The stars are read as: {own.reading.name}.",
            "Draws are independent ones from the exact posterior: there are no chains.",
        ),
        reading=own.reading.name,
        panels=panels,
    )


# ---------------------------------------------------------------------------------- the table


def panel_tables(found: Calibrated) -> tuple[Table, ...]:
    """The table of coverage on simulated panels; none around the data, nor of sampled posteriors.

    Coverage is a matter of truths from the prior.
    """
    return (_coverage_table(found),) if found.panels else ()


def _coverage_table(found: Calibrated) -> Table:
    columns = [
        Column(key="scenario", heading="Simulated studies"),
        *coverage_columns(
            "replicates",
            "Truth inside",
            Column(key="standard_error", heading="± (Monte Carlo)", format="percent"),
            Column(key="mean_width", heading="Mean width", format="number"),
            keys=("allowed_from", "allowed_to"),
        ),
    ]
    return table_of(
        "panel_coverage",
        f"Coverage on simulated panels: {found.analysis.title}; {found.reading}, {found.prior}"
        " prior",
        found.panels,
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
