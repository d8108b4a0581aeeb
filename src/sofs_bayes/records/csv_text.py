"""A CSV file → its header and records as text, with the line each record stands on.

Nothing is converted here, and nothing is repaired: a file that is not UTF-8, has a header
with an empty or doubled name, or a record with too few or too many fields is refused.
"""

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sofs_bayes.errors import BadInput, BadSpec, counted, unreadable
from sofs_bayes.records.csv_lines import UTF16, csv_fault, csv_lines, in_utf16
from sofs_bayes.spec.looks import similar

BYTE_ORDER_MARK = "\ufeff"
# A column of releases that were published as Latin-1, some of them with empty columns at the end.
OLD_RELEASE = "geog_l"
SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record of a CSV file: the line it ends on (the header is line 1) and its fields."""

    line: int
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvText:
    """A CSV file as text.

    Attributes
    ----------
    sha256
        Of the file's bytes, hexadecimal.
    complete
        Whether the last line has its line break; without one the file may be cut off.
    """

    path: Path
    sha256: str
    header: tuple[str, ...]
    records: tuple[Record, ...]
    complete: bool


def read_csv_text(path: Path | str) -> CsvText:
    """The CSV file at `path`, UTF-8 with or without a byte order mark.

    Releases of children looked after are read as they were published: as Latin-1, and without
    the empty columns that some have at the end.

    Raises
    ------
    BadInput
        The file is missing, unreadable, empty, not UTF-8, not CSV, has no record below its
        header, or a record whose number of fields is not the header's.
    """
    path = Path(path)
    content = _read_bytes(path)
    text = _decode(path, content)
    records = csv_records(path, io.StringIO(text, newline=""))
    first = next(records, None)
    if first is None:
        raise BadInput(path, "", "an empty file", "a CSV file with a header and rows")
    header = first.fields
    if OLD_RELEASE in header:
        header, records = _without_empty_end(header, list(same_width(path, header, records)))
    check_header(path, header)
    rows = tuple(same_width(path, header, records))
    if not rows:
        raise BadInput(path, "line 1", "a header and no rows", "a header and rows")
    return CsvText(
        path=path,
        sha256=hashlib.sha256(content).hexdigest(),
        header=header,
        records=rows,
        complete=text.endswith(("\n", "\r")),
    )


def _without_empty_end(
    header: tuple[str, ...], records: Sequence[Record]
) -> tuple[tuple[str, ...], Iterator[Record]]:
    """Header and records without columns at the end that have neither a name nor a value."""
    width = len(header)
    while not header[width - 1] and not any(record.fields[width - 1] for record in records):
        width -= 1
    return header[:width], (replace(each, fields=each.fields[:width]) for each in records)


def column_index(table: CsvText, column: str) -> int:
    """The position of a column in the header.

    Raises
    ------
    BadInput
        No such column; a similar name is offered.
    """
    if column not in table.header:
        raise BadInput(
            table.path,
            "line 1",
            f"no column {column}{did_you_mean(column, table.header)}",
            "a header with " + column,
        )
    return table.header.index(column)


def with_names(table: CsvText, names: Mapping[str, str]) -> CsvText:
    """A table whose columns have the names that readers know them by.

    Parameters
    ----------
    names
        By the name that a reader knows, that of the file.
    """
    other = {given: name for name, given in names.items() if given != name}
    if missing := [name for name in other if name not in table.header]:
        allowed = "the columns that the analysis declares"
        faults = [f"no column {name}{did_you_mean(name, table.header)}" for name in missing]
        raise BadSpec([BadInput(table.path, "line 1", fault, allowed) for fault in faults])
    return replace(table, header=tuple(other.get(name, name) for name in table.header))


def not_commas(name: str, header: Sequence[str]) -> str:
    """` (columns stand between …)` where a column is there, but not between commas; or nothing."""
    for sign, called in SEPARATORS.items():
        apart = (each.split(sign) for each in header if sign in each)
        if any(name == part.strip('" ') for parts in apart for part in parts):
            return f" (columns stand between {called} here, not commas)"
    return ""


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """A hint what a column that is not there may be called, or how columns stand; or nothing."""
    return not_commas(name, known) or similar(name, known)


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise unreadable(path, error, "a CSV file") from error


def _decode(path: Path, content: bytes) -> str:
    if in_utf16(content):
        raise BadInput(path, "line 1", UTF16, "UTF-8 text")
    try:
        text = content.decode("utf-8").removeprefix(BYTE_ORDER_MARK)
    except UnicodeDecodeError as error:
        if OLD_RELEASE.encode() in content.partition(b"\n")[0].rstrip().split(b","):
            return content.decode("latin-1")
        line = content.count(b"\n", 0, error.start) + 1
        found = f"byte 0x{content[error.start]:02X}, which is not UTF-8"
        raise BadInput(path, f"line {line}", found, "UTF-8 text, as downloaded") from error
    if "\0" in text:  # as UTF-16 has it, when read as UTF-8
        line = text.count("\n", 0, text.index("\0")) + 1
        raise BadInput(path, f"line {line}", "byte 0x00, which is no text", "UTF-8 text")
    return text


def csv_records(path: Path, stream: Iterable[str]) -> Iterator[Record]:
    """The records of a text stream with its line ends as they are, of whatever kinds.

    Raises
    ------
    BadInput
        What is no CSV, or an empty line that is not at the end.
    """
    reader = csv.reader(csv_lines(stream), strict=True)
    empty = 0
    try:
        for fields in reader:
            if not fields:
                empty = empty or reader.line_num
                continue
            if empty:
                raise BadInput(path, f"line {empty}", "an empty line", "empty lines at the end")
            yield Record(line=reader.line_num, fields=tuple(fields))
    except csv.Error as error:
        place = f"line {reader.line_num}"
        raise BadInput(path, place, csv_fault(error), "records of a CSV file") from None


def check_header(path: Path, header: tuple[str, ...]) -> None:
    """Refuse a header with an empty name, or with one twice."""
    doubled = [name for name, times in Counter(header).items() if name and times > 1]
    if "" in header or doubled:
        found = f"the column {doubled[0]} twice" if doubled else "a column without a name"
        raise BadInput(path, "line 1", found, "column names, each once")


def same_width(path: Path, header: Sequence[str], records: Iterator[Record]) -> Iterator[Record]:
    """The records, the first of another number of fields than the header refused.

    Raises
    ------
    BadInput
        There is one.
    """
    for record in records:
        if len(record.fields) != len(header):
            raise BadInput(
                path,
                f"line {record.line}",
                f"{counted(len(record.fields), 'field')} (is the file cut off?)",
                f"{counted(len(header), 'field')}, as in the header",
            )
        yield record
