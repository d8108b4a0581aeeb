"""The exceptions a caller may meet, each with the exit code the command line gives it.

And numbers with their nouns, as messages and all other sentences have them.
"""

import re
from collections.abc import Sequence
from pathlib import Path


class SofsBayesError(Exception):
    """Anything this package raises on purpose."""

    exit_code = 2


class BadInput(SofsBayesError):
    """A file, key or argument that cannot be used.

    Parameters
    ----------
    file
        The file (or the parameter) at fault.
    place
        Where in it: a key, a column, a row number, an authority and year.
    found
        What stands there. Never a value from a child's record.
    allowed
        What would have been accepted.
    """

    exit_code = 2

    def __init__(self, file: Path | str, place: str, found: str, allowed: str) -> None:
        self.file, self.place, self.found, self.allowed = str(file), place, found, allowed
        where = f"{self.file}: {place}" if place else self.file
        super().__init__(f"{where}: found {found}; allowed: {allowed}")

    def __reduce__(self) -> tuple[type, tuple[str, ...]]:
        """What workers send it home as."""
        return type(self), (self.file, self.place, self.found, self.allowed)


class BadParameter(BadInput):
    """A parameter that cannot be used; the command line names the option that gives it."""

    def __init__(self, name: str, found: str, allowed: str, place: str = "") -> None:
        super().__init__(name, place, found, allowed)

    def __reduce__(self) -> tuple[type, tuple[str, ...]]:
        """What workers send it home as."""
        return type(self), (self.file, self.found, self.allowed, self.place)


def unreadable(path: Path | str, error: OSError, allowed: str) -> BadInput:
    """What the file system said of a file or folder that was to be read, as one line."""
    gone = isinstance(error, FileNotFoundError | NotADirectoryError)
    found = "no such file or folder" if gone else (error.strerror or "a damaged file").lower()
    return BadInput(path, "", found, allowed)


# How its sentences begin.
BEGINS = re.compile("Input should be |[A-Z][a-z]+ should have ")
# What pydantic calls the kinds of values, and an author of a file would.
IN_WORDS = {
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "list": "a list",
    "tuple": "a list",
    "dictionary": "a table",
}


def allowed_by(message: str) -> str:
    """What pydantic would have accepted, without the beginning of its sentence."""
    said = BEGINS.sub("", message).replace(" after validation", "")
    kind, *more = said.split(", ", 1)
    return ", ".join([IN_WORDS.get(kind.removeprefix("a valid "), kind), *more])


MOST_LINES = 50  # of one message; who has more faults mends the first ones first


class BadSpec(SofsBayesError):
    """A file with one or more faults, all of them named at once, a line each."""

    exit_code = 2

    def __init__(self, faults: Sequence[BadInput]) -> None:
        self.faults = tuple(faults)
        lines = [str(fault) for fault in self.faults[:MOST_LINES]]
        more = len(self.faults) - len(lines)
        super().__init__("\n".join([*lines, f"and {more:,} more"] if more else lines))


def counted(number: float, noun: str, many: str = "") -> str:
    """A whole number of things: "no rows", "1 authority", "2 authorities", "1,200 rows".

    Parameters
    ----------
    many
        The noun where there is not just one; default: with an s.
    """
    return f"{f'{number:,.0f}' if number else 'no'} {noun if number == 1 else many or f'{noun}s'}"
