"""What every verb needs: its parser, its progress, the files it is given."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from sofs_bayes.errors import BadInput


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaint is one line, like every other complaint."""

    def error(self, message: str) -> NoReturn:
        """One line and exit code 2."""
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


type Verbs = argparse._SubParsersAction[Parser]


def add_verb(
    verbs: Verbs,
    name: str,
    run: Callable[[argparse.Namespace], int],
    text: str,
    more: str = "",
) -> Parser:
    """A verb with the function that runs it, and its help."""
    parser = verbs.add_parser(name, help=text, description=f"{text} {more}".strip())
    parser.set_defaults(run=run)
    parser.add_argument(
        "--debug",
        action="store_true",
        help="write the traceback of an unforeseen fault to a file",
    )
    return parser


def progress_line() -> Callable[[str], None]:
    """Progress to stderr where somebody watches it: not into a file or a pipe."""
    if not sys.stderr.isatty():
        return lambda _: None
    import time

    start = time.monotonic()
    return lambda message: print(
        f"\r\x1b[K{time.monotonic() - start:5.0f} s  {message}", end="", file=sys.stderr, flush=True
    )


def data_files(named: Sequence[Path]) -> list[Path]:
    """The files named, and the CSV files in the folders named."""
    files: list[Path] = []
    for path in named:
        found = sorted(path.glob("*.csv")) if path.is_dir() else [path]
        if not found:
            raise BadInput(path, "", "a folder without CSV files", "DfE files as downloaded")
        files += found
    return files
