"""The verbs that ask whether posteriors and models are right: calibrate, placebo, recover."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sofs_bayes.cli.arguments import (
    Numbers,
    Parser,
    Verbs,
    Wholes,
    add_verb,
    called,
    data_files,
    progress_line,
)
from sofs_bayes.errors import BadInput

if TYPE_CHECKING:
    from sofs_bayes.spec import Analysis

ALL = "all"


def add_calibrate(verbs: Verbs) -> None:
    """`calibrate`: simulation-based calibration, of one analysis or all."""
    verb = add_verb(
        verbs,
        "calibrate",
        _calibrate,
        "Is a posterior computed right? Truths are drawn, fitted, ranked.",
        "Simulation-based calibration on the design of the data. Interrupted, the same command goes"
        " on; with more replicates it adds to those that are there. Exit code 1 if ranks are not"
        " uniform.",
    )
    verb.add_argument("analysis", help=f"bundled name, TOML file, or `{ALL}` bundled ones")
    verb.add_argument(
        "data",
        nargs="*",
        type=Path,
        help="as fit takes it; default for children's analyses: simulated children",
    )
    verb.output("FOLDER", "default: calibration/NAME")
    verb.option("--replicates", Wholes(least=1), "N", "default 1000, printed 1500")
    add_workers(verb)
    verb.add_argument(
        "--around",
        choices=("prior", "data"),
        default="prior",
        help="truths from the prior, or from the posterior of the data (posterior SBC)",
    )
    verb.option("--prior", str, "NAME", "the effect prior; default: the first")
    verb.option("--reading", str, "NAME", "printed: the reading; default: the first")
    verb.flag("--replace", "delete results of other data or settings there")


def add_workers(verb: Parser) -> None:
    """The options of all that is done by workers."""
    verb.option("--workers", Wholes(least=1), "N", "processes (1)", default=1)
    verb.option(
        "--scheduler", str, "ADDRESS", "a dask scheduler whose workers do it, tcp://host:8786"
    )


def _calibrate(options: argparse.Namespace) -> int:
    if options.analysis == ALL:
        return _all(options)
    from sofs_bayes import spec

    analysis = spec.load(options.analysis)
    from sofs_bayes.pipeline.calibrate import calibrate

    opened = isinstance(analysis, spec.OpenAnalysis)
    data = data_files(options.data) if opened else options.data
    output, _, passed = _done(calibrate, options, analysis, "calibration", data=data)
    print((output / "calibration.md").read_text(encoding="utf-8"), end="")
    print(output / "index.html")
    return 0 if passed else 1


def _done[Found](
    verb: Callable[..., tuple[Found, bool]],
    options: argparse.Namespace,
    analysis: "Analysis",
    home: str,
    **own: Any,
) -> tuple[Path, Found, bool]:
    """The folder a verb wrote, by default of the analysis's name; what it found; its verdict."""
    output = options.output or Path(home) / analysis.name
    progress = progress_line()
    own |= {"analysis": analysis, "output": output, "progress": progress}
    found, passed = called(verb, options, **own)
    progress("done\n")
    return output, found, passed


def _all(options: argparse.Namespace) -> int:
    from sofs_bayes.pipeline.calibrate import calibrate_all

    for name in ("prior", "reading"):
        if getattr(options, name) is not None:
            raise BadInput(f"--{name}", "", "all analyses", "one analysis, whose it is")
    output = options.output or Path("calibration")
    asked = ("workers", "scheduler", "around", "replicates", "replace")
    good = calibrate_all(
        output,
        open_data=data_files(options.data),
        progress=progress_line(),
        **{name: getattr(options, name) for name in asked},
    )
    print(output / "index.html")
    return 0 if good else 1


