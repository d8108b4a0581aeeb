"""Runs made by hand: round numbers in every file a run folder may hold."""

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from tests.rows import DENSITY, of_effect, of_fit, on_fit

from sofs_bayes.checks.calibration import Calibrated
from sofs_bayes.checks.labels import LOG_LIKELIHOOD
from sofs_bayes.checks.ranks import DRAWS, Kind, RankedReplicate, rank_verdict
from sofs_bayes.checks.registry.leaving_out import AuthorityLooRow, LooRow
from sofs_bayes.checks.registry.power_scaling import PowerScalingRow
from sofs_bayes.checks.registry.predictions import ArmYearCheck, PredictiveCell, PredictiveStatistic
from sofs_bayes.checks.registry.tipping import TippingPoint, TippingRow
from sofs_bayes.estimands import DensityRow, EffectRow, ProbabilityRow, statement_text
from sofs_bayes.estimands.rows import MonteCarloRow, ShrinkageRow, ThresholdRow, YearlyRateRow
from sofs_bayes.folders.manifest import sha256
from sofs_bayes.matching.choice import LeftOut, Match, PreTrendRow
from sofs_bayes.pages.page import write_page
from sofs_bayes.pages.report_page import report_page
from sofs_bayes.pages.word_page import write_word
from sofs_bayes.records.notices import Notice
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import (
    Estimands,
    HierarchicalAnalysis,
    Normal,
    OpenAnalysis,
    PrintedAnalysis,
    Statement,
    load,
)
from sofs_bayes.tables.formats import Column, Estimate, Format, Table

NAN = float("nan")
PILOTS = ("Ashmere", "Brackwater, City of", "Coldharbour")
STATEMENTS = (
    Statement(scale="risk", above=0.0),
    Statement(scale="risk", below=-0.01),
    Statement(scale="risk", within=(-0.01, 0.01)),
    Statement(scale="odds ratio", within=(0.9, 1.11)),
)

MakeEffect = Callable[..., EffectRow]
MakeChances = Callable[..., tuple[ProbabilityRow, ...]]

CONFERENCES = Path(__file__).parents[1] / "data" / "dfe" / "conferences.csv"


def effect_row(target: str, median: float, half: float, **changes: object) -> EffectRow:
    row = EffectRow(
        **of_effect("effect after settling-in"),
        target=target,
        scale="risk",
        prior="reference",
        **of_fit("main"),
        evidence="open-data",
        mean=median,
        median=median,
        sd=half / 1.645,
        lower=median - half,
        upper=median + half,
        level=0.9,
        interval="eti",
        status="converged",
    )
    return replace(row, **changes)  # type: ignore[arg-type]


def chances_of(
    row: EffectRow, probabilities: dict[str, float], *, mcse: float = NAN
) -> tuple[ProbabilityRow, ...]:
    return tuple(
        ProbabilityRow(
            **of_effect(str(row.estimand)),
            target=row.target,
            scale=row.scale,
            prior=row.prior,
            **of_fit(str(row.variant)),
            evidence=row.evidence,
            statement=statement,
            probability=probability,
            mcse=mcse,
            status=row.status,
        )
        for statement, probability in probabilities.items()
    )


@pytest.fixture(scope="session")
def effect() -> MakeEffect:
    """A function: an effect row with target, median and half width."""
    return effect_row


@pytest.fixture(scope="session")
def chances() -> MakeChances:
    """A function: the probability rows of statements about an effect row."""
    return chances_of


@pytest.fixture(scope="session")
def open_analysis(made_up_analysis: OpenAnalysis) -> OpenAnalysis:
    """The made-up analysis with two effect priors and statements on two scales."""
    sceptical = Normal(mean=0.0, sd=0.2, why="Large effects are rare.")
    priors = {**made_up_analysis.effect_priors, "sceptical": sceptical}
    return replace(
        made_up_analysis, effect_priors=priors, estimands=Estimands(statements=STATEMENTS)
    )


