"""The verb that asks whether a model is right about real authorities: placebo."""

import argparse
from pathlib import Path

from sofs_bayes.cli.arguments import Verbs, Wholes, add_verb, data_files, progress_line
from sofs_bayes.cli.calibrate import add_workers


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
    verb.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="default: placebo/NAME")
    verb.add_argument(
        "--sets", type=Wholes(least=1), default=200, metavar="N", help="drawn at random (200)"
    )
    verb.add_argument(
        "--early",
        type=Wholes(least=1),
        metavar="YEARS",
        help="date the effect so many years early, on the years before settling-in alone",
    )
    verb.add_argument("--prior", metavar="NAME", help="the effect prior; default: the first")
    add_workers(verb)
    verb.add_argument(
        "--replace", action="store_true", help="delete results of other data or settings there"
    )


def _placebo(options: argparse.Namespace) -> int:
    from sofs_bayes import spec
    from sofs_bayes.pages.placebo_page import coverage_sentence, marked
    from sofs_bayes.pipeline.placebo import placebo

    progress = progress_line()
    analysis = spec.load(options.analysis)
    output = options.output or Path("placebo") / analysis.name
    found, passed = placebo(
        analysis,
        data_files(options.data),
        output,
        sets=options.sets,
        early=options.early,
        prior=options.prior,
        workers=options.workers,
        scheduler=options.scheduler,
        replace=options.replace,
        progress=progress,
    )
    progress("done\n")
    print(marked(found, coverage_sentence(found)))
    print(output / "index.html")
    return 0 if passed else 1
