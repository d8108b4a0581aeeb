"""The verbs on children's records: simulate, match, collapse, replicate."""

import argparse
import sys
from datetime import date
from functools import partial
from pathlib import Path

from sofs_bayes.cli.arguments import Numbers, Parser, Verbs, Wholes, add_verb, called, progress_line
from sofs_bayes.cli.exports import USUAL_THRESHOLD, add_disclosure_options, ledger_of, rule_of
from sofs_bayes.errors import BadInput

POPULATIONS = {"icpc": "icpc-children", "cla": "cla-children"}


def add_simulate(verbs: Verbs) -> None:
    """`simulate`: a population of simulated children."""
    verb = add_verb(
        verbs,
        "simulate",
        _simulate,
        "A synthetic population → referrals, authorities, groups.",
        "Solved so that the published regressions print the published coefficients, or (--drawn)"
        " drawn from the hierarchical model with a chosen true effect: of your own study in the"
        " design that its analysis declares ([rehearsal]). It carries no evidence on any pilot.",
    )
    verb.add_argument("population", help="icpc or cla, or an analysis of children's records")
    verb.output("FOLDER", "default: NAME-synthetic")
    verb.add_argument("--format", choices=("parquet", "csv", "stata"), default="parquet")
    verb.option(
        "--scenario",
        str,
        "FILE",
        "other assumptions, such as a population's scenario.toml; default: bundled",
    )
    verb.flag("--stress", "print's coefficients without print's effect inside authorities")
    verb.option(
        "--pilot-4-window",
        _date,
        ("START", "END"),
        "another settling-in of pilot 4, as 2016-04-01 2016-09-30",
        nargs=2,
    )
    verb.flag("--solve", "solve anew (minutes), not from fixture")
    _add_drawn(verb)
    verb.add_argument("--seed", type=Wholes(least=0, most=10**12), help="default: the scenario's")
    verb.flag("--replace", "replace an earlier population")


def _add_drawn(verb: Parser) -> None:
    """The options of drawn children."""
    verb.flag("--drawn", "draw from the hierarchical model")
    verb.option("--effect", Numbers(), "LOG_ODDS", "drawn: the true effect (0)")
    verb.option("--effect-sd", Numbers(least=0), "LOG_ODDS", "drawn: among pilots (0)")
    verb.option("--shock-sd", Numbers(least=0), "LOG_ODDS", "drawn: by year (real ones)")
    verb.add_argument(
        "--persistence",
        type=Numbers(least=0, below=1),
        help="drawn: of shocks, by year (real ones)",
    )
    verb.add_argument(
        "--times", type=Numbers(above=0, most=1000), help="drawn: so many times the children (1)"
    )


def add_match(verbs: Verbs) -> None:
    """`match`: coarsened exact matching within matched groups."""
    verb = add_verb(
        verbs,
        "match",
        _match,
        "Referrals → matched children with weights, balance, summary.",
        "Comparators that the groups leave open are chosen on the trend before settling-in.",
    )
    verb.add_argument("analysis", help="bundled name or TOML file")
    verb.add_argument("children", type=Path, help="CSV, Parquet or Stata file, or its folder")
    verb.option("--authorities", Path, "FILE", "default: in the same folder")
    verb.option("--groups", Path, "FILE", "default: in the same folder")
    verb.output("FOLDER", "default: matched/NAME")
    verb.flag("--stata", "the matched children as .dta, too")
    verb.add_argument("--memory", default="1GB", help="what may be held in memory (1GB)")
    verb.flag("--replace", "replace an earlier result")


def add_collapse(verbs: Verbs) -> None:
    """`collapse`: sufficient statistics, checked for disclosure."""
    verb = add_verb(
        verbs,
        "collapse",
        _collapse,
        "Matched children → cells, with a disclosure check.",
        "Coarser cells are tried until enough can be released; suppressed counts are intervals.",
    )
    verb.add_argument("analysis", help="bundled name or TOML file")
    verb.add_argument("matched", type=Path, help="what match wrote")
    verb.output("FOLDER", "default: cells/NAME")
    verb.add_argument("--format", choices=("netcdf", "csv"), default="netcdf")
    verb.add_argument(
        "--what",
        choices=("counts", "products"),
        default="counts",
        help="counts by covariates, for any model; or cross-products, for linear models",
    )
    verb.option("--round", Wholes(least=2), "BASE", "round counts to this base")
    verb.option(
        "--merge",
        str,
        "WHAT",
        "what may be merged, in this order: covariates, years-since, years (all three); what"
        " is not named is kept",
        nargs="+",
        choices=("covariates", "years-since", "years"),
    )
    verb.option(
        "--most-suppressed",
        Numbers(least=0, below=1),
        "SHARE",
        "of cells of which something is suppressed (0.2; of products 0)",
    )
    verb.flag("--no-check", "exact cells, to stay where the records are")
    verb.add_argument("--memory", default="1GB", help="what may be held in memory (1GB)")
    verb.flag("--replace", "replace an earlier result")
    add_disclosure_options(verb)


