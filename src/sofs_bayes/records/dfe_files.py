"""One CSV of the Department for Education's 'Explore education statistics' → checked rows.

A year is named by its first calendar year. The children in need release covers years that
end on 31 March: `time_period` 2013 with `Reporting year` is April 2012 to March 2013, here
2012, and so is 201213 with `Financial year`. The file of population estimates has the calendar
year of each estimate there, which is made for the middle of it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sofs_bayes.errors import BadInput
from sofs_bayes.records.csv_text import CsvText, Record, column_index, did_you_mean
from sofs_bayes.records.notices import Notice
from sofs_bayes.records.text_values import SYMBOLS, count, trimmed
from sofs_bayes.spec.looks import look

LOCAL_AUTHORITY = "Local authority"
NATIONAL = "National"

KEYS = (
    "time_period",
    "time_identifier",
    "geographic_level",
    "old_la_code",
    "new_la_code",
    "la_name",
)
OTHER_DESCRIPTIONS = ("country_code", "country_name", "region_code", "region_name", "category")
# A file with these two and no other count holds mid-year estimates, each of its own calendar year.
MID_YEAR = ("age_group", "population_estimate")

# An unknown or inapplicable place, by the open data standards.
NOT_A_PLACE = ("x", "z")

_OLD_CODE = re.compile(r"[0-9]{3}")
_JOINT = re.compile(r"[0-9]{3}( ?(/|,|;|&|\+|and) ?[0-9]{3})+")
_NEW_CODE = re.compile(r"[A-Z][0-9]{8}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DfeRow:
    """One row: where it stands, whom and when it is about, and its fields as text.

    `old_code` and `new_code` are "" where the file gives none.
    """

    line: int
    year: int
    level: str
    old_code: str
    new_code: str
    name: str
    fields: tuple[str, ...]

    @property
    def is_authority(self) -> bool:
        """Whether it is about one local authority, and a known one."""
        known = self.old_code not in NOT_A_PLACE and not self.joint_codes
        return self.level == LOCAL_AUTHORITY and known

    @property
    def joint_codes(self) -> tuple[str, ...]:
        """The codes of local authorities that report together ("940 / 941"), or none."""
        joint = self.level == LOCAL_AUTHORITY and _JOINT.fullmatch(self.old_code)
        return tuple(re.findall("[0-9]{3}", self.old_code)) if joint else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DfeFile:
    """A file's rows (all geographic levels, all years) and the columns that may be counted.

    Attributes
    ----------
    edition
        Of a series that is published year by year, the last year that the release is about:
        where two have a year, the later release corrects the earlier one. 0 of all other files.
    gaps
        Whether an empty field means that nobody published a row, as in a table of counts.
    notices
        What was left out of the file, or put right in it.
    """

    path: Path
    sha256: str
    header: tuple[str, ...]
    rows: tuple[DfeRow, ...]
    complete: bool
    edition: int = 0
    gaps: bool = False
    notices: tuple[Notice, ...] = ()

    @property
    def name(self) -> str:
        """The file's name without its folder."""
        return self.path.name

    @property
    def indicators(self) -> tuple[str, ...]:
        """The columns that describe neither time nor place."""
        return tuple(c for c in self.header if c not in KEYS + OTHER_DESCRIPTIONS)


def dfe_file(table: CsvText) -> DfeFile:
    """The checked rows of a DfE file, given as text.

    Raises
    ------
    BadInput
        A column that says when or where is missing; a time period that is no financial year;
        a local-authority row without a name, or with a code that is none; no such row at all.
    """
    at = {key: column_index(table, key) for key in KEYS}
    counted = tuple(name for name in table.header if name not in KEYS + OTHER_DESCRIPTIONS)
    rows = tuple(_row(table, at, record, mid_year=counted == MID_YEAR) for record in table.records)
    if not any(row.level == LOCAL_AUTHORITY for row in rows):
        levels = sorted({row.level for row in rows})
        raise BadInput(
            table.path,
            "column geographic_level",
            f"only {', '.join(map(repr, levels))}",
            f"rows with {LOCAL_AUTHORITY!r}",
        )
    return DfeFile(
        path=table.path,
        sha256=table.sha256,
        header=table.header,
        rows=rows,
        complete=table.complete,
    )


def financial_year(time_period: str, time_identifier: str) -> int | None:
    """The first calendar year of the financial year a row is about; None if it is about none.

    `2013` with `Reporting year` and `201213` with `Financial year` are both 2012.
    """
    if time_identifier == "Reporting year" and re.fullmatch(r"[12][0-9]{3}", time_period):
        return int(time_period) - 1
    if time_identifier == "Financial year" and re.fullmatch(r"[12][0-9]{5}", time_period):
        first = int(time_period[:4])
        return first if (first + 1) % 100 == int(time_period[4:]) else None
    return None


