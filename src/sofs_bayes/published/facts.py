"""The report's printed numbers, each with its table, row, column, unit, decimals and stars.

Nothing here is inferred: a cell without a number stays a gap. The tables are CSV files
beside this module, one for each of Tables 1 to 7 and one for the numbers in captions,
notes and prose.
"""

import csv
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import MappingProxyType

from sofs_bayes.errors import BadInput, counted, unreadable

TABLES = (1, 2, 3, 4, 5, 6, 7)
GAPS = ("N/A", "-")
TICKS = {"✓": 1.0, "x": 0.0}
MODELS = ("Linear", "Logistic")

_FOLDER = Path(__file__).parent / "tables"
_NUMBER = re.compile(
    r"(?P<whole>-?(?:[1-9][0-9]{0,2}(?:,[0-9]{3})+|[0-9]*))(?:\.(?P<decimals>[0-9]+))?%?(?P<stars>\**)"
)
_P_VALUE = re.compile(r"(?:No serial|Serial) correlation detected \(p=(?P<number>0\.[0-9]+)\)")
_LEADS = re.compile(r"(?P<number>[0-9]+) out of [0-9]+ leads are insignificant")


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """One printed cell.

    Parameters
    ----------
    text
        As printed.
    value
        The number in the printed unit ("8%" is 8.0); None where no number is printed.
    decimals
        Printed decimals; None where no number is printed.
    stars
        Number of asterisks.
    gap
        "N/A" or "-" where the report prints that in place of a number, else None.
    """

    text: str
    value: float | None
    decimals: int | None
    stars: int
    gap: str | None

    @property
    def half_unit(self) -> float:
        """Half a unit of the last printed decimal: the largest rounding error of `value`."""
        if self.decimals is None:
            raise ValueError(f"{self.text!r} has no last decimal")
        return 0.5 * 10.0**-self.decimals


def read_printed(text: str) -> Printed:
    """The printed number or gap in `text`: sign, thousands commas, decimals, %, stars.

    Raises
    ------
    ValueError
        The text is neither a printed number nor a gap.
    """
    if text in GAPS:
        return Printed(text=text, value=None, decimals=None, stars=0, gap=text)
    match = _NUMBER.fullmatch(text)
    if match is None or not re.search(r"[0-9]", text):
        raise ValueError(
            f"{text!r} is not a printed number such as -0.0635*, 152,231 or 8%, "
            f"nor a gap ({' or '.join(GAPS)})"
        )
    whole, decimals = match["whole"].replace(",", ""), match["decimals"] or ""
    return Printed(
        text=text,
        value=float(f"{whole}.{decimals}" if decimals else whole),
        decimals=len(decimals),
        stars=len(match["stars"]),
        gap=None,
    )


def _read_tick(text: str) -> Printed:
    if text not in TICKS:
        raise ValueError(f"{text!r} is not one of {', '.join(TICKS)}")
    return Printed(text=text, value=TICKS[text], decimals=None, stars=0, gap=None)


def _read_model(text: str) -> Printed:
    if text not in MODELS:
        raise ValueError(f"{text!r} is not one of {', '.join(MODELS)}")
    return Printed(text=text, value=None, decimals=None, stars=0, gap=None)


def _read_sentence(pattern: re.Pattern[str]) -> Callable[[str], Printed]:
    """A reader of cells that state their number inside a sentence (Table 4)."""

    def read(text: str) -> Printed:
        match = pattern.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not a sentence of the form {pattern.pattern!r}")
        number = read_printed(match["number"])
        return Printed(text=text, value=number.value, decimals=number.decimals, stars=0, gap=None)

    return read


_READERS: Mapping[str, Callable[[str], Printed]] = MappingProxyType(
    {
        "probability": read_printed,
        "log-odds": read_printed,
        "percent": read_printed,
        "years of age": read_printed,
        "count": read_printed,
        "imbalance (0-1)": read_printed,
        "variance explained (0-1)": read_printed,
        "p-value": _read_sentence(_P_VALUE),
        "leads": _read_sentence(_LEADS),
        "used/not used": _read_tick,
        "regression model": _read_model,
    }
)
UNITS = tuple(_READERS)


