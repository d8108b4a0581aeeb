"""Files of referrals → something DuckDB can query: CSV, gzipped CSV, Parquet and Stata.

Errors of the readers are never passed on: they quote the line they stumble over.
"""

import glob
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sofs_bayes.errors import BadInput, BadSpec, unreadable
from sofs_bayes.folders.manifest import check_kind
from sofs_bayes.records.column_values import Given, literal, quoted, trimmed_text
from sofs_bayes.records.csv_lines import LONGEST, csv_header, ends_alike, is_gzip, opened
from sofs_bayes.records.csv_text import csv_records, not_commas, same_width
from sofs_bayes.records.stata_files import stata_columns, stata_portions
from sofs_bayes.spec.looks import similar

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from pandas import DataFrame

Evidence = Literal["synthetic", "records"]
SUFFIXES = (".csv", ".csv.gz", ".parquet", ".dta")
ALLOWED = "a file of referrals: " + ", ".join(SUFFIXES)
BESIDE = ("authorities", "groups")
FRAME, COPIED = "given_frame", "copied_file"
NOT_UTF8 = "text that is not UTF-8 (is it encrypted?)"
PORTION = 250_000  # rows that are copied at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Referrals as a query can read them.

    Parameters
    ----------
    name
        The file, for messages.
    relation
        What stands behind FROM.
    columns
        The columns by name.
    evidence
        `synthetic` if the file's metadata or its name say so, else `records`.
    """

    name: str
    relation: str
    columns: Mapping[str, Given]
    evidence: Evidence

    @property
    def query(self) -> str:
        """The columns as they are, but for texts: those are without the blanks around them."""
        values = ", ".join(
            f"{trimmed_text(f'CAST({each.sql} AS VARCHAR)') if each.is_text else each.sql}"
            f" AS {each.sql}"
            for each in self.columns.values()
        )
        return f"SELECT {values} FROM {self.relation}"


def referrals_file(path: Path | str) -> Path:
    """The file of referrals at a path, or the only one in the folder at it.

    In a folder it is the file with `children` in its name, or the only one of a format that
    can be read, beside the files of authorities and groups.

    Raises
    ------
    BadInput
        There is no such path, format or file; or a folder has several.
    """
    path = check_kind(path, ALLOWED, "simulate")
    if not path.is_dir():
        if not path.name.casefold().endswith(SUFFIXES):
            raise BadInput(path, "", "a name with another ending", ALLOWED)
        return path
    readable = [
        each
        for each in sorted(path.iterdir())
        if each.name.casefold().endswith(SUFFIXES)
        and not each.is_dir()
        and each.name.split(".")[0].casefold() not in BESIDE
    ]
    named = [each for each in readable if "children" in each.name.casefold()]
    candidates = named or readable
    if len(candidates) != 1:
        found = ", ".join(each.name for each in candidates) or "none"
        raise BadInput(path, "files of referrals", found, "one, or one with children in its name")
    return candidates[0]


def open_source(connection: "DuckDBPyConnection", path: Path, wanted: Sequence[str]) -> Source:
    """The referrals in a file, with the wanted columns at least.

    A Stata file is copied into the connection in portions; the others stay where they are.
    """
    with one_line(path):
        if path.stat().st_size == 0:
            raise BadInput(path, "", "an empty file", ALLOWED)
        if path.suffix.casefold() == ".dta":
            return _open_stata(connection, path, wanted)
        if path.suffix.casefold() == ".parquet":
            return _open_parquet(connection, path, wanted)
        return _open_csv(connection, path, wanted)


def open_frame(
    connection: "DuckDBPyConnection",
    frame: "DataFrame",
    wanted: Sequence[str],
    *,
    name: str,
    evidence: Evidence,
) -> Source:
    """The referrals in a frame, which the connection reads in place."""
    check_columns(name, [str(column) for column in frame.columns], wanted)
    with one_line(name):
        connection.register(FRAME, frame[list(wanted)])
        columns = _described(connection, FRAME)
    return Source(name=name, relation=FRAME, columns=columns, evidence=evidence)


def forget_source(connection: "DuckDBPyConnection") -> None:
    """Take away what `open_source` or `open_frame` put into the connection."""
    connection.unregister(FRAME)
    connection.execute(f"DROP TABLE IF EXISTS {COPIED}")


@contextmanager
def one_line(name: Path | str) -> Iterator[None]:
    """Turns a reader's error into one line that quotes nothing of the file.

    Raises
    ------
    BadInput
        The block cannot read the file.
    """
    import duckdb

    try:
        yield
    except (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException):
        raise  # about the query, not about the file
    except duckdb.Error as error:
        raise _unreadable(name, str(error)) from None
    except OSError as error:
        raise unreadable(name, error, ALLOWED) from None


def check_columns(name: str, header: Sequence[str], wanted: Sequence[str]) -> None:
    """Refuse a header without the wanted columns, or with one of them twice.

    Raises
    ------
    BadSpec
        A fault for each column. Where the header has no wanted column at all it may be a
        child's record, so nothing similar is offered from it.
    """
    is_header = bool(set(header) & set(wanted))
    folded = {column.casefold() for column in wanted}
    known = header if is_header else [each for each in header if each.casefold() in folded]
    faults = []
    for column in wanted:
        times = header.count(column)
        if times != 1:
            near = not_commas(column, header) or similar(column, known)
            found = "it twice" if times else f"no such column{near}"
            allowed = "the column once (the analysis says what columns are called)"
            faults.append(BadInput(name, f"column {column}", found, allowed))
    if faults:
        raise BadSpec(faults)


# ------------------------------------------------------------------------------- formats


def _open_csv(connection: "DuckDBPyConnection", path: Path, wanted: Sequence[str]) -> Source:
    header = csv_header(path)
    check_columns(str(path), header, wanted)
    if not ends_alike(path):
        _copy_csv(connection, path, wanted)
        columns = _described(connection, COPIED)
        return Source(name=str(path), relation=COPIED, columns=columns, evidence=_by_name(path))
    types = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(len(header)))
    # Nothing is sniffed: what one file means must not depend on what its rows look like.
    options = (
        "auto_detect = false, header = true, delim = ',', quote = '\"', escape = '\"', "
        "strict_mode = true, nullstr = '', hive_partitioning = false, "
        f"compression = '{'gzip' if is_gzip(path) else 'none'}'"
    )
    return Source(
        name=str(path),
        relation=f"read_csv({_pattern(path)}, {options}, columns = {{{types}}})",
        columns={name: Given(sql=f"c{header.index(name)}", type="VARCHAR") for name in wanted},
        evidence=_by_name(path),
    )


def _copy_csv(connection: "DuckDBPyConnection", path: Path, wanted: Sequence[str]) -> None:
    """Copy the wanted columns of a CSV file whose lines end in several ways, in portions."""
    import pandas as pd

    try:
        with opened(path) as file, io.TextIOWrapper(file, "utf-8-sig", newline="") as stream:
            records = csv_records(path, stream)
            header = next(records).fields
            at = [header.index(name) for name in wanted]
            rows = ([each.fields[i] for i in at] for each in same_width(path, header, records))
            portions = iter(lambda: list(islice(rows, PORTION)), [])
            copied = [
                _append(connection, pd.DataFrame(portion, columns=list(wanted), dtype="str"))
                for portion in portions
            ]
    except UnicodeDecodeError:
        raise BadInput(path, "", NOT_UTF8, ALLOWED) from None
    _check_rows(path, sum(copied))


def _open_parquet(connection: "DuckDBPyConnection", path: Path, wanted: Sequence[str]) -> Source:
    relation = f"read_parquet({_pattern(path)}, hive_partitioning = false)"
    header = parquet_header(connection, path)
    check_columns(str(path), header, wanted)
    described = list(_described(connection, relation).values())
    columns = {name: described[header.index(name)] for name in wanted}
    said = connection.execute(
        f"SELECT decode(value) FROM parquet_kv_metadata({_pattern(path)})"
        " WHERE decode(key) = 'evidence'"
    ).fetchone()
    evidence: Evidence = "synthetic" if said == ("synthetic",) else _by_name(path)
    return Source(name=str(path), relation=relation, columns=columns, evidence=evidence)


def parquet_header(connection: "DuckDBPyConnection", path: Path) -> list[str]:
    """The columns as the file names them: DuckDB gives the second of two alike another name."""
    schema = f"SELECT name, coalesce(num_children, 0) FROM parquet_schema({_pattern(path)})"
    (_, _), *elements = connection.execute(schema).fetchall()
    header, inside = [], 0  # how many elements to come are parts of a column
    for name, parts in elements:
        if not inside:
            header.append(name)
        inside = max(inside - 1, 0) + parts
    return header


def _described(connection: "DuckDBPyConnection", relation: str) -> dict[str, Given]:
    rows = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    return {name: Given(sql=quoted(name), type=kind) for name, kind, *_ in rows}


def _open_stata(connection: "DuckDBPyConnection", path: Path, wanted: Sequence[str]) -> Source:
    columns = stata_columns(path, ALLOWED)
    check_columns(str(path), list(columns), wanted)
    found = {name: columns[name] for name in wanted}
    portions = stata_portions(path, found, ALLOWED, rows=PORTION)
    _check_rows(path, sum(_append(connection, portion) for portion in portions))
    described = {
        name: replace(given, labels=found[name].labels, no_days=found[name].no_days)
        for name, given in _described(connection, COPIED).items()
    }
    return Source(name=str(path), relation=COPIED, columns=described, evidence=_by_name(path))


def _check_rows(path: Path, rows: int) -> None:
    if rows == 0:
        raise BadInput(path, "", "a header and no rows", "at least one referral")


def _append(connection: "DuckDBPyConnection", portion: "DataFrame") -> int:
    """Copy rows into the connection; their number."""
    # Whole numbers are floats in a portion where some are missing; NaN arrives as NULL.
    connection.register("portion", portion)
    connection.execute(f"CREATE TABLE IF NOT EXISTS {COPIED} AS FROM portion LIMIT 0")
    connection.execute(f"INSERT INTO {COPIED} FROM portion")
    connection.unregister("portion")
    return len(portion)


# ------------------------------------------------------------------------------ messages


def _unreadable(name: Path | str, message: str) -> BadInput:
    line = re.search(r"CSV Error on Line: ([0-9]+)", message)
    place = f"line {line[1]}" if line else ""
    fields = re.search(r"Expected Number of Columns: ([0-9]+) Found: ([0-9]+)", message)
    if fields:
        return BadInput(name, place, f"{fields[2]} fields", f"{fields[1]}, as in the header")
    # What DuckDB itself says, not words that a record or the list of its options may hold.
    for sign, found in (
        ("is not utf-8 encoded", NOT_UTF8),
        ("invalid utf8", NOT_UTF8),
        ("value with unterminated quote", "a quote that does not end, or ends within its field"),
        ("maximum line size", f"a record of more than {LONGEST:,} bytes"),
        ("reached an invalid state", "line ends or quotes that are out of place"),
        ("is encrypted", "an encrypted file"),
        ("gzip stream", "no gzip file, or one that is cut off"),
        ("magic bytes", "no Parquet file, or one that is cut off"),
        ("too small to be a parquet", "no Parquet file, or one that is cut off"),
        ("out of memory", "more than fits in memory and in the folder for temporary files"),
        ("no space left", "no space left in the folder for temporary files"),
    ):
        if sign in message.casefold():
            return BadInput(name, place, found, ALLOWED)
    return BadInput(name, place, "a damaged file, or not of the format its name says", ALLOWED)


def _pattern(path: Path) -> str:
    """A path for DuckDB, which would take * ? [ for a pattern."""
    return literal(glob.escape(str(path)))


def _by_name(path: Path) -> Evidence:
    return "synthetic" if "synthetic" in path.name.casefold() else "records"
