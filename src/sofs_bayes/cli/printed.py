"""The verb on what is printed: published."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from sofs_bayes.cli.arguments import Verbs, Wholes, add_verb, progress_line
from sofs_bayes.errors import BadInput

if TYPE_CHECKING:
    from sofs_bayes.spec import PrintedAnalysis
    from sofs_bayes.tables.files import FileFormat
    from sofs_bayes.tables.formats import Table


def add_published(verbs: Verbs) -> None:
    """`published`: facts, audit and posterior from print."""
    verb = add_verb(
        verbs,
        "published",
        _published,
        "Printed facts, their audit, posterior from print.",
        "For another study pass a file with [as_printed] rows.",
    )
    verb.add_argument("analysis", nargs="?", help="a printed analysis: bundled name or TOML file")
    verb.add_argument("--column", help="another column of the same table, as printed")
    verb.option("--pilot-row", str, "ROW", "another row for the pilot difference")
    verb.option("--did-row", str, "ROW", "another row for the effect")
    verb.add_argument("--prior", action="append", metavar="NAME", help="only this effect prior")
    verb.flag("--facts", "every printed number, as CSV")
    verb.flag("--audit", "what the tables contradict and imply")
    verb.flag("--sensitivity", "one assumption at a time")
    verb.flag("--nuts", "the same by MCMC, beside the grid")
    verb.flag("--json", "the same tables, for other programs")
    verb.option(
        "--correlation",
        str,
        "COLUMN",
        "a prior of the correlation before and after, from this column of a panel",
    )
    verb.option("--denominator", str, "COLUMN", "of --correlation: of how many")
    verb.option(
        "--panel",
        Path,
        "FILE",
        "with the columns authority and year; without it the counts that are bundled",
    )
    verb.option(
        "--between",
        Wholes(least=0, most=50),
        "YEARS",
        "settling-in years left out of the panel's windows (0)",
        default=0,
    )
    verb.output("FILE", "instead of printing: .xlsx, .docx, .tex, .html, .md, .csv or .json")


def _published(options: argparse.Namespace) -> int:
    if options.output:
        if options.json:
            raise BadInput("--json", "", "--output beside it", "-o FILE.json")
        from sofs_bayes.folders.places import check_new
        from sofs_bayes.tables.files import format_of, write_tables

        how = format_of(options.output)
        check_new(options.output)
        tables = _tables(options)
        write_tables(options.output, tables, how)
    else:
        tables = _tables(options)
        _print(tables, how="json" if options.json else "csv" if options.facts else "md")
    return 0 if all(table.status == "converged" for table in tables) else 1


def _print(tables: "list[Table]", *, how: "FileFormat") -> None:
    from sofs_bayes.tables.files import text_of

    print(text_of(tables, how), end="\n" if how == "md" else "")


def _tables(options: argparse.Namespace) -> "list[Table]":
    """The tables that the options ask for."""
    if options.facts:
        from sofs_bayes.published.facts import load_facts
        from sofs_bayes.tables import contents

        return [contents.facts_table(load_facts())]
    if options.nuts:
        return _by_nuts(options)
    analyses = _printed_analyses(options)
    if options.correlation:
        return [_correlation(options, analyses)]
    if options.audit:
        return _audit_tables(brackets=True)
    from sofs_bayes.pipeline.print_tables import effects_of_print, sensitivity_of_print

    make = sensitivity_of_print if options.sensitivity else effects_of_print
    tables = [table for each in analyses for table in make(each, priors=options.prior)]
    if options.sensitivity or options.analysis:
        return tables
    return [*_audit_tables(brackets=False), *tables]


def _audit_tables(*, brackets: bool) -> "list[Table]":
    from sofs_bayes.published.audit import audit
    from sofs_bayes.tables import contents

    found = audit()
    tables = [contents.findings_table(found)]
    return [*tables, contents.brackets_table(found)] if brackets else tables


def _correlation(options: argparse.Namespace, analyses: "list[PrintedAnalysis]") -> "Table":
    """The prior of the correlation for an analysis's years and scale, from a panel."""
    from sofs_bayes.pipeline.panel_prior import correlation_of_panel

    if options.analysis is None:
        raise BadInput("--correlation", "", "no analysis", "an analysis whose years it is for")
    design = analyses[0].design
    return correlation_of_panel(
        options.correlation,
        options.panel,
        denominator=options.denominator,
        years=(design.years_pre, options.between, design.years_post),
        log_odds=design.scale == "log-odds",
    )[1]


def _by_nuts(options: argparse.Namespace) -> "list[Table]":
    from sofs_bayes.pipeline.second_opinion import second_opinion

    progress = progress_line()
    tables = [second_opinion(each, progress=progress) for each in _printed_analyses(options)]
    progress("done\n")
    return tables


def _printed_analyses(options: argparse.Namespace) -> "list[PrintedAnalysis]":
    from sofs_bayes import spec

    if options.analysis is None:
        loaded = [spec.load(path) for path in spec.bundled_models().values()]
        found = [each for each in loaded if isinstance(each, spec.PrintedAnalysis)]
        if options.column or options.pilot_row or options.did_row:
            raise BadInput("--column", "", "no analysis", "an analysis whose table it is in")
        return found
    analysis = spec.load(options.analysis)
    if not isinstance(analysis, spec.PrintedAnalysis):
        raise BadInput(options.analysis, "kind", repr(analysis.kind), "'printed'")
    return [
        spec.with_rows(
            analysis,
            column=options.column,
            pilot_row=options.pilot_row,
            did_row=options.did_row,
        )
    ]
