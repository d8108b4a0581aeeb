"""A panel as a table, out and in: `authority,code,year`, then the two columns that are counted.

The last two headings are the indicators' own names (`ICPC_child`, `Started_child`), so that
counts of one thing cannot be fitted as counts of another. A Stata file has what stands in the
place of a missing count in two columns more, as its counts are numbers. Where the files were
split by further columns, each stands last, with the one value whose rows were taken.
"""

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sofs_bayes.errors import BadInput, BadSpec
from sofs_bayes.records.authority_names import faults_of_names
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
from sofs_bayes.records.stata_files import check_stata_names, stata_bytes
from sofs_bayes.records.text_values import read_count, trimmed
from sofs_bayes.spec import OpenCounts

if TYPE_CHECKING:
    import pandas as pd

PLACES = ("authority", "code", "year")
SYMBOL = "_symbol"
ROUNDING = 0.001  # how far a total is from the sum of rounded counts, as a share
MOST_VALUES = 5  # of a column that a message names


def panel_text(panel: Panel) -> str:
    """The panel as CSV text, a row per authority and year that a file had a row for.

    Missing counts are written as their symbols, so that reading gives the same counts.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((*PLACES, *(panel.counts.attrs[role] for role in ROLES), *panel.where))
    writer.writerows((*row, *panel.where.values()) for row in _rows(panel))
    return text.getvalue()


def panel_rows(panel: Panel) -> list[tuple[str, str, int, int | str, int | str]]:
    """The rows of `panel_text`, with counts as numbers."""
    return [
        (name, code, year, _number(events), _number(denominator))
        for name, code, year, events, denominator in _rows(panel)
    ]


def _number(count: str) -> int | str:
    return int(count) if count.isdecimal() else count


def check_panel_stata(path: Path, counts: OpenCounts) -> None:
    """Refuse counts whose columns a Stata file cannot have, before any work for it starts."""
    symbols = [f"{name}{SYMBOL}" for name in _counted(counts)]
    check_stata_names(path, [*_counted(counts), *symbols, *(counts.where or {})])


def panel_stata(panel: Panel) -> bytes:
    """The panel as a Stata file: counts as numbers, and `…_symbol` where one is missing."""
    return stata_bytes(_stata_frame(panel), label=f"evidence: {panel.evidence}")


def _stata_frame(panel: Panel) -> "pd.DataFrame":
    import pandas as pd

    names = [str(panel.counts.attrs[role]) for role in ROLES]
    frame = pd.DataFrame(panel_rows(panel), columns=[*PLACES, *names], dtype=object)
    for name in names:
        missing = frame[name].map(lambda count: isinstance(count, str))
        frame[f"{name}{SYMBOL}"] = frame[name].where(missing, "").astype("str")
        frame[name] = pd.to_numeric(frame[name].mask(missing)).astype("float64")
    frame = frame.assign(**panel.where)
    texts = dict.fromkeys(["authority", "code", *panel.where], "str")
    return frame.astype({**texts, "year": "int64"})


def is_panel(table: CsvText) -> bool:
    """Whether a table has a panel's header, whatever it counts."""
    return table.header[: len(PLACES)] == PLACES and len(table.header) >= len(PLACES) + len(ROLES)


def panel_from_csv(table: CsvText, counts: OpenCounts) -> Panel:
    """The panel in a CSV file, checked as the DfE files are.

    Raises
    ------
    BadInput
        A year or count that is none, a name with two codes or a code with two names, an
        authority and year twice, a year without rows, or more events than the denominator.
    BadSpec
        Names that are too long, or only look the same.
    """
    _check_counted(table, counts)
    _check_where(table, counts)
    names, entries = _entries(table)
    wanted = set(counts.years)
    for year in sorted(wanted - {year for _, year, _ in entries}):
        raise BadInput(table.path, "column year", f"no row of {year}", "every year analysed")
    kept = {cell: entry for cell, entry in entries.items() if cell[1] in wanted}
    return make_panel(
        {code: names[code] for code, _, _ in kept},
        kept,
        counts=counts,
        sources=[
            Source(
                file=table.path.name,
                sha256=table.sha256,
                indicators=(counts.events, counts.denominator),
            )
        ],
        notices=() if table.complete else (cut_off(table.path.name),),
    )


def whole_panel(table: CsvText) -> Panel:
    """The panel of all years in a CSV file, whatever it counts, checked in the same way."""
    names, entries = _entries(table)
    years = {year for _, year, _ in entries}
    first, last = min(years), max(years)
    if not 1990 <= first < last <= 2100:
        found, allowed = f"{first} to {last}", "two years or more, from 1990 to 2100"
        raise BadInput(table.path, "column year", found, allowed)
    events, denominator = table.header[3:5]
    counts = OpenCounts(events=events, denominator=denominator, first_year=first, last_year=last)
    return make_panel(names, entries, counts=counts, sources=())


