"""The published analysis on matched children → one page with its tables and figures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sofs_bayes.figures import Drawing, rate_and_counterfactual
from sofs_bayes.pages.page import Part, analysis_sentence, write_result
from sofs_bayes.spec import ChildrenAnalysis, Evidence
from sofs_bayes.spec.outcomes import capital
from sofs_bayes.spec.study import denominator_of, of_report, words_of
from sofs_bayes.spec.years import years_of
from sofs_bayes.tables.contents.posterior_replication import posterior_tables
from sofs_bayes.tables.contents.regressions import regression_tables, tests_table
from sofs_bayes.tables.contents.replication import (
    decisions_table,
    effects_beside_table,
    misses_table,
    report_tables,
    totals_table,
)
from sofs_bayes.tables.formats import Table

if TYPE_CHECKING:
    from sofs_bayes.checks.posterior_replication import PosteriorBeside
    from sofs_bayes.frequentist.published_analysis import PublishedAnalysis
    from sofs_bayes.frequentist.replication import Replicated

ABOUT: Mapping[Evidence, str] = {
    "synthetic": "These children are simulated, so that the published regressions print"
    " the published coefficients. That they do proves that the pipeline computes what the report"
    " describes. It says nothing about Signs of Safety.",
    "records": "These are children's records. Where a number differs from print, either the"
    " records, the matching or the regression is not the published one.",
}
OWN_ABOUT: Mapping[Evidence, str] = {
    "synthetic": "These children are simulated in the design of the study: they show that the"
    " analysis can be computed, and say nothing about real people.",
    "records": "These are individual records. The regressions take the rows of one authority"
    " and year as alike but for what is adjusted for; the hierarchical model (fit) does not.",
}
BESIDE, REGRESSIONS = "published beside replicated", "regressions"
LEAD = "The published regressions, run again on matched children."
OWN_LEAD = "The regressions of the analysis, on matched rows."
OWN_FILES = "fits.csv has every term of every regression."
FILES = f"numbers.csv has every printed number beside the replicated one; {OWN_FILES}"


def replication_tables(
    found: "PublishedAnalysis",
    numbers: "Sequence[Replicated]",
    analysis: ChildrenAnalysis,
    evidence: Evidence,
    beside: "Sequence[PosteriorBeside]" = (),
) -> tuple[Table, ...]:
    """All tables: totals, misses, rules, further effects, then the report's own in its order.

    Of another study than the report's: its own regressions, tests, further effects.

    Before these the posteriors of the columns, if there are any.

    Parameters
    ----------
    found
        As `published_analysis` gives it.
    numbers
        The printed numbers beside those found.
    analysis
        That of children's records.
    evidence
        Of the children: `synthetic` or `records`.
    beside
        Posteriors of the columns, if there are any.

    Returns
    -------
    tuple of Table
        In reading order.
    """
    further = [effects_beside_table(found, analysis, evidence)] if found.further else []
    further += posterior_tables(beside, analysis, evidence)
    if not of_report(analysis):
        from sofs_bayes.frequentist.published_analysis import term_rows

        rows = list(term_rows(found))
        own = regression_tables(rows, analysis, evidence, found.further)
        tests = tests_table(found, analysis, evidence)
        return (*own, *([tests] if tests.rows else []), *further)
    return (
        totals_table(numbers, analysis, evidence, found.notes),
        misses_table(numbers, analysis, evidence),
        decisions_table(found.decisions, analysis, evidence),
        *further,
        *report_tables(numbers, analysis, evidence, found.further),
    )


def write_replication_page(
    folder: Path,
    found: "PublishedAnalysis",
    tables: Sequence[Table],
    analysis: ChildrenAnalysis,
    evidence: Evidence,
    *,
    versions: Mapping[str, str],
) -> None:
    """Write `index.html`, `tables/` and `figures/` of a replication into an existing folder."""
    figures = (rates_figure(found, analysis, evidence),) if found.rates else ()
    about = ABOUT if of_report(analysis) else OWN_ABOUT
    parts = (
        Part(
            heading="What this source can tell you", anchor="evidence", bullets=(about[evidence],)
        ),
        *(_parts_of_report(tables) if of_report(analysis) else _own_parts(tables)),
    )
    rates = Part(heading="Rates by year", anchor="rates", figures=figures)
    parts = (*parts[:2], rates, *parts[2:])
    write_result(
        folder,
        [analysis],
        parts,
        title=f"Replication: {analysis.title}",
        heading=f"{analysis.title}: {BESIDE if of_report(analysis) else REGRESSIONS}",
        lead=LEAD if of_report(analysis) else OWN_LEAD,
        files=FILES if of_report(analysis) else OWN_FILES,
        origin=(analysis_sentence(analysis), f"Evidence: {evidence}."),
        versions=versions,
        status="not converged" if found.failed else "converged",
    )


def _parts_of_report(tables: Sequence[Table]) -> tuple[Part, ...]:
    short, layout = split(tables)
    folded = tuple(table for table in short if table.name == "further")
    posterior = tuple(table for table in short if table.name.startswith("posterior-"))
    return (
        Part(heading="What comes out", anchor="short", tables=short[:3], folded=folded),
        Part(heading="The posteriors beside the estimates", anchor="posterior", tables=posterior),
        Part(heading="The report's tables", anchor="tables", tables=layout),
    )


def _own_parts(tables: Sequence[Table]) -> tuple[Part, ...]:
    regressions = tuple(table for table in tables if table.name.startswith("regressions-"))
    others = tuple(table for table in tables if table not in regressions)
    return (
        Part(heading="The regressions", anchor="regressions", tables=regressions),
        Part(heading="Tests and effects beside them", anchor="beside", tables=others),
    )


def split(tables: Sequence[Table]) -> tuple[tuple[Table, ...], tuple[Table, ...]]:
    """The tables that sum up, and those in the report's layout."""
    of_report = tuple(table for table in tables if table.name.startswith("table-"))
    return tuple(table for table in tables if table not in of_report), of_report


def rates_figure(
    found: "PublishedAnalysis", analysis: ChildrenAnalysis, evidence: Evidence
) -> Drawing:
    """The pilots' rate by year and, after settling-in, without the effect: Figure 1 or 2.

    Parameters
    ----------
    found
        As `published_analysis` gives it.
    analysis
        That of children's records.
    evidence
        Of the children: `synthetic` or `records`.

    Returns
    -------
    Drawing
        Rates in per cent of referrals.
    """
    own = words_of(analysis)
    figure = f"{own.figure} again: the" if own.figure else "The"
    return rate_and_counterfactual(
        found.rates,
        events=capital(own.children),
        denominator=f"{denominator_of(analysis)} (weighted)",
        years=years_of(analysis),
        title=f"{figure} pilots' rate and the counterfactual one",
        evidence=evidence,
        status="converged",
        summary="estimate",
        name=own.figure.lower().replace(" ", "-") or "rates",
    )