def open_effects() -> list[EffectRow]:
    rows = [effect_row("pooled", 0.012, 0.023), effect_row("new authority", 0.01, 0.06)]
    rows += [effect_row(name, 0.01 * i, 0.03) for i, name in enumerate(PILOTS)]
    rows += [replace(row, prior="sceptical", median=row.median / 2) for row in rows]
    rows += [
        effect_row(
            "pooled", 0.002 * k, 0.02, **of_effect(f"effect in year {k:+d}"), **of_fit("by year")
        )
        for k in (-2, 0, 1)
    ]
    ratios = [effect_row("pooled", 1.1, 0.2, scale="odds ratio", prior=p) for p in ("reference",)]
    spread = effect_row("pooled", 0.1, 0.05, **of_effect("spread between pilots"), scale="log-odds")
    return [*rows, *ratios, spread]


def open_chances(rows: list[EffectRow]) -> tuple[ProbabilityRow, ...]:
    risk, ratio = (
        {statement_text(s): 0.1 * (i + 1) for i, s in enumerate(STATEMENTS) if s.scale == scale}
        for scale in ("risk", "odds ratio")
    )
    wanted = {"risk": risk, "odds ratio": ratio}
    return tuple(p for r in rows if r.scale in wanted for p in chances_of(r, wanted[r.scale]))


def predictive_cells() -> tuple[PredictiveCell, ...]:
    cell = PredictiveCell(
        authority="Ashmere",
        year=2012,
        arm="pilot",
        denominator=1000.0,
        observed=0.2,
        lower=0.15,
        median=0.2,
        upper=0.25,
        level=0.9,
        pit=0.5,
    )
    places = [("Fennick", "comparator"), ("Ashmere", "pilot"), ("Grimsdale", "comparator")]
    cells = [replace(cell, authority=a, arm=arm, year=y) for a, arm in places for y in (2012, 2013)]
    cells[0] = replace(cells[0], observed=0.3, pit=0.998)  # Fennick in 2012
    cells[2] = replace(cells[2], observed=0.25, pit=0.97)  # on its bound: inside
    return tuple(cells)


@pytest.fixture(scope="session")
def open_run(open_analysis: OpenAnalysis) -> Run:
    """A run of open data with every further file, the effect +1.2 pp (−1.1 to +3.5)."""
    rows = open_effects()
    gate = {
        "failures": [],
        "max_rhat": 1.002,
        "min_ess_bulk": 1234.0,
        "min_ess_tail": 987.0,
        "min_bfmi": 0.8,
        "divergences": 0,
        "draws": 4000,
        "quantities": 9,
        "status": "converged",
    }
    nothing = dict.fromkeys(
        (f"{n}{e}" for n in ("counterfactual", "effect") for e in ("", "_lower", "_upper")), NAN
    )
    rate = YearlyRateRow(
        year=2012,
        period="pre",
        **of_effect(AFTER),
        prior="reference",
        pilots=3,
        observed=0.2,
        comparators=0.21,
        fitted=0.2,
        fitted_lower=0.19,
        fitted_upper=0.21,
        level=0.9,
        interval="eti",
        **nothing,
    )
    after = replace(
        rate,
        year=2016,
        period="post",
        observed=0.22,
        fitted=0.22,
        fitted_lower=0.21,
        fitted_upper=0.23,
        counterfactual=0.19,
        counterfactual_lower=0.17,
        counterfactual_upper=0.21,
        effect=0.03,
        effect_lower=0.01,
        effect_upper=0.05,
    )
    trend = PreTrendRow(
        target="pooled",
        year=2012,
        pilots=0.2,
        comparators=0.21,
        gap=-0.01,
        trend_gap=0.0123,
        trend_gap_all=0.0456,
    )
    statistic = PredictiveStatistic(
        statistic="sd of an authority-year",
        observed=0.05,
        lower=0.04,
        median=0.05,
        upper=0.06,
        level=0.9,
        p=0.5,
    )
    changed = [
        effect_row("pooled", 0.03, 0.02, **of_fit("with Dunmarsh")),
        effect_row("pooled", 0.005, 0.03, **of_fit("without Ashmere")),
        effect_row("pooled", 1.2, 0.1, **of_fit("with Dunmarsh"), scale="odds ratio"),
    ]
    beside = {
        YearlyRateRow: (rate, after),
        PredictiveCell: predictive_cells(),
        PredictiveStatistic: (statistic,),
        PreTrendRow: (trend,),
        Match: (Match(pilot="Ashmere", comparator="Fennick", rank=1, distance=0.12),),
        LeftOut: (LeftOut(authority="Ottersby", reason="excluded"),),
        Notice: (Notice(kind="missing", authority="Northmere", detail="c"),),
    }
    return Run(
        analysis=open_analysis,
        evidence="open-data",
        status="converged",
        effects=tuple(rows),
        probabilities=open_chances(rows),
        sensitivity=tuple(changed),
        beside=beside,
        diagnostics={
            "method": "nutpie",
            "status": "converged",
            "fits": on_fit("main", "reference", gate),
        },
        posterior=None,
        inputs={"conferences.csv": sha256(CONFERENCES)},
        seconds={"sample": 1.0},
        options={"leave_out": "pilots"},
    )


