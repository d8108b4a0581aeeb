"""Stata files, in and out: storage types, value labels, days and what only looks like days."""

import io
import re
import struct
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sofs_bayes.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,31}")
STAMP = datetime(2000, 1, 1)  # of every file, so that the same rows are the same bytes


# Display formats of dates: %td, %-tc, %tdCCYY-NN-DD, and %d, as days were shown until Stata 9.
DATED = re.compile(r"%-?(?:t([A-Za-z])|d)")
NO_DAYS = {
    "C": "times with leap seconds",
    "w": "weeks",
    "m": "months",
    "q": "quarters",
    "h": "half-years",
    "y": "years",
    "b": "business days",
}
DAYS_OR_TIMES = "days (%td), or times (%tc) stored as double"
DAY_IN_MILLISECONDS = 24 * 60 * 60 * 1000
EPOCH = np.datetime64("1960-01-01")
FIRST, LAST = (  # of what a date of Python can be
    int((np.datetime64(day) - EPOCH).astype(int)) for day in ("0001-01-01", "9999-12-31")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StataColumn:
    """A column of a Stata file.

    Parameters
    ----------
    labels
        Value labels: the number as text → what it stands for.
    per_day
        What its numbers are to be divided by to be days since 1960; None if they are no dates.
    no_days
        What its numbers count, if they are shown as dates and are no days; else "".
    """

    labels: Mapping[str, str]
    per_day: int | None = None
    no_days: str = ""


def stata_columns(path: Path, allowed: str) -> dict[str, StataColumn]:
    """The columns of a Stata file, in its order.

    Raises
    ------
    BadInput
        It is no such file, is cut off, or its names or labels are not in its own encoding.
    """
    import pandas as pd

    _check_end(path, allowed)
    with _one_line(path, allowed), pd.read_stata(path, iterator=True) as reader:
        labels = reader.value_labels()
        # pandas has no public way to a column's type, display format and set of labels.
        types: Sequence[int | str] = reader._typlist  # type: ignore[attr-defined]
        formats: Sequence[str] = reader._fmtlist  # type: ignore[attr-defined]
        sets: Sequence[str] = reader._lbllist  # type: ignore[attr-defined]
        return {
            name: _column(kind, shown, labels.get(named, {}))
            for name, kind, shown, named in zip(
                reader.variable_labels(), types, formats, sets, strict=True
            )
        }


def stata_portions(
    path: Path, columns: Mapping[str, StataColumn], allowed: str, *, rows: int
) -> Iterator["pd.DataFrame"]:
    """These columns of a Stata file, so many rows at a time; days as `datetime64[s]`.

    Missing values of every kind are NaN or NaT, empty texts are "".

    Raises
    ------
    BadInput
        It is damaged, or has texts in another encoding or texts that are none.
    """
    import pandas as pd

    # The reader for the labels is another one: once it has read them, pandas reads no long texts.
    with _one_line(path, allowed):
        reader = pd.read_stata(
            path,
            columns=list(columns),
            convert_categoricals=False,
            convert_dates=False,
            chunksize=rows,
        )
    with reader:
        while True:
            with _one_line(path, allowed):
                portion = next(reader, None)
            if portion is None:
                return
            for name, column in columns.items():
                portion[name] = _values(portion[name], column, path)
            yield portion


def _column(kind: int | str, shown: str, labels: Mapping[float, str]) -> StataColumn:
    texts = {str(number): label for number, label in labels.items()}
    dated = DATED.match(shown)
    if dated is None:
        return StataColumn(labels=texts)
    unit = dated[1] or "d"
    if unit == "c" and kind == "f":
        no_days = "times in single precision, which are wrong by up to minutes"
        return StataColumn(labels=texts, no_days=f"{no_days} (%tc stored as float)")
    if unit in NO_DAYS:
        return StataColumn(labels=texts, no_days=f"{NO_DAYS[unit]} (%t{unit})")
    return StataColumn(labels=texts, per_day={"d": 1, "c": DAY_IN_MILLISECONDS}.get(unit))


def _values(values: "pd.Series", column: StataColumn, path: Path) -> "pd.Series":
    """A column's values, days among them; refused if they are texts that pandas cannot read."""
    import pandas as pd

    if values.dtype.kind not in "if":
        if values.astype(str).str.match("b['\"]").any():  # how pandas shows bytes
            raise BadInput(path, f"column {values.name}", "bytes that are no text", "text (strL)")
        return values
    if column.per_day is None:
        return values
    days = np.floor(values.to_numpy(dtype=np.float64) / column.per_day)
    whole = np.where(np.isnan(days), 0, np.clip(days, FIRST, LAST)).astype(np.int64)
    dates = pd.Series((EPOCH + whole.astype("timedelta64[D]")).astype("datetime64[s]"))
    return dates.mask(np.isnan(days)).set_axis(values.index)


def _check_end(path: Path, allowed: str) -> None:
    """Refuse a Stata file (from version 13 on) without its end; value labels stand there."""
    with path.open("rb") as file:
        begins = file.read(11) == b"<stata_dta>"
        file.seek(-min(12, path.stat().st_size), 2)
        if begins and file.read() != b"</stata_dta>":
            raise BadInput(path, "", "a Stata file that is cut off", allowed)


@contextmanager
def _one_line(path: Path, allowed: str) -> Iterator[None]:
    """Turns the reader's errors into one line that quotes nothing of the file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UnicodeWarning)
            yield
    except (UnicodeWarning, UnicodeDecodeError):
        found = "texts that are not UTF-8, as of Stata 14 they must be"
        raise BadInput(path, "", found, "a file that unicode translate has made") from None
    except (ValueError, EOFError, struct.error, IndexError, KeyError, OverflowError):
        raise BadInput(path, "", "no Stata file, or one that is cut off", allowed) from None


def check_stata_names(path: Path, names: Iterable[str]) -> None:
    """Refuse columns that Stata cannot have under their own names."""
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
