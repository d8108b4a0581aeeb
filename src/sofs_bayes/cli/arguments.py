"""What every verb needs: its parser, its progress, the files it is given."""

import argparse
import inspect
import math
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, cast

from sofs_bayes.errors import BadInput
from sofs_bayes.folders.manifest import check_kind
from sofs_bayes.records.text_values import NUMBER


class Options(argparse._ActionsContainer):
    """What options can be added to, in a line each."""

    def flag(self, name: str, text: str) -> None:
        """An option that is there or not."""
        self.add_argument(name, action="store_true", help=text)

    def option(
        self,
        name: str,
        kind: Callable[[str], Any],
        metavar: str | tuple[str, ...],
        text: str,
        **more: Any,
    ) -> None:
        """An option that takes words of a kind."""
        self.add_argument(name, type=kind, metavar=metavar, help=text, **more)

    def output(self, metavar: str, text: str, **more: Any) -> None:
        """The option of the folder or file that is written."""
        self.add_argument("-o", "--output", type=Path, metavar=metavar, help=text, **more)


class Group(Options, argparse._ArgumentGroup):
    """Options that `--help` lists together."""


class Parser(Options, argparse.ArgumentParser):
    """An argument parser whose complaint is one line, like every other complaint."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.register("type", Path, _path)

    def group(self, title: str) -> Group:
        """A new group of options."""
        self._action_groups.append(Group(self, title))
        return cast(Group, self._action_groups[-1])

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            raise argparse.ArgumentError(action, no_choice(value, action.choices))

    def refuse(self, unknown: Sequence[str]) -> NoReturn:
        """Words that are no arguments, and which option the first may mean to be."""
        from sofs_bayes.spec.looks import similar

        option, *_ = unknown[0].split("=")
        near = similar(option, self._option_string_actions) if option.startswith("-") else ""
        self.error(f"unrecognized arguments: {' '.join(unknown)}{near}")

    def error(self, message: str) -> NoReturn:
        """One line and exit code 2."""
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def no_choice(word: str, choices: Iterable[str]) -> str:
    """That a word is none of those to choose from, and which it may mean to be."""
    from sofs_bayes.spec.looks import similar

    listed = ", ".join(map(repr, choices))
    return f"invalid choice: {word!r}{similar(word, choices)} (choose from {listed})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """The type of an option that takes a number: ASCII digits, finite, within bounds.

    Attributes
    ----------
    least, most
        Bounds that may be given.
    above, below
        Bounds that may not.
    """

    least: float = -math.inf
    above: float = -math.inf
    most: float = math.inf
    below: float = math.inf

    def __call__(self, text: str) -> float:
        """The number that a word says."""
        return self._within(text, float(text) if _is_number(text) else math.nan)

    def _within(self, text: str, value: float) -> float:
        inside = self.least <= value <= self.most and self.above < value < self.below
        if not inside or not math.isfinite(value):
            raise argparse.ArgumentTypeError(f"{text!r} is no {self}")
        return value

    def __str__(self) -> str:
        bounds = {
            "at least": self.least,
            "above": self.above,
            "at most": self.most,
            "below": self.below,
        }
        said = " and ".join(f"{how} {x:g}" for how, x in bounds.items() if math.isfinite(x))
        return f"number {said}" if said else "finite number"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wholes(Numbers):
    """The same for whole numbers, without a point or an exponent."""

    def __call__(self, text: str) -> int:
        """The number that a word says."""
        written = re.fullmatch("-?[0-9]{1,15}", text)
        return int(self._within(text, int(text) if written else math.nan))

    def __str__(self) -> str:
        return f"whole {Numbers.__str__(self)}"


def _path(text: str) -> Path:
    """What a word names; a variable of the shell without a value is not the working folder."""
    if not text.strip():
        raise argparse.ArgumentTypeError(f"{text!r} is no file or folder")
    return Path(text)


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(NUMBER, text)) and not text.startswith("+")


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
    parser.flag("--debug", "write the traceback of an unforeseen fault to a file")
    return parser


def called[Result](
    function: Callable[..., Result], options: argparse.Namespace, **own: Any
) -> Result:
    """A function with the options that are named as its parameters are, and others of its own."""
    named = inspect.signature(function).parameters
    return function(**{name: x for name, x in vars(options).items() if name in named} | own)


def progress_line() -> Callable[[str], None]:
    """Progress to stderr where somebody watches it: not into a file or a pipe."""
    if not sys.stderr.isatty():
        return lambda _: None
    import time

    start = time.monotonic()
    return lambda message: print(
        f"\r\x1b[K{time.monotonic() - start:5.0f} s  {message}", end="", file=sys.stderr, flush=True
    )


def progress_lines(every: float = 15.0) -> Callable[[str], None]:
    """The same for long work: where nobody watches, a line now and then says that it lives."""
    if sys.stderr.isatty():
        return progress_line()
    import time

    start = last = time.monotonic()

    def tell(message: str) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= every:
            last = now
            print(f"{now - start:5.0f} s  {message}", file=sys.stderr, flush=True)

    return tell


def format_named(word: str) -> str:
    """A format of tables by its ending, or by what else it is called: `latex`, `word`, `excel`."""
    from sofs_bayes.tables.files import WORDS

    return WORDS.get(word.lower(), word)


def analysis_first(options: argparse.Namespace) -> None:
    """Put an analysis and its data, typed in whichever order, where the verb looks for them."""
    name = next((each for each in ("data", "children", "matched") if hasattr(options, each)), None)
    if name is None or not hasattr(options, "analysis"):
        return
    given = getattr(options, name)
    words = list(map(str, given)) if isinstance(given, list) else [str(given)]
    analyses = [word for word in words if _is_analysis(word)]
    if len(analyses) != 1 or _is_analysis(options.analysis):
        return
    at = words.index(analyses[0])
    words[at], options.analysis = str(options.analysis), analyses[0]
    paths = list(map(Path, words))
    setattr(options, name, paths if isinstance(given, list) else paths[0])


def _is_analysis(word: str) -> bool:
    """Whether a word is a TOML file, or a bundled analysis and not a file or folder."""
    if word.endswith(".toml"):
        return True
    from sofs_bayes.spec import bundled_models

    return word in bundled_models() and not os.path.lexists(word)


def data_files(named: Sequence[Path]) -> list[Path]:
    """The files named, and the CSV files in the folders named."""
    files: list[Path] = []
    for path in named:
        there = check_kind(path, "DfE files as downloaded, or a panel of counts", "simulate")
        found = sorted(path.glob("*.csv")) if there.is_dir() else [path]
        if not found:
            raise BadInput(path, "", "a folder without CSV files", "DfE files as downloaded")
        files += found
    return files
