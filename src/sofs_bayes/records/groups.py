"""Matched groups: each pilot with its settling-in window and its comparators; a file.

A group is named by its pilot. Its comparators take the pilot's window in turn.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass, field
from datetime import date
from pathlib import Path

from sofs_bayes.errors import BadInput, BadSpec
from sofs_bayes.records.authority_names import faults_of_names
from sofs_bayes.records.csv_text import CsvText, Record, did_you_mean, with_names
from sofs_bayes.records.table_files import read_table, table_in
from sofs_bayes.records.text_values import EARLIEST, LATEST, day, trimmed
from sofs_bayes.spec import GroupColumns

HEADER = ("pilot", "comparator", "settling_in_start", "settling_in_end")


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A pilot's settling-in, its first and its last day."""

    pilot: str
    start: date
    end: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A comparator of a pilot, with the pilot's settling-in window."""

    pilot: str
    comparator: str
    start: date
    end: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """The matched groups of an analysis.

    Parameters
    ----------
    windows
        A pilot's each, in the order of the file.
    pairs
        Pilots and comparators; none of a pilot whose comparators are still to be chosen.
    file
        Where they were read from; only named in messages.
    """

    windows: tuple[Window, ...]
    pairs: tuple[Pair, ...]
    file: Path | str = field(default="the groups", compare=False)

    @property
    def pilots(self) -> tuple[str, ...]:
        """The pilots, in the order of the file; groups are called by them."""
        return tuple(window.pilot for window in self.windows)

    @property
    def comparators(self) -> tuple[str, ...]:
        """The comparators, each once, in alphabetical order."""
        return tuple(sorted({pair.comparator for pair in self.pairs}))

    @property
    def unmatched(self) -> tuple[str, ...]:
        """The pilots whose comparators are still to be chosen."""
        served = {pair.pilot for pair in self.pairs}
        return tuple(pilot for pilot in self.pilots if pilot not in served)

    def comparators_of(self, pilot: str) -> tuple[str, ...]:
        """The comparators of a pilot, in the order of the file."""
        return tuple(pair.comparator for pair in self.pairs if pair.pilot == pilot)


def read_groups(path: Path | str, columns: GroupColumns | None = None) -> Groups:
    """The groups in a file (CSV, Stata, Parquet, Excel), or in that called `groups` in a folder.

    Columns `pilot`, `comparator`, `settling_in_start`, `settling_in_end` (both days are part of
    settling-in; dates as in the referrals). A row per pilot and comparator; one row with an
    empty comparator leaves the pilot's comparators to be chosen.

    Parameters
    ----------
    columns
        What the file calls them.

    Raises
    ------
    BadInput
        The file cannot be read or lacks a column.
    BadSpec
        All faults of its rows: a pilot without a name, no date, settling-in that ends before it
        starts, two windows of one pilot, a pair twice, a pilot that is a comparator, an empty
        comparator beside others, names that only look the same.
    """
    path = Path(path)
    table = read_table(table_in(path, "groups") if path.is_dir() else path)
    table = with_names(table, asdict(columns or GroupColumns()))
    _check_header(table)
    read = [_read_row(table, record) for record in table.records]
    faults = [fault for _, of_row in read for fault in of_row]
    rows = [row for row, _ in read if row is not None]
    faults = faults or _faults_between(table.path, rows)
    if faults:
        raise BadSpec(faults)
    windows = {row.window.pilot: row.window for row in rows}
    return Groups(
        windows=tuple(windows.values()),
        pairs=tuple(
            Pair(
                pilot=pilot,
                comparator=row.comparator,
                start=row.window.start,
                end=row.window.end,
            )
            for pilot in windows
            for row in rows
            if row.comparator and row.window.pilot == pilot
        ),
        file=table.path,
    )


def groups_text(groups: Groups, columns: GroupColumns | None = None) -> str:
    """The groups as CSV text, which `read_groups` reads as the same groups."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(astuple(columns or GroupColumns()))
    for window in groups.windows:
        for comparator in groups.comparators_of(window.pilot) or ("",):
            writer.writerow((window.pilot, comparator, window.start, window.end))
    return text.getvalue()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    line: int
    window: Window
    comparator: str


def _check_header(table: CsvText) -> None:
    missing = [name for name in HEADER if name not in table.header]
    if missing:
        raise BadSpec(
            [
                BadInput(
                    table.path,
                    "line 1",
                    f"no column {name}{did_you_mean(name, table.header)}",
                    "the columns " + ", ".join(HEADER),
                )
                for name in missing
            ]
        )


def _read_row(table: CsvText, record: Record) -> tuple[_Row | None, list[BadInput]]:
    """A row, or None and its faults."""
    fields = dict(zip(table.header, record.fields, strict=True))
    pilot, comparator = trimmed(fields["pilot"]), trimmed(fields["comparator"])
    place = f"line {record.line}"
    faults: list[BadInput] = []
    days: list[date] = []
    if not pilot:
        faults.append(BadInput(table.path, place, "no pilot", "the name of an authority"))
    for name in HEADER[2:]:
        read = day(fields[name])
        if read is None or not EARLIEST <= read <= LATEST:
            where = f"{place}, column {name}"
            allowed = f"a date such as 2014-04-30, from {EARLIEST} to {LATEST}"
            faults.append(BadInput(table.path, where, repr(fields[name]), allowed))
        else:
            days.append(read)
    if len(days) == 2 and days[0] > days[1]:
        found = f"settling-in from {days[0]} to {days[1]}"
        faults.append(BadInput(table.path, place, found, "a start no later than the end"))
    if faults:
        return None, faults
    window = Window(pilot=pilot, start=days[0], end=days[1])
    return _Row(line=record.line, window=window, comparator=comparator), []


def _faults_between(path: Path, rows: Sequence[_Row]) -> list[BadInput]:
    """What single rows do not show."""
    named = [
        (name, f"line {row.line}") for row in rows for name in (row.window.pilot, row.comparator)
    ]
    if faults := faults_of_names(path, [(name, place) for name, place in named if name]):
        return faults
    first: dict[str, _Row] = {}
    seen: set[tuple[str, str]] = set()
    open_ = {row.window.pilot for row in rows if not row.comparator}
    served = {row.window.pilot for row in rows if row.comparator}
    pilots = open_ | served
    for row in rows:
        pilot, comparator = row.window.pilot, row.comparator
        before = first.setdefault(pilot, row)
        place = f"line {row.line}"
        if row.window != before.window:
            found = f"another window of {pilot} than on line {before.line}"
            faults.append(BadInput(path, place, found, "one window for each pilot"))
        if (pilot, comparator) in seen:
            found = f"{pilot} and {comparator or 'no comparator'} again"
            faults.append(BadInput(path, place, found, "each pair once"))
        if comparator in pilots:
            found = f"the comparator {comparator}, which is a pilot"
            faults.append(BadInput(path, place, found, "comparators that are no pilots"))
        if not comparator and pilot in served:
            found = f"no comparator of {pilot}, which has one on another line"
            allowed = "comparators, or one row without, which leaves them to be chosen"
            faults.append(BadInput(path, place, found, allowed))
        seen.add((pilot, comparator))
    return faults
