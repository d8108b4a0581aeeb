"""A TOML file → what it says, within sizes that no analysis comes near."""

import tomllib
from collections.abc import Iterator, Mapping
from math import inf
from pathlib import Path
from typing import Any
from unicodedata import category

from sofs_bayes.errors import BadInput, BadSpec, unreadable

BYTES = 1_000_000
LEVELS = 20
CHARACTERS = 10_000
LARGEST, SMALLEST = 10**12, 1e-12  # of numbers but 0, whatever their sign
SIZES = "0, and sizes from 1e-12 to 1e12"
SHOWN = 200  # characters of a value in a message


# What `init` writes where the analyst has to decide.
DECIDE = "DECIDE"


def read_toml(path: Path) -> dict[str, Any]:
    """What a TOML file says.

    Raises
    ------
    BadInput
        It is missing, no file, too large, not UTF-8 or not TOML.
    BadSpec
        It says what `check_sizes` refuses.
    """
    try:
        if path.exists() and not path.is_file():
            found = "a folder" if path.is_dir() else "a device or a pipe"
            raise BadInput(path, "", found, "a TOML file")
        with path.open("rb") as file:
            content = file.read(BYTES + 1)
    except OSError as error:
        raise unreadable(shortened(str(path)), error, "a TOML file") from error
    if len(content) > BYTES:
        raise BadInput(path, "", f"more than {BYTES:,} bytes", "a TOML file of an analysis")
    try:
        document = tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise BadInput(path, f"byte {error.start}", "not UTF-8", "UTF-8 text") from error
    except tomllib.TOMLDecodeError as error:
        raise BadInput(path, "", f"not TOML ({shortened(str(error))})", "valid TOML") from error
    except RecursionError:
        found, allowed = "tables or lists in one another", f"at most {LEVELS} levels"
        raise BadInput(path, "", found, allowed) from None
    except ValueError:  # Python's own limit on the digits of a number
        raise BadInput(path, "", "a whole number of too many digits", SIZES) from None
    check_sizes(document, path)
    return document


def check_sizes(document: dict[str, Any], file: Path | str) -> None:
    """Refuse what is beyond any analysis: in depth, in the size of numbers and texts, odd signs.

    Raises
    ------
    BadSpec
        All of: tables or lists in one another, a number or a text beyond the limits, a text or
        key with a control character.
    """
    faults = [
        BadInput(file, place, *said) for place, part in _parts(document) if (said := _fault(part))
    ]
    if faults:
        raise BadSpec(faults)


def _fault(part: Any) -> tuple[str, str] | None:
    """What is found in a key or value, and what is allowed; None if nothing is wrong with it."""
    if isinstance(part, dict | list):
        return "tables or lists in one another beyond that", f"at most {LEVELS} levels"
    if isinstance(part, str) and len(part) > CHARACTERS:
        return f"a text of {len(part):,} characters", f"at most {CHARACTERS:,}"
    if isinstance(part, str):
        odd = next((c for c in part if category(c) == "Cc" and c not in "\t\r\n"), "")
        return (f"the sign {odd!a}", "signs that can be printed") if odd else None
    if isinstance(part, int | float) and LARGEST < abs(part) < inf:
        return "a number too large", SIZES
    if isinstance(part, int | float) and 0 < abs(part) < SMALLEST:
        return "a number too near to 0", SIZES
    return None


def shortened(text: str) -> str:
    """A text as it may stand in a message: of one line and some length."""
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text[:SHOWN])
    return shown if len(text) <= SHOWN else f"{shown}… ({len(text):,} characters)"


def _parts(document: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every key, every value that is no table or list, and those too deep, each with its place."""
    left: list[tuple[str, Any, int]] = [("", document, 0)]
    while left:
        place, value, level = left.pop()
        if not isinstance(value, dict | list) or level > LEVELS:
            yield place, value
            continue
        inside = value.items() if isinstance(value, dict) else enumerate(value)
        for key, part in inside:
            below = shortened(f"{place}.{key}" if place else str(key))
            if isinstance(key, str):
                yield below, key
            left.append((below, part, level + 1))


def check_decided(document: Mapping[str, Any], file: Path | str) -> None:
    """Refuse a draft that still leaves the analyst to decide.

    Raises
    ------
    BadSpec
        Every place where it does.
    """
    if undecided := list(_undecided(document, file)):
        raise BadSpec(undecided)


def _undecided(given: Any, file: Path | str, place: str = "") -> Iterator[BadInput]:
    """The places where a draft still leaves the analyst to decide."""
    if isinstance(given, Mapping | list):
        keys = given.items() if isinstance(given, Mapping) else enumerate(given)
        for key, value in keys:
            yield from _undecided(value, file, f"{place}.{key}".removeprefix("."))
    elif isinstance(given, str) and given.startswith(DECIDE):
        wanted = given.removeprefix(DECIDE).lstrip(": ") or "a value"
        yield BadInput(file, place, DECIDE, shortened(wanted))
