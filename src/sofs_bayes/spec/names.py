"""Names that become names of files and folders: one rule, whoever gives them."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from sofs_bayes.errors import BadInput

# Windows ends no name with a dot, and knows some names as devices, whatever their ending.
NAME = re.compile(
    r"(?!(?i:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|$))"
    r"[A-Za-z0-9_-](?:[A-Za-z0-9._-]*[A-Za-z0-9_-])?"
)
ALLOWED = (
    "up to 100 letters (a to z), digits, '.', '_' and '-', not '.' first or last, and no device"
    " of Windows (con, nul)"
)


LONGEST = 100


def is_name(name: str, *, parts: int = 1) -> bool:
    """Whether a file may be called so; a name made of several, of each with its dash."""
    return len(name) <= parts * LONGEST + parts - 1 and bool(NAME.fullmatch(name))


def check_name(file: Path | str, place: str, name: str, *, parts: int = 1) -> str:
    """The name, if a file may be called so.

    Parameters
    ----------
    parts
        Of how many names it is made, which dashes join.

    Raises
    ------
    BadInput
        It is empty, longer than 100 characters, begins or ends with a dot, is that of a
        device, or has other signs than unaccented letters, digits, dot, dash and underscore.
    """
    if not is_name(name, parts=parts):
        raise BadInput(file, place, repr(name[:200]), ALLOWED)
    return name


def file_stem(text: str) -> str:
    """A name that `check_name` passes and that is as like a text as it may be."""
    plain = re.sub("-{2,}", "-", re.sub(r"[^A-Za-z0-9._-]", "-", text)).strip("-.")
    plain = plain[:LONGEST].rstrip(".") or "table"
    return plain if is_name(plain) else f"_{plain}"  # a device of Windows


def _valid(name: str) -> str:
    if not is_name(name):
        raise ValueError(ALLOWED)
    return name


Name = Annotated[str, AfterValidator(_valid)]
"""A key of an analysis that `check_name` passes."""
