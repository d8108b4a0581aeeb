"""A panel as CSV, out and in: `authority,code,year,events,denominator`."""

import csv
import math
import re
from pathlib import Path

from sofs_bayes.errors import BadInput
from sofs_bayes.records.csv_text import CsvText, Record
from sofs_bayes.records.notices import Notice
from sofs_bayes.records.panel import (
    PANEL_SYMBOLS,
    ROLES,
    Cell,
    Entry,
    Panel,
    Source,
    make_panel,
)
from sofs_bayes.records.symbols import read_count
from sofs_bayes.spec import OpenCounts

COLUMNS = ("authority", "code", "year", *ROLES)


def write_panel(panel: Panel, path: Path | str) -> None:
    """Write the panel as CSV, a row per authority and year that a file had a row for.

    Missing counts are written as their symbols, so that reading gives the same counts. Which
    indicators were counted is not in the file.

    Raises
    ------
    BadInput
        The file cannot be written.
    """
    try:
        with Path(path).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows(_rows(panel))
    except OSError as error:
        raise BadInput(path, "", error.strerror or "unwritable", "a file to write") from error


def is_panel(table: CsvText) -> bool:
    """Whether a CSV has a panel's header."""
    return table.header == COLUMNS


def panel_from_csv(table: CsvText, counts: OpenCounts) -> Panel:
    """The panel in a CSV file, checked as the DfE files are.

    Raises
    ------
    BadInput
        A year or count that is none, a name with two codes or a code with two names, an
        authority and year twice, a year without rows, or more events than the denominator.
    """
    names: dict[str, str] = {}
    entries: dict[Cell, Entry] = {}
    for record in table.records:
        name, code, year = _identity(table.path, record, names)
        names[code] = name
        for role, text in zip(ROLES, record.fields[3:], strict=True):
            if (code, year, role) in entries:
                first = entries[code, year, role].line
                found = f"{name} in {year} again (first on line {first})"
                raise BadInput(table.path, f"line {record.line}", found, "an authority-year once")
            value, symbol = read_count(
                text, symbols=PANEL_SYMBOLS, file=table.path, line=record.line, column=role
            )
            entries[code, year, role] = Entry(
                value=value, symbol=symbol, file=table.path, line=record.line
            )
    wanted = set(range(counts.first_year, counts.last_year + 1))
    for year in sorted(wanted - {year for _, year, _ in entries}):
        raise BadInput(table.path, "column year", f"no row of {year}", "every year analysed")
    kept = {cell: entry for cell, entry in entries.items() if cell[1] in wanted}
    return make_panel(
        {code: names[code] for code, _, _ in kept},
        kept,
        counts=counts,
        sources=[Source(file=table.path.name, sha256=table.sha256, indicators=ROLES)],
        notices=_about_the_file(table, counts),
    )


def _rows(panel: Panel) -> list[tuple[str, str, int, str, str]]:
    counts = panel.counts
    values = [counts[role].values for role in ROLES]
    symbols = [counts[f"{role}_symbol"].values for role in ROLES]
    rows = []
    for i, name in enumerate(panel.authorities):
        for t, year in enumerate(panel.years):
            events, denominator = (
                str(symbol[i, t]) if math.isnan(value[i, t]) else f"{value[i, t]:.0f}"
                for value, symbol in zip(values, symbols, strict=True)
            )
            if events or denominator:
                rows.append((name, str(counts["code"].values[i]), year, events, denominator))
    return rows


def _identity(path: Path, record: Record, names: dict[str, str]) -> tuple[str, str, int]:
    name, code, year = record.fields[:3]
    line = f"line {record.line}"
    if not name or not code:
        raise BadInput(path, line, "no name or no code", "an authority's name and code")
    if names.get(code, name) != name:
        found = f"code {code} of {name!r} and of {names[code]!r}"
        raise BadInput(path, line, found, "a name per code")
    if code not in names and name in names.values():
        raise BadInput(path, line, f"a second code {code} of {name!r}", "a code per name")
    if not re.fullmatch(r"[12][0-9]{3}", year):
        raise BadInput(path, f"{line}, column year", repr(year), "four digits")
    return name, code, int(year)


def _about_the_file(table: CsvText, counts: OpenCounts) -> list[Notice]:
    detail = f"the file does not say whether it counts {counts.events} of {counts.denominator}"
    notices = [Notice(kind="indicators unknown", file=table.path.name, detail=detail)]
    return notices if table.complete else [*notices, cut_off(table.path.name)]


def cut_off(file: str) -> Notice:
    """The notice that a file may have lost its end."""
    detail = "the last line has no line break; its last field may lack digits"
    return Notice(kind="may be cut off", file=file, detail=detail)
