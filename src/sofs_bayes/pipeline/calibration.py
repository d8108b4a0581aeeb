"""Whether the posterior from print can be trusted: coverage and SBC, into a folder."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sofs_bayes.bayes.from_published import choose_prior, choose_reading
from sofs_bayes.checks.printed_calibration import SbcVerdict, sbc
from sofs_bayes.checks.printed_coverage import Coverage, coverage_study
from sofs_bayes.errors import BadInput
from sofs_bayes.pipeline.watching import Progress, silent
from sofs_bayes.reporting.run_folder import whole_folder
from sofs_bayes.reporting.tables import Column, Table, rows_to_csv, table_of, to_markdown
from sofs_bayes.spec import PrintedAnalysis

MIN_REPLICATES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageRow:
    """How often an interval held the truth, in one scenario.

    `verdict` is `in` or `out` where the intervals owe their level, else `not owed`.
    """

    scenario: str
    replicates: int
    level: float
    coverage: float
    standard_error: float
    mean_width: float
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SbcRow:
    """Tests of one parameter's ranks against the uniform."""

    parameter: str
    replicates: int
    chi_squared_p: float
    ks_p: float
    dispersion: float
    dispersion_p: float


def calibrate_printed(
    analysis: PrintedAnalysis,
    target: Path,
    *,
    replicates: int,
    prior: str | None = None,
    reading: str | None = None,
    progress: Progress = silent,
) -> bool:
    """Coverage of the intervals on simulated studies, and SBC, written to a new folder.

    Returns
    -------
    bool
        Whether every scenario that owes its level has it, and no rank test rejects.

    Raises
    ------
    BadInput
        Too few replicates, an unknown prior or reading, or a folder that exists.
    """
    if replicates < MIN_REPLICATES:
        raise BadInput("--replicates", "", str(replicates), f"at least {MIN_REPLICATES}")
    name = next(iter(analysis.effect_priors)) if prior is None else prior
    choose_prior(analysis, name)
    chosen = choose_reading(analysis, reading)
    with whole_folder(target) as folder:
        studies = coverage_study(
            analysis,
            prior=name,
            replicates=replicates,
            seed=analysis.seed,
            reading=chosen,
            progress=lambda done, all_: progress(f"coverage: {done} of {all_} in this scenario"),
        )
        ranks = sbc(
            analysis,
            prior=name,
            replicates=replicates,
            rng=np.random.default_rng([analysis.seed, 1]),
            reading=chosen,
            progress=lambda done, all_: progress(f"SBC: {done} of {all_}"),
        )
        coverage_rows, sbc_rows = _coverage_rows(studies), _sbc_rows(ranks)
        about = f"{analysis.title}; {chosen.name}, {name} prior"
        text = "\n".join(
            to_markdown(table) for table in _tables(about, coverage_rows, sbc_rows, ranks.uniform)
        )
        (folder / "calibration.md").write_text(text, encoding="utf-8")
        (folder / "coverage.csv").write_text(rows_to_csv(CoverageRow, coverage_rows), "utf-8")
        (folder / "sbc.csv").write_text(rows_to_csv(SbcRow, sbc_rows), encoding="utf-8")
    return ranks.uniform and all(row.verdict != "out" for row in coverage_rows)


def _coverage_rows(studies: Iterable[Coverage]) -> list[CoverageRow]:
    rows = []
    for study in studies:
        verdict = "not owed"
        if study.scenario.calibrated:
            verdict = "in" if study.accepted else "out"
        rows.append(
            CoverageRow(
                scenario=study.scenario.name,
                replicates=study.replicates,
                level=study.level,
                coverage=study.rate,
                standard_error=study.standard_error,
                mean_width=study.mean_width,
                verdict=verdict,
            )
        )
    return rows


def _sbc_rows(ranks: SbcVerdict) -> list[SbcRow]:
    return [
        SbcRow(
            parameter=test.parameter,
            replicates=ranks.replicates,
            chi_squared_p=test.chi_squared_p,
            ks_p=test.ks_p,
            dispersion=test.dispersion,
            dispersion_p=test.dispersion_p,
        )
        for test in ranks.tests
    ]


def _tables(
    about: str, coverage: list[CoverageRow], ranks: list[SbcRow], uniform: bool
) -> tuple[Table, Table]:
    coverage_columns = [
        Column(key="scenario", heading="Simulated studies"),
        Column(key="replicates", heading="Number", format="integer"),
        Column(key="level", heading="Level", format="probability"),
        Column(key="coverage", heading="Truth inside", format="rhat"),
        Column(key="standard_error", heading="± (Monte Carlo)", format="rhat"),
        Column(key="mean_width", heading="Mean width", format="number"),
        Column(key="verdict", heading="Verdict"),
    ]
    rank_columns = [
        Column(key="parameter", heading="Parameter"),
        Column(key="replicates", heading="Number", format="integer"),
        Column(key="chi_squared_p", heading="χ² p", format="number"),
        Column(key="ks_p", heading="KS p", format="number"),
        Column(key="dispersion", heading="Dispersion (1 is right)", format="rhat"),
        Column(key="dispersion_p", heading="p", format="number"),
    ]
    verdict = "No test rejects uniform ranks." if uniform else "RANKS ARE NOT UNIFORM."
    return (
        table_of(
            "coverage",
            f"Coverage: {about}",
            coverage,
            coverage_columns,
            evidence="synthetic",
            notes=["Owed: truths drawn from the priors, and the stars read as they were made."],
        ),
        table_of(
            "sbc",
            f"Simulation-based calibration: {about}",
            ranks,
            rank_columns,
            evidence="synthetic",
            notes=[verdict],
        ),
    )
