"""The verbs that fit, and those that read what was fitted."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sofs_bayes.cli.arguments import (
    Verbs,
    Wholes,
    add_verb,
    called,
    data_files,
    progress_line,
    progress_lines,
)
from sofs_bayes.cli.effects import add_effects
from sofs_bayes.cli.exports import Export, add_disclosure_options, add_level, export_of
from sofs_bayes.errors import BadInput, counted

if TYPE_CHECKING:
    from sofs_bayes.runs.run_folder import Run
    from sofs_bayes.tables.model import Table

MOST_ROWS = 25  # of a table on a screen


def add_reanalyse(verbs: Verbs) -> None:
    """`reanalyse`: the main job."""
    verb = add_verb(
        verbs,
        "reanalyse",
        _reanalyse,
        "The whole re-analysis: tables, figures, page.",
        "Print, open counts of both outcomes (those that are part of the package, where no files"
        " are given) and simulated children, side by side. Interrupted, the same command goes on.",
    )
    verb.add_argument("files", nargs="*", type=Path, help="DfE files, or folders that hold them")
    verb.option("--open-data", Path, "FOLDER", "the same, as an option")
    verb.add_argument("-o", "--output", type=Path, default=Path("reanalysis"), metavar="FOLDER")
    verb.flag("--replace", "replace an earlier result")
    verb.flag("--full", "also variants of open counts, event studies and all refits: far longer")
    verb.option(
        "--beside",
        Path,
        "FOLDER",
        "what calibrate and placebo wrote, to be shown on the page",
        nargs="+",
        default=[],
    )


def add_list(verbs: Verbs) -> None:
    """`list`: the bundled analyses."""
    verb = add_verb(verbs, "list", _list, "The bundled analyses, one line each.")
    verb.flag("--json", "for other programs, with their files")


def add_fit(verbs: Verbs) -> None:
    """`fit`: an analysis and its data → a run folder."""
    verb = add_verb(
        verbs,
        "fit",
        _fit,
        "An analysis and its data → a run folder.",
        "A printed analysis needs no data; open counts take DfE files, or else those that are part"
        " of the package; children's analyses take what collapse or match wrote. Interrupted, fits"
        " go on where they stopped.",
    )
    verb.add_argument("analysis", help="bundled name or TOML file")
    verb.add_argument(
        "data", nargs="*", type=Path, help="DfE files, a panel CSV, cells, or folders"
    )
    verb.output("FOLDER", "default: runs/NAME")
    verb.flag("--replace", "replace an earlier run")
    verb.add_argument(
        "--leave-out",
        choices=("none", "pilots", "all"),
        help="repeat the fit without each of these authorities (pilots; with --again as it was)",
    )
    verb.flag("--quick", "the effect priors only (of counts: and years), no refits")
    verb.option(
        "--again",
        str,
        "NAME",
        "effect priors or changes, as tables name them: only their fits are sampled anew, for"
        " longer; all else is as the run there was made, which is replaced",
        nargs="+",
        default=[],
    )
    verb.option(
        "--draws",
        Wholes(least=100, most=100_000),
        "N",
        "with --again: draws of a chain; default: twice what it had",
    )


def add_run_readers(verbs: Verbs) -> None:
    """`diagnose`, `effects` and `figure`: what a run folder holds."""
    verb = add_verb(verbs, "diagnose", _diagnose, "A run folder → the verdict on its draws.")
    verb.add_argument(
        "runs", nargs="+", type=Path, metavar="RUN", help="run folders that fit wrote"
    )
    verb.flag("--json", "the verdicts, for other programs")
    add_effects(verbs)
    verb = add_verb(verbs, "figure", _figure, "Run folders → pictures, each with its data as CSV.")
    verb.add_argument(
        "runs", nargs="+", type=Path, metavar="RUN", help="run folders that fit wrote"
    )
    verb.output("FOLDER", "a new folder; default: figures/NAME")
    verb.flag("--replace", "replace earlier figures there")
    verb.add_argument(
        "--format",
        nargs="+",
        choices=("png", "pdf", "svg"),
        default=("png", "pdf"),
        help="default: png pdf. PDF and SVG hold the drawn numbers exactly",
    )
    add_level(verb)
    add_disclosure_options(verb)


def _reanalyse(options: argparse.Namespace) -> int:
    from sofs_bayes.pipeline.reanalysis import reanalyse

    named = [*options.files, *([options.open_data] if options.open_data else [])]
    progress = progress_lines()
    own = {"target": options.output, "open_data": data_files(named), "progress": progress}
    status = called(reanalyse, options, **own)
    progress(f"done: open {options.output / 'index.html'}\n")
    print(options.output / "index.html")
    return 0 if status == "converged" else 1


def _list(options: argparse.Namespace) -> int:
    from sofs_bayes import spec

    analyses = {name: spec.load(path) for name, path in spec.bundled_models().items()}
    if options.json:
        files = spec.bundled_models()
        listed = [
            {"name": name, "kind": each.kind, "title": each.title, "file": str(files[name])}
            for name, each in analyses.items()
        ]
        print(json.dumps(listed, indent=1, ensure_ascii=False))
        return 0
    width = max(map(len, analyses))
    for name, analysis in analyses.items():
        print(f"{name:{width}}  {analysis.kind:12}  {analysis.title}")
    return 0


def _fit(options: argparse.Namespace) -> int:
    from sofs_bayes import spec
    from sofs_bayes.folders.places import check_target

    analysis = spec.load(options.analysis)
    target = options.output or Path("runs") / analysis.name
    replace = options.replace or bool(options.again)
    check_target(target, written_by="fit", replace=replace)
    from sofs_bayes.pipeline.fits import (  # xarray: a mistyped name need not wait for it
        fit_folder,
        missed,
    )

    progress = progress_line()
    counts = isinstance(analysis, spec.OpenAnalysis)
    target, run = called(
        fit_folder,
        options,
        analysis=analysis,
        data=data_files(options.data) if counts else options.data,
        folder=target,
        replace=replace,
        inputs=[*filter(Path.exists, [Path(options.analysis)]), *options.data],
        progress=progress,
    )
    progress("done\n")
    if names := missed(run):
        which = f"{'fits' if len(names) > 1 else 'fit'} did not pass the gate ({', '.join(names)})"
        print(f"{len(names)} {which}; --again {names[0]!r} samples one longer", file=sys.stderr)
    print(target)
    return 0 if run.status == "converged" else 1


def _diagnose(options: argparse.Namespace) -> int:
    from sofs_bayes.runs.run_folder import read
    from sofs_bayes.tables import contents
    from sofs_bayes.tables.formats import to_markdown

    runs = [read(folder) for folder in options.runs]
    status = 0 if all(run.status == "converged" for run in runs) else 1
    if options.json:
        verdicts = [_verdict(*each) for each in zip(options.runs, runs, strict=True)]
        print(json.dumps(verdicts, indent=1))
        return status
    for run in runs:
        print(to_markdown(contents.diagnostics_table(run)))
        for table in contents.hierarchical_diagnostics(run):
            print(to_markdown(_beginning(table)))
        for fit, verdict in run.diagnostics["fits"].items():
            for failure in verdict.get("failures", ()):
                value = failure["value"]  # none where the draws leave it undefined
                print(
                    f"{fit}: {failure['quantity']}: {failure['measure']}"
                    f" {'undefined' if value is None else f'{value:.4g}'},"
                    f" limit {failure['limit']:g}"
                )
    if len(runs) > 1:
        _print_comparison(runs)
    return status


def _beginning(table: "Table") -> "Table":
    """A table as a screen can take it: long ones begin, and say how much more there is."""
    if (more := len(table.rows) - MOST_ROWS) <= 0:
        return table
    note = f"And {counted(more, 'row')} more, which a report has (sofs-bayes report)."
    return table.of_rows(range(MOST_ROWS), note)


def _verdict(folder: Path, run: "Run") -> dict[str, Any]:
    """A run's verdict as JSON has it: the status of all, and of each fit what diagnostics hold."""
    return {
        "folder": str(folder),
        "analysis": run.analysis.name,
        "evidence": run.evidence,
        "status": run.status,
        "fits": run.diagnostics["fits"],
    }


