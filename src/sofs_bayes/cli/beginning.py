"""The verbs of one who begins: init, check."""

import argparse
from pathlib import Path

from sofs_bayes.cli.arguments import Verbs, Wholes, add_verb, called, progress_line


def add_init(verbs: Verbs) -> None:
    """`init`: records → what is in them, and drafts of analyses."""
    verb = add_verb(
        verbs,
        "init",
        _init,
        "Records, counts or a typed table → what is in them, and a commented draft of an analysis.",
        "Columns, levels, missing cells, dates and outcomes by authority and year are shown; what"
        " the analyst has to decide is marked DECIDE, which every verb refuses. Priors are proposed"
        " from the share of outcomes, with the rates and changes that they allow.",
    )
    help_text = "folder of referrals, authorities and groups; a panel of counts; or a typed table"
    verb.add_argument("data", type=Path, help=help_text)
    verb.output("FOLDER", "default: analysis/NAME")
    verb.add_argument("--name", help="of the analyses; default: the folder's")
    verb.option(
        "--year-begins",
        Wholes(least=1, most=12),
        "MONTH",
        "with which a year begins, 1 to 12 (4, April)",
        default=4,
    )
    verb.flag("--replace", "replace an earlier draft")


def add_check(verbs: Verbs) -> None:
    """`check`: an analysis and its data → all that is wrong."""
    verb = add_verb(
        verbs,
        "check",
        _check,
        "Data and an analysis → all that is wrong, at once, before any work.",
        "Exit code 2 and a line for each fault, or 0. Nothing is written but, with --pictures,"
        " rates by arm and year and distances before settling-in, without small numbers.",
    )
    help_text = "folder of referrals, authorities and groups; others as fit takes it; print: none"
    verb.add_argument("data", type=Path, nargs="*", help=help_text)
    verb.add_argument("analysis", help="bundled name or TOML file")
    verb.option("--pictures", Path, "FOLDER", "of children's records, before matching")
    verb.add_argument("--memory", default="1GB", help="what may be held in memory (1GB)")
    verb.flag("--replace", "replace earlier pictures")


def _init(options: argparse.Namespace) -> int:
    from sofs_bayes.pipeline.beginning import init
    from sofs_bayes.tables.formats import to_markdown

    progress = progress_line()
    begun = called(init, options, progress=progress)
    progress("done\n")
    print("\n".join(map(to_markdown, begun.tables)))
    for path in sorted(begun.folder.glob("*.toml")):
        print(path)
    return 0


def _check(options: argparse.Namespace) -> int:
    from sofs_bayes.errors import BadSpec
    from sofs_bayes.pipeline.beginning import check

    progress = progress_line()
    lines: list[str] = []
    given, how = (options.data, options.analysis), {"memory": options.memory}
    faults = check(*given, **how, noticed=lines.append, progress=progress)
    progress("done\n")
    if faults:
        raise BadSpec(faults)
    made: list[Path] = []
    if options.pictures:
        from sofs_bayes.pipeline.before import pictures_before

        how |= {"replace": options.replace, "progress": progress}
        folder = pictures_before(Path(*options.data[:1]), options.analysis, options.pictures, **how)
        progress("done\n")
        made = sorted(folder.glob("*.png"))
    looked_at = ", ".join(map(str, [options.analysis, *options.data]))
    print(f"{looked_at}: nothing wrong was found", *lines, *made, sep="\n")
    return 0
