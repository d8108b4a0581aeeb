"""The verb that asks whether posteriors are computed right: calibrate."""

import argparse
from pathlib import Path
from typing import Any

from sofs_bayes.cli.arguments import Verbs, Wholes, add_verb, data_files, progress_line
from sofs_bayes.errors import BadInput

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
    verb.add_argument(
        "-o", "--output", type=Path, metavar="FOLDER", help="default: calibration/NAME"
    )
    verb.add_argument(
        "--replicates", type=Wholes(least=1), metavar="N", help="default 1000, printed 1500"
    )
    add_workers(verb)
    verb.add_argument(
        "--around",
        choices=("prior", "data"),
        default="prior",
        help="truths from the prior, or from the posterior of the data (posterior SBC)",
    )
    verb.add_argument("--prior", metavar="NAME", help="the effect prior; default: the first")
    verb.add_argument("--reading", metavar="NAME", help="printed: the reading; default: the first")
    verb.add_argument(
        "--replace", action="store_true", help="delete results of other data or settings there"
    )


def add_workers(verb: argparse.ArgumentParser) -> None:
    """The options of all that is done by workers."""
    verb.add_argument(
        "--workers", type=Wholes(least=1), default=1, metavar="N", help="processes (1)"
    )
    verb.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="a dask scheduler whose workers do it, tcp://host:8786",
    )


def _calibrate(options: argparse.Namespace) -> int:
    progress = progress_line()
    asked: dict[str, Any] = {
        "workers": options.workers,
        "scheduler": options.scheduler,
        "around": options.around,
        "replicates": options.replicates,
        "replace": options.replace,
        "progress": progress,
    }
    if options.analysis == ALL:
        return _all(options, asked)
    from sofs_bayes import spec

    analysis = spec.load(options.analysis)
    output = options.output or Path("calibration") / analysis.name
    from sofs_bayes.pipeline.calibrate import calibrate

    opened = isinstance(analysis, spec.OpenAnalysis)
    _, passed = calibrate(
        analysis,
        data_files(options.data) if opened else options.data,
        output,
        prior=options.prior,
        reading=options.reading,
        **asked,
    )
    progress("done\n")
    print((output / "calibration.md").read_text(encoding="utf-8"), end="")
    print(output / "index.html")
    return 0 if passed else 1


def _all(options: argparse.Namespace, asked: dict[str, Any]) -> int:
    from sofs_bayes.pipeline.calibrate_all import calibrate_all

    for name in ("prior", "reading"):
        if getattr(options, name) is not None:
            raise BadInput(f"--{name}", "", "all analyses", "one analysis, whose it is")
    output = options.output or Path("calibration")
    good = calibrate_all(output, open_data=data_files(options.data), **asked)
    print(output / "index.html")
    return 0 if good else 1