def read_cell(text: str, unit: str) -> Printed:
    """The printed cell in `text`, whose unit says what it may hold beside a gap."""
    if unit not in _READERS:
        raise ValueError(f"{unit!r} is not one of {', '.join(UNITS)}")
    return read_printed(text) if text in GAPS else _READERS[unit](text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One printed cell with its place: table number, row and column label, and unit.

    A coefficient's unit is `probability` (0.01 = one percentage point) or `log-odds`. The
    number above the columns of Tables 5 and 7 stands in row "R²" and column "".
    """

    table: int
    row: str
    column: str
    unit: str
    printed: Printed


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedFact:
    """A number or wording from a caption, note or sentence, as printed there."""

    key: str
    place: str
    printed: str
    unit: str


@cache
def load_facts() -> tuple[Fact, ...]:
    """Every cell of Tables 1 to 7, in reading order.

    Returns
    -------
    tuple of Fact
        Each with `table`, `row`, `column` and `printed` (text, value, decimals, stars).

    Raises
    ------
    BadInput
        A table file is missing, or a line in it cannot be read.

    Examples
    --------
    >>> {each.table for each in sb.load_facts()}
    {1, 2, 3, 4, 5, 6, 7}
    """
    return tuple(fact for table in TABLES for fact in read_table(table, _FOLDER))


def facts_sha256() -> str:
    """SHA-256 over the files that hold the printed numbers, hexadecimal."""
    digest = hashlib.sha256()
    for path in sorted(_FOLDER.glob("*.csv")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def read_table(table: int, folder: Path) -> tuple[Fact, ...]:
    """The cells in `table_<number>.csv` of a folder: columns row, column, printed, unit.

    Raises
    ------
    BadInput
        The file is missing or has other columns, or a line has an unknown unit, an
        unreadable printed value, or the place of an earlier line.
    """
    path = folder / f"table_{table}.csv"
    facts: dict[tuple[str, str], Fact] = {}
    for number, line in enumerate(_read_lines(path, ("row", "column", "printed", "unit")), 2):
        row, column, text, unit = line
        if unit not in UNITS:
            raise BadInput(path, f"line {number}, unit", repr(unit), ", ".join(UNITS))
        if (row, column) in facts:
            raise BadInput(path, f"line {number}", f"{row!r}, {column!r} again", "each cell once")
        try:
            printed = read_cell(text, unit)
        except ValueError as error:
            raise BadInput(path, f"line {number}, printed", repr(text), str(error)) from error
        facts[row, column] = Fact(table=table, row=row, column=column, unit=unit, printed=printed)
    return tuple(facts.values())


def _read_lines(path: Path, header: tuple[str, ...]) -> list[list[str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = list(csv.reader(file))
    except OSError as error:
        raise unreadable(path, error, "a CSV file") from error
    except UnicodeDecodeError as error:
        raise BadInput(path, f"byte {error.start}", "not UTF-8", "UTF-8 text") from error
    if not lines or tuple(lines[0]) != header:
        found = ",".join(lines[0]) if lines else "an empty file"
        raise BadInput(path, "line 1", found, ",".join(header))
    for number, line in enumerate(lines[1:], 2):
        if len(line) != len(header):
            raise BadInput(
                path, f"line {number}", counted(len(line), "value"), counted(len(header), "value")
            )
    return lines[1:]


@cache
def _index() -> Mapping[tuple[int, str, str], Fact]:
    return MappingProxyType({(f.table, f.row, f.column): f for f in load_facts()})


def fact(table: int, row: str, column: str) -> Fact:
    """The printed cell at a place, labels as printed.

    Parameters
    ----------
    table
        1 to 7.
    row, column
        Labels as printed.

    Returns
    -------
    Fact
        `printed.value` in the table's own unit; None where the cell is a gap.

    Raises
    ------
    BadInput
        No such cell; the message names the nearest labels of that table.

    Examples
    --------
    >>> sb.fact(5, "DiD (pilot LA * post settling-in period)", "Linear model").printed.text
    '0.0407'
    """
    found = _index().get((table, row, column))
    if found is None:
        raise _absent(load_facts(), table, row, column)
    return found


def _absent(facts: tuple[Fact, ...], table: int, row: str, column: str) -> BadInput:
    here = [f for f in facts if f.table == table]
    if not here:
        return BadInput(f"Table {table}", "", "no such table", "Tables 1 to 7")
    rows, columns = dict.fromkeys(f.row for f in here), dict.fromkeys(f.column for f in here)
    if row not in rows:
        return BadInput(f"Table {table}", "row", repr(row), _nearest(row, list(rows)))
    if column not in columns:
        return BadInput(f"Table {table}", "column", repr(column), _nearest(column, list(columns)))
    in_row = [f.column for f in here if f.row == row]
    return BadInput(
        f"Table {table}", f"row {row!r}, column", repr(column), _nearest(column, in_row)
    )


def _nearest(label: str, known: list[str]) -> str:
    near = get_close_matches(label, known, n=3, cutoff=0.4)
    return " or ".join(repr(each) for each in near or known)


@cache
def statements() -> Mapping[str, StatedFact]:
    """The numbers and wordings of captions, notes and sentences: key → stated fact."""
    return read_statements(_FOLDER)


def read_statements(folder: Path) -> Mapping[str, StatedFact]:
    """The stated facts in `statements.csv` of a folder: columns key, place, printed, unit.

    Raises
    ------
    BadInput
        The file is missing, or has other columns or a key twice.
    """
    path = folder / "statements.csv"
    stated_facts: dict[str, StatedFact] = {}
    for key, place, printed, unit in _read_lines(path, ("key", "place", "printed", "unit")):
        if key in stated_facts:
            raise BadInput(path, "key", f"{key!r} again", "each key once")
        stated_facts[key] = StatedFact(key=key, place=place, printed=printed, unit=unit)
    return MappingProxyType(stated_facts)


def stated(key: str) -> StatedFact:
    """The stated fact with this key.

    Parameters
    ----------
    key
        As in `statements.csv`.

    Returns
    -------
    StatedFact
        A number that the report gives in a sentence, with its place.

    Raises
    ------
    BadInput
        No such key; the message names the nearest ones.

    Examples
    --------
    >>> sb.stated("nothing")
    Traceback (most recent call last):
    sofs_bayes.errors.BadInput: ...
    """
    known = statements()
    if key not in known:
        raise BadInput("statements", "key", repr(key), _nearest(key, list(known)))
    return known[key]
