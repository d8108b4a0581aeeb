"""The table of all counts that analyses of open data use: its columns, what is known of them.

One such table is part of the package, so that analyses need no download; `open_counts.toml` says
of each of its columns where it comes from and what to mind.
"""

import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from sofs_bayes.errors import BadInput
from sofs_bayes.records.csv_text import CsvText
from sofs_bayes.records.dfe_files import LOCAL_AUTHORITY, DfeFile, DfeRow
from sofs_bayes.records.looked_after import POPULATION, STARTED
from sofs_bayes.records.notices import Notice
from sofs_bayes.records.text_values import trimmed

BUNDLED = Path(__file__).with_name("open_counts.csv")
PLACES = ("authority", "code", "year")
COLUMNS = ("ICPC_child", "Started_child", "referral_child_count", STARTED, POPULATION)


def is_counts_table(table: CsvText) -> bool:
    """Whether a table has the header of a table of all counts."""
    return table.header == PLACES + COLUMNS


def counts_file(table: CsvText) -> DfeFile:
    """The rows of a table of counts, as of any other file.

    Raises
    ------
    BadInput
        A name that is missing, a code of another form than three digits, or a year that is none.
    """
    rows = []
    for record in table.records:
        name, code, year = map(trimmed, record.fields[: len(PLACES)])
        line = f"line {record.line}"
        if not name or not re.fullmatch("[0-9]{3}", code):
            found = f"{name!r} with the code {code!r}"
            raise BadInput(table.path, line, found, "a name, and a code of three digits")
        if not re.fullmatch("[12][0-9]{3}", year):
            raise BadInput(table.path, f"{line}, column year", repr(year), "four digits")
        rows.append(
            DfeRow(
                line=record.line,
                year=int(year),
                level=LOCAL_AUTHORITY,
                old_code=code,
                new_code="",
                name=name,
                fields=record.fields[len(PLACES) :],
            )
        )
    return DfeFile(
        path=table.path,
        sha256=table.sha256,
        header=COLUMNS,
        rows=tuple(rows),
        complete=table.complete,
        gaps=True,
    )


@cache
def bundled_sha256() -> str:
    """The SHA-256 of the bundled table."""
    return sha256(BUNDLED.read_bytes()).hexdigest()


@cache
def about_columns() -> Mapping[str, Mapping[str, Any]]:
    """What the companion of the bundled table says of each column."""
    text = BUNDLED.with_suffix(".toml").read_text(encoding="utf-8")
    found: Mapping[str, Mapping[str, Any]] = tomllib.loads(text)["columns"]
    return found


def bundled_notices(columns: Iterable[str], years: Collection[int]) -> Iterator[Notice]:
    """What is to be known of some columns of the bundled table in the years analysed."""
    for column in columns:
        about = about_columns()[column]
        for source in about["sources"]:
            own = sorted(set(source["years"]) & set(years))
            if own:
                detail = f"{column} of {_span(own)}: {source['column']}, {source['release']}"
                yield Notice(kind="vintage", file=source["file"], detail=detail)
        for note in about.get("notes", ()):
            for year in sorted(set(note["years"]) & set(years)):
                yield Notice(kind=note["kind"], year=year, detail=f"{column}: {note['detail']}")


def _span(years: list[int]) -> str:
    whole = len(years) > 1 and years[-1] - years[0] == len(years) - 1
    return f"{years[0]} to {years[-1]}" if whole else ", ".join(map(str, years))
