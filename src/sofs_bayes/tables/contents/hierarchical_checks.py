"""Hierarchical runs → tables that say whether to trust them, and what they hang on."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, cast

from sofs_bayes.bayes.limits import MAX_K
from sofs_bayes.checks.registry import FILES, Kept
from sofs_bayes.checks.registry.leaving_out import AuthorityLooRow, LooRow, LooSummary
from sofs_bayes.checks.registry.power_scaling import PowerScalingRow
from sofs_bayes.checks.registry.predictions import ArmYearCheck, PredictiveCell, PredictiveStatistic
from sofs_bayes.checks.registry.tipping import TippingPoint
from sofs_bayes.errors import counted
from sofs_bayes.estimands import NEW, POOLED
from sofs_bayes.estimands.rows import MonteCarloRow
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec.outcomes import capital
from sofs_bayes.spec.study import denominator_of, words_of
from sofs_bayes.spec.terms import told_in
from sofs_bayes.spec.years import years_of
from sofs_bayes.tables.contents.assumptions import in_units
from sofs_bayes.tables.contents.checks import (
    extremes_table,
    predictive_statistics_table,
    predictive_table,
)
from sofs_bayes.tables.contents.effect_columns import (
    LARGER,
    NARROW,
    PROBABILITY,
    ends,
    interval_columns,
    number_format,
)
from sofs_bayes.tables.contents.effects import (
    AUTHORITIES,
    COUNTS,
    not_shown,
    rate_format,
    rate_notes,
    risk_scale,
    run_table,
    sensitivity_table,
)
from sofs_bayes.tables.formats import Cell, Column, Format, Table, shown, table_of

if TYPE_CHECKING:
    from sofs_bayes.checks.loo import ComparisonRow
    from sofs_bayes.spec import Evidence

FEW = 30  # authorities, below which a sum over them has no normal error
WORST = 10  # authority-years listed by Pareto k
KINDS = {"posterior": "Predicted", "prior": "By the priors alone"}


def hierarchical_diagnostics(run: Run) -> tuple[Table, ...]:
    """The tables of checks that a hierarchical run has rows for, beside those every run has.

    None for a run of another kind.

    Parameters
    ----------
    run
        As `fit` gives it or `read_run` reads it.

    Returns
    -------
    tuple of Table
        Only those with rows.

    Examples
    --------
    >>> sb.hierarchical_diagnostics(sb.fit("icpc-printed"))
    ()
    """
    if run.analysis.kind == "printed":
        return ()
    tables = [table for kept in FILES.values() for table in _of_rows(run, kept)]
    tables.append(sensitivity_table(run, prior=run.prior, grid=False))
    return tuple(table for table in tables if table.rows)


def _of_rows(run: Run, kept: Kept) -> list[Table]:
    """The tables of a file of the registry: made by hand, or as it is laid out there."""
    by_hand: Mapping[type, Sequence[Callable[[Run], Table]]] = {
        PredictiveStatistic: (predictive_statistics_table,),
        PredictiveCell: (predictive_table, extremes_table),
        ArmYearCheck: (arm_years_table,),
        LooRow: (loo_table, loo_cells_table),
        AuthorityLooRow: (authority_loo_table,),
        PowerScalingRow: (partial(power_scaling_table, pilots=False),),
        TippingPoint: (partial(tipping_table, pilots=False),),
        MonteCarloRow: (monte_carlo_table,),
    }
    if kept.layout is None:
        return [made(run) for made in by_hand.get(kept.row, ())]
    rows, title = run.beside.get(kept.row, ()), kept.layout.title
    columns = [
        Column(key=key, heading=heading, format=cast("Format", form))
        for key, heading, form in kept.layout.columns
    ]
    if kept.layout.effects:
        scale = risk_scale(run)
        rows = tuple(row for row in rows if row.scale == scale)
        title = f"{title} ({in_units(run.analysis, scale)})"
        place, level = kept.layout.effects, next((row.level for row in rows), run.level)
        columns[place:place] = interval_columns(level, number_format(scale, rows))
    return [run_table(run, kept.name, title, rows, columns, *kept.layout.notes)]


def arm_years_table(run: Run) -> Table:
    """The rate of each arm in each year, beside what posterior and prior predict for it."""
    rows: Sequence[ArmYearCheck] = run.rows(ArmYearCheck)
    kinds = [kind for kind in KINDS if any(row.kind == kind for row in rows)]
    found = {(row.arm, row.year, row.kind): row for row in rows}
    places = sorted({(row.arm, row.year) for row in rows}, key=_pilots_and_years_first)
    lines: list[tuple[Cell, ...]] = []
    for arm, year in places:
        each = [found.get((arm, year, kind)) for kind in kinds]
        seen = next(row for row in each if row is not None)
        line: list[Cell] = [arm, year, seen.children, seen.observed]
        for row in each:
            line += [None] * 3 if row is None else [row.lower, row.upper, row.p]
        lines.append(tuple(line))
    columns = [
        Column(key="arm", heading="Authorities"),
        Column(key="year", heading=f"{years_of(run.analysis).heading}, or period"),
        Column(key="children", heading=capital(denominator_of(run.analysis)), format="integer"),
        Column(key="observed", heading="Rate", format=rate_format(run)),
    ]
    for kind in kinds:
        columns += [
            *ends(KINDS[kind], rate_format(run), prefix=f"{kind}_"),
            replace(LARGER, key=f"{kind}_p"),
        ]
    level = f" {100 * rows[0].level:g}%" if rows else ""
    return run_table(
        run,
        "arm_years",
        f"rates by arm and year beside their{level} predictions",
        lines,
        columns,
        "Rates are weighted as in the likelihood. Each authority-year is predicted with a new"
        " shock, not its own.",
        *rate_notes(run),
        *not_shown(run, COUNTS),
    )


def _pilots_and_years_first(place: tuple[str, str]) -> tuple[bool, bool, bool, str]:
    arm, year = place
    return arm != "pilot", not year.isdigit(), year == "after", year


def loo_table(run: Run) -> Table:
    """How well each authority's year is predicted by all others, in one line."""
    rows = run.rows(LooRow)
    summary = next(iter(run.rows(LooSummary)), None)
    lines: tuple[tuple[Cell, ...], ...] = ()
    if rows:
        total = sum(row.elpd for row in rows)
        mean = total / len(rows)
        se = math.sqrt(sum((row.elpd - mean) ** 2 for row in rows))
        high = sum(not row.pareto_k <= MAX_K for row in rows)
        worst = max(row.pareto_k for row in rows)
        p_loo = None if summary is None else summary.p_loo
        lines = ((len(rows), total, se, p_loo, high, worst, _verdict(high)),)
    columns = [
        Column(key="points", heading="Authority-years", format="integer"),
        Column(key="elpd", heading="Log predictive density", format="number"),
        Column(key="se", heading="Its standard error", format="number"),
        Column(key="p_loo", heading="Effective parameters", format="number"),
        Column(key="high_k", heading=f"Pareto k above {MAX_K:g}", format="integer"),
        Column(key="worst_k", heading="Largest", format="number"),
        Column(key="verdict", heading="Verdict"),
    ]
    return run_table(
        run,
        "loo",
        "each authority's year predicted by all others",
        lines,
        columns,
        "Leave-one-out by Pareto-smoothed importance sampling.",
        *few_authorities(len({row.authority for row in rows})),
    )


