"""Counts by authority and year as a table for readers of spreadsheets."""

from sofs_bayes.records.panel import ROLES, Panel
from sofs_bayes.records.panel_csv import panel_rows
from sofs_bayes.tables.formats import Column, Table


def open_counts_table(panel: Panel) -> Table:
    """The counts, a row per authority and financial year; a symbol where one is missing."""
    events, denominator = (str(panel.counts.attrs[role]) for role in ROLES)
    return Table(
        name="counts",
        title=f"{events} and {denominator} by authority and financial year",
        columns=(
            Column(key="authority", heading="authority"),
            Column(key="code", heading="code"),
            Column(key="year", heading="year", format="year"),
            Column(key=events, heading=events, format="integer"),
            Column(key=denominator, heading=denominator, format="integer"),
        ),
        rows=tuple(panel_rows(panel)),
        evidence=panel.evidence,
        notes=(
            "A year is named by its first calendar year: 2012 is April 2012 to March 2013.",
            "A letter stands where the files give no number.",
            *(f"Rows with {column} {value!r}." for column, value in panel.where.items()),
        ),
    )
