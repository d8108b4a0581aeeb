"""The verb that writes tables of runs for readers."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sofs_bayes.cli.arguments import Verbs, add_verb, format_named, no_choice
from sofs_bayes.cli.exports import Export, add_disclosure_options, add_level, export_of
from sofs_bayes.errors import BadInput

if TYPE_CHECKING:
    from sofs_bayes.runs.run_folder import Run
    from sofs_bayes.tables.formats import Table

# As in `table_files` and `contents.publication`, which --help need not wait for.
FORMATS = ("md", "csv", "html", "docx", "xlsx", "tex", "json")
KINDS = (
    "effects",
    "report",
    "pilots",
    "priors",
    "thresholds",
    "comparison",
    "diagnostics",
    "calibration",
)
SCALES = ("risk", "log-odds", "odds ratio", "children per 1,000", "children per 10,000", "units")
KINDS_HELP = (
    "default: effects (every effect and probability). report: regressions beside posteriors, of"
    " the published report its Tables 5 to 7; pilots: one by one; priors: each with its reason;"
    " thresholds: how likely effects of different sizes are; comparison: frequentist and Bayesian,"
    " and published where print was declared; diagnostics; calibration"
)


class _Kinds(argparse.Action):
    """Kinds of tables; folders that stand behind them are runs, as in `--table pilots runs/x`."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        words = list(values or ())
        count = next((i for i, word in enumerate(words) if word not in KINDS), len(words))
        kinds, runs = words[:count], words[count:]
        if unknown := [word for word in runs if not Path(word).is_dir()] or words[:1] * (not kinds):
            raise argparse.ArgumentError(self, no_choice(unknown[0], KINDS))
        setattr(namespace, self.dest, kinds)
        namespace.runs_behind = [Path(word) for word in runs]


def add_effects(verbs: Verbs) -> None:
    """`effects`: run folders → tables for readers."""
    verb = add_verb(
        verbs,
        "effects",
        _effects,
        "Run folders → tables of effects and probabilities.",
        "Word, Excel, LaTeX, HTML, Markdown, CSV or JSON, each table with notes and evidence."
        " CSV into a path without an ending is a folder with a file for each table; in one file"
        " or on the screen, tables of different columns stand below each other.",
    )
    verb.add_argument(
        "runs", nargs="*", type=Path, metavar="RUN", help="run folders that fit wrote"
    )
    verb.add_argument(
        "--table", nargs="+", action=_Kinds, default=("effects",), metavar="KIND", help=KINDS_HELP
    )
    verb.add_argument(
        "--format",
        type=format_named,
        choices=FORMATS,
        help="default: what the file's ending says, else md; docx (word) and xlsx (excel) need"
        " -o; tex is latex",
    )
    verb.option("--prior", str, "NAME", "effects: only this effect prior")
    verb.add_argument("--scale", choices=SCALES, help="effects: only this scale")
    verb.option(
        "--beside",
        Path,
        "FOLDER",
        "folders that replicate (comparison) and calibrate (calibration) wrote",
        nargs="+",
        default=(),
    )
    verb.output("FILE", "instead of printing")
    add_level(verb)
    add_disclosure_options(verb)


def _effects(options: argparse.Namespace) -> int:
    options.runs += getattr(options, "runs_behind", [])
    if not options.runs:
        raise BadInput("RUN", "", "no run folder", "one or more that fit wrote")
    from sofs_bayes.folders.places import check_new
    from sofs_bayes.tables.contents.publication import NothingToShow
    from sofs_bayes.tables.files import format_of, text_of, write_tables

    how = format_of(options.output, options.format)
    if options.output:
        check_new(options.output, inputs=[*options.runs, *options.beside])
    with export_of(options.runs, options) as export:
        try:
            tables = export.tables(_tables(export.runs, options))
        except NothingToShow as reason:
            raise _with_what_was_hidden(export, reason, options) from reason
        if options.output:
            export.write(options.output, lambda target: write_tables(target, tables, how))
        else:
            print(text_of(tables, how), end="")
            if not export.public:
                export.say()
        return 0 if all(run.status == "converged" for run in export.runs) else 1


def _with_what_was_hidden(
    export: Export, reason: BadInput, options: argparse.Namespace
) -> BadInput:
    """The complaint, saying where numbers may be missing as the check took them away."""
    from sofs_bayes.tables.contents.publication import OF_BESIDE

    not_given = not options.beside and set(options.table) <= set(OF_BESIDE)
    if not_given or all(line.result == "passed" for line in export.log):
        return reason
    found = f"{reason.found}, of which the disclosure check suppressed something (see disclose)"
    return BadInput(reason.file, reason.place, found, reason.allowed)


def _tables(runs: "Sequence[Run]", options: argparse.Namespace) -> "list[Table]":
    """The tables of the kinds asked for, in that order, none twice.

    Of several kinds those that the runs have nothing for are left out, with a line to stderr.
    """
    from sofs_bayes.tables.contents.publication import NothingToShow, publication_tables

    kinds = list(dict.fromkeys(options.table))
    for option, value in (("--prior", options.prior), ("--scale", options.scale)):
        if value and "effects" not in kinds:
            raise BadInput(option, "", f"tables of {', '.join(kinds)}", "--table effects")
    tables: list[Table] = []
    missing: list[NothingToShow] = []
    for kind in kinds:
        try:
            if kind == "effects":
                tables += _effects_tables(runs, options)
            else:
                tables += publication_tables(kind, runs, beside=options.beside)
        except NothingToShow as reason:
            missing.append(reason)
    if missing and not tables:
        raise missing[0]
    for each in missing:
        print(f"left out: {each}", file=sys.stderr)
    return tables


def _effects_tables(runs: "Sequence[Run]", options: argparse.Namespace) -> "list[Table]":
    from sofs_bayes.tables.contents.effects import effects_tables, scales_of

    for run in runs:
        if options.prior and options.prior not in run.analysis.effect_priors:
            allowed = ", ".join(run.analysis.effect_priors)
            raise BadInput("--prior", "", repr(options.prior), allowed)
    tables = effects_tables(runs, scale=options.scale, prior=options.prior)
    if not tables:
        present = ", ".join(dict.fromkeys(each for run in runs for each in scales_of(run)))
        allowed = f"a scale the run has effects on: {present}"
        raise BadInput("--scale", "", repr(options.scale), allowed)
    return tables
