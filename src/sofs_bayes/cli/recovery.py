"""The verb that asks what a design can find: recover."""

import argparse
from pathlib import Path

from sofs_bayes.cli.arguments import Numbers, Verbs, Wholes, add_verb, progress_line
from sofs_bayes.cli.calibrate import add_workers


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
    verb.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="default: recovery/NAME")
    verb.add_argument(
        "--replicates",
        type=Wholes(least=1),
        default=200,
        metavar="N",
        help="of each scenario (200)",
    )
    verb.add_argument(
        "--prior-replicates",
        type=Wholes(least=1),
        metavar="N",
        help="of truths from the priors (five times as many)",
    )
    _add_grid(verb)
    verb.add_argument("--prior", metavar="NAME", help="the effect prior; default: the first")
    add_workers(verb)
    verb.add_argument(
        "--replace", action="store_true", help="delete results of other data or settings there"
    )


def _add_grid(verb: argparse.ArgumentParser) -> None:
    grid = verb.add_argument_group("scenarios (defaults: linear; logistic)")
    grid.add_argument(
        "--effect",
        type=Numbers(),
        nargs="+",
        metavar="X",
        help="true effects (0 .02 .05 .1 .2; 0 .2 .5 1)",
    )
    grid.add_argument(
        "--heterogeneity",
        type=Numbers(least=0),
        nargs="+",
        metavar="SD",
        help="sd between pilots' effects (.02 0; .2 0)",
    )
    grid.add_argument(
        "--authorities",
        type=Wholes(least=1),
        nargs="+",
        metavar="N",
        help="times the design's (1 2 4)",
    )
    grid.add_argument(
        "--process",
        nargs="+",
        metavar="NAME",
        help="what moves authorities by year: as the model has it (model), strong persistence of"
        " .9 (strong), t with 3 df (heavy), parallel trends broken (broken); all four",
    )
    grid.add_argument(
        "--authority-sd",
        type=Numbers(least=0),
        metavar="SD",
        help="between authorities (prior median)",
    )
    grid.add_argument(
        "--shock-sd",
        type=Numbers(least=0),
        metavar="SD",
        help="between an authority's years (prior median)",
    )
    grid.add_argument(
        "--drift",
        type=Numbers(),
        metavar="X",
        help="broken: rise of pilots with each year after settling-in (.01; .1)",
    )
    grid.add_argument(
        "--everything", action="store_true", help="all combinations, not one thing at a time"
    )


def _recover(options: argparse.Namespace) -> int:
    from sofs_bayes import spec
    from sofs_bayes.pipeline.recovery import recover
    from sofs_bayes.tables.contents.recovery_findings import out_sentence

    progress = progress_line()
    analysis = spec.load(options.analysis)
    output = options.output or Path("recovery") / analysis.name
    found, passed = recover(
        analysis,
        options.data,
        output,
        replicates=options.replicates,
        prior_replicates=options.prior_replicates,
        effect=options.effect,
        heterogeneity=options.heterogeneity,
        authorities=options.authorities,
        process=options.process,
        authority_sd=options.authority_sd,
        shock_sd=options.shock_sd,
        drift=options.drift,
        everything=options.everything,
        prior=options.prior,
        workers=options.workers,
        scheduler=options.scheduler,
        replace=options.replace,
        progress=progress,
    )
    progress("done\n")
    if not passed:
        print(out_sentence(found))
    print(output / "index.html")
    return 0 if passed else 1