@pytest.fixture(scope="session")
def printed_analysis() -> PrintedAnalysis:
    """The bundled analysis of the printed ICPC model."""
    analysis = load("icpc-printed")
    assert isinstance(analysis, PrintedAnalysis)
    return analysis


@pytest.fixture(scope="session")
def printed_run(printed_analysis: PrintedAnalysis) -> Run:
    """A run of the printed analysis under two readings and its first two priors."""
    readings, priors = ("clustered", "naive"), ("reference", "sceptical")
    rows = [
        effect_row(
            "pooled",
            0.03 / (i + j + 1),
            0.04,
            **of_effect("effect (DiD)"),
            **of_fit(reading),
            prior=prior,
            evidence="published-inferred",
        )
        for i, reading in enumerate(readings)
        for j, prior in enumerate(priors)
    ]
    said = {statement_text(s): 0.5 for s in printed_analysis.estimands.statements}
    densities = [
        DensityRow(
            **DENSITY,
            **of_fit(reading),
            prior=prior,
            scale="risk",
            value=0.01 * x,
            prior_density=10.0 - abs(x),
            posterior_density=15.0 - 2 * abs(x),
        )
        for reading in readings
        for prior in priors
        for x in range(-6, 7)
    ]
    verdict = {
        "status": "converged",
        "edge_mass": 1e-9,
        "max_edge_mass": 1e-4,
        "star_evidence": 0.25,
        "star_fit": 0.75,
        "correlation_told": 0.5,
    }
    changed = [
        replace(rows[0], kind="prior scale of the authority sd", subject="0.03"),
        replace(rows[1], kind="critical values", subject="t(10)"),
    ]
    return Run(
        analysis=printed_analysis,
        evidence="published-inferred",
        status="converged",
        effects=tuple(rows),
        probabilities=tuple(p for row in rows for p in chances_of(row, said)),
        sensitivity=tuple(changed),
        beside={DensityRow: tuple(densities)},
        diagnostics={
            "method": "quadrature",
            "status": "converged",
            "fits": {
                k: v for r in readings for p in priors for k, v in on_fit(r, p, verdict).items()
            },
        },
        posterior=None,
        inputs={},
        seconds={},
        options={},
    )


# ------------------------------------------------------------------ a run of children's records


FOUR = ("Ashmere", "Brackwater, City of", "Coldharbour", "Dunford and the Isles of Westermain")
AFTER = "effect after settling-in"


def risk_and_thousands(
    target: str, median: float, half: float, **changes: object
) -> list[EffectRow]:
    row = effect_row(target, median, half, evidence="synthetic", **changes)
    thousands = effect_row(
        target,
        1000 * median,
        1000 * half,
        **{"evidence": "synthetic", "scale": "children per 1,000", **changes},
    )
    return [row, thousands]


def hierarchical_effects() -> list[EffectRow]:
    """Four pilots, all together and a new authority, under two effect priors."""
    found = {"pooled": (0.012, 0.023), "new authority": (0.01, 0.06)}
    found |= {name: (0.01 * (i - 1), 0.03 + 0.004 * i) for i, name in enumerate(FOUR)}
    rows = [
        row
        for prior, factor in (("reference", 1.0), ("sceptical", 0.5))
        for target, (median, half) in found.items()
        for row in risk_and_thousands(target, factor * median, half, prior=prior)
    ]
    for name, size in (("spread between pilots", 0.02), ("spread between authorities", 0.04)):
        rows.append(
            effect_row("pooled", size, 0.015, **of_effect(name), evidence="synthetic", scale="risk")
        )
    return rows


