"""Printed facts and their audit → tables."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sofs_bayes.tables.contents.effect_columns import ends
from sofs_bayes.tables.formats import Column, Format, Table, table_of

if TYPE_CHECKING:
    from sofs_bayes.published.audit import Audit
    from sofs_bayes.published.facts import Fact


def facts_table(facts: Iterable["Fact"]) -> Table:
    """Every printed number with its place, unit, decimals and stars."""
    rows = tuple(
        (
            fact.table,
            fact.row,
            fact.column,
            fact.printed.text,
            fact.unit,
            fact.printed.value,
            fact.printed.decimals,
            fact.printed.stars,
        )
        for fact in facts
    )
    columns = (
        Column(key="table", heading="Table", format="integer"),
        Column(key="row", heading="Row"),
        Column(key="column", heading="Column"),
        Column(key="printed", heading="Printed"),
        Column(key="unit", heading="Unit"),
        Column(key="value", heading="Value", format="number"),
        Column(key="decimals", heading="Decimals", format="integer"),
        Column(key="stars", heading="Stars", format="integer"),
    )
    return Table(
        name="facts", title="What is printed", columns=columns, rows=rows, evidence="published"
    )


def findings_table(audit: "Audit") -> Table:
    """Every question the audit asked, and what the printed numbers answer.

    Parameters
    ----------
    audit
        As `audit` gives it.

    Returns
    -------
    Table
        A line per question; evidence `published` or `published-inferred`.

    Examples
    --------
    >>> sb.findings_table(sb.audit()).columns[0].key
    '...'
    """
    verdict = {True: "agrees", False: "does not agree", None: "derived"}
    rows = tuple((verdict[f.agrees], f.question, f.sentence, f.place) for f in audit.findings)
    columns = (
        Column(key="verdict", heading="Verdict"),
        Column(key="question", heading="Question"),
        Column(key="sentence", heading="Answer"),
        Column(key="place", heading="Place"),
    )
    title = "What the printed tables agree on, contradict and imply"
    return Table(
        name="audit", title=title, columns=columns, rows=rows, evidence="published-inferred"
    )


def brackets_table(audit: "Audit") -> Table:
    """The standard errors each coefficient's stars allow, beside the child-level one.

    Parameters
    ----------
    audit
        As `audit` gives it.

    Returns
    -------
    Table
        A line per coefficient, standard errors in its own unit and as multiples.

    Examples
    --------
    >>> len(sb.brackets_table(sb.audit()).rows) > 10
    True
    """
    number: Format = "number"
    columns = (
        Column(key="table", heading="Table", format="integer"),
        Column(key="column", heading="Column"),
        Column(key="row", heading="Row"),
        Column(key="printed", heading="Printed"),
        Column(key="coefficient", heading="Coefficient", format=number),
        Column(key="stars", heading="Stars", format="integer"),
        *ends("Standard error", number, prefix="se_"),
        Column(key="child_level_se", heading="Child-level SE", format=number),
        *ends("Times the child-level one", number, prefix="ratio_"),
    )
    return table_of(
        "star_brackets",
        "The standard errors that the stars allow",
        audit.brackets,
        columns,
        evidence="published-inferred",
        notes=["Rounding of the coefficient is included at both ends."],
    )
