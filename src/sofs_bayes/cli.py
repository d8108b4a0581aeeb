"""The command line: arguments, files, exit codes; no statistics.

Exit codes: 0 done; 1 a check refused the result (it is written all the same, marked);
2 bad input, one line that says file, place, found, allowed; 130 interrupted.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from sofs_bayes.errors import BadInput, SofsBayesError

if TYPE_CHECKING:
    from sofs_bayes.reporting.run_folder import Run
    from sofs_bayes.spec import OpenAnalysis, PrintedAnalysis


class _Parser(argparse.ArgumentParser):
    """An argument parser whose complaint is one line, like every other complaint."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments
        The command's words; those of the process if not given.

    Returns
    -------
    int
        The exit code.
    """
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
        sys.stdout.flush()
    except SofsBayesError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        if sys.stderr.isatty():
            print(file=sys.stderr)  # below the line of progress
        resumes = options.verb == "reanalyse"
        kept = "the same command goes on from what is finished" if resumes else "nothing is written"
        print(f"interrupted; {kept}", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader (head, less) closed the pipe; keep Python from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


# ---------------------------------------------------------------------------- the arguments


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="sofs-bayes",
        description="Bayesian re-analysis of the Signs of Safety evaluation.",
        epilog="Exit codes: 0 done; 1 a check refused the result (written, marked); 2 bad input.",
    )
    parser.add_argument("--version", action="version", version=_version())
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    _add_reanalyse(verbs)
    _add_list(verbs)
    _add_published(verbs)
    _add_open_data(verbs)
    _add_fit(verbs)
    _add_run_readers(verbs)
    _add_calibrate(verbs)
    return parser


def _version() -> str:
    from importlib.metadata import version

    return f"sofs-bayes {version('sofs-bayes')}"


def _verb(
    verbs: "argparse._SubParsersAction[_Parser]",
    name: str,
    run: Callable[[argparse.Namespace], int],
    text: str,
    more: str = "",
) -> _Parser:
    parser = verbs.add_parser(name, help=text, description=f"{text} {more}".strip())
    parser.set_defaults(run=run)
    return parser


def _add_reanalyse(verbs: "argparse._SubParsersAction[_Parser]") -> None:
    from_print = "Without open data it rests on the printed tables alone."
    verb = _verb(
        verbs, "reanalyse", _reanalyse, "The whole re-analysis: tables, figures, page.", from_print
    )
    verb.add_argument("files", nargs="*", type=Path, help="DfE files, or folders that hold them")
    verb.add_argument("--open-data", type=Path, metavar="FOLDER", help="the same, as an option")
    verb.add_argument("-o", "--output", type=Path, default=Path("reanalysis"), metavar="FOLDER")
    verb.add_argument("--replace", action="store_true", help="replace an earlier result")
    verb.add_argument("--quick", action="store_true", help="no refits without single pilots")


def _add_list(verbs: "argparse._SubParsersAction[_Parser]") -> None:
    _verb(verbs, "list", _list, "The bundled analyses, one line each.")


def _add_published(verbs: "argparse._SubParsersAction[_Parser]") -> None:
    verb = _verb(
        verbs,
        "published",
        _published,
        "Printed facts, their audit, posterior from print.",
        "For another study pass a file with [as_printed] rows.",
    )
    verb.add_argument("analysis", nargs="?", help="a printed analysis: bundled name or TOML file")
    verb.add_argument("--column", help="another column of the same table, as printed")
    verb.add_argument("--pilot-row", metavar="ROW", help="another row for the pilot difference")
    verb.add_argument("--did-row", metavar="ROW", help="another row for the effect")
    verb.add_argument("--prior", action="append", metavar="NAME", help="only this effect prior")
    verb.add_argument("--facts", action="store_true", help="every printed number, as CSV")
    verb.add_argument("--audit", action="store_true", help="what the tables contradict and imply")
    verb.add_argument("--sensitivity", action="store_true", help="one assumption at a time")
    verb.add_argument("--nuts", action="store_true", help="the same by MCMC, beside the grid")


def _add_open_data(verbs: "argparse._SubParsersAction[_Parser]") -> None:
    verb = _verb(
        verbs,
        "open-data",
        _open_data,
        "DfE files → counts by authority and year.",
        "Everything noticed is written to the error stream, or to a file.",
    )
    verb.add_argument("files", nargs="+", type=Path, help="DfE files, or folders that hold them")
    verb.add_argument("--analysis", default="icpc-open-data", help="says what is counted")
    verb.add_argument("--events", metavar="COLUMN", help="another column of events")
    verb.add_argument("--denominator", metavar="COLUMN", help="another denominator")
    verb.add_argument("--years", nargs=2, type=int, metavar=("FIRST", "LAST"))
    verb.add_argument("-o", "--output", type=Path, metavar="CSV", help="instead of printing")
    verb.add_argument("--notices", type=Path, metavar="CSV", help="everything noticed, as CSV")


def _add_fit(verbs: "argparse._SubParsersAction[_Parser]") -> None:
    verb = _verb(
        verbs,
        "fit",
        _fit,
        "An analysis and its data → a run folder.",
        "A printed analysis needs no data.",
    )
    verb.add_argument("analysis", help="bundled name or TOML file")
    verb.add_argument("data", nargs="*", type=Path, help="DfE files, folders, or a panel CSV")
    verb.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="default: runs/NAME")
    verb.add_argument("--replace", action="store_true", help="replace an earlier run")
    verb.add_argument(
        "--leave-out",
        choices=("none", "pilots", "all"),
        default="pilots",
        help="repeat the fit without each of these authorities",
    )


def _add_run_readers(verbs: "argparse._SubParsersAction[_Parser]") -> None:
    verb = _verb(verbs, "diagnose", _diagnose, "A run folder → the verdict on its draws.")
    verb.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    verb = _verb(verbs, "effects", _effects, "Run folders → tables of effects and probabilities.")
    verb.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    verb.add_argument("--format", choices=("md", "csv", "html"), default="md")
    verb.add_argument("--prior", metavar="NAME", help="only this effect prior")
    verb.add_argument("--scale", choices=("risk", "log-odds", "odds ratio"), help="only this scale")
    verb.add_argument("-o", "--output", type=Path, metavar="FILE", help="instead of printing")
    verb = _verb(verbs, "figure", _figure, "Run folders → pictures, each with its data as CSV.")
    verb.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    verb.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FOLDER",
        help="a new folder; default: figures/ in the run folder",
    )
    verb.add_argument("--format", nargs="+", choices=("png", "pdf"), default=("png", "pdf"))


def _add_calibrate(verbs: "argparse._SubParsersAction[_Parser]") -> None:
    verb = _verb(
        verbs,
        "calibrate",
        _calibrate,
        "Coverage and SBC of a posterior from print.",
        "Simulated studies are printed and read back; are the intervals right?",
    )
    verb.add_argument("analysis", help="a printed analysis: bundled name or TOML file")
    verb.add_argument(
        "--replicates", type=int, default=1500, help="fewer than 1500 may be called out by chance"
    )
    verb.add_argument("--prior", metavar="NAME", help="the effect prior; default: the first")
    verb.add_argument("--reading", metavar="NAME", help="the reading; default: the first")
    verb.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER")


# --------------------------------------------------------------------------------- the verbs


def _progress() -> Callable[[str], None]:
    """Progress to stderr where somebody watches it: not into a file or a pipe."""
    if not sys.stderr.isatty():
        return lambda _: None
    import time

    start = time.monotonic()
    return lambda message: print(
        f"\r\x1b[K{time.monotonic() - start:5.0f} s  {message}", end="", file=sys.stderr, flush=True
    )


def _reanalyse(options: argparse.Namespace) -> int:
    from sofs_bayes.pipeline.reanalysis import reanalyse

    named = [*options.files, *([options.open_data] if options.open_data else [])]
    progress = _progress()
    status = reanalyse(
        options.output,
        open_data=_data_files(named),
        replace=options.replace,
        leave_out="none" if options.quick else "pilots",
        progress=progress,
    )
    progress(f"done: open {options.output / 'index.html'}\n")
    print(options.output / "index.html")
    return 0 if status == "converged" else 1


def _data_files(named: Sequence[Path]) -> list[Path]:
    """The files named, and the CSV files in the folders named."""
    files: list[Path] = []
    for path in named:
        found = sorted(path.glob("*.csv")) if path.is_dir() else [path]
        if not found:
            raise BadInput(path, "", "a folder without CSV files", "DfE files as downloaded")
        files += found
    return files


def _list(_: argparse.Namespace) -> int:
    from sofs_bayes import spec

    analyses = {name: spec.load(path) for name, path in spec.bundled_models().items()}
    width = max(map(len, analyses))
    for name, analysis in analyses.items():
        print(f"{name:{width}}  {analysis.kind:9}  {analysis.title}")
    return 0


def _published(options: argparse.Namespace) -> int:
    from sofs_bayes.reporting import contents
    from sofs_bayes.reporting.tables import to_csv, to_markdown

    if options.facts:
        from sofs_bayes.published.facts import load_facts

        print(to_csv(contents.facts_table(load_facts())), end="")
        return 0
    if options.nuts:
        return _by_nuts(options)
    analyses = _printed_analyses(options)
    if options.audit:
        _print_audit(brackets=True)
        return 0
    from sofs_bayes.pipeline.print_tables import effects_of_print, sensitivity_of_print

    make = sensitivity_of_print if options.sensitivity else effects_of_print
    tables = [table for each in analyses for table in make(each, priors=options.prior)]
    if not (options.sensitivity or options.analysis):
        _print_audit(brackets=False)
    for table in tables:
        print(to_markdown(table))
    return 0 if all(table.status == "converged" for table in tables) else 1


def _print_audit(*, brackets: bool) -> None:
    from sofs_bayes.published.audit import audit
    from sofs_bayes.reporting import contents
    from sofs_bayes.reporting.tables import to_markdown

    found = audit()
    print(to_markdown(contents.findings_table(found)))
    if brackets:
        print(to_markdown(contents.brackets_table(found)))


def _by_nuts(options: argparse.Namespace) -> int:
    from sofs_bayes.pipeline.second_opinion import second_opinion
    from sofs_bayes.reporting.tables import to_markdown

    progress = _progress()
    tables = [second_opinion(each, progress=progress) for each in _printed_analyses(options)]
    progress("done\n")
    for table in tables:
        print(to_markdown(table))
    return 0 if all(table.status == "converged" for table in tables) else 1


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


def _open_data(options: argparse.Namespace) -> int:
    from sofs_bayes import spec
    from sofs_bayes.records.open_data import read_panel
    from sofs_bayes.records.panel_csv import panel_text
    from sofs_bayes.reporting.run_folder import check_new, write_new
    from sofs_bayes.reporting.tables import rows_to_csv

    targets = [path for path in (options.output, options.notices) if path]
    for path in targets:
        check_new(path)
    if len(set(targets)) < len(targets):
        raise BadInput(options.notices, "", "the same file twice", "a file for the notices alone")
    counts = _open_analysis(options.analysis).data
    years = dict(zip(("first_year", "last_year"), options.years or (), strict=False))
    columns = {"events": options.events, "denominator": options.denominator}
    changes = years | {key: value for key, value in columns.items() if value}
    counts = spec.changed(counts, changes, file="open-data")
    panel = read_panel(_data_files(options.files), counts)
    if options.notices:
        from sofs_bayes.records.notices import Notice

        write_new(options.notices, rows_to_csv(Notice, panel.notices))
    else:
        for notice in panel.notices:
            where = " ".join(str(x) for x in (notice.authority, notice.year or "") if x)
            print(f"{notice.kind}: {where}: {notice.detail}", file=sys.stderr)
    if options.output:
        write_new(options.output, panel_text(panel))
    else:
        print(panel_text(panel), end="")
    return 0


def _open_analysis(name: str) -> "OpenAnalysis":
    from sofs_bayes import spec

    analysis = spec.load(name)
    if not isinstance(analysis, spec.OpenAnalysis):
        raise BadInput(name, "kind", repr(analysis.kind), "'open data'")
    return analysis


def _fit(options: argparse.Namespace) -> int:
    from sofs_bayes import spec
    from sofs_bayes.reporting.run_folder import check_target

    analysis = spec.load(options.analysis)
    target = options.output or Path("runs") / analysis.name
    check_target(target, replace=options.replace)
    from sofs_bayes.pipeline.fits import fit, save  # xarray: a mistyped name need not wait for it

    progress = _progress()
    run = fit(analysis, _data_files(options.data), leave_out=options.leave_out, progress=progress)
    save(run, target, replace=options.replace)
    progress("done\n")
    print(target)
    return 0 if run.status == "converged" else 1


def _diagnose(options: argparse.Namespace) -> int:
    from sofs_bayes.reporting import contents
    from sofs_bayes.reporting.run_folder import read
    from sofs_bayes.reporting.tables import to_markdown

    runs = [read(folder) for folder in options.runs]
    for run in runs:
        print(to_markdown(contents.diagnostics_table(run)))
        for table in (contents.predictive_statistics_table(run), contents.predictive_table(run)):
            if table.rows:
                print(to_markdown(table))
        for fit, verdict in run.diagnostics["fits"].items():
            for failure in verdict.get("failures", ()):
                value = failure["value"]  # none where the draws leave it undefined
                print(
                    f"{fit}: {failure['quantity']}: {failure['measure']}"
                    f" {'undefined' if value is None else f'{value:.4g}'},"
                    f" limit {failure['limit']:g}"
                )
    return 0 if all(run.status == "converged" for run in runs) else 1


def _effects(options: argparse.Namespace) -> int:
    from sofs_bayes.reporting import contents
    from sofs_bayes.reporting.run_folder import read, write_new
    from sofs_bayes.reporting.tables import to_csv, to_html, to_markdown

    runs = [read(folder) for folder in options.runs]
    for run in runs:
        if options.prior and options.prior not in run.analysis.effect_priors:
            raise BadInput(
                "--prior", "", repr(options.prior), ", ".join(run.analysis.effect_priors)
            )
    tables = [
        contents.effects_table(
            run, scale=scale, keep=lambda row: options.prior in (None, row.prior)
        )
        for run in runs
        for scale in contents.effect_scales(run)
        if options.scale in (None, scale)
    ]
    if not tables:
        raise BadInput("--scale", "", repr(options.scale), "a scale the run has effects on")
    write = {"md": to_markdown, "csv": to_csv, "html": to_html}[options.format]
    text = "\n".join(write(table) for table in tables)
    if options.output:
        write_new(options.output, text)
    else:
        print(text, end="")
    return 0 if all(run.status == "converged" for run in runs) else 1


def _figure(options: argparse.Namespace) -> int:
    from dataclasses import replace

    from sofs_bayes.reporting.figures import save
    from sofs_bayes.reporting.pictures import drawings
    from sofs_bayes.reporting.run_folder import check_target, read

    runs = [(folder, read(folder)) for folder in dict.fromkeys(options.runs)]
    if options.output:
        check_target(options.output)
        _check_names_differ(runs)
    for folder, run in runs:
        target = options.output or folder / "figures"
        for drawing in drawings(run):
            # Several runs may share the folder named, so their figures carry the analysis's name.
            named = replace(drawing, name=f"{run.analysis.name}-{drawing.name}")
            for path in save(named if options.output else drawing, target, options.format):
                print(path)
    return 0 if all(run.status == "converged" for _, run in runs) else 1


def _check_names_differ(runs: "Sequence[tuple[Path, Run]]") -> None:
    """Refuse runs of one name, whose figures would overwrite each other in one folder."""
    names: set[str] = set()
    for folder, run in runs:
        if run.analysis.name in names:
            found = f"{run.analysis.name!r} again"
            raise BadInput(folder, "name", found, "runs of different names in one folder")
        names.add(run.analysis.name)


def _calibrate(options: argparse.Namespace) -> int:
    from sofs_bayes.pipeline.calibration import calibrate_printed

    rows = {"column": None, "pilot_row": None, "did_row": None}
    analysis = _printed_analyses(argparse.Namespace(analysis=options.analysis, **rows))[0]
    passed = calibrate_printed(
        analysis,
        options.output,
        replicates=options.replicates,
        prior=options.prior,
        reading=options.reading,
        progress=_progress(),
    )
    print((options.output / "calibration.md").read_text(encoding="utf-8"), end="")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