def _entries(table: CsvText) -> tuple[dict[str, str], dict[Cell, Entry]]:
    """Names by code, and counts, of all rows."""
    has_symbols = _has_symbols(table)
    names: dict[str, str] = {}
    entries: dict[Cell, Entry] = {}
    for record in table.records:
        name, code, year = _identity(table.path, record, names)
        names[code] = name
        counts = zip(
            ROLES, _counts(record, has_symbols=has_symbols), table.header[3:5], strict=True
        )
        for role, text, column in counts:
            if (code, year, role) in entries:
                first = entries[code, year, role].line
                found = f"{name} in {year} again (first on line {first})"
                raise BadInput(table.path, f"line {record.line}", found, "an authority-year once")
            value, symbol = read_count(
                text, symbols=PANEL_SYMBOLS, file=table.path, line=record.line, column=column
            )
            entries[code, year, role] = Entry(
                value=value, symbol=symbol, file=table.path, line=record.line
            )
    places = ((trimmed(record.fields[0]), f"line {record.line}") for record in table.records)
    if faults := faults_of_names(table.path, places):
        raise BadSpec(faults)
    _check_no_total(table.path, names, entries)
    return names, entries


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


def _has_symbols(table: CsvText) -> bool:
    return table.header[5:7] == tuple(f"{name}{SYMBOL}" for name in table.header[3:5])


def _check_where(table: CsvText, counts: OpenCounts) -> None:
    """Refuse counts of other rows than those that the analysis takes."""
    rest = table.header[7 if _has_symbols(table) else 5 :]
    wanted = counts.where or {}
    for column in dict.fromkeys([*wanted, *rest]):
        at = table.header.index(column) if column in rest else None
        found = sorted({record.fields[at] for record in table.records}) if at else []
        if found != [wanted.get(column)]:
            shown = ", ".join(map(repr, found))
            if len(found) > MOST_VALUES:
                shown = f"{len(found)} different values"
            said = f"counts of {shown}" if found else "no such column"
            allowed = repr(wanted[column]) if column in wanted else "no such column"
            raise BadInput(table.path, f"column {column}", said, f"{allowed}, as in data.where")


def _counts(record: Record, *, has_symbols: bool) -> Sequence[str]:
    """The two counts of a row, or what stands in their place."""
    counts = record.fields[3:5]
    symbols = record.fields[5:7] if has_symbols else ("", "")
    return [count or symbol for count, symbol in zip(counts, symbols, strict=True)]


def _counted(counts: OpenCounts) -> tuple[str, str]:
    return counts.events, counts.denominator


def _identity(path: Path, record: Record, names: dict[str, str]) -> tuple[str, str, int]:
    name, code, year = map(trimmed, record.fields[:3])
    line = f"line {record.line}"
    if not name or not code:
        raise BadInput(path, line, "no name or no code", "an authority's name and code")
    if re.fullmatch(r"(E12|E13|E92|K0[0-9]|[NSW]92)[0-9]{6}", code):
        raise BadInput(path, line, f"code {code} of a region or country", "authorities alone")
    if names.get(code, name) != name:
        found = f"code {code} of {name!r} and of {names[code]!r}"
        raise BadInput(path, line, found, "a name per code")
    if code not in names and name in names.values():
        raise BadInput(path, line, f"a second code {code} of {name!r}", "a code per name")
    if not re.fullmatch(r"[12][0-9]{3}", year):
        raise BadInput(path, f"{line}, column year", repr(year), "four digits")
    return name, code, int(year)


def _check_no_total(path: Path, names: Mapping[str, str], entries: Mapping[Cell, Entry]) -> None:
    """Refuse a row that is in every year the sum of all others: it would be one more authority.

    Its denominators tell, also where they are rounded or single events are suppressed.
    """
    sums: Counter[int] = Counter()
    own: dict[str, dict[int, float]] = {code: {} for code in names}
    for (code, year, role), entry in entries.items():
        if role == "denominator" and not math.isnan(entry.value):
            sums[year] += int(entry.value)
            own[code][year] = entry.value
    for code, values in own.items():
        some = any(values.values()) and len(names) > 3
        if some and all(abs(2 * n - sums[y]) <= ROUNDING * sums[y] for y, n in values.items()):
            found = f"{names[code]!r}, in every year the sum of all others"
            raise BadInput(path, "column authority", found, "authorities alone, without totals")


def _check_counted(table: CsvText, counts: OpenCounts) -> None:
    for place, found, wanted in zip(
        ("events", "denominator"),
        table.header[3:5],
        _counted(counts),
        strict=True,
    ):
        if found != wanted:
            raise BadInput(table.path, f"header, {place}", found, f"{wanted}, as analysed")


def cut_off(file: str) -> Notice:
    """The notice that a file may have lost its end."""
    detail = "the last line has no line break; its last field may lack digits"
    return Notice(kind="may be cut off", file=file, detail=detail)