def _print_comparison(runs: "Sequence[Run]") -> None:
    """The runs side by side, and, as far as they are fits of the same children, which fits best."""
    from sofs_bayes.pipeline.comparison import compare
    from sofs_bayes.tables import contents
    from sofs_bayes.tables.formats import to_markdown

    hierarchical = [run for run in runs if run.analysis.kind == "hierarchical"]
    if len(hierarchical) < 2:
        return
    if len({run.evidence for run in hierarchical}) > 1:
        print("Not compared: their sources differ.")
        return
    print(to_markdown(contents.columns_table(hierarchical)))
    try:
        print(to_markdown(compare(hierarchical)))
    except BadInput as reason:
        print(f"Not compared by what they predict: {reason}")


def _figure(options: argparse.Namespace) -> int:
    from sofs_bayes.folders.places import check_target

    folders = list(dict.fromkeys(options.runs))
    with export_of(folders, options) as export:
        _check_names_differ(list(zip(folders, export.runs, strict=True)))
        if options.output:
            targets = {options.output: list(export.runs)}
        else:
            targets = {Path("figures") / run.analysis.name: [run] for run in export.runs}
        for target in targets:
            check_target(target, written_by="figure", inputs=options.runs, replace=options.replace)
        for target, shown in targets.items():
            _draw(target, shown, export, options)
        return 0 if all(run.status == "converged" for run in export.runs) else 1


def _draw(target: Path, runs: "Sequence[Run]", export: Export, options: argparse.Namespace) -> None:
    """The figures of runs in one folder; several runs share it, so their names stand before."""

    from sofs_bayes.figures import save
    from sofs_bayes.folders.whole import new_folder
    from sofs_bayes.pages.pictures import drawings

    names: list[str] = []
    with new_folder(
        target, written_by="figure", inputs=options.runs, replace=options.replace
    ) as folder:
        for run in runs:
            for drawing in drawings(run):
                named = replace(drawing, name=f"{run.analysis.name}-{drawing.name}")
                shown = named if options.output else drawing
                names += [path.name for path in save(shown, folder, options.format)]
        export.log_in(folder)
    for name in names:
        print(target / name)
    if not export.public:
        export.say(target / "disclosure.md")


def _check_names_differ(runs: "Sequence[tuple[Path, Run]]") -> None:
    """Refuse runs of one name, whose figures would overwrite each other in one folder.

    Nor may capitals alone tell them apart: on some systems they tell no files apart.
    """
    names: set[str] = set()
    for folder, run in runs:
        if run.analysis.name.casefold() in names:
            found = f"{run.analysis.name!r} again"
            raise BadInput(folder, "name", found, "runs of different names in one folder")
        names.add(run.analysis.name.casefold())