def add_replicate(verbs: Verbs) -> None:
    """`replicate`: the published regressions, printed beside replicated."""
    verb = add_verb(
        verbs,
        "replicate",
        _replicate,
        "Matched children → Tables 2-7 and both figures, published beside replicated.",
    )
    verb.add_argument("analysis", help="bundled name or TOML file")
    verb.add_argument("matched", type=Path, help="what match wrote")
    verb.output("FOLDER", "default: replicated/NAME")
    verb.add_argument("--correction", choices=("CR1", "CR2", "CR3"), help="default: the analysis's")
    verb.option(
        "--bootstrap",
        Wholes(least=1),
        "DRAWS",
        "wild cluster bootstrap of the effect also where authorities are not few",
    )
    verb.add_argument(
        "--missing",
        choices=("impute", "level"),
        default="impute",
        help="age and disability: imputed, or missing as a level",
    )
    verb.flag(
        "--posterior",
        "beside every printed column the posteriors of its hierarchical model (minutes)",
    )
    verb.flag("--replace", "replace an earlier result")


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no date such as 2016-04-01") from error


def _simulate(options: argparse.Namespace) -> int:
    from sofs_bayes.pipeline.simulation import simulate

    if not options.drawn and not _is_own(options.population):
        only_drawn = ("effect", "effect_sd", "shock_sd", "persistence", "times")
        if given := [name for name in only_drawn if getattr(options, name) is not None]:
            name = given[0].replace("_", "-")
            raise BadInput(f"--{name}", "", "a solved population", "--drawn beside it")
    elif options.drawn and options.solve:
        raise BadInput("--solve", "", "--drawn beside it", "one of the two")
    progress = progress_line()
    analysis = POPULATIONS.get(options.population.casefold(), options.population)
    window = options.pilot_4_window and tuple(options.pilot_4_window)
    notice = partial(print, file=sys.stderr)
    own = {"analysis": analysis, "pilot_4_window": window, "progress": progress}
    folder = called(simulate, options, **own, notice=notice)
    progress("done\n")
    print(folder)
    return 0


def _is_own(population: str) -> bool:
    """Whether the children are of another study than the report's, which are always drawn."""
    from sofs_bayes.pipeline.children import load_children
    from sofs_bayes.spec.study import of_report

    return population.casefold() not in POPULATIONS and not of_report(load_children(population))


def _match(options: argparse.Namespace) -> int:
    from sofs_bayes.pipeline.children import match

    progress = progress_line()
    folder = called(match, options, progress=progress)
    progress("done\n")
    print((folder / "matching.md").read_text(encoding="utf-8"), end="")
    print(folder)
    return 0


def _collapse(options: argparse.Namespace) -> int:
    from sofs_bayes.pipeline.children import collapse

    rule = rule_of(options)
    checked = {"--round": options.round, "--merge": options.merge}
    checked |= {"--most-suppressed": options.most_suppressed is not None}
    checked |= {"--threshold": options.threshold != USUAL_THRESHOLD}
    if options.no_check and any(checked.values()):
        beside = next(option for option, given in checked.items() if given)
        raise BadInput("--no-check", "", f"{beside} beside it", "one of the two")
    progress = progress_line()
    folder = called(
        collapse,
        options,
        threshold=None if options.no_check else rule.threshold,
        agreed=rule.agreed,
        rounding=options.round,
        ledger=ledger_of(options),
        progress=progress,
    )
    progress("done\n")
    print((folder / "disclosure.md").read_text(encoding="utf-8"), end="")
    print(folder)
    return 0


def _replicate(options: argparse.Namespace) -> int:
    from sofs_bayes.pipeline.replication import replicate

    progress = progress_line()
    notice = partial(print, file=sys.stderr)
    folder, trusted = called(replicate, options, progress=progress, notice=notice)
    progress("done\n")
    print((folder / "replication.md").read_text(encoding="utf-8"), end="")
    print(folder)
    return 0 if trusted else 1
