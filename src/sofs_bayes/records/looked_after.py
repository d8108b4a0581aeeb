"""Releases on children looked after → checked rows, as of any other file of the Department's.

Two kinds of files hold the series "children who started to be looked after". The yearly releases
have one year each, which stands in the names of their columns alone, and the places in `geog_l`,
`geog_c` and `geog_n`; that of 2010 also has the children living in each authority. An extract of
the Local Authority Interactive Tool has several years, as corrected since. Years that end in
March 2011 are here 2010, as everywhere; an estimate of mid-2009 is 2009.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from sofs_bayes.errors import BadInput, counted
from sofs_bayes.records.csv_text import OLD_RELEASE, CsvText, Record, column_index
from sofs_bayes.records.dfe_files import LOCAL_AUTHORITY, NATIONAL, DfeFile, DfeRow
from sofs_bayes.records.known_files import release_of
from sofs_bayes.records.notices import Notice
from sofs_bayes.records.text_values import trimmed

# Names that the columns are given, whatever they are called in a release.
STARTED, POPULATION = "CLA_started", "population_estimate"

# Kind of column → its names, with the year that they end in or are about.
_STARTED = re.compile(r"(?:CLA_started|StartTotal_)([0-9]{4})")
_POPULATION = re.compile(r"Mid([0-9]{4})Pop0-17")
_CODE = re.compile(r"([0-9]{3})(?:\.0)?")
_LEVELS = {"la": LOCAL_AUTHORITY, "national": NATIONAL, "region": "Regional", "gor": "Regional"}

# Of an extract: the heading of the years, and the indicator that is read.
EXTRACT = ("Short Desc", "Years", "LA and Regions", "Values", "LA Number", "Region")
INDICATOR = "LACnum_Start"
ABSENT = "-"  # of an authority that did not exist in the year, or sent nothing


def is_release(table: CsvText) -> bool:
    """Whether a table is a yearly release on children looked after, by its header."""
    return OLD_RELEASE in table.header


def is_extract(table: CsvText) -> bool:
    """Whether a table is an extract of the Local Authority Interactive Tool, by its header."""
    return set(EXTRACT) <= set(table.header)


def release_file(table: CsvText) -> DfeFile:
    """The rows of a yearly release, its columns under the names that all years share.

    Raises
    ------
    BadInput
        No column of a known name, or two of one kind; a year that the file's name contradicts;
        a place of an unknown kind or without a code; no row of an authority.
    """
    columns = _columns_of(table)
    at = {key: column_index(table, key) for key in (OLD_RELEASE, "geog_c", "geog_n")}
    years = {year for _, year in columns.values()}
    if len(years) > 1:
        found = f"columns of {' and '.join(map(str, sorted(years)))}"
        raise BadInput(table.path, "line 1", found, "columns of one financial year")
    (year,) = years
    rows = []
    for record in table.records:
        level = _LEVELS.get(trimmed(record.fields[at[OLD_RELEASE]]).casefold())
        if level is None:
            found = repr(record.fields[at[OLD_RELEASE]])
            place = f"line {record.line}, column {OLD_RELEASE}"
            raise BadInput(table.path, place, found, "LA, REGION or NATIONAL")
        values = {name: record.fields[place] for name, (place, _) in columns.items()}
        code, name = record.fields[at["geog_c"]], record.fields[at["geog_n"]]
        rows.append(_row(table.path, record, (level, code, name), year, values))
    return _file(table, columns, rows, edition=year)


def extract_file(table: CsvText) -> DfeFile:
    """The rows of an extract of the Local Authority Interactive Tool that are of the series.

    Raises
    ------
    BadInput
        No row of the series; a year that is none; an authority without a code.
    """
    at = {key: column_index(table, key) for key in EXTRACT}
    rows, absent, without = [], defaultdict[str, list[int]](list), 0
    for record in table.records:
        field = {key: trimmed(record.fields[place]) for key, place in at.items()}
        if field["Short Desc"] != INDICATOR:
            without += 1
            continue
        if not re.fullmatch(r"20[0-9]{2}", field["Years"]):
            place = f"line {record.line}, column Years"
            raise BadInput(table.path, place, repr(field["Years"]), "the year that March is in")
        level, year = LOCAL_AUTHORITY, int(field["Years"]) - 1
        if field["Region"] in ("NA", ""):
            level = NATIONAL if field["LA and Regions"] == "England" else "Regional"
        elif field["Values"] == ABSENT:
            absent[field["LA and Regions"]].append(year)
            continue
        what = (level, field["LA Number"], field["LA and Regions"])
        rows.append(_row(table.path, record, what, year, {STARTED: field["Values"]}))
    if not rows:
        found = f"no row with {INDICATOR}"
        raise BadInput(table.path, "column Short Desc", found, f"rows with {INDICATOR}")
    notices = [
        _left_out(table, f"{name}: {ABSENT!r} in {', '.join(map(str, sorted(years)))}")
        for name, years in absent.items()
    ]
    if without:
        notices.append(_left_out(table, f"{counted(without, 'row')} of other indicators"))
    return _file(table, [STARTED], rows, edition=max(row.year for row in rows), notices=notices)


def _columns_of(table: CsvText) -> dict[str, tuple[int, int]]:
    """Of each known column its place and its financial year, by the name it is given here."""
    found: dict[str, tuple[int, int]] = {}
    for place, heading in enumerate(table.header):
        for name, form, later in ((STARTED, _STARTED, 1), (POPULATION, _POPULATION, 0)):
            if not (match := form.fullmatch(heading)):
                continue
            if name in found:
                allowed = f"one column of {name}"
                raise BadInput(table.path, "line 1", f"{heading} as a second one", allowed)
            year = _ending(table, heading, int(match[1])) if later else int(match[1])
            found[name] = (place, year - later)
    if not found:
        allowed = "a column CLA_started2011, StartTotal_2010 or Mid2009Pop0-17, of whatever year"
        raise BadInput(table.path, "line 1", "no column of a known series", allowed)
    return found


def _ending(table: CsvText, heading: str, year: int) -> int:
    """The year that a column ends in: that of a known release, else as its heading says.

    The release of 2015 calls its column CLA_started2014.
    """
    release = release_of(table.sha256)
    if release.isdecimal():
        return int(release)
    named = {int(each) for each in re.findall("20[0-9]{2}", table.path.stem)}
    if named and year not in named:
        found = f"{heading} in a file named after {', '.join(map(str, sorted(named)))}"
        raise BadInput(table.path, "line 1", found, "the same year in both")
    return year


def _row(
    path: Path,
    record: Record,
    what: tuple[str, str, str],
    year: int,
    values: Mapping[str, str],
) -> DfeRow:
    level, code, name = what
    match = _CODE.fullmatch(trimmed(code))
    if level == LOCAL_AUTHORITY and not (match and trimmed(name)):
        found = f"{code!r} of {trimmed(name) or 'a nameless authority'}"
        raise BadInput(path, f"line {record.line}", found, "a code of three digits, and a name")
    return DfeRow(
        line=record.line,
        year=year,
        level=level,
        old_code=match[1] if match and level == LOCAL_AUTHORITY else "",
        new_code="",
        name=trimmed(name),
        fields=tuple(map(trimmed, values.values())),
    )


def _file(
    table: CsvText,
    columns: Iterable[str],
    rows: list[DfeRow],
    *,
    edition: int,
    notices: Iterable[Notice] = (),
) -> DfeFile:
    if not any(row.level == LOCAL_AUTHORITY for row in rows):
        found = "no row of a local authority"
        raise BadInput(table.path, "", found, "rows of authorities, with three-digit codes")
    return DfeFile(
        path=table.path,
        sha256=table.sha256,
        header=tuple(columns),
        rows=tuple(rows),
        complete=table.complete,
        edition=edition,
        notices=tuple(notices),
    )


def _left_out(table: CsvText, detail: str) -> Notice:
    return Notice(kind="left out", file=table.path.name, detail=detail)
