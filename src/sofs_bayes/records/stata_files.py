"""What is common to all Stata files: their end, their value labels, and how they are written."""

import io
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sofs_bayes.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd
    from pandas.api.typing import StataReader

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,31}")
STAMP = datetime(2000, 1, 1)  # of every file, so that the same rows are the same bytes


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


def check_stata_names(path: Path, names: Iterable[str]) -> None:
    """Refuse columns that Stata cannot have under their own names.

    Raises
    ------
    BadInput
        A name of more than 32 characters, or of others than letters, digits and `_`.
    """
    for name in names:
        if not NAME.fullmatch(name):
            allowed = "up to 32 letters, digits and _, as Stata has it; or another format"
            raise BadInput(path, f"column {name}", "a name that Stata does not take", allowed)


def stata_bytes(frame: "pd.DataFrame", *, label: str) -> bytes:
    """The frame as a file of Stata 14 or later, its days as Stata's days.

    Parameters
    ----------
    frame
        Of columns whose names `check_stata_names` has passed.
    label
        The data label, up to 80 characters, which `describe` shows.
    """
    days = dict.fromkeys(map(str, frame.select_dtypes("datetime").columns), "td")
    texts = list(map(str, frame.select_dtypes("str").columns))
    out = io.BytesIO()
    frame.astype(dict.fromkeys(texts, object)).to_stata(
        out,
        write_index=False,
        convert_dates=days,
        time_stamp=STAMP,
        data_label=label,
        version=118,
    )
    return out.getvalue()