def hierarchical_sensitivity() -> list[EffectRow]:
    """Refits: model and data changed one at a time, then a grid of priors' scales."""
    variants = ["the regression itself", "pilots not pooled", "pilots fully pooled", "no shocks"]
    variants += ["trends may depart", *(f"without {name}" for name in FOUR)]
    variants += [
        f"{name} × {factor:g}"
        for name in ("authority_sd", "pilot_effect_sd", "shock_sd")
        for factor in (0.5, 2.0)
    ]
    return [
        row
        for i, variant in enumerate(variants)
        for row in risk_and_thousands(
            "pooled", 0.001 * (i % 5), 0.02 + 0.001 * i, **of_fit(variant)
        )
    ]


def shrinkage_rows() -> tuple[ShrinkageRow, ...]:
    rows = []
    for scale, unit in (("risk", 1.0), ("log-odds", 9.0)):
        for i, name in enumerate(FOUR):
            alone, together = 0.03 * (i - 1), 0.012
            rows.append(
                ShrinkageRow(
                    target=name,
                    scale=scale,
                    unpooled_median=unit * alone,
                    unpooled_lower=unit * (alone - 0.05 - 0.01 * i),
                    unpooled_upper=unit * (alone + 0.05 + 0.01 * i),
                    median=unit * (0.4 * alone + 0.6 * together),
                    lower=unit * (0.4 * alone + 0.6 * together - 0.03),
                    upper=unit * (0.4 * alone + 0.6 * together + 0.03),
                    pooled_median=unit * together,
                    shrinkage=NAN if i == 1 else 0.6,
                    level=0.9,
                    interval="eti",
                )
            )
    return tuple(rows)


def tipping_rows(target: str, centre: float, scale: str = "risk") -> list[TippingRow]:
    """A falling curve, at 50% where the departure is `centre`; the far ends not to be trusted."""
    unit = 0.02 if scale == "risk" else 0.2
    return [
        TippingRow(
            target=target,
            scale=scale,
            departure=unit * step / 8,
            probability_above_zero=1 / (1 + math.exp((unit * step / 8 - centre) / (0.25 * unit))),
            mcse=0.004,
            pareto_k=NAN if step == 0 else 0.04 * abs(step),
        )
        for step in range(-20, 21)
    ]


def tipping_points(target: str, centre: float, scale: str = "risk") -> list[TippingPoint]:
    unit = 0.02 if scale == "risk" else 0.2
    points = []
    for level in (0.95, 0.5, 0.05):
        at = centre - 0.25 * unit * math.log(level / (1 - level))
        points.append(
            TippingPoint(
                target=target,
                scale=scale,
                level=level,
                departure=at if level > 0.1 else NAN,
                direction="falls" if at > 0 else "rises",
                reached_within=NAN if level > 0.1 else 0.0475,
                pareto_k=NAN,
            )
        )
    return points


def arm_year_rows() -> tuple[ArmYearCheck, ...]:
    """Seven years and the two periods, by posterior and by prior; one year far out."""
    rows = []
    for kind, half in (("prior", 0.2), ("posterior", 0.02)):
        for arm, level in (("pilot", 0.11), ("comparator", 0.125)):
            for i, year in enumerate([*map(str, range(2012, 2019)), "before", "after"]):
                middle = level + 0.003 * (i % 3)
                rows.append(
                    ArmYearCheck(
                        kind=kind,
                        arm=arm,
                        year=year,
                        children=10_000 + 100 * i,
                        observed=middle + (0.03 if (arm, year) == ("pilot", "2015") else 0.004),
                        lower=middle - half,
                        median=middle,
                        upper=middle + half,
                        level=0.9,
                        p=0.4,
                    )
                )
    return tuple(rows)


def loo_rows() -> tuple[LooRow, ...]:
    return tuple(
        LooRow(
            authority=name,
            year=year,
            elpd=2.0 + 0.1 * i,
            pareto_k=0.85 if (name, year) == ("Fennick", 2013) else 0.1 * i,
        )
        for name in ("Ashmere", "Fennick")
        for i, year in enumerate(range(2012, 2018))
    )


@pytest.fixture(scope="session")
def hierarchical_analysis() -> HierarchicalAnalysis:
    """The bundled linear analysis of conferences, with two effect priors."""
    analysis = load("icpc-linear")
    assert isinstance(analysis, HierarchicalAnalysis)
    kept = {name: analysis.effect_priors[name] for name in ("reference", "sceptical")}
    return replace(analysis, effect_priors=kept)


