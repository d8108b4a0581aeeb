"""Runs → which of their effects answer the question, and one analysis beside the other."""

from collections.abc import Iterable, Sequence

from sofs_bayes.estimands import POOLED, EffectRow
from sofs_bayes.runs.run_folder import Run
from sofs_bayes.spec import HierarchicalAnalysis
from sofs_bayes.spec.keys import AFTER, IN_YEAR
from sofs_bayes.spec.study import of_report
from sofs_bayes.tables.contents.assumptions import in_units
from sofs_bayes.tables.contents.effect_columns import (
    ABOVE_0,
    interval_columns,
    number_format,
)
from sofs_bayes.tables.contents.effects import interval_note, main_rows
from sofs_bayes.tables.contents.monte_carlo import ERRORS_OF, errors_of, known
from sofs_bayes.tables.contents.publication_numbers import above_zero, overall
from sofs_bayes.tables.formats import Column, Table


def by_year_rows(run: Run, scale: str) -> list[EffectRow]:
    """The pooled effects by year of the event study beside the main fit, on one scale."""
    return [
        row for row in run.effects if (row.scale, row.kind, row.role) == (scale, "by year", IN_YEAR)
    ]


def headline(rows: Sequence[EffectRow]) -> list[EffectRow]:
    """Of pooled effects, those that answer the main question: after settling-in.

    Where there is no such effect, all are kept: those against kinds of comparators, or those of
    single years.
    """
    after = [row for row in rows if row.role == AFTER]
    return after or list(rows)


def changed_rows(run: Run, scale: str) -> list[EffectRow]:
    """The pooled effects of the refits, on one scale, but for those of the prior grid."""
    return [row for row in _refitted(run, scale) if row.kind != "scaled"]


def grid_rows(run: Run, scale: str) -> list[EffectRow]:
    """The pooled effects of the refits with one prior's scale multiplied, on one scale."""
    return [row for row in _refitted(run, scale) if row.kind == "scaled"]


def _refitted(run: Run, scale: str) -> Iterable[EffectRow]:
    asked = (scale, run.prior, POOLED)
    for row in run.sensitivity:
        if (row.scale, row.prior, row.target) == asked and row.is_effect:
            yield row


def columns_table(runs: Sequence[Run], *, scale: str = "risk") -> Table:
    """The pooled effect that answers the main question, run by run, each with its first prior.

    Parameters
    ----------
    runs
        Hierarchical runs of one evidence.
    """
    (evidence,) = {run.evidence for run in runs}
    found = [(run, row) for run in runs for row in headline(main_rows(run, scale, pooled=True))]
    number = number_format(scale, [row for _, row in found])
    own = not any(of_report(run.analysis) for run in runs)
    lines = [
        (
            run.analysis.name,
            run.analysis.column if isinstance(run.analysis, HierarchicalAnalysis) else "",
            *(str(row.estimand), row.median, row.lower, row.upper),
            above_zero(run, row)[0],
            row.status,
        )
        for run, row in found
    ]
    errors = [
        errors_of(run, [row]) | {"P(above 0)": (above_zero(run, row)[1],)} for run, row in found
    ]
    return Table(
        name="columns",
        title=f"The pooled effect: analyses side by side ({in_units(runs[0].analysis, scale)})",
        columns=(
            Column(key="analysis", heading="Analysis"),
            Column(key="column", heading="Regression" if own else "Column of the report"),
            Column(key="estimand", heading="Effect"),
            *interval_columns(runs[0].level, number),
            ABOVE_0,
            Column(key="status", heading="Draws"),
        ),
        rows=tuple(lines),
        evidence=evidence,
        notes=tuple(dict.fromkeys(interval_note(run) for run in runs)),
        status=overall(run.status for run in runs),
        errors=known({key: [own[key][0] for own in errors] for key in (*ERRORS_OF, "P(above 0)")}),
    )