def few_authorities(number: int) -> tuple[str, ...]:
    """The note on leave-one-out of few authorities; none for none or for many."""
    if not 0 < number < FEW:
        return ()
    return (
        f"These are years of {counted(number, 'authority', 'authorities')}, and an authority's"
        " years are alike: a difference between analyses below twice its standard error by"
        " authority says nothing, and one above it little.",
    )


def _verdict(high: int) -> str:
    return "to be relied on" if high == 0 else "only to be relied on where k is small"


def loo_cells_table(run: Run, *, most: int = WORST) -> Table:
    """The authority-years hardest to leave out: the largest Pareto k first."""
    rows = sorted(run.rows(LooRow), key=lambda row: -row.pareto_k)[:most]
    columns = [
        Column(key="authority", heading="Authority"),
        Column(key="year", heading=years_of(run.analysis).heading, format="year"),
        Column(key="elpd", heading="Log predictive density", format="number"),
        Column(key="pareto_k", heading="Pareto k", format="number"),
    ]
    return run_table(
        run,
        "loo_cells",
        "the authority-years that the fit leans on most",
        rows,
        columns,
        "A large k: the fit would be another one without this authority's year.",
        *not_shown(run, AUTHORITIES),
    )


def authority_loo_table(run: Run) -> Table:
    """How well each authority is predicted by all others; pilots first, the worst first."""
    rows = sorted(run.rows(AuthorityLooRow), key=lambda row: (row.arm != "pilot", row.elpd))
    columns = [
        Column(key="authority", heading="Authority"),
        Column(key="arm", heading="Arm"),
        Column(key="elpd", heading="Log predictive density", format="number"),
        Column(key="pareto_k", heading="Pareto k", format="number"),
        Column(key="refitted", heading="Fitted without it"),
    ]
    return run_table(
        run,
        "authority_loo",
        "each authority predicted by all others",
        rows,
        columns,
        f"Where k is above {MAX_K:g} only a fit without the authority is to be relied on.",
        *not_shown(run, AUTHORITIES),
    )