@pytest.fixture(scope="session")
def hierarchical_run(hierarchical_analysis: HierarchicalAnalysis, open_run: Run) -> Run:
    """A run of synthetic children with every further file."""
    effects = hierarchical_effects()
    said = {
        statement_text(s): 0.1 * (i + 1)
        for i, s in enumerate(hierarchical_analysis.estimands.statements)
    }
    statistic = PredictiveStatistic(
        statistic="share of rates outside 0 to 1",
        observed=0.0,
        lower=0.0,
        median=0.0,
        upper=0.01,
        level=0.9,
        p=0.5,
    )
    error = MonteCarloRow(
        **of_effect(AFTER),
        target="pooled",
        scale="risk",
        mcse_mean=0.00021,
        mcse_median=0.0003,
        mcse_lower=0.0006,
        mcse_upper=0.0007,
    )
    authorities = tuple(
        AuthorityLooRow(
            authority=name, arm=arm, elpd=-12.5 - i, pareto_k=0.4 + 0.2 * i, refitted=i > 1
        )
        for i, (name, arm) in enumerate(
            [("Fennick", "comparator"), ("Ashmere", "pilot"), ("Coldharbour", "pilot")]
        )
    )
    scaled = PowerScalingRow(
        role=AFTER,
        target="pooled",
        scale="risk",
        priors="standard deviations",
        prior=0.021,
        likelihood=0.094,
        diagnosis="no sign of a prior that matters",
    )
    beside: dict[type, tuple[object, ...]] = {
        ShrinkageRow: shrinkage_rows(),
        MonteCarloRow: (error, replace(error, scale="children per 1,000")),
        TippingRow: (*tipping_rows("pooled", 0.012), *tipping_rows("Ashmere", -0.01)),
        TippingPoint: (*tipping_points("pooled", 0.012), *tipping_points("Ashmere", -0.01)),
        ArmYearCheck: arm_year_rows(),
        PredictiveStatistic: (statistic,),
        LooRow: loo_rows(),
        AuthorityLooRow: authorities,
        PowerScalingRow: (scaled, replace(scaled, role="spread between years of one authority")),
    }
    return Run(
        analysis=hierarchical_analysis,
        evidence="synthetic",
        status="converged",
        effects=tuple(effects),
        probabilities=tuple(
            p
            for row in effects
            if row.scale == "risk" and str(row.estimand) == AFTER
            for p in chances_of(row, said, mcse=0.004)
        ),
        sensitivity=tuple(hierarchical_sensitivity()),
        beside=beside,
        diagnostics=open_run.diagnostics,
        posterior=None,
        inputs={"synthetic-cells.nc": "c0ffee" * 10},
        seconds={"sample": 1.0},
        options={"leave_out": "pilots", "quick": "no"},
    )


# ---------------------------------------------------------------------------- a calibration

TARGETS = ("pooled", "new authority", *FOUR, "Northmere", "Eastport")
CALIBRATED_EFFECTS = tuple(
    f"{AFTER}, {target} ({scale})" for target in TARGETS for scale in ("risk", "log-odds")
)
SPREADS = ("authority_sd", "pilot_effect_sd", "shock_sd", "shock_correlation")
ELEMENTS = tuple(f"shock[{name}, {year}]" for name in FOUR for year in range(2012, 2018))
KIND_OF: dict[str, Kind] = {
    **dict.fromkeys(CALIBRATED_EFFECTS, "effect"),
    **dict.fromkeys(SPREADS, "spread"),
    LOG_LIKELIHOOD: "likelihood",
    **dict.fromkeys(ELEMENTS, "parameter"),
}
REPLICATES = 400


@pytest.fixture(scope="session")
def calibrated(hierarchical_analysis: HierarchicalAnalysis) -> Calibrated:
    """Uniform ranks but for `pilot_effect_sd`, whose posterior is too narrow; two refused fits."""
    rng = np.random.default_rng(20220701)
    ranks = {name: rng.integers(0, DRAWS + 1, REPLICATES) for name in KIND_OF}
    ranks["pilot_effect_sd"] = (rng.beta(0.6, 0.6, REPLICATES) * (DRAWS + 1)).astype(int)
    failures = {17: ("R-hat 1.31 above 1.05",), 203: ("3 divergences", "ESS 12 below 100")}
    replicates = [
        RankedReplicate(
            number=number,
            ranks={name: int(each[number]) for name, each in ranks.items()},
            status="not converged" if number in failures else "converged",
            failures=failures.get(number, ()),
            attempts=2 if number in (17, 99, 203) else 1,
            seconds=1.5,
        )
        for number in range(REPLICATES)
    ]
    return Calibrated(
        analysis=hierarchical_analysis,
        prior="reference",
        around="prior",
        evidence="synthetic",
        verdict=rank_verdict(replicates, KIND_OF, seed=1),
        notes=("Coefficients have a proper prior here.",),
        seconds=1.5 * REPLICATES,
    )


