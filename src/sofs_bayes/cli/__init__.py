"""The command line: arguments, files, exit codes; no statistics.

Exit codes: 0 done; 1 a check refused the result (it is written all the same, marked);
2 bad input, one line that says file, place, found, allowed; 3 workers died (what is finished
is kept); 70 an unforeseen fault, one line without any value; 130 interrupted.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from sofs_bayes.cli import (
    beginning,
    children,
    completion,
    manual,
    opened,
    printed,
    report,
    runs,
    studies,
)
from sofs_bayes.cli.arguments import Parser, analysis_first
from sofs_bayes.cli.faults import (
    INTERRUPTED,
    RESUMES,
    UNFORESEEN,
    as_option,
    interruptible,
    last_line,
    no_room,
)
from sofs_bayes.errors import SofsBayesError


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
    options, unknown = _parser().parse_known_args(arguments)
    if unknown:
        parsers()[options.verb].refuse(unknown)
    try:
        with interruptible():
            analysis_first(options)
            code: int = options.run(options)
            sys.stdout.flush()
    except SofsBayesError as error:
        print(as_option(error, parsers()[options.verb]), file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        if sys.stderr.isatty():
            print(file=sys.stderr)  # below the line of progress
        resumes = options.verb in RESUMES
        kept = "the same command goes on from what is finished" if resumes else "nothing is written"
        print(f"interrupted; {kept}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (head, less) closed the pipe; keep Python from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001 - whatever it is, it may quote a record
        full = no_room(error)
        print(full or last_line(error, debug=options.debug), file=sys.stderr)
        return full.exit_code if full else UNFORESEEN
    return code


def parsers() -> dict[str, Parser]:
    """The parser of every verb, by its name."""
    of_verbs = (each for each in _parser()._actions if isinstance(each.choices, dict))
    return dict(next(of_verbs).choices or {})


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="sofs-bayes",
        description="Bayesian re-analysis of the Signs of Safety evaluation.",
        epilog="Exit codes: 0 done; 1 a check refused the result (written, marked); 2 bad input; 3 "
        "workers died; 70 an unforeseen fault; 130 interrupted.",
    )
    parser.add_argument("--version", action="version", version=_version())
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    runs.add_reanalyse(verbs)
    runs.add_list(verbs)
    printed.add_published(verbs)
    opened.add_open_data(verbs)
    beginning.add_init(verbs)
    beginning.add_check(verbs)
    children.add_simulate(verbs)
    children.add_match(verbs)
    children.add_collapse(verbs)
    children.add_replicate(verbs)
    runs.add_fit(verbs)
    runs.add_run_readers(verbs)
    studies.add_calibrate(verbs)
    studies.add_recover(verbs)
    studies.add_placebo(verbs)
    report.add_disclose(verbs)
    report.add_report(verbs)
    completion.add_completion(verbs)
    manual.add_manual(verbs)
    return parser


def _version() -> str:
    from importlib.metadata import version

    return f"sofs-bayes {version('sofs-bayes')}"
