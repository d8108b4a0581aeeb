"""The verbs on children's records: simulate, match, collapse, replicate."""

import argparse
import sys
from datetime import date
from pathlib import Path

from sofs_bayes.cli.arguments import Numbers, Verbs, Wholes, add_verb, progress_line
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
    verb.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="default: NAME-synthetic")
    verb.add_argument("--format", choices=("parquet", "csv", "stata"), default="parquet")
    verb.add_argument(
        "--scenario",
        metavar="FILE",
        help="other assumptions, such as a population's scenario.toml; default: bundled",
    )
    verb.add_argument(
        "--stress",
        action="store_true",
        help="print's coefficients without print's effect inside authorities",
    )
    verb.add_argument(
        "--pilot-4-window",
        nargs=2,
        type=_date,
        metavar=("START", "END"),
        help="another settling-in of pilot 4, as 2016-04-01 2016-09-30",
    )
    verb.add_argument("--solve", action="store_true", help="solve anew (minutes), not from fixture")
    verb.add_argument("--drawn", action="store_true", help="draw from the hierarchical model")
    verb.add_argument(
        "--effect", type=Numbers(), metavar="LOG_ODDS", help="drawn: the true effect (0)"
    )
    verb.add_argument(
        "--effect-sd", type=Numbers(least=0), metavar="LOG_ODDS", help="drawn: among pilots (0)"
    )
    verb.add_argument(
        "--shock-sd",
        type=Numbers(least=0),
        metavar="LOG_ODDS",
        help="drawn: by year (real ones)",
    )
    verb.add_argument(
        "--persistence",
        type=Numbers(least=0, below=1),
        help="drawn: of shocks, by year (real ones)",
    )
    verb.add_argument(
        "--times",
        type=Numbers(above=0, most=1000),
        help="drawn: so many times the children (1)",
    )
    verb.add_argument("--seed", type=Wholes(least=0, most=10**12), help="default: the scenario's")
    verb.add_argument("--replace", action="store_true", help="replace an earlier population")


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
    verb.add_argument(
        "--authorities", type=Path, metavar="FILE", help="default: in the same folder"
    )
    verb.add_argument("--groups", type=Path, metavar="FILE", help="default: in the same folder")
    verb.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="default: matched/NAME")
    verb.add_argument("--stata", action="store_true", help="the matched children as .dta, too")
    verb.add_argument("--memory", default="1GB", help="what may be held in memory (1GB)")
    verb.add_argument("--replace", action="store_true", help="replace an earlier result")


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
    verb.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="default: cells/NAME")
    verb.add_argument("--format", choices=("netcdf", "csv"), default="netcdf")
    verb.add_argument(
        "--what",
        choices=("counts", "products"),
        default="counts",
        help="counts by covariates, for any model; or cross-products, for linear models",
    )
    verb.add_argument(
        "--round", type=Wholes(least=2), metavar="BASE", help="round counts to this base"
    )
    verb.add_argument(
        "--merge",
        nargs="+",
        choices=("covariates", "years-since", "years"),
        metavar="WHAT",
        help="what may be merged, in this order: covariates, years-since, years (all three); what"
        " is not named is kept",
    )
    verb.add_argument(
        "--most-suppressed",
        type=Numbers(least=0, below=1),
        metavar="SHARE",
        help="of cells of which something is suppressed (0.2; of products 0)",
    )
    verb.add_argument(
        "--no-check", action="store_true", help="exact cells, to stay where the records are"
    )
    verb.add_argument("--memory", default="1GB", help="what may be held in memory (1GB)")
    verb.add_argument("--replace", action="store_true", help="replace an earlier result")
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
    verb.add_argument(
        "-o", "--output", type=Path, metavar="FOLDER", help="default: replicated/NAME"
    )
    verb.add_argument("--correction", choices=("CR1", "CR2", "CR3"), help="default: the analysis's")
    verb.add_argument(
        "--bootstrap",
        type=Wholes(least=1),
        metavar="DRAWS",
        help="wild cluster bootstrap of the effect also where authorities are not few",
    )
    verb.add_argument(
        "--missing",
        choices=("impute", "level"),
        default="impute",
        help="age and disability: imputed, or missing as a level",
    )
    verb.add_argument(
        "--posterior",
        action="store_true",
        help="beside every printed column the posteriors of its hierarchical model (minutes)",
    )
    verb.add_argument("--replace", action="store_true", help="replace an earlier result")


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
    folder = simulate(
        POPULATIONS.get(options.population, options.population),
        options.output,
        format=options.format,
        scenario=options.scenario,
        stress=options.stress,
        pilot_4_window=options.pilot_4_window and tuple(options.pilot_4_window),
        solve=options.solve,
        drawn=options.drawn,
        effect=options.effect,
        effect_sd=options.effect_sd,
        shock_sd=options.shock_sd,
        persistence=options.persistence,
        times=options.times,
        seed=options.seed,
        replace=options.replace,
        progress=progress,
    )
    progress("done\n")
    print(folder)
    return 0


def _is_own(population: str) -> bool:
    """Whether the children are of another study than the report's, which are always drawn."""
    from sofs_bayes.pipeline.children import load_children
    from sofs_bayes.spec.study import of_report

    return population not in POPULATIONS and not of_report(load_children(population))


def _match(options: argparse.Namespace) -> int:
    from sofs_bayes.pipeline.children import match

    progress = progress_line()
    folder = match(
        options.analysis,
        options.children,
        options.output,
        authorities=options.authorities,
        groups=options.groups,
        stata=options.stata,
        memory=options.memory,
        replace=options.replace,
        progress=progress,
    )
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
    folder = collapse(
        options.analysis,
        options.matched,
        options.output,
        format=options.format,
        what=options.what,
        threshold=None if options.no_check else rule.threshold,
        agreed=rule.agreed,
        rounding=options.round,
        merge=options.merge,
        most_suppressed=options.most_suppressed,
        ledger=ledger_of(options),
        earlier=options.earlier,
        memory=options.memory,
        replace=options.replace,
        progress=progress,
    )
    progress("done\n")
    print((folder / "disclosure.md").read_text(encoding="utf-8"), end="")
    print(folder)
    return 0


def _replicate(options: argparse.Namespace) -> int:
    from sofs_bayes.pipeline.replication import replicate

    progress = progress_line()
    folder, trusted = replicate(
        options.analysis,
        options.matched,
        options.output,
        correction=options.correction,
        bootstrap=options.bootstrap,
        missing=options.missing,
        posterior=options.posterior,
        replace=options.replace,
        progress=progress,
        notice=lambda line: print(line, file=sys.stderr),
    )
    progress("done\n")
    print((folder / "replication.md").read_text(encoding="utf-8"), end="")
    print(folder)
    return 0 if trusted else 1
