"""A table of any outcome by authority and year → its values, and the chance in them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sofs_bayes.errors import BadInput
from sofs_bayes.records.counts_table import BUNDLED
from sofs_bayes.records.csv_text import CsvText, column_index
from sofs_bayes.records.table_files import read_table
from sofs_bayes.records.text_values import number, trimmed

Floats = npt.NDArray[np.float64]
AUTHORITY, YEAR = "authority", "year"


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuePanel:
    """Values by authority and year.

    Attributes
    ----------
    called
        What the values are, and where they come from.
    years
        In order, without gaps.
    values, chance
        (authority, year): the outcome, NaN where it is missing, and the variance that children's
        chance gives it; 0 where nothing is counted.
    """

    called: str
    years: range
    values: Floats
    chance: Floats


def read_values(
    path: Path | str | None, column: str, *, denominator: str | None = None, log_odds: bool = False
) -> ValuePanel:
    """The values in a table with the columns `authority`, `year` and those named.

    Parameters
    ----------
    path
        CSV, Stata, Parquet or Excel; without one the counts of the Department for Education that
        are part of the package.
    column
        The outcome; with `denominator` a count of children with an event, of so many children.
    log_odds
        Whether a rate is taken on log-odds, with half an event added on each side.

    Raises
    ------
    BadInput
        The file cannot be used, has no such column, an authority and year twice, or a year that
        is none.
    """
    wanted = [AUTHORITY, YEAR, column, *([denominator] if denominator else [])]
    table = read_table(BUNDLED if path is None else path, numbers=wanted[1:])
    places = [column_index(table, name) for name in wanted]
    found: dict[tuple[str, int], tuple[float, ...]] = {}
    for record in table.records:
        authority, year, *cells = (trimmed(record.fields[place]) for place in places)
        key = authority, _year(year, table, record.line)
        if key in found:
            raise BadInput(table.path, f"line {record.line}", "an authority and year again", "once")
        found[key] = tuple(number(cell) for cell in cells)
    values, chance = _of_rates(found, log_odds=log_odds) if denominator else _as_they_are(found)
    called = f"{column} of {denominator}" if denominator else column
    where = "the counts of the package" if path is None else Path(path).name
    return _panel(f"{called} in {where}", values, chance)


def _year(text: str, table: CsvText, line: int) -> int:
    value = number(text)
    if not (1900 <= value <= 2200 and value == int(value)):
        raise BadInput(table.path, f"line {line}, {YEAR}", "no year", "a year such as 2015")
    return int(value)


Values = dict[tuple[str, int], float]


def _as_they_are(found: dict[tuple[str, int], tuple[float, ...]]) -> tuple[Values, Values]:
    return {key: cells[0] for key, cells in found.items()}, dict.fromkeys(found, 0.0)


def _of_rates(
    found: dict[tuple[str, int], tuple[float, ...]], *, log_odds: bool
) -> tuple[Values, Values]:
    """Rates, or their log-odds, with their binomial variance."""
    values, chance = {}, {}
    for key, (events, children) in found.items():
        if not 0 <= events <= children or children < 1:  # also where one is missing
            values[key] = chance[key] = np.nan
            continue
        rate = (events + 0.5) / (children + 1)
        spread = rate * (1 - rate)
        values[key] = np.log(rate / (1 - rate)) if log_odds else events / children
        chance[key] = 1 / (children * spread) if log_odds else spread / children
    return values, chance


def _panel(called: str, values: Values, chance: Values) -> ValuePanel:
    names = sorted({name for name, _ in values})
    years = range(min(year for _, year in values), max(year for _, year in values) + 1)
    grids = [
        np.array([[each.get((name, year), np.nan) for year in years] for name in names])
        for each in (values, chance)
    ]
    return ValuePanel(called=called, years=years, values=grids[0], chance=grids[1])
