"""An analysis's own regressions → tables: terms by regression, and what each one rests on."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sofs_bayes.frequentist.term import term_label
from sofs_bayes.spec import ChildrenAnalysis, Evidence
from sofs_bayes.spec.outcomes import capital
from sofs_bayes.spec.study import denominator_of, persons_of
from sofs_bayes.tables.digits import MINUS, Estimate, Look
from sofs_bayes.tables.formats import Cell, Column, Table

if TYPE_CHECKING:
    from sofs_bayes.frequentist.published_analysis import (
        FurtherEffect,
        PublishedAnalysis,
        TermRow,
    )

SCALES: Mapping[str, str] = {"linear": "changes in risk", "logistic": "log-odds"}
DECIMALS = 4
STARS = "In brackets the standard error. Stars: * p<0.1, ** p<0.05, *** p<0.01."
POINT = "The first regression is the analysis's main one."
SIGNIFICANT = "not significant at {level:g}%"


def regression_tables(
    rows: Sequence["TermRow"],
    analysis: ChildrenAnalysis,
    evidence: Evidence,
    further: Sequence["FurtherEffect"] = (),
) -> tuple[Table, ...]:
    """Linear and logistic regressions, a column each, with coefficients, errors and stars.

    Those that stand for a printed column are left out: they stand beside print. `further` has
    the bootstrapped effects of those without standard errors.
    """
    printed = {each.name for each in analysis.regressions.columns if each.table is not None}
    own = [row for row in rows if row.regression not in printed]
    found = [
        _terms(model, [row for row in own if row.model == model], analysis, evidence, further)
        for model in SCALES
    ]
    return tuple(table for table in (*found, fits_table(own, analysis, evidence)) if table.rows)


def _terms(
    model: str,
    rows: Sequence["TermRow"],
    analysis: ChildrenAnalysis,
    evidence: Evidence,
    further: Sequence["FurtherEffect"],
) -> Table:
    own = {each.name: each.rests_on for each in analysis.regressions.columns}
    at = {
        (term_label(row.term, own[row.regression]), row.regression): row for row in rows if row.term
    }
    names = list(dict.fromkeys(row.regression for row in rows))
    return Table(
        name=f"regressions-{model}",
        title=f"{model.capitalize()} regressions ({SCALES[model]}): {analysis.title}",
        columns=(
            Column(key="term", heading="Term"),
            *(Column(key=name, heading=name, format="number") for name in names),
        ),
        rows=tuple(
            (term, *(_cell(at.get((term, name))) for name in names))
            for term in dict.fromkeys(term for term, _ in at)
        ),
        evidence=evidence,
        notes=(STARS, *_without_errors(rows, further, analysis)),
    )


def _cell(row: "TermRow | None") -> Estimate | None:
    """Coefficient, stars and standard error; a gap where the regression has no such term."""
    from sofs_bayes.frequentist.replication import stars_of

    if row is None or math.isnan(row.coefficient):
        return None
    return Estimate(
        median=row.coefficient,
        mark="*" * stars_of(row.p_value),
        bracket=(row.standard_error,),
        look=Look(decimals=DECIMALS),
    )


def in_own_words(
    further: Sequence["FurtherEffect"], analysis: ChildrenAnalysis
) -> list["FurtherEffect"]:
    """The effects, their terms in the words of the treatments that the analysis declares."""
    own = {each.name: each.rests_on for each in analysis.regressions.columns}
    return [replace(each, term=term_label(each.term, own.get(each.regression))) for each in further]


def _without_errors(
    rows: Sequence["TermRow"], further: Sequence["FurtherEffect"], analysis: ChildrenAnalysis
) -> Iterator[str]:
    """Why regressions have no errors, or no estimate, and the bootstrap that stands in place."""
    found = {row.regression: row.note for row in rows if row.note}
    for note in dict.fromkeys(found.values()):
        names = [name for name in found if found[name] == note]
        yield f"{', '.join(names)}: {note}."
        for each in in_own_words(further, analysis):
            if each.regression in names and each.method == "wild bootstrap":
                yield bootstrapped(each)


def bootstrapped(effect: "FurtherEffect") -> str:
    """A bootstrapped effect with its p-value and interval, in a line."""
    bounds = f"{effect.lower:.{DECIMALS}f} to {effect.upper:.{DECIMALS}f}".replace("-", MINUS)
    return (
        f"{effect.regression}, {effect.term}: {effect.what}: p = {effect.p_value:.3f},"
        f" {100 * effect.level:g}% interval {bounds}."
    )


def fits_table(rows: Sequence["TermRow"], analysis: ChildrenAnalysis, evidence: Evidence) -> Table:
    """What each regression rests on: its errors, rows, referrals, children, clusters."""
    shown = ("regression", "model", "errors", "rows", "referrals", "children", "clusters")
    first = {row.regression: row for row in reversed(rows)}
    lines: list[tuple[Cell, ...]] = [
        tuple(getattr(first[name], key) or None for key in shown)
        for name in dict.fromkeys(row.regression for row in rows)
    ]
    return Table(
        name="regressions-rest-on",
        title=f"Regressions, their errors and rows: {analysis.title}",
        columns=(
            Column(key="regression", heading="Regression"),
            Column(key="model", heading="Model"),
            Column(key="errors", heading="Standard errors"),
            Column(key="rows", heading="Rows", format="integer", holds="children"),
            Column(
                key="referrals",
                heading=capital(denominator_of(analysis)),
                format="integer",
                holds="children",
            ),
            Column(
                key="children",
                heading=capital(persons_of(analysis)),
                format="integer",
                holds="children",
            ),
            Column(key="clusters", heading="Clusters", format="integer"),
        ),
        rows=tuple(lines),
        evidence=evidence,
        notes=(POINT,),
    )


def tests_table(
    found: "PublishedAnalysis", analysis: ChildrenAnalysis, evidence: Evidence
) -> Table:
    """The tests of serial independence and of parallel trends, or why there are none."""
    from sofs_bayes.frequentist.assumptions import BreuschGodfrey, LeadsTest

    lines: list[tuple[Cell, ...]] = []
    if isinstance(found.serial, BreuschGodfrey):
        said = f"{found.fits[0][0].name}: one person's errors, one row to the next"
        lines.append(("Breusch-Godfrey test of order 1", found.serial.p_value, said))
    if isinstance(found.leads, LeadsTest):
        level = SIGNIFICANT.format(level=100 * found.leads.level)
        lines += [
            (name, p, "" if p < found.leads.level else level) for name, p in found.leads.leads
        ]
    return Table(
        name="tests",
        title=f"Tests of assumptions: {analysis.title}",
        columns=(
            Column(key="test", heading="Test"),
            Column(key="p_value", heading="p", format="number"),
            Column(key="said", heading="Of what"),
        ),
        rows=tuple(lines),
        evidence=evidence,
        notes=("A lead tests whether pilots and comparators moved apart before settling-in.",),
    )
