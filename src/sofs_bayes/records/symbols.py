"""What stands in a DfE file where a count is missing, and how a count is read.

Source: the Department for Education's open data standards (section on data symbols), which
follow the Government Statistical Service's guidance; `:` and `~` are listed there as obsolete
forms of `x` and `low`, and `k` is the Service's own letter for `low`. The children in need
release adds that `c` stands for 1 to 5 children, or protects such a number elsewhere.
"""

import math
import re
from collections.abc import Mapping
from pathlib import Path

from sofs_bayes.errors import BadInput
from sofs_bayes.records.text_values import trimmed

SYMBOLS: Mapping[str, str] = {
    "x": "not available",
    "z": "not applicable",
    "c": "confidential, a small number or one that would reveal a small number",
    "u": "of low reliability",
    "k": "not zero, but rounds to zero",
    "low": "not zero, but rounds to zero",
    ":": "not available (an obsolete symbol)",
    "~": "not zero, but rounds to zero (an obsolete symbol)",
}

# Nine digits hold every number of people, and a float holds them exactly.
_WHOLE_NUMBER = re.compile(r"[0-9]{1,9}")


def count(text: str) -> int | None:
    """The count a field holds, None if it holds none."""
    return int(text) if _WHOLE_NUMBER.fullmatch(text := trimmed(text)) else None


def read_count(
    text: str, *, symbols: Mapping[str, str], file: Path | str, line: int, column: str
) -> tuple[float, str]:
    """The count a field holds and "", or NaN and the symbol that stands in its place.

    Raises
    ------
    BadInput
        Neither one to nine digits nor one of `symbols`: a negative or decimal number, a
        thousands separator, a blank or any other text.
    """
    text = trimmed(text)
    if (found := count(text)) is not None:
        return float(found), ""
    if text in symbols:
        return math.nan, text
    raise BadInput(
        file,
        f"line {line}, column {column}",
        repr(text) if text else "nothing",
        "a whole number of at least 0 in one to nine digits, or one of the symbols "
        + " ".join(symbol for symbol in symbols if symbol),
    )
