"""Names that become names of files and folders: one rule, whoever gives them."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from sofs_bayes.errors import BadInput

NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")
ALLOWED = "up to 100 letters (a to z), digits, '.', '_' and '-', not '.' first"


def check_name(file: Path | str, place: str, name: str) -> str:
    """The name, if a file may be called so.

    Raises
    ------
    BadInput
        It is empty, longer than 100 characters, begins with a dot, or has other signs than
        unaccented letters, digits, dot, dash and underscore.
    """
    if not NAME.fullmatch(name):
        raise BadInput(file, place, repr(name[:200]), ALLOWED)
    return name


def file_stem(text: str) -> str:
    """A name that `check_name` passes and that is as like a text as it may be."""
    plain = re.sub("-{2,}", "-", re.sub(r"[^A-Za-z0-9._-]", "-", text)).strip("-.")
    return plain[:100] or "table"


def _valid(name: str) -> str:
    if not NAME.fullmatch(name):
        raise ValueError(ALLOWED)
    return name


Name = Annotated[str, AfterValidator(_valid)]
"""A key of an analysis that `check_name` passes."""