def _row(table: CsvText, at: dict[str, int], record: Record, *, mid_year: bool) -> DfeRow:
    def field(key: str) -> str:
        return record.fields[at[key]]

    year = financial_year(field("time_period"), field("time_identifier"))
    if year is None:
        raise BadInput(
            table.path,
            f"line {record.line}, columns time_period and time_identifier",
            f"{field('time_period')!r} and {field('time_identifier')!r}",
            "four digits and 'Reporting year', or 201213 and 'Financial year'",
        )
    level = field("geographic_level")
    if level != LOCAL_AUTHORITY and look(level) in ("", look(LOCAL_AUTHORITY)):
        place = f"line {record.line}, column geographic_level"
        allowed = f"a level, such as {LOCAL_AUTHORITY!r} or {NATIONAL!r}"
        raise BadInput(table.path, place, repr(level) if level else "nothing", allowed)
    row = DfeRow(
        line=record.line,
        # mid-2012 lies in the financial year 2012, though the file calls it a reporting year
        year=year + mid_year,
        level=level,
        old_code=field("old_la_code"),
        # an abolished authority may have "x" here, which is no code
        new_code="" if field("new_la_code") in NOT_A_PLACE else field("new_la_code"),
        name=field("la_name"),
        fields=record.fields,
    )
    if row.is_authority:
        _check_place(table.path, row)
    return row


def _check_place(path: Path, row: DfeRow) -> None:
    if not row.name:
        raise BadInput(path, f"line {row.line}, column la_name", "nothing", "an authority's name")
    for column, code, form, allowed in (
        ("old_la_code", row.old_code, _OLD_CODE, "three digits, or nothing"),
        ("new_la_code", row.new_code, _NEW_CODE, "a letter and eight digits, or nothing"),
    ):
        if code and not form.fullmatch(code):
            raise BadInput(path, f"line {row.line}, column {column}", repr(code), allowed)


MOST = 12  # values of a column that a message lists


def rows_where(files: Sequence[DfeFile], where: Mapping[str, str]) -> list[DfeFile]:
    """The files with their rows of one value of each column that `where` names.

    Files that do not have a column keep their rows.

    Raises
    ------
    BadInput
        A column that no file has, or a value that no row has, or has in two spellings.
    """
    kept = list(files)
    for column, value in where.items():
        holders = [file for file in files if column in file.header]
        if not holders:
            names = ", ".join(file.name for file in files)
            there = list(dict.fromkeys(c for file in files for c in file.header if c not in KEYS))
            found = f"no column {column}{did_you_mean(column, there)}"
            raise BadInput(names, "where", found, ", ".join(there))
        values = list(dict.fromkeys(each for file in holders for each in _values(file, column)))
        if trimmed(value) not in values:
            names = ", ".join(file.name for file in holders)
            found = f"no row with {value!r}{did_you_mean(value, values)}"
            raise BadInput(names, f"where, column {column}", found, _listed(values))
        alike = [each for each in values if look(each) == look(value)]
        if len(alike) > 1:
            names = ", ".join(file.name for file in holders)
            found = f"{_listed(alike)}, which look the same"
            raise BadInput(names, f"where, column {column}", found, "one spelling of each value")
        kept = [_rows_of(file, column, trimmed(value)) for file in kept]
    return kept


def splits(file: DfeFile, first: DfeRow, second: DfeRow) -> tuple[str, str]:
    """What splits a file that has two rows for an authority-year, and how to choose, in words.

    Both are empty if the rows differ in nothing but their counts.
    """
    columns = [
        column
        for at, column in enumerate(file.header)
        if column not in KEYS
        and first.fields[at] != second.fields[at]
        and not all(_is_count(row.fields[at]) for row in file.rows)
    ]
    if not columns:
        return "", ""
    by = "; ".join(f"{column} ({_listed(_values(file, column))})" for column in columns)
    chosen = " ".join(f"--where '{column}={_values(file, column)[0]}'" for column in columns)
    return f": the file is split by {by}", f": {chosen}, or where under [data] of the analysis"


def _rows_of(file: DfeFile, column: str, value: str) -> DfeFile:
    if column not in file.header:
        return file
    at = file.header.index(column)
    return replace(file, rows=tuple(row for row in file.rows if trimmed(row.fields[at]) == value))


def _values(file: DfeFile, column: str) -> list[str]:
    """The values of a column, totals first, else in the order of the file."""
    at = file.header.index(column)
    values = dict.fromkeys(trimmed(row.fields[at]) for row in file.rows)
    return sorted(filter(None, values), key=lambda value: value.casefold() not in ("total", "all"))


def _is_count(text: str) -> bool:
    return count(text) is not None or trimmed(text) in SYMBOLS


def _listed(values: Sequence[str]) -> str:
    more = f" and {len(values) - MOST} more" if len(values) > MOST else ""
    return ", ".join(map(repr, values[:MOST])) + more