@pytest.fixture(scope="session")
def uniform(calibrated: Calibrated) -> Calibrated:
    """The same without the quantity that is out, and without refused fits."""
    out = "pilot_effect_sd"
    replicates = [
        replace(
            each,
            ranks={name: rank for name, rank in each.ranks.items() if name != out},
            status="converged",
            failures=(),
        )
        for each in calibrated.verdict.replicates
    ]
    kinds = {name: KIND_OF[name] for name in replicates[0].ranks}
    analysis = replace(calibrated.analysis, name="icpc-right")
    verdict = rank_verdict(replicates, kinds, seed=1)
    return replace(calibrated, analysis=analysis, verdict=verdict)


# ------------------------------------------------------------------- runs with thresholds


def threshold_rows(run: Run) -> tuple[ThresholdRow, ...]:
    """What normal posteriors of the pooled effects would have, from −10 to +10 points."""
    rows = [
        row
        for row in run.effects
        if row.scale == "risk" and row.target in ("pooled", "new authority")
        if str(row.estimand) in (AFTER, "effect (DiD)")
    ]
    return tuple(
        ThresholdRow(
            **of_effect(str(row.estimand)),
            target=row.target,
            scale=row.scale,
            prior=row.prior,
            **of_fit(str(row.variant)),
            evidence=row.evidence,
            threshold=step / 200,
            above=0.5 * math.erfc((step / 200 - row.median) / (row.sd * math.sqrt(2))),
            mcse=0.004,
            status=row.status,
        )
        for row in rows
        for step in range(-20, 21)
    )


def with_thresholds(run: Run) -> Run:
    """The same run with `thresholds` for its pooled effects and a new authority."""
    return replace(
        run,
        beside={**run.beside, ThresholdRow: threshold_rows(run)},
        versions={"python": "3.12", "sofs-bayes": "0.1.0"},
        files={"effects.csv": "c0ffee" * 10, "posterior.nc": "c0ffee" * 10},
    )


@pytest.fixture(scope="session")
def reported_runs(printed_run: Run, hierarchical_run: Run) -> tuple[Run, Run]:
    """A run from print and one on made-up children, each with thresholds."""
    return with_thresholds(printed_run), with_thresholds(hierarchical_run)


