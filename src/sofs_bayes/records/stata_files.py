"""What is common to all Stata files that are read: their end, and their value labels."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sofs_bayes.errors import BadInput

if TYPE_CHECKING:
    from pandas.api.typing import StataReader


def check_end_of_stata(path: Path, allowed: str) -> None:
    """Refuse a Stata file (from version 13 on) without its end; value labels stand there.

    Raises
    ------
    BadInput
        It is cut off.
    """
    with path.open("rb") as file:
        begins = file.read(11) == b"<stata_dta>"
        file.seek(-min(12, path.stat().st_size), 2)
        if begins and file.read() != b"</stata_dta>":
            raise BadInput(path, "", "a Stata file that is cut off", allowed)


def value_labels(reader: "StataReader") -> dict[str, dict[str, str]]:
    """Column → number as text → label, for the columns that have labels."""
    labels = reader.value_labels()
    # pandas has no public way from a column to its set of labels, whose name is its own.
    sets: Sequence[str] = reader._lbllist  # type: ignore[attr-defined]
    return {
        column: {str(number): label for number, label in labels[name].items()}
        for column, name in zip(reader.variable_labels(), sets, strict=True)
        if name in labels
    }
