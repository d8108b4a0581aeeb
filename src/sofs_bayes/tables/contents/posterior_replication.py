"""Posteriors of the printed columns → tables beside print and estimate."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sofs_bayes.spec import ChildrenAnalysis, Evidence
from sofs_bayes.tables.contents.within import Compared, why_they_differ
from sofs_bayes.tables.digits import MINUS, Estimate, Look
from sofs_bayes.tables.formats import Cell, Column, Table

if TYPE_CHECKING:
    from sofs_bayes.checks.posterior_replication import PosteriorBeside

COLUMNS = (
    Column(key="row", heading="Row"),
    Column(key="published", heading="Published", format="number"),
    Column(
        key="estimate",
        heading="Estimate (errors: independent children; child; authority)",
        format="number",
    ),
    Column(key="within", heading="Within authorities (error: authority)", format="number"),
    Column(key="regression", heading="Posterior of the regression itself (sd)", format="number"),
    Column(key="met", heading="Agrees"),
    Column(key="no_shocks", heading="Hierarchical without shocks: sd", format="number"),
    Column(key="hierarchical", heading="Hierarchical (sd)", format="number"),
    Column(key="interval", heading="Interval"),
    Column(key="wider", heading="Wider"),
)
LOOK = Look(decimals=4)
NOTES = (
    "Within authorities: the same regression with fixed effects of authorities, so that each is"
    " compared with itself alone.",
    "The regression itself: flat priors, the same terms and weights, no random effects, no"
    " shocks; its sd is to be that of independent children. It agrees if its mean lies within 0.1"
    " sd of the estimate, and its sd within 10% of the first error.",
    "Hierarchical: authorities differ, move from year to year (shocks), and pilots' effects"
    " differ. 'Wider' is its sd over that of the regression itself: the children of an authority"
    " share what happens to it in a year, so that authorities count, not children. Where it is"
    " below 1, the priors say more than the regression's children do.",
)


def posterior_tables(
    rows: "Sequence[PosteriorBeside]", analysis: ChildrenAnalysis, evidence: Evidence
) -> list[Table]:
    """One table for each printed column, on the model's scale."""
    columns = list(dict.fromkeys((row.table, row.column) for row in rows))
    return [
        _table(i, [row for row in rows if (row.table, row.column) == key], key, analysis, evidence)
        for i, key in enumerate(columns, start=1)
    ]


def _table(
    position: int,
    rows: "Sequence[PosteriorBeside]",
    key: tuple[int, str],
    analysis: ChildrenAnalysis,
    evidence: Evidence,
) -> Table:
    number, column = key
    converged = all(row.status == "converged" for row in rows)
    worst = max(abs(row.apart) for row in rows), max(abs(row.ratio - 1) for row in rows)
    found = (
        f"{sum(row.met for row in rows)} of {len(rows)} agree; at most {worst[0]:.3f} sd apart,"
        f" sds within {100 * worst[1]:.1f}%. Analysis: {rows[0].analysis}."
        f" Intervals: {100 * rows[0].level:g}%."
    )
    effects = [
        Compared(
            regression=row.estimate,
            within=row.within,
            posterior=row.hierarchical_mean,
            sd=row.hierarchical_sd,
        )
        for row in rows
        if row.treated and not math.isnan(row.within)
    ]
    return Table(
        name=f"posterior-{position}-table-{number}",
        title=f"Table {number}, {column}: published, estimated, posterior ({analysis.outcome})",
        columns=COLUMNS,
        rows=tuple(_line(row) for row in rows),
        evidence=evidence,
        notes=(why_they_differ(effects), found, *NOTES),
        status="converged" if converged else "not converged",
    )


def _line(row: "PosteriorBeside") -> tuple[Cell, ...]:
    apart = f"no: {row.apart:+.2f} sd, sd × {row.ratio:.2f}".replace("-", MINUS)
    return (
        row.row,
        row.published,
        _with(row.estimate, row.error, row.error_child, row.error_authority),
        _with(row.within, row.within_error),
        _with(row.mean, row.sd),
        "yes" if row.met else apart,
        _with(row.no_shocks_sd),
        _with(row.hierarchical_mean, row.hierarchical_sd),
        f"{row.lower:.3f} to {row.upper:.3f}".replace("-", MINUS),
        f"{row.wider:.1f} times",
    )


def _with(value: float, *errors: float) -> Estimate | None:
    return None if math.isnan(value) else Estimate(median=value, bracket=errors, look=LOOK)