@pytest.fixture(scope="session")
def report_folder(reported_runs: tuple[Run, Run], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report over both runs, with a single figure each, as drawing them takes seconds."""
    from sofs_bayes.pages import run_parts as run_report_parts

    folder = tmp_path_factory.mktemp("report")
    whole = run_report_parts.drawings
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_report_parts, "drawings", lambda run: whole(run)[:1])
        page = report_page(reported_runs, versions={"sofs-bayes": "0.1.0"})
        write_page(folder, page)
        write_word(page, folder / "report.docx", figures=folder / "figures")
    return folder


# ------------------------------------------------------------------- tables of a publication


@pytest.fixture(scope="session")
def mixed_runs(hierarchical_run: Run, printed_run: Run, open_run: Run) -> list[Run]:
    """One of each kind, on three evidences; print under the analysis's own reading."""
    assert isinstance(printed_run.analysis, PrintedAnalysis)
    reading = printed_run.analysis.readings[0].name
    first = {"clustered": reading}
    printed = replace(
        printed_run,
        effects=tuple(replace(row, **of_fit(reading)) for row in printed_run.effects[:2]),
        probabilities=tuple(
            replace(each, reading=first[each.reading])
            for each in printed_run.probabilities
            if each.reading in first
        ),
    )
    return [
        hierarchical_run,
        printed,
        replace(open_run, analysis=replace(open_run.analysis, outcome="ICPC")),
    ]


@pytest.fixture(scope="session")
def of_analysis(hierarchical_run: Run) -> Callable[..., Run]:
    """A function: the run of children as one of another bundled analysis, with effects given."""

    def made(name: str, effects: list[EffectRow] | None = None) -> Run:
        analysis = load(name)
        assert isinstance(analysis, HierarchicalAnalysis)
        rows = hierarchical_run.effects if effects is None else tuple(effects)
        return replace(hierarchical_run, analysis=analysis, effects=rows)

    return made


# What a spreadsheet calculates, what LaTeX and XML take for their own, and what no file can hold.
HARD_TEXTS = (
    "=1+1",
    "+1.2 pp",
    "-cmd|' /C calc'!A0",
    "@SUM(A1)",
    "\t=1+1",
    "'=1+1",
    "＝1+1",
    "#N/A",
    "100% & <b>_x_</b> #1 $2 {3} ~4 ^5 \\6 |7| \"8\" 'nine'",
    "[x]*",
    "two\nlines",
    "\r\x00\x1b\ufffe",
    "β̂ ± 2σ × ≤ ∞ 中 🙂",
    "long " * 2_000,
    "",
)


@pytest.fixture(scope="session")
def hard_table() -> Table:
    """Twenty columns under two headings; hard texts, gaps, infinities; not converged."""
    numbers = [0.012, -0.5, NAN, math.inf, -math.inf, None, 3, True, "+0.3", 1e-9, 1e9]
    formats = get_args(Format)
    columns = [Column(key="label", heading="Label =1+1")]
    columns += [
        Column(
            key=f"c{i}",
            heading=f"Column {i}",
            format=formats[i % len(formats)],
            group=("First", "", "Last & least")[i // 7],
        )
        for i in range(19)
    ]
    rows = [
        (text, *(numbers[(i + j) % len(numbers)] for j in range(19)))
        for i, text in enumerate(HARD_TEXTS)
    ]
    return Table(
        name="hard: [a]/b*c?",
        title="Hard & <hard> $1_2",
        columns=tuple(columns),
        rows=(("A heading", *[None] * 19), *rows),
        evidence="synthetic",
        notes=("=A note & more", "Two\nlines."),
        status="not converged",
        errors={"c1": (NAN, *[0.008] * len(rows))},
        bold=(0, 1),
    )


@pytest.fixture(scope="session")
def folded_table() -> Table:
    """Estimates with their intervals in one cell, known to 0.28 percentage points."""
    estimate = Estimate(median=-0.0266, lower=-0.0921, upper=0.0394, error=0.0028)
    exact = Estimate(median=0.033, lower=-0.033, upper=0.095)
    return Table(
        name="report",
        title="Table 5",
        columns=(
            Column(key="row", heading="Row"),
            Column(key="linear", heading="Linear", format="pp", group="ICPC"),
            Column(key="children", heading="Children", format="integer", holds="children"),
        ),
        rows=(("Effect", estimate, 1234), ("Printed", exact, 5), ("Published", "0.04*", None)),
        evidence="synthetic",
        notes=("Medians.",),
    )


# ---------------------------------------------------------------------- texts of a picture


TOUCH = 1.0  # pixels two texts may share: hinting rounds every glyph to whole pixels


def faults_of(figure: Figure) -> list[str]:
    """Texts that leave the canvas, and pairs that overlap; the mark across a picture may."""
    figure.draw_without_rendering()  # only then ticks have their labels in place
    width, height = figure.get_size_inches() * figure.dpi
    found = [
        (text.get_text(), text.get_window_extent())
        for text in figure.findobj(Text)
        if text.get_visible() and text.get_text() and text.get_gid() != "not-converged"
    ]
    outside = [
        f"{text!r} leaves the canvas"
        for text, box in found
        if box.x0 < 0 or box.y0 < 0 or box.x1 > width or box.y1 > height
    ]
    return outside + [
        f"{one!r} overlaps {other!r}"
        for (one, a), (other, b) in combinations(found, 2)
        if min(a.x1, b.x1) - max(a.x0, b.x0) > TOUCH and min(a.y1, b.y1) - max(a.y0, b.y0) > TOUCH
    ]


@pytest.fixture(scope="session")
def faults() -> Callable[[Figure], list[str]]:
    """A function: the texts of a picture that are cut off or overlap, in words."""
    return faults_of
