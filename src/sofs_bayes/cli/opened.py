"""The verb on open data: open-data."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sofs_bayes.cli.arguments import Verbs, Wholes, add_verb, data_files
from sofs_bayes.errors import BadInput

if TYPE_CHECKING:
    from sofs_bayes.records.notices import Notice
    from sofs_bayes.records.panel import Panel
    from sofs_bayes.spec import OpenAnalysis

FORMATS = (".csv", ".dta", ".xlsx")


def add_open_data(verbs: Verbs) -> None:
    """`open-data`: DfE files, or what is bundled → counts."""
    verb = add_verb(
        verbs,
        "open-data",
        _open_data,
        "DfE files → counts by authority and year.",
        "Without files, the counts that are part of the package. Everything noticed is written to"
        " the error stream, or to a file.",
    )
    verb.add_argument("files", nargs="*", type=Path, help="DfE files, or folders that hold them")
    verb.flag("--table", "make the table of all counts, as the one that is part of the package")
    verb.add_argument("--analysis", default="icpc-open-data", help="says what is counted")
    verb.option("--events", str, "COLUMN", "another column of events")
    verb.option("--denominator", str, "COLUMN", "another denominator")
    verb.add_argument(
        "--where",
        action="append",
        default=[],
        type=_chosen,
        metavar="COLUMN=VALUE",
        help="of a file split by a further column, the rows to take; may be repeated",
    )
    verb.add_argument(
        "--years", nargs=2, type=Wholes(least=1990, most=2100), metavar=("FIRST", "LAST")
    )
    verb.output("FILE", "instead of printing: .csv, .dta (Stata) or .xlsx (Excel)")
    verb.option("--notices", Path, "CSV", "everything noticed, as CSV")


def _open_data(options: argparse.Namespace) -> int:
    from sofs_bayes import spec
    from sofs_bayes.folders.places import check_new
    from sofs_bayes.records.open_data import read_panel
    from sofs_bayes.records.panel_csv import check_panel_stata, panel_text

    targets = [path for path in (options.notices, options.output) if path]
    for path in targets[-1:]:  # the others, which a dead process may have left, by `new_files`
        check_new(path)
    if len(set(targets)) < len(targets):
        raise BadInput(options.notices, "", "the same file twice", "a file for the notices alone")
    suffix = options.output.suffix.casefold() if options.output else ".csv"
    if suffix not in FORMATS:
        raise BadInput(options.output, "", "a name with another ending", ", ".join(FORMATS))
    if options.table:
        text, noticed = _all_counts(options, suffix)
        return _put(options, targets, text, noticed)
    counts = _open_analysis(options.analysis).data
    years = dict(zip(("first_year", "last_year"), options.years or (), strict=False))
    columns = {"events": options.events, "denominator": options.denominator}
    changes = years | {key: value for key, value in columns.items() if value}
    if options.where:
        changes["where"] = {**(counts.where or {}), **dict(options.where)}
    counts = spec.changed(counts, changes, file="open-data")
    if suffix == ".dta":
        check_panel_stata(options.output, counts)
    panel = read_panel(data_files(options.files), counts)
    content = _content(panel, suffix) if options.output else panel_text(panel)
    return _put(options, targets, content, panel.notices)


def _all_counts(options: argparse.Namespace, suffix: str) -> tuple[str, Sequence["Notice"]]:
    """The table of all counts in the files, and what was noticed.

    Raises
    ------
    BadInput
        No files, another format than CSV, or an option that says what an analysis counts.
    """
    from sofs_bayes.records.make_counts import counts_table

    if suffix != ".csv":
        raise BadInput(options.output, "--table", f"a name with {suffix}", "a name with .csv")
    if not options.files:
        raise BadInput("--table", "", "no files", "the Department's files as downloaded")
    chosen = {"--events": options.events, "--denominator": options.denominator}
    chosen |= {"--where": options.where, "--years": options.years}
    for name, given in chosen.items():
        if given:
            raise BadInput(name, "", "beside --table", "all columns and years: --table alone")
    return counts_table(data_files(options.files))


def _put(
    options: argparse.Namespace,
    targets: Sequence[Path],
    content: str | bytes,
    noticed: Sequence["Notice"],
) -> int:
    """Write counts and notices to their files, all or none; what has no file is printed."""
    from sofs_bayes.folders.whole import new_files
    from sofs_bayes.records.notices import Notice
    from sofs_bayes.tables.formats import rows_to_csv

    contents = [rows_to_csv(Notice, noticed)] if options.notices else []
    if not options.notices:
        for notice in noticed:
            where = " ".join(str(x) for x in (notice.authority, notice.year or "") if x)
            print(f"{notice.kind}: {where}: {notice.detail}", file=sys.stderr)
    if targets:
        with new_files(targets) as put:
            put([*contents, *([content] if options.output else [])])
    if not options.output:
        print(content, end="")
    return 0


def _chosen(text: str) -> tuple[str, str]:
    column, equals, value = text.partition("=")
    if not (column and equals and value):
        raise argparse.ArgumentTypeError(f"{text!r} is no COLUMN=VALUE")
    return column, value


def _content(panel: "Panel", suffix: str) -> str | bytes:
    """The counts, as a file of this ending holds them."""
    from sofs_bayes.records.panel_csv import panel_stata, panel_text

    if suffix == ".xlsx":
        from sofs_bayes.tables.contents.open_counts import open_counts_table
        from sofs_bayes.tables.excel import workbook

        return workbook([open_counts_table(panel)])
    return panel_stata(panel) if suffix == ".dta" else panel_text(panel)


def _open_analysis(name: str) -> "OpenAnalysis":
    from sofs_bayes import spec

    analysis = spec.load(name)
    if not isinstance(analysis, spec.OpenAnalysis):
        raise BadInput(name, "kind", repr(analysis.kind), "'open data'")
    return analysis
