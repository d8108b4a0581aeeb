"""Runs → tables that say whether to trust them: every fit's gate, predictions, leave-one-out."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sofs_bayes.bayes.limits import MAX_EDGE_MASS, MAX_K, MAX_RHAT, MIN_BFMI, MIN_ESS
from sofs_bayes.checks.registry.predictions import ArmYearCheck, PredictiveCell, PredictiveStatistic
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.tables.contents.effect_columns import LARGER
from sofs_bayes.tables.contents.hierarchical_checks import loo_table
from sofs_bayes.tables.contents.publication_numbers import gravest, overall
from sofs_bayes.tables.digits import Cell
from sofs_bayes.tables.model import Column, Table

EDGE = f"{MAX_EDGE_MASS:.0e}".replace("e-0", "e-")
SAMPLED = (
    Column(key="max_rhat", heading=f"R-hat (at most {MAX_RHAT:g})", format="rhat"),
    Column(key="min_ess_bulk", heading=f"Bulk ESS (at least {MIN_ESS:g})", format="integer"),
    Column(key="min_ess_tail", heading=f"Tail ESS (at least {MIN_ESS:g})", format="integer"),
    Column(key="divergences", heading="Divergences (none)", format="integer"),
    Column(key="min_bfmi", heading=f"BFMI (at least {MIN_BFMI:g})", format="number"),
)
WEIGHTED = Column(key="pareto_k", heading=f"Pareto k (at most {MAX_K:g})", format="number")
COMPUTED = (
    Column(key="edge_mass", heading=f"Mass at the grid's edge (at most {EDGE})", format="number"),
    Column(key="star_evidence", heading="Stars", format="number"),
    Column(key="star_fit", heading="Stars at best", format="number"),
    Column(key="correlation_told", heading="Told of the correlation", format="number"),
)
LEAST_IS_WORST = ("min_ess_bulk", "min_ess_tail", "min_bfmi")
LOO = "Leave-one-out"
# It says what a linear model does, not whether it fits.
NOT_TESTED = "share of rates outside 0 to 1"
OF_DRAWS = (
    "The worst of all parameters and of all effects derived from them. R-hat compares chains, ESS"
    " is what the draws are worth as independent ones, divergences and a low BFMI show that the"
    " sampler did not reach everything."
)
OF_WEIGHTS = (
    "With a Pareto k: not sampled, but the headline's draws weighted by the ratio of the priors."
)
OF_GRIDS = (
    "Posteriors from print are computed by quadrature: there are no draws to converge. 'Stars' is"
    " the probability of the printed stars (or of another printed error: then it is small in any"
    " case, as its range is narrow) given the coefficients under that reading and its"
    " priors; 1 where the reading makes no use of them. A low one speaks against the priors of the"
    " authorities' spread and its correlation as much as against the reading. 'Stars at best' is"
    " how likely the best spread and correlation make them, beside the best two errors: a low one"
    " speaks against the reading or the design, whatever the priors. 'Told of the correlation' is"
    " how far its posterior is from its prior: 0 where nothing was learned, 1 where they have"
    " nothing in common."
)
SHORTENED = (
    "Fits of the main analysis are named by their effect prior; of the fits with one thing changed"
    " the worst of each measure is shown, and each that was refused."
)


def diagnostics_tables(runs: Sequence[Run], _: Sequence[Path]) -> list[Table]:
    """A table over all fits that were sampled, one over those computed on a grid, one of checks."""
    sampled = [run for run in runs if not _computed(run)]
    computed = [run for run in runs if _computed(run)]
    tables = []
    if sampled:
        table = diagnostics_table(*sampled, every=False)
        tables.append(replace(table, name="diagnostics-sampled"))
    if computed:
        tables.append(replace(diagnostics_table(*computed), name="diagnostics-computed"))
    return [*tables, *_checks(runs)]


# ------------------------------------------------------------------------------ every fit's gate


def diagnostics_table(*runs: Run, every: bool = True) -> Table:
    """The verdict on every fit of one run or of several.

    Parameters
    ----------
    runs
        Sampled or computed on a grid.
    every
        Whether each fit has its line; without it fits with one thing changed share one.

    Returns
    -------
    Table
        A line per fit.

    Examples
    --------
    >>> len(sb.diagnostics_table(sb.fit("icpc-printed")).rows) > 0
    True
    """
    fits = [fit for run in runs for fit in run.diagnostics["fits"].values()]
    grids = [_computed(run) for run in runs]
    weighted = any(fit.get("pareto_k") is not None for fit in fits)
    drawn = (*SAMPLED, *[WEIGHTED] * weighted) if not all(grids) else ()
    measures = (*drawn, *(COMPUTED if any(grids) else ()))
    keys = [column.key for column in measures]
    told = _every if every else _shortened
    lines = [(run, line) for run in runs for line in told(run, keys)]
    notes = {OF_DRAWS: bool(drawn), SHORTENED: not every, OF_WEIGHTS: weighted}
    notes[OF_GRIDS] = any(grids)
    what = "draws be trusted? Convergence of every fit"
    if not drawn:
        what = "posteriors from print be trusted? Grids they were computed on"
    title = f"{runs[0].analysis.called}: can the {what}" if len(runs) == 1 else f"Can the {what}"
    return Table(
        name="diagnostics",
        title=title,
        columns=(
            Column(key="analysis", heading="Analysis"),
            Column(key="fit", heading="Fit"),
            *measures,
            Column(key="status", heading="Verdict"),
        ),
        rows=tuple(line for _, line in lines),
        evidence=gravest(run.evidence for run in runs),
        rests=tuple(run.evidence for run, _ in lines),
        notes=(*(note for note, said in notes.items() if said), *_evidence_note(runs)),
        status=overall(run.status for run in runs),
    )


def _computed(run: Run) -> bool:
    return bool(run.diagnostics["method"] == "quadrature")


def _every(run: Run, keys: Sequence[str]) -> Iterable[tuple[Cell, ...]]:
    for name, fit in run.diagnostics["fits"].items():
        yield run.analysis.name, name, *_measures(fit, keys), fit["status"]


def _shortened(run: Run, keys: Sequence[str]) -> Iterable[tuple[Cell, ...]]:
    fits: Mapping[str, Mapping[str, Any]] = run.diagnostics["fits"]
    main = {name: fit for name, fit in fits.items() if fit["kind"] == "main"} or dict(fits)
    others = {name: fit for name, fit in fits.items() if name not in main}
    for fit in main.values():
        yield run.analysis.name, fit["prior"], *_measures(fit, keys), fit["status"]
    if others:
        worst = [_worst(key, others.values()) for key in keys]
        status = overall(fit["status"] for fit in others.values())
        many = f"{len(others)} with one thing changed" if len(others) > 1 else next(iter(others))
        yield run.analysis.name, many, *worst, status
    if len(others) > 1:
        for name, fit in others.items():
            if fit["status"] != "converged":
                yield run.analysis.name, name, *_measures(fit, keys), fit["status"]


def _measures(fit: Mapping[str, Any], keys: Sequence[str]) -> tuple[Cell, ...]:
    return tuple(fit.get(key) for key in keys)


def _worst(key: str, fits: Iterable[Mapping[str, Any]]) -> Cell:
    """None where one of them is undefined: nothing is worse than that."""
    measured: list[Any] = [fit.get(key) for fit in fits]
    if key == WEIGHTED.key:  # only fits that were weighted have one
        return max((k for k in measured if k is not None), default=None)
    worst = min if key in LEAST_IS_WORST else max
    return None if None in measured else worst(measured)


# -------------------------------------------------------------- predictions and leave-one-out


def _checks(runs: Sequence[Run]) -> list[Table]:
    lines = [(run, line) for run in runs for line in [_check(run)] if any(_known(line))]
    if not lines:
        return []
    kept = [run for run, _ in lines]
    table = Table(
        name="diagnostics-checks",
        title="Do the models fit? Predictive checks and leave-one-out",
        columns=(
            Column(key="analysis", heading="Analysis"),
            Column(key="inside", heading="Inside their prediction", group="Rates"),
            Column(key="statistic", heading="Furthest statistic", group="Rates"),
            LARGER,
            Column(key="elpd", heading="Log predictive density", format="number", group=LOO),
            Column(key="se", heading="Its standard error", format="number", group=LOO),
            Column(key="p_loo", heading="Effective parameters", format="number", group=LOO),
            Column(key="high_k", heading=f"k above {MAX_K:g}", format="integer", group=LOO),
            Column(key="worst_k", heading="Largest k", format="number", group=LOO),
        ),
        rows=tuple((run.analysis.name, *line) for run, line in lines),
        evidence=gravest(run.evidence for run in kept),
        rests=tuple(run.evidence for run in kept),
        notes=(
            "Inside: of the observed rates (of arms by year, or of authorities by year in open"
            f" counts) those inside their {_levels(kept)} predictive interval. The furthest"
            " statistic is the one on how comparators move that the model predicts least well; p"
            " near 0 or 1 says that it does not.",
            "Leave-one-out: how well each authority's year is predicted by all others"
            " (Pareto-smoothed importance sampling); where k is above"
            f" {MAX_K:g} that year's part is not to be relied on. Densities of different data are"
            " not to be compared.",
            *_evidence_note(kept),
        ),
        status=overall(run.status for run in kept),
    )
    return [table]


def _check(run: Run) -> tuple[Cell, ...]:
    loo = loo_table(run)
    numbers: tuple[Cell, ...] = loo.rows[0][1:6] if loo.rows else (None,) * 5
    return (_inside(run), *_furthest(run), *numbers)


def _known(line: Sequence[Cell]) -> list[bool]:
    return [cell is not None for cell in line]


def _predicted(run: Run) -> list[Any]:
    by_arm = [
        row for row in run.rows(ArmYearCheck) if row.kind == "posterior" and row.year.isdigit()
    ]
    return by_arm or list(run.rows(PredictiveCell))


def _inside(run: Run) -> str | None:
    rows = [row for row in _predicted(run) if not math.isnan(row.observed)]
    inside = sum(row.lower <= row.observed <= row.upper for row in rows)
    return f"{inside} of {len(rows)}" if rows else None


def _levels(runs: Sequence[Run]) -> str:
    found = {f"{100 * row.level:g}%" for run in runs for row in _predicted(run)}
    return " or ".join(sorted(found))


def _furthest(run: Run) -> tuple[str | None, float | None]:
    rows = [r for r in run.rows(PredictiveStatistic) if r.statistic != NOT_TESTED]
    worst = min(rows, key=lambda row: min(row.p, 1 - row.p), default=None)
    return (None, None) if worst is None else (worst.statistic, worst.p)


def _evidence_note(runs: Sequence[Run]) -> tuple[str, ...]:
    """Whose runs rest on what, where a table has several evidences."""
    found: dict[str, list[str]] = {}
    for run in runs:
        found.setdefault(run.evidence, []).append(run.analysis.name)
    if len(found) == 1:
        return ()
    said = "; ".join(f"{evidence}: {', '.join(names)}" for evidence, names in found.items())
    return (f"Sources of the analyses differ. {said}.",)