def power_scaling_table(run: Run, *, pilots: bool = True) -> Table:
    """How far each answer moves if priors, or the data, count for a little more or less.

    Parameters
    ----------
    pilots
        Whether single pilots' effects are among the answers.
    """
    rows = run.rows(PowerScalingRow)
    if not pilots:
        rows = tuple(r for r in rows if r.target in (POOLED, NEW))
    columns = [
        Column(key="estimand", heading="Quantity"),
        Column(key="target", heading="In"),
        Column(key="priors", heading="Priors scaled"),
        Column(key="prior", heading="Sensitivity to them", format="number"),
        Column(key="likelihood", heading="to the data", format="number"),
        Column(key="diagnosis", heading="Diagnosis"),
    ]
    return run_table(
        run,
        "power_scaling",
        "what do the answers depend on?",
        rows,
        columns,
        "Change of the answer's distribution per doubling of the power of priors or data;"
        " above 0.05 an answer is said to depend on them.",
    )


def tipping_table(run: Run, *, pilots: bool = True) -> Table:
    """How far trends would have had to depart for a conclusion about each effect to change.

    Parameters
    ----------
    pilots
        Whether single pilots' effects are there too.
    """
    points: Sequence[TippingPoint] = run.rows(TippingPoint)
    if not pilots:
        points = [point for point in points if point.target == POOLED]
    risk = all(point.scale == "risk" for point in points)
    small = all(not abs(point.departure) >= NARROW for point in points)
    number: Format = ("pp2" if small else "pp") if risk else "signed2"
    unit = "pp" if risk else "log-odds"
    lines = [
        (each.target, _tipping_sentence(each, number), each.departure, each.per_year, each.leads)
        for each in points
    ]
    columns = [
        Column(key="target", heading="Effect in"),
        Column(key="sentence", heading=f"{PROBABILITY} above 0: it …"),
        Column(key="departure", heading=f"Departure ({unit})", format=number),
        Column(key="per_year", heading=f"Drift a year ({unit})", format=number),
        Column(key="leads", heading="In largest leads", format="ratio"),
    ]
    return run_table(
        run,
        "tipping_points",
        "if trends had not been parallel",
        lines,
        columns,
        "Departure: how much more the pilots' outcome would have risen than the comparators'"
        " after settling-in without the programme. Drift a year: the same as a steady one from the"
        " middle of the years before to that of the years after. In largest leads: its size as a"
        " multiple of the largest difference between pilots and comparators in the years before"
        " (Rambachan and Roth's M̄).",
    )


def _tipping_sentence(point: "TippingPoint", number: Format) -> str:
    level = f"{100 * point.level:g}%"

    def amount(departure: float) -> str:
        return f"{shown(departure, number)} {'pp' if point.scale == 'risk' else '(log-odds)'}"

    if math.isnan(point.departure):
        verb = {"falls": "fall", "rises": "rise"}[point.direction]
        where = f"a departure of {amount(point.reached_within)}"
        reason = f"not reached within {where}"
        if not math.isnan(point.pareto_k):
            reason = f"weights cannot be trusted at {where} (Pareto k {point.pareto_k:.2f})"
        return f"is not seen to {verb} to {level}: {reason}"
    return f"{point.direction} to {level} if trends had departed by {amount(point.departure)}"


def monte_carlo_table(run: Run, *, scale: str | None = None) -> Table:
    """How exactly the draws tell each effect's mean, median and interval, on one scale.

    That of changes in risk, if none is named.
    """
    scale = scale or risk_scale(run)
    rows = [row for row in run.rows(MonteCarloRow) if row.scale == scale and row.is_effect]
    columns = [
        Column(key="estimand", heading="Effect"),
        Column(key="target", heading="In"),
        Column(key="mcse_mean", heading="Error of the mean", format="number"),
        Column(key="mcse_median", heading="of the median", format="number"),
        Column(key="mcse_lower", heading="of the lower end", format="number"),
        Column(key="mcse_upper", heading="of the upper end", format="number"),
    ]
    return run_table(
        run,
        "monte_carlo",
        f"Monte Carlo errors ({told_in(scale, words_of(run.analysis).whom)})",
        rows,
        columns,
        *(["0.001 = 0.1 percentage points."] if scale == "risk" else []),
    )


def comparison_table(
    rows: Sequence["ComparisonRow"], *, evidence: "Evidence", status: str = "converged"
) -> Table:
    """Analyses of the same data, the one that predicts an authority's year best first."""
    columns = [
        Column(key="analysis", heading="Analysis"),
        Column(key="elpd", heading="Log predictive density", format="number"),
        Column(key="difference", heading="Below the best by", format="number"),
        Column(key="se_difference", heading="Its standard error", format="number"),
        Column(key="se_by_authority", heading="by authority", format="number"),
        Column(key="weight", heading="Stacking weight", format="probability"),
        Column(key="p_loo", heading="Effective parameters", format="number"),
        Column(key="worst_k", heading="Largest Pareto k", format="number"),
    ]
    return table_of(
        "comparison",
        "Which analysis predicts an authority's year best?",
        rows,
        columns,
        evidence=evidence,
        notes=[
            "Leave-one-out, by authority and year, on the same data. The first standard error takes"
            " an authority's years for independent, the second sums them.",
            *few_authorities(rows[0].authorities if rows else 0),
        ],
        status=status,
    )
