"""Lines of large CSV files, looked at without holding them: their ends, their length, the header.

DuckDB takes a file whose lines all end alike, and drops a last line that is too long for it in
silence; so ends and lengths are looked at first.
"""

import codecs
import csv
import gzip
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from sofs_bayes.errors import BadInput
from sofs_bayes.records.text_values import trimmed

LONGEST = 2_000_000  # bytes of a line that DuckDB takes
HEADER = 1_000_000
CHUNK = 1 << 20
NO_TEXT = "no text in UTF-8 (is it encrypted, compressed or a workbook?)"
UTF16 = "text in UTF-16 (save it as CSV in UTF-8)"
ENDS = (b"\r\n", b"\n", b"\r")


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The bytes of a CSV file, gzipped or not.

    Raises
    ------
    BadInput
        In the block: no gzip file, or one that is damaged or cut off.
    """
    try:
        if is_gzip(path):
            with gzip.open(path, "rb") as file:
                yield cast(BinaryIO, file)
        else:
            with path.open("rb") as file:
                yield file
    except (gzip.BadGzipFile, EOFError, zlib.error):
        found = "no gzip file, or one that is damaged or cut off"
        raise BadInput(path, "", found, "a CSV file, gzipped") from None


def is_gzip(path: Path) -> bool:
    """Whether the name says that a file is gzipped."""
    return path.suffix.casefold() == ".gz"


def csv_header(path: Path) -> list[str]:
    """The first record of a CSV file; no more than a megabyte of it is read.

    Raises
    ------
    BadInput
        It is longer, no CSV, or not UTF-8.
    """
    with opened(path) as file:
        start = file.read(HEADER)
    whole = len(start) < HEADER
    lines = start.splitlines(keepends=True)[: None if whole else -1]
    allowed = "a CSV file in UTF-8 with a header"
    too_long = BadInput(path, "line 1", f"a header of more than {HEADER:,} bytes", allowed)
    if not whole and not lines:
        raise too_long
    try:
        header = next(csv.reader((line.decode("utf-8-sig") for line in lines), strict=True), [])
    except UnicodeDecodeError:
        raise BadInput(path, "line 1", UTF16 if in_utf16(start) else NO_TEXT, allowed) from None
    except csv.Error as error:
        if not whole:
            raise too_long from None
        raise BadInput(path, "line 1", csv_fault(error), allowed) from None
    if any("\0" in name for name in header):
        raise BadInput(path, "line 1", NO_TEXT, allowed)
    if not any(map(trimmed, header)):
        raise BadInput(path, "line 1", "nothing in the place of a header", allowed)
    return header


def in_utf16(start: bytes) -> bool:
    """Whether a file begins with the mark of UTF-16."""
    return start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))


def csv_fault(error: csv.Error) -> str:
    """What an error of the CSV reader is about; it never quotes the file."""
    if "field limit" in str(error):
        return f"a field of more than {csv.field_size_limit():,} characters"
    if "unexpected end" in str(error):
        return "a quote that does not end"
    return f"not CSV ({error})"


def ends_alike(path: Path) -> bool:
    """Whether all lines end in the same way, but for line breaks within quotes.

    Raises
    ------
    BadInput
        A line longer than `LONGEST`.
    """
    kinds: set[bytes] = set()
    quoted, run, line = False, 0, 1
    with opened(path) as file:
        for chunk in _chunks(file):
            found = _kinds(chunk)
            if len(found | kinds) > 1:  # those within quotes do not count
                parts = chunk.split(b'"')
                found = _kinds(b'"'.join(parts[quoted::2]))
            kinds |= found
            quoted ^= bool(chunk.count(b'"') % 2)
            first = min((at for end in b"\r\n" if (at := chunk.find(end)) >= 0), default=len(chunk))
            if run + first > LONGEST:
                long = f"a line of more than {LONGEST:,} bytes"
                raise BadInput(path, f"line {line}", long, "shorter lines with a break at the end")
            last = max(chunk.rfind(b"\n"), chunk.rfind(b"\r"))
            run = run + len(chunk) if last < 0 else len(chunk) - last - 1
            line += max(chunk.count(b"\n"), chunk.count(b"\r"))
    return len(kinds) < 2


def csv_lines(stream: Iterable[str]) -> Iterator[str]:
    """The lines of a text stream with its line ends as they are, CR CR LF taken for one of them."""
    before = ""
    for line in stream:
        if not (before.endswith("\r") and line in ("\r\n", "\n")):
            yield line
        before = line


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    """The file in pieces, none of which ends within a line end."""
    while chunk := file.read(CHUNK):
        while chunk.endswith(b"\r") and (more := file.read(1)):
            chunk += more
        yield chunk


def _kinds(chunk: bytes) -> set[bytes]:
    """The kinds of line ends in a piece."""
    if b"\r" not in chunk:  # many times as fast as counting, and common
        return {b"\n"} if b"\n" in chunk else set()
    crlf, lf, cr = (chunk.count(end) for end in ENDS)
    return {end for end, times in zip(ENDS, (crlf, lf - crlf, cr - crlf), strict=True) if times > 0}