def add_recover(verbs: Verbs) -> None:
    """`recover`: known effects in the design of an analysis."""
    verb = add_verb(
        verbs,
        "recover",
        _recover,
        "What can a design find? Known effects, recovered beside classical intervals.",
        "Data are made with known effects in the design of the data, and analysed by the model and"
        " by its regression. All values are on the model's scale (risk, or log-odds);"
        " the first of each list is the base, from which one thing at a time differs."
        " Interrupted, the same command goes on; with more replicates it adds to those that are"
        " there. Exit code 1 if intervals do not hold truths from the priors as often as they"
        " say.",
    )
    verb.add_argument("analysis", help="bundled name or TOML file of a hierarchical analysis")
    verb.add_argument(
        "data",
        nargs="?",
        type=Path,
        help="what match or collapse wrote; default: simulated children",
    )
    verb.output("FOLDER", "default: recovery/NAME")
    verb.option("--replicates", Wholes(least=1), "N", "of each scenario (200)", default=200)
    verb.option(
        "--prior-replicates", Wholes(least=1), "N", "of truths from the priors (five times as many)"
    )
    _add_grid(verb)
    verb.option("--prior", str, "NAME", "the effect prior; default: the first")
    add_workers(verb)
    verb.flag("--replace", "delete results of other data or settings there")


def _add_grid(verb: Parser) -> None:
    grid = verb.group("scenarios (defaults: linear; logistic)")
    grid.option("--effect", Numbers(), "X", "true effects (0 .02 .05 .1 .2; 0 .2 .5 1)", nargs="+")
    grid.option(
        "--heterogeneity",
        Numbers(least=0),
        "SD",
        "sd between pilots' effects (.02 0; .2 0)",
        nargs="+",
    )
    grid.option("--authorities", Wholes(least=1), "N", "times the design's (1 2 4)", nargs="+")
    grid.option(
        "--process",
        str,
        "NAME",
        "what moves authorities by year: as the model has it (model), strong persistence of"
        " .9 (strong), t with 3 df (heavy), parallel trends broken (broken); all four",
        nargs="+",
    )
    grid.option("--authority-sd", Numbers(least=0), "SD", "between authorities (prior median)")
    grid.option("--shock-sd", Numbers(least=0), "SD", "between an authority's years (prior median)")
    grid.option(
        "--drift",
        Numbers(),
        "X",
        "broken: rise of pilots with each year after settling-in (.01; .1)",
    )
    grid.flag("--everything", "all combinations, not one thing at a time")


def _recover(options: argparse.Namespace) -> int:
    from sofs_bayes import spec
    from sofs_bayes.pipeline.recovery import recover
    from sofs_bayes.tables.contents.recovery_findings import out_sentence

    analysis = spec.load(options.analysis)
    output, found, passed = _done(recover, options, analysis, "recovery")
    if not passed:
        print(out_sentence(found))
    print(output / "index.html")
    return 0 if passed else 1


def add_placebo(verbs: Verbs) -> None:
    """`placebo`: authorities that were no pilots, taken for pilots."""
    verb = add_verb(
        verbs,
        "placebo",
        _placebo,
        "Is the model right about real authorities? Others are taken for pilots.",
        "As many authorities as there are pilots are drawn at random from those that could be"
        " comparators, and the analysis is fitted as if they were the pilots. Nothing happened to"
        " them, so that intervals should hold zero as often as they say; where the real pilots'"
        " estimate stands among theirs is a randomisation p-value. Interrupted, the same command"
        " goes on; with more sets it adds to those that are there. Exit code 1 if intervals do not"
        " hold zero as often as they say.",
    )
    verb.add_argument("analysis", help="bundled name or TOML file of an analysis of open counts")
    verb.add_argument("data", nargs="*", type=Path, help="as fit takes it")
    verb.output("FOLDER", "default: placebo/NAME")
    verb.option("--sets", Wholes(least=1), "N", "drawn at random (200)", default=200)
    verb.option(
        "--early",
        Wholes(least=1),
        "YEARS",
        "date the effect so many years early, on the years before settling-in alone",
    )
    verb.option("--prior", str, "NAME", "the effect prior; default: the first")
    add_workers(verb)
    verb.flag("--replace", "delete results of other data or settings there")


def _placebo(options: argparse.Namespace) -> int:
    from sofs_bayes import spec
    from sofs_bayes.pages.placebo_page import coverage_sentence, marked
    from sofs_bayes.pipeline.placebo import placebo

    analysis, data = spec.load(options.analysis), data_files(options.data)
    output, found, passed = _done(placebo, options, analysis, "placebo", data=data)
    print(marked(found, coverage_sentence(found)))
    print(output / "index.html")
    return 0 if passed else 1
